/* SPDX-License-Identifier: MIT */
/*
 * Tests of making seals: what one covers follows from the batches alone, and the state is found
 * again wherever the newest SEAL stands.
 */
#include "log/prove/sealer.h"

#include <string.h>

#include "log/format/archive.h"
#include "log/keep/retain.h"
#include "log/open/writer.h"
#include "log/prove/seal_walk.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/machine_sample.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, BODY_MAX = 40, LARGE = 100000, BIG_BATCH = 3000 };

static struct mri_machine_sample sample = {.is_unsealed = true};
static struct mri_digest hasher;
static struct mri_seal_state state; /* as a process has it that only saw the SEALs go by */

static int set_up(void **fixture)
{
    int result = mri_machine_sample_set_up(fixture);
    assert_int_equal(mri_digest_init(&hasher), MR_OK);
    assert_int_equal(
        mri_reader_open(sample.os, mri_alloc_system(), "/log", &sample.reader, NULL), MR_OK);
    mri_reader_show_all(sample.reader);
    mri_sealer_first(&hasher, sample.log->attachment->manifest.log_uuid, &state);
    return result;
}

static int tear_down(void **fixture)
{
    mri_digest_fini(&hasher);
    return mri_machine_sample_tear_down(fixture);
}

static void append(size_t count, size_t body_bytes_max)
{
    assert_int_equal(
        mri_log_sample_append(sample.log, count, body_bytes_max, MR_ASYNC, NULL), MR_OK);
}

/** A batch of any number of events. */
static void append_big(size_t count)
{
    static mr_log_record records[BIG_BATCH];
    assert_true(count <= BIG_BATCH);
    for (size_t i = 0; i < count; i++) {
        records[i] = (mr_log_record){.type = MR_LOG_TYPE_FREE, .version = 1};
    }
    assert_int_equal(mr_log_append(sample.log, records, count, MR_ASYNC, NULL), MR_OK);
}

static void append_until_segments(uint64_t count)
{
    while (mri_log_sample_segment(sample.log) < (count - 1) * FILE_BYTES) {
        append(3, LARGE);
    }
}

static mr_err build(bool is_flush, struct mri_seal *ret_seal)
{
    const struct mri_seal_limits limits = {
        .last_seq = mr_log_last(sample.log).n, .is_flush = is_flush};
    mr_problem problem = {""};
    mr_err err = mri_sealer_build(&hasher, sample.reader, &state, limits, ret_seal, &problem);
    assert_string_equal(problem.text, "");
    return err;
}

/** Append a SEAL as a helper would, and advance over it. */
static void put(const struct mri_seal *seal)
{
    const mr_log_record record = {.body = seal,
        .body_bytes = sizeof(*seal),
        .type = MRI_RECORD_SEAL,
        .version = MRI_RECORD_VERSION};
    assert_int_equal(mri_log_append_own(sample.log, &record, 1, MR_ASYNC, NULL), MR_OK);
    state = *mri_log_sample_seals(sample.log); /* by the record alone: see hot_commit.c */
}

/** The next seal must cover so many events; it is appended. */
static void seal_next(bool is_flush, uint64_t expected_count)
{
    struct mri_seal seal;
    assert_int_equal(build(is_flush, &seal), MR_OK);
    assert_int_equal(seal.first_seq, state.next_seq);
    assert_int_equal(seal.last_seq - seal.first_seq + 1, expected_count);
    put(&seal);
}

static void expect_found(void)
{
    struct mri_seal_state found;
    mr_problem problem = {""};
    mr_err err = mri_sealer_find(
        sample.os, mri_alloc_system(), "/log", &sample.log->attachment->manifest, &found, &problem);
    assert_string_equal(problem.text, "");
    assert_int_equal(err, MR_OK);
    assert_memory_equal(&found, &state, sizeof(state));
}

/** All seals hold, and they cover the events before the state's. */
static void expect_proven(uint64_t unproven_count)
{
    struct mri_seal_walk walk;
    mr_problem problem = {""};
    mr_err err = mri_log_sample_walk_seals(sample.os, "/log", &walk, &problem);
    assert_string_equal(problem.text, "");
    assert_int_equal(err, MR_END);
    assert_int_equal(walk.head.seq + 1, state.next_seq);
    assert_true(mri_seal_is_equal(&walk.link, &state.link));
    assert_int_equal(walk.unproven_count, unproven_count);
    assert_int_equal(walk.proven_count + unproven_count, state.next_seq - walk.first_seq);
    mri_seal_walk_fini(&walk);
}

static void a_log_without_a_seal_has_the_first_state(void **fixture)
{
    (void)fixture;
    struct mri_seal seal;
    expect_found();
    assert_int_equal(build(true, &seal), MR_AGAIN); /* there is no event */
    append(5, BODY_MAX);
    expect_found();
    append_until_segments(3);
    expect_found();
}

static void a_seal_covers_1024_events_or_ends_before_the_batch_that_would_exceed_them(
    void **fixture)
{
    (void)fixture;
    struct mri_seal seal;
    for (int i = 0; i < 1023; i++) {
        append(1, 0);
    }
    assert_int_equal(build(false, &seal), MR_AGAIN);
    append(1, 0);
    seal_next(false, 1024); /* exactly full */
    assert_int_equal(build(false, &seal), MR_AGAIN);
    for (int i = 0; i < 345; i++) {
        append(3, 0);
    }
    seal_next(false, 1023); /* 341 batches; the next one does not fit */
    seal_next(true, 12);
    append(10, 0);
    append_big(BIG_BATCH);
    append(1, 0);
    seal_next(false, 10); /* the large batch has one of its own */
    seal_next(false, BIG_BATCH);
    assert_int_equal(build(false, &seal), MR_AGAIN);
    seal_next(true, 1);
    append_big(1024);
    seal_next(false, 1024);
    expect_found();
    expect_proven(0);
}

static void what_a_seal_covers_does_not_depend_on_when_it_is_made(void **fixture)
{
    (void)fixture;
    static struct mri_seal early[64];
    size_t count = 0;
    struct mri_seal seal;
    const struct mri_seal_state first = state;
    for (size_t n = 0; n < 4000; n++) {
        append(1 + n * 7 % 13, n % 50 == 0 ? LARGE : BODY_MAX);
        while (build(false, &seal) == MR_OK) {
            early[count++] = seal;
            state.next_seq = seal.last_seq + 1; /* the links are those of no SEAL: not compared */
            state.next_position = seal.next_position;
        }
    }
    assert_true(count > 20 && mri_log_sample_segment(sample.log) > 2 * FILE_BYTES);
    mr_log_reader_close(sample.reader); /* a stranger makes them afterwards */
    assert_int_equal(
        mri_reader_open(sample.os, mri_alloc_system(), "/log", &sample.reader, NULL), MR_OK);
    mri_reader_show_all(sample.reader);
    state = first;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(build(false, &seal), MR_OK);
        assert_memory_equal(&seal, &early[i], sizeof(seal));
        state.next_seq = seal.last_seq + 1;
        state.next_position = i % 3 == 0 ? UINT64_MAX : seal.next_position; /* searches, too */
    }
    assert_int_equal(build(false, &seal), MR_AGAIN);
}

static void events_behind_the_limit_are_not_taken(void **fixture)
{
    (void)fixture;
    struct mri_seal seal;
    for (int i = 0; i < 10; i++) {
        append(4, BODY_MAX);
    }
    for (uint64_t limit = 1; limit <= 40; limit++) {
        const struct mri_seal_limits limits = {.last_seq = limit, .is_flush = true};
        mr_err err = mri_sealer_build(&hasher, sample.reader, &state, limits, &seal, NULL);
        assert_int_equal(err, limit < 4 ? MR_AGAIN : MR_OK);
        assert_true(err != MR_OK || seal.last_seq == limit / 4 * 4);
    }
}

static void the_state_is_found_wherever_the_newest_seal_stands(void **fixture)
{
    (void)fixture;
    uint64_t segments = 1;
    for (int round = 0; round < 3; round++) {
        append(7, BODY_MAX);
        seal_next(true, mr_log_last(sample.log).n + 1 - state.next_seq);
        expect_found();
        append(2, BODY_MAX); /* behind it, in the same segment */
        expect_found();
        for (int i = 0; i < 3; i++) { /* some segments on */
            append_until_segments(++segments);
            expect_found();
        }
        mri_machine_sample_close(&sample);
        mri_machine_sample_open(&sample); /* the writer finds it, too */
        assert_memory_equal(mri_log_sample_seals(sample.log), &state, sizeof(state));
        struct mri_segment_list list;
        assert_int_equal(mri_segment_list(sample.os, mri_alloc_system(), "/log", &list), MR_OK);
        for (size_t i = 0; i + 1 < list.count; i++) {
            mr_err err = mri_archive_segment(
                sample.os, mri_alloc_system(), "/log", list.base_seqs[i], NULL, NULL);
            assert_true(err == MR_OK || err == MR_EXISTS || round > 0);
        }
        mri_segment_list_fini(&list);
        expect_found();
    }
    append(1, BODY_MAX);
    seal_next(true, mr_log_last(sample.log).n + 1 - state.next_seq); /* over three segments */
    expect_proven(0);
}

static void what_is_not_sealed_is_not_removed_and_the_rest_is_sealed_on(void **fixture)
{
    (void)fixture;
    const mr_log_retain_options options = {
        .needed = {UINT64_MAX}, .keep_bytes = 1, .is_done = true};
    mr_log_retain_report report;
    struct mri_seal seal;
    append_until_segments(3);
    assert_int_equal(build(true, &seal), MR_OK); /* trails: it stands in the fifth */
    append_until_segments(5);
    append(1, BODY_MAX);
    put(&seal);
    append_until_segments(6);
    mri_machine_sample_close(&sample);
    assert_int_equal(
        mri_retain(sample.os, mri_alloc_system(), "/log", &options, &report, NULL), MR_OK);
    assert_int_equal(report.segments, 2);
    assert_non_null(strstr(report.why, "not sealed yet"));
    assert_int_equal(report.first.n <= state.next_seq, true);
    mri_machine_sample_open(&sample);
    expect_found();
    expect_proven(state.next_seq - report.first.n); /* the third had some of that SEAL's */
    append(1, BODY_MAX);
    uint64_t unproven_count = state.next_seq - report.first.n;
    seal_next(true, mr_log_last(sample.log).n + 1 - state.next_seq);
    expect_proven(unproven_count);
    append_until_segments(8);
    append(1, BODY_MAX);
    seal_next(true, mr_log_last(sample.log).n + 1 - state.next_seq);
    mri_machine_sample_close(&sample);
    assert_int_equal(
        mri_retain(sample.os, mri_alloc_system(), "/log", &options, &report, NULL), MR_OK);
    mri_machine_sample_open(&sample);
    assert_int_equal(report.first.n, mri_machine_sample_newest_base(&sample));
    expect_found();
    expect_proven(state.next_seq - report.first.n);
}

static void without_a_seal_left_in_a_log_sealing_begins_with_its_first_event(void **fixture)
{
    (void)fixture;
    const mr_log_retain_options options = {
        .needed = {UINT64_MAX}, .keep_bytes = 1, .is_done = true};
    mr_log_retain_report report;
    for (;;) {
        append(3, LARGE);
        if (mri_log_sample_segment(sample.log) > 0) {
            break;
        }
        seal_next(true, 3); /* the last one covers all of the first segment, and stands in it */
    }
    uint64_t base_seq = mri_machine_sample_newest_base(&sample);
    append_until_segments(4);
    mri_machine_sample_close(&sample);
    assert_int_equal(
        mri_retain(sample.os, mri_alloc_system(), "/log", &options, &report, NULL), MR_OK);
    assert_int_equal(report.first.n, base_seq);
    mri_machine_sample_open(&sample);
    state.next_position = FILE_BYTES + MRI_SEGMENT_PAGE_BYTES; /* no longer behind what is gone */
    expect_found();
    append(1, BODY_MAX);
    seal_next(true, mr_log_last(sample.log).n + 1 - base_seq);
    expect_found();
    expect_proven(0);
}

static void a_seal_that_no_writer_makes_is_passed_over(void **fixture)
{
    (void)fixture;
    append(9, BODY_MAX);
    const struct mri_seal forged = {.first_seq = 5, .last_seq = 1000};
    const struct mri_seal_hash before = state.link;
    put(&forged);
    assert_int_equal(state.next_seq, 10);
    assert_false(mri_seal_is_equal(&state.link, &before));
    expect_found();
    append(4, BODY_MAX);
    seal_next(true, 4);
}

static void events_that_are_not_there_are_said(void **fixture)
{
    (void)fixture;
    struct mri_seal seal;
    mr_problem problem = {""};
    append(9, BODY_MAX);
    state.next_seq = 12;
    const struct mri_seal_limits limits = {.last_seq = 20, .is_flush = true};
    state.next_position = UINT64_MAX;
    assert_int_equal(
        mri_sealer_build(&hasher, sample.reader, &state, limits, &seal, &problem), MR_ECORRUPT);
    assert_non_null(strstr(problem.text, "event 12"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, set_up, tear_down, &sample)
    const struct CMUnitTest tests[] = {
        TEST(a_log_without_a_seal_has_the_first_state),
        TEST(a_seal_covers_1024_events_or_ends_before_the_batch_that_would_exceed_them),
        TEST(what_a_seal_covers_does_not_depend_on_when_it_is_made),
        TEST(events_behind_the_limit_are_not_taken),
        TEST(the_state_is_found_wherever_the_newest_seal_stands),
        TEST(what_is_not_sealed_is_not_removed_and_the_rest_is_sealed_on),
        TEST(without_a_seal_left_in_a_log_sealing_begins_with_its_first_event),
        TEST(a_seal_that_no_writer_makes_is_passed_over),
        TEST(events_that_are_not_there_are_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
