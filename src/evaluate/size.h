/* SPDX-License-Identifier: MIT */
/**
 * The size of an order as a product of recorded factors.
 */
#ifndef MRI_EVALUATE_SIZE_H
#define MRI_EVALUATE_SIZE_H

#include "bus/event_codec.h"
#include "market/instruments.h"

enum { MRI_SIZE_FACTORS = 5 };

/** Limits of sizes; from the configuration. */
struct mri_size_limits {
    double equity;
    double kelly_fraction;
    double notional_cap; /**< share of equity */
};

/** What a size is computed from. */
struct mri_size_input {
    double edge_bps;  /**< expected return less costs, > 0 */
    double ev_sd_bps; /**< standard error of the expected return */
    double return_sd; /**< standard deviation of the return over the horizon, > 0 */
    double room;      /**< notional that the exposure limit still leaves */
    int64_t price;    /**< in force */
};

/** A size. */
struct mri_size {
    struct mri_row_factor factors[MRI_SIZE_FACTORS]; /**< their product is the notional */
    double notional;
    double notional_min; /**< the venue's smallest order at this price */
    int64_t quantity;    /**< rounded down to the lot; 0 = below the minimum */
    int64_t notional_e8; /**< of the rounded quantity */
};

/**
 * Compute a size: equity x (mu / s^2) x Kelly fraction x shrinkage x cap, where shrinkage is
 * mu^2 / (mu^2 + se^2) and cap brings the product down to the smaller of notional_cap x equity and
 * the room.
 *
 * Returns  the size; quantity 0 when it is below the venue's minimum, never rounded up.
 * Threads  any.
 * Source   Kelly 1956; shrinkage after Baker and McHale 2013.
 */
struct mri_size mri_size_compute(const struct mri_size_limits *limits,
    const struct mri_size_input *input, const struct mri_instrument_spec *spec);

#endif
