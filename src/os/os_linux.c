/* SPDX-License-Identifier: MIT */
/*
 * struct mri_os on Linux.
 *
 * Invariants
 *  1. No call here keeps state: the context is NULL, the table constant.
 *  2. EINTR never leaves this file; short reads and writes are continued. Only waiting for a stream
 *     ends on a signal, so that the wish to stop is seen.
 *  3. Files are closed on exec and, unless asked to, opened without following a symbolic link in
 *     the last component; new files belong to the user alone (0600, folders 0700), and none of
 *     another user is opened to be written, by root neither.
 */
#define _GNU_SOURCE
#include "os/os.h"
#include "os/os_wait.h"
#include "os/shared_memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

enum { PIECES_MAX = 16, PAGE_BYTES = 4096, DIRECT_BYTES = 1024 * 1024 };

#if !defined(RWF_DONTCACHE)
#define RWF_DONTCACHE 0x80 /* since Linux 6.14; older headers do not name it */
#endif

static mr_err err_of(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return MR_ENOSPC;
    case EACCES:
    case EPERM:
    case EROFS:
        return MR_EACCESS;
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
        return MR_EPATH;
    case EEXIST:
        return MR_EXISTS;
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

static mr_err result_of(int result)
{
    return result == 0 ? MR_OK : err_of(errno);
}

/**
 * Only a regular file: a pipe with the name of one of ours would have every reader wait. To write,
 * only one's own: what root makes beside another user's files that one could not open.
 */
static mr_err check_file(int fd, unsigned flags)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return err_of(errno);
    }
    bool is_own = (flags & MRI_OPEN_WRITE) == 0 || status.st_uid == geteuid();
    return !S_ISREG(status.st_mode) ? MR_EPATH : is_own ? MR_OK : MR_EACCESS;
}

static mr_err linux_open(void *context, const char *path, unsigned flags, int *ret_fd)
{
    (void)context;
    bool is_named_by_user = (flags & MRI_OPEN_FOLLOW) != 0;
    int how = O_CLOEXEC;
    how |= is_named_by_user ? 0 : O_NOFOLLOW | O_NONBLOCK;
    how |= (flags & MRI_OPEN_WRITE) != 0 ? O_RDWR : O_RDONLY;
    how |= (flags & MRI_OPEN_CREATE) != 0 ? O_CREAT : 0;
    int fd;
    do {
        fd = open(path, how, 0600);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return err_of(errno);
    }
    mr_err err = is_named_by_user ? MR_OK : check_file(fd, flags);
    if (err != MR_OK) {
        (void)close(fd);
        return err;
    }
    *ret_fd = fd;
    return MR_OK;
}

static void linux_close(void *context, int fd)
{
    (void)context;
    (void)close(fd); /* Linux releases the descriptor whatever close returns */
}

/** A file system by the number that statfs() gives it. */
struct file_system {
    unsigned long kind;
    bool is_network;
    const char *name;
};

static const struct file_system file_systems[] = {
    {EXT4_SUPER_MAGIC, false, "ext4"},
    {XFS_SUPER_MAGIC, false, "xfs"},
    {BTRFS_SUPER_MAGIC, false, "btrfs"},
    {0x2fc12fc1ul, false, "zfs"},
    {F2FS_SUPER_MAGIC, false, "f2fs"},
    {TMPFS_MAGIC, false, "tmpfs"},
    {RAMFS_MAGIC, false, "ramfs"},
    {OVERLAYFS_SUPER_MAGIC, false, "overlayfs"},
    {NFS_SUPER_MAGIC, true, "nfs"},
    {SMB_SUPER_MAGIC, true, "smb"},
    {CIFS_SUPER_MAGIC, true, "cifs"},
    {SMB2_SUPER_MAGIC, true, "smb2"},
    {V9FS_MAGIC, true, "9p"},
    {FUSE_SUPER_MAGIC, true, "fuse"},
};

static const struct file_system *file_system_of(unsigned long kind)
{
    static const struct file_system other = {.name = "other"};
    for (size_t i = 0; i < sizeof(file_systems) / sizeof(file_systems[0]); i++) {
        if (file_systems[i].kind == kind) {
            return &file_systems[i];
        }
    }
    return &other;
}

static mr_err linux_info(void *context, const char *path, struct mri_file_info *ret_info)
{
    (void)context;
    struct stat status;
    struct statfs system;
    if (stat(path, &status) != 0 || statfs(path, &system) != 0) {
        return err_of(errno);
    }
    const struct file_system *kind = file_system_of((unsigned long)system.f_type & 0xffffffffu);
    *ret_info = (struct mri_file_info){
        .is_folder = S_ISDIR(status.st_mode),
        .is_regular = S_ISREG(status.st_mode),
        .is_network = kind->is_network,
        .is_mounted_read_only = ((unsigned long)system.f_flags & ST_RDONLY) != 0,
        .file_system = kind->name,
        .bytes = (uint64_t)status.st_size,
        .device = (uint64_t)status.st_dev,
        .inode = (uint64_t)status.st_ino,
    };
    return MR_OK;
}

static mr_err linux_identify(void *context, int fd, struct mri_file_identity *ret_identity)
{
    (void)context;
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return errno == EBADF ? MR_EPATH : err_of(errno);
    }
    *ret_identity = (struct mri_file_identity){.device = (uint64_t)status.st_dev,
        .inode = (uint64_t)status.st_ino,
        .is_nameless = status.st_nlink == 0};
    return MR_OK;
}

static mr_err linux_size(void *context, int fd, uint64_t *ret_bytes)
{
    (void)context;
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return err_of(errno);
    }
    *ret_bytes = (uint64_t)status.st_size;
    return MR_OK;
}

static mr_err linux_read_at(
    void *context, int fd, void *bytes, size_t count, uint64_t offset, size_t *ret_count)
{
    (void)context;
    size_t done = 0;
    while (done < count) {
        ssize_t got = pread(fd, (char *)bytes + done, count - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_of(errno);
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    *ret_count = done;
    return MR_OK;
}

static mr_err linux_read(void *context, int fd, void *bytes, size_t count, size_t *ret_count)
{
    (void)context;
    ssize_t got = read(fd, bytes, count);
    if (got < 0) {
        return errno == EINTR ? MR_AGAIN : err_of(errno);
    }
    *ret_count = (size_t)got;
    return MR_OK;
}

/** Drop the first `done` bytes of a vector. */
static void advance(struct iovec *vector, size_t count, size_t done)
{
    for (size_t i = 0; i < count && done > 0; i++) {
        size_t step = done < vector[i].iov_len ? done : vector[i].iov_len;
        if (step == 0) {
            continue; /* an empty piece may have no address */
        }
        vector[i].iov_base = (char *)vector[i].iov_base + step;
        vector[i].iov_len -= step;
        done -= step;
    }
}

static mr_err linux_write_at(
    void *context, int fd, const struct mri_io_piece *pieces, size_t count, uint64_t offset)
{
    (void)context;
    if (count > PIECES_MAX) {
        return MR_EINVAL;
    }
    struct iovec vector[PIECES_MAX];
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        vector[i] = (struct iovec){(void *)pieces[i].bytes, pieces[i].count};
        left += pieces[i].count;
    }
    while (left > 0) {
        /* pwritev costs a tenth more than pwrite, which shows where a batch is one small piece */
        ssize_t put = count == 1 ? pwrite(fd, vector[0].iov_base, vector[0].iov_len, (off_t)offset)
                                 : pwritev(fd, vector, (int)count, (off_t)offset);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return put == 0 ? MR_EIO : err_of(errno);
        }
        advance(vector, count, (size_t)put);
        offset += (uint64_t)put;
        left -= (size_t)put;
    }
    return MR_OK;
}

/** Write, and have the kernel drop the pages when they are on the disk; MR_EINVAL it cannot. */
static mr_err write_uncached(int fd, const struct mri_io_piece *piece, uint64_t offset)
{
    size_t done = 0;
    while (done < piece->count) {
        const struct iovec rest = {(char *)piece->bytes + done, piece->count - done};
        ssize_t put = pwritev2(fd, &rest, 1, (off_t)(offset + done), RWF_DONTCACHE);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            bool is_unknown = put < 0 && (errno == EOPNOTSUPP || errno == EINVAL);
            return put == 0 ? MR_EIO : is_unknown ? MR_EINVAL : err_of(errno);
        }
        done += (size_t)put;
    }
    return MR_OK;
}

/** Write whole pages past the cache; MR_EINVAL the file system, or where they lie, forbids it. */
static mr_err write_direct(int fd, const struct mri_io_piece *piece, uint64_t offset)
{
    int flags = fcntl(fd, F_GETFL);
    bool is_aligned = (uintptr_t)piece->bytes % PAGE_BYTES == 0 && offset % PAGE_BYTES == 0 &&
                      piece->count % PAGE_BYTES == 0;
    if (!is_aligned || flags < 0 || fcntl(fd, F_SETFL, flags | O_DIRECT) != 0) {
        return MR_EINVAL;
    }
    mr_err err = linux_write_at(NULL, fd, piece, 1, offset);
    return fcntl(fd, F_SETFL, flags) == 0 ? err : MR_EIO;
}

/** Whole pages past the cache, as far as this kernel and file system know how. */
static mr_err write_pages(int fd, const struct mri_io_piece *piece, uint64_t offset)
{
    mr_err err = write_uncached(fd, piece, offset);
    if (err == MR_EINVAL) {
        err = write_direct(fd, piece, offset);
    }
    return err == MR_EINVAL ? linux_write_at(NULL, fd, piece, 1, offset) : err;
}

/* A page that is written in part must stay in the cache: what follows would have to read it again.
 */
static mr_err linux_write_bulk(
    void *context, int fd, const void *bytes, size_t count, uint64_t offset)
{
    size_t left = (PAGE_BYTES - offset % PAGE_BYTES) % PAGE_BYTES;
    left = left < count ? left : count;
    size_t middle = (count - left) / PAGE_BYTES * PAGE_BYTES;
    const char *from = bytes;
    const struct mri_io_piece parts[3] = {
        {from, left}, {from + left, middle}, {from + left + middle, count - left - middle}};
    mr_err err = linux_write_at(context, fd, &parts[0], 1, offset);
    if (err == MR_OK && middle > 0) {
        err = write_pages(fd, &parts[1], offset + left);
    }
    return err == MR_OK ? linux_write_at(context, fd, &parts[2], 1, offset + left + middle) : err;
}

/** Asked before, since the kernel would send SIGXFSZ, too, which ends who has not heard of it. */
static bool is_too_long(int fd, uint64_t bytes)
{
    struct rlimit limit;
    struct stat found;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && bytes > limit.rlim_cur &&
           fstat(fd, &found) == 0 && (uint64_t)found.st_size < bytes;
}

static mr_err linux_truncate(void *context, int fd, uint64_t bytes)
{
    (void)context;
    int result;
    if (is_too_long(fd, bytes)) {
        return MR_ELIMIT;
    }
    do {
        result = ftruncate(fd, (off_t)bytes);
    } while (result != 0 && errno == EINTR);
    return result_of(result);
}

static mr_err linux_allocate(void *context, int fd, uint64_t bytes)
{
    (void)context;
    int result;
    if (is_too_long(fd, bytes)) {
        return MR_ELIMIT;
    }
    do {
        result = fallocate(fd, 0, 0, (off_t)bytes);
    } while (result != 0 && errno == EINTR);
    if (result != 0 && errno == EOPNOTSUPP) {
        return linux_truncate(NULL, fd, bytes); /* tmpfs of old kernels, ZFS */
    }
    return result_of(result);
}

static mr_err linux_renew(void *context, int fd, uint64_t offset)
{
    (void)context;
    struct stat found;
    if (fstat(fd, &found) != 0) {
        return err_of(errno);
    }
    off_t count = found.st_size - (off_t)offset;
    if (count <= 0) {
        return MR_OK;
    }
    int result = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, count);
    if (result == 0) {
        result = fallocate(fd, 0, (off_t)offset, count);
    }
    return result != 0 && errno == EOPNOTSUPP ? MR_EINVAL : result_of(result);
}

static mr_err linux_sync_data(void *context, int fd)
{
    (void)context;
    int result;
    do {
        result = fdatasync(fd);
    } while (result != 0 && errno == EINTR);
    return result_of(result);
}

static mr_err linux_map_read(void *context, int fd, size_t bytes, const void **ret_map)
{
    (void)context;
    void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        return err_of(errno);
    }
    *ret_map = map;
    return MR_OK;
}

/** Read whole pages from the disk itself; MR_EINVAL there is none, or it cannot be done. */
static mr_err read_direct(int fd, void *bytes, size_t count, uint64_t offset, size_t *ret_count)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_DIRECT) != 0) {
        return MR_EINVAL;
    }
    mr_err err = linux_read_at(NULL, fd, bytes, count, offset, ret_count);
    return fcntl(fd, F_SETFL, flags) == 0 ? err : MR_EIO;
}

/** Pages of the cache beside those of the disk. */
struct comparison {
    int fd;
    uint8_t *room;   /**< of DIRECT_BYTES, for what the disk has */
    bool is_mending; /**< where they differ, the disk is right; else MR_CONFLICT */
};

static mr_err compare_stretch(
    const struct comparison *with, const uint8_t *cached, uint64_t offset, size_t count)
{
    mr_err err = MR_OK;
    for (size_t at = 0; at < count && err == MR_OK; at += DIRECT_BYTES) {
        size_t step = count - at < (size_t)DIRECT_BYTES ? count - at : (size_t)DIRECT_BYTES;
        size_t got;
        err = read_direct(with->fd, with->room, (step + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES,
            offset + at, &got);
        if (err == MR_OK && got < step) {
            err = MR_EIO;
        }
        if (err == MR_OK && memcmp(with->room, cached + at, step) != 0) {
            const struct mri_io_piece piece = {with->room, step};
            err = with->is_mending ? linux_write_at(NULL, with->fd, &piece, 1, offset + at)
                                   : MR_CONFLICT;
        }
    }
    return err;
}

/** All pages of a file that the cache holds. */
static mr_err compare_kept_pages(const struct comparison *with, const uint8_t *cached, size_t bytes)
{
    static const size_t pages_max = 4096;
    unsigned char is_kept[4096];
    mr_err err = MR_OK;
    for (size_t at = 0; at < bytes && err == MR_OK; at += pages_max * PAGE_BYTES) {
        size_t step = bytes - at < pages_max * PAGE_BYTES ? bytes - at : pages_max * PAGE_BYTES;
        size_t pages = (step + PAGE_BYTES - 1) / PAGE_BYTES;
        if (mincore((void *)(uintptr_t)(cached + at), step, is_kept) != 0) {
            return err_of(errno);
        }
        for (size_t i = 0; i < pages && err == MR_OK; i++) {
            size_t first = i;
            while (i < pages && (is_kept[i] & 1) != 0) {
                i++;
            }
            size_t from = first * PAGE_BYTES;
            size_t to = i * PAGE_BYTES < step ? i * PAGE_BYTES : step;
            err =
                to > from ? compare_stretch(with, cached + at + from, at + from, to - from) : MR_OK;
        }
    }
    return err;
}

static mr_err drop_pages(int fd)
{
    int number = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    return number == 0 ? MR_OK : err_of(number);
}

/*
 * Pages of the cache whose writing has failed are called clean: they look like what the disk has,
 * and are not. So they are compared with the disk. Only when they differ are they dropped, and
 * those that somebody maps, which the kernel keeps, written anew: to drop pages it waits for work
 * on every processor, which on a busy machine was seen to take ten seconds.
 */
static mr_err linux_drop_cache(void *context, int fd)
{
    struct stat found;
    const void *map = NULL;
    if (fstat(fd, &found) != 0) {
        return err_of(errno);
    }
    if (found.st_size <= 0) {
        return MR_OK;
    }
    size_t bytes = (size_t)found.st_size;
    void *room =
        mmap(NULL, DIRECT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) {
        return err_of(errno);
    }
    struct comparison with = {.fd = fd, .room = room};
    mr_err err = linux_map_read(context, fd, bytes, &map);
    if (err == MR_OK && map != NULL) {
        err = compare_kept_pages(&with, map, bytes);
        if (err == MR_CONFLICT) {
            with.is_mending = true;
            err = drop_pages(fd);
            err = err == MR_OK ? compare_kept_pages(&with, map, bytes) : err;
        }
        (void)munmap((void *)(uintptr_t)map, bytes); /* our own ranges */
    }
    (void)munmap(room, DIRECT_BYTES);
    /* Not every file system reads the disk directly; one in memory has none to differ from. */
    return err == MR_EINVAL ? drop_pages(fd) : err;
}

static void linux_unmap(void *context, const void *map, size_t bytes)
{
    (void)context;
    (void)munmap((void *)map, bytes); /* fails only for arguments that are not a map */
}

static mr_err linux_lock_range(
    void *context, int fd, uint64_t offset, uint64_t count, enum mri_range_lock how)
{
    (void)context;
    static const short types[] = {
        [MRI_RANGE_SHARED] = F_RDLCK,
        [MRI_RANGE_EXCLUSIVE] = F_WRLCK,
        [MRI_RANGE_EXCLUSIVE_WAIT] = F_WRLCK,
        [MRI_RANGE_FREE] = F_UNLCK,
    };
    struct flock range = {.l_type = types[how],
        .l_whence = SEEK_SET,
        .l_start = (off_t)offset,
        .l_len = (off_t)count};
    int command = how == MRI_RANGE_EXCLUSIVE_WAIT ? F_OFD_SETLKW : F_OFD_SETLK;
    int result;
    do {
        result = fcntl(fd, command, &range);
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
        return MR_OK;
    }
    return errno == EAGAIN || errno == EACCES ? MR_BUSY : err_of(errno);
}

static mr_err linux_is_range_locked(
    void *context, int fd, uint64_t offset, uint64_t count, bool *ret_is_locked)
{
    (void)context;
    struct flock range = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)offset, .l_len = (off_t)count};
    if (fcntl(fd, F_OFD_GETLK, &range) != 0) {
        return err_of(errno);
    }
    *ret_is_locked = range.l_type != F_UNLCK;
    return MR_OK;
}

static mr_err linux_memory_create(void *context, const char *path, size_t head_bytes,
    size_t ring_bytes, struct mri_shared_memory *ret_memory)
{
    (void)context;
    return mri_shared_memory_create(path, head_bytes, ring_bytes, ret_memory);
}

static mr_err linux_memory_attach(void *context, const char *path, size_t head_bytes,
    size_t ring_bytes, struct mri_shared_memory *ret_memory)
{
    (void)context;
    return mri_shared_memory_attach(path, head_bytes, ring_bytes, ret_memory);
}

static mr_err linux_memory_view(void *context, const char *path, size_t head_bytes,
    size_t ring_bytes, struct mri_shared_memory *ret_memory)
{
    (void)context;
    return mri_shared_memory_view(path, head_bytes, ring_bytes, ret_memory);
}

static void linux_memory_close(void *context, struct mri_shared_memory *memory)
{
    (void)context;
    mri_shared_memory_close(memory);
}

static mr_err linux_memory_remove(void *context, const char *path)
{
    (void)context;
    return mri_shared_memory_remove(path);
}

static mr_err linux_make_folder(void *context, const char *path)
{
    (void)context;
    return result_of(mkdir(path, 0700));
}

static mr_err linux_sync_folder(void *context, const char *path)
{
    (void)context;
    int fd;
    do {
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return err_of(errno);
    }
    int result;
    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    mr_err err = result_of(result);
    (void)close(fd); /* nothing was written through this descriptor */
    return err;
}

static mr_err linux_rename(void *context, const char *from, const char *to)
{
    (void)context;
    return result_of(rename(from, to));
}

static mr_err linux_remove(void *context, const char *path)
{
    (void)context;
    return result_of(unlink(path));
}

static mr_err linux_list(void *context, const char *path, void *argument,
    mr_err (*each)(void *argument, const char *name))
{
    (void)context;
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return err_of(errno);
    }
    mr_err err = MR_OK;
    errno = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL && err == MR_OK;
         entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            err = each(argument, entry->d_name);
        }
        errno = 0;
    }
    if (err == MR_OK && errno != 0) {
        err = err_of(errno);
    }
    (void)closedir(folder); /* read only */
    return err;
}

static int64_t clock_ns(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now); /* cannot fail for these ids */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t linux_realtime_unix_ns(void *context)
{
    (void)context;
    return clock_ns(CLOCK_REALTIME);
}

static int64_t linux_boottime_ns(void *context)
{
    (void)context;
    return clock_ns(CLOCK_BOOTTIME);
}

static void linux_sleep_ns(void *context, int64_t duration_ns)
{
    (void)context;
    struct timespec duration = {duration_ns / 1000000000, duration_ns % 1000000000};
    (void)nanosleep(&duration, NULL); /* ending early on a signal is what callers want */
}

static mr_err linux_random_bytes(void *context, void *bytes, size_t count)
{
    (void)context;
    for (size_t done = 0; done < count;) {
        ssize_t got = getrandom((char *)bytes + done, count - done, 0);
        if (got < 0 && errno != EINTR) {
            return err_of(errno);
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return MR_OK;
}

static uint32_t linux_process_id(void *context)
{
    (void)context;
    return (uint32_t)getpid();
}

/** The value of a hex digit; -1 it is none. */
static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static mr_err linux_boot_id(void *context, uint8_t ret_id[MRI_BOOT_ID_BYTES])
{
    char text[64];
    size_t count;
    int fd;
    uint8_t id[MRI_BOOT_ID_BYTES] = {0};
    size_t digits = 0;
    mr_err err = linux_open(context, "/proc/sys/kernel/random/boot_id", MRI_OPEN_READ, &fd);
    if (err != MR_OK) {
        return err;
    }
    err = linux_read_at(context, fd, text, sizeof(text), 0, &count);
    linux_close(context, fd);
    for (size_t i = 0; err == MR_OK && i < count && digits < 2 * sizeof(id); i++) {
        int digit = digit_of(text[i]); /* of a UUID, with dashes */
        if (digit >= 0) {
            id[digits / 2] = (uint8_t)(id[digits / 2] << 4 | digit);
            digits++;
        }
    }
    if (err == MR_OK && digits == 2 * sizeof(id)) {
        memcpy(ret_id, id, sizeof(id));
        return MR_OK;
    }
    return err == MR_OK ? MR_EIO : err;
}

const struct mri_os *mri_os_linux(void)
{
    static const struct mri_os linux_table = {
        .open = linux_open,
        .close = linux_close,
        .info = linux_info,
        .identify = linux_identify,
        .size = linux_size,
        .read_at = linux_read_at,
        .read = linux_read,
        .write_at = linux_write_at,
        .write_bulk = linux_write_bulk,
        .allocate = linux_allocate,
        .renew = linux_renew,
        .truncate = linux_truncate,
        .sync_data = linux_sync_data,
        .drop_cache = linux_drop_cache,
        .map_read = linux_map_read,
        .unmap = linux_unmap,
        .lock_range = linux_lock_range,
        .is_range_locked = linux_is_range_locked,
        .memory_folder = "/dev/shm",
        .memory_create = linux_memory_create,
        .memory_attach = linux_memory_attach,
        .memory_view = linux_memory_view,
        .memory_close = linux_memory_close,
        .memory_remove = linux_memory_remove,
        .make_folder = linux_make_folder,
        .sync_folder = linux_sync_folder,
        .rename = linux_rename,
        .remove = linux_remove,
        .list = linux_list,
        .watch = mri_os_wait_folder,
        .wait_change = mri_os_wait_change,
        .watch_process = mri_os_wait_process,
        .wait_any = mri_os_wait_any,
        .realtime_unix_ns = linux_realtime_unix_ns,
        .boottime_ns = linux_boottime_ns,
        .sleep_ns = linux_sleep_ns,
        .random_bytes = linux_random_bytes,
        .process_id = linux_process_id,
        .boot_id = linux_boot_id,
        .has_threads = true,
    };
    return &linux_table;
}
