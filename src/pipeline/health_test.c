/* SPDX-License-Identifier: MIT */
/*
 * Health, judged from what was done.
 */
#include "pipeline/health.h"

#include <string.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/plain_config.h"
#include "tests/lib/story.h"

enum { PRICE = MRI_STORY_PRICE };

static struct mri_fold fold;

/** Judge the log of a story as a reader beside it does. */
static struct mri_health judge(struct mri_story *story)
{
    struct mri_health health;
    const struct mri_fold_options options = mri_story_fold_options(story);
    assert_int_equal(mri_fold_init(&fold, &options, &story->problem), MR_OK);
    assert_int_equal(mri_health_judge(&fold, &health, &story->problem), MR_OK);
    assert_true((health.why == NULL) == (health.state == MRI_HEALTH_OK));
    return health;
}

static void check(struct mri_story *story, enum mri_health_state state, const char *why)
{
    struct mri_health health = judge(story);
    assert_string_equal(mri_health_text(health.state), mri_health_text(state));
    if (why != NULL) {
        assert_non_null(strstr(health.why, why));
    }
    mri_fold_fini(&fold);
}

static struct mri_story *ten_minutes(void)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 2);
    for (int64_t minute = 1; minute <= 10; minute++) {
        mri_script_add_close(&story->script, 0, minute, PRICE + minute);
        mri_script_add_signal(&story->script, 0, minute, "bot", minute % 2 == 0 ? 0.5 : -0.5, 1);
    }
    mri_story_open(story);
    return story;
}

static void a_log_without_a_bar_is_unknown(void **state)
{
    (void)state;
    struct mri_story *story = ten_minutes();
    check(story, MRI_HEALTH_UNKNOWN, "bar");
    mri_story_close(story);
    check(story, MRI_HEALTH_UNKNOWN, "bar");
    mri_story_end(story);
}

static void a_run_at_work_and_one_that_ended_are_ok(void **state)
{
    (void)state;
    struct mri_story *story = ten_minutes();
    mri_story_play(story);
    check(story, MRI_HEALTH_OK, NULL);
    mri_story_close(story);
    check(story, MRI_HEALTH_OK, NULL);
    mri_story_end(story);
}

static void a_killed_run_is_degraded_until_it_goes_on(void **state)
{
    (void)state;
    struct mri_story *story = ten_minutes();
    mri_story_play(story);
    mri_story_kill(story);
    check(story, MRI_HEALTH_DEGRADED, "run");
    mri_story_open(story);
    check(story, MRI_HEALTH_OK, NULL);
    mri_story_end(story);
}

static void a_mode_that_is_not_run_is_degraded(void **state)
{
    (void)state;
    struct mri_story *story = ten_minutes();
    mri_story_play(story);
    struct mri_health health = judge(story);
    assert_int_equal(health.state, MRI_HEALTH_OK);
    fold.wiring.execute.mode.mode = MRI_MODE_CLOSE_ONLY;
    assert_int_equal(mri_health_judge(&fold, &health, NULL), MR_OK);
    assert_int_equal(health.state, MRI_HEALTH_DEGRADED);
    fold.wiring.execute.ledger.mismatches = 1; /* and worse things come first */
    assert_false(mri_health_is_ledger_ok(&fold.wiring));
    assert_int_equal(mri_health_judge(&fold, &health, NULL), MR_OK);
    assert_int_equal(health.state, MRI_HEALTH_DOWN);
    mri_fold_fini(&fold);
    mri_story_end(story);
}

static void a_damaged_log_is_down(void **state)
{
    (void)state;
    struct mri_story *story = ten_minutes();
    size_t count;
    mri_story_play(story);
    mri_story_close(story);
    mri_story_open(story); /* what it writes says that all before is durable */
    mri_story_close(story);
    uint8_t *bytes =
        mri_os_memory_bytes(story->memory, MRI_STORY_FOLDER "/seg-0000000000000001.log", &count);
    assert_non_null(bytes);
    bytes[2 * 4096 + 100] ^= 1;
    check(story, MRI_HEALTH_DOWN, "damaged");
    mri_story_end(story);
}

static void every_stage_says_what_it_has_done_and_what_waits(void **state)
{
    (void)state;
    struct mri_story *story = ten_minutes();
    mri_story_play(story);
    mri_story_close(story);
    mri_story_emit(story, &(struct mri_story_emission){
                              .source = "bot", .confidence = 0.5, .valid_minutes = 5, .count = 3});
    struct mri_health health = judge(story);
    assert_int_equal(health.pending.inputs, 3);
    uint64_t by_source[64];
    memset(by_source, 0xff, sizeof(by_source));
    struct mri_health_signals counts = {.by_source = by_source};
    mri_health_count_signals(&fold, &counts);
    assert_int_equal(counts.by_side[0] + counts.by_side[1], 13);
    assert_int_equal(fold.wiring.report.signals, 10); /* by which the three would be missing */
    uint32_t bot;
    assert_int_equal(mri_intern_find(&fold.bus.sources, mri_slice_of("bot"), &bot), MR_OK);
    assert_true(bot < fold.bus.sources.count && fold.bus.sources.count <= 64);
    assert_int_equal(by_source[bot] - fold.wiring.report.signals_by_source[bot], 3);
    for (unsigned gate = 0; gate < MRI_REPORT_GATES; gate++) {
        assert_int_equal(counts.by_gate[gate], fold.wiring.report.blocked_by_gate[gate]);
    }
    assert_int_equal(health.stages[MRI_STAGE_BARS].done, 10);
    assert_int_equal(health.stages[MRI_STAGE_BARS].last_unix_ns, mri_script_time(10));
    assert_int_equal(health.stages[MRI_STAGE_SIGNALS].done, 10);
    assert_int_equal(health.stages[MRI_STAGE_SIGNALS].waiting, 3);
    assert_int_equal(health.stages[MRI_STAGE_DECISIONS].done, 10);
    assert_int_equal(
        health.stages[MRI_STAGE_OUTCOMES].done, mri_story_count(story, MRI_EVENT_OUTCOME, 0));
    assert_int_equal(health.stages[MRI_STAGE_OUTCOMES].waiting,
        10 * MR_HORIZON_COUNT - mri_story_count(story, MRI_EVENT_OUTCOME, 0));
    assert_int_equal(
        health.stages[MRI_STAGE_FEEDBACK].done, mri_story_count(story, MRI_EVENT_FEEDBACK, 0));
    for (unsigned i = 0; i < MRI_STAGE_COUNT; i++) {
        assert_non_null(health.stages[i].name);
    }
    mri_fold_fini(&fold);
    mri_story_end(story);
}

static void signals_are_conserved(void **state)
{
    (void)state;
    struct mri_story *story = ten_minutes();
    mri_story_play(story);
    (void)judge(story);
    assert_true(mri_health_is_conserved(&fold));
    fold.wiring.report.signals++;
    assert_false(mri_health_is_conserved(&fold));
    mri_fold_fini(&fold);
    mri_story_end(story);
}

static void a_tick_is_no_input_that_somebody_waits_for(void **state)
{
    (void)state;
    struct mri_health_pending pending = {0};
    const struct mri_event tick = {.type = MRI_EVENT_TICK};
    const struct mri_event candle = {.type = MRI_EVENT_CANDLE};
    const struct mri_event signal = {.type = MRI_EVENT_SIGNAL_GENERATED};
    mri_health_count(&pending, &tick);
    assert_int_equal(pending.inputs, 0);
    mri_health_count(&pending, &candle);
    mri_health_count(&pending, &signal);
    assert_int_equal(pending.inputs, 2);
    assert_int_equal(pending.facts, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tick_is_no_input_that_somebody_waits_for),
        cmocka_unit_test(a_log_without_a_bar_is_unknown),
        cmocka_unit_test(a_run_at_work_and_one_that_ended_are_ok),
        cmocka_unit_test(a_killed_run_is_degraded_until_it_goes_on),
        cmocka_unit_test(a_mode_that_is_not_run_is_degraded),
        cmocka_unit_test(a_damaged_log_is_down),
        cmocka_unit_test(every_stage_says_what_it_has_done_and_what_waits),
        cmocka_unit_test(signals_are_conserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
