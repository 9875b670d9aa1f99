/* SPDX-License-Identifier: MIT */
/*
 * The checker accepts what the parser accepts (the fuzz target compares them at length), and finds
 * the ends of values.
 */
#include "json/json_scan.h"

#include <stdio.h>

#include "base/check.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "json/json_read.h"

static mr_err ignore(void *context, struct mri_slice key, const struct mri_json_value *value)
{
    (void)context;
    (void)key;
    (void)value;
    return MR_OK;
}

static void the_checker_agrees_with_the_parser(void **state)
{
    (void)state;
    static const char *const parts[] = {"{", "}", "[", "]", ":", ",", "\"", "\"a\"", "\"b\":", "1",
        "-", "0", ".5", "e9", "true", "null", " ", "\\", "\\u0041", "\\ud83d\\ude00", "\xc3\xa4",
        "\xff", "{}", "[]", "\n", "99999999999999999999"};
    struct mri_json_parser *parser;
    assert_int_equal(mri_json_parser_open(mri_alloc_system(), 0, &parser), MR_OK);
    struct mri_prng prng;
    mri_prng_init(&prng, 5);
    int accepted = 0;
    for (int i = 0; i < 300000; i++) {
        char text[256] = "{\"k\":"; /* an object around random parts */
        size_t at = 5;
        for (uint64_t left = mri_prng_below(&prng, 9); left > 0; left--) {
            const char *part = parts[mri_prng_below(&prng, MRI_COUNT_OF(parts))];
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s", part);
        }
        (void)snprintf(text + at, sizeof(text) - at, "}");
        mr_problem problem;
        mr_err err = mri_json_parse_object(parser, mri_slice_of(text), ignore, NULL, &problem);
        bool is_refused_later = err == MR_REFUSED && (strstr(problem.text, "twice") != NULL ||
                                                         strstr(problem.text, "range") != NULL);
        struct mri_json_fault fault;
        bool is_accepted = mri_json_scan_check(mri_slice_of(text), &fault);
        if (!is_refused_later && is_accepted != (err == MR_OK)) {
            fail_msg("%s: %d %s", text, is_accepted, problem.text);
        }
        accepted += is_accepted;
    }
    assert_true(accepted > 1000);
    mri_json_parser_close(parser);
}

static void a_value_ends_where_it_ends(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t end;
    } cases[] = {
        {"1,2", 1},
        {"true}", 4},
        {"null", 4},
        {"-1e5 ", 4},
        {"\"a,}\\\"]\\\\\",", 10},
        {"[1,[2,\"]\"],{}],3", 14},
        {"{\"a\":{\"b\":[]}}}", 14},
        {"[]", 2},
        {"", 0},
        {"\"not closed", 11},
        {"[not closed", 11},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        const char *text = cases[i].text;
        assert_int_equal(mri_json_scan_value(text, text + strlen(text)) - text, cases[i].end);
    }
}

static void numbers_are_checked_to_the_last_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_good;
    } cases[] = {
        {"18446744073709551615", true},
        {"18446744073709551616", false},
        {"99999999999999999999999", false},
        {"-9223372036854775808", true},
        {"-9223372036854775809", false},
        {"1.7976931348623157e308", true},
        {"1.7976931348623159e308", false},
        {"1e-999", true},
        {"-0", true},
        {"-00", false},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        struct mri_json_fault fault;
        assert_int_equal(
            mri_json_scan_check(mri_slice_of(cases[i].text), &fault), cases[i].is_good);
    }
}

static void the_shape_alone_has_no_limits_but_its_room(void **state)
{
    (void)state;
    enum { LEVELS = 200 };
    static const struct {
        const char *text;
        bool is_good;
    } cases[] = {
        {"99999999999999999999999", true},
        {"{\"a\": -1e999}", true},
        {"1e", false},
        {"{\"a\": [{\"b\": {}}, []]}", true},
        {"{\"a\": [1}", false},
        {"{", false},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        const struct mri_slice text = mri_slice_of(cases[i].text);
        struct mri_json_fault fault;
        uint64_t kinds = 0;
        assert_true(mri_json_scan_levels(text) <= 64);
        assert_int_equal(mri_json_scan_shape(text, &kinds, 64, &fault), cases[i].is_good);
    }
    char deep[6 * LEVELS + 2];
    size_t count = 0;
    for (int i = 0; i < LEVELS; i++) { /* every other one is an object */
        count += (size_t)snprintf(deep + count, sizeof(deep) - count, i % 2 == 0 ? "[" : "{\"\":");
    }
    deep[count++] = '1';
    for (int i = LEVELS - 1; i >= 0; i--) {
        deep[count++] = i % 2 == 0 ? ']' : '}';
    }
    const struct mri_slice text = {deep, count};
    uint64_t kinds[(LEVELS + 63) / 64] = {0};
    struct mri_json_fault fault;
    deep[count] = '\0';
    assert_int_equal(mri_json_scan_levels(text), LEVELS);
    assert_true(mri_json_scan_shape(text, kinds, LEVELS, &fault));
    assert_false(mri_json_scan_shape(text, kinds, LEVELS - 1, &fault));
    assert_false(mri_json_scan_check(text, &fault));
    deep[count - 1] = '}';
    assert_false(mri_json_scan_shape(text, kinds, LEVELS, &fault));
    assert_int_equal(fault.offset, count - 1);
}

/** Texts are passed over by eight bytes: every byte, behind every number of good ones. */
static void a_bad_byte_is_found_wherever_it_stands(void **state)
{
    (void)state;
    enum { GOOD_MAX = 20 };
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t good = 0; good <= GOOD_MAX; good++) {
            char text[64];
            struct mri_json_fault fault = {.offset = 0};
            memset(text, '~', sizeof(text));
            text[0] = '"';
            text[1 + good] = (char)byte;
            text[1 + good + 18] = '"';
            const struct mri_slice slice = {text, 1 + good + 19};
            bool is_plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
            assert_int_equal(mri_json_scan_check(slice, &fault), is_plain);
            size_t at =
                byte == '"' ? good + 2 : good + 1; /* a quote ends it: what follows is bad */
            assert_int_equal(fault.offset, is_plain ? 0 : at);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checker_agrees_with_the_parser),
        cmocka_unit_test(the_shape_alone_has_no_limits_but_its_room),
        cmocka_unit_test(a_bad_byte_is_found_wherever_it_stands),
        cmocka_unit_test(a_value_ends_where_it_ends),
        cmocka_unit_test(numbers_are_checked_to_the_last_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
