/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes opening a log whose only segment is hostile. The first byte of the input chooses: 0 the
 * rest is the file; else every checksum, and what its head must share with MANIFEST, is put right
 * first.
 *
 * Whatever the bytes are: a reader ends with an answer, and hands out numbers in order; who opens
 * to append is refused or goes on behind what the reader saw, and what he appends is read.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "log/format/record.h"
#include "log/open/append.h"
#include "log/read/reader.h"
#include "tests/lib/os_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { SEGMENT_BYTES = MRI_SEGMENT_BYTES_MIN };

static const char path[] = "/log/seg-0000000000000001.log";

static const struct mri_manifest manifest = {
    .log_uuid = {1, 2, 3, 4, 5, 6, 7, 8}, .segment_bytes = SEGMENT_BYTES};

static void put_right(uint8_t *file, size_t count)
{
    struct mri_segment_head head;
    memcpy(&head, file, sizeof(head));
    memcpy(head.log_uuid, manifest.log_uuid, sizeof(head.log_uuid));
    head.base_seq = 1;
    head.base_position = 0;
    head.segment_bytes = SEGMENT_BYTES;
    mri_segment_head_seal(&head);
    memcpy(file, &head, sizeof(head));
    memcpy(file + MRI_SEGMENT_PAGE_BYTES / 2, &head, sizeof(head));
    uint32_t crc = head.prev_crc;
    uint16_t units = head.prev_units;
    for (size_t at = MRI_SEGMENT_PAGE_BYTES; at + sizeof(struct mri_record_head) <= count;) {
        struct mri_record_head *record = (struct mri_record_head *)(void *)(file + at);
        size_t left = count - at - sizeof(*record);
        size_t body = record->bytes > sizeof(*record) ? record->bytes - sizeof(*record) : 0;
        body = body < left ? body : left;
        record->body_crc = mri_crc32c(0, record + 1, body);
        record->prev_crc = crc;
        record->prev_units = units;
        record->head_crc = mri_record_head_crc(record, head.salt, at);
        crc = record->head_crc;
        size_t stride = mri_record_stride(sizeof(*record) + body);
        units = (uint16_t)(stride / MRI_RECORD_UNIT_BYTES);
        at += stride;
    }
}

/** Read to the end, or to damage; the last event. */
static uint64_t read_all(const struct mri_os *os, mr_err *ret_err)
{
    mr_log_reader *reader = NULL;
    mr_log_event event;
    uint64_t last = 0;
    *ret_err = mri_reader_open(os, mri_alloc_system(), "/log", &reader, NULL);
    while (*ret_err == MR_OK) {
        *ret_err = mr_log_reader_next(reader, &event, NULL);
        if (*ret_err == MR_OK) {
            MRI_ASSERT(last == 0 || event.seq.n > last);
            MRI_ASSERT(event.body_bytes == 0 || event.body != NULL);
            last = event.seq.n;
        }
    }
    mr_log_reader_close(reader);
    return last;
}

static void append_one(const struct mri_os *os, uint64_t before)
{
    const mr_log_record record = {
        .body = path, .body_bytes = sizeof(path), .type = MR_LOG_TYPE_FREE, .version = 1};
    mr_log *log = NULL;
    mr_err err = MR_OK;
    if (mri_log_open(os, mri_alloc_system(), "/log", NULL, &log, NULL) != MR_OK) {
        return;
    }
    MRI_ASSERT(mr_log_last(log).n >= before);
    if (mr_log_append(log, &record, 1, MR_GROUP, NULL) == MR_OK) {
        uint64_t last = mr_log_last(log).n;
        uint64_t read = read_all(os, &err);
        MRI_ASSERT(err != MR_END || read == last);
    }
    mr_log_close(log);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    mr_err err;
    if (count == 0 || count > SEGMENT_BYTES / 4) {
        return 0;
    }
    struct mri_os_memory *machine = mri_os_memory_new(2 * SEGMENT_BYTES);
    const struct mri_os *os = mri_os_memory_table(machine);
    err = os->make_folder(os->context, "/log");
    err = err == MR_OK ? mri_manifest_write(os, "/log", &manifest) : err;
    MRI_ASSERT(err == MR_OK);
    uint8_t *file = aligned_alloc(64, (count + 4096 + 63) / 64 * 64);
    MRI_ASSERT(file != NULL);
    memcpy(file, bytes + 1, count - 1);
    if (bytes[0] != 0 && count - 1 >= MRI_SEGMENT_PAGE_BYTES) {
        put_right(file, count - 1);
    }
    mri_os_memory_put(machine, path, file, count - 1);
    free(file);
    append_one(os, read_all(os, &err));
    mri_os_memory_free(machine);
    return 0;
}
