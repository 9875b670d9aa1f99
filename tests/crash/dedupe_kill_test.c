/* SPDX-License-Identifier: MIT */
/*
 * Processes that append to one log and are killed with kill -9, one at a time and all at once. Each
 * appends its last batch again when it comes back, not knowing what came of it: no record is in the
 * log twice, and none is lost.
 *
 * usage: dedupe_kill_test     SEED=n repeats a run, ROUNDS=n changes how often
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/prng.h"
#include "log/open/append.h"
#include "millrace/log_read.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/temp_folder.h"

enum { PRODUCERS = 3, BATCH_MAX = 12, ROUNDS = 60, BODY_BYTES = 300 };

/** What each producer keeps on a disk of its own: the newest batch that it tried. */
static struct ledger {
    volatile uint64_t intent[PRODUCERS]; /**< first number * 64 + how many; 0 = none */
    _Atomic uint64_t repeats;
    _Atomic uint64_t appended;
} * ledger;

static char folder[MRI_TEMP_FOLDER_BYTES];
static char log_folder[MRI_TEMP_FOLDER_BYTES + 8];

static mr_err append(mr_log *log, uint32_t producer, mr_log_ack *ret_ack)
{
    static const uint8_t body[BODY_BYTES];
    mr_log_record records[BATCH_MAX];
    uint64_t intent = ledger->intent[producer];
    for (uint32_t i = 0; i < intent % 64; i++) {
        records[i] = (mr_log_record){.body = body,
            .body_bytes = BODY_BYTES,
            .type = 300,
            .producer_id = 100 + producer,
            .producer_seq = (uint32_t)(intent / 64) + i};
    }
    return mr_log_append(log, records, intent % 64, MR_ASYNC, ret_ack);
}

static mr_log *open_log(void)
{
    const mr_log_options options = {.is_create = true, .segment_bytes = 1024 * 1024};
    mr_log *log = NULL;
    mr_problem problem;
    if (mr_log_open(log_folder, &options, &log, &problem) != MR_OK) {
        (void)fprintf(stderr, "%s\n", problem.text);
    }
    return log;
}

/** The newest batch once more, then new ones until killed. */
static void produce_for_ever(uint32_t producer, uint64_t seed)
{
    struct mri_prng prng;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    mri_prng_init(&prng, seed);
    mr_log *log = open_log();
    if (log == NULL) {
        _exit(2);
    }
    if (ledger->intent[producer] == 0) {
        ledger->intent[producer] = 64 + 1;
    }
    for (;;) {
        uint64_t intent = ledger->intent[producer];
        mr_log_ack ack;
        mr_err err = append(log, producer, &ack);
        if (err != MR_OK || ack.last.n - ack.first.n + 1 != intent % 64) {
            (void)fprintf(stderr, "producer %u: %s\n", producer, mr_err_name(err));
            _exit(3);
        }
        atomic_fetch_add(&ledger->repeats, ack.is_repeated);
        atomic_fetch_add(&ledger->appended, 1);
        ledger->intent[producer] =
            (intent / 64 + intent % 64) * 64 + 1 + mri_prng_below(&prng, BATCH_MAX);
        if (intent % 64 == BATCH_MAX) {
            (void)nanosleep(&(struct timespec){0, 20000}, NULL); /* shorter is as good */
        }
    }
}

static pid_t start(uint32_t producer, struct mri_prng *prng)
{
    uint64_t seed = mri_prng_next(prng);
    pid_t child = fork();
    if (child == 0) {
        produce_for_ever(producer, seed);
    }
    assert_true(child > 0);
    return child;
}

static void end(pid_t child)
{
    int status;
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/** Wait until something was appended since. */
static void await_progress(uint64_t before)
{
    for (int i = 0; atomic_load(&ledger->appended) <= before && i < 60000; i++) {
        (void)nanosleep(&(struct timespec){0, 500000}, NULL); /* shorter is as good */
    }
    assert_true(atomic_load(&ledger->appended) > before);
}

/** Each producer's last batch once more, then read: every number once, in order. */
static void check(void)
{
    mr_log_reader *reader;
    mr_log_event event;
    uint32_t newest[PRODUCERS] = {0};
    mr_log *log = open_log();
    assert_non_null(log);
    assert_false(mri_log_opening(log)->is_dedupe_incomplete);
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        assert_int_equal(append(log, i, NULL), MR_OK);
    }
    assert_int_equal(mr_log_reader_open(log_folder, &reader, NULL), MR_OK);
    while (mr_log_reader_next(reader, &event, NULL) == MR_OK) {
        if (event.producer_id != 0) {
            uint32_t producer = event.producer_id - 100;
            assert_int_equal(event.producer_seq, newest[producer] + 1);
            newest[producer]++;
        }
    }
    mr_log_reader_close(reader);
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        uint64_t intent = ledger->intent[i];
        assert_int_equal(newest[i], intent / 64 + intent % 64 - 1);
    }
    mr_log_close(log);
}

static void killed_producers_that_retry_have_every_record_once(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    pid_t children[PRODUCERS];
    const char *seed_text = getenv("SEED");
    const char *rounds_text = getenv("ROUNDS");
    uint64_t seed = seed_text == NULL ? (uint64_t)time(NULL) : strtoull(seed_text, NULL, 10);
    unsigned rounds = rounds_text == NULL ? ROUNDS : (unsigned)strtoul(rounds_text, NULL, 10);
    (void)printf("SEED=%llu\n", (unsigned long long)seed);
    mri_prng_init(&prng, seed);
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        children[i] = start(i, &prng);
    }
    for (unsigned round = 1; round <= rounds; round++) {
        await_progress(atomic_load(&ledger->appended));
        (void)nanosleep(&(struct timespec){0, (long)mri_prng_below(&prng, 8000000)}, NULL);
        bool is_all = round % 8 == 0; /* then the next one opens what the dead have left */
        uint32_t victim = (uint32_t)mri_prng_below(&prng, PRODUCERS);
        for (uint32_t i = 0; i < PRODUCERS; i++) {
            if (is_all || i == victim) {
                end(children[i]);
            }
        }
        if (round % 24 == 0) {
            for (uint32_t i = 0; i < PRODUCERS; i++) {
                ledger->intent[i] = ledger->intent[i] == 0 ? 64 + 1 : ledger->intent[i];
            }
            check();
        }
        for (uint32_t i = 0; i < PRODUCERS; i++) {
            if (is_all || i == victim) {
                children[i] = start(i, &prng);
            }
        }
    }
    await_progress(atomic_load(&ledger->appended));
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        end(children[i]);
        ledger->intent[i] = ledger->intent[i] == 0 ? 64 + 1 : ledger->intent[i];
    }
    check();
    (void)printf("%u rounds, %llu batches, %llu came again\n", rounds,
        (unsigned long long)atomic_load(&ledger->appended),
        (unsigned long long)atomic_load(&ledger->repeats));
    assert_true(atomic_load(&ledger->repeats) > 0);
}

static int set_up(void **fixture)
{
    (void)fixture;
    (void)mri_temp_folder_make(folder);
    (void)snprintf(log_folder, sizeof(log_folder), "%s/log", folder);
    ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return ledger == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_temp_folder_remove(folder);
    return munmap(ledger, sizeof(*ledger));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            killed_producers_that_retry_have_every_record_once, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
