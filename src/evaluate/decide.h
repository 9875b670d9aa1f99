/* SPDX-License-Identifier: MIT */
/**
 * Drafting what evaluation decides: a view, its prediction, and a decision for each signal on it.
 */
#ifndef MRI_EVALUATE_DECIDE_H
#define MRI_EVALUATE_DECIDE_H

#include "evaluate/evaluate.h"

/** The most signals that are decided on one view; more get the next. */
enum { MRI_VIEW_SIGNALS_MAX = 64 };

/** What is decided together. */
struct mri_decide_set {
    const struct mri_undecided *signals[MRI_VIEW_SIGNALS_MAX];
    unsigned count;
    uint32_t symbol;
    bool is_step;
};

/**
 * Draft view, prediction and decisions of a set.
 *
 * Returns  MR_OK; faults of drafting.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_decide_draft(const struct mri_evaluate *evaluate,
    const struct mri_decide_set *set, const struct mri_event *input, struct mri_batch *batch);

#endif
