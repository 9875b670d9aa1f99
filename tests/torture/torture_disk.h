/* SPDX-License-Identifier: MIT */
/**
 * Disks that can be cut off and filled up: ext4 on a loop device over a file, tmpfs of any size;
 * and processes for whom the machine has just started. All of it needs root and ends with the
 * program.
 */
#ifndef TESTS_TORTURE_TORTURE_DISK_H
#define TESTS_TORTURE_TORTURE_DISK_H

#include "tests/torture/torture.h"

struct mri_torture_disk {
    char image[MRI_TORTURE_PATH_BYTES];
    char mount[MRI_TORTURE_PATH_BYTES];
};

/**
 * Mounts of this process and its children are its own from now on.
 *
 * Returns  NULL; or why it cannot be here: no root, no namespaces, no loop device, no mkfs.ext4.
 * Threads  the first process.
 */
const char *mri_torture_disk_begin(void);

/**
 * Mount a file system in memory.
 *
 * @param path   made if it is not there
 * @param bytes  its size
 *
 * Returns  nothing; it fails the test.
 * Owner    mri_torture_unmount().
 * Threads  the first process.
 */
void mri_torture_mount_memory(const char *path, uint64_t bytes);
void mri_torture_unmount(const char *path);

/**
 * Make the image NAME.img with an ext4 in a folder, and the place NAME to mount it at.
 *
 * Returns  nothing; it fails the test.
 * Threads  the first process.
 */
void mri_torture_disk_make(
    struct mri_torture_disk *disk, const char *folder, const char *name, unsigned mebibytes);

/**
 * Mount, unmount, check with e2fsck as after a crash.
 *
 * Returns  nothing; it fails the test.
 * Threads  the first process.
 */
void mri_torture_disk_mount(const struct mri_torture_disk *disk);
void mri_torture_disk_check(const struct mri_torture_disk *disk);

/**
 * Where on the device the last block is that was written of a file.
 *
 * Returns  the byte behind it; 0 when none was.
 * Threads  the first process.
 */
uint64_t mri_torture_disk_end_of(const char *path);

/**
 * From now on every transfer that touches a later byte of the device fails, as with a disk that
 * breaks; what is there stays. 0: no limit.
 *
 * (A full file system under the image will not do: a transfer that fits in half is called a success
 * by the loop driver of Linux 6.18.)
 *
 * Returns  nothing; it fails the test.
 * Threads  the first process.
 */
void mri_torture_disk_limit(const struct mri_torture_disk *disk, uint64_t bytes);

/**
 * What the device holds at one moment: copied until a second look finds no byte changed.
 *
 * Returns  nothing; it fails the test.
 * Threads  the first process.
 */
void mri_torture_disk_copy(const struct mri_torture_disk *from, const struct mri_torture_disk *to);

/**
 * Stop processes, all of them, and wait until none of their tasks can do anything.
 *
 * Returns  nothing.
 * Threads  their parent.
 */
void mri_torture_freeze(const pid_t *children, size_t count);

/**
 * For this process the machine has been started anew: another boot id, a /dev/shm of its own that
 * is empty.
 *
 * Returns  nothing; it fails the test.
 * Threads  a child's first, before it opens a log.
 */
void mri_torture_reboot(void);

/**
 * Only a /dev/shm of its own, of a size.
 *
 * Returns  nothing; it fails the test.
 * Threads  a child's first, before it opens a log.
 */
void mri_torture_own_shm(uint64_t bytes);

/**
 * Fill a file system until nothing more fits in.
 *
 * @param path   of the file that fills it: removing it gives the space back
 * @param spare  bytes to leave, nearly
 *
 * Returns  nothing; it fails the test.
 * Threads  any.
 */
void mri_torture_fill(const char *path, uint64_t spare);

/**
 * From now on this process reserves no space and writes nothing in pieces: EDQUOT, as for a user
 * whose quota is exceeded. (What has its space already is written as ever, in one piece.)
 *
 * Returns  NULL; or why it cannot be: no filters of system calls.
 * Threads  any; it holds for all of them, and for ever.
 */
const char *mri_torture_exceed_quota(void);

#endif
