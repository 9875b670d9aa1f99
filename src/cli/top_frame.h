/* SPDX-License-Identifier: MIT */
/**
 * The figures of `millrace top` as a picture of some columns and rows.
 */
#ifndef MRI_CLI_TOP_FRAME_H
#define MRI_CLI_TOP_FRAME_H

#include "cli/top_figures.h"

/** How to show them. */
struct mri_top_view {
    unsigned columns;
    unsigned rows; /**< 0: as many as it takes, without the line that names the keys */
    bool has_colours;
    bool is_paused;
    bool is_by_name; /**< gates and consumers by name, else the largest first */
};

/**
 * Append a picture: rows that end with a newline each, none longer than there are columns.
 *
 * Returns  nothing; see text->err.
 * Threads  one.
 */
void mri_top_frame_draw(
    const struct mri_top_figures *figures, const struct mri_top_view *view, struct mri_buf *text);

#endif
