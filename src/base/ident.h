/* SPDX-License-Identifier: MIT */
/**
 * The text form of a signal's id: SYMBOL_UNIXMS_HEX, for example BTCUSDT_1746372900000_0000002a.
 *
 * The hex part is the signal's ordinal, at least eight digits. The id is compared whole: a text
 * whose symbol or time does not belong to the ordinal names no signal.
 */
#ifndef MRI_BASE_IDENT_H
#define MRI_BASE_IDENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "millrace/err.h"
#include "millrace/types.h"

/** The longest symbol name, and bytes that hold any id with its NUL. */
enum { MRI_SYMBOL_BYTES_MAX = 32, MRI_IDENT_BYTES = MRI_SYMBOL_BYTES_MAX + 40 };

/** The three parts of an id. */
struct mri_ident {
    struct mri_slice symbol;
    int64_t time_unix_ms;
    mr_ordinal ordinal;
};

/** The digits of an ordinal, with which an id ends. */
enum { MRI_IDENT_ORDINAL_BYTES = 8 };

/**
 * An ordinal as an id ends with it: hexadecimal, in which every ordinal fits. For who has the rest
 * of an id already.
 *
 * Returns  nothing; no NUL is stored.
 * Threads  any.
 */
void mri_ident_put_ordinal(mr_ordinal ordinal, char ret_digits[static MRI_IDENT_ORDINAL_BYTES]);

/**
 * Write an id as text.
 *
 * Returns  text.
 * Threads  any.
 */
const char *mri_ident_format(const struct mri_ident *ident, char text[static MRI_IDENT_BYTES]);

/**
 * Read an id.
 *
 * Returns  MR_OK; MR_REFUSED it has not the form, or is not exactly what mri_ident_format() would
 *          write for the same parts.
 * Owner    ret_ident->symbol points into `text`.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_ident_parse(struct mri_slice text, struct mri_ident *ret_ident);

/**
 * Could a text name a signal: by its form an id, or a number?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_ident_is_name(struct mri_slice text);

#endif
