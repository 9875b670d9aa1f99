/* SPDX-License-Identifier: MIT */
/**
 * Waiting for folders, processes and descriptors: the part of struct mri_os on Linux that does it.
 */
#ifndef MRI_OS_OS_WAIT_H
#define MRI_OS_OS_WAIT_H

#include <stddef.h>
#include <stdint.h>

#include "millrace/err.h"

/**
 * mri_os.watch.
 *
 * Returns  MR_OK; MR_EPATH, MR_EACCESS, MR_ELIMIT, MR_EIO.
 * Owner    the caller closes *ret_fd.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_os_wait_folder(void *context, const char *path, int *ret_fd);

/**
 * mri_os.wait_change.
 *
 * Returns  MR_OK; MR_AGAIN the time has passed or a signal came; MR_EIO.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_os_wait_change(void *context, int fd, int64_t timeout_ns);

/**
 * mri_os.watch_process.
 *
 * Returns  MR_OK; MR_NOT_FOUND there is no such process (any more), or it cannot be seen from here;
 *          MR_ELIMIT; MR_EIO.
 * Owner    the caller closes *ret_fd.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_os_wait_process(void *context, uint32_t process_id, int *ret_fd);

/**
 * mri_os.wait_any.
 *
 * Returns  MR_OK; MR_AGAIN the time has passed or a signal came; MR_EINVAL too many; MR_EIO.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_os_wait_any(
    void *context, const int *fds, size_t count, int64_t timeout_ns, size_t *ret_index);

#endif
