/* SPDX-License-Identifier: MIT */
/*
 * Two processes append to one log, and one of them may not make files so long as a segment
 * (RLIMIT_FSIZE): what the two were told to be in the log is there, whoever leaves first and
 * however, and the log is poisoned for nobody.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/open/append.h"
#include "millrace/log_read.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/temp_folder.h"

enum {
    SEGMENT = 1024 * 1024,
    LIMIT = 300 * 1024,
    RECORDS = 12000,
    LAST = 500,
    ATTEMPTS_MAX = 20000
};

#define MILLISECOND_NS ((int64_t)1000000)

/** Who appends. */
enum { FREE, LIMITED, WRITERS };

/** How many records each was told to be in the log. */
static _Atomic uint32_t *acked;

static char folder[MRI_TEMP_FOLDER_BYTES];
static char log_folder[MRI_TEMP_FOLDER_BYTES + 8];

static int set_up(void **fixture)
{
    (void)fixture;
    (void)mri_temp_folder_make(folder);
    (void)snprintf(log_folder, sizeof(log_folder), "%s/log", folder);
    void *shared = mmap(
        NULL, sizeof(*acked) * WRITERS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    acked = shared;
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    (void)munmap(acked, sizeof(*acked) * WRITERS);
    mri_temp_folder_remove(folder);
    return 0;
}

static mr_log *open_log(void)
{
    const mr_log_options options = {.is_create = true, .segment_bytes = SEGMENT};
    mr_log *log = NULL;
    mr_problem problem;
    if (mr_log_open(log_folder, &options, &log, &problem) != MR_OK) {
        (void)fprintf(stderr, "%s\n", problem.text);
    }
    return log;
}

/** The next record of a writer. */
static mr_err append_next(mr_log *log, uint32_t writer)
{
    static const uint8_t body[200];
    const mr_log_record record = {.body = body,
        .body_bytes = sizeof(body),
        .type = 300,
        .producer_id = 1 + writer,
        .producer_seq = atomic_load(&acked[writer]) + 1};
    mr_err err = mr_log_append(log, &record, 1, MR_ASYNC, NULL);
    atomic_fetch_add(&acked[writer], err == MR_OK);
    return err;
}

static void nap(void)
{
    const struct mri_os *os = mri_os_linux();
    os->sleep_ns(os->context, MILLISECOND_NS);
}

static void limit_files(bool is_signal_ignored)
{
    struct rlimit limit;
    (void)signal(SIGXFSZ, is_signal_ignored ? SIG_IGN : SIG_DFL);
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0) {
        _exit(2);
    }
    limit.rlim_cur = LIMIT;
    limit.rlim_max = LIMIT;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        _exit(2);
    }
}

/** Append so many records; where the ring is full, wait for the other one. */
static void append_with_patience(mr_log *log, uint32_t count)
{
    int attempts = 0;
    while (count > 0) {
        mr_err err = append_next(log, LIMITED);
        if (err != MR_OK && (err != MR_ELIMIT || ++attempts > ATTEMPTS_MAX)) {
            (void)fprintf(stderr, "limited: %s\n", mr_err_name(err));
            _exit(3);
        }
        count -= err == MR_OK;
        if (err != MR_OK || count % 32 == 0) {
            nap();
        }
    }
}

static void await_word(int end)
{
    char word;
    if (read(end, &word, 1) != 1) {
        _exit(4);
    }
}

/** Append beside the other one, and when it has gone, into what room the ring has. */
static void run_limited(int words, bool is_signal_ignored, bool is_killed)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    await_word(words);
    limit_files(is_signal_ignored);
    mr_log *log = open_log();
    if (log == NULL) {
        _exit(2);
    }
    append_with_patience(log, RECORDS / 2);
    await_word(words);
    for (int i = 0; i < LAST; i++) { /* MR_ELIMIT: it is full */
        mr_err err = append_next(log, LIMITED);
        if (err != MR_OK && err != MR_ELIMIT) {
            _exit(5);
        }
    }
    if (is_killed) {
        (void)kill(getpid(), SIGKILL);
    }
    mr_err err = mr_log_sync(log);
    mr_log_close(log);
    _exit(err == MR_OK || err == MR_ELIMIT ? 0 : 6);
}

/** Every record that was acknowledged is there, in order. */
static void expect_acked(void)
{
    mr_log *log = open_log();
    mr_log_reader *reader;
    mr_log_event event;
    uint32_t found[WRITERS] = {0};
    mr_err err;
    assert_non_null(log);
    assert_int_equal(mr_log_reader_open(log_folder, &reader, NULL), MR_OK);
    while ((err = mr_log_reader_next(reader, &event, NULL)) == MR_OK) {
        if (event.type == 300) {
            assert_in_range(event.producer_id, 1, WRITERS);
            assert_int_equal(event.producer_seq, ++found[event.producer_id - 1]);
        }
    }
    assert_int_equal(err, MR_END);
    mr_log_reader_close(reader);
    for (int i = 0; i < WRITERS; i++) {
        assert_true(found[i] >= atomic_load(&acked[i])); /* he may be killed before he counts */
        assert_true(found[i] <= atomic_load(&acked[i]) + 1);
    }
    mr_log_close(log);
}

/** A word to the limited one, which may have died. */
static void say(int end)
{
    (void)!write(end, "x", 1);
}

static int run(bool is_signal_ignored, bool is_killed, bool is_limited_last)
{
    int ends[2];
    int status;
    assert_int_equal(pipe(ends), 0);
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[1]);
        run_limited(ends[0], is_signal_ignored, is_killed);
    }
    assert_true(child > 0);
    (void)close(ends[0]);
    mr_log *log = open_log();
    assert_non_null(log);
    say(ends[1]);
    for (int i = 0; i < RECORDS; i++) {
        assert_int_equal(append_next(log, FREE), MR_OK);
        if (i % 32 == 0) {
            nap();
        }
    }
    assert_int_equal(mr_log_sync(log), MR_OK);
    if (is_limited_last) { /* it has come so far, or is dead, before it is left alone */
        for (int i = 0; atomic_load(&acked[LIMITED]) < RECORDS / 2 && i < ATTEMPTS_MAX; i++) {
            nap();
        }
        mr_log_close(log);
    }
    say(ends[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!is_limited_last) {
        assert_int_equal(append_next(log, FREE), MR_OK);
        assert_int_equal(mr_log_sync(log), MR_OK);
        mr_log_close(log);
    }
    (void)close(ends[1]);
    (void)signal(SIGPIPE, before);
    expect_acked();
    return status;
}

static void whose_files_are_limited_harms_nobody(void **fixture)
{
    (void)fixture;
    assert_int_equal(run(true, false, false), 0);
    assert_true(atomic_load(&acked[LIMITED]) >= RECORDS / 2);
}

static void what_only_the_ring_has_stays_when_the_limited_one_leaves_last(void **fixture)
{
    (void)fixture;
    assert_int_equal(run(true, false, true), 0);
    assert_true(atomic_load(&acked[LIMITED]) > RECORDS / 2);
}

static void what_only_the_ring_has_stays_when_the_limited_one_is_killed_last(void **fixture)
{
    (void)fixture;
    int status = run(true, true, true);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(atomic_load(&acked[LIMITED]) > RECORDS / 2);
}

static void who_is_ended_by_the_signal_of_the_limit_has_lost_nothing(void **fixture)
{
    (void)fixture;
    int status = run(false, false, false); /* whether it is depends on who writes when */
    assert_true(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ));
}

static void who_may_not_make_the_files_of_a_log_is_told_which(void **fixture)
{
    (void)fixture;
    int status;
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        const mr_log_options options = {.is_create = true, .segment_bytes = SEGMENT};
        mr_log *log = NULL;
        mr_problem problem = {""};
        limit_files(false);
        mr_err err = mr_log_open(log_folder, &options, &log, &problem);
        bool is_told = strstr(problem.text, "/log/spare-0") != NULL &&
                       strstr(problem.text, "RLIMIT_FSIZE") != NULL;
        _exit(err != MR_ELIMIT ? 1 : is_told ? 0 : 2);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    expect_acked(); /* nothing, and the log can be made */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(whose_files_are_limited_harms_nobody),
        TEST(what_only_the_ring_has_stays_when_the_limited_one_leaves_last),
        TEST(what_only_the_ring_has_stays_when_the_limited_one_is_killed_last),
        TEST(who_is_ended_by_the_signal_of_the_limit_has_lost_nothing),
        TEST(who_may_not_make_the_files_of_a_log_is_told_which),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
