/* SPDX-License-Identifier: MIT */
/**
 * Taking back what mri_buf_put() wrote, in the same order, from bytes that may be damaged.
 *
 * Taking never reads past the end: the first take that does not fit sets `err`, which stays, and
 * gives zeros from then on. So a reader takes everything and looks at `err` once.
 */
#ifndef MRI_BASE_UNPACK_H
#define MRI_BASE_UNPACK_H

#include <stddef.h>
#include <stdint.h>

#include "millrace/err.h"

struct mri_unpack {
    const uint8_t *bytes;
    size_t count;
    size_t at;
    mr_err err; /**< sticky: MR_OK or MR_ECORRUPT */
};

/**
 * Start at the first byte.
 *
 * Returns  nothing.
 * Owner    the bytes are borrowed as long as the reader is used.
 * Threads  one at a time.
 */
void mri_unpack_init(struct mri_unpack *unpack, const void *bytes, size_t count);

/**
 * Take bytes into `place`; zeros when they are not there.
 *
 * Returns  nothing; see unpack->err.
 * Threads  one at a time.
 */
void mri_unpack_take(struct mri_unpack *unpack, void *place, size_t count);

/**
 * Take a number that counts things of `item_bytes` each which must follow and be at most `limit`.
 *
 * Returns  the number; 0 and err set when that many cannot follow.
 * Threads  one at a time.
 */
uint32_t mri_unpack_count(struct mri_unpack *unpack, uint32_t limit, size_t item_bytes);

/**
 * Was everything taken and nothing missing?
 *
 * Returns  MR_OK; MR_ECORRUPT.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_unpack_end(const struct mri_unpack *unpack);

#endif
