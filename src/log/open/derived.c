/* SPDX-License-Identifier: MIT */
/*
 * Looking at the derived area, and writing it anew.
 */
#include "log/open/derived.h"

#include "log/open/writer.h"
#include "os/futex.h"

enum { LOOKS_AT_ONCE = 256, LOOKS_MAX = 20000 };

#define LOOK_PAUSE_NS 50000

struct mri_derived mri_derived_of(const mr_log *log)
{
    const struct mri_attachment *attachment = mri_writer_attachment(log);
    if (attachment == NULL || attachment->hot.options.deriver == NULL) {
        return (struct mri_derived){0};
    }
    return (struct mri_derived){.words = mri_hot_tail_derived(&attachment->hot),
        .bytes = attachment->hot.options.derived_bytes};
}

bool mri_derived_is_behind(const mr_log *log)
{
    const struct mri_attachment *attachment = mri_writer_attachment(log);
    return attachment == NULL || mri_hot_tail_is_behind(&attachment->hot);
}

mr_err mri_derived_look(const mr_log *log, uint32_t *ret_version)
{
    const struct mri_attachment *attachment = mri_writer_attachment(log);
    if (attachment == NULL) {
        return MR_EINVAL;
    }
    const struct mri_hot_tail *hot = &attachment->hot;
    for (unsigned i = 0; i < LOOKS_AT_ONCE + LOOKS_MAX; i++) {
        bool is_behind = mri_hot_tail_is_behind(hot);
        uint32_t version = mri_hot_tail_version(hot);
        if (version % 2 == 0) {
            *ret_version = version;
            return is_behind ? MR_AGAIN : MR_OK;
        }
        if (i < LOOKS_AT_ONCE) {
            mri_futex_pause();
        } else { /* its writer is not on a processor */
            attachment->os->sleep_ns(attachment->os->context, LOOK_PAUSE_NS);
        }
    }
    return MR_BUSY;
}

bool mri_derived_is_same(const mr_log *log, uint32_t version)
{
    const struct mri_attachment *attachment = mri_writer_attachment(log);
    atomic_thread_fence(memory_order_acquire);
    return attachment != NULL && mri_hot_tail_version(&attachment->hot) == version;
}

mr_err mri_derived_hold(mr_log *log, uint64_t **ret_words, mr_seq *ret_last)
{
    struct mri_attachment *attachment = mri_writer_attachment(log);
    if (attachment == NULL) {
        return MR_EINVAL;
    }
    mr_err err = mri_hot_tail_hold(&attachment->hot);
    if (err != MR_OK) {
        return err;
    }
    uint64_t *words =
        attachment->hot.options.deriver == NULL ? NULL : mri_hot_tail_begin_fill(&attachment->hot);
    if (words == NULL) {
        mri_hot_tail_let_go(&attachment->hot);
        return MR_NOT_FOUND;
    }
    *ret_words = words;
    ret_last->n = mri_hot_tail_counters(&attachment->hot).tail_seq;
    return MR_OK;
}

void mri_derived_let_go(mr_log *log, bool is_filled)
{
    struct mri_attachment *attachment = mri_writer_attachment(log);
    MRI_ASSERT(attachment != NULL);
    mri_hot_tail_end_fill(&attachment->hot, is_filled);
    mri_hot_tail_let_go(&attachment->hot);
}
