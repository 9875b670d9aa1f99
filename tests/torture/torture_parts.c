/* SPDX-License-Identifier: MIT */
/*
 * Writers, readers, and one that comes and goes.
 *
 * Invariants
 *  1. Readers never skip: what they are shown follows what they were shown before, also over the
 *     death of every writer and the next open.
 *  2. What a reader of durable events has seen counts as promised from then on.
 *  3. What is derived: the newest event, how many there were since the memory was made, and their
 *     difference. An append that finds them to disagree with each other or with the log is
 *     refused, so that a death between two of these stores shows at the next append.
 */
#include "tests/torture/torture_parts.h"

#include <string.h>

#include "log/hot/hot_tail.h"
#include "log/open/append.h"

enum { WAIT_MS = 50, LARGE_BODY = 32 * 1024, SMALL_BODY = 400, STEPS_MAX = 200 };

struct mri_torture_pace mri_torture_pace_usual(void)
{
    return (struct mri_torture_pace){.pause_us = 300,
        .burst_max = 40,
        .group_of_1000 = 15,
        .large_of_1000 = 30,
        .is_reopening = true};
}

static bool is_over(const struct mri_torture_part *part)
{
    return atomic_load(&part->ledger->is_over) != 0;
}

static mr_log *opened;

mr_log *mri_torture_part_log(void)
{
    return opened;
}

/** Words of what is derived. */
enum { NEWEST, COUNT, BEFORE, STORES_MAX, DERIVED_BYTES = MRI_SHARED_MEMORY_PAGE_BYTES };

static mr_err derive(const void *context, void *argument, struct mri_hot_journal *journal,
    const mr_log_record *records, size_t count, uint64_t first_seq)
{
    (void)context;
    (void)argument;
    (void)records;
    uint64_t *derived = journal->derived;
    bool is_first = derived[COUNT] == 0;
    if (!is_first &&
        (derived[NEWEST] + 1 != first_seq || derived[NEWEST] - derived[COUNT] != derived[BEFORE])) {
        return MR_REFUSED;
    }
    if (is_first) {
        mri_hot_tail_set(journal, &derived[BEFORE], first_seq - 1);
    }
    mri_hot_tail_set(journal, &derived[NEWEST], first_seq + count - 1);
    mri_hot_tail_set(journal, &derived[COUNT], derived[COUNT] + count);
    return MR_OK;
}

enum { STALLS_MAX = 17 /* of 10 s */ };

mr_err mri_torture_open(struct mri_torture_ledger *ledger, const char *at,
    const struct mri_log_opener *opener, mr_log **ret_log, mr_problem *reterr_problem)
{
    mr_err err = MR_BUSY;
    for (int i = 0; i < STALLS_MAX && err == MR_BUSY; i++) {
        err = mri_log_open_with(
            mri_os_linux(), mri_alloc_system(), at, opener, ret_log, reterr_problem);
        if (err == MR_BUSY && strstr(reterr_problem->text, "has been opening") == NULL) {
            return err;
        }
        atomic_fetch_add(&ledger->stalls, err == MR_BUSY);
    }
    return err;
}

mr_log *mri_torture_part_open(const struct mri_torture_part *part)
{
    static const struct mri_hot_deriver deriver = {.derive = derive, .stores_max = STORES_MAX};
    const struct mri_log_opener opener = {.options = &part->options,
        .derived_bytes = part->is_deriving ? (size_t)DERIVED_BYTES : 0,
        .deriver = part->is_deriving ? &deriver : NULL};
    mr_problem problem = {""};
    mr_log *log = NULL;
    mr_err err = mri_torture_open(part->ledger, part->folder, &opener, &log, &problem);
    mri_torture_ok(err, "open", &problem);
    atomic_fetch_add(&part->ledger->opened, 1);
    opened = log;
    return log;
}

/* ---- writing --------------------------------------------------------------------------------- */

static struct mri_torture_batch next_batch(
    const struct mri_torture_pace *pace, struct mri_prng *prng)
{
    uint64_t dice = mri_prng_below(prng, 1000);
    struct mri_torture_batch batch = {.count = 1, .body_max = SMALL_BODY};
    if (mri_prng_below(prng, 4) == 0) {
        batch.count += (uint32_t)mri_prng_below(prng, MRI_TORTURE_BATCH_MAX);
    }
    if (mri_prng_below(prng, 1000) < pace->large_of_1000) {
        batch.count = 1 + batch.count / 3;
        batch.body_max = LARGE_BODY;
    }
    batch.durability = dice < pace->group_of_1000 ? MR_GROUP
                       : dice % 8 == 0            ? MR_INTERVAL
                                                  : MR_ASYNC;
    return batch;
}

/** Poison, or a next segment whose file cannot be made there: then nothing was appended. */
static bool is_fault_of_disk(mr_err err)
{
    return err == MR_EUNKNOWN || err == MR_EPOISONED || err == MR_EIO || err == MR_ENOSPC;
}

/** Is this an answer that the writer goes on after? */
static bool is_to_go_on(const struct mri_torture_part *part, mr_err err)
{
    if (err == MR_ENOSPC && part->pace.is_space_short) {
        atomic_fetch_add(&part->ledger->refused, 1);
        mri_torture_sleep_us(1000);
        return true;
    }
    bool is_end = part->pace.is_ending_on_fault && is_fault_of_disk(err);
    is_end = is_end || (part->pace.is_ending_when_retired && err == MR_EPOISONED);
    MRI_TORTURE_CHECK(is_end || err == MR_OK, "append: %s", mr_err_name(err));
    return err == MR_OK;
}

static void write_on(const struct mri_torture_part *part)
{
    struct mri_torture_writer writer;
    const struct mri_torture_pace *pace = &part->pace;
    mr_err err = MR_OK;
    mri_torture_writer_init(
        &writer, part->ledger, mri_torture_part_open(part), part->life, part->seed);
    while (!is_over(part) && is_to_go_on(part, err)) {
        err = MR_OK;
        uint64_t burst = 1 + mri_prng_below(&writer.prng, pace->burst_max);
        for (uint64_t i = 0; i < burst && err == MR_OK; i++) {
            struct mri_torture_batch batch = next_batch(pace, &writer.prng);
            err = mri_torture_append(&writer, &batch);
        }
        if (err == MR_OK && pace->pause_us > 0) {
            mri_torture_sleep_us(mri_prng_below(&writer.prng, (uint64_t)2 * pace->pause_us));
        }
        if (err == MR_OK && pace->is_reopening && mri_prng_below(&writer.prng, 100) == 0) {
            mr_log_close(writer.log);
            writer.log = mri_torture_part_open(part);
        }
    }
    mr_log_close(writer.log);
    mri_torture_writer_fini(&writer);
}

/** Open, sync, close: a sync covers everything that was acknowledged before it. */
static void come_and_go(const struct mri_torture_part *part)
{
    struct mri_torture_ledger *ledger = part->ledger;
    struct mri_prng prng;
    mri_prng_init(&prng, part->seed);
    while (!is_over(part)) {
        mr_log *log = mri_torture_part_open(part);
        uint64_t last = mr_log_last(log).n;
        mr_err err = mr_log_sync(log);
        bool is_end = part->pace.is_ending_on_fault && is_fault_of_disk(err);
        MRI_TORTURE_CHECK(err == MR_OK || is_end, "sync: %s", mr_err_name(err));
        uint64_t durable = mr_log_durable(log).n;
        if (err == MR_OK) {
            MRI_TORTURE_CHECK(durable >= last, "event %llu before the sync, %llu durable after it",
                (unsigned long long)last, (unsigned long long)durable);
        }
        mri_torture_raise(&ledger->durable_seq, durable);
        mr_log_close(log);
        if (is_end) {
            return;
        }
        mri_torture_sleep_us(mri_prng_below(&prng, 5000));
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

static mr_log_reader *open_reader(const struct mri_torture_part *part)
{
    mr_problem problem = {""};
    mr_log_reader *reader = NULL;
    const mr_log_read_options options = {.is_durable = part->kind == MRI_TORTURE_DURABLE};
    mr_err err = mr_log_reader_open_with(part->folder, &options, &reader, &problem);
    while (
        (err == MR_NOT_FOUND || err == MR_EPATH) && !is_over(part)) { /* nobody has made it yet */
        mri_torture_sleep_us(500);
        err = mr_log_reader_open_with(part->folder, &options, &reader, &problem);
    }
    MRI_TORTURE_CHECK(err == MR_OK || is_over(part), "reader of kind %d: %s %s", (int)part->kind,
        mr_err_name(err), problem.text);
    return err == MR_OK ? reader : NULL;
}

static mr_err check_read(const struct mri_torture_part *part, mr_err err, const mr_problem *problem)
{
    MRI_TORTURE_CHECK(err == MR_OK || err == MR_END, "reader of kind %d: %s %s", (int)part->kind,
        mr_err_name(err), problem->text);
    return err;
}

/** Now and then from the beginning, now and then from the end. */
static void go_somewhere(
    const struct mri_torture_part *part, mr_log_reader *reader, struct mri_prng *prng)
{
    mr_problem problem = {""};
    if (mri_prng_below(prng, 2) == 0) {
        mr_err err = mr_log_reader_seek_end(reader, &problem);
        (void)check_read(part, err, &problem);
    }
}

static void tail_on(const struct mri_torture_part *part)
{
    struct mri_prng prng;
    struct mri_torture_ledger *ledger = part->ledger;
    mr_problem problem = {""};
    mr_log_event event;
    mr_log_reader *reader = open_reader(part);
    if (reader == NULL) {
        return;
    }
    mri_prng_init(&prng, part->seed);
    struct mri_torture_reading *reading = mri_torture_reading_new(ledger, false);
    go_somewhere(part, reader, &prng);
    while (!is_over(part)) {
        mr_err err = check_read(part, mr_log_reader_next(reader, &event, &problem), &problem);
        if (err == MR_END) {
            err = mr_log_reader_wait(reader, WAIT_MS);
            MRI_TORTURE_CHECK(err == MR_OK || err == MR_AGAIN, "wait: %s", mr_err_name(err));
            continue;
        }
        mri_torture_reading_take(reading, &event);
        atomic_store(&ledger->seen[part->index], event.seq.n);
        atomic_fetch_add(&ledger->read, 1);
        if (part->kind == MRI_TORTURE_DURABLE) {
            mri_torture_raise(&ledger->durable_seq, event.seq.n);
        }
    }
    mri_torture_reading_free(reading);
    mr_log_reader_close(reader);
}

/** Some steps from one place in one direction: every event is the neighbour of the one before. */
static void walk(const struct mri_torture_part *part, mr_log_reader *reader, struct mri_prng *prng)
{
    bool is_back = mri_prng_below(prng, 2) == 0;
    uint64_t steps = mri_prng_below(prng, STEPS_MAX);
    uint64_t before = 0;
    mr_problem problem = {""};
    mr_log_event event;
    for (uint64_t i = 0; i < steps && !is_over(part); i++) {
        mr_err err = is_back ? mr_log_reader_previous(reader, &event, &problem)
                             : mr_log_reader_next(reader, &event, &problem);
        if (check_read(part, err, &problem) == MR_END) {
            return;
        }
        MRI_TORTURE_CHECK(before == 0 || event.seq.n == (is_back ? before - 1 : before + 1),
            "a walk goes from event %llu to %llu", (unsigned long long)before,
            (unsigned long long)event.seq.n);
        before = event.seq.n;
        (void)mri_torture_check_event(part->ledger, &event);
        atomic_fetch_add(&part->ledger->read, 1);
    }
}

static void seek_on(const struct mri_torture_part *part)
{
    struct mri_prng prng;
    mr_problem problem = {""};
    mr_log_reader *reader = open_reader(part);
    if (reader == NULL) {
        return;
    }
    mri_prng_init(&prng, part->seed);
    while (!is_over(part)) {
        uint64_t last = 0;
        for (uint32_t i = 0; i < MRI_TORTURE_READERS_MAX; i++) {
            uint64_t seen = atomic_load(&part->ledger->seen[i]);
            last = seen > last ? seen : last;
        }
        if (last > 0 && mri_prng_below(&prng, 3) > 0) {
            const mr_seq seq = {1 + mri_prng_below(&prng, last)};
            mr_err err = mr_log_reader_seek(reader, seq, &problem);
            MRI_TORTURE_CHECK(err == MR_OK, "seek to event %llu, which was read: %s %s",
                (unsigned long long)seq.n, mr_err_name(err), problem.text);
        } else {
            (void)check_read(part, mr_log_reader_seek_end(reader, &problem), &problem);
        }
        walk(part, reader, &prng);
    }
    mr_log_reader_close(reader);
}

/* ---- all of them ----------------------------------------------------------------------------- */

void mri_torture_part_live(void *argument)
{
    const struct mri_torture_part *part = argument;
    mri_torture_watch_sigbus();
    if (part->at_start != NULL) {
        part->at_start(part);
    }
    switch (part->kind) {
    case MRI_TORTURE_WRITER:
        write_on(part);
        break;
    case MRI_TORTURE_COMER:
        come_and_go(part);
        break;
    case MRI_TORTURE_SEEKER:
        seek_on(part);
        break;
    case MRI_TORTURE_TAILER:
    case MRI_TORTURE_DURABLE:
    case MRI_TORTURE_KINDS:
        tail_on(part);
        break;
    }
}

pid_t mri_torture_part_start(struct mri_torture_part *part)
{
    part->seed = mri_torture_below(UINT32_MAX);
    if (part->kind == MRI_TORTURE_WRITER) {
        part->life = mri_torture_ledger_life(part->ledger);
    }
    return mri_torture_start(mri_torture_part_live, part);
}
