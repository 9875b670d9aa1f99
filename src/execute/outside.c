/* SPDX-License-Identifier: MIT */
/*
 * Positions at a venue outside.
 *
 *   order.report      -> sent | accepted | in_doubt | rejected or cancelled, blocked |
 *                        filled, position opened, executed
 *                        a part filled: summed; the order lives on until it is filled or ends
 *   bars after        -> stop, target or time is reached: an intent to close at the market
 *   order.report      -> filled, position closed; or the next attempt, of what is left, a minute
 *                        later at the soonest
 *
 * Invariants
 *  1. A position has at most one order that lives: none needs to be cancelled, and no two can be
 *     filled.
 *  2. A report that does not fit is disputed and changes nothing. The bus has compared it with its
 *     order already, so this is the second lock.
 *  3. An order has one order.filled, when it is over: of all its parts, at their mean price. While
 *     it lives its parts are a sum, and no position.
 */
#include "execute/outside.h"

enum { MINUTE_S = 60, NO_LEG = MRI_LEG_COUNT };
#define SECOND_NS ((int64_t)1000000000)

uint32_t mri_outside_minute(int64_t time_unix_ns)
{
    return (uint32_t)(time_unix_ns / SECOND_NS / MINUTE_S);
}

/** Is there an order of the position that lives, or one that ended without a fill just now? */
static bool must_wait(const struct mri_position *position, int64_t now_unix_ns)
{
    for (unsigned leg = MRI_LEG_STOP; leg < MRI_LEG_COUNT; leg++) {
        const struct mri_order *order = &position->orders[leg];
        if (mri_order_is_live((enum mri_order_state)order->state) ||
            (order->ended_minute != 0 && mri_outside_minute(now_unix_ns) <= order->ended_minute)) {
            return true;
        }
    }
    return false;
}

/** The exit that a bar, or the time, makes due; without a bar the time alone. */
static unsigned exit_due(const struct mri_order_draft *context, const struct mri_candle *bar)
{
    const struct mri_execute *execute = context->execute;
    const struct mri_position *position = context->position;
    bool is_long = position->side == MR_LONG;
    if (bar != NULL &&
        (is_long ? bar->low <= position->stop_price : bar->high >= position->stop_price)) {
        return MRI_LEG_STOP;
    }
    if (bar != NULL &&
        (is_long ? bar->high >= position->target_price : bar->low <= position->target_price)) {
        return MRI_LEG_TARGET;
    }
    bool is_time = execute->market->event_time_unix_ns >= position->exit_time_unix_ns &&
                   execute->mode.mode != MRI_MODE_HALT;
    return is_time ? MRI_LEG_TIME : NO_LEG;
}

mr_err mri_outside_decide_exit(const struct mri_order_draft *context, const struct mri_candle *bar)
{
    const struct mri_position *position = context->position;
    if (!position->is_open || must_wait(position, context->execute->market->event_time_unix_ns)) {
        return MR_OK;
    }
    unsigned leg = exit_due(context, bar);
    bool is_possible = leg != NO_LEG && position->orders[leg].attempt < UINT8_MAX;
    return is_possible ? mri_order_draft_intent(context, (enum mri_leg)leg, MRI_ORDER_MARKET, 0)
                       : MR_OK;
}

/** Time passes where no price comes, too. */
mr_err mri_outside_decide_tick(const struct mri_order_draft *tick)
{
    const struct mri_execute *execute = tick->execute;
    mr_err err = MR_OK;
    uint32_t left = execute->open_count;
    for (uint32_t i = 0; left > 0 && i < execute->options.symbols_max && err == MR_OK; i++) {
        struct mri_order_draft context = *tick;
        context.position = &execute->positions[i];
        context.symbol = i;
        context.mode = MRI_VENUE_EXTERNAL;
        left -= context.position->is_open;
        err = context.position->is_outside ? mri_outside_decide_exit(&context, NULL) : MR_OK;
    }
    return err;
}

static mr_err draft_dispute(const struct mri_order_draft *context)
{
    const struct mri_order_report *report = context->input->body;
    const struct mri_order_disputed fixed = {
        .cause = mri_order_draft_ref(context, context->input->seq),
        .intent = mri_order_draft_ref(context, mri_ref_seq(report->intent, context->input->seq)),
        .event_time_unix_ns = report->event_time_unix_ns,
        .reason = MRI_REASON_ORDER_STEP,
        .status = report->status,
    };
    return mri_batch_add(context->batch,
        &(struct mri_draft){.type = MRI_EVENT_ORDER_DISPUTED, .fixed = &fixed},
        context->input->ordinal);
}

/** An order that ended without a fill. */
static mr_err draft_unfilled(const struct mri_order_draft *context, enum mri_event_type type)
{
    const struct mri_order_report *report = context->input->body;
    const struct mri_order *order = &context->position->orders[report->leg];
    enum mri_reason reason =
        type == MRI_EVENT_ORDER_REJECTED ? MRI_REASON_VENUE_REJECTED : MRI_REASON_ORDER_CANCELLED;
    uint64_t ended_seq = mri_batch_next_seq(context->batch);
    mr_err err =
        mri_order_draft_fact(context, type, (enum mri_leg)report->leg, order->intent_seq, reason);
    if (err == MR_OK && report->leg == MRI_LEG_ENTRY) {
        err = mri_order_draft_move(context, &(struct mri_signal_moved){.from = MR_EXECUTING,
                                                .to = MR_BLOCKED,
                                                .evidence = ended_seq,
                                                .gate = MRI_GATE_VENUE,
                                                .reason = (uint16_t)reason});
    }
    return err;
}

/** What the order at hand has got, as one fill. */
static mr_err read_fill(const struct mri_order_draft *context, struct mri_venue_fill *ret_fill)
{
    const struct mri_order_report *report = context->input->body;
    const struct mri_order *order = &context->position->orders[report->leg];
    const struct mri_fill_sum *sum = &context->execute->parts[context->symbol].order;
    const struct mri_instrument_spec *spec =
        mri_instruments_get(&context->execute->market->instruments, context->symbol);
    struct mri_venue_fill fill = {.reference_price = order->price, .fee_e8 = sum->fee_e8};
    int64_t paid;
    int64_t shown;
    mr_err err = mri_parts_price(sum, &fill.price);
    if (err == MR_OK) {
        err = mri_instrument_value_e8(spec, fill.price, sum->quantity, &paid);
    }
    if (err == MR_OK) {
        err = mri_instrument_value_e8(spec, fill.reference_price, sum->quantity, &shown);
    }
    if (err == MR_OK) {
        err = order->side == MR_LONG ? mri_fixed_add(paid, -shown, &fill.slippage_e8)
                                     : mri_fixed_add(shown, -paid, &fill.slippage_e8);
    }
    if (err == MR_OK) {
        *ret_fill = fill;
    }
    return err;
}

/** An order that is over with what it has got. An exit that has got a part leaves the rest open. */
static mr_err draft_over(const struct mri_order_draft *context)
{
    const struct mri_order_report *report = context->input->body;
    enum mri_leg leg = (enum mri_leg)report->leg;
    int64_t quantity = context->execute->parts[context->symbol].order.quantity;
    bool is_whole = quantity == context->position->orders[leg].quantity;
    struct mri_venue_fill fill;
    mr_err err = read_fill(context, &fill);
    if (err != MR_OK) {
        return err;
    }
    if (leg == MRI_LEG_ENTRY) {
        return mri_order_draft_entry(context, &fill, quantity);
    }
    return is_whole ? mri_order_draft_close(context, leg, &fill)
                    : mri_order_draft_fill(context, leg, &fill, quantity);
}

static mr_err draft_ended(const struct mri_order_draft *context, enum mri_event_type type)
{
    return context->execute->parts[context->symbol].order.quantity > 0
               ? draft_over(context)
               : draft_unfilled(context, type);
}

/** A fill: the order is over, or the venue has it for what is left. */
static mr_err draft_reported_fill(const struct mri_order_draft *context)
{
    const struct mri_order_report *report = context->input->body;
    const struct mri_order *order = &context->position->orders[report->leg];
    const struct mri_parts *parts = &context->execute->parts[context->symbol];
    if (parts->report_seq != context->input->seq) {
        return draft_dispute(context); /* it was not summed */
    }
    if (parts->order.quantity == order->quantity) {
        return draft_over(context);
    }
    return order->state == MRI_ORDER_ACCEPTED
               ? MR_OK
               : mri_order_draft_fact(context, MRI_EVENT_ORDER_ACCEPTED, (enum mri_leg)report->leg,
                     order->intent_seq, MRI_REASON_NONE);
}

/** The position of a report, if it is about an order that can go there. */
static const struct mri_position *position_reported(
    const struct mri_execute *execute, const struct mri_event *input)
{
    const struct mri_order_report *report = input->body;
    if (report->instrument >= execute->options.symbols_max) {
        return NULL;
    }
    const struct mri_position *position = &execute->positions[report->instrument];
    const struct mri_order *order = &position->orders[report->leg];
    bool is_rest = report->status == MRI_REPORT_REJECTED &&
                   mri_order_is_live((enum mri_order_state)order->state) &&
                   execute->parts[report->instrument].order.quantity > 0;
    bool is_step = is_rest || mri_order_is_reportable((enum mri_order_state)order->state,
                                  mri_order_state_reported((enum mri_report_status)report->status));
    bool is_this = input->ordinal != 0 && position->ordinal == input->ordinal &&
                   position->is_outside != 0 &&
                   order->intent_seq == mri_ref_seq(report->intent, input->seq) && is_step;
    return is_this ? position : NULL;
}

mr_err mri_outside_apply_report(struct mri_execute *execute, const struct mri_event *event)
{
    const struct mri_order_report *report = event->body;
    const struct mri_position *position = position_reported(execute, event);
    if (position == NULL || report->status != MRI_REPORT_FILLED) {
        return MR_OK;
    }
    struct mri_parts *parts = &execute->parts[report->instrument];
    int64_t left = position->orders[report->leg].quantity - parts->order.quantity;
    if (report->quantity <= 0 || report->quantity > left) {
        return MR_OK;
    }
    mr_err err = mri_parts_add(&parts->order, report->quantity, report->price, report->fee_e8);
    if (err == MR_OK) {
        parts->report_seq = event->seq;
    }
    return err;
}

mr_err mri_outside_decide_report(struct mri_order_draft *context)
{
    const struct mri_order_report *report = context->input->body;
    context->position = position_reported(context->execute, context->input);
    context->symbol = report->instrument;
    context->mode = MRI_VENUE_EXTERNAL;
    context->time_unix_ns = report->event_time_unix_ns;
    if (context->position == NULL) {
        return draft_dispute(context);
    }
    enum mri_leg leg = (enum mri_leg)report->leg;
    uint64_t intent_seq = context->position->orders[leg].intent_seq;
    switch ((enum mri_report_status)report->status) {
    case MRI_REPORT_SENT:
        return mri_order_draft_fact(
            context, MRI_EVENT_ORDER_SENT, leg, intent_seq, MRI_REASON_NONE);
    case MRI_REPORT_ACCEPTED:
        return mri_order_draft_fact(
            context, MRI_EVENT_ORDER_ACCEPTED, leg, intent_seq, MRI_REASON_NONE);
    case MRI_REPORT_UNKNOWN:
        return mri_order_draft_fact(
            context, MRI_EVENT_ORDER_IN_DOUBT, leg, intent_seq, MRI_REASON_NONE);
    case MRI_REPORT_REJECTED:
        return draft_ended(context, MRI_EVENT_ORDER_REJECTED);
    case MRI_REPORT_CANCELLED:
        return draft_ended(context, MRI_EVENT_ORDER_CANCELLED);
    default:
        return draft_reported_fill(context);
    }
}
