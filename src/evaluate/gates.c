/* SPDX-License-Identifier: MIT */
/*
 * The chain of gates and its self-test.
 *
 * Invariants
 *  1. A gate whose value or threshold is not a finite number blocks: verdict ERROR, reason
 *     gate_error.
 *  2. The order of the chain is the order of the table; view_duplicate is last, because it needs to
 *     know who passes everything else.
 */
#include "evaluate/gates.h"

#include "base/check.h"
#include "base/exact_math.h"
#include "base/problem.h"

static const struct mri_gate_kind *const chain[] = {
    &mri_gate_mode,
    &mri_gate_stale,
    &mri_gate_cooldown,
    &mri_gate_coverage,
    &mri_gate_expected_value,
    &mri_gate_position_limit,
    &mri_gate_view_duplicate,
};

MRI_STATIC_ASSERT(MRI_COUNT_OF(chain) == MRI_CHAIN_GATE_COUNT, "the chain is complete");

static struct mri_gate_result judge(const struct mri_gate_kind *kind,
    const struct mri_gate_input *input, const struct mri_gate_limits *limits)
{
    struct mri_gate_result result = kind->judge(input, limits);
    if (!mri_is_finite(result.value) || !mri_is_finite(result.threshold)) {
        result =
            (struct mri_gate_result){.verdict = MRI_VERDICT_ERROR, .reason = MRI_REASON_GATE_ERROR};
    }
    return result;
}

struct mri_gates_result mri_gates_run(
    const struct mri_gate_input *input, const struct mri_gate_limits *limits)
{
    struct mri_gates_result all = {
        .verdict = MRI_VERDICT_PASS, .gate = MRI_GATE_NONE, .reason = MRI_REASON_GATES_PASSED};
    for (unsigned i = 0; i < MRI_CHAIN_GATE_COUNT; i++) {
        all.results[i] = judge(chain[i], input, limits);
        bool is_first_block =
            all.results[i].verdict != MRI_VERDICT_PASS && all.gate == MRI_GATE_NONE;
        if (is_first_block) {
            all.verdict = MRI_VERDICT_BLOCK;
            all.gate = chain[i]->gate;
            all.reason = all.results[i].reason;
        }
    }
    return all;
}

bool mri_gates_pass_alone(const struct mri_gate_input *input, const struct mri_gate_limits *limits)
{
    struct mri_gate_input alone = *input;
    alone.stronger = 0;
    return mri_gates_run(&alone, limits).verdict == MRI_VERDICT_PASS;
}

enum mri_gate mri_gates_at(unsigned index)
{
    MRI_ASSERT(index < MRI_CHAIN_GATE_COUNT);
    return chain[index]->gate;
}

/** An input that every gate passes, whatever the limits are. */
static struct mri_gate_input good_input(const struct mri_gate_limits *limits)
{
    return (struct mri_gate_input){
        .mode = MRI_MODE_RUN,
        .has_price = true,
        .coverage = 1.0,
        .has_ev = true,
        .ev_bps = 100.0 + limits->ev_z,
        .ev_sd_bps = 1.0,
        .cost_bps = 10.0,
    };
}

mr_err mri_gates_prove(const struct mri_gate_limits *limits, mr_problem *reterr_problem)
{
    const struct mri_gate_input good = good_input(limits);
    for (unsigned i = 0; i < MRI_CHAIN_GATE_COUNT; i++) {
        struct mri_gate_input bad = good;
        chain[i]->spoil(&bad, limits);
        bool is_good_passed = judge(chain[i], &good, limits).verdict == MRI_VERDICT_PASS;
        bool is_bad_blocked = judge(chain[i], &bad, limits).verdict != MRI_VERDICT_PASS;
        if (!is_good_passed || !is_bad_blocked) {
            return mri_problem(reterr_problem, MR_EINTERNAL,
                "gate %s does not %s: the program does not trade with a gate that cannot be "
                "trusted",
                mri_word_text(MRI_VOCABULARY_gate, chain[i]->gate),
                is_good_passed ? "block what it must block" : "pass what it must pass");
        }
    }
    return MR_OK;
}
