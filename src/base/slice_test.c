/* SPDX-License-Identifier: MIT */
/*
 * Tests of slices: equality is of bytes, and NULL is empty.
 */
#include "base/slice.h"

#include "tests/lib/cmocka_all.h"

static void slices_are_equal_when_their_bytes_are(void **fixture)
{
    (void)fixture;
    static const char text[] = "abcabc";
    struct mri_slice first = {text, 3};
    struct mri_slice second = {text + 3, 3};
    assert_true(mri_slice_equal(first, second));
    second.count = 2;
    assert_false(mri_slice_equal(first, second));
    second = (struct mri_slice){text + 2, 3};
    assert_false(mri_slice_equal(first, second));
    assert_true(mri_slice_is(first, "abc"));
    assert_false(mri_slice_is(first, "abcd"));
    assert_false(mri_slice_is((struct mri_slice){"ab\0", 3}, "ab"));
}

static void null_is_an_empty_slice(void **fixture)
{
    (void)fixture;
    assert_int_equal(mri_slice_of(NULL).count, 0);
    assert_true(mri_slice_equal(mri_slice_of(NULL), mri_slice_of("")));
    assert_true(mri_slice_is(mri_slice_of(NULL), ""));
    assert_false(mri_slice_is(mri_slice_of(NULL), "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_equal_when_their_bytes_are),
        cmocka_unit_test(null_is_an_empty_slice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
