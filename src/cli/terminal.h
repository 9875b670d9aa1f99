/* SPDX-License-Identifier: MIT */
/**
 * A terminal that shows one picture: the alternate screen, keys without Enter, and the way back.
 *
 * One at a time in a process: a signal must find what is to be restored.
 */
#ifndef MRI_CLI_TERMINAL_H
#define MRI_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/** What has ended a wait. */
enum mri_terminal_event {
    MRI_TERMINAL_TIME,  /**< the time has passed */
    MRI_TERMINAL_KEY,   /**< a key was pressed */
    MRI_TERMINAL_SIZE,  /**< the picture is to be drawn anew: another size, or back from a stop */
    MRI_TERMINAL_OTHER, /**< the other descriptor is readable */
    MRI_TERMINAL_QUIT,  /**< SIGINT, SIGTERM, SIGHUP, SIGQUIT, or the terminal is gone */
};

/** Columns and rows. */
struct mri_terminal_size {
    unsigned columns;
    unsigned rows;
};

/**
 * Why standard input and output cannot show a picture.
 *
 * Returns  a static text; NULL: they can.
 * Threads  any.
 */
const char *mri_terminal_obstacle(void);

/**
 * May colours be used: is NO_COLOR unset or empty?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_terminal_has_colours(void);

/**
 * Take the terminal over. From now on every way out of the process but SIGKILL restores it: the
 * call below, exit(), and signals that end a process.
 *
 * Returns  MR_OK; MR_BUSY it is taken over already; MR_EIO, MR_ELIMIT.
 * Owner    mri_terminal_leave() gives it back.
 * Threads  one.
 */
MR_MUST_USE mr_err mri_terminal_enter(void);

/**
 * Give the terminal back as it was. Allowed at any time.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_terminal_leave(void);

/**
 * How large is it?
 *
 * Returns  its size; 80 x 24 when it does not say.
 * Threads  any.
 */
struct mri_terminal_size mri_terminal_size(void);

/**
 * Wait for a key, a signal, another descriptor, or a time.
 *
 * @param other_fd    -1: none
 * @param timeout_ms  negative: no limit
 * @param ret_key     set with MRI_TERMINAL_KEY
 *
 * Returns  what came; signals first.
 * Threads  one.
 */
enum mri_terminal_event mri_terminal_wait(int other_fd, int64_t timeout_ms, char *ret_key);

/**
 * Put a picture on the screen: one write, unless the terminal takes less at once.
 *
 * @param lines  rows that end with a newline each; the last one may lack it
 *
 * Returns  MR_OK; MR_EIO the terminal is gone; what lines->err says.
 * Threads  one.
 */
MR_MUST_USE mr_err mri_terminal_show(const struct mri_buf *lines);

#endif
