/* SPDX-License-Identifier: MIT */
/**
 * Where `millrace feed` reads its lines: standard input, a file, or a file that grows.
 */
#ifndef MRI_CLI_FACT_SOURCE_H
#define MRI_CLI_FACT_SOURCE_H

#include "cli/cli.h"
#include "os/line_reader.h"

/** An open source. */
struct mri_fact_source {
    const struct mri_cli *cli;
    const char *name; /**< for people: "stdin" or the file's path */
    const char *path; /**< NULL: standard input */
    struct mri_line_reader *reader;
    int fd; /**< of a file that is followed; -1: none */
    bool is_followed;
    uint64_t taken_bytes; /**< of complete lines of the followed file */
    uint64_t taken_lines;
};

/**
 * Open a source.
 *
 * @param path         NULL: standard input
 * @param is_followed  when the file ends, wait for more; it is text, not gzip
 *
 * Returns  MR_OK; as mri_line_reader_open(), *reterr_problem says which file.
 * Owner    mri_fact_source_close() frees; the struct must not move.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_fact_source_open(struct mri_fact_source *source, const struct mri_cli *cli,
    const char *path, bool is_followed, mr_problem *reterr_problem);

/**
 * Would a line come at once?
 *
 * Returns  true or false.
 * Threads  one at a time.
 */
bool mri_fact_source_has_line(const struct mri_fact_source *source);

/**
 * The next line. Of a followed file, lines are complete; when it has become shorter it is read from
 * its beginning.
 *
 * Returns  MR_OK; MR_END; MR_AGAIN nothing now, look whether to stop and call again; as
 *          mri_line_reader_next().
 * Owner    as mri_line_reader_next().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_fact_source_next(
    struct mri_fact_source *source, struct mri_line *ret_line, mr_problem *reterr_problem);

/**
 * Close. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_fact_source_close(struct mri_fact_source *source);

#endif
