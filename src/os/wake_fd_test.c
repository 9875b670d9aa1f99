/* SPDX-License-Identifier: MIT */
/*
 * Tests of a descriptor for words: readable once the word has changed, and not before; by the ring
 * where the kernel has it, and by the thread everywhere.
 */
#define _GNU_SOURCE
#include "os/wake_fd.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/futex.h"
#include "tests/lib/cmocka_all.h"

enum { LONG_MS = 60000 };

static _Atomic uint32_t *words; /* shared with children */

static int set_up(void **fixture)
{
    (void)fixture;
    words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return words == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    return munmap((void *)words, 4096);
}

static bool is_readable(const struct mri_wake_fd *wake, int timeout_ms)
{
    struct pollfd item = {.fd = mri_wake_fd_get(wake), .events = POLLIN};
    return poll(&item, 1, timeout_ms) == 1 && (item.revents & POLLIN) != 0;
}

static void change(unsigned index, uint32_t bits)
{
    atomic_fetch_add(&words[index], 1);
    (void)mri_futex_wake(&words[index], MRI_FUTEX_ALL, bits);
}

static struct mri_wake_fd_word word_now(unsigned index, uint32_t bits)
{
    return (struct mri_wake_fd_word){&words[index], atomic_load(&words[index]), bits};
}

static void check(enum mri_wake_fd_means means)
{
    struct mri_wake_fd *wake;
    assert_int_equal(mri_wake_fd_open(means, &wake), MR_OK);
    (void)print_message(
        "waits by %s\n", mri_wake_fd_means_of(wake) == MRI_WAKE_FD_RING ? "io_uring" : "a thread");
    assert_false(is_readable(wake, 0));
    for (int round = 0; round < 200; round++) {
        struct mri_wake_fd_word word = word_now(0, 1);
        assert_int_equal(mri_wake_fd_arm(wake, &word), MR_OK);
        assert_false(is_readable(wake, 0));
        change(0, 1);
        assert_true(is_readable(wake, LONG_MS));
        assert_true(is_readable(wake, 0)); /* until it is armed again */
    }
    struct mri_wake_fd_word old = word_now(0, 1);
    change(0, 1); /* between the look and the call */
    assert_int_equal(mri_wake_fd_arm(wake, &old), MR_OK);
    assert_true(is_readable(wake, LONG_MS));
    struct mri_wake_fd_word first = word_now(0, 1);
    struct mri_wake_fd_word second = word_now(100, 1);
    assert_int_equal(mri_wake_fd_arm(wake, &first), MR_OK);
    assert_int_equal(mri_wake_fd_arm(wake, &second), MR_OK);
    change(0, 1);
    assert_false(is_readable(wake, 20)); /* it waits for the other one now */
    change(100, 1);
    assert_true(is_readable(wake, LONG_MS));
    assert_int_equal(mri_wake_fd_arm(wake, NULL), MR_OK);
    assert_false(is_readable(wake, 0));
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(mri_wake_fd_watch(wake, ends[0]), MR_OK);
    assert_false(is_readable(wake, 0));
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_true(is_readable(wake, LONG_MS));
    mri_wake_fd_close(wake);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void the_kernel_waits_where_it_can(void **fixture)
{
    (void)fixture;
    check(MRI_WAKE_FD_RING);
}

static void a_thread_waits_everywhere(void **fixture)
{
    (void)fixture;
    check(MRI_WAKE_FD_THREAD);
}

static void another_process_is_heard(void **fixture)
{
    (void)fixture;
    for (int means = MRI_WAKE_FD_RING; means <= MRI_WAKE_FD_THREAD; means++) {
        struct mri_wake_fd *wake;
        assert_int_equal(mri_wake_fd_open((enum mri_wake_fd_means)means, &wake), MR_OK);
        struct mri_wake_fd_word word = word_now(7, UINT32_C(1) << 31);
        assert_int_equal(mri_wake_fd_arm(wake, &word), MR_OK);
        pid_t child = fork();
        if (child == 0) {
            (void)usleep(10000);
            change(7, UINT32_MAX);
            _exit(0);
        }
        assert_true(is_readable(wake, LONG_MS));
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        mri_wake_fd_close(wake);
    }
    mri_wake_fd_close(NULL);
}

/** What a child does with its parent's: 0 closes it, 1 arms and watches it, 2 both. */
static void use_in_child(struct mri_wake_fd *wake, int what)
{
    (void)alarm(60); /* a child that hangs shows */
    bool is_good = true;
    if (what != 0) {
        struct mri_wake_fd_word word = word_now(9, 1);
        is_good = mri_wake_fd_arm(wake, &word) == MR_EINVAL &&
                  mri_wake_fd_arm(wake, NULL) == MR_EINVAL &&
                  mri_wake_fd_watch(wake, STDIN_FILENO) == MR_EINVAL;
    }
    if (what != 1) {
        mri_wake_fd_close(wake);
    }
    _exit(is_good ? 0 : 1);
}

static void a_child_takes_nothing_from_its_parent(void **fixture)
{
    (void)fixture;
    for (int round = 0; round < 6; round++) {
        struct mri_wake_fd *wake;
        int status;
        (void)alarm(60);
        assert_int_equal(mri_wake_fd_open((enum mri_wake_fd_means)(round % 2), &wake), MR_OK);
        struct mri_wake_fd_word word = word_now(0, 1);
        assert_int_equal(mri_wake_fd_arm(wake, &word), MR_OK);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            use_in_child(wake, round / 2);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_false(is_readable(wake, 0));
        change(0, 1);
        assert_true(is_readable(wake, LONG_MS));
        word = word_now(0, 1);
        assert_int_equal(mri_wake_fd_arm(wake, &word), MR_OK);
        assert_false(is_readable(wake, 0));
        mri_wake_fd_close(wake); /* while it waits */
        (void)alarm(0);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_kernel_waits_where_it_can),
        TEST(a_thread_waits_everywhere),
        TEST(another_process_is_heard),
        TEST(a_child_takes_nothing_from_its_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
