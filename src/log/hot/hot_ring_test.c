/* SPDX-License-Identifier: MIT */
/*
 * A ring that is full: appenders who are faster than writing behind wait for it, and nothing that
 * was acknowledged is overwritten before it is in the files.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/hot/hot_shared.h"
#include "log/hot/hot_thread.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/hot_sample.h"
#include "tests/lib/os_faults.h"

enum { SEGMENT = 8 * 1024 * 1024, RING = 1024 * 1024, APPENDERS = 2, BATCH = 10 };
enum { BATCHES = 1500, BATCH_BYTES_MAX = BATCH * 512 };

#define MILLISECOND_NS ((int64_t)1000000)

static struct mri_hot_sample sample;
static struct mri_os_faults faults;
static struct ledger {
    _Atomic uint32_t acked[APPENDERS];
    _Atomic unsigned ended;
} * ledger; /* shared with the appenders */

static int set_up(void **fixture)
{
    (void)fixture;
    mri_hot_sample_begin(&sample, SEGMENT, RING);
    mri_os_faults_init(&faults, mri_os_linux());
    sample.hot.options.os = &faults.table;
    ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return ledger == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_hot_sample_end(&sample);
    return munmap(ledger, sizeof(*ledger));
}

/** How far the tail may be before `written`. */
static uint64_t room(void)
{
    return RING - RING / 4;
}

/** In a process of its own: append as fast as it goes. */
static void append_all(uint32_t appender)
{
    struct mri_hot_tail hot;
    mr_err err = mri_hot_tail_attach(&hot, &sample.options);
    for (uint32_t number = 1; number < BATCHES * BATCH && err == MR_OK; number += BATCH) {
        const struct mri_hot_sample_body first = {appender, number};
        err = mri_hot_sample_append(&hot, &first, BATCH, MR_ASYNC, NULL);
        if (err == MR_OK) {
            atomic_store(&ledger->acked[appender], number + BATCH - 1);
        }
    }
    atomic_fetch_add(&ledger->ended, 1);
    _exit(err == MR_OK ? 0 : 1);
}

static pid_t start(uint32_t appender)
{
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
        append_all(appender);
    }
    assert_true(child > 0);
    return child;
}

static void expect_good_end(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/** Everything that was acknowledged is in the files. */
static void expect_all(unsigned appenders)
{
    struct mri_hot_sample_found found;
    assert_int_equal(mri_hot_tail_write_behind(&sample.hot), MR_OK);
    assert_int_equal(mri_hot_sample_read(&sample, &found), MR_END);
    assert_int_equal(found.records, appenders * BATCHES * BATCH);
    for (unsigned i = 0; i < appenders; i++) {
        assert_int_equal(atomic_load(&ledger->acked[i]), BATCHES * BATCH);
        assert_int_equal(found.newest[i], BATCHES * BATCH);
    }
}

/** Is what the ring holds from `written` up to the tail what was appended? */
static bool is_ring_whole(void)
{
    const struct mri_hot_view_counters counters = mri_hot_tail_counters(&sample.hot);
    const uint64_t salt = mri_hot_segment_of(&sample.hot, counters.written)->salt;
    uint64_t position = counters.written;
    while (position < counters.tail) {
        const struct mri_record_head *head = mri_hot_record(&sample.hot, position);
        if (mri_record_check_head(head, salt, position) != MR_OK ||
            mri_record_check_body(head, RING) != MR_OK) {
            return false;
        }
        position += mri_record_stride(head->bytes);
    }
    return position == counters.tail;
}

/** While the write lock is held: is the ring full, and not more than full, and stays so? */
static bool stays_full(void)
{
    const struct mri_os *os = mri_os_linux();
    bool is_full = true;
    for (int i = 0; i < 20; i++) { /* time to go on, for one that does not wait */
        struct mri_hot_view_counters counters = mri_hot_tail_counters(&sample.hot);
        uint64_t ahead = counters.tail - counters.written;
        is_full = is_full && ahead <= room() && ahead > room() - BATCH_BYTES_MAX;
        os->sleep_ns(os->context, MILLISECOND_NS);
    }
    return is_full;
}

static void appenders_wait_as_long_as_nobody_can_write_behind(void **fixture)
{
    (void)fixture;
    const struct mri_os *os = mri_os_linux();
    struct mri_hot_shared *shared = sample.hot.shared;
    pid_t children[APPENDERS];
    assert_int_equal(mri_hot_take(&sample.hot, &shared->write_lock, false), MR_OK);
    for (uint32_t i = 0; i < APPENDERS; i++) {
        children[i] = start(i);
    }
    while (atomic_load(&shared->backpressured) == 0 && atomic_load(&ledger->ended) == 0) {
        os->sleep_ns(os->context, MILLISECOND_NS);
    }
    bool is_full = stays_full();
    bool is_whole = is_ring_whole();
    unsigned ended = atomic_load(&ledger->ended);
    uint64_t waits = atomic_load(&shared->backpressured);
    mri_robust_lock_give(&shared->write_lock);
    for (uint32_t i = 0; i < APPENDERS; i++) {
        expect_good_end(children[i]);
    }
    assert_true(is_full);
    assert_true(is_whole);
    assert_int_equal(ended, 0);
    assert_int_equal(waits, 1); /* the other one waits for him */
    assert_true(atomic_load(&shared->backpressured) > 1);
    expect_all(APPENDERS);
}

/** Before each call of the machine by who writes behind: the disk is slower than who appends. */
static void be_slow(void *context, enum mri_os_call kind)
{
    const struct mri_os *os = mri_os_linux();
    const struct mri_hot_shared *shared = sample.hot.shared;
    uint64_t *most = context;
    if (kind != MRI_OS_CALL_WRITE_AT && kind != MRI_OS_CALL_WRITE_BULK) {
        return;
    }
    do {
        os->sleep_ns(os->context, MILLISECOND_NS);
    } while (atomic_load(&shared->backpressured) == 0 && atomic_load(&ledger->ended) == 0);
    /* The write lock is held: both stand. */
    uint64_t ahead = atomic_load(&shared->tail) - atomic_load(&shared->written);
    *most = ahead > *most ? ahead : *most;
}

static void a_slow_disk_sets_the_pace_of_those_who_append(void **fixture)
{
    (void)fixture;
    struct mri_hot_thread helper = {.hot = &sample.hot};
    uint64_t most = 0;
    faults.before = be_slow;
    faults.before_context = &most;
    assert_int_equal(mri_hot_thread_start(&helper), MR_OK);
    pid_t child = start(0);
    expect_good_end(child);
    mri_hot_thread_stop(&helper);
    faults.before = NULL;
    assert_true(most <= room());
    assert_true(mri_hot_tail_counters(&sample.hot).backpressured > 0);
    assert_false(mri_hot_tail_counters(&sample.hot).is_poisoned);
    expect_all(1);
}

/** Fill the ring, with a disk that takes some of it and then no more. */
static void fill_over_a_failing_disk(mr_err disk, enum mri_os_call kind)
{
    struct mri_hot_sample_found found;
    mr_err err = MR_OK;
    uint32_t acked = 0;
    faults.is_sticky = true;
    mri_os_faults_arm(&faults, kind, 2, disk);
    while (err == MR_OK && acked < BATCHES * BATCH) {
        const struct mri_hot_sample_body first = {0, acked + 1};
        err = mri_hot_sample_append(&sample.hot, &first, BATCH, MR_ASYNC, NULL);
        acked += err == MR_OK ? (uint32_t)BATCH : 0;
    }
    assert_int_equal(err, MR_EPOISONED);
    struct mri_hot_view_counters counters = mri_hot_tail_counters(&sample.hot);
    assert_true(counters.backpressured >= 2);
    assert_true(counters.tail - counters.written <= room());
    assert_int_equal(counters.tail_seq, acked);
    assert_true(is_ring_whole()); /* who opens the log next may take it from there */
    assert_int_equal(mri_hot_sample_read(&sample, &found), MR_END);
    assert_int_equal(found.records, counters.written_seq);
    assert_true(found.records > 0 && found.records < acked);
}

static void a_disk_that_fails_is_said_and_the_ring_keeps_what_is_not_written(void **fixture)
{
    (void)fixture;
    fill_over_a_failing_disk(MR_EIO, MRI_OS_CALL_WRITE_BULK);
}

static void a_disk_that_is_full_is_said_and_the_ring_keeps_what_is_not_written(void **fixture)
{
    (void)fixture;
    fill_over_a_failing_disk(MR_ENOSPC, MRI_OS_CALL_WRITE_BULK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(appenders_wait_as_long_as_nobody_can_write_behind),
        TEST(a_slow_disk_sets_the_pace_of_those_who_append),
        TEST(a_disk_that_fails_is_said_and_the_ring_keeps_what_is_not_written),
        TEST(a_disk_that_is_full_is_said_and_the_ring_keeps_what_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
