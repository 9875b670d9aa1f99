/* SPDX-License-Identifier: MIT */
/**
 * The figures of `millrace top` as JSON.
 */
#ifndef MRI_CLI_TOP_JSON_H
#define MRI_CLI_TOP_JSON_H

#include "cli/top_figures.h"

/**
 * Append the figures as one JSON object and a newline.
 *
 * Returns  nothing; see text->err.
 * Threads  one.
 */
void mri_top_json_put(const struct mri_top_figures *figures, struct mri_buf *text);

#endif
