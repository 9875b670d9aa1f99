/* SPDX-License-Identifier: MIT */
/*
 * Order sizes: the product of the recorded factors, rounded down, never up.
 */
#include "evaluate/size.h"

#include <math.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/engine_sample.h"

static const struct mri_size_limits limits = {
    .equity = 10000.0, .kelly_fraction = 0.25, .notional_cap = 0.1};

static void the_notional_is_the_product_of_five_recorded_factors(void **fixture)
{
    (void)fixture;
    const struct mri_instrument_spec spec = mri_engine_sample_spec(0);
    const struct mri_size_input input = {
        .edge_bps = 2.0, .ev_sd_bps = 3.0, .return_sd = 0.1, .room = 1e300, .price = 10000};
    struct mri_size size = mri_size_compute(&limits, &input, &spec);
    const double wanted[MRI_SIZE_FACTORS] = {
        [MRI_FACTOR_EQUITY] = 10000.0,
        [MRI_FACTOR_EDGE] = 2e-4 / 0.01,
        [MRI_FACTOR_KELLY] = 0.25,
        [MRI_FACTOR_SHRINKAGE] = 4.0 / 13.0,
        [MRI_FACTOR_CAP] = 1.0,
    };
    double product = 1.0;
    for (unsigned i = 0; i < MRI_SIZE_FACTORS; i++) {
        assert_int_equal(size.factors[i].factor, i);
        assert_true(fabs(size.factors[i].value - wanted[i]) <= 1e-12 * wanted[i]);
        product *= size.factors[i].value;
    }
    assert_true(size.notional == product);
    /* 10000 x .02 x .25 x 4/13 = 15.3846 at 100.00: 0.153 of it */
    assert_int_equal(size.quantity, 153);
    assert_int_equal(size.notional_e8, 1530000000);
}

static void a_size_above_the_cap_is_brought_down_to_it(void **fixture)
{
    (void)fixture;
    const struct mri_instrument_spec spec = mri_engine_sample_spec(0);
    const struct mri_size_input input = {
        .edge_bps = 50.0, .ev_sd_bps = 1.0, .return_sd = 0.001, .room = 1e300, .price = 10000};
    struct mri_size size = mri_size_compute(&limits, &input, &spec);
    assert_true(size.factors[MRI_FACTOR_CAP].value < 1.0);
    assert_true(fabs(size.notional - 1000.0) < 1e-9);
    assert_true(size.quantity == 10000 || size.quantity == 9999);
}

static void a_size_above_the_room_that_is_left_is_brought_down_to_it(void **fixture)
{
    (void)fixture;
    const struct mri_instrument_spec spec = mri_engine_sample_spec(0);
    struct mri_size_input input = {
        .edge_bps = 50.0, .ev_sd_bps = 1.0, .return_sd = 0.001, .room = 20.05, .price = 10000};
    struct mri_size size = mri_size_compute(&limits, &input, &spec);
    assert_true(fabs(size.notional - 20.05) < 1e-9);
    assert_int_equal(size.quantity, 200); /* lots of 0.10: rounded down */
    input.room = 4.9;
    assert_int_equal(mri_size_compute(&limits, &input, &spec).quantity, 0);
    input.room = 0.0;
    assert_int_equal(mri_size_compute(&limits, &input, &spec).quantity, 0);
    input.room = -7.0;
    assert_int_equal(mri_size_compute(&limits, &input, &spec).quantity, 0);
}

static void a_size_below_the_smallest_value_is_no_order(void **fixture)
{
    (void)fixture;
    const struct mri_instrument_spec spec = mri_engine_sample_spec(0);
    struct mri_size_limits small = limits;
    const struct mri_size_input input = {
        .edge_bps = 100.0, .ev_sd_bps = 0.0, .return_sd = 0.01, .room = 1e300, .price = 10000};
    small.kelly_fraction = 1.0;
    small.notional_cap = 1.0;
    small.equity = 5.000001 / 100.0; /* the edge over the variance is 100, so 5.000001 in all */
    struct mri_size size = mri_size_compute(&small, &input, &spec);
    assert_true(size.notional_min == 5.0);
    small.notional_cap = 200.0;
    size = mri_size_compute(&small, &input, &spec);
    assert_int_equal(size.quantity, 50);
    assert_int_equal(size.notional_e8, 500000000);
    small.equity = 4.9999 / 100.0; /* a lot short of it: rounded down, not up */
    size = mri_size_compute(&small, &input, &spec);
    assert_true(size.notional > 4.99 && size.notional < 5.0);
    assert_int_equal(size.quantity, 0);
    assert_int_equal(size.notional_e8, 0);
}

static void a_size_below_the_smallest_quantity_is_no_order(void **fixture)
{
    (void)fixture;
    struct mri_instrument_spec spec = mri_engine_sample_spec(0);
    spec.notional_min_e8 = 0;
    spec.lot = 10;
    spec.quantity_min = 200;
    const struct mri_size_input input = {
        .edge_bps = 100.0, .ev_sd_bps = 0.0, .return_sd = 0.01, .room = 1e300, .price = 10000};
    struct mri_size_limits small = {
        .equity = 0.2005, .kelly_fraction = 1.0, .notional_cap = 1000.0};
    struct mri_size size = mri_size_compute(&small, &input, &spec);
    assert_int_equal(size.quantity, 200);
    small.equity = 0.1999;
    size = mri_size_compute(&small, &input, &spec);
    assert_int_equal(size.quantity, 0);
    assert_true(size.notional_min == 20.0);
}

static void a_quantity_is_whole_lots_and_never_worth_more_than_the_notional(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    unsigned orders = 0;
    mri_prng_init(&prng, 5);
    for (unsigned round = 0; round < 20000; round++) {
        struct mri_instrument_spec spec = mri_engine_sample_spec(0);
        spec.lot = 1 + (int64_t)mri_prng_below(&prng, 50);
        spec.quantity_min = spec.lot * (1 + (int64_t)mri_prng_below(&prng, 3));
        const struct mri_size_input input = {
            .edge_bps = 0.1 + 50.0 * mri_prng_uniform(&prng),
            .ev_sd_bps = 20.0 * mri_prng_uniform(&prng),
            .return_sd = 0.001 + 0.05 * mri_prng_uniform(&prng),
            .room = 1e300,
            .price = 1 + (int64_t)mri_prng_below(&prng, 10000000),
        };
        struct mri_size size = mri_size_compute(&limits, &input, &spec);
        assert_true(size.notional <= 1000.0 * (1.0 + 1e-12));
        if (size.quantity == 0) {
            continue;
        }
        orders++;
        int64_t value_e8;
        assert_int_equal(mri_fixed_notional_e8(input.price, 2, size.quantity, 3, &value_e8), MR_OK);
        assert_true(value_e8 == size.notional_e8);
        assert_int_equal(size.quantity % spec.lot, 0);
        assert_true(size.quantity >= spec.quantity_min);
        assert_true(size.notional_e8 >= spec.notional_min_e8);
        double value = mri_fixed_to_double(value_e8, MRI_MONEY_DECIMALS);
        double lot = (double)(spec.lot * input.price) / 1e5;
        assert_true(value <= size.notional * (1.0 + 1e-9));
        assert_true(value + lot >= size.notional * (1.0 - 1e-9));
    }
    assert_true(orders > 1000);
}

static void a_size_that_no_integer_holds_is_no_order(void **fixture)
{
    (void)fixture;
    struct mri_instrument_spec spec = mri_engine_sample_spec(0);
    const struct mri_size_limits huge = {
        .equity = 1e30, .kelly_fraction = 1.0, .notional_cap = 1.0};
    const struct mri_size_input input = {
        .edge_bps = 100.0, .ev_sd_bps = 0.0, .return_sd = 0.01, .room = 1e300, .price = 10000};
    struct mri_size size = mri_size_compute(&huge, &input, &spec);
    assert_int_equal(size.quantity, 0);
    spec.lot = (int64_t)1 << 40; /* few lots, and yet too much */
    spec.quantity_min = spec.lot;
    const struct mri_size_limits large = {
        .equity = 1e20, .kelly_fraction = 1.0, .notional_cap = 1.0};
    size = mri_size_compute(&large, &input, &spec);
    assert_int_equal(size.quantity, 0);
    spec = mri_engine_sample_spec(0);
    spec.multiplier = (int64_t)1 << 50; /* the product of quantity and multiplier leaves 64 bits */
    size = mri_size_compute(&large, &input, &spec);
    assert_int_equal(size.quantity, 0);
}

static void an_uncertain_edge_is_sized_smaller(void **fixture)
{
    (void)fixture;
    const struct mri_instrument_spec spec = mri_engine_sample_spec(0);
    struct mri_size_input input = {
        .edge_bps = 2.0, .return_sd = 0.1, .room = 1e300, .price = 10000};
    double last = 1e300;
    for (unsigned i = 0; i < 20; i++) {
        input.ev_sd_bps = i;
        double notional = mri_size_compute(&limits, &input, &spec).notional;
        assert_true(notional < last && notional > 0.0);
        last = notional;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_notional_is_the_product_of_five_recorded_factors),
        cmocka_unit_test(a_size_above_the_cap_is_brought_down_to_it),
        cmocka_unit_test(a_size_above_the_room_that_is_left_is_brought_down_to_it),
        cmocka_unit_test(a_size_below_the_smallest_value_is_no_order),
        cmocka_unit_test(a_size_below_the_smallest_quantity_is_no_order),
        cmocka_unit_test(a_quantity_is_whole_lots_and_never_worth_more_than_the_notional),
        cmocka_unit_test(a_size_that_no_integer_holds_is_no_order),
        cmocka_unit_test(an_uncertain_edge_is_sized_smaller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
