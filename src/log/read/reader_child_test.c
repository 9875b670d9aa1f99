/* SPDX-License-Identifier: MIT */
/*
 * Tests of readers in a child of fork(): they refuse, and whatever the child does with its parent's
 * reader, the parent hears of the next event; where the kernel waits, and where a thread does.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/read/way.h"
#include "millrace/log.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/fork_sample.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/temp_folder.h"

enum { BODY_MAX = 100, HANG_S = 120, LONG_MS = 60000 };

/** What a child does, one after the other. */
enum { CALLS = 1, CLOSES = 2 };

static char folder[MRI_TEMP_FOLDER_BYTES];
static char path[MRI_PATH_BYTES_MAX];
static mr_log *parents_log;
static mr_log_reader *parents;

static int set_up(void **fixture)
{
    (void)fixture;
    const mr_log_options options = {.is_create = true, .segment_bytes = MRI_SEGMENT_BYTES_MIN};
    (void)mri_temp_folder_make(folder);
    (void)alarm(HANG_S); /* who hangs shows */
    return mri_os_path(folder, "log", path) == MR_OK &&
                   mr_log_open(path, &options, &parents_log, NULL) == MR_OK &&
                   mri_log_sample_append(parents_log, 10, BODY_MAX, MR_ASYNC, NULL) == MR_OK &&
                   mr_log_reader_open(path, &parents, NULL) == MR_OK
               ? 0
               : -1;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mr_log_reader_close(parents);
    mr_log_close(parents_log);
    mri_temp_folder_remove(folder);
    (void)alarm(0);
    return 0;
}

/** Every call that answers an error answers MR_EINVAL. */
static bool is_each_refused(mr_log_reader *reader)
{
    mr_log_event event;
    mr_problem problem = {""};
    mr_seq seq;
    int fd;
    uint32_t process_id;
    const uint32_t subject = 1;
    const mr_log_token token = {0};
    mr_err answers[] = {
        mr_log_reader_next(reader, &event, &problem),
        mr_log_reader_previous(reader, &event, NULL),
        mr_log_reader_seek(reader, (mr_seq){1}, NULL),
        mr_log_reader_seek_end(reader, NULL),
        mr_log_reader_seek_time(reader, 0, NULL),
        mr_log_reader_seek_token(reader, &token, &seq, NULL),
        mr_log_reader_wait(reader, -1),
        mr_log_reader_wait_for(reader, &subject, 1, -1),
        mr_log_reader_poll_fd(reader, &fd, NULL),
        mr_log_reader_poll_arm(reader, NULL),
        mr_log_reader_writer(reader, &process_id),
    };
    bool is_so = problem.text[0] != '\0';
    for (size_t i = 0; i < MRI_COUNT_OF(answers); i++) {
        is_so = is_so && answers[i] == MR_EINVAL;
    }
    return is_so;
}

/** One of its own is as good as anybody's. */
static bool can_read_its_own(void)
{
    mr_log_reader *own;
    uint64_t last = 0;
    if (mr_log_reader_open(path, &own, NULL) != MR_OK) {
        return false;
    }
    mr_err err = mri_log_sample_read(own, BODY_MAX, &last);
    mr_log_reader_close(own);
    return err == MR_END && last >= 10;
}

static void run_child(unsigned what)
{
    int status;
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)alarm(HANG_S);
        bool is_good = (what & CALLS) == 0 || (is_each_refused(parents) && can_read_its_own());
        if ((what & CLOSES) != 0) {
            mr_log_reader_close(parents);
        }
        _exit(is_good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/** Read to the end and arm; how many events there were. */
static unsigned read_and_arm(void)
{
    mr_log_event event;
    unsigned found = 0;
    mr_err err;
    do {
        while (mr_log_reader_next(parents, &event, NULL) == MR_OK) {
            found++;
        }
        err = mr_log_reader_poll_arm(parents, NULL);
    } while (err == MR_AGAIN);
    assert_int_equal(err, MR_OK);
    return found;
}

static void check(enum mri_wake_fd_means means)
{
    struct pollfd item = {.events = POLLIN};
    assert_int_equal(mri_wake_fd_open(means, &parents->wake), MR_OK);
    assert_int_equal(mr_log_reader_poll_fd(parents, &item.fd, NULL), MR_OK);
    assert_int_equal(read_and_arm(), 10);
    for (unsigned what = 0; what <= (CALLS | CLOSES); what++) {
        run_child(what);
        assert_int_equal(poll(&item, 1, 0), 0);
        assert_int_equal(mri_log_sample_append(parents_log, 1, BODY_MAX, MR_ASYNC, NULL), MR_OK);
        assert_int_equal(poll(&item, 1, LONG_MS), 1);
        assert_int_equal(read_and_arm(), 1);
    }
    run_child(CLOSES);
    mr_log_reader_close(parents); /* while it waits */
    parents = NULL;
}

static void a_parent_hears_through_the_kernel_whatever_its_child_does(void **fixture)
{
    (void)fixture;
    check(MRI_WAKE_FD_RING);
}

static void a_parent_hears_through_a_thread_whatever_its_child_does(void **fixture)
{
    (void)fixture;
    check(MRI_WAKE_FD_THREAD);
}

static void a_reader_that_watches_the_folder_stays_its_parents(void **fixture)
{
    (void)fixture;
    const mr_log_options options = {.segment_bytes = MRI_SEGMENT_BYTES_MIN};
    struct pollfd item = {.events = POLLIN};
    mr_log_close(parents_log);
    parents_log = NULL;
    assert_int_equal(mr_log_reader_poll_fd(parents, &item.fd, NULL), MR_OK);
    assert_int_equal(read_and_arm(), 10);
    run_child(CALLS | CLOSES);
    assert_int_equal(poll(&item, 1, 0), 0);
    assert_int_equal(mr_log_open(path, &options, &parents_log, NULL), MR_OK);
    assert_int_equal(poll(&item, 1, LONG_MS), 1);
    assert_int_equal(read_and_arm(), 0);
    assert_int_equal(mri_log_sample_append(parents_log, 1, BODY_MAX, MR_ASYNC, NULL), MR_OK);
    assert_int_equal(poll(&item, 1, LONG_MS), 1);
    assert_int_equal(read_and_arm(), 1);
}

static void an_event_that_a_child_was_given_by_its_parent_can_be_freed_there(void **fixture)
{
    (void)fixture;
    mr_log_event event;
    assert_int_equal(mr_log_reader_next(parents, &event, NULL), MR_OK);
    run_child(CALLS | CLOSES);
    assert_true(mri_log_sample_is(&event, BODY_MAX));
    assert_int_equal(mr_log_reader_next(parents, &event, NULL), MR_OK);
    assert_int_equal(event.seq.n, 2);
}

int main(void)
{
    MRI_FORK_SAMPLE_SKIP_IF_UNSAFE();
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_parent_hears_through_the_kernel_whatever_its_child_does),
        TEST(a_parent_hears_through_a_thread_whatever_its_child_does),
        TEST(a_reader_that_watches_the_folder_stays_its_parents),
        TEST(an_event_that_a_child_was_given_by_its_parent_can_be_freed_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
