/* SPDX-License-Identifier: MIT */
/*
 * A log that is continued: by its own feed or another, with the same configuration or another, from
 * snapshots that are good, damaged or foreign.
 */
#include <stdio.h>
#include <string.h>

#include "log/open/snapshot.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/lives.h"
#include "tests/lib/plain_config.h"

enum { PRICE = MRI_STORY_PRICE, HOUR = 61 };

static struct mri_story *warm_story(void)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 2);
    mri_story_warm(story);
    return story;
}

static void go_on(struct mri_story *story, int64_t from, int64_t to)
{
    for (int64_t minute = from; minute <= to; minute++) {
        bool is_up = minute / 30 % 2 == 0;
        mri_script_add_close(&story->script, 0, minute, PRICE + (is_up ? 1 : -1) * 100 * minute);
        mri_script_add_signal(&story->script, 0, minute, "oracle", is_up ? 0.9 : -0.9, 1);
    }
}

static void the_same_configuration_is_no_event(void **state)
{
    (void)state;
    struct mri_story *story = warm_story(); /* two sessions, two configurations */
    assert_int_equal(mri_story_count(story, MRI_EVENT_CONFIG, 0), 2);
    for (unsigned i = 0; i < 3; i++) {
        mri_story_close(story);
        mri_story_open(story);
    }
    assert_int_equal(mri_story_count(story, MRI_EVENT_CONFIG, 0), 2);
    assert_int_equal(mri_story_count(story, MRI_EVENT_SESSION, 0), 2 * 4 + 1);
    mri_story_end(story);
}

static void a_changed_configuration_is_an_event_and_holds_from_there_on(void **state)
{
    (void)state;
    struct mri_story *story = warm_story();
    struct mri_row_gate_number number;
    struct mri_row_gate_code code;
    int64_t minute = MRI_STORY_WARM_MINUTES;
    go_on(story, minute + 1, minute + 20);
    mri_story_play(story);
    uint32_t before = mri_story_newest_of(story, "oracle");
    mri_story_close(story);
    story->config.gates_coverage_min = 0.5;
    story->config.execute_kelly_fraction = 0.1;
    mri_story_open(story);
    assert_int_equal(mri_story_count(story, MRI_EVENT_CONFIG, 0), 3);
    go_on(story, minute + 21, minute + 100);
    mri_story_play(story);
    uint32_t after = mri_story_newest_of(story, "oracle");
    assert_true(mri_story_gate(story, before, MRI_GATE_COVERAGE, &number, &code));
    assert_true(number.threshold == 0.6);
    assert_true(mri_story_gate(story, after, MRI_GATE_COVERAGE, &number, &code));
    assert_true(number.threshold == 0.5);
    mri_story_end_feed(story);
    mri_story_close(story);
    mri_lives_check(story);
    /* Each span is decided again under its own configuration. */
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void what_was_emitted_under_the_old_configuration_is_decided_under_it(void **state)
{
    (void)state;
    struct mri_story *story = warm_story();
    struct mri_row_gate_number number;
    struct mri_row_gate_code code;
    mri_story_close(story);
    mri_story_emit(story, &(struct mri_story_emission){
                              .source = "bot", .confidence = 0.5, .valid_minutes = 5, .count = 1});
    story->config.gates_coverage_min = 0.5;
    mri_story_open(story);
    uint32_t ordinal = mri_story_newest_of(story, "bot");
    assert_true(mri_story_gate(story, ordinal, MRI_GATE_COVERAGE, &number, &code));
    assert_true(number.threshold == 0.6);
    mri_story_close(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void another_feed_is_refused_and_nothing_is_written(void **state)
{
    (void)state;
    struct mri_story *story = warm_story();
    mri_story_close(story);
    uint64_t last_seq = mri_story_last_seq(story);
    story->script.feed.identity[0] = 'S';
    assert_int_equal(mri_story_try_open(story), MR_REFUSED);
    assert_non_null(strstr(story->problem.text, "another feed"));
    assert_int_equal(mri_story_last_seq(story), last_seq);
    assert_int_equal(mri_os_memory_open_count(story->memory), 0);
    story->script.feed.identity[0] = 's';
    mri_story_open(story);
    mri_story_end(story);
}

static void an_instrument_that_changed_is_refused(void **state)
{
    (void)state;
    struct mri_story *story = warm_story();
    mri_story_close(story);
    story->script.instruments[0].lot = 2;
    assert_int_equal(mri_story_try_open(story), MR_REFUSED);
    assert_non_null(strstr(story->problem.text, "AAAUSD"));
    assert_int_equal(mri_os_memory_open_count(story->memory), 0);
    mri_story_end(story);
}

static void limits_that_are_too_low_for_the_log_are_refused(void **state)
{
    (void)state;
    struct mri_story *story = warm_story();
    mri_story_close(story);
    uint64_t last_seq = mri_story_last_seq(story);
    story->config.limits_signals_max = 10;
    assert_int_equal(mri_story_try_open(story), MR_FULL);
    assert_non_null(strstr(story->problem.text, "limits"));
    assert_int_equal(mri_story_last_seq(story), last_seq);
    mri_story_end(story);
}

static uint8_t *newest_snapshot(struct mri_story *story, size_t *ret_count)
{
    struct mri_snapshot_list list;
    char path[MRI_PATH_BYTES_MAX];
    assert_int_equal(mri_snapshot_list(&story->machine.table, MRI_STORY_FOLDER, &list), MR_OK);
    assert_true(list.count > 0);
    (void)snprintf(path, sizeof(path), "%s/snap/%016llx.snap", MRI_STORY_FOLDER,
        (unsigned long long)list.seqs[0]);
    uint8_t *bytes = mri_os_memory_bytes(story->memory, path, ret_count);
    assert_non_null(bytes);
    return bytes;
}

/** The digest of a story that is continued after something was done to its newest snapshot. */
static void digest_after(void (*harm)(struct mri_story *story), char text[MRI_DIGEST_TEXT_BYTES])
{
    struct mri_story *story = warm_story();
    mri_story_close(story);
    if (harm != NULL) {
        harm(story);
    }
    mri_story_open(story);
    go_on(story, MRI_STORY_WARM_MINUTES + 1, MRI_STORY_WARM_MINUTES + 2 * HOUR);
    mri_story_play(story);
    mri_story_end_feed(story);
    mri_story_close(story);
    (void)mri_story_digest(story, text);
    mri_lives_check(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void flip_a_bit(struct mri_story *story)
{
    size_t count;
    uint8_t *bytes = newest_snapshot(story, &count);
    bytes[count / 3] ^= 4;
}

static void take_from_another_log(struct mri_story *story)
{
    struct mri_story *other = mri_story_begin(mri_plain_config, 1);
    struct mri_snapshot_list list;
    char path[MRI_PATH_BYTES_MAX];
    size_t count;
    for (int64_t minute = 1; minute < 50; minute++) {
        mri_script_add_close(&other->script, 0, minute, PRICE);
    }
    mri_story_open(other);
    mri_story_play(other);
    mri_story_close(other);
    assert_int_equal(mri_snapshot_list(&other->machine.table, MRI_STORY_FOLDER, &list), MR_OK);
    (void)snprintf(path, sizeof(path), "%s/snap/%016llx.snap", MRI_STORY_FOLDER,
        (unsigned long long)list.seqs[0]);
    uint8_t *bytes = mri_os_memory_bytes(other->memory, path, &count);
    assert_non_null(bytes);
    mri_os_memory_put(story->memory, path, bytes, count);
    assert_int_equal(mri_snapshot_list(&story->machine.table, MRI_STORY_FOLDER, &list), MR_OK);
    while (list.count > 1) { /* no other is left */
        (void)snprintf(path, sizeof(path), "%s/snap/%016llx.snap", MRI_STORY_FOLDER,
            (unsigned long long)list.seqs[0]);
        const struct mri_os *os = &story->machine.table;
        assert_int_equal(os->remove(os->context, path), MR_OK);
        assert_int_equal(mri_snapshot_list(os, MRI_STORY_FOLDER, &list), MR_OK);
    }
    mri_story_end(other);
}

static void a_damaged_or_foreign_snapshot_changes_nothing(void **state)
{
    (void)state;
    char whole[MRI_DIGEST_TEXT_BYTES];
    char harmed[MRI_DIGEST_TEXT_BYTES];
    digest_after(NULL, whole);
    digest_after(flip_a_bit, harmed);
    assert_string_equal(whole, harmed);
    digest_after(take_from_another_log, harmed);
    assert_string_equal(whole, harmed);
}

/** A snapshot in the middle of trades, waiting signals, open horizons and a lost decision. */
static void a_snapshot_of_a_busy_moment_and_the_rest_give_the_whole(void **state)
{
    (void)state;
    struct mri_story *story = warm_story();
    int64_t minute = MRI_STORY_WARM_MINUTES;
    (void)mri_story_trade(story, &minute);
    mri_script_add_signal(&story->script, 1, minute, "waiting", 0.5, 60);
    mri_story_play(story);
    mri_story_close(story);
    mri_story_emit(story, &(struct mri_story_emission){
                              .source = "bot", .confidence = 0.5, .valid_minutes = 5, .count = 2});
    mri_story_open(story);
    uint32_t waiting = mri_story_newest_of(story, "waiting");
    mri_story_close(story); /* writes the snapshot */
    mri_story_move(story, waiting, MR_BLOCKED);
    mri_story_open(story);
    go_on(story, minute + 1, minute + HOUR);
    mri_story_play(story);
    mri_story_kill(story);
    assert_int_not_equal(mri_story_check_snapshot(story), 0);
    mri_story_end(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_configuration_is_no_event),
        cmocka_unit_test(a_changed_configuration_is_an_event_and_holds_from_there_on),
        cmocka_unit_test(what_was_emitted_under_the_old_configuration_is_decided_under_it),
        cmocka_unit_test(another_feed_is_refused_and_nothing_is_written),
        cmocka_unit_test(an_instrument_that_changed_is_refused),
        cmocka_unit_test(limits_that_are_too_low_for_the_log_are_refused),
        cmocka_unit_test(a_damaged_or_foreign_snapshot_changes_nothing),
        cmocka_unit_test(a_snapshot_of_a_busy_moment_and_the_rest_give_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
