/* SPDX-License-Identifier: MIT */
/**
 * Orders of executors outside at the boundary: what an executor is given, and its reports, each
 * checked field by field and against all that was reported before.
 *
 * A report whose fields are not as they must be is refused, and nothing is written. One that
 * contradicts its order becomes an order.disputed: it changes nothing, and stays as evidence that
 * books and venue differ.
 */
#ifndef MRI_PIPELINE_ORDER_DESK_H
#define MRI_PIPELINE_ORDER_DESK_H

#include "pipeline/fold.h"

/** The longest id of an order at a venue, and name of an executor; the longest message. */
enum { MRI_ORDER_TEXT_BYTES_MAX = 64, MRI_ORDER_MESSAGE_BYTES_MAX = 1024 };

/** A report. Texts with NULL bytes were not given. */
struct mri_order_given {
    struct mri_slice order_id; /**< the client order id */
    struct mri_slice status;
    struct mri_slice symbol;
    struct mri_slice side;
    struct mri_slice venue_order_id;
    struct mri_slice executor;
    struct mri_slice message;
    int64_t time_unix_ns;  /**< the venue's; 0: not given */
    int64_t clock_unix_ns; /**< this machine's, which time_unix_ns is compared with */
    double price;
    double quantity;
    double fee;
    bool has_price;
    bool has_quantity;
    bool has_fee;
};

/** What became of a report. */
struct mri_order_answer {
    enum mri_reason reason; /**< NONE, or why it contradicts its order */
    bool is_repeated;       /**< it says nothing new: nothing was drafted */
};

/** An order as an executor sees it. */
struct mri_order_view {
    const struct mri_table_order *order;
    const struct mri_instrument_spec *spec;
    uint32_t ordinal;
    unsigned leg;
    char id[MRI_ORDER_ID_BYTES];
};

/**
 * The view of an order.
 *
 * Returns  the view; its spec is NULL when the market does not know the instrument.
 * Owner    points into the fold, until it goes on.
 * Threads  one at a time.
 */
struct mri_order_view mri_order_desk_view(const struct mri_fold *fold,
    const struct mri_table_order *order, uint32_t ordinal, unsigned leg);

/**
 * An order of the table.
 *
 * @param index  below orders.queue.count
 *
 * Returns  the view; its spec is NULL when the market does not know the instrument.
 * Owner    points into the fold, until it goes on.
 * Threads  one at a time.
 */
struct mri_order_view mri_order_desk_at(const struct mri_fold *fold, uint32_t index);

/**
 * An order by its client order id, also one that its leg has tried again since.
 *
 * Returns  MR_OK; MR_NOT_FOUND.
 * Owner    points into the fold, until it goes on.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_order_desk_find(
    const struct mri_fold *fold, struct mri_slice id, struct mri_order_view *ret_view);

/**
 * Check a report against all that is in the log, and draft what it makes: an order.report, an
 * order.disputed, or nothing when it is repeated.
 *
 * @param batch  begun, for one event
 *
 * Returns  MR_OK; MR_CONFLICT it is disputed, MR_NOT_FOUND it is disputed for want of an order:
 *          *reterr_problem says why, and the dispute is drafted unless one of those that the order
 *          table knows says the same; MR_REFUSED a field is not as it must be; as mri_batch_add().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_order_desk_draft(const struct mri_fold *fold,
    const struct mri_order_given *given, int64_t event_time_unix_ns, struct mri_batch *batch,
    struct mri_order_answer *ret_answer, mr_problem *reterr_problem);

#endif
