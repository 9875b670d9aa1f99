/* SPDX-License-Identifier: MIT */
/**
 * A learned coefficient that forgets: a Gaussian belief about a number that drifts back to its
 * prior (an Ornstein-Uhlenbeck process). Who learns updates it; who predicts only reads it at a
 * time.
 */
#ifndef MRI_BASE_OU_CELL_H
#define MRI_BASE_OU_CELL_H

#include <stdint.h>

#include "base/exact_math.h"

/** The belief as of `touch_unix_ns`. All zero = never touched = the prior. */
struct mri_ou_cell {
    double mean;
    double variance;
    int64_t touch_unix_ns;
};

/** Where a cell drifts to: mean 0, this standard deviation, this time constant. */
struct mri_ou_prior {
    double sd;
    double tau_ns;
};

/** A belief at one moment. */
struct mri_belief {
    double mean;
    double variance;
};

/**
 * How much of a deviation is left after a time: exp(-elapsed / tau).
 *
 * Returns  a factor in [0, 1]; 1 when no time has passed or the clock went back.
 * Threads  any.
 */
static inline double mri_ou_decay(
    const struct mri_ou_prior *prior, int64_t touch_unix_ns, int64_t now_unix_ns)
{
    if (now_unix_ns <= touch_unix_ns) {
        return 1.0;
    }
    return mri_exp(-(double)(now_unix_ns - touch_unix_ns) / prior->tau_ns);
}

/**
 * The belief of a cell at `now`, relaxed towards its prior: m a, s0^2 + (v - s0^2) a^2.
 *
 * Returns  the relaxed belief; the prior for a cell never touched.
 * Threads  any.
 * Cost     one exponential.
 * Source   the transition of an Ornstein-Uhlenbeck process with stationary variance sd^2.
 */
struct mri_belief mri_ou_belief(
    const struct mri_ou_cell *cell, const struct mri_ou_prior *prior, int64_t now_unix_ns);

#endif
