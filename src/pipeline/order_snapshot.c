/* SPDX-License-Identifier: MIT */
/*
 * The orders at the end of a snapshot.
 *
 *   what the fold has | orders | magic, bytes of the orders
 *
 * Invariants
 *  1. A snapshot without them is one of a version that had none: its log has no such orders.
 */
#include "pipeline/order_snapshot.h"

#include <string.h>

/** The end of a snapshot that has the orders of executors outside; those of before had none. */
struct tail {
    uint64_t magic;
    uint64_t order_bytes; /**< in front of this */
};

#define TAIL_MAGIC 0x737265646f72696dull /* "miorders" */

void mri_order_snapshot_save(const struct mri_order_table *table, struct mri_buf *payload)
{
    size_t before = payload->count;
    mri_order_table_save(table, payload);
    const struct tail tail = {.magic = TAIL_MAGIC, .order_bytes = payload->count - before};
    mri_buf_put(payload, &tail, sizeof(tail));
}

mr_err mri_order_snapshot_load(
    struct mri_order_table *table, const struct mri_buf *payload, size_t *ret_bytes)
{
    struct tail tail = {.magic = 0};
    struct mri_unpack unpack;
    *ret_bytes = payload->count;
    if (payload->count >= sizeof(tail)) {
        memcpy(&tail, payload->bytes + payload->count - sizeof(tail), sizeof(tail));
    }
    if (tail.magic != TAIL_MAGIC) {
        return MR_OK;
    }
    if (tail.order_bytes > payload->count - sizeof(tail)) {
        return MR_ECORRUPT;
    }
    *ret_bytes = payload->count - sizeof(tail) - (size_t)tail.order_bytes;
    mri_unpack_init(&unpack, payload->bytes + *ret_bytes, (size_t)tail.order_bytes);
    mr_err err = mri_order_table_load(table, &unpack);
    return err == MR_OK ? mri_unpack_end(&unpack) : err;
}
