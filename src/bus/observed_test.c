/* SPDX-License-Identifier: MIT */
/*
 * Emissions outside the lifecycle: numbered, found again, and saved as they are.
 */
#include "bus/observed.h"

#include "base/prng.h"
#include "bus/batch.h"
#include "tests/lib/cmocka_all.h"

enum { COUNT_MAX = 200, SAVED_MAX = 1 << 20 };

static struct mri_observed observed;
static struct mri_batch batch;

static int set_up(void **fixture)
{
    (void)fixture;
    assert_int_equal(mri_observed_init(&observed, mri_alloc_system(), COUNT_MAX), MR_OK);
    return mri_batch_init(&batch, mri_alloc_system(), 1, 1 << 16) == MR_OK ? 0 : 1;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_observed_fini(&observed);
    mri_observed_fini(&observed);
    mri_observed_fini(NULL);
    mri_batch_fini(&batch);
    return 0;
}

/** Draft one event at a place of the log, and have it taken in. */
static mr_err take(struct mri_signal_observed fixed, uint64_t seq, const char *source)
{
    const struct mri_draft draft = {
        .type = MRI_EVENT_SIGNAL_OBSERVED,
        .fixed = &fixed,
        .texts = {[MRI_TEXT_signal_observed_source] = mri_slice_of(source)},
    };
    mri_batch_begin(&batch, seq, 1);
    assert_int_equal(mri_batch_add(&batch, &draft, 0), MR_OK);
    struct mri_event event = mri_batch_event(&batch, 0);
    return mri_observed_take(&observed, &event);
}

static struct mri_signal_observed emission(uint32_t number)
{
    return (struct mri_signal_observed){.event_time_unix_ns = 1000 + number, .number = number};
}

static struct mri_signal_observed word(uint32_t number, unsigned from, unsigned to)
{
    const struct mri_observed_entry *entry = mri_observed_get(&observed, number);
    return (struct mri_signal_observed){.about = entry->emitted_seq,
        .previous = entry->last_seq,
        .number = number,
        .from = (uint8_t)from,
        .to = (uint8_t)to};
}

static void emissions_are_numbered_and_moved_by_their_emitters(void **fixture)
{
    (void)fixture;
    assert_int_equal(take(emission(1), 10, "bot"), MR_OK);
    assert_int_equal(take(emission(2), 20, "gate"), MR_OK);
    assert_int_equal(take(word(1, MR_GENERATED, MR_LEARNED), 30, ""), MR_OK);
    assert_int_equal(take(word(1, MR_LEARNED, MR_BLOCKED), 31, ""), MR_OK); /* as it likes */
    assert_int_equal(take(word(1, MR_BLOCKED, MR_BLOCKED), 32, ""), MR_OK);
    const struct mri_observed_entry *entry = mri_observed_get(&observed, 1);
    assert_int_equal(entry->emitted_seq, 10);
    assert_int_equal(entry->last_seq, 32);
    assert_int_equal(entry->state, MR_BLOCKED);
    assert_int_equal(entry->event_time_unix_ns, 1001);
    assert_int_equal(observed.count, 2);
    assert_int_equal(observed.states[MR_GENERATED], 1);
    assert_int_equal(observed.states[MR_BLOCKED], 1);
    assert_int_equal(observed.by_source[entry->source], 1);
    assert_string_equal(mri_intern_text(&observed.sources, entry->source).bytes, "bot");
    assert_null(mri_observed_get(&observed, 0));
    assert_null(mri_observed_get(&observed, 3));
}

static void what_contradicts_the_log_is_damage(void **fixture)
{
    (void)fixture;
    assert_int_equal(take(emission(1), 10, "bot"), MR_OK);
    struct mri_signal_observed wrong[] = {emission(1), emission(3), emission(2), emission(2),
        emission(2), word(1, MR_GENERATED, MR_BLOCKED), word(1, MR_GENERATED, MR_BLOCKED),
        word(1, MR_GENERATED, MR_BLOCKED), word(1, MR_BLOCKED, MR_EXPIRED)};
    wrong[2].from = MR_BLOCKED;
    wrong[3].to = MR_BLOCKED;
    wrong[4].previous = 10;
    wrong[5].about = 9;
    wrong[6].previous = 9;
    wrong[7].number = 2;
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(take(wrong[i], 20, "bot"), MR_ECORRUPT);
    }
    assert_int_equal(observed.count, 1);
    assert_int_equal(mri_observed_get(&observed, 1)->last_seq, 10);
}

static void sources_without_a_place_are_the_other_one(void **fixture)
{
    (void)fixture;
    static const char longest[] =
        "0123456789012345678901234567890123456789012345678901234567890123456789";
    assert_int_equal(take(emission(1), 1, ""), MR_OK);
    assert_int_equal(take(emission(2), 2, longest), MR_OK);
    for (uint32_t number = 1; number <= 2; number++) {
        assert_int_equal(mri_observed_get(&observed, number)->source, MRI_OBSERVED_SOURCE_OTHER);
    }
    assert_int_equal(observed.by_source[MRI_OBSERVED_SOURCE_OTHER], 2);
}

static void the_limit_is_a_limit(void **fixture)
{
    (void)fixture;
    for (uint32_t number = 1; number <= COUNT_MAX; number++) {
        assert_int_equal(take(emission(number), number, "bot"), MR_OK);
    }
    assert_int_equal(mri_observed_reserve(&observed, 1), MR_FULL);
    assert_int_equal(take(emission(COUNT_MAX + 1), COUNT_MAX + 1, "bot"), MR_FULL);
    assert_int_equal(observed.count, COUNT_MAX);
}

static void a_loaded_table_is_the_saved_one(void **fixture)
{
    (void)fixture;
    struct mri_observed loaded;
    struct mri_buf saved;
    struct mri_buf again;
    struct mri_prng prng;
    mri_prng_init(&prng, 7);
    for (uint32_t seq = 1; seq <= COUNT_MAX; seq++) {
        uint32_t number = (uint32_t)(mri_prng_next(&prng) % (observed.count + 1));
        struct mri_signal_observed fixed =
            number == 0 ? emission(observed.count + 1)
                        : word(number, mri_observed_get(&observed, number)->state,
                              (unsigned)(mri_prng_next(&prng) % MR_STATE_COUNT));
        assert_int_equal(take(fixed, seq, number % 2 == 0 ? "bot" : "gate"), MR_OK);
    }
    mri_buf_init(&saved, mri_alloc_system(), SAVED_MAX);
    mri_buf_init(&again, mri_alloc_system(), SAVED_MAX);
    mri_observed_save(&observed, &saved);
    for (size_t cut = 0; cut <= saved.count; cut++) {
        struct mri_unpack unpack;
        mri_unpack_init(&unpack, saved.bytes, cut);
        assert_int_equal(mri_observed_init(&loaded, mri_alloc_system(), COUNT_MAX), MR_OK);
        mr_err err = mri_observed_load(&loaded, &unpack);
        assert_int_equal(err, cut == saved.count ? MR_OK : MR_ECORRUPT);
        if (err == MR_OK) {
            mri_observed_save(&loaded, &again);
            assert_int_equal(again.count, saved.count);
            assert_memory_equal(again.bytes, saved.bytes, saved.count);
            assert_memory_equal(loaded.states, observed.states, sizeof(loaded.states));
            assert_memory_equal(loaded.by_source, observed.by_source, sizeof(loaded.by_source));
        }
        mri_observed_fini(&loaded);
    }
    mri_buf_fini(&saved);
    mri_buf_fini(&again);
}

static void a_spoiled_snapshot_is_refused(void **fixture)
{
    (void)fixture;
    struct mri_buf saved;
    assert_int_equal(take(emission(1), 5, "bot"), MR_OK);
    assert_int_equal(take(emission(2), 6, "bot"), MR_OK);
    mri_buf_init(&saved, mri_alloc_system(), SAVED_MAX);
    mri_observed_save(&observed, &saved);
    struct mri_observed_entry *entries =
        (struct mri_observed_entry *)(void *)(saved.bytes + saved.count - 2 * sizeof(*entries));
    struct mri_observed_entry good[2];
    memcpy(good, entries, sizeof(good));
    for (unsigned way = 0; way < 4; way++) {
        struct mri_observed_entry bad[2] = {good[0], good[1]};
        bad[1].state = way == 0 ? MR_STATE_COUNT : bad[1].state;
        bad[1].source = way == 1 ? 99 : bad[1].source;
        bad[1].emitted_seq = way == 2 ? 5 : bad[1].emitted_seq;
        bad[1].last_seq = way == 3 ? 5 : bad[1].last_seq;
        memcpy(entries, bad, sizeof(bad));
        struct mri_observed loaded;
        struct mri_unpack unpack;
        mri_unpack_init(&unpack, saved.bytes, saved.count);
        assert_int_equal(mri_observed_init(&loaded, mri_alloc_system(), COUNT_MAX), MR_OK);
        assert_int_equal(mri_observed_load(&loaded, &unpack), MR_ECORRUPT);
        mri_observed_fini(&loaded);
    }
    mri_buf_fini(&saved);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(emissions_are_numbered_and_moved_by_their_emitters),
        TEST(what_contradicts_the_log_is_damage),
        TEST(sources_without_a_place_are_the_other_one),
        TEST(the_limit_is_a_limit),
        TEST(a_loaded_table_is_the_saved_one),
        TEST(a_spoiled_snapshot_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
