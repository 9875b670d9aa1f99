/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic of positions, in integers.
 *
 *   N(p)      value of the position's quantity at price p
 *   gross     side x (N(exit reference) - N(entry reference))
 *   slippage  |N(price) - N(reference)| of both fills
 *             an exit in several orders: N(exit) is the sum of theirs
 *   net       gross - fee - slippage = side x (N(exit) - N(entry)) - fee, exactly
 */
#include "execute/positions.h"

#include "base/exact_math.h"

/** Standard deviation of the return over the 30 minutes that exits are measured in. */
#define EXIT_BARS 30.0

/**
 * Without a known volatility: half a percent, a usual deviation of a liquid coin in 30 minutes.
 * What is approved has a volatility; it can be lost in a gap of the market before the fill, and a
 * position must have its exits then, too.
 */
#define FALLBACK_SD 0.005

static mr_err distance(int64_t price, double share, int64_t tick, int64_t *ret_distance)
{
    int64_t wide;
    if (!(share < 9e9)) {
        return MR_ERANGE;
    }
    mr_err err = mri_fixed_mul_div(price, (int64_t)(share * 1e9 + 0.5), 1000000000, &wide);
    if (err == MR_OK) {
        *ret_distance = wide > tick ? wide : tick;
    }
    return err;
}

mr_err mri_position_exits(const struct mri_exit_limits *limits,
    const struct mri_instrument_spec *spec, double volatility, struct mri_position *position)
{
    double sd = volatility > 0.0 ? volatility * mri_sqrt(EXIT_BARS) : FALLBACK_SD;
    int64_t stop;
    int64_t target;
    mr_err err = distance(position->entry_price, limits->stop_sd * sd, spec->tick, &stop);
    if (err == MR_OK) {
        err = distance(position->entry_price, limits->target_sd * sd, spec->tick, &target);
    }
    bool is_long = position->side == MR_LONG;
    if (err == MR_OK) {
        err = mri_fixed_add(position->entry_price, is_long ? -stop : stop, &stop);
    }
    if (err == MR_OK) {
        err = mri_fixed_add(position->entry_price, is_long ? target : -target, &target);
    }
    if (err == MR_OK) {
        err =
            mri_fixed_add(position->opened_unix_ns, limits->hold_ns, &position->exit_time_unix_ns);
    }
    if (err == MR_OK) {
        position->stop_price = mri_instrument_round_price(spec, stop, is_long ? -1 : 1);
        position->target_price = mri_instrument_round_price(spec, target, is_long ? 1 : -1);
    }
    return err;
}

/** What was got at the reference prices. */
static mr_err exit_value_e8(const struct mri_parts *parts, const struct mri_instrument_spec *spec,
    int64_t price, int64_t rest, int64_t *ret_value)
{
    mr_err err = mri_instrument_value_e8(spec, price, rest, ret_value);
    return err == MR_OK ? mri_fixed_add(*ret_value, parts->exit_reference_value_e8, ret_value)
                        : err;
}

/** Fees and slippage of all fills. */
static mr_err add_costs(const struct mri_position *position, const struct mri_parts *parts,
    const struct mri_venue_fill *exit, struct mri_position_closed *closed)
{
    mr_err err = mri_fixed_add(position->entry_fee_e8, exit->fee_e8, &closed->fee_e8);
    if (err == MR_OK) {
        err = mri_fixed_add(closed->fee_e8, parts->exits.fee_e8, &closed->fee_e8);
    }
    if (err == MR_OK) {
        err = mri_fixed_add(position->entry_slippage_e8, exit->slippage_e8, &closed->slippage_e8);
    }
    return err == MR_OK
               ? mri_fixed_add(closed->slippage_e8, parts->exit_slippage_e8, &closed->slippage_e8)
               : err;
}

mr_err mri_position_result(const struct mri_position *position, const struct mri_parts *parts,
    const struct mri_instrument_spec *spec, const struct mri_venue_fill *exit,
    struct mri_position_closed *closed)
{
    int64_t entry;
    int64_t left;
    int64_t rest = position->quantity - parts->exits.quantity;
    mr_err err =
        mri_instrument_value_e8(spec, position->entry_reference_price, position->quantity, &entry);
    if (err == MR_OK) {
        err = exit_value_e8(parts, spec, exit->reference_price, rest, &left);
    }
    if (err == MR_OK) {
        closed->gross_e8 = position->side == MR_LONG ? left - entry : entry - left;
        err = add_costs(position, parts, exit, closed);
    }
    if (err == MR_OK) {
        err = mri_fixed_add(closed->gross_e8, -closed->fee_e8, &closed->net_e8);
    }
    return err == MR_OK ? mri_fixed_add(closed->net_e8, -closed->slippage_e8, &closed->net_e8)
                        : err;
}
