/* SPDX-License-Identifier: MIT */
/*
 * Tests of the signals that wait, beside a plain list.
 */
#include "evaluate/undecided.h"

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"

enum { SYMBOLS = 5, STEPS = 20000, ORDINALS = 3000 };

/** What waits, in order. */
static struct {
    struct mri_undecided signals[ORDINALS];
    uint32_t count;
} model;

static void model_remove(uint32_t ordinal)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < model.count; i++) {
        if (model.signals[i].ordinal != ordinal) {
            model.signals[kept++] = model.signals[i];
        }
    }
    model.count = kept;
}

static void check(const struct mri_undecided_set *set)
{
    const struct mri_undecided *signal;
    uint32_t of_symbol[SYMBOLS] = {0};
    int64_t first = MRI_DUE_NEVER;
    uint32_t place = 0;
    assert_int_equal(set->count, model.count);
    for (uint32_t i = 0; i < model.count; i++) {
        const struct mri_undecided *expected = &model.signals[i];
        signal = mri_undecided_next(set, &place);
        assert_non_null(signal);
        assert_memory_equal(signal, expected, sizeof(*signal));
        assert_ptr_equal(mri_undecided_find(set, expected->ordinal), signal);
        of_symbol[expected->symbol]++;
        first = expected->valid_until_unix_ns < first ? expected->valid_until_unix_ns : first;
    }
    assert_null(mri_undecided_next(set, &place));
    assert_int_equal(mri_undecided_first_expiry_unix_ns(set), first);
    assert_memory_equal(set->of_symbol, of_symbol, sizeof(of_symbol));
    assert_true(set->used < 64 || set->count >= set->used / 2);
}

static void it_is_a_list_in_the_order_in_which_they_came(void **fixture)
{
    (void)fixture;
    struct mri_undecided_set set;
    struct mri_prng prng;
    mri_prng_init(&prng, 1);
    assert_int_equal(mri_undecided_init(&set, mri_alloc_system(), SYMBOLS), MR_OK);
    for (unsigned i = 0; i < STEPS; i++) {
        uint32_t ordinal = 1 + (uint32_t)mri_prng_below(&prng, ORDINALS);
        bool is_there = mri_undecided_find(&set, ordinal) != NULL;
        uint64_t growing = (i / 2500) % 2 == 0 ? 4 : 1; /* of five */
        if (!is_there && mri_prng_below(&prng, 5) < growing) {
            const struct mri_undecided signal = {.seq = i,
                .ordinal = ordinal,
                .symbol = (uint32_t)mri_prng_below(&prng, SYMBOLS),
                .valid_until_unix_ns = (int64_t)mri_prng_below(&prng, 1000)};
            assert_int_equal(mri_undecided_add(&set, &signal), MR_OK);
            model.signals[model.count++] = signal;
        } else {
            mri_undecided_remove(&set, ordinal);
            model_remove(ordinal);
        }
        if (i % 50 == 0) {
            check(&set);
        }
    }
    check(&set);
    mri_undecided_fini(&set);
    mri_undecided_fini(&set);
}

static void what_cannot_be_is_refused_and_nothing_changes(void **fixture)
{
    (void)fixture;
    struct mri_undecided_set set;
    const struct mri_undecided good = {.ordinal = 1, .symbol = SYMBOLS - 1};
    const struct mri_undecided wrong[] = {{.ordinal = 1}, {.ordinal = 2, .symbol = SYMBOLS}, {0}};
    assert_int_equal(mri_undecided_init(&set, mri_alloc_system(), SYMBOLS), MR_OK);
    assert_int_equal(mri_undecided_add(&set, &good), MR_OK);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(mri_undecided_add(&set, &wrong[i]), MR_ECORRUPT);
    }
    mri_undecided_remove(&set, 2);
    assert_int_equal(set.count, 1);
    mri_undecided_fini(&set);
}

static void without_memory_nothing_is_half_done(void **fixture)
{
    (void)fixture;
    for (unsigned fail_at = 1;; fail_at++) {
        struct failing_alloc failing;
        struct mri_undecided_set set;
        failing_alloc_init(&failing, fail_at);
        mr_err err = mri_undecided_init(&set, &failing.alloc, SYMBOLS);
        uint32_t count = 0;
        while (err == MR_OK && count < 200) {
            const struct mri_undecided signal = {.ordinal = count + 1};
            err = mri_undecided_add(&set, &signal);
            count += err == MR_OK;
        }
        assert_int_equal(set.count, count);
        mri_undecided_fini(&set);
        assert_int_equal(failing.live_bytes, 0);
        if (err == MR_OK) {
            return;
        }
        assert_int_equal(err, MR_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_a_list_in_the_order_in_which_they_came),
        cmocka_unit_test(what_cannot_be_is_refused_and_nothing_changes),
        cmocka_unit_test(without_memory_nothing_is_half_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
