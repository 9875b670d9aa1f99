/* SPDX-License-Identifier: MIT */
/*
 * JSON out.
 *
 * Invariants
 *  1. Outside of an object there is no key; inside, keys and values alternate.
 *  2. Every byte that is put is ASCII or part of a valid UTF-8 sequence.
 */
#include "json/json_write.h"

#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "json/json_number.h"

/** Integers up to here are written without an exponent. */
#define INTEGER_MAX 1e15

void mri_json_write_begin(struct mri_json_writer *writer, struct mri_buf *buf)
{
    *writer = (struct mri_json_writer){.buf = buf};
}

/** Most of what is put is one byte, and has room. */
static void put_byte(struct mri_buf *buf, char byte)
{
    if (buf->err == MR_OK && buf->count < buf->capacity && buf->count < buf->bytes_max) {
        buf->bytes[buf->count++] = (uint8_t)byte;
    } else {
        mri_buf_put(buf, &byte, 1);
    }
}

/** The comma before an item, if it is not the first one. */
static void separate(struct mri_json_writer *writer)
{
    if (writer->depth > 0) {
        if ((writer->needs_comma & 1) != 0) {
            put_byte(writer->buf, ',');
        }
        writer->needs_comma |= 1;
    }
}

/** What comes before every value. */
static void begin_value(struct mri_json_writer *writer)
{
    bool is_in_object = writer->depth > 0 && (writer->is_object & 1) != 0;
    MRI_ASSERT(is_in_object == writer->is_after_key);
    if (!writer->is_after_key) {
        separate(writer);
    }
    writer->is_after_key = false;
}

static void open_bracket(struct mri_json_writer *writer, bool is_object)
{
    begin_value(writer);
    MRI_ASSERT(writer->depth < MRI_JSON_WRITE_DEPTH_MAX);
    put_byte(writer->buf, is_object ? '{' : '[');
    writer->is_object = writer->is_object << 1 | is_object;
    writer->needs_comma <<= 1;
    writer->depth++;
}

static void close_bracket(struct mri_json_writer *writer, bool is_object)
{
    MRI_ASSERT(writer->depth > 0);
    MRI_ASSERT(((writer->is_object & 1) != 0) == is_object);
    MRI_ASSERT(!writer->is_after_key);
    put_byte(writer->buf, is_object ? '}' : ']');
    writer->is_object >>= 1;
    writer->needs_comma >>= 1;
    writer->depth--;
}

void mri_json_write_object_open(struct mri_json_writer *writer)
{
    open_bracket(writer, true);
}

void mri_json_write_object_close(struct mri_json_writer *writer)
{
    close_bracket(writer, true);
}

void mri_json_write_array_open(struct mri_json_writer *writer)
{
    open_bracket(writer, false);
}

void mri_json_write_array_close(struct mri_json_writer *writer)
{
    close_bracket(writer, false);
}

/** Can this byte stand in a text as it is? */
static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f && c != '"' && c != '\\';
}

/** An ASCII character that must be escaped. */
static void put_escape(struct mri_buf *buf, char c)
{
    static const char letters[] = "\"\\\b\f\n\r\t";
    static const char *const escapes[] = {"\\\"", "\\\\", "\\b", "\\f", "\\n", "\\r", "\\t"};
    const char *letter = c == '\0' ? NULL : strchr(letters, c);
    if (letter != NULL) {
        mri_buf_text(buf, escapes[letter - letters]);
    } else {
        mri_buf_printf(buf, "\\u%04x", (unsigned)(unsigned char)c);
    }
}

/** A character of several bytes that breaks lines, moves a cursor or turns the direction of
 * writing: JSON could have it as it is, who prints a line of it could not. */
static void put_control(struct mri_buf *buf, struct mri_slice sequence)
{
    unsigned point = (unsigned char)sequence.bytes[0] & (sequence.count == 2 ? 0x1fU : 0x0fU);
    MRI_ASSERT(sequence.count <= 3); /* all of them are below U+10000 */
    for (size_t i = 1; i < sequence.count; i++) {
        point = point << 6 | ((unsigned char)sequence.bytes[i] & 0x3fU);
    }
    mri_buf_printf(buf, "\\u%04x", point);
}

/** The length of the UTF-8 sequence at the start of a text that is not ASCII there; 0: it is none.
 */
static size_t sequence_bytes(struct mri_slice text)
{
    for (size_t count = 2; count <= 4 && count <= text.count; count++) {
        if (mri_text_is_utf8((struct mri_slice){.bytes = text.bytes, .count = count})) {
            return count;
        }
    }
    return 0;
}

static void put_text(struct mri_buf *buf, struct mri_slice text)
{
    put_byte(buf, '"');
    size_t i = 0;
    while (i < text.count) {
        size_t from = i;
        while (i < text.count && is_plain(text.bytes[i])) {
            i++;
        }
        mri_buf_put(buf, text.bytes + from, i - from);
        if (i == text.count) {
            break;
        }
        if ((unsigned char)text.bytes[i] < 0x80) {
            put_escape(buf, text.bytes[i]);
            i++;
            continue;
        }
        size_t count =
            sequence_bytes((struct mri_slice){.bytes = text.bytes + i, .count = text.count - i});
        const struct mri_slice sequence = {text.bytes + i, count};
        if (count == 0) {
            mri_buf_text(buf, "\\ufffd");
        } else if (mri_text_has_control(sequence)) {
            put_control(buf, sequence);
        } else {
            mri_buf_put(buf, sequence.bytes, count);
        }
        i += count == 0 ? 1 : count;
    }
    put_byte(buf, '"');
}

void mri_json_write_key(struct mri_json_writer *writer, const char *key)
{
    MRI_ASSERT(writer->depth > 0);
    MRI_ASSERT((writer->is_object & 1) != 0);
    MRI_ASSERT(!writer->is_after_key);
    separate(writer);
    put_text(writer->buf, mri_slice_of(key));
    put_byte(writer->buf, ':');
    writer->is_after_key = true;
}

void mri_json_write_text(struct mri_json_writer *writer, struct mri_slice text)
{
    begin_value(writer);
    put_text(writer->buf, text);
}

static void put_unsigned(struct mri_buf *buf, uint64_t value, bool is_negative)
{
    enum { DIGITS_MAX = 21 }; /* and a sign */
    char digits[DIGITS_MAX];
    size_t at = DIGITS_MAX;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    if (is_negative) {
        digits[--at] = '-';
    }
    mri_buf_put(buf, digits + at, DIGITS_MAX - at);
}

static void put_integer(struct mri_buf *buf, int64_t value)
{
    put_unsigned(buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0);
}

void mri_json_write_integer(struct mri_json_writer *writer, int64_t value)
{
    begin_value(writer);
    put_integer(writer->buf, value);
}

void mri_json_write_unsigned(struct mri_json_writer *writer, uint64_t value)
{
    begin_value(writer);
    put_unsigned(writer->buf, value, false);
}

void mri_json_write_number(struct mri_json_writer *writer, double value)
{
    begin_value(writer);
    bool is_finite = value - value == 0.0;
    bool is_small = value >= -INTEGER_MAX && value <= INTEGER_MAX;
    if (!is_finite) {
        mri_buf_text(writer->buf, "null");
    } else if (is_small && value != 0.0 && (double)(int64_t)value == value) {
        put_integer(writer->buf, (int64_t)value);
    } else if (value == 0.0) {
        mri_buf_text(writer->buf, 1.0 / value < 0.0 ? "-0.0" : "0");
    } else {
        char text[MRI_JSON_NUMBER_BYTES];
        mri_buf_put(writer->buf, text, mri_json_number(value, text));
    }
}

void mri_json_write_bool(struct mri_json_writer *writer, bool value)
{
    begin_value(writer);
    mri_buf_text(writer->buf, value ? "true" : "false");
}

void mri_json_write_null(struct mri_json_writer *writer)
{
    begin_value(writer);
    mri_buf_text(writer->buf, "null");
}

void mri_json_write_raw(struct mri_json_writer *writer, struct mri_slice json)
{
    begin_value(writer);
    mri_buf_put(writer->buf, json.bytes, json.count);
}
