/* SPDX-License-Identifier: MIT */
/*
 * Eight processes that all move the same signal from the same state, turn after turn: exactly one
 * of them wins, the others are told by the same answer who was faster and where the signal is. No
 * turn begins before the one before has been answered to all, so each turn is a collision, however
 * fast the machine is.
 *
 * usage: shared_race_test      MOVES=n how many moves are tried
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/environment.h"
#include "tests/lib/shared_sample.h"
#include "tests/lib/temp_folder.h"

enum { RACERS = 8, SIGNALS = 1000, STEPS = 5, MOVES = 20000 };

/** A signal's way: SIGNALS of them go it at a time, step by step. */
static const mr_state way[STEPS + 1] = {
    MR_GENERATED, MR_EVALUATING, MR_APPROVED, MR_EXECUTING, MR_EXECUTED, MR_LEARNED};

/** What every process sees. */
static struct board {
    pthread_barrier_t start; /**< of a turn */
    pthread_barrier_t end;
    _Atomic uint64_t moment;
    _Atomic uint32_t winners;        /**< of this turn */
    _Atomic uint64_t told[RACERS];   /**< of this turn: the move that a loser was told; else 0 */
    _Atomic uint64_t called[RACERS]; /**< of this turn: when */
    _Atomic uint64_t answered;       /**< of this turn: when the winner was */
    _Atomic uint64_t won[RACERS];
    _Atomic uint64_t lost[RACERS];
    _Atomic uint64_t overlapped; /**< losers who had called before the winner was answered */
} * board;

static char folder[MRI_TEMP_FOLDER_BYTES];
static char log_folder[MRI_TEMP_FOLDER_BYTES + 8];
static char symbol[MRI_SHARED_SAMPLE_SYMBOL_BYTES];
static uint64_t seed;
static uint64_t turns;

static int set_up(void **fixture)
{
    pthread_barrierattr_t shared;
    (void)fixture;
    (void)mri_temp_folder_make(folder);
    (void)snprintf(log_folder, sizeof(log_folder), "%s/log", folder);
    board = mri_shared_sample_memory(sizeof(*board));
    assert_int_equal(pthread_barrierattr_init(&shared), 0);
    assert_int_equal(pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED), 0);
    assert_int_equal(pthread_barrier_init(&board->start, &shared, RACERS), 0);
    assert_int_equal(pthread_barrier_init(&board->end, &shared, RACERS), 0);
    seed = mri_environment_number("SEED", (uint64_t)time(NULL));
    turns = mri_environment_number("MOVES", MOVES) / RACERS;
    mri_shared_sample_make_log(log_folder, symbol);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    (void)munmap(board, sizeof(*board));
    mri_temp_folder_remove(folder);
    return 0;
}

/** The signals that the next turns move. */
static void emit_signals(mr_bus *bus)
{
    static mr_emission emissions[SIGNALS];
    mr_problem problem = {""};
    for (unsigned i = 0; i < SIGNALS; i++) {
        emissions[i] =
            (mr_emission){.symbol = symbol, .source = "racers", .side = MR_SHORT, .confidence = 1};
    }
    mri_shared_sample_expect(
        mr_bus_emit(bus, emissions, SIGNALS, MR_ASYNC, NULL, &problem), &problem, "emit");
}

/** The turn is over: the winner compares what the losers were told with what it has done. */
static void check_turn(mr_bus *bus, unsigned winner, const mr_move *move)
{
    mr_signal signal;
    mr_problem problem = {""};
    mri_shared_sample_expect(mr_bus_get(bus, move->ordinal, &signal), &problem, "get");
    if (signal.state != move->to || atomic_exchange(&board->winners, 0) != 1) {
        _exit(5);
    }
    for (unsigned i = 0; i < RACERS; i++) {
        uint64_t told = atomic_exchange(&board->told[i], 0);
        if (told != (i == winner ? 0 : signal.moved.n)) {
            _exit(6);
        }
        atomic_fetch_add(&board->overlapped,
            i != winner && atomic_load(&board->called[i]) < atomic_load(&board->answered));
    }
}

/** Take part in a turn. */
static void run_turn(mr_bus *bus, unsigned racer, const mr_move *move)
{
    mr_problem problem = {""};
    mr_move_conflict conflict = {0};
    atomic_store(&board->called[racer], atomic_fetch_add(&board->moment, 1));
    mr_err err = mr_bus_move(bus, move, 1, MR_ASYNC, &conflict, &problem);
    if (err == MR_OK) {
        atomic_store(&board->answered, atomic_fetch_add(&board->moment, 1));
        atomic_fetch_add(&board->winners, 1);
        atomic_fetch_add(&board->won[racer], 1);
    } else if (err == MR_CONFLICT) {
        if (conflict.ordinal.n != move->ordinal.n || conflict.found != move->to ||
            conflict.winner.n == 0) {
            _exit(7);
        }
        atomic_store(&board->told[racer], conflict.winner.n);
        atomic_fetch_add(&board->lost[racer], 1);
    } else {
        mri_shared_sample_expect(err, &problem, "move");
    }
    (void)pthread_barrier_wait(&board->end);
    if (err == MR_OK) {
        check_turn(bus, racer, move);
    }
}

static void race(unsigned racer, uint64_t own_seed)
{
    struct mri_prng prng;
    mr_bus *bus = mri_shared_sample_open(log_folder);
    mri_prng_init(&prng, own_seed);
    for (uint64_t turn = 0; turn < turns; turn++) {
        uint64_t within = turn % (SIGNALS * STEPS);
        uint64_t step = within / SIGNALS;
        if (within == 0 && racer == 0) {
            emit_signals(bus);
        }
        const mr_move move = {
            .ordinal = {(uint32_t)(turn / (SIGNALS * STEPS) * SIGNALS + within % SIGNALS + 1)},
            .from = way[step],
            .to = way[step + 1],
            .reason = "external"};
        (void)pthread_barrier_wait(&board->start);
        if (mri_prng_below(&prng, 2) == 0) {
            (void)sched_yield();
        }
        run_turn(bus, racer, &move);
    }
    mr_bus_close(bus);
}

static void of_many_who_move_a_signal_one_wins(void **fixture)
{
    (void)fixture;
    static struct mri_fold fold;
    pid_t children[RACERS];
    pid_t keeper = mri_shared_sample_begin_keeper(log_folder);
    for (unsigned i = 0; i < RACERS; i++) {
        children[i] = mri_shared_sample_begin(race, i, seed + i);
    }
    mri_shared_sample_end(children, RACERS);
    uint64_t won = 0;
    uint64_t lost = 0;
    for (unsigned i = 0; i < RACERS; i++) {
        won += atomic_load(&board->won[i]);
        lost += atomic_load(&board->lost[i]);
    }
    mr_bus *bus = mri_shared_sample_open(log_folder);
    mri_shared_sample_check(bus, log_folder, &fold);
    assert_int_equal(won, turns);
    assert_int_equal(lost, turns * (RACERS - 1)); /* each turn was a collision of all */
    assert_int_equal(fold.bus.foreign_moves, turns);
    /* As many moves are in the log as were won: a step for each state that was reached. */
    uint64_t steps = 0;
    for (uint32_t ordinal = 1; ordinal <= fold.bus.slots.count; ordinal++) {
        for (unsigned i = 1; i <= STEPS; i++) {
            steps += mri_slots_get(&fold.bus.slots, ordinal)->state == way[i] ? i : 0;
        }
    }
    assert_int_equal(steps, won);
    print_message("counts: moves=%llu won=%llu lost=%llu overlapped=%llu signals=%u\n",
        (unsigned long long)(won + lost), (unsigned long long)won, (unsigned long long)lost,
        (unsigned long long)atomic_load(&board->overlapped), fold.bus.slots.count);
    mri_fold_fini(&fold);
    mr_bus_close(bus);
    mri_shared_sample_end_keeper(keeper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(of_many_who_move_a_signal_one_wins, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
