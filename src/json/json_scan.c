/* SPDX-License-Identifier: MIT */
/*
 * A JSON checker that only walks.
 *
 *   VALUE --scalar, {}, []--> AFTER --,--> KEY or VALUE
 *     |                         AFTER --} or ]--> AFTER of what is around
 *     \--{ or [--> one level down: KEY --"..." :--> VALUE, or VALUE
 *
 * Invariants
 *  1. No recursion: the kinds of the open brackets are bits, 1 = object.
 *  2. mri_json_scan_check accepts exactly what json_read's parser accepts; a fuzz target compares
 *     them.
 */
#include "json/json_scan.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"

/** A one in every byte of a word. */
#define ONES (UINT64_MAX / 255)

enum expected { VALUE, KEY, AFTER };

/** A walk over a text. */
struct walk {
    const char *start;
    const char *at;
    const char *end;
    uint64_t *kinds; /* a bit of every open bracket, the outermost first: is it of an object? */
    size_t depth;    /* open brackets */
    size_t depth_max;
    bool is_any_number; /* of whatever size */
    enum expected expected;
    struct mri_json_fault fault;
};

static bool fail_at(struct walk *walk, const char *at, const char *reason)
{
    walk->fault.offset = (size_t)(at - walk->start);
    walk->fault.reason = reason;
    return false;
}

static bool fail(struct walk *walk, const char *reason)
{
    return fail_at(walk, walk->at, reason);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

const char *mri_json_scan_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) {
        at++;
    }
    return at;
}

/** The value of four hex digits; -1 when they are not there. */
static int hex_of(const char *at, const char *end)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        if (at + i >= end) {
            return -1;
        }
        char c = at[i];
        int digit = is_digit(c)              ? c - '0'
                    : (c >= 'a' && c <= 'f') ? c - 'a' + 10
                    : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                             : -1;
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/** The escape at the cursor: a letter, or a code point in one or two parts. */
static bool walk_escape(struct walk *walk)
{
    const char *at = walk->at;
    char letter = at + 1 < walk->end ? at[1] : '\0';
    if (letter != '\0' && strchr("\"\\/bfnrt", letter) != NULL) {
        walk->at += 2;
        return true;
    }
    int code = letter == 'u' ? hex_of(at + 2, walk->end) : -1;
    bool is_high = code >= 0xd800 && code < 0xdc00;
    if (code < 0 || (code >= 0xdc00 && code < 0xe000)) {
        return fail(walk, "a bad escape in a text");
    }
    walk->at += 6;
    if (!is_high) {
        return true;
    }
    at = walk->at;
    bool has_second = at + 1 < walk->end && at[0] == '\\' && at[1] == 'u';
    int second = has_second ? hex_of(at + 2, walk->end) : -1;
    if (second < 0xdc00 || second >= 0xe000) {
        return fail_at(walk, at - 6, "half of a surrogate pair in a text");
    }
    walk->at += 6;
    return true;
}

/** A character beyond ASCII. */
static bool walk_sequence(struct walk *walk)
{
    size_t left = (size_t)(walk->end - walk->at);
    for (size_t count = 2; count <= 4 && count <= left; count++) {
        if (mri_text_is_utf8((struct mri_slice){.bytes = walk->at, .count = count})) {
            walk->at += count;
            return true;
        }
    }
    return fail(walk, "not UTF-8");
}

/** A bit of every byte of a word that is zero; of those above one that is, perhaps wrongly. */
static uint64_t zero_bytes(uint64_t word)
{
    return (word - ONES) & ~word & ONES << 7;
}

/** Over bytes that are nothing but themselves: printable ASCII, no quote and no backslash. */
static const char *skip_plain(const char *at, const char *end)
{
    while ((size_t)(end - at) >= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, at, sizeof(word)); /* little-endian: the first byte is the lowest */
        uint64_t is_control = (word - ONES * 0x20) & ~word;
        uint64_t found = ((word | is_control) & ONES << 7) | zero_bytes(word ^ ONES * '"') |
                         zero_bytes(word ^ ONES * '\\');
        if (found != 0) {
            return at + __builtin_ctzll(found) / 8;
        }
        at += sizeof(word);
    }
    return at;
}

static bool walk_text(struct walk *walk)
{
    const char *quote = walk->at++;
    for (;;) {
        walk->at = skip_plain(walk->at, walk->end);
        if (walk->at == walk->end || *walk->at == '"') {
            break;
        }
        unsigned char c = (unsigned char)*walk->at;
        if (c < 0x20) {
            return fail(walk, "a control character in a text");
        }
        bool is_good = true;
        if (c == '\\') {
            is_good = walk_escape(walk);
        } else if (c >= 0x80) {
            is_good = walk_sequence(walk);
        } else {
            walk->at++;
        }
        if (!is_good) {
            return false;
        }
    }
    if (walk->at == walk->end) {
        return fail_at(walk, quote, "a text that does not end");
    }
    walk->at++;
    return true;
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && is_digit(*at)) {
        at++;
    }
    return at;
}

/** Does an integer fit 64 bits: signed when it is negative, else unsigned? */
static bool is_integer_in_range(const char *digits, const char *end, bool is_negative)
{
    uint64_t limit = is_negative ? UINT64_C(1) << 63 : UINT64_MAX;
    uint64_t value = 0;
    for (; digits < end; digits++) {
        uint64_t digit = (uint64_t)(*digits - '0');
        if (value > (limit - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    return true;
}

/** Does a number fit an integer of 64 bits, or a double? */
static bool is_in_range(const char *start, const char *end, bool is_integer)
{
    bool is_negative = *start == '-';
    if (is_integer) {
        return is_integer_in_range(start + is_negative, end, is_negative);
    }
    double value = strtod(start, NULL);
    return value - value == 0.0; /* not infinite */
}

static bool walk_number(struct walk *walk)
{
    const char *start = walk->at;
    bool is_negative = *start == '-';
    const char *digits = start + is_negative;
    const char *at = skip_digits(digits, walk->end);
    bool is_integer = true;
    if (at == digits || (*digits == '0' && at - digits > 1)) {
        return fail(walk, "a bad number");
    }
    if (at < walk->end && *at == '.') {
        const char *decimals = at + 1;
        at = skip_digits(decimals, walk->end);
        is_integer = false;
        if (at == decimals) {
            return fail(walk, "a bad number");
        }
    }
    if (at < walk->end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < walk->end && (*at == '+' || *at == '-');
        const char *exponent = at;
        at = skip_digits(exponent, walk->end);
        is_integer = false;
        if (at == exponent) {
            return fail(walk, "a bad number");
        }
    }
    if (!walk->is_any_number && !is_in_range(start, at, is_integer)) {
        return fail(walk, "a number that is out of range");
    }
    walk->at = at;
    return true;
}

static bool walk_word(struct walk *walk)
{
    static const char *const words[] = {"true", "false", "null"};
    size_t left = (size_t)(walk->end - walk->at);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t count = strlen(words[i]);
        if (left >= count && memcmp(walk->at, words[i], count) == 0) {
            walk->at += count;
            return true;
        }
    }
    return fail(walk, "expected a value");
}

/** Is the innermost open bracket that of an object? */
static bool is_in_object(const struct walk *walk)
{
    size_t at = walk->depth - 1;
    return walk->depth > 0 && (walk->kinds[at / 64] >> at % 64 & 1) != 0;
}

/** An empty object or array, or the start of one that counts as a level. */
static bool open_bracket(struct walk *walk)
{
    bool is_object = *walk->at == '{';
    const char *next = mri_json_scan_space(walk->at + 1, walk->end);
    if (next < walk->end && *next == (is_object ? '}' : ']')) {
        walk->at = next + 1;
        walk->expected = AFTER;
        return true;
    }
    if (walk->depth == walk->depth_max) {
        return fail(walk, "values that lie too deep in one another");
    }
    walk->at = next;
    uint64_t bit = UINT64_C(1) << walk->depth % 64;
    uint64_t *kinds = &walk->kinds[walk->depth / 64];
    *kinds = is_object ? *kinds | bit : *kinds & ~bit;
    walk->depth++;
    walk->expected = is_object ? KEY : VALUE;
    return true;
}

static bool walk_value(struct walk *walk)
{
    char c = *walk->at;
    if (c == '{' || c == '[') {
        return open_bracket(walk);
    }
    walk->expected = AFTER;
    if (c == '"') {
        return walk_text(walk);
    }
    return c == '-' || is_digit(c) ? walk_number(walk) : walk_word(walk);
}

/** A key and its colon. */
static bool walk_key(struct walk *walk)
{
    if (*walk->at != '"') {
        return fail(walk, "expected a key in quotes");
    }
    if (!walk_text(walk)) {
        return false;
    }
    walk->at = mri_json_scan_space(walk->at, walk->end);
    if (walk->at == walk->end || *walk->at != ':') {
        return fail(walk, "expected ':'");
    }
    walk->at++;
    walk->expected = VALUE;
    return true;
}

/** What follows a value: a comma or the bracket that closes. */
static bool walk_after(struct walk *walk)
{
    bool is_object = is_in_object(walk);
    if (walk->depth == 0) {
        return fail(walk, "expected the end of the line");
    }
    if (*walk->at == (is_object ? '}' : ']')) {
        walk->at++;
        walk->depth--;
        return true;
    }
    if (*walk->at != ',') {
        return fail(walk, is_object ? "expected ',' or '}'" : "expected ',' or ']'");
    }
    walk->at++;
    walk->expected = is_object ? KEY : VALUE;
    return true;
}

static bool walk_step(struct walk *walk)
{
    switch (walk->expected) {
    case KEY:
        return walk_key(walk);
    case VALUE:
        return walk_value(walk);
    case AFTER:
        break;
    }
    return walk_after(walk);
}

static bool walk_all(struct walk *walk)
{
    for (;;) {
        walk->at = mri_json_scan_space(walk->at, walk->end);
        if (walk->at == walk->end) {
            break;
        }
        if (!walk_step(walk)) {
            return false;
        }
    }
    bool is_whole = walk->expected == AFTER && walk->depth == 0;
    return is_whole || fail(walk, "it ends too early");
}

/** A walk over a text, by whatever limits `walk` has. */
static bool scan(struct mri_slice text, struct walk walk, struct mri_json_fault *reterr_fault)
{
    walk.start = text.count == 0 ? "" : text.bytes;
    walk.at = walk.start;
    walk.end = walk.start + text.count;
    bool is_good = walk_all(&walk);
    if (!is_good) {
        *reterr_fault = walk.fault;
    }
    return is_good;
}

bool mri_json_scan_check(struct mri_slice text, struct mri_json_fault *reterr_fault)
{
    uint64_t kinds = 0;
    MRI_STATIC_ASSERT(MRI_JSON_DEPTH_MAX <= 8 * sizeof(kinds), "a bit of each level");
    const struct walk walk = {.kinds = &kinds, .depth_max = MRI_JSON_DEPTH_MAX};
    return scan(text, walk, reterr_fault);
}

bool mri_json_scan_shape(
    struct mri_slice text, uint64_t *kinds, size_t levels, struct mri_json_fault *reterr_fault)
{
    struct walk walk = {.depth_max = levels, .is_any_number = true};
    walk.kinds = kinds;
    return scan(text, walk, reterr_fault);
}

size_t mri_json_scan_levels(struct mri_slice text)
{
    size_t levels = 0;
    for (size_t i = 0; i < text.count; i++) {
        levels += text.bytes[i] == '{' || text.bytes[i] == '[';
    }
    return levels;
}

/** Behind the quote that closes a text. */
static const char *skip_text(const char *at, const char *end)
{
    const char *from = at + 1;
    const char *quote;
    while ((quote = memchr(from, '"', (size_t)(end - from))) != NULL) {
        const char *escapes = quote;
        while (escapes > from && escapes[-1] == '\\') {
            escapes--;
        }
        if ((quote - escapes) % 2 == 0) {
            return quote + 1;
        }
        from = quote + 1; /* the quote itself is escaped */
    }
    return end;
}

static bool is_scalar_end(char c)
{
    return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

const char *mri_json_scan_value(const char *at, const char *end)
{
    if (at < end && *at == '"') {
        return skip_text(at, end);
    }
    bool is_nested = at < end && (*at == '{' || *at == '[');
    size_t depth = 0;
    while (at < end) {
        if (!is_nested && is_scalar_end(*at)) {
            return at;
        }
        if (is_nested && *at == '"') {
            at = skip_text(at, end);
            continue;
        }
        depth += *at == '{' || *at == '[';
        depth -= is_nested && (*at == '}' || *at == ']');
        at++;
        if (is_nested && depth == 0) {
            return at;
        }
    }
    return end;
}
