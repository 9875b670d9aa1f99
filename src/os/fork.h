/* SPDX-License-Identifier: MIT */
/**
 * What must be forgotten in a child of fork().
 */
#ifndef MRI_OS_FORK_H
#define MRI_OS_FORK_H

#include "millrace/err.h"

/**
 * Have a function called in every later child of fork(), before fork() returns there. It must not
 * allocate or take locks: other threads of the parent may have held them.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_fork_call_in_child(void (*in_child)(void));

#endif
