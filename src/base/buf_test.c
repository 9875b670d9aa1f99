/* SPDX-License-Identifier: MIT */
/*
 * Tests of the bounded buffer: limits, sticky errors, content is always a prefix.
 */
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

static void putting_appends_in_order(void **fixture)
{
    (void)fixture;
    struct mri_buf buf;
    mri_buf_init(&buf, mri_alloc_system(), 1000);
    mri_buf_text(&buf, "one ");
    mri_buf_put(&buf, "two", 3);
    mri_buf_put(&buf, NULL, 0);
    mri_buf_printf(&buf, " %d", 3);
    assert_int_equal(buf.err, MR_OK);
    assert_string_equal(mri_buf_c_text(&buf), "one two 3");
    assert_int_equal(buf.count, 9);
    mri_buf_fini(&buf);
    assert_null(buf.bytes);
}

static void what_does_not_fit_is_refused_whole_and_for_good(void **fixture)
{
    (void)fixture;
    struct mri_buf buf;
    mri_buf_init(&buf, mri_alloc_system(), 10);
    mri_buf_text(&buf, "12345678");
    mri_buf_text(&buf, "abc");
    assert_int_equal(buf.err, MR_FULL);
    mri_buf_text(&buf, "x"); /* would fit, but comes after what did not */
    assert_null(mri_buf_grow(&buf, 1));
    assert_string_equal(mri_buf_c_text(&buf), "12345678");
    mri_buf_clear(&buf);
    assert_int_equal(buf.err, MR_OK);
    mri_buf_text(&buf, "1234567890");
    assert_int_equal(buf.err, MR_OK);
    assert_string_equal(mri_buf_c_text(&buf), "1234567890");
    mri_buf_fini(&buf);
}

static void memory_never_exceeds_the_limit_by_more_than_a_nul(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 1);
    for (int round = 0; round < 2000; round++) {
        struct mri_buf buf;
        size_t limit = mri_prng_below(&prng, 3000);
        size_t count = 0;
        uint8_t expected[3000];
        mri_buf_init(&buf, mri_alloc_system(), limit);
        while (buf.err == MR_OK) {
            uint8_t piece[300];
            size_t bytes = mri_prng_below(&prng, sizeof(piece));
            memset(piece, (int)mri_prng_below(&prng, 256), sizeof(piece));
            mri_buf_put(&buf, piece, bytes);
            if (count + bytes <= limit) {
                memcpy(expected + count, piece, bytes);
                count += bytes;
                assert_int_equal(buf.err, MR_OK);
            }
        }
        assert_int_equal(buf.err, MR_FULL);
        assert_int_equal(buf.count, count);
        assert_memory_equal(mri_buf_c_text(&buf), expected, count);
        assert_true(buf.capacity <= limit + 1);
        mri_buf_fini(&buf);
    }
}

static void an_empty_place_is_not_a_failure(void **fixture)
{
    (void)fixture;
    struct mri_buf buf;
    mri_buf_init(&buf, mri_alloc_system(), 0);
    assert_non_null(mri_buf_grow(&buf, 0));
    assert_int_equal(buf.err, MR_OK);
    assert_null(mri_buf_grow(&buf, 1));
    assert_int_equal(buf.err, MR_FULL);
    assert_string_equal(mri_buf_c_text(&buf), "");
    mri_buf_fini(&buf);
}

static void new_places_are_zero_even_after_a_clear(void **fixture)
{
    (void)fixture;
    struct mri_buf buf;
    static const uint8_t zeros[64];
    mri_buf_init(&buf, mri_alloc_system(), 100);
    memset(mri_buf_grow(&buf, 64), 0xee, 64);
    mri_buf_clear(&buf);
    assert_memory_equal(mri_buf_grow(&buf, 64), zeros, 64);
    mri_buf_fini(&buf);
}

static void a_formatted_text_that_is_too_long_is_full(void **fixture)
{
    (void)fixture;
    struct mri_buf buf;
    mri_buf_init(&buf, mri_alloc_system(), 100000);
    mri_buf_printf(&buf, "%*d", 4095, 1);
    assert_int_equal(buf.err, MR_OK);
    assert_int_equal(buf.count, 4095);
    mri_buf_printf(&buf, "%*d", 4096, 1);
    assert_int_equal(buf.err, MR_FULL);
    assert_int_equal(buf.count, 4095);
    mri_buf_fini(&buf);
}

/** Lets `left` allocations through. */
static void *limited(void *context, void *old, size_t old_bytes, size_t new_bytes)
{
    (void)old_bytes;
    int *left = context;
    if (new_bytes == 0) {
        free(old);
        return NULL;
    }
    return (*left)-- > 0 ? realloc(old, new_bytes) : NULL;
}

static void without_memory_the_content_stays(void **fixture)
{
    (void)fixture;
    int left = 1;
    const struct mri_alloc alloc = {.context = &left, .resize = limited};
    struct mri_buf buf;
    char filler[256];
    memset(filler, 'x', sizeof(filler));
    mri_buf_init(&buf, &alloc, 10000);
    mri_buf_put(&buf, filler, sizeof(filler));
    assert_int_equal(buf.err, MR_OK);
    assert_string_equal(mri_buf_c_text(&buf), ""); /* no room for the NUL */
    assert_int_equal(buf.err, MR_OK);
    mri_buf_text(&buf, "y");
    assert_int_equal(buf.err, MR_ENOMEM);
    assert_int_equal(buf.count, sizeof(filler));
    assert_memory_equal(buf.bytes, filler, sizeof(filler));
    mri_buf_fini(&buf);
    mri_buf_fini(&buf);
    mri_buf_fini(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(putting_appends_in_order),
        cmocka_unit_test(what_does_not_fit_is_refused_whole_and_for_good),
        cmocka_unit_test(memory_never_exceeds_the_limit_by_more_than_a_nul),
        cmocka_unit_test(an_empty_place_is_not_a_failure),
        cmocka_unit_test(new_places_are_zero_even_after_a_clear),
        cmocka_unit_test(a_formatted_text_that_is_too_long_is_full),
        cmocka_unit_test(without_memory_the_content_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
