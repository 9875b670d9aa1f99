/* SPDX-License-Identifier: MIT */
/*
 * Event time: of the feed in a simulated log; of the boot-time clock, through ticks, in a live one.
 * The machine's clocks are turned by hand.
 */
#include <string.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/lives.h"
#include "tests/lib/plain_config.h"

#define SECOND_NS INT64_C(1000000000)

enum { PRICE = MRI_STORY_PRICE, HOUR = 61 };

/** A live story whose clocks stand at a minute of the script. */
static struct mri_story *live_story(int64_t minute)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 2);
    story->time_mode = "live";
    story->machine.has_clock = true;
    story->machine.realtime_unix_ns = mri_script_time(minute);
    story->machine.boottime_ns = 1000 * SECOND_NS;
    return story;
}

/** Both clocks go on, and the node looks at them. */
static void pass(struct mri_story *story, int64_t ns)
{
    story->machine.realtime_unix_ns += ns;
    story->machine.boottime_ns += ns;
    assert_int_equal(mri_node_tick(&story->node), MR_OK);
}

/** A minute second by second, and the bar that closes it. */
static void pass_minute(struct mri_story *story, int64_t minute)
{
    for (unsigned second = 0; second < 60; second++) {
        pass(story, SECOND_NS);
    }
    mri_script_add_close(&story->script, 0, minute, PRICE);
    mri_story_play(story);
}

struct ticks {
    unsigned count;
    unsigned too_far; /**< more than a second behind the one before */
    int64_t last_unix_ns;
};

static void note_tick(void *context, const struct mri_event *event)
{
    struct ticks *ticks = context;
    if (event->type == MRI_EVENT_TICK) {
        int64_t time = ((const struct mri_tick *)event->body)->event_time_unix_ns;
        assert_true(time >= ticks->last_unix_ns);
        ticks->too_far += ticks->count > 0 && time - ticks->last_unix_ns > SECOND_NS;
        ticks->last_unix_ns = time;
        ticks->count++;
    }
}

static void live_time_ticks_at_least_once_a_second(void **state)
{
    (void)state;
    struct mri_story *story = live_story(0);
    struct ticks ticks = {0};
    mri_story_open(story);
    for (int64_t minute = 1; minute <= 3; minute++) {
        pass_minute(story, minute);
        mri_script_add_signal(&story->script, 0, minute, "bot", 0.5, 1);
        mri_story_play(story);
    }
    mri_story_close(story);
    mri_story_walk(story, &(struct mri_story_walker){.context = &ticks, .visit = note_tick});
    assert_int_equal(ticks.count, 180);
    assert_int_equal(ticks.too_far, 0);
    assert_int_equal(ticks.last_unix_ns, mri_script_time(3));
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void a_simulated_log_knows_no_clock(void **state)
{
    (void)state;
    char digests[2][MRI_DIGEST_TEXT_BYTES];
    for (unsigned is_odd = 0; is_odd < 2; is_odd++) {
        struct mri_story *story = live_story(is_odd ? 100000 : 0);
        story->time_mode = "simulated";
        mri_story_open(story);
        for (int64_t minute = 1; minute <= 90; minute++) {
            mri_script_add_close(&story->script, 0, minute, PRICE + minute);
            mri_script_add_signal(&story->script, 0, minute, "bot", 0.5, 1);
            mri_story_play(story);
            pass(story, is_odd ? 7 * SECOND_NS : 0);
            story->machine.realtime_unix_ns -= is_odd ? 3600 * SECOND_NS : 0;
        }
        assert_int_equal(mri_story_count(story, MRI_EVENT_TICK, 0), 0);
        mri_story_end_feed(story);
        mri_story_close(story);
        (void)mri_story_digest(story, digests[is_odd]);
        mri_story_end(story);
    }
    assert_string_equal(digests[0], digests[1]);
}

static void horizons_come_due_by_event_time_without_a_bar(void **state)
{
    (void)state;
    struct mri_story *story = live_story(0);
    struct mri_lives lives;
    mri_story_open(story);
    pass_minute(story, 1);
    mri_script_add_signal(&story->script, 0, 1, "bot", 0.5, 1);
    mri_story_play(story);
    for (int64_t second = 1; second <= HOUR * 60; second++) { /* the feed is silent */
        pass(story, SECOND_NS);
        bool is_minute_over = second > 60; /* due is before now, so no bar of that time can come */
        assert_int_equal(mri_story_slot(story, 1)->state == MR_LEARNED, second > 3600);
        if (second == 60 || second == 61) {
            assert_int_equal(mri_story_count(story, MRI_EVENT_OUTCOME, 1), is_minute_over);
        }
    }
    mri_story_close(story);
    mri_lives_read(&lives, story);
    mri_lives_check_ended(&lives);
    const struct mri_life *life = mri_lives_get(&lives, 1);
    assert_int_equal(life->statuses[MR_HORIZON_1M], MRI_OUTCOME_RESOLVED); /* 60 s old */
    for (unsigned horizon = MR_HORIZON_5M; horizon < MR_HORIZON_COUNT; horizon++) {
        assert_int_equal(life->statuses[horizon], MRI_OUTCOME_EXCLUDED);
        assert_int_equal(life->outcome_reasons[horizon], MRI_REASON_LATE_PRICE);
    }
    mri_lives_fini(&lives);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void time_limits_run_in_suspend(void **state)
{
    (void)state;
    struct mri_story *story = live_story(0);
    mri_story_open(story);
    pass_minute(story, 1);
    mri_script_add_signal(&story->script, 1, 1, "bot", 0.5, 5); /* waits for a price */
    mri_story_play(story);
    assert_int_equal(mri_story_slot(story, 1)->state, MR_GENERATED);
    pass(story, 7200 * SECOND_NS); /* the lid was closed: both clocks went on */
    assert_int_equal(mri_story_slot(story, 1)->state, MR_EXPIRED);
    pass(story, SECOND_NS);
    assert_int_equal(mri_story_slot(story, 1)->state, MR_LEARNED);
    assert_int_equal(story->node.fold.wiring.execute.mode.mode, MRI_MODE_RUN);
    assert_int_equal(
        story->node.fold.wiring.market.event_time_unix_ns, mri_script_time(1) + 7201 * SECOND_NS);
    mri_story_close(story);
    mri_lives_check(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static enum mri_mode mode_of(const struct mri_story *story)
{
    return (enum mri_mode)story->node.fold.wiring.execute.mode.mode;
}

static void a_step_of_the_wall_clock_allows_exits_only_until_clocks_agree(void **state)
{
    (void)state;
    static const int64_t steps[] = {5 * SECOND_NS, -5 * SECOND_NS, 86400 * SECOND_NS};
    for (size_t i = 0; i < MRI_COUNT_OF(steps); i++) {
        struct mri_story *story = live_story(0);
        struct mri_event event;
        struct mri_row_gate_number number;
        struct mri_row_gate_code code;
        mri_story_open(story);
        pass_minute(story, 1);
        story->machine.realtime_unix_ns += steps[i];
        pass(story, 0);
        assert_int_equal(mode_of(story), MRI_MODE_CLOSE_ONLY);
        assert_true(mri_story_find(
            story, &(struct mri_story_query){.type = MRI_EVENT_MODE_CHANGED}, &event));
        const struct mri_mode_changed *change = event.body;
        assert_int_equal(change->reason, MRI_REASON_CLOCK_STEP);
        assert_int_equal(change->actor, MRI_ACTOR_CLOCK);
        pass_minute(story, 2); /* event time goes on as if nothing had happened */
        assert_int_equal(story->node.fold.wiring.market.event_time_unix_ns, mri_script_time(2));
        mri_script_add_signal(&story->script, 0, 2, "bot", 0.5, 1);
        mri_story_play(story);
        assert_true(mri_story_gate(story, 1, MRI_GATE_MODE, &number, &code));
        assert_int_equal(code.reason, MRI_REASON_MODE_CLOSE_ONLY);
        assert_int_equal(mri_story_slot(story, 1)->state, MR_BLOCKED);
        story->machine.realtime_unix_ns -= steps[i];
        pass(story, 0);
        assert_int_equal(mode_of(story), MRI_MODE_RUN);
        assert_int_equal(mri_story_count(story, MRI_EVENT_MODE_CHANGED, 0), 2);
        mri_story_close(story);
        mri_story_check_replay(story);
        mri_story_end(story);
    }
}

static void a_step_of_a_second_changes_nothing(void **state)
{
    (void)state;
    struct mri_story *story = live_story(0);
    mri_story_open(story);
    pass_minute(story, 1);
    story->machine.realtime_unix_ns += SECOND_NS;
    pass_minute(story, 2);
    assert_int_equal(mri_story_count(story, MRI_EVENT_MODE_CHANGED, 0), 0);
    mri_story_end(story);
}

static void a_stepped_clock_is_remembered_over_a_restart(void **state)
{
    (void)state;
    struct mri_story *story = live_story(60);
    mri_story_open(story);
    pass_minute(story, 61);
    story->machine.realtime_unix_ns -= 1800 * SECOND_NS;
    pass(story, 0);
    assert_int_equal(mode_of(story), MRI_MODE_CLOSE_ONLY);
    mri_story_kill(story);
    mri_story_open(story); /* the log is half an hour ahead of the wall clock */
    assert_int_equal(mode_of(story), MRI_MODE_CLOSE_ONLY);
    pass_minute(story, 62);
    assert_int_equal(mode_of(story), MRI_MODE_CLOSE_ONLY);
    assert_true(story->node.fold.wiring.market.event_time_unix_ns >= mri_script_time(62));
    story->machine.realtime_unix_ns = story->node.fold.wiring.market.event_time_unix_ns;
    pass(story, 0);
    assert_int_equal(mode_of(story), MRI_MODE_RUN);
    mri_story_close(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void a_position_is_closed_though_only_exits_are_allowed(void **state)
{
    (void)state;
    struct mri_story *story = live_story(MRI_STORY_WARM_MINUTES);
    int64_t minute = MRI_STORY_WARM_MINUTES;
    mri_story_warm(story);
    uint32_t ordinal = mri_story_trade(story, &minute);
    mri_script_add_close(&story->script, 0, ++minute, PRICE);
    mri_story_play(story);
    assert_int_equal(story->node.fold.wiring.execute.open_count, 1);
    story->machine.realtime_unix_ns = mri_script_time(minute);
    pass(story, 0); /* the first look at the clocks */
    story->machine.realtime_unix_ns += 60 * SECOND_NS;
    pass(story, 0);
    assert_int_equal(mode_of(story), MRI_MODE_CLOSE_ONLY);
    for (unsigned i = 0; i < 35; i++) { /* its time is half an hour */
        mri_script_add_close(&story->script, 0, ++minute, PRICE);
        mri_script_add_signal(&story->script, 0, minute, "oracle", i % 2 == 0 ? 0.9 : -0.9, 1);
        mri_story_play(story);
    }
    assert_int_equal(mri_story_count(story, MRI_EVENT_POSITION_CLOSED, ordinal), 1);
    assert_int_equal(story->node.fold.wiring.execute.open_count, 0);
    assert_int_equal(mri_story_count(story, MRI_EVENT_POSITION_OPENED, 0), 1); /* and no other */
    mri_story_close(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void a_run_does_not_begin_by_a_clock_that_cannot_be_right(void **state)
{
    (void)state;
    static const char says[] = "the machine's clock says 1969-12-31T23:59:59.000Z";
    struct mri_story *story = live_story(0);
    int64_t right = story->machine.realtime_unix_ns;
    story->machine.realtime_unix_ns = -SECOND_NS;
    assert_int_equal(mri_story_try_open(story), MR_REFUSED);
    assert_non_null(strstr(story->problem.text, says));
    story->machine.realtime_unix_ns = right;
    mri_story_open(story);
    pass(story, 0);
    mri_story_close(story);
    story->machine.realtime_unix_ns = -SECOND_NS; /* the log has a time: it goes on from there */
    mri_story_open(story);
    pass(story, 0);
    assert_int_equal(story->node.fold.wiring.market.event_time_unix_ns, right);
    assert_int_equal(story->node.fold.wiring.execute.mode.mode, MRI_MODE_CLOSE_ONLY);
    mri_story_close(story);
    mri_story_end(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_time_ticks_at_least_once_a_second),
        cmocka_unit_test(a_simulated_log_knows_no_clock),
        cmocka_unit_test(horizons_come_due_by_event_time_without_a_bar),
        cmocka_unit_test(time_limits_run_in_suspend),
        cmocka_unit_test(a_step_of_the_wall_clock_allows_exits_only_until_clocks_agree),
        cmocka_unit_test(a_step_of_a_second_changes_nothing),
        cmocka_unit_test(a_run_does_not_begin_by_a_clock_that_cannot_be_right),
        cmocka_unit_test(a_stepped_clock_is_remembered_over_a_restart),
        cmocka_unit_test(a_position_is_closed_though_only_exits_are_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
