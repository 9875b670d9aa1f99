/* SPDX-License-Identifier: MIT */
/*
 * Drafts of an order's events.
 *
 * Invariants
 *  1. Every event names the input at hand as its cause, and the signal it belongs to.
 */
#include "execute/order_draft.h"

#include "execute/exits.h"

/** The venue of a position, or where new orders go. */
enum mri_venue_mode mri_order_draft_mode(const struct mri_execute *execute, bool is_outside)
{
    return is_outside ? MRI_VENUE_EXTERNAL : execute->venue.mode;
}

/** What the position's exits have got. */
static const struct mri_parts *parts_of(const struct mri_order_draft *context)
{
    return &context->execute->parts[context->symbol];
}

/** What is left of a position. */
static int64_t rest_of(const struct mri_order_draft *context)
{
    return context->position->quantity - parts_of(context)->exits.quantity;
}

static mr_err add(
    const struct mri_order_draft *context, enum mri_event_type type, const void *fixed)
{
    return mri_batch_add(context->batch,
        &(struct mri_draft){.type = (uint16_t)type, .fixed = fixed}, context->position->ordinal);
}

uint64_t mri_order_draft_ref(const struct mri_order_draft *context, uint64_t seq)
{
    return mri_batch_ref(context->batch, seq);
}

mr_err mri_order_draft_fact(const struct mri_order_draft *context, enum mri_event_type type,
    enum mri_leg leg, uint64_t intent_seq, enum mri_reason reason)
{
    const struct mri_order_sent fact = {
        .cause = mri_order_draft_ref(context, context->input->seq),
        .signal = mri_order_draft_ref(context, context->position->signal_seq),
        .intent = mri_order_draft_ref(context, intent_seq),
        .instrument = context->symbol,
        .leg = (uint8_t)leg,
        .venue_mode = (uint8_t)context->mode,
        .reason = (uint16_t)reason,
    };
    return add(context, type, &fact);
}

mr_err mri_order_draft_move(
    const struct mri_order_draft *context, const struct mri_signal_moved *move)
{
    struct mri_signal_moved fixed = *move;
    fixed.cause = mri_order_draft_ref(context, context->input->seq);
    fixed.signal = mri_order_draft_ref(context, context->position->signal_seq);
    fixed.evidence = mri_order_draft_ref(context, move->evidence);
    fixed.actor = MRI_ACTOR_EXECUTE;
    return add(context, MRI_EVENT_SIGNAL_MOVED, &fixed);
}

mr_err mri_order_draft_intent(const struct mri_order_draft *context, enum mri_leg leg,
    enum mri_order_type type, int64_t trigger_price)
{
    const struct mri_position *position = context->position;
    const struct mri_order_intent intent = {
        .cause = mri_order_draft_ref(context, context->input->seq),
        .signal = mri_order_draft_ref(context, position->signal_seq),
        .decision = mri_order_draft_ref(context, position->decision_seq),
        .quantity = rest_of(context),
        .reference_price =
            mri_market_symbol(context->execute->market, context->symbol)->price.price,
        .trigger_price = trigger_price,
        .instrument = context->symbol,
        .side = (uint8_t)mri_exits_side(position, leg),
        .leg = (uint8_t)leg,
        .order_type = (uint8_t)type,
        .venue_mode = (uint8_t)context->mode,
    };
    return add(context, MRI_EVENT_ORDER_INTENT, &intent);
}

/** An exit order: intent, sent, accepted. */
mr_err mri_order_draft_exit(const struct mri_order_draft *context, enum mri_leg leg,
    enum mri_order_type type, int64_t trigger_price)
{
    uint64_t intent_seq = mri_batch_next_seq(context->batch);
    mr_err err = mri_order_draft_intent(context, leg, type, trigger_price);
    if (err == MR_OK) {
        err = mri_order_draft_fact(context, MRI_EVENT_ORDER_SENT, leg, intent_seq, MRI_REASON_NONE);
    }
    if (err == MR_OK) {
        err = mri_order_draft_fact(
            context, MRI_EVENT_ORDER_ACCEPTED, leg, intent_seq, MRI_REASON_NONE);
    }
    return err;
}

mr_err mri_order_draft_fill(const struct mri_order_draft *context, enum mri_leg leg,
    const struct mri_venue_fill *fill, int64_t quantity)
{
    const struct mri_position *position = context->position;
    const struct mri_order_filled fixed = {
        .cause = mri_order_draft_ref(context, context->input->seq),
        .signal = mri_order_draft_ref(context, position->signal_seq),
        .intent = mri_order_draft_ref(context, position->orders[leg].intent_seq),
        .event_time_unix_ns = context->time_unix_ns,
        .quantity = quantity,
        .price = fill->price,
        .reference_price = fill->reference_price,
        .fee_e8 = fill->fee_e8,
        .slippage_e8 = fill->slippage_e8,
        .instrument = context->symbol,
        .side = (uint8_t)mri_exits_side(position, leg),
        .leg = (uint8_t)leg,
        .venue_mode = (uint8_t)context->mode,
    };
    return add(context, MRI_EVENT_ORDER_FILLED, &fixed);
}

static mr_err draft_opened(const struct mri_order_draft *context, uint64_t fill_seq,
    const struct mri_position *opened, int64_t notional_e8)
{
    const struct mri_position_opened fixed = {
        .cause = mri_order_draft_ref(context, context->input->seq),
        .signal = mri_order_draft_ref(context, opened->signal_seq),
        .fill = mri_order_draft_ref(context, fill_seq),
        .event_time_unix_ns = opened->opened_unix_ns,
        .exit_time_unix_ns = opened->exit_time_unix_ns,
        .quantity = opened->quantity,
        .price = opened->entry_price,
        .stop_price = opened->stop_price,
        .target_price = opened->target_price,
        .notional_e8 = notional_e8,
        .symbol = context->symbol,
        .instrument = context->symbol,
        .side = opened->side,
        .venue_mode = (uint8_t)context->mode,
    };
    return add(context, MRI_EVENT_POSITION_OPENED, &fixed);
}

/** Stop and target as orders of the venue here. Outside they are orders when they are reached. */
static mr_err draft_exit_orders(
    const struct mri_order_draft *context, const struct mri_position *opened)
{
    if (context->mode == MRI_VENUE_EXTERNAL) {
        return MR_OK;
    }
    mr_err err = mri_order_draft_exit(context, MRI_LEG_STOP, MRI_ORDER_STOP, opened->stop_price);
    return err == MR_OK ? mri_order_draft_exit(
                              context, MRI_LEG_TARGET, MRI_ORDER_LIMIT, opened->target_price)
                        : err;
}

/** The position opens, with its stop and target. */
mr_err mri_order_draft_entry(
    const struct mri_order_draft *context, const struct mri_venue_fill *fill, int64_t quantity)
{
    const struct mri_market_symbol *market =
        mri_market_symbol(context->execute->market, context->symbol);
    const struct mri_instrument_spec *spec =
        mri_instruments_get(&context->execute->market->instruments, context->symbol);
    struct mri_position opened = *context->position;
    int64_t notional_e8;
    opened.quantity = quantity;
    opened.entry_price = fill->price;
    opened.opened_unix_ns = context->time_unix_ns;
    mr_err err =
        mri_position_exits(&context->execute->options.exits, spec, market->bar.volatility, &opened);
    if (err == MR_OK) {
        err = mri_instrument_value_e8(spec, fill->price, opened.quantity, &notional_e8);
    }
    uint64_t fill_seq = mri_batch_next_seq(context->batch);
    if (err == MR_OK) {
        err = mri_order_draft_fill(context, MRI_LEG_ENTRY, fill, quantity);
    }
    if (err == MR_OK) {
        err = draft_opened(context, fill_seq, &opened, notional_e8);
    }
    if (err == MR_OK) {
        err = mri_order_draft_move(context, &(struct mri_signal_moved){.from = MR_EXECUTING,
                                                .to = MR_EXECUTED,
                                                .evidence = fill_seq,
                                                .reason = MRI_REASON_FILLED});
    }
    return err == MR_OK ? draft_exit_orders(context, &opened) : err;
}

static mr_err draft_cancels(const struct mri_order_draft *context, enum mri_leg filled)
{
    mr_err err = MR_OK;
    for (unsigned leg = MRI_LEG_STOP; leg < MRI_LEG_COUNT && err == MR_OK; leg++) {
        const struct mri_order *order = &context->position->orders[leg];
        bool is_other =
            leg != (unsigned)filled && mri_order_is_live((enum mri_order_state)order->state);
        if (is_other) {
            err = mri_order_draft_fact(context, MRI_EVENT_ORDER_CANCELLED, (enum mri_leg)leg,
                order->intent_seq, MRI_REASON_OTHER_LEG_FILLED);
        }
    }
    return err;
}

/** The mean of all that the position's exits have got: of the fill at hand too, exactly where it
 * came in parts. */
static mr_err exit_price(
    const struct mri_order_draft *context, int64_t fill_price, int64_t *ret_price)
{
    const struct mri_parts *parts = parts_of(context);
    struct mri_fill_sum sum = parts->exits;
    mr_err err = parts->order.quantity > 0 ? mri_parts_join(&sum, &parts->order)
                                           : mri_parts_add(&sum, rest_of(context), fill_price, 0);
    return err == MR_OK ? mri_parts_price(&sum, ret_price) : err;
}

/** An exit leg was filled: the position closes, the other legs are cancelled. */
mr_err mri_order_draft_close(
    const struct mri_order_draft *context, enum mri_leg leg, const struct mri_venue_fill *fill)
{
    const struct mri_position *position = context->position;
    uint64_t fill_seq = mri_batch_next_seq(context->batch);
    struct mri_position_closed fixed = {
        .event_time_unix_ns = context->time_unix_ns,
        .quantity = position->quantity,
        .entry_price = position->entry_price,
        .symbol = context->symbol,
        .instrument = context->symbol,
        .side = position->side,
        .venue_mode = (uint8_t)context->mode,
        .reason = (uint16_t)mri_exits_reason(leg),
    };
    mr_err err = mri_position_result(position, parts_of(context),
        mri_instruments_get(&context->execute->market->instruments, context->symbol), fill, &fixed);
    if (err == MR_OK) {
        err = exit_price(context, fill->price, &fixed.exit_price);
    }
    if (err == MR_OK) {
        err = mri_order_draft_fill(context, leg, fill, rest_of(context));
    }
    if (err == MR_OK) {
        err = draft_cancels(context, leg);
    }
    if (err == MR_OK) {
        fixed.cause = mri_order_draft_ref(context, context->input->seq);
        fixed.signal = mri_order_draft_ref(context, position->signal_seq);
        fixed.fill = mri_order_draft_ref(context, fill_seq);
        err = add(context, MRI_EVENT_POSITION_CLOSED, &fixed);
    }
    return err;
}
