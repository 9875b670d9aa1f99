/* SPDX-License-Identifier: MIT */
/*
 * Tests of the signal table against plain arrays, and of its snapshot against damage.
 */
#include "bus/slots.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"

enum { SIGNALS = 9000, SYMBOLS = 4, SOURCES = 3 };

static const struct mri_slots_limits limits = {
    .signals_max = SIGNALS, .symbols_max = SYMBOLS, .sources_max = SOURCES};

/** What the table should hold, without any index. */
struct model {
    struct mri_slot slots[SIGNALS + 1];
    uint64_t entered[SIGNALS + 1]; /* when each signal entered its state */
    uint32_t count;
    uint64_t clock;
};

static void create(struct mri_slots *slots, struct model *model, struct mri_prng *prng)
{
    struct mri_slot slot = {
        .event_time_unix_ns = (int64_t)mri_prng_below(prng, 1000),
        .generated_seq = ++model->clock,
        .symbol = (uint32_t)mri_prng_below(prng, SYMBOLS),
        .source = (uint16_t)mri_prng_below(prng, SOURCES),
        .name = (uint16_t)mri_prng_below(prng, 100),
        .side = 1,
    };
    struct mri_slot *expected = &model->slots[++model->count];
    *expected = slot;
    expected->last_seq = slot.generated_seq;
    expected->moved_seq = slot.generated_seq;
    model->entered[model->count] = model->clock;
    slot.state_next = 77; /* what is not taken from the caller */
    slot.gate = 7;
    slot.state = MR_LEARNED;
    assert_int_equal(mri_slots_create(slots, &slot), MR_OK);
}

static void move(struct mri_slots *slots, struct model *model, struct mri_prng *prng)
{
    if (model->count == 0) {
        return;
    }
    uint32_t ordinal = 1 + (uint32_t)mri_prng_below(prng, model->count);
    struct mri_slot *expected = &model->slots[ordinal];
    const struct mri_signal_moved moved = {
        .from = expected->state,
        .to = (uint8_t)mri_prng_below(prng, MR_STATE_COUNT),
        .gate = (uint8_t)mri_prng_below(prng, 10),
        .reason = (uint16_t)mri_prng_below(prng, 100),
    };
    if (moved.to == MR_LEARNED) {
        expected->ended = expected->state;
    } else {
        expected->gate = moved.gate;
        expected->reason = moved.reason;
    }
    expected->state = moved.to;
    expected->moved_seq = ++model->clock;
    model->entered[ordinal] = model->clock;
    mri_slots_move(slots, ordinal, &moved, model->clock);
}

static void check_slots(const struct mri_slots *slots, const struct model *model)
{
    assert_int_equal(slots->count, model->count);
    for (uint32_t i = 1; i <= model->count; i++) {
        const struct mri_slot *slot = mri_slots_get(slots, i);
        const struct mri_slot *expected = &model->slots[i];
        assert_true(slot->event_time_unix_ns == expected->event_time_unix_ns &&
                    slot->generated_seq == expected->generated_seq &&
                    slot->moved_seq == expected->moved_seq && slot->symbol == expected->symbol &&
                    slot->source == expected->source && slot->name == expected->name &&
                    slot->state == expected->state && slot->side == expected->side &&
                    slot->gate == expected->gate && slot->ended == expected->ended &&
                    slot->reason == expected->reason);
    }
    assert_null(mri_slots_get(slots, 0));
    assert_null(mri_slots_get(slots, model->count + 1));
}

/** Each array must be the model filtered, in order of creation. */
static void check_arrays(const struct mri_slots *slots, const struct model *model)
{
    uint32_t by_symbol[SYMBOLS] = {0};
    uint32_t by_source[SOURCES] = {0};
    for (uint32_t i = 1; i <= model->count; i++) {
        const struct mri_slot *expected = &model->slots[i];
        uint32_t entry = i << 4 | expected->state;
        uint32_t at = by_symbol[expected->symbol]++;
        assert_int_equal(slots->by_symbol[expected->symbol].entries[at], entry);
        at = by_source[expected->source]++;
        assert_int_equal(slots->by_source[expected->source].entries[at], entry);
    }
    for (uint32_t i = 0; i < SYMBOLS; i++) {
        assert_int_equal(slots->by_symbol[i].count, by_symbol[i]);
    }
    for (uint32_t i = 0; i < SOURCES; i++) {
        assert_int_equal(slots->by_source[i].count, by_source[i]);
    }
}

/** Each list must hold the signals of its state, in order of entering it. */
static void check_lists(const struct mri_slots *slots, const struct model *model)
{
    uint32_t sum = 0;
    for (unsigned state = 0; state < MR_STATE_COUNT; state++) {
        uint32_t before = 0;
        uint32_t count = 0;
        uint64_t entered = 0;
        for (uint32_t at = slots->states[state].first; at != 0;) {
            const struct mri_slot *slot = mri_slots_get(slots, at);
            assert_non_null(slot);
            assert_int_equal(model->slots[at].state, state);
            assert_true(model->entered[at] > entered);
            assert_int_equal(slot->state_prev, before);
            entered = model->entered[at];
            before = at;
            at = slot->state_next;
            count++;
        }
        assert_int_equal(slots->states[state].last, before);
        assert_int_equal(slots->states[state].count, count);
        sum += count;
    }
    assert_int_equal(sum, model->count);
}

static void random_signals_and_moves_leave_what_plain_arrays_hold(void **fixture)
{
    (void)fixture;
    struct mri_slots slots;
    struct mri_prng prng;
    static struct model model;
    memset(&model, 0, sizeof(model));
    mri_prng_init(&prng, 1);
    assert_int_equal(mri_slots_init(&slots, mri_alloc_system(), &limits), MR_OK);
    for (int i = 0; model.count < SIGNALS; i++) {
        if (mri_prng_below(&prng, 4) == 0) {
            create(&slots, &model, &prng);
        } else {
            move(&slots, &model, &prng);
        }
        if (i % 2000 == 0) {
            check_slots(&slots, &model);
            check_arrays(&slots, &model);
            check_lists(&slots, &model);
        }
    }
    check_slots(&slots, &model);
    check_arrays(&slots, &model);
    check_lists(&slots, &model);
    assert_int_equal(mri_slots_create(&slots, &model.slots[1]), MR_FULL);
    assert_int_equal(mri_slots_reserve(&slots, 1), MR_FULL);
    assert_int_equal(mri_slots_reserve(&slots, 0), MR_OK);
    check_slots(&slots, &model);
    mri_slots_fini(&slots);
    mri_slots_fini(&slots);
    mri_slots_fini(NULL);
}

static void fill(struct mri_slots *slots, struct model *model, uint64_t seed, uint32_t count)
{
    struct mri_prng prng;
    mri_prng_init(&prng, seed);
    memset(model, 0, sizeof(*model));
    assert_int_equal(mri_slots_init(slots, mri_alloc_system(), &limits), MR_OK);
    while (model->count < count) {
        if (mri_prng_below(&prng, 3) == 0) {
            create(slots, model, &prng);
        } else {
            move(slots, model, &prng);
        }
    }
}

static void a_saved_table_is_loaded_byte_for_byte(void **fixture)
{
    (void)fixture;
    static struct model model;
    for (uint32_t count = 0; count < 5000; count = 3 * count + 1) {
        struct mri_slots slots;
        struct mri_slots loaded;
        struct mri_buf saved;
        struct mri_buf again;
        struct mri_unpack unpack;
        fill(&slots, &model, count, count);
        mri_buf_init(&saved, mri_alloc_system(), 1 << 24);
        mri_buf_init(&again, mri_alloc_system(), 1 << 24);
        mri_slots_save(&slots, 0, &saved);
        assert_int_equal(mri_slots_init(&loaded, mri_alloc_system(), &limits), MR_OK);
        mri_unpack_init(&unpack, saved.bytes, saved.count);
        assert_int_equal(mri_slots_load(&loaded, 0, &unpack), MR_OK);
        assert_int_equal(mri_unpack_end(&unpack), MR_OK);
        check_slots(&loaded, &model);
        check_arrays(&loaded, &model);
        check_lists(&loaded, &model);
        mri_slots_save(&loaded, 0, &again);
        assert_int_equal(again.count, saved.count);
        assert_memory_equal(again.bytes, saved.bytes, saved.count);
        mri_buf_fini(&saved);
        mri_buf_fini(&again);
        mri_slots_fini(&slots);
        mri_slots_fini(&loaded);
    }
}

/** Load a snapshot on top of what a table has. */
static mr_err load_more(struct mri_slots *slots, uint64_t since_seq, const struct mri_buf *saved)
{
    struct mri_unpack unpack;
    mri_unpack_init(&unpack, saved->bytes, saved->count);
    mr_err err = mri_slots_load(slots, since_seq, &unpack);
    return err == MR_OK ? mri_unpack_end(&unpack) : err;
}

static void check_same(const struct mri_slots *a, const struct mri_slots *b)
{
    struct mri_buf saved[2];
    for (int i = 0; i < 2; i++) {
        mri_buf_init(&saved[i], mri_alloc_system(), 1 << 24);
        mri_slots_save(i == 0 ? a : b, 0, &saved[i]);
    }
    assert_int_equal(saved[0].count, saved[1].count);
    assert_memory_equal(saved[0].bytes, saved[1].bytes, saved[0].count);
    mri_buf_fini(&saved[0]);
    mri_buf_fini(&saved[1]);
}

/** Create, move and touch for a while, rarely signals of long ago. */
static void live_on(struct mri_slots *slots, struct model *model, struct mri_prng *prng)
{
    uint64_t steps = mri_prng_below(prng, 120);
    for (uint64_t i = 0; i < steps; i++) {
        uint64_t what = mri_prng_below(prng, 8);
        if (what < 3 && model->count < SIGNALS) {
            create(slots, model, prng);
        } else if (what < 7) {
            move(slots, model, prng);
        } else if (model->count > 0) {
            uint32_t ordinal = 1 + (uint32_t)mri_prng_below(prng, model->count);
            mri_slots_touch(slots, ordinal, ++model->clock);
        }
    }
}

/** What has changed, loaded on top of what was before, gives the table; also when it goes on. */
static void what_has_changed_since_is_enough(void **fixture)
{
    (void)fixture;
    static struct model model;
    struct mri_slots slots;
    struct mri_slots loaded;
    struct mri_prng prng;
    uint64_t since = 0;
    size_t whole_bytes = 0;
    size_t saved_bytes = 0;
    mri_prng_init(&prng, 31);
    fill(&slots, &model, 31, 3000);
    assert_int_equal(mri_slots_init(&loaded, mri_alloc_system(), &limits), MR_OK);
    for (int round = 0; round < 60; round++) {
        struct mri_buf saved;
        mri_buf_init(&saved, mri_alloc_system(), 1 << 24);
        mri_slots_save(&slots, since, &saved);
        assert_int_equal(load_more(&loaded, since, &saved), MR_OK);
        assert_int_equal(mri_slots_check(&loaded), MR_OK);
        check_same(&slots, &loaded);
        check_arrays(&loaded, &model);
        whole_bytes = round == 0 ? saved.count : whole_bytes;
        saved_bytes = round == 0 || saved.count < saved_bytes ? saved.count : saved_bytes;
        mri_buf_fini(&saved);
        since = model.clock;
        if (round % 3 == 2) { /* a process that goes on from what it has loaded */
            struct mri_slots other = slots;
            slots = loaded;
            loaded = other;
        }
        live_on(&slots, &model, &prng);
        assert_true(since != 0);
    }
    assert_true(saved_bytes < whole_bytes / 4);
    mri_slots_fini(&slots);
    mri_slots_fini(&loaded);
}

/** On top of another table than the one it was saved from it is refused or gives a sound table. */
static void changes_of_another_table_are_refused_or_harmless(void **fixture)
{
    (void)fixture;
    static struct model model;
    struct mri_prng prng;
    uint32_t refused = 0;
    mri_prng_init(&prng, 41);
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct mri_slots slots;
        struct mri_slots other;
        struct mri_buf saved;
        fill(&other, &model, seed + 100, 90);
        fill(&slots, &model, seed, 100);
        uint64_t since = model.clock;
        live_on(&slots, &model, &prng);
        mri_buf_init(&saved, mri_alloc_system(), 1 << 20);
        mri_slots_save(&slots, since, &saved);
        mr_err err = load_more(&other, since, &saved);
        err = err == MR_OK ? mri_slots_check(&other) : err;
        assert_true(err == MR_OK || err == MR_ECORRUPT);
        refused += err != MR_OK;
        mri_buf_fini(&saved);
        mri_slots_fini(&slots);
        mri_slots_fini(&other);
    }
    assert_true(refused > 30);
}

/** Load damaged bytes; if they are taken, every list must still end. */
static mr_err load(const uint8_t *bytes, size_t count)
{
    struct mri_slots slots;
    struct mri_unpack unpack;
    assert_int_equal(mri_slots_init(&slots, mri_alloc_system(), &limits), MR_OK);
    mri_unpack_init(&unpack, bytes, count);
    mr_err err = mri_slots_load(&slots, 0, &unpack);
    err = err == MR_OK ? mri_slots_check(&slots) : err;
    for (unsigned state = 0; err == MR_OK && state < MR_STATE_COUNT; state++) {
        uint32_t steps = 0;
        for (uint32_t at = slots.states[state].first; at != 0; steps++) {
            assert_true(steps < slots.states[state].count);
            at = mri_slots_get(&slots, at)->state_next;
        }
        assert_int_equal(steps, slots.states[state].count);
    }
    mri_slots_fini(&slots);
    return err;
}

static void a_damaged_snapshot_is_refused_or_harmless(void **fixture)
{
    (void)fixture;
    static struct model model;
    struct mri_slots slots;
    struct mri_buf saved;
    struct mri_prng prng;
    mri_prng_init(&prng, 2);
    fill(&slots, &model, 3, 12);
    mri_buf_init(&saved, mri_alloc_system(), 1 << 20);
    mri_slots_save(&slots, 0, &saved);
    for (size_t bit = 0; bit < 8 * saved.count; bit++) {
        saved.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        mr_err err = load(saved.bytes, saved.count);
        assert_true(err == MR_OK || err == MR_ECORRUPT);
        saved.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (int round = 0; round < 20000; round++) { /* small numbers, to hit links and indexes */
        size_t at = mri_prng_below(&prng, saved.count / 4);
        uint32_t kept;
        uint32_t other = (uint32_t)mri_prng_below(&prng, 14);
        memcpy(&kept, saved.bytes + 4 * at, sizeof(kept));
        memcpy(saved.bytes + 4 * at, &other, sizeof(other));
        mr_err err = load(saved.bytes, saved.count);
        assert_true(err == MR_OK || err == MR_ECORRUPT);
        memcpy(saved.bytes + 4 * at, &kept, sizeof(kept));
    }
    for (size_t count = 0; count < saved.count; count++) {
        assert_int_equal(load(saved.bytes, count), MR_ECORRUPT);
    }
    mri_buf_fini(&saved);
    mri_slots_fini(&slots);
}

static void limits_out_of_range_make_no_table(void **fixture)
{
    (void)fixture;
    static const struct mri_slots_limits bad[] = {
        {.signals_max = 0, .symbols_max = 1, .sources_max = 1},
        {.signals_max = MRI_ORDINAL_MAX + 1u, .symbols_max = 1, .sources_max = 1},
        {.signals_max = 1, .symbols_max = 0, .sources_max = 1},
        {.signals_max = 1, .symbols_max = 1, .sources_max = 0},
        {.signals_max = 1, .symbols_max = 1, .sources_max = 65536},
    };
    struct mri_slots slots;
    for (size_t i = 0; i < MRI_COUNT_OF(bad); i++) {
        assert_int_equal(mri_slots_init(&slots, mri_alloc_system(), &bad[i]), MR_EINVAL);
    }
    assert_int_equal(mri_slots_init(&slots, mri_alloc_system(), &limits), MR_OK);
    struct mri_slot slot = {.symbol = SYMBOLS};
    assert_int_equal(mri_slots_create(&slots, &slot), MR_ECORRUPT);
    slot = (struct mri_slot){.source = SOURCES};
    assert_int_equal(mri_slots_create(&slots, &slot), MR_ECORRUPT);
    assert_int_equal(mri_slots_reserve_entries(&slots, SYMBOLS, 0, 1), MR_ECORRUPT);
    assert_int_equal(mri_slots_reserve_entries(&slots, 0, 0, UINT32_MAX), MR_FULL);
    assert_int_equal(slots.count, 0);
    mri_slots_fini(&slots);
}

static void what_was_reserved_cannot_fail(void **fixture)
{
    (void)fixture;
    struct failing_alloc heap;
    struct mri_slots slots;
    failing_alloc_init(&heap, 0);
    assert_int_equal(mri_slots_init(&slots, &heap.alloc, &limits), MR_OK);
    assert_int_equal(mri_slots_reserve(&slots, 8500), MR_OK);
    assert_int_equal(mri_slots_reserve_entries(&slots, 2, 1, 8500), MR_OK);
    heap.failing = heap.calls + 1;
    for (int i = 0; i < 8500; i++) {
        const struct mri_slot slot = {.symbol = 2, .source = 1};
        assert_int_equal(mri_slots_create(&slots, &slot), MR_OK);
    }
    mri_slots_fini(&slots);
    assert_int_equal(heap.live_bytes, 0);
}

static void each_failed_allocation_leaves_the_table_as_it_was(void **fixture)
{
    (void)fixture;
    mr_err err = MR_ENOMEM;
    for (unsigned failing = 1; err == MR_ENOMEM; failing++) {
        struct failing_alloc heap;
        struct mri_slots slots = {0};
        failing_alloc_init(&heap, failing);
        err = mri_slots_init(&slots, &heap.alloc, &limits);
        for (int i = 0; i < 5000 && err == MR_OK; i++) {
            const struct mri_slot slot = {.symbol = (uint32_t)i % SYMBOLS};
            uint32_t before = slots.count;
            err = mri_slots_create(&slots, &slot);
            assert_int_equal(slots.count, before + (err == MR_OK));
        }
        mri_slots_fini(&slots);
        assert_int_equal(heap.live_bytes, 0);
    }
    assert_int_equal(err, MR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_signals_and_moves_leave_what_plain_arrays_hold),
        cmocka_unit_test(a_saved_table_is_loaded_byte_for_byte),
        cmocka_unit_test(what_has_changed_since_is_enough),
        cmocka_unit_test(changes_of_another_table_are_refused_or_harmless),
        cmocka_unit_test(a_damaged_snapshot_is_refused_or_harmless),
        cmocka_unit_test(limits_out_of_range_make_no_table),
        cmocka_unit_test(what_was_reserved_cannot_fail),
        cmocka_unit_test(each_failed_allocation_leaves_the_table_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
