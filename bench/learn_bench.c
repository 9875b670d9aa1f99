/* SPDX-License-Identifier: MIT */
/*
 * One learning update: coefficients of 3.5 active sources at three levels with both heads, the
 * calibrated static member and the mixture; the same without the last two; and, as the floor,
 * relaxing the touched coefficients alone.
 */
#include "base/prng.h"
#include "bench/harness.h"
#include "learn/cells.h"
#include "learn/mixture.h"

enum { ROUNDS = 400000, LESSONS = 1024 };

#define DAY_NS 86400e9

static struct mri_beliefs_options options(void)
{
    const double tau = 30.0 * DAY_NS;
    return (struct mri_beliefs_options){
        .levels = {{0.2, tau}, {0.05, tau}, {0.05, tau}},
        .platt = {1.0, tau},
        .mixture_prior = {0.57, 0.215, 0.215},
        .symbols_max = 16,
        .sources_max = 40,
    };
}

/** A lesson with 3 or 4 active sources. */
static void make_lesson(
    struct mri_prng *prng, struct mri_row_term terms[4], struct mri_lesson *lesson)
{
    unsigned count = 3 + (unsigned)mri_prng_below(prng, 2);
    for (unsigned i = 0; i < count; i++) {
        double x = 0.34 + 0.66 * mri_prng_uniform(prng);
        terms[i] = (struct mri_row_term){
            .x = mri_prng_below(prng, 2) == 0 ? x : -x, .source = (uint16_t)i};
    }
    *lesson = (struct mri_lesson){
        .place = {.symbol = (uint32_t)mri_prng_below(prng, 10),
            .regime = (uint8_t)mri_prng_below(prng, 3),
            .horizon = (mr_horizon)mri_prng_below(prng, MR_HORIZON_COUNT)},
        .terms = terms,
        .term_count = count,
        .weight = 0.05,
        .is_up = mri_prng_below(prng, 2) == 0,
        .has_ev = true,
        .scaled_return = mri_prng_normal(prng),
        .ev_noise = 1.0,
    };
}

/** Every coefficient touched some minutes ago, so that relaxing has work to do. */
static void touch_all(struct mri_beliefs *beliefs, struct mri_prng *prng)
{
    beliefs->event_time_unix_ns = 1700000000000000000;
    for (size_t i = 0; i < beliefs->coefficient_count; i++) {
        int64_t minutes = 1 + (int64_t)mri_prng_below(prng, 60);
        beliefs->coefficients[i] = (struct mri_coefficient){
            .mean = 0.01,
            .variance = 0.03,
            .ev_mean = 0.01,
            .ev_variance = 0.03,
            .touch_unix_ns = beliefs->event_time_unix_ns - minutes * 60000000000,
        };
    }
    for (int h = 0; h < MR_HORIZON_COUNT; h++) {
        beliefs->horizons[h].platt = (struct mri_ou_cell){
            .mean = 0.2,
            .variance = 0.5,
            .touch_unix_ns = beliefs->event_time_unix_ns - 60000000000,
        };
    }
}

static double learn_all(const struct mri_beliefs *beliefs, const struct mri_lesson *lessons)
{
    static const struct mri_mixture_options mixture = {
        .prior = {0.57, 0.215, 0.215}, .fixed_share = 1e-4, .eta_factor = 2.0};
    volatile double sink = 0.0;
    (void)sink;
    int64_t start = mri_harness_ns();
    for (int i = 0; i < ROUNDS; i++) {
        const struct mri_lesson *lesson = &lessons[i % LESSONS];
        struct mri_row_cell cells[4];
        double after[MRI_MEMBER_COUNT];
        mri_cells_learn(beliefs, lesson, cells);
        struct mri_belief platt = mri_cells_learn_platt(beliefs, lesson, 0.3);
        const struct mri_mixture_lesson outcome = {
            .members = {0.5, 0.52, 0.55}, .weight = lesson->weight, .is_up = lesson->is_up};
        mri_mixture_learn(
            &mixture, beliefs->horizons[lesson->place.horizon].log_weights, &outcome, after);
        sink += cells[0].mean_global + platt.mean + after[0];
    }
    return (double)(mri_harness_ns() - start) / ROUNDS;
}

static double learn_cells(const struct mri_beliefs *beliefs, const struct mri_lesson *lessons)
{
    volatile double sink = 0.0;
    (void)sink;
    int64_t start = mri_harness_ns();
    for (int i = 0; i < ROUNDS; i++) {
        struct mri_row_cell cells[4];
        mri_cells_learn(beliefs, &lessons[i % LESSONS], cells);
        sink += cells[0].mean_global;
    }
    return (double)(mri_harness_ns() - start) / ROUNDS;
}

static double relax_all(const struct mri_beliefs *beliefs, const struct mri_lesson *lessons)
{
    volatile double sink = 0.0;
    (void)sink;
    int64_t start = mri_harness_ns();
    for (int i = 0; i < ROUNDS; i++) {
        const struct mri_lesson *lesson = &lessons[i % LESSONS];
        struct mri_beliefs_sums sums =
            mri_beliefs_sum(beliefs, &lesson->place, lesson->terms, lesson->term_count);
        sink += sums.z;
    }
    return (double)(mri_harness_ns() - start) / ROUNDS;
}

int main(void)
{
    static struct mri_lesson lessons[LESSONS];
    static struct mri_row_term terms[LESSONS][4];
    struct mri_beliefs beliefs;
    struct mri_intern names;
    struct mri_prng prng;
    const struct mri_beliefs_options model = options();
    mri_prng_init(&prng, 1);
    mri_harness_must(mri_intern_init(&names, mri_alloc_system(), 64), "names");
    mri_harness_must(mri_beliefs_init(&beliefs, mri_alloc_system(), &model, &names), "beliefs");
    touch_all(&beliefs, &prng);
    for (int i = 0; i < LESSONS; i++) {
        make_lesson(&prng, terms[i], &lessons[i]);
    }
    (void)learn_all(&beliefs, lessons); /* warm */
    mri_harness_result("learn_ns", learn_all(&beliefs, lessons));
    mri_harness_result("learn_cells_ns", learn_cells(&beliefs, lessons));
    mri_harness_result("learn_floor_ns", relax_all(&beliefs, lessons));
    mri_beliefs_fini(&beliefs);
    mri_intern_fini(&names);
    return 0;
}
