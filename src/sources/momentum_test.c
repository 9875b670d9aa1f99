/* SPDX-License-Identifier: MIT */
/*
 * Momentum against its definition.
 */
#include <math.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/votes_check.h"

static struct mri_naive_vote define(const struct mri_naive_market *market, size_t slot)
{
    double strength =
        mri_naive_diff(market->log_close, slot, 15) / (market->volatility[slot] * sqrt(15.0));
    return (struct mri_naive_vote){strength, 1.0, mri_naive_confidence(strength, 3.0)};
}

static void momentum_follows_the_15_bar_return_beyond_one_standard_deviation(void **fixture)
{
    (void)fixture;
    const struct mri_naive_source source = {.number = MRI_SOURCE_MOMENTUM, .vote = define};
    mri_votes_check(&source);
    assert_string_equal(mri_sources_signal_name(MRI_SOURCE_MOMENTUM), "mom15");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(momentum_follows_the_15_bar_return_beyond_one_standard_deviation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
