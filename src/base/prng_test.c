/* SPDX-License-Identifier: MIT */
/*
 * Tests of the random numbers: known sequences, bounds, moments.
 */
#include "base/prng.h"

#include <math.h>

#include "tests/lib/cmocka_all.h"

static void a_seed_has_one_sequence(void **fixture)
{
    (void)fixture;
    static const uint64_t seed_0[] = {UINT64_C(0x99ec5f36cb75f2b4), UINT64_C(0xbf6e1f784956452a),
        UINT64_C(0x1a5f849d4933e6e0), UINT64_C(0x6aa594f1262d2d2c)};
    static const uint64_t seed_42[] = {UINT64_C(0x15780b2e0c2ec716), UINT64_C(0x6104d9866d113a7e),
        UINT64_C(0xae17533239e499a1), UINT64_C(0xecb8ad4703b360a1)};
    struct mri_prng prng;
    mri_prng_init(&prng, 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(mri_prng_next(&prng), seed_0[i]);
    }
    mri_prng_init(&prng, 42);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(mri_prng_next(&prng), seed_42[i]);
    }
}

static void every_number_below_a_bound_comes_equally_often(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    unsigned counts[7] = {0};
    mri_prng_init(&prng, 1);
    for (int i = 0; i < 70000; i++) {
        counts[mri_prng_below(&prng, 7)]++;
    }
    for (int i = 0; i < 7; i++) { /* 10000 expected, standard deviation 93 */
        assert_in_range(counts[i], 9500, 10500);
    }
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(mri_prng_below(&prng, 1), 0);
        assert_true(mri_prng_below(&prng, UINT64_MAX) < UINT64_MAX);
    }
    double sum = 0.0;
    for (int i = 0; i < 10000; i++) { /* a bound where a plain remainder would be far off */
        sum += (double)mri_prng_below(&prng, UINT64_C(3) << 62) / 0x1p64;
    }
    assert_true(fabs(sum / 10000 - 0.375) < 0.01);
}

static void uniform_numbers_fill_their_interval(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    double sum = 0.0;
    double square = 0.0;
    mri_prng_init(&prng, 2);
    for (int i = 0; i < 100000; i++) {
        double u = mri_prng_uniform(&prng);
        assert_true(u >= 0.0 && u < 1.0);
        sum += u;
        square += u * u;
    }
    assert_true(fabs(sum / 1e5 - 0.5) < 0.005);
    assert_true(fabs(square / 1e5 - 1.0 / 3.0) < 0.005);
}

static void normal_numbers_have_the_moments_of_a_normal(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    double sums[5] = {0};
    mri_prng_init(&prng, 3);
    for (int i = 0; i < 200000; i++) {
        double x = mri_prng_normal(&prng);
        double power = 1.0;
        for (int k = 1; k < 5; k++) {
            power *= x;
            sums[k] += power / 200000;
        }
    }
    assert_true(fabs(sums[1]) < 0.01);
    assert_true(fabs(sums[2] - 1.0) < 0.02);
    assert_true(fabs(sums[3]) < 0.04);
    assert_true(fabs(sums[4] - 3.0) < 0.12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_has_one_sequence),
        cmocka_unit_test(every_number_below_a_bound_comes_equally_often),
        cmocka_unit_test(uniform_numbers_fill_their_interval),
        cmocka_unit_test(normal_numbers_have_the_moments_of_a_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
