/* SPDX-License-Identifier: MIT */
/**
 * What a log adds up to, for people and as JSON.
 */
#ifndef MRI_CLI_SUMMARY_H
#define MRI_CLI_SUMMARY_H

#include "cli/cli.h"
#include "pipeline/fold.h"

/** What only a run knows. */
struct mri_summary_run {
    double seconds;          /**< of this run; 0: not a run */
    uint64_t events;         /**< appended in this run */
    uint64_t signals;        /**< in this run */
    uint64_t learned;        /**< lives that ended in this run */
    uint64_t candles;        /**< in this run */
    uint64_t pending_alerts; /**< that no run has taken in yet */
    const char *digest;      /**< of the whole log; NULL: not computed */
    bool is_interrupted;
};

/**
 * Append the summary for people.
 *
 * Returns  nothing; see text->err.
 * Threads  one.
 */
void mri_summary_print(
    const struct mri_fold *fold, const struct mri_summary_run *run, struct mri_buf *text);

/**
 * Append the summary as one JSON object and a newline.
 *
 * Returns  nothing; see text->err.
 * Threads  one.
 */
void mri_summary_json(
    const struct mri_fold *fold, const struct mri_summary_run *run, struct mri_buf *text);

#endif
