/* SPDX-License-Identifier: MIT */
/*
 * Mean reversion against its definition.
 */
#include <math.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/votes_check.h"

static struct mri_naive_vote define(const struct mri_naive_market *market, size_t slot)
{
    double distance = market->log_close[slot] - mri_naive_mean(market->log_close, slot, 30, 30);
    double strength = -distance / (market->volatility[slot] * sqrt(10.0));
    return (struct mri_naive_vote){strength, 1.5, mri_naive_confidence(strength, 3.0)};
}

static void mean_reversion_fades_the_distance_from_the_30_bar_mean(void **fixture)
{
    (void)fixture;
    const struct mri_naive_source source = {.number = MRI_SOURCE_MEAN_REVERSION, .vote = define};
    mri_votes_check(&source);
    assert_string_equal(mri_sources_signal_name(MRI_SOURCE_MEAN_REVERSION), "mrev30");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_reversion_fades_the_distance_from_the_30_bar_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
