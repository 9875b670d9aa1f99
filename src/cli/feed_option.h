/* SPDX-License-Identifier: MIT */
/**
 * --feed: csv:PATH or synthetic:SEED, opened.
 */
#ifndef MRI_CLI_FEED_OPTION_H
#define MRI_CLI_FEED_OPTION_H

#include "market/feed.h"
#include "os/os.h"
#include "pipeline/config.h"

/** What --feed says. */
struct mri_feed_option {
    const char *kind; /**< "csv", "synthetic" or "none" */
    const char *path; /**< of csv */
    uint64_t seed;    /**< of synthetic */
};

/**
 * Read the option.
 *
 * Returns  MR_OK; MR_REFUSED, *reterr_problem says what was expected.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_feed_option_parse(
    const char *text, struct mri_feed_option *ret_option, mr_problem *reterr_problem);

/**
 * Open the feed.
 *
 * @param config  its instruments are those that a csv feed may have
 *
 * Returns  MR_OK; MR_REFUSED no usable bar; MR_EPATH, MR_EACCESS, MR_EIO, MR_ENOMEM;
 *          *reterr_problem says why.
 * Owner    ret_feed->close frees; the configuration must outlive the feed.
 * Threads  one.
 */
MR_MUST_USE mr_err mri_feed_option_open(const struct mri_os *os, const struct mri_alloc *alloc,
    const struct mri_feed_option *option, const struct mri_config *config,
    struct mri_feed *ret_feed, mr_problem *reterr_problem);

#endif
