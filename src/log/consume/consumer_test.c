/* SPDX-License-Identifier: MIT */
/*
 * Tests of what a handle does: order, leases, back-off, dead letters, acks in the log.
 */
#include "log/consume/consumer.h"

#include <stdlib.h>
#include <string.h>

#include "log/format/record.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/consumer_sample.h"
#include "tests/lib/log_sample.h"

enum { EVENTS = 20, WAIT_MS = 1000 };

static struct mri_consumer_sample sample = {.event_count = EVENTS};

static uint64_t next(mr_consumer *consumer)
{
    return mri_consumer_sample_next(&sample, consumer);
}

static mr_err ack(mr_consumer *consumer, uint64_t seq)
{
    return mri_consumer_sample_ack(&sample, consumer, seq);
}

static void every_event_is_handed_out_once_and_in_order(void **fixture)
{
    (void)fixture;
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    for (uint64_t seq = 1; seq <= EVENTS; seq++) {
        assert_int_equal(next(consumer), seq);
        assert_int_equal(ack(consumer, seq), MR_OK);
        assert_int_equal(mri_consumer_sample_stat(&sample).next.n, seq + 1);
    }
    assert_int_equal(next(consumer), 0);
    mri_consumer_sample_append(&sample, 1, MR_ASYNC);
    assert_int_equal(next(consumer), EVENTS + 1);
    mr_consumer_close(consumer);
    consumer = mri_consumer_sample_open(&sample, NULL);
    assert_int_equal(next(consumer), EVENTS + 1); /* it was given back */
    mr_consumer_close(consumer);
}

static void handles_share_the_events(void **fixture)
{
    (void)fixture;
    mr_consumer *first = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    mr_consumer *second = mri_consumer_sample_open(&sample, NULL);
    assert_int_equal(next(first), 1);
    assert_int_equal(next(second), 2);
    assert_int_equal(next(first), 3);
    assert_int_equal(ack(first, 2), MR_CONFLICT);
    assert_non_null(strstr(sample.problem.text, "another handle"));
    assert_int_equal(ack(second, 2), MR_OK);
    assert_int_equal(ack(second, 2), MR_CONFLICT);
    assert_non_null(strstr(sample.problem.text, "acked already"));
    assert_int_equal(ack(second, 9), MR_CONFLICT);
    assert_non_null(strstr(sample.problem.text, "not leased"));
    assert_int_equal(mri_consumer_sample_stat(&sample).next.n, 1); /* never past one */
    assert_int_equal(mri_consumer_sample_stat(&sample).in_flight, 2);
    assert_int_equal(mri_consumer_sample_stat(&sample).handles, 2);
    assert_int_equal(ack(first, 1), MR_OK);
    assert_int_equal(mri_consumer_sample_stat(&sample).next.n, 3);
    mr_consumer_close(first);
    assert_int_equal(next(second), 3); /* at once: its owner is gone */
    mr_consumer_close(second);
}

static void a_lease_that_ends_goes_to_another_handle(void **fixture)
{
    (void)fixture;
    const mr_consumer_options options = {.ack_wait_ms = WAIT_MS};
    mr_delivery delivery;
    mr_consumer *first = mri_consumer_sample_open(&sample, &options);
    mr_consumer *second = mri_consumer_sample_open(&sample, &options);
    assert_int_equal(next(first), 1);
    assert_int_equal(next(first), 2);
    mri_consumer_sample_pass(&sample, WAIT_MS - 1);
    assert_int_equal(mr_consumer_extend(first, (mr_seq){2}, NULL), MR_OK);
    assert_int_equal(next(second), 3);
    mri_consumer_sample_pass(&sample, 1);
    assert_int_equal(mri_consumer_sample_look(&sample, second, &delivery), MR_OK);
    assert_int_equal(delivery.count, 2); /* event 1, again */
    assert_int_equal(ack(first, 1), MR_CONFLICT);
    assert_int_equal(ack(first, 2), MR_OK);
    assert_int_equal(ack(second, 1), MR_OK);
    assert_int_equal(mri_consumer_sample_stat(&sample).next.n, 3);
    assert_int_equal(mri_consumer_sample_stat(&sample).redeliveries, 1);
    mri_consumer_sample_pass(&sample, 10 * WAIT_MS);
    assert_int_equal(ack(second, 3), MR_OK); /* late, and nobody else has it */
    assert_int_equal(mr_consumer_extend(second, (mr_seq){3}, NULL), MR_CONFLICT);
    mr_consumer_close(first);
    mr_consumer_close(second);
}

static void what_is_given_back_waits_as_long_as_the_list_says(void **fixture)
{
    (void)fixture;
    const mr_consumer_options options = {
        .max_in_flight = 1, .back_off_ms = {10, 300}, .back_off_count = 2};
    static const int64_t delays_ms[] = {10, 300, 300};
    mr_delivery delivery;
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &options);
    assert_int_equal(next(consumer), 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mr_consumer_nack(consumer, (mr_seq){1}, -1, NULL, NULL), MR_OK);
        assert_int_equal(mr_consumer_nack(consumer, (mr_seq){1}, -1, NULL, NULL), MR_CONFLICT);
        assert_int_equal(mri_consumer_sample_look(&sample, consumer, &delivery), MR_AGAIN);
        assert_int_equal(delivery.wait_ns, delays_ms[i] * 1000000);
        mri_consumer_sample_pass(&sample, delays_ms[i]);
        assert_int_equal(mri_consumer_sample_look(&sample, consumer, &delivery), MR_OK);
        assert_int_equal(delivery.count, i + 2);
    }
    assert_int_equal(mr_consumer_nack(consumer, (mr_seq){1}, 7, NULL, NULL), MR_OK);
    assert_int_equal(mri_consumer_sample_look(&sample, consumer, &delivery), MR_AGAIN);
    assert_int_equal(delivery.wait_ns, 7000000);
    assert_int_equal(mr_consumer_nack(consumer, (mr_seq){1}, INT64_MAX, NULL, NULL), MR_EINVAL);
    mri_consumer_sample_pass(&sample, 7);
    assert_int_equal(next(consumer), 1);
    assert_int_equal(ack(consumer, 1), MR_OK);
    assert_int_equal(next(consumer), 2);
    mr_consumer_close(consumer);
}

static void events_that_wait_do_not_keep_others_and_the_end_says_so(void **fixture)
{
    (void)fixture;
    mr_delivery delivery;
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    assert_int_equal(next(consumer), 1);
    assert_int_equal(mr_consumer_nack(consumer, (mr_seq){1}, 50, NULL, NULL), MR_OK);
    for (uint64_t seq = 2; seq <= EVENTS; seq++) {
        assert_int_equal(next(consumer), seq);
        assert_int_equal(ack(consumer, seq), MR_OK);
    }
    assert_int_equal(mri_consumer_sample_look(&sample, consumer, &delivery), MR_AGAIN);
    assert_int_equal(delivery.wait_ns, 50000000);
    mri_consumer_sample_pass(&sample, 50);
    assert_int_equal(next(consumer), 1);
    assert_int_equal(mri_consumer_sample_look(&sample, consumer, &delivery), MR_END);
    assert_int_equal(ack(consumer, 1), MR_OK);
    assert_int_equal(mri_consumer_sample_stat(&sample).next.n, EVENTS + 1);
    mr_consumer_close(consumer);
}

static void no_more_than_max_in_flight_are_out_at_a_time(void **fixture)
{
    (void)fixture;
    const mr_consumer_options options = {.max_in_flight = 3, .ack_wait_ms = WAIT_MS};
    mr_delivery delivery;
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &options);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        assert_int_equal(next(consumer), seq);
    }
    assert_int_equal(mri_consumer_sample_look(&sample, consumer, &delivery), MR_AGAIN);
    assert_int_equal(delivery.wait_ns, (int64_t)WAIT_MS * 1000000);
    assert_int_equal(ack(consumer, 2), MR_OK);
    assert_int_equal(next(consumer), 4);
    assert_int_equal(mri_consumer_sample_look(&sample, consumer, &delivery), MR_AGAIN);
    mr_consumer_close(consumer);
}

static void the_window_is_never_overrun(void **fixture)
{
    (void)fixture;
    mr_delivery delivery;
    mri_consumer_sample_append(&sample, 1100, MR_ASYNC);
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    assert_int_equal(next(consumer), 1);
    for (uint64_t seq = 2; seq <= 1024; seq++) {
        assert_int_equal(next(consumer), seq);
        assert_int_equal(ack(consumer, seq), MR_OK);
    }
    assert_int_equal(mri_consumer_sample_look(&sample, consumer, &delivery), MR_AGAIN);
    assert_int_equal(mri_consumer_sample_stat(&sample).next.n, 1);
    assert_int_equal(mri_consumer_sample_stat(&sample).lag_events, EVENTS + 1100 - 1023);
    assert_int_equal(ack(consumer, 1), MR_OK);
    assert_int_equal(mri_consumer_sample_stat(&sample).next.n, 1025);
    assert_int_equal(next(consumer), 1025);
    mr_consumer_close(consumer);
}

static void many_are_acked_all_or_none(void **fixture)
{
    (void)fixture;
    const mr_seq seqs[] = {{1}, {2}, {3}};
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    assert_int_equal(next(consumer), 1);
    assert_int_equal(next(consumer), 2);
    assert_int_equal(mr_consumer_ack_many(consumer, seqs, 3, &sample.problem), MR_CONFLICT);
    assert_non_null(strstr(sample.problem.text, "event 3"));
    assert_int_equal(mri_consumer_sample_stat(&sample).next.n, 1);
    assert_int_equal(next(consumer), 3);
    assert_int_equal(mr_consumer_ack_many(consumer, seqs, 3, NULL), MR_OK);
    assert_int_equal(mri_consumer_sample_stat(&sample).next.n, 4);
    assert_int_equal(mr_consumer_ack_many(consumer, seqs, 0, NULL), MR_EINVAL);
    mr_consumer_close(consumer);
}

/** Read on until a record of a type comes; 0 there is none. */
static uint64_t find_record(mr_consumer *consumer, uint16_t type)
{
    mr_log_event event;
    mr_delivery delivery;
    while (mr_consumer_next(consumer, &event, &delivery, NULL) == MR_OK) {
        if (event.type == type) {
            return event.seq.n;
        }
    }
    return 0;
}

static void an_event_that_fails_too_often_becomes_a_dead_letter(void **fixture)
{
    (void)fixture;
    mr_delivery delivery;
    mr_consumer_options options = {.max_deliver = 2, .max_in_flight = 1};
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &options);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(next(consumer), 1);
        assert_int_equal(mr_consumer_nack(consumer, (mr_seq){1}, 0, NULL, NULL), MR_OK);
    }
    for (int i = 0; i < 2; i++) { /* nothing is skipped silently */
        assert_int_equal(mri_consumer_sample_look(&sample, consumer, &delivery), MR_REFUSED);
        assert_int_equal(delivery.first.n, 1);
        assert_int_equal(delivery.count, 2);
    }
    mr_consumer_close(consumer);
    options.log = sample.log;
    consumer = mri_consumer_sample_open(&sample, &options);
    assert_int_equal(next(consumer), 2);
    assert_int_equal(mr_log_last(sample.log).n, EVENTS + 1);
    assert_int_equal(mri_consumer_sample_stat(&sample).dead_letters, 1);
    assert_int_equal(mri_consumer_sample_stat(&sample).next.n, 2);
    mr_consumer_close(consumer);
    const struct mri_consumer_at at = {sample.os, mri_alloc_system(), "/log", "all"};
    options = (mr_consumer_options){.has_log_records = true};
    assert_int_equal(mri_consumer_open(&at, &options, &consumer, NULL), MR_OK);
    assert_int_equal(find_record(consumer, MRI_RECORD_DEAD_LETTER), EVENTS + 1);
    mr_consumer_close(consumer);
}

static void the_last_nack_writes_the_dead_letter_and_says_why(void **fixture)
{
    (void)fixture;
    char long_text[MR_CONSUMER_REASON_MAX + 2];
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    const struct mri_consumer_at at = {sample.os, mri_alloc_system(), "/log", "c"};
    struct mri_consumer_letter letter;
    const mr_consumer_options options = {.max_deliver = 2, .log = sample.log};
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &options);
    assert_int_equal(mri_consumer_last_letter(&at, &letter, NULL), MR_NOT_FOUND);
    assert_int_equal(next(consumer), 1);
    assert_int_equal(mr_consumer_nack(consumer, (mr_seq){1}, 0, "first", NULL), MR_OK);
    assert_int_equal(mr_log_last(sample.log).n, EVENTS);
    assert_int_equal(next(consumer), 1);
    const char *const wrong[] = {long_text, "a\nb", "\xff"};
    for (size_t i = 0; i < 3; i++) {
        mr_problem problem = {""};
        assert_int_equal(
            mr_consumer_nack(consumer, (mr_seq){1}, 0, wrong[i], &problem), MR_REFUSED);
        assert_non_null(strstr(problem.text, i == 0 ? "up to 200 bytes, found 201" : "UTF-8"));
    }
    assert_int_equal(mr_consumer_nack(consumer, (mr_seq){1}, 3600000, "second", NULL), MR_OK);
    assert_int_equal(mr_log_last(sample.log).n, EVENTS + 1);
    assert_int_equal(mri_consumer_sample_stat(&sample).dead_letters, 1);
    assert_int_equal(mr_consumer_nack(consumer, (mr_seq){1}, 0, "third", NULL), MR_CONFLICT);
    assert_int_equal(mri_consumer_last_letter(&at, &letter, NULL), MR_OK);
    assert_int_equal(letter.seq, EVENTS + 1);
    assert_int_equal(letter.of_seq, 1);
    assert_int_equal(letter.deliveries, 2);
    assert_string_equal(letter.why, "second");
    assert_int_equal(next(consumer), 2);
    assert_int_equal(mri_consumer_sample_stat(&sample).next.n, 2);
    mr_consumer_close(consumer);
}

static void records_of_the_log_are_passed_over(void **fixture)
{
    (void)fixture;
    const mr_log_record own = {.type = MRI_RECORD_RECOVERY, .version = 1};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mri_log_append_own(sample.log, &own, 1, MR_ASYNC, NULL), MR_OK);
    }
    mri_consumer_sample_append(&sample, 1, MR_ASYNC);
    const mr_consumer_options options = {.start = MR_CONSUMER_SEQ, .start_seq = {EVENTS}};
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &options);
    assert_int_equal(next(consumer), EVENTS);
    assert_int_equal(next(consumer), EVENTS + 4);
    assert_int_equal(ack(consumer, EVENTS), MR_OK);
    assert_int_equal(mri_consumer_sample_stat(&sample).next.n, EVENTS + 4);
    mr_consumer_close(consumer);
}

static void acks_and_outputs_are_one_batch(void **fixture)
{
    (void)fixture;
    const mr_log_record output = {.type = MR_LOG_TYPE_FREE, .body = "done", .body_bytes = 4};
    const mr_seq seqs[] = {{1}, {2}};
    const mr_consumer_batch batch = {seqs, 2, &output, 1, MR_ASYNC};
    mr_log_ack appended;
    mr_consumer *consumer =
        mri_consumer_sample_open(&sample, &(mr_consumer_options){.max_in_flight = 3});
    assert_int_equal(next(consumer), 1);
    assert_int_equal(
        mr_consumer_ack_with(consumer, sample.log, &batch, &appended, NULL), MR_CONFLICT);
    assert_int_equal(mr_log_last(sample.log).n, EVENTS); /* nothing was appended */
    assert_int_equal(next(consumer), 2);
    assert_int_equal(mr_consumer_ack_with(consumer, NULL, &batch, &appended, NULL), MR_EINVAL);
    assert_int_equal(mr_consumer_ack_with(consumer, sample.log, &batch, &appended, NULL), MR_OK);
    assert_int_equal(appended.first.n, EVENTS + 1);
    assert_int_equal(appended.last.n, EVENTS + 2);
    assert_int_equal(ack(consumer, 1), MR_CONFLICT);
    assert_int_equal(mr_consumer_ack_with(consumer, sample.log, &batch, NULL, NULL), MR_CONFLICT);
    assert_int_equal(mri_consumer_sample_stat(&sample).next.n, 1); /* it may not be durable */
    assert_int_equal(next(consumer), 3);
    const mr_seq third[] = {{3}};
    const mr_consumer_batch durable = {third, 1, NULL, 0, MR_GROUP};
    assert_int_equal(mr_consumer_ack_with(consumer, sample.log, &durable, NULL, NULL), MR_OK);
    assert_int_equal(mri_consumer_sample_stat(&sample).next.n, 4);
    mr_consumer_close(consumer);
}

static void outputs_of_the_logs_own_types_are_refused(void **fixture)
{
    (void)fixture;
    const mr_log_record output = {.type = MRI_RECORD_ACK, .body = "done", .body_bytes = 4};
    const mr_seq seqs[] = {{1}};
    const mr_consumer_batch batch = {seqs, 1, &output, 1, MR_ASYNC};
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    assert_int_equal(next(consumer), 1);
    assert_int_equal(mr_consumer_ack_with(consumer, sample.log, &batch, NULL, NULL), MR_EINVAL);
    mr_consumer_close(consumer);
}

static void acks_in_the_log_survive_the_death_of_everybody(void **fixture)
{
    (void)fixture;
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    for (uint64_t seq = 1; seq <= 15; seq++) {
        const mr_seq seqs[] = {{seq}};
        const mr_consumer_batch batch = {seqs, 1, NULL, 0, MR_ASYNC};
        assert_int_equal(next(consumer), seq);
        assert_int_equal(mr_consumer_ack_with(consumer, sample.log, &batch, NULL, NULL), MR_OK);
    }
    mr_consumer_close(consumer);
    consumer = mri_consumer_sample_open(&sample, NULL);
    assert_int_equal(next(consumer), 16);
    mr_consumer_close(consumer);
}

static void many_acks_in_the_log_never_use_up_the_window(void **fixture)
{
    (void)fixture;
    mri_consumer_sample_append(&sample, 3000, MR_ASYNC);
    mr_consumer *consumer =
        mri_consumer_sample_open(&sample, &(mr_consumer_options){.log = sample.log});
    for (uint64_t seq = 1; seq <= EVENTS + 3000; seq++) {
        const mr_seq seqs[] = {{seq}};
        const mr_consumer_batch batch = {seqs, 1, NULL, 0, MR_ASYNC};
        assert_int_equal(next(consumer), seq);
        assert_int_equal(mr_consumer_ack_with(consumer, NULL, &batch, NULL, NULL), MR_OK);
    }
    assert_int_equal(next(consumer), 0);
    assert_int_equal(mr_consumer_sync(consumer, NULL), MR_OK);
    assert_true(mri_consumer_sample_stat(&sample).next.n > EVENTS + 3000);
    mr_consumer_close(consumer);
}

static void an_ack_that_the_log_has_and_the_cursor_lost_counts(void **fixture)
{
    (void)fixture;
    size_t count;
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    for (uint64_t seq = 1; seq <= 3; seq++) {
        assert_int_equal(next(consumer), seq);
    }
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, "/log/cur/c", &count);
    uint8_t *before = malloc(count);
    memcpy(before, bytes, count);
    const mr_seq seqs[] = {{1}, {3}};
    const mr_consumer_batch batch = {seqs, 2, NULL, 0, MR_GROUP};
    assert_int_equal(mr_consumer_ack_with(consumer, sample.log, &batch, NULL, NULL), MR_OK);
    mr_consumer_close(consumer);
    memcpy(bytes, before, 8192); /* the slots; as if they never were written */
    memset(bytes + 8192, 0, count - 8192);
    free(before);
    consumer = mri_consumer_sample_open(&sample, NULL);
    assert_int_equal(next(consumer), 2);
    assert_int_equal(next(consumer), 4);
    mr_consumer_close(consumer);
}

int main(void)
{
#define TEST(name) MRI_CONSUMER_SAMPLE_TEST(name, &sample)
    const struct CMUnitTest tests[] = {
        TEST(every_event_is_handed_out_once_and_in_order),
        TEST(handles_share_the_events),
        TEST(a_lease_that_ends_goes_to_another_handle),
        TEST(what_is_given_back_waits_as_long_as_the_list_says),
        TEST(events_that_wait_do_not_keep_others_and_the_end_says_so),
        TEST(no_more_than_max_in_flight_are_out_at_a_time),
        TEST(the_window_is_never_overrun),
        TEST(many_are_acked_all_or_none),
        TEST(an_event_that_fails_too_often_becomes_a_dead_letter),
        TEST(the_last_nack_writes_the_dead_letter_and_says_why),
        TEST(records_of_the_log_are_passed_over),
        TEST(acks_and_outputs_are_one_batch),
        TEST(outputs_of_the_logs_own_types_are_refused),
        TEST(acks_in_the_log_survive_the_death_of_everybody),
        TEST(many_acks_in_the_log_never_use_up_the_window),
        TEST(an_ack_that_the_log_has_and_the_cursor_lost_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
