/* SPDX-License-Identifier: MIT */
/*
 * A market that is not what one wishes: bars that are missing or bad, symbols that fall silent, an
 * end.
 */
#include "tests/lib/cmocka_all.h"
#include "tests/lib/lives.h"
#include "tests/lib/plain_config.h"

enum { PRICE = MRI_STORY_PRICE, HOUR = 61 };

static void bars(struct mri_story *story, uint32_t symbol, int64_t from, int64_t to)
{
    for (int64_t minute = from; minute <= to; minute++) {
        mri_script_add_close(&story->script, symbol, minute, PRICE + 10 * minute);
    }
}

/** End, check all that must hold, and take the life of signal 1. */
static void end_story(struct mri_story *story, struct mri_life *ret_life)
{
    struct mri_lives lives;
    mri_story_end_feed(story);
    mri_story_close(story);
    mri_lives_read(&lives, story);
    mri_lives_check_ended(&lives);
    *ret_life = *mri_lives_get(&lives, 1);
    mri_lives_fini(&lives);
    mri_story_check_replay(story);
    mri_story_end(story);
}

/** The outcome of signal 1 at a horizon. */
static struct mri_outcome outcome_at(struct mri_story *story, mr_horizon horizon)
{
    struct mri_event event = {.seq = 0};
    for (unsigned i = 0; i <= (unsigned)horizon; i++) {
        const struct mri_story_query query = {
            .type = MRI_EVENT_OUTCOME, .ordinal = 1, .after_seq = event.seq};
        assert_true(mri_story_find(story, &query, &event));
    }
    const struct mri_outcome *outcome = event.body;
    assert_int_equal(outcome->horizon, horizon);
    return *outcome;
}

static void a_horizon_takes_the_close_of_its_minute(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    struct mri_life life;
    bars(story, 0, 1, 10);
    mri_script_add_signal(&story->script, 0, 10, "bot", 0.5, 1);
    bars(story, 0, 11, 10 + HOUR);
    mri_story_open(story);
    mri_story_play(story);
    struct mri_outcome outcome = outcome_at(story, MR_HORIZON_5M);
    assert_int_equal(outcome.entry_price, PRICE + 100);
    assert_int_equal(outcome.price, PRICE + 150);
    assert_int_equal(outcome.price_time_unix_ns, mri_script_time(15));
    assert_true(outcome.return_bps > 0.499 && outcome.return_bps < 0.501);
    end_story(story, &life);
    for (unsigned horizon = 0; horizon < MR_HORIZON_COUNT; horizon++) {
        assert_int_equal(life.statuses[horizon], MRI_OUTCOME_RESOLVED);
    }
}

static void a_gap_is_told_and_a_horizon_in_it_takes_the_last_price_or_none(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    struct mri_life life;
    bars(story, 0, 1, 10);
    mri_script_add_signal(&story->script, 0, 10, "bot", 0.5, 1);
    bars(story, 0, 20, 20 + HOUR); /* nine are missing: 1m has a price of its minute 10, 5m none */
    mri_story_open(story);
    mri_story_play(story);
    assert_int_equal(mri_story_count(story, MRI_EVENT_MARKET_GAP, 0), 1);
    struct mri_outcome soon = outcome_at(story, MR_HORIZON_1M);
    assert_int_equal(soon.status, MRI_OUTCOME_RESOLVED); /* a minute old is tolerated */
    assert_int_equal(soon.price_time_unix_ns, mri_script_time(10));
    struct mri_outcome later = outcome_at(story, MR_HORIZON_5M);
    assert_int_equal(later.status, MRI_OUTCOME_EXCLUDED);
    assert_int_equal(later.reason, MRI_REASON_LATE_PRICE);
    assert_int_equal(later.price_time_unix_ns, mri_script_time(10)); /* never a later one */
    end_story(story, &life);
    assert_int_equal(life.statuses[MR_HORIZON_15M], MRI_OUTCOME_RESOLVED);
}

static void rows_left_out_are_logged_and_change_nothing(void **state)
{
    (void)state;
    static const enum mri_reason reasons[] = {
        MRI_REASON_ROW_DUPLICATE, MRI_REASON_ROW_BACKWARDS, MRI_REASON_ROW_NOT_POSITIVE};
    uint64_t decisions[2];
    int64_t prices[2];
    for (unsigned is_bad = 0; is_bad < 2; is_bad++) {
        struct mri_story *story = mri_story_begin(mri_plain_config, 1);
        struct mri_life life;
        mri_script_add_signal(&story->script, 0, 0, "bot", 0.5, 5);
        for (int64_t minute = 1; minute <= HOUR; minute++) {
            for (size_t i = 0; i < MRI_COUNT_OF(reasons) && is_bad; i++) {
                mri_script_add_problem(&story->script, 0, minute, reasons[i]);
            }
            bars(story, 0, minute, minute);
        }
        mri_story_open(story);
        mri_story_play(story);
        assert_int_equal(mri_story_count(story, MRI_EVENT_QUARANTINED, 0),
            is_bad ? HOUR * MRI_COUNT_OF(reasons) : 0);
        assert_int_equal(story->problems_heard, is_bad ? HOUR * MRI_COUNT_OF(reasons) : 0);
        decisions[is_bad] = mri_story_count(story, MRI_EVENT_DECISION, 0);
        prices[is_bad] = outcome_at(story, MR_HORIZON_30M).price;
        end_story(story, &life);
    }
    assert_int_equal(decisions[0], decisions[1]);
    assert_int_equal(prices[0], prices[1]);
}

static void a_symbol_that_falls_silent_ends_excluded_while_others_go_on(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 2);
    struct mri_life life;
    bars(story, 0, 1, 10);
    mri_script_add_signal(&story->script, 0, 10, "bot", 0.5, 1);
    for (int64_t minute = 11; minute <= 10 + HOUR; minute++) {
        bars(story, 1, minute, minute); /* symbol 0 trades no more */
    }
    mri_story_open(story);
    mri_story_play(story);
    assert_int_equal(mri_story_slot(story, 1)->state, MR_LEARNED); /* without its feed's end */
    end_story(story, &life);
    assert_int_equal(life.statuses[MR_HORIZON_1M], MRI_OUTCOME_RESOLVED);
    for (unsigned horizon = MR_HORIZON_5M; horizon < MR_HORIZON_COUNT; horizon++) {
        assert_int_equal(life.outcome_reasons[horizon], MRI_REASON_LATE_PRICE);
    }
}

static void at_the_end_of_the_feed_what_is_due_is_resolved_and_the_rest_is_not(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    struct mri_life life;
    bars(story, 0, 1, 10);
    mri_script_add_signal(&story->script, 0, 10, "bot", 0.5, 1);
    bars(story, 0, 11, 25); /* 15m is due at the very last bar */
    mri_story_open(story);
    mri_story_play(story);
    end_story(story, &life);
    assert_int_equal(life.statuses[MR_HORIZON_15M], MRI_OUTCOME_RESOLVED);
    assert_int_equal(life.statuses[MR_HORIZON_30M], MRI_OUTCOME_UNRESOLVED);
    assert_int_equal(life.outcome_reasons[MR_HORIZON_30M], MRI_REASON_FEED_ENDED);
    assert_int_equal(life.outcome_reasons[MR_HORIZON_1H], MRI_REASON_FEED_ENDED);
}

static void an_order_that_waits_over_a_gap_fills_at_its_first_open(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    struct mri_event event;
    int64_t minute = MRI_STORY_WARM_MINUTES;
    mri_story_warm(story);
    uint32_t ordinal = mri_story_trade(story, &minute);
    int64_t open = PRICE + 777;
    mri_script_add_bar(&story->script, 0, minute + 10,
        &(struct mri_script_bar){.open = open, .high = open + 10, .low = open - 10, .close = open});
    mri_story_play(story);
    const struct mri_story_query query = {.type = MRI_EVENT_ORDER_FILLED, .ordinal = ordinal};
    assert_true(mri_story_find(story, &query, &event));
    const struct mri_order_filled *fill = event.body;
    assert_int_equal(fill->reference_price, open);
    assert_int_equal(fill->event_time_unix_ns, mri_script_time(minute + 9)); /* that bar's open */
    assert_true(fill->side == MR_LONG ? fill->price > open : fill->price < open);
    mri_story_close(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_horizon_takes_the_close_of_its_minute),
        cmocka_unit_test(a_gap_is_told_and_a_horizon_in_it_takes_the_last_price_or_none),
        cmocka_unit_test(rows_left_out_are_logged_and_change_nothing),
        cmocka_unit_test(a_symbol_that_falls_silent_ends_excluded_while_others_go_on),
        cmocka_unit_test(at_the_end_of_the_feed_what_is_due_is_resolved_and_the_rest_is_not),
        cmocka_unit_test(an_order_that_waits_over_a_gap_fills_at_its_first_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
