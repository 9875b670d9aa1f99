/* SPDX-License-Identifier: MIT */
/*
 * Tests of foreign text: UTF-8 against its definition, escapes, edit distance against the full
 * table.
 */
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

/** Encode a code point; 0 bytes for one that UTF-8 cannot say. */
static size_t encode(uint32_t point, unsigned char bytes[static 4])
{
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
        return 0;
    }
    size_t count = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char leads[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = count; i > 1; i--) {
        bytes[i - 1] = (unsigned char)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    bytes[0] = (unsigned char)(leads[count] | point);
    return count;
}

/** Decode by trying every length and encoding again: valid is what survives. */
static bool is_utf8_by_definition(const unsigned char *bytes, size_t count)
{
    size_t i = 0;
    while (i < count) {
        size_t found = 0;
        for (size_t length = 1; length <= 4 && i + length <= count && found == 0; length++) {
            static const unsigned char masks[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
            uint32_t point = bytes[i] & masks[length];
            for (size_t k = 1; k < length; k++) {
                point = point << 6 | (bytes[i + k] & 0x3f);
            }
            unsigned char again[4];
            found = encode(point, again) == length && memcmp(again, bytes + i, length) == 0 ? length
                                                                                            : 0;
        }
        if (found == 0) {
            return false;
        }
        i += found;
    }
    return true;
}

static void every_code_point_is_utf8_and_nothing_else(void **fixture)
{
    (void)fixture;
    for (uint32_t point = 0; point < 0x110000; point++) {
        unsigned char bytes[4];
        size_t count = encode(point, bytes);
        struct mri_slice text = {(const char *)bytes, count};
        assert_true(mri_text_is_utf8(text));
        if (count > 1) {
            text.count--;
            assert_false(mri_text_is_utf8(text));
        }
    }
}

static void white_space_is_that_of_json(void **fixture)
{
    (void)fixture;
    static const char *const white[] = {"", " ", "\t", "\r", " \t \r\n "};
    static const char *const other[] = {"x", " x", "\t\v", "\f", "\xc2\xa0", "  {}"};
    for (size_t i = 0; i < sizeof(white) / sizeof(white[0]); i++) {
        assert_true(mri_text_is_white(mri_slice_of(white[i])));
    }
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        assert_false(mri_text_is_white(mri_slice_of(other[i])));
    }
    assert_false(mri_text_is_white((struct mri_slice){"\0", 1}));
}

static void random_bytes_are_judged_as_the_definition_says(void **fixture)
{
    (void)fixture;
    static const unsigned char edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
        0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    struct mri_prng prng;
    mri_prng_init(&prng, 1);
    for (int i = 0; i < 300000; i++) {
        unsigned char bytes[6];
        size_t count = mri_prng_below(&prng, sizeof(bytes) + 1);
        for (size_t k = 0; k < count; k++) {
            bytes[k] = edges[mri_prng_below(&prng, sizeof(edges))];
        }
        assert_int_equal(mri_text_is_utf8((struct mri_slice){(const char *)bytes, count}),
            is_utf8_by_definition(bytes, count));
    }
}

static void control_characters_are_c0_del_c1_and_those_of_layout(void **fixture)
{
    (void)fixture;
    for (uint32_t point = 0; point < 0x3000; point++) {
        unsigned char bytes[4];
        size_t count = encode(point, bytes);
        bool is_layout = point == 0x61c || point == 0x200e || point == 0x200f ||
                         (point >= 0x2028 && point <= 0x202e) ||
                         (point >= 0x2066 && point <= 0x2069);
        bool is_control = point < 0x20 || (point >= 0x7f && point < 0xa0) || is_layout;
        assert_int_equal(
            mri_text_has_control((struct mri_slice){(const char *)bytes, count}), is_control);
    }
    assert_false(mri_text_has_control((struct mri_slice){NULL, 0}));
    assert_true(mri_text_has_control(mri_slice_of("abc\xff\n")));
}

/** Undo mri_text_escape(). */
static size_t unescape(const char *text, char *bytes)
{
    size_t count = 0;
    for (const char *at = text; *at != '\0'; count++) {
        unsigned value;
        if (at[0] == '\\') {
            assert_int_equal(at[1], 'x');
            assert_int_equal(sscanf(at + 2, "%2x", &value), 1);
            bytes[count] = (char)value;
            at += 4;
        } else {
            bytes[count] = *at++;
        }
    }
    return count;
}

static void escaped_text_is_safe_and_loses_nothing(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 2);
    for (int i = 0; i < 50000; i++) {
        char bytes[40];
        char again[200];
        size_t count = mri_prng_below(&prng, sizeof(bytes));
        for (size_t k = 0; k < count; k++) {
            bytes[k] = (char)(mri_prng_below(&prng, 3) == 0 ? mri_prng_below(&prng, 256)
                                                            : 32 + mri_prng_below(&prng, 95));
        }
        struct mri_buf buf;
        mri_buf_init(&buf, mri_alloc_system(), 1000);
        mri_text_escape(&buf, (struct mri_slice){bytes, count});
        const char *escaped = mri_buf_c_text(&buf);
        assert_false(mri_text_has_control(mri_slice_of(escaped)));
        assert_true(mri_text_is_utf8(mri_slice_of(escaped)));
        assert_int_equal(unescape(escaped, again), count);
        assert_memory_equal(again, bytes, count);
        struct mri_buf rest;
        mri_buf_init(&rest, mri_alloc_system(), 1000);
        mri_text_escape_rest(&rest, mri_slice_of(escaped)); /* there is nothing left */
        assert_string_equal(mri_buf_c_text(&rest), escaped);
        mri_buf_clear(&rest);
        mri_text_escape_rest(&rest, (struct mri_slice){bytes, count});
        assert_false(mri_text_has_control(mri_slice_of(mri_buf_c_text(&rest))));
        mri_buf_fini(&rest);
        mri_buf_fini(&buf);
    }
}

/** Optimal string alignment by the whole table. */
static size_t distance_by_table(struct mri_slice a, struct mri_slice b)
{
    static size_t d[65][65];
    for (size_t i = 0; i <= a.count; i++) {
        for (size_t j = 0; j <= b.count; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            size_t best = d[i - 1][j - 1] + (a.bytes[i - 1] != b.bytes[j - 1]);
            best = d[i - 1][j] + 1 < best ? d[i - 1][j] + 1 : best;
            best = d[i][j - 1] + 1 < best ? d[i][j - 1] + 1 : best;
            if (i > 1 && j > 1 && a.bytes[i - 1] == b.bytes[j - 2] &&
                a.bytes[i - 2] == b.bytes[j - 1] && d[i - 2][j - 2] + 1 < best) {
                best = d[i - 2][j - 2] + 1;
            }
            d[i][j] = best;
        }
    }
    return d[a.count][b.count];
}

static void the_distance_is_that_of_the_whole_table(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 3);
    for (int i = 0; i < 20000; i++) {
        char texts[2][65];
        struct mri_slice slices[2];
        for (int k = 0; k < 2; k++) {
            slices[k] = (struct mri_slice){
                texts[k], mri_prng_below(&prng, mri_prng_below(&prng, 50) == 0 ? 65 : 12)};
            for (size_t n = 0; n < slices[k].count; n++) {
                texts[k][n] = (char)('a' + mri_prng_below(&prng, 3));
            }
        }
        size_t distance = mri_text_distance(slices[0], slices[1]);
        assert_int_equal(distance, distance_by_table(slices[0], slices[1]));
        assert_int_equal(distance, mri_text_distance(slices[1], slices[0]));
    }
    char longest[66];
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(
        mri_text_distance((struct mri_slice){longest, 65}, mri_slice_of("a")), SIZE_MAX);
    assert_int_equal(
        mri_text_distance(mri_slice_of("a"), (struct mri_slice){longest, 65}), SIZE_MAX);
    assert_int_equal(mri_text_distance((struct mri_slice){longest, 64}, mri_slice_of("a")), 63);
}

static void a_misspelt_word_finds_its_neighbour(void **fixture)
{
    (void)fixture;
    static const char *const words[] = {"mode", "cooldown", "coverage", "size", "stale"};
    enum { COUNT = sizeof(words) / sizeof(words[0]) };
    assert_string_equal(mri_text_nearest(mri_slice_of("cooldwon"), words, COUNT), "cooldown");
    assert_string_equal(mri_text_nearest(mri_slice_of("mdoe"), words, COUNT), "mode");
    assert_string_equal(mri_text_nearest(mri_slice_of("coverge"), words, COUNT), "coverage");
    assert_string_equal(mri_text_nearest(mri_slice_of("size"), words, COUNT), "size");
    assert_null(mri_text_nearest(mri_slice_of("xyz"), words, COUNT));
    assert_null(mri_text_nearest(mri_slice_of("mo"), words, COUNT));
    assert_null(mri_text_nearest(mri_slice_of("mode"), words, 0));
    assert_null(mri_text_nearest(mri_slice_of("abcdefghijkl"), words, COUNT));
    static const char *const twins[] = {"aaac", "aaab"};
    assert_string_equal(mri_text_nearest(mri_slice_of("aaaa"), twins, 2), "aaac"); /* the first */
}

static void a_json_object_has_its_braces(void **fixture)
{
    (void)fixture;
    static const char *const good[] = {"{}", " \t\r\n{\"a\":1} \n", "{}{}"};
    static const char *const bad[] = {"", " ", "{", "}", "[]", "null", "5", "\"{}\"", "{} x", "}{"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(mri_text_is_braced(mri_slice_of(good[i])));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(mri_text_is_braced(mri_slice_of(bad[i])));
    }
    assert_false(mri_text_is_braced((struct mri_slice){NULL, 0}));
}

typedef void (*writer)(struct mri_buf *buf, struct mri_slice text);

static void assert_written(writer write, const char *text, const char *expected)
{
    struct mri_buf buf;
    mri_buf_init(&buf, mri_alloc_system(), 4096);
    write(&buf, mri_slice_of(text));
    assert_string_equal(mri_buf_c_text(&buf), expected);
    mri_buf_fini(&buf);
}

static void a_quoted_text_ends_at_its_quote_whatever_is_in_it(void **fixture)
{
    (void)fixture;
    assert_written(mri_text_quote, "", "\"\"");
    assert_written(mri_text_quote, "a\" b=\"c", "\"a\\\" b=\\\"c\"");
    assert_written(mri_text_quote, "a\\", "\"a\\\\\"");
    assert_written(mri_text_quote, "\\\" x=\"", "\"\\\\\\\" x=\\\"\"");
    assert_written(
        mri_text_quote, "\x1b[2J\n\r\xff\xc2\x9b", "\"\\x1b[2J\\x0a\\x0d\\xff\\xc2\\x9b\"");
    assert_written(
        mri_text_quote, "\xe2\x80\xae\xe2\x80\xa8", "\"\\xe2\\x80\\xae\\xe2\\x80\\xa8\"");
    assert_written(mri_text_quote, "\xe6\x97\xa5 \xc3\xa4", "\"\xe6\x97\xa5 \xc3\xa4\"");
}

static void what_was_escaped_is_quoted_without_being_escaped_again(void **fixture)
{
    (void)fixture;
    assert_written(mri_text_quote_rest, "found \"a\\x5cb\"", "\"found \\\"a\\x5cb\\\"\"");
    assert_written(mri_text_quote_rest, "a\\\" x=\"b", "\"a\\\\\\\" x=\\\"b\"");
    assert_written(mri_text_quote_rest, "a\\", "\"a\\\\\"");
    assert_written(mri_text_quote_rest, "a\\x5", "\"a\\\\x5\"");
}

static void a_word_is_quoted_when_it_could_be_taken_for_more(void **fixture)
{
    (void)fixture;
    static const char *const words[] = {
        "rsi", "my-bot_2", "a/b:c.d@e", "\xe6\x97\xa5\xe6\x9c\xac", "50%"};
    static const char *const others[] = {"", "a b", "a=b", "a,b", "a}", "a;b", "(a)", "a\xc2\xa0z",
        "a\xe3\x80\x80z", "a\xe2\x80\x83z", "a\xe1\x9a\x80z"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_written(mri_text_word, words[i], words[i]);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        char expected[32];
        (void)snprintf(expected, sizeof(expected), "\"%s\"", others[i]);
        assert_written(mri_text_word, others[i], expected);
    }
    assert_written(mri_text_word, "a\"", "\"a\\\"\"");
    assert_written(mri_text_word, "a\xff", "\"a\\xff\"");
    assert_written(mri_text_word, "a\xe2\x80\x8b", "\"a\\xe2\\x80\\x8b\"");
}

static void what_cannot_be_seen_is_escaped_and_what_joins_letters_is_not(void **fixture)
{
    (void)fixture;
    assert_written(mri_text_escape, "\xe2\x80\x8b", "\\xe2\\x80\\x8b");
    assert_written(mri_text_escape, "\xe2\x81\xa0", "\\xe2\\x81\\xa0");
    assert_written(mri_text_escape, "\xef\xbb\xbf", "\\xef\\xbb\\xbf");
    assert_written(mri_text_escape, "\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81");
    assert_written(mri_text_escape, "\xe2\x80\x8d", "\xe2\x80\x8d");
    assert_written(mri_text_escape, "\xf3\xa0\x84\x80", "\xf3\xa0\x84\x80");
}

static void characters_are_counted_and_not_bytes(void **fixture)
{
    (void)fixture;
    assert_int_equal(mri_text_characters(mri_slice_of("")), 0);
    assert_int_equal(
        mri_text_characters(mri_slice_of("a\xc3\xa4\xe6\x97\xa5\xf0\x9f\x9a\x80z")), 5);
    assert_int_equal(mri_text_characters(mri_slice_of("\xff\x80\xe6\x97")), 4);
    assert_int_equal(mri_text_utf8_bytes(mri_slice_of("\xc3\xa4"
                                                      "0123456789\xff")),
        12);
    assert_int_equal(mri_text_utf8_bytes(mri_slice_of("\xc3\xa4")), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_json_object_has_its_braces),
        cmocka_unit_test(every_code_point_is_utf8_and_nothing_else),
        cmocka_unit_test(random_bytes_are_judged_as_the_definition_says),
        cmocka_unit_test(control_characters_are_c0_del_c1_and_those_of_layout),
        cmocka_unit_test(escaped_text_is_safe_and_loses_nothing),
        cmocka_unit_test(a_quoted_text_ends_at_its_quote_whatever_is_in_it),
        cmocka_unit_test(what_was_escaped_is_quoted_without_being_escaped_again),
        cmocka_unit_test(a_word_is_quoted_when_it_could_be_taken_for_more),
        cmocka_unit_test(what_cannot_be_seen_is_escaped_and_what_joins_letters_is_not),
        cmocka_unit_test(white_space_is_that_of_json),
        cmocka_unit_test(characters_are_counted_and_not_bytes),
        cmocka_unit_test(the_distance_is_that_of_the_whole_table),
        cmocka_unit_test(a_misspelt_word_finds_its_neighbour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
