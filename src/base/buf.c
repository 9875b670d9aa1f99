/* SPDX-License-Identifier: MIT */
/*
 * Bounded growing buffer.
 *
 * Invariants
 *  1. count <= capacity <= bytes_max (+ 1 for the NUL of mri_buf_c_text).
 *  2. Once err is set nothing more is put until clear.
 */
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum { FIRST_BYTES = 256, PRINTF_BYTES_MAX = 4096 };

void mri_buf_init(struct mri_buf *buf, const struct mri_alloc *alloc, size_t bytes_max)
{
    *buf = (struct mri_buf){.alloc = alloc, .bytes_max = bytes_max};
}

void mri_buf_fini(struct mri_buf *buf)
{
    if (buf != NULL && buf->alloc != NULL) {
        mri_alloc_free(buf->alloc, buf->bytes, buf->capacity);
        *buf = (struct mri_buf){0};
    }
}

void mri_buf_clear(struct mri_buf *buf)
{
    buf->count = 0;
    buf->err = MR_OK;
}

/** Twice as much until it is enough, but not beyond the limit. */
static size_t capacity_for(const struct mri_buf *buf, size_t need)
{
    size_t limit = need > buf->bytes_max ? need : buf->bytes_max; /* need may include a NUL */
    size_t capacity = buf->capacity == 0 ? FIRST_BYTES : buf->capacity;
    while (capacity < need && capacity <= SIZE_MAX / 2) {
        capacity *= 2;
    }
    capacity = capacity < need || capacity > limit ? limit : capacity;
    return capacity == 0 ? 1 : capacity; /* an empty place is a place too */
}

static mr_err make_room(struct mri_buf *buf, size_t need)
{
    if (need <= buf->capacity && buf->bytes != NULL) {
        return MR_OK;
    }
    size_t capacity = capacity_for(buf, need);
    void *block = buf->bytes;
    mr_err err = mri_alloc_resize(buf->alloc, &block, buf->capacity, capacity);
    if (err == MR_OK) {
        buf->bytes = block;
        buf->capacity = capacity;
    }
    return err;
}

/** Room for so many bytes, which the caller fills; NULL: there is none. */
static uint8_t *take_room(struct mri_buf *buf, size_t count)
{
    if (buf->err != MR_OK) {
        return NULL;
    }
    if (count > buf->bytes_max - buf->count) {
        buf->err = MR_FULL;
        return NULL;
    }
    buf->err = make_room(buf, buf->count + count);
    if (buf->err != MR_OK) {
        return NULL;
    }
    uint8_t *place = buf->bytes + buf->count;
    buf->count += count;
    MRI_ASSERT(buf->count <= buf->capacity);
    return place;
}

void *mri_buf_grow(struct mri_buf *buf, size_t count)
{
    uint8_t *place = take_room(buf, count);
    if (place != NULL) {
        memset(place, 0, count);
    }
    return place;
}

void *mri_buf_room(struct mri_buf *buf, size_t count)
{
    return take_room(buf, count);
}

void mri_buf_put(struct mri_buf *buf, const void *bytes, size_t count)
{
    uint8_t *place = count == 0 ? NULL : take_room(buf, count);
    if (place != NULL) {
        memcpy(place, bytes, count);
    }
}

void mri_buf_text(struct mri_buf *buf, const char *text)
{
    mri_buf_put(buf, text, strlen(text));
}

void mri_buf_printf(struct mri_buf *buf, const char *format, ...)
{
    char line[PRINTF_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (count < 0 || (size_t)count >= sizeof(line)) {
        buf->err = buf->err == MR_OK ? MR_FULL : buf->err;
        return;
    }
    mri_buf_put(buf, line, (size_t)count);
}

const char *mri_buf_c_text(struct mri_buf *buf)
{
    if (make_room(buf, buf->count + 1) != MR_OK) {
        return "";
    }
    buf->bytes[buf->count] = 0;
    return (const char *)buf->bytes;
}
