/* SPDX-License-Identifier: MIT */
/**
 * What happens to a process at a place where the order of stores matters (MRI_HOT_POINT).
 */
#ifndef TESTS_TORTURE_TORTURE_POINT_H
#define TESTS_TORTURE_TORTURE_POINT_H

#include <stdatomic.h>
#include <stdbool.h>

enum mri_torture_point_action {
    MRI_TORTURE_POINT_NOTHING = 0,
    MRI_TORTURE_POINT_KILL,
    MRI_TORTURE_POINT_EXEC,       /**< become another program */
    MRI_TORTURE_POINT_EXIT,       /**< end without closing */
    MRI_TORTURE_POINT_STOP,       /**< SIGSTOP */
    MRI_TORTURE_POINT_PAUSE,      /**< say so in the word, and stay there */
    MRI_TORTURE_POINT_FORK,       /**< call `in_fork` in a child, and go on */
    MRI_TORTURE_POINT_CLOSE_LOCK, /**< close the descriptor that says that the process is in, stop
                                       until it is continued, and go on */
};

struct mri_torture_part;

/**
 * Decide what happens, at which place and visit, in processes that are started from now on and arm
 * themselves.
 *
 * Returns  nothing.
 * Threads  the first process.
 */
void mri_torture_point_set(unsigned point, enum mri_torture_point_action action, unsigned visits);

/**
 * Have a function called in a child of fork() at the place.
 *
 * Returns  nothing.
 * Threads  before processes are started.
 */
void mri_torture_point_call_in_fork(void (*in_fork)(void));

/**
 * The word, in shared memory, that becomes 1 when a process has come to the place and pauses.
 *
 * Returns  nothing.
 * Threads  before processes are started.
 */
void mri_torture_point_tell(_Atomic unsigned *word);

/**
 * From here on it happens in this process; a member `at_start` of a part.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_torture_point_arm(const struct mri_torture_part *part);

/**
 * Close this process's descriptor of the lock file.
 *
 * Returns  is there one?
 * Threads  any.
 */
bool mri_torture_point_close_lock(void);

#endif
