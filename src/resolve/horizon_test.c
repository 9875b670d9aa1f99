/* SPDX-License-Identifier: MIT */
/*
 * Horizon timers against a plain list, and their snapshot.
 */
#include "resolve/horizon.h"

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"

enum { ENTRIES = 5000, SAVED_MAX = 1 << 20 };

static struct mri_timer entry_of(uint64_t number)
{
    return (struct mri_timer){.seq = number + 1,
        .time_unix_ns = (int64_t)number * 7,
        .entry_price = (int64_t)number * 3,
        .ordinal = (uint32_t)number};
}

/** Require that every horizon waits for exactly the entries from its first up to `pushed`. */
static void compare(
    const struct mri_timers *timers, const uint64_t taken[MR_HORIZON_COUNT], uint64_t pushed)
{
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        mr_horizon horizon = (mr_horizon)h;
        uint64_t waiting = pushed - taken[h];
        assert_true(mri_timers_waiting(timers, horizon) == waiting);
        assert_null(mri_timers_peek(timers, horizon, waiting));
        const uint64_t places[] = {0, waiting / 2, waiting - 1};
        for (unsigned i = 0; waiting > 0 && i < 3; i++) {
            const struct mri_timer *found = mri_timers_peek(timers, horizon, places[i]);
            const struct mri_timer wanted = entry_of(taken[h] + places[i]);
            assert_non_null(found);
            assert_memory_equal(found, &wanted, sizeof(wanted));
        }
    }
}

static void timers_are_those_of_a_plain_list(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    struct mri_timers timers = {0};
    uint64_t taken[MR_HORIZON_COUNT] = {0};
    uint64_t pushed = 0;
    mri_prng_init(&prng, 3);
    while (pushed < ENTRIES) {
        uint64_t burst = mri_prng_below(&prng, 40);
        for (uint64_t i = 0; i < burst; i++) {
            const struct mri_timer timer = entry_of(pushed++);
            assert_int_equal(mri_timers_push(&timers, mri_alloc_system(), &timer), MR_OK);
        }
        for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
            uint64_t most = pushed - taken[h] + 1;
            for (uint64_t i = mri_prng_below(&prng, most < 45 ? most : 45); i > 0; i--) {
                mri_timers_take(&timers, (mr_horizon)h);
                taken[h]++;
            }
        }
        compare(&timers, taken, pushed);
    }
    mri_timers_fini(&timers, mri_alloc_system());
    assert_int_equal(timers.capacity, 0);
}

/** Timers with a wrapped ring: `pushed` entries, each horizon a little slower. */
static void fill(struct mri_timers *timers, uint64_t pushed)
{
    for (uint64_t i = 0; i < pushed; i++) {
        const struct mri_timer timer = entry_of(i);
        assert_int_equal(mri_timers_push(timers, mri_alloc_system(), &timer), MR_OK);
        for (unsigned h = 0; h < MR_HORIZON_COUNT && i > 20; h++) {
            if (mri_timers_waiting(timers, (mr_horizon)h) > 10 * h) {
                mri_timers_take(timers, (mr_horizon)h);
            }
        }
    }
}

static void a_snapshot_takes_timers_back_and_goes_on_alike(void **fixture)
{
    (void)fixture;
    const uint64_t sizes[] = {0, 1, 63, 64, 65, 128, 1000};
    for (size_t i = 0; i < 7; i++) {
        struct mri_timers timers = {0};
        struct mri_timers loaded = {0};
        struct mri_buf saved;
        struct mri_unpack unpack;
        mri_buf_init(&saved, mri_alloc_system(), SAVED_MAX);
        fill(&timers, sizes[i]);
        mri_timers_save(&timers, &saved);
        mri_unpack_init(&unpack, saved.bytes, saved.count);
        assert_int_equal(mri_timers_load(&loaded, mri_alloc_system(), &unpack), MR_OK);
        assert_int_equal(mri_unpack_end(&unpack), MR_OK);
        uint64_t pushed = sizes[i];
        for (unsigned k = 0; k < 200; k++) {
            const struct mri_timer timer = entry_of(pushed++);
            assert_int_equal(mri_timers_push(&loaded, mri_alloc_system(), &timer), MR_OK);
        }
        compare(&loaded, timers.taken, pushed);
        mri_timers_fini(&loaded, mri_alloc_system());
        mri_timers_fini(&timers, mri_alloc_system());
        mri_buf_fini(&saved);
    }
}

static void a_damaged_snapshot_is_refused(void **fixture)
{
    (void)fixture;
    struct mri_timers timers = {0};
    struct mri_buf saved;
    struct mri_unpack unpack;
    mri_buf_init(&saved, mri_alloc_system(), SAVED_MAX);
    fill(&timers, 100);
    mri_timers_save(&timers, &saved);
    for (size_t cut = 0; cut < saved.count; cut++) {
        struct mri_timers loaded = {0};
        mri_unpack_init(&unpack, saved.bytes, cut);
        assert_int_equal(mri_timers_load(&loaded, mri_alloc_system(), &unpack), MR_ECORRUPT);
        mri_timers_fini(&loaded, mri_alloc_system());
    }
    uint64_t *numbers = (void *)saved.bytes; /* pushed, then taken of each horizon */
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        struct mri_timers loaded = {0};
        uint64_t before = numbers[1 + h];
        numbers[1 + h] = numbers[0] + 1; /* more taken than pushed */
        mri_unpack_init(&unpack, saved.bytes, saved.count);
        assert_int_equal(mri_timers_load(&loaded, mri_alloc_system(), &unpack), MR_ECORRUPT);
        mri_timers_fini(&loaded, mri_alloc_system());
        numbers[1 + h] = before;
    }
    struct mri_timers loaded = {0};
    numbers[0] = UINT64_MAX; /* more waiting than bytes follow */
    mri_unpack_init(&unpack, saved.bytes, saved.count);
    assert_int_equal(mri_timers_load(&loaded, mri_alloc_system(), &unpack), MR_ECORRUPT);
    mri_timers_fini(&loaded, mri_alloc_system());
    mri_timers_fini(&timers, mri_alloc_system());
    mri_buf_fini(&saved);
}

static void memory_that_is_missing_leaves_the_timers_as_they_were(void **fixture)
{
    (void)fixture;
    struct failing_alloc alloc;
    struct mri_timers timers = {0};
    const uint64_t none[MR_HORIZON_COUNT] = {0};
    failing_alloc_init(&alloc, 2);
    for (uint64_t i = 0; i < 64; i++) {
        const struct mri_timer timer = entry_of(i);
        assert_int_equal(mri_timers_push(&timers, &alloc.alloc, &timer), MR_OK);
    }
    const struct mri_timer timer = entry_of(64);
    assert_int_equal(mri_timers_push(&timers, &alloc.alloc, &timer), MR_ENOMEM);
    compare(&timers, none, 64);
    assert_int_equal(mri_timers_push(&timers, &alloc.alloc, &timer), MR_OK);
    compare(&timers, none, 65);
    mri_timers_fini(&timers, &alloc.alloc);
    assert_int_equal(alloc.live_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_are_those_of_a_plain_list),
        cmocka_unit_test(a_snapshot_takes_timers_back_and_goes_on_alike),
        cmocka_unit_test(a_damaged_snapshot_is_refused),
        cmocka_unit_test(memory_that_is_missing_leaves_the_timers_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
