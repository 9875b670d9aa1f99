/* SPDX-License-Identifier: MIT */
/*
 * Writers of a hot tail that are killed with kill -9: at random moments, and at each of the places
 * where the order of stores matters. Others go on at once, and in the end every acknowledged record
 * is in the log once, in order, and what is derived from it agrees.
 *
 * usage: hot_kill_test        SEED=n repeats a run, ROUNDS=n and TIMES=n change how often
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/prng.h"
#include "log/hot_shared.h"
#include "log/hot_thread.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/hot_sample.h"

enum { WRITERS = 3, SEGMENT = 1024 * 1024, RING = 1024 * 1024, ROUNDS = 200, TIMES = 2 };

/** What the writers have been promised; outlives them. */
static struct ledger {
    volatile uint32_t acked[WRITERS];
    volatile uint32_t durable[WRITERS]; /**< of those, the newest that a GROUP ack covers */
    volatile uint64_t durable_seq;      /**< the highest seq of such an ack */
} * ledger;

static struct mri_hot_sample sample;
static struct mri_prng prng;
static uint64_t seed;

/** In a writer: die at this place, at the so-many-th visit. */
static struct {
    unsigned point;
    unsigned visits;
} fate;

void mri_hot_failpoint(unsigned number)
{
    if (fate.point == number && --fate.visits == 0) {
        (void)kill(getpid(), SIGKILL);
    }
}

static unsigned from_environment(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : (unsigned)strtoul(text, NULL, 10);
}

static int set_up(void **fixture)
{
    (void)fixture;
    mri_hot_sample_begin(&sample, SEGMENT, RING);
    ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fate.point = 0;
    seed = from_environment("SEED", (unsigned)time(NULL));
    mri_prng_init(&prng, seed);
    (void)printf("SEED=%llu\n", (unsigned long long)seed);
    return ledger == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_hot_sample_end(&sample);
    return munmap(ledger, sizeof(*ledger));
}

/** Append until killed. What was acknowledged before is already in the log or in the ring. */
static void write_for_ever(uint32_t writer, uint64_t own_seed)
{
    struct mri_hot_tail hot;
    struct mri_hot_thread helper = {.hot = &hot};
    struct mri_prng own;
    mr_log_ack ack;
    mri_prng_init(&own, own_seed);
    if (mri_hot_tail_attach(&hot, &sample.options) != MR_OK ||
        (mri_prng_below(&own, 2) == 0 && mri_hot_thread_start(&helper) != MR_OK)) {
        _exit(2);
    }
    for (;;) {
        const struct mri_hot_sample_body first = {
            writer, (uint32_t)mri_hot_tail_derived(&hot)[writer] + 1};
        uint32_t count = 1 + (uint32_t)mri_prng_below(&own, 12);
        mr_durability durability = mri_prng_below(&own, 200) == 0 ? MR_GROUP : MR_ASYNC;
        mr_err err = mri_hot_sample_append(&hot, &first, count, durability, &ack);
        if (err == MR_REFUSED) {
            continue; /* the batch of the one before us was finished in between */
        }
        if (err != MR_OK) {
            (void)fprintf(stderr, "writer %u: %s\n", writer, mr_err_name(err));
            _exit(3);
        }
        ledger->acked[writer] = first.number + count - 1;
        if (durability == MR_GROUP) {
            ledger->durable[writer] = first.number + count - 1;
        }
    }
}

static pid_t start_writer(uint32_t writer, unsigned point)
{
    uint64_t own_seed = mri_prng_below(&prng, UINT32_MAX);
    unsigned visits = 1 + (unsigned)mri_prng_below(&prng, point >= 10 && point < 20 ? 2 : 30);
    pid_t child = fork();
    if (child == 0) {
        fate.point = point;
        fate.visits = visits;
        write_for_ever(writer, own_seed);
    }
    assert_true(child > 0);
    return child;
}

static void expect_killed(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/** Finish what the dead have left, and compare everything. */
static void check_all(void)
{
    struct mri_hot_sample_found found;
    const struct mri_hot_sample_body probe = {
        WRITERS, (uint32_t)mri_hot_tail_derived(&sample.hot)[WRITERS] + 1};
    assert_int_equal(mri_hot_sample_append(&sample.hot, &probe, 1, MR_GROUP, NULL), MR_OK);
    struct mri_hot_view_counters counters = mri_hot_tail_counters(&sample.hot);
    assert_false(counters.is_poisoned);
    assert_int_equal(counters.durable, counters.tail);
    assert_int_equal(mri_hot_sample_read(&sample, &found), MR_END);
    const uint64_t *derived = mri_hot_tail_derived(&sample.hot);
    assert_int_equal(derived[MRI_HOT_SAMPLE_COUNT], found.records);
    assert_int_equal(counters.durable_seq, found.records);
    for (uint32_t i = 0; i < WRITERS; i++) {
        assert_int_equal(derived[i], found.newest[i]);
        assert_true(found.newest[i] >= ledger->acked[i]); /* nothing acknowledged is lost */
    }
}

static void nothing_acknowledged_is_lost_when_writers_are_killed_at_random(void **fixture)
{
    (void)fixture;
    pid_t children[WRITERS];
    unsigned rounds = from_environment("ROUNDS", ROUNDS);
    for (uint32_t i = 0; i < WRITERS; i++) {
        children[i] = start_writer(i, 0);
    }
    for (unsigned round = 0; round < rounds; round++) {
        uint32_t victim = (uint32_t)mri_prng_below(&prng, WRITERS);
        struct timespec moment = {0, (long)mri_prng_below(&prng, 6000000)};
        (void)nanosleep(&moment, NULL); /* shorter is as good */
        assert_int_equal(kill(children[victim], SIGKILL), 0);
        expect_killed(children[victim]);
        children[victim] = start_writer(victim, 0);
    }
    for (uint32_t i = 0; i < WRITERS; i++) {
        assert_int_equal(kill(children[i], SIGKILL), 0);
        expect_killed(children[i]);
    }
    check_all();
    struct mri_hot_view_counters counters = mri_hot_tail_counters(&sample.hot);
    (void)printf(
        "%u kills, %llu records, %llu orphaned locks, %llu batches finished for the dead\n",
        rounds + WRITERS, (unsigned long long)counters.written_seq,
        (unsigned long long)counters.orphans, (unsigned long long)counters.finished);
}

/** Every place of hot_shared.h's MRI_HOT_POINT that a writer passes. */
static const unsigned points[] = {1, 2, 3, 20, 21, 4, 5, 6, 10, 11, 12, 13, 30, 31, 40, 41, 50, 51};

static void a_writer_may_die_at_every_place_where_the_order_of_stores_matters(void **fixture)
{
    (void)fixture;
    unsigned times = from_environment("TIMES", TIMES);
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        for (unsigned k = 0; k < times; k++) {
            pid_t doomed = start_writer(0, points[i]);
            pid_t other = start_writer(1, 0);
            expect_killed(doomed);
            uint32_t before = ledger->acked[1];
            for (int wait = 0; ledger->acked[1] == before && wait < 20000; wait++) {
                (void)nanosleep(&(struct timespec){0, 500000}, NULL); /* shorter is as good */
            }
            assert_true(ledger->acked[1] > before); /* the other one goes on by itself */
            assert_int_equal(kill(other, SIGKILL), 0);
            expect_killed(other);
            if (k + 1 == times) {
                check_all();
            }
        }
    }
    check_all();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nothing_acknowledged_is_lost_when_writers_are_killed_at_random),
        TEST(a_writer_may_die_at_every_place_where_the_order_of_stores_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
