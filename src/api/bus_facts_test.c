/* SPDX-License-Identifier: MIT */
/*
 * Facts as programs bring them in: in a log without a feed, beside other handles.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/bus_api.h"
#include "tests/lib/api_sample.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/engine_sample.h"
#include "tests/lib/plain_config.h"

#define MINUTE MRI_SCRIPT_MINUTE_NS

enum { SYMBOLS = 2 };

static struct mri_story *story;
static struct mri_api_sample sample;
static mr_bus *bus;
static mr_problem problem;

/** A log that a node has begun without a feed, with the symbols of its configuration. */
static int set_up(void **fixture)
{
    (void)fixture;
    story = mri_story_begin(mri_plain_config, SYMBOLS);
    story->has_no_feed = true;
    story->machine.has_clock = true;
    story->machine.realtime_unix_ns = mri_script_time(1000);
    for (uint32_t i = 0; i < SYMBOLS; i++) {
        const struct mri_instrument_spec spec = mri_engine_sample_spec(i);
        assert_int_equal(mri_config_add_instrument(&story->config, &spec), MR_OK);
        (void)snprintf(sample.symbols[i], sizeof(sample.symbols[i]), "%s", spec.symbol);
    }
    mri_story_open(story);
    mri_story_close(story);
    sample.story = story;
    bus = mri_api_sample_open(&sample);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mr_bus_close(bus);
    mri_story_end(story);
    return 0;
}

static mr_candle candle(int64_t minute, double price)
{
    return (mr_candle){.symbol = sample.symbols[0],
        .close_time_unix_ns = mri_script_time(minute),
        .open = price,
        .high = price,
        .low = price,
        .close = price,
        .volume = 1.0};
}

static mr_quote quote(int64_t minute, double bid, double ask)
{
    return (mr_quote){.symbol = sample.symbols[1],
        .source = "ws",
        .time_unix_ns = mri_script_time(minute),
        .bid = bid,
        .ask = ask};
}

static mr_err give_candle(mr_bus *to, mr_candle given)
{
    problem.text[0] = '\0';
    return mr_bus_candle(to, &given, 1, MR_ASYNC, NULL, &problem);
}

static mr_err give_quote(mr_bus *to, mr_quote given)
{
    problem.text[0] = '\0';
    return mr_bus_quote(to, &given, 1, MR_ASYNC, NULL, &problem);
}

static void refused(mr_err err, const char *field)
{
    if (err != MR_REFUSED || strstr(problem.text, field) == NULL) {
        fail_msg("%s: \"%s\" has no %s", mr_err_name(err), problem.text, field);
    }
}

static void time_begins_with_the_first_fact(void **fixture)
{
    (void)fixture;
    mr_emission emission = mri_api_sample_emission(&sample, 0, "bot");
    assert_int_equal(mri_api_sample_event_time(bus), 0);
    assert_false(mr_bus_is_live(bus));
    refused(mr_bus_emit(bus, &emission, 1, MR_ASYNC, NULL, &problem), "no market time");
    emission.key = "k";
    refused(mr_bus_emit(bus, &emission, 1, MR_ASYNC, NULL, &problem), "no market time");
    assert_int_equal(give_candle(bus, candle(3, 100.0)), MR_OK);
    assert_int_equal(mr_bus_follow(bus, &problem), MR_OK);
    assert_int_equal(mri_api_sample_event_time(bus), mri_script_time(3));
    (void)mri_api_sample_emit(bus, &emission);
}

static void each_wrong_field_is_named_and_nothing_is_written(void **fixture)
{
    (void)fixture;
    mr_candle wrong = candle(1, 100.0);
    uint64_t last = mri_story_last_seq(story);
    double *const prices[] = {&wrong.open, &wrong.high, &wrong.low, &wrong.close};
    static const char *const names[] = {"open", "high", "low", "close"};
    static const double bad[] = {(double)NAN, (double)INFINITY, 0.0, -1.0, 1e300, 100.001};
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
            wrong = candle(1, 100.0);
            *prices[i] = bad[k];
            refused(give_candle(bus, wrong), names[i]);
        }
    }
    wrong = candle(1, 100.0);
    wrong.volume = (double)NAN;
    refused(give_candle(bus, wrong), "volume");
    wrong = candle(1, 100.0);
    wrong.close_time_unix_ns = 0;
    refused(give_candle(bus, wrong), "close_time");
    wrong = candle(1, 100.0);
    wrong.symbol = NULL;
    refused(give_candle(bus, wrong), "symbol");
    wrong.symbol = "NOPE";
    refused(give_candle(bus, wrong), "symbol");
    refused(give_quote(bus, quote(1, 2.0, 1.0)), "bid");
    refused(give_quote(bus, quote(1, (double)NAN, 1.0)), "bid");
    refused(give_quote(bus, quote(1, 1.0, (double)INFINITY)), "ask");
    refused(give_quote(bus, quote(2000, 1.0, 1.0)), "time");
    mr_quote sized = quote(1, 1.0, 1.0);
    sized.has_ask_quantity = true;
    sized.ask_quantity = -1.0;
    refused(give_quote(bus, sized), "ask_quantity");
    mr_funding funding = {.symbol = sample.symbols[0], .rate = (double)NAN};
    refused(mr_bus_funding(bus, &funding, 1, MR_ASYNC, NULL, &problem), "time");
    funding.time_unix_ns = mri_script_time(1);
    refused(mr_bus_funding(bus, &funding, 1, MR_ASYNC, NULL, &problem), "rate");
    assert_int_equal(mri_story_last_seq(story), last);
}

static void a_batch_is_whole_or_not_at_all(void **fixture)
{
    (void)fixture;
    mr_candle candles[3] = {candle(1, 100.0), candle(2, 101.0), candle(3, -1.0)};
    uint64_t last = mri_story_last_seq(story);
    size_t repeated = 9;
    refused(mr_bus_candle(bus, candles, 3, MR_ASYNC, &repeated, &problem), "candle 3 of 3");
    assert_int_equal(repeated, 9);
    candles[2] = candles[0];
    refused(mr_bus_candle(bus, candles, 3, MR_ASYNC, &repeated, &problem), "candle 3 of 3");
    assert_int_equal(mri_story_last_seq(story), last);
    candles[2] = candles[1];
    assert_int_equal(mr_bus_candle(bus, candles, 3, MR_GROUP, &repeated, &problem), MR_OK);
    assert_int_equal(repeated, 1);
    assert_int_equal(mri_story_count(story, MRI_EVENT_CANDLE, 0), 2);
    assert_int_equal(mr_bus_candle(bus, candles, 0, MR_ASYNC, NULL, &problem), MR_EINVAL);
    assert_int_equal(mr_bus_candle(bus, NULL, 1, MR_ASYNC, NULL, &problem), MR_EINVAL);
    assert_int_equal(
        mr_bus_candle(bus, candles, MR_BUS_FACTS_MAX + 1, MR_ASYNC, NULL, &problem), MR_EINVAL);
}

static void handles_that_bring_in_the_same_add_it_once(void **fixture)
{
    (void)fixture;
    mr_bus *other = mri_api_sample_open(&sample);
    for (int64_t minute = 1; minute <= 20; minute++) {
        mr_bus *first = minute % 2 == 0 ? bus : other;
        mr_bus *second = minute % 2 == 0 ? other : bus;
        mr_candle given = candle(minute, 100.0 + (double)minute);
        size_t repeated;
        assert_int_equal(give_candle(first, given), MR_OK);
        assert_int_equal(mr_bus_candle(second, &given, 1, MR_ASYNC, &repeated, &problem), MR_OK);
        assert_int_equal(repeated, 1);
        given.high = given.close + 1.0;
        refused(give_candle(second, given), "close_time");
    }
    assert_int_equal(mri_story_count(story, MRI_EVENT_CANDLE, 0), 20);
    mr_bus_close(other);
}

static void a_log_with_a_feed_takes_none(void **fixture)
{
    (void)fixture;
    struct mri_api_sample fed;
    mri_api_sample_begin(&fed);
    mr_candle given = candle(5, 100.0);
    given.symbol = fed.symbols[0];
    refused(mr_bus_candle(fed.bus, &given, 1, MR_ASYNC, NULL, &problem), "feed of its own");
    mri_api_sample_end(&fed);
}

static void the_next_run_decides_on_them_and_prices_outcomes(void **fixture)
{
    (void)fixture;
    assert_int_equal(give_candle(bus, candle(1, 100.0)), MR_OK);
    assert_int_equal(give_quote(bus, quote(1, 49.99, 50.01)), MR_OK);
    mr_emission of_bars = mri_api_sample_emission(&sample, 0, "bot");
    mr_emission of_quotes = mri_api_sample_emission(&sample, 1, "bot");
    mr_ordinal ordinals[2] = {
        mri_api_sample_emit(bus, &of_bars), mri_api_sample_emit(bus, &of_quotes)};
    for (int64_t minute = 2; minute <= 70; minute++) {
        assert_int_equal(give_candle(bus, candle(minute, 100.0 + (double)minute)), MR_OK);
        assert_int_equal(
            give_quote(bus, quote(minute, 50.0 + (double)minute, 50.02 + (double)minute)), MR_OK);
    }
    mr_bus_close(bus);
    mri_story_open(story);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(mri_story_count(story, MRI_EVENT_OUTCOME, ordinals[i].n), 5);
        assert_int_equal(mri_story_slot(story, ordinals[i].n)->state, MR_LEARNED);
    }
    struct mri_event event;
    assert_true(mri_story_find(story,
        &(struct mri_story_query){.type = MRI_EVENT_OUTCOME, .ordinal = ordinals[1].n}, &event));
    const struct mri_outcome *outcome = event.body;
    assert_int_equal(outcome->status, MRI_OUTCOME_RESOLVED);
    assert_int_equal(outcome->entry_price, 5000);
    assert_int_equal(outcome->price, 5201);
    mri_story_close(story);
    mri_story_check_replay(story);
    bus = mri_api_sample_open(&sample);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(time_begins_with_the_first_fact),
        TEST(each_wrong_field_is_named_and_nothing_is_written),
        TEST(a_batch_is_whole_or_not_at_all),
        TEST(handles_that_bring_in_the_same_add_it_once),
        TEST(a_log_with_a_feed_takes_none),
        TEST(the_next_run_decides_on_them_and_prices_outcomes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
