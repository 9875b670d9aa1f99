/* SPDX-License-Identifier: MIT */
/*
 * Decisions: what each of them holds, who is approved, how large, and what blocks.
 */
#include "evaluate/decide.h"

#include <math.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/evaluate_sample.h"

#define MINUTE MRI_ENGINE_SAMPLE_MINUTE_NS

enum { EXT = MRI_SOURCE_EXTERNAL_FIRST };

static struct mri_evaluate_sample it;

static int set_up(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_init(&it);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_fini(&it);
    return 0;
}

static void close_position(uint32_t ordinal)
{
    const struct mri_position_closed closed = {.side = MR_LONG};
    mri_evaluate_sample_fact(&it, MRI_EVENT_POSITION_CLOSED, &closed, ordinal);
}

static void expect_decided(
    uint32_t ordinal, enum mri_verdict verdict, enum mri_gate gate, enum mri_reason reason)
{
    struct mri_evaluate_sample_decision heard = mri_evaluate_sample_heard(&it, ordinal);
    assert_non_null(heard.fixed);
    assert_int_equal(heard.fixed->reason, reason);
    assert_int_equal(heard.fixed->gate, gate);
    assert_int_equal(heard.fixed->verdict, verdict);
}

static void expect_approved(uint32_t ordinal)
{
    expect_decided(ordinal, MRI_VERDICT_PASS, MRI_GATE_NONE, MRI_REASON_GATES_PASSED);
}

/** The row of a gate in a decision. */
static unsigned row_of(const struct mri_evaluate_sample_decision *heard, enum mri_gate gate)
{
    unsigned i = 0;
    while (heard->codes[i].gate != gate) {
        i++;
        assert_true(i < heard->gates);
    }
    return i;
}

/** What a gate compared for a signal. */
static struct mri_row_gate_number compared(uint32_t ordinal, enum mri_gate gate)
{
    struct mri_evaluate_sample_decision heard = mri_evaluate_sample_heard(&it, ordinal);
    return heard.numbers[row_of(&heard, gate)];
}

/** The unit of what a gate compared for a signal. */
static unsigned unit_of(uint32_t ordinal, enum mri_gate gate)
{
    struct mri_evaluate_sample_decision heard = mri_evaluate_sample_heard(&it, ordinal);
    return heard.codes[row_of(&heard, gate)].unit;
}

static const struct mri_row_forecast *newest_forecasts(void)
{
    unsigned count;
    const struct mri_row_forecast *rows =
        mri_event_rows(mri_evaluate_sample_newest(&it, MRI_EVENT_PREDICTION), 0, &count);
    assert_int_equal(count, MR_HORIZON_COUNT);
    return rows;
}

/* ---- what a decision is ---------------------------------------------------------------------- */

static void a_signal_leads_to_view_prediction_moves_and_decision_in_that_order(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    mri_evaluate_sample_teach(&it, EXT, MR_HORIZON_30M, 1.0);
    uint32_t first = it.log.count;
    uint32_t ordinal = mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    static const uint16_t types[] = {MRI_EVENT_SIGNAL_GENERATED, MRI_EVENT_VIEW,
        MRI_EVENT_PREDICTION, MRI_EVENT_SIGNAL_MOVED, MRI_EVENT_DECISION, MRI_EVENT_SIGNAL_MOVED};
    assert_int_equal(it.log.count - first, MRI_COUNT_OF(types));
    for (uint32_t i = 0; i < MRI_COUNT_OF(types); i++) {
        assert_int_equal(it.log.events[first + i].type, types[i]);
    }
    const struct mri_event *event = &it.log.events[first];
    uint64_t seq = event->seq;
    const struct mri_view *view = event[1].body;
    assert_true(mri_ref_seq(view->cause, event[1].seq) == seq);
    assert_int_equal(view->kind, MRI_VIEW_SIGNAL);
    assert_int_equal(view->signal_count, 1);
    assert_int_equal(view->price, 10010);
    assert_int_equal(view->term_count, 1);
    const struct mri_prediction *prediction = event[2].body;
    assert_true(mri_ref_seq(prediction->view, event[2].seq) == event[1].seq);
    const struct mri_signal_moved *began = event[3].body;
    assert_int_equal(began->from, MR_GENERATED);
    assert_int_equal(began->to, MR_EVALUATING);
    assert_true(mri_ref_seq(began->evidence, event[3].seq) == event[1].seq);
    const struct mri_decision *decision = event[4].body;
    assert_true(mri_ref_seq(decision->signal, event[4].seq) == seq);
    assert_true(mri_ref_seq(decision->view, event[4].seq) == event[1].seq);
    const struct mri_signal_moved *ended = event[5].body;
    assert_int_equal(ended->from, MR_EVALUATING);
    assert_int_equal(ended->to, MR_APPROVED);
    assert_int_equal(ended->actor, MRI_ACTOR_EVALUATE);
    assert_true(mri_ref_seq(ended->evidence, event[5].seq) == event[4].seq);
    expect_approved(ordinal);
}

static void every_gate_is_stored_with_its_numbers_also_after_the_first_block(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    const struct mri_mode_changed halt = {.to = MRI_MODE_HALT, .actor = MRI_ACTOR_OPERATOR};
    mri_evaluate_sample_fact(&it, MRI_EVENT_MODE_CHANGED, &halt, 0);
    it.evidence.ready = 2;
    uint32_t ordinal = mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    expect_decided(ordinal, MRI_VERDICT_BLOCK, MRI_GATE_MODE, MRI_REASON_MODE_HALT);
    struct mri_evaluate_sample_decision heard = mri_evaluate_sample_heard(&it, ordinal);
    static const struct {
        enum mri_gate gate;
        enum mri_verdict verdict;
        enum mri_unit unit;
        enum mri_reason reason;
        double threshold;
    } wanted[] = {
        {MRI_GATE_MODE, MRI_VERDICT_BLOCK, MRI_UNIT_MODE, MRI_REASON_MODE_HALT, 0.0},
        {MRI_GATE_STALE, MRI_VERDICT_PASS, MRI_UNIT_SECONDS, MRI_REASON_NONE, 120.0},
        {MRI_GATE_COOLDOWN, MRI_VERDICT_PASS, MRI_UNIT_SECONDS, MRI_REASON_INPUT_ABSENT, 600.0},
        {MRI_GATE_COVERAGE, MRI_VERDICT_BLOCK, MRI_UNIT_SHARE, MRI_REASON_COVERAGE_LOW, 0.6},
        {MRI_GATE_EXPECTED_VALUE, MRI_VERDICT_BLOCK, MRI_UNIT_BPS, MRI_REASON_EV_BELOW_COST, 10.0},
        {MRI_GATE_POSITION_LIMIT, MRI_VERDICT_PASS, MRI_UNIT_COUNT, MRI_REASON_NONE, 2.0},
        {MRI_GATE_VIEW_DUPLICATE, MRI_VERDICT_PASS, MRI_UNIT_COUNT, MRI_REASON_NONE, 0.0},
    };
    assert_int_equal(heard.gates, MRI_COUNT_OF(wanted));
    for (unsigned i = 0; i < heard.gates; i++) {
        assert_int_equal(heard.codes[i].gate, wanted[i].gate);
        assert_int_equal(heard.codes[i].verdict, wanted[i].verdict);
        assert_int_equal(heard.codes[i].unit, wanted[i].unit);
        assert_int_equal(heard.codes[i].reason, wanted[i].reason);
        assert_true(heard.numbers[i].threshold == wanted[i].threshold);
    }
    assert_true(heard.numbers[0].value == MRI_MODE_HALT && heard.numbers[3].value == 0.4);
    assert_int_equal(heard.factor_count, 0);
    assert_int_equal(heard.size_count, 0);
    const struct mri_signal_moved *move =
        mri_evaluate_sample_newest(&it, MRI_EVENT_SIGNAL_MOVED)->body;
    assert_int_equal(move->to, MR_BLOCKED);
    assert_int_equal(move->gate, MRI_GATE_MODE);
    assert_int_equal(move->reason, MRI_REASON_MODE_HALT);
}

static void the_expected_value_is_that_of_the_signals_horizon_else_of_30_minutes(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        mri_evaluate_sample_teach(&it, EXT, (mr_horizon)h, -0.5 - h);
    }
    for (unsigned h = 0; h <= MR_HORIZON_COUNT; h++) {
        struct mri_engine_sample_signal signal = mri_evaluate_sample_signal(&it, 0.8, MR_LONG);
        signal.has_horizon = h < MR_HORIZON_COUNT;
        signal.horizon = signal.has_horizon ? (mr_horizon)h : MR_HORIZON_1M;
        unsigned judged = signal.has_horizon ? h : (unsigned)MR_HORIZON_30M;
        assert_int_equal(mri_engine_sample_emit(&it.log, &signal), MR_OK);
        uint32_t ordinal = it.log.next_ordinal - 1;
        const struct mri_row_forecast *row = &newest_forecasts()[judged];
        double bars_sd = it.evaluate.market->symbols[0].bar.volatility *
                         sqrt((double)(mri_horizon_ns((mr_horizon)judged) / MINUTE)) * 1e4;
        assert_int_equal(mri_evaluate_sample_heard(&it, ordinal).fixed->horizon, judged);
        assert_true(fabs(row->ev_bps - 0.8 * (-0.5 - judged) * bars_sd) < 1e-6);
        assert_true(
            compared(ordinal, MRI_GATE_EXPECTED_VALUE).value == row->ev_bps - row->ev_sd_bps);
    }
}

static void an_order_against_the_signals_own_side_is_never_made(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    mri_evaluate_sample_teach(
        &it, EXT, MR_HORIZON_30M, -1.0); /* its long signals are worth a sale */
    uint32_t ordinal = mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    expect_decided(ordinal, MRI_VERDICT_BLOCK, MRI_GATE_EXPECTED_VALUE, MRI_REASON_EV_OPPOSES_SIDE);
    assert_int_equal(mri_evaluate_sample_heard(&it, ordinal).size_count, 0);
}

static void without_a_volatility_there_is_no_expected_value_and_no_order(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM / 2);
    mri_evaluate_sample_teach(&it, EXT, MR_HORIZON_30M, 1.0);
    uint32_t ordinal = mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    expect_decided(ordinal, MRI_VERDICT_BLOCK, MRI_GATE_EXPECTED_VALUE, MRI_REASON_INPUT_ABSENT);
    const struct mri_prediction *prediction =
        mri_evaluate_sample_newest(&it, MRI_EVENT_PREDICTION)->body;
    assert_int_equal(prediction->has_ev, 0);
    assert_true(newest_forecasts()[MR_HORIZON_30M].ev_bps == 0.0);
}

static void a_decision_names_the_newest_feedback_and_uses_it(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    uint32_t before = mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    assert_int_equal(mri_evaluate_sample_heard(&it, before).fixed->feedback, 0);
    assert_true(newest_forecasts()[MR_HORIZON_30M].ev_bps == 0.0);
    mri_evaluate_sample_teach(&it, EXT, MR_HORIZON_30M, 1.0);
    uint64_t feedback = it.log.count;
    uint32_t after = mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    struct mri_evaluate_sample_decision heard = mri_evaluate_sample_heard(&it, after);
    assert_true(mri_ref_seq(heard.fixed->feedback, heard.seq) == feedback);
    const struct mri_event *event = mri_evaluate_sample_newest(&it, MRI_EVENT_PREDICTION);
    const struct mri_prediction *prediction = event->body;
    assert_true(mri_ref_seq(prediction->feedback, event->seq) == feedback);
    assert_true(newest_forecasts()[MR_HORIZON_30M].ev_bps > 40.0);
    assert_true(newest_forecasts()[MR_HORIZON_15M].ev_bps == 0.0); /* taught nothing */
}

/* ---- at most one order a view ---------------------------------------------------------------- */

static void of_several_signals_on_a_view_only_the_strongest_is_approved(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    mri_evaluate_sample_teach(&it, EXT, MR_HORIZON_30M, 2.0);
    struct mri_engine_sample_signal weak = mri_evaluate_sample_signal(&it, 0.5, MR_LONG);
    struct mri_engine_sample_signal strong = mri_evaluate_sample_signal(&it, 0.9, MR_LONG);
    uint32_t first = mri_evaluate_sample_put(&it, &weak);
    uint32_t second = mri_evaluate_sample_put(&it, &strong);
    uint32_t third = mri_evaluate_sample_put(&it, &strong);
    mri_evaluate_sample_bars(&it, 1);
    expect_approved(second); /* as strong as the third, and before it */
    expect_decided(first, MRI_VERDICT_BLOCK, MRI_GATE_VIEW_DUPLICATE, MRI_REASON_VIEW_DUPLICATE);
    expect_decided(third, MRI_VERDICT_BLOCK, MRI_GATE_VIEW_DUPLICATE, MRI_REASON_VIEW_DUPLICATE);
    assert_true(compared(first, MRI_GATE_VIEW_DUPLICATE).value == 2.0);
    assert_true(compared(third, MRI_GATE_VIEW_DUPLICATE).value == 1.0);
    assert_true(mri_ref_seq(mri_evaluate_sample_heard(&it, first).fixed->view,
                    mri_evaluate_sample_heard(&it, first).seq) ==
                mri_ref_seq(mri_evaluate_sample_heard(&it, third).fixed->view,
                    mri_evaluate_sample_heard(&it, third).seq));
}

static void a_stronger_signal_that_another_gate_blocks_stands_in_nobodys_way(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    mri_evaluate_sample_teach(&it, EXT, MR_HORIZON_30M, 2.0);
    mri_evaluate_sample_teach(&it, EXT + 1, MR_HORIZON_30M, 0.0);
    struct mri_engine_sample_signal other = mri_evaluate_sample_signal(&it, 0.95, MR_SHORT);
    struct mri_engine_sample_signal weak = mri_evaluate_sample_signal(&it, 0.6, MR_LONG);
    uint32_t against = mri_evaluate_sample_put(&it, &weak); /* numbers the source "desk" first */
    other.source = "other";
    uint32_t stronger = mri_evaluate_sample_put(&it, &other);
    mri_evaluate_sample_bars(&it, 1);
    expect_approved(against);
    struct mri_evaluate_sample_decision heard = mri_evaluate_sample_heard(&it, stronger);
    assert_int_equal(heard.fixed->gate, MRI_GATE_EXPECTED_VALUE);
    assert_true(compared(against, MRI_GATE_VIEW_DUPLICATE).value == 0.0);
}

static void more_signals_than_a_view_holds_get_a_second_view_that_is_no_step(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    while ((it.minute + 1) % mri_evaluate_sample_options.step_bars != 0) {
        mri_evaluate_sample_bars(&it, 1);
    }
    it.evidence.terms[0] = (struct mri_row_term){.x = 0.5, .source = 1};
    it.evidence.term_count = 1;
    uint32_t first = it.log.next_ordinal;
    struct mri_engine_sample_signal signal = mri_evaluate_sample_signal(&it, 0.5, MR_LONG);
    for (unsigned i = 0; i < 70; i++) {
        (void)mri_evaluate_sample_put(&it, &signal);
    }
    uint32_t from = it.log.count;
    mri_evaluate_sample_bars(&it, 1);
    unsigned steps = 0;
    unsigned signals = 0;
    for (uint32_t i = mri_engine_sample_find(&it.log, MRI_EVENT_VIEW, from); i < it.log.count;
         i = mri_engine_sample_find(&it.log, MRI_EVENT_VIEW, i + 1)) {
        const struct mri_view *view = it.log.events[i].body;
        steps += view->kind == MRI_VIEW_STEP;
        signals += view->signal_count;
    }
    assert_int_equal(mri_engine_sample_count(&it.log, MRI_EVENT_VIEW, from), 2);
    assert_int_equal(signals, 70);
    assert_int_equal(steps, 1); /* one step is one view: it is learned from once */
    for (uint32_t ordinal = first; ordinal < it.log.next_ordinal; ordinal++) {
        assert_non_null(mri_evaluate_sample_heard(&it, ordinal).fixed);
    }
}

/* ---- sizes and limits ------------------------------------------------------------------------ */

static void the_size_is_the_product_of_the_stored_factors_rounded_down(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    mri_evaluate_sample_teach(&it, EXT, MR_HORIZON_30M, 0.5);
    uint32_t ordinal = mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    expect_approved(ordinal);
    struct mri_evaluate_sample_decision heard = mri_evaluate_sample_heard(&it, ordinal);
    assert_int_equal(heard.gates, MRI_CHAIN_GATE_COUNT + 1);
    assert_int_equal(heard.codes[MRI_CHAIN_GATE_COUNT].gate, MRI_GATE_SIZE);
    assert_int_equal(heard.codes[MRI_CHAIN_GATE_COUNT].unit, MRI_UNIT_MONEY);
    assert_int_equal(heard.factor_count, MRI_SIZE_FACTORS);
    assert_int_equal(heard.size_count, 1);
    double product = 1.0;
    for (unsigned i = 0; i < heard.factor_count; i++) {
        product *= heard.factors[i].value;
    }
    assert_true(heard.numbers[MRI_CHAIN_GATE_COUNT].value == product);
    double value = mri_fixed_to_double(heard.size->notional_e8, MRI_MONEY_DECIMALS);
    assert_true(value <= product * (1.0 + 1e-12) && value > product - 0.1002);
    const struct mri_row_forecast *row = &newest_forecasts()[MR_HORIZON_30M];
    double sd = it.evaluate.market->symbols[0].bar.volatility * sqrt(30.0);
    double edge = (row->ev_bps - mri_evaluate_sample_options.cost_bps) / 1e4;
    assert_true(
        fabs(heard.factors[MRI_FACTOR_EDGE].value - edge / (sd * sd)) < 1e-9 * edge / (sd * sd));
}

static void a_size_below_the_minimum_blocks_and_shows_its_factors(void **fixture)
{
    (void)fixture;
    struct mri_evaluate_options poor = mri_evaluate_sample_options;
    poor.size.equity = 49.0; /* a tenth of it is the most, the venue wants 5 */
    assert_int_equal(mri_evaluate_configure(&it.evaluate, &poor, NULL), MR_OK);
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    mri_evaluate_sample_teach(&it, EXT, MR_HORIZON_30M, 2.0);
    uint32_t ordinal = mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    expect_decided(ordinal, MRI_VERDICT_BLOCK, MRI_GATE_SIZE, MRI_REASON_SIZE_BELOW_MINIMUM);
    struct mri_evaluate_sample_decision heard = mri_evaluate_sample_heard(&it, ordinal);
    assert_int_equal(heard.factor_count, MRI_SIZE_FACTORS);
    assert_int_equal(heard.size_count, 0);
    assert_true(fabs(compared(ordinal, MRI_GATE_SIZE).value - 4.9) < 1e-9);
    assert_true(compared(ordinal, MRI_GATE_SIZE).threshold == 5.0);
    assert_int_equal(it.evaluate.book[0].ordinal, 0);
}

static void an_approved_signal_holds_its_symbol_until_its_position_closes(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    mri_evaluate_sample_teach(&it, EXT, MR_HORIZON_30M, 2.0);
    uint32_t holder = mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    expect_approved(holder);
    mri_evaluate_sample_bars(&it, 10);
    uint32_t second = mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    expect_decided(
        second, MRI_VERDICT_BLOCK, MRI_GATE_POSITION_LIMIT, MRI_REASON_SYMBOL_HAS_POSITION);
    close_position(holder);
    expect_approved(mri_evaluate_sample_emit(&it, 0.8, MR_LONG));
}

static void a_cooldown_is_counted_per_symbol_and_side_and_ends_at_its_threshold(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    mri_evaluate_sample_teach(&it, EXT, MR_HORIZON_30M, 2.0);
    uint32_t holder = mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    close_position(holder);
    mri_evaluate_sample_bars(&it, 9);
    uint32_t early = mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    expect_decided(early, MRI_VERDICT_BLOCK, MRI_GATE_COOLDOWN, MRI_REASON_COOLDOWN);
    assert_true(compared(early, MRI_GATE_COOLDOWN).value == 540.0);
    uint32_t other = mri_evaluate_sample_emit(&it, 0.8, MR_SHORT);
    assert_true(compared(other, MRI_GATE_COOLDOWN).value == 0.0); /* absent: it passes */
    assert_int_not_equal(mri_evaluate_sample_heard(&it, other).fixed->gate, MRI_GATE_COOLDOWN);
    mri_evaluate_sample_bars(&it, 1);
    expect_approved(mri_evaluate_sample_emit(&it, 0.8, MR_LONG));
}

static void positions_and_exposure_of_all_symbols_count(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    mri_evaluate_sample_teach(&it, EXT, MR_HORIZON_30M, 2.0);
    it.evaluate.book[1] = (struct mri_book_entry){.ordinal = 77, .notional = 1500.0};
    uint32_t exposed = mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    expect_decided(exposed, MRI_VERDICT_BLOCK, MRI_GATE_POSITION_LIMIT, MRI_REASON_EXPOSURE_FULL);
    assert_true(compared(exposed, MRI_GATE_POSITION_LIMIT).value == 1500.0);
    it.evaluate.book[1].notional = 10.0;
    it.evaluate.book[2] = (struct mri_book_entry){.ordinal = 78, .notional = 10.0};
    uint32_t full = mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    expect_decided(full, MRI_VERDICT_BLOCK, MRI_GATE_POSITION_LIMIT, MRI_REASON_POSITIONS_FULL);
    it.evaluate.book[2].ordinal = 0;
    expect_approved(mri_evaluate_sample_emit(&it, 0.8, MR_LONG));
}

static double exposure(void)
{
    double sum = 0.0;
    for (unsigned i = 0; i < 3; i++) {
        sum += it.evaluate.book[i].ordinal != 0 ? it.evaluate.book[i].notional : 0.0;
    }
    return sum;
}

static void an_order_takes_no_more_than_the_room_that_the_exposure_limit_leaves(void **fixture)
{
    (void)fixture;
    const double limit = mri_evaluate_sample_options.gates.exposure_max;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    mri_evaluate_sample_teach(&it, EXT, MR_HORIZON_30M, 2.0);
    it.evaluate.book[1] = (struct mri_book_entry){.ordinal = 77, .notional = limit - 100.5};
    uint32_t last = mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    expect_approved(last);
    struct mri_evaluate_sample_decision heard = mri_evaluate_sample_heard(&it, last);
    assert_true(fabs(heard.numbers[MRI_CHAIN_GATE_COUNT].value - 100.5) < 1e-9);
    assert_true(exposure() <= limit && exposure() > limit - 0.2); /* a lot is worth 0.1001 */
    close_position(last);
    mri_evaluate_sample_bars(&it, 10);
    it.evaluate.book[1].notional = limit - 4.9; /* room, but less than the venue takes */
    uint32_t small = mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    expect_decided(small, MRI_VERDICT_BLOCK, MRI_GATE_SIZE, MRI_REASON_SIZE_BELOW_MINIMUM);
    assert_true(fabs(compared(small, MRI_GATE_SIZE).value - 4.9) < 1e-9);
    assert_true(compared(small, MRI_GATE_SIZE).threshold == 5.0);
}

static void a_full_exposure_is_stored_as_money_and_full_positions_as_a_count(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    mri_evaluate_sample_teach(&it, EXT, MR_HORIZON_30M, 2.0);
    it.evaluate.book[1] = (struct mri_book_entry){.ordinal = 77, .notional = 1500.0};
    uint32_t exposed = mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    assert_int_equal(unit_of(exposed, MRI_GATE_POSITION_LIMIT), MRI_UNIT_MONEY);
    it.evaluate.book[2] = (struct mri_book_entry){.ordinal = 78, .notional = 10.0};
    uint32_t full = mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    assert_int_equal(unit_of(full, MRI_GATE_POSITION_LIMIT), MRI_UNIT_COUNT);
}

static void an_old_price_or_an_old_signal_blocks(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    mri_evaluate_sample_teach(&it, EXT, MR_HORIZON_30M, 2.0);
    struct mri_engine_sample_signal signal = mri_evaluate_sample_signal(&it, 0.8, MR_LONG);
    signal.time_unix_ns += (int64_t)91 * 1000000000;
    assert_int_equal(mri_engine_sample_emit(&it.log, &signal), MR_OK);
    expect_decided(
        it.log.next_ordinal - 1, MRI_VERDICT_BLOCK, MRI_GATE_STALE, MRI_REASON_STALE_PRICE);
    it.minute += 2;
    struct mri_engine_sample_signal late = mri_evaluate_sample_signal(&it, 0.8, MR_LONG);
    uint32_t old = mri_evaluate_sample_put(&it, &late);
    it.minute += 1;
    mri_evaluate_sample_bars(&it, 1); /* 149 s after it was emitted */
    expect_decided(old, MRI_VERDICT_BLOCK, MRI_GATE_STALE, MRI_REASON_STALE_SIGNAL);
    assert_true(compared(old, MRI_GATE_STALE).value == 149.0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_signal_leads_to_view_prediction_moves_and_decision_in_that_order),
        TEST(every_gate_is_stored_with_its_numbers_also_after_the_first_block),
        TEST(the_expected_value_is_that_of_the_signals_horizon_else_of_30_minutes),
        TEST(an_order_against_the_signals_own_side_is_never_made),
        TEST(without_a_volatility_there_is_no_expected_value_and_no_order),
        TEST(a_decision_names_the_newest_feedback_and_uses_it),
        TEST(of_several_signals_on_a_view_only_the_strongest_is_approved),
        TEST(a_stronger_signal_that_another_gate_blocks_stands_in_nobodys_way),
        TEST(more_signals_than_a_view_holds_get_a_second_view_that_is_no_step),
        TEST(the_size_is_the_product_of_the_stored_factors_rounded_down),
        TEST(a_size_below_the_minimum_blocks_and_shows_its_factors),
        TEST(an_approved_signal_holds_its_symbol_until_its_position_closes),
        TEST(a_cooldown_is_counted_per_symbol_and_side_and_ends_at_its_threshold),
        TEST(positions_and_exposure_of_all_symbols_count),
        TEST(an_order_takes_no_more_than_the_room_that_the_exposure_limit_leaves),
        TEST(a_full_exposure_is_stored_as_money_and_full_positions_as_a_count),
        TEST(an_old_price_or_an_old_signal_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
