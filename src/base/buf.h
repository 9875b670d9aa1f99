/* SPDX-License-Identifier: MIT */
/**
 * A growing byte buffer that is told its maximum when it is made.
 *
 * Putting never fails half: what does not fit sets `err`, which stays, and the content stays a
 * prefix. So a writer puts everything and looks at `err` once.
 */
#ifndef MRI_BASE_BUF_H
#define MRI_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "millrace/err.h"

struct mri_buf {
    const struct mri_alloc *alloc;
    uint8_t *bytes;
    size_t count;     /**< bytes in use */
    size_t capacity;  /**< bytes allocated */
    size_t bytes_max; /**< it never grows beyond this */
    mr_err err;       /**< sticky: MR_OK, MR_FULL or MR_ENOMEM */
};

/**
 * Make an empty buffer; allocates nothing.
 *
 * Returns  nothing.
 * Owner    the caller; mri_buf_fini() frees.
 * Threads  one at a time.
 */
void mri_buf_init(struct mri_buf *buf, const struct mri_alloc *alloc, size_t bytes_max);

/**
 * Free the content. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_buf_fini(struct mri_buf *buf);

/**
 * Forget the content and the error, keep the memory.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_buf_clear(struct mri_buf *buf);

/**
 * Make room for `count` more bytes and return where they go; the caller fills them. New bytes are
 * zero.
 *
 * Returns  the place; NULL when it does not fit (buf->err says why).
 * Owner    the place belongs to the buffer and moves with the next put.
 * Threads  one at a time.
 */
void *mri_buf_grow(struct mri_buf *buf, size_t count);

/**
 * mri_buf_grow() for who stores to every byte: what the new ones are is not said.
 *
 * Returns  as mri_buf_grow().
 * Owner    as mri_buf_grow().
 * Threads  one at a time.
 */
void *mri_buf_room(struct mri_buf *buf, size_t count);

/**
 * Append bytes.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time.
 */
void mri_buf_put(struct mri_buf *buf, const void *bytes, size_t count);

/**
 * Append a text without its NUL.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time.
 */
void mri_buf_text(struct mri_buf *buf, const char *text);

/**
 * Append formatted text (printf) of at most 4095 bytes; longer is MR_FULL.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time.
 */
__attribute__((format(printf, 2, 3))) void mri_buf_printf(
    struct mri_buf *buf, const char *format, ...);

/**
 * End the content with a NUL that does not count, to use it as a C text.
 *
 * Returns  the text; "" when there is no memory.
 * Owner    the buffer; valid until the next put.
 * Threads  one at a time.
 */
const char *mri_buf_c_text(struct mri_buf *buf);

#endif
