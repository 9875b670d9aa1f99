/* SPDX-License-Identifier: MIT */
/*
 * The tables of producers and message ids against a naive memory of everything, and after being
 * left half done.
 */
#include "log/dedupe/dedupe.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

enum { OPERATIONS = 200000, PRODUCERS = 300, IDS = MRI_DEDUPE_IDS_MIN, IDS_ALL = OPERATIONS };

static const struct mri_dedupe_limits limits = {.producers = PRODUCERS, .ids = IDS};

/** Everything that was ever noted. */
struct naive {
    uint64_t seq_of[PRODUCERS][64]; /**< by producer_seq modulo; with `number_of` */
    uint32_t number_of[PRODUCERS][64];
    uint32_t newest[PRODUCERS];
    uint64_t newest_seq[PRODUCERS];
    uint64_t id_seqs[IDS_ALL];
    uint64_t id_count;
};

/** The n-th producer's id: some are far apart, some collide in their low bits. */
static uint32_t producer_id(uint32_t n)
{
    return n % 3 == 0 ? n + 1 : (n + 1) << 20;
}

static void fill_id(uint8_t bytes[MRI_MESSAGE_ID_BYTES], uint64_t number)
{
    uint64_t words[2] = {number / 7, number}; /* many share a half */
    memcpy(bytes, words, sizeof(words));
}

static void note(
    struct mri_dedupe *dedupe, struct naive *naive, uint64_t seq, struct mri_prng *prng)
{
    uint8_t id[MRI_MESSAGE_ID_BYTES];
    uint32_t producer = (uint32_t)mri_prng_below(prng, PRODUCERS);
    struct mri_dedupe_record record = {.seq = seq};
    if (mri_prng_below(prng, 3) != 0) {
        record.producer_id = producer_id(producer);
        record.producer_seq =
            naive->newest[producer] + 1 + (uint32_t)(mri_prng_below(prng, 4) == 0 ? 5 : 0);
        naive->newest[producer] = record.producer_seq;
        naive->newest_seq[producer] = seq;
        naive->seq_of[producer][record.producer_seq % 64] = seq;
        naive->number_of[producer][record.producer_seq % 64] = record.producer_seq;
    }
    if (mri_prng_below(prng, 2) == 0) {
        fill_id(id, naive->id_count);
        record.message_id = id;
        naive->id_seqs[naive->id_count++] = seq;
    }
    assert_int_equal(mri_dedupe_note(dedupe, &record), MR_OK);
    if (mri_prng_below(prng, 8) == 0) { /* noted again by somebody who found the writer dead */
        assert_int_equal(mri_dedupe_note(dedupe, &record), MR_OK);
    }
}

static void compare(
    const struct mri_dedupe *dedupe, const struct naive *naive, struct mri_prng *prng)
{
    uint8_t id[MRI_MESSAGE_ID_BYTES];
    struct mri_dedupe_newest newest;
    uint32_t producer = (uint32_t)mri_prng_below(prng, PRODUCERS);
    bool is_known = mri_dedupe_find_producer(dedupe, producer_id(producer), &newest);
    assert_int_equal(is_known, naive->newest[producer] != 0);
    assert_int_equal(newest.producer_seq, naive->newest[producer]);
    assert_int_equal(newest.seq, naive->newest_seq[producer]);
    for (uint32_t back = 0; back <= newest.run && is_known && back < 64; back++) {
        uint32_t number = newest.producer_seq - back;
        assert_int_equal(naive->number_of[producer][number % 64], number);
        assert_int_equal(naive->seq_of[producer][number % 64], newest.seq - back);
    }
    if (naive->id_count > 0) {
        uint64_t back = mri_prng_below(prng, 2 * IDS) % naive->id_count;
        uint64_t number = naive->id_count - 1 - back;
        fill_id(id, number);
        assert_int_equal(mri_dedupe_find_id(dedupe, id), back < IDS ? naive->id_seqs[number] : 0);
    }
    fill_id(id, naive->id_count + mri_prng_below(prng, 100));
    assert_int_equal(mri_dedupe_find_id(dedupe, id), 0);
}

static void the_tables_know_what_a_naive_memory_knows(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    struct naive *naive = calloc(1, sizeof(*naive));
    void *memory = calloc(1, mri_dedupe_bytes(limits));
    void *copy = calloc(1, mri_dedupe_bytes(limits));
    struct mri_dedupe dedupe = mri_dedupe_at(memory, limits);
    mri_prng_init(&prng, 1);
    for (uint64_t seq = 1; seq <= OPERATIONS; seq++) {
        note(&dedupe, naive, seq, &prng);
        compare(&dedupe, naive, &prng);
    }
    assert_int_equal(atomic_load(&dedupe.head->producer_count), PRODUCERS);
    mri_dedupe_copy(&dedupe, copy);
    assert_memory_equal(copy, memory, mri_dedupe_bytes(limits));
    free(copy);
    free(memory);
    free(naive);
}

static void one_producer_too_many_is_refused_and_changes_nothing(void **fixture)
{
    (void)fixture;
    void *memory = calloc(1, mri_dedupe_bytes(limits));
    struct mri_dedupe dedupe = mri_dedupe_at(memory, limits);
    struct mri_dedupe_newest newest;
    for (uint32_t i = 1; i <= PRODUCERS; i++) {
        const struct mri_dedupe_record record = {.seq = i, .producer_id = i, .producer_seq = 1};
        assert_int_equal(mri_dedupe_note(&dedupe, &record), MR_OK);
    }
    const struct mri_dedupe_record more = {
        .seq = PRODUCERS + 1, .producer_id = PRODUCERS + 1, .producer_seq = 1};
    assert_int_equal(mri_dedupe_note(&dedupe, &more), MR_FULL);
    assert_false(mri_dedupe_find_producer(&dedupe, PRODUCERS + 1, &newest));
    const struct mri_dedupe_record known = {
        .seq = PRODUCERS + 1, .producer_id = 7, .producer_seq = 2};
    assert_int_equal(mri_dedupe_note(&dedupe, &known), MR_OK);
    assert_true(mri_dedupe_find_producer(&dedupe, 7, &newest));
    assert_int_equal(newest.seq, PRODUCERS + 1);
    assert_int_equal(newest.run, 0);
    free(memory);
}

static void a_lost_count_is_mended(void **fixture)
{
    (void)fixture;
    void *memory = calloc(1, mri_dedupe_bytes(limits));
    struct mri_dedupe dedupe = mri_dedupe_at(memory, limits);
    for (uint32_t i = 1; i <= 5; i++) {
        const struct mri_dedupe_record record = {.seq = i, .producer_id = i, .producer_seq = 1};
        assert_int_equal(mri_dedupe_note(&dedupe, &record), MR_OK);
    }
    atomic_store(&dedupe.head->producer_count, 4);
    mri_dedupe_mend(&dedupe);
    assert_int_equal(atomic_load(&dedupe.head->producer_count), 5);
    free(memory);
}

static void nothing_is_kept_without_producers(void **fixture)
{
    (void)fixture;
    struct mri_dedupe none = mri_dedupe_at(NULL, (struct mri_dedupe_limits){0});
    assert_int_equal(mri_dedupe_bytes((struct mri_dedupe_limits){0}), 0);
    assert_null(none.head);
    assert_false(mri_dedupe_is_used(&none));
    mri_dedupe_mend(&none);
    uint8_t id[MRI_MESSAGE_ID_BYTES] = {0};
    const struct mri_dedupe_limits no_ids = {.producers = 1};
    void *memory = calloc(1, mri_dedupe_bytes(no_ids));
    struct mri_dedupe dedupe = mri_dedupe_at(memory, no_ids);
    const struct mri_dedupe_record record = {.seq = 1, .message_id = id};
    assert_int_equal(mri_dedupe_note(&dedupe, &record), MR_OK);
    assert_int_equal(mri_dedupe_find_id(&dedupe, id), 0);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_know_what_a_naive_memory_knows),
        cmocka_unit_test(one_producer_too_many_is_refused_and_changes_nothing),
        cmocka_unit_test(a_lost_count_is_mended),
        cmocka_unit_test(nothing_is_kept_without_producers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
