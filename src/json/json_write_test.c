/* SPDX-License-Identifier: MIT */
/*
 * JSON out: punctuation, escapes, numbers that come back.
 */
#include "json/json_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/exact_math.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "json/json_scan.h"

static struct mri_buf buf;
static struct mri_json_writer writer;

static int begin(void **state)
{
    (void)state;
    mri_buf_init(&buf, mri_alloc_system(), 1 << 20);
    mri_json_write_begin(&writer, &buf);
    return 0;
}

static int end(void **state)
{
    (void)state;
    mri_buf_fini(&buf);
    return 0;
}

/** What was written is this, and JSON. */
static void assert_written(const char *expected)
{
    struct mri_json_fault fault;
    const char *text = mri_buf_c_text(&buf);
    assert_string_equal(text, expected);
    assert_true(mri_json_scan_check(mri_slice_of(text), &fault));
    mri_buf_clear(&buf);
}

static void commas_and_colons_come_by_themselves(void **state)
{
    (void)state;
    mri_json_write_object_open(&writer);
    mri_json_write_key(&writer, "a");
    mri_json_write_integer(&writer, -1);
    mri_json_write_key(&writer, "b");
    mri_json_write_array_open(&writer);
    mri_json_write_null(&writer);
    mri_json_write_bool(&writer, true);
    mri_json_write_object_open(&writer);
    mri_json_write_object_close(&writer);
    mri_json_write_array_open(&writer);
    mri_json_write_unsigned(&writer, UINT64_MAX);
    mri_json_write_array_close(&writer);
    mri_json_write_array_close(&writer);
    mri_json_write_key(&writer, "c");
    mri_json_write_raw(&writer, mri_slice_of("{\"x\": 1}"));
    mri_json_write_key(&writer, "d");
    mri_json_write_text(&writer, mri_slice_of("e"));
    mri_json_write_object_close(&writer);
    assert_written("{\"a\":-1,\"b\":[null,true,{},[18446744073709551615]],\"c\":{\"x\": 1},"
                   "\"d\":\"e\"}");
}

static void a_value_needs_no_brackets(void **state)
{
    (void)state;
    mri_json_write_bool(&writer, false);
    assert_written("false");
    mri_json_write_text(&writer, (struct mri_slice){0});
    assert_written("\"\"");
}

static void brackets_nest_to_the_limit(void **state)
{
    (void)state;
    for (int i = 0; i < MRI_JSON_WRITE_DEPTH_MAX; i++) {
        mri_json_write_array_open(&writer);
    }
    for (int i = 0; i < MRI_JSON_WRITE_DEPTH_MAX; i++) {
        mri_json_write_array_close(&writer);
    }
    assert_int_equal(buf.err, MR_OK);
    assert_int_equal(buf.count, 2 * MRI_JSON_WRITE_DEPTH_MAX);
}

static void texts_are_valid_whatever_their_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count;
        const char *expected;
    } cases[] = {
        {"a\"b\\c/", 6, "\"a\\\"b\\\\c/\""},
        {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
        {"\0\x1f\x7f", 3, "\"\\u0000\\u001f\\u007f\""},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\xc2\x9b\xe2\x80\xa8\xe2\x80\xae\xd8\x9c", 10, "\"\\u009b\\u2028\\u202e\\u061c\""},
        {"x\xffy", 3, "\"x\\ufffdy\""},
        {"\xc3", 1, "\"\\ufffd\""},
        {"\xe2\x82", 2, "\"\\ufffd\\ufffd\""},
        {"\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xc0\x80z", 3, "\"\\ufffd\\ufffdz\""},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        mri_json_write_text(
            &writer, (struct mri_slice){.bytes = cases[i].text, .count = cases[i].count});
        assert_written(cases[i].expected);
    }
}

static void random_bytes_become_valid_texts(void **state)
{
    (void)state;
    struct mri_prng prng;
    mri_prng_init(&prng, 1);
    for (int i = 0; i < 20000; i++) {
        char bytes[24];
        struct mri_json_fault fault;
        size_t count = (size_t)mri_prng_below(&prng, sizeof(bytes) + 1);
        for (size_t k = 0; k < count; k++) {
            bytes[k] = (char)mri_prng_next(&prng);
        }
        mri_json_write_text(&writer, (struct mri_slice){.bytes = bytes, .count = count});
        assert_true(mri_json_scan_check(mri_slice_of(mri_buf_c_text(&buf)), &fault));
        mri_buf_clear(&buf);
    }
}

static void numbers_have_the_fewest_digits(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *expected;
    } cases[] = {
        {0.0, "0"},
        {-0.0, "-0.0"},
        {1.0, "1"},
        {-1234567.0, "-1234567"},
        {0.1, "0.1"},
        {0.30000000000000004, "0.30000000000000004"},
        {1.0 / 3.0, "0.3333333333333333"},
        {123456789.125, "123456789.125"},
        {1e15, "1000000000000000"},
        {1e16, "1e+16"},
        {1e22, "1e+22"},
        {5e-324, "5e-324"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {0.5772156649015329, "0.5772156649015329"},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        mri_json_write_number(&writer, cases[i].value);
        assert_written(cases[i].expected);
    }
    mri_json_write_number(&writer, mri_nan());
    assert_written("null");
    mri_json_write_number(&writer, 1e308 * 10.0);
    assert_written("null");
    mri_json_write_number(&writer, -1e308 * 10.0);
    assert_written("null");
}

static void every_double_comes_back(void **state)
{
    (void)state;
    struct mri_prng prng;
    mri_prng_init(&prng, 2);
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = mri_prng_next(&prng);
        double value;
        if (i % 2 == 0) {
            memcpy(&value, &bits, sizeof(value));
        } else {
            value = (double)(int64_t)(bits >> 30) / 1e4;
        }
        if (!mri_is_finite(value)) {
            continue;
        }
        mri_json_write_number(&writer, value);
        double back = strtod(mri_buf_c_text(&buf), NULL);
        assert_memory_equal(&back, &value, sizeof(value));
        mri_buf_clear(&buf);
    }
}

static void integers_come_whole(void **state)
{
    (void)state;
    mri_json_write_integer(&writer, INT64_MIN);
    assert_written("-9223372036854775808");
    mri_json_write_integer(&writer, INT64_MAX);
    assert_written("9223372036854775807");
}

static void a_full_buffer_is_noticed(void **state)
{
    (void)state;
    struct mri_buf small;
    mri_buf_init(&small, mri_alloc_system(), 4);
    mri_json_write_begin(&writer, &small);
    mri_json_write_array_open(&writer);
    mri_json_write_text(&writer, mri_slice_of("too long"));
    mri_json_write_array_close(&writer);
    assert_int_equal(small.err, MR_FULL);
    mri_buf_fini(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commas_and_colons_come_by_themselves, begin, end),
        cmocka_unit_test_setup_teardown(a_value_needs_no_brackets, begin, end),
        cmocka_unit_test_setup_teardown(brackets_nest_to_the_limit, begin, end),
        cmocka_unit_test_setup_teardown(texts_are_valid_whatever_their_bytes, begin, end),
        cmocka_unit_test_setup_teardown(random_bytes_become_valid_texts, begin, end),
        cmocka_unit_test_setup_teardown(numbers_have_the_fewest_digits, begin, end),
        cmocka_unit_test_setup_teardown(every_double_comes_back, begin, end),
        cmocka_unit_test_setup_teardown(integers_come_whole, begin, end),
        cmocka_unit_test_setup_teardown(a_full_buffer_is_noticed, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
