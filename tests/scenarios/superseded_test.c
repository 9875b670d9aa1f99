/* SPDX-License-Identifier: MIT */
/*
 * Moves of other processes that are faster than the pipeline's own: its decision becomes one
 * superseded event, the move stands, and a replay agrees.
 */
#include <string.h>

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

static void finish(struct mri_story *story, int64_t minute)
{
    for (int64_t i = 1; i <= HOUR; i++) {
        mri_script_add_close(&story->script, 0, minute + i, PRICE);
    }
    mri_story_play(story);
    mri_story_end_feed(story);
    mri_story_close(story);
}

/** Emit from outside while the node is closed; returns the ordinal of the first. */
static uint32_t emit(struct mri_story *story, uint32_t symbol, uint32_t count)
{
    const struct mri_story_emission emission = {.symbol = symbol,
        .source = "oracle",
        .confidence = 0.9,
        .valid_minutes = 5,
        .count = count};
    uint32_t first = story->is_open ? story->node.fold.bus.slots.count + 1 : 0;
    mri_story_close(story);
    mri_story_emit(story, &emission);
    return first;
}

/** The one superseded event names the input that lost and the move that won. */
static void check_superseded(struct mri_story *story, uint32_t ordinal, uint16_t cause_type)
{
    struct mri_event event;
    struct mri_event move;
    struct mri_event cause;
    assert_int_equal(mri_story_count(story, MRI_EVENT_SUPERSEDED, 0), 1);
    assert_true(
        mri_story_find(story, &(struct mri_story_query){.type = MRI_EVENT_SUPERSEDED}, &event));
    const struct mri_superseded *body = event.body;
    uint64_t winner_seq = mri_ref_seq(body->winner, event.seq);
    uint64_t cause_seq = mri_ref_seq(body->cause, event.seq);
    assert_true(event.is_batch_end); /* the whole batch turned into this one event */
    assert_true(mri_story_find(story,
        &(struct mri_story_query){
            .type = MRI_EVENT_SIGNAL_MOVED, .ordinal = ordinal, .after_seq = winner_seq - 1},
        &move));
    assert_int_equal(move.seq, winner_seq);
    assert_int_equal(((const struct mri_signal_moved *)move.body)->cause, 0);
    assert_true(mri_story_find(
        story, &(struct mri_story_query){.type = cause_type, .after_seq = cause_seq - 1}, &cause));
    assert_int_equal(cause.seq, cause_seq);
}

static void check_overtaken(mr_state to)
{
    struct mri_story *story = warm_story();
    struct mri_lives lives;
    uint32_t ordinal = emit(story, 0, 1);
    mri_story_move(story, ordinal, to);
    mri_story_open(story); /* decides on the signal, and loses */
    assert_int_equal(mri_story_slot(story, ordinal)->state, to);
    check_superseded(story, ordinal, MRI_EVENT_SIGNAL_GENERATED);
    assert_int_equal(mri_story_count(story, MRI_EVENT_DECISION, ordinal), 0);
    assert_int_equal(story->node.fold.wiring.evaluate.undecided.count, 0);
    finish(story, MRI_STORY_WARM_MINUTES);
    mri_lives_read(&lives, story);
    mri_lives_check_ended(&lives);
    assert_int_equal(mri_lives_get(&lives, ordinal)->gate, MRI_GATE_EXTERNAL);
    assert_int_equal(mri_lives_get(&lives, ordinal)->statuses[MR_HORIZON_1H],
        MRI_OUTCOME_RESOLVED); /* an outcome all the same */
    mri_lives_fini(&lives);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void a_signal_blocked_from_outside_before_its_decision_stays_blocked(void **state)
{
    (void)state;
    check_overtaken(MR_BLOCKED);
}

static void a_signal_expired_from_outside_before_its_decision_stays_expired(void **state)
{
    (void)state;
    check_overtaken(MR_EXPIRED);
}

/** The last of two moves wins, and is taken in before the one before it. */
static void a_signal_that_was_moved_twice_before_its_decision_is_learned_all_the_same(void **state)
{
    (void)state;
    static const mr_state ends[] = {MR_BLOCKED, MR_EXPIRED};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct mri_story *story = warm_story();
        uint32_t ordinal = emit(story, 0, 1);
        mri_story_move(story, ordinal, MR_EVALUATING);
        mri_story_move(story, ordinal, ends[i]);
        mri_story_open(story);
        check_superseded(story, ordinal, MRI_EVENT_SIGNAL_GENERATED);
        finish(story, MRI_STORY_WARM_MINUTES);
        mri_story_open(story);
        assert_int_equal(mri_story_slot(story, ordinal)->state, MR_LEARNED);
        assert_int_equal(mri_story_slot(story, ordinal)->ended, ends[i]);
        mri_story_close(story);
        mri_story_check_replay(story);
        mri_story_end(story);
    }
}

static void only_the_signal_that_was_overtaken_is_lost(void **state)
{
    (void)state;
    struct mri_story *story = warm_story();
    uint32_t first = emit(story, 0, 5);
    mri_story_move(story, first + 2, MR_BLOCKED);
    mri_story_move(story, first + 3, MR_EXPIRED);
    mri_story_open(story);
    assert_int_equal(mri_story_count(story, MRI_EVENT_SUPERSEDED, 0), 2);
    for (uint32_t i = 0; i < 5; i++) {
        bool is_overtaken = i == 2 || i == 3;
        assert_int_equal(mri_story_count(story, MRI_EVENT_DECISION, first + i), !is_overtaken);
    }
    finish(story, MRI_STORY_WARM_MINUTES);
    mri_lives_check(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

/** A signal that waits for the first price of its symbol; the bar that brings it is logged, but the
 * run is killed before it decides, by a machine that writes no more. */
static uint32_t waiting_signal(struct mri_story *story)
{
    mri_script_add_signal(&story->script, 1, MRI_STORY_WARM_MINUTES + 1, "oracle", 0.9, 10);
    mri_story_play(story);
    uint32_t ordinal = mri_story_newest_of(story, "oracle");
    assert_int_equal(mri_story_slot(story, ordinal)->state, MR_GENERATED);
    mri_script_add_close(&story->script, 1, MRI_STORY_WARM_MINUTES + 2, PRICE);
    mri_os_faults_arm(&story->machine, MRI_OS_CALL_WRITE_AT, 2, MR_EIO); /* 1: the bar itself */
    assert_int_equal(mri_story_try_play(story), MR_EUNKNOWN);
    mri_os_faults_arm(&story->machine, MRI_OS_CALL_ANY, 0, MR_OK);
    mri_story_kill(story);
    return ordinal;
}

static void check_overtaken_at_a_bar(mr_state to)
{
    struct mri_story *story = warm_story();
    uint32_t ordinal = waiting_signal(story);
    mri_story_move(story, ordinal, to);
    mri_story_open(story);
    assert_int_equal(mri_story_slot(story, ordinal)->state, to);
    check_superseded(story, ordinal, MRI_EVENT_CANDLE);
    finish(story, MRI_STORY_WARM_MINUTES + 2);
    mri_lives_check(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void a_move_between_a_bar_and_its_decision_wins(void **state)
{
    (void)state;
    check_overtaken_at_a_bar(MR_BLOCKED);
    check_overtaken_at_a_bar(MR_EXPIRED);
}

static void a_move_of_a_signal_that_waits_is_no_conflict(void **state)
{
    (void)state;
    struct mri_story *story = warm_story();
    mri_script_add_signal(&story->script, 1, MRI_STORY_WARM_MINUTES + 1, "oracle", 0.9, 10);
    mri_story_play(story);
    uint32_t ordinal = mri_story_newest_of(story, "oracle");
    mri_story_close(story);
    mri_story_move(story, ordinal, MR_BLOCKED);
    mri_story_open(story);
    mri_script_add_close(&story->script, 1, MRI_STORY_WARM_MINUTES + 2, PRICE);
    mri_story_play(story);
    assert_int_equal(mri_story_slot(story, ordinal)->state, MR_BLOCKED);
    assert_int_equal(mri_story_count(story, MRI_EVENT_SUPERSEDED, 0), 0);
    assert_int_equal(mri_story_count(story, MRI_EVENT_DECISION, ordinal), 0);
    finish(story, MRI_STORY_WARM_MINUTES + 2);
    mri_lives_check(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void a_move_of_a_signal_whose_order_is_out_ends_the_order(void **state)
{
    (void)state;
    struct mri_story *story = warm_story();
    int64_t minute = MRI_STORY_WARM_MINUTES;
    uint32_t ordinal = mri_story_trade(story, &minute);
    assert_int_equal(mri_story_slot(story, ordinal)->state, MR_EXECUTING);
    mri_story_close(story);
    mri_story_move(story, ordinal, MR_BLOCKED); /* a venue fact that another process brings */
    mri_story_open(story);
    mri_script_add_close(&story->script, 0, ++minute, PRICE);
    mri_story_play(story);
    assert_int_equal(mri_story_slot(story, ordinal)->state, MR_BLOCKED);
    assert_int_equal(mri_story_count(story, MRI_EVENT_POSITION_OPENED, ordinal), 0);
    assert_int_not_equal(story->node.fold.wiring.execute.positions[0].ordinal, ordinal);
    assert_int_not_equal(story->node.fold.wiring.evaluate.book[0].ordinal, ordinal);
    finish(story, minute);
    mri_story_check_replay(story);
    mri_story_end(story);
}

/** The crash points of an open that supersedes: every one leads to the same log. */
static void a_crash_while_superseding_changes_nothing(void **state)
{
    (void)state;
    char whole[MRI_DIGEST_TEXT_BYTES] = "";
    char resumed[MRI_DIGEST_TEXT_BYTES];
    bool has_fired = true;
    uint64_t k = 0; /* 0: no fault, for the digest */
    for (; has_fired; k++) {
        struct mri_story *story = warm_story();
        uint32_t first = emit(story, 0, 4);
        mri_story_move(story, first + 1, MR_BLOCKED);
        mri_story_move(story, first + 2, MR_EXPIRED);
        mri_os_faults_arm(&story->machine, MRI_OS_CALL_WRITE_AT, k, MR_EIO);
        mr_err err = mri_story_try_open(story);
        has_fired = k == 0 || story->machine.fired > 0;
        assert_true(err == MR_OK || story->machine.fired > 0); /* not every write must succeed */
        mri_os_faults_arm(&story->machine, MRI_OS_CALL_ANY, 0, MR_OK);
        mri_story_kill(story);
        mri_story_open(story);
        assert_int_equal(mri_story_count(story, MRI_EVENT_SUPERSEDED, 0), 2);
        finish(story, MRI_STORY_WARM_MINUTES);
        (void)mri_story_digest(story, k == 0 ? whole : resumed);
        assert_true(k == 0 || strcmp(whole, resumed) == 0);
        mri_lives_check(story);
        mri_story_check_replay(story);
        mri_story_end(story);
    }
    assert_true(k > 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_blocked_from_outside_before_its_decision_stays_blocked),
        cmocka_unit_test(a_signal_expired_from_outside_before_its_decision_stays_expired),
        cmocka_unit_test(a_signal_that_was_moved_twice_before_its_decision_is_learned_all_the_same),
        cmocka_unit_test(only_the_signal_that_was_overtaken_is_lost),
        cmocka_unit_test(a_move_between_a_bar_and_its_decision_wins),
        cmocka_unit_test(a_move_of_a_signal_that_waits_is_no_conflict),
        cmocka_unit_test(a_move_of_a_signal_whose_order_is_out_ends_the_order),
        cmocka_unit_test(a_crash_while_superseding_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
