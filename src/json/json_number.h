/* SPDX-License-Identifier: MIT */
/**
 * Doubles as text: the shortest digits that read back as the same double.
 */
#ifndef MRI_JSON_JSON_NUMBER_H
#define MRI_JSON_JSON_NUMBER_H

#include <stddef.h>

enum { MRI_JSON_NUMBER_BYTES = 32 };

/**
 * Write a number as %g does: with an exponent when it is below -4 or not below the number of
 * digits, which are at least 15.
 *
 * @param value  finite and not zero
 * @param text   room for MRI_JSON_NUMBER_BYTES; no NUL is put behind it
 *
 * Returns  the bytes.
 * Threads  any; no locale changes it.
 * Source   std::to_chars of the C++ library (U. Adams, "Ryu: fast float-to-string conversion",
 *          PLDI 2018).
 */
size_t mri_json_number(double value, char *text);

#endif
