/* SPDX-License-Identifier: MIT */
/*
 * Subscriptions: what passes the filter is delivered until it is acked, by name, to whoever asks.
 */
#include <stdio.h>
#include <string.h>

#include "api/bus_loop.h"
#include "base/prng.h"
#include "log/consume/consumer.h"
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
    assert_int_equal(mr_subscription_nack(subscription, event.seq, 0, NULL, NULL), MR_OK);
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

static void first_is(const char *name, const mr_subscribe_options *options, uint64_t seq)
{
    mr_bus_event event;
    mr_subscription *subscription = subscribe(bus, name, options);
    assert_int_equal(mr_subscription_next(subscription, &event, NULL), MR_OK);
    assert_int_equal(event.seq.n, seq);
    mr_subscription_close(subscription);
}

static void a_new_name_begins_with_an_event_or_behind_a_moment(void **fixture)
{
    (void)fixture;
    char text[MR_LOG_TOKEN_BYTES];
    mr_log_token token;
    mr_signal signal[2];
    mr_signal last;
    mr_ordinal ordinals[] = {emit(bus, 0, "bot"), emit(bus, 0, "bot")};
    assert_int_equal(mr_bus_moment(bus, NULL, &token, NULL), MR_OK);
    mr_ordinal later = emit(bus, 0, "bot");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mr_bus_get(bus, ordinals[i], &signal[i]), MR_OK);
    }
    assert_int_equal(mr_bus_get(bus, later, &last), MR_OK);
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)signal[0].generated.n);
    first_is(
        "with", &(mr_subscribe_options){.start_seq = signal[0].generated}, signal[0].generated.n);
    first_is("behind", &(mr_subscribe_options){.start_after = text}, signal[1].generated.n);
    first_is("token", &(mr_subscribe_options){.start_after = mr_log_token_text(&token, text)},
        last.generated.n);
    assert_int_equal(mr_bus_moment(bus, "9999d", &token, NULL), MR_OK);
    first_is("time", &(mr_subscribe_options){.start_after = "9999d"}, token.seq + 1);
}

static void a_name_that_is_known_goes_on_wherever_one_would_have_begun(void **fixture)
{
    (void)fixture;
    mr_bus_event event;
    mr_seq beyond = {1000000};
    mr_ordinal first = emit(bus, 0, "bot");
    mr_ordinal second = emit(bus, 0, "bot");
    mr_signal signal;
    assert_int_equal(mr_bus_get(bus, first, &signal), MR_OK);
    const mr_subscribe_options starts[] = {
        {.start_seq = signal.generated, .kind = "signal.generated"},
        {.kind = "signal.generated"},
        {.is_from_beginning = true, .kind = "signal.generated"},
        {.start_after = "2h", .kind = "signal.generated"},
        {.start_seq = beyond, .kind = "signal.generated"},
    };
    for (size_t made = 0; made < MRI_COUNT_OF(starts) - 1; made++) {
        char name[] = {'m', (char)('0' + made), '\0'};
        mr_subscription_close(subscribe(bus, name, &starts[made]));
        second = emit(bus, 0, "bot");
        for (size_t i = 0; i < MRI_COUNT_OF(starts); i++) {
            mr_subscription *subscription = subscribe(bus, name, &starts[i]);
            assert_int_equal(mr_subscription_next(subscription, &event, NULL), MR_OK);
            if (i == 0) {
                assert_int_equal(event.ordinal.n, made == 1 ? second.n : first.n);
                assert_int_equal(mr_subscription_ack(subscription, event.seq, NULL), MR_OK);
                second = emit(bus, 0, "bot");
            } else {
                assert_true(event.ordinal.n > first.n);
            }
            mr_subscription_close(subscription);
        }
    }
}

static void what_is_given_back_without_a_delay_waits_as_the_list_says(void **fixture)
{
    (void)fixture;
    int64_t delays[] = {3600000, 0};
    const mr_subscribe_options options = {
        .kind = "signal.generated", .backoff_ms = delays, .backoff_count = 2};
    mr_bus_event event;
    mr_subscription *subscription = subscribe(bus, "slow", &options);
    delays[0] = 0; /* it has its own */
    mr_ordinal ordinal = emit(bus, 0, "bot");
    next_is(subscription, ordinal, &event);
    assert_int_equal(mr_subscription_nack(subscription, event.seq, -1, NULL, NULL), MR_OK);
    assert_int_equal(mr_subscription_next(subscription, &event, NULL), MR_AGAIN);
    ordinal = emit(bus, 0, "bot");
    next_is(subscription, ordinal, &event);
    assert_int_equal(mr_subscription_nack(subscription, event.seq, 0, NULL, NULL), MR_OK);
    for (uint32_t deliveries = 2; deliveries < 5; deliveries++) { /* the last one repeats */
        next_is(subscription, ordinal, &event);
        assert_int_equal(event.deliveries, deliveries);
        assert_int_equal(mr_subscription_nack(subscription, event.seq, -1, NULL, NULL), MR_OK);
    }
    mr_subscription_close(subscription);
    mr_problem problem = {""};
    assert_int_equal(mr_bus_subscribe(bus, "slow", &options, &subscription, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "backoff: the name \"slow\" was made with another list"));
    mr_subscription_close(subscribe(bus, "slow", NULL)); /* not given: as it was */
    delays[0] = 3600000;
    mr_subscription_close(subscribe(bus, "slow", &options));
    mr_subscribe_options wide = options;
    wide.max_in_flight = MR_CONSUMER_IN_FLIGHT_MAX + 1;
    assert_int_equal(mr_bus_subscribe(bus, "x", &wide, &subscription, &problem), MR_REFUSED);
    assert_string_equal(problem.text, "max_in_flight: expected 0 to 1024, found 1025");
    delays[1] = -1;
    assert_int_equal(mr_bus_subscribe(bus, "x", &options, &subscription, &problem), MR_REFUSED);
    assert_string_equal(problem.text, "backoff: expected delays of 0 to 86400000 ms, found -1");
    const mr_subscribe_options many = {.backoff_ms = delays, .backoff_count = 9};
    assert_int_equal(mr_bus_subscribe(bus, "x", &many, &subscription, &problem), MR_REFUSED);
    assert_string_equal(problem.text, "backoff: expected up to 8 delays, found 9");
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
    const mr_subscribe_options starts[] = {
        {.is_from_beginning = true, .start_seq = {1}},
        {.start_seq = {1}, .start_after = "2h"},
        {.start_after = "yesterday"},
    };
    mr_subscription_close(subscribe(bus, "known", NULL));
    for (size_t i = 0; i < 2 * MRI_COUNT_OF(starts); i++) {
        assert_int_equal(mr_bus_subscribe(bus, i % 2 == 0 ? "x" : "known", &starts[i / 2],
                             &subscription, &problem),
            MR_REFUSED);
        assert_memory_equal(problem.text, "start: ", 7);
    }
    const mr_subscribe_options beyond = {.start_seq = {1000000}};
    assert_int_equal(mr_bus_subscribe(bus, "x", &beyond, &subscription, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "start: the log ends with event"));
    const mr_subscribe_options other = {.max_deliver = 3, .is_from_beginning = true};
    assert_int_equal(mr_bus_subscribe(bus, "known", &other, &subscription, &problem), MR_REFUSED);
    assert_string_equal(problem.text,
        "max_deliver: the name \"known\" was made with 0, which stays as it was, found 3");
    const mr_subscribe_options few = {.max_in_flight = 3, .ack_wait_ms = 1000};
    mr_subscription_close(subscribe(bus, "few", &few));
    subscription = subscribe(bus, "few", NULL);
    assert_int_equal(mri_bus_loop_ack_wait_ms(subscription), 1000);
    mr_subscription_close(subscription);
    const mr_subscribe_options usual[] = {
        {.max_in_flight = MR_CONSUMER_IN_FLIGHT_MAX}, {.ack_wait_ms = MR_CONSUMER_ACK_WAIT_MS}};
    for (size_t i = 0; i < MRI_COUNT_OF(usual); i++) { /* a default that is given is compared */
        assert_int_equal(
            mr_bus_subscribe(bus, "few", &usual[i], &subscription, &problem), MR_REFUSED);
        assert_non_null(strstr(problem.text, i == 0 ? "max_in_flight: " : "ack_wait_ms: "));
    }
    mr_subscription_close(subscribe(bus, "known", &usual[0]));
    subscription = NULL;
    assert_int_equal(mr_bus_subscribe(bus, "No Name", NULL, &subscription, &problem), MR_EINVAL);
    assert_int_equal(mr_bus_subscribe(NULL, "x", NULL, &subscription, &problem), MR_EINVAL);
    assert_int_equal(mr_subscription_next(NULL, NULL, &problem), MR_EINVAL);
    mr_subscription_close(NULL);
}

/* ---- many at once ---------------------------------------------------------------------------- */

enum { MANY = 3000, ROOM = 700 };

static void emit_many(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) { /* every third one is of the symbol 1 */
        (void)emit(bus, i % 3 == 0, i % 5 == 0 ? "bot" : "else");
    }
}

static size_t next_many(mr_subscription *subscription, mr_bus_event *events, size_t room)
{
    size_t count = 0;
    mr_problem problem = {""};
    mr_err err = mr_subscription_next_many(subscription, events, room, &count, &problem);
    if (err != MR_OK && err != MR_END && err != MR_AGAIN) {
        fail_msg("next_many: %s: %s", mr_err_name(err), problem.text);
    }
    assert_true((count > 0) == (err == MR_OK) && count <= room);
    return count;
}

static void ack_many(mr_subscription *subscription, const mr_bus_event *events, size_t count)
{
    mr_seq seqs[ROOM];
    for (size_t i = 0; i < count; i++) {
        seqs[i] = events[i].seq;
    }
    assert_int_equal(mr_subscription_ack_many(subscription, seqs, count, NULL), MR_OK);
}

static void assert_same_event(const mr_bus_event *a, const mr_bus_event *b)
{
    assert_int_equal(a->seq.n, b->seq.n);
    assert_string_equal(a->kind, b->kind);
    assert_int_equal(a->time_unix_ns, b->time_unix_ns);
    assert_int_equal(a->ordinal.n, b->ordinal.n);
    assert_int_equal(a->is_move, b->is_move);
    assert_int_equal(a->from, b->from);
    assert_int_equal(a->to, b->to);
    assert_ptr_equal(a->gate, b->gate);
    assert_ptr_equal(a->reason, b->reason);
    assert_int_equal(a->deliveries, b->deliveries);
}

/** The same events, one by one. */
static void check_against_one_by_one(const mr_subscribe_options *options)
{
    static mr_bus_event events[ROOM];
    mr_bus_event single;
    mr_subscription *many = subscribe(bus, "many", options);
    mr_subscription *one = subscribe(bus, "one", options);
    uint64_t newest = 0;
    size_t count = next_many(many, events, ROOM);
    assert_true(count > 0);
    for (; count > 0; count = next_many(many, events, ROOM)) {
        for (size_t i = 0; i < count; i++) {
            assert_true(events[i].seq.n > newest);
            newest = events[i].seq.n;
            assert_int_equal(mr_subscription_next(one, &single, NULL), MR_OK);
            assert_same_event(&single, &events[i]);
            assert_int_equal(mr_subscription_ack(one, single.seq, NULL), MR_OK);
        }
        ack_many(many, events, count);
    }
    assert_int_equal(mr_subscription_next(one, &single, NULL), MR_END);
    assert_int_equal(mr_subscription_ack_many(many, &single.seq, 1, NULL), MR_CONFLICT);
    mr_subscription_close(one);
    mr_subscription_close(many);
}

static void many_at_once_are_the_same_in_the_same_order(void **fixture)
{
    (void)fixture;
    emit_many(MANY);
    const mr_move move = {.ordinal = {1},
        .from = MR_GENERATED,
        .to = MR_BLOCKED,
        .gate = "external",
        .reason = "external"};
    assert_int_equal(mr_bus_move(bus, &move, 1, MR_ASYNC, NULL, NULL), MR_OK);
    const mr_subscribe_options options[] = {
        {.is_from_beginning = true},
        {.is_from_beginning = true, .kind = "signal.generated"},
        {.is_from_beginning = true, .source = "bot"},
        {.is_from_beginning = true, .symbol = sample.symbols[1], .source = "bot"},
        {.is_from_beginning = true, .state = "blocked"},
        {.is_from_beginning = true, .max_in_flight = 7},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(options); i++) {
        mr_subscription_close(
            subscribe(bus, i % 2 == 0 ? "x" : "y", NULL)); /* others are no matter */
        check_against_one_by_one(&options[i]);
        assert_int_equal(
            mri_consumer_remove(
                &(struct mri_consumer_at){
                    .os = bus->os, .alloc = bus->alloc, .folder = bus->folder, .name = "many"},
                NULL),
            MR_OK);
        assert_int_equal(
            mri_consumer_remove(
                &(struct mri_consumer_at){
                    .os = bus->os, .alloc = bus->alloc, .folder = bus->folder, .name = "one"},
                NULL),
            MR_OK);
    }
}

static void what_was_taken_at_once_comes_again_unless_it_was_acked(void **fixture)
{
    (void)fixture;
    const mr_subscribe_options options = {.kind = "signal.generated"};
    static mr_bus_event events[ROOM];
    static mr_bus_event again[ROOM];
    mr_subscription *subscription = subscribe(bus, "again", &options);
    emit_many(100);
    assert_int_equal(next_many(subscription, events, 60), 60);
    ack_many(subscription, events + 10, 20); /* out of the middle */
    assert_int_equal(
        mr_subscription_nack(subscription, events[40].seq, 3600000, NULL, NULL), MR_OK);
    mr_subscription_close(subscription);
    subscription = subscribe(bus, "again", &options);
    assert_int_equal(next_many(subscription, again, ROOM), 40); /* and the first new one */
    for (size_t i = 0; i < 39; i++) {
        assert_int_equal(again[i].seq.n, events[i < 10 ? i : i < 20 ? i + 20 : i + 21].seq.n);
        assert_int_equal(again[i].deliveries, 2);
    }
    assert_int_equal(again[39].deliveries, 1);
    assert_true(again[39].seq.n > events[59].seq.n);
    ack_many(subscription, again, 40);
    assert_int_equal(next_many(subscription, again, ROOM), 39);
    ack_many(subscription, again, 39);
    assert_int_equal(next_many(subscription, again, ROOM), 0); /* one waits for its delay */
    mr_subscription_close(subscription);
}

static void others_get_what_was_not_taken(void **fixture)
{
    (void)fixture;
    const mr_subscribe_options options = {.kind = "signal.generated", .max_in_flight = 50};
    static mr_bus_event mine[ROOM];
    static mr_bus_event theirs[ROOM];
    mr_bus *other = mri_api_sample_open(&sample);
    mr_subscription *first = subscribe(bus, "shared", &options);
    mr_subscription *second = subscribe(other, "shared", &options);
    emit_many(100);
    assert_int_equal(next_many(first, mine, 20), 20);
    assert_int_equal(next_many(second, theirs, ROOM), 30); /* as much is in flight as may be */
    assert_int_equal(next_many(first, mine + 20, 20), 0);
    assert_true(theirs[0].seq.n > mine[19].seq.n);
    ack_many(second, theirs, 30);
    assert_int_equal(mr_subscription_ack_many(second, &mine[0].seq, 1, NULL), MR_CONFLICT);
    assert_int_equal(next_many(second, theirs, ROOM), 30);
    ack_many(first, mine, 20);
    ack_many(second, theirs, 30);
    assert_int_equal(next_many(first, mine, ROOM), 20);
    ack_many(first, mine, 20);
    assert_int_equal(next_many(first, mine, ROOM), 0);
    mr_subscription_close(second);
    mr_subscription_close(first);
    mr_bus_close(other);
}

/** Two who share a name take, ack, and give back at random: each event is acked once. */
static void at_random_each_event_is_acked_once(void **fixture)
{
    (void)fixture;
    const mr_subscribe_options options = {.source = "bot", .is_from_beginning = true};
    static uint8_t acked[4 * MANY];
    static mr_bus_event events[ROOM];
    struct mri_prng prng;
    uint32_t emitted = 0;
    uint32_t done = 0;
    mr_bus *other = mri_api_sample_open(&sample);
    mr_subscription *users[] = {
        subscribe(bus, "random", &options), subscribe(other, "random", &options)};
    mri_prng_init(&prng, 7);
    memset(acked, 0, sizeof(acked));
    while (emitted < MANY || done < (MANY + 4) / 5) {
        size_t user = mri_prng_below(&prng, 2);
        if (emitted < MANY && mri_prng_below(&prng, 3) == 0) {
            (void)emit(bus, 0, emitted % 5 == 0 ? "bot" : "else");
            emitted++;
        }
        size_t count = next_many(users[user], events, 1 + mri_prng_below(&prng, 9));
        for (size_t i = 0; i < count; i++) {
            uint64_t seq = events[i].seq.n;
            if (mri_prng_below(&prng, 4) == 0) {
                assert_int_equal(
                    mr_subscription_nack(users[user], events[i].seq, 0, NULL, NULL), MR_OK);
                continue;
            }
            assert_int_equal(acked[seq]++, 0);
            assert_int_equal(mr_subscription_ack(users[user], events[i].seq, NULL), MR_OK);
            done++;
        }
    }
    assert_int_equal(next_many(users[0], events, ROOM), 0);
    mr_subscription_close(users[0]);
    mr_subscription_close(users[1]);
    mr_bus_close(other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_passes_is_delivered_once_it_is_acked),
        TEST(two_who_use_a_name_share_the_events),
        TEST(moves_into_a_state_are_told_with_gate_and_reason),
        TEST(a_place_is_kept_from_the_beginning_or_the_end),
        TEST(a_new_name_begins_with_an_event_or_behind_a_moment),
        TEST(a_name_that_is_known_goes_on_wherever_one_would_have_begun),
        TEST(what_is_given_back_without_a_delay_waits_as_the_list_says),
        TEST(waiting_ends_with_what_was_emitted_here_too),
        TEST(what_cannot_be_is_refused),
        TEST(many_at_once_are_the_same_in_the_same_order),
        TEST(what_was_taken_at_once_comes_again_unless_it_was_acked),
        TEST(others_get_what_was_not_taken),
        TEST(at_random_each_event_is_acked_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
