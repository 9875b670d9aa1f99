/* SPDX-License-Identifier: MIT */
/*
 * Processes that emit and move signals through one shared state while others follow them, some of
 * all killed with kill -9 at any moment: what was acknowledged is there once and in order, each
 * follower is given every signal in the order of the log and none again that it has acked, and the
 * state says what the log says.
 *
 * usage: shared_kill_test      SEED=n repeats a run; EMITS=n signals, KILLS=n kills spread over
 * them; KEPT=n of 1000 signals stay as they are, the others are moved through to their end: the
 * table has room for 98,304 that stay
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
#include "tests/lib/cmocka_all.h"
#include "tests/lib/environment.h"
#include "tests/lib/shared_sample.h"
#include "tests/lib/temp_folder.h"

enum {
    EMITTERS = 8,
    FOLLOWERS = 3,
    PROCESSES = EMITTERS + FOLLOWERS,
    EMITS = 20000,
    KILLS = 40,
    KEPT_OF_1000 = 25,
    BATCH_MAX = 20,
    FOLLOW_MAX = 300,      /* events that a follower takes at once */
    EVENTS_EACH = 4,       /* that a signal has at most, with what the log adds */
    EVENTS_BESIDE = 65536, /* room for what the log has without any, and for the last batches */
    WAIT_MS = 20,
    LOOK_NS = 200000,
};

/** What has become of an event, to one follower. */
enum { UNSEEN = 0, DELIVERED, ACKING, ACKED };

/** What every process sees. */
static struct board {
    _Atomic uint64_t acked[EMITTERS]; /**< newest number of each that was acknowledged */
    _Atomic uint64_t tried[EMITTERS]; /**< newest number that it has tried */
    _Atomic uint64_t emits;           /**< all that were tried */
    _Atomic uint64_t again;           /**< events that came more than once, never acked before */
    _Atomic uint64_t killed;
    _Atomic uint32_t is_emitted; /**< nothing more comes */
} * board;

static _Atomic uint8_t *seen[FOLLOWERS]; /* by seq */
static uint64_t seq_max;
static uint64_t each; /* signals that an emitter emits at least */
static uint64_t kills;
static uint64_t kept_of_1000;
static char folder[MRI_TEMP_FOLDER_BYTES];
static char log_folder[MRI_TEMP_FOLDER_BYTES + 8];
static char symbol[MRI_SHARED_SAMPLE_SYMBOL_BYTES];
static uint64_t seed;

static int set_up(void **fixture)
{
    (void)fixture;
    (void)mri_temp_folder_make(folder);
    (void)snprintf(log_folder, sizeof(log_folder), "%s/log", folder);
    each = mri_environment_number("EMITS", EMITS) / EMITTERS;
    kills = mri_environment_number("KILLS", KILLS);
    kept_of_1000 = mri_environment_number("KEPT", KEPT_OF_1000);
    seq_max = EVENTS_EACH * EMITTERS * each + EVENTS_BESIDE;
    board = mri_shared_sample_memory(sizeof(*board));
    for (unsigned i = 0; i < FOLLOWERS; i++) {
        seen[i] = mri_shared_sample_memory(seq_max + 1);
    }
    seed = mri_environment_number("SEED", (uint64_t)time(NULL));
    mri_shared_sample_make_log(log_folder, symbol);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    for (unsigned i = 0; i < FOLLOWERS; i++) {
        (void)munmap((void *)seen[i], seq_max + 1);
    }
    (void)munmap(board, sizeof(*board));
    mri_temp_folder_remove(folder);
    return 0;
}

/* ---- emitting -------------------------------------------------------------------------------- */

static void move_through(mr_bus *bus, const mr_emitted *emitted, size_t count)
{
    mr_problem problem = {""};
    mr_move moves[2 * BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        moves[2 * i] = (mr_move){.ordinal = emitted[i].ordinal,
            .from = MR_GENERATED,
            .to = MR_BLOCKED,
            .gate = "external",
            .reason = "external"};
        moves[2 * i + 1] = moves[2 * i];
        moves[2 * i + 1].from = MR_BLOCKED;
        moves[2 * i + 1].to = MR_LEARNED;
        moves[2 * i + 1].gate = NULL;
    }
    if (count > 0) {
        mri_shared_sample_expect(
            mr_bus_move(bus, moves, 2 * count, MR_ASYNC, NULL, &problem), &problem, "move");
    }
}

/** Who is killed is to be killed at work: nobody is far ahead of the kills. */
static bool is_ahead(uint64_t number)
{
    uint64_t killed = atomic_load(&board->killed);
    return killed < kills && number > each * (killed + 2) / kills;
}

/** Emit numbered signals, and move most of them on, until killed or there are enough. */
static void emit(unsigned emitter, uint64_t own_seed)
{
    struct mri_prng prng;
    char source[16];
    static char numbers[BATCH_MAX][24];
    mr_emission emissions[BATCH_MAX];
    mr_emitted emitted[BATCH_MAX];
    mr_bus *bus = mri_shared_sample_open(log_folder);
    mri_prng_init(&prng, own_seed);
    (void)snprintf(source, sizeof(source), "emitter-%u", emitter);
    for (;;) {
        mr_problem problem = {""};
        uint64_t number = atomic_load(&board->tried[emitter]);
        if (is_ahead(number)) {
            const struct timespec pause = {.tv_nsec = LOOK_NS};
            (void)nanosleep(&pause, NULL);
            continue;
        }
        if (number >= each) {
            break;
        }
        size_t count = 1 + mri_prng_below(&prng, mri_prng_below(&prng, 3) == 0 ? BATCH_MAX : 1);
        for (size_t i = 0; i < count; i++) {
            (void)snprintf(
                numbers[i], sizeof(numbers[i]), "%llu", (unsigned long long)(number + 1 + i));
            emissions[i] = (mr_emission){.symbol = symbol,
                .source = source,
                .side = MR_LONG,
                .confidence = 0.5,
                .external_id = numbers[i]};
        }
        atomic_fetch_add(&board->emits, count);
        atomic_store(&board->tried[emitter], number + count);
        mri_shared_sample_expect(
            mr_bus_emit(bus, emissions, count, MR_ASYNC, emitted, &problem), &problem, "emit");
        atomic_store(&board->acked[emitter], number + count);
        size_t moved = 0;
        for (size_t i = 0; i < count; i++) {
            emitted[moved] = emitted[i];
            moved += mri_prng_below(&prng, 1000) >= kept_of_1000;
        }
        move_through(bus, emitted, moved);
    }
    mr_bus_close(bus);
}

/* ---- following ------------------------------------------------------------------------------- */

/** An event was handed out: it is one of ours, not acked before, and behind the one before it. */
static void note_delivery(unsigned follower, const mr_bus_event *event, uint64_t *newest)
{
    unsigned long long seq = event->seq.n;
    if (seq > seq_max || strcmp(event->kind, "signal.generated") != 0) {
        (void)fprintf(stderr, "follower %u: event %llu is a %s\n", follower, seq, event->kind);
        _exit(5);
    }
    uint8_t before = atomic_load(&seen[follower][seq]);
    if (before == ACKED || seq <= *newest) {
        (void)fprintf(stderr, "follower %u: event %llu behind %llu, %s\n", follower, seq,
            (unsigned long long)*newest, before == ACKED ? "acked before" : "not acked before");
        _exit(6);
    }
    *newest = event->seq.n;
    atomic_fetch_add(&board->again, before != UNSEEN);
    atomic_store(&seen[follower][event->seq.n], DELIVERED);
}

/** Ack what was handed out, all at once. */
static void ack(
    unsigned follower, mr_subscription *subscription, const mr_bus_event *events, size_t count)
{
    mr_seq seqs[FOLLOW_MAX];
    mr_problem problem = {""};
    for (size_t i = 0; i < count; i++) {
        seqs[i] = events[i].seq;
        atomic_store(&seen[follower][seqs[i].n], ACKING);
    }
    mri_shared_sample_expect(count == 1
                                 ? mr_subscription_ack(subscription, seqs[0], &problem)
                                 : mr_subscription_ack_many(subscription, seqs, count, &problem),
        &problem, "ack");
    for (size_t i = 0; i < count; i++) {
        atomic_store(&seen[follower][seqs[i].n], ACKED);
    }
}

/** Ack every signal there is, one by one and many at once, until killed or nothing more comes. */
static void follow(unsigned follower, uint64_t own_seed)
{
    const mr_subscribe_options options = {.kind = "signal.generated", .is_from_beginning = true};
    static mr_bus_event events[FOLLOW_MAX];
    struct mri_prng prng;
    char name[16];
    uint64_t newest = 0;
    mr_problem problem = {""};
    mr_subscription *subscription = NULL;
    mr_bus *bus = mri_shared_sample_open(log_folder);
    mri_prng_init(&prng, own_seed);
    (void)snprintf(name, sizeof(name), "follower-%u", follower);
    mri_shared_sample_expect(
        mr_bus_subscribe(bus, name, &options, &subscription, &problem), &problem, "subscribe");
    for (;;) {
        size_t count = 1;
        size_t room = 1 + mri_prng_below(&prng, FOLLOW_MAX);
        bool is_single = mri_prng_below(&prng, 4) == 0;
        bool is_all_there = atomic_load(&board->is_emitted) != 0;
        mr_err err = is_single
                         ? mr_subscription_next(subscription, events, &problem)
                         : mr_subscription_next_many(subscription, events, room, &count, &problem);
        if (err == MR_END && is_all_there) {
            break;
        }
        if (err == MR_END || err == MR_AGAIN) {
            err = mr_subscription_wait(subscription, WAIT_MS, &problem);
            mri_shared_sample_expect(err == MR_AGAIN ? MR_OK : err, &problem, "wait");
            continue;
        }
        mri_shared_sample_expect(err, &problem, "next");
        for (size_t i = 0; i < count; i++) {
            note_delivery(follower, &events[i], &newest);
        }
        ack(follower, subscription, events, count);
    }
    mr_subscription_close(subscription);
    mr_bus_close(bus);
}

/* ---- looking --------------------------------------------------------------------------------- */

static void check_generated(const mr_log_event *record, uint64_t newest[EMITTERS])
{
    struct mri_event event;
    char text[24] = "";
    assert_int_equal(mri_event_decode(record, &event), MR_OK);
    struct mri_slice source = mri_event_text(&event, MRI_TEXT_signal_generated_source);
    struct mri_slice number = mri_event_text(&event, MRI_TEXT_signal_generated_external_id);
    unsigned emitter = (unsigned)(source.bytes[source.count - 1] - '0');
    assert_true(emitter < EMITTERS && number.count < sizeof(text));
    memcpy(text, number.bytes, number.count);
    uint64_t found = strtoull(text, NULL, 10);
    /* Numbers that were tried and not acknowledged may be missing, none may come twice. */
    assert_true(found > newest[emitter]);
    newest[emitter] = found;
    for (unsigned i = 0; i < FOLLOWERS; i++) { /* who died in an ack has acked it */
        uint8_t known = atomic_load(&seen[i][record->seq.n]);
        assert_true(known == ACKED || known == ACKING);
    }
}

/** Every signal is in the log once, in its emitter's order, and every follower has had it. */
static uint64_t check_signals(void)
{
    mr_log_reader *reader;
    mr_log_event record;
    mr_problem problem = {""};
    uint64_t newest[EMITTERS] = {0};
    uint64_t tried = 0;
    uint64_t missing = 0;
    uint64_t count = 0;
    assert_int_equal(mr_log_reader_open(log_folder, &reader, &problem), MR_OK);
    mr_err err = mr_log_reader_next(reader, &record, &problem);
    for (; err == MR_OK; err = mr_log_reader_next(reader, &record, &problem)) {
        assert_true(record.seq.n <= seq_max);
        if (record.type == MRI_EVENT_SIGNAL_GENERATED) {
            check_generated(&record, newest);
            count++;
        }
    }
    assert_int_equal(err, MR_END);
    mr_log_reader_close(reader);
    for (unsigned i = 0; i < EMITTERS; i++) {
        assert_true(newest[i] >= atomic_load(&board->acked[i]));
        assert_true(newest[i] <= atomic_load(&board->tried[i]));
        tried += atomic_load(&board->tried[i]);
    }
    for (unsigned i = 0; i < FOLLOWERS; i++) {
        uint64_t had = 0;
        for (uint64_t seq = 0; seq <= seq_max; seq++) {
            had += atomic_load(&seen[i][seq]) != UNSEEN;
        }
        assert_int_equal(had, count);
    }
    missing = tried - count;
    assert_true(missing <= kills * BATCH_MAX);
    return count;
}

/* ---- killing --------------------------------------------------------------------------------- */

static pid_t begin(unsigned which, uint64_t own_seed)
{
    return which < EMITTERS ? mri_shared_sample_begin(emit, which, own_seed)
                            : mri_shared_sample_begin(follow, which - EMITTERS, own_seed);
}

/** It has not failed by itself; one that has emitted all may have ended, and is left to be waited
 * for. */
static void check_alive(pid_t child)
{
    siginfo_t found = {0};
    assert_int_equal(waitid(P_PID, (id_t)child, &found, WEXITED | WNOHANG | WNOWAIT), 0);
    if (found.si_pid != 0 && (found.si_code != CLD_EXITED || found.si_status != 0)) {
        fail_msg("process %d ended by itself: %s %d", (int)child,
            found.si_code == CLD_EXITED ? "exit" : "signal", found.si_status);
    }
}

/** Kill one at random, and begin it anew. */
static void kill_one(struct mri_prng *prng, pid_t children[PROCESSES])
{
    unsigned victim = (unsigned)mri_prng_below(prng, PROCESSES);
    int status;
    assert_int_equal(kill(children[victim], SIGKILL), 0);
    assert_int_equal(waitpid(children[victim], &status, 0), children[victim]);
    /* It had not failed by itself; who has emitted all may have ended. */
    assert_true(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
    children[victim] = begin(victim, mri_prng_next(prng));
}

/** Let kills fall at random moments, and as many into each part of the emissions. */
static void kill_many(struct mri_prng *prng, pid_t children[PROCESSES])
{
    for (uint64_t i = 0; i < kills; i++) {
        const struct timespec look = {.tv_nsec = LOOK_NS};
        const struct timespec pause = {.tv_nsec = (long)mri_prng_below(prng, 2000000)};
        while (atomic_load(&board->emits) < i * each * EMITTERS / kills) {
            (void)nanosleep(&look, NULL);
            check_alive(children[i % PROCESSES]);
        }
        (void)nanosleep(&pause, NULL);
        kill_one(prng, children);
        atomic_store(&board->killed, i + 1);
    }
}

static void killed_processes_leave_what_they_acknowledged(void **fixture)
{
    (void)fixture;
    static struct mri_fold fold;
    struct mri_prng prng;
    pid_t children[PROCESSES];
    mri_prng_init(&prng, seed);
    print_message("SEED=%llu\n", (unsigned long long)seed);
    pid_t keeper = mri_shared_sample_begin_keeper(log_folder);
    for (unsigned i = 0; i < PROCESSES; i++) {
        children[i] = begin(i, mri_prng_next(&prng));
    }
    kill_many(&prng, children);
    mri_shared_sample_end(children, EMITTERS);
    atomic_store(&board->is_emitted, 1);
    mri_shared_sample_end(children + EMITTERS, FOLLOWERS);
    mr_bus *bus = mri_shared_sample_open(log_folder);
    mri_shared_sample_check(bus, log_folder, &fold);
    uint64_t count = check_signals();
    assert_int_equal(count, fold.bus.slots.count);
    print_message("counts: signals=%llu kills=%llu delivered=%llu again=%llu kept=%u\n",
        (unsigned long long)count, (unsigned long long)kills,
        (unsigned long long)(FOLLOWERS * count), (unsigned long long)atomic_load(&board->again),
        fold.bus.slots.states[MR_GENERATED].count);
    mri_fold_fini(&fold);
    mr_bus_close(bus);
    mri_shared_sample_end_keeper(keeper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            killed_processes_leave_what_they_acknowledged, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
