/* SPDX-License-Identifier: MIT */
/**
 * Orders outside that nobody reports on: found by their timers in the bus, told once until the next
 * report.
 */
#ifndef MRI_PIPELINE_STUCK_ORDER_H
#define MRI_PIPELINE_STUCK_ORDER_H

#include "bus/batch.h"
#include "bus/bus.h"

/**
 * Draft the alert for the order that nobody reports on longest and that was not told.
 *
 * @param after_ns  how long nobody may; 0: for ever
 *
 * Returns  MR_OK; MR_END there is none; as mri_batch_add().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_stuck_order_draft(
    const struct mri_bus *bus, int64_t after_ns, struct mri_batch *batch);

/**
 * Are there any, told or not?
 *
 * Returns  true or false.
 * Threads  one at a time.
 */
bool mri_stuck_order_is_any(const struct mri_bus *bus, int64_t after_ns);

/**
 * Is it one of them?
 *
 * Returns  true or false.
 * Threads  one at a time.
 */
bool mri_stuck_order_is(
    const struct mri_bus *bus, const struct mri_table_order *order, int64_t after_ns);

#endif
