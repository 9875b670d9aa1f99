/* SPDX-License-Identifier: MIT */
/*
 * The books: random positions through the paper venue, to the last unit of 1e-8, and closes that
 * were tampered with.
 */
#include "execute/ledger.h"

#include "base/prng.h"
#include "execute/paper.h"
#include "execute/positions.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/engine_sample.h"

static struct mri_prng prng;

static int64_t below(int64_t bound)
{
    return (int64_t)mri_prng_below(&prng, (uint64_t)bound);
}

/** A random instrument whose products fit. */
static struct mri_instrument_spec draw_spec(void)
{
    struct mri_instrument_spec spec = mri_engine_sample_spec(0);
    spec.price_decimals = 2 + (uint32_t)below(5);
    spec.quantity_decimals = 3 + (uint32_t)below(4);
    spec.tick = 1 + below(5);
    spec.multiplier = 1 + below(3);
    return spec;
}

/** A position from its entry to its exit, as the engine makes it. */
struct round_trip {
    struct mri_instrument_spec spec;
    struct mri_position position;
    struct mri_order_filled entry;
    struct mri_order_filled exit;
    struct mri_position_closed closed;
};

static struct mri_venue_fill fill_at(
    const struct round_trip *trip, const struct mri_venue *venue, mr_side side, int64_t open)
{
    const struct mri_venue_order order = {.spec = &trip->spec,
        .side = side,
        .type = MRI_ORDER_MARKET,
        .quantity = trip->position.quantity};
    const struct mri_candle candle = {.open = open, .high = open, .low = open, .close = open};
    struct mri_venue_fill fill;
    assert_int_equal(venue->match(venue->context, &order, &candle, &fill), MR_OK);
    return fill;
}

static struct mri_order_filled event_of(
    const struct round_trip *trip, mr_side side, const struct mri_venue_fill *fill)
{
    return (struct mri_order_filled){.quantity = trip->position.quantity,
        .price = fill->price,
        .reference_price = fill->reference_price,
        .fee_e8 = fill->fee_e8,
        .slippage_e8 = fill->slippage_e8,
        .side = (uint8_t)side};
}

static void draw_trip(struct round_trip *trip)
{
    const struct mri_paper costs = {
        .fee_e6 = below(1000), .half_spread_e6 = below(300), .slippage_e6 = below(500)};
    struct mri_venue venue = mri_paper_venue(&costs, MRI_VENUE_SIM);
    mr_side side = below(2) == 0 ? MR_LONG : MR_SHORT;
    mr_side back = side == MR_LONG ? MR_SHORT : MR_LONG;
    *trip = (struct round_trip){
        .spec = draw_spec(), .position = {.side = (uint8_t)side, .quantity = 1 + below(1000000)}};
    int64_t open = trip->spec.tick * (1000 + below(100000));
    int64_t later = trip->spec.tick * (1000 + below(100000));
    struct mri_venue_fill entry = fill_at(trip, &venue, side, open);
    struct mri_venue_fill exit = fill_at(trip, &venue, back, later);
    trip->position.entry_price = entry.price;
    trip->position.entry_reference_price = entry.reference_price;
    trip->position.entry_fee_e8 = entry.fee_e8;
    trip->position.entry_slippage_e8 = entry.slippage_e8;
    trip->entry = event_of(trip, side, &entry);
    trip->exit = event_of(trip, back, &exit);
    assert_int_equal(mri_position_result(&trip->position, &(const struct mri_parts){0}, &trip->spec,
                         &exit, &trip->closed),
        MR_OK);
}

static void take(struct mri_ledger *ledger, const struct round_trip *trip)
{
    struct mri_ledger_position position = {0};
    assert_int_equal(mri_ledger_fill(ledger, &position, &trip->entry, &trip->spec), MR_OK);
    assert_int_equal(mri_ledger_fill(ledger, &position, &trip->exit, &trip->spec), MR_OK);
    assert_int_equal(mri_ledger_close(ledger, &position, &trip->closed), MR_OK);
    assert_true(position.cash_e8 == 0 && position.quantity == 0);
}

static void the_sign_of_a_result_is_the_side_times_the_move(void **fixture)
{
    (void)fixture;
    unsigned seen[2][3] = {{0}};
    mri_prng_init(&prng, 21);
    for (unsigned round = 0; round < 20000; round++) {
        struct round_trip trip;
        draw_trip(&trip);
        int64_t move = trip.exit.reference_price - trip.entry.reference_price;
        int64_t gain = trip.position.side == MR_LONG ? move : -move;
        int sign = (trip.closed.gross_e8 > 0) - (trip.closed.gross_e8 < 0);
        /* A product may round to zero; it never changes its sign. */
        assert_true(sign == (gain > 0) - (gain < 0) || trip.closed.gross_e8 == 0);
        seen[trip.position.side == MR_SHORT][sign + 1]++;
    }
    assert_true(seen[0][0] > 1000 && seen[0][2] > 1000 && seen[1][0] > 1000 && seen[1][2] > 1000);
}

static void gross_less_fee_less_slippage_is_net_and_the_cash_of_the_fills(void **fixture)
{
    (void)fixture;
    mri_prng_init(&prng, 22);
    for (unsigned round = 0; round < 20000; round++) {
        struct round_trip trip;
        struct mri_ledger ledger = {0};
        draw_trip(&trip);
        const struct mri_position_closed *closed = &trip.closed;
        assert_true(closed->gross_e8 - closed->fee_e8 - closed->slippage_e8 == closed->net_e8);
        assert_true(closed->fee_e8 == trip.entry.fee_e8 + trip.exit.fee_e8);
        assert_true(closed->slippage_e8 == trip.entry.slippage_e8 + trip.exit.slippage_e8);
        take(&ledger, &trip);
        assert_true(ledger.cash_e8 == closed->net_e8);
        assert_int_equal(ledger.mismatches, 0);
    }
}

static void the_books_are_the_sums_over_positions(void **fixture)
{
    (void)fixture;
    struct mri_ledger ledger = {0};
    int64_t gross = 0;
    int64_t fee = 0;
    int64_t slippage = 0;
    int64_t net = 0;
    mri_prng_init(&prng, 23);
    for (unsigned round = 0; round < 5000; round++) {
        struct round_trip trip;
        draw_trip(&trip);
        take(&ledger, &trip);
        gross += trip.closed.gross_e8;
        fee += trip.closed.fee_e8;
        slippage += trip.closed.slippage_e8;
        net += trip.closed.net_e8;
        assert_true(ledger.gross_e8 == gross && ledger.fee_e8 == fee);
        assert_true(ledger.slippage_e8 == slippage && ledger.net_e8 == net);
        assert_true(ledger.cash_e8 == net);
    }
    assert_int_equal(ledger.fills, 10000);
    assert_int_equal(ledger.closes, 5000);
    assert_int_equal(ledger.mismatches, 0);
}

static void a_close_that_was_tampered_with_is_counted_as_a_mismatch(void **fixture)
{
    (void)fixture;
    mri_prng_init(&prng, 24);
    for (unsigned round = 0; round < 2000; round++) {
        struct round_trip trip;
        struct mri_ledger ledger = {0};
        draw_trip(&trip);
        int64_t *const numbers[] = {&trip.closed.gross_e8, &trip.closed.fee_e8,
            &trip.closed.slippage_e8, &trip.closed.net_e8};
        int64_t *number = numbers[round % 4];
        *number += below(2) == 0 ? 1 : -1;
        take(&ledger, &trip);
        assert_int_equal(ledger.mismatches, 1);
    }
    for (unsigned round = 0; round < 100; round++) { /* a lie that adds up meets the cash */
        struct round_trip trip;
        struct mri_ledger ledger = {0};
        draw_trip(&trip);
        trip.closed.gross_e8 += 5;
        trip.closed.net_e8 += 5;
        take(&ledger, &trip);
        assert_int_equal(ledger.mismatches, 1);
    }
}

static void a_close_that_leaves_a_rest_is_a_mismatch(void **fixture)
{
    (void)fixture;
    struct round_trip trip;
    struct mri_ledger ledger = {0};
    struct mri_ledger_position position = {0};
    mri_prng_init(&prng, 25);
    draw_trip(&trip);
    assert_int_equal(mri_ledger_fill(&ledger, &position, &trip.entry, &trip.spec), MR_OK);
    trip.closed.net_e8 = position.cash_e8;
    trip.closed.gross_e8 = position.cash_e8 + trip.closed.fee_e8 + trip.closed.slippage_e8;
    assert_int_equal(mri_ledger_close(&ledger, &position, &trip.closed), MR_OK);
    assert_int_equal(ledger.mismatches, 1);
}

static void sums_that_do_not_fit_are_a_fault_and_never_wrap(void **fixture)
{
    (void)fixture;
    struct mri_instrument_spec spec = mri_engine_sample_spec(0);
    struct mri_ledger ledger = {.cash_e8 = INT64_MAX - 10};
    struct mri_ledger_position position = {0};
    struct mri_order_filled fill = {.quantity = 1000, .price = 10000, .side = MR_SHORT};
    assert_int_equal(mri_ledger_fill(&ledger, &position, &fill, &spec), MR_ERANGE);
    assert_true(ledger.cash_e8 == INT64_MAX - 10);
    ledger = (struct mri_ledger){0};
    fill.quantity = INT64_MAX;
    assert_int_equal(mri_ledger_fill(&ledger, &position, &fill, &spec), MR_ERANGE);
    fill.quantity = 1000;
    spec.multiplier = INT64_MAX / 999; /* the product of both alone leaves 64 bits */
    assert_int_equal(mri_ledger_fill(&ledger, &position, &fill, &spec), MR_ERANGE);
    spec.multiplier = 1;
    fill.fee_e8 = INT64_MAX;
    fill.side = MR_LONG;
    assert_int_equal(mri_ledger_fill(&ledger, &position, &fill, &spec), MR_ERANGE);
    assert_true(ledger.cash_e8 == 0);

    int64_t *const sums[] = {&ledger.gross_e8, &ledger.fee_e8, &ledger.slippage_e8, &ledger.net_e8};
    const struct mri_position_closed close = {
        .gross_e8 = 10, .fee_e8 = 3, .slippage_e8 = 2, .net_e8 = 5};
    for (size_t i = 0; i < MRI_COUNT_OF(sums); i++) {
        *sums[i] = INT64_MAX - 1;
        assert_int_equal(mri_ledger_close(&ledger, &position, &close), MR_ERANGE);
        assert_true(*sums[i] == INT64_MAX - 1);
        *sums[i] = 0;
    }
    ledger.mismatches = 0;
    const struct mri_position_closed absurd = {
        .gross_e8 = INT64_MIN, .fee_e8 = 1, .net_e8 = INT64_MAX};
    (void)mri_ledger_close(
        &ledger, &position, &absurd); /* whether the sums fit is not asked here */
    assert_int_equal(ledger.mismatches, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sign_of_a_result_is_the_side_times_the_move),
        cmocka_unit_test(gross_less_fee_less_slippage_is_net_and_the_cash_of_the_fills),
        cmocka_unit_test(the_books_are_the_sums_over_positions),
        cmocka_unit_test(a_close_that_was_tampered_with_is_counted_as_a_mismatch),
        cmocka_unit_test(a_close_that_leaves_a_rest_is_a_mismatch),
        cmocka_unit_test(sums_that_do_not_fit_are_a_fault_and_never_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
