/* SPDX-License-Identifier: MIT */
/*
 * Cutting lines of CSV.
 *
 * Invariants
 *  1. `at` is where the column under way begins, or one behind the line's end.
 *  2. Only a column with doubled quotes is copied.
 */
#include "feeds/csv_columns.h"

#include <string.h>

#include "base/check.h"
#include "base/problem.h"
#include "base/text.h"

static mr_err refuse(struct mri_slice line, size_t place, const char *why, mr_problem *problem)
{
    return mri_problem(problem, MR_REFUSED, "character %zu: %s",
        mri_text_characters((struct mri_slice){line.bytes, place}) + 1, why);
}

/** Where a comma is, or the line's end. */
static size_t find_comma(struct mri_slice line, size_t at)
{
    while (at < line.count && line.bytes[at] != ',') {
        at++;
    }
    return at;
}

/** A column without its doubled quotes. */
static struct mri_slice undouble(struct mri_slice text, struct mri_buf *texts)
{
    size_t at = texts->count;
    for (size_t i = 0; i < text.count; i++) {
        mri_buf_put(texts, text.bytes + i, 1);
        i += text.bytes[i] == '"'; /* the other one of two */
    }
    MRI_ASSERT(texts->err == MR_OK); /* it has room for the line */
    return (struct mri_slice){(const char *)texts->bytes + at, texts->count - at};
}

/** The column whose quote opens at `at`; *ret_end is behind its closing one. */
static mr_err take_quoted(const struct mri_csv_columns *columns, struct mri_slice line, size_t at,
    struct mri_slice *ret_column, size_t *ret_end, mr_problem *problem)
{
    bool has_doubled = false;
    size_t end = at + 1;
    while (end < line.count &&
           (line.bytes[end] != '"' || (end + 1 < line.count && line.bytes[end + 1] == '"'))) {
        has_doubled |= line.bytes[end] == '"';
        end += line.bytes[end] == '"' ? 2 : 1;
    }
    if (end == line.count) {
        return refuse(line, at,
            "the quote is not closed in this line (a line break within quotes is not taken)",
            problem);
    }
    if (end + 1 < line.count && line.bytes[end + 1] != ',') {
        return refuse(
            line, end + 1, "behind a closing quote stands neither a comma nor the end", problem);
    }
    struct mri_slice text = {line.bytes + at + 1, end - at - 1};
    if (has_doubled && columns->texts == NULL) {
        return refuse(line, at, "no column of this format has quotes within", problem);
    }
    *ret_column = has_doubled ? undouble(text, columns->texts) : text;
    *ret_end = end + 1;
    return MR_OK;
}

mr_err mri_csv_columns_cut(
    struct mri_csv_columns *columns, struct mri_slice line, mr_problem *reterr_problem)
{
    columns->count = 0;
    for (size_t at = 0; at <= line.count;) {
        struct mri_slice column;
        size_t end = at;
        if (at < line.count && line.bytes[at] == '"') {
            mr_err err = take_quoted(columns, line, at, &column, &end, reterr_problem);
            if (err != MR_OK) {
                return err;
            }
        } else {
            end = find_comma(line, at);
            column = (struct mri_slice){line.bytes + at, end - at};
        }
        if (columns->count < columns->items_max) {
            columns->items[columns->count] = column;
        }
        columns->count++;
        at = end + 1; /* behind the comma, if there is one */
    }
    return MR_OK;
}
