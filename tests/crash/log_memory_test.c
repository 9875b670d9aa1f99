/* SPDX-License-Identifier: MIT */
/*
 * The k-th allocation fails, for every k until a run ends without a failure: each call answers
 * MR_ENOMEM or does what it should, nothing leaks or stays open, and the log is as good as before.
 */
#include <stdlib.h>
#include <string.h>

#include "log/consume/consumer.h"
#include "log/format/archive.h"
#include "log/keep/repair.h"
#include "log/keep/retain.h"
#include "log/open/append.h"
#include "log/open/figures.h"
#include "log/open/snapshot.h"
#include "log/read/reader.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/os_memory.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, BODY_MAX = 100000, RUNS_MAX = 2000 };

static const mr_log_options made = {.is_create = true, .segment_bytes = FILE_BYTES};

/** What a run works with. */
struct run {
    struct mri_os_memory *memory;
    const struct mri_os *os;
    struct failing_alloc failing;
    mr_problem problem;
};

/** Is this the answer of a call that failed because of the allocator, or worked? */
static bool is_fine(const struct run *run, mr_err err)
{
    bool has_failed = run->failing.failing != 0 && run->failing.calls >= run->failing.failing;
    return err >= MR_OK || (err == MR_ENOMEM && has_failed);
}

#define FINE(call)                                                                                 \
    do {                                                                                           \
        mr_err fine = (call);                                                                      \
        if (!is_fine(run, fine)) {                                                                 \
            fail_msg("%s: %s: %s", #call, mr_err_text(fine), run->problem.text);                   \
        }                                                                                          \
    } while (0)

/** A log of three segments and a consumer, made with memory enough. */
static void make_log(struct run *run)
{
    mr_log *log = NULL;
    run->memory = mri_os_memory_new(2 * FILE_BYTES);
    run->os = mri_os_memory_table(run->memory);
    assert_int_equal(mri_log_open(run->os, mri_alloc_system(), "/log", &made, &log, NULL), MR_OK);
    while (mri_log_sample_segment(log) < (uint64_t)2 * FILE_BYTES) {
        assert_int_equal(mri_log_sample_append(log, 4, BODY_MAX, MR_ASYNC, NULL), MR_OK);
    }
    mr_log_close(log);
}

static void write_and_read(struct run *run)
{
    mr_log *log = NULL;
    mr_log_reader *reader = NULL;
    mr_log_event event;
    mr_log_ack ack = {0};
    FINE(mri_log_open(run->os, &run->failing.alloc, "/log", &made, &log, &run->problem));
    if (log != NULL) {
        FINE(mri_log_sample_append(log, 3, BODY_MAX, MR_GROUP, &ack));
    }
    FINE(mri_reader_open(run->os, &run->failing.alloc, "/log", &reader, &run->problem));
    if (reader != NULL) {
        FINE(mr_log_reader_next(reader, &event, &run->problem));
        FINE(mr_log_reader_seek_end(reader, &run->problem));
        FINE(mr_log_reader_previous(reader, &event, &run->problem));
        const mr_log_token token = mr_log_reader_token(reader);
        mr_seq differs = {0};
        FINE(mr_log_reader_seek(reader, (mr_seq){2}, &run->problem));
        FINE(mr_log_reader_seek_time(reader, event.time_unix_ns, &run->problem));
        FINE(mr_log_reader_seek_token(reader, &token, &differs, &run->problem));
    }
    mr_log_reader_close(reader);
    mr_log_close(log);
}

static void consume(struct run *run)
{
    const struct mri_consumer_at at = {run->os, &run->failing.alloc, "/log", "c"};
    mr_log *log = NULL;
    mr_consumer *consumer = NULL;
    mr_log_event event;
    mr_delivery delivery;
    FINE(mri_log_open(run->os, &run->failing.alloc, "/log", &made, &log, &run->problem));
    if (log != NULL) {
        const mr_consumer_options options = {.log = log, .is_durable_ack = true};
        FINE(mri_consumer_open(&at, &options, &consumer, &run->problem));
    }
    for (int i = 0; consumer != NULL && i < 3; i++) {
        mr_err err = mr_consumer_next(consumer, &event, &delivery, &run->problem);
        FINE(err);
        if (err == MR_OK) {
            FINE(mr_consumer_ack(consumer, event.seq, &run->problem));
        }
    }
    mr_consumer_close(consumer);
    mr_log_close(log);
}

static void look_after(struct run *run)
{
    mr_log_repair_report repaired;
    mr_log_retain_report removed;
    struct mri_segment_list list;
    const mr_log_repair_options repair = {.is_done = true};
    const mr_log_retain_options retain = {.needed = {UINT64_MAX}, .keep_bytes = 1, .is_done = true};
    size_t size;
    assert_int_equal(mri_segment_list(run->os, mri_alloc_system(), "/log", &list), MR_OK);
    uint8_t *bytes = mri_os_memory_bytes(run->memory, "/log/seg-0000000000000001.log", &size);
    assert_non_null(bytes);
    bytes[FILE_BYTES / 2] ^= 1;
    FINE(mri_repair(run->os, &run->failing.alloc, "/log", &repair, &repaired, &run->problem));
    FINE(mri_archive_segment(
        run->os, &run->failing.alloc, "/log", list.base_seqs[1], NULL, &run->problem));
    FINE(mri_retain(run->os, &run->failing.alloc, "/log", &retain, &removed, &run->problem));
    mri_segment_list_fini(&list);
}

static void snapshot(struct run *run)
{
    struct mri_buf payload;
    struct mri_snapshot_place found;
    const struct mri_snapshot_place place = {.seq = 9, .chain_crc = 9};
    mri_buf_init(&payload, &run->failing.alloc, 5000);
    mri_buf_put(&payload, "payload", 7);
    if (payload.err == MR_OK) {
        FINE(mri_snapshot_write(run->os, "/log", &place, &payload));
        mri_buf_clear(&payload);
        FINE(mri_snapshot_read(run->os, "/log", place.seq, &found, &payload));
    }
    mri_buf_fini(&payload);
}

/** Without failures again, the log opens and reads from its first event to its last. */
static void expect_good(struct run *run)
{
    mr_log *log = NULL;
    mr_log_reader *reader = NULL;
    mr_log_repair_report report;
    mr_log_event event;
    const mr_log_repair_options repair = {.is_done = true};
    mr_err err = mri_repair(run->os, mri_alloc_system(), "/log", &repair, &report, &run->problem);
    if (err != MR_OK) {
        fail_msg("allocation %u: %s", run->failing.failing, run->problem.text);
    }
    assert_int_equal(report.repaired, report.count);
    assert_int_equal(mri_log_open(run->os, mri_alloc_system(), "/log", &made, &log, NULL), MR_OK);
    assert_int_equal(mri_log_sample_append(log, 1, BODY_MAX, MR_GROUP, NULL), MR_OK);
    assert_int_equal(mri_reader_open(run->os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    uint64_t last = 0;
    while ((err = mr_log_reader_next(reader, &event, NULL)) == MR_OK) {
        mr_log_gap gap;
        assert_true(last == 0 || event.seq.n == last + 1);
        last = mr_log_event_gap(&event, &gap) ? gap.last.n : event.seq.n;
        assert_true(event.type < MR_LOG_TYPE_FREE || mri_log_sample_is(&event, BODY_MAX));
    }
    assert_int_equal(err, MR_END);
    assert_int_equal(last, mr_log_last(log).n);
    mr_log_reader_close(reader);
    mr_log_close(log);
}

static void loop(void (*work)(struct run *run), unsigned at_least)
{
    bool has_failed = true;
    unsigned k = 1;
    for (; has_failed; k++) {
        struct run run = {0};
        make_log(&run);
        failing_alloc_init(&run.failing, k);
        work(&run);
        has_failed = run.failing.calls >= k;
        assert_int_equal(run.failing.live_bytes, 0);
        assert_int_equal(mri_os_memory_open_count(run.memory), 0);
        expect_good(&run);
        assert_int_equal(mri_os_memory_open_count(run.memory), 0);
        mri_os_memory_free(run.memory);
        assert_true(k < RUNS_MAX);
    }
    print_message("%u allocations\n", k - 2);
    assert_true(k > at_least);
}

static void writing_and_reading_survive_every_failed_allocation(void **fixture)
{
    (void)fixture;
    loop(write_and_read, 8);
}

static void consuming_survives_every_failed_allocation(void **fixture)
{
    (void)fixture;
    loop(consume, 6);
}

static void repair_archive_and_retention_survive_every_failed_allocation(void **fixture)
{
    (void)fixture;
    loop(look_after, 10);
}

static void snapshots_survive_every_failed_allocation(void **fixture)
{
    (void)fixture;
    loop(snapshot, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writing_and_reading_survive_every_failed_allocation),
        cmocka_unit_test(consuming_survives_every_failed_allocation),
        cmocka_unit_test(repair_archive_and_retention_survive_every_failed_allocation),
        cmocka_unit_test(snapshots_survive_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
