/* SPDX-License-Identifier: MIT */
/*
 * Tests of waiting for processes.
 */
#define _GNU_SOURCE
#include "os/os_wait.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/os.h"
#include "tests/lib/cmocka_all.h"

/** A child that waits to be killed. */
static pid_t idle_child(void)
{
    pid_t child = fork();
    assert_true(child >= 0);
    while (child == 0) {
        (void)pause();
    }
    return child;
}

static void the_end_of_a_process_is_seen_also_of_a_killed_one(void **state)
{
    (void)state;
    const struct mri_os *os = mri_os_linux();
    int fds[2];
    size_t index = 9;
    pid_t children[2] = {idle_child(), idle_child()};
    assert_int_equal(os->watch_process(NULL, (uint32_t)children[0], &fds[0]), MR_OK);
    assert_int_equal(os->watch_process(NULL, (uint32_t)children[1], &fds[1]), MR_OK);
    assert_int_equal(os->wait_any(NULL, fds, 2, 0, &index), MR_AGAIN);
    assert_int_equal(os->wait_any(NULL, fds, 2, 2000000, &index), MR_AGAIN);
    assert_int_equal(kill(children[1], SIGKILL), 0);
    assert_int_equal(os->wait_any(NULL, fds, 2, -1, &index), MR_OK);
    assert_int_equal(index, 1);
    assert_int_equal(kill(children[0], SIGKILL), 0);
    assert_int_equal(os->wait_any(NULL, fds, 1, -1, &index), MR_OK);
    assert_int_equal(index, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(waitpid(children[i], NULL, 0), children[i]);
        os->close(NULL, fds[i]);
    }
    int fd;
    assert_int_equal(os->watch_process(NULL, (uint32_t)children[0], &fd), MR_NOT_FOUND);
    assert_int_equal(os->watch_process(NULL, UINT32_MAX, &fd), MR_NOT_FOUND);
}

static void more_than_can_be_waited_for_is_refused(void **state)
{
    (void)state;
    static const int fds[MRI_WAIT_ANY_MAX + 1];
    size_t index;
    assert_int_equal(mri_os_wait_any(NULL, fds, MRI_WAIT_ANY_MAX + 1, 0, &index), MR_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_of_a_process_is_seen_also_of_a_killed_one),
        cmocka_unit_test(more_than_can_be_waited_for_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
