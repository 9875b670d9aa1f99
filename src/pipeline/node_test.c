/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing a node: what it refuses, what it writes, what it leaves.
 */
#include "pipeline/node.h"

#include <string.h>

#include "log/open/snapshot.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/plain_config.h"
#include "tests/lib/story.h"

enum { PRICE = MRI_STORY_PRICE };

static struct mri_node_options options_of(struct mri_story *story)
{
    return (struct mri_node_options){.os = &story->machine.table,
        .alloc = mri_alloc_system(),
        .folder = MRI_STORY_FOLDER,
        .config = &story->config,
        .parse = story->parse,
        .is_create = true,
        .time_mode = "simulated",
        .build = "test",
        .feed = &story->script.feed,
        .feed_kind = "script"};
}

static void a_log_that_is_not_there_is_made_only_when_asked_for(void **state)
{
    (void)state;
    static struct mri_node node;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    struct mri_node_options options = options_of(story);
    mr_problem problem = {""};
    options.is_create = false;
    assert_int_equal(mri_node_open(&node, &options, &problem), MR_EPATH);
    assert_true(problem.text[0] != '\0');
    assert_int_equal(mri_os_memory_open_count(story->memory), 0);
    options.is_create = true;
    assert_int_equal(mri_node_open(&node, &options, &problem), MR_OK);
    assert_false(node.is_resumed);
    mri_node_close(&node);
    options.is_create = false;
    assert_int_equal(mri_node_open(&node, &options, &problem), MR_OK);
    assert_true(node.is_resumed);
    mri_node_close(&node);
    mri_node_close(&node); /* zeroed by then */
    mri_node_close(NULL);
    mri_story_end(story);
}

static void a_second_node_is_refused_and_told_who_holds_the_log(void **state)
{
    (void)state;
    static struct mri_node second;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    const struct mri_node_options options = options_of(story);
    mr_problem problem = {""};
    mri_os_memory_set_process(story->memory, 777);
    mri_story_open(story);
    mri_os_memory_set_process(story->memory, 888);
    assert_int_equal(mri_node_open(&second, &options, &problem), MR_BUSY);
    assert_non_null(strstr(problem.text, "777"));
    mri_script_add_close(&story->script, 0, 1, PRICE);
    mri_story_play(story); /* the first goes on unharmed */
    mri_story_close(story);
    mri_story_end(story);
}

static void a_new_log_begins_with_session_configuration_and_instruments(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 3);
    struct mri_event event;
    mri_story_open(story);
    assert_true(
        mri_story_find(story, &(struct mri_story_query){.type = MRI_EVENT_SESSION}, &event));
    uint64_t session_seq = event.seq;
    assert_int_equal(session_seq, story->node.session_first_seq);
    assert_int_equal(((const struct mri_session *)event.body)->engine_version, MRI_ENGINE_VERSION);
    assert_true(mri_story_find(story, &(struct mri_story_query){.type = MRI_EVENT_CONFIG}, &event));
    assert_int_equal(event.seq, session_seq + 1);
    assert_true(event.is_batch_end);
    assert_int_equal(mri_story_count(story, MRI_EVENT_INSTRUMENT, 0), 3);
    assert_int_equal(mri_story_last_seq(story), session_seq + 4);
    mri_story_end(story);
}

static void more_symbols_than_the_limit_are_refused(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 3);
    story->config.limits_symbols_max = 2;
    assert_int_equal(mri_story_try_open(story), MR_FULL);
    assert_non_null(strstr(story->problem.text, "symbols_max"));
    assert_int_equal(mri_story_count(story, MRI_EVENT_INSTRUMENT, 0), 0);
    story->config.limits_symbols_max = 3;
    mri_story_open(story);
    mri_story_end(story);
}

static void a_snapshot_is_due_after_so_many_events_and_not_before(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    story->config.log_snapshot_events = 100;
    mri_story_open(story);
    for (int64_t minute = 1; story->node.fold.bus.last_seq < 99; minute++) {
        mri_script_add_close(&story->script, 0, minute, PRICE);
        mri_story_play(story);
    }
    assert_int_equal(story->node.snapshot_seq, 0);
    mri_script_add_close(&story->script, 0, 500, PRICE); /* a gap and a bar */
    mri_story_play(story);
    uint64_t snapshot_seq = story->node.snapshot_seq;
    assert_int_equal(snapshot_seq, story->node.fold.bus.last_seq);
    assert_int_equal(mri_node_snapshot_if_due(&story->node), MR_OK);
    assert_int_equal(story->node.snapshot_seq, snapshot_seq);
    mri_story_end(story);
}

static void a_disk_without_room_for_a_snapshot_does_not_stop_a_run(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    struct mri_snapshot_list list;
    mri_script_add_close(&story->script, 0, 1, PRICE);
    mri_story_open(story);
    mri_story_play(story);
    assert_int_equal(mr_log_sync(story->node.log), MR_OK); /* the log has opened all it needs */
    mri_os_faults_arm(&story->machine, MRI_OS_CALL_OPEN, 1, MR_ENOSPC);
    story->node.options.config = &story->config;
    story->config.log_snapshot_events = 1;
    assert_int_equal(mri_node_snapshot_if_due(&story->node), MR_OK);
    assert_int_equal(story->machine.fired, 1);
    assert_int_equal(story->node.snapshot_seq, 0);
    mri_os_faults_arm(&story->machine, MRI_OS_CALL_OPEN, 1, MR_ENOSPC);
    mri_story_close(story);
    assert_int_equal(mri_snapshot_list(&story->machine.table, MRI_STORY_FOLDER, &list), MR_OK);
    assert_int_equal(list.count, 0);
    mri_story_open(story);
    mri_story_end(story);
}

static void the_end_of_the_feed_may_be_said_twice(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    mri_script_add_close(&story->script, 0, 1, PRICE);
    mri_script_add_signal(&story->script, 0, 1, "bot", 0.5, 1);
    mri_story_open(story);
    mri_story_play(story);
    mri_story_end_feed(story);
    assert_int_equal(mri_story_count(story, MRI_EVENT_OUTCOME, 1), MR_HORIZON_COUNT);
    mri_story_end_feed(story);
    assert_int_equal(mri_story_count(story, MRI_EVENT_OUTCOME, 1), MR_HORIZON_COUNT);
    mri_story_close(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_that_is_not_there_is_made_only_when_asked_for),
        cmocka_unit_test(a_second_node_is_refused_and_told_who_holds_the_log),
        cmocka_unit_test(a_new_log_begins_with_session_configuration_and_instruments),
        cmocka_unit_test(more_symbols_than_the_limit_are_refused),
        cmocka_unit_test(a_snapshot_is_due_after_so_many_events_and_not_before),
        cmocka_unit_test(a_disk_without_room_for_a_snapshot_does_not_stop_a_run),
        cmocka_unit_test(the_end_of_the_feed_may_be_said_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
