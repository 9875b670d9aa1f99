/* SPDX-License-Identifier: MIT */
/*
 * What may happen to a process that is inside: it is killed, becomes another program, ends without
 * closing, is stopped, forks, loses its descriptor of the lock file; also where process ids say
 * nothing, and over a restart of the machine. At each place where the order of stores matters.
 *
 * usage: torture_lock_test      SEED=n repeats a run; TIMES=n rounds of the whole matrix
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/torture/torture_disk.h"
#include "tests/torture/torture_parts.h"
#include "tests/torture/torture_point.h"

enum { TIMES = 1, SEGMENT = 1024 * 1024, SHM_BYTES = 256 * 1024 * 1024, LAST_OF_APPEND = 13 };

/** Up to 13 the append lock is held, then the write lock, from 50 on the sync lock. */
static const unsigned points[] = {1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 30, 31, 40, 41, 50, 51};
enum { POINTS = sizeof(points) / sizeof(points[0]) };

static struct mri_torture_ledger *ledger;
static _Atomic unsigned *is_there;
static _Atomic int *inner_id;
static char parent[MRI_TEMP_FOLDER_BYTES];
static char folder[MRI_TORTURE_PATH_BYTES];
static struct mri_torture_part victim;
static struct mri_torture_part other;

static const mr_log_options log_options = {
    .is_create = true, .segment_bytes = SEGMENT, .sync_interval_ms = 20};

static int set_up(void **fixture)
{
    (void)fixture;
    mri_torture_ledger_clear(ledger);
    (void)mri_temp_folder_make(parent);
    (void)snprintf(folder, sizeof(folder), "%s/log", parent);
    victim = (struct mri_torture_part){.ledger = ledger,
        .folder = folder,
        .options = log_options,
        .pace = {.burst_max = 8, .pause_us = 20, .group_of_1000 = 200, .large_of_1000 = 300},
        .at_start = mri_torture_point_arm};
    other = (struct mri_torture_part){.ledger = ledger,
        .folder = folder,
        .options = log_options,
        .pace = {.burst_max = 4, .pause_us = 200, .group_of_1000 = 20, .large_of_1000 = 5}};
    return 0;
}

static void compare(void *argument)
{
    (void)argument;
    mr_problem problem = {""};
    mr_log *log = NULL;
    const struct mri_log_opener opener = {.options = &log_options};
    mri_torture_ok(
        mri_torture_open(ledger, folder, &opener, &log, &problem), "the last open", &problem);
    (void)mri_torture_ledger_compare(ledger, folder, false);
    mr_log_close(log);
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_torture_in_child(compare, NULL);
    mri_temp_folder_remove(parent);
    return 0;
}

/** Let processes end by themselves. */
static void end_well(pid_t child)
{
    atomic_store(&ledger->is_over, 1);
    mri_torture_expect_end(child);
    atomic_store(&ledger->is_over, 0);
}

static bool has_gone_on(void *argument)
{
    const uint64_t *before = argument;
    return atomic_load(&ledger->lives[other.life - 1].acked) > *before;
}

static uint64_t other_acked(void)
{
    return atomic_load(&ledger->lives[other.life - 1].acked);
}

static void expect_other_to_go_on(void)
{
    uint64_t before = other_acked();
    mri_torture_until(has_gone_on, &before, "the other writer goes on");
}

static pid_t start_victim(unsigned point, enum mri_torture_point_action action)
{
    mri_torture_point_set(point, action, 1 + (unsigned)mri_torture_below(3));
    return mri_torture_part_start(&victim);
}

/* ---- it ends --------------------------------------------------------------------------------- */

static void end_everywhere(enum mri_torture_point_action action)
{
    unsigned times = mri_torture_count("TIMES", TIMES);
    pid_t beside = mri_torture_part_start(&other);
    for (unsigned i = 0; i < times * POINTS; i++) {
        pid_t child = start_victim(points[i % POINTS], action);
        int status = mri_torture_wait(child);
        bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        bool is_ended = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        MRI_TORTURE_CHECK(action == MRI_TORTURE_POINT_KILL ? is_killed : is_ended,
            "at place %u it ended with status 0x%x", points[i % POINTS], (unsigned)status);
        expect_other_to_go_on();
        mri_torture_tell("cells", 1);
    }
    end_well(beside);
}

static void others_go_on_when_it_is_killed(void **fixture)
{
    (void)fixture;
    end_everywhere(MRI_TORTURE_POINT_KILL);
}

static void others_go_on_when_it_becomes_another_program(void **fixture)
{
    (void)fixture;
    end_everywhere(MRI_TORTURE_POINT_EXEC);
}

static void others_go_on_when_it_ends_without_closing(void **fixture)
{
    (void)fixture;
    end_everywhere(MRI_TORTURE_POINT_EXIT);
}

/* ---- it stops -------------------------------------------------------------------------------- */

static void expect_stopped(pid_t child)
{
    int status;
    MRI_TORTURE_CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status),
        "it ended with status 0x%x instead of stopping", (unsigned)status);
}

/** Come in beside one that is stopped inside, look and read. Closing would wait for it to write. */
static void come_in_and_read(void *argument)
{
    mr_problem problem = {""};
    mr_log *log = NULL;
    mr_log_reader *reader = NULL;
    mr_log_event event;
    (void)argument;
    mri_torture_ok(mr_log_open(folder, &log_options, &log, &problem), "open beside", &problem);
    mri_torture_ok(mr_log_reader_open(folder, &reader, &problem), "read beside", &problem);
    mr_err err = mr_log_reader_seek_end(reader, &problem);
    mri_torture_ok(err, "seek beside", &problem);
    err = mr_log_reader_previous(reader, &event, &problem);
    MRI_TORTURE_CHECK(err == MR_OK || err == MR_END, "read beside: %s", problem.text);
    mr_log_reader_close(reader);
}

/** Nobody takes a lock from a process that lives: what waits for it waits. */
static void expect_nothing_stolen(void)
{
    uint64_t first = other_acked();
    mri_torture_sleep_us(8000);
    uint64_t second = other_acked(); /* an ack of before may still have been on its way */
    mri_torture_sleep_us(8000);
    MRI_TORTURE_CHECK(first == second || second == other_acked(), "somebody took a held lock");
}

static void nothing_is_stolen_from_one_that_is_stopped(void **fixture)
{
    (void)fixture;
    unsigned times = mri_torture_count("TIMES", TIMES);
    pid_t beside = mri_torture_part_start(&other);
    for (unsigned i = 0; i < times * POINTS; i++) {
        unsigned point = points[i % POINTS];
        pid_t child = start_victim(point, MRI_TORTURE_POINT_STOP);
        expect_stopped(child);
        if (point <= LAST_OF_APPEND) {
            expect_nothing_stolen();
            mri_torture_in_child(come_in_and_read, NULL);
        }
        if (mri_torture_below(2) == 0) {
            MRI_TORTURE_CHECK(kill(child, SIGCONT) == 0, "SIGCONT");
            expect_other_to_go_on();
        }
        mri_torture_kill(child);
        expect_other_to_go_on();
        mri_torture_tell("cells", 1);
    }
    end_well(beside);
}

/* ---- process ids say nothing ----------------------------------------------------------------- */

/** Be the parent of a process that is number 1 of its own world. */
static void live_in_own_world(void *part)
{
    MRI_TORTURE_CHECK(unshare(CLONE_NEWPID) == 0, "unshare: %s", strerror(errno));
    pid_t inner = mri_torture_start(mri_torture_part_live, part);
    atomic_store(inner_id, inner);
    int status;
    (void)waitpid(inner, &status, 0);
    _exit(WIFSIGNALED(status) ? 0 : 1);
}

static bool is_word_set(void *argument)
{
    (void)argument;
    return atomic_load(is_there) != 0;
}

static pid_t start_in_own_world(struct mri_torture_part *part)
{
    part->life = mri_torture_ledger_life(ledger);
    part->seed = mri_torture_below(UINT32_MAX);
    return mri_torture_start(live_in_own_world, part);
}

static bool has_inner_begun(void *argument)
{
    (void)argument;
    return atomic_load(inner_id) != 0;
}

static void a_dead_one_of_another_process_namespace_is_noticed(void **fixture)
{
    (void)fixture;
    unsigned times = mri_torture_count("TIMES", TIMES);
    if (geteuid() != 0) {
        mri_torture_skip("it needs root");
    }
    atomic_store(inner_id, 0);
    pid_t outer = start_in_own_world(&other); /* both are number 1 of their worlds */
    mri_torture_until(has_inner_begun, NULL, "the other one begins");
    pid_t beside = atomic_load(inner_id);
    for (unsigned i = 0; i < times * POINTS; i++) {
        atomic_store(is_there, 0);
        mri_torture_point_set(
            points[i % POINTS], MRI_TORTURE_POINT_PAUSE, 1 + (unsigned)mri_torture_below(3));
        pid_t child = start_in_own_world(&victim);
        mri_torture_until(is_word_set, NULL, "it comes to the place");
        if (points[i % POINTS] <= LAST_OF_APPEND) {
            expect_nothing_stolen();
        }
        MRI_TORTURE_CHECK(kill(atomic_load(inner_id), SIGKILL) == 0, "kill: %s", strerror(errno));
        mri_torture_expect_end(child);
        expect_other_to_go_on();
        mri_torture_tell("cells", 1);
    }
    MRI_TORTURE_CHECK(kill(beside, SIGKILL) == 0, "kill: %s", strerror(errno));
    mri_torture_expect_end(outer);
}

/* ---- it forks -------------------------------------------------------------------------------- */

/** In a child: what it has from its parent refuses. */
static void use_in_fork(void)
{
    static const mr_log_record record = {.type = MR_LOG_TYPE_FREE};
    mr_log *inherited = mri_torture_part_log();
    mr_err err = inherited == NULL ? MR_EINVAL : MR_OK; /* the place may lie inside of open */
    if (err == MR_OK) {
        err = mr_log_append(inherited, &record, 1, MR_ASYNC, NULL);
        MRI_TORTURE_CHECK(err == MR_EINVAL, "append in a child: %s", mr_err_name(err));
        err = mr_log_sync(inherited);
        MRI_TORTURE_CHECK(err == MR_EINVAL, "sync in a child: %s", mr_err_name(err));
        mr_log_close(inherited);
    }
}

static void a_child_of_one_inside_is_refused_and_harms_nobody(void **fixture)
{
    (void)fixture;
    unsigned times = mri_torture_count("TIMES", TIMES);
    pid_t beside = mri_torture_part_start(&other);
    mri_torture_point_call_in_fork(use_in_fork);
    for (unsigned i = 0; i < times * POINTS; i++) {
        pid_t child = start_victim(points[i % POINTS], MRI_TORTURE_POINT_FORK);
        for (int k = 0; k < 5; k++) {
            expect_other_to_go_on();
        }
        atomic_store(&ledger->is_over, 1);
        mri_torture_expect_end(child);
        mri_torture_expect_end(beside);
        atomic_store(&ledger->is_over, 0);
        beside = mri_torture_part_start(&other);
        mri_torture_tell("cells", 1);
    }
    expect_other_to_go_on();
    end_well(beside);
}

/* ---- it is not seen any more ----------------------------------------------------------------- */

static void open_append_and_leave(void *argument)
{
    struct mri_torture_writer writer;
    const struct mri_torture_batch batch = {.count = 3, .body_max = 100, .durability = MR_GROUP};
    mr_problem problem = {""};
    mr_log *log = NULL;
    const uint32_t *life = argument;
    const struct mri_log_opener opener = {.options = &log_options};
    mr_err err = mri_torture_open(ledger, folder, &opener, &log, &problem);
    mri_torture_ok(err, "open beside one that is not seen", &problem);
    mri_torture_writer_init(&writer, ledger, log, *life, *life);
    for (int i = 0; i < 50; i++) {
        mri_torture_ok(mri_torture_append(&writer, &batch), "append of the second", NULL);
    }
    mr_log_close(log);
    mri_torture_writer_fini(&writer);
}

static void open_own(void)
{
    uint32_t life = mri_torture_ledger_life(ledger);
    use_in_fork();
    open_append_and_leave(&life);
}

/** Forks while it has the log open; its child opens it, too. */
static void fork_beside_a_log(void *argument)
{
    const struct mri_torture_part *part = argument;
    struct mri_torture_writer writer;
    const struct mri_torture_batch batch = {.count = 2, .body_max = 100, .durability = MR_ASYNC};
    int status = 1;
    mr_log *log = mri_torture_part_open(part);
    mri_torture_writer_init(&writer, ledger, log, part->life, part->seed);
    for (int i = 0; i < 10; i++) {
        mri_torture_ok(mri_torture_append(&writer, &batch), "append before a fork", NULL);
        pid_t child = fork();
        if (child == 0) {
            open_own();
            _exit(0);
        }
        mri_torture_ok(mri_torture_append(&writer, &batch), "append beside a child", NULL);
        MRI_TORTURE_CHECK(waitpid(child, &status, 0) == child && status == 0, "the child failed");
    }
    mr_log_close(log);
}

static void a_child_opens_the_log_by_itself(void **fixture)
{
    (void)fixture;
    victim.life = mri_torture_ledger_life(ledger);
    victim.at_start = NULL;
    mri_torture_in_child(fork_beside_a_log, &victim);
    mri_torture_tell("cells", 1);
}

/** It lost its place among those that are in. The next one begins anew; both keep their word. */
static void a_process_that_lost_its_lock_loses_nothing_that_it_was_promised(void **fixture)
{
    (void)fixture;
    unsigned times = mri_torture_count("TIMES", TIMES);
    victim.pace.is_ending_when_retired = true;
    victim.pace.pause_us = 0;
    for (unsigned i = 0; i < times * POINTS; i++) {
        uint32_t life = mri_torture_ledger_life(ledger);
        pid_t child = start_victim(points[i % POINTS], MRI_TORTURE_POINT_CLOSE_LOCK);
        expect_stopped(child);
        pid_t next = mri_torture_start(open_append_and_leave, &life);
        mri_torture_sleep_us(mri_torture_below(4000));
        MRI_TORTURE_CHECK(kill(child, SIGCONT) == 0, "SIGCONT");
        mri_torture_expect_end(next);
        mri_torture_expect_end(child);
        mri_torture_in_child(compare, NULL);
        mri_torture_tell("cells", 1);
    }
}

/* ---- the machine starts again ---------------------------------------------------------------- */

static void open_after_restart(void *argument)
{
    mr_problem problem = {""};
    mr_log *log = NULL;
    (void)argument;
    mri_torture_reboot();
    mri_torture_ok(mr_log_open(folder, &log_options, &log, &problem), "open anew", &problem);
    (void)mri_torture_ledger_compare(ledger, folder, true);
    mr_log_close(log);
}

static void a_lock_that_was_held_before_a_restart_holds_nobody_up(void **fixture)
{
    (void)fixture;
    unsigned times = mri_torture_count("TIMES", TIMES);
    const char *why_not = mri_torture_disk_begin();
    if (why_not != NULL) {
        mri_torture_skip(why_not);
    }
    mri_torture_own_shm(SHM_BYTES);
    for (unsigned i = 0; i < times * POINTS; i++) {
        victim.options.is_ring_in_folder = mri_torture_below(2) == 0;
        pid_t child = start_victim(points[i % POINTS], MRI_TORTURE_POINT_KILL);
        int status = mri_torture_wait(child);
        MRI_TORTURE_CHECK(WIFSIGNALED(status), "it ended with status 0x%x", (unsigned)status);
        atomic_store(&ledger->is_lossy, 1);
        mri_torture_in_child(open_after_restart, NULL);
        atomic_store(&ledger->is_lossy, 0);
        mri_torture_tell("cells", 1);
    }
}

/* ---- two containers -------------------------------------------------------------------------- */

static void come_from_another_container(void *argument)
{
    const bool *is_in_folder = argument;
    uint32_t life = mri_torture_ledger_life(ledger);
    mri_torture_own_shm(SHM_BYTES);
    if (*is_in_folder) {
        open_append_and_leave(&life);
        return;
    }
    mr_problem problem = {""};
    mr_log *log = NULL;
    mr_err err = mr_log_open(folder, &log_options, &log, &problem);
    MRI_TORTURE_CHECK(err == MR_BUSY && strstr(problem.text, "another container") != NULL,
        "from another container: %s %s", mr_err_name(err), problem.text);
}

static void another_container_is_refused_unless_the_ring_is_in_the_folder(void **fixture)
{
    (void)fixture;
    const char *why_not = mri_torture_disk_begin();
    if (why_not != NULL) {
        mri_torture_skip(why_not);
    }
    mri_torture_own_shm(SHM_BYTES);
    for (int i = 0; i < 2; i++) {
        bool is_in_folder = i == 1;
        other.options.is_ring_in_folder = is_in_folder;
        pid_t beside = mri_torture_part_start(&other);
        expect_other_to_go_on();
        mri_torture_in_child(come_from_another_container, &is_in_folder);
        expect_other_to_go_on();
        end_well(beside);
        mri_torture_tell("cells", 1);
    }
}

int main(void)
{
    mri_torture_begin("torture_lock_test");
    ledger = mri_torture_share(sizeof(*ledger));
    is_there = mri_torture_share(sizeof(*is_there));
    inner_id = mri_torture_share(sizeof(*inner_id));
    mri_torture_point_tell(is_there);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(others_go_on_when_it_is_killed),
        TEST(others_go_on_when_it_becomes_another_program),
        TEST(others_go_on_when_it_ends_without_closing),
        TEST(nothing_is_stolen_from_one_that_is_stopped),
        TEST(a_dead_one_of_another_process_namespace_is_noticed),
        TEST(a_child_of_one_inside_is_refused_and_harms_nobody),
        TEST(a_child_opens_the_log_by_itself),
        TEST(a_process_that_lost_its_lock_loses_nothing_that_it_was_promised),
        TEST(a_lock_that_was_held_before_a_restart_holds_nobody_up),
        TEST(another_container_is_refused_unless_the_ring_is_in_the_folder),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mri_torture_tell("events", atomic_load(&ledger->appended));
    return mri_torture_end(failed);
}
