/* SPDX-License-Identifier: MIT */
/**
 * The whole story of a signal: every event about it, the view and prediction it was decided on, and
 * what its outcomes taught.
 */
#ifndef MRI_PIPELINE_EXPLAIN_H
#define MRI_PIPELINE_EXPLAIN_H

#include "pipeline/fold.h"

/** The most events of one story; a signal has about twenty. */
enum { MRI_EXPLAINED_EVENTS_MAX = 256 };

/** Events in order of seq; bodies are copies. */
struct mri_explained {
    const struct mri_alloc *alloc;
    struct mri_event *events;
    uint32_t count;
    bool is_cut; /**< there were more than MRI_EXPLAINED_EVENTS_MAX */
};

/**
 * Collect the story of a signal.
 *
 * @param fold     the past of the log
 * @param ordinal  of a signal that exists
 *
 * Returns  MR_OK; MR_NOT_FOUND a part of the story was removed or given up, *reterr_problem says
 *          which; MR_ENOMEM; faults of reading the log.
 * Owner    mri_explain_fini() frees.
 * Threads  one at a time.
 * Cost     a seek for each event: about 20 ms each in a log of 64 MiB segments.
 */
MR_MUST_USE mr_err mri_explain_signal(const struct mri_fold *fold, uint32_t ordinal,
    struct mri_explained *ret_story, mr_problem *reterr_problem);

/**
 * The first event of a kind at or after an index of a story.
 *
 * Returns  its index; story->count when there is none.
 * Threads  any.
 */
uint32_t mri_explain_find(const struct mri_explained *story, uint16_t type, uint32_t from);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_explain_fini(struct mri_explained *story);

#endif
