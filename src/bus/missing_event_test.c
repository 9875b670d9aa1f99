/* SPDX-License-Identifier: MIT */
/*
 * Events that are not there, in logs of a machine in memory: not come yet, removed, given up, or
 * none of the bus.
 */
#include "bus/missing_event.h"

#include <stdio.h>
#include <string.h>

#include "log/format/segment.h"
#include "log/keep/repair.h"
#include "log/keep/retain.h"
#include "log/read/reader.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/machine_sample.h"

enum { APPENDS = 60, BODY_MAX = 30000 };

static char said[MR_PROBLEM_BYTES];

/** What is said of an event; the fault is kept by the caller. */
static mr_err tell(const struct mri_machine_sample *sample, uint64_t seq)
{
    mr_log_reader *reader;
    mr_problem problem = {""};
    assert_int_equal(mri_reader_open(sample->os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    mr_err err = mri_missing_event_tell(reader, seq, &problem);
    mr_log_reader_close(reader);
    memcpy(said, problem.text, sizeof(said));
    return err;
}

static void assert_told(const struct mri_machine_sample *sample, uint64_t seq, const char *text)
{
    assert_int_equal(tell(sample, seq), MR_NOT_FOUND);
    assert_string_equal(said, text);
}

/** Several segments, closed. */
static uint64_t fill(struct mri_machine_sample *sample)
{
    for (int i = 0; i < APPENDS; i++) {
        assert_int_equal(mri_log_sample_append(sample->log, 3, BODY_MAX, MR_GROUP, NULL), MR_OK);
    }
    uint64_t last = mr_log_last(sample->log).n;
    mri_machine_sample_close(sample);
    return last;
}

static void what_was_removed_is_said_with_where_the_log_begins(void **fixture)
{
    (void)fixture;
    mr_problem problem = {""};
    assert_int_equal(mri_missing_event_removed("event 7", 12, &problem), MR_NOT_FOUND);
    assert_string_equal(problem.text, "event 7 was removed: the log is kept from event 12 on");
    assert_int_equal(mri_missing_event_removed("event 7", 12, NULL), MR_NOT_FOUND);
}

static void an_empty_log_has_no_newest_event(void **fixture)
{
    const struct mri_machine_sample *sample = *fixture;
    assert_told(sample, 1, "no event 1: the newest is 0");
    assert_told(sample, 2, "no event 2: the newest is 0");
    assert_told(sample, 0, "no event 0: the newest is 0");
}

static void an_event_that_has_not_come_is_told_with_the_newest(void **fixture)
{
    struct mri_machine_sample *sample = *fixture;
    char text[64];
    uint64_t last = fill(sample);
    const uint64_t seqs[] = {0, last + 1, last + 2, UINT64_MAX};
    for (size_t i = 0; i < MRI_COUNT_OF(seqs); i++) {
        (void)snprintf(text, sizeof(text), "no event %llu: the newest is %llu",
            (unsigned long long)seqs[i], (unsigned long long)last);
        assert_told(sample, seqs[i], text);
    }
}

static void an_event_that_is_there_is_none_of_the_bus(void **fixture)
{
    struct mri_machine_sample *sample = *fixture;
    char text[96];
    mr_log_reader *reader;
    mr_log_event event;
    (void)fill(sample);
    assert_int_equal(mri_reader_open(sample->os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    assert_int_equal(mr_log_reader_seek(reader, (mr_seq){5}, NULL), MR_OK);
    assert_int_equal(mr_log_reader_next(reader, &event, NULL), MR_OK);
    (void)snprintf(text, sizeof(text), "event 5 is of the log's own (kind %u), none of the bus",
        (unsigned)event.type);
    mr_log_reader_close(reader);
    assert_told(sample, 5, text);
}

static void an_event_before_the_beginning_was_removed(void **fixture)
{
    struct mri_machine_sample *sample = *fixture;
    const mr_log_retain_options options = {
        .needed = {UINT64_MAX}, .keep_bytes = 1, .is_done = true};
    mr_log_retain_report report;
    char text[96];
    uint64_t last = fill(sample);
    assert_int_equal(
        mri_retain(sample->os, mri_alloc_system(), "/log", &options, &report, NULL), MR_OK);
    assert_true(report.first.n > 2);
    const uint64_t seqs[] = {1, report.first.n - 1};
    for (size_t i = 0; i < MRI_COUNT_OF(seqs); i++) {
        (void)snprintf(text, sizeof(text),
            "event %llu was removed: the log is kept from event %llu on",
            (unsigned long long)seqs[i], (unsigned long long)report.first.n);
        assert_told(sample, seqs[i], text);
    }
    (void)snprintf(text, sizeof(text), "no event 0: the newest is %llu", (unsigned long long)last);
    assert_told(sample, 0, text); /* there never was one */
}

static void events_that_a_gap_stands_for_are_lost(void **fixture)
{
    struct mri_machine_sample *sample = *fixture;
    const mr_log_repair_options options = {.is_done = true};
    mr_log_repair_report report;
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    char text[128];
    size_t size;
    (void)fill(sample);
    (void)mri_os_path("/log", mri_segment_name(1, name), path);
    uint8_t *bytes = mri_os_memory_bytes(sample->memory, path, &size);
    memset(bytes + size / 4, 0x55, size / 4);
    assert_int_equal(
        mri_repair(sample->os, mri_alloc_system(), "/log", &options, &report, NULL), MR_OK);
    uint64_t first = report.damages[0].first.n;
    uint64_t last = report.damages[0].last.n;
    assert_true(report.repaired == 1 && last > first + 1);
    const uint64_t seqs[] = {first, first + 1, last};
    for (size_t i = 0; i < MRI_COUNT_OF(seqs); i++) {
        (void)snprintf(text, sizeof(text),
            "event %llu is lost: a repair has given up events %llu to %llu",
            (unsigned long long)seqs[i], (unsigned long long)first, (unsigned long long)last);
        assert_told(sample, seqs[i], text);
    }
}

static void who_wants_no_text_gets_the_answer(void **fixture)
{
    struct mri_machine_sample *sample = *fixture;
    mr_log_reader *reader;
    uint64_t last = fill(sample);
    assert_int_equal(mri_reader_open(sample->os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    assert_int_equal(mri_missing_event_tell(reader, 5, NULL), MR_NOT_FOUND);
    assert_int_equal(mri_missing_event_tell(reader, last + 9, NULL), MR_NOT_FOUND);
    mr_log_reader_close(reader);
}

static void a_fault_of_reading_is_no_answer(void **fixture)
{
    struct mri_machine_sample *sample = *fixture;
    unsigned faults = 0;
    uint64_t last = fill(sample);
    for (uint64_t k = 1;; k++) {
        mr_log_reader *reader;
        mr_problem problem = {""};
        assert_int_equal(
            mri_reader_open(sample->os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
        mri_os_faults_arm(&sample->faults, MRI_OS_CALL_ANY, k, MR_EIO);
        mr_err err = mri_missing_event_tell(reader, last + 9, &problem);
        bool is_over = sample->faults.fired == 0;
        mri_os_faults_arm(&sample->faults, MRI_OS_CALL_ANY, 0, MR_OK);
        mr_log_reader_close(reader);
        assert_true(err == MR_NOT_FOUND || err < 0);
        faults += err < 0;
        if (is_over) {
            assert_int_equal(err, MR_NOT_FOUND);
            break;
        }
    }
    assert_true(faults > 0);
}

int main(void)
{
    struct mri_machine_sample sample = {.log = NULL};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_removed_is_said_with_where_the_log_begins),
        MRI_MACHINE_SAMPLE_TEST(an_empty_log_has_no_newest_event, &sample),
        MRI_MACHINE_SAMPLE_TEST(an_event_that_has_not_come_is_told_with_the_newest, &sample),
        MRI_MACHINE_SAMPLE_TEST(an_event_that_is_there_is_none_of_the_bus, &sample),
        MRI_MACHINE_SAMPLE_TEST(an_event_before_the_beginning_was_removed, &sample),
        MRI_MACHINE_SAMPLE_TEST(events_that_a_gap_stands_for_are_lost, &sample),
        MRI_MACHINE_SAMPLE_TEST(who_wants_no_text_gets_the_answer, &sample),
        MRI_MACHINE_SAMPLE_TEST(a_fault_of_reading_is_no_answer, &sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
