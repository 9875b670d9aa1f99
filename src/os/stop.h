/* SPDX-License-Identifier: MIT */
/**
 * The wish to stop: SIGINT and SIGTERM set a flag that long work looks at between two steps.
 */
#ifndef MRI_OS_STOP_H
#define MRI_OS_STOP_H

#include <stdbool.h>

/**
 * From now on SIGINT and SIGTERM only set the flag; a second one ends the process at once, which
 * the log survives by design. Only for whoever looks at the flag soon: all others end at the first
 * one.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_stop_install(void);

/**
 * From now on SIGPIPE and SIGXFSZ are ignored, so that writing to a closed pipe, or beyond the
 * length that the process may give a file, is an error code.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_stop_ignore_writes(void);

/**
 * Has a signal asked to stop?
 *
 * Returns  true after the first SIGINT or SIGTERM.
 * Threads  any.
 */
bool mri_stop_is_wished(void);

/**
 * Forget the wish: what it was to stop has stopped, and the next signal sets the flag again.
 *
 * Returns  nothing.
 * Threads  any, after mri_stop_install().
 */
void mri_stop_forget(void);

#endif
