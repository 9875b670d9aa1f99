/* SPDX-License-Identifier: MIT */
/*
 * Tests of archives: a log reads the same before and after, damage is never skipped, and wherever
 * the power goes one good copy is there.
 */
#include "log/format/archive.h"

#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/prng.h"
#include "log/keep/retain.h"
#include "log/open/append.h"
#include "log/read/reader.h"
#include "os/compress.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/machine_sample.h"

enum {
    SEGMENT_BYTES = MRI_SEGMENT_BYTES_MIN,
    FILE_BYTES = 2 * SEGMENT_BYTES,
    LARGE = 100000,
    EVENTS_MAX = 400,
};

static const char plain_path[] = "/log/seg-0000000000000001.log";
static const char archive_path[] = "/log/seg-0000000000000001.log.zst";
static struct mri_machine_sample sample = {.file_bytes_max = FILE_BYTES};
static mr_problem problem;
static uint32_t chain[EVENTS_MAX]; /* of each event as it was written */
static uint64_t last;

/** Bases of the segments, plain or not. */
static size_t bases(uint64_t *ret_bases, size_t max)
{
    struct mri_segment_list list;
    assert_int_equal(mri_segment_list(sample.os, mri_alloc_system(), "/log", &list), MR_OK);
    size_t count = list.count;
    assert_true(count <= max);
    memcpy(ret_bases, list.base_seqs, count * sizeof(*ret_bases));
    mri_segment_list_fini(&list);
    return count;
}

static mr_log_reader *open_reader(bool is_copying)
{
    mr_log_reader *reader = NULL;
    const mr_log_read_options options = {.is_copying = is_copying};
    problem.text[0] = '\0';
    mr_err err =
        mri_reader_open_with(sample.os, mri_alloc_system(), "/log", &options, &reader, &problem);
    assert_string_equal(problem.text, "");
    assert_int_equal(err, MR_OK);
    return reader;
}

/** Read all of it: every event must be the one that was written. How it ended, and where. */
static mr_err read_all(bool is_copying, uint64_t *ret_read)
{
    mr_log_event event;
    mr_log_reader *reader = NULL;
    const mr_log_read_options options = {.is_copying = is_copying};
    *ret_read = 0;
    mr_err err =
        mri_reader_open_with(sample.os, mri_alloc_system(), "/log", &options, &reader, &problem);
    while (err == MR_OK && (err = mr_log_reader_next(reader, &event, &problem)) == MR_OK) {
        (*ret_read)++;
        assert_int_equal(event.seq.n, *ret_read);
        assert_int_equal(event.chain_crc, chain[event.seq.n]);
        assert_int_equal((uintptr_t)event.body % 64, 0);
        assert_true(event.type < MR_LOG_TYPE_FREE || mri_log_sample_is(&event, LARGE));
    }
    mr_log_reader_close(reader);
    return err;
}

static void expect_whole(void)
{
    uint64_t read;
    problem.text[0] = '\0';
    mr_err err = read_all(false, &read);
    assert_string_equal(problem.text, "");
    assert_int_equal(err, MR_END);
    assert_int_equal(read, last);
}

static int set_up(void **fixture)
{
    uint64_t found[8];
    mr_log_event event;
    int result = mri_machine_sample_set_up(fixture);
    do {
        assert_int_equal(mri_log_sample_append(sample.log, 3, LARGE, MR_GROUP, NULL), MR_OK);
    } while (bases(found, 8) < 3);
    mr_log_reader *reader = open_reader(false);
    for (last = 0; mr_log_reader_next(reader, &event, NULL) == MR_OK; last++) {
        assert_true(event.seq.n < EVENTS_MAX);
        chain[event.seq.n] = event.chain_crc;
    }
    mr_log_reader_close(reader);
    return result;
}

static mr_err archive(uint64_t base_seq)
{
    problem.text[0] = '\0';
    return mri_archive_segment(sample.os, mri_alloc_system(), "/log", base_seq, NULL, &problem);
}

static bool is_file(const char *path)
{
    struct mri_file_info info;
    return sample.os->info(sample.os->context, path, &info) == MR_OK;
}

/* ---- the same log ---------------------------------------------------------------------------- */

static void an_archived_log_reads_the_same_in_every_way(void **fixture)
{
    (void)fixture;
    uint64_t found[8];
    static int64_t times[EVENTS_MAX];
    size_t count = bases(found, 8);
    for (size_t i = 0; i + 1 < count; i++) {
        struct mri_archive_report report = {0};
        assert_int_equal(
            mri_archive_segment(sample.os, mri_alloc_system(), "/log", found[i], &report, &problem),
            MR_OK);
        assert_int_equal(report.plain_bytes, SEGMENT_BYTES);
        assert_true(report.packed_bytes > 0);
        expect_whole();
    }
    assert_true(is_file(archive_path) && !is_file(plain_path));
    for (int is_copying = 0; is_copying < 2; is_copying++) {
        uint64_t read;
        mr_log_event event;
        assert_int_equal(read_all(is_copying == 1, &read), MR_END);
        assert_int_equal(read, last);
        mr_log_reader *reader = open_reader(is_copying == 1);
        assert_int_equal(mri_reader_check_count(reader, NULL), MR_OK);
        assert_int_equal(mr_log_reader_seek_end(reader, NULL), MR_OK);
        for (uint64_t seq = last; seq >= 1; seq--) {
            assert_int_equal(mr_log_reader_previous(reader, &event, NULL), MR_OK);
            assert_int_equal(event.chain_crc, chain[seq]);
            times[seq] = event.time_unix_ns;
        }
        for (uint64_t seq = last; seq >= 1; seq--) {
            assert_int_equal(mr_log_reader_seek(reader, (mr_seq){seq}, NULL), MR_OK);
            assert_int_equal(mr_log_reader_next(reader, &event, NULL), MR_OK);
            assert_int_equal(event.chain_crc, chain[seq]);
            assert_int_equal(mr_log_reader_seek_time(reader, times[seq], NULL), MR_OK);
            assert_int_equal(mr_log_reader_next(reader, &event, NULL), MR_OK);
            assert_int_equal(event.seq.n, seq);
        }
        mr_log_reader_close(reader);
    }
}

static void a_log_with_archives_is_opened_and_written_on(void **fixture)
{
    (void)fixture;
    uint64_t found[8];
    uint64_t read;
    size_t count = bases(found, 8);
    for (size_t i = 0; i + 1 < count; i++) {
        assert_int_equal(archive(found[i]), MR_OK);
    }
    assert_int_equal(mri_log_sample_append(sample.log, 1, LARGE, MR_GROUP, NULL), MR_OK);
    mr_log_close(sample.log);
    sample.log = NULL;
    size_t bytes_count;
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, archive_path, &bytes_count);
    bytes[5000] ^= 1; /* a writer does not look at it */
    assert_int_equal(
        mri_log_open(sample.os, mri_alloc_system(), "/log", NULL, &sample.log, &problem), MR_OK);
    bytes[5000] ^= 1;
    last = mr_log_last(sample.log).n;
    mr_log_reader *reader = open_reader(false);
    assert_int_equal(mri_log_sample_read(reader, LARGE, &read), MR_END);
    assert_int_equal(read, last);
    mr_log_reader_close(reader);
}

static void a_segment_may_turn_into_its_archive_under_a_reader(void **fixture)
{
    (void)fixture;
    uint64_t found[8];
    mr_log_event event;
    (void)bases(found, 8);
    mr_log_reader *reader = open_reader(false);
    for (uint64_t seq = 1; seq <= last; seq++) {
        if (seq == 2) {
            assert_int_equal(archive(found[0]), MR_OK);
            assert_int_equal(archive(found[1]), MR_OK);
        }
        assert_int_equal(mr_log_reader_next(reader, &event, &problem), MR_OK);
        assert_int_equal(event.chain_crc, chain[seq]);
    }
    for (uint64_t seq = last; seq >= 1; seq--) {
        assert_int_equal(mr_log_reader_previous(reader, &event, &problem), MR_OK);
        assert_int_equal(event.chain_crc, chain[seq]);
    }
    mr_log_reader_close(reader);
}

static void what_may_not_be_archived_is_refused_and_stays(void **fixture)
{
    (void)fixture;
    int fd;
    size_t count;
    uint64_t found[8];
    size_t segments = bases(found, 8);
    assert_int_equal(archive(found[segments - 1]), MR_REFUSED);
    assert_int_equal(archive(found[1] + 1), MR_NOT_FOUND);
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, plain_path, &count);
    static const size_t places[] = {3, 4096 + 70, SEGMENT_BYTES - 8, 2048};
    for (size_t i = 0; i < MRI_COUNT_OF(places); i++) {
        bytes[places[i]] ^= 1;
        assert_int_equal(archive(1), MR_ECORRUPT);
        assert_non_null(strstr(problem.text, plain_path));
        assert_true(is_file(plain_path) && !is_file(archive_path));
        bytes[places[i]] ^= 1;
    }
    assert_int_equal(
        sample.os->open(sample.os->context, "/log/archive.lock", MRI_OPEN_WRITE, &fd), MR_OK);
    assert_int_equal(
        sample.os->lock_range(sample.os->context, fd, 0, 1, MRI_RANGE_EXCLUSIVE), MR_OK);
    assert_int_equal(archive(1), MR_BUSY);
    sample.os->close(sample.os->context, fd);
    assert_int_equal(archive(1), MR_OK);
    assert_int_equal(archive(1), MR_EXISTS);
    expect_whole();
}

static void without_space_the_plain_segment_stays(void **fixture)
{
    (void)fixture;
    mri_os_memory_set_space(sample.memory, 3 * SEGMENT_BYTES + SEGMENT_BYTES / 2);
    assert_int_equal(archive(1), MR_ENOSPC);
    assert_true(is_file(plain_path) && !is_file(archive_path) && !is_file("/log/archive.tmp"));
    expect_whole();
    mri_os_memory_set_space(sample.memory, UINT64_MAX / 2);
    assert_int_equal(archive(1), MR_OK);
}

static void retention_removes_archives_too(void **fixture)
{
    (void)fixture;
    uint64_t found[8];
    mr_log_retain_report report;
    const mr_log_retain_options options = {.keep_events = 1, .needed = {last + 1}, .is_done = true};
    (void)bases(found, 8);
    assert_int_equal(archive(found[0]), MR_OK);
    assert_int_equal(archive(found[1]), MR_OK);
    uint64_t second = found[1];
    mr_log_close(sample.log);
    sample.log = NULL;
    mr_err err = mri_retain(sample.os, mri_alloc_system(), "/log", &options, &report, &problem);
    assert_int_equal(err, MR_OK);
    assert_int_equal(report.segments, 1);
    (void)bases(found, 8);
    assert_int_equal(found[0], second);
    assert_false(is_file(archive_path));
    mr_log_event event;
    mr_log_reader *reader = open_reader(false);
    assert_int_equal(mr_log_reader_next(reader, &event, &problem), MR_OK);
    assert_int_equal(event.chain_crc, chain[second]);
    mr_log_reader_close(reader);
}

static void an_archive_is_unpacked_only_when_it_is_read(void **fixture)
{
    (void)fixture;
    size_t count;
    mr_log_event event;
    assert_int_equal(archive(1), MR_OK);
    mri_os_memory_bytes(sample.memory, archive_path, &count)[5000] ^= 1;
    mr_log_reader *reader = open_reader(false);
    assert_int_equal(mr_log_reader_seek_end(reader, &problem), MR_OK);
    assert_int_equal(mr_log_reader_previous(reader, &event, &problem), MR_OK);
    assert_int_equal(event.seq.n, last);
    assert_int_equal(mr_log_reader_seek(reader, (mr_seq){1}, &problem), MR_ECORRUPT);
    mr_log_reader_close(reader);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void expect_damage(const char *part)
{
    uint64_t read;
    problem.text[0] = '\0';
    assert_int_equal(read_all(false, &read), MR_ECORRUPT);
    assert_non_null(strstr(problem.text, archive_path));
    assert_non_null(strstr(problem.text, part));
    assert_int_equal(read, 0);
}

static void every_changed_bit_of_an_archive_is_found(void **fixture)
{
    (void)fixture;
    size_t count;
    unsigned flips = 0;
    assert_int_equal(archive(1), MR_OK);
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, archive_path, &count);
    for (size_t at = 0; at < count; at += at < 300 ? 1 : 20011) {
        for (unsigned bit = 0; bit < 8; bit += at < 300 ? 1 : 5) {
            uint64_t read;
            bytes[at] ^= (uint8_t)(1u << bit);
            problem.text[0] = '\0';
            mr_err err = read_all(false, &read);
            assert_true(err == MR_ECORRUPT || (err == MR_EVERSION && at < 256));
            assert_non_null(strstr(problem.text, archive_path));
            assert_int_equal(read, 0);
            bytes[at] ^= (uint8_t)(1u << bit);
            flips++;
        }
    }
    assert_true(flips > 2400);
    expect_whole();
}

static void a_short_or_longer_archive_is_damage(void **fixture)
{
    (void)fixture;
    size_t count;
    static uint8_t kept[FILE_BYTES];
    assert_int_equal(archive(1), MR_OK);
    memcpy(kept, mri_os_memory_bytes(sample.memory, archive_path, &count), FILE_BYTES);
    size_t whole = count;
    const size_t lengths[] = {0, 1, 255, 256, 257, whole / 2, whole - 1, whole + 1, whole + 4096};
    for (size_t i = 0; i < MRI_COUNT_OF(lengths); i++) {
        mri_os_memory_put(sample.memory, archive_path, kept, lengths[i]);
        expect_damage("");
    }
    mri_os_memory_put(sample.memory, archive_path, kept, whole);
    expect_whole();
}

/** Pack these bytes as the archive of the first segment, with right checksums. */
static void forge(const uint8_t *plain, size_t plain_bytes)
{
    static uint8_t file[FILE_BYTES];
    struct mri_archive_head head;
    struct mri_compress compress;
    size_t count;
    memcpy(&head, mri_os_memory_bytes(sample.memory, archive_path, &count), sizeof(head));
    struct mri_compress_step step = {.in = plain,
        .in_bytes = plain_bytes,
        .out = file + sizeof(head),
        .out_bytes = sizeof(file) - sizeof(head)};
    assert_int_equal(mri_compress_init(&compress, plain_bytes), MR_OK);
    assert_int_equal(mri_compress_run(&compress, &step, true), MR_OK);
    mri_compress_fini(&compress);
    head.packed_bytes = step.out_used;
    head.packed_crc = mri_crc32c(0, file + sizeof(head), step.out_used);
    head.head_crc = mri_crc32c(0, &head, offsetof(struct mri_archive_head, head_crc));
    memcpy(file, &head, sizeof(head));
    mri_os_memory_put(sample.memory, archive_path, file, sizeof(head) + step.out_used);
}

static void what_an_archive_holds_is_checked_like_a_plain_segment(void **fixture)
{
    (void)fixture;
    size_t count;
    uint64_t read;
    static uint8_t plain[FILE_BYTES];
    struct mri_archive_head head;
    memcpy(plain, mri_os_memory_bytes(sample.memory, plain_path, &count), FILE_BYTES);
    assert_int_equal(archive(1), MR_OK);
    memcpy(&head, mri_os_memory_bytes(sample.memory, archive_path, &count), sizeof(head));
    forge(plain, (size_t)head.plain_bytes);
    expect_whole();
    plain[MRI_SEGMENT_PAGE_BYTES + 20] ^= 1; /* the first event */
    forge(plain, (size_t)head.plain_bytes);
    expect_damage("event 1 at offset 4096 is damaged");
    plain[MRI_SEGMENT_PAGE_BYTES + 20] ^= 1;
    forge(plain, (size_t)head.plain_bytes - 64); /* ROLL is missing */
    expect_damage("");
    forge(plain, FILE_BYTES / 4 * 3); /* more than the head says */
    expect_damage("");
    forge(plain, (size_t)head.plain_bytes);
    assert_int_equal(read_all(true, &read), MR_END);
    assert_int_equal(read, last);
}

/* ---- crashes --------------------------------------------------------------------------------- */

static void a_fault_at_any_call_leaves_a_log_that_reads_the_same(void **fixture)
{
    bool has_fired = true;
    uint64_t k;
    for (k = 1; has_fired; k++) {
        assert_int_equal(mri_machine_sample_tear_down(fixture), 0);
        assert_int_equal(set_up(fixture), 0);
        mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, k, MR_EIO);
        mr_err err = archive(1);
        has_fired = sample.faults.fired > 0;
        assert_true(err == MR_OK || (err == MR_EIO && has_fired));
        mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, 0, MR_EIO);
        expect_whole();
        err = archive(1);
        assert_true(err == MR_OK || err == MR_EXISTS);
        assert_true(is_file(archive_path) && !is_file(plain_path));
        expect_whole();
    }
    assert_true(k > 20);
}

static void wherever_the_power_goes_one_good_copy_is_there(void **fixture)
{
    unsigned plain_only = 0;
    unsigned both = 0;
    unsigned archive_only = 0;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        bool has_fired = true;
        for (uint64_t k = 1; has_fired; k++) {
            struct mri_prng prng;
            mri_prng_init(&prng, seed * 1000 + k);
            assert_int_equal(mri_machine_sample_tear_down(fixture), 0);
            assert_int_equal(set_up(fixture), 0);
            sample.faults.is_sticky = true;
            sample.faults.is_short_write = seed == 2;
            mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, k, MR_EIO);
            (void)archive(1); /* whatever it answers, nobody is there to hear it */
            has_fired = sample.faults.fired > 0;
            mr_log_close(sample.log);
            sample.log = NULL;
            mri_os_memory_cut_power(sample.memory, &prng);
            sample.faults.is_sticky = false;
            mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, 0, MR_EIO);
            plain_only += is_file(plain_path) && !is_file(archive_path);
            both += is_file(plain_path) && is_file(archive_path);
            archive_only += !is_file(plain_path) && is_file(archive_path);
            expect_whole();
            mr_err err = archive(1);
            assert_true(err == MR_OK || err == MR_EXISTS);
            assert_true(is_file(archive_path) && !is_file(plain_path));
            expect_whole();
        }
    }
    assert_true(plain_only > 0 && both > 0 && archive_only > 0);
}

static void with_both_there_the_segment_is_listed_once_and_the_archive_made_good(void **fixture)
{
    (void)fixture;
    size_t count;
    uint64_t found[8];
    static uint8_t plain[SEGMENT_BYTES];
    size_t segments = bases(found, 8);
    for (int is_damaged = 0; is_damaged < 2; is_damaged++) {
        if (is_damaged == 0) {
            memcpy(plain, mri_os_memory_bytes(sample.memory, plain_path, &count), sizeof(plain));
            assert_int_equal(archive(1), MR_OK);
        }
        mri_os_memory_put(sample.memory, plain_path, plain, sizeof(plain));
        uint8_t *bytes = mri_os_memory_bytes(sample.memory, archive_path, &count);
        bytes[count / 2] ^= (uint8_t)is_damaged;
        assert_int_equal(bases(found, 8), segments);
        expect_whole();
        assert_int_equal(archive(1), MR_OK);
        assert_true(is_file(archive_path) && !is_file(plain_path));
        expect_whole();
    }
}

int main(void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_prestate_setup_teardown(name, set_up, mri_machine_sample_tear_down, &sample)
    const struct CMUnitTest tests[] = {
        TEST(an_archived_log_reads_the_same_in_every_way),
        TEST(a_log_with_archives_is_opened_and_written_on),
        TEST(a_segment_may_turn_into_its_archive_under_a_reader),
        TEST(what_may_not_be_archived_is_refused_and_stays),
        TEST(without_space_the_plain_segment_stays),
        TEST(retention_removes_archives_too),
        TEST(an_archive_is_unpacked_only_when_it_is_read),
        TEST(every_changed_bit_of_an_archive_is_found),
        TEST(a_short_or_longer_archive_is_damage),
        TEST(what_an_archive_holds_is_checked_like_a_plain_segment),
        TEST(a_fault_at_any_call_leaves_a_log_that_reads_the_same),
        TEST(wherever_the_power_goes_one_good_copy_is_there),
        TEST(with_both_there_the_segment_is_listed_once_and_the_archive_made_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
