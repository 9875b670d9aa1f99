/* SPDX-License-Identifier: MIT */
/*
 * Signals that other processes emit while no node is open: the next one decides on them first.
 */
#include "tests/lib/cmocka_all.h"
#include "tests/lib/lives.h"
#include "tests/lib/plain_config.h"

enum { PRICE = MRI_STORY_PRICE, HOUR = 61 };

/** A closed story of ten minutes of symbol 0; symbol 1 has no price. */
static struct mri_story *short_story(void)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 2);
    for (int64_t minute = 1; minute <= 10; minute++) {
        mri_script_add_close(&story->script, 0, minute, PRICE + 100 * minute);
    }
    mri_story_open(story);
    mri_story_play(story);
    mri_story_close(story);
    return story;
}

static void play_on(struct mri_story *story, int64_t from, int64_t to)
{
    for (int64_t minute = from; minute <= to; minute++) {
        mri_script_add_close(&story->script, 0, minute, PRICE);
    }
    mri_story_play(story);
}

static struct mri_story_emission bot(uint32_t count)
{
    return (struct mri_story_emission){
        .source = "bot", .confidence = 0.7, .valid_minutes = 5, .count = count};
}

static void the_next_open_decides_before_anything_else(void **state)
{
    (void)state;
    struct mri_story *story = short_story();
    struct mri_story_emission emission = bot(1);
    struct mri_event decision;
    struct mri_event session;
    mri_story_emit(story, &emission);
    uint64_t emitted_seq = mri_story_last_seq(story);
    mri_story_open(story);
    assert_true(mri_story_find(
        story, &(struct mri_story_query){.type = MRI_EVENT_DECISION, .ordinal = 1}, &decision));
    assert_int_equal(mri_event_cause(&decision), emitted_seq);
    assert_true(mri_story_find(story,
        &(struct mri_story_query){.type = MRI_EVENT_SESSION, .after_seq = emitted_seq}, &session));
    assert_true(decision.seq < session.seq);
    mri_story_end(story);
}

static void its_time_is_that_of_the_newest_event(void **state)
{
    (void)state;
    struct mri_story *story = short_story();
    struct mri_story_emission emission = bot(1);
    struct mri_event view;
    mri_story_emit(story, &emission);
    mri_story_open(story);
    assert_int_equal(mri_story_slot(story, 1)->event_time_unix_ns, mri_script_time(10));
    assert_true(mri_story_find(story, &(struct mri_story_query){.type = MRI_EVENT_VIEW}, &view));
    assert_int_equal(((const struct mri_view *)view.body)->event_time_unix_ns, mri_script_time(10));
    assert_int_equal(((const struct mri_view *)view.body)->kind, MRI_VIEW_SIGNAL);
    play_on(story, 11, 10 + HOUR);
    mri_story_end_feed(story);
    mri_story_close(story);
    mri_lives_check(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void a_feed_without_another_bar_does_not_matter(void **state)
{
    (void)state;
    struct mri_story *story = short_story();
    struct mri_story_emission emission = bot(3);
    mri_story_open(story);
    mri_story_end_feed(story); /* no bar is left */
    mri_story_close(story);
    mri_story_emit(story, &emission);
    mri_story_open(story);
    for (uint32_t ordinal = 1; ordinal <= 3; ordinal++) {
        assert_int_equal(mri_story_count(story, MRI_EVENT_DECISION, ordinal), 1);
        assert_int_equal(mri_story_slot(story, ordinal)->state, MR_BLOCKED);
    }
    mri_story_play(story);
    mri_story_end_feed(story);
    mri_story_close(story);
    mri_lives_check(story); /* unresolved: the feed has ended */
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void without_a_feed_they_are_decided_as_well(void **state)
{
    (void)state;
    struct mri_story *story = short_story();
    struct mri_story_emission emission = bot(2);
    mri_story_emit(story, &emission);
    story->has_no_feed = true;
    assert_int_equal(mri_story_try_open(story), MR_OK);
    assert_int_equal(mri_story_count(story, MRI_EVENT_DECISION, 0), 2);
    mri_story_close(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void hundreds_at_one_time_are_all_decided(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    struct mri_story *story = short_story();
    struct mri_story_emission emission = bot(COUNT);
    mri_story_emit(story, &emission);
    mri_story_open(story);
    assert_int_equal(mri_story_count(story, MRI_EVENT_DECISION, 0), COUNT);
    for (uint32_t ordinal = 1; ordinal <= COUNT; ordinal++) {
        assert_int_equal(mri_story_count(story, MRI_EVENT_DECISION, ordinal), 1);
    }
    play_on(story, 11, 10 + HOUR);
    mri_story_end_feed(story);
    mri_story_close(story);
    mri_lives_check(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void hundreds_that_wait_for_a_price_are_all_decided_at_the_first_one(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    struct mri_story *story = short_story();
    struct mri_story_emission emission = bot(COUNT);
    struct mri_lives lives;
    emission.symbol = 1;
    mri_story_emit(story, &emission);
    mri_story_open(story);
    assert_int_equal(mri_story_count(story, MRI_EVENT_DECISION, 0), 0);
    mri_script_add_close(&story->script, 1, 11, PRICE);
    mri_story_play(story);
    assert_int_equal(mri_story_count(story, MRI_EVENT_DECISION, 0), COUNT);
    play_on(story, 12, 11 + HOUR);
    mri_story_end_feed(story);
    mri_story_close(story);
    mri_lives_read(&lives, story);
    mri_lives_check_ended(&lives);
    uint64_t views = 1;
    for (uint32_t ordinal = 2; ordinal <= COUNT; ordinal++) {
        views += lives.items[ordinal].view_seq != lives.items[ordinal - 1].view_seq;
    }
    assert_int_equal(views, 4); /* 64 on a view at most */
    mri_lives_fini(&lives);
    mri_story_check_replay(story);
    mri_story_end(story);
}

/** Thousands do not fit into one batch of outputs: ticks continue it. */
static void more_than_a_batch_holds_go_on_with_ticks_and_a_crash_between_changes_nothing(
    void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    char digests[2][MRI_DIGEST_TEXT_BYTES];
    for (unsigned is_crashed = 0; is_crashed < 2; is_crashed++) {
        struct mri_story *story = short_story();
        struct mri_story_emission emission = bot(COUNT);
        emission.symbol = 1;
        mri_story_emit(story, &emission);
        mri_story_open(story);
        mri_script_add_close(&story->script, 1, 11, PRICE);
        if (is_crashed) { /* the bar and its first batch are written, no tick */
            mri_os_faults_arm(&story->machine, MRI_OS_CALL_WRITE_AT, 3, MR_EIO);
            assert_true(mri_story_try_play(story) < 0);
            mri_os_faults_arm(&story->machine, MRI_OS_CALL_ANY, 0, MR_OK);
            mri_story_kill(story);
            uint64_t decided = mri_story_count(story, MRI_EVENT_DECISION, 0);
            assert_true(decided > 0 && decided < COUNT);
            mri_story_open(story);
        }
        mri_story_play(story);
        assert_int_equal(mri_story_count(story, MRI_EVENT_DECISION, 0), COUNT);
        play_on(story, 12, 11 + HOUR);
        mri_story_end_feed(story);
        mri_story_close(story);
        mri_lives_check(story);
        mri_story_check_replay(story);
        (void)mri_story_digest(story, digests[is_crashed]);
        mri_story_end(story);
    }
    assert_string_equal(digests[0], digests[1]);
}

/** A signal as a process drafts it that knows better. */
static void draft_odd(void *context, const struct mri_bus *bus, struct mri_batch *batch)
{
    struct mri_signal_generated fixed = *(const struct mri_signal_generated *)context;
    (void)bus;
    const struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_GENERATED,
        .fixed = &fixed,
        .texts = {[MRI_TEXT_signal_generated_source] = mri_slice_of("bot"),
            [MRI_TEXT_signal_generated_name] = mri_slice_of("odd")}};
    assert_int_equal(mri_batch_add(batch, &draft, batch->next_ordinal), MR_OK);
}

static void append_odd(
    struct mri_story *story, uint32_t symbol, int64_t minute, int64_t valid_minutes)
{
    struct mri_signal_generated fixed = {.event_time_unix_ns = mri_script_time(minute),
        .confidence = 0.5,
        .valid_for_ns = valid_minutes * MRI_SCRIPT_MINUTE_NS,
        .symbol = symbol,
        .instrument = symbol,
        .side = MR_LONG,
        .regime = MRI_REGIME_ABSENT};
    mri_story_append(story, &(struct mri_story_outsider){.context = &fixed, .draft = draft_odd});
}

static void a_signal_whose_time_is_over_when_it_arrives_expires(void **state)
{
    (void)state;
    struct mri_story *story = short_story();
    struct mri_lives lives;
    append_odd(story, 0, 9, 0);
    mri_story_open(story);
    assert_int_equal(mri_story_slot(story, 1)->state, MR_EXPIRED);
    play_on(story, 11, 10 + HOUR);
    mri_story_end_feed(story);
    mri_story_close(story);
    mri_lives_read(&lives, story);
    mri_lives_check_ended(&lives);
    assert_int_equal(mri_lives_get(&lives, 1)->reason, MRI_REASON_VALID_FOR_ELAPSED);
    assert_int_equal(mri_lives_get(&lives, 1)->statuses[MR_HORIZON_1M], MRI_OUTCOME_RESOLVED);
    mri_lives_fini(&lives);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void a_signal_of_a_symbol_that_is_not_registered_is_a_clear_fault(void **state)
{
    (void)state;
    struct mri_story *story = short_story();
    append_odd(story, 2, 10, 5);
    assert_int_equal(mri_story_try_open(story), MR_ECORRUPT);
    assert_true(story->problem.text[0] != '\0');
    assert_int_equal(mri_os_memory_open_count(story->memory), 0);
    mri_story_end(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_open_decides_before_anything_else),
        cmocka_unit_test(its_time_is_that_of_the_newest_event),
        cmocka_unit_test(a_feed_without_another_bar_does_not_matter),
        cmocka_unit_test(without_a_feed_they_are_decided_as_well),
        cmocka_unit_test(hundreds_at_one_time_are_all_decided),
        cmocka_unit_test(hundreds_that_wait_for_a_price_are_all_decided_at_the_first_one),
        cmocka_unit_test(
            more_than_a_batch_holds_go_on_with_ticks_and_a_crash_between_changes_nothing),
        cmocka_unit_test(a_signal_whose_time_is_over_when_it_arrives_expires),
        cmocka_unit_test(a_signal_of_a_symbol_that_is_not_registered_is_a_clear_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
