/* SPDX-License-Identifier: MIT */
/*
 * The bus for programs: signals that are emitted and moved through the shared state by one process
 * and by four, beside the same bytes appended to a bare log, and what it costs to ask. All are
 * bursts that fit the ring, behind a sync, as in async_bench.c.
 *
 * usage: bus_bench FOLDER
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/bus_api.h"
#include "base/prng.h"
#include "bench/harness.h"

enum {
    BURST = 96000,
    BATCH = 8,
    TURNS = 9,
    MEASURES = 6,
    PROCESSES = 4,
    BODY_BYTES = 192,
    ASKED = 1000000
};

static char log_folder[512];
static char symbol[40];

static void stop(const char *what, const char *why)
{
    (void)fprintf(stderr, "bus_bench: %s: %s\n", what, why);
    exit(1);
}

static void check(mr_err err, const mr_problem *problem, const char *what)
{
    if (err != MR_OK) {
        stop(what, problem == NULL || problem->text[0] == '\0' ? mr_err_name(err) : problem->text);
    }
}

/** A log with a symbol and a bar, where nothing decides. */
static void make_log(void)
{
    static const mr_log_attribute room = {MRI_ATTRIBUTE_TABLE_SIGNALS, "4194304"};
    const mr_log_options options = {.is_create = true, .attributes = &room, .attribute_count = 1};
    const struct mri_instrument_spec spec = {.symbol = "BTCUSDT",
        .venue = "venue",
        .native_name = "BTC-USDT",
        .quote_currency = "USDT",
        .price_decimals = 2,
        .quantity_decimals = 3,
        .tick = 1,
        .lot = 1,
        .quantity_min = 1,
        .multiplier = 1};
    const struct mri_candle candle = {.close_time_unix_ns = MRI_BAR_NS * 1000,
        .duration_ns = MRI_BAR_NS,
        .open = 100,
        .high = 100,
        .low = 100,
        .close = 100};
    const struct mri_bus_limits limits = {
        .slots = {.signals_max = 1000, .symbols_max = 8, .sources_max = 64}, .names_max = 64};
    const struct mri_draft draft = {.type = MRI_EVENT_CANDLE, .fixed = &candle};
    struct mri_bus bus;
    struct mri_batch batch;
    mr_log *log;
    mr_problem problem = {""};
    check(mri_shared_state_open_log(
              mri_os_linux(), mri_alloc_system(), log_folder, &options, &log, &problem),
        &problem, "a log");
    check(mri_bus_init(&bus, mri_alloc_system(), &limits, log), NULL, "a bus");
    check(mri_batch_init(&batch, mri_alloc_system(), 4, 65536), NULL, "a batch");
    mri_bus_begin(&bus, &batch);
    check(mri_instrument_draft(&batch, &spec, 0), NULL, "a symbol");
    check(mri_batch_add(&batch, &draft, 0), NULL, "a bar");
    check(mri_bus_append(&bus, &batch, MR_ASYNC, NULL, NULL), NULL, "the first events");
    mri_batch_fini(&batch);
    mri_bus_fini(&bus);
    mr_log_close(log);
    (void)snprintf(symbol, sizeof(symbol), "%s", spec.symbol);
}

static mr_bus *open_bus(void)
{
    mr_bus *bus = NULL;
    mr_problem problem = {""};
    check(mr_bus_open(log_folder, &bus, &problem), &problem, "the bus");
    return bus;
}

/** A signal whose body is that of the bare record. */
static mr_emission emission(void)
{
    static char data[128];
    size_t fixed = sizeof(struct mri_signal_generated) + 5 * 2 + 4 + 2 * strlen("bench");
    (void)snprintf(data, sizeof(data), "{\"why\": \"%*s\"}", (int)(BODY_BYTES - fixed - 11), "x");
    return (mr_emission){
        .symbol = symbol, .source = "bench", .side = MR_LONG, .confidence = 0.7, .data = data};
}

/** Nanoseconds a signal. */
static double emit(mr_bus *bus, size_t count, size_t batch)
{
    mr_emission emissions[BATCH];
    mr_problem problem = {""};
    for (size_t i = 0; i < BATCH; i++) {
        emissions[i] = emission();
    }
    check(mr_log_sync(bus->log), NULL, "sync");
    int64_t began = mri_harness_ns();
    for (size_t i = 0; i < count; i += batch) {
        check(mr_bus_emit(bus, emissions, batch, MR_ASYNC, NULL, &problem), &problem, "emit");
    }
    return (double)(mri_harness_ns() - began) / (double)count;
}

/** Nanoseconds a move: all signals from one state to another, in any order. */
static double move(
    mr_bus *bus, const uint32_t *ordinals, size_t count, size_t batch, mr_state from, mr_state to)
{
    mr_move moves[BATCH];
    mr_problem problem = {""};
    check(mr_log_sync(bus->log), NULL, "sync");
    int64_t began = mri_harness_ns();
    for (size_t i = 0; i < count; i += batch) {
        for (size_t k = 0; k < batch; k++) {
            moves[k] = (mr_move){.ordinal = {ordinals[i + k]},
                .from = from,
                .to = to,
                .gate = to == MR_BLOCKED ? "external" : NULL,
                .reason = "external"};
        }
        check(mr_bus_move(bus, moves, batch, MR_ASYNC, NULL, &problem), &problem, "move");
    }
    return (double)(mri_harness_ns() - began) / (double)count;
}

/** The same bytes without any table. */
static double append_bare(mr_log *log, size_t count, size_t batch)
{
    static const uint8_t body[BODY_BYTES];
    mr_log_record records[BATCH];
    for (size_t i = 0; i < BATCH; i++) {
        records[i] = (mr_log_record){.body = body, .body_bytes = BODY_BYTES, .type = 300};
    }
    check(mr_log_sync(log), NULL, "sync");
    int64_t began = mri_harness_ns();
    for (size_t i = 0; i < count; i += batch) {
        check(mr_log_append(log, records, batch, MR_ASYNC, NULL), NULL, "append");
    }
    return (double)(mri_harness_ns() - began) / (double)count;
}

static void shuffle(uint32_t *ordinals, size_t count, uint32_t first)
{
    struct mri_prng prng;
    mri_prng_init(&prng, first);
    for (size_t i = 0; i < count; i++) {
        ordinals[i] = first + (uint32_t)i;
    }
    for (size_t i = count; i > 1; i--) {
        size_t other = mri_prng_below(&prng, i);
        uint32_t kept = ordinals[i - 1];
        ordinals[i - 1] = ordinals[other];
        ordinals[other] = kept;
    }
}

static void measure_one(mr_bus *bus, const char *bare_folder)
{
    static const char *const names[MEASURES] = {"bus_bare_ns", "bus_bare_batch_ns", "bus_emit_ns",
        "bus_emit_batch_ns", "bus_move_ns", "bus_move_batch_ns"};
    static uint32_t ordinals[BURST];
    int64_t took_ps[MEASURES][TURNS];
    mr_log *bare = NULL;
    mr_problem problem = {""};
    const mr_log_options options = {.is_create = true};
    check(mr_log_open(bare_folder, &options, &bare, &problem), &problem, "a bare log");
    uint32_t first = 1;
    for (unsigned turn = 0; turn < TURNS; turn++) { /* in turns: a noisy moment hits all */
        double took[MEASURES];
        took[0] = append_bare(bare, BURST, 1);
        took[1] = append_bare(bare, BURST, BATCH);
        took[2] = emit(bus, BURST, 1);
        shuffle(ordinals, BURST, first);
        took[4] = move(bus, ordinals, BURST, 1, MR_GENERATED, MR_BLOCKED);
        took[3] = emit(bus, BURST, BATCH);
        took[5] = move(bus, ordinals, BURST, BATCH, MR_BLOCKED, MR_LEARNED);
        first += 2 * BURST;
        for (unsigned i = 0; i < MEASURES; i++) {
            took_ps[i][turn] = (int64_t)(took[i] * 1000);
        }
    }
    for (unsigned i = 0; i < MEASURES; i++) {
        mri_harness_result(names[i], (double)mri_harness_median(took_ps[i], TURNS) / 1000);
    }
    mr_log_close(bare);
}

/** Signals a second that four processes emit, each its share, from when all are ready. */
static double emit_together(void)
{
    int go[2];
    int ready[2];
    pid_t children[PROCESSES];
    char byte = 0;
    if (pipe(go) != 0 || pipe(ready) != 0) {
        stop("four processes", "pipe");
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            mr_bus *bus = open_bus();
            (void)emit(bus, BATCH, BATCH);
            (void)close(go[1]);
            (void)!write(ready[1], &byte, 1);
            (void)!read(go[0], &byte, 1); /* its end says: all at once */
            (void)emit(bus, BURST / PROCESSES, BATCH);
            (void)!write(ready[1], &byte, 1);
            mr_bus_close(bus);
            _exit(0);
        }
    }
    (void)close(go[0]);
    for (unsigned i = 0; i < PROCESSES; i++) {
        (void)!read(ready[0], &byte, 1);
    }
    int64_t began = mri_harness_ns();
    (void)close(go[1]);
    for (unsigned i = 0; i < PROCESSES; i++) {
        (void)!read(ready[0], &byte, 1);
    }
    double took = (double)(mri_harness_ns() - began);
    for (unsigned i = 0; i < PROCESSES; i++) {
        int status;
        if (waitpid(children[i], &status, 0) != children[i] || status != 0) {
            stop("four processes", "one has failed");
        }
    }
    (void)close(ready[0]);
    (void)close(ready[1]);
    return (double)BURST * 1e9 / took;
}

static void measure_together(void)
{
    int64_t rates[TURNS];
    for (unsigned turn = 0; turn < TURNS; turn++) {
        rates[turn] = (int64_t)emit_together();
    }
    mri_harness_result("bus_emit_four_per_s", (double)mri_harness_median(rates, TURNS));
}

static void measure_asking(mr_bus *bus)
{
    struct mri_prng prng;
    mr_signal signal;
    uint64_t counts[MR_STATE_COUNT];
    uint64_t sum = 0;
    mri_prng_init(&prng, 1);
    check(mr_bus_counts(bus, counts, NULL), NULL, "counts");
    uint32_t newest = 0;
    for (unsigned i = 0; i < MR_STATE_COUNT; i++) {
        newest += (uint32_t)counts[i];
    }
    int64_t began = mri_harness_ns();
    for (int i = 0; i < ASKED; i++) {
        mr_ordinal ordinal = {newest - (uint32_t)mri_prng_below(&prng, BURST)};
        check(mr_bus_get(bus, ordinal, &signal), NULL, "get");
        sum += signal.moved.n;
    }
    mri_harness_result("bus_get_ns", (double)(mri_harness_ns() - began) / ASKED);
    began = mri_harness_ns();
    for (int i = 0; i < ASKED; i++) {
        check(mr_bus_counts(bus, counts, NULL), NULL, "counts");
        sum += counts[0];
    }
    mri_harness_result("bus_counts_ns", (double)(mri_harness_ns() - began) / ASKED);
    if (sum == 0) {
        stop("asking", "nothing was there");
    }
}

int main(int argc, char **argv)
{
    char bare_folder[512];
    if (argc != 2) {
        stop("usage", "bus_bench FOLDER");
    }
    (void)snprintf(log_folder, sizeof(log_folder), "%s-log", argv[1]);
    (void)snprintf(bare_folder, sizeof(bare_folder), "%s-bare", argv[1]);
    make_log();
    mr_bus *bus = open_bus();
    measure_one(bus, bare_folder);
    measure_asking(bus);
    measure_together();
    mr_bus_close(bus);
    return 0;
}
