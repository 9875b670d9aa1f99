/* SPDX-License-Identifier: MIT */
/**
 * What a generator of signals is: windows over bars, and a vote.
 *
 * A generator says what it needs (windows); while it has not enough, or its newest input is
 * missing, it is not ready: no vote, and coverage shows it. A vote is a confidence of 0.34 to 1,
 * above zero for long and below for short; 0 is "ready, nothing to say".
 */
#ifndef MRI_SOURCES_SOURCE_H
#define MRI_SOURCES_SOURCE_H

#include "market/market.h"

enum { MRI_SOURCE_WINDOWS_MAX = 2, MRI_SOURCE_SUMS_MAX = 4 };

/** A generator's memory for one symbol. */
struct mri_source_state {
    struct mri_rolling windows[MRI_SOURCE_WINDOWS_MAX];
    double sums[MRI_SOURCE_SUMS_MAX]; /**< of exponentially weighted means */
    uint32_t bars;                    /**< pushed so far */
    uint32_t reserved;
};

/** What a generator says now. */
struct mri_vote {
    bool is_ready;
    double x; /**< 0 or +-[0.34, 1] */
};

/** A generator. */
struct mri_source_kind {
    enum mri_source number;
    const char *signal_name;                       /**< name of the signals it emits */
    uint32_t window_slots[MRI_SOURCE_WINDOWS_MAX]; /**< 0 = no such window */

    /** Take the newest bar in; NULL: a bar is missing. */
    void (*push)(struct mri_source_state *state, const struct mri_bar *bar);

    /** Vote on the bar that was pushed last. */
    struct mri_vote (*vote)(const struct mri_source_state *state, const struct mri_bar *bar);
};

extern const struct mri_source_kind mri_source_momentum;
extern const struct mri_source_kind mri_source_mean_reversion;
extern const struct mri_source_kind mri_source_breakout;
extern const struct mri_source_kind mri_source_volume_imbalance;
extern const struct mri_source_kind mri_source_rsi;

/**
 * The vote that says nothing.
 *
 * Returns  the vote.
 * Threads  any.
 */
static inline struct mri_vote mri_vote_absent(void)
{
    return (struct mri_vote){.is_ready = false, .x = 0.0};
}

/**
 * A vote by strength: none up to `threshold`, then the sign of the strength with a confidence of
 * |strength| / full, at least 0.34, at most 1.
 *
 * @param strength  NaN: not ready
 *
 * Returns  the vote.
 * Threads  any.
 */
struct mri_vote mri_vote_of(double strength, double threshold, double full);

#endif
