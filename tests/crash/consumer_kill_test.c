/* SPDX-License-Identifier: MIT */
/*
 * Three processes of one consumer that are killed with kill -9 at random moments, on this machine
 * and its file system: every event is done at least once, and with acks in the log exactly once.
 *
 * usage: consumer_kill_test        SEED=n repeats a run, ROUNDS=n changes how often
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/prng.h"
#include "log/format/segment.h"
#include "millrace/log_consumer.h"
#include "os/os.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/temp_folder.h"

enum { WORKERS = 3, EVENTS = 3000, ROUNDS = 100, INPUT = MR_LOG_TYPE_FREE, OUTPUT };

/** What the workers did; outlives them. */
static struct ledger {
    volatile uint32_t done[EVENTS + 1]; /**< how often an event was handed to somebody */
    volatile uint32_t acked;
    volatile bool is_finished;
} * ledger;

static char folder[MRI_TEMP_FOLDER_BYTES];
static char log_path[MRI_PATH_BYTES_MAX];
static struct mri_prng prng;

static unsigned from_environment(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : (unsigned)strtoul(text, NULL, 10);
}

static int set_up(void **fixture)
{
    (void)fixture;
    unsigned seed = from_environment("SEED", (unsigned)time(NULL));
    mri_prng_init(&prng, seed);
    (void)printf("SEED=%u\n", seed);
    (void)mri_temp_folder_make(folder);
    assert_int_equal(mri_os_path(folder, "log", log_path), MR_OK);
    ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const mr_log_options options = {.is_create = true, .segment_bytes = MRI_SEGMENT_BYTES_MIN};
    mr_log *log;
    assert_int_equal(mr_log_open(log_path, &options, &log, NULL), MR_OK);
    for (uint32_t i = 1; i <= EVENTS; i++) {
        const mr_log_record record = {
            .body = &i, .body_bytes = sizeof(i), .type = INPUT, .version = 1};
        assert_int_equal(mr_log_append(log, &record, 1, MR_ASYNC, NULL), MR_OK);
    }
    mr_log_close(log);
    return ledger == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_temp_folder_remove(folder);
    return munmap(ledger, sizeof(*ledger));
}

static void pause_ns(long duration_ns)
{
    (void)nanosleep(&(struct timespec){0, duration_ns}, NULL); /* shorter is as good */
}

static void give_up(const char *what, mr_err err, const mr_problem *problem)
{
    (void)fprintf(stderr, "%s: %s: %s\n", what, mr_err_name(err), problem->text);
    _exit(3);
}

/** Open the log for writing, as soon as the other workers let go of it. */
static mr_log *open_log(void)
{
    mr_log *log;
    mr_problem problem;
    for (;;) {
        mr_err err = mr_log_open(log_path, NULL, &log, &problem);
        if (err == MR_OK) {
            return log;
        }
        if (err != MR_BUSY) {
            give_up("log", err, &problem);
        }
        pause_ns(200000);
    }
}

/** Ack some events with one output each, in one batch. */
static void ack_with_outputs(mr_consumer *consumer, const mr_seq *seqs, size_t count)
{
    uint32_t bodies[8];
    mr_log_record outputs[8];
    mr_problem problem;
    for (size_t i = 0; i < count; i++) {
        bodies[i] = (uint32_t)seqs[i].n;
        outputs[i] = (mr_log_record){
            .body = &bodies[i], .body_bytes = sizeof(bodies[i]), .type = OUTPUT, .version = 1};
    }
    mr_log *log = open_log();
    const mr_consumer_batch batch = {seqs, count, outputs, count, MR_ASYNC};
    mr_err err = mr_consumer_ack_with(consumer, log, &batch, NULL, &problem);
    if (err != MR_OK) {
        give_up("ack with outputs", err, &problem);
    }
    mr_log_close(log);
}

static void ack(mr_consumer *consumer, const mr_seq *seqs, size_t count, bool is_with_outputs)
{
    mr_problem problem;
    if (is_with_outputs) {
        ack_with_outputs(consumer, seqs, count);
    } else {
        mr_err err = mr_consumer_ack_many(consumer, seqs, count, &problem);
        if (err != MR_OK) {
            give_up("ack", err, &problem);
        }
    }
    for (size_t i = 0; i < count; i++) {
        (void)__atomic_fetch_add(&ledger->acked, 1, __ATOMIC_RELAXED);
    }
}

/** Work until nothing is left, or until killed. */
static void work(bool is_with_outputs)
{
    const mr_consumer_options options = {.max_in_flight = 100};
    mr_consumer *consumer;
    mr_problem problem;
    mr_err err = mr_consumer_open(log_path, "workers", &options, &consumer, &problem);
    if (err != MR_OK) {
        give_up("open", err, &problem);
    }
    for (;;) {
        mr_log_event event;
        mr_delivery delivery;
        mr_seq seqs[8];
        size_t count = 0;
        do {
            err = mr_consumer_next(consumer, &event, &delivery, &problem);
            if (err == MR_OK && event.type == INPUT) {
                (void)__atomic_fetch_add(&ledger->done[event.seq.n], 1, __ATOMIC_RELAXED);
                seqs[count++] = event.seq;
            } else if (err == MR_OK && mr_consumer_ack(consumer, event.seq, &problem) != MR_OK) {
                give_up("ack of an output", err, &problem);
            }
        } while (err == MR_OK && count < 8);
        if (err < MR_OK || err == MR_REWOUND || err == MR_NOT_FOUND) {
            give_up("next", err, &problem);
        }
        if (count > 0) {
            pause_ns(is_with_outputs ? 0 : 1000000); /* so that there is time to be killed */
            ack(consumer, seqs, count, is_with_outputs);
        } else {
            mr_consumer_stats stats;
            err = mr_consumer_stat(log_path, "workers", &stats, &problem);
            if (err == MR_OK && stats.lag_events == 0) {
                _exit(0);
            }
            pause_ns(1000000);
        }
    }
}

static pid_t start_worker(bool is_with_outputs)
{
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* no worker outlives the test */
        work(is_with_outputs);
    }
    assert_true(child > 0);
    return child;
}

/** Kill workers at random, then let the last ones finish; how many were killed. */
static unsigned run(bool is_with_outputs)
{
    pid_t children[WORKERS];
    unsigned rounds = from_environment("ROUNDS", ROUNDS);
    unsigned killed = 0;
    for (int i = 0; i < WORKERS; i++) {
        children[i] = start_worker(is_with_outputs);
    }
    for (unsigned round = 0; round < rounds; round++) {
        int status = 0;
        uint64_t victim = mri_prng_below(&prng, WORKERS);
        pause_ns((long)mri_prng_below(&prng, 5000000));
        (void)kill(children[victim], SIGKILL);
        assert_int_equal(waitpid(children[victim], &status, 0), children[victim]);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0); /* it was through before */
        }
        killed += WIFSIGNALED(status);
        children[victim] = start_worker(is_with_outputs);
    }
    for (int i = 0; i < WORKERS; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    return killed;
}

static void every_event_is_done_at_least_once(void **fixture)
{
    (void)fixture;
    unsigned killed = run(false);
    unsigned again = 0;
    for (int i = 1; i <= EVENTS; i++) {
        assert_true(ledger->done[i] >= 1);
        again += ledger->done[i] - 1;
    }
    (void)printf("%u killed, %u of %d events done again\n", killed, again, EVENTS);
}

static void with_acks_in_the_log_every_event_has_exactly_one_output(void **fixture)
{
    (void)fixture;
    static unsigned outputs[EVENTS + 1];
    mr_log_reader *reader;
    mr_log_event event;
    mr_err err;
    memset(outputs, 0, sizeof(outputs));
    unsigned killed = run(true);
    assert_int_equal(mr_log_reader_open(log_path, &reader, NULL), MR_OK);
    while ((err = mr_log_reader_next(reader, &event, NULL)) == MR_OK) {
        uint32_t number;
        if (event.type == OUTPUT) {
            memcpy(&number, event.body, sizeof(number));
            assert_true(number >= 1 && number <= EVENTS);
            outputs[number]++;
        }
    }
    assert_int_equal(err, MR_END);
    mr_log_reader_close(reader);
    unsigned again = 0;
    for (int i = 1; i <= EVENTS; i++) {
        assert_true(ledger->done[i] >= 1);
        assert_int_equal(outputs[i], 1);
        again += ledger->done[i] - 1;
    }
    (void)printf("%u killed, %u of %d events done again, one output each\n", killed, again, EVENTS);
}

static void the_lease_of_a_killed_process_ends_at_once(void **fixture)
{
    (void)fixture;
    mr_consumer *consumer;
    mr_log_event event;
    mr_delivery delivery;
    int status;
    const mr_consumer_options options = {.ack_wait_ms = UINT32_MAX};
    pid_t child = fork();
    if (child == 0) {
        bool is_good = mr_consumer_open(log_path, "c", &options, &consumer, NULL) == MR_OK &&
                       mr_consumer_next(consumer, &event, &delivery, NULL) == MR_OK &&
                       mr_consumer_next(consumer, &event, &delivery, NULL) == MR_OK &&
                       mr_consumer_ack(consumer, (mr_seq){2}, NULL) == MR_OK;
        ledger->is_finished = is_good;
        for (;;) {
            (void)pause();
        }
    }
    while (!ledger->is_finished) {
        pause_ns(1000000);
    }
    assert_int_equal(mr_consumer_open(log_path, "c", &options, &consumer, NULL), MR_OK);
    assert_int_equal(mr_consumer_next(consumer, &event, &delivery, NULL), MR_OK);
    assert_int_equal(event.seq.n, 3); /* 1 is leased to the other process, 2 is acked */
    assert_int_equal(mr_consumer_ack(consumer, (mr_seq){1}, NULL), MR_CONFLICT);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(mr_consumer_next(consumer, &event, &delivery, NULL), MR_OK);
    assert_int_equal(event.seq.n, 1);
    assert_int_equal(delivery.count, 2); /* counts survive their owner */
    mr_consumer_close(consumer);
}

/** Lease an event, leave a child that does nothing, and say who that is. */
static void lease_fork_and_stay(const int *ends)
{
    const mr_consumer_options options = {.ack_wait_ms = 600000};
    mr_consumer *consumer;
    mr_log_event event;
    mr_delivery delivery;
    mr_problem problem;
    mr_err err = mr_consumer_open(log_path, "forking", &options, &consumer, &problem);
    if (err == MR_OK) {
        err = mr_consumer_next(consumer, &event, &delivery, &problem);
    }
    if (err != MR_OK || event.seq.n != 1) {
        give_up("lease", err, &problem);
    }
    pid_t child = fork();
    if (child == 0) {
        bool is_refused = mr_consumer_next(consumer, &event, &delivery, &problem) == MR_EINVAL &&
                          mr_consumer_ack(consumer, (mr_seq){1}, &problem) == MR_EINVAL;
        mr_consumer_close(consumer); /* frees what the child has of it */
        char byte = is_refused ? 1 : 0;
        (void)write(ends[1], &byte, 1);
        for (;;) {
            (void)pause();
        }
    }
    (void)write(ends[3], &child, sizeof(child));
    for (;;) {
        (void)pause();
    }
}

static void what_a_dead_parent_had_leased_comes_at_once_though_its_child_lives(void **fixture)
{
    (void)fixture;
    int ends[4];
    int status;
    char byte = 0;
    pid_t grandchild = 0;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pipe(ends + 2), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        lease_fork_and_stay(ends);
    }
    assert_int_equal(read(ends[2], &grandchild, sizeof(grandchild)), sizeof(grandchild));
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    mr_consumer *consumer;
    mr_log_event event;
    mr_delivery delivery;
    const mr_consumer_options options = {.ack_wait_ms = 600000};
    mr_err err = mr_consumer_open(log_path, "forking", &options, &consumer, NULL);
    mr_err next = err == MR_OK ? mr_consumer_next(consumer, &event, &delivery, NULL) : err;
    (void)kill(grandchild, SIGKILL);
    assert_int_equal(next, MR_OK);
    assert_int_equal(event.seq.n, 1);
    assert_int_equal(delivery.count, 2);
    assert_int_equal(byte, 1); /* the child was refused */
    mr_consumer_close(consumer);
    for (int i = 0; i < 4; i++) {
        (void)close(ends[i]);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_event_is_done_at_least_once),
        TEST(with_acks_in_the_log_every_event_has_exactly_one_output),
        TEST(the_lease_of_a_killed_process_ends_at_once),
        TEST(what_a_dead_parent_had_leased_comes_at_once_though_its_child_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
