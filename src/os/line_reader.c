/* SPDX-License-Identifier: MIT */
/*
 * Lines out of a file or a stream; zlib's only user.
 *
 *   descriptor --> input (64 KiB) --inflate--> text: | given | not given yet | room |
 *        \----------- plain: straight -------------^         start           count
 *
 * Invariants
 *  1. start <= count <= the capacity of `text`, which holds the longest line and 64 KiB more. Of a
 *     longer line only the beginning and the last byte are kept: there is always room to read on.
 *  2. `end` is MR_OK while more text may come. Then it says for good how the text ended; lines that
 *     are complete in `text` are given out first.
 *  3. A line is given out only when it is complete, or when the text ended as it should.
 *
 * The text of a damaged gzip file is used up to the last complete line before the damage: blocks
 * are checked as they are decoded, the checksum of a member only at its end.
 */
#include "os/line_reader.h"

#include <stdalign.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "base/check.h"
#include "base/problem.h"

enum {
    READER_MAGIC = 0x4c494e45,
    INPUT_BYTES = 64 * 1024,
    TEXT_ROOM_BYTES = 64 * 1024,
    BOM_BYTES = 3,
    GZIP_WINDOW = 15 + 16,
};

struct mri_line_reader {
    uint32_t magic;
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    int fd;
    bool is_fd_open; /* and ours to close */
    bool is_stream;
    bool is_recognised; /* plain or gzip is known */
    bool is_gzip;
    bool is_inflating;      /* zlib's state is set up */
    bool is_between;        /* between two gzip members */
    bool is_input_end;      /* the descriptor gave everything */
    mr_err end;             /* MR_OK: more text may come */
    uint64_t total_bytes;   /* size of the file; 0 = not known */
    uint64_t read_bytes;    /* taken from the descriptor */
    uint64_t line_number;   /* of the last line given */
    uint64_t dropped_bytes; /* from the middle of the line under way: it is too long */
    size_t line_bytes_max;
    size_t text_bytes; /* capacity of text */
    size_t start;
    size_t count;
    char *text;
    uint8_t *input;
    z_stream inflation;
    mr_problem problem; /* of `end` */
};

/* zlib frees without saying the size, so each of its blocks begins with it. */
static void *zlib_alloc(void *context, unsigned count, unsigned item_bytes)
{
    const struct mri_alloc *alloc = context;
    size_t bytes = (size_t)count * item_bytes + alignof(max_align_t);
    void *block;
    if (mri_alloc_array(alloc, bytes, 1, &block) != MR_OK) {
        return NULL;
    }
    memcpy(block, &bytes, sizeof(bytes));
    return (char *)block + alignof(max_align_t);
}

static void zlib_free(void *context, void *place)
{
    void *block = (char *)place - alignof(max_align_t);
    size_t bytes;
    memcpy(&bytes, block, sizeof(bytes));
    mri_alloc_free(context, block, bytes);
}

/** Make the reader end, for good, once the lines it has are given out. */
static mr_err finish(struct mri_line_reader *reader, mr_err end, const char *reason)
{
    uint64_t offset = reader->read_bytes - reader->inflation.avail_in;
    (void)mri_problem(&reader->problem, end, "byte %llu: %s", (unsigned long long)offset, reason);
    reader->end = end;
    return end;
}

/** Read from the descriptor; *ret_count is 0 only at its end. */
static mr_err read_some(struct mri_line_reader *reader, void *place, size_t room, size_t *ret_count)
{
    const struct mri_os *os = reader->os;
    size_t count = 0;
    mr_err err = reader->is_stream ? os->read(os->context, reader->fd, place, room, &count)
                                   : os->read_at(os->context, reader->fd, place, room,
                                         reader->read_bytes, &count);
    if (err < MR_OK) {
        return finish(reader, err, mr_err_text(err));
    }
    if (err == MR_OK) {
        reader->read_bytes += count;
        reader->is_input_end = count == 0;
        *ret_count = count;
    }
    return err;
}

/** Append to what zlib has not taken yet, which is moved to the start of the input buffer. */
static mr_err read_input(struct mri_line_reader *reader)
{
    z_stream *inflation = &reader->inflation;
    memmove(reader->input, inflation->next_in, inflation->avail_in);
    inflation->next_in = reader->input;
    size_t count = 0;
    mr_err err = read_some(
        reader, reader->input + inflation->avail_in, INPUT_BYTES - inflation->avail_in, &count);
    inflation->avail_in += (unsigned)count;
    return err;
}

/** Look at the first two bytes. */
static mr_err recognise(struct mri_line_reader *reader)
{
    z_stream *inflation = &reader->inflation;
    while (inflation->avail_in < 2 && !reader->is_input_end) {
        mr_err err = read_input(reader);
        if (err != MR_OK) {
            return err;
        }
    }
    reader->is_gzip =
        inflation->avail_in >= 2 && reader->input[0] == 0x1f && reader->input[1] == 0x8b;
    if (reader->is_gzip) {
        int result = inflateInit2(inflation, GZIP_WINDOW);
        if (result != Z_OK) {
            return finish(reader, result == Z_MEM_ERROR ? MR_ENOMEM : MR_EINTERNAL, "zlib");
        }
        reader->is_inflating = true;
    }
    reader->is_recognised = true;
    return MR_OK;
}

static mr_err more_plain(struct mri_line_reader *reader)
{
    z_stream *inflation = &reader->inflation;
    size_t room = reader->text_bytes - reader->count;
    size_t count = inflation->avail_in; /* read to be recognised */
    if (count > 0) {
        count = count < room ? count : room;
        memcpy(reader->text + reader->count, inflation->next_in, count);
        inflation->next_in += count;
        inflation->avail_in -= (unsigned)count;
    } else {
        mr_err err = read_some(reader, reader->text + reader->count, room, &count);
        if (err != MR_OK) {
            return err;
        }
    }
    reader->count += count;
    return count > 0 ? MR_OK : finish(reader, MR_END, "end");
}

/** After a gzip member: another one, zeros that fill a block, or the end. */
static mr_err next_member(struct mri_line_reader *reader)
{
    z_stream *inflation = &reader->inflation;
    while (inflation->avail_in > 0 && *inflation->next_in == 0) {
        inflation->next_in++;
        inflation->avail_in--;
    }
    if (inflation->avail_in == 0) {
        return reader->is_input_end ? finish(reader, MR_END, "end") : MR_OK;
    }
    if (*inflation->next_in != 0x1f) {
        return finish(reader, MR_ECORRUPT, "bytes that are not gzip follow the compressed data");
    }
    reader->is_between = false;
    int result = inflateReset(inflation);
    MRI_ASSERT(result == Z_OK);
    return MR_OK;
}

/** One call of inflate; what it produced is text. */
static mr_err inflate_once(struct mri_line_reader *reader)
{
    z_stream *inflation = &reader->inflation;
    size_t room = reader->text_bytes - reader->count;
    inflation->next_out = (Bytef *)reader->text + reader->count;
    inflation->avail_out = (unsigned)room;
    int result = inflate(inflation, Z_NO_FLUSH);
    reader->count += room - inflation->avail_out;
    switch (result) {
    case Z_OK:
        return MR_OK;
    case Z_STREAM_END:
        reader->is_between = true;
        return MR_OK;
    case Z_BUF_ERROR: /* it needs more input */
        return reader->is_input_end ? finish(reader, MR_ECORRUPT, "the gzip data end early")
                                    : MR_OK;
    case Z_MEM_ERROR:
        return finish(reader, MR_ENOMEM, mr_err_text(MR_ENOMEM));
    default:
        return finish(reader, MR_ECORRUPT, "the gzip data are damaged");
    }
}

static mr_err more_gzip(struct mri_line_reader *reader)
{
    size_t before = reader->count;
    while (reader->count == before) {
        mr_err err = MR_OK;
        if (reader->inflation.avail_in == 0 && !reader->is_input_end) {
            err = read_input(reader);
        }
        if (err == MR_OK) {
            err = reader->is_between ? next_member(reader) : inflate_once(reader);
        }
        if (err != MR_OK && reader->count == before) {
            return err;
        }
    }
    return MR_OK; /* a fault that came with text stays in reader->end */
}

/** Get at least one more byte of text. Moves what is not given out yet to the start. */
static mr_err more_text(struct mri_line_reader *reader)
{
    if (reader->end != MR_OK) {
        return reader->end;
    }
    reader->count -= reader->start;
    memmove(reader->text, reader->text + reader->start, reader->count);
    reader->start = 0;
    MRI_ASSERT(reader->count < reader->text_bytes);
    mr_err err = reader->is_recognised ? MR_OK : recognise(reader);
    if (err != MR_OK) {
        return err;
    }
    return reader->is_gzip ? more_gzip(reader) : more_plain(reader);
}

/** Take a byte order mark off the first line. */
static void strip_bom(struct mri_line *line)
{
    if (line->text.count >= BOM_BYTES && memcmp(line->text.bytes, "\xef\xbb\xbf", BOM_BYTES) == 0) {
        line->text.bytes += BOM_BYTES;
        line->text.count -= BOM_BYTES;
        line->bytes -= BOM_BYTES;
        line->has_bom = true;
    }
}

/** Give out the line that ends at `newline`, or with the text when that is NULL. */
static void give(struct mri_line_reader *reader, const char *newline, struct mri_line *ret_line)
{
    const char *at = reader->text + reader->start;
    size_t count = newline == NULL ? reader->count - reader->start : (size_t)(newline - at);
    bool has_cr = newline != NULL && count > 0 && at[count - 1] == '\r';
    struct mri_line line = {
        .text = {.bytes = at, .count = count - has_cr},
        .number = ++reader->line_number,
        .bytes = count - has_cr + reader->dropped_bytes,
        .has_cr = has_cr,
        .is_torn = newline == NULL,
    };
    if (line.number == 1) {
        strip_bom(&line);
    }
    line.is_too_long = line.bytes > reader->line_bytes_max;
    if (line.is_too_long) {
        line.text.count = reader->line_bytes_max;
    }
    reader->start += count + (newline != NULL);
    reader->dropped_bytes = 0;
    *ret_line = line;
}

/** Of a line that is certainly too long keep the beginning and the last byte, which may be a CR. */
static void drop_middle(struct mri_line_reader *reader)
{
    size_t keep = reader->line_bytes_max + BOM_BYTES;
    char *at = reader->text + reader->start;
    size_t unread = reader->count - reader->start;
    if (unread > keep + 1) {
        at[keep] = at[unread - 1];
        reader->dropped_bytes += unread - keep - 1;
        reader->count = reader->start + keep + 1;
    }
}

mr_err mri_line_reader_next(
    struct mri_line_reader *reader, struct mri_line *ret_line, mr_problem *reterr_problem)
{
    MRI_ASSERT(reader->magic == READER_MAGIC);
    size_t scanned = 0; /* bytes of the line without an LF among them */
    for (;;) {
        const char *at = reader->text + reader->start;
        const char *newline = memchr(at + scanned, '\n', reader->count - reader->start - scanned);
        if (newline != NULL) {
            give(reader, newline, ret_line);
            return MR_OK;
        }
        drop_middle(reader);
        scanned = reader->count - reader->start;
        mr_err err = more_text(reader);
        if (err == MR_END && scanned > 0) {
            give(reader, NULL, ret_line);
            return MR_OK;
        }
        if (err < MR_OK && reterr_problem != NULL) {
            *reterr_problem = reader->problem;
        }
        if (err != MR_OK) {
            return err;
        }
    }
}

bool mri_line_reader_has_line(const struct mri_line_reader *reader)
{
    MRI_ASSERT(reader->magic == READER_MAGIC);
    return memchr(reader->text + reader->start, '\n', reader->count - reader->start) != NULL;
}

bool mri_line_reader_is_line_at_hand(struct mri_line_reader *reader)
{
    const struct mri_os *os = reader->os;
    mr_err err = MR_OK;
    while (err == MR_OK && !mri_line_reader_has_line(reader)) {
        size_t unused;
        err = reader->end != MR_OK
                  ? reader->end
                  : os->wait_any(os->context, &reader->fd, 1, 0, &unused); /* is there anything? */
        if (err == MR_OK) {
            drop_middle(reader);
            err = more_text(reader); /* an end or a fault stays, for the next line to say */
        }
    }
    return err == MR_OK;
}

static mr_err open_source(struct mri_line_reader *reader, const struct mri_line_source *source)
{
    const struct mri_os *os = reader->os;
    reader->is_stream = source->path == NULL;
    reader->fd = source->fd;
    if (source->path != NULL) {
        mr_err err =
            os->open(os->context, source->path, MRI_OPEN_READ | MRI_OPEN_FOLLOW, &reader->fd);
        if (err != MR_OK) {
            return err;
        }
        reader->is_fd_open = true;
    }
    return os->size(os->context, reader->fd, &reader->total_bytes);
}

static mr_err get_memory(struct mri_line_reader *reader)
{
    void *text;
    void *input;
    mr_err err = mri_alloc_array(reader->alloc, reader->text_bytes, 1, &text);
    if (err != MR_OK) {
        return err;
    }
    reader->text = text;
    err = mri_alloc_array(reader->alloc, INPUT_BYTES, 1, &input);
    if (err == MR_OK) {
        reader->input = input;
        reader->inflation.next_in = input;
    }
    return err;
}

mr_err mri_line_reader_open(const struct mri_os *os, const struct mri_alloc *alloc,
    const struct mri_line_source *source, struct mri_line_reader **ret_reader,
    mr_problem *reterr_problem)
{
    if (source->line_bytes_max == 0 || source->line_bytes_max > SIZE_MAX / 4) {
        return mri_problem(reterr_problem, MR_EINVAL, "line_bytes_max is out of range");
    }
    void *block;
    mr_err err = mri_alloc_array(alloc, 1, sizeof(struct mri_line_reader), &block);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    struct mri_line_reader *reader = block;
    *reader = (struct mri_line_reader){
        .magic = READER_MAGIC,
        .os = os,
        .alloc = alloc,
        .line_bytes_max = source->line_bytes_max,
        .text_bytes = source->line_bytes_max + BOM_BYTES + 1 + TEXT_ROOM_BYTES,
        .inflation = {.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = (void *)alloc},
    };
    err = get_memory(reader);
    if (err == MR_OK) {
        err = open_source(reader, source);
    }
    if (err != MR_OK) {
        mri_line_reader_close(reader);
        return mri_problem(reterr_problem, err, "%s: %s",
            source->path == NULL ? "the open descriptor" : source->path, mr_err_text(err));
    }
    *ret_reader = reader;
    return MR_OK;
}

struct mri_line_progress mri_line_reader_progress(const struct mri_line_reader *reader)
{
    MRI_ASSERT(reader->magic == READER_MAGIC);
    return (struct mri_line_progress){
        .read_bytes = reader->read_bytes, .total_bytes = reader->total_bytes};
}

void mri_line_reader_close(struct mri_line_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    MRI_ASSERT(reader->magic == READER_MAGIC);
    if (reader->is_inflating) {
        (void)inflateEnd(&reader->inflation); /* fails only for a state that is not one */
    }
    if (reader->is_fd_open) {
        reader->os->close(reader->os->context, reader->fd);
    }
    reader->magic = 0;
    mri_alloc_free(reader->alloc, reader->input, INPUT_BYTES);
    mri_alloc_free(reader->alloc, reader->text, reader->text_bytes);
    mri_alloc_free(reader->alloc, reader, sizeof(*reader));
}
