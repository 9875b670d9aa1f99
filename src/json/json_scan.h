/* SPDX-License-Identifier: MIT */
/**
 * Walking over JSON text without building anything: where a value ends, and where a text that is
 * not JSON goes wrong. Parsing is json_read; this says the places that a fast parser does not keep.
 */
#ifndef MRI_JSON_JSON_SCAN_H
#define MRI_JSON_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/** How deep values may lie in one another; the outermost counts as 1, {} and [] not at all. */
enum { MRI_JSON_DEPTH_MAX = 32 };

/** What is wrong with a text. */
struct mri_json_fault {
    size_t offset;      /**< of the first byte that does not fit */
    const char *reason; /**< a static text */
};

/**
 * Is the text one JSON value (RFC 8259), in UTF-8, with numbers in range and not too deep? If it is
 * not, say where.
 *
 * @param text  followed by a byte that is not part of a number, NUL for example
 *
 * Returns  true: it is; false: *reterr_fault says what is wrong.
 * Threads  any.
 * Cost     about 3 ns a byte: for texts that were refused, and for tests.
 */
bool mri_json_scan_check(struct mri_slice text, struct mri_json_fault *reterr_fault);

/**
 * Is the text one JSON value, in UTF-8, with numbers of any size and as deep as there is room for?
 * For what is kept and not read.
 *
 * @param text    followed by a byte that is not part of a number, NUL for example
 * @param kinds   a bit for each level, for the walk
 * @param levels  how many; mri_json_scan_levels() are enough for every text
 *
 * Returns  true: it is; false: *reterr_fault says what is wrong.
 * Threads  any.
 * Cost     about 3 ns a byte.
 */
bool mri_json_scan_shape(
    struct mri_slice text, uint64_t *kinds, size_t levels, struct mri_json_fault *reterr_fault);

/**
 * How deep the values of a text may lie in one another at most: its brackets.
 *
 * Returns  their number.
 * Threads  any.
 * Cost     a look at every byte.
 */
size_t mri_json_scan_levels(struct mri_slice text);

/**
 * Skip white space.
 *
 * Returns  the first other byte, or `end`.
 * Threads  any.
 */
const char *mri_json_scan_space(const char *at, const char *end);

/**
 * Find the end of a value that is known to be well-formed.
 *
 * @param at  its first byte
 *
 * Returns  the byte behind it, at most `end`.
 * Threads  any.
 */
const char *mri_json_scan_value(const char *at, const char *end);

#endif
