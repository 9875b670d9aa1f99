/* SPDX-License-Identifier: MIT */
/*
 * Reading files of heads and keys.
 */
#define _GNU_SOURCE
#include "cli/head_files.h"

#include <sys/stat.h>

enum mri_exit mri_head_files_read(
    const struct mri_cli *cli, const char *path, struct mri_seal_heads *ret_heads)
{
    void *bytes;
    size_t count;
    mr_problem problem = {""};
    mr_err err = mri_alloc_array(cli->alloc, MRI_SEAL_HEADS_BYTES_MAX, 1, &bytes);
    if (err != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "%s: %s", path, mr_err_text(err));
    }
    err = mri_os_read_named_file(cli->os, path, bytes, MRI_SEAL_HEADS_BYTES_MAX, &count);
    enum mri_exit exit = MRI_EXIT_OK;
    if (err != MR_OK) {
        exit = mri_cli_fail(cli, MRI_EXIT_FAULT, "%s: %s", path, mr_err_text(err));
    } else {
        err =
            mri_seal_heads_parse((struct mri_slice){bytes, count}, cli->alloc, ret_heads, &problem);
        exit = err == MR_OK ? MRI_EXIT_OK
                            : mri_cli_fail(cli, mri_cli_exit_of(err), "%s: %s", path, problem.text);
    }
    mri_alloc_free(cli->alloc, bytes, MRI_SEAL_HEADS_BYTES_MAX);
    return exit;
}

enum mri_exit mri_head_files_given(
    const struct mri_cli *cli, const char *path, struct mri_seal_heads *ret_heads)
{
    enum mri_exit exit = mri_head_files_read(cli, path, ret_heads);
    return exit != MRI_EXIT_OK || ret_heads->count > 0
               ? exit
               : mri_cli_fail(cli, MRI_EXIT_USAGE, "%s: there is no head in it", path);
}

enum mri_exit mri_head_files_key(
    const struct mri_cli *cli, const char *path, bool is_private, struct mri_signature_key *ret_key)
{
    uint8_t bytes[MRI_SIGNATURE_KEY_BYTES_MAX];
    size_t count;
    struct stat status;
    mr_err err = mri_os_read_named_file(cli->os, path, bytes, sizeof(bytes), &count);
    if (err != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "%s: %s", path, mr_err_text(err));
    }
    if (is_private && (stat(path, &status) != 0 || (status.st_mode & 077) != 0)) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE,
            "%s: others may use this key; chmod 600 it, and think about who had it", path);
    }
    err = mri_signature_key_read(bytes, count, is_private, ret_key);
    return err == MR_OK ? MRI_EXIT_OK
                        : mri_cli_fail(cli, MRI_EXIT_USAGE,
                              "%s: expected an Ed25519 %s key in PEM without a passphrase", path,
                              is_private ? "private" : "public");
}
