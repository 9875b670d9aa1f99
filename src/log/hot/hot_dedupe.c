/* SPDX-License-Identifier: MIT */
/*
 * Producers and message ids of what is appended to the ring.
 *
 * Invariants
 *  1. Only records of a batch that counts (`pending` is above it) are noted, and all of them are
 *     before the tail moves: by its writer, or out of the records by who finds him dead.
 */
#include "log/hot/hot_shared.h"

void mri_hot_note_batch(
    struct mri_hot_tail *hot, const mr_log_record *records, size_t count, uint64_t first_seq)
{
    for (size_t i = 0; i < count; i++) {
        const struct mri_dedupe_record record = {.seq = first_seq + i,
            .producer_id = records[i].producer_id,
            .producer_seq = records[i].producer_seq,
            .message_id = records[i].message_id};
        mr_err err = mri_dedupe_note(&hot->dedupe, &record);
        MRI_ASSERT(err == MR_OK);
    }
}

mr_err mri_hot_note_record(struct mri_hot_tail *hot, const struct mri_record_head *head)
{
    if (hot->dedupe.head == NULL || !mri_record_is_identified(head)) {
        return MR_OK;
    }
    const struct mri_dedupe_record record = {.seq = head->seq,
        .producer_id = head->producer_id,
        .producer_seq = head->producer_seq,
        .message_id = mri_record_message_id(head)};
    return mri_dedupe_note(&hot->dedupe, &record);
}
