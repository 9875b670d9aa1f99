/* SPDX-License-Identifier: MIT */
/*
 * Logs whose beginning is removed, in a machine in memory.
 */
#include "log/keep/retain.h"

#include <string.h>

#include "base/prng.h"
#include "log/format/manifest.h"
#include "log/format/segment.h"
#include "log/meet/presence.h"
#include "log/open/append.h"
#include "log/read/reader.h"
#include "log/read/retain_first.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, BODY_MAX = 60000, APPENDS = 60 };

static const mr_seq anything = {UINT64_MAX};

/** A log of several segments. */
struct sample {
    struct mri_os_memory *memory;
    const struct mri_os *os;
    struct mri_segment_list list;
    uint64_t last;
};

static void make_sample(struct sample *sample)
{
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    mr_log *log;
    *sample = (struct sample){.memory = mri_os_memory_new(FILE_BYTES)};
    sample->os = mri_os_memory_table(sample->memory);
    assert_int_equal(
        mri_log_open(sample->os, mri_alloc_system(), "/log", &options, &log, NULL), MR_OK);
    for (int i = 0; i < APPENDS; i++) {
        assert_int_equal(mri_log_sample_append(log, 3, BODY_MAX, MR_GROUP, NULL), MR_OK);
    }
    sample->last = mr_log_last(log).n;
    mr_log_close(log);
    assert_int_equal(
        mri_segment_list(sample->os, mri_alloc_system(), "/log", &sample->list), MR_OK);
    assert_true(sample->list.count >= 5);
}

static void free_sample(struct sample *sample)
{
    assert_int_equal(mri_os_memory_open_count(sample->memory), 0);
    mri_segment_list_fini(&sample->list);
    mri_os_memory_free(sample->memory);
}

static mr_err retain(
    const struct mri_os *os, const mr_log_retain_options *options, mr_log_retain_report *ret_report)
{
    return mri_retain(os, mri_alloc_system(), "/log", options, ret_report, NULL);
}

static size_t segment_count(const struct mri_os *os)
{
    struct mri_segment_list list;
    assert_int_equal(mri_segment_list(os, mri_alloc_system(), "/log", &list), MR_OK);
    size_t count = list.count;
    mri_segment_list_fini(&list);
    return count;
}

/** Read all that is kept; the first event and the last. */
static void read_all(const struct mri_os *os, uint64_t *ret_first, uint64_t *ret_last)
{
    mr_log_reader *reader;
    mr_log_event event;
    assert_int_equal(mri_reader_open(os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    assert_int_equal(mr_log_reader_next(reader, &event, NULL), MR_OK);
    *ret_first = event.seq.n;
    assert_int_equal(mr_log_reader_seek(reader, event.seq, NULL), MR_OK);
    assert_int_equal(mri_log_sample_read(reader, BODY_MAX, ret_last), MR_END);
    mr_log_reader_close(reader);
}

static void each_limit_keeps_what_it_says(void **fixture)
{
    (void)fixture;
    struct sample sample;
    mr_log_retain_report report;
    make_sample(&sample);
    const uint64_t *seqs = sample.list.base_seqs;
    size_t count = sample.list.count;
    const struct {
        mr_log_retain_options options;
        size_t removed;
    } cases[] = {
        {{.needed = anything, .keep_bytes = 1}, count - 1},
        {{.needed = anything, .keep_bytes = 3 * FILE_BYTES}, count - 3},
        {{.needed = anything, .keep_bytes = 3 * FILE_BYTES + 1}, count - 4},
        {{.needed = anything, .keep_events = seqs[count - 1] - seqs[2]}, 2},
        {{.needed = anything, .keep_events = seqs[count - 1] - seqs[2] + 1}, 1},
        {{.needed = {seqs[3]}, .keep_bytes = 1}, 3},
        {{.needed = {seqs[3] - 1}, .keep_bytes = 1}, 2},
        {{.needed = {0}, .keep_bytes = 1}, 0},
        {{.needed = anything, .has_before = true, .before_unix_ns = INT64_MAX}, count - 1},
        {{.needed = anything, .has_before = true, .before_unix_ns = 0}, 0},
        {{.needed = anything, .keep_bytes = 1, .keep_events = 1, .has_before = true}, 0},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        assert_int_equal(retain(sample.os, &cases[i].options, &report), MR_OK);
        assert_int_equal(report.segments, cases[i].removed);
        assert_int_equal(report.bytes, cases[i].removed * FILE_BYTES);
        assert_int_equal(report.first.n, seqs[cases[i].removed]);
        assert_int_equal(report.removed.n, cases[i].removed == 0 ? 0 : report.first.n - 1);
        assert_int_not_equal(report.why[0], '\0');
    }
    assert_int_equal(segment_count(sample.os), count); /* nothing of it was done */
    const mr_log_retain_options none = {.needed = anything};
    assert_int_equal(retain(sample.os, &none, &report), MR_EINVAL);
    free_sample(&sample);
}

static void what_is_kept_is_read_from_its_first_event_and_written_on(void **fixture)
{
    (void)fixture;
    struct sample sample;
    mr_log_retain_report report;
    struct mri_manifest manifest;
    mr_log *log;
    uint64_t first;
    uint64_t last;
    make_sample(&sample);
    mr_log_retain_options options = {
        .needed = {sample.list.base_seqs[2] + 1}, .keep_bytes = 1, .is_done = true};
    assert_int_equal(retain(sample.os, &options, &report), MR_OK);
    assert_int_equal(report.segments, 2);
    assert_int_equal(mri_retain_first(sample.os, mri_alloc_system(), "/log", &first), MR_OK);
    assert_int_equal(first, sample.list.base_seqs[2]);
    read_all(sample.os, &first, &last);
    assert_int_equal(first, sample.list.base_seqs[2]);
    assert_int_equal(last, sample.last);
    assert_int_equal(mri_manifest_read(sample.os, "/log", &manifest, NULL), MR_OK);
    assert_int_equal(manifest.removed.last_seq, first - 1);
    assert_int_equal(manifest.removed.position, 2 * FILE_BYTES);
    assert_int_equal(manifest.removed.segments, 2);
    assert_int_equal(mri_log_open(sample.os, mri_alloc_system(), "/log", NULL, &log, NULL), MR_OK);
    assert_int_equal(mr_log_last(log).n, sample.last);
    for (int i = 0; i < APPENDS; i++) {
        assert_int_equal(mri_log_sample_append(log, 3, BODY_MAX, MR_GROUP, NULL), MR_OK);
    }
    assert_int_equal(retain(sample.os, &options, &report), MR_OK); /* beside who appends */
    assert_int_equal(report.segments, 0);                          /* what is needed still is */
    struct mri_presence other;
    assert_int_equal(mri_presence_work(sample.os, "/log", &other, NULL), MR_OK);
    assert_int_equal(retain(sample.os, &options, &report), MR_BUSY);
    mri_presence_leave(&other);
    mr_log_close(log);
    options.needed = anything;
    assert_int_equal(retain(sample.os, &options, &report), MR_OK);
    assert_true(report.segments > 2);
    assert_int_equal(segment_count(sample.os), 1);
    read_all(sample.os, &first, &last);
    assert_int_equal(first, report.first.n);
    assert_int_equal(last, sample.last + 3 * APPENDS);
    free_sample(&sample);
}

/** Retain until call k, where the power goes. */
static bool cut_at(uint64_t k)
{
    struct sample sample;
    struct mri_os_faults machine;
    struct mri_prng prng;
    mr_log_retain_report report;
    mr_log *log;
    uint64_t first;
    uint64_t last;
    make_sample(&sample);
    const uint64_t wanted = sample.list.base_seqs[3];
    const mr_log_retain_options options = {.needed = {wanted}, .keep_bytes = 1, .is_done = true};
    mri_prng_init(&prng, k);
    mri_os_faults_init(&machine, sample.os);
    mri_os_faults_arm(&machine, MRI_OS_CALL_ANY, k, MR_EIO);
    machine.is_sticky = true;
    machine.is_short_write = k % 2 == 0;
    mr_err err = retain(&machine.table, &options, &report);
    bool has_fired = machine.fired > 0;
    mri_os_memory_cut_power(sample.memory, &prng);
    read_all(sample.os, &first, &last);
    assert_true(first <= wanted && (err != MR_OK || first == wanted));
    assert_int_equal(last, sample.last);
    assert_int_equal(mri_log_open(sample.os, mri_alloc_system(), "/log", NULL, &log, NULL), MR_OK);
    assert_int_equal(mr_log_last(log).n, sample.last);
    mr_log_close(log);
    assert_int_equal(retain(sample.os, &options, &report), MR_OK);
    read_all(sample.os, &first, &last);
    assert_int_equal(first, wanted);
    assert_int_equal(last, sample.last);
    free_sample(&sample);
    return has_fired;
}

static void wherever_the_power_goes_the_log_opens_in_one_piece(void **fixture)
{
    (void)fixture;
    uint64_t k = 1;
    while (cut_at(k)) {
        k++;
    }
    assert_true(k > 25);
}

static void any_call_may_fail_and_the_log_is_whole(void **fixture)
{
    (void)fixture;
    bool has_fired = true;
    for (uint64_t k = 1; has_fired; k++) {
        struct sample sample;
        struct mri_os_faults machine;
        mr_log_retain_report report;
        uint64_t first;
        uint64_t last;
        make_sample(&sample);
        const mr_log_retain_options options = {
            .needed = anything, .keep_bytes = 1, .is_done = true};
        mri_os_faults_init(&machine, sample.os);
        mri_os_faults_arm(&machine, MRI_OS_CALL_ANY, k, k % 2 == 0 ? MR_EIO : MR_ENOSPC);
        (void)retain(&machine.table, &options, &report); /* whatever it says */
        has_fired = machine.fired > 0;
        assert_int_equal(mri_os_memory_open_count(sample.memory), 0);
        read_all(sample.os, &first, &last);
        assert_int_equal(last, sample.last);
        free_sample(&sample);
    }
}

static void a_missing_segment_stops_it(void **fixture)
{
    (void)fixture;
    struct sample sample;
    mr_log_retain_report report;
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    make_sample(&sample);
    (void)mri_os_path("/log", mri_segment_name(sample.list.base_seqs[1], name), path);
    assert_int_equal(sample.os->remove(sample.os->context, path), MR_OK);
    const mr_log_retain_options options = {.needed = anything, .keep_bytes = 1, .is_done = true};
    assert_int_equal(retain(sample.os, &options, &report), MR_ECORRUPT);
    assert_int_equal(segment_count(sample.os), sample.list.count - 1);
    free_sample(&sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_limit_keeps_what_it_says),
        cmocka_unit_test(what_is_kept_is_read_from_its_first_event_and_written_on),
        cmocka_unit_test(wherever_the_power_goes_the_log_opens_in_one_piece),
        cmocka_unit_test(any_call_may_fail_and_the_log_is_whole),
        cmocka_unit_test(a_missing_segment_stops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
