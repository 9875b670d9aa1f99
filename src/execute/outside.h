/* SPDX-License-Identifier: MIT */
/**
 * What is decided for positions at a venue outside: on the reports of its executor, and on prices
 * and time, when they must be closed.
 */
#ifndef MRI_EXECUTE_OUTSIDE_H
#define MRI_EXECUTE_OUTSIDE_H

#include "execute/order_draft.h"

/**
 * The minute of a time.
 *
 * Returns  minutes since 1970.
 * Threads  any.
 */
uint32_t mri_outside_minute(int64_t time_unix_ns);

/**
 * Close a position that a bar, or the time, says is to be closed, unless an order of it lives.
 *
 * @param bar  NULL: only the time
 *
 * Returns  as mri_batch_add().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_outside_decide_exit(
    const struct mri_order_draft *context, const struct mri_candle *bar);

/**
 * Close the positions whose time is over: also where no price comes.
 *
 * @param tick  its position, symbol and mode are not looked at
 *
 * Returns  as mri_batch_add().
 * Threads  one at a time.
 * Cost     looks at every symbol while a position is open.
 */
MR_MUST_USE mr_err mri_outside_decide_tick(const struct mri_order_draft *tick);

/**
 * Sum a fill that an order outside was reported to have got: of all of it, or a part.
 *
 * Returns  MR_OK, also for a report that does not fit, which changes nothing; MR_ERANGE a sum does
 *          not fit.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_outside_apply_report(
    struct mri_execute *execute, const struct mri_event *report);

/**
 * What follows from a report, which was applied.
 *
 * @param context  its position, symbol, mode and time are set here
 *
 * Returns  as mri_batch_add(); MR_ERANGE numbers do not fit.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_outside_decide_report(struct mri_order_draft *context);

#endif
