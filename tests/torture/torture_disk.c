/* SPDX-License-Identifier: MIT */
/*
 * Loop devices and file systems in memory, in a mount namespace of the program's own.
 *
 * Invariants
 *  1. Everything is mounted in a namespace that dies with the program; loop devices let their image
 *     go with the mount.
 *  2. A copy of an image is taken as the device's state at one moment only if a second look at the
 *     whole image finds it equal.
 */
#define _GNU_SOURCE
#include "tests/torture/torture_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { COPIES_MAX = 50, STEP_BYTES = 64 * 1024, TRIES = 200, E2FSCK_BAD = 4 };

static const char boot_id_path[] = "/proc/sys/kernel/random/boot_id";
static const char shm_path[] = "/dev/shm";

static bool own_mounts(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

const char *mri_torture_disk_begin(void)
{
    static const char *const probe[] = {"mkfs.ext4", "-V", NULL};
    if (geteuid() != 0) {
        return "it needs root";
    }
    if (access("/dev/loop-control", R_OK | W_OK) != 0) {
        return "there are no loop devices";
    }
    if (mri_torture_run(probe) != 0) {
        return "there is no mkfs.ext4";
    }
    return own_mounts() ? NULL : "there are no mount namespaces";
}

void mri_torture_mount_memory(const char *path, uint64_t bytes)
{
    char options[64];
    (void)mkdir(path, 0700); /* it may be there */
    (void)snprintf(options, sizeof(options), "size=%llu,mode=0700", (unsigned long long)bytes);
    MRI_TORTURE_CHECK(mount("tmpfs", path, "tmpfs", 0, options) == 0, "mount tmpfs at %s: %s", path,
        strerror(errno));
}

void mri_torture_unmount(const char *path)
{
    int failed = umount2(path, 0);
    for (int i = 0; failed != 0 && errno == EBUSY && i < TRIES; i++) {
        mri_torture_sleep_us(5000); /* a process that was killed is still letting go */
        failed = umount2(path, 0);
    }
    MRI_TORTURE_CHECK(failed == 0, "umount %s: %s", path, strerror(errno));
}

void mri_torture_disk_make(
    struct mri_torture_disk *disk, const char *folder, const char *name, unsigned mebibytes)
{
    (void)snprintf(disk->image, sizeof(disk->image), "%s/%s.img", folder, name);
    (void)snprintf(disk->mount, sizeof(disk->mount), "%s/%s", folder, name);
    const char *const words[] = {"mkfs.ext4", "-q", "-F", "-m", "0", "-J", "size=4", "-E",
        "lazy_itable_init=0,lazy_journal_init=0,nodiscard,packed_meta_blocks=1", "-b", "4096",
        disk->image, NULL};
    (void)unlink(disk->image); /* of a disk before */
    off_t bytes = (off_t)mebibytes << 20;
    int fd = open(disk->image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    MRI_TORTURE_CHECK(fd >= 0 && ftruncate(fd, bytes) == 0, "%s: %s", disk->image, strerror(errno));
    (void)mkdir(disk->mount, 0700); /* it may be there */
    MRI_TORTURE_CHECK(mri_torture_run(words) == 0, "mkfs.ext4 %s failed", disk->image);
    MRI_TORTURE_CHECK(fallocate(fd, 0, 0, bytes) == 0, "%s: %s", disk->image, strerror(errno));
    (void)close(fd);
}

void mri_torture_disk_mount(const struct mri_torture_disk *disk)
{
    const char *const words[] = {
        "mount", "-o", "loop,errors=continue", disk->image, disk->mount, NULL};
    int code = mri_torture_run(words);
    for (int i = 0; code != 0 && i < TRIES / 4; i++) {
        mri_torture_sleep_us(20000); /* another program may have the free loop device */
        code = mri_torture_run(words);
    }
    MRI_TORTURE_CHECK(code == 0, "mount %s: code %d", disk->image, code);
}

void mri_torture_disk_check(const struct mri_torture_disk *disk)
{
    const char *const words[] = {"e2fsck", "-fy", disk->image, NULL};
    int code = mri_torture_run(words);
    MRI_TORTURE_CHECK(code >= 0 && code < E2FSCK_BAD, "e2fsck %s: code %d", disk->image, code);
}

/** The image as memory. */
static uint8_t *map_image(const char *path, int how, size_t *ret_bytes)
{
    struct stat status;
    int fd = open(path, how | O_CLOEXEC);
    MRI_TORTURE_CHECK(fd >= 0 && fstat(fd, &status) == 0, "%s: %s", path, strerror(errno));
    *ret_bytes = (size_t)status.st_size;
    uint8_t *bytes = mmap(
        NULL, *ret_bytes, how == O_RDWR ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    MRI_TORTURE_CHECK(bytes != MAP_FAILED, "mmap %s: %s", path, strerror(errno));
    (void)close(fd);
    return bytes;
}

/** Bring a copy up to date; how many steps differed? */
static unsigned copy_changed(const uint8_t *from, uint8_t *to, size_t bytes)
{
    unsigned changed = 0;
    for (size_t at = 0; at < bytes; at += STEP_BYTES) {
        size_t step = bytes - at < STEP_BYTES ? bytes - at : (size_t)STEP_BYTES;
        if (memcmp(from + at, to + at, step) != 0) {
            memcpy(to + at, from + at, step);
            changed++;
        }
    }
    return changed;
}

void mri_torture_disk_copy(const struct mri_torture_disk *from, const struct mri_torture_disk *to)
{
    size_t bytes;
    size_t to_bytes;
    const uint8_t *source = map_image(from->image, O_RDONLY, &bytes);
    MRI_TORTURE_CHECK(truncate(to->image, (off_t)bytes) == 0, "%s: %s", to->image, strerror(errno));
    uint8_t *target = map_image(to->image, O_RDWR, &to_bytes);
    unsigned changed = 1;
    for (int i = 0; changed > 0 && i < COPIES_MAX; i++) {
        changed = copy_changed(source, target, bytes);
    }
    MRI_TORTURE_CHECK(changed == 0, "the device does not come to rest");
    (void)munmap(target, bytes);
    (void)munmap((void *)(uintptr_t)source, bytes);
}

/* ---- stopping -------------------------------------------------------------------------------- */

/** Can no task of the process do anything? */
static bool is_frozen(void *argument)
{
    const pid_t *child = argument;
    char path[64];
    bool is_so = true;
    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)*child);
    DIR *folder = opendir(path);
    MRI_TORTURE_CHECK(folder != NULL, "%s: %s", path, strerror(errno));
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char name[384];
        char text[256] = "";
        if (entry->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(name, sizeof(name), "%s/%s/stat", path, entry->d_name);
        int fd = open(name, O_RDONLY | O_CLOEXEC);
        ssize_t count = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
        text[count > 0 ? count : 0] = '\0';
        const char *state = strrchr(text, ')');
        is_so = is_so && state != NULL && (state[2] == 'T' || state[2] == 'D' || state[2] == 'Z');
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    (void)closedir(folder);
    return is_so;
}

void mri_torture_freeze(const pid_t *children, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        MRI_TORTURE_CHECK(kill(children[i], SIGSTOP) == 0, "SIGSTOP: %s", strerror(errno));
    }
    for (size_t i = 0; i < count; i++) {
        pid_t child = children[i];
        mri_torture_until(is_frozen, &child, "every task is stopped");
    }
}

/* ---- restarts -------------------------------------------------------------------------------- */

void mri_torture_own_shm(uint64_t bytes)
{
    MRI_TORTURE_CHECK(own_mounts(), "a mount namespace: %s", strerror(errno));
    mri_torture_mount_memory(shm_path, bytes);
    MRI_TORTURE_CHECK(chmod(shm_path, 01777) == 0, "chmod: %s", strerror(errno));
}

void mri_torture_reboot(void)
{
    uint64_t number = 0;
    char other[64];
    MRI_TORTURE_CHECK(getrandom(&number, sizeof(number), 0) == (ssize_t)sizeof(number), "random");
    int count = snprintf(other, sizeof(other), "b007b007-0000-4000-8000-%012llx\n",
        (unsigned long long)(number & 0xffffffffffff));
    mri_torture_own_shm((uint64_t)256 << 20);
    char path[] = "/dev/shm/boot-id";
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0444);
    MRI_TORTURE_CHECK(
        fd >= 0 && write(fd, other, (size_t)count) == count, "%s: %s", path, strerror(errno));
    (void)close(fd);
    MRI_TORTURE_CHECK(mount(path, boot_id_path, NULL, MS_BIND, NULL) == 0, "mount over %s: %s",
        boot_id_path, strerror(errno));
}

/* ---- filling --------------------------------------------------------------------------------- */

void mri_torture_fill(const char *path, uint64_t spare)
{
    static const uint8_t bytes[STEP_BYTES];
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    MRI_TORTURE_CHECK(fd >= 0, "%s: %s", path, strerror(errno));
    size_t step = sizeof(bytes);
    off_t size = lseek(fd, 0, SEEK_END);
    while (step >= 512) {
        ssize_t count = write(fd, bytes, step);
        size += count > 0 ? count : 0;
        if (count != (ssize_t)step) {
            step /= 2;
        }
    }
    if (fsync(fd) != 0) { /* blocks that were promised late may be missing: then it is full, too */
        size = lseek(fd, 0, SEEK_END);
    }
    if (spare > 0 && (uint64_t)size > spare) {
        MRI_TORTURE_CHECK(ftruncate(fd, size - (off_t)spare) == 0, "%s: %s", path, strerror(errno));
    }
    (void)close(fd);
}

const char *mri_torture_exceed_quota(void)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fallocate, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pwritev, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EDQUOT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof(steps) / sizeof(steps[0]), .filter = steps};
    bool is_on =
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
    return is_on ? NULL : "there are no filters of system calls";
}

/* ---- the end of a disk ------------------------------------------------------------------------
 */

enum { EXTENTS_MAX = 64 };

uint64_t mri_torture_disk_end_of(const char *path)
{
    static _Alignas(struct fiemap)
        uint8_t room[sizeof(struct fiemap) + EXTENTS_MAX * sizeof(struct fiemap_extent)];
    struct fiemap *found = (struct fiemap *)(void *)room;
    uint64_t end = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    MRI_TORTURE_CHECK(fd >= 0, "%s: %s", path, strerror(errno));
    memset(room, 0, sizeof(room));
    found->fm_length = FIEMAP_MAX_OFFSET;
    found->fm_extent_count = EXTENTS_MAX;
    MRI_TORTURE_CHECK(ioctl(fd, FS_IOC_FIEMAP, found) == 0, "fiemap: %s", strerror(errno));
    for (uint32_t i = 0; i < found->fm_mapped_extents; i++) {
        const struct fiemap_extent *extent = &found->fm_extents[i];
        if ((extent->fe_flags & FIEMAP_EXTENT_UNWRITTEN) == 0) {
            end = extent->fe_physical + extent->fe_length;
        }
    }
    (void)close(fd);
    return end;
}

void mri_torture_disk_limit(const struct mri_torture_disk *disk, uint64_t bytes)
{
    struct stat status;
    struct loop_info64 info;
    char path[64];
    MRI_TORTURE_CHECK(stat(disk->mount, &status) == 0, "%s: %s", disk->mount, strerror(errno));
    (void)snprintf(path, sizeof(path), "/dev/loop%u", minor(status.st_dev));
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool is_done = fd >= 0 && ioctl(fd, LOOP_GET_STATUS64, &info) == 0;
    info.lo_sizelimit = bytes / 512 * 512;
    is_done = is_done && ioctl(fd, LOOP_SET_STATUS64, &info) == 0;
    MRI_TORTURE_CHECK(is_done, "%s: %s", path, strerror(errno));
    (void)close(fd);
}
