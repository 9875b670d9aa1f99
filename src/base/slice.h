/* SPDX-License-Identifier: MIT */
/**
 * A borrowed run of bytes or text: where it starts and how long it is. Nothing is copied or owned;
 * text in a slice has no NUL at its end.
 */
#ifndef MRI_BASE_SLICE_H
#define MRI_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct mri_slice {
    const char *bytes;
    size_t count;
};

/**
 * A slice over a C text.
 *
 * Returns  the slice, without the NUL; an empty one for NULL.
 * Owner    borrows the text.
 * Threads  any.
 */
static inline struct mri_slice mri_slice_of(const char *text)
{
    struct mri_slice slice = {
        text, text == NULL ? 0 : strlen(text)}; /* C++ reads this header too */
    return slice;
}

/**
 * Do two slices hold the same bytes?
 *
 * Returns  true or false.
 * Threads  any.
 */
static inline bool mri_slice_equal(struct mri_slice a, struct mri_slice b)
{
    return a.count == b.count && (a.count == 0 || memcmp(a.bytes, b.bytes, a.count) == 0);
}

/**
 * Does a slice hold exactly this C text?
 *
 * Returns  true or false.
 * Threads  any.
 */
static inline bool mri_slice_is(struct mri_slice slice, const char *text)
{
    return mri_slice_equal(slice, mri_slice_of(text));
}

#endif
