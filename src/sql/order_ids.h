/* SPDX-License-Identifier: MIT */
/**
 * Which order an event is about, as an executor and its venue know it: the attempt of the leg, and
 * the client order id. The bus knows the newest attempt of each leg; where a leg had more than two,
 * the intents of the others are read from the log.
 */
#ifndef MRI_SQL_ORDER_IDS_H
#define MRI_SQL_ORDER_IDS_H

#include "bus/order_table.h"
#include "millrace/log_read.h"
#include "sql/guard.h"

struct mri_order_attempt;

struct mri_order_ids {
    const struct mri_alloc *alloc;
    const struct mri_order_table *table;
    uint64_t log_number;
    bool is_read;
    struct mri_order_attempt *attempts; /**< by signal, leg and intent */
    uint32_t count;
    uint32_t room;
};

/**
 * Has the log to be read, before mri_order_ids_attempt() knows all?
 *
 * Returns  true or false.
 * Threads  one at a time.
 * Cost     the orders of the bus.
 */
bool mri_order_ids_is_open(const struct mri_order_ids *ids);

/**
 * Read the intents of legs that had more than two attempts.
 *
 * Returns  MR_OK; MR_ENOMEM; MR_AGAIN the guard says that it is over; faults of reading.
 * Owner    mri_order_ids_fini() frees.
 * Threads  one at a time.
 * Cost     all events of the log.
 */
MR_MUST_USE mr_err mri_order_ids_read(struct mri_order_ids *ids, mr_log_reader *reader,
    uint64_t first_seq, uint64_t last_seq, struct mri_guard *guard);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_order_ids_fini(struct mri_order_ids *ids);

/**
 * The attempt of an event's order, from 0 on as in its id.
 *
 * Returns  true; false: the event is of no order that an executor outside was given.
 * Threads  one at a time.
 */
bool mri_order_ids_attempt(const struct mri_order_ids *ids, const struct mri_event *event,
    unsigned *ret_leg, unsigned *ret_attempt);

#endif
