/* SPDX-License-Identifier: MIT */
/*
 * Relaxation of learned coefficients towards their prior.
 */
#include "base/ou_cell.h"

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
