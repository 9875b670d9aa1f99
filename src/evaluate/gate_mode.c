/* SPDX-License-Identifier: MIT */
/*
 * The trading mode: new positions only in RUN.
 */
#include "evaluate/gate.h"

static struct mri_gate_result judge(
    const struct mri_gate_input *input, const struct mri_gate_limits *limits)
{
    (void)limits;
    enum mri_reason reason =
        input->mode == MRI_MODE_HALT ? MRI_REASON_MODE_HALT : MRI_REASON_MODE_CLOSE_ONLY;
    return mri_gate_judged(input->mode == MRI_MODE_RUN, reason, input->mode, MRI_MODE_RUN);
}

static void spoil(struct mri_gate_input *input, const struct mri_gate_limits *limits)
{
    (void)limits;
    input->mode = MRI_MODE_CLOSE_ONLY;
}

const struct mri_gate_kind mri_gate_mode = {.gate = MRI_GATE_MODE, .judge = judge, .spoil = spoil};
