/* SPDX-License-Identifier: MIT */
/*
 * Coverage: enough of the internal sources have the input they need.
 */
#include "evaluate/gate.h"

static struct mri_gate_result judge(
    const struct mri_gate_input *input, const struct mri_gate_limits *limits)
{
    return mri_gate_judged(input->coverage >= limits->coverage_min, MRI_REASON_COVERAGE_LOW,
        input->coverage, limits->coverage_min);
}

static void spoil(struct mri_gate_input *input, const struct mri_gate_limits *limits)
{
    input->coverage = limits->coverage_min - 0.01;
}

const struct mri_gate_kind mri_gate_coverage = {
    .gate = MRI_GATE_COVERAGE, .judge = judge, .spoil = spoil};
