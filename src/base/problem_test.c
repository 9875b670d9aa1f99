/* SPDX-License-Identifier: MIT */
/*
 * Tests of problem texts: safe to print, cut at a character, always ended.
 */
#include "base/problem.h"

#include <string.h>

#include "base/text.h"
#include "tests/lib/cmocka_all.h"

static void it_formats_and_passes_the_result_on(void **fixture)
{
    (void)fixture;
    mr_problem problem;
    assert_int_equal(mri_problem(&problem, MR_EIO, "%s: line %d", "a.csv", 7), MR_EIO);
    assert_string_equal(problem.text, "a.csv: line 7");
    assert_int_equal(mri_problem(NULL, MR_FULL, "%s", "nobody reads this"), MR_FULL);
    assert_int_equal(mri_problem(&problem, MR_OK, "%s", ""), MR_OK);
    assert_string_equal(problem.text, "");
}

static void foreign_bytes_cannot_control_a_terminal(void **fixture)
{
    (void)fixture;
    mr_problem problem;
    (void)mri_problem(&problem, MR_EIO, "%s", "a\x1b[31m\r\n\xff\xc2\x9b z\xc3\xa4");
    assert_string_equal(problem.text, "a\\x1b[31m\\x0d\\x0a\\xff\\xc2\\x9b z\xc3\xa4");
}

static void a_long_text_is_cut_at_a_character_and_says_so(void **fixture)
{
    (void)fixture;
    for (size_t front = 0; front < 8; front++) {
        char text[900];
        mr_problem problem;
        memset(text, 'x', front);
        size_t count = front;
        while (count + 4 < sizeof(text)) {
            memcpy(text + count, "\xf0\x9f\x98\x80", 4);
            count += 4;
        }
        text[count] = '\0';
        (void)mri_problem(&problem, MR_EIO, "%s", text);
        size_t kept = strlen(problem.text);
        assert_in_range(kept, MR_PROBLEM_BYTES - 5, MR_PROBLEM_BYTES - 1);
        assert_string_equal(problem.text + kept - 3, "...");
        assert_true(mri_text_is_utf8(mri_slice_of(problem.text)));
        assert_memory_equal(problem.text, text, kept - 3);
    }
}

static void the_longest_text_that_fits_is_kept_whole(void **fixture)
{
    (void)fixture;
    char text[MR_PROBLEM_BYTES + 1];
    mr_problem problem;
    memset(text, 'y', sizeof(text));
    text[MR_PROBLEM_BYTES - 1] = '\0';
    (void)mri_problem(&problem, MR_EIO, "%s", text);
    assert_string_equal(problem.text, text);
    text[MR_PROBLEM_BYTES - 1] = 'y';
    text[MR_PROBLEM_BYTES] = '\0';
    (void)mri_problem(&problem, MR_EIO, "%s", text);
    assert_int_equal(strlen(problem.text), MR_PROBLEM_BYTES - 1);
    assert_string_equal(problem.text + MR_PROBLEM_BYTES - 4, "...");
}

static void a_text_longer_than_the_scratch_is_cut_too(void **fixture)
{
    (void)fixture;
    static char text[100000];
    mr_problem problem;
    memset(text, '\x01', sizeof(text) - 1); /* each becomes four bytes */
    (void)mri_problem(&problem, MR_EIO, "%s%s", text, text);
    assert_int_equal(strlen(problem.text), MR_PROBLEM_BYTES - 1);
}

static void what_another_problem_says_is_not_escaped_again(void **fixture)
{
    (void)fixture;
    mr_problem inner;
    mr_problem problem;
    (void)mri_problem(&inner, MR_EIO, "found \"%s\"", "a\n\\b");
    assert_string_equal(inner.text, "found \"a\\x0a\\x5cb\"");
    assert_int_equal(mri_problem_pass(&problem, MR_REFUSED, inner.text), MR_REFUSED);
    assert_string_equal(problem.text, inner.text);
    assert_int_equal(
        mri_problem_behind(&problem, MR_FULL, inner.text, "%s, line %d: ", "c\n", 7), MR_FULL);
    assert_string_equal(problem.text, "c\\x0a, line 7: found \"a\\x0a\\x5cb\"");
    assert_int_equal(mri_problem_behind(&inner, MR_FULL, inner.text, "1: "), MR_FULL);
    assert_string_equal(inner.text, "1: found \"a\\x0a\\x5cb\"");
    assert_int_equal(mri_problem_pass(&inner, MR_EIO, inner.text), MR_EIO);
    assert_int_equal(mri_problem_pass(NULL, MR_EIO, "nobody reads this"), MR_EIO);
    assert_int_equal(mri_problem_behind(NULL, MR_EIO, "nobody", "reads %s: ", "this"), MR_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_formats_and_passes_the_result_on),
        cmocka_unit_test(foreign_bytes_cannot_control_a_terminal),
        cmocka_unit_test(a_long_text_is_cut_at_a_character_and_says_so),
        cmocka_unit_test(the_longest_text_that_fits_is_kept_whole),
        cmocka_unit_test(a_text_longer_than_the_scratch_is_cut_too),
        cmocka_unit_test(what_another_problem_says_is_not_escaped_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
