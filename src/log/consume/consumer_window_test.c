/* SPDX-License-Identifier: MIT */
/*
 * Tests of the window of acks, against a plain set.
 */
#include "log/consume/consumer_window.h"

#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

enum { OPERATIONS = 200000, SEQS = 400000 };

/** The same by a plain set. */
static struct {
    uint8_t is_acked[SEQS];
    uint64_t next;
} naive;

static void naive_settle(void)
{
    while (naive.is_acked[naive.next] != 0) {
        naive.next++;
    }
}

static void naive_cut(uint64_t seq)
{
    memset(naive.is_acked + seq, 0, SEQS - seq);
    naive.next = seq < naive.next ? seq : naive.next;
}

static void naive_skip(uint64_t next)
{
    for (; naive.next < next; naive.next++) {
        naive.is_acked[naive.next] = 1;
    }
    naive_settle();
}

/** One random operation on both. */
static void operate(struct mri_consumer_window *window, struct mri_prng *prng)
{
    uint64_t kind = mri_prng_below(prng, 1000);
    uint64_t reach = kind % 2 == 0 ? 8 : 1200;
    uint64_t seq = window->next + mri_prng_below(prng, reach);
    if (kind == 0) {
        uint64_t back = mri_prng_below(prng, 300);
        seq = seq > back + 1 ? seq - back : 1;
        mri_consumer_window_cut(window, seq);
        naive_cut(seq);
    } else if (kind < 4) {
        mri_consumer_window_skip(window, seq);
        naive_skip(seq);
    } else {
        bool is_within = seq < window->next + MRI_CONSUMER_WINDOW_SEQS;
        assert_int_equal(mri_consumer_window_add(window, seq), is_within);
        naive.is_acked[seq] |= is_within;
        naive_settle();
    }
}

static void the_window_is_the_set_of_what_was_acked(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    struct mri_consumer_window window = {.next = 1};
    mri_prng_init(&prng, 11);
    memset(naive.is_acked, 0, sizeof(naive.is_acked));
    naive.next = 1;
    for (int i = 0; i < OPERATIONS; i++) {
        operate(&window, &prng);
        assert_true(window.next < SEQS - 4096);
        assert_int_equal(window.next, naive.next); /* never past one that is not acked */
        assert_int_equal(window.bits[0] & 1, 0);
        for (int k = 0; k < 4; k++) {
            uint64_t seq = window.next + mri_prng_below(&prng, 1100);
            bool is_within = seq < window.next + MRI_CONSUMER_WINDOW_SEQS;
            assert_int_equal(
                mri_consumer_window_has(&window, seq), is_within && naive.is_acked[seq] != 0);
        }
        if (i % 512 == 0) {
            unsigned count = 0;
            for (uint64_t k = 0; k < MRI_CONSUMER_WINDOW_SEQS; k++) {
                count += naive.is_acked[window.next + k];
            }
            assert_int_equal(mri_consumer_window_count(&window), count);
        }
    }
    (void)printf(
        "%d operations, the cursor came to %llu\n", OPERATIONS, (unsigned long long)window.next);
}

static void a_full_window_moves_at_once_when_its_first_bit_comes(void **fixture)
{
    (void)fixture;
    struct mri_consumer_window window = {.next = 5};
    for (uint64_t seq = 6; seq < 5 + MRI_CONSUMER_WINDOW_SEQS; seq++) {
        assert_true(mri_consumer_window_add(&window, seq));
    }
    assert_false(mri_consumer_window_add(&window, 5 + MRI_CONSUMER_WINDOW_SEQS));
    assert_int_equal(window.next, 5);
    assert_int_equal(mri_consumer_window_count(&window), MRI_CONSUMER_WINDOW_SEQS - 1);
    assert_true(mri_consumer_window_add(&window, 5));
    assert_int_equal(window.next, 5 + MRI_CONSUMER_WINDOW_SEQS);
    assert_int_equal(mri_consumer_window_count(&window), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_window_is_the_set_of_what_was_acked),
        cmocka_unit_test(a_full_window_moves_at_once_when_its_first_bit_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
