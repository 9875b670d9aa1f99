/* SPDX-License-Identifier: MIT */
/*
 * Tests of idempotency keys against a plain list.
 */
#include "bus/keys.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"

enum { KEYS = 3000 };

static struct mri_key key_of(uint32_t n)
{
    char text[32];
    struct mri_digest hasher = {NULL};
    struct mri_key key;
    int count = snprintf(text, sizeof(text), "%u", n);
    assert_int_equal(
        mri_key_of(&hasher, mri_slice_of("bot"), (struct mri_slice){text, (size_t)count}, &key),
        MR_OK);
    mri_digest_fini(&hasher);
    return key;
}

static void the_first_signal_of_a_key_keeps_it(void **fixture)
{
    (void)fixture;
    struct mri_keys keys;
    struct mri_prng prng;
    uint32_t first[KEYS] = {0};
    uint32_t count = 0;
    mri_prng_init(&prng, 1);
    mri_keys_init(&keys, mri_alloc_system());
    for (uint32_t ordinal = 1; ordinal < 6000; ordinal++) {
        uint32_t n = (uint32_t)mri_prng_below(&prng, KEYS);
        struct mri_key key = key_of(n);
        assert_int_equal(mri_keys_find(&keys, &key), first[n]);
        assert_int_equal(mri_keys_reserve(&keys, 1), MR_OK);
        mri_keys_add(&keys, &key, ordinal);
        count += first[n] == 0;
        first[n] = first[n] == 0 ? ordinal : first[n];
        assert_int_equal(mri_keys_find(&keys, &key), first[n]);
        assert_int_equal(keys.count, count);
        assert_true(2 * keys.count <= keys.capacity);
    }
    for (uint32_t n = 0; n < KEYS; n++) {
        struct mri_key key = key_of(n);
        assert_int_equal(mri_keys_find(&keys, &key), first[n]);
    }
    mri_keys_fini(&keys);
    mri_keys_fini(&keys);
    mri_keys_fini(NULL);
}

static void source_and_key_are_not_run_together(void **fixture)
{
    (void)fixture;
    static const char *const pairs[][2] = {
        {"ab", "c"}, {"a", "bc"}, {"", "abc"}, {"abc", ""}, {"ab", "d"}, {"ac", "c"}};
    struct mri_digest hasher = {NULL}; /* kept: what was hashed before does not matter */
    struct mri_key made[MRI_COUNT_OF(pairs)];
    for (size_t i = 0; i < MRI_COUNT_OF(pairs); i++) {
        assert_int_equal(
            mri_key_of(&hasher, mri_slice_of(pairs[i][0]), mri_slice_of(pairs[i][1]), &made[i]),
            MR_OK);
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(&made[i], &made[k], sizeof(made[i]));
        }
    }
    mri_digest_fini(&hasher);
}

static void a_snapshot_does_not_depend_on_when_the_table_grew(void **fixture)
{
    (void)fixture;
    for (uint32_t count = 0; count < 2500; count = 2 * count + 7) {
        struct mri_keys tables[3];
        struct mri_buf saved[3];
        for (int t = 0; t < 3; t++) {
            mri_keys_init(&tables[t], mri_alloc_system());
            mri_buf_init(&saved[t], mri_alloc_system(), 1 << 20);
            mri_buf_put(&saved[t], "odd", 3); /* any alignment */
            if (t == 1) {
                assert_int_equal(mri_keys_reserve(&tables[t], 100000), MR_OK);
            }
        }
        for (uint32_t i = 0; i < count; i++) {
            struct mri_key key = key_of(i);
            for (int t = 0; t < 2; t++) {
                assert_int_equal(mri_keys_reserve(&tables[t], t == 0 ? 1 : 50), MR_OK);
                mri_keys_add(&tables[t], &key, i + 1);
            }
        }
        mri_keys_save(&tables[0], 0, &saved[0]);
        mri_keys_save(&tables[1], 0, &saved[1]);
        struct mri_unpack unpack;
        mri_unpack_init(&unpack, saved[0].bytes + 3, saved[0].count - 3);
        assert_int_equal(mri_keys_load(&tables[2], 0, &unpack), MR_OK);
        assert_int_equal(mri_unpack_end(&unpack), MR_OK);
        mri_keys_save(&tables[2], 0, &saved[2]);
        for (int t = 1; t < 3; t++) {
            assert_int_equal(saved[t].count, saved[0].count);
            assert_memory_equal(saved[t].bytes, saved[0].bytes, saved[0].count);
        }
        for (uint32_t i = 0; i < count; i++) {
            struct mri_key key = key_of(i);
            assert_int_equal(mri_keys_find(&tables[2], &key), i + 1);
        }
        for (int t = 0; t < 3; t++) {
            mri_keys_fini(&tables[t]);
            mri_buf_fini(&saved[t]);
        }
    }
}

static void a_damaged_snapshot_is_refused(void **fixture)
{
    (void)fixture;
    struct mri_keys keys;
    struct mri_buf saved;
    mri_keys_init(&keys, mri_alloc_system());
    mri_buf_init(&saved, mri_alloc_system(), 1 << 20);
    assert_int_equal(mri_keys_reserve(&keys, 3), MR_OK);
    for (uint32_t i = 0; i < 3; i++) {
        struct mri_key key = key_of(i);
        mri_keys_add(&keys, &key, 10 + i);
    }
    mri_keys_save(&keys, 0, &saved);
    mri_keys_fini(&keys);
    for (size_t count = 0; count < saved.count; count++) {
        struct mri_unpack unpack;
        mri_keys_init(&keys, mri_alloc_system());
        mri_unpack_init(&unpack, saved.bytes, count);
        assert_int_equal(mri_keys_load(&keys, 0, &unpack), MR_ECORRUPT);
        mri_keys_fini(&keys);
    }
    static const uint32_t orders[][3] = {{0, 11, 12}, {10, 10, 12}, {12, 11, 10}, {10, 12, 11}};
    for (size_t i = 0; i < MRI_COUNT_OF(orders); i++) {
        struct mri_unpack unpack;
        for (size_t k = 0; k < 3; k++) {
            memcpy(saved.bytes + 4 + 24 * k + 16, &orders[i][k], 4);
        }
        mri_keys_init(&keys, mri_alloc_system());
        mri_unpack_init(&unpack, saved.bytes, saved.count);
        assert_int_equal(mri_keys_load(&keys, 0, &unpack), MR_ECORRUPT);
        mri_keys_fini(&keys);
    }
    struct mri_unpack unpack; /* the same key twice */
    static const uint32_t good[3] = {10, 11, 12};
    for (size_t k = 0; k < 3; k++) {
        memcpy(saved.bytes + 4 + 24 * k + 16, &good[k], 4);
    }
    memcpy(saved.bytes + 4 + 24, saved.bytes + 4, 16);
    mri_keys_init(&keys, mri_alloc_system());
    mri_unpack_init(&unpack, saved.bytes, saved.count);
    assert_int_equal(mri_keys_load(&keys, 0, &unpack), MR_ECORRUPT);
    mri_keys_fini(&keys);
    mri_buf_fini(&saved);
}

static void without_memory_the_table_stays(void **fixture)
{
    (void)fixture;
    struct failing_alloc heap;
    struct mri_keys keys;
    failing_alloc_init(&heap, 2);
    mri_keys_init(&keys, &heap.alloc);
    assert_int_equal(mri_keys_reserve(&keys, 512), MR_OK);
    for (uint32_t i = 0; i < 512; i++) {
        struct mri_key key = key_of(i);
        mri_keys_add(&keys, &key, i + 1);
    }
    assert_int_equal(mri_keys_reserve(&keys, 1), MR_ENOMEM);
    assert_int_equal(mri_keys_reserve(&keys, UINT32_MAX), MR_ENOMEM);
    struct mri_key key = key_of(511);
    assert_int_equal(mri_keys_find(&keys, &key), 512);
    assert_int_equal(mri_keys_reserve(&keys, 0), MR_OK);
    assert_int_equal(mri_keys_reserve(&keys, 1), MR_OK);
    assert_int_equal(mri_keys_find(&keys, &key), 512);
    mri_keys_fini(&keys);
    assert_int_equal(heap.live_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_signal_of_a_key_keeps_it),
        cmocka_unit_test(source_and_key_are_not_run_together),
        cmocka_unit_test(a_snapshot_does_not_depend_on_when_the_table_grew),
        cmocka_unit_test(a_damaged_snapshot_is_refused),
        cmocka_unit_test(without_memory_the_table_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
