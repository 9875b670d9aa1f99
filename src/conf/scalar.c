/* SPDX-License-Identifier: MIT */
/*
 * Numbers of a configuration.
 *
 * Invariants
 *  1. The form is checked here, byte by byte; the C library only ever sees text that passed.
 *  2. The conversion to double is the C library's, in the "C" locale: correctly rounded, and the
 *     same for a host program that has set another locale.
 */
#define _GNU_SOURCE
#include "conf/scalar.h"

#include <locale.h>
#include <stdlib.h>

#include "base/check.h"

/** What the form of a text says about it. */
struct form {
    bool is_number;
    bool has_exponent;
    bool has_digit_above_zero; /* before the exponent */
};

/** Step over digits; returns how many there were. */
static size_t skip_digits(struct mri_slice text, size_t *at, struct form *form)
{
    size_t begin = *at;
    while (*at < text.count && text.bytes[*at] >= '0' && text.bytes[*at] <= '9') {
        form->has_digit_above_zero |= text.bytes[*at] != '0' && !form->has_exponent;
        (*at)++;
    }
    return *at - begin;
}

static bool skip_one_of(struct mri_slice text, size_t *at, const char *set)
{
    bool is_there =
        *at < text.count && text.bytes[*at] != '\0' && strchr(set, text.bytes[*at]) != NULL;
    *at += is_there;
    return is_there;
}

static struct form form_of(struct mri_slice text)
{
    struct form form = {0};
    size_t at = 0;
    (void)skip_one_of(text, &at, "-"); /* may be absent */
    size_t begin = at;
    size_t digits = skip_digits(text, &at, &form);
    bool is_good = digits == 1 || (digits > 1 && text.bytes[begin] != '0');
    if (skip_one_of(text, &at, ".")) {
        is_good = is_good && skip_digits(text, &at, &form) > 0;
    }
    form.has_exponent = skip_one_of(text, &at, "eE");
    if (form.has_exponent) {
        (void)skip_one_of(text, &at, "+-"); /* may be absent */
        is_good = is_good && skip_digits(text, &at, &form) > 0;
    }
    form.is_number = is_good && at == text.count;
    return form;
}

mr_err mri_scalar_integer(struct mri_slice text, int64_t *ret_value)
{
    bool is_negative = text.count > 0 && text.bytes[0] == '-';
    size_t first = is_negative ? 1 : 0;
    if (text.count == first || (text.bytes[first] == '0' && text.count > first + 1)) {
        return MR_REFUSED;
    }
    uint64_t value = 0;
    bool is_too_big = false;
    for (size_t i = first; i < text.count; i++) {
        unsigned digit = (unsigned)(unsigned char)text.bytes[i] - '0';
        if (digit > 9) {
            return MR_REFUSED;
        }
        is_too_big = is_too_big || value > ((uint64_t)INT64_MAX - digit) / 10;
        value = is_too_big ? 0 : value * 10 + digit;
    }
    if (is_too_big) {
        return MR_ERANGE;
    }
    *ret_value = is_negative ? -(int64_t)value : (int64_t)value;
    return MR_OK;
}

mr_err mri_scalar_number(struct mri_slice text, double *ret_value)
{
    struct form form = form_of(text);
    if (!form.is_number) {
        return MR_REFUSED;
    }
    MRI_ASSERT(text.bytes[text.count] == '\0');
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0) {
        return MR_ENOMEM;
    }
    double value = strtod_l(text.bytes, NULL, plain);
    freelocale(plain);
    bool is_finite = value - value == 0;
    if (!is_finite || (value == 0 && form.has_digit_above_zero)) {
        return MR_ERANGE;
    }
    *ret_value = value == 0 ? 0 : value; /* -0 is 0 */
    return MR_OK;
}

bool mri_scalar_is_decimal(struct mri_slice text)
{
    struct form form = form_of(text);
    return form.is_number && !form.has_exponent;
}
