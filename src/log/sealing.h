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

/** A place in the segment that is written, and the event that begins there. */
struct mri_sealing_place {
    uint64_t offset;
    uint64_t seq;
};

/** A writer's seals. */
struct mri_sealing {
    struct mri_seal_hash link;         /**< behind the newest SEAL or ROLL */
    struct mri_sealing_place unsealed; /**< what no SEAL covers begins here */
    struct mri_sealing_place waiting;  /**< what is not even being hashed begins here */
    const void *map;                   /**< of the segment, or NULL */
    struct mri_digest hasher;
    struct mri_sealer sealer;
};

/**
 * Append a SEAL over the events that were being hashed, and have those behind them hashed in the
 * background. Called when MRI_SEAL_EVENTS_MAX events wait; a machine that cannot start a thread
 * seals later.
 *
 * Returns  MR_OK; MR_EIO the write failed and the handle is poisoned; MR_ENOMEM and others, nothing
 *          was written.
 * Threads  the handle's thread.
 * Cost     one pwrite; hashing is done by then unless events come faster than 0.4 us.
 */
MR_MUST_USE mr_err mri_sealing_advance(mr_log *log);

/**
 * Append SEALs over all events that have none yet, if there are any.
 *
 * Returns  as mri_sealing_advance().
 * Threads  the handle's thread.
 * Cost     hashes up to MRI_SEAL_EVENTS_MAX events at about 0.4 us; one or two pwrites.
 */
MR_MUST_USE mr_err mri_sealing_complete(mr_log *log);

/**
 * Take over the seals of the segment that goes on being written.
 *
 * @param bytes  the segment as it was scanned
 *
 * Returns  nothing.
 * Threads  the handle's thread.
 */
void mri_sealing_continue(mr_log *log, const struct mri_segment_head *segment,
    const struct mri_recover_scan *scan, const uint8_t *bytes);

/**
 * Go on in a segment without events, behind mri_sealing_complete().
 *
 * Returns  nothing.
 * Threads  the handle's thread.
 */
void mri_sealing_enter(mr_log *log);

/**
 * Let the map of the segment go: before its file is closed or left.
 *
 * Returns  nothing.
 * Threads  the handle's thread.
 */
void mri_sealing_leave(mr_log *log);

/**
 * Free. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  the handle's thread.
 */
void mri_sealing_fini(mr_log *log);

#endif
