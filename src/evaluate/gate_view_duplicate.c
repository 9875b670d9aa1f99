/* SPDX-License-Identifier: MIT */
/*
 * View duplicate: at most one signal of a view becomes an order. The value is how many signals that
 * pass every other gate go first: larger confidence, then lower ordinal.
 */
#include "evaluate/gate.h"

static struct mri_gate_result judge(
    const struct mri_gate_input *input, const struct mri_gate_limits *limits)
{
    (void)limits;
    return mri_gate_judged(input->stronger == 0, MRI_REASON_VIEW_DUPLICATE, input->stronger, 0.0);
}

static void spoil(struct mri_gate_input *input, const struct mri_gate_limits *limits)
{
    (void)limits;
    input->stronger = 1;
}

const struct mri_gate_kind mri_gate_view_duplicate = {
    .gate = MRI_GATE_VIEW_DUPLICATE, .judge = judge, .spoil = spoil};
