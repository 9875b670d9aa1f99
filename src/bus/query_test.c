/* SPDX-License-Identifier: MIT */
/*
 * Tests of queries against looking at every signal.
 */
#include "bus/query.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/bus_sample.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"

enum { SIGNALS = 6000, QUERIES = 20000 };

static struct mri_bus bus;
static struct mri_prng prng;

/** Make signals whose fields are unevenly spread, and move them about. */
static int fill_bus(void **fixture)
{
    (void)fixture;
    mri_prng_init(&prng, 1);
    if (mri_bus_init(&bus, mri_alloc_system(), &mri_bus_sample_limits, NULL) != MR_OK) {
        return 1;
    }
    for (int i = 0; i < SIGNALS; i++) {
        const struct mri_slot slot = {
            .event_time_unix_ns = 1000 + i / 3 + (int64_t)mri_prng_below(&prng, 50),
            .generated_seq = (uint64_t)i + 1,
            .symbol = (uint32_t)(mri_prng_below(&prng, 100) < 90 ? 0 : mri_prng_below(&prng, 4)),
            .source = (uint16_t)(mri_prng_below(&prng, 100) < 80 ? 2 : mri_prng_below(&prng, 4)),
            .name = (uint16_t)mri_prng_below(&prng, MRI_BUS_SAMPLE_NAMES),
            .side = MR_LONG,
        };
        if (mri_slots_create(&bus.slots, &slot) != MR_OK) {
            return 1;
        }
    }
    for (int i = 0; i < 5 * SIGNALS; i++) { /* the newest stay as they were born: few per state */
        uint32_t ordinal = 1 + (uint32_t)mri_prng_below(&prng, SIGNALS - 100);
        unsigned from = mri_slots_get(&bus.slots, ordinal)->state;
        unsigned to = mri_bus_sample_next_state(&prng, from);
        if (to < MR_STATE_COUNT) {
            const struct mri_signal_moved move = {.from = (uint8_t)from, .to = (uint8_t)to};
            mri_slots_move(&bus.slots, ordinal, &move, (uint64_t)SIGNALS + (uint64_t)i);
        }
    }
    return 0;
}

static int free_bus(void **fixture)
{
    (void)fixture;
    mri_bus_fini(&bus);
    return 0;
}

static bool is_match(const struct mri_slot *slot, const struct mri_query *query)
{
    return (query->state == MRI_QUERY_ANY || query->state == slot->state) &&
           (query->symbol == MRI_QUERY_ANY || query->symbol == slot->symbol) &&
           (query->source == MRI_QUERY_ANY || query->source == slot->source) &&
           (query->name == MRI_QUERY_ANY || query->name == slot->name) &&
           query->since_unix_ns <= slot->event_time_unix_ns &&
           slot->event_time_unix_ns < query->until_unix_ns;
}

static uint32_t any_or(uint64_t below)
{
    return mri_prng_below(&prng, 2) == 0 ? MRI_QUERY_ANY : (uint32_t)mri_prng_below(&prng, below);
}

static struct mri_query any_query(void)
{
    struct mri_query query = mri_query_all;
    query.state = any_or(9); /* one more than there are, of each */
    query.symbol = any_or(6);
    query.source = any_or(MRI_SOURCE_EXTERNAL_FIRST + 5);
    query.source = query.source == MRI_QUERY_ANY ? query.source : query.source % 5;
    query.name = any_or(7);
    if (mri_prng_below(&prng, 2) == 0) {
        query.since_unix_ns = (int64_t)mri_prng_below(&prng, 3500);
        query.until_unix_ns = query.since_unix_ns + (int64_t)mri_prng_below(&prng, 2000);
    }
    query.limit = (uint32_t)mri_prng_below(&prng, mri_prng_below(&prng, 2) == 0 ? 10 : SIGNALS + 9);
    query.is_oldest_first = mri_prng_below(&prng, 4) == 0;
    query.beyond = mri_prng_below(&prng, 4) == 0 ? 1 + (uint32_t)mri_prng_below(&prng, SIGNALS) : 0;
    return query;
}

static mr_err find_number(
    const void *context, enum mri_name_kind kind, struct mri_slice name, uint32_t *ret_number)
{
    (void)context;
    (void)kind;
    *ret_number = (uint32_t)(name.bytes[0] - '0');
    return MR_OK;
}

/** The same query as a text, its fields left free. */
static struct mri_query as_text(const struct mri_query *query, struct mri_filter *filter)
{
    static const struct mri_filter_names names = {.find = find_number};
    struct mri_buf text;
    mri_buf_init(&text, mri_alloc_system(), 1000);
    struct mri_query other = *query;
    static const char *const states[] = {"generated", "evaluating", "approved", "executing",
        "executed", "blocked", "expired", "learned"};
    if (query->state < MR_STATE_COUNT) {
        mri_buf_printf(&text, " and state=%s", states[query->state]);
        other.state = MRI_QUERY_ANY;
    }
    if (query->symbol < 6) {
        mri_buf_printf(&text, " and symbol in (%u)", query->symbol);
        other.symbol = MRI_QUERY_ANY;
    }
    if (query->source < 6) {
        mri_buf_printf(&text, " and not source!=%u", query->source);
        other.source = MRI_QUERY_ANY;
    }
    if (query->name < 8) {
        mri_buf_printf(&text, " and name=%u", query->name);
        other.name = MRI_QUERY_ANY;
    }
    if (query->beyond != 0) {
        mri_buf_printf(
            &text, " and ordinal%s%u", query->is_oldest_first ? ">" : "<", query->beyond);
        other.beyond = 0;
    }
    if (text.count > 0) {
        const size_t before = strlen(" and ");
        const struct mri_slice question = {(const char *)text.bytes + before, text.count - before};
        other.filter = filter;
        assert_int_equal(mri_filter_parse(question, &names, filter, NULL, NULL), MR_OK);
    }
    mri_buf_fini(&text);
    return other;
}

/** The most entries that any plan may look at for a query. */
static uint32_t scanned_max(const struct mri_query *query)
{
    const struct mri_slots *slots = &bus.slots;
    uint32_t most = slots->count;
    if (query->symbol < slots->limits.symbols_max) {
        uint32_t count = slots->by_symbol[query->symbol].count;
        most = count < most ? count : most;
    }
    if (query->source < slots->limits.sources_max) {
        uint32_t count = slots->by_source[query->source].count;
        most = count < most ? count : most;
    }
    if (query->state < MR_STATE_COUNT) { /* the list is sorted first, so it must pay */
        uint32_t count = 16 * (slots->states[query->state].count + 1);
        most = count < most ? count : most;
    }
    return most;
}

static void the_answer_is_that_of_looking_at_every_signal(void **fixture)
{
    (void)fixture;
    static uint32_t expected[SIGNALS];
    static uint32_t found[SIGNALS + 10];
    for (int i = 0; i < QUERIES; i++) {
        struct mri_query query = any_query();
        struct mri_query_result result;
        uint32_t matches = 0;
        for (uint32_t k = 0; k < SIGNALS; k++) {
            uint32_t ordinal = query.is_oldest_first ? k + 1 : SIGNALS - k;
            bool is_beyond = query.beyond == 0 || (query.is_oldest_first ? ordinal > query.beyond
                                                                         : ordinal < query.beyond);
            if (is_beyond && is_match(mri_slots_get(&bus.slots, ordinal), &query)) {
                expected[matches++] = ordinal;
            }
        }
        assert_int_equal(mri_query_run(&bus, &query, found, &result), MR_OK);
        uint32_t count = matches < query.limit ? matches : query.limit;
        assert_int_equal(result.count, count);
        assert_memory_equal(found, expected, count * sizeof(*found));
        assert_true(result.is_cut || matches <= query.limit);
        assert_true(!result.is_cut || result.count == query.limit);
        assert_true(result.scanned <= scanned_max(&query));
        static struct mri_filter filter;
        const struct mri_query text = as_text(&query, &filter);
        assert_int_equal(mri_query_run(&bus, &text, found, &result), MR_OK);
        assert_int_equal(result.count, count);
        assert_memory_equal(found, expected, count * sizeof(*found));
    }
}

static void the_newest_are_found_without_looking_at_the_rest(void **fixture)
{
    (void)fixture;
    uint32_t found[10];
    struct mri_query_result result;
    struct mri_query query = mri_query_all;
    query.limit = 10;
    assert_int_equal(mri_query_run(&bus, &query, found, &result), MR_OK);
    assert_int_equal(result.count, 10);
    assert_int_equal(result.scanned, 10);
    assert_int_equal(found[0], SIGNALS);
    assert_true(result.is_cut);
    query.symbol = 3; /* rare: its own array is taken */
    query.limit = 1;
    assert_int_equal(mri_query_run(&bus, &query, found, &result), MR_OK);
    assert_int_equal(result.scanned, 1);
}

static mr_err no_name(
    const void *context, enum mri_name_kind kind, struct mri_slice name, uint32_t *ret_number)
{
    (void)context;
    (void)kind;
    (void)name;
    (void)ret_number;
    return MR_NOT_FOUND;
}

static void ordinals_and_seqs_say_where_to_look(void **fixture)
{
    (void)fixture;
    static const struct {
        const char *question;
        uint32_t scanned;
        uint32_t count;
    } cases[] = {
        {"id=SYM_1700000000000_00000064", 1, 1},
        {"ordinal=100", 1, 1},
        {"ordinal=100 and seq=100", 1, 1},
        {"ordinal=100 and seq=101", 0, 0},
        {"ordinal=0", 0, 0},
        {"ordinal=999999999999999999", 0, 0},
        {"seq=4000", 1, 1},
        {"seq>=4000 and seq<4005", 5, 5},
        {"seq<3", 2, 2},
        {"seq>5998", 2, 2},
        {"seq>6000", 0, 0},
        {"ordinal>5990", 10, 10},
        {"ordinal in (7, 9)", 3, 2},
        {"ordinal=3 or seq=5", 6000, 2},
        {"ordinal>10 and (ordinal=12 or ordinal=14)", 3, 2},
        {"not ordinal=5 and seq<=6", 6, 5},
        {"ordinal>=5 and ordinal<5", 0, 0},
        {"ordinal!=5 and ordinal<8", 7, 6},
    };
    static const struct mri_filter_names names = {.find = no_name};
    static struct mri_filter filter;
    static uint32_t found[SIGNALS];
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        for (unsigned way = 0; way < 2; way++) {
            struct mri_query query = mri_query_all;
            struct mri_query_result result;
            query.limit = SIGNALS;
            query.filter = &filter;
            query.is_oldest_first = way == 1;
            assert_int_equal(
                mri_filter_parse(mri_slice_of(cases[i].question), &names, &filter, NULL, NULL),
                MR_OK);
            assert_int_equal(mri_query_run(&bus, &query, found, &result), MR_OK);
            if (result.scanned != cases[i].scanned || result.count != cases[i].count) {
                fail_msg(
                    "%s: %u found, %u looked at", cases[i].question, result.count, result.scanned);
            }
        }
    }
}

static void nothing_matches_in_an_empty_table(void **fixture)
{
    (void)fixture;
    struct mri_bus empty;
    struct mri_query_result result;
    uint32_t found[1];
    assert_int_equal(mri_bus_init(&empty, mri_alloc_system(), &mri_bus_sample_limits, NULL), MR_OK);
    for (int i = 0; i < 1000; i++) {
        struct mri_query query = any_query();
        assert_int_equal(mri_query_run(&empty, &query, found, &result), MR_OK);
        assert_int_equal(result.count, 0);
        assert_int_equal(result.scanned, 0);
        assert_false(result.is_cut);
    }
    mri_bus_fini(&empty);
}

static void without_memory_a_query_says_so(void **fixture)
{
    (void)fixture;
    struct failing_alloc heap;
    const struct mri_alloc *kept = bus.alloc;
    struct mri_query query = mri_query_all;
    struct mri_query_result result = {.count = 77};
    uint32_t found[10];
    query.limit = 10;
    for (query.state = 0; query.state < MR_STATE_COUNT; query.state++) {
        failing_alloc_init(&heap, 1);
        bus.alloc = &heap.alloc;
        mr_err err = mri_query_run(&bus, &query, found, &result);
        bus.alloc = kept;
        assert_int_equal(err, heap.calls > 0 ? MR_ENOMEM : MR_OK);
        assert_int_equal(heap.live_bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_is_that_of_looking_at_every_signal),
        cmocka_unit_test(the_newest_are_found_without_looking_at_the_rest),
        cmocka_unit_test(ordinals_and_seqs_say_where_to_look),
        cmocka_unit_test(nothing_matches_in_an_empty_table),
        cmocka_unit_test(without_memory_a_query_says_so),
    };
    return cmocka_run_group_tests(tests, fill_bus, free_bus);
}
