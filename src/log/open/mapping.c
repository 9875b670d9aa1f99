/* SPDX-License-Identifier: MIT */
/*
 * The self-test of maps at open. The bytes lie in a sector of their own between the two copies of
 * the segment's head, so a torn write of them touches neither.
 */
#include "log/open/mapping.h"

#include <string.h>

#include "log/format/segment.h"

enum { SCRATCH_AT = 1024 };

static mr_err put(const struct mri_os *os, int fd, uint64_t value)
{
    const struct mri_io_piece piece = {.bytes = &value, .count = sizeof(value)};
    return os->write_at(os->context, fd, &piece, 1, SCRATCH_AT);
}

mr_err mri_mapping_check(const struct mri_os *os, int fd)
{
    const void *map;
    uint64_t before;
    uint64_t seen;
    mr_err err = os->map_read(os->context, fd, MRI_SEGMENT_PAGE_BYTES, &map);
    if (err != MR_OK) {
        return err;
    }
    memcpy(&before, (const uint8_t *)map + SCRATCH_AT, sizeof(before));
    err = put(os, fd, ~before);
    if (err == MR_OK) {
        memcpy(&seen, (const uint8_t *)map + SCRATCH_AT, sizeof(seen));
        err = put(os, fd, before);
        err = err == MR_OK && seen != ~before ? MR_EINVAL : err;
    }
    os->unmap(os->context, map, MRI_SEGMENT_PAGE_BYTES);
    return err;
}
