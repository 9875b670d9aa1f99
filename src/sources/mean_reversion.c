/* SPDX-License-Identifier: MIT */
/*
 * Mean reversion: the distance of the log close from its 30-bar mean, in units of the standard
 * deviation of 10 bars, faded when it is larger than one and a half.
 */
#include "base/exact_math.h"
#include "sources/source.h"

enum { SLOTS = 30 };

static void push(struct mri_source_state *state, const struct mri_bar *bar)
{
    mri_rolling_push(&state->windows[0], bar == NULL ? mri_nan() : bar->log_close);
}

static struct mri_vote vote(const struct mri_source_state *state, const struct mri_bar *bar)
{
    double distance = bar->log_close - mri_rolling_mean(&state->windows[0], SLOTS);
    return mri_vote_of(-distance / (bar->volatility * mri_sqrt(10.0)), 1.5, 3.0);
}

const struct mri_source_kind mri_source_mean_reversion = {
    .number = MRI_SOURCE_MEAN_REVERSION,
    .signal_name = "mrev30",
    .window_slots = {SLOTS},
    .push = push,
    .vote = vote,
};
