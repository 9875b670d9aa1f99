/* SPDX-License-Identifier: MIT */
/**
 * Replay: decide again from the logged inputs, and compare every output, byte for byte.
 */
#ifndef MRI_PIPELINE_REPLAY_H
#define MRI_PIPELINE_REPLAY_H

#include "pipeline/fold.h"

/** What a replay found. */
struct mri_replay_result {
    uint64_t inputs;      /**< decided again */
    uint64_t outputs;     /**< compared and equal */
    uint64_t not_checked; /**< outputs of another engine version: applied, not compared */
    uint64_t undecided;   /**< inputs at the end whose decision is not in the log */
    bool is_identical;
    uint64_t difference_seq; /**< the first output that differs; 0 = none */
    uint64_t difference_cause;
    struct mri_buf
        logged; /**< at the first difference: the event in the log, as text; may be empty */
    struct mri_buf replayed; /**< and what was decided now */
};

/** How an event is put into words, for the two sides of a difference. */
typedef void (*mri_replay_printer)(
    const struct mri_wiring *wiring, const struct mri_event *event, struct mri_buf *buf);

/**
 * Replay a log.
 *
 * @param print  puts the two sides of the first difference into words
 *
 * Returns  MR_OK, also when something differs; faults of reading the log, as mri_fold_init().
 * Owner    mri_replay_fini() frees the result.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_replay_check(const struct mri_fold_options *options,
    mri_replay_printer print, struct mri_replay_result *ret_result, mr_problem *reterr_problem);

/**
 * Free a result. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_replay_fini(struct mri_replay_result *result);

#endif
