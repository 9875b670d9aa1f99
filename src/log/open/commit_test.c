/* SPDX-License-Identifier: MIT */
/*
 * Tests of durability: when a sync happens, what it promises, and that a failed one is final.
 */
#include "log/open/writer.h"
#include "log/read/reader.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/machine_sample.h"

enum { BODY_MAX = 300 };

static struct mri_machine_sample sample;

static int set_up(void **fixture)
{
    int result = mri_machine_sample_set_up(fixture);
    mri_os_faults_arm(&sample.faults, MRI_OS_CALL_SYNC_DATA, 0, MR_EIO);
    return result;
}

static uint64_t syncs(void)
{
    return sample.faults.calls[MRI_OS_CALL_SYNC_DATA];
}

static void only_what_is_asked_for_is_synced(void **fixture)
{
    (void)fixture;
    assert_int_equal(mr_log_sync(sample.log), MR_OK);
    assert_int_equal(syncs(), 0); /* nothing is new */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(mri_log_sample_append(sample.log, 3, BODY_MAX, MR_ASYNC, NULL), MR_OK);
    }
    assert_int_equal(syncs(), 0);
    assert_int_equal(mri_log_sample_append(sample.log, 3, BODY_MAX, MR_GROUP, NULL), MR_OK);
    assert_int_equal(syncs(), 1); /* over all of them */
    assert_int_equal(mr_log_sync(sample.log), MR_OK);
    assert_int_equal(syncs(), 1);
    assert_int_equal(mri_log_sample_append(sample.log, 1, BODY_MAX, MR_ASYNC, NULL), MR_OK);
    assert_int_equal(mr_log_sync(sample.log), MR_OK);
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
    assert_int_equal(mri_log_sample_append(sample.log, 5, BODY_MAX, MR_ASYNC, NULL), MR_OK);
    mr_log_close(sample.log);
    assert_int_equal(syncs(), 1);
    mri_os_memory_cut_power(sample.memory, &prng);
    assert_int_equal(
        mri_log_open(&sample.faults.table, mri_alloc_system(), "/log", NULL, &sample.log, NULL),
        MR_OK);
    assert_int_equal(mr_log_last(sample.log).n, 5);
}

static void each_record_says_how_far_the_log_was_durable(void **fixture)
{
    (void)fixture;
    size_t count;
    assert_int_equal(mri_log_sample_append(sample.log, 2, 0, MR_GROUP, NULL), MR_OK);
    assert_int_equal(mri_log_sample_append(sample.log, 3, 0, MR_ASYNC, NULL), MR_OK);
    assert_int_equal(mri_log_sample_append(sample.log, 1, 0, MR_GROUP, NULL), MR_OK);
    assert_int_equal(mri_log_sample_append(sample.log, 1, 0, MR_ASYNC, NULL), MR_OK);
    static const uint16_t lags[] = {1, 2, 1, 2, 3, 4, 1};
    const uint8_t *bytes =
        mri_os_memory_bytes(sample.memory, "/log/seg-0000000000000001.log", &count);
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
    assert_int_equal(mri_log_sample_append(sample.log, 2, BODY_MAX, MR_GROUP, NULL), MR_OK);
    mri_os_faults_arm(&sample.faults, MRI_OS_CALL_SYNC_DATA, 1, MR_EIO);
    assert_int_equal(mri_log_sample_append(sample.log, 3, BODY_MAX, MR_GROUP, &ack), MR_EUNKNOWN);
    assert_int_equal(ack.first.n, 3);
    assert_int_equal(ack.last.n, 5);
    assert_false(ack.is_durable);
    /* The next sync would say success: it is not asked. */
    assert_int_equal(mr_log_sync(sample.log), MR_EPOISONED);
    assert_int_equal(mri_log_sample_append(sample.log, 1, BODY_MAX, MR_ASYNC, NULL), MR_EPOISONED);
    assert_int_equal(mr_log_last(sample.log).n, 5);
    mr_log_close(sample.log);
    assert_int_equal(syncs(), 1);
    assert_int_equal(
        mri_log_open(&sample.faults.table, mri_alloc_system(), "/log", NULL, &sample.log, NULL),
        MR_OK); /* only a new open may judge */
    assert_int_equal(mr_log_last(sample.log).n, 5);
    assert_int_equal(mri_log_sample_append(sample.log, 1, BODY_MAX, MR_GROUP, NULL), MR_OK);
}

static void a_failed_write_is_final_and_leaves_all_or_nothing(void **fixture)
{
    (void)fixture;
    for (int is_short = 0; is_short < 2; is_short++) {
        uint64_t last = mr_log_last(sample.log).n;
        mri_os_faults_arm(&sample.faults, MRI_OS_CALL_WRITE_AT, 1, MR_ENOSPC);
        sample.faults.is_short_write = is_short == 1;
        mr_log_ack ack = {.is_durable = true};
        assert_int_equal(
            mri_log_sample_append(sample.log, 3, BODY_MAX, MR_GROUP, &ack), MR_EUNKNOWN);
        assert_false(ack.is_durable);
        assert_int_equal(mr_log_last(sample.log).n, last + 3); /* others may have seen it */
        assert_int_equal(
            mri_log_sample_append(sample.log, 3, BODY_MAX, MR_GROUP, NULL), MR_EPOISONED);
        assert_int_equal(mr_log_sync(sample.log), MR_EPOISONED);
        mr_log *second = NULL;
        assert_int_equal(
            mri_log_open(&sample.faults.table, mri_alloc_system(), "/log", NULL, &second, NULL),
            MR_OK);
        assert_int_equal(mri_log_sample_append(second, 1, BODY_MAX, MR_ASYNC, NULL), MR_EPOISONED);
        mr_log_close(second); /* one log, one fate */
        mr_log_close(sample.log);
        assert_int_equal(
            mri_log_open(&sample.faults.table, mri_alloc_system(), "/log", NULL, &sample.log, NULL),
            MR_OK);
        assert_true(mri_log_opening(sample.log)->is_after_poison);
        assert_int_equal(mri_log_opening(sample.log)->decision,
            is_short == 1 ? MRI_RECOVER_TRUNCATE : MRI_RECOVER_CLEAN);
        assert_int_equal(mr_log_last(sample.log).n, last + (is_short == 1)); /* RECOVERY */
    }
}

int main(void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_prestate_setup_teardown(name, set_up, mri_machine_sample_tear_down, &sample)
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
