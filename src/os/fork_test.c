/* SPDX-License-Identifier: MIT */
/*
 * Tests of fork(): the child is told, the parent is not.
 */
#include "os/fork.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_child_is_told_and_its_parent_is_not)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
