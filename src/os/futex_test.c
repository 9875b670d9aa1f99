/* SPDX-License-Identifier: MIT */
/*
 * Sleeping and waking between processes.
 */
#define _GNU_SOURCE
#include "os/futex.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/cmocka_all.h"

enum { TURNS = 20000 };

#define SECOND_NS ((int64_t)1000000000)

static struct shared {
    _Atomic uint32_t ping;
    _Atomic uint32_t pong;
} * shared;

static int set_up(void **fixture)
{
    (void)fixture;
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared != MAP_FAILED ? 0 : -1;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    return munmap(shared, sizeof(*shared));
}

static void a_word_that_has_changed_is_not_waited_for(void **fixture)
{
    (void)fixture;
    assert_int_equal(mri_futex_wait(&shared->ping, 7, 1, 100 * SECOND_NS), MR_OK);
}

static void a_wait_ends_with_its_time(void **fixture)
{
    (void)fixture;
    assert_int_equal(mri_futex_wait(&shared->ping, 0, 1, 1000000), MR_AGAIN);
    mri_futex_wake(&shared->ping, MRI_FUTEX_ALL, 1); /* nobody is there */
}

/** Bit 1 wakes the child, bit 2 must not: it sleeps through it until its time is over. */
static void only_sleepers_of_the_same_bits_wake(void **fixture)
{
    (void)fixture;
    pid_t child = fork();
    if (child == 0) {
        atomic_store(&shared->pong, 1);
        _exit(mri_futex_wait(&shared->ping, 0, 1, SECOND_NS / 5) == MR_AGAIN ? 0 : 1);
    }
    while (atomic_load(&shared->pong) == 0) {
    }
    int status;
    while (waitpid(child, &status, WNOHANG) == 0) {
        mri_futex_wake(&shared->ping, MRI_FUTEX_ALL, 2);
    }
    assert_int_equal(status, 0);
}

/** Wait until the word is not what it was; a wait that times out is a wake-up that was lost. */
static int await_change(_Atomic uint32_t *word, uint32_t before)
{
    while (atomic_load(word) == before) {
        if (mri_futex_wait(word, before, 1, 20 * SECOND_NS) != MR_OK) {
            return 1;
        }
    }
    return 0;
}

static void no_wake_up_is_lost_between_two_processes(void **fixture)
{
    (void)fixture;
    pid_t child = fork();
    if (child == 0) {
        int lost = 0;
        for (uint32_t i = 0; i < TURNS; i++) {
            lost += await_change(&shared->ping, i);
            atomic_store(&shared->pong, i + 1);
            mri_futex_wake(&shared->pong, MRI_FUTEX_ALL, 1);
        }
        _exit(lost == 0 ? 0 : 1);
    }
    for (uint32_t i = 0; i < TURNS; i++) {
        atomic_store(&shared->ping, i + 1);
        mri_futex_wake(&shared->ping, MRI_FUTEX_ALL, 1);
        assert_int_equal(await_change(&shared->pong, i), 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_word_that_has_changed_is_not_waited_for),
        TEST(a_wait_ends_with_its_time),
        TEST(only_sleepers_of_the_same_bits_wake),
        TEST(no_wake_up_is_lost_between_two_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
