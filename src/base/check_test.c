/* SPDX-License-Identifier: MIT */
/*
 * Tests of assertions: silent when they hold, and the end of the process when they do not.
 */
#include "base/check.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/cmocka_all.h"

static void a_condition_that_holds_does_nothing(void **fixture)
{
    (void)fixture;
    int evaluated = 0;
    MRI_ASSERT(++evaluated == 1);
    assert_int_equal(evaluated, 1);
}

static void a_condition_that_fails_ends_the_process_and_names_the_place(void **fixture)
{
    (void)fixture;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        (void)dup2(ends[1], STDERR_FILENO);
        MRI_ASSERT(1 + 1 == 3);
        _exit(0);
    }
    (void)close(ends[1]);
    char text[300] = {0};
    size_t count = 0;
    for (ssize_t got = 1; got > 0 && count < sizeof(text) - 1; count += (size_t)got) {
        got = read(ends[0], text + count, sizeof(text) - 1 - count);
        assert_true(got >= 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    (void)close(ends[0]);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, "check_test.c:"));
    assert_non_null(strstr(text, "1 + 1 == 3"));
}

static void debug_assertions_are_on_in_debug_builds_alone(void **fixture)
{
    (void)fixture;
    int evaluated = 0;
    MRI_DEBUG_ASSERT(++evaluated > 0);
#ifdef MRI_DEBUG
    assert_int_equal(evaluated, 1);
#else
    assert_int_equal(evaluated, 0);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_condition_that_holds_does_nothing),
        cmocka_unit_test(a_condition_that_fails_ends_the_process_and_names_the_place),
        cmocka_unit_test(debug_assertions_are_on_in_debug_builds_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
