/* SPDX-License-Identifier: MIT */
/**
 * Where a log begins: what is before it was removed (keep/retain.c), or never was.
 */
#ifndef MRI_LOG_READ_RETAIN_FIRST_H
#define MRI_LOG_READ_RETAIN_FIRST_H

#include "base/alloc.h"
#include "os/os.h"

/**
 * The first event that a log has.
 *
 * Returns  MR_OK and its seq, 1 in an empty log; faults of reading the folder.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_retain_first(
    const struct mri_os *os, const struct mri_alloc *alloc, const char *folder, uint64_t *ret_seq);

#endif
