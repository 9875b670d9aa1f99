/* SPDX-License-Identifier: MIT */
/**
 * Scaled integers: a price of 27.125 with 3 decimals is 27125. Money has 8 decimals everywhere.
 *
 * Products go through 128 bits and round half away from zero; what does not fit is a fault, never a
 * wrapped number.
 */
#ifndef MRI_BASE_FIXED_H
#define MRI_BASE_FIXED_H

#include <stdint.h>

#include "base/slice.h"
#include "millrace/err.h"

/** The most decimals a price or quantity may have. */
enum { MRI_FIXED_DECIMALS_MAX = 12, MRI_MONEY_DECIMALS = 8 };

/** Bytes that hold any formatted value with its sign, point and NUL. */
enum { MRI_FIXED_TEXT_BYTES = 32 };

/**
 * 10 to the power of `decimals`.
 *
 * @param decimals  0..18
 *
 * Returns  the power.
 * Threads  any.
 */
int64_t mri_fixed_power(unsigned decimals);

/**
 * Read a decimal number ("-0.0125", "1e-3" is refused) exactly.
 *
 * @param decimals  digits after the point that the result keeps
 *
 * Returns  MR_OK; MR_REFUSED not a plain decimal number; MR_ERANGE it has more significant
 *          decimals than `decimals` or does not fit. *ret_value only on MR_OK.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_fixed_parse(struct mri_slice text, unsigned decimals, int64_t *ret_value);

/**
 * Read a count or a number that names something: digits alone, without sign, point or space.
 * Leading zeros are allowed.
 *
 * Returns  MR_OK; MR_REFUSED anything else stands there; MR_ERANGE it does not fit. *ret_value only
 *          on MR_OK.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_fixed_parse_count(struct mri_slice text, int64_t *ret_value);

/**
 * Write a scaled integer with all its decimals into `text`.
 *
 * Returns  text.
 * Threads  any.
 */
const char *mri_fixed_format(
    int64_t value, unsigned decimals, char text[static MRI_FIXED_TEXT_BYTES]);

/**
 * a * b / divisor, rounded half away from zero.
 *
 * @param divisor  > 0
 *
 * Returns  MR_OK; MR_ERANGE the result does not fit 64 bits.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_fixed_mul_div(int64_t a, int64_t b, int64_t divisor, int64_t *ret_value);

/**
 * a * b / divisor for a and b not below zero, rounded up.
 *
 * @param divisor  > 0
 *
 * Returns  MR_OK; MR_ERANGE the result does not fit 64 bits.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_fixed_mul_div_up(int64_t a, int64_t b, int64_t divisor, int64_t *ret_value);

/**
 * price * quantity as money (8 decimals), rounded half away from zero.
 *
 * Returns  MR_OK; MR_ERANGE it does not fit, or the decimals exceed MRI_FIXED_DECIMALS_MAX.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_fixed_notional_e8(int64_t price, unsigned price_decimals, int64_t quantity,
    unsigned quantity_decimals, int64_t *ret_money_e8);

/**
 * a + b.
 *
 * Returns  MR_OK; MR_ERANGE on overflow.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_fixed_add(int64_t a, int64_t b, int64_t *ret_value);

/**
 * The value as a double, for statistics only.
 *
 * Returns  value / 10^decimals, correctly rounded while |value| < 2^53; else the last bit may be
 *          off by one.
 * Threads  any.
 */
double mri_fixed_to_double(int64_t value, unsigned decimals);

/**
 * A double as a scaled integer: its exact value times 10^decimals, rounded half away from zero.
 *
 * Returns  MR_OK; MR_ERANGE not finite or does not fit.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_fixed_from_double(double value, unsigned decimals, int64_t *ret_value);

#endif
