/* SPDX-License-Identifier: MIT */
/**
 * Making seals, apart from appending them: where sealing stands, and the next seal.
 *
 * Seals may trail behind the events. Whoever appends one builds it from the state and the log, and
 * advances the state over the record that was written; every other process does the same from the
 * record alone. No thread, no lock, no write is here.
 */
#ifndef MRI_LOG_PROVE_SEALER_H
#define MRI_LOG_PROVE_SEALER_H

#include "base/alloc.h"
#include "log/format/manifest.h"
#include "log/format/seal.h"
#include "log/read/reader.h"

/** How far a seal may reach. */
struct mri_seal_limits {
    uint64_t last_seq; /**< events behind it are not there yet */
    bool is_flush;     /**< a seal of fewer events than it could have is wanted, too */
};

/**
 * Find the state of a log at rest.
 *
 * @param manifest  of the log
 *
 * Returns  MR_OK; MR_ECORRUPT a segment that must be read for it is damaged; faults of reading.
 * Threads  one at a time.
 * Cost     reads segments from the newest back to the one with the newest SEAL; only the heads of
 *          those that their links show to hold none, but for the newest.
 */
MR_MUST_USE mr_err mri_sealer_find(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const struct mri_manifest *manifest, struct mri_seal_state *ret_state,
    mr_problem *reterr_problem);

/**
 * Have a reader stand at an event, without a search when it stands there already.
 *
 * @param position  behind the event before, as far as it is known; else UINT64_MAX
 *
 * Returns  MR_OK; MR_ECORRUPT the log has no such event; faults of reading.
 * Threads  the reader's thread.
 */
MR_MUST_USE mr_err mri_sealer_go_to(
    mr_log_reader *reader, uint64_t seq, uint64_t position, mr_problem *reterr_problem);

/**
 * Make the body of the next SEAL: over whole batches, MRI_SEAL_EVENTS_MAX events at most unless one
 * batch has more.
 *
 * @param reader  shows all records (mri_reader_show_all()); goes where it must, and is kept by the
 *                caller from one call to the next, so that nothing is read twice
 *
 * Returns  MR_OK; MR_AGAIN there are no events, or too few and no flush; MR_ECORRUPT they are not
 *          in the log; faults of reading.
 * Threads  the reader's thread; one at a time per hasher.
 * Cost     about 0.5 us an event; nothing while too few are there.
 */
MR_MUST_USE mr_err mri_sealer_build(struct mri_digest *hasher, mr_log_reader *reader,
    const struct mri_seal_state *state, struct mri_seal_limits limits, struct mri_seal *ret_seal,
    mr_problem *reterr_problem);

#endif
