/* SPDX-License-Identifier: MIT */
/**
 * Questions about a log as of a moment of its past, beside a fold that holds it as of now.
 *
 * A moment is said as
 *   12345                    the number of an event: behind it
 *   2025-05-04T15:34Z        an event time: behind everything that was logged up to then
 *   2h                       so long before the newest event time of the log
 *   3.12345.89abcdef.12000   what an answer called it: refused when the log does not hold that very
 *                            event any more
 */
#ifndef MRI_PIPELINE_AS_OF_H
#define MRI_PIPELINE_AS_OF_H

#include "bus/moment.h"
#include "pipeline/fold.h"

struct mri_as_of {
    const struct mri_fold *fold;
    mr_log_reader *reader; /**< NULL: nothing of the past was asked yet */
    struct mri_moment moment;
    bool has_moment; /**< `moment` is one, as of when it was made */
};

/**
 * Make one for a fold.
 *
 * Returns  nothing.
 * Owner    mri_as_of_fini() frees; the fold must outlive it.
 * Threads  one at a time per fold.
 */
void mri_as_of_init(struct mri_as_of *as_of, const struct mri_fold *fold);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_as_of_fini(struct mri_as_of *as_of);

/**
 * The moment that the fold is at: what a page of now is called, so that the next one can be of the
 * same moment. The fold must have read its log to what it has taken in (mri_fold_follow()).
 *
 * Returns  MR_OK; faults of reading.
 * Threads  one at a time per fold.
 */
MR_MUST_USE mr_err mri_as_of_now(
    struct mri_as_of *as_of, mr_log_token *ret_token, mr_problem *reterr_problem);

/**
 * Find the moment that a text says.
 *
 * Returns  MR_OK; MR_REFUSED it says none, one of the future, or the log does not hold that event
 *          any more (*reterr_problem says which); MR_NOT_FOUND that part of the log was removed, or
 *          a repair has given it up; faults of reading; MR_ENOMEM.
 * Threads  one at a time per fold.
 * Cost     as mri_moment_go().
 */
MR_MUST_USE mr_err mri_as_of_find(struct mri_as_of *as_of, struct mri_slice text,
    mr_log_token *ret_token, mr_problem *reterr_problem);

/**
 * Be at a moment: as_of->moment holds it until the next call.
 *
 * Returns  as mri_as_of_find().
 * Threads  one at a time per fold.
 * Cost     nothing when it is there already and the fold has not gone on.
 */
MR_MUST_USE mr_err mri_as_of_go(
    struct mri_as_of *as_of, const mr_log_token *token, mr_problem *reterr_problem);

#endif
