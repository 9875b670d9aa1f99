/* SPDX-License-Identifier: MIT */
/**
 * The protected mixture: a Bayes mixture of complete predictors with a coin among them, so that the
 * published probability is never worse than the best member by more than a known amount.
 */
#ifndef MRI_LEARN_MIXTURE_H
#define MRI_LEARN_MIXTURE_H

#include "bus/beliefs.h"

/** Constants of the mixture; from the configuration. */
struct mri_mixture_options {
    double prior[MRI_MEMBER_COUNT]; /**< adds up to 1 */
    double fixed_share;             /**< part of each weight shared at an update */
    double eta_factor;              /**< learning rate / overlap weight */
};

/** One outcome, as the mixture sees it. */
struct mri_mixture_lesson {
    double members[MRI_MEMBER_COUNT]; /**< probabilities of up, as they were published */
    double weight;                    /**< overlap weight of the view; eta = eta_factor x weight */
    bool is_up;
    bool is_new_time; /**< the first outcome of this event time: weights are shared once a time */
};

/**
 * The members' log weights after an outcome: w_j <- w_j p_j(y)^eta, normalised; then, once an event
 * time, w <- (1 - a) w + a prior.
 *
 * Returns  nothing.
 * Threads  any.
 * Source   Vovk 1990; fixed share: Herbster and Warmuth 1998. Regret to member j: at most
 *          ln(1 / prior_j) / eta.
 */
void mri_mixture_learn(const struct mri_mixture_options *options,
    const double log_weights[static MRI_MEMBER_COUNT], const struct mri_mixture_lesson *lesson,
    double ret_log_weights[static MRI_MEMBER_COUNT]);

/**
 * Log loss of a probability, in nats.
 *
 * Returns  -ln of the probability given to what happened, at most 13.8.
 * Threads  any.
 */
double mri_mixture_loss(double prob_up, bool is_up);

#endif
