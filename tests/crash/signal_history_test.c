/* SPDX-License-Identifier: MIT */
/*
 * Tests of the checker of histories: good ones pass, and each kind of fault that is planted into
 * them is found.
 */
#include "tests/crash/signal_history.h"

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

enum { OPS = 400, OBJECTS = 5, MOMENTS = 40 * OPS, HISTORIES = 200 };

static struct mri_seen seen[OPS];
static uint64_t taken[OPS]; /* when each took effect */
static uint32_t words[5][MOMENTS + 1];
static uint32_t floors[OBJECTS];
static const struct mri_signal_history_room room = {.called = words[0],
    .answered = words[1],
    .next_called = words[2],
    .next_answered = words[3],
    .put = words[4],
    .floor = floors,
    .moment_max = MOMENTS,
    .object_max = OBJECTS};
static struct mri_prng prng;

static enum mri_signal_history_fault check(void)
{
    size_t place;
    return mri_signal_history_check(seen, OPS, &room, &place);
}

/**
 * Operations that take effect one after the other, at moments 20, 40, 60 ..., each called and
 * answered up to three of them before and after, so that many overlap.
 */
static void make_history(uint64_t seed)
{
    uint32_t newest[OBJECTS] = {0};
    mri_prng_init(&prng, seed);
    for (uint32_t i = 0; i < OPS; i++) {
        struct mri_seen *own = &seen[i];
        taken[i] = 20 * (uint64_t)(i + 4);
        *own = (struct mri_seen){.object = (uint32_t)mri_prng_below(&prng, OBJECTS),
            .called = taken[i] - mri_prng_below(&prng, 60),
            .answered = taken[i] + 1 + mri_prng_below(&prng, 60),
            .is_made = mri_prng_below(&prng, 3) == 0};
        uint32_t *version = &newest[own->object];
        if (own->is_made) {
            own->low = *version + 1;
            *version += 1 + (uint32_t)mri_prng_below(&prng, 2);
            own->high = *version;
            own->answered = mri_prng_below(&prng, 20) == 0 ? 0 : own->answered;
        } else {
            uint32_t below = (uint32_t)mri_prng_below(&prng, 3);
            own->low = *version - (below < *version ? below : *version);
            own->high = *version + (uint32_t)mri_prng_below(&prng, 2);
        }
    }
}

static void good_histories_pass(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        make_history(seed);
        assert_int_equal(check(), MRI_SIGNAL_HISTORY_GOOD);
    }
}

/** An operation of a kind; each history has some. */
static uint32_t pick(bool is_made, uint32_t from)
{
    while (seen[from].is_made != is_made || seen[from].answered == 0) {
        from++;
        assert_true(from < OPS);
    }
    return from;
}

/** The operation on the same object, of a kind, that was called after `at` was answered. */
static uint32_t later(uint32_t at, bool is_made)
{
    uint32_t found = at + 1;
    while (seen[found].object != seen[at].object || seen[found].is_made != is_made ||
           seen[found].called <= seen[at].answered) {
        found++;
        assert_true(found < OPS);
    }
    return found;
}

static void what_was_surpassed_before_the_call_is_stale(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        make_history(seed);
        uint32_t maker = pick(true, OPS / 4);
        struct mri_seen *reader = &seen[later(maker, false)];
        reader->low = seen[maker].high - 1;
        reader->high = seen[maker].high - 1;
        assert_int_equal(check(), MRI_SIGNAL_HISTORY_STALE);
    }
}

static void what_was_not_begun_yet_cannot_be_seen(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        make_history(seed);
        uint32_t reader = pick(false, OPS / 4);
        const struct mri_seen *maker = &seen[later(reader, true)];
        seen[reader].low = maker->low;
        seen[reader].high = maker->low;
        /* Shown by who makes it, or by who looks before that. */
        assert_int_not_equal(check(), MRI_SIGNAL_HISTORY_GOOD);
    }
}

static void two_who_look_one_after_the_other_do_not_go_back(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        make_history(seed);
        uint32_t first = pick(false, OPS / 4);
        struct mri_seen *second = &seen[later(first, false)];
        seen[first].low = second->high + 1; /* both within the time of somebody who makes it */
        seen[first].high = second->high + 1;
        assert_int_not_equal(check(), MRI_SIGNAL_HISTORY_GOOD);
    }
}

static void the_same_is_not_made_twice_one_after_the_other(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        make_history(seed);
        uint32_t maker = pick(true, OPS / 4);
        struct mri_seen *second = &seen[later(maker, true)];
        second->low = seen[maker].high;
        second->high = seen[maker].high;
        assert_int_equal(check(), MRI_SIGNAL_HISTORY_AGAINST_TIME);
    }
}

static void what_cannot_be_is_told(void **fixture)
{
    (void)fixture;
    const struct mri_seen wrong[] = {
        {.object = OBJECTS, .called = 1, .answered = 2},
        {.low = 2, .high = 1, .called = 1, .answered = 2},
        {.called = 0, .answered = 2},
        {.called = 2, .answered = 2},
        {.called = 1, .answered = MOMENTS + 1},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        size_t place;
        assert_int_equal(
            mri_signal_history_check(&wrong[i], 1, &room, &place), MRI_SIGNAL_HISTORY_IMPOSSIBLE);
    }
    assert_string_equal(mri_signal_history_text(MRI_SIGNAL_HISTORY_STALE), "stale");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_histories_pass),
        cmocka_unit_test(what_was_surpassed_before_the_call_is_stale),
        cmocka_unit_test(what_was_not_begun_yet_cannot_be_seen),
        cmocka_unit_test(two_who_look_one_after_the_other_do_not_go_back),
        cmocka_unit_test(the_same_is_not_made_twice_one_after_the_other),
        cmocka_unit_test(what_cannot_be_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
