/* SPDX-License-Identifier: MIT */
/**
 * Foreign text: is it UTF-8, what does it look like on a terminal, what did the writer mean.
 */
#ifndef MRI_BASE_TEXT_H
#define MRI_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

/**
 * Is this valid UTF-8 (no overlong forms, no surrogates, at most U+10FFFF)?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_text_is_utf8(struct mri_slice text);

/**
 * How much of the text is valid UTF-8, from its beginning on: where the first byte stands that is
 * none.
 *
 * Returns  bytes; text.count when all of it is.
 * Threads  any.
 */
size_t mri_text_utf8_bytes(struct mri_slice text);

/**
 * How many characters the text has, a byte that is no UTF-8 being one: what a person counts to find
 * a place.
 *
 * Returns  their count.
 * Threads  any.
 */
size_t mri_text_characters(struct mri_slice text);

/**
 * Is the text nothing but printable ASCII? Then it is valid UTF-8 without control characters.
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_text_is_plain(struct mri_slice text);

/**
 * Has the text a control character (C0, DEL, C1, or one that breaks lines or turns the direction of
 * writing)? Such text is refused as a name.
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_text_has_control(struct mri_slice text);

/**
 * Has the text nothing but spaces? An empty one, too.
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_text_is_blank(struct mri_slice text);

/**
 * Has the text nothing but white space of JSON (space, TAB, LF, CR)? An empty one, too. Lines of
 * that kind say nothing, wherever lines are read.
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_text_is_white(struct mri_slice text);

/**
 * Has the text the brackets of a JSON object, { first and } last but for white space? What lies
 * between them is not looked at.
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_text_is_braced(struct mri_slice text);

/**
 * Append text as a person may safely see it: control characters, bytes that are not UTF-8 and
 * backslashes are written as \xNN.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time per buffer.
 */
void mri_text_escape(struct mri_buf *buf, struct mri_slice text);

/**
 * Append text that is escaped in part, as one that quotes what a problem says: as
 * mri_text_escape(), but backslashes stay, so that nothing is escaped twice.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time per buffer.
 */
void mri_text_escape_rest(struct mri_buf *buf, struct mri_slice text);

/**
 * Append text in double quotes, so that it ends where the second one of them stands, whatever is
 * in it: quotes as \", backslashes as \\, the rest as mri_text_escape().
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time per buffer.
 */
void mri_text_quote(struct mri_buf *buf, struct mri_slice text);

/**
 * Append text that is escaped already, as what a problem says, in double quotes: as
 * mri_text_quote(), but \xNN stays.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time per buffer.
 */
void mri_text_quote_rest(struct mri_buf *buf, struct mri_slice text);

/**
 * Append text as one word: as it is if it is letters, digits, signs of -_.:/@+#%~ and characters
 * beyond ASCII that are no blanks; else as mri_text_quote(). So what stands behind it cannot be
 * taken for a part of it, nor a part of it for what stands behind.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time per buffer.
 */
void mri_text_word(struct mri_buf *buf, struct mri_slice text);

/**
 * How many single-letter edits (insert, delete, replace, swap of neighbours) lie between two texts.
 *
 * Returns  the distance; SIZE_MAX when one of them is longer than 64 bytes.
 * Threads  any.
 */
size_t mri_text_distance(struct mri_slice a, struct mri_slice b);

/**
 * The candidate that a misspelt word most likely meant.
 *
 * @param candidates  `count` C texts
 *
 * Returns  the nearest candidate within a third of the word's length (at least 1, at most 3 edits),
 *          the first of equals; NULL when none is near.
 * Threads  any.
 */
const char *mri_text_nearest(struct mri_slice word, const char *const *candidates, size_t count);

#endif
