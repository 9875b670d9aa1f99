/* SPDX-License-Identifier: MIT */
/**
 * Orders of executors outside in a snapshot: behind all else, so that who does not need the engines
 * finds them, and snapshots of before are read as they were.
 */
#ifndef MRI_PIPELINE_ORDER_SNAPSHOT_H
#define MRI_PIPELINE_ORDER_SNAPSHOT_H

#include "bus/order_table.h"

/**
 * Put the orders behind what a snapshot has.
 *
 * Returns  nothing; see payload->err.
 * Threads  one at a time.
 */
void mri_order_snapshot_save(const struct mri_order_table *table, struct mri_buf *payload);

/**
 * Take them into an empty table.
 *
 * @param ret_bytes  of what stands in front of them
 *
 * Returns  MR_OK, also when there are none; MR_ECORRUPT; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_order_snapshot_load(
    struct mri_order_table *table, const struct mri_buf *payload, size_t *ret_bytes);

#endif
