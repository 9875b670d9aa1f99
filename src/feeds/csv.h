/* SPDX-License-Identifier: MIT */
/**
 * A feed of one-minute bars from candle files, plain or gzip (market/feed.h).
 *
 * Two formats, told apart file by file:
 *
 *   ts_ms,symbol,open,high,low,close,volume
 *       ts_ms = when the bar opens; several symbols may share a file, row by row or one after the
 *       other
 *   open_time,open,high,low,close,volume,close_time,...
 *       the public kline dump: 12 columns, milliseconds or microseconds, header or not; the symbol
 *       is the file's name up to the first '-' or '.'
 *
 * A row is used as a whole or not at all. A last line without a line end is not used: it may be
 * half of a row. Problems come as market/feed.h says; in a file whose symbols follow one after the
 * other a problem waits for the next bar of its symbol. After 1,024 bad rows without a bar between
 * them the rest are only counted.
 *
 * A bar's event time is its close. Several files may hold the same symbol, month by month; of two
 * bars of the same symbol and time the one from the first file is used, by order of name.
 */
#ifndef MRI_FEEDS_CSV_H
#define MRI_FEEDS_CSV_H

#include "base/alloc.h"
#include "market/feed.h"
#include "os/os.h"

/** Which files, and which symbols. Borrowed for the call. */
struct mri_csv_options {
    const char *path; /**< a file, or a folder: all *.csv and *.csv.gz in it, in order of name */
    const struct mri_instrument_spec *specs; /**< other symbols are problems of the feed */
    uint32_t spec_count;
    const struct mri_spelling *spellings; /**< further names of symbols, in rows and file names */
    uint32_t spelling_count;
};

/**
 * Open a feed. Bad rows are no failure: they are problem items of the feed.
 *
 * Returns  MR_OK; MR_EPATH, MR_EACCESS, MR_ELIMIT, MR_EIO of a file or the folder; MR_REFUSED a
 *          folder without such files, or no usable bar in any of them; MR_EINVAL no spec;
 *          MR_ENOMEM. *reterr_problem (may be NULL) names the file and the reason.
 * Owner    ret_feed->close() frees.
 * Threads  one at a time per feed.
 * Cost     reads all files once, to know which symbols they hold; they are read again by next().
 */
MR_MUST_USE mr_err mri_csv_open(const struct mri_os *os, const struct mri_alloc *alloc,
    const struct mri_csv_options *options, struct mri_feed *ret_feed, mr_problem *reterr_problem);

#endif
