/* SPDX-License-Identifier: MIT */
/*
 * Expected value: the return expected in the signal's side, less z standard errors, must exceed the
 * cost of a round trip. When the other side would pass instead, the reason says so: trading against
 * a signal's own side needs more evidence than an estimate.
 */
#include "evaluate/gate.h"

static struct mri_gate_result judge(
    const struct mri_gate_input *input, const struct mri_gate_limits *limits)
{
    if (!input->has_ev) {
        return mri_gate_absent(false, input->cost_bps);
    }
    double error = limits->ev_z * input->ev_sd_bps;
    bool is_opposed = -input->ev_bps - error > input->cost_bps;
    return mri_gate_judged(input->ev_bps - error > input->cost_bps,
        is_opposed ? MRI_REASON_EV_OPPOSES_SIDE : MRI_REASON_EV_BELOW_COST, input->ev_bps - error,
        input->cost_bps);
}

static void spoil(struct mri_gate_input *input, const struct mri_gate_limits *limits)
{
    (void)limits;
    input->ev_bps = input->cost_bps;
    input->ev_sd_bps = 1.0;
}

const struct mri_gate_kind mri_gate_expected_value = {
    .gate = MRI_GATE_EXPECTED_VALUE, .judge = judge, .spoil = spoil};
