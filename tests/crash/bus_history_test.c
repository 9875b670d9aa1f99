/* SPDX-License-Identifier: MIT */
/*
 * Histories of processes that emit, move, claim and look at the same few signals, some of them
 * killed with kill -9: each history is checked against the log it left, by a checker that knows
 * nothing of the bus. An answer that was true at no moment between its call and its answer is
 * found, also when it goes back behind what somebody was told before.
 *
 * usage: bus_history_test      SEED=n repeats a run; HISTORIES=n, OPS=n of each, KILLS=n in each
 *
 * The objects are the signals, each a row of versions (its events in the log), and the counter of
 * signals (object 0), whose version is the highest ordinal.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/prng.h"
#include "bus/lifecycle.h"
#include "tests/crash/signal_history.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/environment.h"
#include "tests/lib/shared_sample.h"
#include "tests/lib/temp_folder.h"

enum {
    PROCESSES = 8,
    HISTORIES = 4,
    OPS = 4000,
    KILLS = 6,
    BATCH_MAX = 3,
    CLAIMS_MAX = 4, /* of a process */
    NEAR = 8,       /* so many of the newest signals are asked about */
    TAG_BYTES = 16,
    SEEN_EACH = BATCH_MAX + 1, /* objects that an operation is about */
};

#define HOUR_NS ((int64_t)3600 * 1000000000)

enum kind { NONE = 0, EMIT, GET, MOVE, CLAIM, RELEASE };

/** What was asked, and what was answered. */
struct op {
    uint64_t called;
    uint64_t answered; /* 0: never */
    uint64_t seq;      /* a look's newest event; a claim's; of a conflict: who was first */
    uint64_t moved;    /* a look's newest move */
    int32_t err;
    uint32_t ordinal; /* an emission's first */
    uint32_t count;   /* of an emission */
    uint8_t kind;
    uint8_t from;
    uint8_t to;
    uint8_t found; /* of a look or a conflict */
};

static struct board {
    _Atomic uint64_t moment;
    _Atomic uint32_t op_count;
    _Atomic uint32_t rest_count; /* of those that come when it is over */
    _Atomic uint32_t newest;     /* a signal that there is */
} * board;

/** An event of a signal. */
struct version {
    uint64_t seq;
    uint64_t moved_seq; /* the newest move, as of this version */
    uint64_t claim_seq; /* the claim in force; 0: none */
    uint32_t ordinal;
    uint32_t number; /* from 1 */
    uint32_t next;   /* of the same signal, + 1 */
    uint32_t maker;  /* operation + 1; 0: nobody of ours */
    uint8_t state;
};

static struct op *ops; /* op_limit, and room for what comes when it is over */
static uint32_t op_limit;
static uint32_t op_room;
static struct version *versions;
static uint32_t version_count;
static uint32_t *newest_version; /* by ordinal: index + 1 */
static uint32_t *version_at;     /* by seq: index + 1 */
static uint32_t *made;           /* by operation: how many events are its */
static uint32_t *first_made;     /* by operation: the signal of the first of them */
static struct mri_seen *seen;
static size_t seen_count;
static struct mri_signal_history_room room;
static uint64_t seq_room;
static uint64_t totals[RELEASE + 1];
static uint64_t conflicts;
static uint64_t unanswered;
static char parent[MRI_TEMP_FOLDER_BYTES];
static char log_folder[MRI_TEMP_FOLDER_BYTES + 24];
static char symbol[MRI_SHARED_SAMPLE_SYMBOL_BYTES];
static uint64_t seed;

static void *zeros(size_t count, size_t bytes)
{
    void *block = calloc(count, bytes);
    assert_non_null(block);
    return block;
}

static int set_up(void **fixture)
{
    (void)fixture;
    op_limit = (uint32_t)mri_environment_number("OPS", OPS);
    op_room = op_limit + PROCESSES * CLAIMS_MAX;
    seq_room = (uint64_t)BATCH_MAX * op_room * 2 + 4096;
    seed = mri_environment_number("SEED", (uint64_t)time(NULL));
    (void)mri_temp_folder_make(parent);
    board = mri_shared_sample_memory(sizeof(*board));
    ops = mri_shared_sample_memory(op_room * sizeof(*ops));
    versions = zeros(seq_room, sizeof(*versions));
    newest_version = zeros(seq_room, sizeof(*newest_version));
    version_at = zeros(seq_room, sizeof(*version_at));
    made = zeros(op_room, sizeof(*made));
    first_made = zeros(op_room, sizeof(*first_made));
    seen = zeros((size_t)op_room * SEEN_EACH, sizeof(*seen));
    room.moment_max = 2 * (uint64_t)op_room;
    room.object_max = (uint32_t)seq_room;
    room.called = zeros(room.moment_max + 1, sizeof(*room.called));
    room.answered = zeros(room.moment_max + 1, sizeof(*room.answered));
    room.next_called = zeros((size_t)op_room * SEEN_EACH, sizeof(*room.next_called));
    room.next_answered = zeros((size_t)op_room * SEEN_EACH, sizeof(*room.next_answered));
    room.put = zeros((size_t)op_room * SEEN_EACH, sizeof(*room.put));
    room.floor = zeros(room.object_max, sizeof(*room.floor));
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    void *const blocks[] = {versions, newest_version, version_at, made, first_made, seen,
        room.called, room.answered, room.next_called, room.next_answered, room.put, room.floor};
    for (size_t i = 0; i < MRI_COUNT_OF(blocks); i++) {
        free(blocks[i]);
    }
    (void)munmap(ops, op_room * sizeof(*ops));
    (void)munmap(board, sizeof(*board));
    mri_temp_folder_remove(parent);
    return 0;
}

/* ---- asking ---------------------------------------------------------------------------------- */

/** A process that asks. */
struct asker {
    mr_bus *bus;
    struct mri_prng prng;
    mr_claim claims[CLAIMS_MAX];
    mr_state states[CLAIMS_MAX]; /* of those signals */
    uint32_t claim_count;
    mr_state *known; /* by ordinal, as it was told last */
};

static uint64_t moment(void)
{
    return atomic_fetch_add(&board->moment, 1) + 1;
}

/** Tags are what an event of the log is known by. */
static void tag_of(const struct op *op, char ret_tag[TAG_BYTES])
{
    (void)snprintf(ret_tag, TAG_BYTES, "%u", (unsigned)(op - ops));
}

static void answer(struct op *op, mr_err err, const mr_move_conflict *conflict)
{
    op->err = err;
    if (err == MR_CONFLICT) {
        op->seq = conflict->winner.n;
        op->found = (uint8_t)conflict->found;
    }
    op->answered = moment();
}

static void emit(struct asker *asker, struct op *op)
{
    char tag[TAG_BYTES];
    mr_emission emissions[BATCH_MAX];
    mr_emitted emitted[BATCH_MAX];
    mr_problem problem = {""};
    tag_of(op, tag);
    op->count = 1 + (uint32_t)mri_prng_below(&asker->prng, BATCH_MAX);
    for (uint32_t i = 0; i < op->count; i++) {
        emissions[i] = (mr_emission){.symbol = symbol,
            .source = "asker",
            .side = MR_LONG,
            .confidence = 0.5,
            .external_id = tag};
    }
    op->called = moment();
    mr_err err = mr_bus_emit(asker->bus, emissions, op->count, MR_ASYNC, emitted, &problem);
    mri_shared_sample_expect(err, &problem, "emit");
    op->ordinal = emitted[0].ordinal.n;
    answer(op, err, NULL);
    uint32_t last = emitted[op->count - 1].ordinal.n;
    uint32_t newest = atomic_load(&board->newest);
    while (newest < last && !atomic_compare_exchange_weak(&board->newest, &newest, last)) {
    }
}

static void get(struct asker *asker, struct op *op)
{
    mr_signal signal = {0};
    op->ordinal += (uint32_t)mri_prng_below(&asker->prng, 2); /* one that may not be there yet */
    op->called = moment();
    mr_err err = mr_bus_get(asker->bus, (mr_ordinal){op->ordinal}, &signal);
    if (err != MR_OK && err != MR_NOT_FOUND) {
        _exit(5);
    }
    op->seq = signal.last.n;
    op->moved = signal.moved.n;
    op->found = (uint8_t)signal.state;
    answer(op, err, NULL);
    asker->known[op->ordinal] = signal.state;
}

/** A state that the lifecycle allows. */
static mr_state successor(struct mri_prng *prng, mr_state from)
{
    mr_state to;
    do {
        to = (mr_state)mri_prng_below(prng, MR_STATE_COUNT);
    } while (!mri_lifecycle_allows(from, to));
    return to;
}

static uint32_t own_claim(const struct asker *asker, uint32_t ordinal)
{
    uint32_t i = 0;
    while (i < asker->claim_count && asker->claims[i].ordinal.n != ordinal) {
        i++;
    }
    return i;
}

static void forget_claim(struct asker *asker, uint32_t index)
{
    asker->claim_count--;
    asker->claims[index] = asker->claims[asker->claim_count];
    asker->states[index] = asker->states[asker->claim_count];
}

static void move(struct asker *asker, struct op *op)
{
    char tag[TAG_BYTES];
    char data[TAG_BYTES + 8];
    mr_move_conflict conflict = {0};
    mr_problem problem = {""};
    uint32_t own = own_claim(asker, op->ordinal);
    bool is_own = own < asker->claim_count;
    mr_state known = is_own ? asker->states[own] : asker->known[op->ordinal];
    mr_state from = known == MR_LEARNED ? MR_BLOCKED : known;
    mr_state to = successor(&asker->prng, from);
    bool is_gated = to == MR_BLOCKED || to == MR_EXPIRED;
    tag_of(op, tag);
    (void)snprintf(data, sizeof(data), "{\"n\":%s}", tag);
    const mr_move move = {.ordinal = {op->ordinal},
        .from = from,
        .to = to,
        .gate = is_gated ? "external" : NULL,
        .reason = "external",
        .data = data};
    op->from = (uint8_t)from;
    op->to = (uint8_t)to;
    op->called = moment();
    mr_err err = is_own ? mr_claim_move(
                              asker->bus, &asker->claims[own], &move, MR_ASYNC, &conflict, &problem)
                        : mr_bus_move(asker->bus, &move, 1, MR_ASYNC, &conflict, &problem);
    bool may_lose = err == MR_CONFLICT && !is_own; /* else nobody but us moves it */
    mri_shared_sample_expect(may_lose ? MR_OK : err, &problem, "move");
    answer(op, err, &conflict);
    asker->known[op->ordinal] = err == MR_OK ? to : conflict.found;
    if (is_own) {
        asker->states[own] = to;
        if (mri_lifecycle_is_over(to)) {
            forget_claim(asker, own);
        }
    }
}

static void claim(struct asker *asker, struct op *op)
{
    char tag[TAG_BYTES];
    mr_move_conflict conflict = {0};
    mr_problem problem = {""};
    mr_claim *place = &asker->claims[asker->claim_count];
    mr_state known = asker->known[op->ordinal];
    bool is_open = known == MR_EVALUATING || known == MR_APPROVED || known == MR_EXECUTING;
    op->from = is_open ? (uint8_t)known : MR_GENERATED;
    tag_of(op, tag);
    const mr_claim_options options = {.from = (mr_state)op->from,
        .next = successor(&asker->prng, (mr_state)op->from),
        .owner = tag,
        .lease_ns = HOUR_NS,
        .ordinal = {op->ordinal}};
    op->called = moment();
    mr_err err = mr_bus_claim(asker->bus, &options, MR_ASYNC, place, &conflict, &problem);
    mri_shared_sample_expect(err == MR_CONFLICT ? MR_OK : err, &problem, "claim");
    if (err == MR_OK) {
        op->seq = place->seq.n;
        asker->states[asker->claim_count] = (mr_state)op->from;
        asker->claim_count++;
    }
    answer(op, err, &conflict);
    asker->known[op->ordinal] = err == MR_OK ? (mr_state)op->from : conflict.found;
}

static void release(struct asker *asker, struct op *op)
{
    mr_problem problem = {""};
    uint32_t own = (uint32_t)mri_prng_below(&asker->prng, asker->claim_count);
    op->kind = RELEASE;
    op->ordinal = asker->claims[own].ordinal.n;
    op->seq = asker->claims[own].seq.n;
    op->called = moment();
    mr_err err = mr_claim_release(asker->bus, &asker->claims[own], MR_ASYNC, &problem);
    mri_shared_sample_expect(err, &problem, "release");
    answer(op, err, NULL);
    forget_claim(asker, own);
}

/** One operation, on one of the newest signals. */
static void ask(struct asker *asker, struct op *op)
{
    uint32_t newest = atomic_load(&board->newest);
    uint64_t dice = mri_prng_below(&asker->prng, 20);
    if (newest == 0 || dice == 0) {
        op->kind = EMIT;
        emit(asker, op);
        return;
    }
    uint32_t back = (uint32_t)mri_prng_below(&asker->prng, NEAR);
    op->ordinal = newest - (back < newest ? back : 0);
    bool is_own = own_claim(asker, op->ordinal) < asker->claim_count;
    if (dice < 8) {
        op->kind = GET;
        get(asker, op);
    } else if (dice < 17) {
        op->kind = MOVE;
        move(asker, op);
    } else if (asker->claim_count > 0 &&
               (is_own || asker->claim_count == CLAIMS_MAX || dice == 17)) {
        release(asker, op);
    } else {
        op->kind = CLAIM;
        claim(asker, op);
    }
}

static void go(unsigned process, uint64_t own_seed)
{
    struct asker asker = {.bus = mri_shared_sample_open(log_folder)};
    (void)process;
    mri_prng_init(&asker.prng, own_seed);
    asker.known = calloc(seq_room, sizeof(*asker.known));
    if (asker.known == NULL) {
        _exit(6);
    }
    for (;;) {
        uint32_t index = atomic_fetch_add(&board->op_count, 1);
        if (index >= op_limit) {
            break;
        }
        ask(&asker, &ops[index]);
    }
    while (asker.claim_count > 0) {
        release(&asker, &ops[op_limit + atomic_fetch_add(&board->rest_count, 1)]);
    }
    free(asker.known);
    mr_bus_close(asker.bus);
}

/* ---- the log --------------------------------------------------------------------------------- */

static uint32_t number_of(struct mri_slice tag)
{
    char text[TAG_BYTES] = "";
    assert_true(tag.count > 0 && tag.count < sizeof(text));
    memcpy(text, tag.bytes, tag.count);
    uint32_t number = (uint32_t)strtoul(text, NULL, 10);
    assert_true(number < op_room);
    return number;
}

/** Who gave a claim back; 0: nobody of ours, its owner was killed. */
static uint32_t find_releaser(uint64_t claim_seq)
{
    for (uint32_t i = 0; i < op_room; i++) {
        if (ops[i].kind == RELEASE && ops[i].seq == claim_seq) {
            return i + 1;
        }
    }
    return 0;
}

/** What the event makes of its signal, and whose it is. */
static void read_version(const struct mri_event *event, struct version *version)
{
    if (event->type == MRI_EVENT_SIGNAL_GENERATED) {
        version->state = MR_GENERATED;
        version->moved_seq = event->seq;
        version->maker =
            1 + number_of(mri_event_text(event, MRI_TEXT_signal_generated_external_id));
        return;
    }
    if (event->type == MRI_EVENT_SIGNAL_MOVED) {
        const struct mri_signal_moved *body = event->body;
        struct mri_slice data = mri_event_text(event, MRI_TEXT_signal_moved_data);
        assert_true(data.count > 6); /* {"n":...} */
        version->maker = 1 + number_of((struct mri_slice){data.bytes + 5, data.count - 6});
        const struct op *op = &ops[version->maker - 1];
        assert_true(op->kind == MOVE && op->from == body->from && op->to == body->to);
        assert_int_equal(body->from, version->state);
        version->state = body->to;
        version->moved_seq = event->seq;
        version->claim_seq = mri_lifecycle_is_over((mr_state)body->to) ? 0 : version->claim_seq;
        return;
    }
    const struct mri_signal_claimed *body = event->body;
    if (body->act == MRI_CLAIM_TAKEN) {
        version->maker = 1 + number_of(mri_event_text(event, MRI_TEXT_signal_claimed_owner));
        const struct op *op = &ops[version->maker - 1];
        assert_true(op->kind == CLAIM && op->from == version->state && version->claim_seq == 0);
        assert_true(op->answered == 0 || op->seq == event->seq);
        version->claim_seq = event->seq;
        return;
    }
    assert_int_equal(mri_ref_seq(body->claim, event->seq), version->claim_seq);
    version->maker = body->act == MRI_CLAIM_RELEASED ? find_releaser(version->claim_seq) : 0;
    version->claim_seq = 0;
}

static void take_event(const struct mri_event *event)
{
    assert_true(event->seq < seq_room && event->ordinal < seq_room && version_count < seq_room);
    uint32_t before = newest_version[event->ordinal];
    struct version version = before == 0 ? (struct version){0} : versions[before - 1];
    version.seq = event->seq;
    version.ordinal = event->ordinal;
    version.number++;
    version.next = 0;
    read_version(event, &version);
    versions[version_count++] = version;
    if (before != 0) {
        versions[before - 1].next = version_count;
    }
    newest_version[event->ordinal] = version_count;
    version_at[event->seq] = version_count;
    if (version.maker != 0) {
        const struct op *op = &ops[version.maker - 1];
        assert_true(op->kind == EMIT || op->ordinal == event->ordinal);
        if (made[version.maker - 1]++ == 0) {
            first_made[version.maker - 1] = event->ordinal;
        }
        assert_true(op->kind != EMIT ||
                    event->ordinal == first_made[version.maker - 1] + made[version.maker - 1] - 1);
    }
}

static void read_log(void)
{
    mr_log_reader *reader;
    mr_log_event record;
    mr_problem problem = {""};
    version_count = 0;
    memset(newest_version, 0, seq_room * sizeof(*newest_version));
    memset(version_at, 0, seq_room * sizeof(*version_at));
    memset(made, 0, op_room * sizeof(*made));
    assert_int_equal(mr_log_reader_open(log_folder, &reader, &problem), MR_OK);
    mr_err err = mr_log_reader_next(reader, &record, &problem);
    for (; err == MR_OK; err = mr_log_reader_next(reader, &record, &problem)) {
        struct mri_event event;
        bool is_ours = record.type == MRI_EVENT_SIGNAL_GENERATED ||
                       record.type == MRI_EVENT_SIGNAL_MOVED ||
                       record.type == MRI_EVENT_SIGNAL_CLAIMED;
        if (is_ours) {
            assert_int_equal(mri_event_decode(&record, &event), MR_OK);
            take_event(&event);
        }
    }
    assert_int_equal(err, MR_END);
    mr_log_reader_close(reader);
}

/* ---- what was seen --------------------------------------------------------------------------- */

static void note(const struct op *op, uint32_t object, uint32_t low, uint32_t high, bool is_made)
{
    assert_true(seen_count < (size_t)op_room * SEEN_EACH);
    seen[seen_count++] = (struct mri_seen){.object = object,
        .low = low,
        .high = high,
        .is_made = is_made,
        .called = op->called,
        .answered = op->answered};
}

static const struct version *version_of(uint64_t seq, uint32_t ordinal)
{
    assert_true(seq > 0 && seq < seq_room && version_at[seq] != 0);
    const struct version *version = &versions[version_at[seq] - 1];
    assert_int_equal(version->ordinal, ordinal);
    return version;
}

static const struct version *next_of(const struct version *version)
{
    return version->next == 0 ? NULL : &versions[version->next - 1];
}

/** A conflict names a move, or a claim in force, and the state that goes with it. */
static void note_conflict(const struct op *op)
{
    const struct version *first = version_of(op->seq, op->ordinal);
    bool is_claim = first->claim_seq == op->seq;
    while (first->state != op->found) { /* who has the claim may have moved it on */
        first = next_of(first);
        assert_non_null(first);
        assert_true(is_claim && first->claim_seq == op->seq);
    }
    assert_true(is_claim || (first->moved_seq == op->seq && op->found != op->from));
    const struct version *last = first;
    for (const struct version *next = next_of(last);
         next != NULL && (is_claim ? next->claim_seq == op->seq && next->state == op->found
                                   : next->moved_seq == op->seq);
         next = next_of(next)) {
        last = next;
    }
    note(op, op->ordinal, first->number, last->number, false);
    conflicts++;
}

/** All events of an operation are there, or none. */
static void check_made(uint32_t index)
{
    const struct op *op = &ops[index];
    bool is_making = op->kind != GET;
    uint32_t expected = op->kind == EMIT ? op->count : 1;
    if (op->answered == 0) {
        assert_true(made[index] == 0 || made[index] == expected);
    } else {
        assert_int_equal(made[index], is_making && op->err == MR_OK ? expected : 0);
    }
}

/** An emission raises the counter by its signals, which follow one another. */
static void note_emission(uint32_t index)
{
    const struct op *op = &ops[index];
    uint32_t first = first_made[index];
    if (made[index] > 0) {
        assert_true(op->answered == 0 || op->ordinal == first);
        note(op, 0, first, first + op->count - 1, true);
    }
}

static void note_all(void)
{
    seen_count = 0;
    for (uint32_t i = 0; i < version_count; i++) {
        if (versions[i].maker != 0) {
            note(&ops[versions[i].maker - 1], versions[i].ordinal, versions[i].number,
                versions[i].number, true);
        }
    }
    for (uint32_t i = 0; i < op_room; i++) {
        const struct op *op = &ops[i];
        if (op->kind == NONE || op->called == 0) {
            continue;
        }
        totals[op->kind]++;
        unanswered += op->answered == 0;
        check_made(i);
        if (op->kind == EMIT) {
            note_emission(i);
        } else if (op->answered != 0 && op->err == MR_CONFLICT) {
            note_conflict(op);
        } else if (op->kind == GET && op->answered != 0 && op->err == MR_NOT_FOUND) {
            note(op, op->ordinal, 0, 0, false);
        } else if (op->kind == GET && op->answered != 0) {
            const struct version *version = version_of(op->seq, op->ordinal);
            assert_true(version->state == op->found && version->moved_seq == op->moved);
            note(op, op->ordinal, version->number, version->number, false);
        }
    }
}

static void check_history(void)
{
    size_t place = 0;
    read_log();
    note_all();
    enum mri_signal_history_fault fault = mri_signal_history_check(seen, seen_count, &room, &place);
    if (fault != MRI_SIGNAL_HISTORY_GOOD) {
        fail_msg("the history is wrong: %s, object %u, versions %u to %u, called %llu, SEED=%llu",
            mri_signal_history_text(fault), seen[place].object, seen[place].low, seen[place].high,
            (unsigned long long)seen[place].called, (unsigned long long)seed);
    }
}

/* ---- histories ------------------------------------------------------------------------------- */

static void kill_some(struct mri_prng *prng, pid_t children[PROCESSES], uint64_t kills)
{
    for (uint64_t i = 0; i < kills; i++) {
        unsigned victim = (unsigned)mri_prng_below(prng, PROCESSES);
        int status;
        while (atomic_load(&board->op_count) < op_limit * i / kills) {
            const struct timespec pause = {.tv_nsec = 50000};
            (void)nanosleep(&pause, NULL);
        }
        const struct timespec pause = {.tv_nsec = (long)mri_prng_below(prng, 1000000)};
        (void)nanosleep(&pause, NULL);
        (void)kill(children[victim], SIGKILL);
        assert_int_equal(waitpid(children[victim], &status, 0), children[victim]);
        assert_true(WIFSIGNALED(status) || status == 0); /* it had not failed by itself */
        children[victim] = mri_shared_sample_begin(go, victim, mri_prng_next(prng));
    }
}

static void run_history(struct mri_prng *prng, uint64_t number)
{
    static struct mri_fold fold;
    pid_t children[PROCESSES];
    (void)snprintf(log_folder, sizeof(log_folder), "%s/%llu", parent, (unsigned long long)number);
    mri_shared_sample_make_log(log_folder, symbol);
    memset(ops, 0, op_room * sizeof(*ops));
    memset(board, 0, sizeof(*board));
    pid_t keeper = mri_shared_sample_begin_keeper(log_folder);
    for (unsigned i = 0; i < PROCESSES; i++) {
        children[i] = mri_shared_sample_begin(go, i, mri_prng_next(prng));
    }
    kill_some(prng, children, mri_environment_number("KILLS", KILLS));
    mri_shared_sample_end(children, PROCESSES);
    check_history();
    mr_bus *bus = mri_shared_sample_open(log_folder);
    mri_shared_sample_check(bus, log_folder, &fold);
    mri_fold_fini(&fold);
    mr_bus_close(bus);
    mri_shared_sample_end_keeper(keeper);
    mri_temp_folder_remove(log_folder);
}

static void every_answer_was_true_at_a_moment_of_its_time(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    uint64_t histories = mri_environment_number("HISTORIES", HISTORIES);
    mri_prng_init(&prng, seed);
    print_message("SEED=%llu\n", (unsigned long long)seed);
    for (uint64_t i = 0; i < histories; i++) {
        run_history(&prng, i);
    }
    assert_true(conflicts > 0 && totals[CLAIM] > 0);
    print_message("counts: histories=%llu emits=%llu gets=%llu moves=%llu claims=%llu "
                  "releases=%llu conflicts=%llu unanswered=%llu\n",
        (unsigned long long)histories, (unsigned long long)totals[EMIT],
        (unsigned long long)totals[GET], (unsigned long long)totals[MOVE],
        (unsigned long long)totals[CLAIM], (unsigned long long)totals[RELEASE],
        (unsigned long long)conflicts, (unsigned long long)unanswered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            every_answer_was_true_at_a_moment_of_its_time, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
