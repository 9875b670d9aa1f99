/* SPDX-License-Identifier: MIT */
/**
 * Finding damage in a log and repairing it, with the machine to run on as an argument. The function
 * that users call is in millrace/log_admin.h.
 */
#ifndef MRI_LOG_KEEP_REPAIR_H
#define MRI_LOG_KEEP_REPAIR_H

#include "base/alloc.h"
#include "millrace/log_admin.h"
#include "os/os.h"

/**
 * mr_log_repair() on a given machine.
 *
 * Returns  as mr_log_repair().
 * Threads  one at a time per log.
 */
MR_MUST_USE mr_err mri_repair(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const mr_log_repair_options *options, mr_log_repair_report *ret_report,
    mr_problem *reterr_problem);

#endif
