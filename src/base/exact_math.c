/* SPDX-License-Identifier: MIT */
/*
 * exp, log and friends from + - * / sqrt alone.
 *
 * Invariants
 *  1. No libm call, no fused multiply-add (the build passes -ffp-contract=off), no table that
 *     depends on the machine: the same input gives the same 64 bits everywhere.
 *  2. Polynomials are evaluated in the order written; the compiler may not reassociate (no
 *     -ffast-math in this project).
 */
#include "base/exact_math.h"

#include <stdint.h>
#include <string.h>

/* ln 2 in two parts: the first has 36 significant bits, so k * LN2_HIGH is exact for |k| < 2^17. */
#define LN2_HIGH    0x1.62e42fefap-1
#define LN2_LOW     0x1.cf79abc9e3b39p-40
#define INVERSE_LN2 0x1.71547652b82fep+0

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static double double_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

/** 2^k for a normal result. */
static double power_of_two(int k)
{
    return double_of((uint64_t)(k + 1023) << 52);
}

/** e^r for |r| <= ln(2)/2: r^14/14! is below 2^-57. Even and odd powers go side by side. */
static double exp_reduced(double r)
{
    double s = r * r;
    double odd = 1.0 / 6227020800.0;
    odd = odd * s + 1.0 / 39916800.0;
    odd = odd * s + 1.0 / 362880.0;
    odd = odd * s + 1.0 / 5040.0;
    odd = odd * s + 1.0 / 120.0;
    odd = odd * s + 1.0 / 6.0;
    double even = 1.0 / 479001600.0;
    even = even * s + 1.0 / 3628800.0;
    even = even * s + 1.0 / 40320.0;
    even = even * s + 1.0 / 720.0;
    even = even * s + 1.0 / 24.0;
    even = even * s + 0.5;
    return 1.0 + (r + s * (even + r * odd));
}

double mri_exp_far(double x)
{
    if (!(x < 709.79 && x > -745.2)) { /* NaN comes here too */
        return x != x ? x : (x > 0.0 ? double_of(0x7ff0000000000000u) : 0.0);
    }
    double scaled = x * INVERSE_LN2;
    int k = (int)(scaled < 0.0 ? scaled - 0.5 : scaled + 0.5);
    double r = (x - k * LN2_HIGH) - k * LN2_LOW;
    double e = exp_reduced(r);
    /* Two steps, so that neither power leaves the normal range; the second may round to subnormal.
     */
    int half = k / 2;
    return e * power_of_two(half) * power_of_two(k - half);
}

/** log((1 + s) / (1 - s)) for |s| <= 0.1716: s^23/23 is below 2^-62. */
static double log_series(double s)
{
    double t = s * s;
    double p = 1.0 / 21.0;
    p = p * t + 1.0 / 19.0;
    p = p * t + 1.0 / 17.0;
    p = p * t + 1.0 / 15.0;
    p = p * t + 1.0 / 13.0;
    p = p * t + 1.0 / 11.0;
    p = p * t + 1.0 / 9.0;
    p = p * t + 1.0 / 7.0;
    p = p * t + 1.0 / 5.0;
    p = p * t + 1.0 / 3.0;
    return 2.0 * (s + s * (t * p));
}

double mri_log(double x)
{
    if (!(x > 0.0)) {
        return x == 0.0 ? double_of(0xfff0000000000000u) : mri_nan();
    }
    if (bits_of(x) == 0x7ff0000000000000u) {
        return x;
    }
    int exponent = 0;
    if (bits_of(x) < 0x0010000000000000u) { /* subnormal */
        x *= 0x1p54;
        exponent = -54;
    }
    uint64_t bits = bits_of(x);
    exponent += (int)(bits >> 52) - 1023;
    double m = double_of((bits & 0x000fffffffffffffu) | 0x3ff0000000000000u);
    if (m > 0x1.6a09e667f3bcdp+0) { /* sqrt 2 */
        m *= 0.5;
        exponent++;
    }
    double series = log_series((m - 1.0) / (m + 1.0));
    return exponent * LN2_HIGH + (series + exponent * LN2_LOW);
}

double mri_sqrt(double x)
{
    return x < 0.0 ? mri_nan() : __builtin_sqrt(x); /* the sign of the CPU's own NaN differs */
}

double mri_sigmoid(double z)
{
    if (z >= 0.0) {
        return 1.0 / (1.0 + mri_exp(-z));
    }
    double e = mri_exp(z);
    return e / (1.0 + e);
}

double mri_abs(double x)
{
    return double_of(bits_of(x) & 0x7fffffffffffffffu);
}

double mri_nan(void)
{
    return double_of(0x7ff8000000000000u);
}
