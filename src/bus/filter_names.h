/* SPDX-License-Identifier: MIT */
/**
 * The names that a question may say: symbols, sources, and the sources' names for their signals.
 * An unknown one is answered with those that there are.
 */
#ifndef MRI_BUS_FILTER_NAMES_H
#define MRI_BUS_FILTER_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "millrace/err.h"

enum mri_name_kind { MRI_NAME_SYMBOL, MRI_NAME_SOURCE, MRI_NAME_NAME };

/** Room for what mri_filter_names_expected() says. */
enum { MRI_EXPECTED_NAME_BYTES = 320 };

/** Who knows the names that stand in the text. */
struct mri_filter_names {
    const void *context;
    /** MR_OK and the number; MR_NOT_FOUND there is no such name. */
    mr_err (*find)(
        const void *context, enum mri_name_kind kind, struct mri_slice name, uint32_t *ret_number);
    /** The name of a number; empty: the number is nobody's; NULL: there are no more. */
    const char *(*text)(const void *context, enum mri_name_kind kind, uint32_t number);
    int64_t now_unix_ns; /**< what an age counts from */
};

/**
 * What was expected instead of a name that is not there: `a source that is known here (rsi, mybot
 * and 12 more)`. A name that was most likely meant comes first.
 *
 * Returns  ret_text.
 * Threads  one at a time per table of names.
 * Cost     compares with every name.
 */
const char *mri_filter_names_expected(const struct mri_filter_names *names, enum mri_name_kind kind,
    struct mri_slice found, char ret_text[MRI_EXPECTED_NAME_BYTES]);

#endif
