/* SPDX-License-Identifier: MIT */
/*
 * The relative strength index against its definition.
 */
#include <math.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/votes_check.h"

enum { BARS_MIN = 70 };

static double up[MRI_NAIVE_SLOTS_MAX];
static double down[MRI_NAIVE_SLOTS_MAX];
static size_t bars[MRI_NAIVE_SLOTS_MAX];

static void prepare(const struct mri_naive_market *market)
{
    size_t present = 0;
    for (size_t i = 0; i < market->slots; i++) {
        double change = market->log_return[i];
        up[i] = isnan(change) ? change : fmax(change, 0.0);
        down[i] = isnan(change) ? change : fmax(-change, 0.0);
        present += !isnan(market->close[i]);
        bars[i] = present;
    }
}

static struct mri_naive_vote define(const struct mri_naive_market *market, size_t slot)
{
    double mean_up = mri_naive_ewm(up, slot, 1.0 / 14.0);
    double mean_down = mri_naive_ewm(down, slot, 1.0 / 14.0);
    double index = 100.0 - 100.0 / (1.0 + mean_up / mean_down);
    bool is_ready = bars[slot] >= BARS_MIN && isfinite(market->volatility[slot]);
    /* Below 28 and above 72 lie 22 and more from the middle. */
    double strength = is_ready ? 50.0 - index : (double)NAN;
    double beyond = fabs(strength) - 22.0;
    double size = fmin(beyond / 20.0 + 0.34, 1.0);
    return (struct mri_naive_vote){strength, 22.0, strength > 0.0 ? size : -size};
}

static void the_index_is_faded_below_28_and_above_72(void **fixture)
{
    (void)fixture;
    const struct mri_naive_source source = {
        .number = MRI_SOURCE_RSI, .prepare = prepare, .vote = define};
    mri_votes_check(&source);
    assert_string_equal(mri_sources_signal_name(MRI_SOURCE_RSI), "rsi14");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_is_faded_below_28_and_above_72),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
