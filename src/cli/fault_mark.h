/* SPDX-License-Identifier: MIT */
/**
 * Pointing at what is wrong in a text that somebody wrote.
 */
#ifndef MRI_CLI_FAULT_MARK_H
#define MRI_CLI_FAULT_MARK_H

#include "base/alloc.h"
#include "base/slice.h"

/** The line of a text that has a place, without its end. */
struct mri_fault_line {
    struct mri_slice text;
    size_t place;     /**< within it, in bytes */
    size_t number;    /**< from 1 */
    size_t character; /**< the place in characters, from 1 */
};

/**
 * Find the line that has a place.
 *
 * @param place  in bytes, at most text.count
 *
 * Returns  it; its text is a part of `text`.
 * Threads  any.
 */
struct mri_fault_line mri_fault_mark_line(struct mri_slice text, size_t place);

/**
 * Find a line by its number, and a character in it.
 *
 * @param number     from 1
 * @param character  from 1; behind the line's last one: its end
 *
 * Returns  as mri_fault_mark_line(); behind the last line: the text's end.
 * Threads  any.
 */
struct mri_fault_line mri_fault_mark_character(
    struct mri_slice text, size_t number, size_t character);

/**
 * Print a line of text on stderr and a caret under the place: what is no plain text is escaped, of
 * a long line what stands around the place is shown. Behind characters that do not take one column
 * on every terminal what begins at the place is printed again instead, after "here: ".
 *
 * @param place  in bytes, at most line.count
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_fault_mark_print(const struct mri_alloc *alloc, struct mri_slice line, size_t place);

#endif
