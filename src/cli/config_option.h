/* SPDX-License-Identifier: MIT */
/**
 * The effective configuration of a run: --config FILE, else that of the log, else the built-in one.
 */
#ifndef MRI_CLI_CONFIG_OPTION_H
#define MRI_CLI_CONFIG_OPTION_H

#include "cli/cli.h"
#include "pipeline/config.h"

/**
 * Read a configuration file; every problem in it is printed to stderr.
 *
 * Returns  MRI_EXIT_OK; MRI_EXIT_USAGE it has problems; MRI_EXIT_FAULT it cannot be read.
 * Owner    mri_config_fini() frees.
 * Threads  one.
 */
enum mri_exit mri_config_option_read(
    const struct mri_cli *cli, const char *path, struct mri_config *ret_config);

/**
 * The configuration for a directory.
 *
 * @param path    of --config; NULL: not given
 * @param folder  of the log, which need not exist
 *
 * Returns  as mri_config_option_read(); MRI_EXIT_FAULT also when the log cannot be read;
 *          MRI_EXIT_USAGE also when the log's own was removed, and no snapshot holds it.
 * Owner    mri_config_fini() frees.
 * Threads  one.
 * Cost     reads the log when there is one and no path is given.
 */
enum mri_exit mri_config_option_for(
    const struct mri_cli *cli, const char *path, const char *folder, struct mri_config *ret_config);

#endif
