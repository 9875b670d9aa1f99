/* SPDX-License-Identifier: MIT */
/**
 * The OU-Kalman update of coefficients: what one matured view teaches.
 */
#ifndef MRI_LEARN_CELLS_H
#define MRI_LEARN_CELLS_H

#include "bus/beliefs.h"

/** What a matured view says. */
struct mri_lesson {
    struct mri_beliefs_place place;
    const struct mri_row_term *terms;
    unsigned term_count;
    double weight;        /**< overlap weight w */
    bool is_up;           /**< y = 1 */
    bool has_ev;          /**< volatility was known: the EV head learns too */
    double scaled_return; /**< return / volatility over the horizon, clipped at +-4 */
    double ev_noise;      /**< variance of scaled_return */
};

/**
 * Compute the touched coefficients after a lesson: relax each to the event time, p = sigmoid(z),
 * then m += v x w (y - p) / den and v -= (v x)^2 w q / den with q = p (1 - p), den = 1 + w q V; the
 * EV head likewise with the linear recursion. Changes nothing.
 *
 * @param ret_cells  room for term_count rows
 *
 * Returns  nothing.
 * Threads  any.
 * Cost     about 20 ns a level and term.
 * Source   Kalman filter of a logistic model with an Ornstein-Uhlenbeck prior (docs/LEARNING.md).
 */
void mri_cells_learn(const struct mri_beliefs *beliefs, const struct mri_lesson *lesson,
    struct mri_row_cell *ret_cells);

/**
 * The calibrated static member's slope after a lesson, by the same recursion with one coefficient.
 *
 * @param logit  of the static weights
 *
 * Returns  the belief after.
 * Threads  any.
 */
struct mri_belief mri_cells_learn_platt(
    const struct mri_beliefs *beliefs, const struct mri_lesson *lesson, double logit);

#endif
