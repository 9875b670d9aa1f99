/* SPDX-License-Identifier: MIT */
/*
 * Locks between processes, and holders that die.
 */
#define _GNU_SOURCE
#include "os/robust_lock.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/cmocka_all.h"

enum { DEATHS = 50, PROCESSES = 4, TURNS = 20000 };

static struct shared {
    struct mri_robust_lock lock;
    volatile uint64_t count;
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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_next_one_is_told_that_the_holder_was_killed),
        TEST(an_orphan_that_nobody_mends_is_lost_and_says_so),
        TEST(a_held_lock_is_busy),
        TEST(only_one_process_is_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
