/* SPDX-License-Identifier: MIT */
/*
 * What is built from the calls of the table and is the same on every machine.
 */
#include "os/os.h"

#include <stdio.h>
#include <string.h>

mr_err mri_os_path(const char *folder, const char *name, char ret_path[static MRI_PATH_BYTES_MAX])
{
    int count = snprintf(ret_path, MRI_PATH_BYTES_MAX, "%s/%s", folder, name);
    return count > 0 && count < MRI_PATH_BYTES_MAX ? MR_OK : MR_EINVAL;
}

static mr_err write_beside(
    const struct mri_os *os, const char *path, const void *bytes, size_t count)
{
    int fd;
    mr_err err = os->open(os->context, path, MRI_OPEN_WRITE | MRI_OPEN_CREATE, &fd);
    if (err != MR_OK) {
        return err;
    }
    err = os->truncate(os->context, fd, 0);
    if (err == MR_OK) {
        err = os->write_at(
            os->context, fd, &(struct mri_io_piece){.bytes = bytes, .count = count}, 1, 0);
    }
    if (err == MR_OK) {
        err = os->sync_data(os->context, fd);
    }
    os->close(os->context, fd);
    return err;
}

mr_err mri_os_replace_file(
    const struct mri_os *os, const char *folder, const char *name, const void *bytes, size_t count)
{
    char path[MRI_PATH_BYTES_MAX];
    char beside[MRI_PATH_BYTES_MAX];
    char beside_name[256];
    int length = snprintf(beside_name, sizeof(beside_name), "%s.tmp", name);
    if (length < 0 || (size_t)length >= sizeof(beside_name)) {
        return MR_EINVAL;
    }
    mr_err err = mri_os_path(folder, name, path);
    if (err == MR_OK) {
        err = mri_os_path(folder, beside_name, beside);
    }
    if (err == MR_OK) {
        err = write_beside(os, beside, bytes, count);
    }
    if (err == MR_OK) {
        err = os->rename(os->context, beside, path);
    }
    if (err == MR_OK) {
        err = os->sync_folder(os->context, folder);
    }
    return err;
}

/** Read what is open, and close it. */
static mr_err read_open(
    const struct mri_os *os, int fd, void *bytes, size_t bytes_max, size_t *ret_count)
{
    uint64_t size;
    size_t count = 0;
    mr_err err = os->size(os->context, fd, &size);
    if (err == MR_OK && size > bytes_max) {
        err = MR_ERANGE;
    }
    if (err == MR_OK) {
        err = os->read_at(os->context, fd, bytes, (size_t)size, 0, &count);
    }
    os->close(os->context, fd);
    if (err == MR_OK) {
        *ret_count = count;
    }
    return err;
}

mr_err mri_os_read_file(
    const struct mri_os *os, const char *path, void *bytes, size_t bytes_max, size_t *ret_count)
{
    int fd;
    mr_err err = os->open(os->context, path, MRI_OPEN_READ, &fd);
    return err == MR_OK ? read_open(os, fd, bytes, bytes_max, ret_count) : err;
}

mr_err mri_os_read_named_file(
    const struct mri_os *os, const char *path, void *bytes, size_t bytes_max, size_t *ret_count)
{
    int fd;
    mr_err err = os->open(os->context, path, MRI_OPEN_READ | MRI_OPEN_FOLLOW, &fd);
    return err == MR_OK ? read_open(os, fd, bytes, bytes_max, ret_count) : err;
}
