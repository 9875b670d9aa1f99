/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes a snapshot's file. The first byte of the input chooses: 0 the rest is the file; else
 * magic, version and both checksums are put right first.
 *
 * Whatever the bytes are: no more is accepted than the caller allows, and not another place.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "log/open/snapshot.h"
#include "tests/lib/os_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { FILE_BYTES_MAX = 1 << 16, PAYLOAD_BYTES_MAX = 20000, HEAD_BYTES = 64, SEQ = 0x4d };

static struct mri_os_memory *machine;

static void put_right(uint8_t *file, size_t count)
{
    uint32_t version = 1;
    uint32_t crc = mri_crc32c(0, file + HEAD_BYTES, count - HEAD_BYTES);
    memcpy(file, "MRSNAP\n\x1a", 8);
    memcpy(file + 8, &version, sizeof(version));
    memcpy(file + 32, &crc, sizeof(crc));
    crc = mri_crc32c(0, file, HEAD_BYTES - sizeof(crc));
    memcpy(file + HEAD_BYTES - sizeof(crc), &crc, sizeof(crc));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static uint8_t file[FILE_BYTES_MAX];
    struct mri_snapshot_place place;
    struct mri_buf payload;
    if (machine == NULL) {
        machine = mri_os_memory_new(1 << 20);
        const struct mri_os *os = mri_os_memory_table(machine);
        mr_err made = os->make_folder(os->context, "/log");
        made = made == MR_OK ? os->make_folder(os->context, "/log/snap") : made;
        MRI_ASSERT(made == MR_OK);
    }
    if (count == 0 || count > FILE_BYTES_MAX) {
        return 0;
    }
    memcpy(file, bytes + 1, count - 1);
    if (bytes[0] != 0 && count - 1 >= HEAD_BYTES) {
        put_right(file, count - 1);
    }
    mri_os_memory_put(machine, "/log/snap/000000000000004d.snap", file, count - 1);
    mri_buf_init(&payload, mri_alloc_system(), PAYLOAD_BYTES_MAX);
    mr_err err = mri_snapshot_read(mri_os_memory_table(machine), "/log", SEQ, &place, &payload);
    if (err == MR_OK) {
        MRI_ASSERT(place.seq == SEQ && payload.count <= PAYLOAD_BYTES_MAX);
        MRI_ASSERT(payload.count + HEAD_BYTES == count - 1);
    }
    mri_buf_fini(&payload);
    return 0;
}
