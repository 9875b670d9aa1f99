/* SPDX-License-Identifier: MIT */
/*
 * Objects in: fields in order with type and value, and every refusal with its place.
 */
#include "json/json_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"
#include "json/json_scan.h"

static struct mri_json_parser *open_parser(size_t line_bytes_max)
{
    struct mri_json_parser *parser;
    assert_int_equal(mri_json_parser_open(mri_alloc_system(), line_bytes_max, &parser), MR_OK);
    return parser;
}

/** Writes a field down as "key=type value raw;". */
static mr_err note(void *context, struct mri_slice key, const struct mri_json_value *value)
{
    struct mri_buf *buf = context;
    mri_buf_put(buf, key.bytes, key.count);
    switch (value->type) {
    case MRI_JSON_NULL:
        mri_buf_text(buf, "=null");
        break;
    case MRI_JSON_BOOL:
        mri_buf_printf(buf, "=bool %d", value->boolean);
        break;
    case MRI_JSON_INTEGER:
        mri_buf_printf(buf, "=integer %" PRId64 " %g", value->integer, value->number);
        break;
    case MRI_JSON_NUMBER:
        mri_buf_printf(buf, "=number %.17g", value->number);
        break;
    case MRI_JSON_TEXT:
        mri_buf_text(buf, "=text ");
        mri_buf_put(buf, value->text.bytes, value->text.count);
        break;
    case MRI_JSON_OBJECT:
        mri_buf_text(buf, "=object");
        break;
    case MRI_JSON_ARRAY:
        mri_buf_text(buf, "=array");
        break;
    }
    mri_buf_text(buf, " <");
    mri_buf_put(buf, value->raw.bytes, value->raw.count);
    mri_buf_text(buf, ">;");
    return MR_OK;
}

static void assert_fields(const char *line, const char *expected)
{
    struct mri_json_parser *parser = open_parser(0);
    struct mri_buf buf;
    mri_buf_init(&buf, mri_alloc_system(), 1 << 20);
    mr_problem problem = {0};
    mr_err err = mri_json_parse_object(parser, mri_slice_of(line), note, &buf, &problem);
    if (err != MR_OK) {
        fail_msg("%s: %s", line, problem.text);
    }
    assert_string_equal(mri_buf_c_text(&buf), expected);
    mri_buf_fini(&buf);
    mri_json_parser_close(parser);
}

static void every_type_of_field_comes_with_value_and_text(void **state)
{
    (void)state;
    assert_fields("{}", "");
    assert_fields(" \t{ } \r\n", "");
    assert_fields("{\"a\":null,\"b\":true, \"c\" : false }",
        "a=null <null>;b=bool 1 <true>;c=bool 0 <false>;");
    assert_fields("{\"i\":-7,\"n\":1.5,\"e\":1e3,\"m\":9223372036854775807}",
        "i=integer -7 -7 <-7>;n=number 1.5 <1.5>;e=number 1000 <1e3>;"
        "m=integer 9223372036854775807 9.22337e+18 <9223372036854775807>;");
    assert_fields("{\"t\":\"x\",\"\":\"\"}", "t=text x <\"x\">;=text  <\"\">;");
    assert_fields("{\"o\":{\"a\":[1,{\"b\":\"]}\\\"\"}]},\"p\":[ ],\"q\":1}",
        "o=object <{\"a\":[1,{\"b\":\"]}\\\"\"}]}>;p=array <[ ]>;q=integer 1 1 <1>;");
}

static void texts_and_keys_are_unescaped(void **state)
{
    (void)state;
    assert_fields("{\"\\u006bey\\n\":\"\\u00e4\\t\\\\ \\ud83d\\ude00 \\/\"}",
        "key\n=text \xc3\xa4\t\\ \xf0\x9f\x98\x80 / <\"\\u00e4\\t\\\\ \\ud83d\\ude00 \\/\">;");
}

static mr_err refuse_all(void *context, struct mri_slice key, const struct mri_json_value *value)
{
    (void)key;
    (void)value;
    ++*(int *)context;
    return MR_FULL;
}

static mr_err count(void *context, struct mri_slice key, const struct mri_json_value *value)
{
    (void)key;
    (void)value;
    ++*(int *)context;
    return MR_OK;
}

static void what_the_callback_answers_is_passed_up(void **state)
{
    (void)state;
    struct mri_json_parser *parser = open_parser(0);
    int calls = 0;
    assert_int_equal(
        mri_json_parse_object(parser, mri_slice_of("{\"a\":1,\"b\":2}"), refuse_all, &calls, NULL),
        MR_FULL);
    assert_int_equal(calls, 1);
    mri_json_parser_close(parser);
}

static void every_refusal_says_what_and_where(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *problem;
    } cases[] = {
        {"", "byte 0: it ends too early"},
        {"  ", "byte 2: it ends too early"},
        {"[1]", "byte 0: expected an object"},
        {"7", "byte 0: expected an object"},
        {"{} {}", "byte 3: expected the end of the line"},
        {"{},", "byte 2: expected the end of the line"},
        {"{\"a\":1", "byte 6: it ends too early"},
        {"{\"a\":1,}", "byte 7: expected a key in quotes"},
        {"{a:1}", "byte 1: expected a key in quotes"},
        {"{'a':1}", "byte 1: expected a key in quotes"},
        {"{\"a\" 1}", "byte 5: expected ':'"},
        {"{\"a\":}", "byte 5: expected a value"},
        {"{\"a\":nul}", "byte 5: expected a value"},
        {"{\"a\":True}", "byte 5: expected a value"},
        {"{\"a\":NaN}", "byte 5: expected a value"},
        {"{\"a\":-Infinity}", "byte 5: a bad number"},
        {"{\"a\":1 \"b\":2}", "byte 7: expected ',' or '}'"},
        {"{\"a\":[1 2]}", "byte 8: expected ',' or ']'"},
        {"{\"a\":[1,]}", "byte 8: expected a value"},
        {"{\"a\":[1}", "byte 7: expected ',' or ']'"},
        {"{\"a\":01}", "byte 5: a bad number"},
        {"{\"a\":1.}", "byte 5: a bad number"},
        {"{\"a\":.5}", "byte 5: expected a value"},
        {"{\"a\":+1}", "byte 5: expected a value"},
        {"{\"a\":1e}", "byte 5: a bad number"},
        {"{\"a\":0x1}", "byte 6: expected ',' or '}'"},
        {"{\"a\":1e999}", "byte 5: a number that is out of range"},
        {"{\"a\":9223372036854775808}", "byte 5: a number that is out of range"},
        {"{\"a\":18446744073709551616}", "byte 5: a number that is out of range"},
        {"{\"a\":[-9223372036854775809]}", "byte 6: a number that is out of range"},
        {"{\"a\":\"b}", "byte 5: a text that does not end"},
        {"{\"a\":\"\\x\"}", "byte 6: a bad escape in a text"},
        {"{\"a\":\"\\u12g4\"}", "byte 6: a bad escape in a text"},
        {"{\"a\":\"\\udc00\"}", "byte 6: a bad escape in a text"},
        {"{\"a\":\"\\ud800x\"}", "byte 6: half of a surrogate pair in a text"},
        {"{\"a\":\"b\tc\"}", "byte 7: a control character in a text"},
        {"{\"a\":\"b\xff"
         "c\"}",
            "byte 7: not UTF-8"},
        {"{\"a\":\"b\xed\xa0\x80\"}", "byte 7: not UTF-8"},
        {"\xef\xbb\xbf{}", "byte 0: expected a value"},
        {"{\"a\":1,\"b\":2,\"\\u0061\":3}", "byte 13: a key that stands there twice"},
        {"{\"a\":1} // comment", "byte 8: expected the end of the line"},
    };
    struct mri_json_parser *parser = open_parser(0);
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        int calls = 0;
        mr_problem problem = {0};
        mr_err err =
            mri_json_parse_object(parser, mri_slice_of(cases[i].line), count, &calls, &problem);
        if (err != MR_REFUSED || strcmp(problem.text, cases[i].problem) != 0) {
            fail_msg(
                "%s: %d, \"%s\", not \"%s\"", cases[i].line, err, problem.text, cases[i].problem);
        }
    }
    mri_json_parser_close(parser);
}

static void a_null_byte_is_not_the_end(void **state)
{
    (void)state;
    struct mri_json_parser *parser = open_parser(0);
    int calls = 0;
    const char inside[] = "{\"a\0\":1}";
    assert_int_equal(mri_json_parse_object(parser, (struct mri_slice){inside, sizeof(inside) - 1},
                         count, &calls, NULL),
        MR_REFUSED);
    const char behind[] = "{\"a\":1}\0";
    assert_int_equal(mri_json_parse_object(parser, (struct mri_slice){behind, sizeof(behind) - 1},
                         count, &calls, NULL),
        MR_REFUSED);
    assert_int_equal(mri_json_parse_object(parser, (struct mri_slice){behind, sizeof(behind) - 2},
                         count, &calls, NULL),
        MR_OK);
    mri_json_parser_close(parser);
}

/** {"a":[[[...1...]]]} with so many levels in all. */
static void nested(char *text, int levels)
{
    int at = snprintf(text, 16, "{\"a\":");
    memset(text + at, '[', (size_t)levels - 1);
    at += levels - 1;
    text[at++] = '1';
    memset(text + at, ']', (size_t)levels - 1);
    at += levels - 1;
    (void)snprintf(text + at, 2, "}");
}

static void thirty_two_levels_are_allowed(void **state)
{
    (void)state;
    struct mri_json_parser *parser = open_parser(0);
    char text[256];
    int calls = 0;
    mr_problem problem;
    nested(text, MRI_JSON_DEPTH_MAX);
    assert_int_equal(
        mri_json_parse_object(parser, mri_slice_of(text), count, &calls, &problem), MR_OK);
    nested(text, MRI_JSON_DEPTH_MAX + 1);
    assert_int_equal(
        mri_json_parse_object(parser, mri_slice_of(text), count, &calls, &problem), MR_REFUSED);
    assert_string_equal(problem.text, "byte 36: values that lie too deep in one another");
    assert_int_equal(calls, 1);
    mri_json_parser_close(parser);
}

static void lines_up_to_the_limit_are_parsed(void **state)
{
    (void)state;
    enum { LIMIT = 100 };
    struct mri_json_parser *parser = open_parser(LIMIT);
    char text[LIMIT + 2];
    int calls = 0;
    mr_problem problem;
    for (int size = LIMIT; size <= LIMIT + 1; size++) {
        (void)snprintf(text, sizeof(text), "{\"a\":\"%0*d\"}", size - 8, 0);
        assert_int_equal(strlen(text), size);
        assert_int_equal(mri_json_parse_object(parser, mri_slice_of(text), count, &calls, &problem),
            size == LIMIT ? MR_OK : MR_REFUSED);
    }
    assert_string_equal(problem.text, "a line of 101 bytes; 100 are allowed");
    assert_int_equal(calls, 1);
    mri_json_parser_close(parser);
}

/** An object with so many distinct keys. */
static char *many_fields(int fields)
{
    char *text = test_malloc((size_t)fields * 16 + 64);
    int at = snprintf(text, 2, "{");
    for (int i = 0; i < fields; i++) {
        at += snprintf(text + at, 32, "%s\"k%d\":%d", i == 0 ? "" : ",", i, i);
    }
    (void)snprintf(text + at, 2, "}");
    return text;
}

static void more_fields_than_allowed_are_refused(void **state)
{
    (void)state;
    struct mri_json_parser *parser = open_parser(0);
    for (int extra = 0; extra < 2; extra++) {
        char *text = many_fields(MRI_JSON_FIELDS_MAX + extra);
        int calls = 0;
        mr_problem problem;
        assert_int_equal(mri_json_parse_object(parser, mri_slice_of(text), count, &calls, &problem),
            extra == 0 ? MR_OK : MR_REFUSED);
        assert_int_equal(calls, MRI_JSON_FIELDS_MAX);
        test_free(text);
    }
    mri_json_parser_close(parser);
}

static void limits_and_missing_memory_are_answered(void **state)
{
    (void)state;
    struct mri_json_parser *parser;
    assert_int_equal(mri_json_parser_open(mri_alloc_system(), (size_t)2 << 30, &parser), MR_EINVAL);
    for (unsigned failing = 1; failing <= 3; failing++) {
        struct failing_alloc alloc;
        failing_alloc_init(&alloc, failing);
        mr_err err = mri_json_parser_open(&alloc.alloc, 1000, &parser);
        assert_int_equal(err, failing < 3 ? MR_ENOMEM : MR_OK);
        if (err == MR_OK) {
            mri_json_parser_close(parser);
        }
        assert_int_equal(alloc.live_bytes, 0);
    }
    mri_json_parser_close(NULL);
    assert_int_equal(mri_json_parse_object(NULL, mri_slice_of("{}"), count, NULL, NULL), MR_EINVAL);
}

static void a_parser_is_used_again_after_a_refusal(void **state)
{
    (void)state;
    struct mri_json_parser *parser = open_parser(0);
    for (int i = 0; i < 3; i++) {
        int calls = 0;
        assert_int_equal(
            mri_json_parse_object(parser, mri_slice_of("{\"a\":[}"), count, &calls, NULL),
            MR_REFUSED);
        assert_int_equal(calls, 0);
        assert_int_equal(
            mri_json_parse_object(parser, mri_slice_of("{\"a\":[]}"), count, &calls, NULL), MR_OK);
        assert_int_equal(calls, 1);
    }
    mri_json_parser_close(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_of_field_comes_with_value_and_text),
        cmocka_unit_test(texts_and_keys_are_unescaped),
        cmocka_unit_test(what_the_callback_answers_is_passed_up),
        cmocka_unit_test(every_refusal_says_what_and_where),
        cmocka_unit_test(a_null_byte_is_not_the_end),
        cmocka_unit_test(thirty_two_levels_are_allowed),
        cmocka_unit_test(lines_up_to_the_limit_are_parsed),
        cmocka_unit_test(more_fields_than_allowed_are_refused),
        cmocka_unit_test(limits_and_missing_memory_are_answered),
        cmocka_unit_test(a_parser_is_used_again_after_a_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
