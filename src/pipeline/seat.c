/* SPDX-License-Identifier: MIT */
/*
 * The seats of the one who decides and of the one who takes orders to a venue.
 *
 * Invariants
 *  1. The lock says whether somebody decides; the text of the file, a process id, is for people and
 *     may be that of the one before.
 */
#include "pipeline/seat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/problem.h"

enum { TEXT_BYTES = 16 };

static const char *const names[] = {[MRI_SEAT_RUN] = "run", [MRI_SEAT_EXECUTOR] = "executor"};

static const char *const works[] = {
    [MRI_SEAT_RUN] = "is running this log", [MRI_SEAT_EXECUTOR] = "takes the orders of this log"};

static uint32_t read_holder(const struct mri_os *os, int fd)
{
    char text[TEXT_BYTES + 1] = "";
    size_t count = 0;
    return os->read_at(os->context, fd, text, TEXT_BYTES, 0, &count) == MR_OK
               ? (uint32_t)strtoul(text, NULL, 10)
               : 0;
}

static mr_err take(const struct mri_os *os, const char *folder, enum mri_seat_kind kind, int fd,
    mr_problem *problem)
{
    char text[TEXT_BYTES + 1];
    mr_err err = os->lock_range(os->context, fd, 0, 1, MRI_RANGE_EXCLUSIVE);
    if (err == MR_BUSY) {
        return mri_problem(
            problem, err, "%s: process %u %s", folder, (unsigned)read_holder(os, fd), works[kind]);
    }
    if (err == MR_OK) {
        (void)snprintf(text, sizeof(text), "%-15u\n", (unsigned)os->process_id(os->context));
        err = os->write_at(os->context, fd, &(struct mri_io_piece){text, TEXT_BYTES}, 1, 0);
    }
    return err == MR_OK
               ? MR_OK
               : mri_problem(problem, err, "%s/%s: %s", folder, names[kind], mr_err_text(err));
}

mr_err mri_seat_take(const struct mri_os *os, const char *folder, enum mri_seat_kind kind,
    struct mri_seat *ret_seat, mr_problem *reterr_problem)
{
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    mr_err err = mri_os_path(folder, names[kind], path);
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_WRITE | MRI_OPEN_CREATE, &fd);
    }
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s/%s: %s", folder, names[kind], mr_err_text(err));
    }
    err = take(os, folder, kind, fd, reterr_problem);
    if (err != MR_OK) {
        os->close(os->context, fd); /* which gives the lock back, too */
        return err;
    }
    *ret_seat = (struct mri_seat){.os = os, .fd = fd};
    return MR_OK;
}

mr_err mri_seat_holder(
    const struct mri_os *os, const char *folder, enum mri_seat_kind kind, uint32_t *ret_process_id)
{
    char path[MRI_PATH_BYTES_MAX];
    bool is_held = false;
    int fd;
    mr_err err = mri_os_path(folder, names[kind], path);
    *ret_process_id = 0;
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_READ, &fd);
    }
    if (err != MR_OK) {
        return err == MR_EPATH ? MR_OK : err; /* nobody ever had it */
    }
    err = os->is_range_locked(os->context, fd, 0, 1, &is_held);
    if (err == MR_OK && is_held) {
        *ret_process_id = read_holder(os, fd);
    }
    os->close(os->context, fd);
    return err;
}

void mri_seat_leave(struct mri_seat *seat)
{
    if (seat != NULL && seat->os != NULL) {
        seat->os->close(seat->os->context, seat->fd);
        *seat = (struct mri_seat){0};
    }
}
