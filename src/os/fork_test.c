/* SPDX-License-Identifier: MIT */
/*
 * Tests of fork(): the child is told, the parent is not.
 */
#include "os/fork.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/cmocka_all.h"

static int calls;

static void count_call(void)
{
    calls++;
}

static void a_child_is_told_and_its_parent_is_not(void **fixture)
{
    (void)fixture;
    int status;
    assert_int_equal(mri_fork_call_in_child(count_call), MR_OK);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(calls);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_int_equal(calls, 0);
}

static void a_child_has_another_count_and_its_parent_keeps_its_own(void **fixture)
{
    (void)fixture;
    int status;
    assert_int_equal(mri_fork_watch(), MR_OK);
    assert_int_equal(mri_fork_watch(), MR_OK);
    uint32_t before = mri_fork_count();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        uint32_t own = mri_fork_count();
        pid_t grandchild = fork();
        if (grandchild == 0) {
            _exit(mri_fork_count() == own || mri_fork_count() == before);
        }
        bool is_good = waitpid(grandchild, &status, 0) == grandchild && status == 0;
        _exit(!is_good || own == before || mri_fork_count() != own);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(mri_fork_count(), before);
}

static struct mri_fork_gate gate;

static void open_gate(void)
{
    mri_fork_gate_open(&gate);
}

static void *go_through(void *argument)
{
    unsigned long *passed = argument;
    for (int i = 0; i < 20000; i++) {
        mri_fork_gate_shut(&gate);
        *passed += 1; /* not atomic: two at once would lose some */
        mri_fork_gate_open(&gate);
    }
    return NULL;
}

static void one_thread_at_a_time_is_let_in(void **fixture)
{
    (void)fixture;
    pthread_t threads[4];
    unsigned long passed = 0;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, go_through, &passed), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(passed, 4 * 20000);
}

static void a_child_forked_while_it_is_shut_opens_it(void **fixture)
{
    (void)fixture;
    int status;
    assert_int_equal(mri_fork_call_in_child(open_gate), MR_OK);
    mri_fork_gate_shut(&gate);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)alarm(60);
        mri_fork_gate_shut(&gate);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    mri_fork_gate_open(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_is_told_and_its_parent_is_not),
        cmocka_unit_test(a_child_has_another_count_and_its_parent_keeps_its_own),
        cmocka_unit_test(one_thread_at_a_time_is_let_in),
        cmocka_unit_test(a_child_forked_while_it_is_shut_opens_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
