/* SPDX-License-Identifier: MIT */
/*
 * Shared memory over a file, usually of a file system in memory.
 *
 * Invariants
 *  1. Every byte is allocated before the memory is used.
 *  2. Only the user that made it may map it: the mode is 0600 whatever the umask says, and who
 *     attaches checks owner and mode. Symbolic links are not followed.
 */
#define _GNU_SOURCE
#include "os/shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

enum { FILE_MODE = 0600 };

static mr_err err_now(void)
{
    switch (errno) {
    case EEXIST:
        return MR_EXISTS;
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
        return MR_EPATH;
    case EACCES:
    case EPERM:
    case EROFS:
        return MR_EACCESS;
    case ENOSPC:
    case EDQUOT:
        return MR_ENOSPC;
    case ENOMEM:
        return MR_ENOMEM;
    case EMFILE:
    case ENFILE:
    case EFBIG: /* RLIMIT_FSIZE */
        return MR_ELIMIT;
    default:
        return MR_EIO;
    }
}

static bool are_lengths_good(size_t head_bytes, size_t ring_bytes)
{
    return head_bytes > 0 && head_bytes % MRI_SHARED_MEMORY_PAGE_BYTES == 0 && ring_bytes > 0 &&
           ring_bytes % MRI_SHARED_MEMORY_PAGE_BYTES == 0;
}

static bool map_at(void *place, size_t bytes, int fd, size_t offset, unsigned how)
{
    bool is_view = (how & MRI_SHARED_MEMORY_VIEW) != 0;
    int protection = is_view ? PROT_READ : PROT_READ | PROT_WRITE;
    return mmap(place, bytes, protection, MAP_SHARED | MAP_FIXED, fd, (off_t)offset) != MAP_FAILED;
}

/** Have pages at hand before they are needed. Where the kernel cannot, the first store does it. */
static void touch(void *place, size_t bytes)
{
#ifdef MADV_POPULATE_WRITE
    (void)madvise(place, bytes, MADV_POPULATE_WRITE);
#else
    (void)place;
    (void)bytes;
#endif
}

/** Reserve a range of addresses, then put the file over it: once whole, and its ring once more. */
mr_err mri_shared_memory_map(int fd, size_t head_bytes, size_t ring_bytes, unsigned how,
    struct mri_shared_memory *ret_memory)
{
    size_t file_bytes = head_bytes + ring_bytes;
    size_t mapped_bytes = file_bytes + ring_bytes;
    char *base = mmap(NULL, mapped_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        return err_now();
    }
    if (!map_at(base, file_bytes, fd, 0, how) ||
        !map_at(base + file_bytes, ring_bytes, fd, head_bytes, how) ||
        ((how & MRI_SHARED_MEMORY_VIEW) != 0 &&
            mprotect(base, MRI_SHARED_MEMORY_PAGE_BYTES, PROT_READ | PROT_WRITE) != 0)) {
        mr_err err = err_now();
        (void)munmap(base, mapped_bytes); /* of a range that we have reserved */
        return err;
    }
    if (how == 0) {
        bool is_long = head_bytes > MRI_SHARED_MEMORY_READY_BYTES;
        touch(base, is_long ? MRI_SHARED_MEMORY_READY_BYTES : head_bytes);
    }
    *ret_memory = (struct mri_shared_memory){.base = base,
        .ring = (uint8_t *)base + head_bytes,
        .head_bytes = head_bytes,
        .ring_bytes = ring_bytes};
    return MR_OK;
}

/** Asked before, since the kernel would send SIGXFSZ, too, which ends who has not heard of it. */
static bool is_too_long(size_t bytes)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && bytes > limit.rlim_cur;
}

mr_err mri_shared_memory_create(
    const char *path, size_t head_bytes, size_t ring_bytes, struct mri_shared_memory *ret_memory)
{
    if (!are_lengths_good(head_bytes, ring_bytes)) {
        return MR_EINVAL;
    }
    if (is_too_long(head_bytes + ring_bytes)) {
        return MR_ELIMIT;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        return err_now();
    }
    bool is_made =
        fchmod(fd, FILE_MODE) == 0 && fallocate(fd, 0, 0, (off_t)(head_bytes + ring_bytes)) == 0;
    mr_err err =
        is_made ? mri_shared_memory_map(fd, head_bytes, ring_bytes, 0, ret_memory) : err_now();
    (void)close(fd); /* the map stays; nothing is written through the descriptor */
    if (err != MR_OK) {
        (void)unlink(path); /* ours, and of no use to anybody */
    }
    return err;
}

static mr_err attach(const char *path, size_t head_bytes, size_t ring_bytes, unsigned how,
    struct mri_shared_memory *ret_memory)
{
    if (!are_lengths_good(head_bytes, ring_bytes)) {
        return MR_EINVAL;
    }
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return err_now();
    }
    struct stat found;
    mr_err err = fstat(fd, &found) == 0 ? MR_OK : err_now();
    if (err == MR_OK && (found.st_uid != geteuid() || (found.st_mode & 07777) != FILE_MODE)) {
        err = MR_EACCESS;
    }
    if (err == MR_OK && (uint64_t)found.st_size != head_bytes + ring_bytes) {
        err = MR_ECORRUPT;
    }
    if (err == MR_OK) {
        err = mri_shared_memory_map(fd, head_bytes, ring_bytes, how, ret_memory);
    }
    (void)close(fd); /* the map stays */
    return err;
}

mr_err mri_shared_memory_attach(
    const char *path, size_t head_bytes, size_t ring_bytes, struct mri_shared_memory *ret_memory)
{
    return attach(path, head_bytes, ring_bytes, 0, ret_memory);
}

mr_err mri_shared_memory_view(
    const char *path, size_t head_bytes, size_t ring_bytes, struct mri_shared_memory *ret_memory)
{
    return attach(path, head_bytes, ring_bytes, MRI_SHARED_MEMORY_VIEW, ret_memory);
}

void mri_shared_memory_touch(const struct mri_shared_memory *memory, size_t offset, size_t count)
{
    const size_t page = MRI_SHARED_MEMORY_PAGE_BYTES;
    size_t begin = offset / page * page;
    size_t end = (offset + count + page - 1) / page * page;
    MRI_ASSERT(offset < memory->ring_bytes);
    end = end < 2 * memory->ring_bytes ? end : 2 * memory->ring_bytes;
    touch(memory->ring + begin, end - begin);
}

void mri_shared_memory_touch_head(
    const struct mri_shared_memory *memory, size_t offset, size_t count)
{
    size_t begin = offset / MRI_SHARED_MEMORY_PAGE_BYTES * MRI_SHARED_MEMORY_PAGE_BYTES;
    MRI_ASSERT(offset < memory->head_bytes);
    size_t left = memory->head_bytes - offset;
    touch((uint8_t *)memory->base + begin, offset - begin + (count < left ? count : left));
}

void mri_shared_memory_close(struct mri_shared_memory *memory)
{
    if (memory != NULL && memory->base != NULL) {
        (void)munmap(memory->base, memory->head_bytes + 2 * memory->ring_bytes); /* our own range */
        *memory = (struct mri_shared_memory){0};
    }
}

mr_err mri_shared_memory_remove(const char *path)
{
    return unlink(path) == 0 ? MR_OK : err_now();
}
