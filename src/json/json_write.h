/* SPDX-License-Identifier: MIT */
/**
 * Writing JSON into a buffer: commas, quotes and escapes come by themselves.
 *
 * What is written is always valid JSON in UTF-8, whatever bytes the texts hold; it is complete when
 * every bracket was closed and buf->err is MR_OK. Opening and closing in the wrong order is a bug
 * of the caller and asserted.
 */
#ifndef MRI_JSON_JSON_WRITE_H
#define MRI_JSON_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/** The most brackets that can be open. */
enum { MRI_JSON_WRITE_DEPTH_MAX = 64 };

/** A value under way. */
struct mri_json_writer {
    struct mri_buf *buf;
    uint64_t is_object;   /**< bit 0: the innermost open bracket; 1 = object */
    uint64_t needs_comma; /**< likewise: something stands before the next item */
    uint32_t depth;       /**< open brackets */
    bool is_after_key;    /**< a value must follow */
};

/**
 * Start a value at the end of the buffer.
 *
 * Returns  nothing.
 * Owner    the buffer is borrowed as long as the writer is used.
 * Threads  one at a time.
 */
void mri_json_write_begin(struct mri_json_writer *writer, struct mri_buf *buf);

/**
 * Open an object, as a value.
 *
 * Returns  nothing; see buf->err, here and below.
 * Threads  one at a time.
 */
void mri_json_write_object_open(struct mri_json_writer *writer);

/**
 * Close the innermost bracket, an object.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_json_write_object_close(struct mri_json_writer *writer);

/**
 * Open an array, as a value.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_json_write_array_open(struct mri_json_writer *writer);

/**
 * Close the innermost bracket, an array.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_json_write_array_close(struct mri_json_writer *writer);

/**
 * The key of the next value; only in an object. That keys are distinct is the caller's business.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_json_write_key(struct mri_json_writer *writer, const char *key);

/**
 * A text. Bytes that are not UTF-8 are each replaced by U+FFFD; control characters and those that
 * break lines or turn the direction of writing are \uNNNN.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_json_write_text(struct mri_json_writer *writer, struct mri_slice text);

/**
 * An integer.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_json_write_integer(struct mri_json_writer *writer, int64_t value);

/**
 * An unsigned integer. Above INT64_MAX our own parser refuses it.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_json_write_unsigned(struct mri_json_writer *writer, uint64_t value);

/**
 * A number, with as few digits as give the same double back; null when it is not finite.
 *
 * Returns  nothing.
 * Threads  one at a time.
 * Cost     about a microsecond; integers 0.2.
 */
void mri_json_write_number(struct mri_json_writer *writer, double value);

/**
 * true or false.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_json_write_bool(struct mri_json_writer *writer, bool value);

/**
 * null.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_json_write_null(struct mri_json_writer *writer);

/**
 * JSON text that is known to be one valid value, as it is.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_json_write_raw(struct mri_json_writer *writer, struct mri_slice json);

#endif
