/* SPDX-License-Identifier: MIT */
/*
 * From a feed to inputs: what becomes of items, and what a resumed run skips.
 */
#include "pipeline/intake.h"

#include <string.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/plain_config.h"
#include "tests/lib/story.h"

#define PRICE ((int64_t)MRI_STORY_PRICE)

static struct mri_story *open_story(uint32_t symbol_count)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, symbol_count);
    mri_story_open(story);
    return story;
}

static void missing_bars_are_a_gap_before_the_next_one(void **state)
{
    (void)state;
    struct mri_story *story = open_story(2);
    struct mri_event event;
    mri_script_add_close(&story->script, 0, 1, PRICE);
    mri_script_add_close(&story->script, 0, 2, PRICE);
    mri_script_add_close(&story->script, 1, 6, PRICE); /* its first bar: nothing was missing */
    mri_script_add_close(&story->script, 0, 7, PRICE);
    mri_story_play(story);
    assert_int_equal(mri_story_count(story, MRI_EVENT_MARKET_GAP, 0), 1);
    assert_true(
        mri_story_find(story, &(struct mri_story_query){.type = MRI_EVENT_MARKET_GAP}, &event));
    const struct mri_market_gap *gap = event.body;
    assert_int_equal(gap->symbol, 0);
    assert_int_equal(gap->missing_bars, 4);
    assert_int_equal(gap->from_unix_ns, mri_script_time(2));
    assert_int_equal(gap->to_unix_ns, mri_script_time(7));
    uint64_t gap_seq = event.seq;
    assert_true(mri_story_find(
        story, &(struct mri_story_query){.type = MRI_EVENT_CANDLE, .after_seq = gap_seq}, &event));
    assert_int_equal(event.seq, gap_seq + 1);
    mri_story_end(story);
}

static void all_items_of_one_time_are_one_batch(void **state)
{
    (void)state;
    struct mri_story *story = open_story(3);
    struct mri_event event = {0};
    mri_script_add_problem(&story->script, 0, 1, MRI_REASON_ROW_TORN);
    for (uint32_t symbol = 0; symbol < 3; symbol++) {
        mri_script_add_close(&story->script, symbol, 1, PRICE);
    }
    mri_script_add_signal(&story->script, 1, 1, "bot", 0.5, 5);
    mri_script_add_close(&story->script, 0, 2, PRICE);
    mri_story_play(story);
    static const uint16_t order[] = {MRI_EVENT_QUARANTINED, MRI_EVENT_CANDLE, MRI_EVENT_CANDLE,
        MRI_EVENT_CANDLE, MRI_EVENT_SIGNAL_GENERATED};
    uint64_t seq = 0;
    for (unsigned i = 0; i < MRI_COUNT_OF(order); i++) {
        assert_true(mri_story_find(
            story, &(struct mri_story_query){.type = order[i], .after_seq = seq}, &event));
        assert_true(i == 0 || event.seq == seq + 1);
        assert_int_equal(event.is_batch_end, i + 1 == MRI_COUNT_OF(order));
        seq = event.seq;
    }
    assert_int_equal(mri_story_slot(story, 1)->event_time_unix_ns, mri_script_time(1));
    assert_int_equal(mri_story_slot(story, 1)->symbol, 1);
    mri_story_end(story);
}

static void a_row_left_out_keeps_its_place_and_the_beginning_of_its_text(void **state)
{
    (void)state;
    struct mri_story *story = open_story(1);
    struct mri_event event;
    static char row[500];
    memset(row, 'x', sizeof(row));
    row[3] = '\x1b';
    mri_script_add_close(&story->script, 0, 1, PRICE);
    mri_script_add_problem(&story->script, UINT32_MAX, 2, MRI_REASON_ROW_UNKNOWN_SYMBOL);
    story->script.items[1].problem.row = (struct mri_slice){row, sizeof(row)};
    story->script.items[1].time_unix_ns = INT64_MAX; /* behind the last good row */
    mri_story_play(story);
    assert_int_equal(story->problems_heard, 1);
    assert_int_equal(story->intake.problems, 1);
    assert_true(
        mri_story_find(story, &(struct mri_story_query){.type = MRI_EVENT_QUARANTINED}, &event));
    const struct mri_quarantined *body = event.body;
    assert_int_equal(body->reason, MRI_REASON_ROW_UNKNOWN_SYMBOL);
    assert_int_equal(body->line, 2);
    assert_int_equal(body->event_time_unix_ns, mri_script_time(1));
    assert_int_equal(body->symbol, UINT32_MAX);
    struct mri_slice text = mri_event_text(&event, 0);
    assert_int_equal(text.count, 120 + 3); /* the escape takes four for one */
    assert_memory_equal(text.bytes, "xxx\\x1bx", 8);
    mri_story_end(story);
}

static void files_that_end_early_are_counted_apart(void **state)
{
    (void)state;
    struct mri_story *story = open_story(1);
    mri_script_add_close(&story->script, 0, 1, PRICE);
    mri_script_add_problem(&story->script, 0, 2, MRI_REASON_FILE_DAMAGED);
    mri_script_add_problem(&story->script, 0, 2, MRI_REASON_ROW_TORN);
    mri_story_play(story);
    assert_int_equal(story->intake.damaged_files, 1);
    assert_int_equal(story->intake.problems, 2);
    mri_story_end(story);
}

static void more_bad_rows_than_a_batch_holds_go_ahead_of_the_good_one(void **state)
{
    (void)state;
    enum { BAD = 40000 };
    struct mri_story *story = open_story(1);
    for (int i = 0; i < BAD; i++) {
        mri_script_add_problem(&story->script, 0, 1, MRI_REASON_ROW_NUMBER);
    }
    mri_script_add_close(&story->script, 0, 1, PRICE);
    mri_story_play(story);
    assert_int_equal(mri_story_count(story, MRI_EVENT_QUARANTINED, 0), BAD);
    assert_int_equal(mri_story_count(story, MRI_EVENT_CANDLE, 0), 1);
    mri_story_end(story);
}

/** Bars with gaps, rows left out, signals at bars and signals where no bar is; problems at the end.
 */
static void write_script(struct mri_script_feed *script)
{
    for (int64_t minute = 1; minute <= 60; minute++) {
        if (minute % 7 == 0) {
            mri_script_add_problem(script, 0, minute, MRI_REASON_ROW_TORN);
            mri_script_add_problem(script, 1, minute, MRI_REASON_ROW_NUMBER);
        }
        if (minute % 11 != 0) {
            mri_script_add_close(script, 0, minute, PRICE + 100 * (minute % 13));
        }
        if (minute % 11 != 0 && minute % 3 == 0) {
            mri_script_add_close(script, 1, minute, PRICE - 100 * (minute % 5));
        }
        if (minute % 4 == 0 || minute % 11 == 0) {
            mri_script_add_signal(script, 0, minute, "bot", minute % 8 == 0 ? -0.7 : 0.4, 2);
        }
    }
    for (int i = 0; i < 5; i++) {
        mri_script_add_problem(script, 0, 61, MRI_REASON_ROW_TORN);
        script->items[script->count - 1].time_unix_ns = INT64_MAX;
    }
}

static void a_resumed_run_skips_exactly_what_is_logged(void **state)
{
    (void)state;
    char whole[MRI_DIGEST_TEXT_BYTES];
    char resumed[MRI_DIGEST_TEXT_BYTES];
    struct mri_story *story = open_story(2);
    write_script(&story->script);
    mri_story_play(story);
    mri_story_end_feed(story);
    (void)mri_story_digest(story, whole);
    uint32_t item_count = story->script.count;
    mri_story_end(story);
    for (unsigned stop = 0; stop < 70; stop++) {
        bool is_clean = stop % 2 == 0;
        story = open_story(2);
        write_script(&story->script);
        for (unsigned i = 0; i < stop; i++) {
            mr_err err = mri_intake_step(&story->intake, &story->problem);
            assert_true(err == MR_OK || err == MR_END);
        }
        is_clean ? mri_story_close(story) : mri_story_kill(story);
        mri_story_open(story);
        mri_story_play(story);
        mri_story_end_feed(story);
        assert_int_equal(story->script.at, item_count);
        assert_string_equal(mri_story_digest(story, resumed), whole);
        mri_story_end(story);
    }
}

static void a_feed_that_tells_another_past_is_refused(void **state)
{
    (void)state;
    struct mri_story *story = open_story(2);
    for (int64_t minute = 1; minute <= 10; minute++) {
        mri_script_add_close(&story->script, 0, minute, PRICE + minute);
        mri_script_add_close(&story->script, 1, minute, PRICE - minute);
    }
    mri_story_play(story);
    mri_story_close(story);
    uint64_t last_seq = mri_story_last_seq(story);
    struct mri_feed_item *newest = &story->script.items[story->script.count - 1];
    newest->candle.close++;
    newest->candle.high++;
    mri_script_add_close(&story->script, 0, 11, PRICE);
    mri_story_open(story);
    uint64_t opened_seq = mri_story_last_seq(story);
    assert_true(opened_seq > last_seq);
    assert_int_equal(mri_story_try_play(story), MR_REFUSED);
    assert_non_null(strstr(story->problem.text, "BBBUSD"));
    assert_non_null(strstr(story->problem.text, "differs"));
    assert_int_equal(mri_story_last_seq(story), opened_seq); /* nothing of it was taken in */
    mri_story_end(story);
}

/** What a changed feed may have changed in the newest bar. */
enum change { OPEN, HIGH, LOW, CLOSE, VOLUME, DURATION, CHANGE_COUNT };

static void every_number_of_the_newest_bar_is_compared(void **state)
{
    (void)state;
    for (int change = 0; change < CHANGE_COUNT; change++) {
        struct mri_story *story = open_story(1);
        mri_script_add_close(&story->script, 0, 1, PRICE);
        mri_story_play(story);
        mri_story_close(story);
        struct mri_feed_candle *candle = &story->script.items[0].candle;
        candle->open += change == OPEN;
        candle->high += change == HIGH;
        candle->low -= change == LOW;
        candle->close += change == CLOSE;
        candle->volume += change == VOLUME ? 1e-9 : 0.0;
        candle->duration_ns += change == DURATION;
        mri_story_open(story);
        assert_int_equal(mri_story_try_play(story), MR_REFUSED);
        mri_story_end(story);
    }
}

static mr_err failing_next(void *state, struct mri_feed_item *ret_item)
{
    (void)state;
    (void)ret_item;
    return MR_EIO;
}

static void a_fault_of_the_feed_is_passed_on(void **state)
{
    (void)state;
    struct mri_story *story = open_story(1);
    story->script.feed.next = failing_next;
    assert_int_equal(mri_story_try_play(story), MR_EIO);
    assert_non_null(strstr(story->problem.text, "feed"));
    mri_story_end(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_bars_are_a_gap_before_the_next_one),
        cmocka_unit_test(all_items_of_one_time_are_one_batch),
        cmocka_unit_test(a_row_left_out_keeps_its_place_and_the_beginning_of_its_text),
        cmocka_unit_test(files_that_end_early_are_counted_apart),
        cmocka_unit_test(more_bad_rows_than_a_batch_holds_go_ahead_of_the_good_one),
        cmocka_unit_test(a_resumed_run_skips_exactly_what_is_logged),
        cmocka_unit_test(a_feed_that_tells_another_past_is_refused),
        cmocka_unit_test(every_number_of_the_newest_bar_is_compared),
        cmocka_unit_test(a_fault_of_the_feed_is_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
