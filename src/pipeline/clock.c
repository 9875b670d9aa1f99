/* SPDX-License-Identifier: MIT */
/*
 * The clock of a live log.
 *
 *   event time = base + (boot now - base boot)
 *   step       = wall now - event time, when it exceeds a second
 *
 * Invariants
 *  1. Event time does not go back, whatever the wall clock does.
 *  2. A step is told once, its end once; in between, event time goes on by the boot-time clock.
 */
#include "pipeline/clock.h"

#include "base/problem.h"
#include "base/utc.h"

#define SECOND_NS ((int64_t)1000000000)

bool mri_clock_is_usable(int64_t wall_unix_ns, int64_t last_event_unix_ns)
{
    bool is_taken = last_event_unix_ns == 0 || wall_unix_ns > last_event_unix_ns;
    return !is_taken ||
           (wall_unix_ns >= MRI_CLOCK_FIRST_UNIX_NS && wall_unix_ns < MRI_CLOCK_BEYOND_UNIX_NS);
}

mr_err mri_clock_refuse(const char *folder, int64_t wall_unix_ns, mr_problem *reterr_problem)
{
    char text[MRI_UTC_BYTES];
    return mri_problem(reterr_problem, MR_REFUSED,
        "the machine's clock says %s, and the time of %s is taken from it: expected one from 2000 "
        "to 2099; set the clock right",
        mri_utc_format(wall_unix_ns, text), folder);
}

void mri_clock_init(struct mri_clock *clock, const struct mri_os *os, bool is_live)
{
    *clock = (struct mri_clock){.os = os, .is_live = is_live};
}

mr_err mri_clock_check(const struct mri_clock *clock, const char *folder,
    int64_t last_event_unix_ns, mr_problem *reterr_problem)
{
    int64_t wall = clock->os->realtime_unix_ns(clock->os->context);
    return !clock->is_live || mri_clock_is_usable(wall, last_event_unix_ns)
               ? MR_OK
               : mri_clock_refuse(folder, wall, reterr_problem);
}

int64_t mri_clock_event_time(const struct mri_clock *clock, int64_t last_event_unix_ns)
{
    if (!clock->is_live || !clock->is_started) {
        return last_event_unix_ns;
    }
    int64_t elapsed = clock->os->boottime_ns(clock->os->context) - clock->base_boot_ns;
    int64_t now = clock->base_event_unix_ns + elapsed;
    return now > last_event_unix_ns ? now : last_event_unix_ns;
}

/** The first tick of a run takes the wall clock's word, unless the log is already ahead of it. */
static void start(struct mri_clock *clock, int64_t wall, int64_t last_event_unix_ns)
{
    clock->base_boot_ns = clock->os->boottime_ns(clock->os->context);
    clock->base_event_unix_ns = wall > last_event_unix_ns ? wall : last_event_unix_ns;
    clock->is_started = true;
}

bool mri_clock_poll(struct mri_clock *clock, int64_t last_event_unix_ns, struct mri_tick *ret_tick)
{
    if (!clock->is_live) {
        return false;
    }
    int64_t wall = clock->os->realtime_unix_ns(clock->os->context);
    bool is_first = !clock->is_started;
    if (is_first) {
        start(clock, wall, last_event_unix_ns);
    }
    int64_t now = mri_clock_event_time(clock, last_event_unix_ns);
    int64_t step = wall - now;
    bool is_off = step > SECOND_NS || step < -SECOND_NS;
    enum mri_reason reason = MRI_REASON_TIME_PASSED;
    if (is_off != clock->is_stepped) {
        reason = is_off ? MRI_REASON_CLOCK_STEP : MRI_REASON_CLOCKS_AGREE;
    }
    bool is_due =
        is_first || reason != MRI_REASON_TIME_PASSED || now - clock->last_tick_unix_ns >= SECOND_NS;
    if (!is_due) {
        return false;
    }
    clock->is_stepped = is_off;
    clock->last_tick_unix_ns = now;
    *ret_tick = (struct mri_tick){.event_time_unix_ns = now,
        .wall_step_ns = reason == MRI_REASON_CLOCK_STEP ? step : 0,
        .reason = (uint16_t)reason};
    return true;
}
