/* SPDX-License-Identifier: MIT */
/**
 * The digest of a log: what was decided, independent of when, where and in how many runs.
 *
 * SHA-256 over (type, body length, body) of every covered event in log order. References to events
 * are replaced by the number of covered events up to the one referred to, so that sessions, ticks
 * and the log's own records, which differ between runs, do not shift them.
 */
#ifndef MRI_BUS_EVENT_DIGEST_H
#define MRI_BUS_EVENT_DIGEST_H

#include "base/alloc.h"
#include "base/buf.h"
#include "bus/event_codec.h"
#include "os/digest.h"

/** The number of covered events up to each seq, kept as the list of those that are not covered. */
struct mri_ranks {
    const struct mri_alloc *alloc;
    uint64_t *uncovered; /**< seqs in order */
    size_t count;
    size_t capacity;
    uint64_t last_seq; /**< newest seq seen */
};

struct mri_event_digest {
    struct mri_ranks ranks;
    struct mri_digest digest;
    struct mri_buf scratch; /**< a body with its references replaced */
};

/**
 * Start at the beginning of a log; allocates nothing.
 *
 * Returns  nothing.
 * Owner    mri_ranks_fini() frees.
 * Threads  one at a time.
 */
void mri_ranks_init(struct mri_ranks *ranks, const struct mri_alloc *alloc);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_ranks_fini(struct mri_ranks *ranks);

/**
 * Note the next record of the log, covered or not. Every record must be noted, in order.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_ranks_add(struct mri_ranks *ranks, uint64_t seq, uint16_t type);

/**
 * How many covered events there are up to and including `seq`.
 *
 * Returns  the number; 0 for seq 0.
 * Threads  one at a time.
 */
uint64_t mri_ranks_of(const struct mri_ranks *ranks, uint64_t seq);

/**
 * Append a body to a buffer with its references replaced by ranks.
 *
 * @param event  decoded
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time.
 */
void mri_ranks_body(
    const struct mri_ranks *ranks, const struct mri_event *event, struct mri_buf *buf);

/**
 * Start a digest.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_event_digest_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_event_digest_init(
    struct mri_event_digest *digest, const struct mri_alloc *alloc);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_event_digest_fini(struct mri_event_digest *digest);

/**
 * Add the next record of the log.
 *
 * Returns  MR_OK; MR_ECORRUPT, MR_EVERSION the body does not decode; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_event_digest_add(
    struct mri_event_digest *digest, const mr_log_event *record);

#endif
