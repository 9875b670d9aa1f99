/* SPDX-License-Identifier: MIT */
/*
 * Histories of real processes that append after what they know to be last, append anyway, and look;
 * some are killed. Each history is checked against the log it left.
 *
 * usage: torture_history_test      SEED=n repeats a run; HISTORIES=n, OPS=n of each
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/torture/history.h"
#include "tests/torture/torture_parts.h"

enum {
    HISTORIES = 20,
    OPS = 2000,
    OPS_MAX = 20000,
    EVENTS_MAX = 4 * OPS_MAX,
    PROCESSES = 5,
    LIVES_MAX = 2000,
    BATCH_MAX = 3,
    TYPE = MR_LOG_TYPE_FREE,
};

static struct shared {
    _Atomic uint64_t moment;
    _Atomic uint64_t op_count;
    uint64_t op_limit;
    uint32_t lives;
    struct mri_history_op ops[OPS_MAX];
    struct mri_history_event events[EVENTS_MAX];
} * shared;

static struct mri_history_room room;
static char parent[MRI_TEMP_FOLDER_BYTES];
static char folder[MRI_TORTURE_PATH_BYTES];

static uint64_t next_moment(void)
{
    return atomic_fetch_add(&shared->moment, 1) + 1;
}

/** A process that asks. */
struct asker {
    uint32_t process;
    uint64_t seed;
};

static void look(mr_log *log, struct mri_history_op *op)
{
    op->kind = MRI_HISTORY_LOOK;
    op->called = next_moment();
    op->last = mr_log_last(log).n;
    op->answer = MRI_HISTORY_DONE;
    op->answered = next_moment();
}

static mr_err append(
    mr_log *log, struct mri_history_op *op, mr_durability durability, mr_log_ack *ack)
{
    mr_log_record records[BATCH_MAX];
    for (uint32_t i = 0; i < op->count; i++) {
        records[i] = (mr_log_record){.type = TYPE,
            .producer_id = op->process,
            .producer_seq = op->number + i,
            .body = &op->process,
            .body_bytes = sizeof(op->process)};
    }
    op->called = next_moment();
    return op->kind == MRI_HISTORY_APPEND ? mr_log_append(log, records, op->count, durability, ack)
                                          : mr_log_append_after(log, records, op->count,
                                                (mr_seq){op->expected}, durability, ack);
}

static void ask(void *argument)
{
    const struct asker *asker = argument;
    struct mri_prng prng;
    mr_log *log = NULL;
    mr_problem problem = {""};
    const mr_log_options options = {.is_create = true, .segment_bytes = 1024 * 1024};
    uint32_t number = 0;
    uint64_t known = 0;
    mri_prng_init(&prng, asker->seed);
    mri_torture_ok(mr_log_open(folder, &options, &log, &problem), "open", &problem);
    for (;;) {
        uint64_t index = atomic_fetch_add(&shared->op_count, 1);
        if (index >= shared->op_limit) {
            break;
        }
        struct mri_history_op *op = &shared->ops[index];
        uint64_t dice = mri_prng_below(&prng, 10);
        op->process = asker->process;
        if (dice < 2) {
            look(log, op);
            known = op->last;
            continue;
        }
        if (dice < 7) {
            known = mri_prng_below(&prng, 3) == 0 ? known : mr_log_last(log).n;
        }
        op->kind = dice < 9 ? MRI_HISTORY_APPEND_AFTER : MRI_HISTORY_APPEND;
        op->count = 1 + (uint32_t)mri_prng_below(&prng, BATCH_MAX);
        op->number = number + 1;
        op->expected = known;
        mr_log_ack ack;
        mr_err err = append(log, op, mri_prng_below(&prng, 100) == 0 ? MR_GROUP : MR_ASYNC, &ack);
        MRI_TORTURE_CHECK(err == MR_OK || (err == MR_CONFLICT && op->kind != MRI_HISTORY_APPEND),
            "append: %s", mr_err_name(err));
        if (err == MR_OK) {
            op->first = ack.first.n;
            op->last = ack.last.n;
            number += op->count;
            known = ack.last.n;
        }
        op->answer = err == MR_OK ? MRI_HISTORY_DONE : MRI_HISTORY_CONFLICT;
        op->answered = next_moment();
        if (mri_prng_below(&prng, 16) == 0) {
            mri_torture_sleep_us(mri_prng_below(&prng, 100));
        }
    }
    mr_log_close(log);
}

/** The log in the end, and the operations that were ever called. */
static void collect(void *argument)
{
    uint64_t *counts = argument;
    mr_log *log = NULL;
    mr_log_reader *reader = NULL;
    mr_log_event event;
    mr_problem problem = {""};
    mri_torture_ok(mr_log_open(folder, NULL, &log, &problem), "open in the end", &problem);
    mri_torture_ok(mr_log_reader_open(folder, &reader, &problem), "read", &problem);
    uint64_t count = 0;
    mr_err err = mr_log_reader_next(reader, &event, &problem);
    while (err == MR_OK) {
        MRI_TORTURE_CHECK(event.seq.n == count + 1 && count < EVENTS_MAX, "event %llu behind %llu",
            (unsigned long long)event.seq.n, (unsigned long long)count);
        bool is_own = event.type < MR_LOG_TYPE_FREE;
        shared->events[count++] = (struct mri_history_event){
            is_own ? 0 : event.producer_id, is_own ? 0 : event.producer_seq};
        err = mr_log_reader_next(reader, &event, &problem);
    }
    MRI_TORTURE_CHECK(err == MR_END, "read: %s %s", mr_err_name(err), problem.text);
    mr_log_reader_close(reader);
    mr_log_close(log);
    counts[1] = count;
}

/** Of operations that a death interrupted: without an answer; those that were not called: none. */
static uint64_t settle_operations(void)
{
    uint64_t kept = 0;
    for (uint64_t i = 0; i < shared->op_limit; i++) {
        struct mri_history_op op = shared->ops[i];
        op.answer = op.answered == 0 ? MRI_HISTORY_NONE : op.answer;
        if (op.called != 0) {
            mri_torture_tell("conflicts", op.answer == MRI_HISTORY_CONFLICT);
            mri_torture_tell("unanswered", op.answer == MRI_HISTORY_NONE);
            shared->ops[kept++] = op;
        }
    }
    return kept;
}

static void check(const uint64_t *counts)
{
    size_t place = 0;
    enum mri_history_fault fault =
        mri_history_check(shared->ops, counts[0], shared->events, counts[1], &room, &place);
    MRI_TORTURE_CHECK(fault == MRI_HISTORY_GOOD, "the history is wrong: %s, at %zu",
        mri_history_text(fault), place);
    mri_torture_tell("histories", 1);
    mri_torture_tell("operations", counts[0]);
    mri_torture_tell("events", counts[1]);
}

static bool is_used_up(void)
{
    return atomic_load(&shared->op_count) >= shared->op_limit;
}

static void live_a_history(unsigned ops, bool is_deadly)
{
    static struct asker askers[PROCESSES];
    pid_t children[PROCESSES];
    uint64_t *counts = mri_torture_share(2 * sizeof(uint64_t));
    memset(shared->ops, 0, ops * sizeof(shared->ops[0]));
    atomic_store(&shared->op_count, 0);
    shared->op_limit = ops;
    shared->lives = 0;
    for (uint32_t i = 0; i < PROCESSES; i++) {
        askers[i] = (struct asker){++shared->lives, mri_torture_below(UINT32_MAX)};
        children[i] = mri_torture_start(ask, &askers[i]);
    }
    while (is_deadly && !is_used_up() && shared->lives < LIVES_MAX) {
        uint32_t i = (uint32_t)mri_torture_below(PROCESSES);
        mri_torture_sleep_us(mri_torture_below(6000));
        (void)kill(children[i], SIGKILL);
        (void)mri_torture_wait(children[i]);
        mri_torture_tell("kills", 1);
        askers[i] = (struct asker){++shared->lives, mri_torture_below(UINT32_MAX)};
        children[i] = mri_torture_start(ask, &askers[i]);
    }
    for (uint32_t i = 0; i < PROCESSES; i++) {
        mri_torture_expect_end(children[i]);
    }
    mri_torture_in_child(collect, counts);
    counts[0] = settle_operations();
    check(counts);
}

static void every_history_has_one_order_that_explains_all_answers(void **fixture)
{
    (void)fixture;
    unsigned histories = mri_torture_count("HISTORIES", HISTORIES);
    unsigned ops = mri_torture_count("OPS", OPS);
    ops = ops < OPS_MAX ? ops : (unsigned)OPS_MAX;
    for (unsigned i = 0; i < histories; i++) {
        (void)mri_temp_folder_make(parent);
        (void)snprintf(folder, sizeof(folder), "%s/log", parent);
        live_a_history(ops, i % 2 == 1);
        mri_temp_folder_remove(parent);
    }
}

int main(void)
{
    mri_torture_begin("torture_history_test");
    shared = mri_torture_share(sizeof(*shared));
    const size_t words = (EVENTS_MAX + 1) * sizeof(uint64_t);
    room = (struct mri_history_room){.op_at = mri_torture_keep(words),
        .answered_at = mri_torture_keep(words),
        .called_at = mri_torture_keep(words),
        .newest = mri_torture_keep((size_t)LIVES_MAX * 2 * sizeof(uint32_t)),
        .event_max = EVENTS_MAX,
        .process_max = LIVES_MAX * 2};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_history_has_one_order_that_explains_all_answers)};
    return mri_torture_end(cmocka_run_group_tests(tests, NULL, NULL));
}
