/* SPDX-License-Identifier: MIT */
/*
 * Market facts that another process brings in: a bar from outside does what a bar of a feed does, a
 * quote is a price, a live log keeps its own time, and every log of them replays.
 */
#include "base/prng.h"
#include "bus/shared_state.h"
#include "pipeline/facts.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/lives.h"
#include "tests/lib/plain_config.h"

#define SECOND_NS INT64_C(1000000000)

enum { SYMBOLS = 2, MINUTES = 400, PRICE = MRI_STORY_PRICE, HOUR = 61 };

/** The other process: a machine of its own on the same disk. */
struct outsider {
    struct mri_os_faults machine;
    mr_log *log;
    struct mri_fold fold;
    struct mri_facts facts;
};

static struct outsider outsider;

static struct mri_story *begin(void)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, SYMBOLS);
    story->script.feed.is_simulated = false; /* then the configuration has the instruments */
    for (uint32_t i = 0; i < SYMBOLS; i++) {
        assert_int_equal(
            mri_config_add_instrument(&story->config, &story->script.instruments[i]), MR_OK);
    }
    return story;
}

static void open_outsider(struct mri_story *story)
{
    struct mri_fold_options options = mri_story_fold_options(story);
    const mr_log_options log_options = {.is_create = false};
    mri_os_faults_init(&outsider.machine, mri_os_memory_table(story->memory));
    outsider.machine.has_clock = true;
    outsider.machine.realtime_unix_ns = mri_script_time(100000);
    options.os = &outsider.machine.table;
    options.config = NULL;
    options.is_market_only = true;
    assert_int_equal(mri_shared_state_open_log(options.os, mri_alloc_system(), MRI_STORY_FOLDER,
                         &log_options, &outsider.log, &story->problem),
        MR_OK);
    assert_int_equal(mri_fold_init(&outsider.fold, &options, &story->problem), MR_OK);
    outsider.fold.bus.log = outsider.log;
    assert_int_equal(
        mri_facts_init(&outsider.facts, options.os, mri_alloc_system(), &outsider.fold), MR_OK);
}

static void close_outsider(void)
{
    mri_facts_fini(&outsider.facts);
    mri_fold_fini(&outsider.fold);
    mr_log_close(outsider.log);
}

static struct mri_fact_input close_of(uint32_t symbol, int64_t minute, int64_t price)
{
    struct mri_fact_input input = {
        .type = MRI_EVENT_CANDLE, .symbol = symbol, .time_unix_ns = mri_script_time(minute)};
    input.candle.open = price;
    input.candle.high = price;
    input.candle.low = price;
    input.candle.close = price;
    input.candle.volume = 10.0;
    return input;
}

static struct mri_fact_input quote_of(uint32_t symbol, int64_t time_unix_ns, int64_t middle)
{
    struct mri_fact_input input = {
        .type = MRI_EVENT_QUOTE, .symbol = symbol, .time_unix_ns = time_unix_ns};
    input.quote.bid = middle - 1;
    input.quote.ask = middle + 1;
    return input;
}

static void give(const struct mri_fact_input *inputs, size_t count)
{
    struct mri_facts_answer answer;
    mr_problem problem = {""};
    mr_err err = mri_facts_append(&outsider.facts, inputs, count, MR_ASYNC, &answer, &problem);
    if (err != MR_OK) {
        fail_msg("%s: %s", mr_err_name(err), problem.text);
    }
    assert_int_equal(answer.repeated, 0);
}

/** Up and down by turns, so that the sources vote. */
static int64_t wave(int64_t minute)
{
    int64_t phase = minute % 60;
    return PRICE + 700 * (phase < 30 ? phase : 60 - phase);
}

static void bars_from_outside_do_what_bars_of_a_feed_do(void **state)
{
    (void)state;
    char digests[2][MRI_DIGEST_TEXT_BYTES];
    for (unsigned is_outside = 0; is_outside < 2; is_outside++) {
        struct mri_story *story = begin();
        story->has_no_feed = is_outside;
        mri_story_make_brisk(story);
        mri_story_open(story);
        if (is_outside) {
            open_outsider(story);
        }
        for (int64_t minute = 1; minute <= MINUTES; minute++) {
            const struct mri_fact_input bar = close_of(0, minute, wave(minute));
            if (is_outside) {
                give(&bar, 1);
                assert_int_equal(mri_node_take_foreign(&story->node), MR_OK);
            } else {
                const struct mri_script_bar same = {
                    wave(minute), wave(minute), wave(minute), wave(minute)};
                mri_script_add_bar(&story->script, 0, minute, &same);
                mri_story_play(story);
            }
        }
        if (is_outside) {
            close_outsider();
        }
        assert_true(mri_story_count(story, MRI_EVENT_SIGNAL_GENERATED, 0) > 10);
        assert_true(mri_story_count(story, MRI_EVENT_OUTCOME, 0) > 50);
        mri_story_close(story);
        mri_story_check_replay(story);
        (void)mri_story_digest(story, digests[is_outside]);
        mri_story_end(story);
    }
    assert_string_equal(digests[0], digests[1]);
}

/** Emit a signal of symbol 0 or 1 beside the run, by turns. */
static void say(mr_side side)
{
    struct mri_batch batch;
    struct mri_bus *bus = &outsider.fold.bus;
    mr_problem problem = {""};
    assert_int_equal(mri_fold_follow(&outsider.fold, &problem), MR_OK);
    const struct mri_signal_generated fixed = {.event_time_unix_ns = bus->event_time_unix_ns,
        .confidence = 0.9,
        .valid_for_ns = 5 * MRI_SCRIPT_MINUTE_NS,
        .symbol = bus->slots.count % SYMBOLS,
        .instrument = bus->slots.count % SYMBOLS,
        .side = (uint8_t)side,
        .regime = MRI_REGIME_ABSENT};
    const struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_GENERATED,
        .fixed = &fixed,
        .texts = {[MRI_TEXT_signal_generated_source] = mri_slice_of("oracle"),
            [MRI_TEXT_signal_generated_name] = mri_slice_of("said")}};
    assert_int_equal(mri_batch_init(&batch, mri_alloc_system(), 1, 4096), MR_OK);
    mri_bus_begin(bus, &batch);
    assert_int_equal(mri_batch_add(&batch, &draft, batch.next_ordinal), MR_OK);
    assert_int_equal(mri_bus_append(bus, &batch, MR_ASYNC, NULL, NULL), MR_OK);
    mri_batch_fini(&batch);
}

/** Bars of one symbol, quotes of both, signals: at random times of market time. */
static void play_mixed(struct mri_story *story, uint64_t seed)
{
    struct mri_prng prng;
    mri_prng_init(&prng, seed);
    int64_t price = PRICE;
    for (int64_t minute = 1; minute <= 150; minute++) {
        struct mri_fact_input facts[8];
        size_t count = 0;
        int64_t begun = mri_script_time(minute) - MRI_SCRIPT_MINUTE_NS;
        for (int64_t second = 7; second < 60; second += 13) {
            price += (int64_t)mri_prng_below(&prng, 2001) - 1000;
            facts[count] = quote_of(
                (uint32_t)mri_prng_below(&prng, SYMBOLS), begun + second * SECOND_NS, price);
            count += mri_prng_below(&prng, 3) != 0;
        }
        facts[count++] = close_of(0, minute, price);
        give(facts, count);
        if (minute % 5 == 0) {
            say(mri_prng_below(&prng, 2) == 0 ? MR_LONG : MR_SHORT);
        }
        if (mri_prng_below(&prng, 4) != 0) {
            assert_int_equal(mri_node_take_foreign(&story->node), MR_OK);
        }
    }
    assert_int_equal(mri_node_take_foreign(&story->node), MR_OK);
}

static void two_runs_of_the_same_facts_are_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        char digests[2][MRI_DIGEST_TEXT_BYTES];
        for (unsigned run = 0; run < 2; run++) {
            struct mri_story *story = begin();
            story->has_no_feed = true;
            story->config.log_snapshot_events = 200;
            mri_story_make_brisk(story);
            mri_story_open(story);
            open_outsider(story);
            outsider.machine.realtime_unix_ns += run * 1000 * SECOND_NS; /* nothing holds it */
            play_mixed(story, seed);
            assert_true(mri_story_count(story, MRI_EVENT_QUOTE, 0) > 100);
            close_outsider();
            mri_story_close(story);
            mri_story_check_replay(story);
            (void)mri_story_digest(story, digests[run]);
            mri_story_end(story);
        }
        assert_string_equal(digests[0], digests[1]);
    }
}

static void a_killed_run_goes_on_from_a_snapshot_to_the_same_state(void **state)
{
    (void)state;
    struct mri_story *story = begin();
    story->has_no_feed = true;
    mri_story_open(story);
    open_outsider(story);
    play_mixed(story, 9);
    mri_story_close(story); /* writes a snapshot */
    const struct mri_fact_input late[] = {
        quote_of(1, mri_script_time(150) + SECOND_NS, PRICE), close_of(0, 151, PRICE)};
    give(late, 2);
    close_outsider();
    mri_story_open(story); /* decides on what came meanwhile */
    mri_story_close(story);
    assert_int_not_equal(mri_story_check_snapshot(story), 0);
    mri_story_end(story);
}

static void a_symbol_without_a_price_source_has_unresolved_outcomes(void **state)
{
    (void)state;
    struct mri_story *story = begin();
    struct mri_event event;
    story->has_no_feed = true;
    mri_story_open(story);
    open_outsider(story);
    const struct mri_fact_input first = close_of(0, 1, PRICE);
    give(&first, 1);
    assert_int_equal(mri_node_take_foreign(&story->node), MR_OK);
    mri_story_close(story);
    mri_story_emit(story,
        &(struct mri_story_emission){
            .symbol = 1, .source = "bot", .confidence = 0.7, .valid_minutes = 5, .count = 1});
    mri_story_open(story);
    for (int64_t minute = 2; minute <= 1 + HOUR; minute++) {
        const struct mri_fact_input bar = close_of(0, minute, PRICE);
        give(&bar, 1);
    }
    assert_int_equal(mri_node_take_foreign(&story->node), MR_OK);
    close_outsider();
    assert_int_equal(mri_story_count(story, MRI_EVENT_OUTCOME, 1), 5);
    assert_true(mri_story_find(
        story, &(struct mri_story_query){.type = MRI_EVENT_OUTCOME, .ordinal = 1}, &event));
    const struct mri_outcome *outcome = event.body;
    assert_int_equal(outcome->status, MRI_OUTCOME_UNRESOLVED);
    assert_int_equal(outcome->reason, MRI_REASON_NO_PRICE_SOURCE);
    mri_story_close(story);
    mri_lives_check(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

/** Both machines' clocks go on, and the node looks at them. */
static void pass(struct mri_story *story, int64_t ns)
{
    story->machine.realtime_unix_ns += ns;
    story->machine.boottime_ns += ns;
    outsider.machine.realtime_unix_ns = story->machine.realtime_unix_ns;
    assert_int_equal(mri_node_tick(&story->node), MR_OK);
}

static void in_a_live_log_quotes_price_outcomes_by_the_clocks_time(void **state)
{
    (void)state;
    struct mri_story *story = begin();
    struct mri_event event;
    story->has_no_feed = true;
    story->time_mode = "live";
    story->machine.has_clock = true;
    story->machine.realtime_unix_ns = mri_script_time(1000);
    story->machine.boottime_ns = 1000 * SECOND_NS;
    mri_story_open(story);
    open_outsider(story);
    pass(story, 0);
    for (int64_t second = 0; second < 70; second++) {
        pass(story, SECOND_NS);
        const struct mri_fact_input quote =
            quote_of(0, story->machine.realtime_unix_ns - SECOND_NS / 2, PRICE + 100 * second);
        give(&quote, 1);
        assert_int_equal(mri_node_take_foreign(&story->node), MR_OK);
        if (second == 2) {
            close_outsider();
            mri_story_close(story);
            mri_story_emit(
                story, &(struct mri_story_emission){
                           .source = "bot", .confidence = 0.7, .valid_minutes = 5, .count = 1});
            mri_story_open(story);
            open_outsider(story);
            pass(story, 0);
        }
    }
    close_outsider();
    assert_true(mri_story_find(
        story, &(struct mri_story_query){.type = MRI_EVENT_OUTCOME, .ordinal = 1}, &event));
    const struct mri_outcome *outcome = event.body;
    assert_int_equal(outcome->horizon, MR_HORIZON_1M);
    assert_int_equal(outcome->status, MRI_OUTCOME_RESOLVED);
    assert_int_equal(outcome->entry_price, PRICE + 200);
    assert_true(outcome->price >= PRICE + 100 * 61 && outcome->price <= PRICE + 100 * 62);
    mri_story_close(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bars_from_outside_do_what_bars_of_a_feed_do),
        cmocka_unit_test(two_runs_of_the_same_facts_are_the_same),
        cmocka_unit_test(a_killed_run_goes_on_from_a_snapshot_to_the_same_state),
        cmocka_unit_test(a_symbol_without_a_price_source_has_unresolved_outcomes),
        cmocka_unit_test(in_a_live_log_quotes_price_outcomes_by_the_clocks_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
