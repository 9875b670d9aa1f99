/* SPDX-License-Identifier: MIT */
/*
 * Tests of the relaxing cell: the transition of an Ornstein-Uhlenbeck process.
 */
#include "base/ou_cell.h"

#include <math.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

static const struct mri_ou_prior prior = {.sd = 0.3, .tau_ns = 3600e9};

static void a_cell_never_touched_is_the_prior(void **fixture)
{
    (void)fixture;
    const struct mri_ou_cell cell = {0};
    struct mri_belief belief = mri_ou_belief(&cell, &prior, 1700000000000000000);
    assert_true(belief.mean == 0.0);
    assert_true(belief.variance == 0.3 * 0.3);
}

static void at_its_touch_a_cell_is_what_it_was_taught(void **fixture)
{
    (void)fixture;
    const struct mri_ou_cell cell = {.mean = 0.7, .variance = 0.01, .touch_unix_ns = 1000};
    for (int64_t now = 0; now <= 1000; now += 500) { /* an earlier time is no time */
        struct mri_belief belief = mri_ou_belief(&cell, &prior, now);
        assert_true(belief.mean == 0.7);
        assert_true(fabs(belief.variance - 0.01) < 1e-17);
        assert_true(mri_ou_decay(&prior, 1000, now) == 1.0);
    }
}

static void it_relaxes_as_the_process_says(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 1);
    for (int i = 0; i < 100000; i++) {
        struct mri_ou_cell cell = {.mean = mri_prng_normal(&prng),
            .variance = 0.09 * mri_prng_uniform(&prng),
            .touch_unix_ns = 1 + (int64_t)mri_prng_below(&prng, 1000000000)};
        int64_t elapsed = (int64_t)(mri_prng_uniform(&prng) * 50 * prior.tau_ns);
        long double a = expl(-(long double)elapsed / (long double)prior.tau_ns);
        struct mri_belief belief = mri_ou_belief(&cell, &prior, cell.touch_unix_ns + elapsed);
        long double error = 1e-15L + 2.3e-16L * (long double)elapsed / (long double)prior.tau_ns;
        long double mean = (long double)cell.mean * a;
        long double variance = 0.09L + ((long double)cell.variance - 0.09L) * a * a;
        assert_true(fabsl((long double)belief.mean - mean) <= error * fabsl(mean));
        assert_true(fabsl((long double)belief.variance - variance) <= 1e-15L);
        assert_true(belief.variance >= 0.0);
    }
}

static void two_steps_are_one_long_step(void **fixture)
{
    (void)fixture;
    const struct mri_ou_cell cell = {.mean = -0.4, .variance = 0.02, .touch_unix_ns = 5};
    for (int64_t step = 1; step < (int64_t)1 << 42; step *= 3) {
        struct mri_belief half = mri_ou_belief(&cell, &prior, 5 + step);
        const struct mri_ou_cell middle = {half.mean, half.variance, 5 + step};
        struct mri_belief twice = mri_ou_belief(&middle, &prior, 5 + 2 * step);
        struct mri_belief once = mri_ou_belief(&cell, &prior, 5 + 2 * step);
        assert_true(fabs(twice.mean - once.mean) < 1e-15);
        assert_true(fabs(twice.variance - once.variance) < 1e-16);
    }
}

static void after_a_very_long_time_nothing_is_left(void **fixture)
{
    (void)fixture;
    const struct mri_ou_cell cell = {.mean = 5.0, .variance = 2.0, .touch_unix_ns = 1};
    struct mri_belief belief = mri_ou_belief(&cell, &prior, INT64_MAX);
    assert_true(belief.mean == 0.0);
    assert_true(belief.variance == prior.sd * prior.sd);
    assert_true(mri_ou_decay(&prior, 1, INT64_MAX) == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cell_never_touched_is_the_prior),
        cmocka_unit_test(at_its_touch_a_cell_is_what_it_was_taught),
        cmocka_unit_test(it_relaxes_as_the_process_says),
        cmocka_unit_test(two_steps_are_one_long_step),
        cmocka_unit_test(after_a_very_long_time_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
