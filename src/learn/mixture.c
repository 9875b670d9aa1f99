/* SPDX-License-Identifier: MIT */
/*
 * The mixture's weights.
 *
 * Invariants
 *  1. Weights add up to 1 after every update, but for what keeps each at e^-27.7 = 1e-12 or more,
 *     so that none is lost for good; whoever mixes normalises.
 *  2. A probability is taken as at least 1e-6, so that one surprise cannot end a member.
 */
#include "learn/mixture.h"

#include "base/exact_math.h"

#define PROBABILITY_MIN 1e-6
#define LOG_WEIGHT_MIN  (-27.7)
#define COIN_LOSS       0x1.62e42fefa39efp-1 /* ln 2, to the bit what mri_log() says */

static double probability_of(double prob_up, bool is_up)
{
    double p = is_up ? prob_up : 1.0 - prob_up;
    return p > PROBABILITY_MIN ? p : PROBABILITY_MIN;
}

double mri_mixture_loss(double prob_up, bool is_up)
{
    double p = probability_of(prob_up, is_up);
    return p == 0.5 ? COIN_LOSS : -mri_log(p); /* the coin's is always the same */
}

void mri_mixture_learn(const struct mri_mixture_options *options,
    const double log_weights[static MRI_MEMBER_COUNT], const struct mri_mixture_lesson *lesson,
    double ret_log_weights[static MRI_MEMBER_COUNT])
{
    double eta = options->eta_factor * lesson->weight;
    double largest = -1e300;
    double raised[MRI_MEMBER_COUNT];
    for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
        raised[j] = log_weights[j] - eta * mri_mixture_loss(lesson->members[j], lesson->is_up);
        largest = raised[j] > largest ? raised[j] : largest;
    }
    double powers[MRI_MEMBER_COUNT];
    double sum = 0.0;
    for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
        powers[j] = mri_exp(raised[j] - largest);
        sum += powers[j];
    }
    if (!lesson->is_new_time) {
        double normaliser = largest + mri_log(sum);
        for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
            ret_log_weights[j] = mri_clamp(raised[j] - normaliser, LOG_WEIGHT_MIN, 0.0);
        }
        return;
    }
    for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
        double share = options->fixed_share;
        double weight = (1.0 - share) * powers[j] / sum + share * options->prior[j];
        ret_log_weights[j] = mri_clamp(mri_log(weight), LOG_WEIGHT_MIN, 0.0);
    }
}
