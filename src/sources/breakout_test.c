/* SPDX-License-Identifier: MIT */
/*
 * Breakout against its definition.
 */
#include <math.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/votes_check.h"

static struct mri_naive_vote define(const struct mri_naive_market *market, size_t slot)
{
    double high = slot == 0 ? (double)NAN : mri_naive_extreme(market->high, slot - 1, 60, 1);
    double low = slot == 0 ? (double)NAN : mri_naive_extreme(market->low, slot - 1, 60, -1);
    double close = market->close[slot];
    double beyond = close > high ? close - high : (close < low ? close - low : 0.0);
    double strength = beyond / close / market->volatility[slot];
    if (isnan(high) || isnan(low)) {
        strength = (double)NAN;
    }
    return (struct mri_naive_vote){strength, 0.0, mri_naive_confidence(strength, 3.0)};
}

static void breakout_follows_a_close_beyond_the_channel_of_the_60_bars_before(void **fixture)
{
    (void)fixture;
    const struct mri_naive_source source = {.number = MRI_SOURCE_BREAKOUT, .vote = define};
    mri_votes_check(&source);
    assert_string_equal(mri_sources_signal_name(MRI_SOURCE_BREAKOUT), "donch60");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(breakout_follows_a_close_beyond_the_channel_of_the_60_bars_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
