/* SPDX-License-Identifier: MIT */
/*
 * The futex system call, shared between processes.
 */
#define _GNU_SOURCE
#include "os/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SECOND_NS = 1000000000 };

mr_err mri_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint32_t bits, int64_t timeout_ns)
{
    struct timespec until;
    if (clock_gettime(CLOCK_MONOTONIC, &until) != 0) {
        return MR_EINTERNAL;
    }
    int64_t ns = until.tv_nsec + timeout_ns % SECOND_NS;
    until.tv_sec += timeout_ns / SECOND_NS + ns / SECOND_NS;
    until.tv_nsec = ns % SECOND_NS;
    long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected, &until, NULL, bits);
    if (result == 0 || errno == EAGAIN) {
        return MR_OK;
    }
    return errno == ETIMEDOUT || errno == EINTR ? MR_AGAIN : MR_EINTERNAL;
}

int32_t mri_futex_wake(_Atomic uint32_t *word, int32_t count, uint32_t bits)
{
    long woken = syscall(SYS_futex, word, FUTEX_WAKE_BITSET, count, NULL, NULL, bits);
    return woken > 0 ? (int32_t)woken : 0; /* -1: it is not mapped, and nobody can sleep on it */
}
