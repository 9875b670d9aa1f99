/* SPDX-License-Identifier: MIT */
/*
 * Scaled integers.
 *
 * Invariants
 *  1. Nothing here rounds silently but mul_div, notional and from_double, which say how.
 *  2. No function uses floating point but the two with "double" in their names.
 */
#include "base/fixed.h"

#include <stdbool.h>
#include <stdio.h>

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
            digits.is_too_big = digits.is_too_big || digits.value > UINT64_MAX / 100;
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
    const char *at = text.bytes;
    const char *end = text.bytes + text.count;
    bool is_negative = text.count > 0 && *at == '-';
    if (text.count > 0 && (*at == '-' || *at == '+')) {
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
    if (scaled > INT64_MAX) {
        return MR_ERANGE;
    }
    *ret_value = is_negative ? -(int64_t)scaled : (int64_t)scaled;
    return MR_OK;
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

static mr_err narrow(wide value, int64_t *ret_value)
{
    if (value > INT64_MAX || value < INT64_MIN) {
        return MR_ERANGE;
    }
    *ret_value = (int64_t)value;
    return MR_OK;
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
    wide limit = (wide)INT64_MAX;
    if (product > limit || product < -limit) {
        return MR_ERANGE;
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
    double scaled = value * (double)mri_fixed_power(decimals);
    if (!(scaled > -9.2e18 && scaled < 9.2e18)) {
        return MR_ERANGE;
    }
    *ret_value = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    return MR_OK;
}
