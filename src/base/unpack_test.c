/* SPDX-License-Identifier: MIT */
/*
 * Tests of taking back: never past the end, errors stay.
 */
#include "base/unpack.h"

#include <string.h>

#include "base/buf.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

static void what_was_put_is_taken_back_in_order(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 1);
    for (int round = 0; round < 5000; round++) {
        struct mri_buf buf;
        uint64_t seed = mri_prng_next(&prng);
        struct mri_prng pieces;
        mri_buf_init(&buf, mri_alloc_system(), 10000);
        mri_prng_init(&pieces, seed);
        uint64_t count = mri_prng_below(&prng, 10);
        for (uint64_t i = 0; i < count; i++) {
            uint8_t piece[40];
            memset(piece, (int)mri_prng_below(&pieces, 256), sizeof(piece));
            mri_buf_put(&buf, piece, mri_prng_below(&pieces, sizeof(piece)));
        }
        struct mri_unpack unpack;
        mri_unpack_init(&unpack, buf.bytes, buf.count);
        mri_prng_init(&pieces, seed);
        for (uint64_t i = 0; i < count; i++) {
            uint8_t expected[40];
            uint8_t piece[40];
            memset(expected, (int)mri_prng_below(&pieces, 256), sizeof(expected));
            size_t bytes = mri_prng_below(&pieces, sizeof(piece));
            mri_unpack_take(&unpack, piece, bytes);
            assert_memory_equal(piece, expected, bytes);
        }
        assert_int_equal(mri_unpack_end(&unpack), MR_OK);
        uint8_t more = 1;
        mri_unpack_take(&unpack, &more, 1);
        assert_int_equal(more, 0);
        assert_int_equal(mri_unpack_end(&unpack), MR_ECORRUPT);
        mri_buf_fini(&buf);
    }
}

static void the_first_take_that_does_not_fit_ends_all_taking(void **fixture)
{
    (void)fixture;
    struct mri_unpack unpack;
    uint8_t place[8] = {9, 9, 9, 9, 9, 9, 9, 9};
    static const uint8_t zeros[8];
    mri_unpack_init(&unpack, "abcdef", 6);
    mri_unpack_take(&unpack, place, 7);
    assert_memory_equal(place, zeros, 7);
    assert_int_equal(unpack.err, MR_ECORRUPT);
    place[0] = 9;
    mri_unpack_take(&unpack, place, 1); /* would fit */
    assert_int_equal(place[0], 0);
    assert_int_equal(unpack.at, 0);
}

static void bytes_left_over_are_damage(void **fixture)
{
    (void)fixture;
    struct mri_unpack unpack;
    char place[2];
    mri_unpack_init(&unpack, "abc", 3);
    mri_unpack_take(&unpack, place, 2);
    assert_int_equal(unpack.err, MR_OK);
    assert_int_equal(mri_unpack_end(&unpack), MR_ECORRUPT);
    mri_unpack_init(&unpack, NULL, 0);
    mri_unpack_take(&unpack, NULL, 0);
    assert_int_equal(mri_unpack_end(&unpack), MR_OK);
}

static void a_count_is_believed_only_if_its_items_can_follow(void **fixture)
{
    (void)fixture;
    for (uint32_t count = 0; count < 20; count++) {
        for (uint32_t limit = 0; limit < 20; limit++) {
            uint8_t bytes[4 + 30];
            struct mri_unpack unpack;
            memset(bytes, 0, sizeof(bytes));
            memcpy(bytes, &count, sizeof(count));
            mri_unpack_init(&unpack, bytes, sizeof(bytes)); /* room for 10 items of 3 */
            bool is_good = count <= limit && count <= 10;
            assert_int_equal(mri_unpack_count(&unpack, limit, 3), is_good ? count : 0);
            assert_int_equal(unpack.err, is_good ? MR_OK : MR_ECORRUPT);
        }
    }
    static const uint8_t huge[4] = {0xff, 0xff, 0xff, 0xff};
    struct mri_unpack unpack;
    mri_unpack_init(&unpack, huge, sizeof(huge));
    assert_int_equal(mri_unpack_count(&unpack, UINT32_MAX, 0), UINT32_MAX);
    mri_unpack_init(&unpack, huge, sizeof(huge));
    assert_int_equal(mri_unpack_count(&unpack, UINT32_MAX, SIZE_MAX), 0);
    mri_unpack_init(&unpack, huge, 3);
    assert_int_equal(mri_unpack_count(&unpack, UINT32_MAX, 0), 0);
    assert_int_equal(unpack.err, MR_ECORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_taken_back_in_order),
        cmocka_unit_test(the_first_take_that_does_not_fit_ends_all_taking),
        cmocka_unit_test(bytes_left_over_are_damage),
        cmocka_unit_test(a_count_is_believed_only_if_its_items_can_follow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
