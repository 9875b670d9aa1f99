/* SPDX-License-Identifier: MIT */
/*
 * Exits of a position, and its result.
 */
#include "execute/positions.h"

#include <math.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/engine_sample.h"

static const struct mri_exit_limits limits = {
    .stop_sd = 1.0, .target_sd = 2.0, .hold_ns = 30 * MRI_ENGINE_SAMPLE_MINUTE_NS};

static struct mri_position entered(mr_side side, int64_t price)
{
    return (struct mri_position){.side = (uint8_t)side,
        .entry_price = price,
        .opened_unix_ns = MRI_ENGINE_SAMPLE_T0_UNIX_NS};
}

static void exits_stand_at_their_multiples_of_the_half_hour_deviation(void **fixture)
{
    (void)fixture;
    const struct mri_instrument_spec spec = mri_engine_sample_spec(0);
    double volatility = 0.01 / sqrt(30.0); /* one percent in 30 bars */
    struct mri_position position = entered(MR_LONG, 10000);
    assert_int_equal(mri_position_exits(&limits, &spec, volatility, &position), MR_OK);
    assert_int_equal(position.stop_price, 9900);
    assert_int_equal(position.target_price, 10200);
    assert_true(position.exit_time_unix_ns == MRI_ENGINE_SAMPLE_T0_UNIX_NS + limits.hold_ns);
    position = entered(MR_SHORT, 10000);
    assert_int_equal(mri_position_exits(&limits, &spec, volatility, &position), MR_OK);
    assert_int_equal(position.stop_price, 10100);
    assert_int_equal(position.target_price, 9800);
}

static void without_a_volatility_the_deviation_is_half_a_percent(void **fixture)
{
    (void)fixture;
    const struct mri_instrument_spec spec = mri_engine_sample_spec(0);
    const double unknown[] = {0.0, -1.0, (double)NAN};
    for (size_t i = 0; i < MRI_COUNT_OF(unknown); i++) {
        struct mri_position position = entered(MR_LONG, 10000);
        assert_int_equal(mri_position_exits(&limits, &spec, unknown[i], &position), MR_OK);
        assert_int_equal(position.stop_price, 9950);
        assert_int_equal(position.target_price, 10100);
    }
}

static void exits_are_on_the_tick_and_at_least_one_away(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 4);
    for (unsigned round = 0; round < 20000; round++) {
        struct mri_instrument_spec spec = mri_engine_sample_spec(0);
        spec.tick = 1 + (int64_t)mri_prng_below(&prng, 20);
        bool is_long = mri_prng_below(&prng, 2) == 0;
        struct mri_position position = entered(is_long ? MR_LONG : MR_SHORT,
            spec.tick * (100 + (int64_t)mri_prng_below(&prng, 100000)));
        double volatility = 0.02 * mri_prng_uniform(&prng) * mri_prng_uniform(&prng);
        assert_int_equal(mri_position_exits(&limits, &spec, volatility, &position), MR_OK);
        int64_t stop = position.entry_price - position.stop_price;
        int64_t target = position.target_price - position.entry_price;
        assert_true((is_long ? stop : -stop) >= spec.tick);
        assert_true((is_long ? target : -target) >= spec.tick);
        assert_int_equal(position.stop_price % spec.tick, 0);
        assert_int_equal(position.target_price % spec.tick, 0);
    }
}

static void exits_that_do_not_fit_are_a_fault(void **fixture)
{
    (void)fixture;
    const struct mri_instrument_spec spec = mri_engine_sample_spec(0);
    struct mri_position position = entered(MR_LONG, INT64_MAX - 10);
    assert_int_equal(mri_position_exits(&limits, &spec, 0.01, &position), MR_ERANGE);
    position = entered(MR_LONG, 10000);
    assert_int_equal(mri_position_exits(&limits, &spec, 1e12, &position), MR_ERANGE);
    position.opened_unix_ns = INT64_MAX - 1;
    assert_int_equal(mri_position_exits(&limits, &spec, 0.01, &position), MR_ERANGE);
}

static const struct mri_parts no_parts;

/** A position with a fill each way, all at these reference prices. */
static struct mri_position_closed close_at(mr_side side, int64_t entry, int64_t exit)
{
    const struct mri_instrument_spec spec = mri_engine_sample_spec(0);
    const struct mri_position position = {.side = (uint8_t)side,
        .quantity = 2000,
        .entry_reference_price = entry,
        .entry_fee_e8 = 7,
        .entry_slippage_e8 = 11};
    const struct mri_venue_fill fill = {
        .price = exit, .reference_price = exit, .fee_e8 = 13, .slippage_e8 = 17};
    struct mri_position_closed closed = {.net_e8 = 0};
    assert_int_equal(mri_position_result(&position, &no_parts, &spec, &fill, &closed), MR_OK);
    return closed;
}

static void a_long_gains_what_the_price_rises_and_a_short_what_it_falls(void **fixture)
{
    (void)fixture;
    /* 2 units, one dollar: 2.00 */
    assert_true(close_at(MR_LONG, 10000, 10100).gross_e8 == 200000000);
    assert_true(close_at(MR_LONG, 10000, 9900).gross_e8 == -200000000);
    assert_true(close_at(MR_SHORT, 10000, 10100).gross_e8 == -200000000);
    assert_true(close_at(MR_SHORT, 10000, 9900).gross_e8 == 200000000);
    struct mri_position_closed flat = close_at(MR_SHORT, 10000, 10000);
    assert_true(flat.gross_e8 == 0 && flat.fee_e8 == 20 && flat.slippage_e8 == 28);
    assert_true(flat.net_e8 == -48);
}

static void a_result_that_does_not_fit_is_a_fault(void **fixture)
{
    (void)fixture;
    struct mri_instrument_spec spec = mri_engine_sample_spec(0);
    struct mri_position position = {
        .side = MR_LONG, .quantity = 1000, .entry_reference_price = 10000};
    struct mri_venue_fill fill = {.reference_price = 10000};
    struct mri_position_closed closed;
    spec.multiplier = INT64_MAX / 999;
    assert_int_equal(mri_position_result(&position, &no_parts, &spec, &fill, &closed), MR_ERANGE);
    spec.multiplier = 1;
    position.quantity = INT64_MAX;
    assert_int_equal(mri_position_result(&position, &no_parts, &spec, &fill, &closed), MR_ERANGE);
    position.quantity = 1000;
    position.entry_fee_e8 = INT64_MAX;
    fill.fee_e8 = 1;
    assert_int_equal(mri_position_result(&position, &no_parts, &spec, &fill, &closed), MR_ERANGE);
    fill.fee_e8 = 0;
    position.entry_slippage_e8 = 5; /* each sum fits, and the net does not */
    assert_int_equal(mri_position_result(&position, &no_parts, &spec, &fill, &closed), MR_ERANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exits_stand_at_their_multiples_of_the_half_hour_deviation),
        cmocka_unit_test(without_a_volatility_the_deviation_is_half_a_percent),
        cmocka_unit_test(exits_are_on_the_tick_and_at_least_one_away),
        cmocka_unit_test(exits_that_do_not_fit_are_a_fault),
        cmocka_unit_test(a_long_gains_what_the_price_rises_and_a_short_what_it_falls),
        cmocka_unit_test(a_result_that_does_not_fit_is_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
