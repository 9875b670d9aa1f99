/* SPDX-License-Identifier: MIT */
/*
 * Lines out of pieces: the same lines, wherever the pieces are cut.
 */
#include "socket/line_input.h"

#include <stdio.h>

#include "tests/lib/cmocka_all.h"

enum { LINE_BYTES_MAX = 10 };

static struct mri_line_input input;
static char seen[1000]; /* "1:abc|2:!|": number and text, ! for too long */

static int set_up(void **fixture)
{
    (void)fixture;
    seen[0] = '\0';
    mri_line_input_init(&input, mri_alloc_system(), LINE_BYTES_MAX);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_line_input_fini(&input);
    return 0;
}

static void take_all(void)
{
    struct mri_input_line line;
    while (mri_line_input_next(&input, &line)) {
        size_t at = strlen(seen);
        (void)snprintf(seen + at, sizeof(seen) - at, "%llu:%.*s|", (unsigned long long)line.number,
            line.is_too_long ? 1 : (int)line.text.count, line.is_too_long ? "!" : line.text.bytes);
    }
    assert_false(mri_line_input_has_more(&input));
}

static void put(const char *bytes, size_t count)
{
    assert_int_equal(mri_line_input_put(&input, bytes, count), MR_OK);
    take_all();
}

static void lines_are_the_same_however_the_bytes_come(void **fixture)
{
    (void)fixture;
    static const char text[] = "one\n \t\ntwo\r\n \r\n0123456789\n01234567890\nfour\n"
                               "much longer than a line may be\nfive\nsi";
    for (size_t piece = 1; piece < sizeof(text); piece++) {
        set_up(NULL);
        for (size_t at = 0; at < sizeof(text) - 1; at += piece) {
            size_t left = sizeof(text) - 1 - at;
            put(text + at, left < piece ? left : piece);
        }
        assert_string_equal(seen, "1:one|3:two\r|5:0123456789|6:!|7:four|8:!|9:five|");
        assert_true(mri_line_input_is_torn(&input));
        put("x\n", 2);
        assert_non_null(strstr(seen, "9:five|10:six|"));
        assert_false(mri_line_input_is_torn(&input));
        tear_down(NULL);
    }
}

static void a_line_without_end_takes_no_memory(void **fixture)
{
    (void)fixture;
    static char piece[MRI_LINE_INPUT_PIECE_BYTES];
    memset(piece, 'x', sizeof(piece));
    for (int i = 0; i < 200; i++) {
        put(piece, sizeof(piece));
        assert_true(input.buf.count == 0);
    }
    assert_string_equal(seen, "1:!|"); /* told once, at once */
    assert_true(mri_line_input_is_torn(&input));
    put("\nok\n", 4);
    assert_string_equal(seen, "1:!|2:ok|");
}

static void what_waits_is_known_before_it_is_taken(void **fixture)
{
    (void)fixture;
    struct mri_input_line line;
    assert_false(mri_line_input_has_more(&input));
    assert_int_equal(mri_line_input_put(&input, "a\nb\nc", 5), MR_OK);
    assert_true(mri_line_input_has_more(&input));
    assert_true(mri_line_input_next(&input, &line));
    assert_true(mri_line_input_has_more(&input));
    assert_true(mri_line_input_next(&input, &line));
    assert_false(mri_line_input_has_more(&input));
    assert_true(mri_line_input_is_torn(&input));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(lines_are_the_same_however_the_bytes_come),
        TEST(a_line_without_end_takes_no_memory),
        TEST(what_waits_is_known_before_it_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
