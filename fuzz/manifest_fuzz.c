/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes MANIFEST. The first byte of the input chooses: 0 the rest is the file; else the rest is
 * all but its last line, the checksum, which is put right.
 *
 * Whatever the bytes are: what is accepted is written back and read as the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "log/format/manifest.h"
#include "tests/lib/os_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { FILE_BYTES_MAX = 1 << 16 };

static struct mri_os_memory *machine;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static uint8_t file[FILE_BYTES_MAX + 64];
    struct mri_manifest manifest;
    struct mri_manifest again;
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
    size_t length = count - 1;
    memcpy(file, bytes + 1, length);
    if (bytes[0] != 0) {
        length += (size_t)snprintf(
            (char *)file + length, 64, "crc32c: %08x\n", mri_crc32c(0, bytes + 1, count - 1));
    }
    mri_os_memory_put(machine, "/log/MANIFEST", file, length);
    memset(&manifest, 0, sizeof(manifest));
    memset(&again, 0, sizeof(again));
    if (mri_manifest_read(os, "/log", &manifest, NULL) == MR_OK) {
        for (uint32_t i = 0; i < manifest.attribute_count; i++) {
            const char *value = mri_manifest_get(&manifest, manifest.attributes[i].key);
            MRI_ASSERT(value != NULL);
        }
        if (mri_manifest_write(os, "/log", &manifest) == MR_OK) {
            mr_err err = mri_manifest_read(os, "/log", &again, NULL);
            MRI_ASSERT(err == MR_OK && memcmp(&manifest, &again, sizeof(again)) == 0);
        }
        mr_err err = os->sync_folder(os->context, "/log");
        MRI_ASSERT(err == MR_OK);
    }
    return 0;
}
