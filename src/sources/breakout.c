/* SPDX-License-Identifier: MIT */
/*
 * Breakout: a close beyond the highest high or lowest low of the 60 bars before (a Donchian
 * channel), followed with the overshoot in units of the 1-bar volatility as strength.
 */
#include "base/exact_math.h"
#include "sources/source.h"

enum { CHANNEL = 60 };

static void push(struct mri_source_state *state, const struct mri_bar *bar)
{
    mri_rolling_push(&state->windows[0], bar == NULL ? mri_nan() : bar->high);
    mri_rolling_push(&state->windows[1], bar == NULL ? mri_nan() : bar->low);
}

static struct mri_vote vote(const struct mri_source_state *state, const struct mri_bar *bar)
{
    double high = mri_rolling_extreme(&state->windows[0], 1, CHANNEL, 1);
    double low = mri_rolling_extreme(&state->windows[1], 1, CHANNEL, -1);
    if (!mri_is_finite(high) || !mri_is_finite(low)) {
        return mri_vote_absent();
    }
    double beyond =
        bar->close > high ? bar->close - high : (bar->close < low ? bar->close - low : 0.0);
    return mri_vote_of(beyond / bar->close / bar->volatility, 0.0, 3.0);
}

const struct mri_source_kind mri_source_breakout = {
    .number = MRI_SOURCE_BREAKOUT,
    .signal_name = "donch60",
    .window_slots = {CHANNEL + 1, CHANNEL + 1},
    .push = push,
    .vote = vote,
};
