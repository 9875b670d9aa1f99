/* SPDX-License-Identifier: MIT */
/*
 * The state that processes share says what the log says: after every kind of append, by handles
 * that look at it, by handles that fold, by a run, and by who knows nothing of it; and a store that
 * does not belong there is found.
 */
#include <stdio.h>
#include <string.h>

#include "api/bus_api.h"
#include "base/prng.h"
#include "bus/lifecycle.h"
#include "bus/query.h"
#include "log/open/append.h"
#include "millrace/execution.h"
#include "pipeline/shared_refresh.h"
#include "tests/lib/api_sample.h"
#include "tests/lib/cmocka_all.h"

enum { HANDLES = 3, STEPS = 3000, CHECK_EACH = 100, SOURCES = 6, BATCH = 40, RECENT = 200 };

static struct mri_api_sample sample;
static mr_bus *buses[HANDLES];
static struct mri_prng prng;
static uint64_t emitted;

static int set_up(void **fixture)
{
    (void)fixture;
    mri_api_sample_begin(&sample);
    buses[0] = sample.bus;
    for (int i = 1; i < HANDLES; i++) {
        buses[i] = mri_api_sample_open(&sample);
    }
    mri_prng_init(&prng, 20261126);
    emitted = 0;
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    for (int i = 1; i < HANDLES; i++) {
        mr_bus_close(buses[i]);
    }
    mri_api_sample_end(&sample);
    return 0;
}

/** A fold of the whole log, by somebody who shares nothing. */
static void fold_all(struct mri_fold *fold)
{
    struct mri_fold_options options = mri_story_fold_options(sample.story);
    mr_problem problem = {""};
    options.is_market_only = true;
    if (mri_fold_init(fold, &options, &problem) != MR_OK || fold->damage != MR_OK) {
        fail_msg("fold: %s%s", problem.text, fold->damage_problem.text);
    }
}

static mr_err compare(mr_bus *bus, mr_problem *problem)
{
    static struct mri_fold fold;
    fold_all(&fold);
    mr_err err = mri_shared_state_compare(&bus->state, &fold.bus, problem);
    mri_fold_fini(&fold);
    return err;
}

static void check(void)
{
    mr_bus *bus = buses[mri_prng_below(&prng, HANDLES)];
    mr_problem problem = {""};
    assert_int_equal(mri_bus_api_share(bus, &problem), MR_OK);
    if (compare(bus, &problem) != MR_OK) {
        fail_msg("%s", problem.text);
    }
}

static void emit(mr_bus *bus)
{
    static char names[BATCH][16];
    static char keys[BATCH][32];
    mr_emission emissions[BATCH];
    mr_emitted results[BATCH];
    size_t count = 1 + mri_prng_below(&prng, mri_prng_below(&prng, 4) == 0 ? BATCH : 2);
    bool is_keyed = mri_prng_below(&prng, 8) == 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t symbol = (uint32_t)mri_prng_below(&prng, MRI_API_SAMPLE_SYMBOLS);
        (void)snprintf(names[i], sizeof(names[i]), "name-%d", (int)mri_prng_below(&prng, SOURCES));
        emissions[i] = mri_api_sample_emission(&sample, symbol, names[i] + 2);
        emissions[i].name = mri_prng_below(&prng, 2) == 0 ? names[i] : NULL;
        (void)snprintf(keys[i], sizeof(keys[i]), "%u-%.10s-%d", symbol,
            emissions[i].name == NULL ? "" : names[i], (int)mri_prng_below(&prng, 30));
        emissions[i].key = is_keyed ? keys[i] : NULL;
        emissions[i].data = mri_prng_below(&prng, 2) == 0 ? "{\"why\": \"test\"}" : NULL;
    }
    mr_problem problem = {""};
    if (mr_bus_emit(bus, emissions, count, MR_ASYNC, results, &problem) != MR_OK) {
        fail_msg("emit: %s", problem.text);
    }
    for (size_t i = 0; i < count; i++) {
        emitted += !results[i].is_repeated;
        assert_true(results[i].is_repeated || results[i].ordinal.n == emitted);
    }
}

/** A move that the lifecycle allows, from where the handle finds the signal. */
static void move(mr_bus *bus)
{
    uint64_t back = mri_prng_below(&prng, RECENT);
    mr_signal signal;
    if (back >= emitted) {
        return;
    }
    assert_int_equal(mr_bus_get(bus, (mr_ordinal){(uint32_t)(emitted - back)}, &signal), MR_OK);
    mr_state to = (mr_state)mri_prng_below(&prng, MR_STATE_COUNT);
    const mr_move move = {.ordinal = signal.ordinal,
        .from = signal.state,
        .to = to,
        .gate = to == MR_BLOCKED ? "external" : NULL,
        .reason = "external"};
    mr_err err = mr_bus_move(bus, &move, 1, MR_ASYNC, NULL, NULL);
    bool is_allowed = mri_lifecycle_allows(signal.state, to);
    assert_int_equal(err, is_allowed ? MR_OK : MR_REFUSED);
    assert_int_equal(mr_bus_get(bus, signal.ordinal, &signal), MR_OK);
    assert_true(!is_allowed || signal.state == to);
}

/** The counts of a handle are those of a fold. */
static void count(mr_bus *bus)
{
    static struct mri_fold fold;
    uint64_t counts[MR_STATE_COUNT];
    assert_int_equal(mr_bus_counts(bus, counts, NULL), MR_OK);
    fold_all(&fold);
    for (unsigned state = 0; state < MR_STATE_COUNT; state++) {
        assert_int_equal(counts[state], fold.bus.slots.states[state].count);
    }
    mri_fold_fini(&fold);
}

/** The same questions to the state and to a fold, page after page. */
static void ask(mr_bus *bus)
{
    static struct mri_fold fold;
    static const char *const questions[] = {"", "state=generated", "state=learned",
        "state in (blocked, expired)", "source=me-1", "source=me-2 and state=learned",
        "source=me-3 and not state=generated", "symbol=%s", "symbol=%s and state=generated",
        "symbol=%s and side=long and state=blocked", "name=name-4 or name=name-5",
        "state=executing and source=me-1", "gate=external", "state!=learned"};
    static uint32_t expected[500];
    static mr_ordinal found[500];
    char text[128];
    struct mri_filter *filter = &bus->filter;
    fold_all(&fold);
    for (size_t i = 0; i < MRI_COUNT_OF(questions); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(text, sizeof(text), questions[i], sample.symbols[i % 2]);
#pragma GCC diagnostic pop
        struct mri_query_result result;
        mr_bus_page page = {.ordinals = found,
            .room = 1 + (uint32_t)mri_prng_below(&prng, 499),
            .beyond = {
                (uint32_t)mri_prng_below(&prng, 2) * (uint32_t)mri_prng_below(&prng, emitted)}};
        mr_problem problem = {""};
        if (mr_bus_query(bus, text, &page, &problem) != MR_OK) {
            fail_msg("%s: %s", text, problem.text);
        }
        struct mri_query query = mri_query_all; /* numbers are the same in both */
        query.filter = filter;
        query.limit = page.room;
        query.beyond = page.beyond.n;
        assert_int_equal(mri_query_run(&fold.bus, &query, expected, &result), MR_OK);
        assert_int_equal(page.count, result.count);
        assert_memory_equal(found, expected, result.count * sizeof(*expected));
        assert_true(page.is_cut || !result.is_cut || result.count < page.room);
    }
    mri_fold_fini(&fold);
}

/** Somebody who knows nothing of the state appends: it is behind then, and is made anew. */
static void append_past_it(void)
{
    mr_log *log;
    const mr_log_record record = {.type = 60000, .body = "free", .body_bytes = 4};
    const struct mri_os *other = mri_os_memory_table(sample.story->memory);
    assert_int_equal(
        mri_log_open(other, mri_alloc_system(), MRI_STORY_FOLDER, NULL, &log, NULL), MR_OK);
    assert_int_equal(mr_log_append(log, &record, 1, MR_ASYNC, NULL), MR_OK);
    mr_log_close(log);
}

static void it_says_what_the_log_says(void **fixture)
{
    (void)fixture;
    for (int i = 0; i < STEPS; i++) {
        mr_bus *bus = buses[mri_prng_below(&prng, HANDLES)];
        uint64_t what = mri_prng_below(&prng, 100);
        if (what < 40) {
            emit(bus);
        } else if (what < 99) {
            move(bus);
        } else {
            count(bus);
        }
        if (i % CHECK_EACH == 0) {
            check();
        }
        if (i % CHECK_EACH == 0 && i > 3 * CHECK_EACH) {
            ask(bus);
        }
    }
    check();
}

/** More signals than there are slots: the learned ones have left, and are found all the same. */
static void a_table_that_has_come_round_answers_the_same(void **fixture)
{
    (void)fixture;
    enum { TURNS = 150, EACH = 1000 };
    static mr_emission emissions[EACH];
    static mr_emitted results[EACH];
    static mr_move moves[2 * EACH];
    static char names[6][16];
    mr_bus *bus = buses[0];
    for (int turn = 0; turn < TURNS; turn++) {
        size_t count = 0;
        for (size_t i = 0; i < EACH; i++) {
            (void)snprintf(names[i % 6], sizeof(names[0]), "name-%d", (int)(i % 6));
            emissions[i] = mri_api_sample_emission(&sample, i % 2, names[i % 6] + 2);
            emissions[i].name = names[i % 6];
        }
        assert_int_equal(mr_bus_emit(bus, emissions, EACH, MR_ASYNC, results, NULL), MR_OK);
        for (size_t i = 0; i < EACH; i++) {
            if (mri_prng_below(&prng, 50) == 0) {
                continue; /* it stays, and keeps its slot from others */
            }
            moves[count] = (mr_move){.ordinal = results[i].ordinal,
                .from = MR_GENERATED,
                .to = i % 2 == 0 ? MR_BLOCKED : MR_EXPIRED,
                .gate = "external",
                .reason = "external"};
            moves[count + 1] = moves[count];
            moves[count + 1].from = moves[count].to;
            moves[count + 1].to = MR_LEARNED;
            moves[count + 1].gate = NULL;
            count += 2;
        }
        assert_int_equal(mr_bus_move(bus, moves, count, MR_ASYNC, NULL, NULL), MR_OK);
        emitted += EACH;
    }
    uint32_t version;
    assert_int_equal(mri_derived_look(bus->log, &version), MR_OK);
    check();
    ask(buses[1]);
    count(buses[2]);
    mr_signal signal;
    assert_int_equal(mr_bus_get(bus, (mr_ordinal){2}, &signal), MR_OK);
    assert_int_equal(mr_bus_get(bus, (mr_ordinal){TURNS * EACH + 1}, &signal), MR_NOT_FOUND);
}

static void who_knows_nothing_of_it_leaves_it_behind(void **fixture)
{
    (void)fixture;
    uint32_t version;
    for (int i = 0; i < 20; i++) {
        emit(buses[0]);
        assert_int_equal(mri_derived_look(buses[0]->log, &version), MR_OK);
    }
    sample.has_no_table = true; /* nothing can be folded to compare it with */
    /* An event of a kind that this program does not know ends every fold of this log, so the state
     * is not made anew either: what is not understood is not passed over. */
    append_past_it();
    assert_int_equal(mri_derived_look(buses[0]->log, &version), MR_AGAIN);
    mr_problem problem = {""};
    const mr_emission emission = mri_api_sample_emission(&sample, 0, "bot");
    assert_int_equal(mr_bus_emit(buses[0], &emission, 1, MR_ASYNC, NULL, &problem), MR_EVERSION);
}

static void a_run_beside_keeps_it(void **fixture)
{
    (void)fixture;
    mri_story_open(sample.story);
    for (int minute = 2; minute < 200; minute++) {
        mri_script_add_close(&sample.story->script, 0, minute, MRI_STORY_PRICE + minute * 7 % 900);
        mri_script_add_close(&sample.story->script, 1, minute, MRI_STORY_PRICE - minute * 5 % 700);
        mri_story_play(sample.story);
        mr_bus *bus = buses[minute % HANDLES];
        uint64_t before = sample.story->node.fold.bus.slots.count;
        emitted = before;
        emit(bus);
        if (minute % 3 == 0) {
            move(bus);
        }
        assert_int_equal(mri_node_take_foreign(&sample.story->node), MR_OK);
        if (minute % 10 == 0) {
            uint32_t version;
            assert_int_equal(mri_derived_look(bus->log, &version), MR_OK);
            check();
        }
    }
    mr_problem problem = {""};
    struct mri_node *node = &sample.story->node;
    assert_int_equal(mri_shared_refresh_check(&node->fold, node->log, &problem), MR_OK);
    mri_story_close(sample.story);
    check();
}

static uint32_t any_slot(const struct mri_signal_table *table)
{
    for (;;) {
        struct mri_signal signal;
        uint32_t slot = (uint32_t)mri_prng_below(&prng, MRI_SHARED_SIGNALS_DEFAULT);
        mri_signal_table_slot(table, slot, &signal);
        if (signal.ordinal != 0) {
            return slot;
        }
    }
}

/** Whatever bit is turned over in what something leads to is found, and made good from the log. */
static void a_stray_store_is_found_and_made_good(void **fixture)
{
    (void)fixture;
    static struct mri_fold fold;
    uint64_t found = 0;
    for (int i = 0; i < 60; i++) {
        emit(buses[0]);
        move(buses[1]);
    }
    fold_all(&fold);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(mri_bus_api_share(buses[0], NULL), MR_OK);
        mr_problem problem = {""};
        const struct mri_shared_state *state = &buses[0]->state;
        uint32_t slot = any_slot(&state->table);
        uint64_t *word = &state->table.slots[slot * 8 + mri_prng_below(&prng, 8)];
        *word ^= (uint64_t)1 << mri_prng_below(&prng, 64);
        mr_err err = mri_shared_refresh_check(&fold, buses[0]->log, &problem);
        assert_int_equal(err, MR_ECORRUPT);
        assert_non_null(strstr(problem.text, "the shared state is not that of the log"));
        found++;
        uint32_t version;
        assert_int_equal(mri_derived_look(buses[1]->log, &version), MR_AGAIN);
        assert_int_equal(mri_bus_api_share(buses[1], NULL), MR_OK);
        assert_int_equal(mri_shared_refresh_check(&fold, buses[0]->log, &problem), MR_OK);
    }
    assert_int_equal(found, 200);
    mri_fold_fini(&fold);
    emit(buses[2]);
    check();
}

/** A run finds it by itself, says so in the log, and makes it good. */
static void a_run_finds_a_stray_store(void **fixture)
{
    (void)fixture;
    struct mri_story *story = sample.story;
    story->config.log_compare_events = 1000;
    mri_story_open(story);
    for (int minute = 2; minute < 40; minute++) {
        mri_script_add_close(&story->script, 0, minute, MRI_STORY_PRICE + minute);
        mri_story_play(story);
        emit(buses[minute % HANDLES]);
        emitted = story->node.fold.bus.slots.count;
        assert_int_equal(mri_node_take_foreign(&story->node), MR_OK);
        emitted = story->node.fold.bus.slots.count;
    }
    assert_int_equal(story->node.differences, 0);
    assert_int_equal(mri_bus_api_share(buses[0], NULL), MR_OK);
    uint32_t slot = any_slot(&buses[0]->state.table);
    buses[0]->state.table.slots[slot * 8] ^= 1024;
    for (int minute = 40; minute < 700 && story->node.differences == 0; minute++) {
        mri_script_add_close(&story->script, 0, minute, MRI_STORY_PRICE + minute);
        mri_story_play(story);
    }
    assert_int_equal(story->node.differences, 1);
    struct mri_event alert;
    const struct mri_story_query query = {.type = MRI_EVENT_ALERT};
    assert_true(mri_story_find(story, &query, &alert));
    struct mri_slice text = mri_event_text(&alert, MRI_TEXT_alert_message);
    assert_memory_equal(text.bytes, "the shared state is not that of the log: signal", 47);
    mri_story_close(story);
    check();
    mri_story_check_replay(story);
}

static uint64_t alerts_of(mr_bus *bus)
{
    mr_health health;
    mr_problem problem = {""};
    if (mr_bus_health(bus, &health, &problem) != MR_OK) {
        fail_msg("health: %s", problem.text);
    }
    return health.alerts;
}

static void turn_a_bit_over(mr_bus *bus)
{
    assert_int_equal(mri_bus_api_share(bus, NULL), MR_OK);
    bus->state.table.slots[any_slot(&bus->state.table) * 8] ^= 1024;
}

/** Where nobody runs, who asks how the log is doing finds it, at once and then at the interval. */
static void who_asks_for_health_finds_a_stray_store(void **fixture)
{
    (void)fixture;
    struct mri_story *story = sample.story;
    story->config.log_compare_events = 1000;
    mri_story_open(story);
    mri_story_close(story);
    emit(buses[0]);
    assert_int_equal(alerts_of(buses[0]), 0);
    turn_a_bit_over(buses[0]);
    assert_int_equal(alerts_of(buses[0]), 0); /* it has just compared */
    assert_int_equal(alerts_of(buses[1]), 1);
    check();
    assert_int_equal(alerts_of(buses[1]), 1);
    uint64_t compared = buses[1]->compare_seq;
    while (mr_log_last(buses[1]->log).n < compared + 1000) {
        assert_int_equal(alerts_of(buses[1]), 1);
        assert_true(buses[1]->compare_seq == compared);
        emit(buses[0]);
    }
    turn_a_bit_over(buses[2]);
    assert_int_equal(alerts_of(buses[1]), 2);
    check();
    struct mri_event alert;
    const struct mri_story_query query = {.type = MRI_EVENT_ALERT};
    assert_true(mri_story_find(story, &query, &alert));
    struct mri_slice text = mri_event_text(&alert, MRI_TEXT_alert_message);
    assert_memory_equal(text.bytes, "the shared state is not that of the log: signal", 47);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_says_what_the_log_says),
        TEST(a_table_that_has_come_round_answers_the_same),
        TEST(who_knows_nothing_of_it_leaves_it_behind),
        TEST(a_run_beside_keeps_it),
        TEST(a_stray_store_is_found_and_made_good),
        TEST(a_run_finds_a_stray_store),
        TEST(who_asks_for_health_finds_a_stray_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
