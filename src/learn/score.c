/* SPDX-License-Identifier: MIT */
/*
 * Prequential scores: every prediction is judged by an outcome that nothing had learned from yet.
 */
#include "learn/score.h"

#include "learn/mixture.h"

#define LN2 0x1.62e42fefa39efp-1

void mri_score_add(
    struct mri_score *score, const double probabilities[static MRI_SCORE_COUNT], bool is_up)
{
    score->count++;
    score->hits += (probabilities[MRI_SCORE_LEARNED] > 0.5) == is_up;
    for (unsigned i = 0; i < MRI_SCORE_COUNT; i++) {
        score->losses[i] += mri_mixture_loss(probabilities[i], is_up);
    }
}

double mri_score_skill(const struct mri_score *score, unsigned whose)
{
    return score->count == 0 ? 0.0 : (LN2 - score->losses[whose] / (double)score->count) * 1e4;
}
