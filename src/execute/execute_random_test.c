/* SPDX-License-Identifier: MIT */
/*
 * Properties of execution over long random markets: read from the events alone, as anyone could who
 * has only the log.
 */
#include "base/prng.h"
#include "execute/execute.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/engine_sample.h"

#define MINUTE MRI_ENGINE_SAMPLE_MINUTE_NS

enum { SYMBOLS = 3, MINUTES = 4000, SEEDS = 4, ORDINALS_MAX = 20000, SAVED_MAX = 1 << 20 };

static const struct mri_execute_options options = {
    .costs = {.fee_e6 = 500, .half_spread_e6 = 100, .slippage_e6 = 200},
    .exits = {.stop_sd = 1.0, .target_sd = 1.5, .hold_ns = 30 * MINUTE},
    .venue_mode = MRI_VENUE_PAPER,
    .symbols_max = MRI_ENGINE_SAMPLE_SYMBOLS_MAX,
};

/** A log with its engine. */
struct trading {
    struct mri_engine_sample log;
    struct mri_execute execute;
};

static void open_trading(struct trading *trading)
{
    mri_engine_sample_init(&trading->log, SYMBOLS);
    assert_int_equal(
        mri_execute_init(&trading->execute, mri_alloc_system(), &trading->log.market, &options),
        MR_OK);
    mri_engine_sample_add(&trading->log, &mri_execute_fills_engine, &trading->execute);
    mri_engine_sample_add(&trading->log, &mri_execute_orders_engine, &trading->execute);
}

static void close_trading(struct trading *trading)
{
    mri_execute_fini(&trading->execute);
    mri_engine_sample_fini(&trading->log);
}

/** A market that draws bars, approvals and modes from a seed. */
struct market {
    struct mri_prng prng;
    int64_t minute;
    int64_t closes[SYMBOLS];
};

static int64_t below(struct market *market, int64_t bound)
{
    return (int64_t)mri_prng_below(&market->prng, (uint64_t)bound);
}

static struct mri_candle draw_bar(struct market *market, uint32_t symbol)
{
    int64_t *close = &market->closes[symbol];
    int64_t size = *close / 400 + 1;
    int64_t gap = below(market, 20) == 0 ? 6 * size : 1;
    int64_t open = *close + below(market, 2 * gap + 1) - gap;
    *close = open + below(market, 2 * size + 1) - size;
    *close = *close < 2000 ? 2000 : *close;
    struct mri_candle bar = mri_engine_sample_bar(symbol, market->minute, *close);
    bar.open = open;
    bar.high = (open > *close ? open : *close) + below(market, size);
    bar.low = (open < *close ? open : *close) - below(market, size);
    return bar;
}

static void approve(struct trading *trading, struct market *market, uint32_t symbol)
{
    mr_side side = below(market, 2) == 0 ? MR_LONG : MR_SHORT;
    const struct mri_engine_sample_signal signal = {.source = "desk",
        .time_unix_ns = trading->log.market.event_time_unix_ns,
        .valid_for_ns = MINUTE,
        .confidence = 0.5,
        .symbol = symbol,
        .side = side};
    assert_int_equal(mri_engine_sample_emit(&trading->log, &signal), MR_OK);
    const struct mri_row_order_size size = {
        .quantity = below(market, 20) == 0 ? 0 : below(market, 50000)}; /* 0 is refused */
    const struct mri_decision decision = {.signal = trading->log.count,
        .verdict = MRI_VERDICT_PASS,
        .side = (uint8_t)side,
        .size_count = 1,
        .symbol = symbol};
    assert_int_equal(
        mri_engine_sample_take(&trading->log,
            &(struct mri_draft){
                .type = MRI_EVENT_DECISION, .fixed = &decision, .rows = {NULL, NULL, &size, NULL}},
            trading->log.next_ordinal - 1),
        MR_OK);
}

static void step(struct trading *trading, struct market *market)
{
    market->minute++;
    for (uint32_t symbol = 0; symbol < SYMBOLS; symbol++) {
        if (below(market, 30) == 0) {
            continue; /* a missing bar */
        }
        const struct mri_candle bar = draw_bar(market, symbol);
        assert_int_equal(mri_engine_sample_candle(&trading->log, &bar), MR_OK);
        bool is_free = trading->execute.positions[symbol].ordinal == 0;
        if (is_free && below(market, 4) == 0) {
            approve(trading, market, symbol);
        }
    }
    if (below(market, 200) == 0) {
        enum mri_reason reason =
            below(market, 2) == 0 ? MRI_REASON_CLOCK_STEP : MRI_REASON_CLOCKS_AGREE;
        assert_int_equal(
            mri_engine_sample_tick(&trading->log, trading->log.market.event_time_unix_ns, reason),
            MR_OK);
    }
}

static void begin_market(struct market *market, uint64_t seed)
{
    *market = (struct market){.closes = {10000, 250000, 5000}};
    mri_prng_init(&market->prng, seed);
}

/* ---- a reader of the log --------------------------------------------------------------------- */

/** What the log says about a signal's orders. */
struct story {
    uint16_t states[MRI_LEG_COUNT]; /* the newest event of each leg; 0: none */
    const struct mri_order_filled *entry;
    const struct mri_order_filled *exit;
    uint64_t intents[MRI_LEG_COUNT];
    bool is_closed;
};

struct reader {
    struct story stories[ORDINALS_MAX];
    const struct mri_candle *bars[SYMBOLS]; /* the newest */
    int64_t gross, fee, slippage, net, cash;
    unsigned fills, closes, reasons[MRI_REASON_TIME + 1], sides[2];
    unsigned rejected, blocked;
};

static struct reader reader;

/** The event that must come right before this one in the life of an order. */
static uint16_t wanted_before(uint16_t type)
{
    switch (type) {
    case MRI_EVENT_ORDER_SENT:
        return MRI_EVENT_ORDER_INTENT;
    case MRI_EVENT_ORDER_ACCEPTED:
    case MRI_EVENT_ORDER_REJECTED:
        return MRI_EVENT_ORDER_SENT;
    case MRI_EVENT_ORDER_FILLED:
    case MRI_EVENT_ORDER_CANCELLED:
        return MRI_EVENT_ORDER_ACCEPTED;
    default:
        return 0; /* an intent is the first: never two orders for one leg */
    }
}

static void read_order(const struct mri_event *event, uint8_t leg, uint64_t intent)
{
    struct story *story = &reader.stories[event->ordinal];
    assert_int_equal(story->states[leg], wanted_before(event->type));
    assert_false(story->is_closed);
    if (event->type == MRI_EVENT_ORDER_INTENT) {
        story->intents[leg] = event->seq;
    } else {
        assert_true(intent == story->intents[leg]);
    }
    story->states[leg] = event->type;
    reader.rejected += event->type == MRI_EVENT_ORDER_REJECTED;
}

static void read_fill(const struct mri_event *event)
{
    const struct mri_order_filled *fill = event->body;
    struct story *story = &reader.stories[event->ordinal];
    const struct mri_candle *bar = reader.bars[fill->instrument];
    bool is_buy = fill->side == MR_LONG;
    int64_t value;
    read_order(event, fill->leg, mri_ref_seq(fill->intent, event->seq));
    assert_true(fill->reference_price >= bar->low && fill->reference_price <= bar->high);
    assert_true(
        is_buy ? fill->price >= fill->reference_price : fill->price <= fill->reference_price);
    assert_true(fill->event_time_unix_ns == bar->close_time_unix_ns - bar->duration_ns);
    assert_int_equal(mri_fixed_notional_e8(fill->price, 2, fill->quantity, 3, &value), MR_OK);
    reader.cash += (is_buy ? -value : value) - fill->fee_e8;
    reader.fills++;
    if (fill->leg == MRI_LEG_ENTRY) {
        assert_int_equal(fill->reference_price, bar->open);
        story->entry = fill;
    } else {
        assert_null(story->exit);
        assert_true(story->entry->side != fill->side);
        assert_int_equal(story->entry->quantity, fill->quantity);
        story->exit = fill;
    }
}

static void read_close(const struct mri_event *event)
{
    const struct mri_position_closed *closed = event->body;
    struct story *story = &reader.stories[event->ordinal];
    assert_non_null(story->exit);
    int64_t move = story->exit->reference_price - story->entry->reference_price;
    int64_t gain = closed->side == MR_LONG ? move : -move;
    assert_true((closed->gross_e8 > 0) == (gain > 0) && (closed->gross_e8 < 0) == (gain < 0));
    assert_true(closed->fee_e8 == story->entry->fee_e8 + story->exit->fee_e8);
    assert_true(closed->slippage_e8 == story->entry->slippage_e8 + story->exit->slippage_e8);
    assert_true(closed->gross_e8 - closed->fee_e8 - closed->slippage_e8 == closed->net_e8);
    for (unsigned leg = 0; leg < MRI_LEG_COUNT; leg++) { /* nothing lives on */
        assert_true(story->states[leg] == 0 || story->states[leg] == MRI_EVENT_ORDER_FILLED ||
                    story->states[leg] == MRI_EVENT_ORDER_CANCELLED);
    }
    reader.gross += closed->gross_e8;
    reader.fee += closed->fee_e8;
    reader.slippage += closed->slippage_e8;
    reader.net += closed->net_e8;
    reader.closes++;
    reader.reasons[closed->reason]++;
    reader.sides[closed->side == MR_SHORT]++;
    story->is_closed = true;
}

static void read_event(const struct mri_event *event)
{
    assert_true(event->ordinal < ORDINALS_MAX);
    switch (event->type) {
    case MRI_EVENT_CANDLE: {
        const struct mri_candle *bar = event->body;
        reader.bars[bar->symbol] = bar;
        break;
    }
    case MRI_EVENT_ORDER_INTENT:
        read_order(event, ((const struct mri_order_intent *)event->body)->leg, 0);
        break;
    case MRI_EVENT_ORDER_SENT:
    case MRI_EVENT_ORDER_ACCEPTED:
    case MRI_EVENT_ORDER_REJECTED:
    case MRI_EVENT_ORDER_CANCELLED: {
        const struct mri_order_sent *fact = event->body;
        read_order(event, fact->leg, mri_ref_seq(fact->intent, event->seq));
        break;
    }
    case MRI_EVENT_ORDER_FILLED:
        read_fill(event);
        break;
    case MRI_EVENT_POSITION_CLOSED:
        read_close(event);
        break;
    case MRI_EVENT_SIGNAL_MOVED:
        reader.blocked += ((const struct mri_signal_moved *)event->body)->gate == MRI_GATE_MODE;
        break;
    default:
        break;
    }
}

/** Cash of the fills of positions that are still open. */
static int64_t open_cash(const struct mri_execute *execute)
{
    int64_t cash = 0;
    for (uint32_t i = 0; i < SYMBOLS; i++) {
        cash += execute->positions[i].ledger.cash_e8;
    }
    return cash;
}

static void every_order_obeys_the_table_and_the_books_are_the_sum_of_the_positions(void **fixture)
{
    (void)fixture;
    static struct trading trading;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct market market;
        open_trading(&trading);
        begin_market(&market, seed);
        reader = (struct reader){.gross = 0};
        uint32_t read = 0;
        for (unsigned i = 0; i < MINUTES; i++) {
            step(&trading, &market);
            for (; read < trading.log.count; read++) {
                read_event(&trading.log.events[read]);
            }
            const struct mri_ledger *ledger = &trading.execute.ledger;
            assert_true(ledger->gross_e8 == reader.gross && ledger->net_e8 == reader.net);
            assert_true(ledger->fee_e8 == reader.fee && ledger->slippage_e8 == reader.slippage);
            assert_true(ledger->cash_e8 == reader.cash);
            assert_true(reader.cash == reader.net + open_cash(&trading.execute));
            assert_true(ledger->fills == reader.fills && ledger->closes == reader.closes);
            assert_int_equal(ledger->mismatches, 0);
        }
        assert_true(reader.reasons[MRI_REASON_STOP] > 20);
        assert_true(reader.reasons[MRI_REASON_TARGET] > 20);
        assert_true(reader.reasons[MRI_REASON_TIME] > 5);
        assert_true(reader.sides[0] > 50 && reader.sides[1] > 50);
        assert_true(reader.blocked > 0 && reader.rejected > 0);
        close_trading(&trading);
    }
}

/* ---- the state ------------------------------------------------------------------------------- */

static void a_snapshot_is_the_fold_of_the_log_and_goes_on_alike(void **fixture)
{
    (void)fixture;
    static struct trading whole;
    static struct trading part;
    static struct trading folded;
    struct market market;
    open_trading(&whole);
    begin_market(&market, 9);
    for (unsigned i = 0; i < 500; i++) {
        step(&whole, &market);
    }
    assert_int_equal(mri_engine_sample_continue(&part.log, &whole.log), MR_OK);
    assert_int_equal(
        mri_execute_init(&part.execute, mri_alloc_system(), &part.log.market, &options), MR_OK);
    mri_engine_sample_add(&part.log, &mri_execute_fills_engine, &part.execute);
    mri_engine_sample_add(&part.log, &mri_execute_orders_engine, &part.execute);
    assert_int_equal(
        mri_engine_sample_move(&mri_execute_fills_engine, &whole.execute, &part.execute), MR_OK);
    struct market again = market;
    for (unsigned i = 0; i < 500; i++) {
        step(&whole, &market);
        step(&part, &again);
    }
    assert_true(mri_engine_sample_is_same(&whole.log, 0, &part.log, 0));

    open_trading(&folded);
    for (uint32_t i = 0; i < whole.log.count; i++) {
        assert_int_equal(mri_engine_sample_fold(&folded.log, &whole.log.events[i]), MR_OK);
    }
    struct mri_buf a;
    struct mri_buf b;
    mri_buf_init(&a, mri_alloc_system(), SAVED_MAX);
    mri_buf_init(&b, mri_alloc_system(), SAVED_MAX);
    mri_execute_fills_engine.save(&folded.execute, &a);
    mri_execute_fills_engine.save(&part.execute, &b);
    assert_int_equal(a.count, b.count);
    assert_memory_equal(a.bytes, b.bytes, a.count);
    struct mri_unpack unpack;
    mri_unpack_init(&unpack, a.bytes, a.count - 1);
    assert_int_equal(mri_execute_fills_engine.load(&folded.execute, &unpack), MR_ECORRUPT);
    mri_buf_fini(&a);
    mri_buf_fini(&b);
    close_trading(&folded);
    close_trading(&part);
    close_trading(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_obeys_the_table_and_the_books_are_the_sum_of_the_positions),
        cmocka_unit_test(a_snapshot_is_the_fold_of_the_log_and_goes_on_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
