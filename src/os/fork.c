/* SPDX-License-Identifier: MIT */
/*
 * fork() as the C library lets us see it.
 */
#include "os/fork.h"

#include <pthread.h>
#include <stddef.h>

#include "os/futex.h"

enum { LOOK_NS = 1000000 };

mr_err mri_fork_call_in_child(void (*in_child)(void))
{
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
