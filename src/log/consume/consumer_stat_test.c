/* SPDX-License-Identifier: MIT */
/*
 * Tests of figures and lists of consumers, and of what they hold when a log is cut at its front.
 */
#include <string.h>

#include "log/consume/consumer.h"
#include "log/format/segment.h"
#include "log/keep/retain.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/consumer_sample.h"
#include "tests/lib/log_sample.h"

enum { EVENTS = 100 };

static struct mri_consumer_sample sample = {.event_count = EVENTS};
static struct mri_segment_list list; /* of a log of several segments */

static int set_up(void **fixture)
{
    (void)fixture;
    mri_consumer_sample_begin(&sample);
    for (int i = 0; i < 40; i++) {
        mr_err err = mri_log_sample_append(sample.log, 3, MRI_LOG_SAMPLE_BODY_MAX, MR_GROUP, NULL);
        assert_int_equal(err, MR_OK);
    }
    assert_int_equal(mri_segment_list(sample.os, mri_alloc_system(), "/log", &list), MR_OK);
    assert_true(list.count >= 5);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_segment_list_fini(&list);
    mri_consumer_sample_end(&sample);
    return 0;
}

static struct mri_consumer_at at_name(const char *name)
{
    return (struct mri_consumer_at){sample.os, mri_alloc_system(), "/log", name};
}

static mr_consumer *open_named(const char *name, const mr_consumer_options *options)
{
    const struct mri_consumer_at at = at_name(name);
    mr_consumer *consumer;
    assert_int_equal(mri_consumer_open(&at, options, &consumer, NULL), MR_OK);
    return consumer;
}

static mr_log_retain_report retain_all(void)
{
    const mr_log_retain_options options = {
        .needed = {UINT64_MAX}, .keep_bytes = 1, .is_done = true};
    mr_log_retain_report report;
    mri_consumer_sample_close_log(&sample);
    assert_int_equal(
        mri_retain(sample.os, mri_alloc_system(), "/log", &options, &report, NULL), MR_OK);
    return report;
}

static void figures_say_how_far_behind_a_consumer_is(void **fixture)
{
    (void)fixture;
    mr_log_event event;
    mr_delivery delivery;
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    uint64_t last = mr_log_last(sample.log).n;
    mri_consumer_sample_pass(&sample, 5000);
    mr_consumer_stats stats = mri_consumer_sample_stat(&sample);
    assert_string_equal(stats.name, "c");
    assert_int_equal(stats.lag_events, last);
    assert_true(stats.lag_ns <= 5000000000 && stats.lag_ns > 4900000000);
    assert_int_equal(stats.handles, 1);
    for (uint64_t seq = 1; seq <= last; seq++) {
        assert_int_equal(mr_consumer_next(consumer, &event, &delivery, NULL), MR_OK);
        assert_int_equal(mr_consumer_ack(consumer, event.seq, NULL), MR_OK);
    }
    stats = mri_consumer_sample_stat(&sample);
    assert_int_equal(stats.lag_events, 0);
    assert_int_equal(stats.lag_ns, 0);
    mr_consumer_close(consumer);
    assert_int_equal(mri_consumer_sample_stat(&sample).handles, 0);
    const struct mri_consumer_at none = at_name("none");
    assert_int_equal(mri_consumer_stat(&none, &stats, NULL), MR_NOT_FOUND);
}

static char listed[64];

static mr_err note(void *argument, const char *name)
{
    strncat(listed, name, 10);
    strncat(listed, " ", 2);
    return strcmp(name, argument) == 0 ? MR_BUSY : MR_OK;
}

static void consumers_are_listed_by_name(void **fixture)
{
    (void)fixture;
    static const char *const names[] = {"b", "a-2", "c", "a"};
    const struct mri_consumer_at at = at_name(NULL);
    char none[] = "";
    char second[] = "a-2";
    listed[0] = '\0';
    assert_int_equal(mri_consumer_list(&at, note, none, NULL), MR_OK);
    assert_string_equal(listed, "");
    for (size_t i = 0; i < MRI_COUNT_OF(names); i++) {
        mr_consumer_close(open_named(names[i], &(mr_consumer_options){0}));
    }
    assert_int_equal(mri_consumer_list(&at, note, none, NULL), MR_OK);
    assert_string_equal(listed, "a a-2 b c ");
    listed[0] = '\0';
    assert_int_equal(mri_consumer_list(&at, note, second, NULL), MR_BUSY);
    assert_string_equal(listed, "a a-2 ");
}

static void a_consumer_is_removed_when_nobody_is_attached(void **fixture)
{
    (void)fixture;
    const struct mri_consumer_at at = at_name("c");
    mr_problem problem;
    assert_int_equal(mri_consumer_remove(&at, NULL), MR_NOT_FOUND);
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    assert_int_equal(mri_consumer_remove(&at, &problem), MR_BUSY);
    mr_consumer_close(consumer);
    assert_int_equal(mri_consumer_remove(&at, NULL), MR_OK);
    assert_int_equal(mri_consumer_remove(&at, NULL), MR_NOT_FOUND);
    mr_consumer_close(mri_consumer_sample_open(&sample, &(mr_consumer_options){0}));
    mri_os_memory_put(sample.memory, "/log/cur/c", "cut short", 9);
    problem.text[0] = '\0';
    assert_int_equal(mri_consumer_remove(&at, &problem), MR_OK);
    assert_string_equal(problem.text, "");
}

static void what_a_consumer_holds_is_not_removed_from_the_log(void **fixture)
{
    (void)fixture;
    const mr_consumer_options options = {
        .start = MR_CONSUMER_SEQ, .start_seq = {list.base_seqs[2] + 1}};
    mr_consumer_close(open_named("ahead", &(mr_consumer_options){.start = MR_CONSUMER_END}));
    mr_consumer_close(open_named("behind", &options));
    mr_log_retain_report report = retain_all();
    assert_int_equal(report.segments, 2);
    assert_int_equal(report.first.n, list.base_seqs[2]);
    assert_non_null(strstr(report.why, "\"behind\""));
    const struct mri_consumer_at at = at_name("behind");
    assert_int_equal(mri_consumer_remove(&at, NULL), MR_OK);
    mri_consumer_sample_open_log(&sample);
    assert_int_equal(retain_all().segments, list.count - 3);
    mri_consumer_sample_open_log(&sample);
}

static void a_damaged_cursor_lets_nothing_be_removed(void **fixture)
{
    (void)fixture;
    size_t count;
    mr_problem problem;
    mr_log_retain_report report;
    const mr_log_retain_options options = {.needed = {UINT64_MAX}, .keep_bytes = 1};
    mr_consumer_close(open_named("c", &(mr_consumer_options){.policy = MR_CONSUMER_DROP}));
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, "/log/cur/c", &count);
    bytes[40] ^= 1;
    bytes[4096 + 40] ^= 1;
    mri_consumer_sample_close_log(&sample);
    assert_int_equal(mri_retain(sample.os, mri_alloc_system(), "/log", &options, &report, &problem),
        MR_ECORRUPT);
    assert_non_null(strstr(problem.text, "/log/cur/c"));
}

static void a_consumer_that_drops_hears_what_is_gone(void **fixture)
{
    (void)fixture;
    mr_delivery delivery;
    const mr_consumer_options options = {.policy = MR_CONSUMER_DROP, .ack_wait_ms = 1};
    mr_consumer *consumers[2];
    for (int i = 0; i < 2; i++) {
        consumers[i] = mri_consumer_sample_open(&sample, &options);
    }
    mr_log_event event;
    for (uint64_t seq = 1; seq <= 3; seq++) {
        assert_int_equal(mr_consumer_next(consumers[0], &event, &delivery, NULL), MR_OK);
    }
    assert_int_equal(mr_consumer_ack(consumers[0], (mr_seq){2}, NULL), MR_OK);
    mr_log_retain_report report = retain_all();
    assert_int_equal(report.segments, list.count - 1);
    mri_consumer_sample_pass(&sample, 5);
    for (int i = 0; i < 2; i++) { /* until one handle has come back for more, all are told */
        assert_int_equal(mri_consumer_sample_look(&sample, consumers[i], &delivery), MR_NOT_FOUND);
        assert_int_equal(delivery.first.n, 1);
        assert_int_equal(delivery.last.n, report.removed.n);
    }
    assert_int_equal(mr_consumer_next(consumers[1], &event, &delivery, NULL), MR_OK);
    assert_int_equal(event.seq.n, report.first.n);
    assert_int_equal(mr_consumer_next(consumers[0], &event, &delivery, NULL), MR_OK);
    assert_int_equal(event.seq.n, report.first.n + 1);
    assert_int_equal(mri_consumer_sample_stat(&sample).lost_events, report.removed.n - 1);
    mr_consumer_close(consumers[0]);
    mr_consumer_close(consumers[1]);
    mri_consumer_sample_open_log(&sample);
}

static void a_gap_that_nobody_heard_of_is_told_again(void **fixture)
{
    (void)fixture;
    mr_delivery delivery;
    mr_consumer *consumer =
        mri_consumer_sample_open(&sample, &(mr_consumer_options){.policy = MR_CONSUMER_DROP});
    uint64_t removed = retain_all().removed.n;
    assert_int_equal(mri_consumer_sample_look(&sample, consumer, &delivery), MR_NOT_FOUND);
    mr_consumer_close(consumer); /* perhaps killed before it could act on it */
    consumer = mri_consumer_sample_open(&sample, NULL);
    assert_int_equal(mri_consumer_sample_look(&sample, consumer, &delivery), MR_NOT_FOUND);
    assert_int_equal(delivery.last.n, removed);
    assert_int_equal(mri_consumer_sample_look(&sample, consumer, &delivery), MR_OK);
    mr_consumer_close(consumer);
    mri_consumer_sample_open_log(&sample);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(figures_say_how_far_behind_a_consumer_is),
        TEST(consumers_are_listed_by_name),
        TEST(a_consumer_is_removed_when_nobody_is_attached),
        TEST(what_a_consumer_holds_is_not_removed_from_the_log),
        TEST(a_damaged_cursor_lets_nothing_be_removed),
        TEST(a_consumer_that_drops_hears_what_is_gone),
        TEST(a_gap_that_nobody_heard_of_is_told_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
