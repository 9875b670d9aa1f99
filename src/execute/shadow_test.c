/* SPDX-License-Identifier: MIT */
/*
 * The shadow book on a market: a twin earns what its trade earns, what is blocked earns what it
 * would have, and whatever cannot be priced is told.
 */
#include "execute/shadow.h"

#include "base/prng.h"
#include "execute/execute.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/engine_sample.h"
#include "tests/lib/failing_alloc.h"

#define T0     MRI_ENGINE_SAMPLE_T0_UNIX_NS
#define MINUTE MRI_ENGINE_SAMPLE_MINUTE_NS

enum { SYMBOLS = 3, HOLD_MINUTES = 10, BASE = 1000, SAVED_MAX = 1 << 22 };

static const struct mri_execute_options execute_options = {
    .costs = {.fee_e6 = 500, .half_spread_e6 = 100, .slippage_e6 = 200},
    .exits = {.stop_sd = 1.0, .target_sd = 2.0, .hold_ns = HOLD_MINUTES * MINUTE},
    .venue_mode = MRI_VENUE_SIM,
    .symbols_max = MRI_ENGINE_SAMPLE_SYMBOLS_MAX,
};

static const struct mri_shadow_options options = {
    .costs = {.fee_e6 = 500, .half_spread_e6 = 100, .slippage_e6 = 200},
    .exits = {.stop_sd = 1.0, .target_sd = 2.0, .hold_ns = HOLD_MINUTES * MINUTE},
    .venue_mode = MRI_VENUE_SIM,
    .is_enabled = true,
    .places_max = 100000,
    .notional = BASE,
    .symbols_max = MRI_ENGINE_SAMPLE_SYMBOLS_MAX,
};

/** A log with its engines. */
struct trading {
    struct mri_engine_sample log;
    struct mri_execute execute;
    struct mri_shadows shadows;
    int64_t minute; /* of the newest bar */
};

static struct trading it;

static void add_engines(struct trading *trading)
{
    assert_int_equal(mri_execute_init(&trading->execute, mri_alloc_system(), &trading->log.market,
                         &execute_options),
        MR_OK);
    assert_int_equal(
        mri_shadows_init(&trading->shadows, mri_alloc_system(), &trading->log.market, &options),
        MR_OK);
    mri_engine_sample_add(&trading->log, &mri_execute_fills_engine, &trading->execute);
    mri_engine_sample_add(&trading->log, &mri_execute_orders_engine, &trading->execute);
    mri_engine_sample_add(&trading->log, &mri_shadow_engine, &trading->shadows);
}

static void open_trading(struct trading *trading)
{
    *trading = (struct trading){.minute = 0};
    mri_engine_sample_init(&trading->log, SYMBOLS);
    add_engines(trading);
}

static void close_trading(struct trading *trading)
{
    mri_shadows_fini(&trading->shadows);
    mri_execute_fini(&trading->execute);
    mri_engine_sample_fini(&trading->log);
}

static int set_up(void **fixture)
{
    (void)fixture;
    open_trading(&it);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    close_trading(&it);
    return 0;
}

/** The next bar of symbol 0. Returns the index of the first event after it. */
static uint32_t bar(int64_t open, int64_t high, int64_t low, int64_t close)
{
    struct mri_candle candle = mri_engine_sample_bar(0, ++it.minute, close);
    candle.open = open;
    candle.high = high;
    candle.low = low;
    uint32_t first = it.log.count + 1;
    assert_int_equal(mri_engine_sample_candle(&it.log, &candle), MR_OK);
    return first;
}

static uint32_t flat(int64_t price)
{
    return bar(price, price, price, price);
}

static uint32_t emit(struct trading *trading, uint32_t symbol, mr_side side)
{
    const struct mri_engine_sample_signal signal = {.source = "desk",
        .time_unix_ns = trading->log.market.event_time_unix_ns,
        .valid_for_ns = 5 * MINUTE,
        .confidence = 0.5,
        .symbol = symbol,
        .side = side};
    assert_int_equal(mri_engine_sample_emit(&trading->log, &signal), MR_OK);
    return trading->log.next_ordinal - 1;
}

/** Log a decision about the newest signal. quantity < 0: it was not sized. */
static void decide(
    struct trading *trading, uint32_t ordinal, struct mri_decision decision, int64_t quantity)
{
    const struct mri_row_order_size size = {.quantity = quantity, .notional_e8 = 1};
    decision.signal = trading->log.count;
    decision.size_count = quantity >= 0;
    const struct mri_draft draft = {
        .type = MRI_EVENT_DECISION, .fixed = &decision, .rows = {NULL, NULL, &size, NULL}};
    mr_err err = decision.cause == 0 ? mri_engine_sample_take(&trading->log, &draft, ordinal)
                                     : mri_engine_sample_put(&trading->log, &draft, ordinal);
    assert_int_equal(err, MR_OK);
}

static uint32_t approve(mr_side side, int64_t quantity)
{
    uint32_t ordinal = emit(&it, 0, side);
    decide(&it, ordinal, (struct mri_decision){.verdict = MRI_VERDICT_PASS, .side = (uint8_t)side},
        quantity);
    return ordinal;
}

static uint32_t block(mr_side side, enum mri_gate gate)
{
    uint32_t ordinal = emit(&it, 0, side);
    decide(&it, ordinal,
        (struct mri_decision){
            .verdict = MRI_VERDICT_BLOCK, .gate = (uint8_t)gate, .side = (uint8_t)side},
        -1);
    return ordinal;
}

static void move(uint32_t ordinal, mr_state from, mr_state to, enum mri_gate gate)
{
    const struct mri_signal_moved moved = {.from = (uint8_t)from,
        .to = (uint8_t)to,
        .actor = MRI_ACTOR_EXTERNAL,
        .gate = (uint8_t)gate,
        .reason = MRI_REASON_EXTERNAL};
    assert_int_equal(
        mri_engine_sample_take(
            &it.log, &(struct mri_draft){.type = MRI_EVENT_SIGNAL_MOVED, .fixed = &moved}, ordinal),
        MR_OK);
}

/** The event of a kind about a signal; NULL: there is none. It must be the only one. */
static const struct mri_event *find(
    const struct trading *trading, enum mri_event_type type, uint32_t ordinal)
{
    const struct mri_event *found = NULL;
    for (uint32_t i = 0; i < trading->log.count; i++) {
        const struct mri_event *event = &trading->log.events[i];
        if (event->type == type && event->ordinal == ordinal) {
            assert_null(found);
            found = event;
        }
    }
    return found;
}

static const struct mri_shadow_closed *closed(uint32_t ordinal)
{
    const struct mri_event *event = find(&it, MRI_EVENT_SHADOW_CLOSED, ordinal);
    return event == NULL ? NULL : event->body;
}

/** How a shadow was opened, as its end says, else as the book has it; NULL: it was not. */
static const struct mri_shadow *opened(uint32_t ordinal)
{
    static struct mri_shadow found[4];
    static unsigned next;
    const struct mri_shadow *open = mri_shadow_book_find(&it.shadows.book, ordinal);
    const struct mri_shadow_closed *end = closed(ordinal);
    if (end == NULL) {
        return open != NULL && open->state == MRI_SHADOW_OPEN ? open : NULL;
    }
    assert_null(open);
    struct mri_shadow *told = &found[next++ % MRI_COUNT_OF(found)];
    *told = (struct mri_shadow){.quantity = end->quantity,
        .entry_price = end->entry_price,
        .stop_price = end->stop_price,
        .target_price = end->target_price,
        .opened_unix_ns = end->entry_time_unix_ns,
        .side = end->side,
        .gate = end->gate,
        .advisory = end->advisory};
    return end->entry == 0 ? NULL : told;
}

static void a_twin_is_its_trade(const struct trading *trading, uint32_t ordinal)
{
    const struct mri_event *event = find(trading, MRI_EVENT_SHADOW_CLOSED, ordinal);
    const struct mri_position_opened *entry =
        find(trading, MRI_EVENT_POSITION_OPENED, ordinal)->body;
    const struct mri_position_closed *exit =
        find(trading, MRI_EVENT_POSITION_CLOSED, ordinal)->body;
    const struct mri_event *filled = find(trading, MRI_EVENT_POSITION_OPENED, ordinal);
    assert_non_null(event);
    const struct mri_shadow_closed *twin = event->body;
    assert_int_equal(mri_ref_seq(twin->entry, event->seq), mri_ref_seq(entry->cause, filled->seq));
    assert_int_equal(twin->entry_time_unix_ns, entry->event_time_unix_ns);
    assert_int_equal(twin->quantity, entry->quantity);
    assert_int_equal(twin->entry_price, entry->price);
    assert_int_equal(twin->stop_price, entry->stop_price);
    assert_int_equal(twin->target_price, entry->target_price);
    assert_int_equal(twin->event_time_unix_ns, exit->event_time_unix_ns);
    assert_int_equal(twin->exit_price, exit->exit_price);
    assert_int_equal(twin->gross_e8, exit->gross_e8);
    assert_int_equal(twin->fee_e8, exit->fee_e8);
    assert_int_equal(twin->slippage_e8, exit->slippage_e8);
    assert_int_equal(twin->net_e8, exit->net_e8);
    assert_int_equal(twin->reason, exit->reason);
    assert_int_equal(twin->side, exit->side);
    assert_int_equal(twin->gate, MRI_GATE_NONE);
    assert_int_equal(
        mri_ref_seq(twin->decided, event->seq), find(trading, MRI_EVENT_DECISION, ordinal)->seq);
    assert_int_equal(mri_ref_seq(twin->signal, event->seq),
        find(trading, MRI_EVENT_SIGNAL_GENERATED, ordinal)->seq);
}

/* ---- twins and blocked ones ------------------------------------------------------------------ */

static void what_was_blocked_earns_what_it_would_have_earned(void **fixture)
{
    (void)fixture;
    static const int64_t paths[][4] = {
        {10000, 10010, 9000, 9990}, {10000, 11000, 9990, 10010}, {10000, 10001, 9999, 10000}};
    for (unsigned i = 0; i < MRI_COUNT_OF(paths) * 2; i++) {
        mr_side side = i % 2 == 0 ? MR_LONG : MR_SHORT;
        const int64_t *path = paths[i / 2];
        flat(10000);
        uint32_t traded = approve(side, 10000); /* 10 at 100.00: the base size of 1000 */
        uint32_t blocked = block(side, MRI_GATE_COOLDOWN);
        flat(10000);
        bar(path[0], path[1], path[2], path[3]);
        for (unsigned k = 0; k < HOLD_MINUTES + 2; k++) {
            flat(path[3]);
        }
        a_twin_is_its_trade(&it, traded);
        const struct mri_position_closed *trade =
            find(&it, MRI_EVENT_POSITION_CLOSED, traded)->body;
        const struct mri_shadow_closed *shadow = closed(blocked);
        assert_int_equal(opened(blocked)->quantity, 10000);
        assert_int_equal(shadow->gross_e8, trade->gross_e8);
        assert_int_equal(shadow->fee_e8, trade->fee_e8);
        assert_int_equal(shadow->net_e8, trade->net_e8);
        assert_int_equal(shadow->exit_price, trade->exit_price);
        assert_int_equal(shadow->reason, trade->reason);
        assert_int_equal(shadow->gate, MRI_GATE_COOLDOWN);
        assert_int_equal(shadow->slippage_e8, trade->slippage_e8);
    }
    assert_int_equal(it.shadows.book.places.count, 0);
    assert_int_equal(it.execute.ledger.closes, MRI_COUNT_OF(paths) * 2); /* of the trades alone */
}

static void a_shadow_opens_behind_the_price_that_was_decided_on(void **fixture)
{
    (void)fixture;
    flat(10000);
    uint32_t ordinal = emit(&it, 0, MR_LONG);
    const struct mri_decision decision = {.cause = it.log.count, /* the signal itself */
        .verdict = MRI_VERDICT_BLOCK,
        .gate = MRI_GATE_STALE,
        .side = MR_LONG};
    decide(&it, ordinal, decision, -1);
    assert_int_equal(
        mri_engine_sample_tick(&it.log, it.log.market.event_time_unix_ns, MRI_REASON_TIME_PASSED),
        MR_OK);
    assert_null(opened(ordinal));
    flat(10100);
    assert_int_equal(opened(ordinal)->entry_reference_price, 10100);
    assert_int_equal(opened(ordinal)->opened_unix_ns, T0 + MINUTE);
}

static void a_decision_on_a_bar_opens_at_the_next(void **fixture)
{
    (void)fixture;
    flat(10000);
    uint32_t ordinal = emit(&it, 0, MR_LONG);
    flat(10000);
    const struct mri_decision decision = {.cause = it.log.count, /* the bar */
        .verdict = MRI_VERDICT_BLOCK,
        .gate = MRI_GATE_STALE,
        .side = MR_LONG};
    decide(&it, ordinal, decision, -1);
    assert_int_equal(
        mri_engine_sample_tick(&it.log, it.log.market.event_time_unix_ns, MRI_REASON_TIME_PASSED),
        MR_OK);
    assert_null(opened(ordinal));
    flat(10100);
    assert_int_equal(opened(ordinal)->entry_reference_price, 10100);
}

static void a_bar_may_open_and_stop_a_shadow(void **fixture)
{
    (void)fixture;
    flat(10000);
    uint32_t ordinal = block(MR_LONG, MRI_GATE_COVERAGE);
    uint32_t first = bar(10000, 10000, 9000, 9500);
    assert_int_equal(it.log.events[first].type, MRI_EVENT_SHADOW_CLOSED);
    assert_int_equal(closed(ordinal)->entry_time_unix_ns, closed(ordinal)->event_time_unix_ns);
    assert_int_equal(closed(ordinal)->reason, MRI_REASON_STOP);
    assert_true(closed(ordinal)->net_e8 < 0);
}

/** Draw a market of bars and quotes with trades in it; the mode is RUN throughout. */
static void draw(struct trading *trading, struct mri_prng *prng, int64_t *closes)
{
    trading->minute++;
    for (uint32_t symbol = 0; symbol < SYMBOLS; symbol++) {
        int64_t *close = &closes[symbol];
        int64_t size = *close / 200 + 1;
        int64_t open = *close + (int64_t)mri_prng_below(prng, (uint64_t)size) - size / 2;
        int64_t time = T0 + trading->minute * MINUTE;
        if (mri_prng_below(prng, 30) == 0) {
            continue;
        }
        if (mri_prng_below(prng, 10) == 0) {
            assert_int_equal(mri_engine_sample_quote(&trading->log, symbol,
                                 trading->log.market.event_time_unix_ns > time - MINUTE / 2
                                     ? trading->log.market.event_time_unix_ns
                                     : time - MINUTE / 2,
                                 open - 1, open + 1),
                MR_OK);
        }
        *close = open + (int64_t)mri_prng_below(prng, (uint64_t)(2 * size)) - size;
        *close = *close < 2000 ? 2000 : *close;
        struct mri_candle made = mri_engine_sample_bar(symbol, trading->minute, *close);
        made.open = open;
        made.high = (open > *close ? open : *close) + (int64_t)mri_prng_below(prng, 30);
        made.low = (open < *close ? open : *close) - (int64_t)mri_prng_below(prng, 30);
        assert_int_equal(mri_engine_sample_candle(&trading->log, &made), MR_OK);
        bool is_free = trading->execute.positions[symbol].ordinal == 0;
        mr_side side = mri_prng_below(prng, 2) == 0 ? MR_LONG : MR_SHORT;
        bool is_traded = is_free && mri_prng_below(prng, 4) == 0;
        if (is_traded || mri_prng_below(prng, 3) == 0) {
            uint32_t ordinal = emit(trading, symbol, side);
            const struct mri_decision decision = {
                .verdict = is_traded ? MRI_VERDICT_PASS : MRI_VERDICT_BLOCK,
                .gate = is_traded ? MRI_GATE_NONE : MRI_GATE_COOLDOWN,
                .side = (uint8_t)side,
                .symbol = symbol};
            decide(trading, ordinal, decision,
                is_traded ? 1 + (int64_t)mri_prng_below(prng, 50000) : -1);
        }
    }
}

static void every_trade_on_a_random_market_has_its_twin(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    int64_t closes[SYMBOLS] = {10000, 12000, 8000};
    unsigned trades = 0;
    unsigned reasons[MRI_REASON_TIME + 1] = {0};
    mri_prng_init(&prng, 5);
    for (unsigned i = 0; i < 1500; i++) {
        draw(&it, &prng, closes);
    }
    for (uint32_t i = 0; i < it.log.count; i++) {
        if (it.log.events[i].type == MRI_EVENT_POSITION_CLOSED) {
            const struct mri_position_closed *end = it.log.events[i].body;
            a_twin_is_its_trade(&it, it.log.events[i].ordinal);
            trades++;
            reasons[end->reason]++;
        }
    }
    assert_true(trades > 300);
    assert_true(reasons[MRI_REASON_STOP] > 20 && reasons[MRI_REASON_TARGET] > 5 &&
                reasons[MRI_REASON_TIME] > 20);
    assert_int_equal(it.execute.ledger.mismatches, 0);
}

/* ---- who gets one ---------------------------------------------------------------------------- */

static void a_move_without_a_decision_is_one(void **fixture)
{
    (void)fixture;
    flat(10000);
    uint32_t blocked = emit(&it, 0, MR_LONG);
    uint32_t expired = emit(&it, 0, MR_SHORT);
    uint32_t taken = emit(&it, 0, MR_LONG);
    uint32_t waiting = emit(&it, 0, MR_LONG);
    move(blocked, MR_GENERATED, MR_BLOCKED, MRI_GATE_EXTERNAL);
    move(expired, MR_GENERATED, MR_EXPIRED, MRI_GATE_EXPIRY);
    move(taken, MR_GENERATED, MR_EVALUATING, MRI_GATE_NONE);
    move(taken, MR_EVALUATING, MR_APPROVED, MRI_GATE_NONE);
    flat(10000);
    assert_int_equal(opened(blocked)->gate, MRI_GATE_EXTERNAL);
    assert_int_equal(opened(expired)->gate, MRI_GATE_EXPIRY);
    assert_int_equal(opened(expired)->side, MR_SHORT);
    assert_int_equal(opened(taken)->gate, MRI_GATE_NONE);
    assert_null(opened(waiting));
}

static void the_gate_that_ends_an_approval_is_in_the_end(void **fixture)
{
    (void)fixture;
    flat(10000);
    uint32_t ordinal = emit(&it, 0, MR_LONG);
    move(ordinal, MR_GENERATED, MR_APPROVED, MRI_GATE_NONE);
    flat(10000);
    assert_int_equal(opened(ordinal)->gate, MRI_GATE_NONE);
    move(ordinal, MR_APPROVED, MR_BLOCKED, MRI_GATE_EXTERNAL);
    bar(10000, 10000, 9000, 9500);
    assert_int_equal(closed(ordinal)->gate, MRI_GATE_EXTERNAL);
}

static void what_the_venue_refuses_is_blocked_by_the_venue(void **fixture)
{
    (void)fixture;
    flat(10000);
    uint32_t ordinal = approve(MR_LONG, 0); /* no order can be so small */
    assert_non_null(find(&it, MRI_EVENT_ORDER_REJECTED, ordinal));
    flat(10000);
    assert_int_equal(opened(ordinal)->gate, MRI_GATE_VENUE);
}

static void a_signal_has_one_shadow_whatever_comes_later(void **fixture)
{
    (void)fixture;
    flat(10000);
    uint32_t ordinal = emit(&it, 0, MR_LONG);
    decide(&it, ordinal,
        (struct mri_decision){.verdict = MRI_VERDICT_PASS, .advisory = 1, .side = MR_LONG}, 1000);
    bar(10000, 10000, 9000, 9500);
    assert_int_equal(opened(ordinal)->advisory, 1);
    assert_int_equal(opened(ordinal)->quantity, 1000);
    assert_int_equal(closed(ordinal)->advisory, 1);
    move(ordinal, MR_GENERATED, MR_BLOCKED, MRI_GATE_EXTERNAL);
    flat(10000);
    assert_non_null(opened(ordinal)); /* find() takes only one */
    assert_int_equal(closed(ordinal)->gate, MRI_GATE_NONE);
    assert_null(find(&it, MRI_EVENT_ORDER_INTENT, ordinal));
}

/* ---- who gets none --------------------------------------------------------------------------- */

static void a_signal_of_a_symbol_without_a_price_takes_no_place(void **fixture)
{
    (void)fixture;
    flat(10000);
    uint32_t ordinal = emit(&it, 1, MR_LONG);
    assert_int_equal(it.shadows.book.places.count, 0);
    assert_int_equal(it.shadows.book.unpriced, 1);
    assert_int_equal(it.shadows.book.left_out, 0);
    move(ordinal, MR_GENERATED, MR_EXPIRED, MRI_GATE_EXPIRY);
    flat(10000);
    assert_null(closed(ordinal));
}

/** The next bar of symbol 0, and of symbol 1, too, if it has one. */
static void both(bool is_second)
{
    flat(10000);
    if (is_second) {
        const struct mri_candle other = mri_engine_sample_bar(1, it.minute, 12000);
        assert_int_equal(mri_engine_sample_candle(&it.log, &other), MR_OK);
    }
}

static void what_waits_for_a_price_that_has_stopped_ends_unresolved(void **fixture)
{
    (void)fixture;
    both(true);
    uint32_t born = emit(&it, 1, MR_LONG);
    uint32_t open = emit(&it, 1, MR_LONG);
    move(open, MR_GENERATED, MR_BLOCKED, MRI_GATE_EXTERNAL);
    both(true);
    uint32_t wanted = emit(&it, 1, MR_SHORT);
    move(wanted, MR_GENERATED, MR_BLOCKED, MRI_GATE_EXTERNAL);
    for (unsigned i = 0; i < 2 * HOLD_MINUTES; i++) {
        both(false);
    }
    assert_int_equal(it.shadows.book.counts[MRI_SHADOW_OPEN], 1);
    assert_int_equal(it.shadows.book.counts[MRI_SHADOW_WANTED], 1);
    both(false);
    assert_int_equal(closed(open)->reason, MRI_REASON_NO_PRICE_SOURCE);
    assert_true(closed(open)->entry_price > 12000 && closed(open)->exit_price == 0);
    assert_int_equal(closed(wanted)->reason, MRI_REASON_NO_PRICE_SOURCE);
    assert_int_equal(closed(wanted)->entry_price, 0);
    emit(&it, 1, MR_LONG); /* and from now on nobody takes a place for it */
    assert_int_equal(it.shadows.book.unpriced, 1);
    assert_int_equal(it.shadows.book.places.count, 1);
    move(born, MR_GENERATED, MR_BLOCKED, MRI_GATE_EXTERNAL);
    assert_int_equal(closed(born)->reason, MRI_REASON_NO_PRICE_SOURCE);
    assert_int_equal(it.shadows.book.places.count, 0);
    both(true);
    uint32_t again = emit(&it, 1, MR_LONG);
    move(again, MR_GENERATED, MR_BLOCKED, MRI_GATE_EXTERNAL);
    both(true);
    assert_non_null(opened(again));
}

static void a_pause_of_the_whole_market_is_no_silence(void **fixture)
{
    (void)fixture;
    both(true);
    uint32_t ordinal = emit(&it, 1, MR_LONG);
    move(ordinal, MR_GENERATED, MR_BLOCKED, MRI_GATE_EXTERNAL);
    both(true);
    it.minute += 1000;
    both(false);
    assert_null(closed(ordinal));
    both(true);
    both(true);
    assert_int_equal(closed(ordinal)->reason, MRI_REASON_TIME);
}

static void a_base_size_below_the_smallest_order_is_told(void **fixture)
{
    (void)fixture;
    flat(10000);
    it.shadows.options.notional = 0.01;
    uint32_t ordinal = block(MR_LONG, MRI_GATE_COVERAGE);
    flat(10000);
    assert_int_equal(closed(ordinal)->reason, MRI_REASON_SIZE_BELOW_MINIMUM);
    assert_null(opened(ordinal));
    assert_int_equal(it.shadows.book.places.count, 0);
}

static void what_does_not_fit_into_numbers_is_told(void **fixture)
{
    (void)fixture;
    flat(10000);
    uint32_t ordinal = emit(&it, 0, MR_LONG);
    decide(&it, ordinal,
        (struct mri_decision){.verdict = MRI_VERDICT_PASS, .advisory = 1, .side = MR_LONG},
        INT64_MAX / 2);
    flat(INT64_MAX / 1000);
    assert_int_equal(closed(ordinal)->reason, MRI_REASON_NUMBER_RANGE);
}

static void a_full_book_counts_what_it_leaves_out(void **fixture)
{
    (void)fixture;
    flat(10000);
    it.shadows.options.places_max = 2;
    uint32_t first = block(MR_LONG, MRI_GATE_STALE);
    uint32_t second = block(MR_LONG, MRI_GATE_STALE);
    uint32_t third = block(MR_LONG, MRI_GATE_STALE);
    flat(10000);
    assert_non_null(opened(first));
    assert_non_null(opened(second));
    assert_null(opened(third));
    assert_int_equal(it.shadows.book.left_out, 1);
    bar(10000, 10000, 9000, 9500);
    uint32_t fourth = block(MR_LONG, MRI_GATE_STALE);
    flat(10000);
    assert_non_null(opened(fourth));
    assert_int_equal(it.shadows.book.left_out, 1);
}

static void switched_off_the_book_takes_nothing_and_closes_what_it_has(void **fixture)
{
    (void)fixture;
    flat(10000);
    uint32_t before = block(MR_LONG, MRI_GATE_STALE);
    flat(10000);
    it.shadows.options.is_enabled = false;
    uint32_t after = block(MR_LONG, MRI_GATE_STALE);
    bar(10000, 10000, 9000, 9500);
    assert_non_null(closed(before));
    assert_null(opened(after));
    assert_int_equal(it.shadows.book.left_out, 0);
}

static void what_an_engine_without_shadows_decided_has_none(void **fixture)
{
    (void)fixture;
    const struct mri_session old = {.engine_version = MRI_SHADOW_SINCE_ENGINE - 1};
    const struct mri_session own = {.engine_version = MRI_SHADOW_SINCE_ENGINE};
    flat(10000);
    assert_int_equal(mri_engine_sample_put(
                         &it.log, &(struct mri_draft){.type = MRI_EVENT_SESSION, .fixed = &old}, 0),
        MR_OK);
    uint32_t before = block(MR_LONG, MRI_GATE_STALE);
    assert_int_equal(mri_engine_sample_put(
                         &it.log, &(struct mri_draft){.type = MRI_EVENT_SESSION, .fixed = &own}, 0),
        MR_OK);
    uint32_t after = block(MR_LONG, MRI_GATE_STALE);
    flat(10000);
    assert_null(opened(before));
    assert_non_null(opened(after));
}

/* ---- many, and the state --------------------------------------------------------------------- */

static void what_has_no_room_follows_at_the_next_tick_with_the_same_price(void **fixture)
{
    (void)fixture;
    enum { MANY = MRI_ENGINE_SAMPLE_BATCH_MAX + 1000 };
    flat(10000);
    uint32_t first = it.log.next_ordinal;
    for (unsigned i = 0; i < MANY; i++) {
        block(MR_LONG, MRI_GATE_STALE);
    }
    flat(10000);
    assert_false(it.log.is_cut); /* nothing is logged */
    assert_int_equal(it.shadows.book.counts[MRI_SHADOW_OPEN], MANY);
    bar(10000, 10000, 9000, 9500);
    assert_true(it.log.is_cut);
    while (it.log.is_cut) {
        assert_int_equal(mri_engine_sample_tick(
                             &it.log, it.log.market.event_time_unix_ns, MRI_REASON_TIME_PASSED),
            MR_OK);
    }
    assert_int_equal(it.shadows.book.places.count, 0);
    assert_int_equal(mri_engine_sample_count(&it.log, MRI_EVENT_SHADOW_CLOSED, 0), MANY);
    const struct mri_shadow *one = opened(first);
    const struct mri_shadow *other = opened(first + MANY - 1);
    assert_int_equal(one->entry_price, other->entry_price);
    assert_int_equal(one->opened_unix_ns, other->opened_unix_ns);
    assert_int_equal(closed(first)->net_e8, closed(first + MANY - 1)->net_e8);
}

static void a_snapshot_is_the_fold_of_the_log_and_goes_on_alike(void **fixture)
{
    (void)fixture;
    static struct trading part;
    static struct trading folded;
    struct mri_prng prng;
    int64_t closes[SYMBOLS] = {10000, 12000, 8000};
    mri_prng_init(&prng, 9);
    for (unsigned i = 0; i < 400; i++) {
        draw(&it, &prng, closes);
    }
    assert_true(it.shadows.book.places.count > 3);
    part = (struct trading){.minute = it.minute};
    assert_int_equal(mri_engine_sample_continue(&part.log, &it.log), MR_OK);
    add_engines(&part);
    assert_int_equal(
        mri_engine_sample_move(&mri_execute_fills_engine, &it.execute, &part.execute), MR_OK);
    assert_int_equal(mri_engine_sample_move(&mri_shadow_engine, &it.shadows, &part.shadows), MR_OK);
    struct mri_prng again = prng;
    int64_t closes_again[SYMBOLS] = {closes[0], closes[1], closes[2]};
    for (unsigned i = 0; i < 400; i++) {
        draw(&it, &prng, closes);
        draw(&part, &again, closes_again);
    }
    assert_true(mri_engine_sample_is_same(&it.log, 0, &part.log, 0));

    open_trading(&folded);
    for (uint32_t i = 0; i < it.log.count; i++) {
        assert_int_equal(mri_engine_sample_fold(&folded.log, &it.log.events[i]), MR_OK);
    }
    struct mri_buf a;
    struct mri_buf b;
    mri_buf_init(&a, mri_alloc_system(), SAVED_MAX);
    mri_buf_init(&b, mri_alloc_system(), SAVED_MAX);
    mri_shadow_engine.save(&folded.shadows, &a);
    mri_shadow_engine.save(&part.shadows, &b);
    assert_int_equal(a.count, b.count);
    assert_memory_equal(a.bytes, b.bytes, a.count);
    mri_buf_fini(&a);
    mri_buf_fini(&b);
    close_trading(&folded);
    close_trading(&part);
}

static void a_snapshot_that_is_damaged_is_refused(void **fixture)
{
    (void)fixture;
    flat(10000);
    block(MR_LONG, MRI_GATE_STALE);
    block(MR_LONG, MRI_GATE_STALE);
    flat(10000);
    struct mri_buf saved;
    mri_buf_init(&saved, mri_alloc_system(), SAVED_MAX);
    mri_shadow_engine.save(&it.shadows, &saved);
    size_t refused = 0;
    for (size_t cut = 0; cut <= saved.count; cut++) {
        struct mri_shadows loaded;
        struct mri_unpack unpack;
        assert_int_equal(
            mri_shadows_init(&loaded, mri_alloc_system(), &it.log.market, &options), MR_OK);
        mri_unpack_init(&unpack, saved.bytes, cut);
        mr_err err = mri_shadow_engine.load(&loaded, &unpack);
        assert_int_equal(err, cut == saved.count ? MR_OK : MR_ECORRUPT);
        mri_shadows_fini(&loaded);
    }
    for (size_t at = 0; at < saved.count; at++) { /* whatever a byte says, it is read in bounds */
        struct mri_shadows loaded;
        struct mri_unpack unpack;
        assert_int_equal(
            mri_shadows_init(&loaded, mri_alloc_system(), &it.log.market, &options), MR_OK);
        saved.bytes[at] ^= 0x41;
        mri_unpack_init(&unpack, saved.bytes, saved.count);
        refused += mri_shadow_engine.load(&loaded, &unpack) != MR_OK;
        saved.bytes[at] ^= 0x41;
        mri_shadows_fini(&loaded);
    }
    assert_true(refused > 10);
    mri_buf_fini(&saved);
}

static void what_contradicts_the_book_is_damage(void **fixture)
{
    (void)fixture;
    flat(10000);
    uint32_t ordinal = block(MR_LONG, MRI_GATE_STALE);
    flat(10000);
    const struct mri_shadow_closed other = {.entry = 1};
    assert_non_null(opened(ordinal));
    assert_int_equal(
        mri_engine_sample_put(&it.log,
            &(struct mri_draft){.type = MRI_EVENT_SHADOW_CLOSED, .fixed = &other}, ordinal),
        MR_ECORRUPT);
    assert_int_equal(
        mri_engine_sample_put(&it.log,
            &(struct mri_draft){.type = MRI_EVENT_SHADOW_CLOSED, .fixed = &other}, ordinal + 1),
        MR_ECORRUPT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_was_blocked_earns_what_it_would_have_earned),
        TEST(a_shadow_opens_behind_the_price_that_was_decided_on),
        TEST(a_decision_on_a_bar_opens_at_the_next),
        TEST(a_bar_may_open_and_stop_a_shadow),
        TEST(every_trade_on_a_random_market_has_its_twin),
        TEST(a_move_without_a_decision_is_one),
        TEST(the_gate_that_ends_an_approval_is_in_the_end),
        TEST(what_the_venue_refuses_is_blocked_by_the_venue),
        TEST(a_signal_has_one_shadow_whatever_comes_later),
        TEST(a_signal_of_a_symbol_without_a_price_takes_no_place),
        TEST(what_waits_for_a_price_that_has_stopped_ends_unresolved),
        TEST(a_pause_of_the_whole_market_is_no_silence),
        TEST(a_base_size_below_the_smallest_order_is_told),
        TEST(what_does_not_fit_into_numbers_is_told),
        TEST(a_full_book_counts_what_it_leaves_out),
        TEST(switched_off_the_book_takes_nothing_and_closes_what_it_has),
        TEST(what_an_engine_without_shadows_decided_has_none),
        TEST(what_has_no_room_follows_at_the_next_tick_with_the_same_price),
        TEST(a_snapshot_is_the_fold_of_the_log_and_goes_on_alike),
        TEST(a_snapshot_that_is_damaged_is_refused),
        TEST(what_contradicts_the_book_is_damage),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
