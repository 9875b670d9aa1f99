/* SPDX-License-Identifier: MIT */
/**
 * One row of a candle file: which of the two formats it has, its columns, its bar.
 *
 *   bars    ts_ms,symbol,open,high,low,close,volume
 *   klines  open_time,open,high,low,close,volume,close_time,... (12 columns, no symbol), the public
 *           dump of an exchange; times in milliseconds or microseconds
 */
#ifndef MRI_FEEDS_CSV_ROW_H
#define MRI_FEEDS_CSV_ROW_H

#include "market/feed.h"

/** The header of a file in format MRI_CSV_BARS. */
#define MRI_CSV_BARS_HEADER "ts_ms,symbol,open,high,low,close,volume"

/** The longest row, and the most columns a format has. */
enum { MRI_CSV_ROW_BYTES_MAX = 4096, MRI_CSV_COLUMNS_MAX = 12 };

enum mri_csv_format {
    MRI_CSV_UNDECIDED, /**< the line does not tell: a row with a wrong number of columns */
    MRI_CSV_UNKNOWN,   /**< the line is a header, or something else, that is not known */
    MRI_CSV_BARS,
    MRI_CSV_KLINES,
};

/** A usable row. */
struct mri_csv_row {
    int64_t time_unix_ns; /**< the bar's close */
    struct mri_feed_candle candle;
};

/**
 * Tell the format of a file from its first line.
 *
 * @param ret_is_header  is the line a header, not a row?
 *
 * Returns  the format.
 * Threads  any.
 */
enum mri_csv_format mri_csv_row_format(struct mri_slice line, bool *ret_is_header);

/**
 * Cut a row into its columns, which may be quoted (csv_columns.h) but have no quotes within.
 *
 * @param format  MRI_CSV_BARS or MRI_CSV_KLINES
 *
 * Returns  true; false: it has not the format's number of columns, or is quoted wrongly:
 *          *reterr_problem (may be NULL) says so.
 * Owner    the columns point into `line`.
 * Threads  any.
 */
bool mri_csv_row_split(struct mri_slice line, enum mri_csv_format format,
    struct mri_slice columns[static MRI_CSV_COLUMNS_MAX], mr_problem *reterr_problem);

/**
 * Say what is wrong with the columns of a line that mri_csv_row_split() does not cut, or whose file
 * has no known format.
 *
 * @param format  of the file, as far as it is known
 *
 * Returns  nothing; *ret_problem says what was expected and what was found.
 * Threads  any.
 */
void mri_csv_row_explain(
    struct mri_slice line, enum mri_csv_format format, mr_problem *ret_problem);

/**
 * The column of a row in format MRI_CSV_BARS that names the symbol.
 *
 * Returns  the name as it is spelled there.
 * Threads  any.
 */
struct mri_slice mri_csv_row_symbol(const struct mri_slice columns[static MRI_CSV_COLUMNS_MAX]);

/**
 * Read the bar from the columns of a row: a one-minute bar with prices in `price_decimals`.
 *
 * Returns  MRI_REASON_NONE; else why the row cannot be used, *ret_row is untouched.
 * Threads  any.
 * Cost     about 150 ns.
 */
enum mri_reason mri_csv_row_parse(const struct mri_slice columns[static MRI_CSV_COLUMNS_MAX],
    enum mri_csv_format format, unsigned price_decimals, struct mri_csv_row *ret_row);

/**
 * Read a number like 269.5, 1e-7 or .5 as the nearest double. No sign but '-', no inf, no nan.
 *
 * Returns  true; false: not such a number, or too large for a double.
 * Threads  any.
 */
bool mri_csv_row_number(struct mri_slice text, double *ret_number);

#endif
