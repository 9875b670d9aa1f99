/* SPDX-License-Identifier: MIT */
/*
 * Lost wake-ups: up to 64 processes sleep until there is more, some of them die asleep, others
 * append some events and pause until every sleeper has seen the newest one that he waits for. The
 * backstop that ends a sleep after a second is taken away, so that a sleeper who was forgotten
 * sleeps for ever, and is noticed.
 *
 * usage: torture_wake_test      SEED=n repeats a run; PUBLISHES=n events in all
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/futex.h"
#include "tests/torture/torture_parts.h"

enum {
    PUBLISHES = 60000,
    OF_A_ROUND = 20000,
    FEW = 40,
    MANY = 6000,
    SLEEPERS_MAX = 64,
    WRITERS = 2,
    SUBJECTS = 64,
    TYPE = MR_LOG_TYPE_FREE,
    BATCH = 64,
};

#define HOUR_NS     ((int64_t)3600 * 1000 * 1000 * 1000)
#define BACKSTOP_NS ((int64_t)1000 * 1000 * 1000)

/** What a sleeper waits for. */
enum wish { WISH_ANY = 0, WISH_SUBJECT, WISH_DURABLE, WISHES };

static struct shared {
    _Atomic uint64_t published; /**< the newest event */
    _Atomic uint64_t of_subject[SUBJECTS];
    _Atomic uint64_t left; /**< events that are still to be appended before the next pause */
    _Atomic uint32_t busy; /**< writers that append */
    _Atomic uint32_t is_ready[SLEEPERS_MAX];
    _Atomic uint32_t is_over;
    _Atomic uint64_t sleeps;
    _Atomic uint64_t backstops; /**< sleeps that the backstop would have ended */
    _Atomic uint64_t seen[SLEEPERS_MAX];
} * shared;

static char parent[MRI_TEMP_FOLDER_BYTES];
static char folder[MRI_TORTURE_PATH_BYTES];
static _Thread_local bool is_sleeper;

mr_err __real_mri_futex_wait(
    _Atomic uint32_t *word, uint32_t expected, uint32_t bits, int64_t timeout_ns);
mr_err __wrap_mri_futex_wait(
    _Atomic uint32_t *word, uint32_t expected, uint32_t bits, int64_t timeout_ns);

/** In sleepers the backstop comes too late to help. */
mr_err __wrap_mri_futex_wait(
    _Atomic uint32_t *word, uint32_t expected, uint32_t bits, int64_t timeout_ns)
{
    if (!is_sleeper || timeout_ns != BACKSTOP_NS) {
        return __real_mri_futex_wait(word, expected, bits, timeout_ns);
    }
    atomic_fetch_add(&shared->sleeps, 1);
    mr_err err = __real_mri_futex_wait(word, expected, bits, HOUR_NS);
    atomic_fetch_add(&shared->backstops, err == MR_AGAIN);
    return err;
}

/** A sleeper. */
struct sleeper {
    uint32_t index;
    enum wish wish;
    uint32_t subject;
};

static mr_err sleep_on(mr_log_reader *reader, const struct sleeper *sleeper)
{
    is_sleeper = true;
    mr_err err = sleeper->wish == WISH_SUBJECT
                     ? mr_log_reader_wait_for(reader, &sleeper->subject, 1, -1)
                     : mr_log_reader_wait(reader, -1);
    is_sleeper = false;
    return err;
}

/** Read on and sleep, for ever. */
static void live_asleep(void *argument)
{
    const struct sleeper *sleeper = argument;
    const mr_log_read_options options = {.is_durable = sleeper->wish == WISH_DURABLE};
    mr_log_reader *reader = NULL;
    mr_problem problem = {""};
    mr_log_event event;
    mri_torture_ok(mr_log_reader_open_with(folder, &options, &reader, &problem), "read", &problem);
    mri_torture_ok(mr_log_reader_seek_end(reader, &problem), "go to the end", &problem);
    atomic_store(&shared->is_ready[sleeper->index], 1);
    for (;;) {
        mr_err err = mr_log_reader_next(reader, &event, &problem);
        if (err == MR_OK) {
            bool is_wanted = sleeper->wish != WISH_SUBJECT || event.subject_id == sleeper->subject;
            if (is_wanted) {
                atomic_store(&shared->seen[sleeper->index], event.seq.n);
            }
            continue;
        }
        MRI_TORTURE_CHECK(err == MR_END, "read: %s %s", mr_err_name(err), problem.text);
        err = sleep_on(reader, sleeper);
        MRI_TORTURE_CHECK(err == MR_OK || err == MR_AGAIN, "sleep: %s", mr_err_name(err));
    }
}

static void append_some(mr_log *log, struct mri_prng *prng, size_t count)
{
    mr_log_record records[BATCH];
    mr_log_ack ack;
    for (size_t i = 0; i < count; i++) {
        uint32_t subject = 1 + (uint32_t)mri_prng_below(prng, SUBJECTS - 1);
        records[i] = (mr_log_record){.type = TYPE, .subject_id = subject};
    }
    mri_torture_ok(mr_log_append(log, records, count, MR_ASYNC, &ack), "append", NULL);
    for (size_t i = 0; i < count; i++) {
        mri_torture_raise(&shared->of_subject[records[i].subject_id], ack.first.n + i);
    }
    mri_torture_raise(&shared->published, ack.last.n);
}

/** Take events to append from what is left. */
static size_t take_some(struct mri_prng *prng)
{
    uint64_t count = 1 + mri_prng_below(prng, mri_prng_below(prng, 8) == 0 ? BATCH : 2);
    uint64_t left = atomic_load(&shared->left);
    uint64_t taken;
    do {
        taken = left < count ? left : count;
    } while (taken > 0 && !atomic_compare_exchange_weak(&shared->left, &left, left - taken));
    return (size_t)taken;
}

/** Append whenever something is left to append; when nothing is, see that all of it is durable. */
static void publish(void *argument)
{
    struct mri_prng prng;
    const uint64_t *seed = argument;
    mr_log *log = NULL;
    mr_problem problem = {""};
    bool is_synced = true;
    mri_prng_init(&prng, *seed);
    mri_torture_ok(mr_log_open(folder, NULL, &log, &problem), "open", &problem);
    while (atomic_load(&shared->is_over) == 0) {
        atomic_fetch_add(&shared->busy, 1);
        size_t count = take_some(&prng);
        if (count > 0) {
            append_some(log, &prng, count);
            is_synced = false;
        }
        atomic_fetch_sub(&shared->busy, 1);
        if (count == 0 && !is_synced) {
            mri_torture_ok(mr_log_sync(log), "sync", NULL);
            is_synced = true;
        } else if (count == 0 || mri_prng_below(&prng, 20) == 0) {
            mri_torture_sleep_us(mri_prng_below(&prng, 200)); /* let them fall asleep */
        }
    }
    mr_log_close(log);
}

static bool has_seen_all(void *argument)
{
    const struct sleeper *sleeper = argument;
    uint64_t newest = sleeper->wish == WISH_SUBJECT
                          ? atomic_load(&shared->of_subject[sleeper->subject])
                          : atomic_load(&shared->published);
    return atomic_load(&shared->seen[sleeper->index]) >= newest;
}

static void make_log(void *argument)
{
    const mr_log_options options = {.is_create = true, .segment_bytes = 1024 * 1024};
    mr_log *log = NULL;
    (void)argument;
    mri_torture_ok(mr_log_open(folder, &options, &log, NULL), "make", NULL);
    mri_torture_ok(
        mr_log_append(log, &(mr_log_record){.type = TYPE}, 1, MR_GROUP, NULL), "a", NULL);
    mr_log_close(log);
}

static bool is_all_published(void *argument)
{
    (void)argument;
    return atomic_load(&shared->left) == 0 && atomic_load(&shared->busy) == 0;
}

static bool is_ready(void *argument)
{
    const struct sleeper *sleeper = argument;
    return atomic_load(&shared->is_ready[sleeper->index]) != 0;
}

static struct sleeper sleepers[SLEEPERS_MAX];
static pid_t children[SLEEPERS_MAX];

static void start_sleeper(uint32_t index)
{
    struct sleeper *sleeper = &sleepers[index];
    *sleeper = (struct sleeper){.index = index,
        .wish = (enum wish)mri_torture_below(WISHES),
        .subject = 1 + (uint32_t)mri_torture_below(SUBJECTS - 1)};
    atomic_store(&shared->is_ready[index], 0);
    children[index] = mri_torture_start(live_asleep, sleeper);
    mri_torture_until(is_ready, sleeper, "a sleeper is ready");
    /* It owes nothing of before. */
    uint64_t newest = atomic_load(&shared->published);
    atomic_store(&shared->seen[index], newest);
}

/** Some events, a death, and everybody has seen the newest one that he waits for. */
static void publish_and_look(unsigned count, uint64_t events)
{
    atomic_store(&shared->left, events);
    if (mri_torture_below(4) == 0) {
        mri_torture_sleep_us(mri_torture_below(1000));
        mri_torture_kill(children[mri_torture_below(count)]);
        mri_torture_tell("killed_asleep", 1);
    }
    mri_torture_until(is_all_published, NULL, "all is appended");
    for (uint32_t i = 0; i < count; i++) {
        int status = 0;
        pid_t ended = waitpid(children[i], &status, WNOHANG);
        MRI_TORTURE_CHECK(ended <= 0, "sleeper %u ended with status 0x%x", i, (unsigned)status);
        if (ended == 0) {
            mri_torture_until(has_seen_all, &sleepers[i], "a sleeper sees what it waits for");
        } else {
            start_sleeper(i);
        }
    }
}

static void sleep_and_publish(unsigned count, uint64_t events)
{
    static uint64_t seeds[WRITERS];
    pid_t writers[WRITERS];
    memset(shared->of_subject, 0, sizeof(shared->of_subject));
    atomic_store(&shared->published, 0);
    atomic_store(&shared->is_over, 0);
    atomic_store(&shared->left, 0);
    for (uint32_t i = 0; i < WRITERS; i++) {
        seeds[i] = mri_torture_below(UINT32_MAX);
        writers[i] = mri_torture_start(publish, &seeds[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        start_sleeper(i);
    }
    while (events > 0) {
        uint64_t some = 1 + mri_torture_below(mri_torture_below(12) == 0 ? MANY : FEW);
        some = some < events ? some : events;
        publish_and_look(count, some);
        events -= some;
        mri_torture_tell("publishes", some);
        mri_torture_tell("pauses", 1);
    }
    for (uint32_t i = 0; i < count; i++) {
        mri_torture_kill(children[i]);
    }
    atomic_store(&shared->is_over, 1);
    for (uint32_t i = 0; i < WRITERS; i++) {
        mri_torture_expect_end(writers[i]);
    }
}

static void nobody_who_sleeps_is_forgotten(void **fixture)
{
    (void)fixture;
    unsigned publishes = mri_torture_count("PUBLISHES", PUBLISHES);
    for (unsigned done = 0; done < publishes; done += OF_A_ROUND) {
        (void)mri_temp_folder_make(parent);
        (void)snprintf(folder, sizeof(folder), "%s/log", parent);
        mri_torture_in_child(make_log, NULL);
        sleep_and_publish(1 + (unsigned)mri_torture_below(SLEEPERS_MAX), OF_A_ROUND);
        mri_temp_folder_remove(parent);
    }
    MRI_TORTURE_CHECK(atomic_load(&shared->backstops) == 0, "a sleep lasted an hour");
}

int main(void)
{
    mri_torture_begin("torture_wake_test");
    shared = mri_torture_share(sizeof(*shared));
    const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_who_sleeps_is_forgotten)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mri_torture_tell("sleeps", atomic_load(&shared->sleeps));
    mri_torture_tell("ended_by_the_backstop", atomic_load(&shared->backstops));
    return mri_torture_end(failed);
}
