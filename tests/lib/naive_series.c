/* SPDX-License-Identifier: MIT */
/*
 * Naive statistics.
 */
#include "tests/lib/naive_series.h"

#include <math.h>
#include <string.h>

#include "base/prng.h"
#include "tests/lib/engine_sample.h"

#define ABSENT ((double)NAN)

/** Longer than every window, and than the bars that a market counts as missing. */
enum { SILENCE_SLOTS = 1700 };

double mri_naive_mean(const double *series, size_t at, size_t window, size_t present_min)
{
    double sum = 0.0;
    size_t present = 0;
    for (size_t age = 0; age < window && age <= at; age++) {
        if (!isnan(series[at - age])) {
            sum += series[at - age];
            present++;
        }
    }
    return present < present_min || present == 0 ? ABSENT : sum / (double)present;
}

double mri_naive_variance(const double *series, size_t at, size_t window, size_t present_min)
{
    double mean = mri_naive_mean(series, at, window, present_min);
    double sum = 0.0;
    size_t present = 0;
    for (size_t age = 0; age < window && age <= at; age++) {
        if (!isnan(series[at - age])) {
            sum += (series[at - age] - mean) * (series[at - age] - mean);
            present++;
        }
    }
    return present < 2 ? ABSENT : sum / (double)(present - 1); /* NaN with the mean */
}

double mri_naive_extreme(const double *series, size_t at, size_t window, int sign)
{
    double best = ABSENT;
    for (size_t age = 0; age < window; age++) {
        if (age > at || isnan(series[at - age])) {
            return ABSENT;
        }
        best = age == 0 || sign * series[at - age] > sign * best ? series[at - age] : best;
    }
    return best;
}

double mri_naive_ewm(const double *series, size_t at, double alpha)
{
    double weight = 1.0;
    double sum = 0.0;
    double weights = 0.0;
    for (size_t age = 0; age <= at && !(weight < 1e-30 * weights); age++) {
        if (!isnan(series[at - age])) {
            sum += weight * series[at - age];
            weights += weight;
        }
        weight *= 1.0 - alpha;
    }
    return weights > 0.0 ? sum / weights : ABSENT;
}

double mri_naive_diff(const double *series, size_t at, size_t lag)
{
    return at < lag ? ABSENT : series[at] - series[at - lag];
}

bool mri_naive_is_near(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return isnan(a) && isnan(b);
    }
    return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

/** How many slots are missing from here on: mostly none. */
static size_t draw_gap(struct mri_prng *prng)
{
    if (mri_prng_below(prng, 1000) == 0) {
        return 1 + mri_prng_below(prng, 150);
    }
    return mri_prng_below(prng, 400) == 0 ? 1 : 0;
}

static struct mri_candle draw_candle(struct mri_prng *prng, int64_t *price, double step)
{
    int64_t open = *price;
    int64_t low = open;
    int64_t high = open;
    for (int i = 0; i < 4; i++) {
        *price += (int64_t)(mri_prng_normal(prng) * step * (double)*price);
        *price = *price < 100 ? 100 : *price;
        low = *price < low ? *price : low;
        high = *price > high ? *price : high;
    }
    bool is_quiet = mri_prng_below(prng, 60) == 0;
    return (struct mri_candle){
        .duration_ns = MRI_ENGINE_SAMPLE_MINUTE_NS,
        .open = open,
        .high = high,
        .low = low,
        .close = *price,
        .volume = is_quiet ? 0.0 : 1.0 + 100.0 * mri_prng_uniform(prng),
    };
}

static void draw_candles(struct mri_naive_market *market, uint32_t symbol, struct mri_prng *prng)
{
    int64_t price = 5000000;
    bool was_silent = false;
    double step = 0.0004;
    for (size_t slot = 0; slot < market->slots; slot++) {
        bool is_silence = !was_silent && slot >= market->slots / 2;
        slot += is_silence ? SILENCE_SLOTS : draw_gap(prng);
        was_silent = was_silent || is_silence;
        if (slot >= market->slots) {
            break;
        }
        if (mri_prng_below(prng, 100) == 0) {
            step = 0.0002 + 0.002 * mri_prng_uniform(prng);
        }
        bool is_flat = slot % 1000 < 8;
        struct mri_candle candle = draw_candle(prng, &price, is_flat ? 0.0 : step);
        candle.symbol = symbol;
        candle.instrument = symbol;
        candle.close_time_unix_ns =
            MRI_ENGINE_SAMPLE_T0_UNIX_NS + (int64_t)slot * MRI_ENGINE_SAMPLE_MINUTE_NS;
        market->candles[slot] = candle;
    }
}

static double price_of(const struct mri_candle *candle, int64_t price)
{
    return candle->close_time_unix_ns == 0 ? ABSENT : (double)price / 100.0;
}

static void compute_features(struct mri_naive_market *market)
{
    static double tenfold[MRI_NAIVE_SLOTS_MAX];
    for (size_t i = 0; i < market->slots; i++) {
        const struct mri_candle *candle = &market->candles[i];
        market->high[i] = price_of(candle, candle->high);
        market->low[i] = price_of(candle, candle->low);
        market->close[i] = price_of(candle, candle->close);
        market->volume[i] = candle->close_time_unix_ns == 0 ? ABSENT : candle->volume;
        market->log_close[i] = log(market->close[i]);
        market->log_return[i] = mri_naive_diff(market->log_close, i, 1);
        tenfold[i] = mri_naive_diff(market->log_close, i, 10);
        double variance = mri_naive_variance(market->log_return, i, 240, 120);
        market->volatility[i] = variance > 0.0 ? sqrt(variance) : ABSENT;
        market->ratio[i] = mri_naive_variance(tenfold, i, 360, 180) /
                           (10.0 * mri_naive_variance(market->log_return, i, 360, 180));
    }
}

void mri_naive_market_make(
    struct mri_naive_market *ret_market, uint32_t symbol, size_t slots, uint64_t seed)
{
    struct mri_prng prng;
    MRI_ASSERT(slots <= MRI_NAIVE_SLOTS_MAX);
    mri_prng_init(&prng, seed);
    memset(ret_market, 0, sizeof(*ret_market));
    ret_market->slots = slots;
    draw_candles(ret_market, symbol, &prng);
    compute_features(ret_market);
}
