/* SPDX-License-Identifier: MIT */
/*
 * Threads.
 */
#define _GNU_SOURCE
#include "os/thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "tests/lib/cmocka_all.h"

struct told {
    _Atomic int count;
    _Atomic int blocked;
};

static void work(void *context)
{
    struct told *told = context;
    sigset_t now;
    if (pthread_sigmask(SIG_SETMASK, NULL, &now) == 0) {
        atomic_store(&told->blocked, sigismember(&now, SIGTERM));
    }
    atomic_fetch_add(&told->count, 1);
}

static void a_thread_runs_and_is_joined(void **fixture)
{
    (void)fixture;
    struct told told = {0};
    struct mri_thread threads[4] = {0};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(mri_thread_start(&threads[i], work, &told), MR_OK);
    }
    for (int i = 0; i < 4; i++) {
        mri_thread_join(&threads[i]);
        mri_thread_join(&threads[i]); /* joined already */
    }
    assert_int_equal(atomic_load(&told.count), 4);
}

static void signals_go_to_other_threads(void **fixture)
{
    (void)fixture;
    struct told told = {0};
    struct mri_thread thread = {0};
    sigset_t now;
    assert_int_equal(mri_thread_start(&thread, work, &told), MR_OK);
    mri_thread_join(&thread);
    assert_int_equal(atomic_load(&told.blocked), 1);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &now), 0);
    assert_int_equal(sigismember(&now, SIGTERM), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_runs_and_is_joined),
        cmocka_unit_test(signals_go_to_other_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
