/* SPDX-License-Identifier: MIT */
/**
 * Statistics over the last n slots of a series, where a slot may be missing (NaN).
 *
 * Semantics are those of pandas' rolling(n, min_periods): missing slots take their place in the
 * window and are left out of the sums. The bits depend only on the series pushed, because sums are
 * computed afresh each time the ring wraps, always at the same slot.
 */
#ifndef MRI_BASE_ROLLING_H
#define MRI_BASE_ROLLING_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/unpack.h"
#include "millrace/err.h"

struct mri_rolling {
    double *ring;      /**< `slots` values, NaN = missing */
    uint32_t slots;    /**< length of the window */
    uint32_t next;     /**< where the next value goes */
    uint32_t pushed;   /**< slots pushed so far, at most `slots` */
    uint32_t present;  /**< of these, how many are not missing */
    double shift;      /**< a value of the window, which the sums leave out */
    double sum;        /**< of (value - shift) */
    double sum_square; /**< of (value - shift) squared */
};

/**
 * Make an empty window.
 *
 * @param slots  > 0
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_rolling_fini() frees with the same allocator.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_rolling_init(
    struct mri_rolling *rolling, const struct mri_alloc *alloc, uint32_t slots);

/**
 * Free a window. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_rolling_fini(struct mri_rolling *rolling, const struct mri_alloc *alloc);

/**
 * Push the next slot; NaN = missing.
 *
 * Returns  nothing.
 * Threads  one at a time.
 * Cost     O(1) amortised: the sums are computed afresh once a window.
 */
void mri_rolling_push(struct mri_rolling *rolling, double value);

/**
 * The value `age` slots back; 0 is the newest.
 *
 * Returns  the value; NaN when missing or not yet pushed.
 * Threads  one at a time.
 */
double mri_rolling_at(const struct mri_rolling *rolling, uint32_t age);

/**
 * Mean of the present values.
 *
 * Returns  the mean; NaN when fewer than `present_min` are present.
 * Threads  one at a time.
 */
double mri_rolling_mean(const struct mri_rolling *rolling, uint32_t present_min);

/**
 * Variance of the present values, divisor n - 1.
 *
 * Returns  the variance, never below 0; NaN when fewer than max(present_min, 2) are present.
 * Threads  one at a time.
 */
double mri_rolling_variance(const struct mri_rolling *rolling, uint32_t present_min);

/**
 * Largest (sign = 1) or smallest (sign = -1) present value among slots `from` .. `to` (ages).
 *
 * Returns  the extreme; NaN when any of these slots is missing or not yet pushed.
 * Threads  one at a time.
 * Cost     O(to - from).
 */
double mri_rolling_extreme(const struct mri_rolling *rolling, uint32_t from, uint32_t to, int sign);

/**
 * Append a window to a snapshot.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time.
 */
void mri_rolling_save(const struct mri_rolling *rolling, struct mri_buf *buf);

/**
 * Take a window back into an empty one of the same length.
 *
 * Returns  nothing; unpack->err is set when the bytes are not those of such a window.
 * Threads  one at a time.
 */
void mri_rolling_load(struct mri_rolling *rolling, struct mri_unpack *unpack);

#endif
