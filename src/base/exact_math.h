/* SPDX-License-Identifier: MIT */
/**
 * Elementary functions that give the same bits on every machine.
 *
 * The C library picks an implementation by CPU, and the last bit differs. A replay must not, so
 * engines use these: only + - * / and sqrt, which IEEE 754 rounds exactly, in a fixed order.
 */
#ifndef MRI_BASE_EXACT_MATH_H
#define MRI_BASE_EXACT_MATH_H

#include <stdbool.h>

/**
 * e to the power of x; relative error below 4e-16 where the result is a normal number.
 *
 * Returns  the power; 0 below -745, infinity above 709.78, NaN for NaN.
 * Threads  any.
 * Cost     about 15 ns, 5 ns for |x| < 1/64.
 * Source   argument reduction by ln 2 in two parts (Cody and Waite 1980), Taylor series to r^13.
 */
double mri_exp(double x);

/**
 * The natural logarithm of x; relative error below 4e-16.
 *
 * Returns  the logarithm; -infinity for 0, NaN below 0 and for NaN, infinity for infinity.
 * Threads  any.
 * Source   log(m) = 2 atanh((m - 1) / (m + 1)), series to the 21st power, plus e ln 2 in two parts.
 */
double mri_log(double x);

/**
 * The square root of x, correctly rounded.
 *
 * Returns  the root; NaN below 0.
 * Threads  any.
 */
double mri_sqrt(double x);

/**
 * 1 / (1 + e^-z), without overflow on either side.
 *
 * Returns  a number in [0, 1].
 * Threads  any.
 */
double mri_sigmoid(double z);

/**
 * |x|.
 *
 * Returns  x without its sign.
 * Threads  any.
 */
double mri_abs(double x);

/**
 * The NaN that stands for "absent" inside windows; it is never stored in an event.
 *
 * Returns  a quiet NaN.
 * Threads  any.
 */
double mri_nan(void);

/**
 * Is x neither NaN nor infinite?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_is_finite(double x);

/**
 * x limited to [low, high].
 *
 * Returns  the nearest number of the interval; low for NaN.
 * Threads  any.
 */
double mri_clamp(double x, double low, double high);

#endif
