/* SPDX-License-Identifier: MIT */
/*
 * The engine of execution on a market: orders, fills, exits, modes, and what it refuses to apply.
 */
#include "execute/execute.h"

#include "tests/lib/cmocka_all.h"
#include "tests/lib/engine_sample.h"
#include "tests/lib/failing_alloc.h"

#define T0     MRI_ENGINE_SAMPLE_T0_UNIX_NS
#define MINUTE MRI_ENGINE_SAMPLE_MINUTE_NS

enum { SYMBOLS = 3, HOLD_MINUTES = 10 };

/* A market order at 100.00 moves by 3 cents; without a known volatility the stop stands half a
 * percent away and the target one percent. */
static const struct mri_execute_options options = {
    .costs = {.fee_e6 = 500, .half_spread_e6 = 100, .slippage_e6 = 200},
    .exits = {.stop_sd = 1.0, .target_sd = 2.0, .hold_ns = HOLD_MINUTES * MINUTE},
    .venue_mode = MRI_VENUE_SIM,
    .symbols_max = MRI_ENGINE_SAMPLE_SYMBOLS_MAX,
};

static struct mri_engine_sample sample;
static struct mri_execute execute;
static int64_t minute; /* of the newest bar */

static int set_up(void **fixture)
{
    (void)fixture;
    minute = 0;
    mri_engine_sample_init(&sample, SYMBOLS);
    assert_int_equal(
        mri_execute_init(&execute, mri_alloc_system(), &sample.market, &options), MR_OK);
    mri_engine_sample_add(&sample, &mri_execute_fills_engine, &execute);
    mri_engine_sample_add(&sample, &mri_execute_orders_engine, &execute);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_execute_fini(&execute);
    mri_engine_sample_fini(&sample);
    return 0;
}

/** The next bar of symbol 0. Returns the index of the first event after it. */
static uint32_t bar(int64_t open, int64_t high, int64_t low, int64_t close)
{
    struct mri_candle candle = mri_engine_sample_bar(0, ++minute, close);
    candle.open = open;
    candle.high = high;
    candle.low = low;
    uint32_t first = sample.count + 1;
    assert_int_equal(mri_engine_sample_candle(&sample, &candle), MR_OK);
    return first;
}

static uint32_t flat(int64_t price)
{
    return bar(price, price, price, price);
}

/** Log a decision that approves a new signal. Returns its ordinal. */
static uint32_t put_approval(uint32_t symbol, mr_side side, int64_t quantity)
{
    const struct mri_engine_sample_signal signal = {.source = "desk",
        .time_unix_ns = sample.market.event_time_unix_ns,
        .valid_for_ns = 5 * MINUTE,
        .confidence = 0.5,
        .symbol = symbol,
        .side = side};
    assert_int_equal(mri_engine_sample_emit(&sample, &signal), MR_OK);
    uint32_t ordinal = sample.next_ordinal - 1;
    const struct mri_row_order_size size = {.quantity = quantity, .notional_e8 = 1};
    const struct mri_decision decision = {.signal = sample.count,
        .verdict = MRI_VERDICT_PASS,
        .side = (uint8_t)side,
        .size_count = 1,
        .symbol = symbol};
    assert_int_equal(
        mri_engine_sample_put(&sample,
            &(struct mri_draft){
                .type = MRI_EVENT_DECISION, .fixed = &decision, .rows = {NULL, NULL, &size, NULL}},
            ordinal),
        MR_OK);
    return ordinal;
}

/** Let time pass by nothing: the engines decide on what was logged. */
static void settle(void)
{
    assert_int_equal(
        mri_engine_sample_tick(&sample, sample.market.event_time_unix_ns, MRI_REASON_TIME_PASSED),
        MR_OK);
}

/** Approve, and place the order at the newest close. */
static uint32_t approve(mr_side side)
{
    uint32_t ordinal = put_approval(0, side, 1000);
    settle();
    return ordinal;
}

static void expect_types(uint32_t first, const uint16_t *types, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_true(first + i < sample.count);
        assert_int_equal(sample.events[first + i].type, types[i]);
    }
    assert_int_equal(sample.count - first, count);
}

static const void *body(enum mri_event_type type, uint32_t from)
{
    uint32_t at = mri_engine_sample_find(&sample, (uint16_t)type, from);
    assert_true(at < sample.count);
    return sample.events[at].body;
}

/** Require that a bar closed the position so. */
static void expect_closed(uint32_t first, enum mri_reason reason, int64_t reference, int64_t price)
{
    const struct mri_order_filled *fill = body(MRI_EVENT_ORDER_FILLED, first);
    const struct mri_position_closed *closed = body(MRI_EVENT_POSITION_CLOSED, first);
    assert_int_equal(closed->reason, reason);
    assert_int_equal(fill->reference_price, reference);
    assert_int_equal(fill->price, price);
    assert_int_equal(closed->exit_price, price);
    assert_true(closed->gross_e8 - closed->fee_e8 - closed->slippage_e8 == closed->net_e8);
    assert_int_equal(execute.positions[0].ordinal, 0);
    assert_int_equal(execute.open_count, 0);
    assert_int_equal(execute.ledger.mismatches, 0);
}

/** A long position entered at 10003, its stop at 9953 and its target at 10103. */
static void enter(mr_side side)
{
    flat(10000);
    (void)approve(side);
    flat(10000);
    assert_int_equal(execute.open_count, 1);
}

/* ---- entries --------------------------------------------------------------------------------- */

static void an_intent_is_logged_before_the_order_is_sent(void **fixture)
{
    (void)fixture;
    flat(10000);
    uint32_t ordinal = put_approval(0, MR_SHORT, 1000);
    uint64_t decision = sample.count;
    settle();
    static const uint16_t types[] = {MRI_EVENT_TICK, MRI_EVENT_ORDER_INTENT, MRI_EVENT_SIGNAL_MOVED,
        MRI_EVENT_ORDER_SENT, MRI_EVENT_ORDER_ACCEPTED};
    expect_types((uint32_t)decision, types, MRI_COUNT_OF(types));
    const struct mri_event *event = &sample.events[decision + 1];
    const struct mri_order_intent *intent = event[0].body;
    assert_int_equal(event[0].ordinal, ordinal);
    assert_true(mri_ref_seq(intent->decision, event[0].seq) == decision);
    assert_true(mri_ref_seq(intent->signal, event[0].seq) == decision - 1);
    assert_int_equal(intent->quantity, 1000);
    assert_int_equal(intent->side, MR_SHORT);
    assert_int_equal(intent->leg, MRI_LEG_ENTRY);
    assert_int_equal(intent->order_type, MRI_ORDER_MARKET);
    assert_int_equal(intent->reference_price, 10000);
    assert_int_equal(intent->venue_mode, MRI_VENUE_SIM);
    const struct mri_signal_moved *move = event[1].body;
    assert_int_equal(move->from, MR_APPROVED);
    assert_int_equal(move->to, MR_EXECUTING);
    assert_true(mri_ref_seq(move->evidence, event[1].seq) == event[0].seq);
    for (unsigned i = 2; i <= 3; i++) {
        const struct mri_order_sent *fact = event[i].body;
        assert_true(mri_ref_seq(fact->intent, event[i].seq) == event[0].seq);
        assert_int_equal(fact->leg, MRI_LEG_ENTRY);
    }
    settle();
    assert_int_equal(mri_engine_sample_count(&sample, MRI_EVENT_ORDER_INTENT, 0), 1);
}

static void an_order_of_a_bars_close_fills_at_the_open_of_the_next(void **fixture)
{
    (void)fixture;
    bar(9000, 9900, 8900, 9500);
    (void)approve(MR_LONG);
    assert_int_equal(mri_engine_sample_count(&sample, MRI_EVENT_ORDER_FILLED, 0), 0);
    const struct mri_candle other = mri_engine_sample_bar(1, minute, 777);
    assert_int_equal(mri_engine_sample_candle(&sample, &other), MR_OK); /* not its market */
    assert_int_equal(mri_engine_sample_count(&sample, MRI_EVENT_ORDER_FILLED, 0), 0);
    uint32_t first = bar(10000, 10050, 9990, 10020);
    static const uint16_t types[] = {MRI_EVENT_ORDER_FILLED, MRI_EVENT_POSITION_OPENED,
        MRI_EVENT_SIGNAL_MOVED, MRI_EVENT_ORDER_INTENT, MRI_EVENT_ORDER_SENT,
        MRI_EVENT_ORDER_ACCEPTED, MRI_EVENT_ORDER_INTENT, MRI_EVENT_ORDER_SENT,
        MRI_EVENT_ORDER_ACCEPTED};
    expect_types(first, types, MRI_COUNT_OF(types));
    const struct mri_order_filled *fill = sample.events[first].body;
    int64_t open_time = T0 + (minute - 1) * MINUTE;
    assert_int_equal(fill->reference_price, 10000);
    assert_int_equal(fill->price, 10003);
    assert_int_equal(fill->fee_e8, 5001500);
    assert_int_equal(fill->slippage_e8, 3000000);
    assert_true(fill->event_time_unix_ns == open_time);
    const struct mri_position_opened *opened = sample.events[first + 1].body;
    assert_int_equal(opened->price, 10003);
    assert_int_equal(opened->stop_price, 9953); /* half a percent, 50.015, is 50 */
    assert_int_equal(opened->target_price, 10103);
    assert_true(opened->exit_time_unix_ns == open_time + options.exits.hold_ns);
    assert_true(opened->notional_e8 == 10003000000);
    const struct mri_signal_moved *move = sample.events[first + 2].body;
    assert_int_equal(move->to, MR_EXECUTED);
    const struct mri_order_intent *stop = sample.events[first + 3].body;
    assert_int_equal(stop->leg, MRI_LEG_STOP);
    assert_int_equal(stop->order_type, MRI_ORDER_STOP);
    assert_int_equal(stop->side, MR_SHORT);
    assert_int_equal(stop->trigger_price, opened->stop_price);
    const struct mri_order_intent *target = sample.events[first + 6].body;
    assert_int_equal(target->leg, MRI_LEG_TARGET);
    assert_int_equal(target->order_type, MRI_ORDER_LIMIT);
    assert_int_equal(target->trigger_price, opened->target_price);
}

static void an_order_that_the_venue_refuses_blocks_the_signal_and_frees_the_symbol(void **fixture)
{
    (void)fixture;
    flat(10000);
    (void)put_approval(0, MR_LONG, 0); /* below the smallest quantity */
    uint32_t first = sample.count;
    settle();
    static const uint16_t types[] = {MRI_EVENT_TICK, MRI_EVENT_ORDER_INTENT, MRI_EVENT_SIGNAL_MOVED,
        MRI_EVENT_ORDER_SENT, MRI_EVENT_ORDER_REJECTED, MRI_EVENT_SIGNAL_MOVED};
    expect_types(first, types, MRI_COUNT_OF(types));
    const struct mri_signal_moved *move = sample.events[first + 5].body;
    assert_int_equal(move->from, MR_EXECUTING);
    assert_int_equal(move->to, MR_BLOCKED);
    assert_int_equal(move->gate, MRI_GATE_VENUE);
    assert_int_equal(move->reason, MRI_REASON_VENUE_REJECTED);
    assert_int_equal(execute.positions[0].ordinal, 0);
    flat(10000);
    assert_int_equal(mri_engine_sample_count(&sample, MRI_EVENT_ORDER_FILLED, 0), 0);
}

/* ---- exits ----------------------------------------------------------------------------------- */

static void a_stop_fills_where_it_stands_and_cancels_the_target(void **fixture)
{
    (void)fixture;
    enter(MR_LONG);
    uint32_t first = bar(9990, 10000, 9953, 9960);
    static const uint16_t types[] = {
        MRI_EVENT_ORDER_FILLED, MRI_EVENT_ORDER_CANCELLED, MRI_EVENT_POSITION_CLOSED};
    expect_types(first, types, MRI_COUNT_OF(types));
    expect_closed(first, MRI_REASON_STOP, 9953, 9950);
    const struct mri_order_cancelled *cancelled = body(MRI_EVENT_ORDER_CANCELLED, first);
    assert_int_equal(cancelled->leg, MRI_LEG_TARGET);
    assert_int_equal(cancelled->reason, MRI_REASON_OTHER_LEG_FILLED);
    const struct mri_position_closed *closed = body(MRI_EVENT_POSITION_CLOSED, first);
    assert_true(closed->gross_e8 == -47000000); /* one unit from 100.00 to 99.53 */
    first = bar(9900, 11000, 9000, 10000);
    assert_int_equal(sample.count, first); /* nothing lives on */
}

static void a_target_fills_at_its_price_and_cancels_the_stop(void **fixture)
{
    (void)fixture;
    enter(MR_LONG);
    uint32_t first = bar(10010, 10103, 10000, 10050);
    expect_closed(first, MRI_REASON_TARGET, 10103, 10103);
    const struct mri_order_cancelled *cancelled = body(MRI_EVENT_ORDER_CANCELLED, first);
    assert_int_equal(cancelled->leg, MRI_LEG_STOP);
    const struct mri_position_closed *closed = body(MRI_EVENT_POSITION_CLOSED, first);
    assert_true(closed->gross_e8 == 103000000);
    assert_true(closed->slippage_e8 == 3000000); /* of the entry alone */
}

static void a_short_gains_below_and_stops_above(void **fixture)
{
    (void)fixture;
    enter(MR_SHORT); /* at 9997: stop 10047, target 9897 */
    uint32_t first = bar(9990, 10046, 9897, 9900);
    expect_closed(first, MRI_REASON_TARGET, 9897, 9897);
    const struct mri_position_closed *closed = body(MRI_EVENT_POSITION_CLOSED, first);
    assert_true(closed->gross_e8 == 103000000);
    enter(MR_SHORT);
    first = bar(10000, 10047, 9990, 10000);
    expect_closed(first, MRI_REASON_STOP, 10047, 10051);
}

static void when_a_bar_reaches_both_the_stop_comes_first(void **fixture)
{
    (void)fixture;
    enter(MR_LONG);
    expect_closed(bar(10000, 10500, 9500, 10400), MRI_REASON_STOP, 9953, 9950);
    enter(MR_SHORT);
    expect_closed(bar(10000, 10500, 9500, 9600), MRI_REASON_STOP, 10047, 10051);
}

static void the_bar_of_the_entry_may_already_reach_the_stop(void **fixture)
{
    (void)fixture;
    flat(10000);
    (void)approve(MR_LONG);
    uint32_t first = bar(10000, 10200, 9900, 10100);
    assert_int_equal(mri_engine_sample_count(&sample, MRI_EVENT_ORDER_FILLED, first), 2);
    const struct mri_position_closed *closed = body(MRI_EVENT_POSITION_CLOSED, first);
    assert_int_equal(closed->reason, MRI_REASON_STOP);
    assert_int_equal(closed->entry_price, 10003);
    assert_int_equal(closed->exit_price, 9950);
}

static void a_gap_beyond_an_exit_fills_at_the_open(void **fixture)
{
    (void)fixture;
    enter(MR_LONG);
    expect_closed(bar(9800, 9850, 9700, 9750), MRI_REASON_STOP, 9800, 9797);
    enter(MR_LONG);
    expect_closed(bar(10300, 10350, 10200, 10250), MRI_REASON_TARGET, 10300, 10300);
}

static void when_its_time_is_over_a_position_closes_at_the_next_open(void **fixture)
{
    (void)fixture;
    enter(MR_LONG);
    uint32_t first = 0;
    for (unsigned i = 1; i < HOLD_MINUTES - 1; i++) {
        first = flat(10000);
        assert_int_equal(sample.count, first);
    }
    first = flat(10000); /* closes as many minutes after the open that filled the entry */
    static const uint16_t types[] = {
        MRI_EVENT_ORDER_INTENT, MRI_EVENT_ORDER_SENT, MRI_EVENT_ORDER_ACCEPTED};
    expect_types(first, types, MRI_COUNT_OF(types));
    const struct mri_order_intent *intent = sample.events[first].body;
    assert_int_equal(intent->leg, MRI_LEG_TIME);
    assert_int_equal(intent->order_type, MRI_ORDER_MARKET);
    first = bar(10010, 10500, 9000, 10000); /* before stop and target of that bar */
    expect_closed(first, MRI_REASON_TIME, 10010, 10006);
    assert_int_equal(mri_engine_sample_count(&sample, MRI_EVENT_ORDER_CANCELLED, first), 2);
}

/* ---- modes ----------------------------------------------------------------------------------- */

static void put_mode(enum mri_mode mode)
{
    const struct mri_mode_changed change = {
        .to = (uint8_t)mode, .actor = MRI_ACTOR_OPERATOR, .reason = MRI_REASON_OPERATOR};
    assert_int_equal(mri_engine_sample_put(&sample,
                         &(struct mri_draft){.type = MRI_EVENT_MODE_CHANGED, .fixed = &change}, 0),
        MR_OK);
}

static void an_approval_is_blocked_when_the_mode_no_longer_allows_it(void **fixture)
{
    (void)fixture;
    static const struct {
        enum mri_mode mode;
        enum mri_reason reason;
    } modes[] = {
        {MRI_MODE_CLOSE_ONLY, MRI_REASON_MODE_CLOSE_ONLY}, {MRI_MODE_HALT, MRI_REASON_MODE_HALT}};
    flat(10000);
    for (size_t i = 0; i < MRI_COUNT_OF(modes); i++) {
        (void)put_approval(0, MR_LONG, 1000);
        put_mode(modes[i].mode);
        uint32_t first = sample.count;
        settle();
        static const uint16_t types[] = {MRI_EVENT_TICK, MRI_EVENT_SIGNAL_MOVED};
        expect_types(first, types, MRI_COUNT_OF(types));
        const struct mri_signal_moved *move = sample.events[first + 1].body;
        assert_int_equal(move->from, MR_APPROVED);
        assert_int_equal(move->to, MR_BLOCKED);
        assert_int_equal(move->gate, MRI_GATE_MODE);
        assert_int_equal(move->reason, modes[i].reason);
        assert_int_equal(execute.positions[0].ordinal, 0);
        assert_int_equal(execute.wanted_count, 0);
    }
}

static void a_clock_that_jumps_stops_the_orders_of_the_same_moment(void **fixture)
{
    (void)fixture;
    flat(10000);
    (void)put_approval(0, MR_LONG, 1000);
    uint32_t first = sample.count;
    int64_t now = sample.market.event_time_unix_ns;
    assert_int_equal(mri_engine_sample_tick(&sample, now, MRI_REASON_CLOCK_STEP), MR_OK);
    static const uint16_t types[] = {
        MRI_EVENT_TICK, MRI_EVENT_MODE_CHANGED, MRI_EVENT_SIGNAL_MOVED};
    expect_types(first, types, MRI_COUNT_OF(types));
    assert_int_equal(execute.mode.mode, MRI_MODE_CLOSE_ONLY);
    assert_int_equal(mri_engine_sample_tick(&sample, now, MRI_REASON_CLOCKS_AGREE), MR_OK);
    assert_int_equal(execute.mode.mode, MRI_MODE_RUN);
    (void)approve(MR_LONG);
    assert_int_equal(mri_engine_sample_count(&sample, MRI_EVENT_ORDER_INTENT, first), 1);
}

static void in_close_only_every_exit_still_works(void **fixture)
{
    (void)fixture;
    enter(MR_LONG);
    put_mode(MRI_MODE_CLOSE_ONLY);
    for (unsigned i = 1; i < HOLD_MINUTES; i++) {
        flat(10000);
    }
    expect_closed(flat(10000), MRI_REASON_TIME, 10000, 9997);
    put_mode(MRI_MODE_RUN);
    enter(MR_LONG);
    put_mode(MRI_MODE_CLOSE_ONLY);
    expect_closed(flat(9000), MRI_REASON_STOP, 9000, 8997);
}

static void in_halt_nothing_new_is_sent_and_resting_exits_still_fill(void **fixture)
{
    (void)fixture;
    enter(MR_LONG);
    put_mode(MRI_MODE_HALT);
    uint32_t first = sample.count;
    for (unsigned i = 0; i < 2 * HOLD_MINUTES; i++) {
        flat(10000);
    }
    assert_int_equal(mri_engine_sample_count(&sample, MRI_EVENT_ORDER_INTENT, first), 0);
    expect_closed(bar(10000, 10000, 9900, 9950), MRI_REASON_STOP, 9953, 9950);
}

static void books_that_do_not_add_up_halt_trading(void **fixture)
{
    (void)fixture;
    enter(MR_LONG);
    flat(9000);
    static struct mri_engine_sample other;
    static struct mri_execute fooled;
    mri_engine_sample_init(&other, SYMBOLS);
    assert_int_equal(mri_execute_init(&fooled, mri_alloc_system(), &other.market, &options), MR_OK);
    mri_engine_sample_add(&other, &mri_execute_fills_engine, &fooled);
    for (uint32_t i = 0; i < sample.count; i++) {
        struct mri_event event = sample.events[i];
        struct mri_position_closed closed;
        if (event.type == MRI_EVENT_POSITION_CLOSED) {
            closed = *(const struct mri_position_closed *)event.body;
            closed.net_e8 += 1;
            closed.gross_e8 += 1; /* it still adds up, but the cash says otherwise */
            event.body = &closed;
        }
        assert_int_equal(mri_engine_sample_fold(&other, &event), MR_OK);
    }
    assert_int_equal(execute.ledger.mismatches, 0);
    assert_int_equal(fooled.ledger.mismatches, 1);
    mri_engine_sample_add(&other, &mri_execute_orders_engine, &fooled);
    assert_int_equal(
        mri_engine_sample_tick(&other, sample.market.event_time_unix_ns, MRI_REASON_TIME_PASSED),
        MR_OK);
    assert_int_equal(fooled.mode.mode, MRI_MODE_HALT);
    const struct mri_mode_changed *change = other.events[1].body;
    assert_int_equal(change->actor, MRI_ACTOR_LEDGER);
    assert_int_equal(change->reason, MRI_REASON_LEDGER_MISMATCH);
    mri_execute_fini(&fooled);
    mri_engine_sample_fini(&other);
}

/* ---- events that contradict the state -------------------------------------------------------- */

static mr_err put(enum mri_event_type type, const void *fixed, uint32_t ordinal)
{
    return mri_engine_sample_put(
        &sample, &(struct mri_draft){.type = (uint16_t)type, .fixed = fixed}, ordinal);
}

static void an_order_event_that_the_table_does_not_allow_is_damage(void **fixture)
{
    (void)fixture;
    flat(10000);
    uint32_t ordinal = put_approval(0, MR_LONG, 1000);
    const struct mri_order_intent intent = {.quantity = 1000, .side = MR_LONG};
    const struct mri_order_sent sent = {.leg = MRI_LEG_ENTRY};
    const struct mri_order_filled fill = {.quantity = 1000, .price = 10000, .side = MR_LONG};
    assert_int_equal(put(MRI_EVENT_ORDER_SENT, &sent, ordinal), MR_ECORRUPT); /* no intent */
    assert_int_equal(put(MRI_EVENT_ORDER_FILLED, &fill, ordinal), MR_ECORRUPT);
    assert_int_equal(put(MRI_EVENT_ORDER_INTENT, &intent, ordinal), MR_OK);
    assert_int_equal(put(MRI_EVENT_ORDER_INTENT, &intent, ordinal), MR_ECORRUPT); /* twice */
    assert_int_equal(put(MRI_EVENT_ORDER_ACCEPTED, &sent, ordinal), MR_ECORRUPT);
    assert_int_equal(put(MRI_EVENT_ORDER_SENT, &sent, ordinal), MR_OK);
    assert_int_equal(put(MRI_EVENT_ORDER_ACCEPTED, &sent, ordinal), MR_OK);
    assert_int_equal(put(MRI_EVENT_ORDER_FILLED, &fill, ordinal), MR_OK);
    assert_int_equal(put(MRI_EVENT_ORDER_FILLED, &fill, ordinal), MR_ECORRUPT); /* twice */
    assert_int_equal(put(MRI_EVENT_ORDER_CANCELLED, &sent, ordinal), MR_ECORRUPT);
    assert_true(execute.ledger.fills == 1);
}

static void an_event_of_a_position_that_is_none_is_damage(void **fixture)
{
    (void)fixture;
    flat(10000);
    uint32_t ordinal = put_approval(0, MR_LONG, 1000);
    const struct mri_order_intent elsewhere = {.quantity = 1, .side = MR_LONG, .instrument = 1};
    const struct mri_order_intent nowhere = {.quantity = 1, .side = MR_LONG, .instrument = 99};
    const struct mri_order_intent here = {.quantity = 1, .side = MR_LONG};
    const struct mri_position_closed closed = {.side = MR_LONG};
    const struct mri_position_opened opened = {.side = MR_LONG, .symbol = 2, .instrument = 2};
    assert_int_equal(put(MRI_EVENT_ORDER_INTENT, &elsewhere, ordinal), MR_ECORRUPT);
    assert_int_equal(put(MRI_EVENT_ORDER_INTENT, &nowhere, ordinal), MR_ECORRUPT);
    assert_int_equal(put(MRI_EVENT_ORDER_INTENT, &here, ordinal + 1), MR_ECORRUPT);
    assert_int_equal(put(MRI_EVENT_POSITION_CLOSED, &closed, ordinal), MR_ECORRUPT);
    assert_int_equal(put(MRI_EVENT_POSITION_OPENED, &opened, ordinal), MR_ECORRUPT);
    const struct mri_row_order_size size = {.quantity = 1000};
    const struct mri_decision second = {
        .verdict = MRI_VERDICT_PASS, .side = MR_LONG, .size_count = 1};
    const struct mri_draft draft = {
        .type = MRI_EVENT_DECISION, .fixed = &second, .rows = {NULL, NULL, &size, NULL}};
    assert_int_equal(mri_engine_sample_put(&sample, &draft, ordinal + 1), MR_ECORRUPT);
}

static void a_signal_that_another_process_ended_gets_no_order(void **fixture)
{
    (void)fixture;
    flat(10000);
    uint32_t ordinal = put_approval(0, MR_LONG, 1000);
    struct mri_signal_moved move = {.from = MR_APPROVED,
        .to = MR_BLOCKED,
        .actor = MRI_ACTOR_EXTERNAL,
        .gate = MRI_GATE_EXTERNAL,
        .reason = MRI_REASON_EXTERNAL};
    assert_int_equal(put(MRI_EVENT_SIGNAL_MOVED, &move, ordinal), MR_OK);
    settle();
    flat(10000);
    assert_int_equal(mri_engine_sample_count(&sample, MRI_EVENT_ORDER_INTENT, 0), 0);
    assert_int_equal(execute.positions[0].ordinal, 0);
    ordinal = approve(MR_LONG);
    move.from = MR_EXECUTING;
    assert_int_equal(put(MRI_EVENT_SIGNAL_MOVED, &move, ordinal), MR_OK);
    flat(10000);
    assert_int_equal(mri_engine_sample_count(&sample, MRI_EVENT_ORDER_FILLED, 0), 0);
    assert_int_equal(execute.positions[0].ordinal, 0);
}

static void a_fill_whose_numbers_do_not_fit_is_a_fault(void **fixture)
{
    (void)fixture;
    flat(10000);
    (void)put_approval(0, MR_LONG, INT64_MAX / 2);
    settle();
    struct mri_candle candle = mri_engine_sample_bar(0, minute + 1, 10000);
    assert_int_equal(mri_engine_sample_candle(&sample, &candle), MR_ERANGE);
    assert_int_equal(mri_engine_sample_count(&sample, MRI_EVENT_ORDER_FILLED, 0), 0);
    assert_true(execute.ledger.cash_e8 == 0);
}

static void memory_that_is_missing_is_answered(void **fixture)
{
    (void)fixture;
    struct failing_alloc alloc;
    struct mri_execute engine;
    failing_alloc_init(&alloc, 1);
    assert_int_equal(mri_execute_init(&engine, &alloc.alloc, &sample.market, &options), MR_ENOMEM);
    mri_execute_fini(&engine);
    mri_execute_fini(NULL);
    assert_int_equal(alloc.live_bytes, 0);
}

/** A quote of symbol 0 so many seconds behind the newest bar. Returns as bar(). */
static uint32_t quote(int64_t seconds, int64_t middle)
{
    uint32_t first = sample.count + 1;
    assert_int_equal(mri_engine_sample_quote(&sample, 0,
                         T0 + minute * MINUTE + seconds * MINUTE / 60, middle - 1, middle + 1),
        MR_OK);
    return first;
}

static void an_order_fills_at_the_middle_of_the_next_quote(void **fixture)
{
    (void)fixture;
    flat(10000);
    (void)approve(MR_LONG);
    uint32_t first = quote(10, 10100);
    const struct mri_order_filled *fill = body(MRI_EVENT_ORDER_FILLED, first);
    assert_int_equal(fill->reference_price, 10100);
    assert_int_equal(fill->price, 10104); /* half the spread and slippage against the trader */
    assert_int_equal(fill->event_time_unix_ns, T0 + minute * MINUTE + 10 * MINUTE / 60);
    assert_int_equal(execute.open_count, 1);
}

static void a_stop_and_a_target_are_met_by_quotes(void **fixture)
{
    (void)fixture;
    enter(MR_LONG);
    (void)quote(10, 9954);
    assert_int_equal(execute.open_count, 1);
    uint32_t first = quote(20, 9950);
    expect_closed(first, MRI_REASON_STOP, 9950, 9947); /* beyond it: at the quote */
    enter(MR_LONG);
    first = quote(20, 10110);
    expect_closed(first, MRI_REASON_TARGET, 10110, 10110);
}

static void what_a_bar_ranged_before_a_quote_filled_the_entry_is_not_met(void **fixture)
{
    (void)fixture;
    flat(10000);
    (void)approve(MR_LONG);
    (void)quote(30, 10000);
    assert_int_equal(execute.open_count, 1);
    (void)bar(10000, 10200, 9900, 10010); /* stop and target lie within, maybe before */
    assert_int_equal(execute.open_count, 1);
    (void)quote(30, 10010);
    uint32_t first = bar(10010, 10020, 9900, 10010); /* it was open when this bar began */
    expect_closed(first, MRI_REASON_STOP, 9953, 9950);
}

static void a_bar_with_quotes_within_fills_an_order_at_its_close(void **fixture)
{
    (void)fixture;
    flat(10000);
    (void)quote(30, 10050);
    (void)approve(MR_LONG); /* in the middle of the next bar */
    uint32_t first = bar(9000, 10100, 9000, 10080);
    const struct mri_order_filled *fill = body(MRI_EVENT_ORDER_FILLED, first);
    assert_int_equal(fill->reference_price, 10080);
    assert_int_equal(fill->event_time_unix_ns, T0 + minute * MINUTE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_intent_is_logged_before_the_order_is_sent),
        TEST(an_order_of_a_bars_close_fills_at_the_open_of_the_next),
        TEST(an_order_that_the_venue_refuses_blocks_the_signal_and_frees_the_symbol),
        TEST(a_stop_fills_where_it_stands_and_cancels_the_target),
        TEST(a_target_fills_at_its_price_and_cancels_the_stop),
        TEST(a_short_gains_below_and_stops_above),
        TEST(when_a_bar_reaches_both_the_stop_comes_first),
        TEST(the_bar_of_the_entry_may_already_reach_the_stop),
        TEST(a_gap_beyond_an_exit_fills_at_the_open),
        TEST(when_its_time_is_over_a_position_closes_at_the_next_open),
        TEST(an_approval_is_blocked_when_the_mode_no_longer_allows_it),
        TEST(a_clock_that_jumps_stops_the_orders_of_the_same_moment),
        TEST(in_close_only_every_exit_still_works),
        TEST(in_halt_nothing_new_is_sent_and_resting_exits_still_fill),
        TEST(books_that_do_not_add_up_halt_trading),
        TEST(an_order_event_that_the_table_does_not_allow_is_damage),
        TEST(an_event_of_a_position_that_is_none_is_damage),
        TEST(a_signal_that_another_process_ended_gets_no_order),
        TEST(a_fill_whose_numbers_do_not_fit_is_a_fault),
        TEST(an_order_fills_at_the_middle_of_the_next_quote),
        TEST(a_stop_and_a_target_are_met_by_quotes),
        TEST(what_a_bar_ranged_before_a_quote_filled_the_entry_is_not_met),
        TEST(a_bar_with_quotes_within_fills_an_order_at_its_close),
        TEST(memory_that_is_missing_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
