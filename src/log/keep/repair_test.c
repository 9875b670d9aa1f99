/* SPDX-License-Identifier: MIT */
/*
 * Damaged logs in a machine in memory: what a repair gives up, gives back, and leaves alone.
 */
#include "log/keep/repair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "log/format/archive.h"
#include "log/format/segment.h"
#include "log/open/append.h"
#include "log/open/snapshot.h"
#include "log/read/reader.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, BODY_MAX = 30000, APPENDS = 60, EVENTS_MAX = 400 };

/** A log of several segments in a machine in memory, and a copy of every file. */
struct sample {
    struct mri_os_memory *memory;
    const struct mri_os *os;
    struct mri_segment_list list;
    uint8_t *whole[16];
    uint64_t last;
};

static char path_text[MRI_PATH_BYTES_MAX];

static const char *segment_path(const char *folder, uint64_t base_seq)
{
    char name[MRI_SEGMENT_NAME_BYTES];
    (void)mri_os_path(folder, mri_segment_name(base_seq, name), path_text);
    return path_text;
}

static uint8_t *bytes_of(const struct sample *sample, size_t index)
{
    size_t size;
    return mri_os_memory_bytes(
        sample->memory, segment_path("/log", sample->list.base_seqs[index]), &size);
}

static void write_log(const struct mri_os *os, uint64_t *ret_last)
{
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    mr_log *log;
    assert_int_equal(mri_log_open(os, mri_alloc_system(), "/log", &options, &log, NULL), MR_OK);
    for (int i = 0; i < APPENDS; i++) {
        assert_int_equal(
            mri_log_sample_append(log, 1 + (size_t)i % 5, BODY_MAX, MR_GROUP, NULL), MR_OK);
    }
    *ret_last = mr_log_last(log).n;
    mr_log_close(log);
}

static void make_sample(struct sample *sample)
{
    *sample = (struct sample){.memory = mri_os_memory_new(FILE_BYTES)};
    sample->os = mri_os_memory_table(sample->memory);
    write_log(sample->os, &sample->last);
    assert_int_equal(
        mri_segment_list(sample->os, mri_alloc_system(), "/log", &sample->list), MR_OK);
    assert_true(sample->list.count >= 3 && sample->list.count < 16);
    for (size_t i = 0; i < sample->list.count; i++) {
        sample->whole[i] = malloc(FILE_BYTES);
        memcpy(sample->whole[i], bytes_of(sample, i), FILE_BYTES);
    }
}

/** Put the undamaged files into another folder. */
static void make_copy(struct sample *sample, const char *folder)
{
    char path[MRI_PATH_BYTES_MAX];
    size_t size;
    assert_int_equal(sample->os->make_folder(sample->os->context, folder), MR_OK);
    assert_int_equal(sample->os->sync_folder(sample->os->context, "/"), MR_OK);
    for (size_t i = 0; i < sample->list.count; i++) {
        mri_os_memory_put(sample->memory, segment_path(folder, sample->list.base_seqs[i]),
            sample->whole[i], FILE_BYTES);
    }
    const uint8_t *manifest = mri_os_memory_bytes(sample->memory, "/log/MANIFEST", &size);
    (void)mri_os_path(folder, "MANIFEST", path);
    mri_os_memory_put(sample->memory, path, manifest, size);
}

static void free_sample(struct sample *sample)
{
    assert_int_equal(mri_os_memory_open_count(sample->memory), 0);
    for (size_t i = 0; i < sample->list.count; i++) {
        free(sample->whole[i]);
    }
    mri_segment_list_fini(&sample->list);
    mri_os_memory_free(sample->memory);
}

static mr_err repair(
    const struct mri_os *os, const char *source, bool is_done, mr_log_repair_report *ret_report)
{
    const mr_log_repair_options options = {.source = source, .is_done = is_done};
    return mri_repair(os, mri_alloc_system(), "/log", &options, ret_report, NULL);
}

/** What reading found. */
struct reading {
    bool is_read[EVENTS_MAX];
    bool is_lost[EVENTS_MAX];
    uint64_t gaps;
    uint64_t last;
};

/** Read all: every event is right, dense but for what GAPs say. */
static mr_err read_all(const struct mri_os *os, struct reading *ret_reading)
{
    mr_log_reader *reader;
    uint64_t expected = 1;
    *ret_reading = (struct reading){0};
    mr_err err = mri_reader_open(os, mri_alloc_system(), "/log", &reader, NULL);
    while (err == MR_OK) {
        mr_log_event event;
        mr_log_gap gap;
        err = mr_log_reader_next(reader, &event, NULL);
        if (err != MR_OK) {
            break;
        }
        assert_int_equal(event.seq.n, expected);
        assert_true(event.seq.n < EVENTS_MAX);
        if (mr_log_event_gap(&event, &gap)) {
            assert_int_equal(gap.first.n, expected);
            ret_reading->gaps++;
            for (uint64_t seq = gap.first.n; seq <= gap.last.n; seq++) {
                ret_reading->is_lost[seq] = true;
            }
            expected = gap.last.n + 1;
            continue;
        }
        assert_true(event.type < MR_LOG_TYPE_FREE || mri_log_sample_is(&event, BODY_MAX));
        ret_reading->is_read[event.seq.n] = true;
        ret_reading->last = event.seq.n;
        expected++;
    }
    mr_log_reader_close(reader);
    return err;
}

/** Offset of the n-th record of a segment. */
static size_t record_at(const uint8_t *file, unsigned n)
{
    size_t offset = MRI_SEGMENT_PAGE_BYTES;
    for (; n > 0; n--) {
        uint32_t bytes;
        memcpy(&bytes, file + offset, sizeof(bytes));
        offset += mri_record_stride(bytes);
    }
    return offset;
}

static size_t roll_at(const uint8_t *file)
{
    for (unsigned n = 0;; n++) {
        size_t at = record_at(file, n);
        if (((const struct mri_record_head *)(file + at))->type == MRI_RECORD_ROLL) {
            return at;
        }
    }
}

static void a_sound_log_needs_no_repair(void **fixture)
{
    (void)fixture;
    struct sample sample;
    mr_log_repair_report report;
    make_sample(&sample);
    assert_int_equal(repair(sample.os, NULL, true, &report), MR_OK);
    assert_int_equal(report.count, 0);
    assert_int_equal(report.repaired, 0);
    for (size_t i = 0; i < sample.list.count; i++) {
        assert_memory_equal(bytes_of(&sample, i), sample.whole[i], FILE_BYTES);
    }
    free_sample(&sample);
}

static void looking_changes_nothing_and_a_gap_lets_the_rest_be_read(void **fixture)
{
    (void)fixture;
    struct sample sample;
    struct reading reading;
    mr_log_repair_report report;
    size_t size;
    char path[MRI_PATH_BYTES_MAX];
    make_sample(&sample);
    size_t offset = record_at(sample.whole[1], 4) + 70;
    uint8_t *file = bytes_of(&sample, 1);
    file[offset] ^= 0x10;
    assert_int_equal(read_all(sample.os, &reading), MR_ECORRUPT);
    assert_int_equal(repair(sample.os, NULL, false, &report), MR_OK);
    assert_int_equal(report.count, 1);
    assert_int_equal(report.repaired, 0);
    assert_int_equal(report.damages[0].loss, MR_LOG_LOSS_BODY);
    assert_true(report.damages[0].is_repairable);
    file[offset] ^= 0x10;
    assert_memory_equal(file, sample.whole[1], FILE_BYTES);
    file[offset] ^= 0x10;

    assert_int_equal(repair(sample.os, NULL, true, &report), MR_OK);
    assert_int_equal(report.repaired, 1);
    assert_int_equal(read_all(sample.os, &reading), MR_END);
    assert_int_equal(reading.gaps, 1);
    for (uint64_t seq = 1; seq <= sample.last; seq++) {
        bool is_lost = seq >= report.damages[0].first.n && seq <= report.damages[0].last.n;
        assert_int_equal(reading.is_lost[seq], is_lost);
        assert_int_equal(reading.is_read[seq], !is_lost);
    }
    (void)snprintf(path, sizeof(path), "/log/seg-%016llx.damaged-1",
        (unsigned long long)sample.list.base_seqs[1]);
    uint8_t *kept = mri_os_memory_bytes(sample.memory, path, &size);
    assert_int_equal(size, FILE_BYTES);
    kept[offset] ^= 0x10;
    assert_memory_equal(kept, sample.whole[1], FILE_BYTES);
    assert_int_equal(repair(sample.os, NULL, true, &report), MR_OK);
    assert_int_equal(report.count, 0); /* a GAP is no damage */
    free_sample(&sample);
}

static void a_log_with_an_archive_is_repaired_beside_it(void **fixture)
{
    (void)fixture;
    struct sample sample;
    struct reading reading;
    mr_log_repair_report report;
    make_sample(&sample);
    assert_int_equal(mri_archive_segment(sample.os, mri_alloc_system(), "/log",
                         sample.list.base_seqs[1], NULL, NULL),
        MR_OK);
    assert_int_equal(repair(sample.os, NULL, true, &report), MR_OK);
    assert_int_equal(report.count, 0);
    bytes_of(&sample, 0)[record_at(sample.whole[0], 4) + 70] ^= 0x10;
    assert_int_equal(repair(sample.os, NULL, true, &report), MR_OK);
    assert_int_equal(report.repaired, 1);
    assert_int_equal(read_all(sample.os, &reading), MR_END);
    assert_int_equal(reading.gaps, 1);
    assert_int_equal(reading.last, sample.last);
    free_sample(&sample);
}

static void seeking_a_lost_event_finds_its_gap(void **fixture)
{
    (void)fixture;
    struct sample sample;
    mr_log_repair_report report;
    mr_log_reader *reader;
    mr_log_event event;
    mr_log_gap gap;
    make_sample(&sample);
    memset(bytes_of(&sample, 0) + record_at(sample.whole[0], 3), 0x55, 3000);
    assert_int_equal(repair(sample.os, NULL, true, &report), MR_OK);
    uint64_t first = report.damages[0].first.n;
    uint64_t last = report.damages[0].last.n;
    assert_true(last > first);
    assert_int_equal(mri_reader_open(sample.os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    for (uint64_t seq = first; seq <= last; seq++) {
        assert_int_equal(mr_log_reader_seek(reader, (mr_seq){seq}, NULL), MR_OK);
        assert_int_equal(mr_log_reader_next(reader, &event, NULL), MR_OK);
        assert_true(mr_log_event_gap(&event, &gap));
        assert_int_equal(gap.last.n, last);
        assert_int_equal(mr_log_reader_next(reader, &event, NULL), MR_OK);
        assert_int_equal(event.seq.n, last + 1);
    }
    assert_int_equal(mr_log_reader_seek(reader, (mr_seq){last + 1}, NULL), MR_OK);
    assert_int_equal(mr_log_reader_next(reader, &event, NULL), MR_OK);
    assert_int_equal(event.seq.n, last + 1);
    mr_log_reader_close(reader);
    free_sample(&sample);
}

static void a_log_with_a_gap_is_written_on(void **fixture)
{
    (void)fixture;
    struct sample sample;
    struct reading reading;
    mr_log_repair_report report;
    mr_log *log;
    make_sample(&sample);
    size_t newest = sample.list.count - 1;
    bytes_of(&sample, newest)[record_at(sample.whole[newest], 1) + 66] ^= 1; /* claimed later */
    assert_int_equal(
        mri_log_open(sample.os, mri_alloc_system(), "/log", NULL, &log, NULL), MR_ECORRUPT);
    assert_int_equal(repair(sample.os, NULL, true, &report), MR_OK);
    assert_int_equal(report.repaired, 1);
    assert_int_equal(mri_log_open(sample.os, mri_alloc_system(), "/log", NULL, &log, NULL), MR_OK);
    assert_int_equal(mr_log_last(log).n, sample.last);
    assert_int_equal(mri_log_sample_append(log, 5, BODY_MAX, MR_GROUP, NULL), MR_OK);
    mr_log_close(log);
    assert_int_equal(read_all(sample.os, &reading), MR_END);
    assert_int_equal(reading.gaps, 1);
    assert_int_equal(reading.last, sample.last + 5);
    free_sample(&sample);
}

static void a_copy_gives_back_exactly_what_was_lost(void **fixture)
{
    (void)fixture;
    struct sample sample;
    mr_log_repair_report report;
    make_sample(&sample);
    make_copy(&sample, "/copy");
    memset(bytes_of(&sample, 0) + record_at(sample.whole[0], 2), 0, 40000);
    bytes_of(&sample, 1)[roll_at(sample.whole[1]) + 3] ^= 4;
    assert_int_equal(repair(sample.os, "/copy", false, &report), MR_OK);
    assert_int_equal(report.count, 2);
    assert_int_equal(repair(sample.os, "/copy", true, &report), MR_OK);
    assert_int_equal(report.repaired, 2);
    for (size_t i = 0; i < sample.list.count; i++) {
        assert_memory_equal(bytes_of(&sample, i), sample.whole[i], FILE_BYTES);
    }
    /* a file instead of a folder: the segment it is of */
    bytes_of(&sample, 1)[record_at(sample.whole[1], 2)] ^= 4;
    bytes_of(&sample, 0)[record_at(sample.whole[0], 2)] ^= 4;
    char path[MRI_PATH_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "%s", segment_path("/copy", sample.list.base_seqs[1]));
    assert_int_equal(repair(sample.os, path, true, &report), MR_OK);
    assert_int_equal(report.count, 2);
    assert_int_equal(report.repaired, 1);
    assert_false(report.damages[0].is_repairable);
    assert_memory_equal(bytes_of(&sample, 1), sample.whole[1], FILE_BYTES);
    free_sample(&sample);
}

static void whole_segments_come_back_from_a_copy_alone(void **fixture)
{
    (void)fixture;
    for (int is_file_missing = 0; is_file_missing < 2; is_file_missing++) {
        struct sample sample;
        mr_log_repair_report report;
        make_sample(&sample);
        make_copy(&sample, "/copy");
        if (is_file_missing) {
            assert_int_equal(sample.os->remove(sample.os->context,
                                 segment_path("/log", sample.list.base_seqs[1])),
                MR_OK);
        } else {
            memset(bytes_of(&sample, 1), 0xee, MRI_SEGMENT_PAGE_BYTES);
        }
        assert_int_equal(repair(sample.os, NULL, true, &report), MR_OK);
        assert_int_equal(report.count, 1);
        assert_int_equal(report.repaired, 0);
        assert_int_equal(
            report.damages[0].loss, is_file_missing ? MR_LOG_LOSS_FILE : MR_LOG_LOSS_SEGMENT);
        assert_int_equal(report.damages[0].first.n, sample.list.base_seqs[1]);
        assert_int_equal(report.damages[0].last.n, sample.list.base_seqs[2] - 1);
        assert_int_equal(repair(sample.os, "/copy", true, &report), MR_OK);
        assert_int_equal(report.repaired, 1);
        assert_memory_equal(bytes_of(&sample, 1), sample.whole[1], FILE_BYTES);
        free_sample(&sample);
    }
}

static void remove_segment(struct sample *sample, size_t index)
{
    assert_int_equal(sample->os->remove(
                         sample->os->context, segment_path("/log", sample->list.base_seqs[index])),
        MR_OK);
}

/** All of the log is as it was, and nothing else is found. */
static void assert_whole(struct sample *sample, size_t from)
{
    mr_log_repair_report report;
    for (size_t i = from; i < sample->list.count; i++) {
        assert_memory_equal(bytes_of(sample, i), sample->whole[i], FILE_BYTES);
    }
    assert_int_equal(repair(sample->os, NULL, true, &report), MR_OK);
    assert_int_equal(report.count, 0);
    assert_int_equal(repair(sample->os, "/copy", true, &report), MR_OK);
    assert_int_equal(report.count, 0);
}

static void segments_are_missing_at_the_beginning_too(void **fixture)
{
    (void)fixture;
    for (size_t missing = 1; missing <= 2; missing++) {
        struct sample sample;
        mr_log_repair_report report;
        make_sample(&sample);
        make_copy(&sample, "/copy");
        for (size_t i = 0; i < missing; i++) {
            remove_segment(&sample, i);
        }
        assert_int_equal(repair(sample.os, NULL, true, &report), MR_OK);
        assert_int_equal(report.count, 1);
        assert_int_equal(report.repaired, 0);
        assert_int_equal(report.damages[0].loss, MR_LOG_LOSS_FILE);
        assert_int_equal(report.damages[0].first.n, 1);
        assert_int_equal(report.damages[0].last.n, sample.list.base_seqs[missing] - 1);
        assert_int_equal(repair(sample.os, "/copy", false, &report), MR_OK);
        assert_int_equal(report.count, missing);
        assert_int_equal(repair(sample.os, "/copy", true, &report), MR_OK);
        assert_int_equal(report.count, missing);
        assert_int_equal(report.repaired, missing);
        assert_whole(&sample, 0);
        free_sample(&sample);
    }
}

static void a_log_begins_where_its_manifest_says(void **fixture)
{
    (void)fixture;
    struct sample sample;
    struct mri_manifest manifest;
    struct mri_segment_head head;
    mr_log_repair_report report;
    make_sample(&sample);
    make_copy(&sample, "/copy");
    memcpy(&head, sample.whole[1], sizeof(head));
    assert_int_equal(mri_manifest_read(sample.os, "/log", &manifest, NULL), MR_OK);
    manifest.removed = (struct mri_manifest_removed){.last_seq = head.base_seq - 1,
        .position = head.base_position,
        .segments = 1,
        .chain_crc = head.prev_crc};
    assert_int_equal(mri_manifest_write(sample.os, "/log", &manifest), MR_OK);
    assert_int_equal(repair(sample.os, NULL, true, &report), MR_OK); /* it waits to be removed */
    assert_int_equal(report.count, 0);
    remove_segment(&sample, 0);
    assert_whole(&sample, 1);
    remove_segment(&sample, 1);
    assert_int_equal(repair(sample.os, NULL, true, &report), MR_OK);
    assert_int_equal(report.count, 1);
    assert_int_equal(report.damages[0].first.n, head.base_seq);
    assert_int_equal(repair(sample.os, "/copy", true, &report), MR_OK);
    assert_int_equal(report.repaired, 1);
    assert_whole(&sample, 1);
    free_sample(&sample);
}

/** Something was durable up to the last event. */
static void write_snapshot(struct sample *sample)
{
    struct mri_buf payload;
    mri_buf_init(&payload, mri_alloc_system(), 64);
    assert_int_equal(mri_snapshot_write(sample->os, "/log",
                         &(struct mri_snapshot_place){.seq = sample->last}, &payload),
        MR_OK);
    mri_buf_fini(&payload);
}

static void assert_end_missing(struct sample *sample, uint64_t from)
{
    mr_log_repair_report report;
    assert_int_equal(repair(sample->os, NULL, true, &report), MR_OK);
    assert_int_equal(report.count, 1);
    assert_int_equal(report.repaired, 0);
    assert_int_equal(report.damages[0].loss, MR_LOG_LOSS_END);
    assert_false(report.damages[0].is_repairable);
    assert_int_equal(report.damages[0].first.n, from);
    assert_int_equal(report.damages[0].last.n, sample->last);
}

static void a_missing_end_is_said_and_comes_back_from_a_copy(void **fixture)
{
    (void)fixture;
    struct sample sample;
    mr_log_repair_report report;
    make_sample(&sample);
    make_copy(&sample, "/copy");
    write_snapshot(&sample);
    size_t last = sample.list.count - 1;
    for (size_t kept = last; kept > 0; kept--) {
        for (size_t i = kept; i <= last; i++) {
            remove_segment(&sample, i);
        }
        assert_end_missing(&sample, sample.list.base_seqs[kept]);
        assert_int_equal(repair(sample.os, "/copy", false, &report), MR_OK);
        assert_int_equal(report.count, last - kept + 1);
        assert_int_equal(repair(sample.os, "/copy", true, &report), MR_OK);
        assert_int_equal(report.repaired, last - kept + 1);
        assert_int_equal(report.damages[last - kept].last.n, sample.last);
        assert_whole(&sample, 0);
    }
    /* of a copy that does not go far enough either, what it has comes back */
    remove_segment(&sample, last);
    remove_segment(&sample, last - 1);
    assert_int_equal(sample.os->rename(sample.os->context,
                         segment_path("/copy", sample.list.base_seqs[last]), "/kept"),
        MR_OK);
    assert_int_equal(repair(sample.os, "/copy", true, &report), MR_OK);
    assert_int_equal(report.count, 2);
    assert_int_equal(report.repaired, 1);
    assert_end_missing(&sample, sample.list.base_seqs[last]);
    free_sample(&sample);
}

static void the_end_of_the_newest_segment_comes_back_from_a_copy(void **fixture)
{
    (void)fixture;
    for (size_t record = 0; record < 4; record++) {
        struct sample sample;
        mr_log_repair_report report;
        make_sample(&sample);
        make_copy(&sample, "/copy");
        write_snapshot(&sample);
        size_t last = sample.list.count - 1;
        size_t offset = record_at(sample.whole[last], (unsigned)record) + 20;
        mri_os_memory_put(sample.memory, segment_path("/log", sample.list.base_seqs[last]),
            sample.whole[last], offset);
        assert_int_equal(repair(sample.os, NULL, true, &report), MR_OK);
        assert_int_equal(report.count, 1);
        assert_int_equal(report.damages[0].loss, MR_LOG_LOSS_END);
        assert_true(report.damages[0].offset <= offset);
        assert_int_equal(repair(sample.os, "/copy", true, &report), MR_OK);
        assert_int_equal(report.count, 1);
        assert_int_equal(report.repaired, 1);
        assert_int_equal(report.damages[0].last.n, sample.last);
        assert_whole(&sample, 0);
        free_sample(&sample);
    }
}

static void where_neither_an_end_nor_the_next_segment_is_left_that_is_damage(void **fixture)
{
    (void)fixture;
    struct sample sample;
    mr_log_repair_report report;
    make_sample(&sample);
    make_copy(&sample, "/copy");
    remove_segment(&sample, 1);
    memset(bytes_of(&sample, 0) + roll_at(sample.whole[0]), 0, 64);
    assert_int_equal(repair(sample.os, NULL, true, &report), MR_OK);
    assert_int_equal(report.count, 1);
    assert_int_equal(report.repaired, 0);
    assert_int_equal(report.damages[0].last.n, sample.list.base_seqs[2] - 1);
    assert_int_equal(repair(sample.os, "/copy", true, &report), MR_OK);
    assert_int_equal(report.repaired, 2);
    assert_whole(&sample, 0);
    free_sample(&sample);
}

/** Up to a report's worth at a time, also where all of them are in one segment. */
static void more_damages_than_a_report_holds_are_repaired_again(void **fixture)
{
    (void)fixture;
    enum { DAMAGES = MR_LOG_DAMAGES_MAX + 8 };
    struct mri_os_memory *memory = mri_os_memory_new(FILE_BYTES);
    const struct mri_os *os = mri_os_memory_table(memory);
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    mr_log_repair_report report;
    size_t offsets[DAMAGES];
    size_t size;
    mr_log *log;
    assert_int_equal(mri_log_open(os, mri_alloc_system(), "/log", &options, &log, NULL), MR_OK);
    for (int i = 0; i < 3 * DAMAGES + 1; i++) {
        assert_int_equal(mri_log_sample_append(log, 1, 500, MR_GROUP, NULL), MR_OK);
    }
    mr_log_close(log);
    uint8_t *file = mri_os_memory_bytes(memory, segment_path("/log", 1), &size);
    for (unsigned n = 0; n < DAMAGES; n++) {
        offsets[n] = record_at(file, 3 * n);
    }
    for (unsigned n = 0; n < DAMAGES; n++) {
        file[offsets[n] + 5] ^= 1;
    }
    assert_int_equal(repair(os, NULL, true, &report), MR_OK);
    assert_int_equal(report.count, MR_LOG_DAMAGES_MAX);
    assert_true(report.has_more);
    assert_int_equal(repair(os, NULL, true, &report), MR_OK);
    assert_int_equal(report.repaired, DAMAGES - MR_LOG_DAMAGES_MAX);
    assert_false(report.has_more);
    mri_os_memory_free(memory);
}

static void a_copy_of_another_history_gives_nothing(void **fixture)
{
    (void)fixture;
    struct sample sample;
    mr_log_repair_report report;
    size_t size;
    make_sample(&sample);
    make_copy(&sample, "/copy");
    size_t at = record_at(sample.whole[1], 2);
    memset(bytes_of(&sample, 1) + at, 0, 20000);
    /* the copy is damaged at the same place */
    mri_os_memory_bytes(
        sample.memory, segment_path("/copy", sample.list.base_seqs[1]), &size)[at + 9] ^= 1;
    assert_int_equal(repair(sample.os, "/copy", true, &report), MR_OK);
    assert_int_equal(report.count, 1);
    assert_int_equal(report.repaired, 0);
    assert_false(report.damages[0].is_repairable);
    assert_int_not_equal(report.damages[0].why_not[0], '\0');
    /* another log */
    mr_log *log;
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    assert_int_equal(
        mri_log_open(sample.os, mri_alloc_system(), "/other", &options, &log, NULL), MR_OK);
    mr_log_close(log);
    assert_int_equal(repair(sample.os, "/other", true, &report), MR_NOT_FOUND);
    assert_int_equal(repair(sample.os, "/nowhere", true, &report), MR_EPATH);
    free_sample(&sample);
}

static void a_log_that_is_written_is_not_repaired(void **fixture)
{
    (void)fixture;
    struct sample sample;
    mr_log_repair_report report;
    mr_log *log;
    make_sample(&sample);
    assert_int_equal(mri_log_open(sample.os, mri_alloc_system(), "/log", NULL, &log, NULL), MR_OK);
    assert_int_equal(repair(sample.os, NULL, false, &report), MR_BUSY);
    mr_log_close(log);
    free_sample(&sample);
}

/** Damage the log in one of several ways, in finished segments. */
static void garble(struct sample *sample, struct mri_prng *prng)
{
    size_t index = mri_prng_below(prng, sample->list.count - 1);
    uint8_t *file = bytes_of(sample, index);
    size_t end = roll_at(sample->whole[index]) + 64;
    size_t at = MRI_SEGMENT_PAGE_BYTES + mri_prng_below(prng, end - MRI_SEGMENT_PAGE_BYTES);
    size_t count = 1 + mri_prng_below(prng, 50000);
    count = count < FILE_BYTES - at ? count : FILE_BYTES - at;
    switch (mri_prng_below(prng, 3)) {
    case 0:
        file[at] ^= (uint8_t)(1u << mri_prng_below(prng, 8));
        break;
    case 1:
        memset(file + at, 0, count);
        break;
    default:
        for (size_t i = 0; i < count; i++) {
            file[at + i] = (uint8_t)mri_prng_next(prng);
        }
    }
}

static void whatever_is_damaged_the_rest_is_read_and_no_event_is_wrong(void **fixture)
{
    (void)fixture;
    struct sample sample;
    struct mri_prng prng;
    make_sample(&sample);
    mri_prng_init(&prng, 11);
    uint64_t lost = 0;
    for (int round = 0; round < 300; round++) {
        struct reading reading;
        mr_log_repair_report report;
        for (size_t i = 0; i + 1 < sample.list.count; i++) {
            mri_os_memory_put(sample.memory, segment_path("/log", sample.list.base_seqs[i]),
                sample.whole[i], FILE_BYTES);
        }
        for (uint64_t n = 1 + mri_prng_below(&prng, 3); n > 0; n--) {
            garble(&sample, &prng);
        }
        struct reading before;
        mr_err damaged = read_all(sample.os, &before);
        assert_int_equal(repair(sample.os, NULL, true, &report), MR_OK);
        assert_int_equal(report.repaired, report.count);
        assert_int_equal(report.count > 0, damaged == MR_ECORRUPT);
        assert_int_equal(read_all(sample.os, &reading), MR_END);
        assert_int_equal(reading.last, sample.last);
        for (uint64_t seq = 1; seq <= sample.last; seq++) {
            assert_true(reading.is_read[seq] != reading.is_lost[seq]);
            assert_true(reading.is_read[seq] || !before.is_read[seq]);
            lost += reading.is_lost[seq];
        }
        for (size_t i = 0; i + 1 < sample.list.count; i++) { /* the machine holds few files */
            char path[MRI_PATH_BYTES_MAX];
            (void)snprintf(path, sizeof(path), "/log/seg-%016llx.damaged-1",
                (unsigned long long)sample.list.base_seqs[i]);
            (void)sample.os->remove(sample.os->context, path);
        }
    }
    assert_true(lost > 100);
    free_sample(&sample);
}

/** Two damages in one segment, durably. */
static void damage_it(struct sample *sample)
{
    uint8_t *file = malloc(FILE_BYTES);
    memcpy(file, sample->whole[1], FILE_BYTES);
    file[record_at(file, 3) + 65] ^= 1;
    file[record_at(file, 25) + 5] ^= 1;
    mri_os_memory_put(
        sample->memory, segment_path("/log", sample->list.base_seqs[1]), file, FILE_BYTES);
    free(file);
}

/** Repair until call k, where the power goes; then the segment is the old or the repaired one. */
static bool cut_at(const char *source, uint64_t k)
{
    struct sample sample;
    struct mri_os_faults machine;
    struct mri_prng prng;
    struct reading reading;
    mr_log_repair_report report;
    make_sample(&sample);
    make_copy(&sample, "/copy");
    damage_it(&sample);
    mri_prng_init(&prng, k);
    mri_os_faults_init(&machine, sample.os);
    mri_os_faults_arm(&machine, MRI_OS_CALL_ANY, k, MR_EIO);
    machine.is_sticky = true;
    machine.is_short_write = k % 2 == 0;
    mr_err err = repair(&machine.table, source, true, &report);
    bool has_fired = machine.fired > 0;
    mri_os_memory_cut_power(sample.memory, &prng);
    mr_err read = read_all(sample.os, &reading);
    assert_true(read == MR_END || read == MR_ECORRUPT);
    assert_true(read == MR_END || err != MR_OK);
    assert_int_equal(repair(sample.os, source, true, &report), MR_OK);
    assert_int_equal(report.repaired, read == MR_END ? 0 : 2);
    assert_int_equal(read_all(sample.os, &reading), MR_END);
    assert_int_equal(reading.last, sample.last);
    assert_int_equal(reading.gaps, source == NULL ? 2 : 0);
    free_sample(&sample);
    return has_fired;
}

static void wherever_the_power_goes_a_segment_is_the_old_or_the_repaired_one(void **fixture)
{
    (void)fixture;
    for (int is_restore = 0; is_restore < 2; is_restore++) {
        uint64_t k = 1;
        while (cut_at(is_restore ? "/copy" : NULL, k)) {
            k++;
        }
        assert_true(k > 30);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_log_needs_no_repair),
        cmocka_unit_test(looking_changes_nothing_and_a_gap_lets_the_rest_be_read),
        cmocka_unit_test(a_log_with_an_archive_is_repaired_beside_it),
        cmocka_unit_test(seeking_a_lost_event_finds_its_gap),
        cmocka_unit_test(a_log_with_a_gap_is_written_on),
        cmocka_unit_test(a_copy_gives_back_exactly_what_was_lost),
        cmocka_unit_test(whole_segments_come_back_from_a_copy_alone),
        cmocka_unit_test(segments_are_missing_at_the_beginning_too),
        cmocka_unit_test(a_log_begins_where_its_manifest_says),
        cmocka_unit_test(a_missing_end_is_said_and_comes_back_from_a_copy),
        cmocka_unit_test(the_end_of_the_newest_segment_comes_back_from_a_copy),
        cmocka_unit_test(where_neither_an_end_nor_the_next_segment_is_left_that_is_damage),
        cmocka_unit_test(more_damages_than_a_report_holds_are_repaired_again),
        cmocka_unit_test(a_copy_of_another_history_gives_nothing),
        cmocka_unit_test(a_log_that_is_written_is_not_repaired),
        cmocka_unit_test(whatever_is_damaged_the_rest_is_read_and_no_event_is_wrong),
        cmocka_unit_test(wherever_the_power_goes_a_segment_is_the_old_or_the_repaired_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
