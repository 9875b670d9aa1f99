/* SPDX-License-Identifier: MIT */
/*
 * Requests: what is read out of a line, and what is said of one that is wrong.
 */
#include "socket/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tests/lib/cmocka_all.h"

static const struct mri_request_fields move_fields = {.has = {MRI_REQUEST_MOVE(MRI_REQUEST_HAS)}};
static const struct mri_request_fields emission_fields = {
    .has = {MRI_REQUEST_EMISSION(MRI_REQUEST_HAS)}};

static struct mri_request_reader reader;
static struct mri_request request;
static struct mri_request_fault fault;

static int set_up(void **fixture)
{
    (void)fixture;
    return mri_request_reader_init(&reader, mri_alloc_system()) == MR_OK ? 0 : -1;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_request_reader_fini(&reader);
    return 0;
}

static mr_err read_line(const char *line)
{
    return mri_request_read(&reader, mri_slice_of(line), &request, &fault);
}

static void fields_are_read_by_their_type(void **fixture)
{
    (void)fixture;
    assert_int_equal(
        read_line("{\"side\":\"l\\u00f6ng\",\"confidence\":1,\"price\":2.5,\"data\":{\"a\": [1]},"
                  "\"account\":null,\"verb\":\"emit\",\"id\":\"q\\\"1\"}\r"),
        MR_OK);
    assert_int_equal(request.verb, MRI_VERB_EMIT);
    assert_true(mri_slice_is(request.id, "\"q\\\"1\"")); /* as it stood there */
    assert_string_equal(request.fields[MRI_FIELD_SIDE].text, "l\xc3\xb6ng");
    assert_true(request.fields[MRI_FIELD_CONFIDENCE].number == 1.0);
    assert_true(request.fields[MRI_FIELD_PRICE].number == 2.5);
    assert_string_equal(request.fields[MRI_FIELD_DATA].text, "{\"a\": [1]}");
    assert_false(request.fields[MRI_FIELD_ACCOUNT].is_given); /* null is absent */
    assert_null(request.fields[MRI_FIELD_ACCOUNT].text);
    assert_int_equal(
        read_line("{\"verb\":\"ack\",\"seq\":9007199254740993,\"subscription\":\"s\"}"), MR_OK);
    assert_true(request.fields[MRI_FIELD_SEQ].integer == 9007199254740993);
    assert_true(mri_slice_is(request.id, "null"));
}

/** What is wrong is told with its field, its byte and the request's id. */
static void what_is_wrong_is_told_with_its_place(void **fixture)
{
    (void)fixture;
    static const struct {
        const char *line;
        const char *id;
        const char *field;
        const char *text;
        int64_t byte;
    } cases[] = {
        {"", "null", "", "not acceptable JSON", 0},
        {"[]", "null", "", "expected an object", 0},
        {"{\"id\":1,}", "null", "", "not acceptable JSON", 8},
        {"{\"id\":1,\"verb\":\"get\",\"id\":2}", "1", "", "twice", 21},
        {"{\"verb\":\"get\",\"seq\":99999999999999999999,\"id\":1}", "null", "", "range", 20},
        {"\xff", "null", "", "not acceptable JSON", 0},
        {"{\"id\":1}", "1", "verb", "missing", -1},
        {"{\"id\":[1]}", "null", "id", "a text or a number", 6},
        {"{\"verb\":7,\"id\":1}", "1", "verb", "a text", 8},
        {"{\"verb\":\"emitt\",\"id\":1}", "1", "verb", "did you mean emit?", 8},
        {"{\"verb\":\"bidd\",\"bidden\":1,\"id\":1}", "1", "verb", "unknown verb \"bidd\"", 8},
        {"{\"bidden\":1,\"id\":1,\"verb\":\"bidd\"}", "1", "verb", "unknown verb \"bidd\"", 26},
        {"{\"limit\":\"x\",\"id\":1,\"verb\":\"bidd\"}", "1", "verb", "unknown verb", 27},
        {"{\"limit\":\"x\",\"id\":1,\"verb\":\"query\"}", "1", "limit", "an integer", 9},
        {"{\"limit\":\"x\",\"verb\":\"bidd\",}", "null", "", "not acceptable JSON", 27},
        {"{\"verbb\":\"emit\",\"id\":1}", "1", "verbb", "did you mean verb?", 9},
        {"{\"verb\":\"counts\",\"sidee\":1,\"id\":1}", "1", "sidee", "did you mean side?", 25},
        {"{\"verb\":\"counts\",\"side\":\"x\",\"id\":1}", "1", "side", "counts has no field", 24},
        {"{\"verb\":\"query\",\"limit\":1.5,\"id\":1}", "1", "limit", "an integer", 24},
        {"{\"verb\":\"emit\",\"data\":\"x\",\"id\":1}", "1", "data", "an object", 22},
        {"{\"verb\":\"emit\",\"signals\":{},\"id\":1}", "1", "signals", "a list", 25},
        {"{\"verb\":\"emit\",\"side\":\"a\\u0000b\",\"id\":1}", "1", "side", "U+0000", 22},
        {"{\"verb\":\"subscribe\",\"from_beginning\":1,\"id\":1}", "1", "from_beginning", "true",
            37},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        if (read_line(cases[i].line) != MR_REFUSED) {
            fail_msg("it is taken: %s", cases[i].line);
        }
        bool is_told = mri_slice_is(request.id, cases[i].id) &&
                       strcmp(fault.field, cases[i].field) == 0 && fault.byte == cases[i].byte &&
                       strstr(fault.problem.text, cases[i].text) != NULL;
        if (!is_told) {
            fail_msg("%s: id %.*s, field %s, byte %lld: %s", cases[i].line, (int)request.id.count,
                request.id.bytes, fault.field, (long long)fault.byte, fault.problem.text);
        }
    }
}

static void an_id_that_is_too_long_is_refused(void **fixture)
{
    (void)fixture;
    char line[300];
    for (int extra = 0; extra <= 1; extra++) {
        (void)snprintf(line, sizeof(line), "{\"verb\":\"quit\",\"id\":\"%0*d\"}",
            MRI_REQUEST_ID_BYTES_MAX - 2 + extra, 0);
        assert_int_equal(read_line(line), extra == 0 ? MR_OK : MR_REFUSED);
    }
    assert_string_equal(fault.field, "id");
}

static void items_of_a_list_are_read_one_by_one(void **fixture)
{
    (void)fixture;
    struct mri_request_value values[MRI_FIELD_COUNT];
    assert_int_equal(read_line("{\"verb\":\"move\",\"moves\":[ {\"signal\":7, \"to\":\"a]\"} ,"
                               "{\"signal\":\"x\",\"data\":{\"k\":[{}]}}, 3, {\"side\":\"x\"},"
                               " {\"signal\":1,\"signal\":1}]}"),
        MR_OK);
    struct mri_slice rest = request.fields[MRI_FIELD_MOVES].raw;
    assert_int_equal(mri_request_item(&reader, &rest, &move_fields, values, &fault), MR_OK);
    assert_true(values[MRI_FIELD_SIGNAL].integer == 7 && !values[MRI_FIELD_SIGNAL].is_text);
    assert_string_equal(values[MRI_FIELD_TO].text, "a]");
    assert_int_equal(mri_request_item(&reader, &rest, &move_fields, values, &fault), MR_OK);
    assert_string_equal(values[MRI_FIELD_SIGNAL].text, "x");
    assert_string_equal(values[MRI_FIELD_DATA].text, "{\"k\":[{}]}");
    assert_false(values[MRI_FIELD_TO].is_given);
    assert_int_equal(mri_request_item(&reader, &rest, &move_fields, values, &fault), MR_REFUSED);
    assert_int_equal(fault.byte, 84);
    assert_int_equal(mri_request_item(&reader, &rest, &move_fields, values, &fault), MR_REFUSED);
    assert_string_equal(fault.field, "side");
    assert_int_equal(mri_request_item(&reader, &rest, &move_fields, values, &fault), MR_REFUSED);
    assert_non_null(strstr(fault.problem.text, "twice"));
    assert_int_equal(fault.byte, 113); /* in the line, not in the item */
    assert_int_equal(mri_request_item(&reader, &rest, &move_fields, values, &fault), MR_END);
}

static void the_longest_line_of_texts_fits(void **fixture)
{
    (void)fixture;
    struct mri_request_value values[MRI_FIELD_COUNT];
    char *line = test_malloc(MRI_REQUEST_LINE_BYTES_MAX + 1);
    int at = snprintf(line, 64, "{\"verb\":\"emit\",\"signals\":[{\"source\":\"");
    memset(line + at, 'x', MRI_REQUEST_LINE_BYTES_MAX - (size_t)at);
    memcpy(line + MRI_REQUEST_LINE_BYTES_MAX - 4, "\"}]}", 5);
    assert_int_equal(read_line(line), MR_OK);
    struct mri_slice rest = request.fields[MRI_FIELD_SIGNALS].raw;
    assert_int_equal(mri_request_item(&reader, &rest, &emission_fields, values, &fault), MR_OK);
    assert_int_equal(
        strlen(values[MRI_FIELD_SOURCE].text), MRI_REQUEST_LINE_BYTES_MAX - (size_t)at - 4);
    test_free(line);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(fields_are_read_by_their_type),
        TEST(what_is_wrong_is_told_with_its_place),
        TEST(an_id_that_is_too_long_is_refused),
        TEST(items_of_a_list_are_read_one_by_one),
        TEST(the_longest_line_of_texts_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
