/* SPDX-License-Identifier: MIT */
/**
 * Signals that are in others' hands than the pipeline's: claimed by a worker, or moved by a process
 * that is not the pipeline and not ended since.
 *
 * Derived from the log in log order, but for `look_ns`, which is a note of this process.
 */
#ifndef MRI_BUS_CLAIMS_H
#define MRI_BUS_CLAIMS_H

#include "base/due_queue.h"
#include "base/intern.h"
#include "bus/event_codec.h"

/** A signal in others' hands. */
struct mri_claim {
    uint64_t seq;   /**< of the signal.claimed in force; 0: nobody has it claimed */
    uint32_t place; /**< where the lease is kept */
    uint8_t from;
    uint8_t next;
    uint8_t reserved[2];
    int64_t lease_ns;
    char owner[MRI_INTERN_BYTES_MAX + 1]; /**< with a NUL */
    char owner_end[7];                    /**< zeros */
};

struct mri_claims {
    struct mri_due_queue queue; /**< due when somebody should look whether the claim still stands,
                                     by the machine's clock; 0: at once */
    uint64_t changes;           /**< claims taken so far */
    uint32_t open_count;        /**< signals that are claimed */
};

/**
 * Make an empty table.
 *
 * Returns  nothing.
 * Owner    mri_claims_fini() frees.
 * Threads  one at a time.
 */
void mri_claims_init(struct mri_claims *claims, const struct mri_alloc *alloc);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_claims_fini(struct mri_claims *claims);

/**
 * A signal in others' hands.
 *
 * Returns  it; NULL: the signal is in the pipeline's, or has ended.
 * Owner    points into the table, until it grows.
 * Threads  one at a time.
 */
struct mri_claim *mri_claims_find(const struct mri_claims *claims, uint32_t ordinal);

/**
 * The claim in force on a signal.
 *
 * Returns  its seq; 0: nobody has it claimed.
 * Threads  one at a time.
 */
uint64_t mri_claims_seq(const struct mri_claims *claims, uint32_t ordinal);

/**
 * Make room, so that taking in so many events cannot fail.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_claims_reserve(struct mri_claims *claims, uint32_t more);

/**
 * Does a claim, or its end, fit what is in the table?
 *
 * @param state  of the signal
 *
 * Returns  MR_OK; MR_CONFLICT the signal is in another state than it says, or claimed, or the claim
 *          that it ends is not in force; MR_REFUSED it is not well formed: a name that is none, a
 *          lease that is not above 0, a move that the lifecycle does not have, a signal that the
 *          pipeline has begun to decide on.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_claims_check(
    const struct mri_claims *claims, const struct mri_event *event, unsigned state);

/**
 * Take in a claim or an end of one that mri_claims_check() accepts; there must be room.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_claims_take(struct mri_claims *claims, const struct mri_event *event, unsigned state);

/**
 * Take in a move: claims end with what ends a signal's waiting. There must be room.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_claims_move(
    struct mri_claims *claims, uint32_t ordinal, const struct mri_signal_moved *move);

/**
 * Append the table to a snapshot.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time.
 */
void mri_claims_save(const struct mri_claims *claims, struct mri_buf *buf);

/**
 * Take the table back into an empty one. Every claim is to be looked at anew.
 *
 * Returns  MR_OK; MR_ECORRUPT; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_claims_load(struct mri_claims *claims, struct mri_unpack *unpack);

#endif
