/* SPDX-License-Identifier: MIT */
/**
 * A market as plain arrays, one slot a minute, NaN where the bar is missing; and statistics over
 * them straight from their definitions (those of pandas' rolling() and ewm()), slow and with libm.
 */
#ifndef TESTS_LIB_NAIVE_SERIES_H
#define TESTS_LIB_NAIVE_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/event_codec.h"

enum { MRI_NAIVE_SLOTS_MAX = 6000 };

/** A random walk with gaps, and its features. Prices have 2 decimals. */
struct mri_naive_market {
    size_t slots;
    struct mri_candle candles[MRI_NAIVE_SLOTS_MAX]; /**< close_time_unix_ns 0: missing */
    double high[MRI_NAIVE_SLOTS_MAX];
    double low[MRI_NAIVE_SLOTS_MAX];
    double close[MRI_NAIVE_SLOTS_MAX];
    double volume[MRI_NAIVE_SLOTS_MAX];
    double log_close[MRI_NAIVE_SLOTS_MAX];
    double log_return[MRI_NAIVE_SLOTS_MAX]; /**< since the slot before */
    double volatility[MRI_NAIVE_SLOTS_MAX]; /**< of 240 returns, at least 120; NaN for 0 */
    double ratio[MRI_NAIVE_SLOTS_MAX];      /**< variance ratio that makes the regime */
};

/**
 * Draw a market: a walk whose steps change in size, with single and long gaps (one longer than
 * every window), flat stretches, bars without range and without volume.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_naive_market_make(
    struct mri_naive_market *ret_market, uint32_t symbol, size_t slots, uint64_t seed);

/**
 * Mean of the present values among the last `window` slots up to `at`.
 *
 * Returns  the mean; NaN when fewer than `present_min` are present.
 * Threads  any.
 */
double mri_naive_mean(const double *series, size_t at, size_t window, size_t present_min);

/**
 * Variance (divisor n - 1) of the present values among the last `window` slots up to `at`, in two
 * passes.
 *
 * Returns  the variance; NaN when fewer than `present_min` or 2 are present.
 * Threads  any.
 */
double mri_naive_variance(const double *series, size_t at, size_t window, size_t present_min);

/**
 * Largest (sign 1) or smallest (sign -1) of the last `window` slots up to `at`.
 *
 * Returns  the extreme; NaN when one of them is missing or there are not that many.
 * Threads  any.
 */
double mri_naive_extreme(const double *series, size_t at, size_t window, int sign);

/**
 * Exponentially weighted mean up to `at`: weights (1 - alpha)^age over the present values, missing
 * slots age too.
 *
 * Returns  the mean; NaN when nothing is present.
 * Threads  any.
 */
double mri_naive_ewm(const double *series, size_t at, double alpha);

/**
 * The difference to the slot `lag` before.
 *
 * Returns  the difference; NaN when one of both is missing.
 * Threads  any.
 */
double mri_naive_diff(const double *series, size_t at, size_t lag);

/**
 * Are two numbers equal within a relative error of 1e-9? Two NaN are.
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_naive_is_near(double a, double b);

#endif
