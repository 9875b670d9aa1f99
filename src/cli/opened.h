/* SPDX-License-Identifier: MIT */
/**
 * A log folded for reading: what every command that asks questions starts with.
 */
#ifndef MRI_CLI_OPENED_H
#define MRI_CLI_OPENED_H

#include "cli/cli.h"
#include "log/open/append.h"
#include "market/known_names.h"
#include "pipeline/fold.h"

/** A folded log on the heap: a fold must not move. */
struct mri_opened {
    struct mri_fold fold;
};

/**
 * Fold the command's directory.
 *
 * Returns  MRI_EXIT_OK; MRI_EXIT_USAGE there is no log; MRI_EXIT_FAULT. What went wrong was
 *          printed.
 * Owner    mri_opened_close() frees.
 * Threads  one.
 */
enum mri_exit mri_opened_open(const struct mri_cli *cli, struct mri_opened **ret_opened);

/**
 * Free, and say on stderr if the log is damaged.
 *
 * @param exit  the command's answer so far
 *
 * Returns  exit; MRI_EXIT_FAULT when the log is damaged, since the answer is as of before the
 *          damage.
 * Threads  one.
 */
enum mri_exit mri_opened_close(
    const struct mri_cli *cli, struct mri_opened *opened, enum mri_exit exit);

/**
 * The symbols, sources and names that the log knows.
 *
 * Returns  them, which point into `opened`.
 * Threads  one.
 */
struct mri_known_names mri_opened_names(const struct mri_opened *opened);

/**
 * Read an option that names a symbol, a source, or a source's name for a signal.
 *
 * @param number  unchanged when the option is not given
 *
 * Returns  MRI_EXIT_OK; MRI_EXIT_USAGE the log knows no such name, which was printed with those
 *          that it knows.
 * Threads  one.
 */
enum mri_exit mri_opened_name(const struct mri_cli *cli, const struct mri_opened *opened,
    const char *option, enum mri_name_kind kind, uint32_t *number);

/**
 * Say on stderr what an open for writing found that an operator should know: an end that was cut
 * off, a failed disk before, a file system that needs care.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_opened_tell(const struct mri_log_opening *opening);

/**
 * Say why a question has no answer. What was asked for and is not there (MR_NOT_FOUND: removed,
 * given up by a repair, never been) is no mistake of who asks.
 *
 * @param problem  of it; may be empty
 *
 * Returns  MRI_EXIT_NO for MR_NOT_FOUND; as mri_cli_exit_of() for all else.
 * Threads  one.
 */
enum mri_exit mri_opened_fail(const struct mri_cli *cli, mr_err err, const mr_problem *problem);

/**
 * Find a signal by its id as text, or by its ordinal as a number.
 *
 * Returns  its ordinal; 0 when there is none, which was printed.
 * Threads  one.
 */
uint32_t mri_opened_signal(
    const struct mri_cli *cli, const struct mri_opened *opened, const char *text);

#endif
