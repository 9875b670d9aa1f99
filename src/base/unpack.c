/* SPDX-License-Identifier: MIT */
/*
 * A bounds-checked cursor over bytes.
 */
#include "base/unpack.h"

#include <string.h>

void mri_unpack_init(struct mri_unpack *unpack, const void *bytes, size_t count)
{
    *unpack = (struct mri_unpack){.bytes = bytes, .count = count};
}

void mri_unpack_take(struct mri_unpack *unpack, void *place, size_t count)
{
    if (count == 0) {
        return;
    }
    if (unpack->err == MR_OK && count > unpack->count - unpack->at) {
        unpack->err = MR_ECORRUPT;
    }
    if (unpack->err != MR_OK) {
        memset(place, 0, count);
        return;
    }
    memcpy(place, unpack->bytes + unpack->at, count);
    unpack->at += count;
}

uint32_t mri_unpack_count(struct mri_unpack *unpack, uint32_t limit, size_t item_bytes)
{
    uint32_t count;
    mri_unpack_take(unpack, &count, sizeof(count));
    size_t left = unpack->count - unpack->at;
    if (count > limit || (item_bytes > 0 && count > left / item_bytes)) {
        unpack->err = MR_ECORRUPT;
        return 0;
    }
    return count;
}

mr_err mri_unpack_end(const struct mri_unpack *unpack)
{
    if (unpack->err != MR_OK) {
        return unpack->err;
    }
    return unpack->at == unpack->count ? MR_OK : MR_ECORRUPT;
}
