/* SPDX-License-Identifier: MIT */
/**
 * The configuration as YAML: one strict reader, driven by the table of settings.
 *
 * A text is used whole or not at all. Everything wrong with it is found in one run (up to the
 * first syntax error, behind which nothing is certain) and said with its place: unknown, missing
 * and duplicate keys, wrong types, numbers out of range. Anchors, aliases, tags and second
 * documents are refused: what is in force must be what stands there.
 */
#ifndef MRI_CONF_YAML_H
#define MRI_CONF_YAML_H

#include "base/buf.h"
#include "os/os.h"
#include "pipeline/config.h"

/** Limits of a text, and of the list of its problems. */
enum { MRI_YAML_DEPTH_MAX = 8, MRI_YAML_PROBLEMS_MAX = 100 };

/** Something wrong at a place. */
struct mri_yaml_problem {
    uint32_t line;   /**< from 1; 0 = the file as a whole */
    uint32_t column; /**< in characters, from 1; 0 = the file as a whole */
    mr_problem what; /**< "NAME:LINE:COLUMN: KEY: expected ..., found ..." */
};

/** Everything wrong with a text, in order of place. */
struct mri_yaml_problems {
    struct mri_yaml_problem items[MRI_YAML_PROBLEMS_MAX];
    uint32_t count;
    uint32_t left_out; /**< found beyond the maximum */
};

/**
 * Read a complete configuration.
 *
 * @param name          what problems call the text: the path of its file
 * @param ret_problems  NULL, or where to list what is wrong; empty on MR_OK
 *
 * Returns  MR_OK; MR_REFUSED there is at least one problem; MR_ENOMEM.
 * Owner    mri_config_fini(ret_config) frees.
 * Threads  any.
 * Cost     one pass; texts longer than MRI_CONFIG_TEXT_BYTES_MAX are refused unread.
 * Source   docs/CONFIG.md.
 */
MR_MUST_USE mr_err mri_yaml_parse(struct mri_slice text, const char *name,
    const struct mri_alloc *alloc, struct mri_config *ret_config,
    struct mri_yaml_problems *ret_problems);

/**
 * Read a complete configuration from a file.
 *
 * @param text  gets the file's text, where problems have their places; its alloc makes the
 *              configuration, too
 *
 * Returns  as mri_yaml_parse(); a file that is longer than MRI_CONFIG_TEXT_BYTES_MAX is
 *          MR_REFUSED; MR_EPATH, MR_EACCESS, MR_EIO it cannot be read, which is then the only
 *          problem in the list.
 * Owner    mri_config_fini(ret_config) frees.
 * Threads  any.
 * Cost     reads the file.
 */
MR_MUST_USE mr_err mri_yaml_read_file(const struct mri_os *os, const char *path,
    struct mri_buf *text, struct mri_config *ret_config, struct mri_yaml_problems *ret_problems);

/**
 * Read the text of a config event, which may be of an older version: a setting that it lacks has
 * the built-in default. A mri_config_parser.
 *
 * Returns  as mri_yaml_parse(); a key that is not known is MR_REFUSED here, too.
 * Owner    mri_config_fini(ret_config) frees.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_yaml_config(
    struct mri_slice text, const struct mri_alloc *alloc, struct mri_config *ret_config);

#endif
