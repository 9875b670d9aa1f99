/* SPDX-License-Identifier: MIT */
/**
 * Bytes as they come, and the lines in them: bounded memory, whatever is sent.
 */
#ifndef MRI_SOCKET_LINE_INPUT_H
#define MRI_SOCKET_LINE_INPUT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

/** The most bytes of one mri_line_input_put(). */
enum { MRI_LINE_INPUT_PIECE_BYTES = 64 * 1024 };

struct mri_line_input {
    struct mri_buf buf;
    size_t line_bytes_max;
    size_t at;        /**< where the first line begins that was not taken */
    size_t looked_at; /**< there is no line end before it, from `at` on */
    uint64_t number;  /**< of the line that was taken last, from 1 */
    bool is_skipping; /**< the rest of a line that is too long is left out */
};

/** A line. */
struct mri_input_line {
    struct mri_slice text; /**< without its end; empty when it is too long */
    uint64_t number;
    bool is_too_long;
};

/**
 * Make an empty one; allocates nothing.
 *
 * Returns  nothing.
 * Owner    mri_line_input_fini() frees.
 * Threads  one at a time.
 */
void mri_line_input_init(
    struct mri_line_input *input, const struct mri_alloc *alloc, size_t line_bytes_max);

/**
 * Free. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_line_input_fini(struct mri_line_input *input);

/**
 * Take bytes in. All lines before must have been taken: mri_line_input_next() has said false.
 *
 * @param count  at most MRI_LINE_INPUT_PIECE_BYTES
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_line_input_put(
    struct mri_line_input *input, const void *bytes, size_t count);

/**
 * The next line. One that is too long is told once, as soon as that is known. Empty ones are left
 * out, and count.
 *
 * Returns  true; false: there is no whole line.
 * Owner    the text belongs to the input, until the next put.
 * Threads  one at a time.
 */
bool mri_line_input_next(struct mri_line_input *input, struct mri_input_line *ret_line);

/**
 * Is a whole line waiting?
 *
 * Returns  true: mri_line_input_next() may have one; false: it has none.
 * Threads  one at a time.
 */
bool mri_line_input_has_more(const struct mri_line_input *input);

/**
 * Has a line begun whose end has not come?
 *
 * Returns  true: it has. Meaningful after mri_line_input_next() has said false.
 * Threads  one at a time.
 */
bool mri_line_input_is_torn(const struct mri_line_input *input);

#endif
