/* SPDX-License-Identifier: MIT */
/*
 * A log in the hands of several processes that are killed, on a machine whose power goes, whose
 * syncs fail, whose disk is full and whose clock steps; beside it a naive model that knows what was
 * promised. Everything follows from a seed, which is printed when it fails.
 *
 * Never more goes wrong than the design promises to survive, but for writes that are lost: then
 * only this is asked, that no reader is handed a wrong event.
 *
 * MILLRACE_SIM_SEEDS, MILLRACE_SIM_OPS: how many, and how long. MILLRACE_SIM_SEED: this one alone.
 * Seeds that failed once stay in seeds.txt and are run first.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/hot/hot_shared.h"
#include "log/open/append.h"
#include "log/open/writer.h"
#include "log/read/reader.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/environment.h"
#include "tests/sim/sim_machine.h"

enum {
    SEEDS = 60,
    OPS = 300,
    OPS_MAX = 100000,
    PLACES = 3, /* processes at once */
    BATCH_MAX = 6,
    BODY_MAX = 40000,
    LONG_OPS = 1000, /* from so many ops on it is a long run */
    NEAR_EVENTS = 100,
    FILE_BYTES = MRI_SEGMENT_BYTES_MIN,
    RING_BYTES = MRI_HOT_RING_BYTES_MIN,
};

/* Until a reader that sleeps must have woken; a helper would wake it by a SEAL 50 ms later. */
#define WAKE_NS    INT64_C(30000000)
#define ALLOWED_NS INT64_C(300000000) /* until an append must be written behind */

/** What became of an append. */
enum fate {
    FATE_STARTED = 0, /**< no answer: it is there or not */
    FATE_REFUSED,     /**< it is not there */
    FATE_APPENDED,    /**< it is there, until the power goes or a sync has failed */
    FATE_DURABLE,     /**< it is there */
    FATE_LOST,        /**< it was looked for and is not there, and never again */
};

struct op {
    enum fate fate;
    uint64_t first; /**< by its ack; 0: not known */
    uint32_t count;
    int64_t acked_ns;
    uint64_t memory; /**< the shared memory it went into */
    uint64_t found;  /**< where this look has found its first record */
};

/** The front of a body; the rest follows from it. */
struct body {
    uint32_t op;
    uint32_t index;
    uint32_t count;
    uint32_t bytes;
};

/** One life of a process. */
struct life {
    struct sim_process *process;
    mr_log *log;
    struct life *next;
    uint8_t bytes[BATCH_MAX][BODY_MAX];
};

static struct {
    uint64_t seed;
    uint32_t ops_wanted;
    struct op *ops;
    uint32_t op_count;
    bool is_ending;
    bool is_quiet;      /**< there are long rests between appends */
    bool is_long;       /**< fewer large bodies, and most reads begin near the end of the log */
    bool is_write_lost; /**< only wrong events are wrong */
    bool is_refused;    /**< the log is damaged by a lost write, and says so: the end */
    bool is_poisoned;   /**< since the log was looked at last */
    bool is_cut;
    struct life *lives; /**< to be buried */
    struct life *places[PLACES];
    uint64_t syncs_failed; /**< up to the look before */
    const char *wrong;
    char wrong_text[256];
    uint64_t kills;
    uint64_t cuts;
    uint64_t steps;
} world;

#define WRONG(...)                                                                                 \
    do {                                                                                           \
        if (world.wrong == NULL) {                                                                 \
            (void)snprintf(world.wrong_text, sizeof(world.wrong_text), __VA_ARGS__);               \
            world.wrong = world.wrong_text;                                                        \
        }                                                                                          \
    } while (0)

static const mr_log_options options = {
    .is_create = true, .segment_bytes = FILE_BYTES, .ring_bytes = RING_BYTES};

/* ---- bodies ---------------------------------------------------------------------------------- */

/** What a body looks like from its first byte on: bytes that count up, each its own start. */
static const uint8_t *pattern_of(const struct body *body)
{
    static uint8_t ramp[BODY_MAX + 256];
    if (ramp[1] == 0) {
        for (size_t i = 0; i < sizeof(ramp); i++) {
            ramp[i] = (uint8_t)i;
        }
    }
    return ramp + (uint8_t)(body->op * 7 + body->index * 13);
}

static void fill(uint8_t *bytes, const struct body *body)
{
    memcpy(bytes, body, sizeof(*body));
    memcpy(bytes + sizeof(*body), pattern_of(body) + sizeof(*body), body->bytes - sizeof(*body));
}

static bool is_right(const mr_log_event *event, struct body *ret_body)
{
    const uint8_t *bytes = event->body;
    if (event->body_bytes < sizeof(*ret_body)) {
        return false;
    }
    memcpy(ret_body, bytes, sizeof(*ret_body));
    return ret_body->bytes == event->body_bytes && ret_body->bytes <= BODY_MAX &&
           ret_body->op < world.op_count && ret_body->index < ret_body->count &&
           ret_body->count == world.ops[ret_body->op].count &&
           memcmp(bytes + sizeof(*ret_body), pattern_of(ret_body) + sizeof(*ret_body),
               ret_body->bytes - sizeof(*ret_body)) == 0;
}

/* ---- what processes do ----------------------------------------------------------------------- */

/** A log refuses: something must have failed. */
static void note_poison(void)
{
    world.is_poisoned = true;
    if (sim_counts()->syncs_failed == 0 && sim_counts()->writes_lost == 0) {
        WRONG("the log refuses, and nothing has failed");
    }
}

/** After a failed sync the log may go on in another memory, without what was in this one. */
static uint64_t memory_of(const struct life *life)
{
    return life->log->attachment->hot.shared->memory_generation;
}

/** Append a batch; false: the log must be closed. */
static bool append(struct life *life)
{
    struct mri_prng *prng = sim_prng();
    mr_log_record records[BATCH_MAX];
    mr_log_ack ack = {0};
    if (world.op_count >= world.ops_wanted) {
        return true;
    }
    uint32_t number = world.op_count++;
    struct op *op = &world.ops[number];
    size_t body_max = mri_prng_below(prng, world.is_long ? 8 : 4) == 0 ? BODY_MAX : 300;
    *op = (struct op){.count = 1 + (uint32_t)mri_prng_below(prng, BATCH_MAX)};
    for (uint32_t i = 0; i < op->count; i++) {
        uint8_t *place = life->bytes[i];
        const struct body body = {number, i, op->count,
            (uint32_t)(sizeof(body) + mri_prng_below(prng, body_max - sizeof(body)))};
        fill(place, &body);
        records[i] = (mr_log_record){
            .body = place, .body_bytes = body.bytes, .type = MR_LOG_TYPE_FREE, .version = 1};
    }
    mr_durability durability = (mr_durability)mri_prng_below(prng, 3);
    uint64_t expected = mr_log_last(life->log).n;
    bool is_after = mri_prng_below(prng, 4) == 0;
    mr_err err = is_after ? mr_log_append_after(
                                life->log, records, op->count, (mr_seq){expected}, durability, &ack)
                          : mr_log_append(life->log, records, op->count, durability, &ack);
    switch (err) {
    case MR_OK:
        if (ack.last.n != ack.first.n + op->count - 1 ||
            (is_after && ack.first.n != expected + 1)) {
            WRONG("op %u: seqs %llu to %llu behind %llu", number, (unsigned long long)ack.first.n,
                (unsigned long long)ack.last.n, (unsigned long long)expected);
        }
        op->first = ack.first.n;
        op->memory = memory_of(life);
        op->acked_ns = sim_now_ns();
        op->fate = ack.is_durable ? FATE_DURABLE : FATE_APPENDED;
        return true;
    case MR_CONFLICT:
    case MR_ENOSPC:
        op->fate = FATE_REFUSED;
        if (err == MR_CONFLICT && !is_after) {
            WRONG("op %u: a conflict with nothing", number);
        }
        return true;
    case MR_EPOISONED:
        op->fate = FATE_REFUSED;
        note_poison();
        return false;
    case MR_EUNKNOWN:
        note_poison();
        return false;
    default:
        if (!world.is_write_lost) {
            WRONG("op %u: append: %s", number, mr_err_text(err));
        }
        return false;
    }
}

static bool sync_log(struct life *life)
{
    uint32_t before = world.op_count;
    struct op *ops = malloc(sizeof(*ops) * (before + 1));
    assert_non_null(ops);
    memcpy(ops, world.ops, sizeof(*ops) * before);
    mr_err err = mr_log_sync(life->log);
    for (uint32_t i = 0; err == MR_OK && i < before; i++) {
        if (ops[i].fate == FATE_APPENDED && world.ops[i].fate == FATE_APPENDED &&
            world.ops[i].memory == memory_of(life)) {
            world.ops[i].fate = FATE_DURABLE;
        }
    }
    free(ops);
    if (err != MR_OK && err != MR_EPOISONED && err != MR_EUNKNOWN) {
        WRONG("sync: %s", mr_err_text(err));
    }
    if (err != MR_OK) {
        note_poison();
    }
    return err == MR_OK;
}

/** Where a read begins: anywhere, but in long runs mostly near the end, as reading the
 * whole log again and again would be most of the work. */
static uint64_t draw_start(struct mri_prng *prng, uint64_t last)
{
    uint64_t start = 1 + mri_prng_below(prng, last);
    bool is_near = world.is_long && last > NEAR_EVENTS && mri_prng_below(prng, 8) != 0;
    return is_near ? last - start % NEAR_EVENTS : start;
}

/** Read some of the log, from somewhere to its end. */
static void read_some(struct life *life)
{
    struct mri_prng *prng = sim_prng();
    const mr_log_read_options how = {
        .is_durable = mri_prng_below(prng, 2) == 0, .is_copying = mri_prng_below(prng, 2) == 0};
    mr_log_reader *reader = NULL;
    mr_problem problem = {""};
    mr_log_event event;
    struct body body = {0};
    uint64_t expected = 0;
    uint32_t left = 0;
    mr_err err = mri_reader_open_with(
        sim_os(life->process), sim_alloc(life->process), "/log", &how, &reader, &problem);
    uint64_t last = mr_log_last(life->log).n;
    if (err == MR_OK && last > 0) {
        err = mr_log_reader_seek(reader, (mr_seq){draw_start(prng, last)}, &problem);
        err = err == MR_NOT_FOUND ? MR_END : err; /* not durable, or not to be seen, yet */
    }
    while (err == MR_OK && (err = mr_log_reader_next(reader, &event, &problem)) == MR_OK) {
        bool is_own = event.type < MR_LOG_TYPE_FREE;
        if (expected != 0 && event.seq.n != expected) {
            WRONG("a reader got %llu instead of %llu", (unsigned long long)event.seq.n,
                (unsigned long long)expected);
        }
        if (!is_own && !is_right(&event, &body)) {
            WRONG("a reader got a wrong event %llu", (unsigned long long)event.seq.n);
        }
        if (!is_own && left > 0 && body.count - body.index != left) {
            WRONG("a reader got a part of a batch at %llu", (unsigned long long)event.seq.n);
        }
        left = is_own || event.is_batch_end ? 0 : body.count - body.index - 1;
        expected = event.seq.n + 1;
        if (how.is_durable && !is_own && world.ops[body.op].fate <= FATE_APPENDED &&
            event.is_batch_end) {
            world.ops[body.op].fate = FATE_DURABLE;
        }
    }
    mr_log_reader_close(reader);
    bool is_fine = err == MR_END || world.is_poisoned || world.is_write_lost;
    if (!is_fine) {
        WRONG("reading: %s: %s", mr_err_text(err), problem.text);
    }
}

/** Sleep at the end of the log: what is appended must end the sleep. */
static void follow(struct life *life)
{
    mr_log_reader *reader = NULL;
    mr_log_event event = {.seq = {0}};
    uint64_t kills = world.kills;
    mr_err err =
        mri_reader_open(sim_os(life->process), sim_alloc(life->process), "/log", &reader, NULL);
    if (err == MR_OK && (err = mr_log_reader_seek_end(reader, NULL)) == MR_OK) {
        err = mr_log_reader_previous(reader, &event, NULL);
    }
    for (int i = 0; i < 6 && err == MR_OK; i++) {
        uint64_t seen = event.seq.n;
        while ((err = mr_log_reader_next(reader, &event, NULL)) == MR_OK) {
            seen = event.seq.n;
        }
        event.seq.n = seen;
        err = err == MR_END ? mr_log_reader_wait(reader, 3000) : err;
        err = err == MR_AGAIN ? MR_OK : err;
        bool is_calm = kills == world.kills && !world.is_poisoned && !world.is_write_lost;
        for (uint32_t op = 0; op < world.op_count && is_calm && err == MR_OK; op++) {
            bool is_acked = world.ops[op].fate >= FATE_APPENDED && world.ops[op].fate < FATE_LOST;
            if (is_acked && world.ops[op].first > seen &&
                world.ops[op].acked_ns + WAKE_NS < sim_now_ns()) {
                WRONG("a reader sleeps over op %u", op);
            }
        }
    }
    mr_log_reader_close(reader);
}

static mr_err open_log(struct life *life)
{
    mr_problem problem = {""};
    sim_at_gate(true);
    mr_err err = mri_log_open(
        sim_os(life->process), sim_alloc(life->process), "/log", &options, &life->log, &problem);
    sim_at_gate(false);
    world.is_refused = world.is_refused || (err == MR_ECORRUPT && world.is_write_lost);
    bool is_fine = err == MR_OK || err == MR_EPOISONED || err == MR_ENOSPC || err == MR_BUSY ||
                   err == MR_EIO || world.is_write_lost;
    if (!is_fine || (err == MR_EIO && sim_counts()->syncs_failed == 0)) {
        WRONG("open: %s: %s", mr_err_text(err), problem.text);
    }
    return err;
}

static void close_log(struct life *life)
{
    sim_at_gate(true);
    mr_log_close(life->log);
    life->log = NULL;
    sim_at_gate(false);
}

/** A helper that sleeps is woken by an append, and writes it behind. */
static void expect_written_soon(struct life *life)
{
    const struct mri_hot_tail *hot = &life->log->attachment->hot;
    uint64_t tail = mri_hot_tail_counters(hot).tail;
    uint64_t kills = world.kills;
    sim_sleep_ns(ALLOWED_NS);
    bool is_calm = kills == world.kills && !world.is_poisoned && !world.is_write_lost;
    if (is_calm && !mri_hot_tail_counters(hot).is_poisoned &&
        mri_hot_tail_counters(hot).written < tail) {
        WRONG("what was appended is not written behind in time");
    }
}

/** Append and rest, or sleep until somebody appends. */
static bool be_quiet(struct life *life)
{
    bool is_good = true;
    if (mri_prng_below(sim_prng(), 3) == 0) {
        follow(life);
    } else {
        sim_sleep_ns((int64_t)mri_prng_below(sim_prng(), UINT64_C(2000000000)));
        for (uint64_t i = 1 + mri_prng_below(sim_prng(), 4); i > 0 && is_good; i--) {
            is_good = append(life); /* the next one meets readers that are about to sleep */
        }
        if (is_good) {
            expect_written_soon(life);
            sim_sleep_ns(INT64_C(1200000000));
        }
    }
    return is_good;
}

static void live(void *argument)
{
    struct life *life = argument;
    struct mri_prng *prng = sim_prng();
    while (!world.is_ending && world.wrong == NULL) {
        if (open_log(life) != MR_OK) {
            sim_sleep_ns(INT64_C(50000000));
            continue;
        }
        bool is_good = true;
        uint64_t length = 10 + mri_prng_below(prng, 200);
        for (uint64_t i = 0; i < length && is_good && !world.is_ending; i++) {
            if (world.is_quiet) {
                is_good = be_quiet(life);
                continue;
            }
            switch (mri_prng_below(prng, 16)) {
            case 0:
                is_good = sync_log(life);
                break;
            case 1:
                read_some(life);
                break;
            case 2:
                sim_sleep_ns((int64_t)mri_prng_below(prng, 20000000));
                break;
            case 4:
                if (mri_prng_below(prng, 4) == 0) {
                    follow(life);
                }
                break;
            case 3:
                if (mri_prng_below(prng, 8) == 0) { /* rest until the helper has nothing to do */
                    sim_sleep_ns(INT64_C(1500000000));
                }
                break;
            default:
                is_good = append(life);
                break;
            }
        }
        close_log(life);
    }
}

/* ---- the look -------------------------------------------------------------------------------- */

static bool is_asked_for(const struct op *op)
{
    return op->fate == FATE_DURABLE ||
           (op->fate == FATE_APPENDED && !world.is_cut && !world.is_poisoned);
}

/** Compare the whole log with the model, and take over what is there as durable. */
static void compare(mr_log_reader *reader)
{
    mr_log_event event;
    mr_problem problem = {""};
    uint64_t expected = 1;
    mr_err err;
    for (uint32_t i = 0; i < world.op_count; i++) {
        world.ops[i].found = 0;
    }
    while ((err = mr_log_reader_next(reader, &event, &problem)) == MR_OK) {
        struct body body;
        if (event.seq.n != expected++) {
            WRONG("event %llu is missing", (unsigned long long)expected - 1);
        }
        if (event.type < MR_LOG_TYPE_FREE) {
            continue;
        }
        if (!is_right(&event, &body)) {
            WRONG("event %llu is wrong", (unsigned long long)event.seq.n);
            return;
        }
        struct op *op = &world.ops[body.op];
        if (body.index == 0 && op->found == 0) {
            op->found = event.seq.n;
        }
        if (op->found + body.index != event.seq.n ||
            event.is_batch_end != (body.index + 1 == body.count)) {
            WRONG("op %u is twice in the log, or in parts", body.op);
        }
    }
    if (err != MR_END && !world.is_write_lost) {
        WRONG("the look: %s: %s", mr_err_text(err), problem.text);
    }
    for (uint32_t i = 0; i < world.op_count && !world.is_write_lost; i++) {
        struct op *op = &world.ops[i];
        bool is_there = op->found != 0;
        if (!is_there && is_asked_for(op)) {
            WRONG("op %u of event %llu is lost (fate %d, cut %d, poisoned %d)", i,
                (unsigned long long)op->first, (int)op->fate, world.is_cut, world.is_poisoned);
        }
        if (is_there && (op->fate == FATE_REFUSED || op->fate == FATE_LOST)) {
            WRONG("op %u is in the log, and should not be", i);
        }
        if (is_there && op->first != 0 && op->found != op->first) {
            WRONG("op %u is at another place", i);
        }
        op->first = op->found;
        op->fate = is_there ? FATE_DURABLE : op->fate == FATE_REFUSED ? op->fate : FATE_LOST;
    }
}

/** Everybody is gone: open, and look. */
static void look(void *argument)
{
    struct life *life = argument;
    mr_log_reader *reader = NULL;
    mr_problem problem = {""};
    mr_err err = open_log(life);
    if (err == MR_OK) {
        err = mri_reader_open(
            sim_os(life->process), sim_alloc(life->process), "/log", &reader, &problem);
        if (err == MR_OK) {
            compare(reader);
        }
        mr_log_reader_close(reader);
        close_log(life);
    }
    if (err != MR_OK && !world.is_write_lost) {
        WRONG("the look: %s: %s", mr_err_text(err), problem.text);
    }
}

/* ---- the director ---------------------------------------------------------------------------- */

static struct life *begin_life(void (*run)(void *argument))
{
    struct life *life = calloc(1, sizeof(*life));
    assert_non_null(life);
    life->process = sim_start(run, life);
    life->next = world.lives;
    world.lives = life;
    return life;
}

static void kill_all(void)
{
    for (int i = 0; i < PLACES; i++) {
        if (world.places[i] != NULL) {
            sim_kill(world.places[i]->process);
            world.places[i] = NULL;
        }
    }
}

/** Nobody is in any more, one way or the other: what does the log hold? */
static void look_now(void)
{
    struct sim_faults before = *sim_faults();
    *sim_faults() = (struct sim_faults){0};
    if (sim_counts()->syncs_failed > world.syncs_failed) { /* of a helper, perhaps */
        world.is_poisoned = true;
    }
    world.syncs_failed = sim_counts()->syncs_failed;
    struct life *life = begin_life(look);
    while (sim_is_running(life->process) && world.wrong == NULL) {
        if (!sim_step()) {
            WRONG("the look hangs");
        }
    }
    sim_kill(life->process);
    *sim_faults() = before;
    world.is_cut = false;
    world.is_poisoned = false;
}

static void let_go(void)
{
    uint64_t steps = 0;
    world.is_ending = true;
    for (int i = 0; i < PLACES && world.wrong == NULL; i++) {
        while (world.places[i] != NULL && sim_is_running(world.places[i]->process) &&
               world.wrong == NULL) {
            if (!sim_step() || ++steps > 5000000) {
                WRONG("the end hangs");
            }
        }
    }
    kill_all();
    world.is_ending = false;
}

static void end_somehow(void)
{
    struct mri_prng *prng = sim_prng();
    switch (mri_prng_below(prng, 4)) {
    case 0: /* the power goes */
        kill_all();
        mri_os_memory_cut_power(sim_memory(), prng);
        world.is_cut = true;
        world.cuts++;
        break;
    case 1: /* all are killed */
        kill_all();
        world.kills++;
        break;
    case 2: /* all are killed, and then the power goes */
        kill_all();
        if (mri_prng_below(prng, 2) == 0) {
            mri_os_memory_cut_power(sim_memory(), prng);
            world.is_cut = true;
            world.cuts++;
        } else { /* a new one opens it and is killed at that */
            world.places[0] = begin_life(live);
            for (uint64_t i = mri_prng_below(prng, 300); i > 0 && world.wrong == NULL; i--) {
                (void)sim_step();
            }
            kill_all();
        }
        break;
    default:
        let_go();
        break;
    }
    look_now();
}

/** Take a log that was killed in its process off the list of open ones. */
static void bury(struct life *life)
{
    if (life->log != NULL) {
        struct mri_attachment *attachment = life->log->attachment;
        attachment->fork_count--;          /* as in a child */
        attachment->sealing.reader = NULL; /* it is freed with the process */
        attachment->presence.fd = -1;
        for (unsigned i = 0; i < MRI_HOT_FILES_KEPT; i++) {
            attachment->hot.files[i].fd = -1;
        }
        attachment->hot.sync_file.fd = -1;
        mr_log_close(life->log);
    }
    free(life);
}

static void set_faults(struct mri_prng *prng)
{
    *sim_faults() = (struct sim_faults){
        .sync_fails = mri_prng_below(prng, 3) == 0 ? 200 : 0,
        .disk_full = mri_prng_below(prng, 3) == 0 ? 8000 : 0,
        .clock_steps = mri_prng_below(prng, 3) == 0 ? 1000 : 0,
        .write_lost = mri_prng_below(prng, 16) == 0 ? 60 : 0,
    };
    mri_os_memory_set_garbage(sim_memory(), mri_prng_below(prng, 2) == 0);
}

static void run_seed(uint64_t seed)
{
    world.seed = seed;
    world.op_count = 0;
    world.syncs_failed = 0;
    world.wrong = NULL;
    world.lives = NULL;
    world.is_refused = world.is_ending = world.is_write_lost = world.is_poisoned = world.is_cut =
        false;
    sim_begin(seed, FILE_BYTES);
    struct mri_prng *prng = sim_prng();
    set_faults(prng);
    world.is_write_lost = sim_faults()->write_lost > 0;
    world.is_quiet = mri_prng_below(prng, 4) == 0;
    uint64_t idle = 0;
    while (world.op_count < world.ops_wanted && world.wrong == NULL && !world.is_refused &&
           idle < 2000000) {
        size_t i = mri_prng_below(prng, PLACES);
        uint32_t before = world.op_count;
        if (world.places[i] == NULL || !sim_is_running(world.places[i]->process)) {
            world.places[i] = begin_life(live);
        }
        (void)sim_step();
        uint64_t dice = mri_prng_below(prng, world.is_quiet ? 400000 : 20000);
        if (dice < 4) {
            sim_kill(world.places[i]->process);
            world.places[i] = NULL;
            world.kills++;
        } else if (dice == 4) {
            end_somehow();
        }
        idle = world.op_count == before ? idle + 1 : 0;
    }
    if (idle >= 2000000) {
        WRONG("nothing goes on");
    }
    if (world.wrong == NULL) {
        end_somehow();
    }
    kill_all();
    while (world.lives != NULL) {
        struct life *life = world.lives;
        world.lives = life->next;
        sim_kill(life->process);
        bury(life);
    }
    world.steps += sim_counts()->steps;
    sim_end();
    if (world.wrong != NULL) {
        fail_msg("seed %llu, %u ops%s: %s", (unsigned long long)seed, world.ops_wanted,
            world.is_long ? " long" : "", world.wrong);
    }
}

/** Seeds that failed once: a line each, the seed, the number of ops, and "long" if it was a long
 * run.  */
static void seeds_that_failed_once_do_not_fail_again(void **fixture)
{
    (void)fixture;
    const char *path = getenv("MILLRACE_SIM_OLD_SEEDS");
    FILE *file = path == NULL ? NULL : fopen(path, "r");
    char line[128];
    unsigned count = 0;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char *end;
        uint64_t seed = strtoull(line, &end, 10);
        if (line[0] != '#' && end != line) {
            world.ops_wanted = (uint32_t)strtoul(end, &end, 10);
            world.is_long = strncmp(end, " long", 5) == 0;
            run_seed(seed);
            count++;
        }
    }
    if (file != NULL) {
        assert_int_equal(fclose(file), 0);
    }
    print_message("%u old seeds\n", count);
}

static void whatever_happens_the_log_keeps_its_promises(void **fixture)
{
    (void)fixture;
    uint64_t only = mri_environment_number("MILLRACE_SIM_SEED", 0);
    uint64_t count = only != 0 ? 1 : mri_environment_number("MILLRACE_SIM_SEEDS", SEEDS);
    uint64_t first = only != 0 ? only : mri_environment_number("MILLRACE_SEED", 1);
    world.ops_wanted = (uint32_t)mri_environment_number("MILLRACE_SIM_OPS", OPS);
    world.is_long = world.ops_wanted >= LONG_OPS;
    for (uint64_t seed = first; seed < first + count; seed++) {
        run_seed(seed);
    }
    print_message("%llu seeds of %u ops: %llu kills, %llu power cuts, %llu steps\n",
        (unsigned long long)count, world.ops_wanted, (unsigned long long)world.kills,
        (unsigned long long)world.cuts, (unsigned long long)world.steps);
}

/** The simulated processes share this one's list of open logs: learn where its gate is. */
static int begin(void **state)
{
    (void)state;
    mr_log *log = NULL;
    struct mri_os_memory *memory = mri_os_memory_new(FILE_BYTES);
    world.ops = calloc(OPS_MAX, sizeof(*world.ops));
    mr_err err =
        mri_log_open(mri_os_memory_table(memory), mri_alloc_system(), "/log", &options, &log, NULL);
    mr_log_close(log);
    mri_os_memory_free(memory);
    return err == MR_OK && world.ops != NULL ? 0 : 1;
}

static int end(void **state)
{
    (void)state;
    sim_free();
    free(world.ops);
    return 0;
}

int main(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 30); /* what is freed is taken again soon */
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_that_failed_once_do_not_fail_again),
        cmocka_unit_test(whatever_happens_the_log_keeps_its_promises),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
