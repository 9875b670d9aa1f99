/* SPDX-License-Identifier: MIT */
/*
 * Tests of the wish to stop, in child processes: the flag is a global.
 */
#define _GNU_SOURCE
#include "os/stop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/cmocka_all.h"

/** Run a function in a child and say how that ended. */
static int status_of(int (*run)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGINT, SIG_DFL); /* the test runner may have set its own */
        (void)signal(SIGTERM, SIG_DFL);
        (void)signal(SIGABRT, SIG_DFL);
        _exit(run());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static int wish_by(int signal_number)
{
    mri_stop_install();
    if (mri_stop_is_wished()) {
        return 1;
    }
    (void)raise(signal_number);
    return mri_stop_is_wished() ? 0 : 2;
}

static int wish_by_interrupt(void)
{
    return wish_by(SIGINT);
}

static int wish_by_terminate(void)
{
    return wish_by(SIGTERM);
}

static int wish_twice(void)
{
    (void)wish_by(SIGTERM);
    (void)raise(SIGTERM);
    return 3;
}

static int wish_again(void)
{
    for (int i = 0; i < 3; i++) {
        if (wish_by(SIGINT) != 0) {
            return 1;
        }
        mri_stop_forget();
    }
    return mri_stop_is_wished() ? 2 : 0;
}

static int write_to_a_closed_pipe(void)
{
    int ends[2];
    mri_stop_ignore_writes();
    if (pipe(ends) != 0 || close(ends[0]) != 0) {
        return 1;
    }
    return write(ends[1], "x", 1) < 0 && !mri_stop_is_wished() ? 0 : 2;
}

static int write_more_than_a_file_may_have(void)
{
    const struct rlimit limit = {.rlim_cur = 1, .rlim_max = 1};
    FILE *file = tmpfile();
    mri_stop_ignore_writes();
    if (file == NULL || setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return 1;
    }
    return pwrite(fileno(file), "x", 1, 1) < 0 && errno == EFBIG ? 0 : 2;
}

static int end_by_terminate(void)
{
    mri_stop_ignore_writes();
    (void)raise(SIGTERM);
    return 1;
}

static void without_the_flag_the_first_signal_ends_the_process(void **fixture)
{
    (void)fixture;
    int status = status_of(end_by_terminate);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void the_first_signal_sets_the_flag(void **fixture)
{
    (void)fixture;
    assert_int_equal(status_of(wish_by_interrupt), 0);
    assert_int_equal(status_of(wish_by_terminate), 0);
}

static void the_second_signal_ends_the_process(void **fixture)
{
    (void)fixture;
    int status = status_of(wish_twice);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void a_wish_that_was_forgotten_can_come_again(void **fixture)
{
    (void)fixture;
    assert_int_equal(status_of(wish_again), 0);
}

static void a_closed_pipe_is_an_error_and_no_signal(void **fixture)
{
    (void)fixture;
    assert_int_equal(status_of(write_to_a_closed_pipe), 0);
}

static void a_file_as_long_as_allowed_is_an_error_and_no_signal(void **fixture)
{
    (void)fixture;
    assert_int_equal(status_of(write_more_than_a_file_may_have), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_signal_sets_the_flag),
        cmocka_unit_test(without_the_flag_the_first_signal_ends_the_process),
        cmocka_unit_test(the_second_signal_ends_the_process),
        cmocka_unit_test(a_wish_that_was_forgotten_can_come_again),
        cmocka_unit_test(a_closed_pipe_is_an_error_and_no_signal),
        cmocka_unit_test(a_file_as_long_as_allowed_is_an_error_and_no_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
