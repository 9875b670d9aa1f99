/* SPDX-License-Identifier: MIT */
/*
 * A run that is killed, or whose machine fails, or whose power is cut at any point, and goes on:
 * the events are those of the run that nothing happened to.
 */
#include <stdio.h>
#include <string.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/lives.h"
#include "tests/lib/plain_config.h"

enum { PRICE = MRI_STORY_PRICE, MINUTES = 240, RUNS_MAX = 100000 };

/** Two symbols with trades, gaps, rows left out, signals at bars and where no bar is. */
static struct mri_story *scripted(void)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 2);
    struct mri_script_feed *script = &story->script;
    int64_t price = PRICE;
    mri_story_make_brisk(story);
    story->config.log_snapshot_events = 1000;
    story->config.gates_coverage_min = 0.0;
    story->config.execute_hold = 600;
    for (int64_t minute = 1; minute <= MINUTES; minute++) {
        bool is_up = (minute - 1) / 20 % 2 == 0;
        bool has_bar = minute % 83 != 0;
        price += is_up ? PRICE / 1000 : -PRICE / 1000;
        if (minute % 37 == 0) {
            mri_script_add_problem(script, 0, minute, MRI_REASON_ROW_TORN);
        }
        if (has_bar) {
            mri_script_add_close(script, 0, minute, price);
        }
        if (has_bar && minute % 3 == 0) {
            mri_script_add_close(script, 1, minute, 2 * PRICE - price);
        }
        if (minute % 5 == 0) {
            mri_script_add_signal(script, 0, minute, "oracle", is_up ? 0.9 : -0.9, 2);
        }
        if (minute % 41 == 0 || !has_bar) {
            mri_script_add_signal(script, 1, minute, "bot", 0.4, 3);
        }
    }
    for (unsigned i = 0; i < 3; i++) { /* behind the last bar: no time says that they are logged */
        mri_script_add_problem(script, 0, MINUTES, MRI_REASON_ROW_TORN);
        script->items[script->count - 1].time_unix_ns = INT64_MAX;
    }
    return story;
}

/** All of the script, to the end of the feed and of the session. */
static mr_err tell(struct mri_story *story)
{
    mr_err err = mri_story_try_open(story);
    if (err == MR_OK) {
        err = mri_story_try_play(story);
    }
    if (err == MR_OK) {
        err = mri_node_end_feed(&story->node);
    }
    if (err == MR_OK) {
        err = mri_node_end_session(&story->node);
    }
    mri_story_kill(story);
    return err;
}

static void tell_whole(struct mri_story *story, const char *what, uint64_t k)
{
    mr_err err = tell(story);
    if (err != MR_OK) {
        fail_msg("resumed after %s %llu: %s: %s", what, (unsigned long long)k, mr_err_name(err),
            story->problem.text);
    }
}

/** The digest of the run that nothing happens to. */
static void whole_digest(char text[static MRI_DIGEST_TEXT_BYTES])
{
    struct mri_story *story = scripted();
    tell_whole(story, "nothing", 0);
    (void)mri_story_digest(story, text);
    mri_lives_check(story);
    mri_story_check_replay(story);
    assert_true(mri_story_count(story, MRI_EVENT_POSITION_CLOSED, 0) >= 3);
    assert_true(mri_story_count(story, MRI_EVENT_MARKET_GAP, 0) > 0);
    mri_story_end(story);
}

static void check_same(struct mri_story *story, const char *whole, const char *what, uint64_t k)
{
    char resumed[MRI_DIGEST_TEXT_BYTES];
    (void)mri_story_digest(story, resumed);
    if (strcmp(whole, resumed) != 0) {
        fail_msg("another digest after %s %llu", what, (unsigned long long)k);
    }
    assert_int_equal(mri_os_memory_open_count(story->memory), 0);
}

static void a_run_killed_after_any_minute_goes_on_as_if_nothing_had_happened(void **state)
{
    (void)state;
    char whole[MRI_DIGEST_TEXT_BYTES];
    bool is_over = false;
    whole_digest(whole);
    for (uint64_t steps = 0; !is_over; steps += steps < MINUTES - 2 ? 4 : 1) {
        struct mri_story *story = scripted();
        mri_story_open(story);
        for (uint64_t i = 0; i < steps && !is_over; i++) {
            mr_err err = mri_intake_step(&story->intake, &story->problem);
            assert_true(err == MR_OK || err == MR_END);
            is_over = err == MR_END;
        }
        mri_story_kill(story);
        tell_whole(story, "minute", steps);
        check_same(story, whole, "minute", steps);
        if (steps % 50 == 0) {
            mri_story_check_replay(story);
        }
        mri_story_end(story);
    }
}

static void a_run_killed_again_and_again_arrives(void **state)
{
    (void)state;
    char whole[MRI_DIGEST_TEXT_BYTES];
    bool is_done = false;
    struct mri_story *story = scripted();
    unsigned kills = 0;
    whole_digest(whole);
    for (; !is_done && kills < MINUTES; kills++) {
        mr_err err = MR_OK;
        mri_story_open(story);
        for (unsigned i = 0; i < 7 && err == MR_OK; i++) {
            err = mri_intake_step(&story->intake, &story->problem);
        }
        is_done = err == MR_END;
        mri_story_kill(story);
    }
    assert_true(is_done && kills > 20);
    tell_whole(story, "kills", kills);
    check_same(story, whole, "kills", kills);
    mri_story_check_replay(story);
    mri_story_end(story);
}

/** One way for a machine to fail. */
struct failure {
    enum mri_os_call kind;
    mr_err err;
    bool is_sticky;
    bool is_short_write;
    bool is_power_cut;
    uint64_t dense; /**< so many first calls fail one by one */
    uint64_t stride;
};

/** Let the k-th call fail, in one run after the other, until none fires; resume each time. */
static void fail_everywhere(const struct failure *failure, const char *whole)
{
    const char *what = mri_os_call_name(failure->kind);
    bool has_fired = true;
    uint64_t faults = 0;
    struct mri_prng prng;
    mri_prng_init(&prng, 7);
    for (uint64_t k = 1; has_fired; k += k < failure->dense ? 1 : failure->stride) {
        struct mri_story *story = scripted();
        mri_os_faults_arm(&story->machine, failure->kind, k, failure->err);
        story->machine.is_sticky = failure->is_sticky;
        story->machine.is_short_write = failure->is_short_write;
        mr_err err = tell(story);
        has_fired = story->machine.fired > 0;
        faults += has_fired;
        assert_true(err <= 0); /* conditions do not come up here */
        assert_true(has_fired || err == MR_OK);
        assert_true(err == MR_OK || story->problem.text[0] != '\0' || story->is_open == false);
        mri_os_faults_arm(&story->machine, MRI_OS_CALL_ANY, 0, MR_OK);
        story->machine.is_sticky = false;
        if (failure->is_power_cut) {
            mri_os_memory_cut_power(story->memory, &prng);
        }
        tell_whole(story, what, k);
        check_same(story, whole, what, k);
        mri_story_end(story);
        assert_true(k < RUNS_MAX);
    }
    print_message("%s: %llu faults\n", what, (unsigned long long)faults);
    assert_true(faults > 0);
}

static void a_write_may_fail_at_any_point(void **state)
{
    (void)state;
    char whole[MRI_DIGEST_TEXT_BYTES];
    whole_digest(whole);
    fail_everywhere(&(struct failure){.kind = MRI_OS_CALL_WRITE_AT,
                        .err = MR_EIO,
                        .is_short_write = true,
                        .dense = 40,
                        .stride = 4},
        whole);
    fail_everywhere(&(struct failure){.kind = MRI_OS_CALL_WRITE_AT,
                        .err = MR_ENOSPC,
                        .is_sticky = true,
                        .dense = 20,
                        .stride = 23},
        whole);
}

static void any_other_call_may_fail_at_any_point(void **state)
{
    (void)state;
    static const enum mri_os_call kinds[] = {MRI_OS_CALL_OPEN, MRI_OS_CALL_INFO, MRI_OS_CALL_SIZE,
        MRI_OS_CALL_READ_AT, MRI_OS_CALL_ALLOCATE, MRI_OS_CALL_TRUNCATE, MRI_OS_CALL_SYNC_DATA,
        MRI_OS_CALL_MAP_READ, MRI_OS_CALL_LOCK_RANGE, MRI_OS_CALL_MEMORY_CREATE,
        MRI_OS_CALL_MAKE_FOLDER, MRI_OS_CALL_SYNC_FOLDER, MRI_OS_CALL_RENAME, MRI_OS_CALL_LIST,
        MRI_OS_CALL_RANDOM_BYTES};
    char whole[MRI_DIGEST_TEXT_BYTES];
    whole_digest(whole);
    for (size_t i = 0; i < MRI_COUNT_OF(kinds); i++) {
        fail_everywhere(
            &(struct failure){.kind = kinds[i], .err = MR_EIO, .dense = 12, .stride = 61}, whole);
    }
}

static void the_power_may_be_cut_at_any_point(void **state)
{
    (void)state;
    char whole[MRI_DIGEST_TEXT_BYTES];
    whole_digest(whole);
    fail_everywhere(&(struct failure){.kind = MRI_OS_CALL_ANY,
                        .err = MR_EIO,
                        .is_sticky = true,
                        .is_short_write = true,
                        .is_power_cut = true,
                        .dense = 100,
                        .stride = 4},
        whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_killed_after_any_minute_goes_on_as_if_nothing_had_happened),
        cmocka_unit_test(a_run_killed_again_and_again_arrives),
        cmocka_unit_test(a_write_may_fail_at_any_point),
        cmocka_unit_test(any_other_call_may_fail_at_any_point),
        cmocka_unit_test(the_power_may_be_cut_at_any_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
