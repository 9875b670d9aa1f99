/* SPDX-License-Identifier: MIT */
/*
 * fork() as the C library lets us see it.
 */
#include "os/fork.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "os/futex.h"

enum { LOOK_NS = 1000000 };

static _Atomic uint32_t fork_count;
static _Atomic bool is_counted;

static void count_fork(void)
{
    atomic_fetch_add(&fork_count, 1);
}

mr_err mri_fork_watch(void)
{
    if (atomic_load(&is_counted)) {
        return MR_OK;
    }
    if (pthread_atfork(NULL, NULL, count_fork) != 0) {
        return MR_ENOMEM;
    }
    atomic_store(&is_counted, true); /* two at once: each fork counts twice, which tells it, too */
    return MR_OK;
}

uint32_t mri_fork_count(void)
{
    return atomic_load_explicit(&fork_count, memory_order_relaxed);
}

mr_err mri_fork_call_in_child(void (*in_child)(void))
{
    mr_err err = mri_fork_watch();
    if (err != MR_OK) {
        return err;
    }
    return pthread_atfork(NULL, NULL, in_child) == 0 ? MR_OK : MR_ENOMEM;
}

void mri_fork_gate_shut(struct mri_fork_gate *gate)
{
    while (atomic_exchange(&gate->is_shut, 1) != 0) {
        (void)mri_futex_wait(&gate->is_shut, 1, UINT32_MAX, LOOK_NS); /* woken or not, it looks */
    }
}

void mri_fork_gate_open(struct mri_fork_gate *gate)
{
    atomic_store(&gate->is_shut, 0);
    (void)mri_futex_wake(&gate->is_shut, 1, UINT32_MAX);
}
