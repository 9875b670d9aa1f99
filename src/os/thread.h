/* SPDX-License-Identifier: MIT */
/**
 * A thread of the library's own, started and joined by its owner.
 */
#ifndef MRI_OS_THREAD_H
#define MRI_OS_THREAD_H

#include <stdint.h>

#include "millrace/err.h"

enum { MRI_THREAD_BYTES = 16 };

struct mri_thread {
    uint64_t state[MRI_THREAD_BYTES / 8]; /**< all zero: none */
};

/**
 * Start a thread. Signals of the process go to other threads.
 *
 * Returns  MR_OK; MR_ELIMIT no thread can be had.
 * Owner    mri_thread_join() ends it; context is the caller's until then.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_thread_start(
    struct mri_thread *thread, void (*run)(void *context), void *context);

/**
 * Wait until the thread has returned. A zeroed one is allowed.
 *
 * Returns  nothing.
 * Threads  the owner.
 */
void mri_thread_join(struct mri_thread *thread);

#endif
