/* SPDX-License-Identifier: MIT */
/*
 * Writers of a hot tail that are killed with kill -9: at random moments, and at each of the places
 * where the order of stores matters. Others go on at once, and in the end every acknowledged record
 * is in the log once, in order, and what is derived from it agrees, as do the tables of producers
 * and message ids. Writers that retry what they do not know the fate of append nothing twice.
 *
 * usage: hot_kill_test        SEED=n repeats a run, ROUNDS=n and TIMES=n change how often
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/prng.h"
#include "log/hot/hot_shared.h"
#include "log/hot/hot_thread.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/hot_sample.h"

enum { WRITERS = 3, SEGMENT = 1024 * 1024, RING = 1024 * 1024, ROUNDS = 200, TIMES = 2 };
enum { SEVERAL_SEGMENTS = 20000 /* records */ };

/** What the writers have been promised; outlives them. */
static struct ledger {
    volatile uint32_t acked[WRITERS];
    volatile uint32_t durable[WRITERS]; /**< of those, the newest that a GROUP ack covers */
    volatile uint64_t durable_seq;      /**< the highest seq of such an ack */
    volatile uint64_t intent[WRITERS];  /**< the newest batch: first number * 64 + how many */
    _Atomic uint64_t repeats;           /**< batches that were in the log already */
} * ledger;

/** Where a writer that retries may be killed; 0: at any moment. */
static const unsigned retry_points[] = {0, 2, 3, 4, 5, 6, 62, 63, 64, 65, 66, 67};

static struct mri_hot_sample sample;
static struct mri_prng prng;
static uint64_t seed;

/** In a writer: die at this place, at the so-many-th visit. */
static struct {
    unsigned point;
    unsigned visits;
} fate;

void mri_hot_point_passed(unsigned number)
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
        const struct mri_hot_sample_body wrong = {writer, first.number + 1};
        if (mri_prng_below(&own, 8) == 0 &&
            mri_hot_sample_append(&hot, &wrong, count, MR_ASYNC, &ack) != MR_REFUSED) {
            _exit(4);
        }
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

/** The newest batch once more, since nobody knows what came of it; then new ones until killed. */
static void retry_for_ever(uint32_t writer, uint64_t own_seed)
{
    struct mri_hot_tail hot;
    struct mri_prng own;
    struct mri_hot_options options = sample.options;
    mr_log_ack ack = {0};
    options.deriver = NULL; /* nothing but the producers keeps a record from coming twice */
    options.head_bytes = sample.hot.memory.head_bytes;
    mri_prng_init(&own, own_seed);
    if (mri_hot_tail_attach(&hot, &options) != MR_OK) {
        _exit(2);
    }
    if (ledger->intent[writer] == 0) {
        ledger->intent[writer] = 64 + 1;
    }
    for (;;) {
        uint64_t intent = ledger->intent[writer];
        const struct mri_hot_sample_body first = {writer, (uint32_t)(intent / 64)};
        uint32_t count = (uint32_t)(intent % 64);
        mr_err err = mri_hot_sample_append(&hot, &first, count, MR_ASYNC, &ack);
        if (err != MR_OK) {
            (void)fprintf(stderr, "writer %u: %s\n", writer, mr_err_name(err));
            _exit(3);
        }
        atomic_fetch_add(&ledger->repeats, ack.is_repeated);
        ledger->acked[writer] = first.number + count - 1;
        ledger->intent[writer] =
            (uint64_t)(first.number + count) * 64 + 1 + mri_prng_below(&own, 12);
    }
}

/** A segment is left, or a producer is new, once in a while only. */
static bool is_rare(unsigned point)
{
    return (point >= 10 && point < 20) || point == 60 || point == 61;
}

static pid_t start_retrier(uint32_t writer)
{
    uint64_t own_seed = mri_prng_below(&prng, UINT32_MAX);
    unsigned at = (unsigned)mri_prng_below(&prng, MRI_COUNT_OF(retry_points));
    unsigned visits = 1 + (unsigned)mri_prng_below(&prng, 400);
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
        fate.point = retry_points[at];
        fate.visits = visits;
        retry_for_ever(writer, own_seed);
    }
    assert_true(child > 0);
    return child;
}

static pid_t start_writer(uint32_t writer, unsigned point)
{
    uint64_t own_seed = mri_prng_below(&prng, UINT32_MAX);
    unsigned visits = 1 + (unsigned)mri_prng_below(&prng, is_rare(point) ? 2 : 30);
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
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

/** Do the tables say what all records together say? */
static void check_dedupe(void)
{
    const struct mri_dedupe *dedupe = &sample.hot.dedupe;
    void *memory = calloc(1, mri_dedupe_bytes(dedupe->limits));
    struct mri_dedupe expected = mri_dedupe_at(memory, dedupe->limits);
    mr_log_reader *reader;
    mr_log_event event;
    assert_int_equal(mr_log_reader_open(sample.log_folder, &reader, NULL), MR_OK);
    while (mr_log_reader_next(reader, &event, NULL) == MR_OK) {
        const struct mri_dedupe_record record = {
            event.seq.n, event.producer_id, event.producer_seq, event.message_id};
        assert_int_equal(mri_dedupe_note(&expected, &record), MR_OK);
    }
    mr_log_reader_close(reader);
    assert_int_equal(
        atomic_load(&dedupe->head->producer_count), atomic_load(&expected.head->producer_count));
    uint64_t ids = atomic_load(&expected.head->id_count);
    assert_int_equal(atomic_load(&dedupe->head->id_count), ids);
    for (uint32_t i = 0; i < mri_dedupe_places(&expected); i++) {
        uint32_t id = atomic_load(&expected.producers[i].id);
        struct mri_dedupe_newest theirs;
        struct mri_dedupe_newest ours;
        if (id != 0) {
            assert_true(mri_dedupe_find_producer(&expected, id, &ours));
            assert_true(mri_dedupe_find_producer(dedupe, id, &theirs));
            assert_memory_equal(&ours, &theirs, sizeof(ours));
        }
    }
    for (uint64_t number = ids; number > 0 && number + expected.limits.ids > ids; number--) {
        const struct mri_dedupe_id *id = &expected.ids[number % expected.limits.ids];
        assert_int_equal(mri_dedupe_find_id(dedupe, id->bytes), id->seq);
    }
    free(memory);
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
    check_dedupe();
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
static const unsigned points[] = {1, 2, 3, 20, 21, 22, 60, 61, 62, 63, 64, 65, 66, 67, 4, 5, 6, 10,
    11, 12, 13, 30, 31, 40, 41, 50, 51};

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

/** Become a process that fills a spare, and die with it in hand. */
static void die_filling(void)
{
    struct mri_hot_tail hot;
    struct mri_hot_spare_demand demand = {0};
    const struct mri_os *os = mri_os_linux();
    fate.point = 80;
    fate.visits = 1;
    if (mri_hot_tail_attach(&hot, &sample.options) == MR_OK) {
        (void)mri_hot_tail_keep_spares(&hot, &demand, os->boottime_ns(os->context));
    }
    _exit(2);
}

static void a_keeper_may_die_with_a_spare_in_hand(void **fixture)
{
    (void)fixture;
    struct mri_hot_spare *spare = &sample.hot.shared->spares[0]; /* the only one there is */
    assert_int_equal(atomic_load(&spare->state), MRI_HOT_SPARE_READY);
    pid_t doomed = fork();
    if (doomed == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
        die_filling();
    }
    assert_true(doomed > 0);
    expect_killed(doomed);
    assert_int_equal(atomic_load(&spare->state), MRI_HOT_SPARE_FILLING);
    pid_t other = start_writer(0, 0);
    for (int wait = 0; ledger->acked[0] < SEVERAL_SEGMENTS && wait < 20000; wait++) {
        (void)nanosleep(&(struct timespec){0, 500000}, NULL); /* shorter is as good */
    }
    assert_true(ledger->acked[0] >= SEVERAL_SEGMENTS); /* it goes on by itself */
    assert_int_equal(kill(other, SIGKILL), 0);
    expect_killed(other);
    assert_true(mri_hot_tail_counters(&sample.hot).orphans > 0);
    check_all();
}

static void killed_writers_that_retry_append_every_record_once(void **fixture)
{
    (void)fixture;
    struct mri_hot_thread helper = {.hot = &sample.hot};
    struct mri_hot_sample_found found;
    pid_t children[WRITERS];
    unsigned rounds = from_environment("ROUNDS", ROUNDS);
    assert_int_equal(mri_hot_thread_start(&helper), MR_OK); /* it outlives them */
    for (uint32_t i = 0; i < WRITERS; i++) {
        children[i] = start_retrier(i);
    }
    for (unsigned round = 0; round < rounds; round++) {
        uint32_t victim = (uint32_t)mri_prng_below(&prng, WRITERS);
        struct timespec moment = {0, (long)mri_prng_below(&prng, 4000000)};
        (void)nanosleep(&moment, NULL);                       /* shorter is as good */
        assert_int_equal(kill(children[victim], SIGKILL), 0); /* unless it has done so itself */
        expect_killed(children[victim]);
        children[victim] = start_retrier(victim);
    }
    for (uint32_t i = 0; i < WRITERS; i++) {
        assert_int_equal(kill(children[i], SIGKILL), 0);
        expect_killed(children[i]);
    }
    mri_hot_thread_stop(&helper);
    for (uint32_t i = 0; i < WRITERS; i++) {
        const struct mri_hot_sample_body first = {i, (uint32_t)(ledger->intent[i] / 64)};
        struct mri_hot_tail hot;
        struct mri_hot_options options = sample.options;
        options.deriver = NULL;
        options.head_bytes = sample.hot.memory.head_bytes;
        assert_int_equal(mri_hot_tail_attach(&hot, &options), MR_OK);
        assert_int_equal(
            mri_hot_sample_append(&hot, &first, ledger->intent[i] % 64, MR_GROUP, NULL), MR_OK);
        mri_hot_tail_close(&hot);
    }
    assert_int_equal(mri_hot_sample_read(&sample, &found), MR_END); /* each once, in order */
    for (uint32_t i = 0; i < WRITERS; i++) {
        uint64_t intent = ledger->intent[i];
        assert_int_equal(found.newest[i], intent / 64 + intent % 64 - 1); /* none is lost */
    }
    assert_true(atomic_load(&ledger->repeats) > 0);
    check_dedupe();
    (void)printf("%u kills, %llu records, %llu batches that came again\n", rounds + WRITERS,
        (unsigned long long)found.records, (unsigned long long)atomic_load(&ledger->repeats));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nothing_acknowledged_is_lost_when_writers_are_killed_at_random),
        TEST(killed_writers_that_retry_append_every_record_once),
        TEST(a_writer_may_die_at_every_place_where_the_order_of_stores_matters),
        TEST(a_keeper_may_die_with_a_spare_in_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
