/* SPDX-License-Identifier: MIT */
/*
 * Tests of interned texts against a plain list.
 */
#include "base/intern.h"

#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"

enum { TEXTS = 300 };

static struct mri_slice text_of(uint32_t n, char text[static 32])
{
    int count = snprintf(text, 32, "name-%u", n);
    return (struct mri_slice){text, (size_t)count};
}

static void numbers_are_given_in_order_of_first_appearance(void **fixture)
{
    (void)fixture;
    struct mri_intern intern;
    struct mri_prng prng;
    uint32_t known[TEXTS]; /* text -> number + 1 */
    uint32_t count = 0;
    memset(known, 0, sizeof(known));
    mri_prng_init(&prng, 1);
    assert_int_equal(mri_intern_init(&intern, mri_alloc_system(), TEXTS), MR_OK);
    for (int i = 0; i < 20000; i++) {
        char text[32];
        uint32_t n = (uint32_t)mri_prng_below(&prng, TEXTS);
        struct mri_slice slice = text_of(n, text);
        uint32_t number = 777;
        assert_int_equal(
            mri_intern_find(&intern, slice, &number), known[n] == 0 ? MR_NOT_FOUND : MR_OK);
        assert_int_equal(number, known[n] == 0 ? 777 : known[n] - 1);
        if (mri_prng_below(&prng, 30) == 0) {
            assert_int_equal(mri_intern_add(&intern, slice, &number), MR_OK);
            known[n] = known[n] == 0 ? ++count : known[n];
            assert_int_equal(number, known[n] - 1);
            assert_true(mri_slice_equal(mri_intern_text(&intern, number), slice));
        }
    }
    assert_int_equal(intern.count, count);
    mri_intern_fini(&intern);
}

static void a_full_table_still_finds_and_refuses_the_next(void **fixture)
{
    (void)fixture;
    for (uint32_t limit = 1; limit < 70; limit++) {
        struct mri_intern intern;
        char text[32];
        uint32_t number;
        assert_int_equal(mri_intern_init(&intern, mri_alloc_system(), limit), MR_OK);
        for (uint32_t i = 0; i < limit; i++) {
            assert_int_equal(mri_intern_add(&intern, text_of(i, text), &number), MR_OK);
        }
        assert_int_equal(mri_intern_add(&intern, text_of(limit, text), &number), MR_FULL);
        assert_int_equal(mri_intern_find(&intern, text_of(limit, text), &number), MR_NOT_FOUND);
        for (uint32_t i = 0; i < limit; i++) {
            assert_int_equal(mri_intern_add(&intern, text_of(i, text), &number), MR_OK);
            assert_int_equal(number, i);
        }
        mri_intern_fini(&intern);
    }
}

static void empty_and_overlong_texts_are_refused(void **fixture)
{
    (void)fixture;
    struct mri_intern intern;
    char text[MRI_INTERN_BYTES_MAX + 1];
    uint32_t number = 777;
    memset(text, 'x', sizeof(text));
    assert_int_equal(mri_intern_init(&intern, mri_alloc_system(), 4), MR_OK);
    assert_int_equal(mri_intern_add(&intern, (struct mri_slice){NULL, 0}, &number), MR_REFUSED);
    assert_int_equal(
        mri_intern_add(&intern, (struct mri_slice){text, sizeof(text)}, &number), MR_REFUSED);
    assert_int_equal(number, 777);
    assert_int_equal(
        mri_intern_add(&intern, (struct mri_slice){text, sizeof(text) - 1}, &number), MR_OK);
    assert_int_equal(mri_intern_text(&intern, number).count, MRI_INTERN_BYTES_MAX);
    mri_intern_fini(&intern);
}

static void cutting_is_as_if_the_texts_had_never_been_added(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 2);
    for (int round = 0; round < 300; round++) {
        struct mri_intern cut;
        struct mri_intern never;
        uint32_t kept = (uint32_t)mri_prng_below(&prng, 60);
        uint32_t more = (uint32_t)mri_prng_below(&prng, 40);
        uint32_t start = (uint32_t)mri_prng_below(&prng, 1000);
        char text[32];
        uint32_t number;
        assert_int_equal(mri_intern_init(&cut, mri_alloc_system(), 100), MR_OK);
        assert_int_equal(mri_intern_init(&never, mri_alloc_system(), 100), MR_OK);
        for (uint32_t i = 0; i < kept + more; i++) {
            assert_int_equal(mri_intern_add(&cut, text_of(start + i, text), &number), MR_OK);
            if (i < kept) {
                assert_int_equal(mri_intern_add(&never, text_of(start + i, text), &number), MR_OK);
            }
        }
        mri_intern_cut(&cut, kept);
        assert_int_equal(cut.count, never.count);
        assert_memory_equal(cut.entries, never.entries, 100 * sizeof(*cut.entries));
        size_t buckets = (size_t)cut.bucket_mask + 1;
        assert_memory_equal(cut.buckets, never.buckets, buckets * sizeof(*cut.buckets));
        mri_intern_fini(&cut);
        mri_intern_fini(&never);
    }
}

static void each_failed_allocation_leaves_nothing_behind(void **fixture)
{
    (void)fixture;
    for (unsigned k = 1; k <= 2; k++) {
        struct failing_alloc failing;
        failing_alloc_init(&failing, k);
        failing.is_lasting = true;
        struct mri_intern intern = {0};
        assert_int_equal(mri_intern_init(&intern, &failing.alloc, 10), MR_ENOMEM);
        assert_int_equal(failing.live_bytes, 0);
        mri_intern_fini(&intern);
    }
    mri_intern_fini(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_given_in_order_of_first_appearance),
        cmocka_unit_test(a_full_table_still_finds_and_refuses_the_next),
        cmocka_unit_test(empty_and_overlong_texts_are_refused),
        cmocka_unit_test(cutting_is_as_if_the_texts_had_never_been_added),
        cmocka_unit_test(each_failed_allocation_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
