/* SPDX-License-Identifier: MIT */
/**
 * Where the originals of a repeated batch stand, out of the log itself.
 */
#ifndef MRI_LOG_OPEN_REPEAT_H
#define MRI_LOG_OPEN_REPEAT_H

#include "base/alloc.h"
#include "millrace/log.h"
#include "os/os.h"

/** Which log. */
struct mri_repeat_log {
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    const char *folder;
};

/**
 * Fill in the seqs that an ack of a repeat lacks (0). They stay 0 when the originals are not in the
 * log any more.
 *
 * Returns  MR_OK; a fault of reading.
 * Threads  any.
 * Cost     reads the log backwards up to the first original.
 */
MR_MUST_USE mr_err mri_repeat_find(
    const struct mri_repeat_log *log, const mr_log_record *records, size_t count, mr_log_ack *ack);

/**
 * Do the originals of a batch stand one by one directly behind an event? Records that say neither a
 * producer nor a message id stand for any.
 *
 * Returns  MR_OK; MR_CONFLICT they do not; a fault of reading.
 * Threads  any.
 * Cost     reads them.
 */
MR_MUST_USE mr_err mri_repeat_compare(const struct mri_repeat_log *log,
    const mr_log_record *records, size_t count, mr_seq expected_last);

#endif
