/* SPDX-License-Identifier: MIT */
/**
 * Registering the instruments that a node is to know.
 */
#ifndef MRI_PIPELINE_REGISTRATION_H
#define MRI_PIPELINE_REGISTRATION_H

#include "pipeline/node.h"

/**
 * May the configuration's spellings be in force in the log: is each of a symbol that is known or
 * will be registered, and none another symbol, or a spelling of one? Each that may not is told to
 * options.tell_spelling.
 *
 * Returns  MR_OK; MR_REFUSED, *reterr_problem says which is the first one and why.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_registration_check_spellings(
    const struct mri_node *node, mr_problem *reterr_problem);

/** What spellings are compared with, and who is told of those that may not be. */
struct mri_registration_names {
    const struct mri_config *config;
    const struct mri_feed *feed;         /**< NULL: none */
    const char *place;                   /**< which is named: the log, or a file */
    const struct mri_instruments *known; /**< of the log; NULL: it is still to be made */
    mri_spelling_teller tell_spelling;   /**< NULL: nobody */
    void *tell_context;
};

/**
 * The same for a configuration alone, as for a log that is still to be made.
 *
 * Returns  as mri_registration_check_spellings().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_registration_check_names(
    const struct mri_registration_names *names, mr_problem *reterr_problem);

/**
 * The same for a log that is still to be made, so that none is made for a configuration that is
 * refused. Of a log that is there, or that was damaged, nothing is said.
 *
 * Returns  as mri_registration_check_spellings(); faults of looking.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_registration_check_new(
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
