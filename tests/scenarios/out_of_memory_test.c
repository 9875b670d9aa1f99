/* SPDX-License-Identifier: MIT */
/*
 * Memory that runs out at any point of a run: a fault that says so, nothing leaked, nothing half
 * done, and a log that goes on as if nothing had happened.
 */
#include <string.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"
#include "tests/lib/lives.h"
#include "tests/lib/plain_config.h"

enum { PRICE = MRI_STORY_PRICE, MINUTES = 12, MORE = 10, RUNS_MAX = 100000 };

/** A closed log with signals from outside, one of them moved: the next open supersedes. */
static struct mri_story *pending_story(void)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 2);
    mri_story_make_brisk(story);
    for (int64_t minute = 1; minute <= MINUTES; minute++) {
        mri_script_add_close(&story->script, 0, minute, PRICE + 100 * (minute % 5));
        mri_script_add_signal(&story->script, minute % 2 == 0, minute, "bot", 0.5, 2);
    }
    mri_story_open(story);
    mri_story_play(story);
    mri_story_close(story);
    mri_story_emit(story, &(struct mri_story_emission){
                              .source = "late", .confidence = 0.6, .valid_minutes = 5, .count = 2});
    mri_story_move(story, MINUTES + 1, MR_BLOCKED); /* the first of them */
    for (int64_t minute = MINUTES + 1; minute <= MINUTES + MORE; minute++) {
        mri_script_add_problem(&story->script, 0, minute, MRI_REASON_ROW_TORN);
        mri_script_add_close(&story->script, 0, minute, PRICE + 100 * (minute % 5));
        mri_script_add_close(&story->script, 1, minute, PRICE);
        mri_script_add_signal(&story->script, 1, minute, "bot", -0.5, 2);
    }
    return story;
}

static void hear(void *context, const struct mri_feed_item *item)
{
    (void)context;
    (void)item;
}

/** Open, play, end, with an allocator of its own; *ret_is_open: the open was done. */
static mr_err run(struct mri_story *story, const struct mri_alloc *alloc, bool *ret_is_open)
{
    static struct mri_node node;
    struct mri_intake intake;
    const struct mri_node_options options = {.os = &story->machine.table,
        .alloc = alloc,
        .folder = MRI_STORY_FOLDER,
        .config = &story->config,
        .parse = story->parse,
        .is_create = true,
        .time_mode = story->time_mode,
        .build = "test",
        .feed = &story->script.feed,
        .feed_kind = "script"};
    story->problem.text[0] = '\0';
    mr_err err = mri_node_open(&node, &options, &story->problem);
    *ret_is_open = err == MR_OK;
    if (err != MR_OK) {
        return err;
    }
    mri_script_feed_rewind(&story->script);
    mri_intake_init(
        &intake, &node, &story->script.feed, (struct mri_intake_listener){.problem = hear});
    while (err == MR_OK) {
        err = mri_intake_step(&intake, &story->problem);
    }
    if (err == MR_END) {
        err = mri_node_end_feed(&node);
    }
    if (err == MR_OK) {
        err = mri_node_end_session(&node);
    }
    mri_node_close(&node);
    return err;
}

static void whole_digest(char text[static MRI_DIGEST_TEXT_BYTES])
{
    struct mri_story *story = pending_story();
    bool is_open;
    assert_int_equal(run(story, mri_alloc_system(), &is_open), MR_OK);
    (void)mri_story_digest(story, text);
    mri_lives_check(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    char whole[MRI_DIGEST_TEXT_BYTES];
    char resumed[MRI_DIGEST_TEXT_BYTES];
    bool has_failed = true;
    unsigned at_open = 0;
    unsigned later = 0;
    whole_digest(whole);
    for (unsigned k = 1; has_failed; k++) {
        struct mri_story *story = pending_story();
        struct failing_alloc failing;
        bool is_open;
        failing_alloc_init(&failing, k);
        mr_err err = run(story, &failing.alloc, &is_open);
        has_failed = failing.calls >= k;
        if (err != MR_OK) {
            assert_int_equal(err, MR_ENOMEM);
            assert_true(is_open || story->problem.text[0] != '\0');
            at_open += !is_open;
            later += is_open;
        }
        assert_true(has_failed || err == MR_OK);
        assert_int_equal(failing.live_bytes, 0);
        assert_int_equal(mri_os_memory_open_count(story->memory), 0);
        err = run(story, mri_alloc_system(), &is_open);
        if (err != MR_OK) {
            fail_msg("after allocation %u: %s: %s", k, mr_err_name(err), story->problem.text);
        }
        (void)mri_story_digest(story, resumed);
        if (strcmp(whole, resumed) != 0) {
            fail_msg("another digest after allocation %u", k);
        }
        mri_story_end(story);
        assert_true(k < RUNS_MAX);
    }
    print_message("%u at open, %u later\n", at_open, later);
    assert_true(at_open > 50 && later > 3);
}

static void any_allocation_of_a_replay_may_fail(void **state)
{
    (void)state;
    struct mri_story *story = pending_story();
    struct mri_fold_options options = mri_story_fold_options(story);
    bool has_failed = true;
    bool is_open;
    unsigned faults = 0;
    assert_int_equal(run(story, mri_alloc_system(), &is_open), MR_OK);
    for (unsigned k = 1; has_failed; k++) {
        struct failing_alloc failing;
        struct mri_replay_result result;
        failing_alloc_init(&failing, k);
        options.alloc = &failing.alloc;
        mr_err err = mri_replay_check(&options, NULL, &result, &story->problem);
        has_failed = failing.calls >= k;
        assert_true(err == MR_ENOMEM || err == MR_OK);
        assert_true(has_failed || err == MR_OK);
        if (err == MR_OK) {
            assert_true(result.is_identical);
            mri_replay_fini(&result);
        }
        faults += err != MR_OK;
        assert_int_equal(failing.live_bytes, 0);
        assert_int_equal(mri_os_memory_open_count(story->memory), 0);
    }
    assert_true(faults > 50);
    mri_story_end(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(any_allocation_of_a_replay_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
