/* SPDX-License-Identifier: MIT */
/*
 * Processes that emit and move signals through one shared state, some of them killed with kill -9
 * at any moment: what was acknowledged is there once and in order, of many who move a signal
 * exactly one wins and the losers are told the state, and the state says what the log says.
 *
 * usage: shared_kill_test     SEED=n repeats a run, KILLS=n and MOVES=n change how many
 */
#define _GNU_SOURCE
#include <sched.h>
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

#include "api/bus_api.h"
#include "base/prng.h"
#include "pipeline/shared_refresh.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/engine_sample.h"
#include "tests/lib/environment.h"
#include "tests/lib/temp_folder.h"

enum { WORKERS = 4, RACERS = 8, SIGNALS = 1000, KILLS = 40, MOVES = 20000, BATCH_MAX = 20 };

/** What every process sees. */
static struct board {
    _Atomic uint64_t acked[WORKERS]; /**< newest number of each that was acknowledged */
    _Atomic uint64_t tried[WORKERS]; /**< newest number that it has tried */
    _Atomic uint64_t won[RACERS];    /**< moves that succeeded */
    _Atomic uint64_t lost[RACERS];   /**< moves that came too late */
    _Atomic uint32_t turn;           /**< counts won moves: all are after the same signal */
    _Atomic uint32_t is_over;
} * board;

static char folder[MRI_TEMP_FOLDER_BYTES];
static char log_folder[MRI_TEMP_FOLDER_BYTES + 8];
static char symbol[40];
static uint64_t seed;

/** A log with a symbol and a bar, and nothing that decides. */
static void make_log(void)
{
    const mr_log_options options = {.is_create = true, .segment_bytes = 4 * 1024 * 1024};
    const struct mri_instrument_spec spec = mri_engine_sample_spec(0);
    const struct mri_candle candle = {.close_time_unix_ns = MRI_BAR_NS * 1000,
        .duration_ns = MRI_BAR_NS,
        .open = 100,
        .high = 100,
        .low = 100,
        .close = 100};
    const struct mri_bus_limits limits = {
        .slots = {.signals_max = 100000, .symbols_max = 8, .sources_max = 64}, .names_max = 64};
    const struct mri_draft draft = {.type = MRI_EVENT_CANDLE, .fixed = &candle};
    struct mri_bus bus;
    struct mri_batch batch;
    mr_log *log;
    mr_problem problem;
    if (mri_shared_state_open_log(
            mri_os_linux(), mri_alloc_system(), log_folder, &options, &log, &problem) != MR_OK) {
        fail_msg("%s", problem.text);
    }
    assert_int_equal(mri_bus_init(&bus, mri_alloc_system(), &limits, log), MR_OK);
    assert_int_equal(mri_batch_init(&batch, mri_alloc_system(), 4, 65536), MR_OK);
    mri_bus_begin(&bus, &batch);
    assert_int_equal(mri_instrument_draft(&batch, &spec, 0), MR_OK);
    assert_int_equal(mri_batch_add(&batch, &draft, 0), MR_OK);
    assert_int_equal(mri_bus_append(&bus, &batch, MR_GROUP, NULL, NULL), MR_OK);
    mri_batch_fini(&batch);
    mri_bus_fini(&bus);
    mr_log_close(log);
    (void)snprintf(symbol, sizeof(symbol), "%s", spec.symbol);
}

static int set_up(void **fixture)
{
    (void)fixture;
    (void)mri_temp_folder_make(folder);
    (void)snprintf(log_folder, sizeof(log_folder), "%s/log", folder);
    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(board, MAP_FAILED);
    seed = mri_environment_number("SEED", (uint64_t)time(NULL));
    make_log();
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    (void)munmap(board, sizeof(*board));
    mri_temp_folder_remove(folder);
    return 0;
}

static mr_bus *open_bus(void)
{
    mr_bus *bus = NULL;
    mr_problem problem = {""};
    mr_err err = mr_bus_open(log_folder, &bus, &problem);
    if (err != MR_OK) {
        (void)fprintf(stderr, "open: %s: %s\n", mr_err_name(err), problem.text);
        _exit(3);
    }
    return bus;
}

static void expect(mr_err err, const mr_problem *problem, const char *what)
{
    if (err != MR_OK) {
        (void)fprintf(stderr, "%s: %s: %s\n", what, mr_err_name(err), problem->text);
        _exit(4);
    }
}

/** Emit numbered signals, and move some of the newest on, until killed or told to stop. */
static void work(unsigned worker, uint64_t own_seed)
{
    struct mri_prng prng;
    char source[16];
    static char numbers[BATCH_MAX][24];
    mr_emission emissions[BATCH_MAX];
    mr_emitted emitted[BATCH_MAX];
    mr_move moves[2 * BATCH_MAX];
    mr_bus *bus = open_bus();
    mri_prng_init(&prng, own_seed);
    (void)snprintf(source, sizeof(source), "worker-%u", worker);
    while (atomic_load(&board->is_over) == 0) {
        mr_problem problem = {""};
        uint64_t number = atomic_load(&board->tried[worker]);
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
        atomic_store(&board->tried[worker], number + count);
        expect(mr_bus_emit(bus, emissions, count, MR_ASYNC, emitted, &problem), &problem, "emit");
        atomic_store(&board->acked[worker], number + count);
        size_t kept = mri_prng_below(&prng, 10) == 0; /* the table has room for so many */
        for (size_t i = kept; i < count; i++) {
            moves[2 * i] = (mr_move){.ordinal = emitted[i].ordinal,
                .from = MR_GENERATED,
                .to = MR_BLOCKED,
                .gate = "external",
                .reason = "external"};
            moves[2 * i + 1] = moves[2 * i];
            moves[2 * i + 1].from = MR_BLOCKED;
            moves[2 * i + 1].to = MR_LEARNED;
        }
        if (count > kept) {
            expect(mr_bus_move(bus, moves + 2 * kept, 2 * (count - kept), MR_ASYNC, NULL, &problem),
                &problem, "move");
        }
    }
    mr_bus_close(bus);
    _exit(0);
}

static pid_t begin(void (*job)(unsigned, uint64_t), unsigned which, uint64_t own_seed)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        job(which, own_seed);
    }
    return child;
}

static void end_well(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void fold_all(struct mri_fold *fold)
{
    const struct mri_fold_options options = {.os = mri_os_linux(),
        .alloc = mri_alloc_system(),
        .folder = log_folder,
        .is_from_start = true,
        .is_market_only = true};
    mr_problem problem = {""};
    if (mri_fold_init(fold, &options, &problem) != MR_OK || fold->damage != MR_OK) {
        fail_msg("fold: %s%s", problem.text, fold->damage_problem.text);
    }
}

/** The kept state is that of a rebuild; both are looked at while nobody appends. */
static void check_state(mr_bus *bus, struct mri_fold *fold)
{
    mr_problem problem = {""};
    fold_all(fold);
    assert_int_equal(mri_bus_api_share(bus, &problem), MR_OK);
    if (mri_shared_state_compare(&bus->state, &fold->bus, &problem) != MR_OK) {
        fail_msg("%s", problem.text);
    }
}

/** Every worker's signals are in the log, in its order, as far as they were acknowledged. */
static void check_workers(void)
{
    mr_log_reader *reader;
    mr_log_event record;
    mr_problem problem = {""};
    uint64_t newest[WORKERS] = {0};
    assert_int_equal(mr_log_reader_open(log_folder, &reader, &problem), MR_OK);
    while (mr_log_reader_next(reader, &record, &problem) == MR_OK) {
        struct mri_event event;
        if (record.type != MRI_EVENT_SIGNAL_GENERATED) {
            continue;
        }
        assert_int_equal(mri_event_decode(&record, &event), MR_OK);
        struct mri_slice source = mri_event_text(&event, MRI_TEXT_signal_generated_source);
        struct mri_slice number = mri_event_text(&event, MRI_TEXT_signal_generated_external_id);
        unsigned worker = (unsigned)(source.bytes[source.count - 1] - '0');
        char text[24] = "";
        memcpy(text, number.bytes, number.count);
        uint64_t found = strtoull(text, NULL, 10);
        /* Numbers that were tried and not acknowledged may be missing, none may come twice. */
        assert_true(found > newest[worker]);
        newest[worker] = found;
    }
    mr_log_reader_close(reader);
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_true(newest[i] >= atomic_load(&board->acked[i]));
        assert_true(newest[i] <= atomic_load(&board->tried[i]));
    }
}

static void killed_processes_leave_what_they_acknowledged(void **fixture)
{
    (void)fixture;
    static struct mri_fold fold;
    struct mri_prng prng;
    pid_t children[WORKERS];
    uint64_t kills = mri_environment_number("KILLS", KILLS);
    mri_prng_init(&prng, seed);
    print_message("SEED=%llu\n", (unsigned long long)seed);
    mr_bus *bus = open_bus(); /* keeps the memory while all others are killed */
    for (unsigned i = 0; i < WORKERS; i++) {
        children[i] = begin(work, i, mri_prng_next(&prng));
    }
    for (uint64_t i = 0; i < kills; i++) {
        unsigned victim = (unsigned)mri_prng_below(&prng, WORKERS);
        const struct timespec pause = {.tv_nsec = (long)mri_prng_below(&prng, 20000000)};
        int status;
        (void)nanosleep(&pause, NULL);
        assert_int_equal(kill(children[victim], SIGKILL), 0);
        assert_int_equal(waitpid(children[victim], &status, 0), children[victim]);
        assert_true(WIFSIGNALED(status)); /* it had not failed by itself */
        children[victim] = begin(work, victim, mri_prng_next(&prng));
    }
    atomic_store(&board->is_over, 1);
    for (unsigned i = 0; i < WORKERS; i++) {
        end_well(children[i]);
    }
    check_state(bus, &fold);
    check_workers();
    print_message("%llu kills, %u signals\n", (unsigned long long)kills, fold.bus.slots.count);
    mri_fold_fini(&fold);
    mr_bus_close(bus);
}

/** Move signals from state to state, whoever is first. */
static void race(unsigned racer, uint64_t own_seed)
{
    static const mr_state next[MR_STATE_COUNT] = {[MR_GENERATED] = MR_EVALUATING,
        [MR_EVALUATING] = MR_APPROVED,
        [MR_APPROVED] = MR_EXECUTING,
        [MR_EXECUTING] = MR_EXECUTED,
        [MR_EXECUTED] = MR_LEARNED};
    struct mri_prng prng;
    mr_bus *bus = open_bus();
    mri_prng_init(&prng, own_seed);
    uint64_t moves = mri_environment_number("MOVES", MOVES) / RACERS;
    for (uint64_t i = 0; i < moves; i++) {
        mr_problem problem = {""};
        mr_move_conflict conflict = {0};
        mr_signal signal;
        mr_ordinal ordinal = {1 + atomic_load(&board->turn) % SIGNALS};
        expect(mr_bus_get(bus, ordinal, &signal), &problem, "get");
        const mr_move move = {.ordinal = ordinal,
            .from = signal.state,
            .to = next[signal.state],
            .reason = "external"};
        if (signal.state == MR_LEARNED) {
            atomic_fetch_add(&board->turn, 1);
            continue;
        }
        if (mri_prng_below(&prng, 2) == 0) {
            (void)sched_yield();
        }
        mr_err err = mr_bus_move(bus, &move, 1, MR_ASYNC, &conflict, &problem);
        if (err == MR_CONFLICT) {
            /* The loser is told who was faster, and to where. */
            if (conflict.ordinal.n != ordinal.n || conflict.found == signal.state ||
                conflict.winner.n <= signal.moved.n) {
                _exit(5);
            }
            atomic_fetch_add(&board->lost[racer], 1);
            continue;
        }
        expect(err, &problem, "move");
        atomic_fetch_add(&board->won[racer], 1);
        atomic_fetch_add(&board->turn, 1);
    }
    mr_bus_close(bus);
    _exit(0);
}

static void of_many_who_move_a_signal_one_wins(void **fixture)
{
    (void)fixture;
    static struct mri_fold fold;
    static mr_emission emissions[SIGNALS];
    pid_t children[RACERS];
    mr_problem problem = {""};
    mr_bus *bus = open_bus();
    for (unsigned i = 0; i < SIGNALS; i++) {
        emissions[i] = (mr_emission){
            .symbol = symbol, .source = "worker-0", .side = MR_SHORT, .confidence = 1};
    }
    assert_int_equal(mr_bus_emit(bus, emissions, SIGNALS, MR_ASYNC, NULL, &problem), MR_OK);
    for (unsigned i = 0; i < RACERS; i++) {
        children[i] = begin(race, i, seed + i);
    }
    uint64_t won = 0;
    uint64_t lost = 0;
    for (unsigned i = 0; i < RACERS; i++) {
        end_well(children[i]);
        won += atomic_load(&board->won[i]);
        lost += atomic_load(&board->lost[i]);
    }
    check_state(bus, &fold);
    /* As many moves are in the log as were won: a step for each state that was reached. */
    uint64_t steps = 0;
    static const unsigned steps_to[MR_STATE_COUNT] = {[MR_EVALUATING] = 1,
        [MR_APPROVED] = 2,
        [MR_EXECUTING] = 3,
        [MR_EXECUTED] = 4,
        [MR_LEARNED] = 5};
    for (uint32_t ordinal = 1; ordinal <= SIGNALS; ordinal++) {
        steps += steps_to[mri_slots_get(&fold.bus.slots, ordinal)->state];
    }
    assert_int_equal(steps, won);
    assert_int_equal(fold.bus.foreign_moves, won);
    assert_true(lost > 0); /* else nobody has raced */
    print_message("%llu won, %llu lost\n", (unsigned long long)won, (unsigned long long)lost);
    mri_fold_fini(&fold);
    mr_bus_close(bus);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(killed_processes_leave_what_they_acknowledged),
        TEST(of_many_who_move_a_signal_one_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
