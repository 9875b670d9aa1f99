/* SPDX-License-Identifier: MIT */
/*
 * The record head and its checksums.
 *
 * Invariants
 *  1. The head's checksum covers its length, so a length is trusted before the body is touched.
 *  2. It also covers the segment's salt and the position: a record copied from elsewhere, or left
 *     over from an earlier life of the file, is not a record here.
 */
#include "log/record.h"

#include <string.h>

#include "base/crc32c.h"

uint32_t mri_record_head_crc(const struct mri_record_head *head, uint64_t salt, uint64_t position)
{
    uint8_t front[20];
    memcpy(front, &salt, sizeof(salt));
    memcpy(front + 8, &position, sizeof(position));
    memcpy(front + 16, &head->bytes, sizeof(head->bytes));
    uint32_t crc = mri_crc32c(0, front, sizeof(front));
    return mri_crc32c(crc, &head->seq, sizeof(*head) - offsetof(struct mri_record_head, seq));
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
    return MR_OK;
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
    return MR_OK;
}
