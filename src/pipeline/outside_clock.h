/* SPDX-License-Identifier: MIT */
/**
 * The event time of what programs append that do not run the pipeline.
 *
 * Simulated: the newest event time of the log. Live: the same while a run is up, whose ticks bring
 * it on; while none is up, the wall clock, but never before the newest event, and not one that
 * cannot be right (mri_clock_is_usable()).
 */
#ifndef MRI_PIPELINE_OUTSIDE_CLOCK_H
#define MRI_PIPELINE_OUTSIDE_CLOCK_H

#include "millrace/err.h"
#include "os/os.h"

struct mri_outside_clock {
    const struct mri_os *os;
    const char *folder;
    bool is_live;
    bool is_run_up;          /**< as of checked_unix_ns */
    int64_t checked_unix_ns; /**< when it was looked for a run; 0: not yet */
    int64_t wrong_unix_ns;   /**< what the wall clock said when no time was taken from it */
};

/**
 * Make a clock.
 *
 * @param time_mode  the log's attribute; NULL as "simulated"
 *
 * Returns  nothing.
 * Owner    os and folder are borrowed.
 * Threads  one at a time.
 */
void mri_outside_clock_init(struct mri_outside_clock *clock, const struct mri_os *os,
    const char *folder, const char *time_mode);

/**
 * The event time of what is appended now.
 *
 * @param last_event_unix_ns  newest event time of the log; 0: none yet
 *
 * Returns  the time, never before last_event_unix_ns; 0: a simulated log without any, or a live
 *          one whose clock cannot be right.
 * Threads  one at a time.
 * Cost     looks for a run once a second; otherwise a clock.
 */
int64_t mri_outside_clock_now(struct mri_outside_clock *clock, int64_t last_event_unix_ns);

/**
 * Is a time one that a live log can have? Of a simulated log that has none yet nothing is said
 * here.
 *
 * @param event_time_unix_ns  from mri_outside_clock_now(), which was called last
 *
 * Returns  MR_OK; MR_REFUSED: the clock cannot be right.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_outside_clock_check(
    const struct mri_outside_clock *clock, int64_t event_time_unix_ns, mr_problem *reterr_problem);

#endif
