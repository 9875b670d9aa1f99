/* SPDX-License-Identifier: MIT */
/*
 * Columns of text, by utf8proc's tables of Unicode: the C library's own depend on the locale, and
 * what is printed must not.
 *
 * Invariants
 *  1. What the tables know nothing of takes a column: a row is never longer than was counted.
 *
 * Not here: emoji of several characters, which some terminals draw as one: they count as each of
 * them, so that a row is shorter than it could be and never longer.
 */
#include "cli/text_columns.h"

#include <stdint.h>
#include <utf8proc.h>

static size_t columns_of(utf8proc_int32_t character)
{
    switch (utf8proc_category(character)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
        return (size_t)utf8proc_charwidth(character);
    default: {
        int columns = utf8proc_charwidth(character);
        return columns > 0 ? (size_t)columns : 1;
    }
    }
}

/** Columns of the character that begins a text, which is not empty; a byte that is no UTF-8 is one.
 */
static size_t first_of(struct mri_slice text, size_t *ret_bytes)
{
    utf8proc_int32_t character;
    utf8proc_ssize_t bytes = utf8proc_iterate(
        (const utf8proc_uint8_t *)text.bytes, (utf8proc_ssize_t)text.count, &character);
    *ret_bytes = bytes > 0 ? (size_t)bytes : 1;
    return bytes > 0 ? columns_of(character) : 1;
}

size_t mri_text_columns_fit(struct mri_slice text, size_t columns, size_t *ret_columns)
{
    size_t used = 0;
    size_t at = 0;
    while (at < text.count) {
        size_t bytes;
        size_t more = first_of((struct mri_slice){text.bytes + at, text.count - at}, &bytes);
        if (more > columns - used) {
            break;
        }
        used += more;
        at += bytes;
    }
    *ret_columns = used;
    return at;
}

size_t mri_text_columns(struct mri_slice text)
{
    size_t columns;
    (void)mri_text_columns_fit(text, SIZE_MAX, &columns); /* all of it does */
    return columns;
}
