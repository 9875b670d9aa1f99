/* SPDX-License-Identifier: MIT */
/**
 * The lock file of a log: who writes.
 *
 * The lock is on the open file, so it ends with the process that holds it, however that ends. The
 * file's text is the holder's process id, for people.
 */
#ifndef MRI_LOG_LOCK_H
#define MRI_LOG_LOCK_H

#include <stdint.h>

#include "millrace/err.h"
#include "os/os.h"

#define MRI_LOCK_NAME "lock"

/**
 * Take the lock, and say in the file who has it.
 *
 * @param ret_fd  -1, or the file; set also on failure
 *
 * Returns  MR_OK; MR_BUSY another process has it (the problem text names its id); MR_EACCESS,
 *          MR_EPATH, MR_EIO, MR_ENOSPC, MR_ELIMIT.
 * Owner    closing *ret_fd gives the lock back.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_lock_take(
    const struct mri_os *os, const char *folder, int *ret_fd, mr_problem *reterr_problem);

/**
 * The process that has the lock.
 *
 * Returns  MR_OK and its id (0 when it did not say yet); MR_NOT_FOUND nobody; MR_EACCESS, MR_EIO.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_lock_holder(
    const struct mri_os *os, const char *folder, uint32_t *ret_process_id);

#endif
