/* SPDX-License-Identifier: MIT */
/**
 * From a feed to inputs: all items of one time become one batch; what a resumed run has already
 * logged is skipped.
 */
#ifndef MRI_PIPELINE_INTAKE_H
#define MRI_PIPELINE_INTAKE_H

#include "pipeline/node.h"

/** Somebody who wants to hear of rows that were left out, as they are read. */
struct mri_intake_listener {
    void *context;
    void (*problem)(void *context, const struct mri_feed_item *item);
};

struct mri_intake {
    struct mri_node *node;
    struct mri_feed *feed;
    struct mri_intake_listener listener;
    struct mri_feed_item item; /**< read, not yet drafted */
    bool has_item;
    bool is_ended;
    int64_t resume_unix_ns;    /**< everything up to this time is in the log; 0 = nothing */
    uint64_t problems_to_skip; /**< rows left out after that time that are in the log */
    uint64_t skipped;          /**< items skipped because the log has them */
    uint64_t damaged_files;    /**< files that ended early or were bad, in this run */
    uint64_t problems;         /**< rows left out in this run */
};

/**
 * Begin to read a feed into a node, behind what the node's log has.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_intake_init(struct mri_intake *intake, struct mri_node *node, struct mri_feed *feed,
    struct mri_intake_listener listener);

/**
 * Take the items of the next time in, and decide on them.
 *
 * Returns  MR_OK; MR_END the feed has no more; MR_REFUSED a bar that the log has differs from the
 *          feed's, *reterr_problem says which; faults of the feed and of the node.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_intake_step(struct mri_intake *intake, mr_problem *reterr_problem);

#endif
