/* SPDX-License-Identifier: MIT */
/*
 * The heap behind struct mri_alloc.
 *
 * Invariants
 *  1. Every block handed out is zeroed over its whole length, so no result can depend on what the
 *     memory held before.
 *  2. A failed call changes nothing.
 */
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void *system_resize(void *context, void *old, size_t old_bytes, size_t new_bytes)
{
    (void)context;
    (void)old_bytes;
    if (new_bytes == 0) {
        free(old);
        return NULL;
    }
    return old == NULL ? calloc(1, new_bytes) : realloc(old, new_bytes);
}

const struct mri_alloc *mri_alloc_system(void)
{
    static const struct mri_alloc system_heap = {.context = NULL, .resize = system_resize};
    return &system_heap;
}

mr_err mri_alloc_array(
    const struct mri_alloc *alloc, size_t count, size_t item_bytes, void **ret_array)
{
    if (count == 0 || item_bytes == 0 || count > SIZE_MAX / item_bytes) {
        return MR_ENOMEM;
    }
    void *block = alloc->resize(alloc->context, NULL, 0, count * item_bytes);
    if (block == NULL) {
        return MR_ENOMEM;
    }
    *ret_array = block;
    return MR_OK;
}

mr_err mri_alloc_resize(
    const struct mri_alloc *alloc, void **block, size_t old_bytes, size_t new_bytes)
{
    if (new_bytes == 0) {
        return MR_ENOMEM;
    }
    void *moved = alloc->resize(alloc->context, *block, *block == NULL ? 0 : old_bytes, new_bytes);
    if (moved == NULL) {
        return MR_ENOMEM;
    }
    if (new_bytes > old_bytes) {
        memset((char *)moved + old_bytes, 0, new_bytes - old_bytes);
    }
    *block = moved;
    return MR_OK;
}

void mri_alloc_free(const struct mri_alloc *alloc, void *block, size_t bytes)
{
    if (block != NULL) {
        (void)alloc->resize(alloc->context, block, bytes, 0); /* freeing returns nothing */
    }
}
