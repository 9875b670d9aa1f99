/* SPDX-License-Identifier: MIT */
/**
 * Learning done a second time, with plain scalars, lists and libm: it reads a log of candles, ticks
 * and step views, says by itself what every prediction and every feedback must be, and compares.
 */
#ifndef TESTS_LIB_NAIVE_LEARNER_H
#define TESTS_LIB_NAIVE_LEARNER_H

#include "learn/learn.h"
#include "tests/lib/engine_sample.h"

enum {
    MRI_NAIVE_LEARNER_BARS_MAX = 20000,
    MRI_NAIVE_LEARNER_VIEWS_MAX = 20000,
    MRI_NAIVE_LEARNER_TERMS_MAX = 8,
    MRI_NAIVE_LEARNER_PLACES = MRI_ENGINE_SAMPLE_SYMBOLS_MAX,
};

/** A coefficient of one level. */
struct mri_naive_cell {
    double m, v, em, ev;
    int64_t touch; /**< 0: the prior */
};

/** A step view. */
struct mri_naive_view {
    uint64_t seq;
    int64_t time;
    int64_t price;
    double volatility;
    double logit;
    double members[MR_HORIZON_COUNT][MRI_MEMBER_COUNT];
    double prob_up[MR_HORIZON_COUNT];
    uint8_t regime;
    unsigned term_count;
    struct mri_row_term terms[MRI_NAIVE_LEARNER_TERMS_MAX];
};

/** What is known of a symbol: all its bars and views. */
struct mri_naive_learner_symbol {
    int64_t bar_times[MRI_NAIVE_LEARNER_BARS_MAX];
    int64_t bar_closes[MRI_NAIVE_LEARNER_BARS_MAX];
    unsigned bar_count;
    struct mri_naive_view views[MRI_NAIVE_LEARNER_VIEWS_MAX];
    unsigned view_count;
    unsigned taken[MR_HORIZON_COUNT];
};

/** How often each status was met, and the sums of loss of scored views. */
struct mri_naive_learner_tally {
    uint64_t statuses[4];
    uint64_t scored;
    uint64_t scored_zero;
    double losses[MRI_SCORE_COUNT];
};

struct mri_naive_learner {
    struct mri_learn_options options;
    struct mri_naive_learner_symbol symbols[MRI_ENGINE_SAMPLE_SYMBOLS_MAX];
    struct mri_naive_cell cells[MR_HORIZON_COUNT][MRI_LEVEL_COUNT][MRI_ENGINE_SAMPLE_SOURCES_MAX][2]
                               [MRI_NAIVE_LEARNER_PLACES];
    struct mri_naive_cell platt[MR_HORIZON_COUNT];
    double weights[MR_HORIZON_COUNT][MRI_MEMBER_COUNT];
    int64_t learned_time[MR_HORIZON_COUNT];
    int64_t now;
    int64_t first_close;
    uint32_t input_symbol; /**< of the newest input; UINT32_MAX: a tick */
    bool is_ended;
    struct mri_naive_learner_tally tally[MR_HORIZON_COUNT];
};

/**
 * Begin with nothing known.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_naive_learner_begin(
    struct mri_naive_learner *learner, const struct mri_learn_options *options);

/**
 * Read the next event of a log; what is not as expected fails an assertion of cmocka.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_naive_learner_read(struct mri_naive_learner *learner, const struct mri_event *event);

/**
 * Require that no view waits that was due at the newest input.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_naive_learner_expect_nothing_due(const struct mri_naive_learner *learner);

#endif
