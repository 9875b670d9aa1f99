/* SPDX-License-Identifier: MIT */
/**
 * Is a batch in the log already?
 */
#ifndef MRI_LOG_DEDUPE_DEDUPE_BATCH_H
#define MRI_LOG_DEDUPE_DEDUPE_BATCH_H

#include "log/dedupe/dedupe.h"
#include "millrace/log.h"

/** What a batch says of itself. All zero: none of its records has a producer or a message id. */
struct mri_dedupe_batch {
    size_t identified; /**< records with a producer or a message id */
    size_t first;      /**< of those, the first one's index */
    size_t last;
    uint32_t producers[MR_LOG_BATCH_PRODUCERS_MAX]; /**< different ones */
    uint32_t newest[MR_LOG_BATCH_PRODUCERS_MAX];    /**< highest producer_seq of each */
    unsigned producer_count;
    size_t id_count;
};

/** What the log says of it. */
struct mri_dedupe_verdict {
    bool is_repeated;   /**< all that is identified is in the log: append nothing */
    uint64_t first_seq; /**< of the original of the batch's first record; 0 = it must be looked up,
                             or is_repeated is false */
    uint64_t last_seq;  /**< of the last one's, likewise */
};

/**
 * Is the batch well formed, as far as producers and message ids go?
 *
 * Returns  MR_OK; MR_EINVAL a producer without a producer_seq, or one that does not grow; too many
 *          producers or message ids; a message id twice.
 * Threads  any.
 * Cost     walks the batch.
 */
MR_MUST_USE mr_err mri_dedupe_batch_survey(
    const mr_log_record *records, size_t count, struct mri_dedupe_batch *ret_batch);

/**
 * Is the batch in the log? Under the append lock.
 *
 * Returns  MR_OK; MR_REFUSED some of it is and some is not; MR_FULL it has one new producer too
 *          many.
 * Threads  the holder of the append lock.
 * Cost     walks the batch if anything in it is identified; no system call, no allocation.
 */
MR_MUST_USE mr_err mri_dedupe_batch_judge(const struct mri_dedupe *dedupe,
    const mr_log_record *records, size_t count, const struct mri_dedupe_batch *batch,
    struct mri_dedupe_verdict *ret_verdict);

#endif
