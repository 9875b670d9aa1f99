/* SPDX-License-Identifier: MIT */
/*
 * Tests of the table of signals against plain arrays, of putting back what was changed, and of
 * making it anew.
 */
#include "bus/signal_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

enum { SLOTS = 1024, SYMBOLS = 5, SOURCES = 3, SIGNALS = 6000, STEPS = 40000, CHECK_EACH = 500 };

static const struct mri_signal_limits limits = {
    .slots_max = SLOTS, .symbols_max = SYMBOLS, .sources_max = SOURCES};

/** What the table should hold, without any index. */
static struct model {
    struct mri_signal signals[SIGNALS]; /**< by ordinal; ordinal 0 in it: none, or forgotten */
    uint64_t entered[SIGNALS];          /**< when each entered its state */
    uint32_t newest;
    uint32_t gone; /**< the highest ordinal that was forgotten */
    uint64_t clock;
    bool is_drop_seen; /**< a learned one made room for another */
} model;

static uint64_t *area;
static uint64_t *other_area;
static size_t area_bytes;
static struct mri_signal_table table;
static struct mri_signal_table other;
static struct mri_prng prng;

static uint64_t *make_area(void)
{
    void *block;
    assert_int_equal(mri_alloc_array(mri_alloc_system(), area_bytes, 1, &block), MR_OK);
    return block;
}

static int set_up(void **fixture)
{
    (void)fixture;
    area_bytes = mri_signal_table_bytes(&limits);
    area = make_area();
    other_area = make_area();
    table = mri_signal_table_at(area, &limits);
    other = mri_signal_table_at(other_area, &limits);
    memset(&model, 0, sizeof(model));
    mri_prng_init(&prng, 20261126);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_alloc_free(mri_alloc_system(), area, area_bytes);
    mri_alloc_free(mri_alloc_system(), other_area, area_bytes);
    return 0;
}

static struct mri_signal any_signal(void)
{
    return (struct mri_signal){
        .event_time_unix_ns = (int64_t)mri_prng_below(&prng, 1000),
        .generated_seq = ++model.clock,
        .symbol = (uint16_t)mri_prng_below(&prng, SYMBOLS),
        .source = (uint16_t)mri_prng_below(&prng, SOURCES),
        .name = (uint16_t)mri_prng_below(&prng, 100),
        .side = (uint8_t)(1 + mri_prng_below(&prng, 2)),
    };
}

/** Forget a signal, as the table does. */
static void drop(uint32_t ordinal)
{
    model.signals[ordinal].ordinal = 0;
    model.gone = ordinal > model.gone ? ordinal : model.gone;
}

/** Signals that made room for a new one: they were learned. Returns how many they are. */
static unsigned drop_missing(void)
{
    unsigned count = 0;
    for (uint32_t ordinal = 1; ordinal <= model.newest; ordinal++) {
        struct mri_signal found;
        if (model.signals[ordinal].ordinal != 0 &&
            mri_signal_table_get(&table, ordinal, &found) == MR_NOT_FOUND) {
            assert_int_equal(model.signals[ordinal].state, MR_LEARNED);
            drop(ordinal);
            count++;
        }
    }
    return count;
}

static unsigned living(void)
{
    unsigned count = 0;
    for (uint32_t ordinal = 1; ordinal <= model.newest; ordinal++) {
        count += model.signals[ordinal].ordinal != 0;
    }
    return count;
}

static void create(struct mri_hot_journal *journal)
{
    uint32_t ordinal = 0;
    struct mri_signal signal = any_signal();
    bool is_crowded = living() >= mri_signal_table_room(&limits);
    mr_err err = mri_signal_table_create(&table, journal, &signal, &ordinal);
    if (err == MR_FULL) { /* only where most are kept for ever */
        assert_true(living() > SLOTS / 2);
        return;
    }
    assert_int_equal(err, MR_OK);
    assert_int_equal(ordinal, model.newest + 1);
    unsigned dropped = drop_missing();
    assert_true(is_crowded ? dropped <= 2 : dropped <= 1);
    model.is_drop_seen = model.is_drop_seen || dropped > 0;
    signal.ordinal = ordinal;
    signal.last_seq = signal.moved_seq = signal.generated_seq;
    signal.state = MR_GENERATED;
    model.signals[ordinal] = signal;
    model.entered[ordinal] = model.clock;
    model.newest = ordinal;
}

static uint32_t any_ordinal(void)
{
    return model.newest == 0 ? 0 : 1 + (uint32_t)mri_prng_below(&prng, model.newest);
}

static void move(struct mri_hot_journal *journal)
{
    uint32_t ordinal = any_ordinal();
    struct mri_signal *signal = &model.signals[ordinal];
    const struct mri_signal_moved moved = {
        .from = (uint8_t)mri_prng_below(&prng, MR_STATE_COUNT),
        .to = (uint8_t)mri_prng_below(&prng, MR_STATE_COUNT),
        .gate = (uint8_t)mri_prng_below(&prng, 10),
        .reason = (uint16_t)mri_prng_below(&prng, 100),
    };
    mr_state found = MR_STATE_COUNT;
    mr_err err = mri_signal_table_move(&table, journal, ordinal, &moved, ++model.clock, &found);
    if (ordinal == 0 || signal->ordinal == 0) {
        assert_int_equal(err, MR_NOT_FOUND);
        return;
    }
    assert_int_equal(found, signal->state);
    assert_int_equal(err, signal->state == moved.from ? MR_OK : MR_CONFLICT);
    if (err != MR_OK) {
        return;
    }
    if (moved.to == MR_LEARNED) {
        signal->ended = signal->state;
    } else {
        signal->gate = moved.gate;
        signal->reason = moved.reason;
    }
    signal->state = moved.to;
    signal->last_seq = signal->moved_seq = model.clock;
    model.entered[ordinal] = model.clock;
}

/** Most signals come to their end; without that the table would be full. */
static void learn(struct mri_hot_journal *journal)
{
    uint32_t ordinal = any_ordinal();
    struct mri_signal *signal = &model.signals[ordinal];
    if (signal->ordinal == 0) {
        return;
    }
    const struct mri_signal_moved moved = {.from = signal->state, .to = MR_LEARNED};
    mr_state found;
    assert_int_equal(
        mri_signal_table_move(&table, journal, ordinal, &moved, ++model.clock, &found), MR_OK);
    signal->ended = signal->state;
    signal->state = MR_LEARNED;
    signal->last_seq = signal->moved_seq = model.clock;
    model.entered[ordinal] = model.clock;
}

static void note(struct mri_hot_journal *journal)
{
    uint64_t prev = 0;
    uint32_t ordinal = any_ordinal();
    struct mri_signal *signal = &model.signals[ordinal];
    mr_err err = mri_signal_table_note(&table, journal, ordinal, ++model.clock, &prev);
    assert_int_equal(err, signal->ordinal == 0 ? MR_NOT_FOUND : MR_OK);
    if (err == MR_OK) {
        assert_int_equal(prev, signal->last_seq);
        signal->last_seq = model.clock;
    }
}

static void forget(struct mri_hot_journal *journal)
{
    uint32_t ordinal = any_ordinal();
    struct mri_signal *signal = &model.signals[ordinal];
    mr_err err = mri_signal_table_forget(&table, journal, ordinal);
    assert_int_equal(err, signal->ordinal == 0          ? MR_NOT_FOUND
                          : signal->state != MR_LEARNED ? MR_CONFLICT
                                                        : MR_OK);
    if (err == MR_OK) {
        drop(ordinal);
    }
}

/** The one that was learned first; 0: none is. */
static uint32_t learned_first(void)
{
    uint32_t first = 0;
    for (uint32_t i = 1; i <= model.newest; i++) {
        const struct mri_signal *signal = &model.signals[i];
        bool is_learned = signal->ordinal != 0 && signal->state == MR_LEARNED;
        if (is_learned && (first == 0 || model.entered[i] < model.entered[first])) {
            first = i;
        }
    }
    return first;
}

static void retire(struct mri_hot_journal *journal)
{
    enum { COUNT_MAX = 3 };
    int64_t before = (int64_t)mri_prng_below(&prng, 1000);
    uint32_t count = 0;
    for (uint32_t first = learned_first();
         first != 0 && count < COUNT_MAX && model.signals[first].event_time_unix_ns < before;
         first = learned_first()) {
        drop(first);
        count++;
    }
    assert_int_equal(mri_signal_table_retire(&table, journal, before, COUNT_MAX), count);
}

static void step(struct mri_hot_journal *journal)
{
    switch (mri_prng_below(&prng, 9)) {
    case 8:
        retire(journal);
        break;
    case 0:
        create(journal);
        break;
    case 1:
    case 2:
    case 3:
        learn(journal);
        break;
    case 4:
        forget(journal);
        break;
    case 5:
        note(journal);
        break;
    default:
        move(journal);
        break;
    }
}

/* ---- the table beside the model -------------------------------------------------------------- */

static void check_signals(void)
{
    assert_int_equal(mri_signal_table_newest(&table), model.newest);
    for (uint32_t i = 0; i <= model.newest; i++) {
        struct mri_signal found;
        mr_err err = mri_signal_table_get(&table, i, &found);
        assert_int_equal(err, model.signals[i].ordinal == 0 ? MR_NOT_FOUND : MR_OK);
        if (err == MR_OK) {
            assert_memory_equal(&found, &model.signals[i], sizeof(found));
        }
    }
}

static void check_group(
    struct mri_signal_walk walk, bool is_symbol, uint32_t group, uint32_t states)
{
    uint32_t slot;
    uint64_t scanned = 0;
    struct mri_signal found;
    for (uint32_t i = model.newest; i > 0; i--) {
        const struct mri_signal *signal = &model.signals[i];
        bool is_in = signal->ordinal != 0 && (states >> signal->state & 1) != 0 &&
                     (is_symbol ? signal->symbol : signal->source) == group;
        if (is_in) {
            assert_int_equal(mri_signal_table_walk(&table, &walk, states, 1, &slot, &scanned), 1);
            mri_signal_table_slot(&table, slot, &found);
            assert_int_equal(found.ordinal, i);
        }
    }
    assert_int_equal(mri_signal_table_walk(&table, &walk, states, 1, &slot, &scanned), 0);
}

static void check_groups(void)
{
    uint32_t states = (uint32_t)mri_prng_below(&prng, 1 << MR_STATE_COUNT);
    if (mri_prng_below(&prng, 2) == 0) { /* one state is looked for in another way */
        states = 1U << mri_prng_below(&prng, MR_STATE_COUNT);
    }
    for (uint32_t i = 0; i < SYMBOLS; i++) {
        check_group(mri_signal_table_walk_symbol(&table, i), true, i, states);
    }
    for (uint32_t i = 0; i < SOURCES; i++) {
        check_group(mri_signal_table_walk_source(&table, i), false, i, states);
    }
}

static void check_lists(void)
{
    for (unsigned state = 0; state < MR_STATE_COUNT; state++) {
        uint64_t count = 0;
        uint64_t before = 0;
        uint32_t slot = mri_signal_table_list_end(&table, (mr_state)state, false);
        uint32_t newest = UINT32_MAX;
        for (; slot != UINT32_MAX; slot = mri_signal_table_list_next(&table, slot, true)) {
            struct mri_signal found;
            mri_signal_table_slot(&table, slot, &found);
            assert_int_equal(found.state, state);
            assert_true(model.entered[found.ordinal] > before);
            assert_true(newest == mri_signal_table_list_next(&table, slot, false));
            before = model.entered[found.ordinal];
            newest = slot;
            count++;
        }
        assert_int_equal(newest, mri_signal_table_list_end(&table, (mr_state)state, true));
        assert_int_equal(count, mri_signal_table_count(&table, (mr_state)state));
        uint64_t expected = 0;
        for (uint32_t i = 1; i <= model.newest; i++) {
            expected += model.signals[i].ordinal != 0 && model.signals[i].state == state;
        }
        assert_int_equal(count, expected);
    }
}

static void check_all(void)
{
    assert_true(mri_signal_table_has_strays_right(&table));
    assert_int_equal(mri_signal_table_gone(&table), model.gone);
    check_signals();
    check_groups();
    check_lists();
}

static void it_agrees_with_plain_arrays_whatever_happens(void **fixture)
{
    (void)fixture;
    for (int i = 0; i < STEPS && model.newest < SIGNALS - MRI_SIGNAL_PROBES - 1; i++) {
        step(NULL);
        if (i % CHECK_EACH == 0) {
            check_all();
        }
    }
    assert_true(model.newest > 3 * SLOTS); /* slots were given away several times */
    assert_true(model.is_drop_seen);
    check_all();
}

static int compare_entered(const void *a, const void *b)
{
    uint64_t x = model.entered[*(const uint32_t *)a];
    uint64_t y = model.entered[*(const uint32_t *)b];
    return x < y ? -1 : x > y;
}

static void a_restored_table_answers_the_same(void **fixture)
{
    (void)fixture;
    static uint32_t in_order[SIGNALS];
    uint32_t count = 0;
    for (int i = 0; i < STEPS && model.newest < 2 * SLOTS; i++) {
        step(NULL);
    }
    memset(area, 0, area_bytes);
    for (uint32_t ordinal = 1; ordinal <= model.newest; ordinal++) {
        const struct mri_signal *signal = &model.signals[ordinal];
        if (signal->ordinal != 0) {
            assert_int_equal(mri_signal_table_restore(&table, signal), MR_OK);
            in_order[count++] = ordinal;
        } else {
            mri_signal_table_pass(&table, ordinal);
        }
    }
    qsort(in_order, count, sizeof(*in_order), compare_entered);
    for (uint32_t i = 0; i < count; i++) {
        if (mri_signal_table_enlist(&table, in_order[i]) != MR_OK) {
            /* A learned one that was there beside a longer way of others. */
            assert_int_equal(model.signals[in_order[i]].state, MR_LEARNED);
            drop(in_order[i]);
        }
    }
    check_all();
    assert_int_equal(mri_signal_table_restore(&table, &model.signals[in_order[0]]), MR_REFUSED);
    assert_int_equal(mri_signal_table_enlist(&table, SIGNALS), MR_NOT_FOUND);
}

/* ---- tables word by word --------------------------------------------------------------------- */

/* As signal_table.c lays it out. */
enum {
    SLOT_WORDS = 8,
    WHO_WORD = 4,
    WHAT_WORD = 5,
    STRAYS = 31 << 18,
    BLOCK_WORDS = 128,
    LINKS_WORD = 126,
    USE_WORD = 127
};

static void same_groups(const uint64_t *groups, const uint64_t *others, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(groups[i], others[i]);
        for (size_t block = (uint32_t)groups[i]; block != 0;
             block = (uint32_t)table.blocks[block * BLOCK_WORDS + LINKS_WORD]) {
            const uint64_t *ours = table.blocks + block * BLOCK_WORDS;
            const uint64_t *theirs = other.blocks + block * BLOCK_WORDS;
            assert_memory_equal(ours, theirs, (ours[USE_WORD] >> 32) * sizeof(uint32_t));
            assert_int_equal(ours[LINKS_WORD], theirs[LINKS_WORD]);
            assert_int_equal(ours[USE_WORD], theirs[USE_WORD]);
        }
    }
}

/** Both tables have the same words wherever something leads. */
static void same_tables(void)
{
    for (size_t slot = 0; slot < SLOTS; slot++) {
        const uint64_t *ours = table.slots + slot * SLOT_WORDS;
        const uint64_t *theirs = other.slots + slot * SLOT_WORDS;
        assert_int_equal((uint32_t)ours[WHO_WORD], (uint32_t)theirs[WHO_WORD]);
        assert_int_equal(ours[WHAT_WORD] & STRAYS, theirs[WHAT_WORD] & STRAYS);
        if ((uint32_t)ours[WHO_WORD] != 0) {
            assert_memory_equal(ours, theirs, SLOT_WORDS * sizeof(*ours));
        }
    }
    assert_memory_equal(
        table.head, other.head, (size_t)((uint8_t *)table.symbols - (uint8_t *)table.head));
    same_groups(table.symbols, other.symbols, SYMBOLS);
    same_groups(table.sources, other.sources, SOURCES);
}

/* ---- putting back ---------------------------------------------------------------------------- */

static void put_back(struct mri_hot_journal *journal)
{
    for (uint32_t i = *journal->count; i > 0; i--) {
        area[journal->undo[i - 1].offset / sizeof(uint64_t)] = journal->undo[i - 1].value;
    }
    *journal->count = 0;
}

static void what_is_put_back_is_as_it_was(void **fixture)
{
    (void)fixture;
    struct mri_hot_undo undo[MRI_SIGNAL_STORES_CREATE];
    uint32_t count = 0;
    static struct model before;
    struct mri_hot_journal journal = {
        .derived = area, .undo = undo, .count = &count, .capacity = MRI_SIGNAL_STORES_CREATE};
    for (int i = 0; i < 16000; i++) {
        bool is_kept = mri_prng_below(&prng, 2) == 0;
        struct mri_prng replay = prng;
        if (!is_kept) {
            memcpy(other_area, area, area_bytes);
            before = model;
        }
        step(&journal);
        if (is_kept) {
            count = 0;
            continue;
        }
        put_back(&journal);
        same_tables();
        model = before;
        prng = replay; /* and once more, to be kept */
        step(NULL);
    }
    assert_false(journal.is_full);
    assert_true(model.newest > SLOTS); /* slots were given away */
    check_all();
}

static void limits_out_of_range_have_no_size(void **fixture)
{
    (void)fixture;
    const struct mri_signal_limits wrong[] = {
        {.slots_max = 1000, .symbols_max = 1, .sources_max = 1},
        {.slots_max = 32, .symbols_max = 1, .sources_max = 1},
        {.slots_max = 1 << 28, .symbols_max = 1, .sources_max = 1},
        {.slots_max = 1024, .symbols_max = 0, .sources_max = 1},
        {.slots_max = 1024, .symbols_max = 65536, .sources_max = 1},
        {.slots_max = 1024, .symbols_max = 1, .sources_max = 0},
        {.slots_max = 1024, .symbols_max = 1, .sources_max = 65536},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(wrong); i++) {
        assert_int_equal(mri_signal_table_bytes(&wrong[i]), 0);
    }
    const struct mri_signal_limits large = {
        .slots_max = 1 << 20, .symbols_max = 1000, .sources_max = 100};
    assert_true(mri_signal_table_bytes(&large) / large.slots_max <= 96);
    struct mri_signal beyond = {.symbol = SYMBOLS};
    uint32_t ordinal;
    assert_int_equal(mri_signal_table_create(&table, NULL, &beyond, &ordinal), MR_REFUSED);
    beyond = (struct mri_signal){.source = SOURCES};
    assert_int_equal(mri_signal_table_create(&table, NULL, &beyond, &ordinal), MR_REFUSED);
    uint32_t slot;
    uint64_t scanned = 0;
    struct mri_signal_walk walk = mri_signal_table_walk_symbol(&table, SYMBOLS);
    assert_int_equal(mri_signal_table_walk(&table, &walk, UINT32_MAX, 1, &slot, &scanned), 0);
    walk = mri_signal_table_walk_source(&table, SOURCES);
    assert_int_equal(mri_signal_table_walk(&table, &walk, UINT32_MAX, 1, &slot, &scanned), 0);
}

/** Where nothing fits any more nothing is changed. */
static void a_full_table_refuses_and_stays_as_it_is(void **fixture)
{
    (void)fixture;
    struct mri_signal signal = {.generated_seq = 1};
    uint32_t ordinal;
    mr_err err = MR_OK;
    uint32_t made = 0;
    for (; err == MR_OK; made += err == MR_OK) {
        memcpy(other_area, area, area_bytes);
        err = mri_signal_table_create(&table, NULL, &signal, &ordinal);
    }
    assert_int_equal(err, MR_FULL);
    assert_true(made > SLOTS / 2 && made <= SLOTS);
    assert_memory_equal(area, other_area, area_bytes);
    mr_state found;
    const struct mri_signal_moved learned = {.from = MR_GENERATED, .to = MR_LEARNED};
    for (uint32_t i = 1; i <= made; i++) {
        assert_int_equal(mri_signal_table_move(&table, NULL, i, &learned, 2, &found), MR_OK);
    }
    assert_int_equal(mri_signal_table_create(&table, NULL, &signal, &ordinal), MR_OK);
    assert_int_equal(ordinal, made + 1);
    struct mri_signal last;
    assert_int_equal(mri_signal_table_get(&table, made + 1, &last), MR_OK);
    assert_int_equal(mri_signal_table_get(&table, 1, &last), MR_NOT_FOUND); /* learned first */
    assert_true(mri_signal_table_gone(&table) >= 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_agrees_with_plain_arrays_whatever_happens),
        TEST(a_restored_table_answers_the_same),
        TEST(what_is_put_back_is_as_it_was),
        TEST(limits_out_of_range_have_no_size),
        TEST(a_full_table_refuses_and_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
