/* SPDX-License-Identifier: MIT */
/*
 * The file `producers` is brought up to date while a log is open, so that the open after a crash
 * reads only what came later.
 */
#include "log/open/dedupe_rebuild.h"

#include "log/hot/hot_shared.h"
#include "log/open/append.h"
#include "log/open/writer.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/machine_sample.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, LARGE = 200000, PRODUCER = 3, BEHIND_MAX = 4 };

static struct mri_machine_sample sample;
static uint32_t number; /* of the producer's newest record */

static int set_up(void **fixture)
{
    number = 0;
    return mri_machine_sample_set_up(fixture);
}

/** An append lets the machine without threads help, too. */
static void append(uint32_t producer)
{
    static const uint8_t body[LARGE];
    const mr_log_record record = {.type = MR_LOG_TYPE_FREE,
        .body = body,
        .body_bytes = LARGE,
        .producer_id = producer,
        .producer_seq = producer == 0 ? 0 : ++number};
    assert_int_equal(mr_log_append(sample.log, &record, 1, MR_ASYNC, NULL), MR_OK);
}

static uint64_t segment(void)
{
    return mri_log_sample_segment(sample.log) / FILE_BYTES;
}

static void append_until_segment(uint64_t index)
{
    while (segment() < index) {
        append(PRODUCER);
    }
}

/** Up to where the file goes; 0: there is none. */
static uint64_t kept_seq(void)
{
    struct mri_dedupe_file file = {0};
    mr_err err = mri_dedupe_file_read(mri_os_memory_table(sample.memory), mri_alloc_system(),
        "/log", sample.log->attachment->manifest.log_uuid, &file);
    assert_true(err == MR_OK || err == MR_NOT_FOUND);
    uint64_t seq = err == MR_OK ? file.head->seq : 0;
    mri_dedupe_file_fini(&file);
    return seq;
}

static void help(void)
{
    (void)mri_attachment_help(sample.log->attachment, true);
}

static uint64_t durable_seq(void)
{
    return mr_log_durable(sample.log).n;
}

static void a_busy_log_keeps_its_producers_every_four_segments(void **fixture)
{
    (void)fixture;
    append_until_segment(BEHIND_MAX - 1);
    assert_int_equal(kept_seq(), 0);
    append_until_segment(BEHIND_MAX);
    uint64_t kept = kept_seq();
    assert_true(kept > 0 && kept <= durable_seq()); /* no power cut makes it say too much */
    append_until_segment(2 * BEHIND_MAX - 1);
    assert_int_equal(kept_seq(), kept);
    append_until_segment(2 * BEHIND_MAX);
    assert_true(kept_seq() > kept);
}

static void an_idle_log_keeps_them_once_for_each_segment(void **fixture)
{
    (void)fixture;
    append(PRODUCER);
    assert_int_equal(mr_log_sync(sample.log), MR_OK);
    help();
    assert_int_equal(kept_seq(), 0); /* the open reads one segment anyway */
    append_until_segment(1);
    help();
    uint64_t kept = kept_seq();
    assert_int_equal(kept, durable_seq());
    append(PRODUCER);
    assert_int_equal(mr_log_sync(sample.log), MR_OK);
    help();
    assert_int_equal(kept_seq(), kept);
    append_until_segment(2);
    help();
    assert_int_equal(kept_seq(), durable_seq());
    assert_true(kept_seq() > kept);
}

static void a_log_without_producers_gets_no_such_file(void **fixture)
{
    (void)fixture;
    while (segment() < 2 * BEHIND_MAX) {
        append(0);
    }
    help();
    assert_int_equal(kept_seq(), 0);
}

static void after_a_crash_only_what_came_later_is_read(void **fixture)
{
    (void)fixture;
    append_until_segment(2);
    help();
    uint64_t kept = kept_seq();
    append(PRODUCER);
    mri_log_sample_end_process(sample.memory, sample.log);
    mri_os_memory_restart(sample.memory); /* what is in the files is all there is */
    mri_machine_sample_open(&sample);
    assert_false(mri_log_opening(sample.log)->is_dedupe_rescanned);
    assert_int_equal(atomic_load(&sample.log->attachment->hot.shared->producers_seq), kept);
    struct mri_dedupe_newest newest;
    const struct mri_dedupe *dedupe = &sample.log->attachment->hot.dedupe;
    assert_true(mri_dedupe_find_producer(dedupe, PRODUCER, &newest));
    assert_int_equal(newest.producer_seq, number);
    assert_int_equal(newest.seq, mr_log_last(sample.log).n);
}

static void what_fails_is_tried_again_with_the_next_segment(void **fixture)
{
    (void)fixture;
    append_until_segment(1);
    mri_os_faults_arm(
        &sample.faults, MRI_OS_CALL_RENAME, 1, MR_ENOSPC); /* the file's, no spare's */
    help();
    assert_int_equal(sample.faults.fired, 1);
    assert_int_equal(kept_seq(), 0);
    help();
    assert_int_equal(kept_seq(), 0); /* not at once */
    assert_false(mri_hot_tail_counters(&sample.log->attachment->hot).is_poisoned);
    append_until_segment(2);
    help();
    assert_int_equal(kept_seq(), durable_seq());
}

static void one_process_at_a_time_keeps_them(void **fixture)
{
    (void)fixture;
    struct mri_hot_tail *hot = &sample.log->attachment->hot;
    append_until_segment(1);
    assert_int_equal(mri_hot_take(hot, &hot->shared->producers_lock, false), MR_OK);
    help();
    assert_int_equal(kept_seq(), 0);
    mri_robust_lock_give(&hot->shared->producers_lock);
    help();
    assert_true(kept_seq() > 0);
}

int main(void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_prestate_setup_teardown(name, set_up, mri_machine_sample_tear_down, &sample)
    const struct CMUnitTest tests[] = {
        TEST(a_busy_log_keeps_its_producers_every_four_segments),
        TEST(an_idle_log_keeps_them_once_for_each_segment),
        TEST(a_log_without_producers_gets_no_such_file),
        TEST(after_a_crash_only_what_came_later_is_read),
        TEST(what_fails_is_tried_again_with_the_next_segment),
        TEST(one_process_at_a_time_keeps_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
