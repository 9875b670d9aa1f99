/* SPDX-License-Identifier: MIT */
/**
 * Whether the files of segments are as long as they were made.
 *
 * A segment gets its name when its file has its full length, so one that is shorter was cut later:
 * by an interrupted copy, or by hand. What is left of it may read as sound.
 */
#ifndef MRI_CLI_WHOLE_SEGMENTS_H
#define MRI_CLI_WHOLE_SEGMENTS_H

#include "cli/cli.h"

/**
 * Look at the length of each segment that is not archived.
 *
 * Returns  MR_OK; MR_ECORRUPT one is shorter, *reterr_problem says which; MR_EACCESS, MR_EIO and
 *          other faults of reading; MR_ENOMEM.
 * Threads  any.
 * Cost     opens each file.
 */
MR_MUST_USE mr_err mri_whole_segments_check(
    const struct mri_cli *cli, const char *folder, mr_problem *reterr_problem);

#endif
