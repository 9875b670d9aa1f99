/* SPDX-License-Identifier: MIT */
/*
 * Tests of columns.
 */
#include "cli/text_columns.h"

#include "tests/lib/cmocka_all.h"

static size_t columns(const char *text)
{
    return mri_text_columns(mri_slice_of(text));
}

static void wide_characters_take_two_columns_and_combining_ones_none(void **fixture)
{
    (void)fixture;
    assert_int_equal(columns(""), 0);
    assert_int_equal(columns("abc"), 3);
    assert_int_equal(columns("\xc3\xa4"), 1);                             /* a letter of Latin-1 */
    assert_int_equal(columns("a\xcc\x88"), 1);                            /* U+0308 combines */
    assert_int_equal(columns("\xe6\x97\xa5\xe6\x9c\xac"), 4);             /* CJK */
    assert_int_equal(columns("\xea\xb0\x80"), 2);                         /* Hangul */
    assert_int_equal(columns("\xf0\x9f\x9a\x80"), 2);                     /* an emoji */
    assert_int_equal(columns("\xef\xbc\xa1"), 2);                         /* fullwidth A */
    assert_int_equal(columns("\xef\xbd\xb1"), 1);                         /* halfwidth katakana */
    assert_int_equal(columns("\xe0\xb9\x81\xe0\xb8\x81\xe0\xb9\x88"), 2); /* Thai, with a tone */
    assert_int_equal(columns("\xff\xe6\x97"), 3);                         /* no UTF-8 */
}

static void what_fits_is_whole_characters_with_what_combines(void **fixture)
{
    (void)fixture;
    const struct mri_slice text = mri_slice_of("a\xe6\x97\xa5\xcc\x88z");
    static const size_t bytes[] = {0, 1, 1, 6, 7, 7};
    static const size_t used[] = {0, 1, 1, 3, 4, 4};
    for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
        size_t count;
        assert_int_equal(mri_text_columns_fit(text, i, &count), bytes[i]);
        assert_int_equal(count, used[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wide_characters_take_two_columns_and_combining_ones_none),
        cmocka_unit_test(what_fits_is_whole_characters_with_what_combines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
