/* SPDX-License-Identifier: MIT */
/*
 * Tables for people.
 */
#include "cli/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "cli/text_columns.h"

enum { TABLE_BYTES_MAX = 64 * 1024 * 1024 };

void mri_table_init(struct mri_table *table, const struct mri_alloc *alloc, const char *layout)
{
    *table = (struct mri_table){.columns = (unsigned)strlen(layout)};
    MRI_ASSERT(table->columns > 0 && table->columns <= MRI_TABLE_COLUMNS_MAX);
    mri_buf_init(&table->cells, alloc, TABLE_BYTES_MAX);
    for (unsigned i = 0; i < table->columns; i++) {
        table->is_right[i] = layout[i] == 'r';
    }
}

void mri_table_fini(struct mri_table *table)
{
    mri_buf_fini(&table->cells);
}

/** Bytes of a UTF-8 text's beginning, not cut in the middle of a character. */
static size_t whole_bytes(const char *text, size_t bytes_max)
{
    size_t count = strlen(text);
    if (count > bytes_max) {
        count = bytes_max;
        while (count > 0 && ((unsigned char)text[count] & 0xc0) == 0x80) {
            count--;
        }
    }
    return count;
}

void mri_table_cell(struct mri_table *table, const char *format, ...)
{
    char raw[2 * MRI_TABLE_CELL_BYTES];
    char *place = mri_buf_grow(&table->cells, MRI_TABLE_CELL_BYTES);
    if (place == NULL) {
        return; /* cells.err is sticky and shows when the table is printed */
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(raw, sizeof(raw), format, arguments);
    va_end(arguments);
    struct mri_buf escaped;
    mri_buf_init(&escaped, table->cells.alloc, 8 * sizeof(raw));
    mri_text_escape(&escaped, mri_slice_of(raw));
    size_t count = whole_bytes(mri_buf_c_text(&escaped), MRI_TABLE_CELL_BYTES - 1);
    (void)snprintf(place, MRI_TABLE_CELL_BYTES, "%.*s", (int)count, mri_buf_c_text(&escaped));
    mri_buf_fini(&escaped);
}

static unsigned width_of(const char *text)
{
    return (unsigned)mri_text_columns(mri_slice_of(text));
}

static void put_spaces(struct mri_buf *text, unsigned count)
{
    mri_buf_printf(text, "%*s", (int)count, "");
}

/** Widen the columns to what the cells need. */
static void widen(const struct mri_table *table, unsigned widths[static MRI_TABLE_COLUMNS_MAX])
{
    const char *cells = (const char *)table->cells.bytes;
    size_t count = table->cells.count / MRI_TABLE_CELL_BYTES;
    for (size_t i = 0; i < count; i++) {
        unsigned width = width_of(cells + i * MRI_TABLE_CELL_BYTES);
        unsigned column = (unsigned)(i % table->columns);
        widths[column] = width > widths[column] ? width : widths[column];
    }
}

void mri_table_keep_widths(struct mri_table *table)
{
    widen(table, table->widths);
}

mr_err mri_table_measure(struct mri_table *table)
{
    mr_err err = table->cells.err;
    mri_table_keep_widths(table);
    mri_table_clear(table);
    return err;
}

void mri_table_clear(struct mri_table *table)
{
    mri_buf_clear(&table->cells);
}

void mri_table_print(const struct mri_table *table, unsigned indent, struct mri_buf *text)
{
    unsigned widths[MRI_TABLE_COLUMNS_MAX];
    const char *cells = (const char *)table->cells.bytes;
    size_t count = table->cells.count / MRI_TABLE_CELL_BYTES;
    if (table->cells.err != MR_OK && text->err == MR_OK) {
        text->err = table->cells.err;
        return;
    }
    memcpy(widths, table->widths, sizeof(widths));
    widen(table, widths);
    for (size_t i = 0; i < count; i++) {
        const char *cell = cells + i * MRI_TABLE_CELL_BYTES;
        unsigned column = (unsigned)(i % table->columns);
        bool is_last = column + 1 == table->columns;
        unsigned padding = widths[column] - width_of(cell);
        put_spaces(text, column == 0 ? indent : 2);
        put_spaces(text, table->is_right[column] ? padding : 0);
        mri_buf_text(text, cell);
        put_spaces(text, !table->is_right[column] && !is_last ? padding : 0);
        if (is_last) {
            mri_buf_text(text, "\n");
        }
    }
}
