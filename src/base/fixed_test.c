/* SPDX-License-Identifier: MIT */
/*
 * Tests of scaled integers: round trips, exact rounding against 128-bit references, overflow.
 */
#include "base/fixed.h"

#include <math.h>
#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

enum { CASES = 100000 };

__extension__ typedef __int128 wide;

/** Any 64-bit number, small ones as often as large ones. */
static int64_t any_number(struct mri_prng *prng)
{
    uint64_t bits = mri_prng_next(prng) >> mri_prng_below(prng, 64);
    return mri_prng_below(prng, 2) == 0 ? (int64_t)bits : -(int64_t)(bits >> 1);
}

/** a / b, half away from zero; b > 0. */
static wide rounded(wide a, wide b)
{
    wide quotient = a / b;
    wide rest = a % b;
    if (rest >= 0) {
        return rest >= b - rest ? quotient + 1 : quotient;
    }
    return -rest >= b + rest ? quotient - 1 : quotient;
}

static bool is_narrow(wide value)
{
    return value >= INT64_MIN && value <= INT64_MAX;
}

static void what_is_formatted_parses_back(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 1);
    for (int i = 0; i < CASES; i++) {
        int64_t value = i == 0 ? INT64_MIN : i == 1 ? INT64_MAX : any_number(&prng);
        unsigned decimals = (unsigned)mri_prng_below(&prng, 19);
        char text[MRI_FIXED_TEXT_BYTES];
        int64_t again = 0;
        (void)mri_fixed_format(value, decimals, text);
        assert_int_equal(mri_fixed_parse(mri_slice_of(text), decimals, &again), MR_OK);
        assert_int_equal(again, value);
    }
}

static void known_texts_have_known_values(void **fixture)
{
    (void)fixture;
    static const struct {
        const char *text;
        unsigned decimals;
        int64_t value;
    } cases[] = {
        {"27.125", 3, 27125},
        {"-0.0125", 4, -125},
        {"+1", 2, 100},
        {".5", 1, 5},
        {"7.", 0, 7},
        {"1.500000000000000000000", 1, 15},
        {"0.000000000000000000000", 0, 0},
        {"-0", 8, 0},
        {"000123", 0, 123},
        {"9223372036854775807", 0, INT64_MAX},
        {"-9223372036854775808", 0, INT64_MIN},
        {"92233720368.54775807", 8, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = -1;
        assert_int_equal(
            mri_fixed_parse(mri_slice_of(cases[i].text), cases[i].decimals, &value), MR_OK);
        assert_int_equal(value, cases[i].value);
    }
}

static void what_is_no_plain_number_is_refused(void **fixture)
{
    (void)fixture;
    static const char *const texts[] = {"", "-", "+", ".", "-.", "1e3", "1e-3", " 1", "1 ", "0x10",
        "1,5", "1.2.3", "--1", "+-1", "nan", "inf", "1_000", "1.5-", "\xd9\xa1"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int64_t value = 77;
        assert_int_equal(mri_fixed_parse(mri_slice_of(texts[i]), 8, &value), MR_REFUSED);
        assert_int_equal(value, 77);
    }
    int64_t value = 77;
    assert_int_equal(mri_fixed_parse((struct mri_slice){NULL, 0}, 8, &value), MR_REFUSED);
    assert_int_equal(mri_fixed_parse((struct mri_slice){"1\0", 2}, 8, &value), MR_REFUSED);
    assert_int_equal(value, 77);
}

static void what_does_not_fit_is_out_of_range(void **fixture)
{
    (void)fixture;
    static const struct {
        const char *text;
        unsigned decimals;
    } cases[] = {
        {"0.001", 2},
        {"1.50001", 4},
        {"9223372036854775808", 0},
        {"-9223372036854775809", 0},
        {"18446744073709551616", 0},
        {"99999999999999999999999999999999999999999999999999", 0},
        {"92233720368.54775808", 8},
        {"10", 18},
        {"1", 19},
        {"0.00000000000000000000000000000000000000000000000000000000000000000000001", 18},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = 77;
        assert_int_equal(
            mri_fixed_parse(mri_slice_of(cases[i].text), cases[i].decimals, &value), MR_ERANGE);
        assert_int_equal(value, 77);
    }
}

static void mul_div_rounds_half_away_from_zero(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    int64_t value = 0;
    mri_prng_init(&prng, 2);
    assert_int_equal(mri_fixed_mul_div(5, 1, 2, &value), MR_OK);
    assert_int_equal(value, 3);
    assert_int_equal(mri_fixed_mul_div(-5, 1, 2, &value), MR_OK);
    assert_int_equal(value, -3);
    for (int i = 0; i < CASES; i++) {
        int64_t a = any_number(&prng);
        int64_t b = any_number(&prng);
        int64_t divisor = any_number(&prng);
        divisor = divisor < 0 ? -(divisor + 1) + 1 : divisor == 0 ? 1 : divisor;
        wide exact = rounded((wide)a * b, divisor);
        value = 77;
        mr_err err = mri_fixed_mul_div(a, b, divisor, &value);
        assert_int_equal(err, is_narrow(exact) ? MR_OK : MR_ERANGE);
        assert_true(value == (err == MR_OK ? (int64_t)exact : 77));
    }
    assert_int_equal(mri_fixed_mul_div(INT64_MIN, INT64_MIN, 1, &value), MR_ERANGE);
    assert_int_equal(mri_fixed_mul_div(INT64_MIN, INT64_MAX, INT64_MAX, &value), MR_OK);
    assert_true(value == INT64_MIN);
}

static void notional_is_the_exact_product_rounded_once(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 3);
    for (int i = 0; i < CASES; i++) {
        int64_t price = any_number(&prng);
        int64_t quantity = any_number(&prng);
        unsigned price_decimals = (unsigned)mri_prng_below(&prng, 14);
        unsigned quantity_decimals = (unsigned)mri_prng_below(&prng, 14);
        int64_t money = 77;
        mr_err err =
            mri_fixed_notional_e8(price, price_decimals, quantity, quantity_decimals, &money);
        if (price_decimals > 12 || quantity_decimals > 12) {
            assert_int_equal(err, MR_ERANGE);
            continue;
        }
        wide product = (wide)price * quantity;
        unsigned decimals = price_decimals + quantity_decimals;
        wide exact = 0;
        if (decimals > 8) {
            exact = rounded(product, mri_fixed_power(decimals - 8));
        } else if (is_narrow(product)) {
            exact = product * mri_fixed_power(8 - decimals);
        } else {
            exact = (wide)1 << 100;
        }
        assert_int_equal(err, is_narrow(exact) ? MR_OK : MR_ERANGE);
        assert_true(money == (err == MR_OK ? (int64_t)exact : 77));
    }
}

static void adding_overflows_to_out_of_range(void **fixture)
{
    (void)fixture;
    int64_t value = 77;
    assert_int_equal(mri_fixed_add(INT64_MAX, 1, &value), MR_ERANGE);
    assert_int_equal(mri_fixed_add(INT64_MIN, -1, &value), MR_ERANGE);
    assert_int_equal(value, 77);
    assert_int_equal(mri_fixed_add(INT64_MIN, INT64_MAX, &value), MR_OK);
    assert_int_equal(value, -1);
}

static void a_double_becomes_its_exact_value_rounded_half_away_from_zero(void **fixture)
{
    (void)fixture;
    static const struct {
        double value;
        unsigned decimals;
        int64_t expected;
    } cases[] = {
        {0.5, 0, 1},
        {-0.5, 0, -1},
        {0.49999999999999994, 0, 0}, /* + 0.5 would be 1.0 */
        {2.5, 0, 3},
        {0.125, 2, 13},
        {-0.125, 2, -13},
        {1.005, 2, 100},                           /* the double is 1.00499999999999989... */
        {4503599627370497.0, 0, 4503599627370497}, /* + 0.5 would round to even */
        {-4503599627370497.0, 0, -4503599627370497},
        {9007199254740993.0, 0, 9007199254740992},
        {1e-300, 18, 0},
        {0x1p-1074, 18, 0},
        {0.0, 8, 0},
        {-0.0, 8, 0},
        {-0x1p63, 0, INT64_MIN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = 77;
        assert_int_equal(mri_fixed_from_double(cases[i].value, cases[i].decimals, &value), MR_OK);
        assert_int_equal(value, cases[i].expected);
    }
    static const double far[] = {
        0x1p63, -0x1.0000000000001p63, 1e19, 1e300, HUGE_VAL, -HUGE_VAL, (double)NAN};
    for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
        int64_t value = 77;
        assert_int_equal(mri_fixed_from_double(far[i], 0, &value), MR_ERANGE);
        assert_int_equal(mri_fixed_from_double(far[i], 18, &value), MR_ERANGE);
        assert_int_equal(value, 77);
    }
}

static void a_value_of_15_digits_survives_the_way_through_a_double(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 4);
    for (int i = 0; i < CASES; i++) {
        int64_t value = (int64_t)(mri_prng_next(&prng) % 1000000000000000u);
        value = mri_prng_below(&prng, 2) == 0 ? value : -value;
        unsigned decimals = (unsigned)mri_prng_below(&prng, 13);
        int64_t again = 77;
        double through = mri_fixed_to_double(value, decimals);
        assert_int_equal(mri_fixed_from_double(through, decimals, &again), MR_OK);
        assert_int_equal(again, value);
    }
}

static void a_count_is_digits_alone(void **fixture)
{
    (void)fixture;
    static const char *const wrong[] = {
        "", "+5", "-5", " 5", "5 ", "5.0", "5.", ".5", "0x5", "5e1", "5\n", "\xd9\xa5"};
    int64_t value = 7;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(mri_fixed_parse_count(mri_slice_of(wrong[i]), &value), MR_REFUSED);
    }
    assert_int_equal(mri_fixed_parse_count(mri_slice_of("9223372036854775808"), &value), MR_ERANGE);
    assert_int_equal(value, 7);
    assert_int_equal(mri_fixed_parse_count(mri_slice_of("005"), &value), MR_OK);
    assert_int_equal(value, 5);
    assert_int_equal(mri_fixed_parse_count(mri_slice_of("9223372036854775807"), &value), MR_OK);
    assert_int_equal(value, INT64_MAX);
}

static void mul_div_up_is_the_smallest_that_is_not_below(void **fixture)
{
    (void)fixture;
    int64_t value;
    assert_int_equal(mri_fixed_mul_div_up(0, 7, 5, &value), MR_OK);
    assert_int_equal(value, 0);
    struct mri_prng prng;
    mri_prng_init(&prng, 5);
    for (int i = 0; i < 10000; i++) {
        int64_t a = (int64_t)mri_prng_below(&prng, 1000000000);
        int64_t b = (int64_t)mri_prng_below(&prng, 100000);
        int64_t divisor = 1 + (int64_t)mri_prng_below(&prng, 2000000);
        assert_int_equal(mri_fixed_mul_div_up(a, b, divisor, &value), MR_OK);
        assert_true(value * divisor >= a * b && (value - 1) * divisor < a * b);
    }
    assert_int_equal(mri_fixed_mul_div_up(INT64_MAX, 2, 1, &value), MR_ERANGE);
    assert_int_equal(mri_fixed_mul_div_up(INT64_MAX, INT64_MAX, INT64_MAX, &value), MR_OK);
    assert_int_equal(value, INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_formatted_parses_back),
        cmocka_unit_test(known_texts_have_known_values),
        cmocka_unit_test(what_is_no_plain_number_is_refused),
        cmocka_unit_test(what_does_not_fit_is_out_of_range),
        cmocka_unit_test(mul_div_rounds_half_away_from_zero),
        cmocka_unit_test(a_count_is_digits_alone),
        cmocka_unit_test(mul_div_up_is_the_smallest_that_is_not_below),
        cmocka_unit_test(notional_is_the_exact_product_rounded_once),
        cmocka_unit_test(adding_overflows_to_out_of_range),
        cmocka_unit_test(a_double_becomes_its_exact_value_rounded_half_away_from_zero),
        cmocka_unit_test(a_value_of_15_digits_survives_the_way_through_a_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
