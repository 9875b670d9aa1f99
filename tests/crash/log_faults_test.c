/* SPDX-License-Identifier: MIT */
/*
 * The k-th call of the machine fails, for every k until a run ends without a fault: every answer is
 * true, nothing stays open, and the next open finds every event that was said to be durable.
 */
#include <stdlib.h>

#include "log/open/append.h"
#include "log/read/reader.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, BODY_MAX = 120000, RUNS_MAX = 2000 };

/** How a run ended. */
struct outcome {
    uint64_t acked;    /* durable by its ack, or synced */
    uint64_t appended; /* in the log by its ack */
};

static bool is_fault_expected(mr_err err)
{
    return err == MR_OK || err == MR_EIO || err == MR_ENOSPC || err == MR_EUNKNOWN ||
           err == MR_EPOISONED;
}

/** Two lives of a writer with some rolls; the first one ends without closing. */
static struct outcome run(struct mri_os_memory *memory, const struct mri_os *os)
{
    struct outcome outcome = {0};
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    for (int life = 0; life < 3; life++) { /* made; closed well; not known how it was closed */
        mr_log *log = NULL;
        if (life == 2) {
            const struct mri_os *machine = mri_os_memory_table(memory);
            (void)machine->remove(machine->context, "/log/ctl"); /* it need not be there */
        }
        mr_err err = mri_log_open(os, mri_alloc_system(), "/log", &options, &log, NULL);
        assert_true(err == MR_OK || err == MR_EIO || err == MR_ENOSPC);
        if (err != MR_OK) {
            assert_null(log);
            assert_int_equal(mri_os_memory_open_count(memory), 0);
            continue;
        }
        for (int i = 0; i < 12; i++) {
            mr_log_ack ack;
            uint64_t before = mr_log_last(log).n;
            mr_durability durability = i % 3 == 0 ? MR_GROUP : MR_ASYNC;
            err = mri_log_sample_append(log, 3, BODY_MAX, durability, &ack);
            assert_true(is_fault_expected(err));
            bool is_there = err == MR_OK || err == MR_EUNKNOWN;
            assert_int_equal(mr_log_last(log).n, is_there ? before + 3 : before);
            outcome.appended = err == MR_OK ? ack.last.n : outcome.appended;
            outcome.acked = err == MR_OK && ack.is_durable ? ack.last.n : outcome.acked;
            if (i % 5 == 0 && mr_log_sync(log) == MR_OK) {
                outcome.acked = mr_log_last(log).n;
            }
        }
        mr_log_close(log);
        assert_int_equal(mri_os_memory_open_count(memory), 0);
    }
    return outcome;
}

/** Open without faults: all that was said must be true. */
static void verify(struct mri_os_memory *memory, const struct outcome *outcome)
{
    const struct mri_os *os = mri_os_memory_table(memory);
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    mr_log *log;
    mr_log_reader *reader;
    uint64_t last = 0;
    assert_int_equal(mri_log_open(os, mri_alloc_system(), "/log", &options, &log, NULL), MR_OK);
    assert_true(mr_log_last(log).n >= outcome->acked);
    assert_true(mr_log_last(log).n >= outcome->appended); /* the machine did not stop */
    assert_int_equal(mri_log_sample_append(log, 1, BODY_MAX, MR_GROUP, NULL), MR_OK);
    assert_int_equal(mri_reader_open(os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    assert_int_equal(mri_log_sample_read(reader, BODY_MAX, &last), MR_END);
    assert_int_equal(last, mr_log_last(log).n);
    mr_log_reader_close(reader);
    mr_log_close(log);
    assert_int_equal(mri_os_memory_open_count(memory), 0);
}

static void loop(enum mri_os_call kind, mr_err err, bool is_sticky, bool is_short_write)
{
    bool has_fired = true;
    uint64_t k = 1;
    for (; has_fired; k++) {
        struct mri_os_memory *memory = mri_os_memory_new(FILE_BYTES);
        struct mri_os_faults machine;
        mri_os_faults_init(&machine, mri_os_memory_table(memory));
        mri_os_faults_arm(&machine, kind, k, err);
        machine.is_sticky = is_sticky;
        machine.is_short_write = is_short_write;
        struct outcome outcome = run(memory, &machine.table);
        has_fired = machine.fired > 0;
        verify(memory, &outcome);
        mri_os_memory_free(memory);
        assert_true(k < RUNS_MAX);
    }
    assert_true(k > 2); /* at least one call of the kind was made, and failed */
}

static void any_call_may_fail_once(void **fixture)
{
    (void)fixture;
    loop(MRI_OS_CALL_ANY, MR_EIO, false, false);
    loop(MRI_OS_CALL_ANY, MR_ENOSPC, false, true);
}

static void any_call_and_all_after_it_may_fail(void **fixture)
{
    (void)fixture;
    loop(MRI_OS_CALL_ANY, MR_EIO, true, false);
    loop(MRI_OS_CALL_ANY, MR_ENOSPC, true, true);
}

static void every_kind_of_call_may_fail_for_ever(void **fixture)
{
    (void)fixture;
    static const enum mri_os_call kinds[] = {MRI_OS_CALL_OPEN, MRI_OS_CALL_INFO, MRI_OS_CALL_SIZE,
        MRI_OS_CALL_READ_AT, MRI_OS_CALL_WRITE_AT, MRI_OS_CALL_ALLOCATE, MRI_OS_CALL_TRUNCATE,
        MRI_OS_CALL_SYNC_DATA, MRI_OS_CALL_DROP_CACHE, MRI_OS_CALL_MAP_READ, MRI_OS_CALL_LOCK_RANGE,
        MRI_OS_CALL_MEMORY_CREATE, MRI_OS_CALL_MAKE_FOLDER, MRI_OS_CALL_SYNC_FOLDER,
        MRI_OS_CALL_RENAME, MRI_OS_CALL_LIST, MRI_OS_CALL_RANDOM_BYTES};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        loop(kinds[i], MR_EIO, true, true);
        loop(kinds[i], MR_ENOSPC, false, false);
    }
}

/** The kernel tells of a failed writeback only who had the file open before. */
static void who_syncs_for_others_has_written_it_himself(void **fixture)
{
    (void)fixture;
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    struct mri_os_memory *memory = mri_os_memory_new(FILE_BYTES);
    struct mri_os_faults machines[2];
    mr_log *logs[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        mri_os_faults_init(&machines[i], mri_os_memory_table(memory));
        assert_int_equal(
            mri_log_open(&machines[i].table, mri_alloc_system(), "/log", &options, &logs[i], NULL),
            MR_OK);
    }
    assert_int_equal(mri_log_sample_append(logs[0], 3, 500, MR_ASYNC, NULL), MR_OK);
    mri_os_faults_arm(&machines[1], MRI_OS_CALL_ANY, 0, MR_EIO);
    assert_int_equal(mr_log_sync(logs[1]), MR_OK);
    assert_true(machines[1].calls[MRI_OS_CALL_WRITE_AT] > 0);
    assert_int_equal(machines[1].calls[MRI_OS_CALL_SYNC_DATA], 1);
    mr_log_close(logs[1]);
    mr_log_close(logs[0]);
    assert_int_equal(mri_os_memory_open_count(memory), 0);
    mri_os_memory_free(memory);
}

/** It cannot open a segment any more; nothing of the log has failed by that. */
static void who_has_no_descriptors_left_harms_nobody(void **fixture)
{
    (void)fixture;
    static const mr_err shortages[] = {MR_ELIMIT, MR_ENOMEM, MR_EACCESS};
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    for (size_t k = 0; k < sizeof(shortages) / sizeof(shortages[0]); k++) {
        struct mri_os_memory *memory = mri_os_memory_new(FILE_BYTES);
        struct mri_os_faults machines[2];
        mr_log *logs[2] = {NULL, NULL};
        for (int i = 0; i < 2; i++) {
            mri_os_faults_init(&machines[i], mri_os_memory_table(memory));
            assert_int_equal(mri_log_open(&machines[i].table, mri_alloc_system(), "/log", &options,
                                 &logs[i], NULL),
                MR_OK);
        }
        mri_os_faults_arm(&machines[1], MRI_OS_CALL_OPEN, 1, shortages[k]);
        machines[1].is_sticky = true;
        assert_int_equal(mri_log_sample_append(logs[1], 3, 500, MR_GROUP, NULL), MR_EUNKNOWN);
        assert_int_equal(mri_log_sample_append(logs[1], 3, 500, MR_ASYNC, NULL), MR_OK);
        assert_int_equal(mr_log_sync(logs[1]), shortages[k]); /* it has the file to write to */
        assert_int_equal(mr_log_durable(logs[0]).n, 0);
        for (int i = 0; i < 60; i++) { /* over several segments */
            assert_int_equal(mri_log_sample_append(logs[0], 1, BODY_MAX, MR_GROUP, NULL), MR_OK);
            (void)mri_log_sample_append(logs[1], 1, 500, MR_ASYNC, NULL);
        }
        mri_os_faults_arm(&machines[1], MRI_OS_CALL_ANY, 0, MR_EIO);
        machines[1].is_sticky = false;
        assert_int_equal(mr_log_sync(logs[1]), MR_OK);
        assert_int_equal(mr_log_durable(logs[0]).n, mr_log_last(logs[1]).n);
        mr_log_close(logs[1]);
        mr_log_close(logs[0]);
        assert_int_equal(mri_os_memory_open_count(memory), 0);
        mri_os_memory_free(memory);
    }
}

/** Behind a limit on the length of its files: nothing is written or reserved there. */
static void limit(void *context, enum mri_os_call kind)
{
    struct mri_os_faults *machine = context;
    bool is_refused = kind == MRI_OS_CALL_WRITE_AT || kind == MRI_OS_CALL_WRITE_BULK ||
                      kind == MRI_OS_CALL_ALLOCATE;
    machine->kind = is_refused ? kind : MRI_OS_CALL_CLOSE; /* which cannot fail */
}

/** It goes on as long as there is room in the ring, and others write what it cannot. */
static void who_may_not_write_so_far_harms_nobody(void **fixture)
{
    (void)fixture;
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    for (int is_last = 0; is_last < 2; is_last++) {
        struct mri_os_memory *memory = mri_os_memory_new(FILE_BYTES);
        struct mri_os_faults machines[2];
        struct outcome outcome = {0};
        mr_log *logs[2] = {NULL, NULL};
        for (int i = 0; i < 2; i++) {
            mri_os_faults_init(&machines[i], mri_os_memory_table(memory));
            assert_int_equal(mri_log_open(&machines[i].table, mri_alloc_system(), "/log", &options,
                                 &logs[i], NULL),
                MR_OK);
        }
        mri_os_faults_arm(&machines[1], MRI_OS_CALL_CLOSE, 1, MR_ELIMIT);
        machines[1].is_sticky = true;
        machines[1].is_short_write = true;
        machines[1].before = limit;
        machines[1].before_context = &machines[1];
        assert_int_equal(mri_log_sample_append(logs[1], 3, BODY_MAX, MR_GROUP, NULL), MR_EUNKNOWN);
        assert_int_equal(mr_log_sync(logs[1]), MR_ELIMIT);
        assert_int_equal(mr_log_durable(logs[0]).n, 0);
        for (int i = 0; i < 60; i++) { /* over several segments */
            assert_int_equal(mri_log_sample_append(logs[0], 1, BODY_MAX, MR_GROUP, NULL), MR_OK);
            (void)mri_log_sample_append(logs[1], 1, BODY_MAX, MR_ASYNC, NULL);
        }
        mr_err err = MR_EUNKNOWN;
        while (err == MR_EUNKNOWN) { /* visible, and written by others */
            outcome.appended = mr_log_last(logs[1]).n;
            err = mri_log_sample_append(logs[1], 1, BODY_MAX, MR_ASYNC, NULL);
        }
        assert_int_equal(err, MR_ELIMIT);
        assert_true(machines[1].fired > 0);
        assert_int_equal(mr_log_last(logs[1]).n, outcome.appended);
        if (is_last == 0) {
            assert_int_equal(mr_log_sync(logs[0]), MR_OK);
            outcome.acked = outcome.appended;
            assert_int_equal(mr_log_durable(logs[1]).n, outcome.acked);
            mr_log_close(logs[1]);
            mr_log_close(logs[0]);
        } else { /* what the ring has waits there for the next one */
            assert_int_equal(mri_log_sample_append(logs[0], 1, BODY_MAX, MR_ASYNC, NULL), MR_OK);
            mr_log_close(logs[0]);
            assert_int_equal(
                mri_log_sample_append(logs[1], 1, BODY_MAX, MR_ASYNC, NULL), MR_EUNKNOWN);
            outcome.appended = mr_log_last(logs[1]).n;
            mr_log_close(logs[1]);
        }
        assert_int_equal(mri_os_memory_open_count(memory), 0);
        verify(memory, &outcome);
        mri_os_memory_free(memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_call_may_fail_once),
        cmocka_unit_test(any_call_and_all_after_it_may_fail),
        cmocka_unit_test(who_syncs_for_others_has_written_it_himself),
        cmocka_unit_test(every_kind_of_call_may_fail_for_ever),
        cmocka_unit_test(who_has_no_descriptors_left_harms_nobody),
        cmocka_unit_test(who_may_not_write_so_far_harms_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
