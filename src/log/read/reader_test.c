/* SPDX-License-Identifier: MIT */
/*
 * Tests of reading: whole batches in order, seek, damage that is never skipped, a writer beside it.
 */
#define _GNU_SOURCE
#include "log/read/reader.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/prng.h"
#include "log/open/append.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/machine_sample.h"
#include "tests/lib/temp_folder.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, BODY_MAX = 300, LARGE = 100000 };

static const char first_segment[] = "/log/seg-0000000000000001.log";
static struct mri_machine_sample sample;
static mr_problem problem;

static void open_reader(void)
{
    mr_log_reader_close(sample.reader);
    sample.reader = NULL;
    problem.text[0] = '\0';
    assert_int_equal(
        mri_reader_open(sample.os, mri_alloc_system(), "/log", &sample.reader, &problem), MR_OK);
    assert_string_equal(problem.text, "");
}

/** The same, beside the writer but without its memory. */
static void open_file_reader(void)
{
    const mr_log_read_options options = {.is_in_files = true};
    mr_log_reader_close(sample.reader);
    assert_int_equal(
        mri_reader_open_with(sample.os, mri_alloc_system(), "/log", &options, &sample.reader, NULL),
        MR_OK);
}

static void append(size_t count, size_t body_bytes_max)
{
    assert_int_equal(
        mri_log_sample_append(sample.log, count, body_bytes_max, MR_GROUP, NULL), MR_OK);
}

/** The next event must be this one. */
static void expect_next(uint64_t seq)
{
    mr_log_event event;
    problem.text[0] = '\0';
    mr_err err = mr_log_reader_next(sample.reader, &event, &problem);
    assert_string_equal(problem.text, "");
    assert_int_equal(err, MR_OK);
    assert_int_equal(event.seq.n, seq);
}

/** The next call must fail so, and again: the reader stays where it is. */
static void expect_refused(mr_err expected)
{
    for (int i = 0; i < 3; i++) {
        mr_log_event event = {.seq = {777}};
        problem.text[0] = '\0';
        assert_int_equal(mr_log_reader_next(sample.reader, &event, &problem), expected);
        assert_int_equal(problem.text[0] == '\0', expected == MR_END);
        assert_int_equal(event.seq.n, 777);
    }
}

/** Where the record of a seq begins in the first segment. */
static size_t offset_of(uint64_t seq)
{
    size_t count;
    const uint8_t *bytes = mri_os_memory_bytes(sample.memory, first_segment, &count);
    size_t at = MRI_SEGMENT_PAGE_BYTES;
    for (uint64_t i = 1; i < seq; i++) {
        uint32_t record_bytes;
        memcpy(&record_bytes, bytes + at, sizeof(record_bytes));
        at += mri_record_stride(record_bytes);
    }
    return at;
}

static void the_end_is_only_the_end_so_far(void **fixture)
{
    (void)fixture;
    open_reader();
    expect_refused(MR_END);
    for (uint64_t seq = 1; seq < 60; seq += 2) {
        append(2, BODY_MAX);
        expect_next(seq);
        expect_next(seq + 1);
        expect_refused(MR_END);
        assert_int_equal(mr_log_reader_tail(sample.reader), MR_LOG_TAIL_CLEAN);
    }
}

static void a_reader_may_be_there_before_the_first_segment(void **fixture)
{
    (void)fixture;
    mr_log_close(sample.log);
    sample.log = NULL;
    assert_int_equal(sample.os->remove(sample.os->context, first_segment), MR_OK);
    assert_int_equal(sample.os->remove(sample.os->context, "/log/ctl"), MR_OK);
    open_reader();
    expect_refused(MR_END);
    assert_int_equal(mr_log_reader_seek(sample.reader, (mr_seq){1}, NULL), MR_OK);
    assert_int_equal(mr_log_reader_seek(sample.reader, (mr_seq){2}, NULL), MR_NOT_FOUND);
    assert_int_equal(
        mri_log_open(sample.os, mri_alloc_system(), "/log", NULL, &sample.log, NULL), MR_OK);
    append(1, BODY_MAX);
    expect_next(1);
    expect_refused(MR_END);
}

static void events_point_into_the_file_until_the_next_call(void **fixture)
{
    (void)fixture;
    size_t count;
    append(3, BODY_MAX);
    open_file_reader();
    const uint8_t *bytes = mri_os_memory_bytes(sample.memory, first_segment, &count);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        mr_log_event event;
        const char *name;
        assert_int_equal(mri_reader_place(sample.reader, &name), offset_of(seq));
        assert_string_equal(name, "seg-0000000000000001.log");
        assert_int_equal(mr_log_reader_next(sample.reader, &event, NULL), MR_OK);
        assert_ptr_equal(event.body, bytes + offset_of(seq) + 64);
        assert_true(mri_log_sample_is(&event, BODY_MAX));
    }
}

static void every_event_can_be_sought(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 1);
    uint64_t last = mri_machine_sample_fill(&sample, 4, LARGE);
    open_reader();
    for (uint64_t seq = 1; seq <= last; seq++) {
        assert_int_equal(mr_log_reader_seek(sample.reader, (mr_seq){seq}, NULL), MR_OK);
        expect_next(seq);
    }
    for (int i = 0; i < 300; i++) {
        uint64_t seq = 1 + mri_prng_below(&prng, last);
        assert_int_equal(mr_log_reader_seek(sample.reader, (mr_seq){seq}, NULL), MR_OK);
        for (uint64_t k = seq; k <= last && k < seq + 30; k++) {
            expect_next(k);
        }
    }
    assert_int_equal(mr_log_reader_seek(sample.reader, (mr_seq){last + 1}, NULL), MR_OK);
    expect_refused(MR_END);
    append(1, LARGE);
    expect_next(last + 1);
}

static void seeking_what_is_not_there_moves_nothing(void **fixture)
{
    (void)fixture;
    uint64_t last = mri_machine_sample_fill(&sample, 3, LARGE);
    open_reader();
    for (uint64_t seq = 1; seq < last; seq++) {
        expect_next(seq);
        assert_int_equal(mr_log_reader_seek(sample.reader, (mr_seq){0}, NULL), MR_NOT_FOUND);
        assert_int_equal(mr_log_reader_seek(sample.reader, (mr_seq){last + 2}, NULL), MR_NOT_FOUND);
        assert_int_equal(
            mr_log_reader_seek(sample.reader, (mr_seq){UINT64_MAX}, NULL), MR_NOT_FOUND);
    }
    expect_next(last);
}

static void damage_is_never_skipped_and_what_stands_before_it_can_be_read(void **fixture)
{
    (void)fixture;
    for (uint64_t bad = 1; bad <= 9; bad++) {
        mri_machine_sample_renew(&sample);
        size_t count;
        for (int i = 0; i < 10; i++) {
            append(1, BODY_MAX);
        }
        uint8_t *bytes = mri_os_memory_bytes(sample.memory, first_segment, &count);
        bytes[offset_of(bad) + 20] ^= 4;
        open_file_reader();
        for (uint64_t seq = 1; seq < bad; seq++) {
            expect_next(seq);
        }
        expect_refused(MR_ECORRUPT);
        char text[64];
        (void)snprintf(text, sizeof(text), "event %llu at offset %zu ", (unsigned long long)bad,
            offset_of(bad));
        assert_non_null(strstr(problem.text, text));
        assert_int_equal(mr_log_reader_seek(sample.reader, (mr_seq){10}, NULL), MR_ECORRUPT);
        assert_int_equal(mr_log_reader_seek(sample.reader, (mr_seq){bad}, NULL), MR_OK);
        expect_refused(MR_ECORRUPT);
        assert_int_equal(mr_log_reader_seek(sample.reader, (mr_seq){1}, NULL), MR_OK);
        bytes[offset_of(bad) + 20] ^= 4; /* somebody repaired it */
        for (uint64_t seq = 1; seq <= 10; seq++) {
            expect_next(seq);
        }
    }
}

static void a_lost_sector_of_zeros_is_damage_and_not_the_end(void **fixture)
{
    (void)fixture;
    for (int i = 0; i < 40; i++) {
        append(1, BODY_MAX);
    }
    size_t count;
    size_t end = offset_of(41);
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, first_segment, &count);
    static const size_t runs[] = {64, 512, 4096};
    for (size_t r = 0; r < MRI_COUNT_OF(runs); r++) {
        for (size_t at = MRI_SEGMENT_PAGE_BYTES; at + runs[r] < offset_of(40); at += 64) {
            static uint8_t kept[4096];
            memcpy(kept, bytes + at, runs[r]);
            memset(bytes + at, 0, runs[r]);
            uint64_t last = 0;
            open_file_reader();
            mr_err err = mri_log_sample_read(sample.reader, BODY_MAX, &last);
            memcpy(bytes + at, kept, runs[r]);
            assert_int_equal(err, MR_ECORRUPT);
            assert_true(offset_of(last + 1) <= at + runs[r] && offset_of(last + 2) > at);
        }
    }
    assert_true(end < count);
}

static void a_torn_tail_is_the_end_for_a_reader_and_changes_nothing(void **fixture)
{
    (void)fixture;
    append(3, BODY_MAX);
    append(4, BODY_MAX);
    size_t count;
    size_t first_of_batch = offset_of(4);
    size_t end = offset_of(8);
    static uint8_t whole[FILE_BYTES];
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, first_segment, &count);
    memcpy(whole, bytes, sizeof(whole)); /* without the SEAL that closing writes */
    mr_log_close(sample.log);
    sample.log = NULL;
    for (size_t from = first_of_batch; from < end; from += 7) {
        static uint8_t torn[FILE_BYTES];
        uint64_t last = 0;
        memcpy(torn, whole, sizeof(torn));
        memset(torn + from, 0, end - from);
        if (memcmp(torn, whole, sizeof(torn)) == 0) {
            break; /* only zeros of the last record are left to lose */
        }
        memcpy(bytes, torn, sizeof(torn));
        mri_os_faults_arm(&sample.faults, MRI_OS_CALL_WRITE_AT, 1, MR_EIO);
        open_reader();
        assert_int_equal(mri_log_sample_read(sample.reader, BODY_MAX, &last), MR_END);
        assert_int_equal(last, 3);
        assert_int_equal(mr_log_reader_tail(sample.reader),
            from == first_of_batch ? MR_LOG_TAIL_CLEAN : MR_LOG_TAIL_TORN);
        assert_int_equal(sample.faults.seen, 0);
        assert_memory_equal(bytes, torn, sizeof(torn));
        memcpy(bytes, whole, sizeof(whole)); /* the writer finishes */
        expect_next(4);
    }
}

static void a_torn_end_is_looked_through_once_and_then_where_something_was_written(void **fixture)
{
    (void)fixture;
    append(3, BODY_MAX);
    append(4, BODY_MAX); /* 4 to 7: will be torn */
    for (int i = 0; i < 6; i++) {
        append(1, LARGE); /* 8 to 13: what is between is far enough not to be looked through */
    }
    append(1, BODY_MAX); /* 14 says that all before it was durable */
    size_t count;
    size_t from = offset_of(8);
    size_t to = offset_of(14);
    assert_true(to - from > 3 * 64 * 1024);
    static uint8_t whole[FILE_BYTES];
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, first_segment, &count);
    bytes[offset_of(4) + 70] ^= 1;
    memcpy(whole, bytes, sizeof(whole));
    memset(bytes + from, 0, FILE_BYTES - from);
    open_file_reader();
    for (uint64_t seq = 1; seq <= 3; seq++) {
        expect_next(seq);
    }
    expect_refused(MR_END);
    assert_int_equal(mr_log_reader_tail(sample.reader), MR_LOG_TAIL_TORN);
    memcpy(bytes + to, whole + to, FILE_BYTES - to); /* no writer leaves a hole */
    expect_refused(MR_END);
    memcpy(bytes + from, whole + from, FILE_BYTES - from);
    expect_refused(MR_ECORRUPT);
    memset(bytes + from, 0, to - from); /* who begins looks at everything */
    open_file_reader();
    for (uint64_t seq = 1; seq <= 3; seq++) {
        expect_next(seq);
    }
    expect_refused(MR_ECORRUPT);
}

static void an_event_must_have_a_place_to_go_to(void **fixture)
{
    (void)fixture;
    append(2, BODY_MAX);
    open_reader();
    assert_int_equal(mr_log_reader_next(sample.reader, NULL, &problem), MR_EINVAL);
    expect_next(1);
    assert_int_equal(mr_log_reader_previous(sample.reader, NULL, &problem), MR_EINVAL);
    expect_next(2);
}

/* What was appended by those who had the log open before is in the file only. */
static void a_newest_segment_whose_file_is_gone_is_damage_beside_its_writers(void **fixture)
{
    (void)fixture;
    append(3, BODY_MAX);
    mri_machine_sample_close(&sample);
    mri_machine_sample_open(&sample);
    append(3, BODY_MAX);
    open_reader();
    expect_next(1);
    assert_int_equal(sample.os->remove(sample.os->context, first_segment), MR_OK);
    for (uint64_t seq = 2; seq <= 6; seq++) {
        expect_next(seq); /* who held the file goes on */
    }
    expect_refused(MR_END);
    open_reader();
    expect_refused(MR_ECORRUPT);
    assert_non_null(strstr(problem.text, first_segment));
    assert_non_null(strstr(problem.text, "the file is gone"));
    mr_log_event event;
    assert_int_not_equal(mr_log_reader_seek_end(sample.reader, NULL), MR_OK);
    assert_int_not_equal(mr_log_reader_seek(sample.reader, (mr_seq){2}, NULL), MR_OK);
    assert_int_equal(mr_log_reader_previous(sample.reader, &event, NULL), MR_END);
}

static void a_missing_segment_is_damage_and_no_gap(void **fixture)
{
    (void)fixture;
    uint64_t last = mri_machine_sample_fill(&sample, 4, LARGE);
    struct mri_segment_list list;
    assert_int_equal(mri_segment_list(sample.os, mri_alloc_system(), "/log", &list), MR_OK);
    uint64_t missing = list.base_seqs[1];
    uint64_t after = list.base_seqs[2];
    mri_segment_list_fini(&list);
    char path[MRI_PATH_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "%s", mri_machine_sample_segment_path(&sample, 1));
    open_reader();
    assert_int_equal(mri_reader_check_count(sample.reader, NULL), MR_OK);
    assert_int_equal(sample.os->rename(sample.os->context, path, "/log/kept"), MR_OK);
    mr_log_event event;
    assert_int_equal(
        mr_log_reader_seek(sample.reader, (mr_seq){2}, NULL), MR_ECORRUPT); /* seen leaving */
    open_reader();
    assert_int_equal(mri_reader_check_count(sample.reader, &problem), MR_ECORRUPT);
    assert_non_null(strstr(problem.text, "missing"));
    for (uint64_t seq = 1; seq < missing; seq++) {
        expect_next(seq);
    }
    expect_refused(MR_ECORRUPT);
    assert_non_null(strstr(problem.text, "missing"));
    assert_int_equal(mr_log_reader_seek(sample.reader, (mr_seq){missing + 1}, NULL), MR_ECORRUPT);
    assert_int_equal(mr_log_reader_seek(sample.reader, (mr_seq){after}, NULL), MR_OK);
    expect_next(after);
    assert_int_equal(mr_log_reader_seek(sample.reader, (mr_seq){missing - 1}, NULL), MR_OK);
    expect_next(missing - 1);
    assert_int_equal(mr_log_reader_next(sample.reader, &event, NULL), MR_ECORRUPT);
    assert_int_equal(sample.os->rename(sample.os->context, "/log/kept", path), MR_OK);
    for (uint64_t seq = missing; seq <= last; seq++) {
        expect_next(seq);
    }
}

static void a_fault_of_the_machine_leaves_the_reader_where_it_was(void **fixture)
{
    (void)fixture;
    uint64_t last = mri_machine_sample_fill(&sample, 3, LARGE);
    bool has_fired = true;
    for (uint64_t k = 1; has_fired; k++) {
        mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, 0, MR_EIO);
        open_reader();
        mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, k, MR_EIO);
        uint64_t next = 1;
        mr_err err = MR_OK;
        unsigned failures = 0;
        while (err != MR_END) {
            mr_log_event event;
            err = mr_log_reader_next(sample.reader, &event, NULL);
            assert_true(err == MR_OK || err == MR_END || err == MR_EIO);
            failures += err == MR_EIO;
            assert_true(err != MR_OK || event.seq.n == next);
            next += err == MR_OK;
        }
        has_fired = sample.faults.fired > 0;
        assert_int_equal(failures, has_fired ? 1 : 0);
        assert_int_equal(next, last + 1);
    }
    for (uint64_t k = 1; k < 30; k++) { /* seek too */
        mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, 0, MR_EIO);
        assert_int_equal(mr_log_reader_seek(sample.reader, (mr_seq){3}, NULL), MR_OK);
        mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, k, MR_EIO);
        mr_err err = mr_log_reader_seek(sample.reader, (mr_seq){last}, NULL);
        assert_int_equal(err, sample.faults.fired > 0 ? MR_EIO : MR_OK);
        expect_next(err == MR_OK ? last : 3);
    }
}

static void a_failed_open_leaves_nothing_open(void **fixture)
{
    (void)fixture;
    append(5, BODY_MAX);
    mr_log_close(sample.log);
    sample.log = NULL;
    bool has_fired = true;
    for (uint64_t k = 1; has_fired; k++) {
        mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, k, MR_EIO);
        mr_log_reader *opened = NULL;
        mr_err err = mri_reader_open(sample.os, mri_alloc_system(), "/log", &opened, &problem);
        has_fired = sample.faults.fired > 0;
        assert_int_equal(err, has_fired ? MR_EIO : MR_OK);
        mr_log_reader_close(opened);
        assert_int_equal(mri_os_memory_open_count(sample.memory), 0);
    }
    mr_log_reader *opened = NULL;
    mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, 0, MR_EIO);
    assert_int_equal(mr_log_reader_open(NULL, &opened, NULL), MR_EINVAL);
    assert_int_equal(mr_log_reader_open("/", NULL, NULL), MR_EINVAL);
    assert_int_equal(
        mri_reader_open(sample.os, mri_alloc_system(), "/no", &opened, NULL), MR_EPATH);
    assert_int_equal(
        mri_reader_open(sample.os, mri_alloc_system(), "/", &opened, NULL), MR_NOT_FOUND);
    mr_log_reader_close(NULL);
}

static void a_file_cut_short_is_read_and_followed_when_it_is_whole_again(void **fixture)
{
    (void)fixture;
    append(3, BODY_MAX);
    append(3, BODY_MAX);
    size_t count;
    size_t cut = offset_of(4) + 10;
    static uint8_t whole[FILE_BYTES];
    memcpy(whole, mri_os_memory_bytes(sample.memory, first_segment, &count), sizeof(whole));
    mr_log_close(sample.log);
    mri_os_memory_put(sample.memory, first_segment, whole, cut);
    open_reader();
    for (uint64_t seq = 1; seq <= 3; seq++) {
        expect_next(seq);
    }
    expect_refused(MR_END);
    assert_int_equal(mr_log_reader_tail(sample.reader), MR_LOG_TAIL_TORN);
    assert_int_equal(
        mri_log_open(sample.os, mri_alloc_system(), "/log", NULL, &sample.log, NULL), MR_OK);
    expect_next(4); /* RECOVERY */
    uint64_t last = mri_machine_sample_fill(&sample, 2, LARGE);
    for (uint64_t seq = 5; seq <= last; seq++) {
        expect_next(seq);
    }
}

static void damage_in_a_short_file_is_damage_too(void **fixture)
{
    (void)fixture;
    for (int i = 0; i < 10; i++) {
        append(1, BODY_MAX);
    }
    size_t count;
    static uint8_t whole[FILE_BYTES];
    memcpy(whole, mri_os_memory_bytes(sample.memory, first_segment, &count), sizeof(whole));
    whole[offset_of(3) + 30] ^= 1;
    size_t end = offset_of(11);
    mr_log_close(sample.log);
    sample.log = NULL;
    mri_os_memory_put(sample.memory, first_segment, whole, end);
    open_reader();
    expect_next(1);
    expect_next(2);
    expect_refused(MR_ECORRUPT);
}

/** Write batches as fast as possible until killed, or until the parent is gone; each batch's
 * records count down in `version`. */
static void write_for_ever(const char *folder, int durability)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    mr_log *log;
    struct mri_prng prng;
    mri_prng_init(&prng, (uint64_t)getpid());
    if (mr_log_open(folder, &options, &log, NULL) != MR_OK) {
        _exit(1);
    }
    for (unsigned i = 0; i < 300000; i++) { /* not really for ever: a disk has an end */
        size_t count = 1 + mri_prng_below(&prng, 20);
        size_t body = mri_prng_below(&prng, 50) == 0 ? 20000 : 200;
        char bytes[20000];
        mr_log_record records[20];
        memset(bytes, (int)body, sizeof(bytes));
        for (size_t k = 0; k < count; k++) {
            records[k] = (mr_log_record){.body = bytes,
                .body_bytes = (uint32_t)body,
                .subject_id = (uint32_t)count,
                .subject_prev = k,
                .type = 300};
        }
        if (mr_log_append(log, records, count, (mr_durability)durability, NULL) != MR_OK) {
            _exit(2);
        }
    }
    _exit(3);
}

struct follow {
    uint64_t next;
    uint32_t in_batch; /* records of the current batch seen so far */
    uint64_t batches;
    uint64_t recoveries;
};

/** Read what is there: no gap, no half batch, no damage. */
static mr_err follow(mr_log_reader *beside, struct follow *state)
{
    for (;;) {
        mr_log_event event;
        mr_problem why = {{0}};
        mr_err err = mr_log_reader_next(beside, &event, &why);
        if (err != MR_OK) {
            assert_string_equal(why.text, "");
            assert_int_equal(err, MR_END);
            assert_int_equal(state->in_batch, 0); /* never in the middle of a batch */
            return err;
        }
        assert_int_equal(event.seq.n, state->next);
        state->next++;
        if (event.type < MR_LOG_TYPE_FREE) {
            state->recoveries++;
            continue;
        }
        assert_int_equal(event.subject_prev, state->in_batch);
        state->in_batch++;
        assert_int_equal(event.is_batch_end, state->in_batch == event.subject_id);
        if (event.is_batch_end) {
            state->in_batch = 0;
            state->batches++;
        }
    }
}

/* The writer is killed and started again while the reader goes on. */
static void a_reader_beside_a_writer_sees_no_gap_and_no_half_batch(void **fixture)
{
    (void)fixture;
    char folder[MRI_TEMP_FOLDER_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    mr_log_reader *beside = NULL;
    struct follow state = {.next = 1};
    (void)mri_temp_folder_make(folder);
    assert_int_equal(mri_os_path(folder, "log", path), MR_OK);
    for (int life = 0; life < 6; life++) {
        pid_t writer = fork();
        if (writer == 0) {
            write_for_ever(path, life % 2 == 0 ? MR_ASYNC : MR_GROUP);
        }
        uint64_t before = state.batches;
        int64_t end = mri_os_linux()->boottime_ns(NULL) + 250000000;
        while (state.batches == before || mri_os_linux()->boottime_ns(NULL) < end) {
            if (beside == NULL) {
                mr_err err = mr_log_reader_open(path, &beside, NULL);
                assert_true(err == MR_OK || err == MR_EPATH || err == MR_NOT_FOUND);
                continue;
            }
            (void)follow(beside, &state);
            if (life % 3 == 0) {
                mr_err err = mr_log_reader_wait(beside, 5);
                assert_true(err == MR_OK || err == MR_AGAIN);
            }
        }
        uint32_t process_id = 0;
        assert_int_equal(mr_log_reader_writer(beside, &process_id), MR_OK);
        assert_int_equal(process_id, writer);
        int status;
        assert_int_equal(kill(writer, SIGKILL), 0);
        assert_int_equal(waitpid(writer, &status, 0), writer);
        assert_true(WIFSIGNALED(status)); /* it did not give up */
        (void)follow(beside, &state);
        assert_int_equal(mr_log_reader_writer(beside, &process_id), MR_NOT_FOUND);
    }
    assert_true(state.batches > 1000);
    mr_log_reader_close(beside);
    mri_temp_folder_remove(folder);
}

static void waiting_ends_when_the_log_grows_or_the_time_is_over(void **fixture)
{
    (void)fixture;
    char folder[MRI_TEMP_FOLDER_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    mr_log *log;
    mr_log_reader *beside;
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    (void)mri_temp_folder_make(folder);
    assert_int_equal(mri_os_path(folder, "log", path), MR_OK);
    assert_int_equal(mr_log_open(path, &options, &log, NULL), MR_OK);
    assert_int_equal(mr_log_reader_open(path, &beside, NULL), MR_OK);
    assert_int_equal(mr_log_reader_wait(beside, 1000), MR_OK); /* look once more first */
    assert_int_equal(mr_log_reader_wait(beside, 1), MR_AGAIN);
    assert_int_equal(mri_log_sample_append(log, 1, BODY_MAX, MR_ASYNC, NULL), MR_OK);
    assert_int_equal(mr_log_reader_wait(beside, -1), MR_OK);
    assert_int_equal(mri_log_sample_append(log, 1, BODY_MAX, MR_ASYNC, NULL), MR_OK);
    assert_int_equal(mr_log_reader_wait(beside, INT64_MAX), MR_OK);
    mr_log_reader_close(beside);
    mr_log_close(log);
    mri_temp_folder_remove(folder);
}

int main(void)
{
#define TEST(name) MRI_MACHINE_SAMPLE_TEST(name, &sample)
    const struct CMUnitTest tests[] = {
        TEST(the_end_is_only_the_end_so_far),
        TEST(a_reader_may_be_there_before_the_first_segment),
        TEST(events_point_into_the_file_until_the_next_call),
        TEST(every_event_can_be_sought),
        TEST(seeking_what_is_not_there_moves_nothing),
        TEST(damage_is_never_skipped_and_what_stands_before_it_can_be_read),
        TEST(a_lost_sector_of_zeros_is_damage_and_not_the_end),
        TEST(a_torn_tail_is_the_end_for_a_reader_and_changes_nothing),
        TEST(a_torn_end_is_looked_through_once_and_then_where_something_was_written),
        TEST(a_newest_segment_whose_file_is_gone_is_damage_beside_its_writers),
        TEST(a_missing_segment_is_damage_and_no_gap),
        TEST(an_event_must_have_a_place_to_go_to),
        TEST(a_fault_of_the_machine_leaves_the_reader_where_it_was),
        TEST(a_failed_open_leaves_nothing_open),
        TEST(a_file_cut_short_is_read_and_followed_when_it_is_whole_again),
        TEST(damage_in_a_short_file_is_damage_too),
        cmocka_unit_test(a_reader_beside_a_writer_sees_no_gap_and_no_half_batch),
        cmocka_unit_test(waiting_ends_when_the_log_grows_or_the_time_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
