/* SPDX-License-Identifier: MIT */
/**
 * The configuration that a log goes on with: the text of its newest config event, wherever it is.
 */
#ifndef MRI_PIPELINE_LOG_CONFIG_H
#define MRI_PIPELINE_LOG_CONFIG_H

#include "pipeline/fold.h"

/**
 * The newest configuration among the events that are there. Damage ends the search.
 *
 * @param text  made by the caller; its old content is dropped; empty = no config event was met
 *
 * Returns  MR_OK; MR_NOT_FOUND, MR_EPATH no log there; faults of reading; MR_ENOMEM.
 * Threads  one at a time.
 * Cost     reads the log once.
 */
MR_MUST_USE mr_err mri_log_config_kept(
    const struct mri_fold_options *options, struct mri_buf *text, mr_problem *reterr_problem);

/**
 * The log's newest configuration. When its event was removed with the beginning of the log, it is
 * taken from the snapshot that stands for what was removed.
 *
 * @param options  .config is not looked at
 * @param text     made by the caller; its old content is dropped; empty = the log never had one
 *
 * Returns  as mri_log_config_kept(); MR_REFUSED the event was removed, and no snapshot holds it.
 * Threads  one at a time.
 * Cost     reads the log once, and takes it in from its newest snapshot if the event is not there.
 */
MR_MUST_USE mr_err mri_log_config(
    const struct mri_fold_options *options, struct mri_buf *text, mr_problem *reterr_problem);

#endif
