/* SPDX-License-Identifier: MIT */
/*
 * Cooldown: no second approval of the same symbol and side within a time. Without an earlier
 * approval there is no value, and it passes.
 */
#include "evaluate/gate.h"

static struct mri_gate_result judge(
    const struct mri_gate_input *input, const struct mri_gate_limits *limits)
{
    if (!input->has_approval) {
        return mri_gate_absent(true, limits->cooldown_s);
    }
    return mri_gate_judged(input->since_approval_s >= limits->cooldown_s, MRI_REASON_COOLDOWN,
        input->since_approval_s, limits->cooldown_s);
}

static void spoil(struct mri_gate_input *input, const struct mri_gate_limits *limits)
{
    input->has_approval = true;
    input->since_approval_s = limits->cooldown_s - 1.0;
}

const struct mri_gate_kind mri_gate_cooldown = {
    .gate = MRI_GATE_COOLDOWN, .judge = judge, .spoil = spoil};
