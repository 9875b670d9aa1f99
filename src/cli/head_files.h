/* SPDX-License-Identifier: MIT */
/**
 * Files of heads and keys that commands are given.
 */
#ifndef MRI_CLI_HEAD_FILES_H
#define MRI_CLI_HEAD_FILES_H

#include "cli/cli.h"
#include "log/prove/seal_heads.h"

/** In the log's folder: heads that were signed. */
#define MRI_HEAD_FILES_SIGNED "signed_heads"

/**
 * Read a file of heads. Says on stderr what is wrong with it.
 *
 * Returns  MRI_EXIT_OK; MRI_EXIT_USAGE a line is no head; MRI_EXIT_FAULT it cannot be read.
 * Owner    mri_seal_heads_fini() frees *ret_heads.
 * Threads  one.
 */
enum mri_exit mri_head_files_read(
    const struct mri_cli *cli, const char *path, struct mri_seal_heads *ret_heads);

/**
 * Read the heads of --heads: as mri_head_files_read(), but a file without any is refused too.
 *
 * Returns  as mri_head_files_read(); MRI_EXIT_USAGE also when there is no head in it.
 * Owner    mri_seal_heads_fini() frees *ret_heads.
 * Threads  one.
 */
enum mri_exit mri_head_files_given(
    const struct mri_cli *cli, const char *path, struct mri_seal_heads *ret_heads);

/**
 * Read a key. A private one must belong to the caller alone (mode 0600). Says what is wrong.
 *
 * Returns  MRI_EXIT_OK; MRI_EXIT_USAGE it is no Ed25519 key, or others may read it; MRI_EXIT_FAULT.
 * Owner    mri_signature_key_fini() frees *ret_key.
 * Threads  one.
 */
enum mri_exit mri_head_files_key(const struct mri_cli *cli, const char *path, bool is_private,
    struct mri_signature_key *ret_key);

#endif
