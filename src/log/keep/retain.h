/* SPDX-License-Identifier: MIT */
/**
 * Removing the beginning of a log, with the machine to run on as an argument. The function that
 * users call is in millrace/log_admin.h.
 */
#ifndef MRI_LOG_KEEP_RETAIN_H
#define MRI_LOG_KEEP_RETAIN_H

#include "base/alloc.h"
#include "millrace/log_admin.h"
#include "os/os.h"

/**
 * mr_log_retain() on a given machine.
 *
 * Returns  as mr_log_retain().
 * Threads  one at a time per log.
 */
MR_MUST_USE mr_err mri_retain(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const mr_log_retain_options *options, mr_log_retain_report *ret_report,
    mr_problem *reterr_problem);

#endif
