/* SPDX-License-Identifier: MIT */
/**
 * The signals that wait for a decision, in the order in which they came; each is found by its
 * ordinal, and it is known which expires first and how many there are of a symbol. So an input that
 * is no matter of theirs costs the same, however many wait.
 */
#ifndef MRI_EVALUATE_UNDECIDED_H
#define MRI_EVALUATE_UNDECIDED_H

#include "base/due_queue.h"

/** A signal that waits for its decision. */
struct mri_undecided {
    uint64_t seq;
    int64_t event_time_unix_ns;
    int64_t valid_until_unix_ns;
    double confidence;
    uint32_t ordinal;
    uint32_t symbol;
    uint8_t side;
    uint8_t horizon; /**< whose expected value is judged */
    uint8_t route;   /**< enum mri_route_kind, as it came */
    uint8_t reserved[5];
};

struct mri_undecided_set {
    const struct mri_alloc *alloc;
    struct mri_undecided *places; /**< in the order in which they came; ordinal 0: it has left */
    uint32_t count;               /**< that wait */
    uint32_t used;                /**< places, with those that were left */
    uint32_t capacity;
    struct mri_due_queue index; /**< by ordinal: its place; due when it expires */
    uint32_t *of_symbol;        /**< how many wait, by symbol */
    uint32_t symbols_max;
};

/**
 * Make an empty set.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_undecided_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_undecided_init(
    struct mri_undecided_set *set, const struct mri_alloc *alloc, uint32_t symbols_max);

/**
 * Free. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_undecided_fini(struct mri_undecided_set *set);

/**
 * Add a signal behind the others.
 *
 * Returns  MR_OK; MR_ENOMEM; MR_ECORRUPT its ordinal is there, or its symbol cannot be.
 * Threads  one at a time.
 * Cost     O(log n).
 */
MR_MUST_USE mr_err mri_undecided_add(
    struct mri_undecided_set *set, const struct mri_undecided *signal);

/**
 * A signal that waits.
 *
 * Returns  it; NULL: it does not.
 * Owner    points into the set, until something is added or removed.
 * Threads  one at a time.
 * Cost     O(1).
 */
const struct mri_undecided *mri_undecided_find(
    const struct mri_undecided_set *set, uint32_t ordinal);

/**
 * Take a signal out, if it is in.
 *
 * Returns  nothing.
 * Threads  one at a time.
 * Cost     O(log n), taken over many.
 */
void mri_undecided_remove(struct mri_undecided_set *set, uint32_t ordinal);

/**
 * The signals in the order in which they came.
 *
 * @param place  0 at first; moved on
 *
 * Returns  the next; NULL: there are no more.
 * Owner    points into the set, until something is added or removed.
 * Threads  one at a time.
 */
const struct mri_undecided *mri_undecided_next(
    const struct mri_undecided_set *set, uint32_t *place);

/**
 * When the first of them expires.
 *
 * Returns  Unix time in ns; MRI_DUE_NEVER: none waits.
 * Threads  one at a time.
 * Cost     O(1).
 */
int64_t mri_undecided_first_expiry_unix_ns(const struct mri_undecided_set *set);

#endif
