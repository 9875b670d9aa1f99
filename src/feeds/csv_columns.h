/* SPDX-License-Identifier: MIT */
/**
 * A line of CSV, cut into columns (RFC 4180).
 *
 *   BTCUSDT,42000.1,"a ""quoted"" name, with a comma"
 *
 * A column that begins with a quote ends at the next one that is not doubled; a comma or the line's
 * end follows. In any other column a quote is a character like others. A line is a row: a column
 * with a line break in it is a quote that is not closed.
 */
#ifndef MRI_FEEDS_CSV_COLUMNS_H
#define MRI_FEEDS_CSV_COLUMNS_H

#include "base/buf.h"
#include "base/slice.h"
#include "millrace/err.h"

/** The columns of a line, without their quotes. */
struct mri_csv_columns {
    struct mri_slice *items; /**< the caller's room */
    size_t items_max;
    struct mri_buf *texts; /**< gets columns with doubled quotes; has room for the line before, so
                                that it does not move. NULL: such a column is refused */
    size_t count;          /**< of the line; those beyond items_max are only counted */
};

/**
 * Cut a line.
 *
 * @param columns  items, items_max and texts are the caller's; the items before a fault are filled
 *
 * Returns  MR_OK; MR_REFUSED a quote is not closed, or something else than a comma stands behind a
 *          closing one: *reterr_problem (may be NULL) says which and at which character of the
 *          line.
 * Owner    the items point into the line, or into texts.
 * Threads  one at a time per texts.
 */
MR_MUST_USE mr_err mri_csv_columns_cut(
    struct mri_csv_columns *columns, struct mri_slice line, mr_problem *reterr_problem);

#endif
