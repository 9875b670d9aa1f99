/* SPDX-License-Identifier: MIT */
/**
 * Figures of a log, and syncing it from outside, with the machine to run on as an argument. The
 * functions that users call are in millrace/log_admin.h.
 */
#ifndef MRI_LOG_OPEN_FIGURES_H
#define MRI_LOG_OPEN_FIGURES_H

#include "base/alloc.h"
#include "millrace/log_admin.h"
#include "os/os.h"

/**
 * mr_log_count() on a given machine.
 *
 * Returns  as mr_log_count().
 * Threads  any.
 */
MR_MUST_USE mr_err mri_figures_count(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, mr_log_figures *ret_figures, mr_problem *reterr_problem);

/**
 * mr_log_flush() on a given machine.
 *
 * Returns  as mr_log_flush().
 * Threads  any.
 */
MR_MUST_USE mr_err mri_figures_flush(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, mr_seq *ret_last, mr_problem *reterr_problem);

/**
 * Look at the memory that processes share while they have a log open; that there is none is no
 * fault.
 *
 * Returns  MR_OK; MR_EACCESS, MR_EIO: who has the log open cannot be found out.
 * Threads  any.
 * Cost     maps the memory, reads no event.
 */
MR_MUST_USE mr_err mri_figures_memory(const struct mri_os *os, const char *folder,
    mr_log_memory *ret_memory, mr_problem *reterr_problem);

/**
 * What a user of a file system should know before keeping a log on it.
 *
 * Returns  a static text; NULL: nothing.
 * Threads  any.
 */
const char *mri_figures_warning(const char *file_system);

#endif
