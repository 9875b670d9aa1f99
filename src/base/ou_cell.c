/* SPDX-License-Identifier: MIT */
/*
 * Relaxation of learned coefficients towards their prior.
 */
#include "base/ou_cell.h"

#include "base/exact_math.h"

double mri_ou_decay(const struct mri_ou_prior *prior, int64_t touch_unix_ns, int64_t now_unix_ns)
{
    if (now_unix_ns <= touch_unix_ns) {
        return 1.0;
    }
    return mri_exp(-(double)(now_unix_ns - touch_unix_ns) / prior->tau_ns);
}

struct mri_belief mri_ou_belief(
    const struct mri_ou_cell *cell, const struct mri_ou_prior *prior, int64_t now_unix_ns)
{
    double stationary = prior->sd * prior->sd;
    if (cell->touch_unix_ns == 0) {
        return (struct mri_belief){.mean = 0.0, .variance = stationary};
    }
    double a = mri_ou_decay(prior, cell->touch_unix_ns, now_unix_ns);
    return (struct mri_belief){
        .mean = cell->mean * a, .variance = stationary + (cell->variance - stationary) * a * a};
}
