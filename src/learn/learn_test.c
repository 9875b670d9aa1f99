/* SPDX-License-Identifier: MIT */
/*
 * The engine of learning on a log: one feedback a view and horizon, compared with a second
 * implementation; what it may know and when; who is learned; and that its state is a function of
 * the events.
 */
#include "learn/learn.h"

#include <math.h>
#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"
#include "tests/lib/naive_learner.h"
#include "tests/lib/step_views.h"

#define T0     MRI_ENGINE_SAMPLE_T0_UNIX_NS
#define MINUTE MRI_ENGINE_SAMPLE_MINUTE_NS
#define DAY_NS ((double)86400e9)

enum { SYMBOLS = 3, SAVED_MAX = 1 << 26 };

static const struct mri_learn_options options = {
    .beliefs = {.levels = {{0.2, 30.0 * DAY_NS}, {0.05, 30.0 * DAY_NS}, {0.05, 10.0 * DAY_NS}},
        .platt = {1.0, 30.0 * DAY_NS},
        .mixture_prior = {0.57, 0.215, 0.215},
        .symbols_max = MRI_ENGINE_SAMPLE_SYMBOLS_MAX,
        .sources_max = MRI_ENGINE_SAMPLE_SOURCES_MAX},
    .mixture = {.prior = {0.57, 0.215, 0.215}, .fixed_share = 1e-4, .eta_factor = 2.0},
    .kappa = 0.2,
    .ev_noise = 1.0,
    .tolerance_ns = 3 * MINUTE,
    .score_after_ns = 60 * MINUTE,
};

/** A log with learning, and step views in the place of evaluation. */
struct learning {
    struct mri_engine_sample log;
    struct mri_learn learn;
    struct mri_step_views_sample views;
};

static struct learning it;
static struct learning other;

static void connect(struct learning *learning, int64_t step_minutes)
{
    assert_int_equal(mri_learn_init(&learning->learn, mri_alloc_system(), &learning->log.market,
                         &learning->log.sources, &options),
        MR_OK);
    memset(&learning->views, 0, sizeof(learning->views));
    learning->views.beliefs = &learning->learn.beliefs;
    learning->views.market = &learning->log.market;
    learning->views.step_minutes = step_minutes;
    mri_engine_sample_add(&learning->log, &mri_learn_engine, &learning->learn);
    mri_engine_sample_add(&learning->log, &mri_step_views_engine, &learning->views);
}

static void begin(struct learning *learning, int64_t step_minutes)
{
    mri_engine_sample_init(&learning->log, SYMBOLS);
    connect(learning, step_minutes);
}

static void end(struct learning *learning)
{
    mri_learn_fini(&learning->learn);
    mri_engine_sample_fini(&learning->log);
}

static int set_up(void **fixture)
{
    (void)fixture;
    begin(&it, 1);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    end(&it);
    return 0;
}

static void bar(struct learning *learning, uint32_t symbol, int64_t minute, int64_t close)
{
    const struct mri_candle candle = mri_engine_sample_bar(symbol, minute, close);
    assert_int_equal(mri_engine_sample_candle(&learning->log, &candle), MR_OK);
}

static void tick(struct learning *learning, int64_t minute, enum mri_reason reason)
{
    assert_int_equal(mri_engine_sample_tick(&learning->log, T0 + minute * MINUTE, reason), MR_OK);
}

/** What the next views of a symbol say: one source; x = 0: no view. */
static void say(struct learning *learning, uint32_t symbol, uint16_t source, double x)
{
    learning->views.next[symbol] =
        (struct mri_step_views_next){.terms = {{.x = x, .source = source}},
            .count = x != 0.0,
            .regime = MRI_REGIME_RANDOM,
            .volatility = 0.001};
}

static const struct mri_feedback *nth_feedback(const struct learning *learning, unsigned n)
{
    uint32_t at = mri_engine_sample_find(&learning->log, MRI_EVENT_FEEDBACK, 0);
    for (; n > 0; n--) {
        at = mri_engine_sample_find(&learning->log, MRI_EVENT_FEEDBACK, at + 1);
    }
    assert_true(at < learning->log.count);
    return learning->log.events[at].body;
}

static uint32_t feedbacks(const struct learning *learning)
{
    return mri_engine_sample_count(&learning->log, MRI_EVENT_FEEDBACK, 0);
}

/* ---- one lesson ------------------------------------------------------------------------------ */

static void the_first_view_that_matures_teaches_the_test_vector(void **fixture)
{
    (void)fixture;
    say(&it, 0, 2, 0.8);
    bar(&it, 0, 0, 10000);
    say(&it, 0, 2, 0.0);
    bar(&it, 0, 1, 10001);
    assert_int_equal(feedbacks(&it), 1);
    const struct mri_feedback *feedback = nth_feedback(&it, 0);
    assert_int_equal(feedback->status, MRI_FEEDBACK_LEARNED);
    assert_int_equal(feedback->horizon, MR_HORIZON_1M);
    assert_true(feedback->weight == 0.2);
    assert_true(feedback->prob_before == 0.5);
    assert_true(fabs(feedback->return_bps - 1.0) < 1e-12);
    uint32_t at = mri_engine_sample_find(&it.log, MRI_EVENT_FEEDBACK, 0);
    unsigned count;
    const struct mri_row_cell *cell = mri_event_rows(&it.log.events[at], 0, &count);
    assert_int_equal(count, 1);
    assert_int_equal(cell->source, 2);
    assert_int_equal(cell->side, MR_LONG);
    /* V = .64 (.04 + .0025 + .0025); den = 1 + .2 x .25 V = 1.00144 */
    assert_true(fabs(cell->mean_global - 0.003195398626) < 1e-12);
    assert_true(fabs(cell->variance_global - 0.039948873622) < 1e-12);
    assert_true(fabs(cell->mean_symbol - 0.0025 * 0.8 * 0.2 * 0.5 / 1.00144) < 1e-15);
    assert_true(fabs(cell->mean_regime - cell->mean_symbol) < 1e-15);
    assert_int_equal(it.learn.learned_count, 1);
}

static void a_view_gets_one_feedback_at_each_horizon_and_a_signal_view_gets_none(void **fixture)
{
    (void)fixture;
    say(&it, 0, 2, 0.8);
    bar(&it, 0, 0, 10000);
    say(&it, 0, 2, 0.0);
    const struct mri_view signal_view = {.price = 10000,
        .event_time_unix_ns = T0,
        .kind = MRI_VIEW_SIGNAL,
        .regime = MRI_REGIME_ABSENT,
        .open_1m = 1,
        .open_5m = 1,
        .open_15m = 1,
        .open_30m = 1,
        .open_1h = 1};
    assert_int_equal(mri_engine_sample_put(&it.log,
                         &(struct mri_draft){.type = MRI_EVENT_VIEW, .fixed = &signal_view}, 0),
        MR_OK);
    unsigned seen = 0;
    for (int64_t minute = 1; minute <= 70; minute++) {
        bar(&it, 0, minute, 10000 + minute);
        bool is_due = minute == 1 || minute == 5 || minute == 15 || minute == 30 || minute == 60;
        assert_int_equal(feedbacks(&it), seen + is_due);
        if (is_due) {
            assert_int_equal(nth_feedback(&it, seen)->horizon, seen);
            assert_true(nth_feedback(&it, seen)->return_bps > 0.0);
        }
        seen += is_due;
    }
    assert_int_equal(seen, MR_HORIZON_COUNT);
}

static void the_overlap_weight_is_kappa_over_the_views_open_when_the_view_opened(void **fixture)
{
    (void)fixture;
    say(&it, 0, 2, 0.8);
    for (int64_t minute = 0; minute < 20; minute++) {
        bar(&it, 0, minute, 10000 + minute);
    }
    say(&it, 0, 2, 0.0); /* fewer are open when the last ones mature: it does not matter */
    for (int64_t minute = 20; minute < 90; minute++) {
        bar(&it, 0, minute, 10000 + minute);
    }
    static const unsigned open_at_most[MR_HORIZON_COUNT] = {1, 5, 15, 30, 60};
    unsigned counts[MR_HORIZON_COUNT] = {0};
    for (unsigned n = 0; n < feedbacks(&it); n++) {
        const struct mri_feedback *feedback = nth_feedback(&it, n);
        unsigned open = ++counts[feedback->horizon]; /* views mature in the order they opened */
        unsigned most = open_at_most[feedback->horizon];
        assert_true(feedback->weight == 0.2 / (open < most ? open : most));
    }
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        assert_int_equal(counts[h], 20);
    }
}

static void a_return_of_zero_is_counted_and_teaches_nothing(void **fixture)
{
    (void)fixture;
    say(&it, 0, 2, 0.8);
    for (int64_t minute = 0; minute < 200; minute++) {
        bar(&it, 0, minute, 10000);
    }
    uint32_t count = feedbacks(&it);
    for (unsigned n = 0; n < count; n++) {
        const struct mri_feedback *feedback = nth_feedback(&it, n);
        assert_int_equal(feedback->status, MRI_FEEDBACK_ZERO_RETURN);
        assert_int_equal(feedback->cell_count, 0);
        assert_true(feedback->return_bps == 0.0);
    }
    assert_int_equal(it.learn.learned_count, 0);
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        /* Views of minutes 60 to 199 less the horizon are scored. */
        assert_int_equal(
            it.learn.scores[h].zero_returns, 140 - mri_horizon_ns((mr_horizon)h) / MINUTE);
        assert_int_equal(it.learn.scores[h].count, 0);
    }
    const struct mri_row_term term = {.x = 0.8, .source = 2};
    const struct mri_beliefs_place place = {.regime = MRI_REGIME_RANDOM};
    assert_true(mri_beliefs_sum(&it.learn.beliefs, &place, &term, 1).z == 0.0);
}

static void a_late_price_is_excluded_and_an_open_view_ends_unresolved(void **fixture)
{
    (void)fixture;
    say(&it, 0, 2, 0.8);
    bar(&it, 0, 0, 10000);
    say(&it, 0, 2, 0.0);
    bar(&it, 1, 0, 500);
    bar(&it, 1, 2, 500);
    assert_int_equal(nth_feedback(&it, 0)->status, MRI_FEEDBACK_ZERO_RETURN); /* 1 minute old */
    bar(&it, 0, 3, 10010);
    bar(&it, 1, 6, 500);
    assert_int_equal(nth_feedback(&it, 1)->status, MRI_FEEDBACK_LEARNED); /* 2 minutes old */
    bar(&it, 1, 20, 500);
    assert_int_equal(nth_feedback(&it, 2)->status, MRI_FEEDBACK_EXCLUDED);
    assert_int_equal(nth_feedback(&it, 2)->cell_count, 0);
    assert_true(nth_feedback(&it, 2)->return_bps > 0.0);
    tick(&it, 20, MRI_REASON_FEED_ENDED);
    assert_int_equal(feedbacks(&it), MR_HORIZON_COUNT);
    assert_int_equal(nth_feedback(&it, 3)->status, MRI_FEEDBACK_UNRESOLVED);
    assert_int_equal(nth_feedback(&it, 4)->status, MRI_FEEDBACK_UNRESOLVED);
    assert_true(nth_feedback(&it, 4)->return_bps == 0.0);
    assert_int_equal(it.learn.learned_count, 1);
}

/* ---- against a second implementation --------------------------------------------------------- */

/** A market and its views, drawn from a seed; closes may be changed before it is run. */
struct drawn {
    int64_t closes[SYMBOLS][1200]; /* 0: no bar */
    uint64_t seed;
    int64_t minutes;
};

static struct drawn drawn;

static void draw(uint64_t seed, int64_t minutes)
{
    struct mri_prng prng;
    mri_prng_init(&prng, seed);
    drawn.seed = seed;
    drawn.minutes = minutes;
    for (uint32_t symbol = 0; symbol < SYMBOLS; symbol++) {
        int64_t price = 5000;
        unsigned silent = 0;
        for (int64_t minute = 0; minute < minutes; minute++) {
            price += (int64_t)mri_prng_below(&prng, 7) - 3;
            if (silent == 0 && mri_prng_below(&prng, 60) == 0) {
                silent = 1 + (unsigned)mri_prng_below(&prng, 15);
            }
            bool is_missing = silent > 0;
            silent -= is_missing;
            drawn.closes[symbol][minute] = is_missing ? 0 : price;
        }
    }
}

/** Views of a minute: any terms, regimes and volatilities, the same for the same seed. */
static void draw_views(struct learning *learning, struct mri_prng *prng)
{
    static const uint8_t regimes[] = {
        MRI_REGIME_REVERTING, MRI_REGIME_RANDOM, MRI_REGIME_TRENDING, MRI_REGIME_ABSENT};
    for (uint32_t symbol = 0; symbol < SYMBOLS; symbol++) {
        struct mri_step_views_next *next = &learning->views.next[symbol];
        *next = (struct mri_step_views_next){.regime = regimes[mri_prng_below(prng, 4)],
            .volatility = mri_prng_below(prng, 4) == 0 ? 0.0 : 0.0005};
        for (uint16_t source = 0; source < MRI_SOURCE_INTERNAL_COUNT; source++) {
            double x = 2.0 * mri_prng_uniform(prng) - 1.0;
            if (mri_prng_below(prng, 2) == 0) {
                next->terms[next->count++] = (struct mri_row_term){.x = x, .source = source};
            }
        }
    }
}

/** Run the drawn market from a minute to before another. */
static void run(struct learning *learning, struct mri_prng *prng, int64_t from, int64_t to)
{
    for (int64_t minute = from; minute < to; minute++) {
        draw_views(learning, prng);
        for (uint32_t symbol = 0; symbol < SYMBOLS; symbol++) {
            if (drawn.closes[symbol][minute] != 0) {
                bar(learning, symbol, minute, drawn.closes[symbol][minute]);
            }
        }
        if (minute % 50 == 49) {
            tick(learning, minute, MRI_REASON_TIME_PASSED);
        }
    }
}

static void run_all(struct learning *learning)
{
    struct mri_prng prng;
    mri_prng_init(&prng, drawn.seed + 1000);
    run(learning, &prng, 0, drawn.minutes);
}

static void compare_scores(const struct mri_naive_learner *naive)
{
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        const struct mri_naive_learner_tally *tally = &naive->tally[h];
        const struct mri_score *score = &it.learn.scores[h];
        assert_int_equal(score->count, tally->scored);
        assert_int_equal(score->zero_returns, tally->scored_zero);
        for (unsigned i = 0; i < MRI_SCORE_COUNT; i++) {
            assert_true(
                fabs(score->losses[i] - tally->losses[i]) < 1e-8 * (1.0 + (double)tally->scored));
        }
    }
}

static void learning_is_that_of_a_second_implementation(void **fixture)
{
    (void)fixture;
    static struct mri_naive_learner naive;
    const int64_t steps[] = {1, 5};
    for (unsigned round = 0; round < 2; round++) {
        end(&it);
        begin(&it, steps[round]);
        draw(40 + round, round == 0 ? 300 : 1200);
        run_all(&it);
        tick(&it, drawn.minutes - 1, MRI_REASON_FEED_ENDED);
        mri_naive_learner_begin(&naive, &options);
        for (uint32_t i = 0; i < it.log.count; i++) {
            mri_naive_learner_read(&naive, &it.log.events[i]);
            uint16_t next = i + 1 < it.log.count ? it.log.events[i + 1].type : MRI_EVENT_TICK;
            if (next == MRI_EVENT_CANDLE || next == MRI_EVENT_TICK) {
                mri_naive_learner_expect_nothing_due(&naive);
            }
        }
        compare_scores(&naive);
        for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
            assert_true(naive.tally[h].statuses[MRI_FEEDBACK_LEARNED] > 100);
            assert_true(h == 0 || naive.tally[h].statuses[MRI_FEEDBACK_UNRESOLVED] > 0);
        }
        assert_true(naive.tally[0].statuses[MRI_FEEDBACK_ZERO_RETURN] > 10);
        assert_true(naive.tally[3].statuses[MRI_FEEDBACK_EXCLUDED] > 0);
    }
}

/* ---- what may be known, and when ------------------------------------------------------------- */

static void a_prediction_uses_the_feedback_of_every_outcome_before_it(void **fixture)
{
    (void)fixture;
    uint64_t newest = 0;
    unsigned predictions = 0;
    draw(3, 400);
    run_all(&it);
    for (uint32_t i = 0; i < it.log.count; i++) {
        const struct mri_event *event = &it.log.events[i];
        if (event->type == MRI_EVENT_FEEDBACK) {
            newest = event->seq;
        }
        if (event->type == MRI_EVENT_PREDICTION) {
            const struct mri_prediction *prediction = event->body;
            assert_true(mri_ref_seq(prediction->feedback, event->seq) == newest);
            predictions++;
        }
    }
    assert_true(predictions > 500);
}

/** The index of the first event that two logs do not share. */
static uint32_t first_difference(void)
{
    uint32_t i = 0;
    while (i < it.log.count && i < other.log.count) {
        const struct mri_event *a = &it.log.events[i];
        const struct mri_event *b = &other.log.events[i];
        bool is_same = a->type == b->type && a->body_bytes == b->body_bytes &&
                       memcmp(a->body, b->body, a->body_bytes) == 0;
        if (!is_same) {
            break;
        }
        i++;
    }
    return i;
}

static void shifting_outcomes_by_a_bar_changes_no_earlier_prediction(void **fixture)
{
    (void)fixture;
    enum { SHIFTED = 200 };
    draw(5, 400);
    run_all(&it);
    for (uint32_t symbol = 0; symbol < SYMBOLS; symbol++) {
        for (int64_t minute = drawn.minutes - 1; minute > SHIFTED; minute--) {
            drawn.closes[symbol][minute] = drawn.closes[symbol][minute - 1];
        }
    }
    begin(&other, 1);
    run_all(&other);
    uint32_t at = first_difference();
    assert_true(at < it.log.count);
    assert_int_equal(it.log.events[at].type, MRI_EVENT_CANDLE); /* not a prediction before it */
    const struct mri_candle *candle = it.log.events[at].body;
    assert_true(candle->close_time_unix_ns > T0 + SHIFTED * MINUTE);
    unsigned changed = 0; /* and it does change what follows */
    for (uint32_t i = at; i < it.log.count && i < other.log.count; i++) {
        changed += it.log.events[i].type == MRI_EVENT_PREDICTION &&
                   other.log.events[i].type == MRI_EVENT_PREDICTION &&
                   memcmp(it.log.events[i].body, other.log.events[i].body,
                       it.log.events[i].body_bytes) != 0;
    }
    assert_true(changed > 0);
    end(&other);
}

static const struct mri_row_forecast *newest_forecasts(
    const struct learning *learning, uint32_t symbol)
{
    for (uint32_t i = learning->log.count; i > 1; i--) {
        const struct mri_event *event = &learning->log.events[i - 1];
        const struct mri_view *view = event[-1].body;
        if (event->type == MRI_EVENT_PREDICTION && view->symbol == symbol) {
            unsigned count;
            return mri_event_rows(event, 0, &count);
        }
    }
    fail_msg("no prediction of symbol %u", symbol);
    return NULL;
}

static void changing_one_outcome_alone_changes_the_next_prediction_of_its_cells(void **fixture)
{
    (void)fixture;
    struct learning *const both[] = {&it, &other};
    begin(&other, 1);
    for (unsigned k = 0; k < 2; k++) {
        say(both[k], 0, 1, 0.5);
        say(both[k], 1, 3, 0.5);
        for (int64_t minute = 0; minute < 10; minute++) {
            bar(both[k], 0, minute, 10000 + minute % 3);
            bar(both[k], 1, minute, 500 + minute % 2);
        }
        /* One outcome differs: what symbol 0 did in the last minute. */
        bar(both[k], 0, 10, k == 0 ? 9990 : 10020);
        bar(both[k], 1, 10, 505);
    }
    const struct mri_row_forecast *a = newest_forecasts(&it, 0);
    const struct mri_row_forecast *b = newest_forecasts(&other, 0);
    assert_true(a[MR_HORIZON_1M].prob_pool < b[MR_HORIZON_1M].prob_pool);
    assert_true(a[MR_HORIZON_1M].prob_up < b[MR_HORIZON_1M].prob_up);
    assert_true(a[MR_HORIZON_1M].ev_bps < b[MR_HORIZON_1M].ev_bps);
    assert_true(a[MR_HORIZON_15M].prob_pool == b[MR_HORIZON_15M].prob_pool); /* not due */
    const struct mri_row_forecast *c = newest_forecasts(&it, 1);
    const struct mri_row_forecast *d = newest_forecasts(&other, 1);
    assert_true(c[MR_HORIZON_1M].prob_pool == d[MR_HORIZON_1M].prob_pool); /* other cells */
    end(&other);
}

/* ---- who is learned -------------------------------------------------------------------------- */

static uint32_t emit(mr_side side)
{
    const struct mri_engine_sample_signal signal = {.source = "desk",
        .time_unix_ns = it.log.market.event_time_unix_ns,
        .confidence = 0.5,
        .side = side};
    assert_int_equal(mri_engine_sample_emit(&it.log, &signal), MR_OK);
    return it.log.next_ordinal - 1;
}

static void take(uint32_t ordinal, enum mri_event_type type, const void *fixed)
{
    assert_int_equal(mri_engine_sample_take(&it.log,
                         &(struct mri_draft){.type = (uint16_t)type, .fixed = fixed}, ordinal),
        MR_OK);
}

static void take_move(uint32_t ordinal, mr_state from, mr_state to)
{
    const struct mri_signal_moved move = {
        .signal = ordinal, .from = (uint8_t)from, .to = (uint8_t)to}; /* emitted first */
    take(ordinal, MRI_EVENT_SIGNAL_MOVED, &move);
}

static void take_outcomes(uint32_t ordinal, enum mri_outcome_status status, double return_bps)
{
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        const struct mri_outcome outcome = {.signal = ordinal,
            .return_bps = return_bps,
            .horizon = (uint8_t)h,
            .status = (uint8_t)status};
        take(ordinal, MRI_EVENT_OUTCOME, &outcome);
    }
}

/** How a signal was moved to learned; NULL: it was not. */
static const struct mri_event *learned_move(uint32_t ordinal)
{
    const struct mri_event *found = NULL;
    for (uint32_t i = 0; i < it.log.count; i++) {
        const struct mri_event *event = &it.log.events[i];
        bool is_move = event->type == MRI_EVENT_SIGNAL_MOVED && event->ordinal == ordinal &&
                       ((const struct mri_signal_moved *)event->body)->to == MR_LEARNED;
        if (is_move) {
            assert_null(found);
            found = event;
        }
    }
    return found;
}

static void a_signal_is_learned_when_it_has_ended_and_its_outcomes_are_complete(void **fixture)
{
    (void)fixture;
    static const mr_state ends[] = {MR_BLOCKED, MR_EXPIRED, MR_EXECUTED};
    uint32_t ordinals[6];
    for (unsigned i = 0; i < 6; i++) {
        ordinals[i] = emit(MR_LONG);
    }
    for (unsigned i = 0; i < 3; i++) { /* ended first */
        take_move(ordinals[i], MR_GENERATED, ends[i]);
        assert_null(learned_move(ordinals[i]));
        take_outcomes(ordinals[i], MRI_OUTCOME_RESOLVED, 1.0);
        const struct mri_event *event = learned_move(ordinals[i]);
        assert_non_null(event);
        const struct mri_signal_moved *move = event->body;
        assert_int_equal(move->from, ends[i]);
        assert_int_equal(move->reason, MRI_REASON_OUTCOMES_COMPLETE);
        assert_int_equal(move->actor, MRI_ACTOR_LEARN);
        assert_true(mri_ref_seq(move->signal, event->seq) == ordinals[i]);
        assert_true(mri_ref_seq(move->evidence, event->seq) == event->seq - 1);
    }
    for (unsigned i = 3; i < 6; i++) { /* outcomes first, unresolved ones as well */
        take_outcomes(ordinals[i], MRI_OUTCOME_UNRESOLVED, 0.0);
        assert_null(learned_move(ordinals[i]));
        take_move(ordinals[i], MR_GENERATED, MR_EVALUATING);
        assert_null(learned_move(ordinals[i]));
        take_move(ordinals[i], MR_EVALUATING, ends[i - 3]);
        assert_non_null(learned_move(ordinals[i]));
    }
    assert_int_equal(it.learn.finished_count, 0);
}

static void a_sources_record_counts_resolved_outcomes_in_the_side_of_its_signals(void **fixture)
{
    (void)fixture;
    take_outcomes(emit(MR_LONG), MRI_OUTCOME_RESOLVED, 4.0);
    uint32_t second = emit(MR_SHORT);
    take_outcomes(second, MRI_OUTCOME_RESOLVED, 3.0);
    uint32_t third = emit(MR_SHORT);
    take_outcomes(third, MRI_OUTCOME_EXCLUDED, -50.0);
    uint32_t fourth = emit(MR_LONG);
    take_outcomes(fourth, MRI_OUTCOME_RESOLVED, 0.0);
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        const struct mri_source_record *record =
            mri_learn_record(&it.learn, MRI_SOURCE_EXTERNAL_FIRST, (mr_horizon)h);
        assert_int_equal(record->count, 3);
        assert_int_equal(record->wins, 1);
        assert_true(record->return_bps_sum == 1.0);
    }
}

/* ---- the state ------------------------------------------------------------------------------- */

static void a_snapshot_is_the_fold_of_the_log_and_goes_on_alike(void **fixture)
{
    (void)fixture;
    static struct mri_learn folded;
    static struct mri_engine_sample fresh;
    struct mri_prng prng;
    struct mri_prng again;
    draw(8, 400);
    mri_prng_init(&prng, 1);
    run(&it, &prng, 0, 200);
    uint32_t ended = emit(MR_LONG);
    take_move(ended, MR_GENERATED, MR_BLOCKED);
    (void)emit(MR_SHORT);
    assert_int_equal(mri_engine_sample_continue(&other.log, &it.log), MR_OK);
    connect(&other, 1);
    assert_int_equal(mri_engine_sample_move(&mri_learn_engine, &it.learn, &other.learn), MR_OK);
    memcpy(other.views.times, it.views.times, sizeof(it.views.times));
    memcpy(other.views.time_count, it.views.time_count, sizeof(it.views.time_count));
    again = prng;
    run(&it, &prng, 200, 400);
    run(&other, &again, 200, 400);
    assert_true(mri_engine_sample_is_same(&it.log, 0, &other.log, 0));

    mri_engine_sample_init(&fresh, SYMBOLS);
    assert_int_equal(
        mri_learn_init(&folded, mri_alloc_system(), &fresh.market, &fresh.sources, &options),
        MR_OK);
    mri_engine_sample_add(&fresh, &mri_learn_engine, &folded);
    uint32_t number;
    assert_int_equal(mri_intern_add(&fresh.sources, mri_slice_of("desk"), &number), MR_OK);
    for (uint32_t i = 0; i < it.log.count; i++) {
        assert_int_equal(mri_engine_sample_fold(&fresh, &it.log.events[i]), MR_OK);
    }
    struct mri_buf a;
    struct mri_buf b;
    mri_buf_init(&a, mri_alloc_system(), SAVED_MAX);
    mri_buf_init(&b, mri_alloc_system(), SAVED_MAX);
    mri_learn_engine.save(&folded, &a);
    mri_learn_engine.save(&other.learn, &b);
    assert_int_equal(a.count, b.count);
    assert_memory_equal(a.bytes, b.bytes, a.count);
    mri_buf_fini(&a);
    mri_buf_fini(&b);
    mri_learn_fini(&folded);
    mri_engine_sample_fini(&fresh);
    end(&other);
}

static void a_damaged_snapshot_is_refused(void **fixture)
{
    (void)fixture;
    struct mri_buf saved;
    struct mri_unpack unpack;
    draw(8, 100);
    run_all(&it);
    (void)emit(MR_LONG);
    mri_buf_init(&saved, mri_alloc_system(), SAVED_MAX);
    mri_learn_engine.save(&it.learn, &saved);
    for (unsigned i = 0; i < 50; i++) {
        struct mri_learn loaded;
        assert_int_equal(
            mri_learn_init(&loaded, mri_alloc_system(), &it.log.market, &it.log.sources, &options),
            MR_OK);
        mri_unpack_init(&unpack, saved.bytes, saved.count - 1 - i * (saved.count / 51));
        assert_int_equal(mri_learn_engine.load(&loaded, &unpack), MR_ECORRUPT);
        mri_learn_fini(&loaded);
    }
    mri_buf_fini(&saved);
}

static void feedback_of_a_view_that_does_not_wait_is_damage(void **fixture)
{
    (void)fixture;
    say(&it, 0, 2, 0.8);
    bar(&it, 0, 0, 10000);
    struct mri_feedback feedback = {.view = 1, .status = MRI_FEEDBACK_ZERO_RETURN};
    const struct mri_draft draft = {.type = MRI_EVENT_FEEDBACK, .fixed = &feedback};
    assert_int_equal(mri_engine_sample_put(&it.log, &draft, 0), MR_ECORRUPT); /* the candle */
    feedback.view = 2;
    feedback.symbol = 1;
    assert_int_equal(mri_engine_sample_put(&it.log, &draft, 0), MR_ECORRUPT);
    feedback.symbol = 99;
    assert_int_equal(mri_engine_sample_put(&it.log, &draft, 0), MR_ECORRUPT);
    feedback.symbol = 0;
    assert_int_equal(mri_engine_sample_put(&it.log, &draft, 0), MR_OK);
    assert_int_equal(mri_engine_sample_put(&it.log, &draft, 0), MR_ECORRUPT); /* twice */
    const struct mri_outcome outcome = {.horizon = 0};
    const struct mri_draft unknown = {.type = MRI_EVENT_OUTCOME, .fixed = &outcome};
    assert_int_equal(mri_engine_sample_put(&it.log, &unknown, 7), MR_ECORRUPT);
}

static void more_views_than_can_wait_are_refused(void **fixture)
{
    (void)fixture;
    struct mri_view view = {.price = 10000,
        .kind = MRI_VIEW_STEP,
        .open_1m = 1,
        .open_5m = 1,
        .open_15m = 1,
        .open_30m = 1,
        .open_1h = 1};
    const struct mri_draft draft = {.type = MRI_EVENT_VIEW, .fixed = &view};
    for (unsigned i = 0; i < MRI_LEARN_VIEWS_MAX; i++) {
        view.event_time_unix_ns = T0 + i * MINUTE;
        assert_int_equal(mri_engine_sample_put(&it.log, &draft, 0), MR_OK);
    }
    assert_int_equal(mri_engine_sample_put(&it.log, &draft, 0), MR_FULL);
    view.symbol = 99;
    assert_int_equal(mri_engine_sample_put(&it.log, &draft, 0), MR_ECORRUPT);
}

static void memory_that_is_missing_is_answered_and_nothing_is_kept(void **fixture)
{
    (void)fixture;
    mr_err err = MR_ENOMEM;
    for (unsigned failing = 1; err != MR_OK; failing++) {
        struct failing_alloc alloc;
        struct mri_learn engine;
        failing_alloc_init(&alloc, failing);
        err = mri_learn_init(&engine, &alloc.alloc, &it.log.market, &it.log.sources, &options);
        assert_true(err == MR_OK || err == MR_ENOMEM);
        mri_learn_fini(&engine);
        assert_int_equal(alloc.live_bytes, 0);
        assert_true(failing < 20);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_view_that_matures_teaches_the_test_vector),
        TEST(a_view_gets_one_feedback_at_each_horizon_and_a_signal_view_gets_none),
        TEST(the_overlap_weight_is_kappa_over_the_views_open_when_the_view_opened),
        TEST(a_return_of_zero_is_counted_and_teaches_nothing),
        TEST(a_late_price_is_excluded_and_an_open_view_ends_unresolved),
        TEST(learning_is_that_of_a_second_implementation),
        TEST(a_prediction_uses_the_feedback_of_every_outcome_before_it),
        TEST(shifting_outcomes_by_a_bar_changes_no_earlier_prediction),
        TEST(changing_one_outcome_alone_changes_the_next_prediction_of_its_cells),
        TEST(a_signal_is_learned_when_it_has_ended_and_its_outcomes_are_complete),
        TEST(a_sources_record_counts_resolved_outcomes_in_the_side_of_its_signals),
        TEST(a_snapshot_is_the_fold_of_the_log_and_goes_on_alike),
        TEST(a_damaged_snapshot_is_refused),
        TEST(feedback_of_a_view_that_does_not_wait_is_damage),
        TEST(more_views_than_can_wait_are_refused),
        TEST(memory_that_is_missing_is_answered_and_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
