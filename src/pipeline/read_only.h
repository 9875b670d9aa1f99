/* SPDX-License-Identifier: MIT */
/**
 * Who may read a log and not write to it: one wording for every verb and call that writes.
 */
#ifndef MRI_PIPELINE_READ_ONLY_H
#define MRI_PIPELINE_READ_ONLY_H

#include "base/alloc.h"
#include "os/os.h"

/**
 * Something that writes to a log has failed. If it was refused to a user who may read the log, say
 * so, what can be done without writing, and what to do about it; what else it was stands in the
 * problem already, and stays.
 *
 * @param problem  what was said of err; may be empty, or NULL
 *
 * Returns  err.
 * Threads  any.
 * Cost     of MR_EACCESS opens the log and looks at its snapshots; else nothing.
 */
mr_err mri_read_only_explain(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, mr_err err, mr_problem *problem);

#endif
