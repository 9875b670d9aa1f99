/* SPDX-License-Identifier: MIT */
/**
 * Lines of text from a file or a stream, plain or gzip, in bounded memory.
 *
 * Gzip is recognised by its first two bytes, whatever the name is; several gzip members in a row
 * are one text. A line ends in LF or CR LF. What is odd about a line is flagged, never refused
 * here.
 */
#ifndef MRI_OS_LINE_READER_H
#define MRI_OS_LINE_READER_H

#include "base/alloc.h"
#include "base/slice.h"
#include "millrace/err.h"
#include "os/os.h"

/** A reader's place in a text. Opaque. */
struct mri_line_reader;

/** What to read. */
struct mri_line_source {
    const char *path;      /**< a file; NULL: the open descriptor `fd`, which stays open */
    int fd;                /**< read as a stream from where it is */
    size_t line_bytes_max; /**< longer lines are cut; > 0 */
};

/** One line. */
struct mri_line {
    struct mri_slice text; /**< without its end; the first line_bytes_max bytes of a longer one */
    uint64_t number;       /**< from 1 */
    uint64_t bytes;        /**< true length of the text */
    bool has_bom;          /**< first line: a UTF-8 byte order mark was taken off */
    bool has_cr;           /**< a CR before the LF was taken off */
    bool is_torn;          /**< the text ended without an LF */
    bool is_too_long;      /**< longer than line_bytes_max */
};

/** How much was read, in bytes of the file as it lies on disk. */
struct mri_line_progress {
    uint64_t read_bytes;
    uint64_t total_bytes; /**< 0: not known, a pipe */
};

/**
 * Start reading.
 *
 * Returns  MR_OK; MR_EPATH, MR_EACCESS, MR_ELIMIT, MR_EIO of the file, *reterr_problem (may be
 *          NULL) names it; MR_EINVAL no limit given; MR_ENOMEM.
 * Owner    mri_line_reader_close() frees.
 * Threads  one at a time per reader.
 * Cost     opens the file and reads nothing; memory is 128 KiB and the longest line, 40 KiB more
 *          for gzip.
 */
MR_MUST_USE mr_err mri_line_reader_open(const struct mri_os *os, const struct mri_alloc *alloc,
    const struct mri_line_source *source, struct mri_line_reader **ret_reader,
    mr_problem *reterr_problem);

/**
 * The next line.
 *
 * Returns  MR_OK; MR_END; MR_AGAIN a signal interrupted waiting for a stream, nothing is lost;
 *          MR_ECORRUPT the compressed data are damaged or end early here, after all lines that were
 *          complete (the problem text has the offset); MR_EIO and other faults of the file;
 *          MR_ENOMEM. An end or a fault stays.
 * Owner    the text belongs to the reader, until the next call.
 * Threads  one at a time per reader.
 * Cost     a read every 64 KiB of the file.
 */
MR_MUST_USE mr_err mri_line_reader_next(
    struct mri_line_reader *reader, struct mri_line *ret_line, mr_problem *reterr_problem);

/**
 * Would the next line come without reading? Otherwise a stream may keep the caller waiting, who
 * should not leave undone what came before.
 *
 * Returns  true or false.
 * Threads  one at a time per reader.
 * Cost     looks at what was read and not given yet.
 */
bool mri_line_reader_has_line(const struct mri_line_reader *reader);

/**
 * mri_line_reader_has_line(), after reading what the stream has now. Never waits.
 *
 * Returns  true or false.
 * Threads  one at a time per reader.
 * Cost     a look at the stream, and a read, when no whole line was read before.
 */
bool mri_line_reader_is_line_at_hand(struct mri_line_reader *reader);

/**
 * How far the reader is.
 *
 * Returns  bytes taken from the file and its size.
 * Threads  one at a time per reader.
 */
struct mri_line_progress mri_line_reader_progress(const struct mri_line_reader *reader);

/**
 * Stop reading. NULL is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time per reader; the reader is gone afterwards.
 */
void mri_line_reader_close(struct mri_line_reader *reader);

#endif
