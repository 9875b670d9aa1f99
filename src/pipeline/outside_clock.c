/* SPDX-License-Identifier: MIT */
/*
 * Event time for programs beside the pipeline.
 *
 * Invariants
 *  1. Event time does not go back, whatever the wall clock does.
 *  2. No event gets the time of a wall clock that cannot be right: it could not be taken back.
 *  3. While a run is up it is the only one to move the time of a live log: a wall clock that jumped
 *     is told by its ticks, not by somebody's signal.
 */
#include "pipeline/outside_clock.h"

#include <string.h>

#include "pipeline/clock.h"
#include "pipeline/seat.h"

#define CHECK_NS ((int64_t)1000000000)

void mri_outside_clock_init(struct mri_outside_clock *clock, const struct mri_os *os,
    const char *folder, const char *time_mode)
{
    *clock = (struct mri_outside_clock){
        .os = os,
        .folder = folder,
        .is_live = time_mode != NULL && strcmp(time_mode, "live") == 0,
    };
}

/**
 * What cannot be seen counts as nobody: then the wall clock is all there is. A wall clock that was
 * set is a reason to look, too.
 */
static void look_for_run(struct mri_outside_clock *clock, int64_t wall_unix_ns)
{
    uint32_t process_id;
    int64_t since = wall_unix_ns - clock->checked_unix_ns;
    if (since >= 0 && since < CHECK_NS) {
        return;
    }
    clock->checked_unix_ns = wall_unix_ns;
    clock->is_run_up =
        mri_seat_holder(clock->os, clock->folder, MRI_SEAT_RUN, &process_id) == MR_OK &&
        process_id != 0;
}

int64_t mri_outside_clock_now(struct mri_outside_clock *clock, int64_t last_event_unix_ns)
{
    if (!clock->is_live) {
        return last_event_unix_ns;
    }
    int64_t wall = clock->os->realtime_unix_ns(clock->os->context);
    look_for_run(clock, wall);
    if (clock->is_run_up && last_event_unix_ns != 0) {
        return last_event_unix_ns;
    }
    if (!mri_clock_is_usable(wall, last_event_unix_ns)) {
        clock->wrong_unix_ns = wall;
        return 0;
    }
    return wall > last_event_unix_ns ? wall : last_event_unix_ns;
}

mr_err mri_outside_clock_check(
    const struct mri_outside_clock *clock, int64_t event_time_unix_ns, mr_problem *reterr_problem)
{
    return !clock->is_live || event_time_unix_ns != 0
               ? MR_OK
               : mri_clock_refuse(clock->folder, clock->wrong_unix_ns, reterr_problem);
}
