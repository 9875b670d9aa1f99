/* SPDX-License-Identifier: MIT */
/**
 * Progress of long work, on stderr: a bar that redraws in place on a terminal, a plain line now and
 * then otherwise.
 */
#ifndef MRI_CLI_PROGRESS_H
#define MRI_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "os/os.h"

struct mri_progress {
    const struct mri_os *os;
    bool is_terminal;
    int64_t started_ns;
    int64_t shown_ns; /**< when it was drawn last; 0 = never */
    double shown_share;
};

/** What is shown. */
struct mri_progress_state {
    double share;     /**< done, 0 to 1 */
    uint64_t bars;    /**< in this run */
    uint64_t signals; /**< in this run */
    int64_t event_time_unix_ns;
};

/**
 * Begin.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_progress_begin(struct mri_progress *progress, const struct mri_os *os);

/**
 * Draw if it is time: ten times a second on a terminal, else every tenth of the work or ten
 * seconds.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_progress_show(struct mri_progress *progress, const struct mri_progress_state *state);

/**
 * Clear the bar, so that other lines can be printed.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_progress_clear(struct mri_progress *progress);

/**
 * Seconds since the beginning.
 *
 * Returns  the seconds.
 * Threads  one.
 */
double mri_progress_seconds(const struct mri_progress *progress);

#endif
