/* SPDX-License-Identifier: MIT */
/**
 * Making a log: its MANIFEST, with which it begins to be one.
 */
#ifndef MRI_LOG_OPEN_MAKING_H
#define MRI_LOG_OPEN_MAKING_H

#include "base/alloc.h"
#include "log/format/manifest.h"
#include "millrace/log.h"
#include "os/os.h"

/**
 * Is a folder that has no MANIFEST one of a log that has lost it? Segments and archives say so;
 * other files are left by an open that ended before there was a log.
 *
 * Returns  MR_OK a log may be made here, or is there; MR_ECORRUPT there are segments and no
 *          MANIFEST; MR_ENOMEM, faults of the folder. A MANIFEST that cannot be read is no matter
 *          of this.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_making_check_folder(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, mr_problem *reterr_problem);

/**
 * Write the MANIFEST of a new log, durably; the name of its folder is durable before.
 *
 * Returns  MR_OK; MR_EINVAL the options are not such as a log can have; MR_ECORRUPT as above;
 *          MR_ENOMEM, MR_ENOSPC, MR_EACCESS, MR_EIO. The folder is as it was then.
 * Threads  with the gate of the log shut.
 */
MR_MUST_USE mr_err mri_making_begin(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const mr_log_options *options, struct mri_manifest *ret_manifest,
    mr_problem *reterr_problem);

/**
 * Why a file could not be made or written, for a problem text that names it.
 *
 * Returns  a static text.
 * Threads  any.
 */
const char *mri_making_reason(mr_err err);

#endif
