/* SPDX-License-Identifier: MIT */
/*
 * Tests of appending: batches are whole, segments follow one another, a full disk changes nothing.
 */
#include "log/open/append.h"

#include <string.h>

#include "base/check.h"
#include "log/open/writer.h"
#include "log/read/reader.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/machine_sample.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, BODY_MAX = 500, LARGE = 100000 };

static struct mri_machine_sample sample;

/** Read the whole log: it must hold samples 1..last and nothing else. */
static void check_samples(uint64_t last, size_t body_bytes_max)
{
    mr_log_reader *reader;
    uint64_t found = 0;
    assert_int_equal(mri_reader_open(sample.os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    assert_int_equal(mri_log_sample_read(reader, body_bytes_max, &found), MR_END);
    assert_int_equal(mr_log_reader_tail(reader), MR_LOG_TAIL_CLEAN);
    assert_int_equal(found, last);
    mr_log_reader_close(reader);
}

static void an_ack_names_the_batch(void **fixture)
{
    (void)fixture;
    mr_log_ack ack;
    static const char body[100];
    const mr_log_record records[3] = {
        {.type = 300}, {.type = 301, .body = body, .body_bytes = 100}, {.type = 302}};
    for (uint64_t n = 0; n < 10; n++) {
        bool is_durable = n % 2 == 0;
        assert_int_equal(
            mr_log_append(sample.log, records, 3, is_durable ? MR_GROUP : MR_ASYNC, &ack), MR_OK);
        assert_int_equal(ack.first.n, 3 * n + 1);
        assert_int_equal(ack.last.n, 3 * n + 3);
        assert_int_equal(ack.stored_bytes, 64 + 192 + 64);
        assert_int_equal(ack.is_durable, is_durable);
        assert_int_equal(mr_log_last(sample.log).n, ack.last.n);
    }
}

static void an_append_behind_an_event_is_refused_when_it_is_not_the_last(void **fixture)
{
    (void)fixture;
    const mr_log_record record = {.type = MR_LOG_TYPE_FREE, .version = 1};
    mr_log_ack ack;
    assert_int_equal(mri_log_sample_append(sample.log, 3, BODY_MAX, MR_ASYNC, NULL), MR_OK);
    for (uint64_t seq = 0; seq < 6; seq++) {
        mr_err err = mr_log_append_after(sample.log, &record, 1, (mr_seq){seq}, MR_ASYNC, &ack);
        assert_int_equal(err, seq == 3 || seq == 4 || seq == 5 ? MR_OK : MR_CONFLICT);
        assert_int_equal(mr_log_last(sample.log).n, seq < 3 ? 3 : seq + 1);
    }
    assert_int_equal(
        mr_log_append_after(sample.log, &record, 1, (mr_seq){7}, MR_ASYNC, &ack), MR_CONFLICT);
}

static void every_field_of_a_record_is_kept(void **fixture)
{
    (void)fixture;
    const mr_log_record records[2] = {{.body = "hello",
                                          .body_bytes = 5,
                                          .subject_id = 0xfffffff1u,
                                          .subject_prev = UINT64_C(0xfffffffffffffff2),
                                          .producer_id = 0xfffffff3u,
                                          .producer_seq = 0xfffffff4u,
                                          .type = 65535,
                                          .version = 255},
        {.type = MR_LOG_TYPE_FREE}};
    mri_os_memory_set_clock(sample.memory, 1234567890123456789, 5);
    assert_int_equal(mr_log_append(sample.log, records, 2, MR_ASYNC, NULL), MR_OK);
    mr_log_reader *reader;
    mr_log_event event;
    assert_int_equal(mri_reader_open(sample.os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    assert_int_equal(mr_log_reader_next(reader, &event, NULL), MR_OK);
    assert_int_equal(event.seq.n, 1);
    assert_int_equal(event.time_unix_ns, 1234567890123456789);
    assert_int_equal(event.body_bytes, 5);
    assert_memory_equal(event.body, "hello", 5);
    assert_int_equal((uintptr_t)event.body % 64, 0);
    assert_int_equal(event.stored_bytes, 128);
    assert_int_equal(event.subject_id, 0xfffffff1u);
    assert_true(event.subject_prev == UINT64_C(0xfffffffffffffff2));
    assert_int_equal(event.producer_id, 0xfffffff3u);
    assert_int_equal(event.producer_seq, 0xfffffff4u);
    assert_int_equal(event.type, 65535);
    assert_int_equal(event.version, 255);
    assert_int_equal(event.writer_epoch, 1);
    assert_false(event.is_batch_end);
    assert_int_equal(mr_log_reader_next(reader, &event, NULL), MR_OK);
    assert_int_equal(event.time_unix_ns, 1234567890123456790); /* strictly later */
    assert_int_equal(event.body_bytes, 0);
    assert_true(event.is_batch_end);
    assert_int_equal(event.chain_crc, mri_log_chain_crc(sample.log));
    mr_log_reader_close(reader);
}

/** Its first record's id says where that is; where its last one is must be looked for. */
static void a_repeat_of_which_one_end_is_known_is_found(void **fixture)
{
    (void)fixture;
    static const uint8_t id[16] = {1, 2, 3};
    const mr_log_record batch[] = {
        {.type = 300, .message_id = id, .body = "a", .body_bytes = 1},
        {.type = 300, .producer_id = 7, .producer_seq = 1, .body = "b", .body_bytes = 1},
    };
    const mr_log_record other = {.type = 300};
    const mr_log_record later = {.type = 300, .producer_id = 7, .producer_seq = 2};
    mr_log_ack ack;
    assert_int_equal(mr_log_append(sample.log, batch, 2, MR_ASYNC, &ack), MR_OK);
    assert_int_equal(mr_log_append(sample.log, &other, 1, MR_ASYNC, NULL), MR_OK);
    /* The producer's numbers no longer stand one behind the other. */
    assert_int_equal(mr_log_append(sample.log, &later, 1, MR_ASYNC, NULL), MR_OK);
    assert_int_equal(mr_log_append(sample.log, batch, 2, MR_ASYNC, &ack), MR_OK);
    assert_true(ack.is_repeated);
    assert_int_equal(ack.first.n, 1);
    assert_int_equal(ack.last.n, 2);
}

static void a_malformed_record_writes_nothing(void **fixture)
{
    (void)fixture;
    static uint8_t big[MR_LOG_BODY_BYTES_MAX + 1];
    const mr_log_record good = {.type = 300};
    mr_log_record records[3] = {good, good, good};
    mri_os_faults_arm(&sample.faults, MRI_OS_CALL_WRITE_AT, 0, MR_EIO);
    assert_int_equal(mr_log_append(NULL, records, 1, MR_ASYNC, NULL), MR_EINVAL);
    assert_int_equal(mr_log_append(sample.log, NULL, 1, MR_ASYNC, NULL), MR_EINVAL);
    assert_int_equal(mr_log_append(sample.log, records, 0, MR_ASYNC, NULL), MR_EINVAL);
    assert_int_equal(mr_log_append(sample.log, records, 1, (mr_durability)7, NULL), MR_EINVAL);
    records[2].type = MR_LOG_TYPE_FREE - 1; /* belongs to the log */
    assert_int_equal(mr_log_append(sample.log, records, 3, MR_ASYNC, NULL), MR_EINVAL);
    records[2] = (mr_log_record){.type = 300, .body_bytes = 1};
    assert_int_equal(mr_log_append(sample.log, records, 3, MR_ASYNC, NULL), MR_EINVAL);
    records[2] = (mr_log_record){.type = 300, .body = big, .body_bytes = sizeof(big)};
    assert_int_equal(mr_log_append(sample.log, records, 3, MR_ASYNC, NULL), MR_ETOOLARGE);
    records[2].body_bytes = UINT32_MAX;
    assert_int_equal(mr_log_append(sample.log, records, 3, MR_ASYNC, NULL), MR_ETOOLARGE);
    assert_int_equal(sample.faults.calls[MRI_OS_CALL_WRITE_AT], 0);
    assert_int_equal(mr_log_last(sample.log).n, 0);
    assert_int_equal(mri_log_sample_append(sample.log, 2, BODY_MAX, MR_ASYNC, NULL), MR_OK);
    check_samples(2, BODY_MAX);
}

static void the_largest_batch_fills_a_segment_and_one_byte_more_is_refused(void **fixture)
{
    (void)fixture;
    static uint8_t big[FILE_BYTES];
    size_t room = FILE_BYTES - MRI_SEGMENT_PAGE_BYTES - 64 - 64; /* page, ROLL, its head */
    mr_log_record record = {.type = 300, .body = big, .body_bytes = (uint32_t)room + 1};
    mr_log_ack ack;
    assert_int_equal(mr_log_append(sample.log, &record, 1, MR_ASYNC, &ack), MR_ETOOLARGE);
    record.body_bytes = (uint32_t)room;
    for (uint64_t n = 1; n <= 3; n++) {
        assert_int_equal(mr_log_append(sample.log, &record, 1, MR_ASYNC, &ack), MR_OK);
        assert_int_equal(ack.first.n, n);
        assert_int_equal(mri_machine_sample_segment_count(&sample), n);
    }
    mr_log_record halves[2] = {record, record}; /* also as two records that fit together exactly */
    halves[0].body_bytes = (uint32_t)room / 2 / 64 * 64;
    halves[1].body_bytes = (uint32_t)room - 64 - halves[0].body_bytes;
    assert_int_equal(mr_log_append(sample.log, halves, 2, MR_ASYNC, &ack), MR_OK);
    halves[1].body_bytes++;
    assert_int_equal(mr_log_append(sample.log, halves, 2, MR_ASYNC, &ack), MR_ETOOLARGE);
    assert_int_equal(mri_machine_sample_segment_count(&sample), 4);
    mr_log_close(sample.log);
    mri_machine_sample_open(&sample);
    assert_int_equal(mr_log_last(sample.log).n, 5);
}

static void numbers_and_chain_go_on_from_segment_to_segment(void **fixture)
{
    (void)fixture;
    uint64_t last = 0;
    while (mri_machine_sample_segment_count(&sample) < 6) {
        mr_log_ack ack;
        assert_int_equal(mri_log_sample_append(sample.log, 4, LARGE, MR_ASYNC, &ack), MR_OK);
        assert_int_equal(ack.first.n, last + 1);
        last = ack.last.n;
    }
    check_samples(last, LARGE); /* the reader checks chain, base_seq and base_position */
    mr_log_close(sample.log);
    mri_machine_sample_open(&sample);
    assert_int_equal(mr_log_last(sample.log).n, last);
}

/* In the order of the calls: the old segment is synced behind ROLL before the new one gets a name,
 * whether or not everything before ROLL was durable already. */
static void a_segment_with_a_successor_is_complete_on_disk(void **fixture)
{
    (void)fixture;
    for (int durability = MR_ASYNC; durability <= MR_GROUP; durability++) {
        size_t before = mri_machine_sample_segment_count(&sample);
        do {
            mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, 0, MR_EIO);
            assert_int_equal(
                mri_log_sample_append(sample.log, 4, LARGE, (mr_durability)durability, NULL),
                MR_OK);
        } while (sample.faults.calls[MRI_OS_CALL_RENAME] == 0);
        assert_int_equal(mri_machine_sample_segment_count(&sample), before + 1);
        static const uint8_t expected[] = {MRI_OS_CALL_RANDOM_BYTES, MRI_OS_CALL_OPEN,
            MRI_OS_CALL_TRUNCATE, MRI_OS_CALL_ALLOCATE, MRI_OS_CALL_CLOSE,
            MRI_OS_CALL_WRITE_AT /* ROLL */, MRI_OS_CALL_SYNC_DATA, MRI_OS_CALL_OPEN /* none */,
            MRI_OS_CALL_OPEN, MRI_OS_CALL_WRITE_AT /* head */, MRI_OS_CALL_SYNC_DATA,
            MRI_OS_CALL_CLOSE, MRI_OS_CALL_RENAME, MRI_OS_CALL_SYNC_FOLDER, MRI_OS_CALL_OPEN};
        assert_true(sample.faults.trace_count >= MRI_COUNT_OF(expected));
        assert_memory_equal(sample.faults.trace, expected, sizeof(expected));
    }
}

static void a_full_disk_is_found_before_the_log_is_touched(void **fixture)
{
    (void)fixture;
    mri_os_memory_set_space(sample.memory, FILE_BYTES + 100000); /* no room for a second segment */
    mr_err err = MR_OK;
    uint64_t last = 0;
    while (err == MR_OK) {
        last = mr_log_last(sample.log).n;
        mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, 0, MR_EIO);
        err = mri_log_sample_append(sample.log, 4, LARGE, MR_GROUP, NULL);
    }
    assert_int_equal(err, MR_ENOSPC);
    assert_int_equal(sample.faults.calls[MRI_OS_CALL_WRITE_AT], 0);
    assert_int_equal(mr_log_last(sample.log).n, last);
    struct mri_file_info info;
    assert_int_equal(
        sample.os->info(sample.os->context, "/log/spare-0", &info), MR_EPATH); /* gives it back */
    check_samples(last, LARGE);
    assert_int_equal(mri_log_sample_append(sample.log, 4, LARGE, MR_GROUP, NULL), MR_ENOSPC);
    mri_os_memory_set_space(sample.memory, UINT64_MAX / 2);
    assert_int_equal(mri_log_sample_append(sample.log, 4, LARGE, MR_GROUP, NULL), MR_OK);
    check_samples(last + 4, LARGE);
}

static void a_failed_sync_while_rolling_says_that_the_batch_is_not_there(void **fixture)
{
    (void)fixture;
    /* Every call of a roll in turn: the answer must be true of the log that is left. */
    bool has_fired = true;
    for (uint64_t k = 1; has_fired; k++) {
        mri_machine_sample_renew(&sample);
        uint64_t last = 0;
        mr_err err = MR_OK;
        mr_log_ack ack = {.last = {0}};
        do {
            last = mr_log_last(sample.log).n;
            bool is_full =
                mri_log_sample_end(sample.log) + 400000 > FILE_BYTES; /* the next one rolls */
            mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, is_full ? k : 0, MR_EIO);
            err = mri_log_sample_append(sample.log, 4, LARGE, MR_GROUP, &ack);
        } while (sample.faults.calls[MRI_OS_CALL_ALLOCATE] + sample.faults.fired == 0);
        has_fired = sample.faults.fired > 0;
        bool is_there = err == MR_OK || err == MR_EUNKNOWN;
        assert_int_equal(has_fired, err != MR_OK);
        assert_int_equal(mr_log_last(sample.log).n, is_there ? last + 4 : last);
        assert_true(!is_there || ack.last.n == last + 4);
        assert_true(err != MR_EUNKNOWN || !ack.is_durable);
        bool is_poisoned = mri_hot_tail_counters(&sample.log->attachment->hot).is_poisoned;
        mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, 0, MR_EIO);
        mr_err later = mri_log_sample_append(sample.log, 1, LARGE, MR_GROUP, NULL);
        assert_int_equal(later, is_poisoned ? MR_EPOISONED : MR_OK);
        mr_log_close(sample.log);
        mri_machine_sample_open(&sample);
        uint64_t kept = mr_log_last(sample.log).n;
        uint64_t expected = (is_there ? last + 4 : last) + (later == MR_OK);
        assert_true(kept == expected || (err == MR_EUNKNOWN && kept == last));
    }
}

/** Roll, then leave the folder as a crash at a given step of it would. */
static void a_crash_between_the_steps_of_a_roll_is_continued(void **fixture)
{
    (void)fixture;
    static uint8_t garbage[FILE_BYTES];
    memset(garbage, 0xee, sizeof(garbage));
    for (int step = 0; step < 4; step++) {
        mri_machine_sample_renew(&sample);
        while (mri_machine_sample_segment_count(&sample) < 2) {
            assert_int_equal(mri_log_sample_append(sample.log, 1, LARGE, MR_GROUP, NULL), MR_OK);
        }
        uint64_t last = mr_log_last(sample.log).n;
        struct mri_segment_list list;
        char name[MRI_SEGMENT_NAME_BYTES];
        char newest[MRI_PATH_BYTES_MAX];
        assert_int_equal(mri_segment_list(sample.os, mri_alloc_system(), "/log", &list), MR_OK);
        uint64_t base = list.base_seqs[1];
        (void)mri_segment_name(base, name);
        mri_segment_list_fini(&list);
        assert_int_equal(mri_os_path("/log", name, newest), MR_OK);
        mr_log_close(sample.log);
        if (step == 0) { /* a spare of full length with something in it */
            mri_os_memory_put(sample.memory, "/log/spare-0", garbage, sizeof(garbage));
        } else if (step == 1) { /* ROLL without a successor */
            assert_int_equal(sample.os->remove(sample.os->context, newest), MR_OK);
            last = base - 1;
        } else if (step == 2) { /* the same, and the spare has its head but no name yet */
            assert_int_equal(sample.os->rename(sample.os->context, newest, "/log/spare-0"), MR_OK);
            last = base - 1;
        } else { /* the successor has its name and nothing else */
            size_t count;
            uint8_t *bytes = mri_os_memory_bytes(sample.memory, newest, &count);
            memset(bytes + MRI_SEGMENT_PAGE_BYTES, 0, count - MRI_SEGMENT_PAGE_BYTES);
            last = base - 1;
        }
        check_samples(last, LARGE);
        mri_machine_sample_open(&sample);
        assert_int_equal(mr_log_last(sample.log).n, last);
        assert_int_equal(mri_machine_sample_segment_count(&sample), 2);
        while (mri_machine_sample_segment_count(&sample) < 4) {
            assert_int_equal(mri_log_sample_append(sample.log, 1, LARGE, MR_GROUP, NULL), MR_OK);
        }
        check_samples(mr_log_last(sample.log).n, LARGE);
    }
}

/* The lag saturates at 65535: a long run without a sync must not look like a claim. */
static void a_long_unsynced_run_that_lost_its_middle_is_cut_and_not_damage(void **fixture)
{
    (void)fixture;
    mr_log_close(sample.log);
    mri_os_memory_free(sample.memory);
    sample.memory = mri_os_memory_new(16 << 20);
    mri_os_faults_init(&sample.faults, mri_os_memory_table(sample.memory));
    const mr_log_options options = {.is_create = true, .segment_bytes = 16 << 20};
    assert_int_equal(
        mri_log_open(sample.os, mri_alloc_system(), "/log", &options, &sample.log, NULL), MR_OK);
    assert_int_equal(mri_log_sample_append(sample.log, 3, 0, MR_GROUP, NULL), MR_OK);
    while (mr_log_last(sample.log).n < 150000) {
        assert_int_equal(mri_log_sample_append(sample.log, 1, 0, MR_ASYNC, NULL), MR_OK);
    }
    mri_log_sample_end_process(sample.memory, sample.log);
    mri_os_memory_restart(sample.memory);
    size_t count;
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, "/log/seg-0000000000000001.log", &count);
    memset(bytes + MRI_SEGMENT_PAGE_BYTES + 64 * 1000, 0, 4096);
    assert_int_equal(
        mri_log_open(sample.os, mri_alloc_system(), "/log", NULL, &sample.log, NULL), MR_OK);
    assert_int_equal(mri_log_opening(sample.log)->decision, MRI_RECOVER_TRUNCATE);
    assert_int_equal(mr_log_last(sample.log).n, 1001);
}

int main(void)
{
#define TEST(name) MRI_MACHINE_SAMPLE_TEST(name, &sample)
    const struct CMUnitTest tests[] = {
        TEST(an_ack_names_the_batch),
        TEST(an_append_behind_an_event_is_refused_when_it_is_not_the_last),
        TEST(every_field_of_a_record_is_kept),
        TEST(a_repeat_of_which_one_end_is_known_is_found),
        TEST(a_malformed_record_writes_nothing),
        TEST(the_largest_batch_fills_a_segment_and_one_byte_more_is_refused),
        TEST(numbers_and_chain_go_on_from_segment_to_segment),
        TEST(a_segment_with_a_successor_is_complete_on_disk),
        TEST(a_full_disk_is_found_before_the_log_is_touched),
        TEST(a_failed_sync_while_rolling_says_that_the_batch_is_not_there),
        TEST(a_crash_between_the_steps_of_a_roll_is_continued),
        TEST(a_long_unsynced_run_that_lost_its_middle_is_cut_and_not_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
