/* SPDX-License-Identifier: MIT */
/*
 * The record head and its checksums.
 *
 * Invariants
 *  1. The head's checksum covers its length, so a length is trusted before the body is touched.
 *  2. It also covers the segment's salt and the position: a record copied from elsewhere, or left
 *     over from an earlier life of the file, is not a record here.
 */
#include "log/format/record.h"

#include <string.h>

#include "base/crc32c.h"

/** From `seq` on is what is covered as it lies there. */
static uint32_t crc_of(const void *from_seq, uint32_t bytes, uint64_t salt, uint64_t position)
{
    const uint64_t front[2] = {salt, position};
    uint32_t crc = mri_crc32c(0, front, sizeof(front));
    crc = mri_crc32c(crc, &bytes, sizeof(bytes));
    return mri_crc32c(
        crc, from_seq, sizeof(struct mri_record_head) - offsetof(struct mri_record_head, seq));
}

uint32_t mri_record_words_crc(const uint64_t words[static MRI_RECORD_HEAD_WORDS], uint32_t bytes,
    uint64_t salt, uint64_t position)
{
    return crc_of(words + 1, bytes, salt, position);
}

uint32_t mri_record_head_crc(const struct mri_record_head *head, uint64_t salt, uint64_t position)
{
    return crc_of(&head->seq, head->bytes, salt, position);
}

mr_err mri_record_check_head(const struct mri_record_head *head, uint64_t salt, uint64_t position)
{
    if (head->bytes == 0) {
        return MR_END;
    }
    if (head->bytes < sizeof(*head) || head->bytes > MRI_RECORD_BYTES_MAX) {
        return MR_ECORRUPT;
    }
    if (head->head_crc != mri_record_head_crc(head, salt, position)) {
        return MR_ECORRUPT;
    }
    size_t before_body = (head->flags & MRI_RECORD_HAS_MSGID) != 0 ? MRI_RECORD_MSGID_BYTES : 0;
    return head->bytes >= sizeof(*head) + before_body ? MR_OK : MR_ECORRUPT;
}

/* GAP: fields of the head that are free in it, see FORMAT.md "GAP". */
enum { GAP_REASON_SHIFT = 16, GAP_ROLL_LOST = 1 << 24 };

struct mri_gap mri_record_gap(const struct mri_record_head *head)
{
    return (struct mri_gap){
        .first_seq = head->seq,
        .last_seq = head->subject_prev,
        .bytes = (uint64_t)head->producer_id * MRI_RECORD_UNIT_BYTES,
        .next_crc = head->subject_id,
        .next_units = (uint16_t)head->producer_seq,
        .reason = (uint8_t)(head->producer_seq >> GAP_REASON_SHIFT),
        .is_roll_lost = (head->producer_seq & GAP_ROLL_LOST) != 0,
    };
}

void mri_record_put_gap(struct mri_record_head *head, const struct mri_gap *gap)
{
    head->type = MRI_RECORD_GAP;
    head->seq = gap->first_seq;
    head->subject_prev = gap->last_seq;
    head->subject_id = gap->next_crc;
    head->producer_id = (uint32_t)(gap->bytes / MRI_RECORD_UNIT_BYTES);
    head->producer_seq = gap->next_units | (uint32_t)gap->reason << GAP_REASON_SHIFT |
                         (gap->is_roll_lost ? (uint32_t)GAP_ROLL_LOST : 0);
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
    static const uint8_t zeros[4096];
    for (size_t at = 0; at < count; at += sizeof(zeros)) {
        size_t step = count - at < sizeof(zeros) ? count - at : sizeof(zeros);
        if (memcmp(bytes + at, zeros, step) != 0) {
            return false;
        }
    }
    return true;
}

static mr_err check_gap(const struct mri_record_head *head, size_t room_bytes)
{
    const struct mri_gap gap = mri_record_gap(head);
    bool is_possible = head->bytes == sizeof(*head) && gap.bytes >= sizeof(*head) &&
                       gap.bytes <= room_bytes && gap.last_seq + 1 >= gap.first_seq &&
                       gap.last_seq < UINT64_MAX;
    return is_possible && is_zero((const uint8_t *)(head + 1), (size_t)gap.bytes - sizeof(*head))
               ? MR_OK
               : MR_ECORRUPT;
}

uint64_t mri_record_step(
    const struct mri_record_head *head, struct mri_record_link *ret_link, bool *ret_is_last)
{
    if (head->type == MRI_RECORD_GAP) {
        const struct mri_gap gap = mri_record_gap(head);
        *ret_link = (struct mri_record_link){
            .seq = gap.last_seq + 1, .crc = gap.next_crc, .units = gap.next_units};
        *ret_is_last = gap.is_roll_lost;
        return gap.bytes;
    }
    size_t stride = mri_record_stride(head->bytes);
    *ret_is_last = head->type == MRI_RECORD_ROLL;
    *ret_link = (struct mri_record_link){
        .seq = head->seq + mri_record_is_numbered(head),
        .crc = head->head_crc,
        .units = (uint16_t)(stride / MRI_RECORD_UNIT_BYTES),
    };
    return stride;
}

mr_err mri_record_check_body(const struct mri_record_head *head, size_t room_bytes)
{
    size_t stride = mri_record_stride(head->bytes);
    if (stride > room_bytes) {
        return MR_ECORRUPT;
    }
    const uint8_t *bytes = (const uint8_t *)head;
    if (mri_crc32c(0, bytes + sizeof(*head), head->bytes - sizeof(*head)) != head->body_crc) {
        return MR_ECORRUPT;
    }
    for (size_t i = head->bytes; i < stride; i++) {
        if (bytes[i] != 0) {
            return MR_ECORRUPT;
        }
    }
    return head->type == MRI_RECORD_GAP ? check_gap(head, room_bytes) : MR_OK;
}
