/* SPDX-License-Identifier: MIT */
/*
 * Tests of durability: when a sync happens, what it promises, and that a failed one is final.
 */
#include <stdlib.h>

#include "log/open/writer.h"
#include "log/read/reader.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, BODY_MAX = 300 };

static struct mri_os_memory *memory;
static struct mri_os_faults machine;
static mr_log *log_handle;

static int set_up(void **fixture)
{
    (void)fixture;
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    memory = mri_os_memory_new(FILE_BYTES);
    mri_os_faults_init(&machine, mri_os_memory_table(memory));
    mr_err err =
        mri_log_open(&machine.table, mri_alloc_system(), "/log", &options, &log_handle, NULL);
    mri_os_faults_arm(&machine, MRI_OS_CALL_SYNC_DATA, 0, MR_EIO);
    return err == MR_OK ? 0 : 1;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mr_log_close(log_handle);
    log_handle = NULL;
    size_t open_count = mri_os_memory_open_count(memory);
    mri_os_memory_free(memory);
    return open_count == 0 ? 0 : 1;
}

static uint64_t syncs(void)
{
    return machine.calls[MRI_OS_CALL_SYNC_DATA];
}

static void only_what_is_asked_for_is_synced(void **fixture)
{
    (void)fixture;
    assert_int_equal(mr_log_sync(log_handle), MR_OK);
    assert_int_equal(syncs(), 0); /* nothing is new */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(mri_log_sample_append(log_handle, 3, BODY_MAX, MR_ASYNC, NULL), MR_OK);
    }
    assert_int_equal(syncs(), 0);
    assert_int_equal(mri_log_sample_append(log_handle, 3, BODY_MAX, MR_GROUP, NULL), MR_OK);
    assert_int_equal(syncs(), 1); /* over all of them */
    assert_int_equal(mr_log_sync(log_handle), MR_OK);
    assert_int_equal(syncs(), 1);
    assert_int_equal(mri_log_sample_append(log_handle, 1, BODY_MAX, MR_ASYNC, NULL), MR_OK);
    assert_int_equal(mr_log_sync(log_handle), MR_OK);
    assert_int_equal(syncs(), 2);
}

static void without_a_handle_nothing_is_synced(void **fixture)
{
    (void)fixture;
    assert_int_equal(mr_log_sync(NULL), MR_EINVAL);
}

static void closing_syncs_what_is_left(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 1);
    assert_int_equal(mri_log_sample_append(log_handle, 5, BODY_MAX, MR_ASYNC, NULL), MR_OK);
    mr_log_close(log_handle);
    assert_int_equal(syncs(), 1);
    mri_os_memory_cut_power(memory, &prng);
    assert_int_equal(
        mri_log_open(&machine.table, mri_alloc_system(), "/log", NULL, &log_handle, NULL), MR_OK);
    assert_int_equal(mr_log_last(log_handle).n, 5);
}

static void each_record_says_how_far_the_log_was_durable(void **fixture)
{
    (void)fixture;
    size_t count;
    assert_int_equal(mri_log_sample_append(log_handle, 2, 0, MR_GROUP, NULL), MR_OK);
    assert_int_equal(mri_log_sample_append(log_handle, 3, 0, MR_ASYNC, NULL), MR_OK);
    assert_int_equal(mri_log_sample_append(log_handle, 1, 0, MR_GROUP, NULL), MR_OK);
    assert_int_equal(mri_log_sample_append(log_handle, 1, 0, MR_ASYNC, NULL), MR_OK);
    static const uint16_t lags[] = {1, 2, 1, 2, 3, 4, 1};
    const uint8_t *bytes = mri_os_memory_bytes(memory, "/log/seg-0000000000000001.log", &count);
    const struct mri_record_head *heads =
        (const struct mri_record_head *)(const void *)(bytes + MRI_SEGMENT_PAGE_BYTES);
    for (size_t i = 0; i < MRI_COUNT_OF(lags); i++) {
        assert_int_equal(heads[i].seq, i + 1);
        assert_int_equal(heads[i].durable_lag, lags[i]);
    }
}

static void a_failed_sync_is_final(void **fixture)
{
    (void)fixture;
    mr_log_ack ack = {.is_durable = true};
    assert_int_equal(mri_log_sample_append(log_handle, 2, BODY_MAX, MR_GROUP, NULL), MR_OK);
    mri_os_faults_arm(&machine, MRI_OS_CALL_SYNC_DATA, 1, MR_EIO);
    assert_int_equal(mri_log_sample_append(log_handle, 3, BODY_MAX, MR_GROUP, &ack), MR_EUNKNOWN);
    assert_int_equal(ack.first.n, 3);
    assert_int_equal(ack.last.n, 5);
    assert_false(ack.is_durable);
    /* The next sync would say success: it is not asked. */
    assert_int_equal(mr_log_sync(log_handle), MR_EPOISONED);
    assert_int_equal(mri_log_sample_append(log_handle, 1, BODY_MAX, MR_ASYNC, NULL), MR_EPOISONED);
    assert_int_equal(mr_log_last(log_handle).n, 5);
    mr_log_close(log_handle);
    assert_int_equal(syncs(), 1);
    assert_int_equal(
        mri_log_open(&machine.table, mri_alloc_system(), "/log", NULL, &log_handle, NULL),
        MR_OK); /* only a new open may judge */
    assert_int_equal(mr_log_last(log_handle).n, 5);
    assert_int_equal(mri_log_sample_append(log_handle, 1, BODY_MAX, MR_GROUP, NULL), MR_OK);
}

static void a_failed_write_is_final_and_leaves_all_or_nothing(void **fixture)
{
    (void)fixture;
    for (int is_short = 0; is_short < 2; is_short++) {
        uint64_t last = mr_log_last(log_handle).n;
        mri_os_faults_arm(&machine, MRI_OS_CALL_WRITE_AT, 1, MR_ENOSPC);
        machine.is_short_write = is_short == 1;
        mr_log_ack ack = {.is_durable = true};
        assert_int_equal(
            mri_log_sample_append(log_handle, 3, BODY_MAX, MR_GROUP, &ack), MR_EUNKNOWN);
        assert_false(ack.is_durable);
        assert_int_equal(mr_log_last(log_handle).n, last + 3); /* others may have seen it */
        assert_int_equal(
            mri_log_sample_append(log_handle, 3, BODY_MAX, MR_GROUP, NULL), MR_EPOISONED);
        assert_int_equal(mr_log_sync(log_handle), MR_EPOISONED);
        mr_log *second = NULL;
        assert_int_equal(
            mri_log_open(&machine.table, mri_alloc_system(), "/log", NULL, &second, NULL), MR_OK);
        assert_int_equal(mri_log_sample_append(second, 1, BODY_MAX, MR_ASYNC, NULL), MR_EPOISONED);
        mr_log_close(second); /* one log, one fate */
        mr_log_close(log_handle);
        assert_int_equal(
            mri_log_open(&machine.table, mri_alloc_system(), "/log", NULL, &log_handle, NULL),
            MR_OK);
        assert_true(mri_log_opening(log_handle)->is_after_poison);
        assert_int_equal(mri_log_opening(log_handle)->decision,
            is_short == 1 ? MRI_RECOVER_TRUNCATE : MRI_RECOVER_CLEAN);
        assert_int_equal(mr_log_last(log_handle).n, last + (is_short == 1)); /* RECOVERY */
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(only_what_is_asked_for_is_synced),
        TEST(without_a_handle_nothing_is_synced),
        TEST(closing_syncs_what_is_left),
        TEST(each_record_says_how_far_the_log_was_durable),
        TEST(a_failed_sync_is_final),
        TEST(a_failed_write_is_final_and_leaves_all_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
