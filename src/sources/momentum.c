/* SPDX-License-Identifier: MIT */
/*
 * Momentum: the 15-bar log return in units of its own standard deviation, followed when it is
 * larger than one.
 */
#include "base/exact_math.h"
#include "sources/source.h"

enum { LAG = 15 };

static void push(struct mri_source_state *state, const struct mri_bar *bar)
{
    mri_rolling_push(&state->windows[0], bar == NULL ? mri_nan() : bar->log_close);
}

static struct mri_vote vote(const struct mri_source_state *state, const struct mri_bar *bar)
{
    double change = bar->log_close - mri_rolling_at(&state->windows[0], LAG);
    return mri_vote_of(change / (bar->volatility * mri_sqrt(LAG)), 1.0, 3.0);
}

const struct mri_source_kind mri_source_momentum = {
    .number = MRI_SOURCE_MOMENTUM,
    .signal_name = "mom15",
    .window_slots = {LAG + 1},
    .push = push,
    .vote = vote,
};
