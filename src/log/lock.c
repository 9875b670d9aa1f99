/* SPDX-License-Identifier: MIT */
/*
 * The lock file of a log. Not here: what is done under the lock.
 */
#include "log/lock.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/problem.h"

enum { PID_TEXT_BYTES = 16 };

/** The id in the file; 0 when the holder has not written it yet. */
static uint32_t read_id(const struct mri_os *os, int fd)
{
    char text[PID_TEXT_BYTES] = {0};
    size_t count;
    if (os->read_at(os->context, fd, text, sizeof(text) - 1, 0, &count) != MR_OK) {
        return 0;
    }
    return (uint32_t)strtoul(text, NULL, 10);
}

mr_err mri_lock_take(
    const struct mri_os *os, const char *folder, int *ret_fd, mr_problem *reterr_problem)
{
    char path[MRI_PATH_BYTES_MAX];
    *ret_fd = -1;
    mr_err err = mri_os_path(folder, MRI_LOCK_NAME, path);
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_WRITE | MRI_OPEN_CREATE, ret_fd);
    }
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s: %s", path, mr_err_text(err));
    }
    err = os->lock(os->context, *ret_fd);
    if (err == MR_BUSY) {
        return mri_problem(reterr_problem, MR_BUSY, "%s: process %u is writing to this log", folder,
            read_id(os, *ret_fd));
    }
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s: cannot lock: %s", path, mr_err_text(err));
    }
    char text[PID_TEXT_BYTES];
    int count = snprintf(text, sizeof(text), "%-10u\n", (unsigned)os->process_id(os->context));
    struct mri_io_piece piece = {.bytes = text, .count = (size_t)count};
    err = os->write_at(os->context, *ret_fd, &piece, 1, 0);
    return err == MR_OK ? MR_OK
                        : mri_problem(reterr_problem, err, "%s: %s", path, mr_err_text(err));
}

mr_err mri_lock_holder(const struct mri_os *os, const char *folder, uint32_t *ret_process_id)
{
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    bool is_locked = false;
    mr_err err = mri_os_path(folder, MRI_LOCK_NAME, path);
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_READ, &fd);
    }
    if (err != MR_OK) {
        return err == MR_EPATH ? MR_NOT_FOUND : err;
    }
    err = os->is_locked(os->context, fd, &is_locked);
    if (err == MR_OK && is_locked) {
        *ret_process_id = read_id(os, fd);
    }
    os->close(os->context, fd);
    return err == MR_OK && !is_locked ? MR_NOT_FOUND : err;
}
