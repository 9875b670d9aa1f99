/* SPDX-License-Identifier: MIT */
/*
 * The mixture's weights.
 *
 * Invariants
 *  1. Weights add up to 1 after every update; none becomes 0, so none is lost for good.
 *  2. A probability is taken as at least 1e-6, so that one surprise cannot end a member.
 */
#include "learn/mixture.h"

#include "base/exact_math.h"

#define PROBABILITY_MIN 1e-6
#define WEIGHT_MIN 1e-12

static double probability_of(double prob_up, bool is_up)
{
    double p = is_up ? prob_up : 1.0 - prob_up;
    return p > PROBABILITY_MIN ? p : PROBABILITY_MIN;
}

double mri_mixture_loss(double prob_up, bool is_up)
{
    return -mri_log(probability_of(prob_up, is_up));
}

void mri_mixture_learn(const struct mri_mixture_options *options,
    const double log_weights[static MRI_MEMBER_COUNT], const struct mri_mixture_lesson *lesson,
    double ret_log_weights[static MRI_MEMBER_COUNT])
{
    double eta = options->eta_factor * lesson->weight;
    double share = lesson->is_new_time ? options->fixed_share : 0.0;
    double largest = -1e300;
    double raised[MRI_MEMBER_COUNT];
    for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
        raised[j] = log_weights[j] - eta * mri_mixture_loss(lesson->members[j], lesson->is_up);
        largest = raised[j] > largest ? raised[j] : largest;
    }
    double sum = 0.0;
    for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
        raised[j] = mri_exp(raised[j] - largest);
        sum += raised[j];
    }
    for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
        double weight = (1.0 - share) * raised[j] / sum + share * options->prior[j];
        ret_log_weights[j] = mri_log(weight > WEIGHT_MIN ? weight : WEIGHT_MIN);
    }
}
