/* SPDX-License-Identifier: MIT */
/*
 * Tests of the elementary functions: error against the C library's long double functions, special
 * values, and the same bits everywhere.
 */
#include "base/exact_math.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

enum { CASES = 300000 };

#define ERROR_MAX 4e-16L

static bool is_near(double value, long double reference)
{
    return fabsl((long double)value - reference) <= ERROR_MAX * fabsl(reference);
}

/** A number whose magnitude is spread evenly over powers of two. */
static double spread(struct mri_prng *prng, double smallest, double largest)
{
    double low = log(smallest);
    double magnitude = exp(low + (log(largest) - low) * mri_prng_uniform(prng));
    return mri_prng_below(prng, 2) == 0 ? magnitude : -magnitude;
}

static void exp_is_within_4e_16_where_the_result_is_normal(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 1);
    for (int i = 0; i < CASES; i++) {
        double x = spread(&prng, 1e-18, 708.3);
        assert_true(is_near(mri_exp(x), expl((long double)x)));
    }
    for (double x = -0.02; x < 0.02; x += 1e-6) { /* where the short series hands over */
        assert_true(is_near(mri_exp(x), expl((long double)x)));
    }
}

static void exp_rounds_a_subnormal_result_to_its_nearest_neighbours(void **fixture)
{
    (void)fixture;
    for (double x = -745.2; x < -708.3; x += 0.001) {
        long double error = fabsl((long double)mri_exp(x) - expl((long double)x));
        assert_true(error <= 0x1p-1074L);
    }
}

static void exp_has_the_limits_that_its_header_says(void **fixture)
{
    (void)fixture;
    assert_true(mri_exp(0.0) == 1.0);
    assert_true(mri_exp(-0.0) == 1.0);
    assert_true(mri_exp(709.782712893383) < HUGE_VAL);
    assert_true(mri_exp(709.79) == HUGE_VAL);
    assert_true(mri_exp(HUGE_VAL) == HUGE_VAL);
    assert_true(mri_exp(1e308) == HUGE_VAL);
    assert_true(mri_exp(-746.0) == 0.0);
    assert_true(mri_exp(-HUGE_VAL) == 0.0);
    assert_true(isnan(mri_exp((double)NAN)));
}

static void exp_never_falls_while_its_argument_rises(void **fixture)
{
    (void)fixture;
    for (double from = -3.0; from < 3.0; from += 0.0103) {
        double x = from;
        double before = mri_exp(x);
        for (int i = 0; i < 100; i++) {
            x += 1e-9;
            double now = mri_exp(x);
            assert_true(now > before);
            before = now;
        }
    }
}

static void log_is_within_4e_16(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 2);
    for (int i = 0; i < CASES; i++) {
        double x = fabs(spread(&prng, 4.95e-324, 1.7e308));
        assert_true(x == 1.0 || is_near(mri_log(x), logl((long double)x)));
        x = 1.0 + spread(&prng, 1e-16, 0.3); /* where the result is near zero */
        assert_true(x == 1.0 || is_near(mri_log(x), logl((long double)x)));
    }
}

static void log_has_the_limits_that_its_header_says(void **fixture)
{
    (void)fixture;
    assert_true(mri_log(1.0) == 0.0);
    assert_true(mri_log(0.0) == -HUGE_VAL);
    assert_true(mri_log(-0.0) == -HUGE_VAL);
    assert_true(mri_log(HUGE_VAL) == HUGE_VAL);
    assert_true(isnan(mri_log(-1.0)));
    assert_true(isnan(mri_log(-HUGE_VAL)));
    assert_true(isnan(mri_log((double)NAN)));
    assert_true(is_near(mri_log(DBL_TRUE_MIN), logl((long double)DBL_TRUE_MIN)));
    assert_true(is_near(mri_log(DBL_MAX), logl((long double)DBL_MAX)));
}

static void log_undoes_exp(void **fixture)
{
    (void)fixture;
    for (double x = -700.0; x < 700.0; x += 0.173) {
        assert_true(fabs(mri_log(mri_exp(x)) - x) <= 3e-16 * fabs(x) + 4e-16);
    }
}

static void sqrt_is_correctly_rounded_and_nan_below_zero(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 3);
    for (int i = 0; i < CASES; i++) {
        double x = fabs(spread(&prng, 1e-300, 1e300));
        assert_true(mri_sqrt(x) == sqrt(x));
    }
    double nan = mri_nan();
    double root = mri_sqrt(-1.0);
    assert_memory_equal(&root, &nan, sizeof(nan)); /* the same bits, not the CPU's own */
    assert_true(mri_sqrt(0.0) == 0.0);
    assert_true(signbit(mri_sqrt(-0.0)));
    assert_true(isnan(mri_sqrt((double)NAN)));
}

static void sigmoid_is_a_probability_without_overflow(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 4);
    for (int i = 0; i < CASES; i++) {
        double z = spread(&prng, 1e-10, 700.0);
        assert_true(is_near(mri_sigmoid(z), 1.0L / (1.0L + expl(-(long double)z))));
        assert_true(fabs(mri_sigmoid(z) + mri_sigmoid(-z) - 1.0) < 4e-16);
    }
    assert_true(mri_sigmoid(0.0) == 0.5);
    assert_true(mri_sigmoid(1e308) == 1.0);
    assert_true(mri_sigmoid(-1e308) == 0.0);
    assert_true(mri_sigmoid(HUGE_VAL) == 1.0);
    assert_true(mri_sigmoid(-HUGE_VAL) == 0.0);
    assert_true(isnan(mri_sigmoid((double)NAN)));
}

static void clamp_keeps_to_its_interval_and_takes_nan_for_low(void **fixture)
{
    (void)fixture;
    assert_true(mri_clamp(0.5, 0.0, 1.0) == 0.5);
    assert_true(mri_clamp(-2.0, 0.0, 1.0) == 0.0);
    assert_true(mri_clamp(2.0, 0.0, 1.0) == 1.0);
    assert_true(mri_clamp((double)NAN, 0.0, 1.0) == 0.0);
    assert_true(mri_clamp(HUGE_VAL, 0.0, 1.0) == 1.0);
    assert_true(mri_clamp(-HUGE_VAL, 0.0, 1.0) == 0.0);
}

static void finite_means_neither_nan_nor_infinite(void **fixture)
{
    (void)fixture;
    assert_true(mri_is_finite(0.0) && mri_is_finite(-0.0) && mri_is_finite(DBL_MAX));
    assert_true(mri_is_finite(-DBL_MAX) && mri_is_finite(DBL_TRUE_MIN));
    assert_false(mri_is_finite(HUGE_VAL) || mri_is_finite(-HUGE_VAL) || mri_is_finite((double)NAN));
    assert_false(mri_is_finite(mri_nan()));
    assert_true(mri_abs(-2.5) == 2.5 && mri_abs(2.5) == 2.5 && !signbit(mri_abs(-0.0)));
    assert_true(mri_abs(-HUGE_VAL) == HUGE_VAL);
}

/* The golden number: whoever changes a bit of a result changes every log's digest. */
static void the_bits_are_the_same_everywhere(void **fixture)
{
    (void)fixture;
    uint64_t golden = 0;
    for (int i = -20000; i <= 20000; i++) {
        double x = i * 0x1.1p-5 + i * 0x1.3p-40;
        double results[] = {mri_exp(x), mri_exp(x * 0x1p-12), mri_log(mri_abs(x)),
            mri_log(1.0 + mri_abs(x) * 0x1p-20), mri_sigmoid(x), mri_sqrt(mri_abs(x))};
        struct {
            uint64_t chain;
            uint8_t bytes[sizeof(results)];
        } link = {.chain = golden};
        memcpy(link.bytes, results, sizeof(results));
        golden = mri_hash(&link, sizeof(link));
    }
    assert_int_equal(golden, UINT64_C(0xb4b00e5f154b3c0e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_within_4e_16_where_the_result_is_normal),
        cmocka_unit_test(exp_rounds_a_subnormal_result_to_its_nearest_neighbours),
        cmocka_unit_test(exp_has_the_limits_that_its_header_says),
        cmocka_unit_test(exp_never_falls_while_its_argument_rises),
        cmocka_unit_test(log_is_within_4e_16),
        cmocka_unit_test(log_has_the_limits_that_its_header_says),
        cmocka_unit_test(log_undoes_exp),
        cmocka_unit_test(sqrt_is_correctly_rounded_and_nan_below_zero),
        cmocka_unit_test(sigmoid_is_a_probability_without_overflow),
        cmocka_unit_test(clamp_keeps_to_its_interval_and_takes_nan_for_low),
        cmocka_unit_test(finite_means_neither_nan_nor_infinite),
        cmocka_unit_test(the_bits_are_the_same_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
