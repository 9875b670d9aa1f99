/* SPDX-License-Identifier: MIT */
/*
 * Event time on a machine whose clocks the test turns.
 */
#include "pipeline/clock.h"

#include "tests/lib/cmocka_all.h"
#include "tests/lib/os_faults.h"

#define SECOND_NS ((int64_t)1000000000)
#define WALL_NS   (INT64_C(1700000000) * SECOND_NS)

struct fixture {
    struct mri_os_faults machine;
    struct mri_clock clock;
    int64_t newest_ns; /* newest event time of the log */
};

static void begin(struct fixture *fixture, bool is_live)
{
    mri_os_faults_init(&fixture->machine, mri_os_linux());
    fixture->machine.has_clock = true;
    fixture->machine.realtime_unix_ns = WALL_NS;
    fixture->machine.boottime_ns = 50 * SECOND_NS;
    fixture->newest_ns = WALL_NS - 100 * SECOND_NS;
    mri_clock_init(&fixture->clock, &fixture->machine.table, is_live);
}

/** Both clocks go on. */
static void pass(struct fixture *fixture, int64_t ns)
{
    fixture->machine.realtime_unix_ns += ns;
    fixture->machine.boottime_ns += ns;
}

/** Poll as the pipeline does: a tick becomes the newest event. */
static bool poll(struct fixture *fixture, struct mri_tick *ret_tick)
{
    bool is_due = mri_clock_poll(&fixture->clock, fixture->newest_ns, ret_tick);
    if (is_due) {
        assert_true(ret_tick->event_time_unix_ns >= fixture->newest_ns);
        fixture->newest_ns = ret_tick->event_time_unix_ns;
    }
    return is_due;
}

static void simulated_time_is_that_of_the_events_and_never_ticks(void **state)
{
    (void)state;
    struct fixture fixture;
    struct mri_tick tick;
    begin(&fixture, false);
    for (int i = 0; i < 5; i++) {
        assert_false(poll(&fixture, &tick));
        pass(&fixture, 10 * SECOND_NS);
        assert_int_equal(
            mri_clock_event_time(&fixture.clock, fixture.newest_ns), fixture.newest_ns);
    }
}

static void the_first_tick_takes_the_word_of_the_wall_clock(void **state)
{
    (void)state;
    struct fixture fixture;
    struct mri_tick tick;
    begin(&fixture, true);
    assert_int_equal(mri_clock_event_time(&fixture.clock, fixture.newest_ns), fixture.newest_ns);
    assert_true(poll(&fixture, &tick));
    assert_int_equal(tick.event_time_unix_ns, WALL_NS);
    assert_int_equal(tick.reason, MRI_REASON_TIME_PASSED);
    assert_int_equal(tick.wall_step_ns, 0);
}

static void live_time_ticks_once_a_second_and_no_oftener(void **state)
{
    (void)state;
    struct fixture fixture;
    struct mri_tick tick;
    unsigned ticks = 0;
    begin(&fixture, true);
    assert_true(poll(&fixture, &tick));
    for (int i = 1; i <= 100; i++) { /* ten seconds in steps of a tenth */
        pass(&fixture, SECOND_NS / 10);
        if (poll(&fixture, &tick)) {
            ticks++;
            assert_int_equal(tick.event_time_unix_ns, WALL_NS + ticks * SECOND_NS);
            assert_int_equal(tick.reason, MRI_REASON_TIME_PASSED);
        }
        assert_int_equal(mri_clock_event_time(&fixture.clock, fixture.newest_ns),
            WALL_NS + i * (SECOND_NS / 10));
    }
    assert_int_equal(ticks, 10);
}

static void a_step_of_the_wall_clock_is_told_once_and_its_end_once(void **state)
{
    (void)state;
    static const int64_t steps[] = {
        3600 * SECOND_NS, -3600 * SECOND_NS, SECOND_NS + 1, -SECOND_NS - 1};
    for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
        struct fixture fixture;
        struct mri_tick tick;
        begin(&fixture, true);
        assert_true(poll(&fixture, &tick));
        fixture.machine.realtime_unix_ns += steps[k];
        assert_true(poll(&fixture, &tick)); /* at once, not after a second */
        assert_int_equal(tick.reason, MRI_REASON_CLOCK_STEP);
        assert_int_equal(tick.wall_step_ns, steps[k]);
        assert_int_equal(tick.event_time_unix_ns, WALL_NS); /* time itself does not jump */
        for (int i = 0; i < 5; i++) {
            assert_false(poll(&fixture, &tick));
            pass(&fixture, SECOND_NS);
            assert_true(poll(&fixture, &tick));
            assert_int_equal(tick.reason, MRI_REASON_TIME_PASSED);
            assert_int_equal(tick.wall_step_ns, 0);
        }
        fixture.machine.realtime_unix_ns -= steps[k];
        assert_true(poll(&fixture, &tick));
        assert_int_equal(tick.reason, MRI_REASON_CLOCKS_AGREE);
        assert_int_equal(tick.event_time_unix_ns, WALL_NS + 5 * SECOND_NS);
        assert_false(poll(&fixture, &tick));
    }
}

static void a_second_of_difference_is_no_step(void **state)
{
    (void)state;
    struct fixture fixture;
    struct mri_tick tick;
    begin(&fixture, true);
    assert_true(poll(&fixture, &tick));
    fixture.machine.realtime_unix_ns += SECOND_NS;
    assert_false(poll(&fixture, &tick));
    fixture.machine.realtime_unix_ns -= 2 * SECOND_NS;
    assert_false(poll(&fixture, &tick));
}

static void a_log_that_is_ahead_of_the_wall_clock_does_not_go_back(void **state)
{
    (void)state;
    struct fixture fixture;
    struct mri_tick tick;
    begin(&fixture, true);
    fixture.newest_ns = WALL_NS + 60 * SECOND_NS;
    assert_true(poll(&fixture, &tick));
    assert_int_equal(tick.event_time_unix_ns, WALL_NS + 60 * SECOND_NS);
    assert_int_equal(tick.reason, MRI_REASON_CLOCK_STEP);
    assert_int_equal(tick.wall_step_ns, -60 * SECOND_NS);
    pass(&fixture, SECOND_NS);
    assert_true(poll(&fixture, &tick));
    assert_int_equal(tick.event_time_unix_ns, WALL_NS + 61 * SECOND_NS);
    fixture.newest_ns += 10 * SECOND_NS; /* an event from a feed that is ahead */
    assert_int_equal(mri_clock_event_time(&fixture.clock, fixture.newest_ns), fixture.newest_ns);
}

static void time_goes_on_in_suspend(void **state)
{
    (void)state;
    struct fixture fixture;
    struct mri_tick tick;
    begin(&fixture, true);
    assert_true(poll(&fixture, &tick));
    pass(&fixture, 8 * 3600 * SECOND_NS); /* both clocks count a night asleep */
    assert_true(poll(&fixture, &tick));
    assert_int_equal(tick.reason, MRI_REASON_TIME_PASSED);
    assert_int_equal(tick.event_time_unix_ns, WALL_NS + 8 * 3600 * SECOND_NS);
}

static void a_step_that_an_earlier_run_told_ends_in_the_next(void **state)
{
    (void)state;
    struct fixture fixture;
    struct mri_tick tick;
    begin(&fixture, true);
    fixture.clock.is_stepped = true; /* as the log says: CLOSE_ONLY by a clock step */
    assert_true(poll(&fixture, &tick));
    assert_int_equal(tick.reason, MRI_REASON_CLOCKS_AGREE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simulated_time_is_that_of_the_events_and_never_ticks),
        cmocka_unit_test(the_first_tick_takes_the_word_of_the_wall_clock),
        cmocka_unit_test(live_time_ticks_once_a_second_and_no_oftener),
        cmocka_unit_test(a_step_of_the_wall_clock_is_told_once_and_its_end_once),
        cmocka_unit_test(a_second_of_difference_is_no_step),
        cmocka_unit_test(a_log_that_is_ahead_of_the_wall_clock_does_not_go_back),
        cmocka_unit_test(time_goes_on_in_suspend),
        cmocka_unit_test(a_step_that_an_earlier_run_told_ends_in_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
