/* SPDX-License-Identifier: MIT */
/*
 * fork() as the C library lets us see it.
 */
#include "os/fork.h"

#include <pthread.h>
#include <stddef.h>

mr_err mri_fork_call_in_child(void (*in_child)(void))
{
    return pthread_atfork(NULL, NULL, in_child) == 0 ? MR_OK : MR_ENOMEM;
}
