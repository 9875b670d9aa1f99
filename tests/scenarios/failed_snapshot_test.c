/* SPDX-License-Identifier: MIT */
/*
 * A snapshot that cannot be written: the run goes on, and says so.
 */
#include <string.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/plain_config.h"
#include "tests/lib/story.h"

enum { MINUTES = 1200, SNAPSHOT_EVENTS = 1000 }; /* the log has one segment */

static struct mri_story *told_story(void)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    story->config.log_snapshot_events = SNAPSHOT_EVENTS;
    for (int64_t minute = 1; minute <= MINUTES; minute++) {
        mri_script_add_close(&story->script, 0, minute, MRI_STORY_PRICE + minute % 7);
        mri_script_add_signal(&story->script, 0, minute, "bot", minute % 2 == 0 ? 0.5 : -0.5, 5);
    }
    return story;
}

static void play_and_end(struct mri_story *story)
{
    mri_story_play(story);
    mri_story_end_feed(story);
    assert_int_equal(mri_node_end_session(&story->node), MR_OK);
}

/** Every renaming fails: of snapshots, since the log renames only when it is made. */
static void spoil_snapshots(struct mri_story *story, mr_err err)
{
    mri_os_faults_arm(&story->machine, MRI_OS_CALL_RENAME, 1, err);
    story->machine.is_sticky = true;
}

static void assert_warning(struct mri_story *story, mr_err err)
{
    struct mri_story_query query = {.type = MRI_EVENT_ALERT};
    struct mri_event event;
    assert_true(mri_story_find(story, &query, &event));
    const struct mri_alert *alert = event.body;
    assert_int_equal(alert->severity, MRI_SEVERITY_WARNING);
    assert_true(mri_ref_seq(alert->about, event.seq) == event.seq - 1); /* where it would stand */
    struct mri_slice message = mri_event_text(&event, MRI_TEXT_alert_message);
    char text[256] = "";
    assert_true(message.count < sizeof(text));
    memcpy(text, message.bytes, message.count);
    assert_non_null(strstr(text, "snapshot"));
    assert_non_null(strstr(text, mr_err_text(err)));
}

static void a_snapshot_that_cannot_be_written_ends_no_run_and_is_an_alert(void **state)
{
    (void)state;
    static const mr_err errs[] = {MR_EIO, MR_ENOSPC, MR_EACCESS};
    char digest[MRI_DIGEST_TEXT_BYTES];
    char wanted[MRI_DIGEST_TEXT_BYTES];
    struct mri_story *story = told_story();
    mri_story_open(story);
    play_and_end(story);
    assert_int_equal(story->node.snapshot_err, MR_OK);
    mri_story_kill(story);
    assert_int_equal(mri_story_count(story, MRI_EVENT_ALERT, 0), 0);
    uint64_t events = mri_story_last_seq(story);
    (void)mri_story_digest(story, wanted);
    mri_story_end(story);
    for (size_t i = 0; i < MRI_COUNT_OF(errs); i++) {
        story = told_story();
        mri_story_open(story);
        spoil_snapshots(story, errs[i]);
        play_and_end(story);
        assert_int_equal(story->node.snapshot_err, errs[i]);
        uint64_t alerts = story->node.fold.wiring.report.alerts;
        mri_story_kill(story);
        /* One each time that one was due and at the end: none is tried again at once. */
        assert_in_range(alerts, 2, events / SNAPSHOT_EVENTS + 1);
        assert_int_equal(mri_story_count(story, MRI_EVENT_ALERT, 0), alerts);
        assert_warning(story, errs[i]);
        assert_string_equal(mri_story_digest(story, digest), wanted);
        mri_story_check_replay(story);
        mri_story_end(story);
    }
}

static void a_run_without_snapshots_is_continued_as_if_nothing_had_happened(void **state)
{
    (void)state;
    char digest[MRI_DIGEST_TEXT_BYTES];
    char wanted[MRI_DIGEST_TEXT_BYTES];
    struct mri_story *story = told_story();
    mri_story_open(story);
    play_and_end(story);
    mri_story_kill(story);
    (void)mri_story_digest(story, wanted);
    mri_story_end(story);

    story = told_story();
    uint32_t items = story->script.count;
    story->script.count = items / 2; /* killed in the middle */
    mri_story_open(story);
    spoil_snapshots(story, MR_EIO);
    mri_story_play(story);
    assert_true(story->node.fold.wiring.report.alerts > 0);
    mri_story_kill(story);
    mri_os_faults_arm(&story->machine, MRI_OS_CALL_ANY, 0, MR_OK);
    story->script.count = items;
    mri_story_open(story);
    play_and_end(story);
    mri_story_kill(story);
    assert_string_equal(mri_story_digest(story, digest), wanted);
    mri_story_end(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_that_cannot_be_written_ends_no_run_and_is_an_alert),
        cmocka_unit_test(a_run_without_snapshots_is_continued_as_if_nothing_had_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
