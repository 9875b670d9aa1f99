/* SPDX-License-Identifier: MIT */
/*
 * What a bar does to a position.
 *
 * Invariants
 *  1. Within a bar the stop comes before the target; an exit by time fills at the open, before
 *     either.
 */
#include "execute/exits.h"

bool mri_exits_symbol(const struct mri_event *input, uint32_t *ret_symbol)
{
    if (input->type == MRI_EVENT_QUOTE) {
        *ret_symbol = ((const struct mri_quote *)input->body)->symbol;
        return true;
    }
    if (input->type == MRI_EVENT_CANDLE) {
        *ret_symbol = ((const struct mri_candle *)input->body)->symbol;
        return true;
    }
    return false;
}

/** A price of one moment as a bar without width. */
static struct mri_candle moment(uint32_t symbol, int64_t price, int64_t time_unix_ns)
{
    return (struct mri_candle){.close_time_unix_ns = time_unix_ns,
        .open = price,
        .high = price,
        .low = price,
        .close = price,
        .symbol = symbol,
        .instrument = symbol};
}

struct mri_candle mri_exits_read_bar(const struct mri_market *market,
    const struct mri_position *position, const struct mri_event *input)
{
    if (input->type == MRI_EVENT_QUOTE) {
        const struct mri_quote *quote = input->body;
        return moment(quote->symbol, mri_market_quote_middle(quote), quote->event_time_unix_ns);
    }
    const struct mri_candle *candle = input->body;
    bool is_whole =
        mri_market_symbol(market, candle->symbol)->is_quoted_within == 0 ||
        (position->is_open != 0 &&
            position->opened_unix_ns <= candle->close_time_unix_ns - candle->duration_ns &&
            position->orders[MRI_LEG_TIME].state == MRI_ORDER_NONE);
    return is_whole ? *candle : moment(candle->symbol, candle->close, candle->close_time_unix_ns);
}

mr_err mri_exits_match(const struct mri_exits_bar *met, const struct mri_position *position,
    enum mri_leg leg, struct mri_venue_fill *ret_fill)
{
    const struct mri_order *order = &position->orders[leg];
    if (order->state != MRI_ORDER_ACCEPTED) {
        return MR_NOT_FOUND;
    }
    const struct mri_venue_order at_venue = {
        .spec = met->spec,
        .side = (mr_side)order->side,
        .type = (enum mri_order_type)order->type,
        .quantity = order->quantity,
        .trigger_price = order->price,
    };
    return met->venue->match(met->venue->context, &at_venue, met->bar, ret_fill);
}

mr_err mri_exits_first(const struct mri_exits_bar *met, const struct mri_position *position,
    enum mri_leg *ret_leg, struct mri_venue_fill *ret_fill)
{
    static const enum mri_leg order_of_exits[] = {MRI_LEG_TIME, MRI_LEG_STOP, MRI_LEG_TARGET};
    mr_err err = MR_NOT_FOUND;
    for (unsigned i = 0; i < MRI_COUNT_OF(order_of_exits) && err == MR_NOT_FOUND; i++) {
        err = mri_exits_match(met, position, order_of_exits[i], ret_fill);
        if (err == MR_OK) {
            *ret_leg = order_of_exits[i];
        }
    }
    return err;
}

mr_side mri_exits_side(const struct mri_position *position, enum mri_leg leg)
{
    bool is_long = position->side == MR_LONG;
    return is_long == (leg == MRI_LEG_ENTRY) ? MR_LONG : MR_SHORT;
}

enum mri_reason mri_exits_reason(enum mri_leg leg)
{
    return leg == MRI_LEG_STOP ? MRI_REASON_STOP
                               : (leg == MRI_LEG_TARGET ? MRI_REASON_TARGET : MRI_REASON_TIME);
}
