/* SPDX-License-Identifier: MIT */
/*
 * Counters and floors of the disk that a folder is on.
 */
#define _GNU_SOURCE
#include "bench/disk.h"

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "bench/harness.h"
#include "millrace/err.h"

enum {
    SECTOR = 512,
    MIB = 1024 * 1024,
    FLOOR_FILE = 64 * MIB,
    SYNC_EVERY = 64,         /* pieces */
    SEQUENTIAL_PIECES = 4096 /* then from the start again: a file of 4 GiB at most */
};

int64_t mri_disk_written(const char *folder)
{
    struct stat status;
    char path[64];
    int64_t sectors = -1;
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    if (fd < 0 || fstat(fd, &status) != 0 || syncfs(fd) != 0) {
        mri_harness_must(MR_EIO, folder);
    }
    (void)close(fd); /* only read */
    (void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/stat", major(status.st_dev),
        minor(status.st_dev));
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return -1; /* a file system without a device of its own */
    }
    if (fscanf(file, "%*s %*s %*s %*s %*s %*s %" SCNd64, &sectors) != 1) {
        sectors = -1;
    }
    (void)fclose(file); /* only read */
    return sectors < 0 ? -1 : sectors * SECTOR;
}

static uint64_t bytes_read; /* nftw() hands nothing on */

static int read_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    static uint8_t bytes[MIB];
    (void)where;
    if (kind != FTW_F || !S_ISREG(status->st_mode)) {
        return 0;
    }
    int fd = open(path, O_RDONLY);
    ssize_t count = fd < 0 ? -1 : 1;
    while (count > 0) {
        count = read(fd, bytes, sizeof(bytes));
        bytes_read += count > 0 ? (uint64_t)count : 0;
    }
    (void)close(fd); /* only read */
    return count < 0 ? 1 : 0;
}

bool mri_disk_read_all(const char *folder, uint64_t *ret_bytes)
{
    bytes_read = 0;
    bool is_good = nftw(folder, read_one, 16, FTW_PHYS) == 0;
    *ret_bytes = bytes_read;
    return is_good;
}

static int scratch_file(const char *folder, int flags)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/scratch-%d", folder, (int)getpid());
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | flags, 0600);
    if (fd >= 0) {
        (void)unlink(path); /* it lives until it is closed */
    }
    return fd;
}

static uint8_t *filled_piece(uint8_t with)
{
    void *piece = NULL;
    mri_harness_must(posix_memalign(&piece, 4096, MIB) == 0 ? MR_OK : MR_ENOMEM, "memory");
    for (uint32_t i = 0; i < MIB; i++) {
        ((uint8_t *)piece)[i] = with == 0 ? 0 : (uint8_t)(i * 2654435761u >> 24);
    }
    return piece;
}

void mri_disk_floor_open(struct mri_disk_floor *floor, const char *folder)
{
    uint8_t *zeros = filled_piece(0);
    *floor = (struct mri_disk_floor){.fd = scratch_file(folder, 0)};
    for (int64_t at = 0; at < FLOOR_FILE; at += MIB) {
        mri_harness_must(pwrite(floor->fd, zeros, MIB, at) == MIB ? MR_OK : MR_EIO, "floor");
    }
    mri_harness_must(fsync(floor->fd) == 0 ? MR_OK : MR_EIO, "floor");
    free(zeros);
}

void mri_disk_floor_write(struct mri_disk_floor *floor, uint32_t bytes)
{
    static const uint8_t block[256 * 1024] = {1, 2, 3};
    if (floor->at + bytes > FLOOR_FILE) {
        floor->at = 0;
    }
    int is_good = pwrite(floor->fd, block, bytes, floor->at) == (ssize_t)bytes;
    mri_harness_must(is_good && fdatasync(floor->fd) == 0 ? MR_OK : MR_EIO, "floor");
    floor->at += bytes;
}

double mri_disk_sequential_per_s(const char *folder, int is_direct, double seconds)
{
    int fd = scratch_file(folder, is_direct ? O_DIRECT : 0);
    if (fd < 0 && is_direct) {
        return 0.0;
    }
    uint8_t *piece = filled_piece(1);
    int64_t start = mri_harness_ns();
    int64_t count = 0;
    while ((double)(mri_harness_ns() - start) < seconds * 1e9) {
        int64_t at = count % SEQUENTIAL_PIECES * MIB;
        mri_harness_must(pwrite(fd, piece, MIB, at) == MIB ? MR_OK : MR_EIO, "sequential");
        count++;
        if (!is_direct && count % SYNC_EVERY == 0) {
            mri_harness_must(fdatasync(fd) == 0 ? MR_OK : MR_EIO, "sequential");
        }
    }
    mri_harness_must(fdatasync(fd) == 0 ? MR_OK : MR_EIO, "sequential");
    double rate = (double)count * MIB * 1e9 / (double)(mri_harness_ns() - start);
    (void)close(fd); /* a scratch file */
    free(piece);
    return rate;
}
