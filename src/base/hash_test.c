/* SPDX-License-Identifier: MIT */
/*
 * Tests of the table hash: the same everywhere, and spread well.
 */
#include "base/hash.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/cmocka_all.h"

static void it_is_the_same_on_every_machine(void **fixture)
{
    (void)fixture;
    assert_int_equal(mri_hash(NULL, 0), UINT64_C(0xf52a15e9a9b5e89b));
    assert_int_equal(mri_hash("BTCUSDT", 7), UINT64_C(0x0c32f71a48bb955e));
}

static void similar_names_fill_buckets_evenly(void **fixture)
{
    (void)fixture;
    enum { BUCKETS = 1024, NAMES = 64 * BUCKETS };
    static unsigned counts[BUCKETS];
    for (int i = 0; i < NAMES; i++) {
        char name[32];
        int count = snprintf(name, sizeof(name), "SYM%dUSDT", i);
        counts[mri_hash(name, (size_t)count) % BUCKETS]++;
    }
    for (int i = 0; i < BUCKETS; i++) { /* 64 expected, standard deviation 8 */
        assert_in_range(counts[i], 64 - 45, 64 + 45);
    }
}

static void every_input_bit_flips_half_of_the_output(void **fixture)
{
    (void)fixture;
    char key[16] = "0123456789abcde";
    uint64_t before = mri_hash(key, sizeof(key));
    unsigned flips = 0;
    for (int bit = 0; bit < 128; bit++) {
        key[bit / 8] = (char)(key[bit / 8] ^ 1 << bit % 8);
        flips += (unsigned)__builtin_popcountll(before ^ mri_hash(key, sizeof(key)));
        key[bit / 8] = (char)(key[bit / 8] ^ 1 << bit % 8);
    }
    assert_in_range(flips, 128 * 29, 128 * 35);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_same_on_every_machine),
        cmocka_unit_test(similar_names_fill_buckets_evenly),
        cmocka_unit_test(every_input_bit_flips_half_of_the_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
