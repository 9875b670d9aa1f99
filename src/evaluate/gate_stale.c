/* SPDX-License-Identifier: MIT */
/*
 * Age: neither the signal nor the price it is judged at may be old. The value is the age that
 * failed, else the signal's.
 */
#include "evaluate/gate.h"

static struct mri_gate_result judge(
    const struct mri_gate_input *input, const struct mri_gate_limits *limits)
{
    if (!input->has_price) {
        return mri_gate_absent(false, limits->stale_price_s);
    }
    if (!(input->price_age_s <= limits->stale_price_s)) { /* a NaN must not slip through */
        return mri_gate_judged(
            false, MRI_REASON_STALE_PRICE, input->price_age_s, limits->stale_price_s);
    }
    return mri_gate_judged(input->signal_age_s <= limits->stale_signal_s, MRI_REASON_STALE_SIGNAL,
        input->signal_age_s, limits->stale_signal_s);
}

static void spoil(struct mri_gate_input *input, const struct mri_gate_limits *limits)
{
    input->signal_age_s = limits->stale_signal_s + 1.0;
}

const struct mri_gate_kind mri_gate_stale = {
    .gate = MRI_GATE_STALE, .judge = judge, .spoil = spoil};
