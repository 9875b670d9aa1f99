/* SPDX-License-Identifier: MIT */
/*
 * Figures of a log in a machine in memory, and flushing it.
 */
#include "log/open/figures.h"

#include <string.h>

#include "base/prng.h"
#include "log/format/segment.h"
#include "log/open/append.h"
#include "log/open/snapshot.h"
#include "log/open/writer.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, BODY_MAX = 60000, APPENDS = 40 };

static mr_log *open_log(const struct mri_os *os)
{
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    mr_log *log;
    assert_int_equal(mri_log_open(os, mri_alloc_system(), "/log", &options, &log, NULL), MR_OK);
    return log;
}

static void figures_are_those_of_what_was_written(void **fixture)
{
    (void)fixture;
    struct mri_os_memory *memory = mri_os_memory_new(FILE_BYTES);
    const struct mri_os *os = mri_os_memory_table(memory);
    mr_log_figures figures;
    mr_log *log = open_log(os);
    uint64_t bytes = 0;
    for (int i = 0; i < APPENDS; i++) {
        mr_log_ack ack;
        assert_int_equal(mri_log_sample_append(log, 3, BODY_MAX, MR_ASYNC, &ack), MR_OK);
        bytes += ack.stored_bytes;
    }
    assert_int_equal(mri_figures_count(os, mri_alloc_system(), "/log", &figures, NULL), MR_OK);
    assert_int_equal(figures.first.n, 1);
    assert_int_equal(figures.last.n, 3 * APPENDS);
    assert_int_equal(figures.records, 3 * APPENDS);
    assert_int_equal(figures.record_bytes, bytes);
    assert_true(figures.segments > 2 && figures.segment_bytes == FILE_BYTES);
    assert_true(figures.folder_bytes > figures.segments * FILE_BYTES);
    assert_true(figures.has_writer);
    assert_int_equal(figures.writer_process, 4242);
    assert_true(figures.last_unix_ns > figures.first_unix_ns);
    assert_string_equal(figures.file_system, "memory");
    assert_null(figures.warning);
    assert_int_equal(figures.damage, MR_OK);
    mr_log_close(log);
    size_t size;
    mri_os_memory_bytes(memory, "/log/seg-0000000000000001.log", &size)[4096 + 8] ^= 1;
    assert_int_equal(mri_figures_count(os, mri_alloc_system(), "/log", &figures, NULL), MR_OK);
    assert_false(figures.has_writer);
    assert_int_equal(figures.damage, MR_ECORRUPT);
    assert_int_equal(figures.records, 0);
    assert_int_equal(
        mri_figures_count(os, mri_alloc_system(), "/nothing", &figures, NULL), MR_EPATH);
    assert_int_equal(mri_os_memory_open_count(memory), 0);
    mri_os_memory_free(memory);
}

static void what_was_flushed_survives_a_power_cut(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct mri_os_memory *memory = mri_os_memory_new(FILE_BYTES);
        const struct mri_os *os = mri_os_memory_table(memory);
        struct mri_prng prng;
        mr_seq last;
        mr_problem problem = {{0}};
        mri_prng_init(&prng, seed);
        mr_log *log = open_log(os);
        assert_int_equal(mri_log_sample_append(log, 15, 500, MR_ASYNC, NULL), MR_OK);
        assert_int_equal(mri_figures_flush(os, mri_alloc_system(), "/log", &last, &problem), MR_OK);
        assert_int_equal(last.n, 15); /* as one more of those who have it open */
        assert_int_equal(mr_log_durable(log).n, 15);
        assert_int_equal(mri_log_sample_append(log, 5, 500, MR_ASYNC, NULL), MR_OK);
        mri_log_sample_end_process(memory, log); /* killed: nothing was synced */
        assert_int_equal(mri_figures_flush(os, mri_alloc_system(), "/log", &last, NULL), MR_OK);
        assert_int_equal(last.n, 20);
        mri_os_memory_cut_power(memory, &prng);
        log = open_log(os);
        assert_int_equal(mr_log_last(log).n, 20);
        mr_log_close(log);
        mri_os_memory_free(memory);
    }
}

static void a_failed_sync_is_told(void **fixture)
{
    (void)fixture;
    struct mri_os_memory *memory = mri_os_memory_new(FILE_BYTES);
    struct mri_os_faults machine;
    mr_seq last;
    mri_os_faults_init(&machine, mri_os_memory_table(memory));
    mr_log_close(open_log(&machine.table));
    mri_os_faults_arm(&machine, MRI_OS_CALL_SYNC_DATA, 1, MR_EIO);
    assert_int_equal(
        mri_figures_flush(&machine.table, mri_alloc_system(), "/log", &last, NULL), MR_EIO);
    assert_int_equal(mri_os_memory_open_count(memory), 0);
    mri_os_memory_free(memory);
}

static void append_as_producer(mr_log *log, uint32_t producer_seq)
{
    const mr_log_record record = {
        .type = MR_LOG_TYPE_FREE, .producer_id = 7, .producer_seq = producer_seq};
    assert_int_equal(mr_log_append(log, &record, 1, MR_GROUP, NULL), MR_OK);
}

/** Is a log refused for its end, and left as it was? */
static void check_refused(struct mri_os_memory *memory, const char *path)
{
    static uint8_t before[FILE_BYTES];
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    mr_problem problem = {""};
    mr_log *log;
    size_t size;
    const uint8_t *file = mri_os_memory_bytes(memory, path, &size);
    memcpy(before, file, size);
    assert_int_equal(mri_log_open(mri_os_memory_table(memory), mri_alloc_system(), "/log", &options,
                         &log, &problem),
        MR_ECORRUPT);
    assert_non_null(strstr(problem.text, "the end of the log is missing"));
    assert_memory_equal(mri_os_memory_bytes(memory, path, &size), before, size);
}

/** What counting says of the end, beside a count that does not fail. */
static mr_err damage_of(const struct mri_os *os, mr_log_figures *ret_figures)
{
    assert_int_equal(mri_figures_count(os, mri_alloc_system(), "/log", ret_figures, NULL), MR_OK);
    return ret_figures->damage;
}

static void an_end_is_missing_that_producers_or_a_snapshot_remember(void **fixture)
{
    (void)fixture;
    struct mri_os_memory *memory = mri_os_memory_new(FILE_BYTES);
    const struct mri_os *os = mri_os_memory_table(memory);
    struct mri_buf payload;
    mr_log_figures figures;
    mr_seq last;
    mr_log *log = open_log(os);
    for (uint32_t i = 1; i <= 5; i++) {
        append_as_producer(log, i);
    }
    mr_log_close(log);
    assert_int_equal(damage_of(os, &figures), MR_OK);
    assert_int_equal(figures.producers_up_to.n, 5);
    size_t size;
    uint8_t *file = mri_os_memory_bytes(memory, "/log/seg-0000000000000001.log", &size);
    memset(file + MRI_SEGMENT_PAGE_BYTES + 64, 0, size - MRI_SEGMENT_PAGE_BYTES - 64);
    assert_int_equal(damage_of(os, &figures), MR_ECORRUPT);
    assert_int_equal(figures.last.n, 1);
    assert_non_null(strstr(figures.damage_problem.text, "the file producers names event 5"));
    assert_non_null(strstr(figures.damage_problem.text, "the end of the log is missing"));
    assert_int_equal(mri_figures_flush(os, mri_alloc_system(), "/log", &last, NULL), MR_ECORRUPT);
    check_refused(memory, "/log/seg-0000000000000001.log");
    assert_int_equal(os->remove(os->context, "/log/producers"), MR_OK);
    assert_int_equal(damage_of(os, &figures), MR_OK); /* nobody knows of it any more */
    mri_buf_init(&payload, mri_alloc_system(), 64);
    assert_int_equal(
        mri_snapshot_write(os, "/log", &(struct mri_snapshot_place){.seq = 1}, &payload), MR_OK);
    assert_int_equal(damage_of(os, &figures), MR_OK);
    assert_int_equal(
        mri_snapshot_write(os, "/log", &(struct mri_snapshot_place){.seq = 2}, &payload), MR_OK);
    assert_int_equal(damage_of(os, &figures), MR_ECORRUPT);
    assert_non_null(strstr(figures.damage_problem.text, "a snapshot of event 2"));
    check_refused(memory, "/log/seg-0000000000000001.log");
    mri_buf_fini(&payload);
    assert_int_equal(mri_os_memory_open_count(memory), 0);
    mri_os_memory_free(memory);
}

/* Who syncs beside a writer syncs what he has; whether its files have names, nobody told him. */
static void what_is_in_no_file_is_not_flushed(void **fixture)
{
    (void)fixture;
    for (int i = 0; i < 2; i++) { /* one in the middle, the newest */
        struct mri_os_memory *memory = mri_os_memory_new(FILE_BYTES);
        const struct mri_os *os = mri_os_memory_table(memory);
        struct mri_segment_list list = {0};
        char name[MRI_SEGMENT_NAME_BYTES];
        char path[MRI_PATH_BYTES_MAX];
        mr_problem problem = {""};
        mr_seq last;
        mr_log *log = open_log(os);
        while (list.count < 3) {
            assert_int_equal(mri_log_sample_append(log, 10, 100000, MR_GROUP, NULL), MR_OK);
            mri_segment_list_fini(&list);
            assert_int_equal(mri_segment_list(os, mri_alloc_system(), "/log", &list), MR_OK);
        }
        assert_int_equal(mri_figures_flush(os, mri_alloc_system(), "/log", &last, &problem), MR_OK);
        assert_string_equal(problem.text, "");
        assert_int_equal(last.n, mr_log_last(log).n);
        assert_int_equal(
            mri_os_path("/log", mri_segment_name(list.base_seqs[1 + i], name), path), MR_OK);
        mri_segment_list_fini(&list);
        assert_int_equal(os->remove(os->context, path), MR_OK);
        assert_int_equal(
            mri_figures_flush(os, mri_alloc_system(), "/log", &last, &problem), MR_ECORRUPT);
        assert_non_null(strstr(problem.text, "missing"));
        mr_log_close(log);
        mri_os_memory_free(memory);
    }
}

static void file_systems_that_need_care_are_named(void **fixture)
{
    (void)fixture;
    static const char *const careful[] = {"overlayfs", "tmpfs", "btrfs", "zfs"};
    for (size_t i = 0; i < MRI_COUNT_OF(careful); i++) {
        assert_non_null(mri_figures_warning(careful[i]));
    }
    assert_null(mri_figures_warning("ext4"));
    assert_null(mri_figures_warning("xfs"));
    assert_null(mri_figures_warning(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_what_was_written),
        cmocka_unit_test(what_was_flushed_survives_a_power_cut),
        cmocka_unit_test(a_failed_sync_is_told),
        cmocka_unit_test(an_end_is_missing_that_producers_or_a_snapshot_remember),
        cmocka_unit_test(what_is_in_no_file_is_not_flushed),
        cmocka_unit_test(file_systems_that_need_care_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
