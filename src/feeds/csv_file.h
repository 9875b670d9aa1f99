/* SPDX-License-Identifier: MIT */
/**
 * One candle file from its first line to its last: every row is a bar or a problem.
 *
 * Rows are in order of time for each symbol; what is not is a problem. A file whose symbols follow
 * one another as a whole can only be merged by time with a reader for each symbol: `only` and
 * `is_first` say which rows a reader gives.
 */
#ifndef MRI_FEEDS_CSV_FILE_H
#define MRI_FEEDS_CSV_FILE_H

#include "base/alloc.h"
#include "feeds/csv_row.h"
#include "os/line_reader.h"

/** Stands for "every symbol" and for "no known symbol". */
#define MRI_CSV_NO_SPEC UINT32_MAX

/** An open file. Opaque. */
struct mri_csv_file;

/** Which file, and which rows of it. Everything is borrowed as long as the file is open. */
struct mri_csv_file_options {
    const char *path;
    struct mri_slice name; /**< the last part of the path */
    const struct mri_instrument_spec *specs;
    uint32_t spec_count;
    const struct mri_spelling *spellings; /**< further names of symbols */
    uint32_t spelling_count;
    uint32_t only;       /**< index of a spec: give its rows alone; MRI_CSV_NO_SPEC: of all */
    bool is_first;       /**< give also what belongs to no spec */
    uint64_t first_line; /**< with `only`: there is no row of it before this line */
    uint64_t last_line;  /**< with `only`: nor after this line */
};

/** What a row turned out to be. */
struct mri_csv_finding {
    enum mri_reason reason;     /**< MRI_REASON_NONE: a usable bar, in `row` */
    uint32_t spec;              /**< whose row; MRI_CSV_NO_SPEC: not known */
    uint64_t line;              /**< 0: the file as a whole */
    enum mri_csv_format format; /**< of the file, as far as it is known */
    struct mri_csv_row row;
    struct mri_slice text; /**< the row as it was read, or what there is to say */
};

/**
 * Open a file.
 *
 * Returns  as mri_line_reader_open().
 * Owner    mri_csv_file_close() frees.
 * Threads  one at a time per file.
 */
MR_MUST_USE mr_err mri_csv_file_open(const struct mri_os *os, const struct mri_alloc *alloc,
    const struct mri_csv_file_options *options, struct mri_csv_file **ret_file,
    mr_problem *reterr_problem);

/**
 * The next bar or problem.
 *
 * Returns  MR_OK; MR_END; a fault of the file, *reterr_problem names it.
 * Owner    the text belongs to the file, until the next call.
 * Threads  one at a time per file.
 */
MR_MUST_USE mr_err mri_csv_file_next(
    struct mri_csv_file *file, struct mri_csv_finding *ret_finding, mr_problem *reterr_problem);

/**
 * How far the file was read.
 *
 * Returns  bytes on disk, and how many there are.
 * Threads  one at a time per file.
 */
struct mri_line_progress mri_csv_file_progress(const struct mri_csv_file *file);

/**
 * Close a file. NULL is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time per file; it is gone afterwards.
 */
void mri_csv_file_close(struct mri_csv_file *file);

#endif
