/* SPDX-License-Identifier: MIT */
/**
 * Snapshots of a fold: where the next one to open the log starts.
 *
 * Of signals and their keys, which only become more, a snapshot holds what has changed since the
 * one before; the engines, and all that is bounded, are in each of them. So one costs what has
 * happened since, however long the log is. When those that build on a whole one have become as long
 * as it is, the next is whole again.
 */
#ifndef MRI_PIPELINE_FOLD_SNAPSHOT_H
#define MRI_PIPELINE_FOLD_SNAPSHOT_H

#include "pipeline/fold.h"

/**
 * The first event that opening a log needs: every snapshot of its newest chain may be lost, or all
 * but that chain, and the log still opens from the other.
 *
 * Returns  MR_OK; MR_NOT_FOUND no snapshot opens this log, so all of it is needed; faults of
 *          reading.
 * Threads  one at a time.
 * Cost     loads the snapshots.
 */
MR_MUST_USE mr_err mri_fold_snapshot_needed(
    const struct mri_fold_options *options, uint64_t *ret_seq, mr_problem *reterr_problem);

/**
 * Write a snapshot of where the fold, or whoever continued it, stands: whole, or on top of the
 * newest.
 *
 * @param applied_seq  newest input; all inputs up to it are decided
 *
 * Returns  MR_OK; faults of writing, which cost nothing but time at the next start.
 * Threads  one at a time.
 * Cost     64 bytes a signal that an event has changed since, and what the engines have; whole, a
 *          signal that there is.
 */
MR_MUST_USE mr_err mri_fold_snapshot_write(struct mri_fold *fold, uint64_t applied_seq);

/**
 * Start from the newest snapshot that is of this log and sound. None: from the log's beginning.
 *
 * Returns  MR_OK; as mri_fold_restart().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_fold_snapshot_start(struct mri_fold *fold, mr_problem *reterr_problem);

/**
 * The event of the newest snapshot by name.
 *
 * Returns  it; 0: none can be seen.
 * Threads  any.
 */
uint64_t mri_fold_snapshot_newest(const struct mri_fold_options *options);

/**
 * A snapshot is written when everything in it is durable: one of an event behind the log's end says
 * that the end is gone, which is damage of the fold.
 *
 * Returns  nothing; fold->damage.
 * Threads  one at a time.
 */
void mri_fold_snapshot_check_end(struct mri_fold *fold, uint64_t snapshot_seq);

#endif
