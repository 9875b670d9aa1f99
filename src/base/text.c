/* SPDX-License-Identifier: MIT */
/*
 * Checks and rewrites of text that came from outside. Nothing here allocates but the buffer.
 */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

enum { DISTANCE_BYTES_MAX = 64 };

/** Length of the UTF-8 sequence at the start of the text, 0 when it is not one. */
static size_t sequence_bytes(const unsigned char *at, size_t left)
{
    if (at[0] < 0x80) {
        return 1;
    }
    size_t count = (at[0] & 0xe0) == 0xc0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : 4;
    if (at[0] < 0xc2 || at[0] > 0xf4 || left < count) {
        return 0;
    }
    for (size_t i = 1; i < count; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool is_overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool is_surrogate = at[0] == 0xed && at[1] > 0x9f;
    bool is_beyond = at[0] == 0xf4 && at[1] > 0x8f;
    return is_overlong || is_surrogate || is_beyond ? 0 : count;
}

#define ONES  (UINT64_MAX / 255)
#define HIGHS (ONES << 7)

/**
 * Of eight bytes: a high bit is set in one of them unless all are printable ASCII. Where no high
 * bit is set, a byte below 0x20 borrows, and one that is 0x7f carries.
 */
static uint64_t unprintable(const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return (word | (word - ONES * 0x20) | (word + ONES)) & HIGHS;
}

/** Are the next eight bytes printable ASCII? Most text is nothing else, and is passed over so. */
static bool is_plain_word(const unsigned char *at, size_t left)
{
    return left >= sizeof(uint64_t) && unprintable(at) == 0;
}

/** Sixteen bytes that are looked at at once. */
typedef uint8_t block __attribute__((vector_size(16)));

/** The same of sixteen bytes: a word that is not 0 is in it unless all are printable ASCII. */
static block unprintable_block(const unsigned char *at)
{
    block bytes;
    memcpy(&bytes, at, sizeof(bytes));
    return (block)((uint8_t)0x5f <= bytes - (uint8_t)0x20);
}

static bool is_zero(block found)
{
    uint64_t words[sizeof(block) / sizeof(uint64_t)];
    memcpy(words, &found, sizeof(found));
    return (words[0] | words[1]) == 0;
}

/** Of a text of at least sixteen bytes. */
static bool are_blocks_plain(const unsigned char *bytes, size_t count)
{
    block found = unprintable_block(bytes + count - sizeof(block)); /* some of them twice */
    for (size_t i = 0; count - i > sizeof(block); i += sizeof(block)) {
        found |= unprintable_block(bytes + i);
    }
    return is_zero(found);
}

bool mri_text_is_plain(struct mri_slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.bytes;
    uint64_t found = 0;
    size_t i = 0;
    if (text.count >= sizeof(block)) {
        return are_blocks_plain(bytes, text.count);
    }
    if (text.count >= sizeof(uint64_t)) { /* the last eight, some of them twice */
        found = unprintable(bytes) | unprintable(bytes + text.count - sizeof(uint64_t));
        i = text.count;
    }
    for (; i < text.count; i++) {
        found |= bytes[i] < 0x20 || bytes[i] >= 0x7f;
    }
    return found == 0;
}

size_t mri_text_utf8_bytes(struct mri_slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.bytes;
    size_t i = 0;
    while (i < text.count) {
        if (is_plain_word(bytes + i, text.count - i)) {
            i += sizeof(uint64_t);
            continue;
        }
        if (bytes[i] < 0x80) {
            i++;
            continue;
        }
        size_t count = sequence_bytes(bytes + i, text.count - i);
        if (count == 0) {
            return i;
        }
        i += count;
    }
    return text.count;
}

bool mri_text_is_utf8(struct mri_slice text)
{
    return mri_text_utf8_bytes(text) == text.count;
}

size_t mri_text_characters(struct mri_slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.bytes;
    size_t characters = 0;
    for (size_t i = 0; i < text.count; characters++) {
        size_t count = sequence_bytes(bytes + i, text.count - i);
        i += count == 0 ? 1 : count;
    }
    return characters;
}

/** Does the character break lines or change the direction of writing: U+061C, U+200E to U+200F,
 * U+2028 to U+202E, U+2066 to U+2069? On a screen it makes text look like another one. */
static bool is_layout_control(const unsigned char *at, size_t count)
{
    if (count == 2) {
        return at[0] == 0xd8 && at[1] == 0x9c;
    }
    if (count != 3 || at[0] != 0xe2) {
        return false;
    }
    bool is_mark = at[1] == 0x80 && (at[2] == 0x8e || at[2] == 0x8f);
    bool is_break_or_embedding = at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae;
    bool is_isolate = at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9;
    return is_mark || is_break_or_embedding || is_isolate;
}

/** Is the character at the start of a valid sequence a control character? */
static bool is_control(const unsigned char *at, size_t count)
{
    if (count == 1) {
        return at[0] < 0x20 || at[0] == 0x7f;
    }
    return (count == 2 && at[0] == 0xc2 && at[1] < 0xa0) || is_layout_control(at, count);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool mri_text_is_blank(struct mri_slice text)
{
    size_t i = 0;
    while (i < text.count && text.bytes[i] == ' ') {
        i++;
    }
    return i == text.count;
}

bool mri_text_is_white(struct mri_slice text)
{
    size_t i = 0;
    while (i < text.count && is_space(text.bytes[i])) {
        i++;
    }
    return i == text.count;
}

bool mri_text_is_braced(struct mri_slice text)
{
    size_t from = 0;
    size_t end = text.count;
    while (from < end && is_space(text.bytes[from])) {
        from++;
    }
    while (end > from && is_space(text.bytes[end - 1])) {
        end--;
    }
    return end - from >= 2 && text.bytes[from] == '{' && text.bytes[end - 1] == '}';
}

bool mri_text_has_control(struct mri_slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.bytes;
    size_t i = 0;
    while (i < text.count) {
        if (is_plain_word(bytes + i, text.count - i)) {
            i += sizeof(uint64_t);
            continue;
        }
        size_t count = sequence_bytes(bytes + i, text.count - i);
        if (count != 0 && is_control(bytes + i, count)) {
            return true;
        }
        i += count == 0 ? 1 : count;
    }
    return false;
}

/** Does the character say nothing that could be seen, and is it no part of any writing? A zero
 * width space, word joiner and invisible signs, a byte order mark, annotations, tags. */
static bool is_invisible(const unsigned char *at, size_t count)
{
    if (count == 4) { /* U+E0000 to U+E00FF */
        return at[0] == 0xf3 && at[1] == 0xa0 && at[2] < 0x84;
    }
    if (count != 3) {
        return false;
    }
    bool is_space = at[0] == 0xe2 && at[1] == 0x80 && at[2] == 0x8b;
    bool is_joiner = at[0] == 0xe2 && at[1] == 0x81 && at[2] >= 0xa0 && at[2] <= 0xaf;
    bool is_mark = at[0] == 0xef && at[1] == 0xbb && at[2] == 0xbf;
    bool is_annotation = at[0] == 0xef && at[1] == 0xbf && at[2] >= 0xb9 && at[2] <= 0xbb;
    return is_space || is_joiner || is_mark || is_annotation;
}

/** What is escaped beside control characters and bytes that are not UTF-8. */
struct escaping {
    bool is_quoted;  /**< quotes */
    bool is_escaped; /**< not the backslashes of what was escaped before */
};

static bool is_hex(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/** Does \xNN stand there? */
static bool is_escape(const unsigned char *at, size_t left)
{
    return left >= 4 && at[0] == '\\' && at[1] == 'x' && is_hex(at[2]) && is_hex(at[3]);
}

static bool stays(const struct escaping *how, const unsigned char *at, size_t left, size_t count)
{
    if (count == 0 || is_control(at, count) || is_invisible(at, count)) {
        return false;
    }
    if (at[0] == '\\') {
        return how->is_escaped && (!how->is_quoted || is_escape(at, left));
    }
    return at[0] != '"' || !how->is_quoted;
}

static void escape(struct mri_buf *buf, struct mri_slice text, const struct escaping *how)
{
    const unsigned char *bytes = (const unsigned char *)text.bytes;
    size_t i = 0;
    while (i < text.count) {
        size_t count = sequence_bytes(bytes + i, text.count - i);
        if (stays(how, bytes + i, text.count - i, count)) {
            mri_buf_put(buf, bytes + i, count);
            i += count;
            continue;
        }
        if (how->is_quoted && (bytes[i] == '"' || bytes[i] == '\\')) {
            mri_buf_printf(buf, "\\%c", bytes[i++]);
            continue;
        }
        size_t bad = count == 0 ? 1 : count;
        for (size_t k = 0; k < bad; k++) {
            mri_buf_printf(buf, "\\x%02x", bytes[i + k]);
        }
        i += bad;
    }
}

void mri_text_escape(struct mri_buf *buf, struct mri_slice text)
{
    escape(buf, text, &(struct escaping){.is_escaped = false});
}

void mri_text_escape_rest(struct mri_buf *buf, struct mri_slice text)
{
    escape(buf, text, &(struct escaping){.is_escaped = true});
}

static void quote(struct mri_buf *buf, struct mri_slice text, bool is_escaped)
{
    mri_buf_text(buf, "\"");
    escape(buf, text, &(struct escaping){.is_quoted = true, .is_escaped = is_escaped});
    mri_buf_text(buf, "\"");
}

void mri_text_quote(struct mri_buf *buf, struct mri_slice text)
{
    quote(buf, text, false);
}

void mri_text_quote_rest(struct mri_buf *buf, struct mri_slice text)
{
    quote(buf, text, true);
}

/** Is the character beyond ASCII a blank: U+00A0, U+1680, U+2000 to U+200A, U+202F, U+205F, U+3000?
 */
static bool is_blank(const unsigned char *at, size_t count)
{
    if (count == 2) {
        return at[0] == 0xc2 && at[1] == 0xa0;
    }
    if (count != 3) {
        return false;
    }
    unsigned last = (unsigned)(at[1] & 0x3f) << 6 | (at[2] & 0x3f);
    return (at[0] == 0xe1 && last == 0x680) ||
           (at[0] == 0xe2 && (last <= 0x00a || last == 0x02f || last == 0x05f)) ||
           (at[0] == 0xe3 && last == 0x000);
}

static bool is_of_word(const unsigned char *at, size_t count)
{
    if (count > 1) {
        return !is_control(at, count) && !is_invisible(at, count) && !is_blank(at, count);
    }
    bool is_alnum = (at[0] >= '0' && at[0] <= '9') || (at[0] >= 'A' && at[0] <= 'Z') ||
                    (at[0] >= 'a' && at[0] <= 'z');
    return count == 1 && (is_alnum || (at[0] != '\0' && strchr("-_.:/@+#%~", at[0]) != NULL));
}

void mri_text_word(struct mri_buf *buf, struct mri_slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.bytes;
    bool is_word = text.count > 0;
    for (size_t i = 0; is_word && i < text.count;) {
        size_t count = sequence_bytes(bytes + i, text.count - i);
        is_word = is_of_word(bytes + i, count);
        i += count;
    }
    if (is_word) {
        mri_buf_put(buf, text.bytes, text.count);
    } else {
        mri_text_quote(buf, text);
    }
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: rows i-2, i-1 and i of the usual table. */
size_t mri_text_distance(struct mri_slice a, struct mri_slice b)
{
    if (a.count > DISTANCE_BYTES_MAX || b.count > DISTANCE_BYTES_MAX) {
        return SIZE_MAX;
    }
    size_t rows[3][DISTANCE_BYTES_MAX + 1];
    for (size_t j = 0; j <= b.count; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.count; i++) {
        size_t *row = rows[i % 3];
        const size_t *up = rows[(i + 2) % 3];
        const size_t *upper = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.count; j++) {
            size_t replaced = up[j - 1] + (a.bytes[i - 1] != b.bytes[j - 1]);
            row[j] = least(replaced, least(up[j], row[j - 1]) + 1);
            bool is_swap = i > 1 && j > 1 && a.bytes[i - 1] == b.bytes[j - 2] &&
                           a.bytes[i - 2] == b.bytes[j - 1];
            if (is_swap) {
                row[j] = least(row[j], upper[j - 2] + 1);
            }
        }
    }
    return rows[a.count % 3][b.count];
}

const char *mri_text_nearest(struct mri_slice word, const char *const *candidates, size_t count)
{
    size_t allowed = least(3, word.count / 3 < 1 ? 1 : word.count / 3);
    const char *best = NULL;
    size_t best_distance = allowed + 1;
    for (size_t i = 0; i < count; i++) {
        size_t distance = mri_text_distance(word, mri_slice_of(candidates[i]));
        if (distance < best_distance) {
            best = candidates[i];
            best_distance = distance;
        }
    }
    return best;
}
