/* SPDX-License-Identifier: MIT */
/**
 * Making the shared state of the bus anew (bus/shared_state.h) from a log that was folded.
 */
#ifndef MRI_PIPELINE_SHARED_REFRESH_H
#define MRI_PIPELINE_SHARED_REFRESH_H

#include "bus/shared_state.h"
#include "pipeline/fold.h"

/**
 * Make the shared state anew, for who decides nothing: the fold takes in what others have appended.
 *
 * @param fold    of the log
 * @param log     opened with mri_shared_state_open_log()
 * @param config  the log's newest
 *
 * Returns  MR_OK; MR_NOT_FOUND the log's memory was made without such a state; MR_FULL the log has
 *          more than there is room for; faults of reading, damage included.
 * Threads  one at a time per fold.
 * Cost     others wait for about 100 ns a signal of 98,304 at most.
 */
MR_MUST_USE mr_err mri_shared_refresh(struct mri_fold *fold, mr_log *log,
    const struct mri_config *config, mr_problem *reterr_problem);

/**
 * Make it anew from a fold that must not take anything in now, unless others have appended: then it
 * stays behind, and whoever needs it makes it.
 *
 * Returns  MR_OK also then; MR_NOT_FOUND, MR_FULL as mri_shared_refresh(); MR_ENOMEM.
 * Threads  one at a time per fold.
 */
MR_MUST_USE mr_err mri_shared_refresh_if_current(
    const struct mri_fold *fold, mr_log *log, const struct mri_config *config);

/**
 * Compare the shared state with a fold that has taken in everything.
 *
 * Returns  MR_OK it is the same; MR_AGAIN that could not be told now: others append; MR_NOT_FOUND
 *          there is none; MR_ECORRUPT, *reterr_problem says what differs: it is behind from now on,
 *          and will be made anew.
 * Threads  one at a time per fold.
 */
MR_MUST_USE mr_err mri_shared_refresh_check(
    const struct mri_fold *fold, mr_log *log, mr_problem *reterr_problem);

#endif
