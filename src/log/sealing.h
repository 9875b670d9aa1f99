/* SPDX-License-Identifier: MIT */
/**
 * Sealing what a writer has appended.
 */
#ifndef MRI_LOG_SEALING_H
#define MRI_LOG_SEALING_H

#include "log/recover.h"
#include "log/sealer.h"
#include "millrace/log.h"

/** Room that is kept behind the last batch of a segment: two SEALs and a ROLL. */
enum { MRI_SEALING_ROOM_BYTES = 512 };

/** A writer's seals. */
struct mri_sealing {
    struct mri_seal_state state;
    struct mri_digest hasher;
    mr_log_reader *reader; /**< of the events to seal; NULL: nothing was sealed yet */
    bool is_off;           /**< nothing is sealed by this handle: events to seal are damaged */
};

/**
 * Append SEALs as long as MRI_SEAL_EVENTS_MAX events wait for one.
 *
 * Returns  MR_OK; MR_FULL the segment has no room, they are sealed in the next one; MR_EIO the
 *          write failed and the handle is poisoned; MR_ENOMEM and others, nothing was written.
 * Threads  the handle's thread.
 * Cost     0.5 us an event and a pwrite for every seal.
 */
MR_MUST_USE mr_err mri_sealing_advance(mr_log *log);

/**
 * Append SEALs over all events that have none yet, if there are any.
 *
 * Returns  as mri_sealing_advance().
 * Threads  the handle's thread.
 * Cost     as mri_sealing_advance().
 */
MR_MUST_USE mr_err mri_sealing_complete(mr_log *log);

/**
 * Take over the seals of a log that goes on being written.
 *
 * @param segment  the newest one, and `bytes` as it was scanned
 *
 * Returns  MR_OK; faults of reading older segments.
 * Threads  the handle's thread.
 * Cost     nothing when the newest segment has a SEAL, else mri_sealer_find().
 */
MR_MUST_USE mr_err mri_sealing_continue(mr_log *log, const struct mri_segment_head *segment,
    const struct mri_recover_scan *scan, const uint8_t *bytes);

/**
 * Free. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  the handle's thread.
 */
void mri_sealing_fini(mr_log *log);

#endif
