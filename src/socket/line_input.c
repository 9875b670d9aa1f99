/* SPDX-License-Identifier: MIT */
/*
 * Lines out of a stream of bytes.
 *
 *   buf  | taken | line \n line \n begin of a lin |
 *                at                               count
 *
 * Invariants
 *  1. at <= looked_at <= buf.count, and no line end lies from `at` to `looked_at`.
 *  2. The buffer never holds more than a line and what one put adds: bytes of a line that is too
 *     long are dropped as they come.
 */
#include "socket/line_input.h"

#include <string.h>

#include "base/check.h"
#include "base/text.h"

enum { KEPT_BYTES = 16 * 1024 }; /* memory that an idle connection may keep */

void mri_line_input_init(
    struct mri_line_input *input, const struct mri_alloc *alloc, size_t line_bytes_max)
{
    *input = (struct mri_line_input){.line_bytes_max = line_bytes_max};
    mri_buf_init(&input->buf, alloc, line_bytes_max + 1 + (size_t)2 * MRI_LINE_INPUT_PIECE_BYTES);
}

void mri_line_input_fini(struct mri_line_input *input)
{
    mri_buf_fini(&input->buf);
}

static void drop_all(struct mri_line_input *input)
{
    input->at = 0;
    input->looked_at = 0;
    mri_buf_clear(&input->buf);
}

/** Move what was not taken to the front, or give memory back that nothing lies in. */
static void tidy_up(struct mri_line_input *input)
{
    struct mri_buf *buf = &input->buf;
    if (input->at == buf->count) {
        drop_all(input);
        if (buf->capacity > KEPT_BYTES) {
            const struct mri_alloc *alloc = buf->alloc;
            size_t bytes_max = buf->bytes_max;
            mri_buf_fini(buf);
            mri_buf_init(buf, alloc, bytes_max);
        }
    } else if (input->at > 0) {
        memmove(buf->bytes, buf->bytes + input->at, buf->count - input->at);
        buf->count -= input->at;
        input->looked_at -= input->at;
        input->at = 0;
    }
}

mr_err mri_line_input_put(struct mri_line_input *input, const void *bytes, size_t count)
{
    MRI_ASSERT(count <= MRI_LINE_INPUT_PIECE_BYTES);
    tidy_up(input);
    mri_buf_put(&input->buf, bytes, count);
    mr_err err = input->buf.err;
    MRI_ASSERT(err != MR_FULL); /* invariant 2 */
    return err;
}

/** The place of the next line end; NULL: there is none. */
static const char *find_end(struct mri_line_input *input)
{
    const char *text = (const char *)input->buf.bytes;
    if (input->buf.count == input->looked_at) {
        return NULL;
    }
    const char *end = memchr(text + input->looked_at, '\n', input->buf.count - input->looked_at);
    input->looked_at = end == NULL ? input->buf.count : (size_t)(end - text);
    return end;
}

static void go_behind(struct mri_line_input *input, const char *end)
{
    input->at = (size_t)(end - (const char *)input->buf.bytes) + 1;
    input->looked_at = input->at;
}

bool mri_line_input_next(struct mri_line_input *input, struct mri_input_line *ret_line)
{
    for (;;) {
        const char *end = find_end(input);
        size_t count = input->looked_at - input->at;
        if (end == NULL && (input->is_skipping || count <= input->line_bytes_max)) {
            if (input->is_skipping) {
                drop_all(input);
            }
            return false;
        }
        struct mri_slice text = {(const char *)input->buf.bytes + input->at, count};
        bool was_skipping = input->is_skipping;
        input->is_skipping = end == NULL;
        if (end == NULL) {
            drop_all(input);
        } else {
            go_behind(input, end);
        }
        if (was_skipping) {
            continue; /* it was told when it became too long */
        }
        input->number++;
        if (count > input->line_bytes_max) {
            *ret_line = (struct mri_input_line){.number = input->number, .is_too_long = true};
            return true;
        }
        if (!mri_text_is_white(text)) {
            *ret_line = (struct mri_input_line){.text = text, .number = input->number};
            return true;
        }
    }
}

bool mri_line_input_has_more(const struct mri_line_input *input)
{
    size_t count = input->buf.count - input->at;
    return count > input->line_bytes_max ||
           (count > 0 && memchr(input->buf.bytes + input->at, '\n', count) != NULL);
}

bool mri_line_input_is_torn(const struct mri_line_input *input)
{
    return input->is_skipping || input->at < input->buf.count;
}
