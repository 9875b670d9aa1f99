/* SPDX-License-Identifier: MIT */
/*
 * Tests of appending seals: ahead of writing behind, over the death of who seals between any two of
 * them, and in portions. Without threads, so that the test says when writing behind and sealing
 * have their turn.
 */
#define _GNU_SOURCE
#include "log/prove/sealing.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/hot/hot_shared.h"
#include "log/open/append.h"
#include "log/open/writer.h"
#include "log/prove/seal_walk.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/temp_folder.h"

enum {
    SEGMENT = 4 * 1024 * 1024,
    RING = 16 * 1024 * 1024,
    BATCH_MAX = MRI_SEAL_EVENTS_MAX,
    SEAL_BYTES = 192,
};

static struct mri_os os;
static char parent[MRI_TEMP_FOLDER_BYTES];
static char folder[MRI_TEMP_FOLDER_BYTES + 8];
static mr_log *log_handle;
static unsigned looks_left; /* at the clock, of which an append takes one; then death. 0: none */

static int64_t look_at_clock(void *context)
{
    if (looks_left > 0 && --looks_left == 0) {
        (void)kill(getpid(), SIGKILL);
    }
    return mri_os_linux()->realtime_unix_ns(context);
}

static mr_log *open_log(void)
{
    static const mr_log_options options = {
        .is_create = true, .is_thin = true, .segment_bytes = SEGMENT, .ring_bytes = RING};
    mr_log *log = NULL;
    mr_problem problem = {""};
    mr_err err = mri_log_open(&os, mri_alloc_system(), folder, &options, &log, &problem);
    assert_string_equal(problem.text, "");
    assert_int_equal(err, MR_OK);
    return log;
}

static int set_up(void **fixture)
{
    (void)fixture;
    os = *mri_os_linux();
    os.has_threads = false;
    os.realtime_unix_ns = look_at_clock;
    looks_left = 0;
    (void)mri_temp_folder_make(parent);
    (void)snprintf(folder, sizeof(folder), "%s/log", parent);
    log_handle = open_log();
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mr_log_close(log_handle);
    mri_temp_folder_remove(parent);
    return 0;
}

static struct mri_hot_tail *hot(void)
{
    return &log_handle->attachment->hot;
}

static struct mri_sealing *sealing(void)
{
    return &log_handle->attachment->sealing;
}

/** From now on, what is appended stays in the ring until somebody writes it behind. */
static void write_behind_later(void)
{
    hot()->is_writing_at_once = false;
}

/** Events that take so many SEALs: one ends behind each of these batches. */
static void append_for_seals(unsigned count)
{
    static mr_log_record records[BATCH_MAX];
    for (size_t i = 0; i < BATCH_MAX; i++) {
        records[i] = (mr_log_record){.type = MR_LOG_TYPE_FREE, .version = 1};
    }
    for (unsigned i = 0; i < count; i++) {
        size_t events = i % 2 == 0 ? 1 : BATCH_MAX;
        assert_int_equal(mr_log_append(log_handle, records, events, MR_ASYNC, NULL), MR_OK);
    }
}

/** The events of so many SEALs. */
static uint64_t events_of(uint64_t seals)
{
    return seals / 2 * (1 + BATCH_MAX) + seals % 2;
}

/** Walk over all seals, once they are written: so many, and they prove all events up to the last.
 */
static void expect_proven(uint64_t seals)
{
    struct mri_seal_walk walk;
    mr_problem problem = {""};
    assert_int_equal(mri_hot_tail_write_behind(hot()), MR_OK);
    mr_err err = mri_log_sample_walk_seals(mri_os_linux(), folder, &walk, &problem);
    assert_string_equal(problem.text, "");
    assert_int_equal(err, MR_END);
    assert_int_equal(walk.seal_count, seals);
    assert_int_equal(walk.head.seq, events_of(seals));
    assert_int_equal(walk.proven_count, events_of(seals));
    assert_int_equal(walk.unproven_count, 0);
    mri_seal_walk_fini(&walk);
}

/* ---- ahead of writing behind ----------------------------------------------------------------- */

static void seals_follow_each_other_while_writing_behind_is_behind(void **fixture)
{
    (void)fixture;
    write_behind_later();
    append_for_seals(2 * MRI_SEALS_AT_ONCE + 1);
    uint64_t written = mri_hot_tail_counters(hot()).written;
    uint64_t tail = mri_hot_tail_counters(hot()).tail;
    assert_true(mri_sealing_help(sealing(), false));
    struct mri_hot_view_counters counters = mri_hot_tail_counters(hot());
    assert_int_equal(counters.written, written); /* the disk was not waited for */
    assert_int_equal(counters.sealed_seq, 0);    /* nor is anything known of them in the files */
    assert_int_equal(counters.tail, tail + MRI_SEALS_AT_ONCE * SEAL_BYTES);
    assert_false(mri_sealing_help(sealing(), false)); /* another turn waits for what was made */
    assert_int_equal(mri_hot_tail_counters(hot()).tail, counters.tail);
    expect_proven(MRI_SEALS_AT_ONCE);
    assert_int_equal(mri_log_sealed(log_handle).n, events_of(MRI_SEALS_AT_ONCE));
    assert_true(mri_sealing_help(sealing(), false));
    expect_proven(2 * MRI_SEALS_AT_ONCE);
    assert_false(mri_sealing_help(sealing(), false)); /* one event is too few */
    expect_proven(2 * MRI_SEALS_AT_ONCE);
    assert_false(mri_sealing_help(sealing(), true)); /* unless nothing else comes */
    expect_proven(2 * MRI_SEALS_AT_ONCE + 1);
}

static void who_is_idle_writes_behind_himself_to_go_on_sealing(void **fixture)
{
    (void)fixture;
    write_behind_later();
    append_for_seals(3 * MRI_SEALS_AT_ONCE);
    for (unsigned turn = 0; turn < 3; turn++) {
        assert_true(mri_sealing_help(sealing(), true));
        assert_int_equal(mri_log_sealed(log_handle).n, events_of(turn * MRI_SEALS_AT_ONCE));
    }
    assert_false(mri_sealing_help(sealing(), true));
    expect_proven(3 * MRI_SEALS_AT_ONCE);
}

static void nobody_seals_while_somebody_else_is_at_it(void **fixture)
{
    (void)fixture;
    write_behind_later();
    append_for_seals(4);
    uint64_t tail = mri_hot_tail_counters(hot()).tail;
    assert_int_equal(mri_hot_take(hot(), &hot()->shared->seal_lock, false), MR_OK);
    pid_t child = fork();
    if (child == 0) {
        (void)mri_sealing_help(&open_log()->attachment->sealing, true);
        _exit(0);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    mri_robust_lock_give(&hot()->shared->seal_lock);
    assert_int_equal(mri_hot_tail_counters(hot()).tail, tail);
    (void)mri_sealing_help(sealing(), true);
    expect_proven(4);
}

/* ---- over the death of who seals ------------------------------------------------------------- */

/** In another process: seal, and be killed when so many SEALs are appended. */
static void die_behind_seals(unsigned count)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        mr_log *log = open_log();
        log->attachment->hot.is_writing_at_once = false;
        looks_left = count + 1; /* before the next one is appended */
        (void)mri_sealing_help(&log->attachment->sealing, true);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void who_goes_on_for_a_killed_one_continues_his_seals(void **fixture)
{
    (void)fixture;
    write_behind_later();
    uint64_t seals = 0;
    for (unsigned killed_behind = 0; killed_behind < MRI_SEALS_AT_ONCE; killed_behind++) {
        append_for_seals(MRI_SEALS_AT_ONCE + 2);
        uint64_t tail = mri_hot_tail_counters(hot()).tail;
        uint64_t orphans = mri_hot_tail_counters(hot()).orphans;
        die_behind_seals(killed_behind);
        assert_int_equal(
            mri_hot_tail_counters(hot()).tail, tail + (uint64_t)killed_behind * SEAL_BYTES);
        while (mri_sealing_help(sealing(), true)) {
        }
        assert_true(mri_hot_tail_counters(hot()).orphans > orphans);
        seals += MRI_SEALS_AT_ONCE + 2;
        expect_proven(seals); /* each once, none left out */
    }
}

/** In another process that is the only one: append, seal, be killed. */
static void live_and_die_behind_seals(unsigned count)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        log_handle = open_log();
        write_behind_later();
        append_for_seals(MRI_SEALS_AT_ONCE + 2);
        looks_left = count + 1;
        (void)mri_sealing_help(sealing(), true);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void the_next_open_continues_the_seals_of_one_who_was_killed(void **fixture)
{
    (void)fixture;
    uint64_t seals = 0;
    for (unsigned killed_behind = 0; killed_behind < MRI_SEALS_AT_ONCE; killed_behind++) {
        mr_log_close(log_handle);
        log_handle = NULL;
        live_and_die_behind_seals(killed_behind);
        log_handle = open_log();
        assert_int_equal(mri_log_sealed(log_handle).n, events_of(seals + killed_behind));
        mri_log_sample_seal(log_handle);
        seals += MRI_SEALS_AT_ONCE + 2;
        expect_proven(seals);
    }
}

/* ---- in portions ----------------------------------------------------------------------------- */

static void a_session_ends_after_its_share_of_seals_and_the_next_one_goes_on(void **fixture)
{
    (void)fixture;
    const unsigned more = 76;
    mri_log_sample_keep_unsealed(log_handle, true); /* without threads, an append seals, too */
    append_for_seals(MRI_SEALS_AT_END + more);
    mri_log_sample_keep_unsealed(log_handle, false);
    assert_int_equal(mri_log_sealed(log_handle).n, 0);
    mr_log_close(log_handle);
    log_handle = open_log();
    assert_int_equal(mri_log_sealed(log_handle).n, events_of(MRI_SEALS_AT_END));
    assert_int_equal(mr_log_last(log_handle).n, events_of(MRI_SEALS_AT_END + more));
    mr_log_close(log_handle);
    log_handle = open_log();
    assert_int_equal(mri_log_sealed(log_handle).n, events_of(MRI_SEALS_AT_END + more));
    expect_proven(MRI_SEALS_AT_END + more);
}

static void who_leaves_breaks_off_between_two_seals(void **fixture)
{
    (void)fixture;
    write_behind_later();
    append_for_seals(4);
    atomic_store(&hot()->is_leaving, true);
    (void)mri_sealing_help(sealing(), true);
    assert_int_equal(mri_log_sealed(log_handle).n, 0);
    mri_sealing_finish(sealing()); /* which is what he leaves to do */
    expect_proven(4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(seals_follow_each_other_while_writing_behind_is_behind),
        TEST(who_is_idle_writes_behind_himself_to_go_on_sealing),
        TEST(nobody_seals_while_somebody_else_is_at_it),
        TEST(who_goes_on_for_a_killed_one_continues_his_seals),
        TEST(the_next_open_continues_the_seals_of_one_who_was_killed),
        TEST(a_session_ends_after_its_share_of_seals_and_the_next_one_goes_on),
        TEST(who_leaves_breaks_off_between_two_seals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
