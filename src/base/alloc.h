/* SPDX-License-Identifier: MIT */
/**
 * The only door to the heap: an interface with a context, and sizes given back on free, so that a
 * test can make the n-th allocation fail and count what is never returned.
 */
#ifndef MRI_BASE_ALLOC_H
#define MRI_BASE_ALLOC_H

#include <stddef.h>

#include "millrace/err.h"

/** An allocator. The context is the implementation's own. */
struct mri_alloc {
    void *context;
    /** old == NULL: new block; new_bytes == 0: free; else resize. NULL: no memory. */
    void *(*resize)(void *context, void *old, size_t old_bytes, size_t new_bytes);
};

/**
 * The process heap.
 *
 * Returns  a static allocator; never NULL.
 * Threads  any.
 */
const struct mri_alloc *mri_alloc_system(void);

/**
 * Get a zeroed array.
 *
 * Returns  MR_OK; MR_ENOMEM (also when count * item_bytes overflows), *ret_array untouched.
 * Owner    the caller frees with mri_alloc_free() and the same size.
 * Threads  as the allocator; the system's: any.
 */
MR_MUST_USE mr_err mri_alloc_array(
    const struct mri_alloc *alloc, size_t count, size_t item_bytes, void **ret_array);

/**
 * Make a block larger or smaller; new bytes at its end are zero.
 *
 * Returns  MR_OK; MR_ENOMEM, the block stays as it was.
 * Owner    *block changes; the caller keeps owning it.
 * Threads  as the allocator.
 */
MR_MUST_USE mr_err mri_alloc_resize(
    const struct mri_alloc *alloc, void **block, size_t old_bytes, size_t new_bytes);

/**
 * Give a block back. NULL is allowed.
 *
 * Returns  nothing.
 * Threads  as the allocator.
 */
void mri_alloc_free(const struct mri_alloc *alloc, void *block, size_t bytes);

#endif
