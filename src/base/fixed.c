/* SPDX-License-Identifier: MIT */
/*
 * Scaled integers.
 *
 * Invariants
 *  1. Nothing here rounds silently but mul_div, mul_div_up, notional and the two with "double" in
 * their names, which say how.
 *  2. Floating point is used by to_double alone.
 */
#include "base/fixed.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

__extension__ typedef __int128 wide;

int64_t mri_fixed_power(unsigned decimals)
{
    MRI_ASSERT(decimals <= 18);
    int64_t power = 1;
    for (unsigned i = 0; i < decimals; i++) {
        power *= 10;
    }
    return power;
}

static mr_err narrow(wide value, int64_t *ret_value)
{
    if (value > INT64_MAX || value < INT64_MIN) {
        return MR_ERANGE;
    }
    *ret_value = (int64_t)value;
    return MR_OK;
}

/** Reads digits with at most one point; counts the digits after it. */
struct digits {
    uint64_t value;
    unsigned decimals;
    bool is_seen;
    bool is_too_big;
};

static mr_err read_digits(const char *at, const char *end, struct digits *ret_digits)
{
    struct digits digits = {0};
    bool has_point = false;
    unsigned zeros = 0; /* decimals that are zero so far count only if another digit follows */
    for (; at < end; at++) {
        if (*at == '.' && !has_point) {
            has_point = true;
            continue;
        }
        if (*at < '0' || *at > '9') {
            return MR_REFUSED;
        }
        digits.is_seen = true;
        if (has_point && *at == '0') {
            zeros++;
            continue;
        }
        unsigned shift = zeros + 1;
        for (unsigned i = 0; i < shift; i++) {
            digits.is_too_big = digits.is_too_big || digits.value > (UINT64_MAX - 9) / 10;
            digits.value *= 10;
        }
        digits.value += (uint64_t)(*at - '0');
        digits.decimals += has_point ? shift : 0;
        zeros = 0;
    }
    *ret_digits = digits;
    return digits.is_seen ? MR_OK : MR_REFUSED;
}

mr_err mri_fixed_parse(struct mri_slice text, unsigned decimals, int64_t *ret_value)
{
    if (text.count == 0) {
        return MR_REFUSED;
    }
    const char *at = text.bytes;
    const char *end = text.bytes + text.count;
    bool is_negative = *at == '-';
    if (*at == '-' || *at == '+') {
        at++;
    }
    struct digits digits;
    mr_err err = read_digits(at, end, &digits);
    if (err != MR_OK) {
        return err;
    }
    if (digits.is_too_big || digits.decimals > decimals || decimals > 18) {
        return MR_ERANGE;
    }
    wide scaled = (wide)digits.value * mri_fixed_power(decimals - digits.decimals);
    return narrow(is_negative ? -scaled : scaled, ret_value);
}

mr_err mri_fixed_parse_count(struct mri_slice text, int64_t *ret_value)
{
    for (size_t i = 0; i < text.count; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') {
            return MR_REFUSED;
        }
    }
    return mri_fixed_parse(text, 0, ret_value);
}

const char *mri_fixed_format(
    int64_t value, unsigned decimals, char text[static MRI_FIXED_TEXT_BYTES])
{
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint64_t power = (uint64_t)mri_fixed_power(decimals);
    const char *sign = value < 0 ? "-" : "";
    if (decimals == 0) {
        (void)snprintf(text, MRI_FIXED_TEXT_BYTES, "%s%llu", sign, (unsigned long long)magnitude);
    } else {
        (void)snprintf(text, MRI_FIXED_TEXT_BYTES, "%s%llu.%0*llu", sign,
            (unsigned long long)(magnitude / power), (int)decimals,
            (unsigned long long)(magnitude % power));
    }
    return text;
}

static wide divide_half_away(wide value, wide divisor)
{
    wide half = divisor / 2;
    return value >= 0 ? (value + half) / divisor : -((-value + half) / divisor);
}

mr_err mri_fixed_mul_div(int64_t a, int64_t b, int64_t divisor, int64_t *ret_value)
{
    MRI_ASSERT(divisor > 0);
    return narrow(divide_half_away((wide)a * b, divisor), ret_value);
}

mr_err mri_fixed_mul_div_up(int64_t a, int64_t b, int64_t divisor, int64_t *ret_value)
{
    MRI_ASSERT(a >= 0);
    MRI_ASSERT(b >= 0);
    MRI_ASSERT(divisor > 0);
    return narrow(((wide)a * b + divisor - 1) / divisor, ret_value);
}

mr_err mri_fixed_notional_e8(int64_t price, unsigned price_decimals, int64_t quantity,
    unsigned quantity_decimals, int64_t *ret_money_e8)
{
    if (price_decimals > MRI_FIXED_DECIMALS_MAX || quantity_decimals > MRI_FIXED_DECIMALS_MAX) {
        return MR_ERANGE;
    }
    wide product = (wide)price * quantity;
    unsigned decimals = price_decimals + quantity_decimals;
    if (decimals > MRI_MONEY_DECIMALS) {
        unsigned excess = decimals - MRI_MONEY_DECIMALS;
        return narrow(divide_half_away(product, mri_fixed_power(excess)), ret_money_e8);
    }
    if (product > INT64_MAX || product < INT64_MIN) {
        return MR_ERANGE; /* the multiplication below could leave 128 bits */
    }
    return narrow(product * mri_fixed_power(MRI_MONEY_DECIMALS - decimals), ret_money_e8);
}

mr_err mri_fixed_add(int64_t a, int64_t b, int64_t *ret_value)
{
    return narrow((wide)a + b, ret_value);
}

double mri_fixed_to_double(int64_t value, unsigned decimals)
{
    return (double)value / (double)mri_fixed_power(decimals);
}

mr_err mri_fixed_from_double(double value, unsigned decimals, int64_t *ret_value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    int exponent = (int)(bits >> 52 & 0x7ff) - 1075; /* |value| = mantissa * 2^exponent */
    wide mantissa = (wide)((bits & 0x000fffffffffffffu) | 0x0010000000000000u);
    wide scaled = mantissa * mri_fixed_power(decimals); /* below 2^113 */
    if (exponent > 11) {
        return MR_ERANGE; /* at least 2^64; NaN and infinity come here too */
    }
    if (exponent >= 0) {
        scaled <<= exponent;
    } else {
        scaled = exponent < -114 ? 0 : (scaled + ((wide)1 << (-exponent - 1))) >> -exponent;
    }
    return narrow(value < 0 ? -scaled : scaled, ret_value);
}
