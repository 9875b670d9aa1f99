/* SPDX-License-Identifier: MIT */
/**
 * Tables for people: columns as wide as their content, numbers to the right.
 */
#ifndef MRI_CLI_TABLE_H
#define MRI_CLI_TABLE_H

#include <stdbool.h>

#include "base/buf.h"

enum { MRI_TABLE_COLUMNS_MAX = 128, MRI_TABLE_CELL_BYTES = 96 };

/** A table under construction: cells row by row. */
struct mri_table {
    struct mri_buf cells; /**< MRI_TABLE_CELL_BYTES each, NUL-terminated */
    unsigned columns;
    unsigned widths[MRI_TABLE_COLUMNS_MAX]; /**< of what was measured */
    bool is_right[MRI_TABLE_COLUMNS_MAX];
};

/**
 * Make an empty table.
 *
 * @param layout  one letter a column: l left, r right
 *
 * Returns  nothing.
 * Owner    mri_table_fini() frees.
 * Threads  one.
 */
void mri_table_init(struct mri_table *table, const struct mri_alloc *alloc, const char *layout);

/**
 * Free.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_table_fini(struct mri_table *table);

/**
 * Put the next cell (printf); control characters are escaped, what is too long is cut.
 *
 * Returns  nothing.
 * Threads  one.
 */
__attribute__((format(printf, 2, 3))) void mri_table_cell(
    struct mri_table *table, const char *format, ...);

/**
 * Remember how wide the cells put so far are, and forget the cells: a long table is put twice,
 * piece by piece, first to measure it and then to print it.
 *
 * Returns  MR_OK; a fault of the cells.
 * Threads  one.
 */
MR_MUST_USE mr_err mri_table_measure(struct mri_table *table);

/**
 * Remember how wide the cells put so far are, and keep them: what is printed later lines up.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_table_keep_widths(struct mri_table *table);

/**
 * Forget the cells, not the widths.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_table_clear(struct mri_table *table);

/**
 * Append the table to a text, each line after `indent` spaces; columns are at least as wide as what
 * was measured.
 *
 * Returns  nothing; see text->err.
 * Threads  one.
 */
void mri_table_print(const struct mri_table *table, unsigned indent, struct mri_buf *text);

#endif
