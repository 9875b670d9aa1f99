/* SPDX-License-Identifier: MIT */
/*
 * The C++ library's shortest digits behind a C interface.
 *
 * Invariants
 *  1. to_chars gives D.DDDe+XX, with no dot when there is one digit: the digits are gathered from
 * it and laid out as %g would.
 */
#include <charconv>
#include <cstdlib>
#include <cstring>

extern "C" {
#include "json/json_number.h"
}

namespace
{
constexpr int digits_always_kept = 15;
constexpr int exponent_min = -4;

/** Digits with a dot in their middle, or zeros in front; returns behind them. */
char *put_fixed(char *at, const char *digits, int count, int exponent)
{
    if (exponent < 0) {
        *at++ = '0';
        *at++ = '.';
        for (int i = -1; i > exponent; i--) {
            *at++ = '0';
        }
    }
    for (int i = 0; i < count || i <= exponent; i++) {
        if (exponent >= 0 && i == exponent + 1) {
            *at++ = '.';
        }
        *at++ = i < count ? digits[i] : '0';
    }
    return at;
}
} // namespace

extern "C" size_t mri_json_number(double value, char *text)
{
    char *end = text + MRI_JSON_NUMBER_BYTES;
    const std::to_chars_result result =
        std::to_chars(text, end, value, std::chars_format::scientific);
    if (result.ec != std::errc{}) {
        std::abort(); /* 24 characters are the most there are */
    }
    char digits[MRI_JSON_NUMBER_BYTES];
    int count = 0;
    const char *from = text + (*text == '-' ? 1 : 0);
    for (; from < result.ptr && *from != 'e'; from++) {
        if (*from != '.') {
            digits[count++] = *from;
        }
    }
    int exponent = 0;
    (void)std::from_chars(from[1] == '+' ? from + 2 : from + 1, result.ptr, exponent);
    int precision = count > digits_always_kept ? count : digits_always_kept;
    if (exponent < exponent_min || exponent >= precision) {
        return (size_t)(result.ptr - text);
    }
    return (size_t)(put_fixed(text + (*text == '-' ? 1 : 0), digits, count, exponent) - text);
}
