/* SPDX-License-Identifier: MIT */
/**
 * Does a map show what is written? Readers depend on it.
 */
#ifndef MRI_LOG_OPEN_MAPPING_H
#define MRI_LOG_OPEN_MAPPING_H

#include "millrace/err.h"
#include "os/os.h"

/**
 * Write a few bytes that mean nothing into the first page of a segment, look for them through a
 * map, and put back what was there.
 *
 * Returns  MR_OK; MR_EINVAL the file system shows something else; faults of the calls.
 * Threads  the writer's thread.
 * Cost     two writes of 8 bytes into a page that is in memory.
 */
MR_MUST_USE mr_err mri_mapping_check(const struct mri_os *os, int fd);

#endif
