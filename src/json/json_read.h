/* SPDX-License-Identifier: MIT */
/**
 * Reading JSON objects, one a line: strict, in bounded memory, by simdjson.
 *
 * Refused: anything but one object, keys that stand there twice, bytes that are not UTF-8, numbers
 * that do not fit, more than 32 levels, more than 1,024 fields.
 */
#ifndef MRI_JSON_JSON_READ_H
#define MRI_JSON_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "millrace/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A parser with its memory. Opaque. */
struct mri_json_parser;

/** Limits: of a line when none is given, and of the fields of an object. */
enum { MRI_JSON_LINE_BYTES_DEFAULT = 1024 * 1024, MRI_JSON_FIELDS_MAX = 1024 };

enum mri_json_type {
    MRI_JSON_NULL,
    MRI_JSON_BOOL,
    MRI_JSON_INTEGER, /**< written without point and exponent */
    MRI_JSON_NUMBER,
    MRI_JSON_TEXT,
    MRI_JSON_OBJECT,
    MRI_JSON_ARRAY,
};

/** The value of a field. What does not belong to its type is zero. */
struct mri_json_value {
    enum mri_json_type type;
    bool boolean;
    int64_t integer;
    double number;         /**< of an integer too, rounded */
    struct mri_slice text; /**< unescaped; may hold NULs */
    struct mri_slice raw;  /**< as it stands in the line, quotes included */
};

/**
 * Make a parser.
 *
 * @param line_bytes_max  longer lines are refused; 0 = MRI_JSON_LINE_BYTES_DEFAULT; at most 1 GiB
 *
 * Returns  MR_OK; MR_EINVAL; MR_ENOMEM.
 * Owner    mri_json_parser_close() frees.
 * Threads  one at a time per parser.
 * Cost     reserves about 15 bytes for each byte of a line; simdjson gets them from the heap
 *          itself.
 */
MR_MUST_USE mr_err mri_json_parser_open(
    const struct mri_alloc *alloc, size_t line_bytes_max, struct mri_json_parser **ret_parser);

/**
 * Parse a line that must hold one object, and hand out its fields in order.
 *
 * The whole line is checked before the first field is handed out, but for keys that stand there
 * twice and integers above INT64_MAX: these are found when their turn comes.
 *
 * @param line  needs no NUL and no padding; it may end in white space
 * @param each  called for each field; anything but MR_OK ends parsing and is passed up
 *
 * Returns  MR_OK; MR_REFUSED not acceptable, *reterr_problem (may be NULL) says what and at which
 *          byte; what `each` answered; MR_ENOMEM.
 * Owner    key and text belong to the parser, raw to the line; both are valid during the call.
 * Threads  one at a time per parser.
 * Cost     about 2 ns a byte.
 */
MR_MUST_USE mr_err mri_json_parse_object(struct mri_json_parser *parser, struct mri_slice line,
    mr_err (*each)(void *context, struct mri_slice key, const struct mri_json_value *value),
    void *context, mr_problem *reterr_problem);

/**
 * Free a parser. NULL is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time; the parser is gone afterwards.
 */
void mri_json_parser_close(struct mri_json_parser *parser);

#ifdef __cplusplus
}
#endif
#endif
