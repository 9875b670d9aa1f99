/* SPDX-License-Identifier: MIT */
/*
 * Volume imbalance against its definition. Where the bar is missing the series has no value (the
 * reference generators carry the exponential mean over such bars; see tests/learning).
 */
#include <math.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/votes_check.h"

static double imbalance[MRI_NAIVE_SLOTS_MAX];

static void prepare(const struct mri_naive_market *market)
{
    static double weighted[MRI_NAIVE_SLOTS_MAX];
    for (size_t i = 0; i < market->slots; i++) {
        double range = market->high[i] - market->low[i];
        double location = range == 0.0
                              ? 0.0
                              : (2.0 * market->close[i] - market->high[i] - market->low[i]) / range;
        weighted[i] = location * market->volume[i];
        double value =
            mri_naive_ewm(weighted, i, 2.0 / 6.0) / mri_naive_mean(market->volume, i, 240, 120);
        imbalance[i] = isnan(weighted[i]) ? (double)NAN : value;
    }
}

static struct mri_naive_vote define(const struct mri_naive_market *market, size_t slot)
{
    (void)market;
    double mean = mri_naive_mean(imbalance, slot, 720, 360);
    double sd = sqrt(mri_naive_variance(imbalance, slot, 720, 360));
    double strength = (imbalance[slot] - mean) / sd;
    return (struct mri_naive_vote){strength, 1.5, mri_naive_confidence(strength, 3.0)};
}

static void volume_imbalance_follows_an_unusual_mean_of_closes_within_their_bars(void **fixture)
{
    (void)fixture;
    const struct mri_naive_source source = {
        .number = MRI_SOURCE_VOLUME_IMBALANCE, .prepare = prepare, .vote = define};
    mri_votes_check(&source);
    assert_string_equal(mri_sources_signal_name(MRI_SOURCE_VOLUME_IMBALANCE), "volimb");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(volume_imbalance_follows_an_unusual_mean_of_closes_within_their_bars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
