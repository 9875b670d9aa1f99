/* SPDX-License-Identifier: MIT */
/**
 * The command line: --name, --name VALUE or --name=VALUE, then arguments; "--" ends the options.
 * A word with a blank right behind its two dashes is an argument.
 */
#ifndef MRI_CLI_OPTIONS_H
#define MRI_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "millrace/err.h"

/** An option that a command knows. */
struct mri_option {
    const char *name;
    const char *value; /**< name of its value in help; NULL: it has none */
    const char *about;
};

enum { MRI_OPTIONS_MAX = 24, MRI_ARGUMENTS_MAX = 64 };

/** A parsed command line. Texts belong to argv. */
struct mri_options {
    const struct mri_option *known;
    size_t known_count;
    const char
        *values[MRI_OPTIONS_MAX]; /**< per known option; "" for one without value; NULL: absent */
    const char *arguments[MRI_ARGUMENTS_MAX];
    unsigned argument_count;
    bool is_help;
};

/**
 * Parse the words behind the command's name.
 *
 * Returns  MR_OK; MR_REFUSED an unknown option, one without its value or given twice, too many
 *          arguments: *reterr_problem says which and what may have been meant.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_options_parse(const struct mri_option *known, size_t known_count, int argc,
    char **argv, struct mri_options *ret_options, mr_problem *reterr_problem);

/**
 * The value of an option.
 *
 * Returns  the value; "" for an option without one; NULL when it was not given.
 * Threads  any.
 */
const char *mri_options_get(const struct mri_options *options, const char *name);

/**
 * A whole number given with an option.
 *
 * Returns  MR_OK; MR_NOT_FOUND it was not given; MR_REFUSED it is no number in [low, high],
 *          *reterr_problem says so.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_options_number(const struct mri_options *options, const char *name,
    uint64_t low, uint64_t high, uint64_t *ret_number, mr_problem *reterr_problem);

#endif
