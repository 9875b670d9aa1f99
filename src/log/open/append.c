/* SPDX-License-Identifier: MIT */
/*
 * Appending through a handle: what users may append, and how; hot_tail.c does it.
 */
#include "log/open/append.h"

#include "log/open/repeat.h"
#include "log/open/writer.h"

/** The batch was in the log already: where, and is that where it was expected? */
static mr_err settle_repeat(struct mri_attachment *attachment, const mr_log_record *records,
    size_t count, const struct mri_hot_append *how, mr_log_ack *ack)
{
    const struct mri_repeat_log log = {
        .os = attachment->os, .alloc = attachment->alloc, .folder = attachment->folder};
    mr_err err = MR_OK;
    if (how->has_expected_last) {
        err = mri_repeat_compare(&log, records, count, (mr_seq){how->expected_last});
        ack->first.n = how->expected_last + 1;
        ack->last.n = how->expected_last + count;
    } else if (ack->first.n == 0 || ack->last.n == 0) {
        err = mri_repeat_find(&log, records, count, ack);
    }
    if (ack->durability != MR_GROUP) {
        ack->is_durable =
            ack->last.n != 0 && ack->last.n <= mri_hot_tail_counters(&attachment->hot).durable_seq;
    }
    return err;
}

static mr_err append(mr_log *log, const mr_log_record *records, size_t count,
    const struct mri_hot_append *how, mr_log_ack *ret_ack)
{
    struct mri_attachment *attachment = mri_writer_attachment(log);
    bool is_durability = how->durability == MR_ASYNC || how->durability == MR_GROUP ||
                         how->durability == MR_INTERVAL;
    if (attachment == NULL || records == NULL || count == 0 || !is_durability) {
        return MR_EINVAL;
    }
    mr_log_ack ack; /* set when it is appended, or was before */
    mr_err err = mri_hot_tail_append(&attachment->hot, records, count, how, &ack);
    if (attachment->hot.is_writing_at_once) {
        (void)mri_attachment_help(attachment, false); /* what is left waits for the next append */
    }
    if (err == MR_OK && ack.is_repeated && (ret_ack != NULL || how->has_expected_last)) {
        err = settle_repeat(attachment, records, count, how, &ack);
    }
    if (ret_ack != NULL && (err == MR_OK || err == MR_EUNKNOWN)) {
        *ret_ack = ack;
    }
    return err;
}

mr_err mr_log_append(mr_log *log, const mr_log_record *records, size_t count,
    mr_durability durability, mr_log_ack *ret_ack)
{
    const struct mri_hot_append how = {.durability = durability};
    return append(log, records, count, &how, ret_ack);
}

mr_err mr_log_append_after(mr_log *log, const mr_log_record *records, size_t count,
    mr_seq expected_last, mr_durability durability, mr_log_ack *ret_ack)
{
    const struct mri_hot_append how = {
        .has_expected_last = true, .expected_last = expected_last.n, .durability = durability};
    return append(log, records, count, &how, ret_ack);
}

mr_err mri_log_append_own(mr_log *log, const mr_log_record *records, size_t count,
    mr_durability durability, mr_log_ack *ret_ack)
{
    const struct mri_hot_append how = {.is_own = true, .durability = durability};
    return append(log, records, count, &how, ret_ack);
}

mr_err mri_log_append_derived(mr_log *log, const mr_log_record *records, size_t count,
    mr_durability durability, void *argument, mr_log_ack *ret_ack)
{
    const struct mri_hot_append how = {.durability = durability, .argument = argument};
    return append(log, records, count, &how, ret_ack);
}

mr_seq mr_log_last(const mr_log *log)
{
    const struct mri_attachment *attachment = mri_writer_attachment(log);
    return (mr_seq){attachment == NULL ? 0 : mri_hot_tail_counters(&attachment->hot).tail_seq};
}

bool mri_log_has_room(const mr_log *log)
{
    const struct mri_attachment *attachment = mri_writer_attachment(log);
    return attachment != NULL && mri_hot_tail_has_room(&attachment->hot);
}

uint32_t mri_log_chain_crc(const mr_log *log)
{
    MRI_ASSERT(log->magic == MRI_LOG_MAGIC);
    return mri_hot_tail_counters(&log->attachment->hot).event_crc;
}
