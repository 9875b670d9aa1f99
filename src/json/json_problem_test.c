/* SPDX-License-Identifier: MIT */
/*
 * Tests of what is said of lines that are no JSON objects.
 */
#include "json/json_problem.h"

#include <stdint.h>

#include "tests/lib/cmocka_all.h"
#include "json/json_read.h"

static mr_err ignore(void *context, struct mri_slice key, const struct mri_json_value *value)
{
    (void)context;
    (void)key;
    (void)value;
    return MR_OK;
}

static void a_place_is_told_in_characters_and_kept_in_bytes(void **fixture)
{
    (void)fixture;
    static const struct {
        const char *line;
        size_t offset;
        const char *told;
    } cases[] = {
        {"", 0, "not a JSON object: character 1: it ends too early"},
        {"{\"a\":nul}", 5, "not a JSON object: character 6: expected a value"},
        {"{\"\xc3\xa4\xe6\x97\xa5\xf0\x9f\x9a\x80\":nul}", 13,
            "not a JSON object: character 8: expected a value"},
        {"{\"\xe6\x97\xa5\":1,\"\xe6\x97\xa5\":1}", 9,
            "not a JSON object: character 8: a key that stands there twice"},
        {"{\"\xe6\x97\xa5\xff\":1}", 5, "not a JSON object: character 4: not UTF-8"},
    };
    struct mri_json_parser *parser;
    assert_int_equal(mri_json_parser_open(mri_alloc_system(), 0, &parser), MR_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct mri_slice line = mri_slice_of(cases[i].line);
        mr_problem problem;
        mr_problem told;
        size_t offset;
        assert_int_equal(mri_json_parse_object(parser, line, ignore, NULL, &problem), MR_REFUSED);
        (void)mri_json_problem_place(&problem, &offset);
        assert_int_equal(offset, cases[i].offset);
        assert_int_equal(mri_json_problem_tell(&told, MR_REFUSED, line, &problem), MR_REFUSED);
        assert_string_equal(told.text, cases[i].told);
    }
    mri_json_parser_close(parser);
}

static void a_problem_without_a_place_is_told_as_it_is(void **fixture)
{
    (void)fixture;
    const mr_problem problem = {"a line of \\x5c"};
    mr_problem told;
    size_t offset;
    assert_string_equal(mri_json_problem_place(&problem, &offset), problem.text);
    assert_true(offset == SIZE_MAX);
    (void)mri_json_problem_tell(&told, MR_REFUSED, mri_slice_of("x"), &problem);
    assert_string_equal(told.text, "not a JSON object: a line of \\x5c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_told_in_characters_and_kept_in_bytes),
        cmocka_unit_test(a_problem_without_a_place_is_told_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
