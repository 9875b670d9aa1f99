/* SPDX-License-Identifier: MIT */
/**
 * How good predictions were: sums of log loss, counted before anything is learned from the outcome.
 */
#ifndef MRI_LEARN_SCORE_H
#define MRI_LEARN_SCORE_H

#include <stdbool.h>
#include <stdint.h>

/** Whose loss is counted. */
enum {
    MRI_SCORE_LEARNED,
    MRI_SCORE_STATIC,
    MRI_SCORE_STATIC_PLATT,
    MRI_SCORE_POOL,
    MRI_SCORE_COUNT
};

/** Sums of one horizon. */
struct mri_score {
    uint64_t count;        /**< predictions counted; zero returns are left out */
    uint64_t zero_returns; /**< left out */
    uint64_t hits;         /**< the learned probability was on the right side of one half */
    double losses[MRI_SCORE_COUNT]; /**< sums of log loss in nats */
};

/**
 * Count a prediction.
 *
 * @param probabilities  of up, in the order of MRI_SCORE_*
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_score_add(
    struct mri_score *score, const double probabilities[static MRI_SCORE_COUNT], bool is_up);

/**
 * Skill against a coin: ln 2 minus the mean log loss, in 1e-4 nats.
 *
 * @param whose  MRI_SCORE_*
 *
 * Returns  the skill; 0 when nothing was counted.
 * Threads  any.
 */
double mri_score_skill(const struct mri_score *score, unsigned whose);

#endif
