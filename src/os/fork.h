/* SPDX-License-Identifier: MIT */
/**
 * What must be forgotten in a child of fork(), and how it is told that something is its parent's.
 */
#ifndef MRI_OS_FORK_H
#define MRI_OS_FORK_H

#include <stdatomic.h>
#include <stdint.h>

#include "millrace/err.h"

/**
 * Lets one thread at a time to what a child must forget. A child that is forked while it is shut
 * opens it in its function: who shut it is not there. Zeroed it is open.
 */
struct mri_fork_gate {
    _Atomic uint32_t is_shut;
};

/**
 * Wait until the gate is open, and shut it.
 *
 * Returns  nothing.
 * Threads  any, not twice by one.
 */
void mri_fork_gate_shut(struct mri_fork_gate *gate);

/**
 * Open the gate.
 *
 * Returns  nothing.
 * Threads  who shut it; in a child, the function that is called there.
 */
void mri_fork_gate_open(struct mri_fork_gate *gate);

/**
 * Have forks counted from now on.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_fork_watch(void);

/**
 * How many forks lie between the first process that counted them and this one. What was made under
 * another count is the parent's. A mark in each thing would not do: a thread of the parent may have
 * been making one, and fork() does not copy all memory at one moment.
 *
 * Returns  the count; it only serves to be compared.
 * Threads  any.
 */
uint32_t mri_fork_count(void);

/**
 * Have a function called in every later child of fork(), before fork() returns there. It must not
 * allocate or take locks: other threads of the parent may have held them. Forks are counted then.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_fork_call_in_child(void (*in_child)(void));

#endif
