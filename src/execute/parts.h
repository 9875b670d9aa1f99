/* SPDX-License-Identifier: MIT */
/**
 * Fills of an order outside that comes in parts, summed exactly: their quantity, their fees, and
 * price times quantity in 128 bits, from which their mean follows with one rounding.
 */
#ifndef MRI_EXECUTE_PARTS_H
#define MRI_EXECUTE_PARTS_H

#include <stdint.h>

#include "millrace/err.h"

/** The sum of some fills. */
struct mri_fill_sum {
    int64_t quantity;
    int64_t fee_e8;
    uint64_t value_low; /**< of price times quantity, the lower half */
    uint64_t value_high;
};

/** What a position's orders outside have got so far beyond what their order.filled say. */
struct mri_parts {
    uint64_t report_seq;             /**< newest order.report in `order`; 0: none */
    struct mri_fill_sum order;       /**< of the order that lives */
    struct mri_fill_sum exits;       /**< of exits that have ended with a part */
    int64_t exit_reference_value_e8; /**< of those: their quantities at their reference prices */
    int64_t exit_slippage_e8;        /**< of those */
};

/**
 * Add a fill.
 *
 * Returns  MR_OK; MR_ERANGE a sum does not fit, nothing has changed.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_parts_add(
    struct mri_fill_sum *sum, int64_t quantity, int64_t price, int64_t fee_e8);

/**
 * Add a sum.
 *
 * Returns  MR_OK; MR_ERANGE a sum does not fit, nothing has changed.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_parts_join(struct mri_fill_sum *sum, const struct mri_fill_sum *more);

/**
 * The mean price, weighted by quantity, rounded half away from zero. Of one fill it is its price.
 *
 * @param sum  its quantity is above zero
 *
 * Returns  MR_OK; MR_ERANGE it does not fit.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_parts_price(const struct mri_fill_sum *sum, int64_t *ret_price);

#endif
