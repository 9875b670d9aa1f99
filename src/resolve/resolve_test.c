/* SPDX-License-Identifier: MIT */
/*
 * Outcomes: of every signal, at every horizon, with the price in force there and its own time.
 */
#include "resolve/resolve.h"

#include <math.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/engine_sample.h"
#include "tests/lib/failing_alloc.h"

#define T0     MRI_ENGINE_SAMPLE_T0_UNIX_NS
#define MINUTE MRI_ENGINE_SAMPLE_MINUTE_NS

enum { SYMBOLS = 3, SAVED_MAX = 1 << 22 };

static const struct mri_resolve_options options = {
    .tolerance_ns = 3 * MINUTE, .symbols_max = MRI_ENGINE_SAMPLE_SYMBOLS_MAX};

static const int64_t minutes_of[MR_HORIZON_COUNT] = {1, 5, 15, 30, 60};

/** A log with its engine. */
struct resolving {
    struct mri_engine_sample log;
    struct mri_resolve resolve;
};

static struct resolving it;

static void begin(struct resolving *resolving)
{
    mri_engine_sample_init(&resolving->log, SYMBOLS);
    assert_int_equal(
        mri_resolve_init(&resolving->resolve, mri_alloc_system(), &resolving->log.market, &options),
        MR_OK);
    mri_engine_sample_add(&resolving->log, &mri_resolve_engine, &resolving->resolve);
}

static void end(struct resolving *resolving)
{
    mri_resolve_fini(&resolving->resolve);
    mri_engine_sample_fini(&resolving->log);
}

static int set_up(void **fixture)
{
    (void)fixture;
    begin(&it);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    end(&it);
    return 0;
}

static void bar(uint32_t symbol, int64_t minute, int64_t close)
{
    const struct mri_candle candle = mri_engine_sample_bar(symbol, minute, close);
    assert_int_equal(mri_engine_sample_candle(&it.log, &candle), MR_OK);
}

/** Emit a signal now. Returns its ordinal. */
static uint32_t emit(uint32_t symbol)
{
    const struct mri_engine_sample_signal signal = {.source = "desk",
        .time_unix_ns = it.log.market.event_time_unix_ns,
        .valid_for_ns = MINUTE,
        .confidence = 0.5,
        .symbol = symbol,
        .side = MR_SHORT};
    assert_int_equal(mri_engine_sample_emit(&it.log, &signal), MR_OK);
    return it.log.next_ordinal - 1;
}

static uint32_t outcomes(void)
{
    return mri_engine_sample_count(&it.log, MRI_EVENT_OUTCOME, 0);
}

/** The only outcome of a signal at a horizon; NULL: none yet. */
static const struct mri_outcome *outcome_of(uint32_t ordinal, unsigned horizon)
{
    const struct mri_outcome *found = NULL;
    for (uint32_t i = 0; i < it.log.count; i++) {
        const struct mri_event *event = &it.log.events[i];
        const struct mri_outcome *outcome = event->body;
        if (event->type == MRI_EVENT_OUTCOME && event->ordinal == ordinal &&
            outcome->horizon == horizon) {
            assert_null(found); /* exactly one */
            found = outcome;
        }
    }
    return found;
}

static void quotes_price_a_symbol_without_bars(void **fixture)
{
    (void)fixture;
    int64_t second = MINUTE / 60;
    assert_int_equal(mri_engine_sample_quote(&it.log, 0, T0, 10000, 10000), MR_OK);
    uint32_t ordinal = emit(0);
    assert_int_equal(
        mri_engine_sample_quote(&it.log, 0, T0 + MINUTE - second, 10099, 10101), MR_OK);
    assert_null(outcome_of(ordinal, MR_HORIZON_1M));
    assert_int_equal(
        mri_engine_sample_quote(&it.log, 0, T0 + MINUTE + second, 20000, 20000), MR_OK);
    const struct mri_outcome *outcome = outcome_of(ordinal, MR_HORIZON_1M);
    assert_non_null(outcome);
    assert_int_equal(outcome->status, MRI_OUTCOME_RESOLVED);
    assert_int_equal(outcome->price, 10100); /* in force then, not when it was looked at */
    assert_int_equal(outcome->price_time_unix_ns, T0 + MINUTE - second);
    assert_int_equal(outcome->entry_price, 10000);
    assert_null(outcome_of(ordinal, MR_HORIZON_5M));
    assert_int_equal(mri_engine_sample_quote(&it.log, 0, T0 + 5 * MINUTE, 30000, 30000), MR_OK);
    outcome = outcome_of(ordinal, MR_HORIZON_5M); /* a quote of that very time is enough */
    assert_non_null(outcome);
    assert_int_equal(outcome->price, 30000);
}

static void a_signal_has_an_outcome_at_each_of_the_five_horizons_when_it_is_due(void **fixture)
{
    (void)fixture;
    bar(0, 0, 10000);
    uint32_t ordinal = emit(0);
    uint64_t signal = it.log.count;
    for (int64_t minute = 1; minute <= 60; minute++) {
        bar(0, minute, 10000 + 10 * minute);
        for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
            assert_int_equal(outcome_of(ordinal, h) != NULL, minute >= minutes_of[h]);
        }
    }
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        const struct mri_outcome *outcome = outcome_of(ordinal, h);
        int64_t due = T0 + minutes_of[h] * MINUTE;
        assert_int_equal(outcome->status, MRI_OUTCOME_RESOLVED);
        assert_int_equal(outcome->reason, MRI_REASON_NONE);
        assert_int_equal(outcome->entry_price, 10000);
        assert_int_equal(outcome->price, 10000 + 10 * minutes_of[h]);
        assert_true(outcome->due_unix_ns == due);
        assert_true(outcome->price_time_unix_ns == due);
        /* Of the market, whatever the side. */
        assert_true(fabs(outcome->return_bps - 10.0 * (double)minutes_of[h]) < 1e-9);
        assert_true(outcome->signal == signal);
    }
    assert_int_equal(outcomes(), MR_HORIZON_COUNT);
}

static void what_became_of_a_signal_does_not_change_its_outcomes(void **fixture)
{
    (void)fixture;
    static const struct mri_signal_moved ends[] = {
        {.from = MR_EVALUATING, .to = MR_BLOCKED, .gate = MRI_GATE_STALE},
        {.from = MR_GENERATED, .to = MR_EXPIRED, .gate = MRI_GATE_EXPIRY},
        {.from = MR_EXECUTING, .to = MR_EXECUTED},
    };
    uint32_t ordinals[4];
    bar(0, 0, 10000);
    for (unsigned i = 0; i < 4; i++) {
        ordinals[i] = emit(0);
        if (i < 3) {
            assert_int_equal(
                mri_engine_sample_put(&it.log,
                    &(struct mri_draft){.type = MRI_EVENT_SIGNAL_MOVED, .fixed = &ends[i]},
                    ordinals[i]),
                MR_OK);
        }
    }
    for (int64_t minute = 1; minute <= 60; minute++) {
        bar(0, minute, 10000 - minute);
    }
    assert_int_equal(outcomes(), 4 * MR_HORIZON_COUNT);
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        for (unsigned i = 0; i < 4; i++) {
            const struct mri_outcome *outcome = outcome_of(ordinals[i], h);
            assert_int_equal(outcome->status, MRI_OUTCOME_RESOLVED);
            assert_int_equal(outcome->price, 10000 - minutes_of[h]);
        }
    }
}

static void a_price_that_did_not_move_is_resolved_with_a_return_of_zero(void **fixture)
{
    (void)fixture;
    bar(0, 0, 10000);
    uint32_t ordinal = emit(0);
    bar(0, 1, 10000);
    const struct mri_outcome *outcome = outcome_of(ordinal, MR_HORIZON_1M);
    assert_int_equal(outcome->status, MRI_OUTCOME_RESOLVED);
    assert_true(outcome->return_bps == 0.0);
    assert_int_equal(outcome->price, 10000);
}

static void a_price_older_than_the_tolerance_excludes_and_one_just_as_old_does_not(void **fixture)
{
    (void)fixture;
    bar(0, 0, 10000);
    uint32_t ordinal = emit(0);
    bar(0, 2, 10020);
    bar(1, 6, 500);  /* symbol 0 is silent: due at 5 with a price of minute 2 */
    bar(1, 16, 500); /* due at 15 with a price of minute 2: too old */
    bar(0, 30, 10300);
    const struct mri_outcome *just = outcome_of(ordinal, MR_HORIZON_5M);
    assert_int_equal(just->status, MRI_OUTCOME_RESOLVED);
    assert_int_equal(just->price, 10020);
    assert_true(just->price_time_unix_ns == T0 + 2 * MINUTE);
    const struct mri_outcome *late = outcome_of(ordinal, MR_HORIZON_15M);
    assert_int_equal(late->status, MRI_OUTCOME_EXCLUDED);
    assert_int_equal(late->reason, MRI_REASON_LATE_PRICE);
    assert_int_equal(late->price, 10020); /* shown with its own time */
    assert_true(late->price_time_unix_ns == T0 + 2 * MINUTE);
    assert_int_equal(outcome_of(ordinal, MR_HORIZON_30M)->status, MRI_OUTCOME_RESOLVED);
}

static void what_is_due_waits_for_the_last_bar_that_may_price_it(void **fixture)
{
    (void)fixture;
    bar(0, 0, 10000);
    bar(1, 0, 500);
    uint32_t ordinal = emit(0);
    bar(1, 1, 501); /* the same minute: the bar of symbol 0 may still come */
    assert_null(outcome_of(ordinal, MR_HORIZON_1M));
    bar(0, 1, 10010);
    assert_int_equal(outcome_of(ordinal, MR_HORIZON_1M)->price, 10010);
    bar(1, 5, 505);
    assert_null(outcome_of(ordinal, MR_HORIZON_5M));
    assert_int_equal(
        mri_engine_sample_tick(&it.log, T0 + 5 * MINUTE + 1, MRI_REASON_TIME_PASSED), MR_OK);
    assert_int_equal(outcome_of(ordinal, MR_HORIZON_5M)->price, 10010); /* time moved past it */
}

static void a_signal_of_a_symbol_without_a_price_is_unresolved_at_every_horizon(void **fixture)
{
    (void)fixture;
    bar(0, 0, 10000);
    uint32_t ordinal = emit(1);
    for (int64_t minute = 1; minute <= 61; minute++) {
        bar(0, minute, 10000);
        if (minute > 2) {
            bar(1, minute, 500); /* a price that came later is no price of its start */
        }
    }
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        const struct mri_outcome *outcome = outcome_of(ordinal, h);
        assert_int_equal(outcome->status, MRI_OUTCOME_UNRESOLVED);
        assert_int_equal(outcome->reason, MRI_REASON_NO_PRICE_SOURCE);
        assert_true(outcome->entry_price == 0 && outcome->price == 0);
        assert_true(outcome->price_time_unix_ns == 0 && outcome->return_bps == 0.0);
    }
}

static void horizons_that_are_open_when_the_feed_ends_are_unresolved(void **fixture)
{
    (void)fixture;
    bar(0, 0, 10000);
    uint32_t ordinal = emit(0);
    bar(0, 7, 10070);
    assert_int_equal(
        mri_engine_sample_tick(&it.log, T0 + 15 * MINUTE, MRI_REASON_FEED_ENDED), MR_OK);
    assert_int_equal(outcome_of(ordinal, MR_HORIZON_1M)->status, MRI_OUTCOME_RESOLVED);
    assert_int_equal(outcome_of(ordinal, MR_HORIZON_5M)->status, MRI_OUTCOME_EXCLUDED);
    /* Due exactly at the end: all its bars were seen. */
    assert_int_equal(outcome_of(ordinal, MR_HORIZON_15M)->status, MRI_OUTCOME_EXCLUDED);
    for (unsigned h = MR_HORIZON_30M; h < MR_HORIZON_COUNT; h++) {
        const struct mri_outcome *outcome = outcome_of(ordinal, h);
        assert_int_equal(outcome->status, MRI_OUTCOME_UNRESOLVED);
        assert_int_equal(outcome->reason, MRI_REASON_FEED_ENDED);
        assert_true(outcome->price == 0 && outcome->return_bps == 0.0);
        assert_int_equal(outcome->entry_price, 10000);
    }
    assert_int_equal(outcomes(), MR_HORIZON_COUNT);
}

/* ---- against a plain definition -------------------------------------------------------------- */

enum { RANDOM_MINUTES = 600, RANDOM_SIGNALS = 3000 };

/** Closes of every symbol and minute; 0: no bar. */
static int64_t closes[SYMBOLS][RANDOM_MINUTES + 1];

/** A signal that was emitted. */
static struct {
    uint32_t symbol;
    int64_t minute;
} emitted[RANDOM_SIGNALS];

/** The minute of the newest close at or before a minute; -1: none. */
static int64_t newest_close(uint32_t symbol, int64_t minute)
{
    while (minute >= 0 && closes[symbol][minute] == 0) {
        minute--;
    }
    return minute;
}

static void check_random(uint32_t ordinal, unsigned h, const struct mri_outcome *outcome)
{
    uint32_t symbol = emitted[ordinal].symbol;
    int64_t due = emitted[ordinal].minute + minutes_of[h];
    int64_t entry = newest_close(symbol, emitted[ordinal].minute);
    assert_non_null(outcome);
    assert_int_equal(outcome->instrument, symbol);
    if (due > RANDOM_MINUTES) {
        assert_int_equal(outcome->reason, MRI_REASON_FEED_ENDED);
        return;
    }
    if (entry < 0) {
        assert_int_equal(outcome->reason, MRI_REASON_NO_PRICE_SOURCE);
        return;
    }
    int64_t at = newest_close(symbol, due);
    assert_int_equal(outcome->status,
        due - at > options.tolerance_ns / MINUTE ? MRI_OUTCOME_EXCLUDED : MRI_OUTCOME_RESOLVED);
    assert_true(outcome->price == closes[symbol][at]);
    assert_true(outcome->price_time_unix_ns == T0 + at * MINUTE);
    double change = (double)closes[symbol][at] / (double)closes[symbol][entry] - 1.0;
    assert_true(fabs(outcome->return_bps - 1e4 * change) < 1e-6);
}

/** All outcomes of a run over the drawn market. Symbols of a minute come in the order given. */
static void run_random(struct resolving *resolving, const uint32_t order[SYMBOLS], uint64_t seed)
{
    struct mri_prng prng;
    uint32_t ordinal = 1;
    mri_prng_init(&prng, seed);
    for (int64_t minute = 0; minute <= RANDOM_MINUTES; minute++) {
        for (unsigned i = 0; i < SYMBOLS; i++) {
            uint32_t symbol = order[i];
            if (closes[symbol][minute] != 0) {
                const struct mri_candle candle =
                    mri_engine_sample_bar(symbol, minute, closes[symbol][minute]);
                assert_int_equal(mri_engine_sample_candle(&resolving->log, &candle), MR_OK);
            }
        }
        for (uint64_t n = mri_prng_below(&prng, 6); n > 0 && ordinal < RANDOM_SIGNALS; n--) {
            uint32_t symbol = (uint32_t)mri_prng_below(&prng, SYMBOLS);
            emitted[ordinal].symbol = symbol;
            emitted[ordinal].minute = minute;
            const struct mri_engine_sample_signal signal = {.source = "desk",
                .time_unix_ns = T0 + minute * MINUTE,
                .confidence = 0.5,
                .symbol = symbol,
                .side = MR_LONG};
            assert_int_equal(mri_engine_sample_emit(&resolving->log, &signal), MR_OK);
            ordinal++;
        }
    }
    assert_int_equal(mri_engine_sample_tick(
                         &resolving->log, T0 + RANDOM_MINUTES * MINUTE, MRI_REASON_FEED_ENDED),
        MR_OK);
}

static void draw_market(uint64_t seed)
{
    struct mri_prng prng;
    mri_prng_init(&prng, seed);
    for (uint32_t symbol = 0; symbol < SYMBOLS; symbol++) {
        unsigned silent = symbol == 2 ? 50 : 0; /* this one begins late */
        for (int64_t minute = 0; minute <= RANDOM_MINUTES; minute++) {
            if (silent == 0 && mri_prng_below(&prng, 25) == 0) {
                silent = (unsigned)mri_prng_below(&prng, 12);
            }
            bool is_missing = silent > 0;
            silent -= is_missing;
            closes[symbol][minute] = is_missing ? 0 : 9000 + (int64_t)mri_prng_below(&prng, 2000);
        }
    }
}

/** Outcomes by signal and horizon, taken from a log. */
static struct mri_outcome tables[2][RANDOM_SIGNALS][MR_HORIZON_COUNT];

static uint32_t collect(const struct resolving *resolving, unsigned which)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < resolving->log.count; i++) {
        const struct mri_event *event = &resolving->log.events[i];
        if (event->type == MRI_EVENT_OUTCOME) {
            struct mri_outcome *place =
                &tables[which][event->ordinal][((const struct mri_outcome *)event->body)->horizon];
            *place = *(const struct mri_outcome *)event->body;
            place->cause = 0; /* where they stand in the log may differ */
            place->signal = 0;
            count++;
        }
    }
    return count;
}

static void outcomes_are_those_of_the_definition_in_any_order_of_symbols(void **fixture)
{
    (void)fixture;
    static struct resolving other;
    static const uint32_t up[SYMBOLS] = {0, 1, 2};
    static const uint32_t down[SYMBOLS] = {2, 1, 0};
    unsigned statuses[3] = {0};
    draw_market(17);
    begin(&other);
    run_random(&it, up, 5);
    run_random(&other, down, 5);
    uint32_t signals = it.log.next_ordinal - 1;
    assert_int_equal(collect(&it, 0), signals * MR_HORIZON_COUNT);
    assert_int_equal(collect(&other, 1), signals * MR_HORIZON_COUNT);
    for (uint32_t ordinal = 1; ordinal <= signals; ordinal++) {
        for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
            check_random(ordinal, h, &tables[0][ordinal][h]);
            statuses[tables[0][ordinal][h].status]++;
        }
    }
    assert_true(statuses[0] > 1000 && statuses[1] > 100 && statuses[2] > 100);
    assert_memory_equal(tables[0], tables[1], sizeof(tables[0]));
    end(&other);
}

/** Horizons whose bars are seen at once, because nothing came for long, give the same outcomes. */
static void running_late_gives_the_same_outcomes(void **fixture)
{
    (void)fixture;
    uint32_t ordinals[40];
    for (unsigned i = 0; i < 40; i++) {
        bar(0, i, 10000 + i);
        ordinals[i] = emit(0);
    }
    uint32_t before = outcomes();
    bar(1, 200, 500); /* two hours of silence end with a bar of another symbol */
    assert_true(outcomes() > before + 80);
    for (unsigned i = 0; i < 40; i++) {
        for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
            const struct mri_outcome *outcome = outcome_of(ordinals[i], h);
            int64_t due = i + minutes_of[h];
            int64_t at = due < 39 ? due : 39;
            assert_true(outcome->price == 10000 + at);
            assert_true(outcome->price_time_unix_ns == T0 + at * MINUTE);
            assert_int_equal(
                outcome->status, due - at > 3 ? MRI_OUTCOME_EXCLUDED : MRI_OUTCOME_RESOLVED);
        }
    }
}

static void what_does_not_fit_a_batch_follows_at_the_next_ticks(void **fixture)
{
    (void)fixture;
    enum { SIGNALS = 1500 };
    bar(0, 0, 10000);
    for (unsigned i = 0; i < SIGNALS; i++) {
        (void)emit(0);
    }
    bar(1, 120, 500);
    assert_true(it.log.is_cut);
    assert_true(outcomes() < MRI_ENGINE_SAMPLE_BATCH_MAX);
    unsigned ticks = 0;
    while (it.log.is_cut) {
        assert_int_equal(
            mri_engine_sample_tick(&it.log, T0 + 120 * MINUTE, MRI_REASON_TIME_PASSED), MR_OK);
        ticks++;
        assert_true(ticks < 10);
    }
    assert_int_equal(outcomes(), SIGNALS * MR_HORIZON_COUNT);
    assert_int_equal(collect(&it, 0), SIGNALS * MR_HORIZON_COUNT);
}

/* ---- the state ------------------------------------------------------------------------------- */

static void a_snapshot_is_the_fold_of_the_log_and_goes_on_alike(void **fixture)
{
    (void)fixture;
    static struct resolving loaded;
    static struct resolving folded;
    for (unsigned i = 0; i < 50; i++) {
        bar(0, i, 10000 + i);
        bar(1, i, 500 + i);
        (void)emit(i % 3);
    }
    assert_int_equal(mri_engine_sample_continue(&loaded.log, &it.log), MR_OK);
    assert_int_equal(
        mri_resolve_init(&loaded.resolve, mri_alloc_system(), &loaded.log.market, &options), MR_OK);
    mri_engine_sample_add(&loaded.log, &mri_resolve_engine, &loaded.resolve);
    assert_int_equal(
        mri_engine_sample_move(&mri_resolve_engine, &it.resolve, &loaded.resolve), MR_OK);
    begin(&folded);
    for (uint32_t i = 0; i < it.log.count; i++) {
        assert_int_equal(mri_engine_sample_fold(&folded.log, &it.log.events[i]), MR_OK);
    }
    struct mri_buf a;
    struct mri_buf b;
    mri_buf_init(&a, mri_alloc_system(), SAVED_MAX);
    mri_buf_init(&b, mri_alloc_system(), SAVED_MAX);
    mri_resolve_engine.save(&it.resolve, &a);
    mri_resolve_engine.save(&folded.resolve, &b);
    assert_int_equal(a.count, b.count);
    assert_memory_equal(a.bytes, b.bytes, a.count);
    mri_buf_fini(&a);
    mri_buf_fini(&b);
    for (unsigned i = 50; i < 130; i++) {
        const struct mri_candle candle = mri_engine_sample_bar(0, i, 10000 + i);
        assert_int_equal(mri_engine_sample_candle(&it.log, &candle), MR_OK);
        assert_int_equal(mri_engine_sample_candle(&loaded.log, &candle), MR_OK);
    }
    assert_true(mri_engine_sample_is_same(&it.log, 0, &loaded.log, 0));
    end(&folded);
    end(&loaded);
}

static void an_outcome_that_nothing_waits_for_is_damage(void **fixture)
{
    (void)fixture;
    bar(0, 0, 10000);
    uint32_t ordinal = emit(0);
    struct mri_outcome outcome = {.horizon = MR_HORIZON_1M};
    const struct mri_draft draft = {.type = MRI_EVENT_OUTCOME, .fixed = &outcome};
    assert_int_equal(mri_engine_sample_put(&it.log, &draft, ordinal + 1), MR_ECORRUPT);
    outcome.instrument = 1;
    assert_int_equal(mri_engine_sample_put(&it.log, &draft, ordinal), MR_ECORRUPT);
    outcome.instrument = 99;
    assert_int_equal(mri_engine_sample_put(&it.log, &draft, ordinal), MR_ECORRUPT);
    outcome.instrument = 0;
    assert_int_equal(mri_engine_sample_put(&it.log, &draft, ordinal), MR_OK);
    assert_int_equal(mri_engine_sample_put(&it.log, &draft, ordinal), MR_ECORRUPT); /* twice */
}

static void memory_that_is_missing_is_answered(void **fixture)
{
    (void)fixture;
    struct failing_alloc alloc;
    struct mri_resolve engine;
    failing_alloc_init(&alloc, 1);
    assert_int_equal(mri_resolve_init(&engine, &alloc.alloc, &it.log.market, &options), MR_ENOMEM);
    mri_resolve_fini(&engine);
    mri_resolve_fini(NULL);
    assert_int_equal(alloc.live_bytes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(quotes_price_a_symbol_without_bars),
        TEST(a_signal_has_an_outcome_at_each_of_the_five_horizons_when_it_is_due),
        TEST(what_became_of_a_signal_does_not_change_its_outcomes),
        TEST(a_price_that_did_not_move_is_resolved_with_a_return_of_zero),
        TEST(a_price_older_than_the_tolerance_excludes_and_one_just_as_old_does_not),
        TEST(what_is_due_waits_for_the_last_bar_that_may_price_it),
        TEST(a_signal_of_a_symbol_without_a_price_is_unresolved_at_every_horizon),
        TEST(horizons_that_are_open_when_the_feed_ends_are_unresolved),
        TEST(outcomes_are_those_of_the_definition_in_any_order_of_symbols),
        TEST(running_late_gives_the_same_outcomes),
        TEST(what_does_not_fit_a_batch_follows_at_the_next_ticks),
        TEST(a_snapshot_is_the_fold_of_the_log_and_goes_on_alike),
        TEST(an_outcome_that_nothing_waits_for_is_damage),
        TEST(memory_that_is_missing_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
