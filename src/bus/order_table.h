/* SPDX-License-Identifier: MIT */
/**
 * The orders of executors outside: what is to be done, and what was reported of it.
 *
 * Derived from the log in log order: an order begins with its order.intent, every order.report
 * moves it on. So a report is compared with all that was reported before, and appended behind it or
 * compared anew. Orders that have ended stay, 80 to 110 bytes each, and their parts, 32 bytes each:
 * a report that comes again is known, and what has become of each order.
 */
#ifndef MRI_BUS_ORDER_TABLE_H
#define MRI_BUS_ORDER_TABLE_H

#include "base/due_queue.h"
#include "bus/orders.h"

/** The longest client order id, with its NUL. */
enum { MRI_ORDER_ID_BYTES = 24, MRI_ORDER_ATTEMPT_MAX = 255 };

/** An order of a signal's leg. */
struct mri_table_order {
    uint64_t intent_seq;
    uint64_t report_seq; /**< newest order.report; 0: none */
    int64_t quantity;
    int64_t reference_price;
    int64_t intent_unix_ns; /**< the log's event time then */
    int64_t report_unix_ns; /**< of the newest report; 0: none */
    uint64_t venue_id_hash; /**< of its id at the venue; 0: not said yet */
    uint64_t fill_hash;     /**< of price, quantity, fee and time of the fill; 0: none, or parts */
    uint32_t instrument;
    uint8_t attempt; /**< 0: the leg's first order */
    uint8_t side;
    uint8_t type;
    uint8_t state;         /**< enum mri_order_state */
    uint32_t is_told : 8;  /**< 1: the log has the alert that nobody reports on it */
    uint32_t earlier : 24; /**< the leg's order before this, in the table's, from 1; 0: none */
    uint32_t newest_part;  /**< of the leg, in the table's parts, from 1; 0: none */
};

/** A fill of less than an order. */
struct mri_order_part {
    int64_t filled;  /**< of the order, with this */
    int64_t fee_e8;  /**< likewise */
    uint64_t hash;   /**< as fill_hash */
    uint32_t before; /**< the part of the leg before this, from 1; 0: none */
    uint8_t attempt; /**< of the order that it is of */
    uint8_t reserved[3];
};

/** How many disputes are known by what they say. */
enum { MRI_ORDER_DISPUTES_KNOWN = 256 };

struct mri_order_table {
    struct mri_due_queue queue; /**< by place; due at the event time since when nobody has reported
                                     on one that lives and is not told */
    struct mri_order_part *parts;    /**< in log order */
    struct mri_table_order *earlier; /**< that a leg's next order has taken the place of: ended,
                                          with less than their quantity; in log order */
    uint32_t part_count;
    uint32_t part_capacity;
    uint32_t earlier_count;
    uint32_t earlier_capacity;
    uint64_t intents;
    uint64_t reports;
    uint64_t disputes;
    /** Of the newest, the one number i at i % MRI_ORDER_DISPUTES_KNOWN: what one of them says is
     * not logged again. 0: not known. */
    uint64_t dispute_hashes[MRI_ORDER_DISPUTES_KNOWN];
    uint32_t live_count;
    uint32_t in_doubt_count;
    uint32_t told_count; /**< that live, and were told */
    uint32_t reserved;
};

/** What an executor says. Numbers are in the decimals of the instrument. */
struct mri_order_claim {
    uint32_t ordinal;
    unsigned leg;
    unsigned attempt;
    enum mri_report_status status;
    uint32_t instrument; /**< UINT32_MAX: not said */
    uint8_t side;        /**< 0: not said */
    int64_t quantity;    /**< of filled: of this fill */
    int64_t price;
    int64_t fee_e8;
    int64_t venue_time_unix_ns;
    struct mri_slice venue_order_id;
};

/**
 * Make an empty table.
 *
 * Returns  nothing.
 * Owner    mri_order_table_fini() frees.
 * Threads  one at a time.
 */
void mri_order_table_init(struct mri_order_table *table, const struct mri_alloc *alloc);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_order_table_fini(struct mri_order_table *table);

/**
 * Is the event an order.intent for an executor outside?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_order_table_is_outside(const struct mri_event *event);

/**
 * Make room, so that taking in so many intents cannot fail.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_order_table_reserve(struct mri_order_table *table, uint32_t more);

/**
 * Make room, so that taking in so many reports cannot fail.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_order_table_reserve_parts(struct mri_order_table *table, uint32_t more);

/**
 * How much of an order was filled, as far as it is reported.
 *
 * @param ret_fee_e8  of its parts; 0 for one that was filled at once
 *
 * Returns  the quantity.
 * Threads  one at a time.
 */
int64_t mri_order_table_filled(
    const struct mri_order_table *table, const struct mri_table_order *order, int64_t *ret_fee_e8);

/**
 * An order of a leg, which may have ended long ago.
 *
 * @param attempt  0: the leg's first order
 *
 * Returns  it; NULL: there is none.
 * Owner    points into the table, until it grows.
 * Threads  one at a time.
 * Cost     O(orders of the leg behind it).
 */
const struct mri_table_order *mri_order_table_attempt(
    const struct mri_order_table *table, uint32_t ordinal, unsigned leg, unsigned attempt);

/**
 * The newest order of a leg.
 *
 * Returns  it; NULL: there was none for an executor outside.
 * Owner    points into the table, until it grows.
 * Threads  one at a time.
 */
const struct mri_table_order *mri_order_table_find(
    const struct mri_order_table *table, uint32_t ordinal, unsigned leg);

/**
 * The orders one after the other, in no certain order.
 *
 * @param index  below table->queue.count
 *
 * Returns  the order, with its signal and leg.
 * Owner    points into the table, until it grows.
 * Threads  one at a time.
 */
const struct mri_table_order *mri_order_table_at(
    const struct mri_order_table *table, uint32_t index, uint32_t *ret_ordinal, unsigned *ret_leg);

/**
 * Does a report fit what is known?
 *
 * @param ret_is_repeated  the order has come there, or beyond, already: there is nothing to log
 *
 * Returns  MRI_REASON_NONE; why it contradicts.
 * Threads  one at a time.
 */
enum mri_reason mri_order_table_check(const struct mri_order_table *table,
    const struct mri_order_claim *claim, bool *ret_is_repeated);

/**
 * May this event be taken in: an intent for a leg without an order that lives, a report that fits?
 *
 * Returns  MR_OK, also for an event that is none of orders outside; MR_REFUSED.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_order_table_fits(
    const struct mri_order_table *table, const struct mri_event *event);

/**
 * Take in an event that fits. There must be room for an intent, or a part.
 *
 * @param time_unix_ns  the log's event time
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_order_table_take(
    struct mri_order_table *table, const struct mri_event *event, int64_t time_unix_ns);

/**
 * The order that nobody reports on longest and that was not told.
 *
 * @param before_unix_ns  the newest report, or the intent, is older than this
 *
 * Returns  it; NULL: there is none.
 * Owner    points into the table, until it grows.
 * Threads  one at a time.
 * Cost     O(1).
 */
const struct mri_table_order *mri_order_table_stuck(const struct mri_order_table *table,
    int64_t before_unix_ns, uint32_t *ret_ordinal, unsigned *ret_leg);

/**
 * Since when nobody has reported on an order.
 *
 * Returns  the event time of its newest report, or of its intent.
 * Threads  any.
 */
int64_t mri_order_table_since(const struct mri_table_order *order);

/**
 * What a dispute says, as one number.
 *
 * Returns  it; never 0.
 * Threads  any.
 */
uint64_t mri_order_table_dispute_hash(
    struct mri_slice order_id, enum mri_report_status status, struct mri_slice message);

/**
 * Is a dispute that says this in the log, among the newest MRI_ORDER_DISPUTES_KNOWN?
 *
 * @param hash  by mri_order_table_dispute_hash()
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_order_table_knows_dispute(const struct mri_order_table *table, uint64_t hash);

/**
 * Append the table to a snapshot.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time.
 */
void mri_order_table_save(const struct mri_order_table *table, struct mri_buf *buf);

/**
 * Take the table back into an empty one.
 *
 * Returns  MR_OK; MR_ECORRUPT; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_order_table_load(struct mri_order_table *table, struct mri_unpack *unpack);

/**
 * The client order id: of the log, the signal, the leg, and how many orders of that leg ended
 * without a fill before. It is the same whenever it is asked for, and no two orders have one.
 *
 * @param log_number  the first 40 bits of the log's own random id
 *
 * Returns  ret_id: 18 letters and digits.
 * Threads  any.
 */
const char *mri_order_table_id(uint64_t log_number, uint32_t ordinal, unsigned leg,
    unsigned attempt, char ret_id[MRI_ORDER_ID_BYTES]);

/**
 * The order of a client order id.
 *
 * Returns  MR_OK; MR_NOT_FOUND it is none of this log's.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_order_table_parse_id(uint64_t log_number, struct mri_slice id,
    uint32_t *ret_ordinal, unsigned *ret_leg, unsigned *ret_attempt);

#endif
