/* SPDX-License-Identifier: MIT */
/*
 * The gates one by one, the chain, and its proof at start-up.
 */
#include "evaluate/gates.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "tests/lib/cmocka_all.h"

static const struct mri_gate_limits limits = {
    .stale_signal_s = 120.0,
    .stale_price_s = 90.0,
    .cooldown_s = 600.0,
    .coverage_min = 0.6,
    .ev_z = 1.5,
    .positions_max = 3,
    .exposure_max = 5000.0,
};

/** An input well inside every limit, with every number present. */
static struct mri_gate_input good_input(void)
{
    return (struct mri_gate_input){
        .mode = MRI_MODE_RUN,
        .signal_age_s = 1.0,
        .has_price = true,
        .price_age_s = 2.0,
        .has_approval = true,
        .since_approval_s = 1000.0,
        .coverage = 0.9,
        .has_ev = true,
        .ev_bps = 40.0,
        .ev_sd_bps = 4.0,
        .cost_bps = 10.0,
        .positions = 1,
        .exposure = 100.0,
    };
}

/** What the gate says in the chain. */
static struct mri_gate_result said(const struct mri_gate_input *input, enum mri_gate gate)
{
    struct mri_gates_result all = mri_gates_run(input, &limits);
    for (unsigned i = 0; i < MRI_CHAIN_GATE_COUNT; i++) {
        if (mri_gates_at(i) == gate) {
            return all.results[i];
        }
    }
    fail_msg("no gate %d in the chain", (int)gate);
    return (struct mri_gate_result){0};
}

static void expect(
    const struct mri_gate_input *input, enum mri_gate gate, const struct mri_gate_result *wanted)
{
    struct mri_gate_result result = said(input, gate);
    assert_int_equal(result.verdict, wanted->verdict);
    assert_int_equal(result.reason, wanted->reason);
    assert_true(result.value == wanted->value);
    assert_true(result.threshold == wanted->threshold);
}

static void expect_pass(
    const struct mri_gate_input *input, enum mri_gate gate, double value, double threshold)
{
    const struct mri_gate_result wanted = {MRI_VERDICT_PASS, MRI_REASON_NONE, value, threshold};
    expect(input, gate, &wanted);
}

static void expect_block(const struct mri_gate_input *input, enum mri_gate gate,
    enum mri_reason reason, double value, double threshold)
{
    const struct mri_gate_result wanted = {MRI_VERDICT_BLOCK, reason, value, threshold};
    expect(input, gate, &wanted);
}

static void the_mode_gate_passes_only_run(void **fixture)
{
    (void)fixture;
    struct mri_gate_input input = good_input();
    expect_pass(&input, MRI_GATE_MODE, MRI_MODE_RUN, MRI_MODE_RUN);
    input.mode = MRI_MODE_CLOSE_ONLY;
    expect_block(&input, MRI_GATE_MODE, MRI_REASON_MODE_CLOSE_ONLY, MRI_MODE_CLOSE_ONLY, 0.0);
    input.mode = MRI_MODE_HALT;
    expect_block(&input, MRI_GATE_MODE, MRI_REASON_MODE_HALT, MRI_MODE_HALT, 0.0);
}

static void a_signal_is_stale_only_beyond_its_threshold(void **fixture)
{
    (void)fixture;
    struct mri_gate_input input = good_input();
    input.signal_age_s = 120.0;
    expect_pass(&input, MRI_GATE_STALE, 120.0, 120.0);
    input.signal_age_s = nextafter(120.0, 1e9);
    expect_block(&input, MRI_GATE_STALE, MRI_REASON_STALE_SIGNAL, input.signal_age_s, 120.0);
}

static void a_price_is_stale_only_beyond_its_threshold(void **fixture)
{
    (void)fixture;
    struct mri_gate_input input = good_input();
    input.price_age_s = 90.0;
    expect_pass(&input, MRI_GATE_STALE, 1.0, 120.0);
    input.price_age_s = nextafter(90.0, 1e9);
    expect_block(&input, MRI_GATE_STALE, MRI_REASON_STALE_PRICE, input.price_age_s, 90.0);
}

static void without_a_price_the_stale_gate_blocks_for_the_absent_input(void **fixture)
{
    (void)fixture;
    struct mri_gate_input input = good_input();
    input.has_price = false;
    expect_block(&input, MRI_GATE_STALE, MRI_REASON_INPUT_ABSENT, 0.0, 90.0);
}

static void the_cooldown_blocks_until_its_time_is_over(void **fixture)
{
    (void)fixture;
    struct mri_gate_input input = good_input();
    input.since_approval_s = 600.0;
    expect_pass(&input, MRI_GATE_COOLDOWN, 600.0, 600.0);
    input.since_approval_s = nextafter(600.0, 0.0);
    expect_block(&input, MRI_GATE_COOLDOWN, MRI_REASON_COOLDOWN, input.since_approval_s, 600.0);
}

static void without_an_earlier_approval_the_cooldown_passes_and_says_that_it_has_no_value(
    void **fixture)
{
    (void)fixture;
    struct mri_gate_input input = good_input();
    input.has_approval = false;
    input.since_approval_s = 3.0; /* not looked at */
    const struct mri_gate_result wanted = {MRI_VERDICT_PASS, MRI_REASON_INPUT_ABSENT, 0.0, 600.0};
    expect(&input, MRI_GATE_COOLDOWN, &wanted);
}

static void coverage_passes_from_its_threshold_on(void **fixture)
{
    (void)fixture;
    struct mri_gate_input input = good_input();
    input.coverage = 0.6;
    expect_pass(&input, MRI_GATE_COVERAGE, 0.6, 0.6);
    input.coverage = nextafter(0.6, 0.0);
    expect_block(&input, MRI_GATE_COVERAGE, MRI_REASON_COVERAGE_LOW, input.coverage, 0.6);
    input.coverage = 0.0;
    expect_block(&input, MRI_GATE_COVERAGE, MRI_REASON_COVERAGE_LOW, 0.0, 0.6);
}

static void the_expected_value_less_its_errors_must_exceed_the_cost(void **fixture)
{
    (void)fixture;
    struct mri_gate_input input = good_input();
    expect_pass(&input, MRI_GATE_EXPECTED_VALUE, 40.0 - 1.5 * 4.0, 10.0);
    input.ev_bps = 16.0; /* 16 - 1.5 x 4 = 10: as much as the cost is not more */
    expect_block(&input, MRI_GATE_EXPECTED_VALUE, MRI_REASON_EV_BELOW_COST, 10.0, 10.0);
    input.ev_bps = 16.0 + 1.0 / 64.0;
    expect_pass(&input, MRI_GATE_EXPECTED_VALUE, 10.0 + 1.0 / 64.0, 10.0);
}

static void a_value_on_the_other_side_is_named_so_only_when_it_would_pass_there(void **fixture)
{
    (void)fixture;
    struct mri_gate_input input = good_input();
    input.ev_bps = -16.0;
    expect_block(&input, MRI_GATE_EXPECTED_VALUE, MRI_REASON_EV_BELOW_COST, -22.0, 10.0);
    input.ev_bps = -16.0 - 1.0 / 64.0;
    expect_block(
        &input, MRI_GATE_EXPECTED_VALUE, MRI_REASON_EV_OPPOSES_SIDE, -22.0 - 1.0 / 64.0, 10.0);
}

static void without_an_expected_value_its_gate_blocks_for_the_absent_input(void **fixture)
{
    (void)fixture;
    struct mri_gate_input input = good_input();
    input.has_ev = false;
    expect_block(&input, MRI_GATE_EXPECTED_VALUE, MRI_REASON_INPUT_ABSENT, 0.0, 10.0);
}

static void a_symbol_has_one_position(void **fixture)
{
    (void)fixture;
    struct mri_gate_input input = good_input();
    input.symbol_positions = 1;
    expect_block(&input, MRI_GATE_POSITION_LIMIT, MRI_REASON_SYMBOL_HAS_POSITION, 1.0, 0.0);
}

static void positions_are_full_at_their_highest_number(void **fixture)
{
    (void)fixture;
    struct mri_gate_input input = good_input();
    input.positions = 2;
    expect_pass(&input, MRI_GATE_POSITION_LIMIT, 2.0, 3.0);
    input.positions = 3;
    expect_block(&input, MRI_GATE_POSITION_LIMIT, MRI_REASON_POSITIONS_FULL, 3.0, 3.0);
}

static void exposure_is_full_at_its_limit(void **fixture)
{
    (void)fixture;
    struct mri_gate_input input = good_input();
    input.exposure = nextafter(5000.0, 0.0);
    expect_pass(&input, MRI_GATE_POSITION_LIMIT, 1.0, 3.0);
    input.exposure = 5000.0;
    expect_block(&input, MRI_GATE_POSITION_LIMIT, MRI_REASON_EXPOSURE_FULL, 5000.0, 5000.0);
}

static void a_stronger_signal_of_the_view_blocks(void **fixture)
{
    (void)fixture;
    struct mri_gate_input input = good_input();
    expect_pass(&input, MRI_GATE_VIEW_DUPLICATE, 0.0, 0.0);
    input.stronger = 2;
    expect_block(&input, MRI_GATE_VIEW_DUPLICATE, MRI_REASON_VIEW_DUPLICATE, 2.0, 0.0);
    assert_true(mri_gates_pass_alone(&input, &limits));
    input.coverage = 0.1;
    assert_false(mri_gates_pass_alone(&input, &limits));
}

static void every_gate_judges_also_after_the_first_block(void **fixture)
{
    (void)fixture;
    const struct mri_gate_input bad = {
        .mode = MRI_MODE_HALT,
        .signal_age_s = 500.0,
        .has_price = true,
        .has_approval = true,
        .since_approval_s = 5.0,
        .has_ev = true,
        .cost_bps = 10.0,
        .symbol_positions = 1,
        .stronger = 1,
    };
    struct mri_gates_result all = mri_gates_run(&bad, &limits);
    assert_int_equal(all.verdict, MRI_VERDICT_BLOCK);
    assert_int_equal(all.gate, MRI_GATE_MODE);
    assert_int_equal(all.reason, MRI_REASON_MODE_HALT);
    static const enum mri_reason reasons[MRI_CHAIN_GATE_COUNT] = {MRI_REASON_MODE_HALT,
        MRI_REASON_STALE_SIGNAL, MRI_REASON_COOLDOWN, MRI_REASON_COVERAGE_LOW,
        MRI_REASON_EV_BELOW_COST, MRI_REASON_SYMBOL_HAS_POSITION, MRI_REASON_VIEW_DUPLICATE};
    for (unsigned i = 0; i < MRI_CHAIN_GATE_COUNT; i++) {
        assert_int_equal(all.results[i].verdict, MRI_VERDICT_BLOCK);
        assert_int_equal(all.results[i].reason, reasons[i]);
    }
}

static void the_first_gate_of_the_chain_that_blocks_is_named(void **fixture)
{
    (void)fixture;
    struct mri_gate_input input = good_input();
    struct mri_gates_result all = mri_gates_run(&input, &limits);
    assert_int_equal(all.verdict, MRI_VERDICT_PASS);
    assert_int_equal(all.gate, MRI_GATE_NONE);
    assert_int_equal(all.reason, MRI_REASON_GATES_PASSED);
    input.coverage = 0.1;
    input.positions = 3;
    all = mri_gates_run(&input, &limits);
    assert_int_equal(all.gate, MRI_GATE_COVERAGE);
    assert_int_equal(all.reason, MRI_REASON_COVERAGE_LOW);
    assert_int_equal(mri_gates_at(MRI_CHAIN_GATE_COUNT - 1), MRI_GATE_VIEW_DUPLICATE);
}

/** Require that a spoilt number makes the whole chain block, with one gate in error. */
static void expect_error(const struct mri_gate_input *input, const struct mri_gate_limits *bad)
{
    struct mri_gates_result all = mri_gates_run(input, bad);
    unsigned errors = 0;
    for (unsigned i = 0; i < MRI_CHAIN_GATE_COUNT; i++) {
        errors += all.results[i].verdict == MRI_VERDICT_ERROR;
        assert_true(isfinite(all.results[i].value) && isfinite(all.results[i].threshold));
    }
    assert_int_equal(errors, 1);
    assert_int_equal(all.verdict, MRI_VERDICT_BLOCK);
    assert_int_equal(all.reason, MRI_REASON_GATE_ERROR);
}

static void a_number_that_is_none_blocks_wherever_it_comes_in(void **fixture)
{
    (void)fixture;
    const size_t inputs[] = {
        offsetof(struct mri_gate_input, signal_age_s),
        offsetof(struct mri_gate_input, price_age_s),
        offsetof(struct mri_gate_input, since_approval_s),
        offsetof(struct mri_gate_input, coverage),
        offsetof(struct mri_gate_input, ev_bps),
        offsetof(struct mri_gate_input, ev_sd_bps),
        offsetof(struct mri_gate_input, cost_bps),
        offsetof(struct mri_gate_input, exposure),
    };
    for (size_t i = 0; i < MRI_COUNT_OF(inputs); i++) {
        struct mri_gate_input input = good_input();
        double nan = (double)NAN;
        memcpy((char *)&input + inputs[i], &nan, sizeof(nan));
        expect_error(&input, &limits);
    }
    const size_t thresholds[] = {
        offsetof(struct mri_gate_limits, stale_signal_s),
        offsetof(struct mri_gate_limits, stale_price_s),
        offsetof(struct mri_gate_limits, cooldown_s),
        offsetof(struct mri_gate_limits, coverage_min),
        offsetof(struct mri_gate_limits, ev_z),
        offsetof(struct mri_gate_limits, exposure_max),
    };
    for (size_t i = 0; i < MRI_COUNT_OF(thresholds); i++) {
        const struct mri_gate_input input = good_input();
        struct mri_gate_limits bad = limits;
        double nan = (double)NAN;
        memcpy((char *)&bad + thresholds[i], &nan, sizeof(nan));
        expect_error(&input, &bad);
    }
}

static void every_gate_has_a_bad_input_that_it_alone_blocks(void **fixture)
{
    (void)fixture;
    static const struct mri_gate_kind *const kinds[] = {&mri_gate_mode, &mri_gate_stale,
        &mri_gate_cooldown, &mri_gate_coverage, &mri_gate_expected_value, &mri_gate_position_limit,
        &mri_gate_view_duplicate};
    for (unsigned i = 0; i < MRI_CHAIN_GATE_COUNT; i++) {
        struct mri_gate_input input = good_input();
        kinds[i]->spoil(&input, &limits);
        struct mri_gates_result all = mri_gates_run(&input, &limits);
        assert_int_equal(all.gate, kinds[i]->gate);
        for (unsigned k = 0; k < MRI_CHAIN_GATE_COUNT; k++) {
            assert_int_equal(all.results[k].verdict == MRI_VERDICT_PASS, k != i);
        }
    }
}

static void the_proof_accepts_working_limits_and_names_the_gate_that_cannot_block(void **fixture)
{
    (void)fixture;
    mr_problem problem = {0};
    assert_int_equal(mri_gates_prove(&limits, &problem), MR_OK);
    const struct {
        size_t offset;
        const char *gate;
    } broken[] = {
        {offsetof(struct mri_gate_limits, stale_signal_s), "stale"},
        {offsetof(struct mri_gate_limits, coverage_min), "coverage"},
        {offsetof(struct mri_gate_limits, exposure_max), "position_limit"},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(broken); i++) {
        struct mri_gate_limits bad = limits;
        double nan = (double)NAN;
        memcpy((char *)&bad + broken[i].offset, &nan, sizeof(nan));
        assert_int_equal(mri_gates_prove(&bad, &problem), MR_EINTERNAL);
        assert_non_null(strstr(problem.text, broken[i].gate));
    }
    struct mri_gate_limits none = limits;
    none.positions_max = 0; /* nothing may ever pass: not a gate that can be proved */
    assert_int_equal(mri_gates_prove(&none, NULL), MR_EINTERNAL);
    /* Staleness without a limit: the input that must be blocked passes. */
    struct mri_gate_limits endless = limits;
    endless.stale_signal_s = 1e300;
    assert_int_equal(mri_gates_prove(&endless, &problem), MR_EINTERNAL);
    assert_non_null(strstr(problem.text, "gate stale does not block"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mode_gate_passes_only_run),
        cmocka_unit_test(a_signal_is_stale_only_beyond_its_threshold),
        cmocka_unit_test(a_price_is_stale_only_beyond_its_threshold),
        cmocka_unit_test(without_a_price_the_stale_gate_blocks_for_the_absent_input),
        cmocka_unit_test(the_cooldown_blocks_until_its_time_is_over),
        cmocka_unit_test(
            without_an_earlier_approval_the_cooldown_passes_and_says_that_it_has_no_value),
        cmocka_unit_test(coverage_passes_from_its_threshold_on),
        cmocka_unit_test(the_expected_value_less_its_errors_must_exceed_the_cost),
        cmocka_unit_test(a_value_on_the_other_side_is_named_so_only_when_it_would_pass_there),
        cmocka_unit_test(without_an_expected_value_its_gate_blocks_for_the_absent_input),
        cmocka_unit_test(a_symbol_has_one_position),
        cmocka_unit_test(positions_are_full_at_their_highest_number),
        cmocka_unit_test(exposure_is_full_at_its_limit),
        cmocka_unit_test(a_stronger_signal_of_the_view_blocks),
        cmocka_unit_test(every_gate_judges_also_after_the_first_block),
        cmocka_unit_test(the_first_gate_of_the_chain_that_blocks_is_named),
        cmocka_unit_test(a_number_that_is_none_blocks_wherever_it_comes_in),
        cmocka_unit_test(every_gate_has_a_bad_input_that_it_alone_blocks),
        cmocka_unit_test(the_proof_accepts_working_limits_and_names_the_gate_that_cannot_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
