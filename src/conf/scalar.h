/* SPDX-License-Identifier: MIT */
/**
 * Numbers as people write them into a configuration: one plain form each, whatever the locale.
 *
 * A number is an optional '-', digits without a leading zero, then optionally a point with digits
 * and an exponent. Signs '+', hexadecimal, octal, infinities, NaN and separators are refused.
 */
#ifndef MRI_CONF_SCALAR_H
#define MRI_CONF_SCALAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "millrace/err.h"

/**
 * Read an integer: digits, with '-' in front of a negative one.
 *
 * Returns  MR_OK; MR_REFUSED not of that form; MR_ERANGE it does not fit 64 bits.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_scalar_integer(struct mri_slice text, int64_t *ret_value);

/**
 * Read a number as the nearest double.
 *
 * @param text  followed by a NUL
 *
 * Returns  MR_OK; MR_REFUSED not of the form above; MR_ERANGE too large for a double, or not zero
 *          and too small; MR_ENOMEM.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_scalar_number(struct mri_slice text, double *ret_value);

/**
 * Is this a number of the form above without an exponent?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_scalar_is_decimal(struct mri_slice text);

#endif
