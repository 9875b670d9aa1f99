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
#include <stdint.h>
#include <string.h>

/**
 * e to the power of x for any x; mri_exp() is the same and quicker near 0.
 *
 * Returns  as mri_exp().
 * Threads  any.
 */
double mri_exp_far(double x);

/**
 * e to the power of x; relative error below 4e-16 where the result is a normal number. Near 0,
 * where r^8/8! is below 2^-63, even and odd powers go side by side.
 *
 * Returns  the power; 0 below -745, infinity above 709.78, NaN for NaN.
 * Threads  any.
 * Cost     about 15 ns, 3 ns for |x| < 1/64.
 * Source   argument reduction by ln 2 in two parts (Cody and Waite 1980), Taylor series to r^13.
 */
static inline double mri_exp(double x)
{
    if (!(x > -1.0 / 64.0 && x < 1.0 / 64.0)) {
        return mri_exp_far(x);
    }
    double s = x * x;
    double odd = (1.0 / 5040.0) * s + 1.0 / 120.0;
    double even = (1.0 / 720.0) * s + 1.0 / 24.0;
    odd = odd * s + 1.0 / 6.0;
    even = even * s + 0.5;
    return 1.0 + (x + s * (even + x * odd));
}

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
static inline bool mri_is_finite(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return (bits & 0x7ff0000000000000u) != 0x7ff0000000000000u;
}

/**
 * x limited to [low, high].
 *
 * Returns  the nearest number of the interval; low for NaN.
 * Threads  any.
 */
static inline double mri_clamp(double x, double low, double high)
{
    if (!(x >= low)) {
        return low;
    }
    return x > high ? high : x;
}

#endif
