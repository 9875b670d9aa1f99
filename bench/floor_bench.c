/* SPDX-License-Identifier: MIT */
/*
 * The floor of a run: writing as many bytes in as many pwrites into preallocated 64 MiB files, each
 * synced when it is full. What a run takes beyond this is its own work.
 *
 * usage: floor_bench FOLDER BYTES WRITES
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/harness.h"
#include "millrace/err.h"

enum { FILE_BYTES = 64 * 1024 * 1024, WRITE_BYTES_MAX = 1024 * 1024 };

static int next_file(const char *folder, int fd, int number)
{
    char path[4096];
    if (fd >= 0) {
        mri_harness_must(fdatasync(fd) == 0 ? MR_OK : MR_EIO, "fdatasync");
        (void)close(fd); /* synced above */
    }
    (void)snprintf(path, sizeof(path), "%s/floor-%d", folder, number);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    mri_harness_must(fd < 0 || fallocate(fd, 0, 0, FILE_BYTES) != 0 ? MR_EIO : MR_OK, path);
    (void)unlink(path); /* it lives until it is closed */
    return fd;
}

int main(int argc, char **argv)
{
    static char block[WRITE_BYTES_MAX];
    if (argc != 4) {
        (void)fputs("usage: floor_bench FOLDER BYTES WRITES\n", stderr);
        return 2;
    }
    uint64_t bytes = strtoull(argv[2], NULL, 10);
    uint64_t writes = strtoull(argv[3], NULL, 10);
    uint64_t each = bytes / (writes == 0 ? 1 : writes);
    mri_harness_must(each == 0 || each > WRITE_BYTES_MAX ? MR_EINVAL : MR_OK, "bytes a write");
    memset(block, 7, sizeof(block));
    int number = 0;
    int fd = next_file(argv[1], -1, number++);
    off_t at = 0;
    int64_t start = mri_harness_ns();
    for (uint64_t i = 0; i < writes; i++) {
        if (at + (off_t)each > FILE_BYTES) {
            fd = next_file(argv[1], fd, number++);
            at = 0;
        }
        mri_harness_must(pwrite(fd, block, each, at) == (ssize_t)each ? MR_OK : MR_EIO, "pwrite");
        at += (off_t)each;
    }
    mri_harness_must(fdatasync(fd) == 0 ? MR_OK : MR_EIO, "fdatasync");
    mri_harness_result("run_floor_s", (double)(mri_harness_ns() - start) / 1e9);
    (void)close(fd); /* synced above */
    return 0;
}
