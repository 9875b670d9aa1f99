/* SPDX-License-Identifier: MIT */
/**
 * Event time.
 *
 * Simulated: event time is the feed's; the clock says nothing. Live: event time advances with the
 * machine's boot-time clock, which neither jumps nor stops in suspend; a tick at least once a
 * second puts it into the log. A step of the wall clock of more than a second is told in a tick
 * (clock_step), and again when wall clock and event time agree (clocks_agree).
 *
 * Event time never goes back, so it is not begun by, or moved to, a wall clock that cannot be
 * right: one that is not of 2000 to 2099. How far it jumps forward within these is no reason to
 * refuse: all processes may have been down for so long, and a machine has no second calendar to
 * ask. A log whose time is ahead of the clock goes on, and its health says so.
 */
#ifndef MRI_PIPELINE_CLOCK_H
#define MRI_PIPELINE_CLOCK_H

#include "bus/event_codec.h"
#include "millrace/err.h"
#include "os/os.h"

struct mri_clock {
    const struct mri_os *os;
    bool is_live;
    bool is_started;
    bool is_stepped;            /**< the wall clock jumped and has not come back */
    int64_t base_event_unix_ns; /**< event time at base_boot_ns */
    int64_t base_boot_ns;
    int64_t last_tick_unix_ns; /**< event time of the newest tick */
};

/** The wall clocks that event time is taken from: 2000-01-01 up to 2100-01-01. */
#define MRI_CLOCK_FIRST_UNIX_NS  (INT64_C(946684800) * 1000000000)
#define MRI_CLOCK_BEYOND_UNIX_NS (INT64_C(4102444800) * 1000000000)

/**
 * May event time be what the wall clock says, or stay at the log's newest?
 *
 * @param last_event_unix_ns  newest event time of the log; 0: none yet
 *
 * Returns  false: it would be taken from a clock that cannot be right.
 * Threads  any.
 */
bool mri_clock_is_usable(int64_t wall_unix_ns, int64_t last_event_unix_ns);

/**
 * Say that the wall clock cannot be right, and what to do.
 *
 * Returns  MR_REFUSED.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_clock_refuse(
    const char *folder, int64_t wall_unix_ns, mr_problem *reterr_problem);

/**
 * Make a clock.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_clock_init(struct mri_clock *clock, const struct mri_os *os, bool is_live);

/**
 * Can a run begin? The time of a live log goes on from what the wall clock says then.
 *
 * @param last_event_unix_ns  newest event time of the log; 0: none yet
 *
 * Returns  MR_OK; MR_REFUSED the wall clock cannot be right.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_clock_check(const struct mri_clock *clock, const char *folder,
    int64_t last_event_unix_ns, mr_problem *reterr_problem);

/**
 * Event time now, never before `last_event_unix_ns`.
 *
 * Returns  the time; last_event_unix_ns itself when time is simulated.
 * Threads  one at a time.
 */
int64_t mri_clock_event_time(const struct mri_clock *clock, int64_t last_event_unix_ns);

/**
 * Is a tick due, and what does it say?
 *
 * @param last_event_unix_ns  newest event time of the log
 *
 * Returns  true and the tick, which the caller appends; false: none is due.
 * Threads  one at a time.
 */
bool mri_clock_poll(struct mri_clock *clock, int64_t last_event_unix_ns, struct mri_tick *ret_tick);

#endif
