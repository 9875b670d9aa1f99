/* SPDX-License-Identifier: MIT */
/**
 * Registering the instruments that a node is to know.
 */
#ifndef MRI_PIPELINE_REGISTRATION_H
#define MRI_PIPELINE_REGISTRATION_H

#include "pipeline/node.h"

/**
 * May the configuration's spellings be in force in the log: is each of a symbol that is known or
 * will be registered, and none another symbol, or a spelling of one?
 *
 * Returns  MR_OK; MR_REFUSED, *reterr_problem says which one and why.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_registration_check_spellings(
    const struct mri_node *node, mr_problem *reterr_problem);

/**
 * Draft what is to be registered into the node's inputs, by the numbers that the log has free now;
 * nothing when all of it is.
 *
 * Returns  MR_OK; MR_REFUSED an instrument differs from its registration; MR_FULL there are more
 *          than limits.symbols_max; as mri_batch_add().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_registration_draft(struct mri_node *node, mr_problem *reterr_problem);

#endif
