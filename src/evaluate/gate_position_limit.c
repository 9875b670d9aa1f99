/* SPDX-License-Identifier: MIT */
/*
 * Position limits: one position a symbol, so many in all, so much notional. The value is the one
 * that failed, else the number of positions.
 *
 * Here it is only asked whether there is room for an order; that the order keeps within it is the
 * matter of its size (size.c).
 */
#include "evaluate/gate.h"

static struct mri_gate_result judge(
    const struct mri_gate_input *input, const struct mri_gate_limits *limits)
{
    if (input->symbol_positions > 0) {
        return mri_gate_judged(false, MRI_REASON_SYMBOL_HAS_POSITION, input->symbol_positions, 0.0);
    }
    if (input->positions >= limits->positions_max) {
        return mri_gate_judged(
            false, MRI_REASON_POSITIONS_FULL, input->positions, limits->positions_max);
    }
    if (!(input->exposure < limits->exposure_max)) { /* a NaN must not slip through */
        return mri_gate_judged(
            false, MRI_REASON_EXPOSURE_FULL, input->exposure, limits->exposure_max);
    }
    return mri_gate_judged(true, MRI_REASON_NONE, input->positions, limits->positions_max);
}

static void spoil(struct mri_gate_input *input, const struct mri_gate_limits *limits)
{
    input->positions = limits->positions_max;
}

const struct mri_gate_kind mri_gate_position_limit = {
    .gate = MRI_GATE_POSITION_LIMIT, .judge = judge, .spoil = spoil};
