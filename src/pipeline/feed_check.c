/* SPDX-License-Identifier: MIT */
/*
 * A log is continued by the feed it was begun with.
 *
 * Invariants
 *  1. What is compared is what the log keeps of its feed; nothing is read from the feed.
 */
#include "pipeline/feed_check.h"

#include <string.h>

#include "base/problem.h"

static mr_err check_attribute(
    const struct mri_node *node, const char *key, const char *wanted, mr_problem *problem)
{
    const char *found = mr_log_attribute_get(node->log, key);
    if (found != NULL && strcmp(found, wanted) == 0) {
        return MR_OK;
    }
    return mri_problem(problem, MR_REFUSED,
        "%s belongs to another feed (%s is %.16s there, %.16s now); continue it with its own feed, "
        "or "
        "start a new directory",
        node->options.folder, key, found == NULL ? "absent" : found, wanted);
}

/** The simulated market is another one: say what makes it so. */
static mr_err refuse_market(const struct mri_node *node, mr_problem *problem)
{
    const struct mri_node_options *options = &node->options;
    const char *seed = mr_log_attribute_get(node->log, MRI_ATTRIBUTE_FEED_SEED);
    if (seed == NULL || strcmp(seed, options->feed_seed) != 0) {
        return check_attribute(node, MRI_ATTRIBUTE_FEED_SEED, options->feed_seed, problem);
    }
    return mri_problem(problem, MR_REFUSED,
        "%s belongs to another feed: synthetic.symbols or synthetic.bars had other values when it "
        "was "
        "begun (now %lld and %lld), and they make another simulated market; leave both as they "
        "were, "
        "or start a new directory",
        options->folder, (long long)options->config->synthetic_symbols,
        (long long)options->config->synthetic_bars);
}

mr_err mri_feed_check(const struct mri_node *node, mr_problem *reterr_problem)
{
    const struct mri_feed *feed = node->options.feed;
    if (feed == NULL || node->opening.is_created) {
        return MR_OK;
    }
    mr_err err = check_attribute(node, MRI_ATTRIBUTE_FEED, node->options.feed_kind, reterr_problem);
    const char *identity = mr_log_attribute_get(node->log, MRI_ATTRIBUTE_FEED_IDENTITY);
    bool is_same = identity != NULL && strcmp(identity, feed->identity) == 0;
    if (err == MR_OK && !is_same && feed->is_simulated && node->options.feed_seed != NULL) {
        return refuse_market(node, reterr_problem);
    }
    return err == MR_OK
               ? check_attribute(node, MRI_ATTRIBUTE_FEED_IDENTITY, feed->identity, reterr_problem)
               : err;
}
