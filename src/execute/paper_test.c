/* SPDX-License-Identifier: MIT */
/*
 * The paper venue: where orders fill in a bar, what they cost, what is refused.
 */
#include "execute/paper.h"

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/engine_sample.h"

/* 5 bps fee, 1 bp half spread, 2 bps slippage: at 100.00 a market order moves by 3 cents. */
static const struct mri_paper costs = {.fee_e6 = 500, .half_spread_e6 = 100, .slippage_e6 = 200};

static struct mri_instrument_spec spec;

static int set_up(void **fixture)
{
    (void)fixture;
    spec = mri_engine_sample_spec(0);
    return 0;
}

static struct mri_venue_order order_of(mr_side side, enum mri_order_type type, int64_t trigger)
{
    return (struct mri_venue_order){
        .spec = &spec, .side = side, .type = type, .quantity = 1000, .trigger_price = trigger};
}

static struct mri_candle bar(int64_t open, int64_t high, int64_t low, int64_t close)
{
    return (struct mri_candle){.close_time_unix_ns = MRI_ENGINE_SAMPLE_T0_UNIX_NS,
        .duration_ns = MRI_ENGINE_SAMPLE_MINUTE_NS,
        .open = open,
        .high = high,
        .low = low,
        .close = close};
}

static mr_err match(const struct mri_venue_order *order, const struct mri_candle *candle,
    struct mri_venue_fill *ret_fill)
{
    struct mri_venue venue = mri_paper_venue(&costs, MRI_VENUE_SIM);
    return venue.match(venue.context, order, candle, ret_fill);
}

static void expect_fill(const struct mri_venue_order *order, const struct mri_candle *candle,
    int64_t reference, int64_t price)
{
    struct mri_venue_fill fill;
    assert_int_equal(match(order, candle, &fill), MR_OK);
    assert_int_equal(fill.reference_price, reference);
    assert_int_equal(fill.price, price);
}

static void expect_nothing(const struct mri_venue_order *order, const struct mri_candle *candle)
{
    struct mri_venue_fill fill;
    assert_int_equal(match(order, candle, &fill), MR_NOT_FOUND);
}

static void a_market_order_fills_at_the_open_worse_by_half_spread_and_slippage(void **fixture)
{
    (void)fixture;
    const struct mri_candle candle = bar(10000, 10900, 9100, 10500);
    struct mri_venue_order buy = order_of(MR_LONG, MRI_ORDER_MARKET, 0);
    struct mri_venue_order sell = order_of(MR_SHORT, MRI_ORDER_MARKET, 0);
    expect_fill(&buy, &candle, 10000, 10003);
    expect_fill(&sell, &candle, 10000, 9997);
    struct mri_venue_fill fill;
    assert_int_equal(match(&buy, &candle, &fill), MR_OK);
    assert_int_equal(fill.fee_e8, 5001500);      /* 0.05 % of 100.03 */
    assert_int_equal(fill.slippage_e8, 3000000); /* 0.03 */
    assert_int_equal(match(&sell, &candle, &fill), MR_OK);
    assert_int_equal(fill.fee_e8, 4998500);
    assert_int_equal(fill.slippage_e8, 3000000);
}

/** 3 bps of 100.47 are 3.0141 cents: a tick of a cent makes them 4. */
static void spread_and_slippage_are_never_rounded_in_the_trader_s_favour(void **fixture)
{
    (void)fixture;
    const struct mri_candle candle = bar(10047, 10900, 9100, 10500);
    struct mri_venue_order buy = order_of(MR_LONG, MRI_ORDER_MARKET, 0);
    struct mri_venue_order sell = order_of(MR_SHORT, MRI_ORDER_MARKET, 0);
    expect_fill(&buy, &candle, 10047, 10051);
    expect_fill(&sell, &candle, 10047, 10043);
}

static void a_stop_fills_where_the_bar_reaches_it_or_at_an_open_beyond_it(void **fixture)
{
    (void)fixture;
    struct mri_venue_order sell = order_of(MR_SHORT, MRI_ORDER_STOP, 9500);
    struct mri_candle above = bar(9800, 9900, 9501, 9600);
    struct mri_candle touch = bar(9800, 9900, 9500, 9600);
    struct mri_candle gap = bar(9400, 9900, 9300, 9800);
    expect_nothing(&sell, &above);
    expect_fill(&sell, &touch, 9500, 9497); /* 9500 x 0.9997 = 9497.15, down to the tick */
    expect_fill(&sell, &gap, 9400, 9397);
    struct mri_venue_order buy = order_of(MR_LONG, MRI_ORDER_STOP, 10500);
    struct mri_candle below = bar(10200, 10499, 10000, 10300);
    struct mri_candle reach = bar(10200, 10500, 10000, 10300);
    struct mri_candle jump = bar(10600, 10700, 10000, 10300);
    expect_nothing(&buy, &below);
    expect_fill(&buy, &reach, 10500, 10504); /* 10503.15, up to the tick */
    expect_fill(&buy, &jump, 10600, 10604);
}

static void a_limit_fills_at_its_price_or_at_a_better_open_without_spread(void **fixture)
{
    (void)fixture;
    struct mri_venue_order sell = order_of(MR_SHORT, MRI_ORDER_LIMIT, 10500);
    struct mri_candle below = bar(10200, 10499, 10000, 10300);
    struct mri_candle reach = bar(10200, 10500, 10000, 10300);
    struct mri_candle gap = bar(10600, 10700, 10000, 10300);
    expect_nothing(&sell, &below);
    expect_fill(&sell, &reach, 10500, 10500);
    expect_fill(&sell, &gap, 10600, 10600);
    struct mri_venue_order buy = order_of(MR_LONG, MRI_ORDER_LIMIT, 9500);
    struct mri_candle above = bar(9800, 9900, 9501, 9600);
    struct mri_candle touch = bar(9800, 9900, 9500, 9600);
    struct mri_candle drop = bar(9400, 9900, 9300, 9800);
    expect_nothing(&buy, &above);
    expect_fill(&buy, &touch, 9500, 9500);
    expect_fill(&buy, &drop, 9400, 9400);
    struct mri_venue_fill fill;
    assert_int_equal(match(&sell, &reach, &fill), MR_OK);
    assert_int_equal(fill.slippage_e8, 0);
    assert_int_equal(fill.fee_e8, 5250000);
}

static void prices_are_rounded_to_the_tick_against_the_trader(void **fixture)
{
    (void)fixture;
    spec.tick = 5;
    const struct mri_candle candle = bar(10000, 10000, 10000, 10000);
    struct mri_venue_order buy = order_of(MR_LONG, MRI_ORDER_MARKET, 0);
    struct mri_venue_order sell = order_of(MR_SHORT, MRI_ORDER_MARKET, 0);
    expect_fill(&buy, &candle, 10000, 10005);
    expect_fill(&sell, &candle, 10000, 9995);
}

static void an_order_off_the_lot_or_below_the_smallest_quantity_is_refused(void **fixture)
{
    (void)fixture;
    struct mri_venue venue = mri_paper_venue(&costs, MRI_VENUE_PAPER);
    struct mri_venue_order order = order_of(MR_LONG, MRI_ORDER_MARKET, 0);
    spec.lot = 10;
    spec.quantity_min = 30;
    static const struct {
        int64_t quantity;
        mr_err err;
    } cases[] = {{30, MR_OK}, {40, MR_OK}, {20, MR_REFUSED}, {35, MR_REFUSED}, {0, MR_REFUSED},
        {-30, MR_REFUSED}};
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        order.quantity = cases[i].quantity;
        assert_int_equal(venue.check(venue.context, &order), cases[i].err);
    }
    assert_int_equal(venue.mode, MRI_VENUE_PAPER);
}

static void a_fill_never_beats_the_market_and_stays_on_the_tick(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    unsigned fills = 0;
    mri_prng_init(&prng, 8);
    for (unsigned round = 0; round < 50000; round++) {
        spec.tick = 1 + (int64_t)mri_prng_below(&prng, 7);
        int64_t low = spec.tick * (100 + (int64_t)mri_prng_below(&prng, 3000));
        int64_t range = 1 + (int64_t)mri_prng_below(&prng, 200);
        struct mri_candle candle = bar(low + spec.tick * (int64_t)mri_prng_below(&prng, range),
            low + spec.tick * range, low, low);
        struct mri_venue_order order = order_of(mri_prng_below(&prng, 2) == 0 ? MR_LONG : MR_SHORT,
            (enum mri_order_type)mri_prng_below(&prng, 3),
            low + spec.tick * ((int64_t)mri_prng_below(&prng, 400) - 100));
        struct mri_venue_fill fill;
        if (match(&order, &candle, &fill) != MR_OK) {
            bool is_above = (order.side == MR_LONG) == (order.type == MRI_ORDER_STOP);
            assert_true(
                is_above ? candle.high < order.trigger_price : candle.low > order.trigger_price);
            continue;
        }
        fills++;
        bool is_buy = order.side == MR_LONG;
        assert_true(
            is_buy ? fill.price >= fill.reference_price : fill.price <= fill.reference_price);
        assert_true(fill.reference_price >= candle.low && fill.reference_price <= candle.high);
        assert_int_equal(fill.price % spec.tick, 0);
        assert_true(fill.slippage_e8 >= 0 && fill.fee_e8 > 0);
        if (order.type == MRI_ORDER_LIMIT) {
            assert_true(
                is_buy ? fill.price <= order.trigger_price : fill.price >= order.trigger_price);
        }
        if (order.type == MRI_ORDER_STOP) {
            assert_true(is_buy ? fill.reference_price >= order.trigger_price
                               : fill.reference_price <= order.trigger_price);
        }
    }
    assert_true(fills > 20000);
}

static void numbers_that_do_not_fit_are_a_fault(void **fixture)
{
    (void)fixture;
    struct mri_venue_fill fill = {.price = -1};
    struct mri_venue_order buy = order_of(MR_LONG, MRI_ORDER_MARKET, 0);
    struct mri_candle candle = bar(10000, 10000, 10000, 10000);
    buy.quantity = (int64_t)1 << 60;
    assert_int_equal(match(&buy, &candle, &fill), MR_ERANGE);
    buy.quantity = 1000;
    spec.multiplier = (int64_t)1 << 60; /* 1000 x 2^60 leaves 64 bits before the price comes in */
    assert_int_equal(match(&buy, &candle, &fill), MR_ERANGE);
    spec.multiplier = 1;
    candle = bar(INT64_MAX - 5, INT64_MAX, 1, 1);
    buy.quantity = 1;
    assert_int_equal(match(&buy, &candle, &fill), MR_ERANGE);
    assert_int_equal(fill.price, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(
            a_market_order_fills_at_the_open_worse_by_half_spread_and_slippage, set_up),
        cmocka_unit_test_setup(
            spread_and_slippage_are_never_rounded_in_the_trader_s_favour, set_up),
        cmocka_unit_test_setup(
            a_stop_fills_where_the_bar_reaches_it_or_at_an_open_beyond_it, set_up),
        cmocka_unit_test_setup(
            a_limit_fills_at_its_price_or_at_a_better_open_without_spread, set_up),
        cmocka_unit_test_setup(prices_are_rounded_to_the_tick_against_the_trader, set_up),
        cmocka_unit_test_setup(
            an_order_off_the_lot_or_below_the_smallest_quantity_is_refused, set_up),
        cmocka_unit_test_setup(a_fill_never_beats_the_market_and_stays_on_the_tick, set_up),
        cmocka_unit_test_setup(numbers_that_do_not_fit_are_a_fault, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
