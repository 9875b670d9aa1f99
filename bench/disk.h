/* SPDX-License-Identifier: MIT */
/**
 * The disk that a folder is on: what was written to it, and the floors of writing to it.
 */
#ifndef MRI_BENCH_DISK_H
#define MRI_BENCH_DISK_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Bytes written to the device of a folder since the machine started, after syncing its file system.
 * Other programs' writes are among them.
 *
 * Returns  the bytes; -1 when the device of the folder has no counter.
 * Threads  any.
 * Cost     syncs the file system.
 */
int64_t mri_disk_written(const char *folder);

/**
 * Read every file below a folder, as a copy of it would.
 *
 * Returns  whether all could be read; how many bytes there were.
 * Threads  one.
 */
bool mri_disk_read_all(const char *folder, uint64_t *ret_bytes);

/** A file of zeros for bare durable writes. */
struct mri_disk_floor {
    int fd;
    int64_t at;
};

/**
 * Make one in a folder; it has no name any more.
 *
 * Returns  nothing; the program ends when it cannot be made.
 * Owner    the program.
 * Threads  one.
 */
void mri_disk_floor_open(struct mri_disk_floor *floor, const char *folder);

/**
 * One pwrite of at most 256 KiB and one fdatasync: what no durable append can do without.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_disk_floor_write(struct mri_disk_floor *floor, uint32_t bytes);

/**
 * How fast the disk takes a long file: by O_DIRECT in pieces of 1 MiB, or buffered with an
 * fdatasync every 64 MiB and at the end.
 *
 * Returns  bytes a second; 0 when the file system does not do O_DIRECT.
 * Threads  one.
 * Cost     writes for the time given.
 */
double mri_disk_sequential_per_s(const char *folder, int is_direct, double seconds);

#endif
