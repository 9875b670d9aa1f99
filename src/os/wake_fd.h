/* SPDX-License-Identifier: MIT */
/**
 * A descriptor that becomes readable when a word of shared memory changes, or another descriptor
 * becomes readable: for loops over poll, epoll, select, asyncio.
 *
 * The kernel waits for the word itself where it can (io_uring, since Linux 6.7, unless a container
 * forbids it); elsewhere a thread does.
 *
 * A child of fork() shares its parent's queues with the kernel, and does not have its thread: there
 * it can only be closed, which leaves the parent's as it is.
 */
#ifndef MRI_OS_WAKE_FD_H
#define MRI_OS_WAKE_FD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "millrace/err.h"
#include "os/thread.h"

struct mri_wake_fd;

/** How the word is waited for. */
enum mri_wake_fd_means { MRI_WAKE_FD_RING = 0, MRI_WAKE_FD_THREAD = 1 };

/** A word as it was when there was nothing more to do. */
struct mri_wake_fd_word {
    _Atomic uint32_t *word;
    uint32_t seen;
    uint32_t bits; /**< a waker's bits must meet them */
};

/**
 * Make one.
 *
 * @param means  to begin with: what is not allowed here is replaced by the thread
 *
 * Returns  MR_OK; MR_ENOMEM, MR_ELIMIT.
 * Owner    mri_wake_fd_close() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_wake_fd_open(enum mri_wake_fd_means means, struct mri_wake_fd **ret_wake);

/**
 * The descriptor to wait for.
 *
 * Returns  it.
 * Owner    the wake_fd.
 * Threads  any.
 */
int mri_wake_fd_get(const struct mri_wake_fd *wake);

/**
 * How it waits for words.
 *
 * Returns  the means.
 * Threads  any.
 */
enum mri_wake_fd_means mri_wake_fd_means_of(const struct mri_wake_fd *wake);

/**
 * Be readable also when another descriptor is; it stays the caller's.
 *
 * Returns  MR_OK; MR_ELIMIT; MR_EINVAL it is the parent's.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_wake_fd_watch(struct mri_wake_fd *wake, int fd);

/**
 * Stop being readable, and become it once the word is not what it was. What was waited for before
 * is waited for no more. The memory of the word must stay mapped until the next call.
 *
 * @param word  NULL: wait for no word
 *
 * Returns  MR_OK; MR_ELIMIT, MR_EIO; MR_EINVAL it is the parent's.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_wake_fd_arm(struct mri_wake_fd *wake, const struct mri_wake_fd_word *word);

/**
 * Free. NULL is allowed. In a child of fork() nothing is ended that the parent waits for.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_wake_fd_close(struct mri_wake_fd *wake);

#endif
