/* SPDX-License-Identifier: MIT */
/**
 * Is a node's feed the one that its log was begun with?
 */
#ifndef MRI_PIPELINE_FEED_CHECK_H
#define MRI_PIPELINE_FEED_CHECK_H

#include "pipeline/node.h"

/**
 * Compare the feed with what the log keeps of it.
 *
 * @param node  with its log open
 *
 * Returns  MR_OK; MR_REFUSED it is another one, *reterr_problem says in what.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_feed_check(const struct mri_node *node, mr_problem *reterr_problem);

#endif
