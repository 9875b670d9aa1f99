/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the archive of a segment. The first byte of the input chooses: 0 the rest is the file; 1
 * checksums and lengths of its head are put right first; else also the head of the segment in it.
 *
 * Whatever the bytes are: nothing outside the room is written, and what is accepted begins with the
 * segment's own head.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "log/format/archive.h"
#include "tests/lib/os_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { FILE_BYTES_MAX = 1 << 16, ROOM_BYTES = MRI_SEGMENT_BYTES_MIN };

static struct mri_os_memory *machine;

static void put_right(uint8_t *file, size_t count, bool has_segment)
{
    struct mri_archive_head head;
    memcpy(&head, file, sizeof(head));
    head.frame_magic = 0x184d2a50;
    head.frame_bytes = sizeof(head) - 8;
    memcpy(head.magic, "MRARC\r\n\x1a", sizeof(head.magic));
    head.version = 1;
    head.packed_bytes = count - sizeof(head);
    head.packed_crc = mri_crc32c(0, file + sizeof(head), count - sizeof(head));
    if (has_segment) {
        mri_segment_head_seal(&head.segment);
    }
    head.head_crc = mri_crc32c(0, &head, offsetof(struct mri_archive_head, head_crc));
    memcpy(file, &head, sizeof(head));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static uint8_t file[FILE_BYTES_MAX];
    struct mri_archive_head head;
    if (machine == NULL) {
        machine = mri_os_memory_new(1 << 20);
        const struct mri_os *os = mri_os_memory_table(machine);
        mr_err made = os->make_folder(os->context, "/log");
        MRI_ASSERT(made == MR_OK);
    }
    const struct mri_os *os = mri_os_memory_table(machine);
    if (count == 0 || count > FILE_BYTES_MAX) {
        return 0;
    }
    memcpy(file, bytes + 1, count - 1);
    if (bytes[0] != 0 && count - 1 >= sizeof(head)) {
        put_right(file, count - 1, bytes[0] > 1);
    }
    mri_os_memory_put(machine, "/log/seg-0000000000000001.log.zst", file, count - 1);
    if (mri_archive_read_head(os, "/log", 1, &head, NULL) == MR_OK) {
        uint8_t *room = calloc(1, ROOM_BYTES); /* of its own, so that a step outside is seen */
        MRI_ASSERT(room != NULL); /* whether the segment is the one of that name, the caller asks */
        mr_err err = mri_archive_unpack(os, "/log", 1, room, ROOM_BYTES, NULL);
        MRI_ASSERT(err != MR_OK || memcmp(room, &head.segment, sizeof(head.segment)) == 0);
        free(room);
    }
    return 0;
}
