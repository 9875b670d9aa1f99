/* SPDX-License-Identifier: MIT */
/*
 * Tests of doubles as text: each reads back as the same double, and is what %g writes with the
 * fewest digits of at least 15 that do so.
 */
#include "json/json_number.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

enum { DRAWN = 300000, DIGITS_MAX = 17, DIGITS_ALWAYS_KEPT = 15 };

#define SMALLEST_NORMAL 0x1p-1022

static void check(double value)
{
    char text[MRI_JSON_NUMBER_BYTES + 1];
    char expected[MRI_JSON_NUMBER_BYTES + 1];
    text[mri_json_number(value, text)] = '\0';
    assert_true(strtod(text, NULL) == value);
    bool is_normal = value >= SMALLEST_NORMAL || value <= -SMALLEST_NORMAL;
    int digits = is_normal ? DIGITS_ALWAYS_KEPT : 1;
    do {
        (void)snprintf(expected, sizeof(expected), "%.*g", digits++, value);
    } while (strtod(expected, NULL) != value && digits <= DIGITS_MAX);
    if (strlen(text) == strlen(expected)) {
        assert_string_equal(text, expected);
    } else { /* at a power of two fewer digits may do, not the nearest ones */
        assert_true(strlen(text) < strlen(expected));
    }
}

static void numbers_are_as_g_writes_them(void **fixture)
{
    (void)fixture;
    static const double values[] = {0.1, 0.3, 1.5, -2.5, 1e15, 1.5e15, 1e-4, 1e-5, 123456.789,
        1e300, -1e-300, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1 + 0.2, 1.0 / 3,
        2.0 / 3, 1e22, 1e23, 9007199254740993.0, 1234567890123456.7, 0.00012345, 99999.99999999999};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        check(values[i]);
        check(-values[i]);
    }
}

static void drawn_numbers_too(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 20261126);
    for (int i = 0; i < DRAWN; i++) {
        uint64_t bits = mri_prng_next(&prng);
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (value - value == 0.0 && value != 0.0) {
            check(value);
        }
        check((double)(1 + mri_prng_below(&prng, 1000000000)) / 10000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_as_g_writes_them),
        cmocka_unit_test(drawn_numbers_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
