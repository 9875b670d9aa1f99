/* SPDX-License-Identifier: MIT */
/*
 * Locks between processes, and holders that die.
 */
#define _GNU_SOURCE
#include "os/robust_lock.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/cmocka_all.h"

enum { DEATHS = 50, PROCESSES = 4, TURNS = 20000, TWINS = 20 };
enum { HELD = 1, WAITING, LET_GO };

static struct shared {
    struct mri_robust_lock lock;
    volatile uint64_t count;
    _Atomic uint32_t stage;
} * shared;

static int set_up(void **fixture)
{
    (void)fixture;
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared != MAP_FAILED && mri_robust_lock_init(&shared->lock) == MR_OK ? 0 : -1;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    return munmap(shared, sizeof(*shared));
}

static void take_and_die(void)
{
    pid_t child = fork();
    if (child == 0) {
        bool is_orphan;
        bool is_taken = mri_robust_lock_take(&shared->lock, 0, &is_orphan) == MR_OK;
        (void)kill(getpid(), is_taken ? SIGKILL : SIGTERM);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void the_next_one_is_told_that_the_holder_was_killed(void **fixture)
{
    (void)fixture;
    for (int i = 0; i < DEATHS; i++) {
        bool is_orphan = false;
        take_and_die();
        if (i % 2 == 0) {
            assert_int_equal(mri_robust_lock_take(&shared->lock, 10, &is_orphan), MR_OK);
        } else {
            assert_int_equal(mri_robust_lock_try(&shared->lock, &is_orphan), MR_OK);
        }
        assert_true(is_orphan);
        mri_robust_lock_mend(&shared->lock);
        mri_robust_lock_give(&shared->lock);
        assert_int_equal(mri_robust_lock_take(&shared->lock, 0, &is_orphan), MR_OK);
        assert_false(is_orphan);
        mri_robust_lock_give(&shared->lock);
    }
}

static void an_orphan_that_nobody_mends_is_lost_and_says_so(void **fixture)
{
    (void)fixture;
    bool is_orphan;
    take_and_die();
    assert_int_equal(mri_robust_lock_take(&shared->lock, 0, &is_orphan), MR_OK);
    mri_robust_lock_give(&shared->lock);
    assert_int_equal(mri_robust_lock_take(&shared->lock, 0, &is_orphan), MR_EINTERNAL);
    assert_int_equal(mri_robust_lock_try(&shared->lock, &is_orphan), MR_EINTERNAL);
}

static void a_held_lock_is_busy(void **fixture)
{
    (void)fixture;
    bool is_orphan;
    assert_int_equal(mri_robust_lock_take(&shared->lock, 0, &is_orphan), MR_OK);
    pid_t child = fork();
    if (child == 0) {
        _exit(mri_robust_lock_try(&shared->lock, &is_orphan) == MR_BUSY ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    mri_robust_lock_give(&shared->lock);
}

static void only_one_process_is_inside(void **fixture)
{
    (void)fixture;
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            for (int k = 0; k < TURNS; k++) {
                bool is_orphan;
                if (mri_robust_lock_take(&shared->lock, (unsigned)(k % 3) * 100, &is_orphan) !=
                    MR_OK) {
                    _exit(1);
                }
                shared->count = shared->count + 1;
                mri_robust_lock_give(&shared->lock);
            }
            _exit(0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(shared->count, PROCESSES * TURNS);
}

/* ---- the same number in several process-id namespaces ---------------------------------------- */

/** A test that fails leaves nobody behind. */
static pid_t fork_mortal(void)
{
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    return child;
}

static void wait_for(uint32_t stage)
{
    while (atomic_load(&shared->stage) != stage) {
        (void)usleep(200);
    }
}

/** Number 1 of its own namespace: hold the lock until told to give it back. */
static int hold_as_number_one(void)
{
    bool is_orphan;
    if (mri_robust_lock_take(&shared->lock, 0, &is_orphan) != MR_OK) {
        return 1;
    }
    atomic_store(&shared->stage, HELD);
    wait_for(LET_GO);
    mri_robust_lock_give(&shared->lock);
    return 0;
}

static int wait_as_number_one(void)
{
    bool is_orphan;
    atomic_store(&shared->stage, WAITING);
    return mri_robust_lock_take(&shared->lock, 10, &is_orphan) == MR_OK ? 0 : 1;
}

/** A process whose child, which it waits for, is number 1. The child's id as the test sees it. */
static pid_t start_number_one(int (*run)(void), pid_t *ret_outer)
{
    int ends[2];
    pid_t inner = -1;
    assert_int_equal(pipe(ends), 0);
    *ret_outer = fork_mortal();
    if (*ret_outer == 0) {
        bool is_apart = unshare(CLONE_NEWPID) == 0;
        inner = is_apart ? fork_mortal() : -1;
        if (inner == 0) {
            _exit(getpid() == 1 ? run() : 2);
        }
        int status = 0;
        bool is_told = write(ends[1], &inner, sizeof(inner)) == (ssize_t)sizeof(inner);
        bool is_ended = is_told && inner > 0 && waitpid(inner, &status, 0) == inner;
        _exit(!is_ended ? 3 : WIFSIGNALED(status) ? 100 : WEXITSTATUS(status));
    }
    assert_int_equal(read(ends[0], &inner, sizeof(inner)), sizeof(inner));
    (void)close(ends[0]);
    (void)close(ends[1]);
    return inner;
}

static void expect_exit(pid_t child, int expected)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), expected);
}

static void a_waiter_that_is_killed_takes_no_lock_from_the_holder_with_its_number(void **fixture)
{
    (void)fixture;
    pid_t outers[2];
    bool is_orphan;
    if (geteuid() != 0) {
        print_message("skipped: namespaces need root\n");
        skip();
    }
    for (int i = 0; i < TWINS; i++) {
        atomic_store(&shared->stage, 0);
        (void)start_number_one(hold_as_number_one, &outers[0]);
        wait_for(HELD);
        pid_t waiter = start_number_one(wait_as_number_one, &outers[1]);
        wait_for(WAITING);
        (void)usleep((useconds_t)(i % 5) * 1000);
        assert_int_equal(kill(waiter, SIGKILL), 0);
        expect_exit(outers[1], 100);
        assert_int_equal(mri_robust_lock_try(&shared->lock, &is_orphan), MR_BUSY);
        atomic_store(&shared->stage, LET_GO);
        expect_exit(outers[0], 0);
        assert_int_equal(mri_robust_lock_take(&shared->lock, 10, &is_orphan), MR_OK);
        assert_false(is_orphan);
        mri_robust_lock_give(&shared->lock);
    }
}

static void who_sleeps_is_told_that_the_holder_was_killed(void **fixture)
{
    (void)fixture;
    for (int i = 0; i < DEATHS; i++) {
        bool is_orphan = false;
        atomic_store(&shared->stage, 0);
        pid_t holder = fork_mortal();
        if (holder == 0) {
            _exit(hold_as_number_one());
        }
        wait_for(HELD);
        pid_t waiter = fork_mortal();
        if (waiter == 0) {
            atomic_store(&shared->stage, WAITING);
            bool is_told = mri_robust_lock_take(&shared->lock, 0, &is_orphan) == MR_OK && is_orphan;
            _exit(is_told ? 0 : 1);
        }
        wait_for(WAITING);
        (void)usleep((useconds_t)(i % 5) * 500);
        assert_int_equal(kill(holder, SIGKILL), 0);
        expect_exit(waiter, 0); /* it dies with the lock, too, unmended */
        int status;
        assert_int_equal(waitpid(holder, &status, 0), holder);
        assert_int_equal(mri_robust_lock_try(&shared->lock, &is_orphan), MR_OK);
        assert_true(is_orphan);
        mri_robust_lock_mend(&shared->lock);
        mri_robust_lock_give(&shared->lock);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_next_one_is_told_that_the_holder_was_killed),
        TEST(an_orphan_that_nobody_mends_is_lost_and_says_so),
        TEST(a_held_lock_is_busy),
        TEST(only_one_process_is_inside),
        TEST(who_sleeps_is_told_that_the_holder_was_killed),
        TEST(a_waiter_that_is_killed_takes_no_lock_from_the_holder_with_its_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
