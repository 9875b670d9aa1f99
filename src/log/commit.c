/* SPDX-License-Identifier: MIT */
/*
 * Making appended records durable.
 *
 * Invariants
 *  1. durable_seq moves only after fdatasync returned success over a file that held the records.
 *  2. A failed write or sync is final for the handle: the page cache may then hold pages that look
 *     written and are not, and a second fdatasync would say success. Only the next open, which
 *     reads what is on disk, may judge.
 */
#include "log/writer.h"

mr_err mri_commit_poison(mr_log *log, mr_err err)
{
    log->is_poisoned = true;
    return err;
}

mr_err mri_commit_sync(mr_log *log)
{
    if (log->is_poisoned) {
        return MR_EPOISONED;
    }
    if (!log->has_unsynced) {
        return MR_OK;
    }
    if (log->os->sync_data(log->os->context, log->segment_fd) != MR_OK) {
        return mri_commit_poison(log, MR_EUNKNOWN);
    }
    log->has_unsynced = false;
    log->durable_seq = log->next_seq - 1;
    return MR_OK;
}

mr_err mr_log_sync(mr_log *log)
{
    MRI_ASSERT(log->magic == MRI_LOG_MAGIC);
    if (log->is_poisoned) {
        return MR_EPOISONED;
    }
    (void)mri_sealing_complete(log); /* what fails without a write is tried again */
    return log->is_poisoned ? MR_EUNKNOWN : mri_commit_sync(log);
}
