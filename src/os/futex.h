/* SPDX-License-Identifier: MIT */
/**
 * Sleeping on a word of shared memory until another process says that it has changed.
 *
 * The order that loses no wake-up: the sleeper reads the word, looks whether what it waits for has
 * come, and sleeps while the word is what it read; the waker makes it come, changes the word, and
 * wakes.
 */
#ifndef MRI_OS_FUTEX_H
#define MRI_OS_FUTEX_H

#include <stdatomic.h>
#include <stdint.h>

#include "millrace/err.h"

/** Wake everybody. */
#define MRI_FUTEX_ALL INT32_MAX

/**
 * Sleep while the word is `expected`, until a waker whose bits meet ours, or for a time.
 *
 * @param bits        not 0
 * @param timeout_ns  above 0; counts while the machine does not sleep
 *
 * Returns  MR_OK woken, or the word was another one; MR_AGAIN the time has passed or a signal came;
 *          MR_EINTERNAL the memory is not usable.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_futex_wait(
    _Atomic uint32_t *word, uint32_t expected, uint32_t bits, int64_t timeout_ns);

/**
 * Wake sleepers whose bits meet ours, at most `count`.
 *
 * Returns  how many were woken.
 * Threads  any.
 * Cost     a system call, and about 10 us for each that wakes: never inside a lock.
 */
int32_t mri_futex_wake(_Atomic uint32_t *word, int32_t count, uint32_t bits);

/**
 * Between two looks of a loop that does not sleep: leaves the memory that is looked at, and the
 * processor's other thread, to whoever is awaited.
 *
 * Returns  nothing.
 * Threads  any.
 * Cost     about 20 ns.
 */
static inline void mri_futex_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

#endif
