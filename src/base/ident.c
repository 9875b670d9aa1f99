/* SPDX-License-Identifier: MIT */
/*
 * Ids of signals as text. Parsing is strict by construction: what was parsed is formatted again and
 * must give the same bytes.
 */
#include "base/ident.h"

#include <string.h>

#include "base/fixed.h"

/** In decimal, two digits a step; returns behind it. */
static char *put_decimal(char *at, uint64_t value)
{
    enum { DIGITS_MAX = 20 };
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    char digits[DIGITS_MAX];
    unsigned from = DIGITS_MAX;
    while (value >= 10) {
        from -= 2;
        memcpy(digits + from, pairs + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value > 0 || from == DIGITS_MAX) {
        digits[--from] = (char)('0' + value);
    }
    memcpy(at, digits + from, DIGITS_MAX - from);
    return at + (DIGITS_MAX - from);
}

/* One digit in each byte of a word, first the highest. */
void mri_ident_put_ordinal(mr_ordinal ordinal, char ret_digits[static MRI_IDENT_ORDINAL_BYTES])
{
    uint32_t value = ordinal.n;
    const uint64_t ones = 0x0101010101010101;
    uint64_t digits = value >> 16 | (uint64_t)(value & 0xffff) << 32;
    digits = (digits >> 8 & 0x000000ff000000ff) | (digits & 0x000000ff000000ff) << 16;
    digits = (digits >> 4 & 0x000f000f000f000f) | (digits & 0x000f000f000f000f) << 8;
    uint64_t are_letters = (digits + 6 * ones) >> 4 & ones;
    digits += '0' * ones + are_letters * ('a' - '9' - 1);
    memcpy(ret_digits, &digits, sizeof(digits));
}

const char *mri_ident_format(const struct mri_ident *ident, char text[static MRI_IDENT_BYTES])
{
    size_t count = ident->symbol.count;
    bool is_before_1970 = ident->time_unix_ms < 0;
    uint64_t time = (uint64_t)ident->time_unix_ms;
    char *at = text;
    count = count < MRI_SYMBOL_BYTES_MAX ? count : MRI_SYMBOL_BYTES_MAX;
    if (count > 0) {
        memcpy(at, ident->symbol.bytes, count);
    }
    at += count;
    *at++ = '_';
    if (is_before_1970) {
        *at++ = '-';
    }
    at = put_decimal(at, is_before_1970 ? 0 - time : time);
    *at++ = '_';
    mri_ident_put_ordinal(ident->ordinal, at);
    at[MRI_IDENT_ORDINAL_BYTES] = '\0';
    return text;
}

static size_t last_underscore(struct mri_slice text)
{
    size_t i = text.count;
    while (i > 0 && text.bytes[i - 1] != '_') {
        i--;
    }
    return i; /* the index after it; 0 when there is none */
}

static mr_err parse_number(struct mri_slice text, unsigned base, uint64_t limit, uint64_t *ret)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.count; i++) {
        char c = text.bytes[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 99;
        if (digit >= base || value > (limit - digit) / base) {
            return MR_REFUSED;
        }
        value = value * base + digit;
    }
    *ret = value;
    return text.count > 0 ? MR_OK : MR_REFUSED;
}

mr_err mri_ident_parse(struct mri_slice text, struct mri_ident *ret_ident)
{
    size_t hex_at = last_underscore(text);
    if (hex_at == 0 || text.count >= MRI_IDENT_BYTES) {
        return MR_REFUSED;
    }
    struct mri_slice hex = {text.bytes + hex_at, text.count - hex_at};
    struct mri_slice front = {text.bytes, hex_at - 1};
    size_t ms_at = last_underscore(front);
    if (ms_at < 2 || ms_at - 1 > MRI_SYMBOL_BYTES_MAX) {
        return MR_REFUSED;
    }
    uint64_t ordinal;
    uint64_t ms;
    struct mri_slice ms_text = {front.bytes + ms_at, front.count - ms_at};
    if (parse_number(hex, 16, UINT32_MAX, &ordinal) != MR_OK ||
        parse_number(ms_text, 10, INT64_MAX / 1000000, &ms) != MR_OK) {
        return MR_REFUSED;
    }
    struct mri_ident ident = {.symbol = {text.bytes, ms_at - 1},
        .time_unix_ms = (int64_t)ms,
        .ordinal = {(uint32_t)ordinal}};
    char again[MRI_IDENT_BYTES];
    if (!mri_slice_is(text, mri_ident_format(&ident, again)) || ordinal == 0) {
        return MR_REFUSED;
    }
    *ret_ident = ident;
    return MR_OK;
}

bool mri_ident_is_name(struct mri_slice text)
{
    struct mri_ident ident;
    int64_t number;
    return mri_fixed_parse_count(text, &number) != MR_REFUSED ||
           mri_ident_parse(text, &ident) == MR_OK;
}
