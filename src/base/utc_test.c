/* SPDX-License-Identifier: MIT */
/*
 * Tests of times as text: the calendar against the C library's, and strict reading.
 */
#define _GNU_SOURCE
#include "base/utc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

#define SECOND_NS INT64_C(1000000000)

static void the_calendar_is_the_c_librarys(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 1);
    for (int i = 0; i < 100000; i++) {
        int64_t ns = (int64_t)mri_prng_next(&prng); /* 1677 to 2262 */
        int64_t ms = ns / 1000000 - (ns % 1000000 < 0);
        time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
        struct tm parts;
        char expected[80];
        char text[MRI_UTC_BYTES];
        assert_non_null(gmtime_r(&seconds, &parts));
        (void)snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
            parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
            parts.tm_sec, (int)(ms - (int64_t)seconds * 1000));
        assert_string_equal(mri_utc_format(ns, text), expected);
    }
}

static void what_is_formatted_parses_back(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 2);
    for (int i = 0; i < 100000; i++) {
        int64_t ms = (int64_t)mri_prng_below(&prng, 7258118400000); /* 1970 to 2200 */
        char text[MRI_UTC_BYTES];
        int64_t again = -1;
        (void)mri_utc_format(ms * 1000000, text);
        assert_int_equal(mri_utc_parse(mri_slice_of(text), &again), MR_OK);
        assert_int_equal(again, ms * 1000000);
    }
}

static void every_form_of_a_time_is_read(void **fixture)
{
    (void)fixture;
    static const struct {
        const char *text;
        int64_t unix_ns;
    } cases[] = {
        {"2025-05-04", 1746316800 * SECOND_NS},
        {"2025-05-04T15:34", 1746372840 * SECOND_NS},
        {"2025-05-04 15:34", 1746372840 * SECOND_NS},
        {"2025-05-04T15:34Z", 1746372840 * SECOND_NS},
        {"2025-05-04T15:34:05", 1746372845 * SECOND_NS},
        {"2025-05-04T15:34:05Z", 1746372845 * SECOND_NS},
        {"2025-05-04T15:34:05.1Z", 1746372845 * SECOND_NS + 100000000},
        {"2025-05-04T15:34:05.123456789", 1746372845 * SECOND_NS + 123456789},
        {"1746372845", 1746372845 * SECOND_NS},
        {"0", 0},
        {"2024-02-29", 1709164800 * SECOND_NS},
        {"1970-01-01", 0},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        int64_t unix_ns = -1;
        assert_int_equal(mri_utc_parse(mri_slice_of(cases[i].text), &unix_ns), MR_OK);
        assert_int_equal(unix_ns, cases[i].unix_ns);
    }
}

static void what_is_no_time_is_refused(void **fixture)
{
    (void)fixture;
    static const char *const texts[] = {"", "-1", "1746372900000", "99999999999", "2025-05",
        "2025-5-4", "2025-13-01", "2025-00-01", "2025-02-29", "2025-02-30", "2025-04-31",
        "2025-05-00", "1969-12-31", "2201-01-01", "2025-05-04Z", "2025-05-04T", "2025-05-04T15",
        "2025-05-04T24:00", "2025-05-04T15:60", "2025-05-04T15:34:60", "2025-05-04T15:34.5",
        "2025-05-04T15:34:", "2025-05-04T15:34:05.", "2025-05-04T15:34:05.1234567890",
        "2025-05-04T15:34:05+00:00", "2025-05-04T15:34:05z", "2025-05-04T15:34ZZ", " 2025-05-04",
        "2025-05-04 ", "2025/05/04", "now"};
    for (size_t i = 0; i < MRI_COUNT_OF(texts); i++) {
        int64_t unix_ns = 77;
        assert_int_equal(mri_utc_parse(mri_slice_of(texts[i]), &unix_ns), MR_REFUSED);
        assert_int_equal(unix_ns, 77);
    }
    int64_t unix_ns = 77;
    assert_int_equal(mri_utc_parse((struct mri_slice){NULL, 0}, &unix_ns), MR_REFUSED);
}

static void durations_are_written_with_two_units(void **fixture)
{
    (void)fixture;
    static const struct {
        int64_t duration_ns;
        const char *text;
    } cases[] = {
        {0, "0s"},
        {-5, "0s"},
        {59 * SECOND_NS + 999999999, "59s"},
        {60 * SECOND_NS, "1m 00s"},
        {-245 * SECOND_NS, "-4m 05s"},
        {3600 * SECOND_NS, "1h 00m"},
        {12000 * SECOND_NS, "3h 20m"},
        {86400 * SECOND_NS, "1d 0h"},
        {1051200 * SECOND_NS, "12d 4h"},
        {INT64_MAX, "106751d 23h"},
        {INT64_MIN, "-106751d 23h"},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        char text[MRI_UTC_BYTES];
        assert_string_equal(mri_utc_duration(cases[i].duration_ns, text), cases[i].text);
    }
}

static void durations_are_read_with_one_unit(void **fixture)
{
    (void)fixture;
    static const struct {
        const char *text;
        int64_t duration_ns;
    } cases[] = {
        {"90s", 90 * SECOND_NS},
        {"15m", 900 * SECOND_NS},
        {"2h", 7200 * SECOND_NS},
        {"7d", 604800 * SECOND_NS},
        {"0s", 0},
        {"9223372036s", 9223372036 * SECOND_NS},
        {"106751d", 106751 * (86400 * SECOND_NS)},
    };
    static const char *const bad[] = {
        "", "s", "5", "-5s", "5 s", "1.5h", "5S", "5w", "106752d", "9223372037s", "99999999999d"};
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        int64_t duration_ns = -1;
        assert_int_equal(mri_utc_parse_duration(mri_slice_of(cases[i].text), &duration_ns), MR_OK);
        assert_int_equal(duration_ns, cases[i].duration_ns);
    }
    for (size_t i = 0; i < MRI_COUNT_OF(bad); i++) {
        int64_t duration_ns = 77;
        assert_int_equal(mri_utc_parse_duration(mri_slice_of(bad[i]), &duration_ns), MR_REFUSED);
        assert_int_equal(duration_ns, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_calendar_is_the_c_librarys),
        cmocka_unit_test(what_is_formatted_parses_back),
        cmocka_unit_test(every_form_of_a_time_is_read),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(durations_are_written_with_two_units),
        cmocka_unit_test(durations_are_read_with_one_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
