/* SPDX-License-Identifier: MIT */
/**
 * Event time.
 *
 * Simulated: event time is the feed's; the clock says nothing. Live: event time advances with the
 * machine's boot-time clock, which neither jumps nor stops in suspend; a tick at least once a
 * second puts it into the log. A step of the wall clock of more than a second is told in a tick
 * (clock_step), and again when wall clock and event time agree (clocks_agree).
 */
#ifndef MRI_PIPELINE_CLOCK_H
#define MRI_PIPELINE_CLOCK_H

#include "bus/event_codec.h"
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

/**
 * Make a clock.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_clock_init(struct mri_clock *clock, const struct mri_os *os, bool is_live);

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
