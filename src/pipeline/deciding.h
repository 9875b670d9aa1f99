/* SPDX-License-Identifier: MIT */
/**
 * Decisions on inputs, in a race with other processes: for the node alone.
 *
 * All of it returns MR_AGAIN, and sets node->is_stopped, when node->options.is_stopping says so
 * among many inputs.
 */
#ifndef MRI_PIPELINE_DECIDING_H
#define MRI_PIPELINE_DECIDING_H

#include "pipeline/node.h"

/**
 * Make the bus and the engines from the log.
 *
 * Returns  as mri_fold_init(); the log's damage; *reterr_problem says where and why.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_deciding_read_past(struct mri_node *node, mr_problem *reterr_problem);

/**
 * Decide on what was logged and not decided.
 *
 * Returns  MR_OK; MR_AGAIN it is wished to stop, *reterr_problem says how much is left; faults of
 *          reading, appending and deciding.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_deciding_pending(struct mri_node *node, mr_problem *reterr_problem);

/**
 * Take into the bus what others have appended.
 *
 * Returns  MR_OK; faults of reading.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_deciding_catch_up(struct mri_node *node);

/**
 * Decide on what others have appended and the bus has, until nothing is left.
 *
 * Returns  MR_OK; MR_AGAIN it is wished to stop; faults of reading, appending and deciding.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_deciding_foreign(struct mri_node *node);

/**
 * Decide on each of the inputs that were appended from node->inputs.
 *
 * Returns  as mri_deciding_foreign().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_deciding_process(struct mri_node *node);

/**
 * Append the drafted inputs and decide on each.
 *
 * Returns  as mri_deciding_foreign(); MR_OK when there are none.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_deciding_take_batch(struct mri_node *node);

#endif
