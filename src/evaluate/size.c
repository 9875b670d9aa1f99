/* SPDX-License-Identifier: MIT */
/*
 * Order sizes.
 *
 * Invariants
 *  1. The product of the factors is the notional before rounding to lots.
 *  2. Rounding goes down only: what the gates approved is never exceeded, and a size below the
 *     venue's minimum is no order.
 */
#include "evaluate/size.h"

static void set_factor(struct mri_size *size, enum mri_factor factor, double value)
{
    size->factors[factor] = (struct mri_row_factor){.value = value, .factor = (uint8_t)factor};
    size->notional *= value;
}

static void round_to_lot(
    struct mri_size *size, const struct mri_instrument_spec *spec, int64_t price)
{
    double unit = mri_instrument_price(spec, price) * (double)spec->multiplier;
    double quantity_min = mri_fixed_to_double(spec->quantity_min, spec->quantity_decimals);
    double value_min = mri_fixed_to_double(spec->notional_min_e8, MRI_MONEY_DECIMALS);
    size->notional_min = quantity_min * unit > value_min ? quantity_min * unit : value_min;
    size->quantity = mri_instrument_quantity(spec, size->notional, price, &size->notional_e8);
}

struct mri_size mri_size_compute(const struct mri_size_limits *limits,
    const struct mri_size_input *input, const struct mri_instrument_spec *spec)
{
    struct mri_size size = {.notional = 1.0};
    double edge = input->edge_bps / 1e4;
    double error = input->ev_sd_bps / 1e4;
    set_factor(&size, MRI_FACTOR_EQUITY, limits->equity);
    set_factor(&size, MRI_FACTOR_EDGE, edge / (input->return_sd * input->return_sd));
    set_factor(&size, MRI_FACTOR_KELLY, limits->kelly_fraction);
    set_factor(&size, MRI_FACTOR_SHRINKAGE, edge * edge / (edge * edge + error * error));
    double cap = limits->notional_cap * limits->equity;
    double most = cap < input->room ? cap : input->room;
    set_factor(&size, MRI_FACTOR_CAP, size.notional > most ? most / size.notional : 1.0);
    round_to_lot(&size, spec, input->price);
    return size;
}
