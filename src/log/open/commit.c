/* SPDX-License-Identifier: MIT */
/*
 * Making durable through a handle, which hot_commit.c does, and how far that and sealing are.
 */
#include "log/open/append.h"
#include "log/open/writer.h"

mr_err mr_log_sync(mr_log *log)
{
    struct mri_attachment *attachment = mri_writer_attachment(log);
    if (attachment == NULL) {
        return MR_EINVAL;
    }
    struct mri_hot_view_counters counters = mri_hot_tail_counters(&attachment->hot);
    if (counters.is_poisoned) {
        return MR_EPOISONED;
    }
    mr_err err = mri_hot_tail_commit(&attachment->hot, counters.tail);
    return err == MR_OK || mri_hot_tail_is_shortage(err) ? err
                                                         : MR_EUNKNOWN; /* whatever, and wherever */
}

mr_seq mr_log_durable(const mr_log *log)
{
    const struct mri_attachment *attachment = mri_writer_attachment(log);
    return (mr_seq){attachment == NULL ? 0 : mri_hot_tail_counters(&attachment->hot).durable_seq};
}

mr_seq mri_log_sealed(const mr_log *log)
{
    MRI_ASSERT(log->magic == MRI_LOG_MAGIC);
    return (mr_seq){mri_hot_tail_counters(&log->attachment->hot).sealed_seq};
}
