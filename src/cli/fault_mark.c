/* SPDX-License-Identifier: MIT */
/*
 * Pointing at a place.
 *
 *   state = blocked and stat = x          name = "日本" and stat = x
 *                       ^                 here: stat = x
 *
 * How wide a character beyond ASCII is depends on the terminal and its font. So a caret stands only
 * behind ASCII, where its column is certain.
 *
 * Invariants
 *  1. A line takes at most LINE_COLUMNS, so that no terminal breaks it.
 */
#include "cli/fault_mark.h"

#include <stdio.h>

#include "base/text.h"
#include "cli/text_columns.h"

enum { SHOWN_BYTES_MAX = 16 * 1024 * 1024, LINE_COLUMNS = 76, BEFORE_COLUMNS = 40 };

#define DOTS "..."
enum { DOTS_COLUMNS = sizeof(DOTS) - 1 };

struct mri_fault_line mri_fault_mark_line(struct mri_slice text, size_t place)
{
    struct mri_fault_line line = {.number = 1};
    size_t begin = 0;
    for (size_t i = 0; i < place; i++) {
        if (text.bytes[i] == '\n') {
            line.number++;
            begin = i + 1;
        }
    }
    size_t end = place;
    while (end < text.count && text.bytes[end] != '\n' &&
           !(text.bytes[end] == '\r' && end + 1 < text.count && text.bytes[end + 1] == '\n')) {
        end++;
    }
    line.text = (struct mri_slice){text.bytes + begin, end - begin};
    line.place = place - begin;
    line.character = mri_text_characters((struct mri_slice){text.bytes + begin, line.place}) + 1;
    return line;
}

struct mri_fault_line mri_fault_mark_character(
    struct mri_slice text, size_t number, size_t character)
{
    size_t at = 0;
    for (size_t line = 1; line < number && at < text.count; at++) {
        line += text.bytes[at] == '\n';
    }
    for (size_t i = 1; i < character && at < text.count && text.bytes[at] != '\n'; i++) {
        do {
            at++;
        } while (at < text.count && ((unsigned char)text.bytes[at] & 0xc0) == 0x80);
    }
    return mri_fault_mark_line(text, at);
}

static struct mri_slice slice_of(const struct mri_buf *buf)
{
    return (struct mri_slice){(const char *)buf->bytes, buf->count};
}

/** The end of a text that has room in so many columns; *ret_dots: what stands for the rest. */
static struct mri_slice end_of(struct mri_slice text, size_t columns, const char **ret_dots)
{
    size_t all = mri_text_columns(text);
    size_t left_out;
    *ret_dots = "";
    if (all <= columns) {
        return text;
    }
    size_t bytes = mri_text_columns_fit(text, all - (columns - DOTS_COLUMNS), &left_out);
    *ret_dots = DOTS;
    return (struct mri_slice){text.bytes + bytes, text.count - bytes};
}

/** The same of its beginning. */
static struct mri_slice beginning_of(struct mri_slice text, size_t columns, const char **ret_dots)
{
    size_t used;
    size_t bytes = mri_text_columns_fit(text, columns, &used);
    *ret_dots = "";
    if (bytes < text.count) {
        bytes = mri_text_columns_fit(text, columns - DOTS_COLUMNS, &used);
        *ret_dots = DOTS;
    }
    return (struct mri_slice){text.bytes, bytes};
}

static void print(struct mri_slice before, struct mri_slice after)
{
    const char *dots_before;
    const char *dots_after;
    before = end_of(before, BEFORE_COLUMNS, &dots_before);
    after = beginning_of(after, LINE_COLUMNS - BEFORE_COLUMNS, &dots_after);
    size_t place = before.count + (dots_before[0] == '\0' ? 0 : DOTS_COLUMNS);
    (void)fprintf(stderr, "  %s%.*s%.*s%s\n", dots_before, (int)before.count,
        before.count == 0 ? "" : before.bytes, (int)after.count,
        after.count == 0 ? "" : after.bytes, dots_after);
    if (mri_text_is_plain(before)) {
        (void)fprintf(stderr, "  %*s^\n", (int)place, "");
    } else if (after.count == 0) {
        (void)fputs("  here: the end\n", stderr);
    } else {
        (void)fprintf(stderr, "  here: %.*s%s\n", (int)after.count, after.bytes, dots_after);
    }
}

void mri_fault_mark_print(const struct mri_alloc *alloc, struct mri_slice line, size_t place)
{
    struct mri_buf before;
    struct mri_buf after;
    mri_buf_init(&before, alloc, SHOWN_BYTES_MAX);
    mri_buf_init(&after, alloc, SHOWN_BYTES_MAX);
    mri_text_escape_rest(&before, (struct mri_slice){line.bytes, place});
    mri_text_escape_rest(&after, (struct mri_slice){line.bytes + place, line.count - place});
    if (before.err == MR_OK && after.err == MR_OK) { /* the fault itself was told already */
        print(slice_of(&before), slice_of(&after));
    }
    mri_buf_fini(&after);
    mri_buf_fini(&before);
}
