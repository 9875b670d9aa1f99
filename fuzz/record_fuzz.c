/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes what is read from a log's files: the head of a segment, its records, and the bodies of
 * events. The first byte of the input chooses:
 *
 *   0    the rest is a segment file
 *   1    the same, but every checksum is put right first, so that what it protects is reached
 *   else the rest is the body of an event, taken as each kind in turn
 *
 * Whatever the bytes are: nothing is read outside them, a scan ends inside them, exactly one row of
 * the decision table applies, and what is accepted can be used.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "bus/event_codec.h"
#include "log/format/recover.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { FILE_BYTES_MAX = 1 << 18 };

/** Put the checksums of both heads and of every record right. */
static void seal_all(uint8_t *file, size_t count)
{
    struct mri_segment_head head;
    if (count < MRI_SEGMENT_PAGE_BYTES) {
        return;
    }
    memcpy(&head, file, sizeof(head));
    mri_segment_head_seal(&head);
    memcpy(file, &head, sizeof(head));
    memcpy(file + MRI_SEGMENT_PAGE_BYTES / 2, &head, sizeof(head));
    size_t at = MRI_SEGMENT_PAGE_BYTES;
    while (at + sizeof(struct mri_record_head) <= count) {
        struct mri_record_head *record = (struct mri_record_head *)(void *)(file + at);
        size_t left = count - at - sizeof(*record);
        size_t body = record->bytes > sizeof(*record) ? record->bytes - sizeof(*record) : 0;
        body = body < left ? body : left;
        record->body_crc = mri_crc32c(0, record + 1, body);
        record->head_crc = mri_record_head_crc(record, head.salt, head.base_position + at);
        at += mri_record_stride(sizeof(*record) + body);
    }
}

static void read_segment(const uint8_t *bytes, size_t count, bool is_sealed)
{
    struct mri_segment_head head;
    struct mri_recover_scan scan;
    bool is_hurt;
    count = count < FILE_BYTES_MAX ? count : FILE_BYTES_MAX;
    uint8_t *file = aligned_alloc(64, (count + 127) / 64 * 64);
    MRI_ASSERT(file != NULL);
    memcpy(file, bytes, count);
    if (is_sealed) {
        seal_all(file, count);
    }
    if (mri_segment_head_read(file, count, &head, &is_hurt) == MR_OK) {
        mri_recover_scan_segment(&head, file, count, &scan);
        MRI_ASSERT(scan.end_offset >= MRI_SEGMENT_PAGE_BYTES && scan.end_offset <= count);
        MRI_ASSERT(scan.dirty_end_offset >= scan.end_offset && scan.dirty_end_offset <= count);
        MRI_ASSERT(scan.next_seq >= head.base_seq);
        for (int is_last = 0; is_last < 2; is_last++) {
            scan.facts.is_last_segment = is_last == 1;
            MRI_ASSERT(mri_recover_rows_for(&scan.facts) == 1);
            enum mri_recover_decision decision = mri_recover_decide(&scan.facts);
            MRI_ASSERT(is_last == 1 || decision == MRI_RECOVER_QUARANTINE);
            MRI_ASSERT(!scan.facts.is_claimed || decision == MRI_RECOVER_QUARANTINE);
        }
    }
    free(file);
}

/** Every part of an accepted event lies inside its body. */
static void use_event(const struct mri_event *event)
{
    const struct mri_event_kind *kind = mri_event_kind(event->type);
    const char *begin = event->body;
    const char *end = begin + event->body_bytes;
    for (unsigned i = 0; i < kind->row_group_count; i++) {
        unsigned row_count;
        const char *rows = mri_event_rows(event, i, &row_count);
        MRI_ASSERT(rows >= begin && rows + (size_t)row_count * kind->rows[i].row_bytes <= end);
    }
    for (unsigned i = 0; i < kind->text_count; i++) {
        struct mri_slice text = mri_event_text(event, i);
        MRI_ASSERT(text.bytes >= begin && text.bytes + text.count <= end);
    }
    MRI_ASSERT(mri_event_cause(event) < event->seq);
}

static void read_body(const uint8_t *bytes, size_t count)
{
    size_t kind_count;
    const struct mri_event_kind *kinds = mri_event_kinds(&kind_count);
    uint8_t *body = aligned_alloc(64, (count + 127) / 64 * 64);
    MRI_ASSERT(body != NULL);
    memcpy(body, bytes, count);
    for (size_t i = 0; i < kind_count; i++) {
        const mr_log_event record = {
            .seq = {1000},
            .body = body,
            .body_bytes = (uint32_t)count,
            .type = kinds[i].type,
            .version = MRI_EVENT_VERSION,
        };
        struct mri_event event;
        if (mri_event_decode(&record, &event) == MR_OK) {
            use_event(&event);
        }
    }
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    if (count == 0 || count > FILE_BYTES_MAX) {
        return 0;
    }
    if (bytes[0] < 2) {
        read_segment(bytes + 1, count - 1, bytes[0] == 1);
    } else {
        read_body(bytes + 1, count - 1);
    }
    return 0;
}
