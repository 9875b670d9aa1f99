/* SPDX-License-Identifier: MIT */
/*
 * Subscriptions: what passes the filter is delivered until it is acked, by name, to whoever asks.
 */
#include <string.h>

#include "tests/lib/api_sample.h"
#include "tests/lib/cmocka_all.h"

static struct mri_api_sample sample;
static mr_bus *bus;

static int set_up(void **fixture)
{
    (void)fixture;
    mri_api_sample_begin(&sample);
    bus = sample.bus;
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_api_sample_end(&sample);
    return 0;
}

static mr_ordinal emit(mr_bus *by, uint32_t symbol, const char *source)
{
    const mr_emission emission = mri_api_sample_emission(&sample, symbol, source);
    return mri_api_sample_emit(by, &emission);
}

static mr_subscription *subscribe(mr_bus *by, const char *name, const mr_subscribe_options *options)
{
    mr_subscription *subscription = NULL;
    mr_problem problem = {""};
    mr_err err = mr_bus_subscribe(by, name, options, &subscription, &problem);
    if (err != MR_OK) {
        fail_msg("subscribe: %s: %s", mr_err_name(err), problem.text);
    }
    return subscription;
}

static void next_is(mr_subscription *subscription, mr_ordinal ordinal, mr_bus_event *ret_event)
{
    assert_int_equal(mr_subscription_next(subscription, ret_event, NULL), MR_OK);
    assert_int_equal(ret_event->ordinal.n, ordinal.n);
}

static void what_passes_is_delivered_once_it_is_acked(void **fixture)
{
    (void)fixture;
    const mr_subscribe_options options = {.kind = "signal.generated", .symbol = sample.symbols[1]};
    mr_bus_event event;
    mr_subscription *subscription = subscribe(bus, "one", &options);
    (void)emit(bus, 0, "bot");
    mr_ordinal wanted = emit(bus, 1, "bot");
    (void)emit(bus, 0, "bot");
    mr_ordinal later = emit(bus, 1, "else");
    next_is(subscription, wanted, &event);
    assert_string_equal(event.kind, "signal.generated");
    assert_int_equal(event.deliveries, 1);
    assert_false(event.is_move);
    assert_int_equal(mr_subscription_ack(subscription, event.seq, NULL), MR_OK);
    next_is(subscription, later, &event);
    assert_int_equal(mr_subscription_nack(subscription, event.seq, 0, NULL), MR_OK);
    next_is(subscription, later, &event);
    assert_int_equal(event.deliveries, 2);
    mr_subscription_close(subscription); /* not acked: it comes again */
    subscription = subscribe(bus, "one", &options);
    next_is(subscription, later, &event);
    assert_int_equal(mr_subscription_ack(subscription, event.seq, NULL), MR_OK);
    assert_int_equal(mr_subscription_next(subscription, &event, NULL), MR_END);
    mr_subscription_close(subscription);
}

static void two_who_use_a_name_share_the_events(void **fixture)
{
    (void)fixture;
    const mr_subscribe_options options = {.kind = "signal.generated"};
    mr_bus *other = mri_api_sample_open(&sample);
    mr_bus_event mine;
    mr_bus_event theirs;
    mr_subscription *first = subscribe(bus, "shared", &options);
    mr_subscription *second = subscribe(other, "shared", &options);
    mr_ordinal a = emit(bus, 0, "bot");
    mr_ordinal b = emit(other, 0, "bot");
    next_is(first, a, &mine);
    next_is(second, b, &theirs);
    assert_int_equal(mr_subscription_ack(second, mine.seq, NULL), MR_CONFLICT);
    assert_int_equal(mr_subscription_ack(second, theirs.seq, NULL), MR_OK);
    assert_int_equal(mr_subscription_next(second, &theirs, NULL), MR_END);
    mr_subscription_close(first); /* gives it back */
    next_is(second, a, &theirs);
    mr_subscription_close(second);
    mr_bus_close(other);
}

static void moves_into_a_state_are_told_with_gate_and_reason(void **fixture)
{
    (void)fixture;
    const mr_subscribe_options options = {.state = "blocked", .source = "bot"};
    mr_bus_event event;
    mr_subscription *subscription = subscribe(bus, "blocked", &options);
    mr_ordinal mine = emit(bus, 0, "bot");
    mr_ordinal other = emit(bus, 0, "other");
    const mr_move moves[] = {
        {.ordinal = other,
            .from = MR_GENERATED,
            .to = MR_BLOCKED,
            .gate = "external",
            .reason = "external"},
        {.ordinal = mine,
            .from = MR_GENERATED,
            .to = MR_BLOCKED,
            .gate = "external",
            .reason = "external"},
    };
    assert_int_equal(mr_bus_move(bus, moves, 2, MR_ASYNC, NULL, NULL), MR_OK);
    next_is(subscription, mine, &event);
    assert_true(event.is_move);
    assert_int_equal(event.from, MR_GENERATED);
    assert_int_equal(event.to, MR_BLOCKED);
    assert_string_equal(event.gate, "external");
    assert_string_equal(event.reason, "external");
    mr_subscription_close(subscription);
}

static void a_place_is_kept_from_the_beginning_or_the_end(void **fixture)
{
    (void)fixture;
    const mr_subscribe_options all = {.kind = "candle", .is_from_beginning = true};
    const mr_subscribe_options later = {.kind = "candle"};
    mr_bus_event event;
    mr_subscription *subscription = subscribe(bus, "all", &all);
    assert_int_equal(mr_subscription_next(subscription, &event, NULL), MR_OK);
    assert_string_equal(event.kind, "candle");
    assert_int_equal(event.ordinal.n, 0);
    mr_subscription_close(subscription);
    subscription = subscribe(bus, "later", &later);
    assert_int_equal(mr_subscription_next(subscription, &event, NULL), MR_END);
    mr_subscription_close(subscription);
}

static void waiting_ends_with_what_was_emitted_here_too(void **fixture)
{
    (void)fixture;
    mr_bus_event event;
    mr_subscription *subscription = subscribe(bus, "wait", NULL);
    assert_int_equal(mr_subscription_next(subscription, &event, NULL), MR_END);
    assert_int_equal(mr_subscription_wait(subscription, 1, NULL), MR_AGAIN);
    mr_ordinal ordinal = emit(bus, 0, "bot");
    assert_int_equal(mr_subscription_wait(subscription, -1, NULL), MR_OK);
    next_is(subscription, ordinal, &event);
    mr_subscription_close(subscription);
}

static void what_cannot_be_is_refused(void **fixture)
{
    (void)fixture;
    static char long_text[100];
    memset(long_text, 'x', sizeof(long_text) - 1);
    mr_subscription *subscription = NULL;
    mr_problem problem = {""};
    const mr_subscribe_options cases[] = {
        {.kind = "nothing"},
        {.state = "nowhere"},
        {.state = "blocked", .kind = "candle"},
        {.symbol = "NOPE"},
        {.source = long_text},
        {.name = long_text},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        assert_int_equal(
            mr_bus_subscribe(bus, "x", &cases[i], &subscription, &problem), MR_REFUSED);
        assert_true(problem.text[0] != '\0');
    }
    assert_int_equal(mr_bus_subscribe(bus, "No Name", NULL, &subscription, &problem), MR_EINVAL);
    assert_int_equal(mr_bus_subscribe(NULL, "x", NULL, &subscription, &problem), MR_EINVAL);
    assert_int_equal(mr_subscription_next(NULL, NULL, &problem), MR_EINVAL);
    mr_subscription_close(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_passes_is_delivered_once_it_is_acked),
        TEST(two_who_use_a_name_share_the_events),
        TEST(moves_into_a_state_are_told_with_gate_and_reason),
        TEST(a_place_is_kept_from_the_beginning_or_the_end),
        TEST(waiting_ends_with_what_was_emitted_here_too),
        TEST(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
