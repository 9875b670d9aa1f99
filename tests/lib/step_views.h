/* SPDX-License-Identifier: MIT */
/**
 * An engine that opens step views with terms a test chooses, and predicts from beliefs: what
 * learning needs around it, without evaluation.
 */
#ifndef TESTS_LIB_STEP_VIEWS_H
#define TESTS_LIB_STEP_VIEWS_H

#include "bus/beliefs.h"
#include "tests/lib/engine_sample.h"

enum { MRI_STEP_VIEWS_TERMS_MAX = 8, MRI_STEP_VIEWS_TIMES_MAX = 20000 };

/** What the next step view of a symbol says. */
struct mri_step_views_next {
    struct mri_row_term terms[MRI_STEP_VIEWS_TERMS_MAX];
    uint8_t count; /**< 0: no view */
    uint8_t regime;
    double volatility;
};

struct mri_step_views_sample {
    const struct mri_beliefs *beliefs;
    const struct mri_market *market;
    int64_t step_minutes; /**< counted from T0 */
    struct mri_step_views_next next[MRI_ENGINE_SAMPLE_SYMBOLS_MAX];
    int64_t times[MRI_ENGINE_SAMPLE_SYMBOLS_MAX][MRI_STEP_VIEWS_TIMES_MAX];
    unsigned time_count[MRI_ENGINE_SAMPLE_SYMBOLS_MAX];
};

/** The engine's functions; their state is a struct mri_step_views_sample. */
extern const struct mri_engine mri_step_views_engine;

#endif
