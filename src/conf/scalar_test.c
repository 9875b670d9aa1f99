/* SPDX-License-Identifier: MIT */
/*
 * Numbers of a configuration.
 */
#include "conf/scalar.h"

#include <locale.h>
#include <stdio.h>

#include "base/check.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

static const char *const no_numbers[] = {"", "-", "+1", "12x", "1 2", " 1", "1 ", "0x10", "010",
    "00", "-01", "1_000", "1,5", ".5", "5.", "1e", "1e+", "e5", "1.2.3", "1e5.0", "inf", "-inf",
    ".inf", "nan", ".nan", "NaN", "Infinity", "0b1", "0o7", "1e5x", "--1", "1-", "\xd9\xa1", "true",
    "~"};

static void what_is_no_number_is_refused(void **fixture)
{
    (void)fixture;
    for (size_t i = 0; i < MRI_COUNT_OF(no_numbers); i++) {
        int64_t integer = 7;
        double number = 7;
        struct mri_slice text = mri_slice_of(no_numbers[i]);
        assert_int_equal(mri_scalar_integer(text, &integer), MR_REFUSED);
        assert_int_equal(mri_scalar_number(text, &number), MR_REFUSED);
        assert_false(mri_scalar_is_decimal(text));
        assert_true(integer == 7 && number == 7);
    }
}

static void an_integer_has_no_fraction_and_no_exponent(void **fixture)
{
    (void)fixture;
    static const char *const texts[] = {"1.0", "1.5", "1e3", "0.0", "-1e0"};
    for (size_t i = 0; i < MRI_COUNT_OF(texts); i++) {
        int64_t integer;
        double number;
        assert_int_equal(mri_scalar_integer(mri_slice_of(texts[i]), &integer), MR_REFUSED);
        assert_int_equal(mri_scalar_number(mri_slice_of(texts[i]), &number), MR_OK);
    }
}

static void integers_are_exact_up_to_their_ends(void **fixture)
{
    (void)fixture;
    int64_t value;
    assert_int_equal(mri_scalar_integer(mri_slice_of("0"), &value), MR_OK);
    assert_int_equal(value, 0);
    assert_int_equal(mri_scalar_integer(mri_slice_of("-0"), &value), MR_OK);
    assert_int_equal(value, 0);
    assert_int_equal(mri_scalar_integer(mri_slice_of("9223372036854775807"), &value), MR_OK);
    assert_true(value == INT64_MAX);
    assert_int_equal(mri_scalar_integer(mri_slice_of("-9223372036854775807"), &value), MR_OK);
    assert_true(value == -INT64_MAX);
    value = 7;
    assert_int_equal(mri_scalar_integer(mri_slice_of("9223372036854775808"), &value), MR_ERANGE);
    assert_int_equal(
        mri_scalar_integer(mri_slice_of("99999999999999999999999"), &value), MR_ERANGE);
    assert_int_equal(mri_scalar_integer(mri_slice_of("99999999999999999999x"), &value), MR_REFUSED);
    assert_int_equal(value, 7);
}

static void numbers_are_the_nearest_double_or_out_of_range(void **fixture)
{
    (void)fixture;
    double value = 0;
    assert_int_equal(mri_scalar_number(mri_slice_of("0.1"), &value), MR_OK);
    assert_true(value == 0.1);
    assert_int_equal(mri_scalar_number(mri_slice_of("-1.5E-3"), &value), MR_OK);
    assert_true(value == -1.5e-3);
    assert_int_equal(mri_scalar_number(mri_slice_of("1e+12"), &value), MR_OK);
    assert_true(value == 1e12);
    assert_int_equal(mri_scalar_number(mri_slice_of("-0"), &value), MR_OK);
    assert_true(1 / (value + 1e-300) > 0);
    assert_int_equal(mri_scalar_number(mri_slice_of("0e-999"), &value), MR_OK);
    assert_int_equal(mri_scalar_number(mri_slice_of("1e400"), &value), MR_ERANGE);
    assert_int_equal(mri_scalar_number(mri_slice_of("-1e400"), &value), MR_ERANGE);
    assert_int_equal(mri_scalar_number(mri_slice_of("1e-400"), &value), MR_ERANGE);
    assert_true(mri_scalar_is_decimal(mri_slice_of("-10.50")));
    assert_false(mri_scalar_is_decimal(mri_slice_of("1e5")));
}

static void every_double_that_is_printed_is_read_back(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 99);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = mri_prng_next(&prng);
        double number;
        double again;
        char text[40];
        memcpy(&number, &bits, sizeof(number));
        if (number - number == 0 && number != 0) {
            (void)snprintf(text, sizeof(text), "%.17g", number);
            assert_int_equal(mri_scalar_number(mri_slice_of(text), &again), MR_OK);
            assert_memory_equal(&again, &number, sizeof(number));
        }
    }
}

static void the_locale_does_not_matter(void **fixture)
{
    (void)fixture;
    double value = 0;
    if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL) {
        skip(); /* no locale with another decimal point on this machine */
    }
    assert_int_equal(mri_scalar_number(mri_slice_of("0.25"), &value), MR_OK);
    assert_true(value == 0.25);
    assert_int_equal(mri_scalar_number(mri_slice_of("0,25"), &value), MR_REFUSED);
    (void)setlocale(LC_ALL, "C"); /* always there */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(an_integer_has_no_fraction_and_no_exponent),
        cmocka_unit_test(integers_are_exact_up_to_their_ends),
        cmocka_unit_test(numbers_are_the_nearest_double_or_out_of_range),
        cmocka_unit_test(every_double_that_is_printed_is_read_back),
        cmocka_unit_test(the_locale_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
