/* SPDX-License-Identifier: MIT */
/*
 * Tests of the heap door: zeroed blocks, overflow, failure without effect.
 */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/cmocka_all.h"

static bool is_zero(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

static void a_new_array_is_zero(void **fixture)
{
    (void)fixture;
    for (size_t count = 1; count < 3000; count += 97) {
        void *block;
        assert_int_equal(mri_alloc_array(mri_alloc_system(), count, 3, &block), MR_OK);
        assert_true(is_zero(block, count * 3));
        memset(block, 0xff, count * 3); /* the next one must not see this */
        mri_alloc_free(mri_alloc_system(), block, count * 3);
    }
}

static void an_array_whose_size_overflows_is_refused(void **fixture)
{
    (void)fixture;
    void *block = &block;
    assert_int_equal(mri_alloc_array(mri_alloc_system(), SIZE_MAX / 2, 3, &block), MR_ENOMEM);
    assert_int_equal(mri_alloc_array(mri_alloc_system(), SIZE_MAX, SIZE_MAX, &block), MR_ENOMEM);
    assert_ptr_equal(block, &block);
}

static void an_empty_array_is_refused(void **fixture)
{
    (void)fixture;
    void *block = &block;
    assert_int_equal(mri_alloc_array(mri_alloc_system(), 0, 8, &block), MR_ENOMEM);
    assert_int_equal(mri_alloc_array(mri_alloc_system(), 8, 0, &block), MR_ENOMEM);
    assert_ptr_equal(block, &block);
}

static void growing_keeps_the_old_bytes_and_zeroes_the_new_ones(void **fixture)
{
    (void)fixture;
    void *block = NULL;
    assert_int_equal(mri_alloc_resize(mri_alloc_system(), &block, 0, 10), MR_OK);
    assert_true(is_zero(block, 10));
    memset(block, 7, 10);
    assert_int_equal(mri_alloc_resize(mri_alloc_system(), &block, 10, 5000), MR_OK);
    assert_int_equal(((uint8_t *)block)[9], 7);
    assert_true(is_zero((uint8_t *)block + 10, 4990));
    assert_int_equal(mri_alloc_resize(mri_alloc_system(), &block, 5000, 4), MR_OK);
    assert_int_equal(((uint8_t *)block)[3], 7);
    mri_alloc_free(mri_alloc_system(), block, 4);
}

static void *refuse(void *context, void *old, size_t old_bytes, size_t new_bytes)
{
    (void)old;
    (void)old_bytes;
    ++*(int *)context;
    assert_int_not_equal(new_bytes, 0); /* nothing was given, so nothing is freed */
    return NULL;
}

static void without_memory_nothing_changes(void **fixture)
{
    (void)fixture;
    int calls = 0;
    const struct mri_alloc none = {.context = &calls, .resize = refuse};
    void *block = &calls;
    assert_int_equal(mri_alloc_array(&none, 1, 1, &block), MR_ENOMEM);
    assert_int_equal(mri_alloc_resize(&none, &block, 4, 8), MR_ENOMEM);
    assert_int_equal(mri_alloc_resize(&none, &block, 4, 0), MR_ENOMEM);
    assert_ptr_equal(block, &calls);
    assert_int_equal(calls, 2);
    mri_alloc_free(&none, NULL, 0);
    assert_int_equal(calls, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_array_is_zero),
        cmocka_unit_test(an_array_whose_size_overflows_is_refused),
        cmocka_unit_test(an_empty_array_is_refused),
        cmocka_unit_test(growing_keeps_the_old_bytes_and_zeroes_the_new_ones),
        cmocka_unit_test(without_memory_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
