/* SPDX-License-Identifier: MIT */
/**
 * Drafts of what happens to an order: the same events for the venue here and for one outside.
 */
#ifndef MRI_EXECUTE_ORDER_DRAFT_H
#define MRI_EXECUTE_ORDER_DRAFT_H

#include "execute/execute.h"

/** What every draft of a position needs. */
struct mri_order_draft {
    const struct mri_execute *execute;
    const struct mri_position *position;
    const struct mri_event *input;
    struct mri_batch *batch;
    uint32_t symbol;
    enum mri_venue_mode mode; /**< of the venue that the position is at */
    int64_t time_unix_ns;     /**< of a fill */
    struct mri_candle bar; /**< what the input shows of the market; without width, of one moment */
};

/**
 * The venue of a position, or where new orders go.
 *
 * Returns  it.
 * Threads  any.
 */
enum mri_venue_mode mri_order_draft_mode(const struct mri_execute *execute, bool is_outside);

/**
 * How the next event refers to an event.
 *
 * Returns  the reference.
 * Threads  one at a time.
 */
uint64_t mri_order_draft_ref(const struct mri_order_draft *context, uint64_t seq);

/**
 * A fact about an order that carries no numbers.
 *
 * Returns  as mri_batch_add().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_order_draft_fact(const struct mri_order_draft *context,
    enum mri_event_type type, enum mri_leg leg, uint64_t intent_seq, enum mri_reason reason);

/**
 * A move of the position's signal; cause, signal and actor are put in.
 *
 * @param move  its evidence is a seq
 *
 * Returns  as mri_batch_add().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_order_draft_move(
    const struct mri_order_draft *context, const struct mri_signal_moved *move);

/**
 * An intent, of what is left of the position.
 *
 * @param trigger_price  of stop and limit; 0: market
 *
 * Returns  as mri_batch_add().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_order_draft_intent(const struct mri_order_draft *context, enum mri_leg leg,
    enum mri_order_type type, int64_t trigger_price);

/**
 * An exit order of the venue here: intent, sent, accepted.
 *
 * Returns  as mri_batch_add().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_order_draft_exit(const struct mri_order_draft *context, enum mri_leg leg,
    enum mri_order_type type, int64_t trigger_price);

/**
 * An order is over with a fill of this quantity.
 *
 * Returns  as mri_batch_add().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_order_draft_fill(const struct mri_order_draft *context, enum mri_leg leg,
    const struct mri_venue_fill *fill, int64_t quantity);

/**
 * The entry is over with a fill of this quantity: the position opens and its signal is executed; at
 * the venue here stop and target are placed.
 *
 * Returns  as mri_batch_add(); MR_ERANGE numbers do not fit.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_order_draft_entry(
    const struct mri_order_draft *context, const struct mri_venue_fill *fill, int64_t quantity);

/**
 * An exit was filled, with all that is left: the position closes, its other orders are cancelled.
 *
 * Returns  as mri_batch_add(); MR_ERANGE numbers do not fit.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_order_draft_close(
    const struct mri_order_draft *context, enum mri_leg leg, const struct mri_venue_fill *fill);

#endif
