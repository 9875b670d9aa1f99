/* SPDX-License-Identifier: MIT */
/*
 * One step of learning, as pure functions from beliefs to new values.
 *
 * The overlap weight w makes the observations of overlapping horizons count for what they are worth
 * together: w = kappa / (open step views). Without it learning does harm.
 */
#include "learn/cells.h"

#include "base/exact_math.h"

/** A term's three levels, relaxed to the event time; all zero where there is no such level. */
struct relaxed_term {
    struct mri_coefficient levels[MRI_LEVEL_COUNT];
};

static void relax_terms(const struct mri_beliefs *beliefs, const struct mri_lesson *lesson,
    struct relaxed_term *relaxed, struct mri_beliefs_sums *sums)
{
    *sums = (struct mri_beliefs_sums){0};
    for (unsigned i = 0; i < lesson->term_count; i++) {
        mri_beliefs_relax_term(beliefs, &lesson->place, &lesson->terms[i], relaxed[i].levels);
        mri_beliefs_sums_add(sums, lesson->terms[i].x, relaxed[i].levels);
    }
}

/** What the two recursions share over all cells: step of the mean, shrink of the variance. */
struct gain {
    double step;
    double shrink;
};

static struct gain logit_gain(const struct mri_lesson *lesson, double z, double variance)
{
    double p = mri_sigmoid(z);
    double q = p * (1.0 - p);
    double y = lesson->is_up ? 1.0 : 0.0;
    double scale = lesson->weight / (1.0 + lesson->weight * q * variance);
    return (struct gain){.step = scale * (y - p), .shrink = scale * q};
}

static struct gain ev_gain(const struct mri_lesson *lesson, const struct mri_beliefs_sums *sums)
{
    if (!lesson->has_ev) {
        return (struct gain){0};
    }
    double scale = lesson->weight / (lesson->ev_noise + lesson->weight * sums->ev_variance);
    return (struct gain){.step = scale * (lesson->scaled_return - sums->ev), .shrink = scale};
}

/** One level after the update. */
static struct mri_coefficient updated(
    const struct mri_coefficient *now, double x, const struct gain *logit, const struct gain *ev)
{
    double c = now->variance * x;
    double e = now->ev_variance * x;
    return (struct mri_coefficient){
        .mean = now->mean + c * logit->step,
        .variance = now->variance - c * c * logit->shrink,
        .ev_mean = now->ev_mean + e * ev->step,
        .ev_variance = now->ev_variance - e * e * ev->shrink,
    };
}

void mri_cells_learn(const struct mri_beliefs *beliefs, const struct mri_lesson *lesson,
    struct mri_row_cell *ret_cells)
{
    struct relaxed_term relaxed[MRI_TERMS_MAX];
    struct mri_beliefs_sums sums;
    relax_terms(beliefs, lesson, relaxed, &sums);
    struct gain logit = logit_gain(lesson, sums.z, sums.variance);
    struct gain ev = ev_gain(lesson, &sums);
    for (unsigned i = 0; i < lesson->term_count; i++) {
        const struct mri_coefficient *levels = relaxed[i].levels;
        double x = lesson->terms[i].x;
        struct mri_coefficient global = updated(&levels[MRI_LEVEL_GLOBAL], x, &logit, &ev);
        struct mri_coefficient symbol = updated(&levels[MRI_LEVEL_SYMBOL], x, &logit, &ev);
        struct mri_coefficient regime = updated(&levels[MRI_LEVEL_REGIME], x, &logit, &ev);
        ret_cells[i] = (struct mri_row_cell){
            .mean_global = global.mean,
            .variance_global = global.variance,
            .mean_symbol = symbol.mean,
            .variance_symbol = symbol.variance,
            .mean_regime = regime.mean,
            .variance_regime = regime.variance,
            .ev_mean_global = global.ev_mean,
            .ev_variance_global = global.ev_variance,
            .ev_mean_symbol = symbol.ev_mean,
            .ev_variance_symbol = symbol.ev_variance,
            .ev_mean_regime = regime.ev_mean,
            .ev_variance_regime = regime.ev_variance,
            .source = lesson->terms[i].source,
            .side = x < 0.0 ? MR_SHORT : MR_LONG,
            .regime = lesson->place.regime,
        };
    }
}

struct mri_belief mri_cells_learn_platt(
    const struct mri_beliefs *beliefs, const struct mri_lesson *lesson, double logit)
{
    struct mri_belief now = mri_beliefs_platt(beliefs, lesson->place.horizon);
    struct gain gain = logit_gain(lesson, now.mean * logit, now.variance * logit * logit);
    double c = now.variance * logit;
    return (struct mri_belief){
        .mean = now.mean + c * gain.step,
        .variance = now.variance - c * c * gain.shrink,
    };
}
