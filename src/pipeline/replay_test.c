/* SPDX-License-Identifier: MIT */
/*
 * Replaying logs that are short, open at their end, damaged or not there. What a replay finds in a
 * log that was tampered with is in tests/scenarios/planted_difference_test.c.
 */
#include "pipeline/replay.h"

#include <string.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/plain_config.h"
#include "tests/lib/story.h"

enum { PRICE = MRI_STORY_PRICE };

static void print_nothing(
    const struct mri_wiring *wiring, const struct mri_event *event, struct mri_buf *buf)
{
    (void)wiring;
    (void)event;
    (void)buf;
}

static mr_err replay(struct mri_story *story, struct mri_replay_result *ret_result)
{
    const struct mri_fold_options options = mri_story_fold_options(story);
    story->problem.text[0] = '\0';
    return mri_replay_check(&options, print_nothing, ret_result, &story->problem);
}

static struct mri_story *ten_minutes(void)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    for (int64_t minute = 1; minute <= 10; minute++) {
        mri_script_add_close(&story->script, 0, minute, PRICE + minute);
        mri_script_add_signal(&story->script, 0, minute, "bot", 0.5, 1);
    }
    return story;
}

static void a_log_in_which_nothing_was_decided_is_identical(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    struct mri_replay_result result;
    mri_story_open(story);
    mri_story_close(story);
    assert_int_equal(replay(story, &result), MR_OK);
    assert_true(result.is_identical);
    assert_true(result.inputs > 0);
    assert_int_equal(result.outputs, 0);
    assert_int_equal(result.undecided, 0);
    mri_replay_fini(&result);
    mri_replay_fini(NULL);
    mri_story_end(story);
}

static void a_log_that_is_not_there_is_a_fault(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    struct mri_replay_result result;
    assert_true(replay(story, &result) != MR_OK);
    assert_true(story->problem.text[0] != '\0');
    mri_story_end(story);
}

static void every_output_is_compared(void **state)
{
    (void)state;
    struct mri_story *story = ten_minutes();
    struct mri_replay_result result;
    mri_story_open(story);
    mri_story_play(story);
    mri_story_close(story);
    uint64_t outputs = 0;
    static const uint16_t kinds[] = {MRI_EVENT_VIEW, MRI_EVENT_PREDICTION, MRI_EVENT_DECISION,
        MRI_EVENT_SIGNAL_MOVED, MRI_EVENT_OUTCOME, MRI_EVENT_FEEDBACK, MRI_EVENT_SHADOW_CLOSED};
    for (size_t i = 0; i < MRI_COUNT_OF(kinds); i++) {
        uint64_t count = mri_story_count(story, kinds[i], 0);
        outputs += count;
    }
    assert_int_equal(replay(story, &result), MR_OK);
    assert_true(result.is_identical);
    assert_int_equal(result.outputs, outputs);
    mri_replay_fini(&result);
    mri_story_end(story);
}

static void inputs_whose_decision_is_not_there_yet_are_counted(void **state)
{
    (void)state;
    struct mri_story *story = ten_minutes();
    struct mri_replay_result result;
    mri_story_open(story);
    mri_story_play(story);
    mri_story_close(story);
    mri_story_emit(story, &(struct mri_story_emission){
                              .source = "late", .confidence = 0.5, .valid_minutes = 5, .count = 3});
    assert_int_equal(replay(story, &result), MR_OK);
    assert_true(result.is_identical);
    assert_int_equal(result.undecided, 3);
    mri_replay_fini(&result);
    mri_story_open(story);
    mri_story_close(story);
    assert_int_equal(replay(story, &result), MR_OK);
    assert_true(result.is_identical);
    assert_int_equal(result.undecided, 0);
    mri_replay_fini(&result);
    mri_story_end(story);
}

static void a_log_that_ends_at_any_batch_is_identical_up_to_there(void **state)
{
    (void)state;
    for (uint64_t write = 2; write < 40; write++) {
        struct mri_story *story = ten_minutes();
        struct mri_replay_result result;
        mri_story_open(story);
        mri_os_faults_arm(&story->machine, MRI_OS_CALL_WRITE_AT, write, MR_EIO);
        mr_err err = mri_story_try_play(story);
        assert_true(err == MR_EUNKNOWN || err == MR_EPOISONED || story->machine.fired == 0);
        mri_os_faults_arm(&story->machine, MRI_OS_CALL_ANY, 0, MR_OK);
        mri_story_kill(story);
        assert_int_equal(replay(story, &result), MR_OK);
        assert_true(result.is_identical);
        mri_replay_fini(&result);
        mri_story_end(story);
    }
}

static void damage_is_a_fault_and_not_a_difference(void **state)
{
    (void)state;
    struct mri_story *story = ten_minutes();
    struct mri_replay_result result;
    size_t count;
    mri_story_open(story);
    mri_story_play(story);
    mri_story_close(story);
    mri_story_open(story); /* what it writes says that all before is durable */
    mri_story_close(story);
    uint8_t *bytes =
        mri_os_memory_bytes(story->memory, MRI_STORY_FOLDER "/seg-0000000000000001.log", &count);
    assert_non_null(bytes);
    bytes[12 * 1024] ^= 1;
    assert_int_equal(replay(story, &result), MR_ECORRUPT);
    assert_non_null(strstr(story->problem.text, "seg-0000000000000001.log"));
    mri_story_end(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_in_which_nothing_was_decided_is_identical),
        cmocka_unit_test(a_log_that_is_not_there_is_a_fault),
        cmocka_unit_test(every_output_is_compared),
        cmocka_unit_test(inputs_whose_decision_is_not_there_yet_are_counted),
        cmocka_unit_test(a_log_that_ends_at_any_batch_is_identical_up_to_there),
        cmocka_unit_test(damage_is_a_fault_and_not_a_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
