/* SPDX-License-Identifier: MIT */
/**
 * Memory that several processes map: a head, and a ring that is mapped twice in a row, so that what
 * wraps around its end is contiguous all the same.
 *
 *   base                     ring                       ring + ring_bytes
 *   | head ................ | ring .................. | the same ring again |
 *
 * The bytes are reserved when the memory is made: a full file system is found then, and never by a
 * SIGBUS later. Pages come to a process when it first uses them, which costs a microsecond or two
 * each: those of the head's beginning are there at once, for the others mri_shared_memory_touch()
 * and mri_shared_memory_touch_head() do it ahead.
 */
#ifndef MRI_OS_SHARED_MEMORY_H
#define MRI_OS_SHARED_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "millrace/err.h"

enum {
    MRI_SHARED_MEMORY_PAGE_BYTES = 4096,        /**< both lengths are multiples of this */
    MRI_SHARED_MEMORY_READY_BYTES = 1024 * 1024 /**< of the head, at hand once it is mapped */
};

struct mri_shared_memory {
    void *base;    /**< NULL: not mapped */
    uint8_t *ring; /**< mapped twice */
    size_t head_bytes;
    size_t ring_bytes;
};

/**
 * Make the memory under a path that does not exist, for this user only, all zero.
 *
 * @param path  best under /dev/shm: bytes that never go to a disk
 *
 * Returns  MR_OK; MR_EXISTS; MR_ENOSPC; MR_EINVAL lengths; MR_ELIMIT this process may not
 *          make a file so long, or open one more; MR_EACCESS, MR_EPATH, MR_ENOMEM, MR_EIO.
 * Owner    mri_shared_memory_close() unmaps; the path stays until mri_shared_memory_remove().
 * Threads  any.
 */
MR_MUST_USE mr_err mri_shared_memory_create(
    const char *path, size_t head_bytes, size_t ring_bytes, struct mri_shared_memory *ret_memory);

/**
 * Map memory that another process has made.
 *
 * Returns  MR_OK; MR_EPATH nothing there, or a symbolic link; MR_EACCESS it is another user's or
 *          open to others; MR_ECORRUPT it has another length; MR_EINVAL, MR_ELIMIT, MR_ENOMEM,
 *          MR_EIO.
 * Owner    mri_shared_memory_close() unmaps.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_shared_memory_attach(
    const char *path, size_t head_bytes, size_t ring_bytes, struct mri_shared_memory *ret_memory);

/**
 * Map memory that another process has made, to look at it: only its first page can be written.
 *
 * Returns  as mri_shared_memory_attach().
 * Owner    mri_shared_memory_close() unmaps.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_shared_memory_view(
    const char *path, size_t head_bytes, size_t ring_bytes, struct mri_shared_memory *ret_memory);

/** How to map. */
enum {
    MRI_SHARED_MEMORY_VIEW = 1, /**< as mri_shared_memory_view() */
    MRI_SHARED_MEMORY_LAZY = 2, /**< pages come when they are used */
};

/**
 * Map an open file as such memory: for machines of tests, whose memory has no path.
 *
 * Returns  MR_OK; MR_ENOMEM, MR_EIO.
 * Owner    mri_shared_memory_close() unmaps; the descriptor stays the caller's.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_shared_memory_map(int fd, size_t head_bytes, size_t ring_bytes, unsigned how,
    struct mri_shared_memory *ret_memory);

/**
 * Have pages of the ring at hand before they are written to.
 *
 * @param offset  in the ring
 * @param count   bytes from there on, which may go round once
 *
 * Returns  nothing; where the kernel cannot do it, the first store to a page does.
 * Threads  any.
 * Cost     up to 2 us a page.
 */
void mri_shared_memory_touch(const struct mri_shared_memory *memory, size_t offset, size_t count);

/**
 * Have pages of the head at hand before they are used.
 *
 * @param offset  in the head, where it has bytes
 * @param count   bytes from there on; those behind the head are left out
 *
 * Returns  nothing; where the kernel cannot do it, the first use of a page does.
 * Threads  any.
 * Cost     up to 2 us a page.
 */
void mri_shared_memory_touch_head(
    const struct mri_shared_memory *memory, size_t offset, size_t count);

/**
 * Unmap. NULL and zeroed are allowed. No lock that lies in the memory may be held.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_shared_memory_close(struct mri_shared_memory *memory);

/**
 * Take the name away; the memory stays for those who have mapped it.
 *
 * Returns  MR_OK; MR_EPATH nothing there; MR_EACCESS, MR_EIO.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_shared_memory_remove(const char *path);

#endif
