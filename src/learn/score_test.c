/* SPDX-License-Identifier: MIT */
/*
 * Scores of predictions.
 */
#include "learn/score.h"

#include <math.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

static void a_constant_half_has_no_skill(void **fixture)
{
    (void)fixture;
    struct mri_score score = {0};
    struct mri_prng prng;
    mri_prng_init(&prng, 5);
    for (int i = 0; i < 1000; i++) {
        const double probabilities[MRI_SCORE_COUNT] = {0.5, 0.5, 0.5, 0.5};
        mri_score_add(&score, probabilities, mri_prng_below(&prng, 10) < 7);
    }
    for (unsigned whose = 0; whose < MRI_SCORE_COUNT; whose++) {
        assert_true(fabs(mri_score_skill(&score, whose)) < 1e-9);
    }
}

static void nothing_counted_is_no_skill(void **fixture)
{
    (void)fixture;
    const struct mri_score score = {0};
    assert_true(mri_score_skill(&score, MRI_SCORE_LEARNED) == 0.0);
}

static void skill_is_what_the_loss_lies_below_that_of_a_coin(void **fixture)
{
    (void)fixture;
    struct mri_score score = {0};
    struct mri_prng prng;
    double losses[MRI_SCORE_COUNT] = {0};
    unsigned hits = 0;
    mri_prng_init(&prng, 6);
    for (int i = 0; i < 2000; i++) {
        double probabilities[MRI_SCORE_COUNT];
        bool is_up = mri_prng_below(&prng, 2) == 0;
        for (unsigned k = 0; k < MRI_SCORE_COUNT; k++) {
            probabilities[k] = 0.01 + 0.98 * mri_prng_uniform(&prng);
            losses[k] -= log(is_up ? probabilities[k] : 1.0 - probabilities[k]);
        }
        hits += is_up == (probabilities[MRI_SCORE_LEARNED] > 0.5);
        mri_score_add(&score, probabilities, is_up);
    }
    assert_int_equal(score.count, 2000);
    assert_int_equal(score.hits, hits);
    assert_int_equal(score.zero_returns, 0);
    for (unsigned k = 0; k < MRI_SCORE_COUNT; k++) {
        assert_true(
            fabs(mri_score_skill(&score, k) - 1e4 * (log(2.0) - losses[k] / 2000.0)) < 1e-8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_constant_half_has_no_skill),
        cmocka_unit_test(nothing_counted_is_no_skill),
        cmocka_unit_test(skill_is_what_the_loss_lies_below_that_of_a_coin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
