/* SPDX-License-Identifier: MIT */
/*
 * Fills on candles.
 *
 *   market  at the open
 *   stop    when the bar reaches it: at the stop, or at the open if the bar opens beyond it
 *   limit   when the bar reaches it: at the limit, or at the open if the bar opens beyond it
 *
 * Market and stop fill worse by half the spread and slippage, limit at exactly that price.
 *
 * Prices are rounded to the tick against the trader. Which of stop and target comes first within a
 * bar is the caller's rule: the stop.
 */
#include "execute/paper.h"

enum { MILLIONTHS = 1000000 };

static bool is_buy(const struct mri_venue_order *order)
{
    return order->side == MR_LONG;
}

static mr_err check(const void *context, const struct mri_venue_order *order)
{
    (void)context;
    const struct mri_instrument_spec *spec = order->spec;
    bool is_on_lot = order->quantity > 0 && order->quantity % spec->lot == 0;
    return is_on_lot && order->quantity >= spec->quantity_min ? MR_OK : MR_REFUSED;
}

/** The price after spread and slippage, on the tick, against the trader. */
static mr_err worsen(const struct mri_paper *paper, const struct mri_venue_order *order,
    int64_t reference, int64_t *ret_price)
{
    int64_t change;
    mr_err err = mri_fixed_mul_div_up(
        reference, paper->half_spread_e6 + paper->slippage_e6, MILLIONTHS, &change);
    int64_t price;
    if (err == MR_OK) {
        err = mri_fixed_add(reference, is_buy(order) ? change : -change, &price);
    }
    if (err != MR_OK) {
        return err;
    }
    *ret_price = mri_instrument_round_price(order->spec, price, is_buy(order) ? 1 : -1);
    return MR_OK;
}

static mr_err value_e8(const struct mri_venue_order *order, int64_t price, int64_t *ret_money_e8)
{
    return mri_instrument_value_e8(order->spec, price, order->quantity, ret_money_e8);
}

/** Complete a fill whose prices are known. */
static mr_err charge(
    const struct mri_paper *paper, const struct mri_venue_order *order, struct mri_venue_fill *fill)
{
    int64_t paid;
    int64_t shown;
    mr_err err = value_e8(order, fill->price, &paid);
    if (err == MR_OK) {
        err = value_e8(order, fill->reference_price, &shown);
    }
    if (err == MR_OK) {
        err = mri_fixed_mul_div(paid, paper->fee_e6, MILLIONTHS, &fill->fee_e8);
    }
    if (err == MR_OK) {
        fill->slippage_e8 = is_buy(order) ? paid - shown : shown - paid;
    }
    return err;
}

/** Where a stop or limit order meets the market in a bar; false: it does not. */
static bool meets(
    const struct mri_venue_order *order, const struct mri_candle *candle, int64_t *ret_reference)
{
    /* A buying stop and a selling limit wait above the market, the others below. */
    bool is_above = is_buy(order) == (order->type == MRI_ORDER_STOP);
    int64_t trigger = order->trigger_price;
    bool is_met = is_above ? candle->high >= trigger : candle->low <= trigger;
    bool is_gap = is_above ? candle->open >= trigger : candle->open <= trigger;
    *ret_reference = is_gap ? candle->open : trigger;
    return is_met;
}

static mr_err match(const void *context, const struct mri_venue_order *order,
    const struct mri_candle *candle, struct mri_venue_fill *ret_fill)
{
    const struct mri_paper *paper = context;
    struct mri_venue_fill fill = {.reference_price = candle->open};
    if (order->type != MRI_ORDER_MARKET && !meets(order, candle, &fill.reference_price)) {
        return MR_NOT_FOUND;
    }
    mr_err err = MR_OK;
    if (order->type == MRI_ORDER_LIMIT) {
        fill.price = fill.reference_price;
    } else {
        err = worsen(paper, order, fill.reference_price, &fill.price);
    }
    if (err == MR_OK) {
        err = charge(paper, order, &fill);
    }
    if (err == MR_OK) {
        *ret_fill = fill;
    }
    return err;
}

struct mri_venue mri_paper_venue(const struct mri_paper *paper, enum mri_venue_mode mode)
{
    return (struct mri_venue){.context = paper, .mode = mode, .check = check, .match = match};
}
