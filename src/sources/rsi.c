/* SPDX-License-Identifier: MIT */
/*
 * Relative strength index of 14 bars (Wilder's smoothing, alpha = 1/14), faded below 28 and
 * above 72.
 */
#include "base/exact_math.h"
#include "sources/source.h"

enum { UP = 0, DOWN = 1, WEIGHT = 2, BARS_MIN = 70 };

#define KEEP (1.0 - 1.0 / 14.0)
#define LOW  28.0
#define HIGH 72.0
#define FULL 20.0

static void push(struct mri_source_state *state, const struct mri_bar *bar)
{
    state->sums[UP] *= KEEP;
    state->sums[DOWN] *= KEEP;
    state->sums[WEIGHT] *= KEEP;
    if (bar == NULL || !mri_is_finite(bar->log_return)) {
        return;
    }
    state->sums[UP] += bar->log_return > 0.0 ? bar->log_return : 0.0;
    state->sums[DOWN] += bar->log_return < 0.0 ? -bar->log_return : 0.0;
    state->sums[WEIGHT] += 1.0;
}

static struct mri_vote vote(const struct mri_source_state *state, const struct mri_bar *bar)
{
    double sum = state->sums[UP] + state->sums[DOWN];
    bool is_ready = state->bars >= BARS_MIN && mri_is_finite(bar->volatility) && sum > 0.0;
    if (!is_ready) {
        return mri_vote_absent();
    }
    double index = 100.0 * state->sums[UP] / sum;
    double x = 0.0;
    if (index < LOW) {
        x = mri_clamp((LOW - index) / FULL + 0.34, 0.0, 1.0);
    } else if (index > HIGH) {
        x = -mri_clamp((index - HIGH) / FULL + 0.34, 0.0, 1.0);
    }
    return (struct mri_vote){.is_ready = true, .x = x};
}

const struct mri_source_kind mri_source_rsi = {
    .number = MRI_SOURCE_RSI,
    .signal_name = "rsi14",
    .push = push,
    .vote = vote,
};
