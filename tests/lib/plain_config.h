/* SPDX-License-Identifier: MIT */
/**
 * Reads configurations as mri_config_print() writes them, and nothing else: for tests of layers
 * that stand below the parser of YAML.
 */
#ifndef TESTS_LIB_PLAIN_CONFIG_H
#define TESTS_LIB_PLAIN_CONFIG_H

#include "pipeline/config.h"

/**
 * Read a printed configuration; a mri_config_parser.
 *
 * Returns  MR_OK; MR_REFUSED a line that is not understood; MR_ENOMEM.
 * Owner    the caller frees *ret_config with mri_config_fini().
 * Threads  any.
 */
mr_err mri_plain_config(
    struct mri_slice text, const struct mri_alloc *alloc, struct mri_config *ret_config);

#endif
