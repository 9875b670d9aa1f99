/* SPDX-License-Identifier: MIT */
/*
 * Event time beside the pipeline: of the newest event, of the wall clock, never back.
 */
#include "pipeline/outside_clock.h"

#include <string.h>

#include "pipeline/clock.h"
#include "pipeline/seat.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

#define SECOND_NS INT64_C(1000000000)
#define WALL_NS   (1800000000 * SECOND_NS)

static struct mri_os_memory *memory;
static struct mri_os_faults machine;
static struct mri_outside_clock beside;

static int set_up(void **state)
{
    (void)state;
    memory = mri_os_memory_new(4096);
    mri_os_faults_init(&machine, mri_os_memory_table(memory));
    machine.has_clock = true;
    machine.realtime_unix_ns = WALL_NS;
    machine.boottime_ns = 50 * SECOND_NS;
    assert_int_equal(machine.table.make_folder(machine.table.context, "/log"), MR_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mri_os_memory_free(memory);
    return 0;
}

static void a_simulated_log_has_the_time_of_its_newest_event(void **state)
{
    (void)state;
    mri_outside_clock_init(&beside, &machine.table, "/log", "simulated");
    assert_int_equal(mri_outside_clock_now(&beside, 0), 0);
    assert_int_equal(mri_outside_clock_now(&beside, 7), 7);
    mri_outside_clock_init(&beside, &machine.table, "/log", NULL);
    assert_int_equal(mri_outside_clock_now(&beside, 7), 7);
}

static void a_live_log_has_the_wall_clock_and_never_goes_back(void **state)
{
    (void)state;
    mri_outside_clock_init(&beside, &machine.table, "/log", "live");
    assert_int_equal(mri_outside_clock_now(&beside, 0), WALL_NS);
    machine.realtime_unix_ns = WALL_NS - 100 * SECOND_NS;
    assert_int_equal(mri_outside_clock_now(&beside, WALL_NS), WALL_NS);
}

static void while_a_run_is_up_it_alone_moves_the_time(void **state)
{
    (void)state;
    struct mri_seat seat;
    mr_problem problem;
    mri_outside_clock_init(&beside, &machine.table, "/log", "live");
    assert_int_equal(mri_seat_take(&machine.table, "/log", MRI_SEAT_RUN, &seat, &problem), MR_OK);
    assert_int_equal(mri_outside_clock_now(&beside, 0), WALL_NS); /* it has not begun */
    assert_int_equal(mri_outside_clock_now(&beside, 400 * SECOND_NS), 400 * SECOND_NS);
    mri_seat_leave(&seat);
    assert_int_equal(mri_outside_clock_now(&beside, 400 * SECOND_NS), 400 * SECOND_NS);
    machine.realtime_unix_ns += SECOND_NS; /* it is looked for once a second */
    assert_int_equal(mri_outside_clock_now(&beside, 400 * SECOND_NS), WALL_NS + SECOND_NS);
}

static void a_clock_that_was_set_is_a_reason_to_look_for_a_run(void **state)
{
    (void)state;
    struct mri_seat seat;
    mr_problem problem;
    mri_outside_clock_init(&beside, &machine.table, "/log", "live");
    assert_int_equal(mri_outside_clock_now(&beside, 7), WALL_NS);
    assert_int_equal(mri_seat_take(&machine.table, "/log", MRI_SEAT_RUN, &seat, &problem), MR_OK);
    assert_int_equal(mri_outside_clock_now(&beside, 7), WALL_NS); /* not yet */
    machine.realtime_unix_ns -= 1;
    assert_int_equal(mri_outside_clock_now(&beside, 7), 7);
    mri_seat_leave(&seat);
}

static void refused(int64_t wall_unix_ns, int64_t last_event_unix_ns, const char *what)
{
    mr_problem problem = {""};
    machine.realtime_unix_ns = wall_unix_ns;
    int64_t now = mri_outside_clock_now(&beside, last_event_unix_ns);
    assert_int_equal(now, 0);
    assert_int_equal(mri_outside_clock_check(&beside, now, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, what));
}

static void taken(int64_t wall_unix_ns, int64_t last_event_unix_ns, int64_t time_unix_ns)
{
    machine.realtime_unix_ns = wall_unix_ns;
    int64_t now = mri_outside_clock_now(&beside, last_event_unix_ns);
    assert_int_equal(now, time_unix_ns);
    assert_int_equal(mri_outside_clock_check(&beside, now, NULL), MR_OK);
}

static void a_clock_that_cannot_be_right_gives_no_time(void **state)
{
    (void)state;
    mri_outside_clock_init(&beside, &machine.table, "/log", "live");
    refused(-3600 * SECOND_NS, 0, "the machine's clock says 1969-12-31T23:00:00.000Z");
    refused(0, 0, "says 1970-01-01T00:00:00.000Z, and the time of /log");
    refused(MRI_CLOCK_FIRST_UNIX_NS - 1, 0, "says 1999-12-31T23:59:59.999Z");
    refused(MRI_CLOCK_BEYOND_UNIX_NS, 0, "says 2100-01-01T00:00:00.000Z");
    refused(MRI_CLOCK_BEYOND_UNIX_NS, WALL_NS, "says 2100-01-01T00:00:00.000Z");
    taken(MRI_CLOCK_FIRST_UNIX_NS, 0, MRI_CLOCK_FIRST_UNIX_NS);
    taken(MRI_CLOCK_BEYOND_UNIX_NS - 1, WALL_NS, MRI_CLOCK_BEYOND_UNIX_NS - 1);
    taken(-3600 * SECOND_NS, WALL_NS, WALL_NS); /* the log has a time, and stays at it */
    mri_outside_clock_init(&beside, &machine.table, "/log", "simulated");
    assert_int_equal(mri_outside_clock_check(&beside, 0, NULL), MR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_simulated_log_has_the_time_of_its_newest_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_live_log_has_the_wall_clock_and_never_goes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            while_a_run_is_up_it_alone_moves_the_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_clock_that_was_set_is_a_reason_to_look_for_a_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_clock_that_cannot_be_right_gives_no_time, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
