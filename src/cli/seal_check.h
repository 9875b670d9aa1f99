/* SPDX-License-Identifier: MIT */
/**
 * A log walked with all its seals, for the commands that say what came out.
 */
#ifndef MRI_CLI_SEAL_CHECK_H
#define MRI_CLI_SEAL_CHECK_H

#include "cli/cli.h"
#include "log/prove/seal_heads.h"

/** What was found in a log with which nothing is wrong. */
struct mri_seal_findings {
    struct mri_seal_head head;    /**< behind the newest seal; seq 0: there is no seal */
    uint64_t proven_count;        /**< events that a seal proves */
    uint64_t unproven_count;      /**< events whose seal proves nothing */
    uint64_t unproven_seal_count; /**< seals over events that are gone: lost, or removed */
};

/**
 * Compute every seal and link of a log again, and hold its heads against lists of heads. Says on
 * stderr what is wrong.
 *
 * @param lists  `count` of them; each is met from its beginning to its end
 *
 * Returns  MRI_EXIT_OK; MRI_EXIT_NO somebody has changed the log, or it does not have a head of the
 *          lists; MRI_EXIT_FAULT and others, it cannot be read.
 * Threads  one.
 * Cost     about 0.5 us an event.
 */
enum mri_exit mri_seal_check(const struct mri_cli *cli, const char *folder,
    struct mri_seal_heads *const *lists, size_t count, struct mri_seal_findings *ret_findings);

#endif
