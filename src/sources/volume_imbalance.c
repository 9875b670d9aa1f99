/* SPDX-License-Identifier: MIT */
/*
 * Volume imbalance: where in its range each bar closed, weighted by volume, as an exponential mean
 * of span 5 over the 240-bar mean volume; followed when it is more than one and a half standard
 * deviations from its own 720-bar mean.
 */
#include "base/exact_math.h"
#include "sources/source.h"

enum { VOLUME_SLOTS = 240, VALUE_SLOTS = 720, SUM = 0, WEIGHT = 1 };

/* Span 5: alpha = 2 / (5 + 1). */
#define KEEP (1.0 - 1.0 / 3.0)

/** Close within the range: +1 at the high, -1 at the low, 0 for a bar without range. */
static double location(const struct mri_bar *bar)
{
    double range = bar->high - bar->low;
    return range > 0.0 ? (2.0 * bar->close - bar->high - bar->low) / range : 0.0;
}

static void push(struct mri_source_state *state, const struct mri_bar *bar)
{
    state->sums[SUM] *= KEEP;
    state->sums[WEIGHT] *= KEEP;
    if (bar == NULL) {
        mri_rolling_push(&state->windows[0], mri_nan());
        mri_rolling_push(&state->windows[1], mri_nan());
        return;
    }
    state->sums[SUM] += location(bar) * bar->volume;
    state->sums[WEIGHT] += 1.0;
    mri_rolling_push(&state->windows[0], bar->volume);
    double mean = state->sums[SUM] / state->sums[WEIGHT];
    double value = mean / mri_rolling_mean(&state->windows[0], VOLUME_SLOTS / 2);
    mri_rolling_push(&state->windows[1], value);
}

static struct mri_vote vote(const struct mri_source_state *state, const struct mri_bar *bar)
{
    (void)bar;
    double value = mri_rolling_at(&state->windows[1], 0);
    double mean = mri_rolling_mean(&state->windows[1], VALUE_SLOTS / 2);
    double variance = mri_rolling_variance(&state->windows[1], VALUE_SLOTS / 2);
    return mri_vote_of((value - mean) / mri_sqrt(variance), 1.5, 3.0);
}

const struct mri_source_kind mri_source_volume_imbalance = {
    .number = MRI_SOURCE_VOLUME_IMBALANCE,
    .signal_name = "volimb",
    .window_slots = {VOLUME_SLOTS, VALUE_SLOTS},
    .push = push,
    .vote = vote,
};
