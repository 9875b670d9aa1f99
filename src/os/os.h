/* SPDX-License-Identifier: MIT */
/**
 * The machine behind a table: every system call of the library goes through one of these functions,
 * so that a test can replace the clock, make the k-th call fail, or cut the power.
 *
 * All calls return mr_err; the few errors that callers tell apart have codes of their own, any
 * other is MR_EIO. Interrupted calls are repeated inside. Paths are UTF-8 with a NUL.
 */
#ifndef MRI_OS_OS_H
#define MRI_OS_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "millrace/err.h"

/** How to open a file. */
enum mri_open {
    MRI_OPEN_READ = 0,
    MRI_OPEN_WRITE = 1,  /**< read and write */
    MRI_OPEN_CREATE = 2, /**< with WRITE: make it if it is missing */
    MRI_OPEN_FOLLOW = 4, /**< a last symbolic link is followed: files that a user named,
                              which may be pipes, too */
};

/** A piece of memory to write. */
struct mri_io_piece {
    const void *bytes;
    size_t count;
};

/** What a path is. */
struct mri_file_info {
    bool is_folder;
    bool is_regular; /**< neither a folder nor a pipe, a device, a socket */
    bool is_network; /**< on NFS, CIFS, 9p or FUSE */
    bool is_mounted_read_only;
    const char *file_system; /**< a static name: ext4, tmpfs; "other" */
    uint64_t bytes;
    uint64_t device; /**< with inode: which file it is, under whatever name */
    uint64_t inode;
};

/** Which file a descriptor is of. */
struct mri_file_identity {
    uint64_t device;
    uint64_t inode;
    bool is_nameless; /**< the last of its names was removed */
};

/** How to lock a range of an open file. */
enum mri_range_lock {
    MRI_RANGE_SHARED = 0,
    MRI_RANGE_EXCLUSIVE = 1,
    MRI_RANGE_EXCLUSIVE_WAIT = 2, /**< wait for it */
    MRI_RANGE_FREE = 3,           /**< give it back */
};

struct mri_shared_memory;

/** The longest path that is built inside the library. */
enum { MRI_PATH_BYTES_MAX = 4096 };

/** The most descriptors that are waited for at once. */
enum { MRI_WAIT_ANY_MAX = 1024 };

/** Names one run of the machine, from its start to its end. */
enum { MRI_BOOT_ID_BYTES = 16 };

struct mri_os {
    void *context; /**< first argument of every call */

    /* Files. open without MRI_OPEN_FOLLOW takes regular files only, and waits for nobody: MR_EPATH.
       write_at writes everything or fails; MR_ENOSPC is told apart, and MR_ELIMIT: this process may
       not make a file so long, and what is behind its limit is not written. */
    mr_err (*open)(void *context, const char *path, unsigned flags, int *ret_fd);
    void (*close)(void *context, int fd);
    mr_err (*info)(void *context, const char *path, struct mri_file_info *ret_info);
    mr_err (*identify)(void *context, int fd,
        struct mri_file_identity *ret_identity); /**< MR_EPATH: the descriptor is open no more */
    mr_err (*size)(void *context, int fd, uint64_t *ret_bytes);
    mr_err (*read_at)(
        void *context, int fd, void *bytes, size_t count, uint64_t offset, size_t *ret_count);
    mr_err (*read)(void *context, int fd, void *bytes, size_t count,
        size_t *ret_count); /**< the next bytes of a stream, as many as there are; 0 at its end;
                                 MR_AGAIN: a signal came first */
    mr_err (*write_at)(
        void *context, int fd, const struct mri_io_piece *pieces, size_t count, uint64_t offset);
    mr_err (*write_bulk)(void *context, int fd, const void *bytes, size_t count,
        uint64_t offset); /**< write_at for much at once: the pages do not stay in the cache */
    mr_err (*allocate)(void *context, int fd, uint64_t bytes);
    mr_err (*renew)(void *context, int fd, uint64_t offset); /**< from there to its end, whole
                                 pages: give the blocks back and reserve others, zeros that were
                                 never written; MR_EINVAL the file system cannot */
    mr_err (*truncate)(void *context, int fd, uint64_t bytes);
    mr_err (*sync_data)(void *context, int fd);
    mr_err (*drop_cache)(void *context, int fd); /**< what is read next is what the disk has, also
                                                      where somebody maps it */
    mr_err (*map_read)(void *context, int fd, size_t bytes, const void **ret_map);
    void (*unmap)(void *context, const void *map, size_t bytes);

    /* Locks on bytes of an open file, which need not exist, held until the last descriptor of this
       open is closed, however that comes. */
    mr_err (*lock_range)(void *context, int fd, uint64_t offset, uint64_t count,
        enum mri_range_lock how); /**< MR_BUSY: somebody else holds some of it */
    mr_err (*is_range_locked)(void *context, int fd, uint64_t offset, uint64_t count,
        bool *ret_is_locked); /**< by somebody else */

    /* Memory that processes share, named within memory_folder or by a path: shared_memory.h. */
    const char *memory_folder;
    mr_err (*memory_create)(void *context, const char *path, size_t head_bytes, size_t ring_bytes,
        struct mri_shared_memory *ret_memory);
    mr_err (*memory_attach)(void *context, const char *path, size_t head_bytes, size_t ring_bytes,
        struct mri_shared_memory *ret_memory);
    mr_err (*memory_view)(void *context, const char *path, size_t head_bytes, size_t ring_bytes,
        struct mri_shared_memory *ret_memory); /**< to read, but for its first page */
    void (*memory_close)(void *context, struct mri_shared_memory *memory);
    mr_err (*memory_remove)(void *context, const char *path);

    /* Folders. */
    mr_err (*make_folder)(void *context, const char *path); /**< MR_EXISTS */
    mr_err (*sync_folder)(void *context, const char *path);
    mr_err (*rename)(void *context, const char *from, const char *to);
    mr_err (*remove)(void *context, const char *path);
    mr_err (*list)(void *context, const char *path, void *argument,
        mr_err (*each)(void *argument, const char *name)); /**< without . and .., any order */

    /* Waiting for changes in a folder. */
    mr_err (*watch)(void *context, const char *path, int *ret_fd);
    mr_err (*wait_change)(void *context, int fd, int64_t timeout_ns); /**< MR_AGAIN: none came */

    /* Waiting for processes and descriptors. */
    mr_err (*watch_process)(void *context, uint32_t process_id,
        int *ret_fd); /**< readable when it has ended; MR_NOT_FOUND: it has, or is not seen here */
    mr_err (*wait_any)(void *context, const int *fds, size_t count, int64_t timeout_ns,
        size_t *ret_index); /**< at most MRI_WAIT_ANY_MAX; MR_AGAIN: none is readable in time */

    /* Time, randomness, identity. */
    int64_t (*realtime_unix_ns)(void *context);
    int64_t (*boottime_ns)(void *context);
    void (*sleep_ns)(void *context, int64_t duration_ns); /**< may end early on a signal */
    mr_err (*random_bytes)(void *context, void *bytes, size_t count);
    uint32_t (*process_id)(void *context);
    mr_err (*boot_id)(void *context,
        uint8_t ret_id[MRI_BOOT_ID_BYTES]); /**< another one after every start of the machine */
    bool has_threads; /**< false: one thread does everything, in the order of the calls */
};

/**
 * The machine we run on.
 *
 * Returns  a static table; never NULL.
 * Threads  any.
 */
const struct mri_os *mri_os_linux(void);

/**
 * Join a folder and a name.
 *
 * Returns  MR_OK; MR_EINVAL the path would be longer than MRI_PATH_BYTES_MAX.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_os_path(
    const char *folder, const char *name, char ret_path[static MRI_PATH_BYTES_MAX]);

/**
 * Replace a small file so that a crash leaves the old or the new content, never a mixture: write
 * beside it, sync, rename, sync the folder.
 *
 * Returns  MR_OK; a fault of the calls involved, the old file stays.
 * Threads  one at a time per file.
 */
MR_MUST_USE mr_err mri_os_replace_file(
    const struct mri_os *os, const char *folder, const char *name, const void *bytes, size_t count);

/**
 * Read a whole small file; not through a symbolic link.
 *
 * @param bytes_max  room in `bytes`
 *
 * Returns  MR_OK; MR_EPATH it is not there; MR_ERANGE it is larger than bytes_max; another fault.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_os_read_file(
    const struct mri_os *os, const char *path, void *bytes, size_t bytes_max, size_t *ret_count);

/**
 * Read a whole small file that a user named: it may be a symbolic link.
 *
 * @param bytes_max  room in `bytes`
 *
 * Returns  as mri_os_read_file().
 * Threads  any.
 */
MR_MUST_USE mr_err mri_os_read_named_file(
    const struct mri_os *os, const char *path, void *bytes, size_t bytes_max, size_t *ret_count);

#endif
