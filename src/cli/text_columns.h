/* SPDX-License-Identifier: MIT */
/**
 * How much room text takes on a terminal: East Asian characters and emoji two columns, combining
 * ones none, all others one. What is not to be printed as it is was escaped before (base/text.h).
 */
#ifndef MRI_CLI_TEXT_COLUMNS_H
#define MRI_CLI_TEXT_COLUMNS_H

#include <stddef.h>

#include "base/slice.h"

/**
 * Columns of a text.
 *
 * Returns  their count; a byte that is no UTF-8 takes one.
 * Threads  any.
 */
size_t mri_text_columns(struct mri_slice text);

/**
 * How much of a text, from its beginning on, has room in so many columns, with what combines with
 * its last character.
 *
 * @param ret_columns  how many it takes
 *
 * Returns  bytes.
 * Threads  any.
 */
size_t mri_text_columns_fit(struct mri_slice text, size_t columns, size_t *ret_columns);

#endif
