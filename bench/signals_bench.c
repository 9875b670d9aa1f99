/* SPDX-License-Identifier: MIT */
/*
 * The bus among many signals: what emitting, moving and asking cost when a hundred times as many
 * are there, how long a filter takes that no array helps, and the memory of a signal.
 *
 * Logs of three sizes, each ten times the one before, with as many signals of a symbol in each; and
 * one of the smallest size with the symbols of the largest. They are measured in turns. What is
 * asked is compared with the answer that looking at every signal finds, before it is timed.
 *
 * usage: signals_bench FOLDER [LARGEST]      signals of the largest log, 10,000,000 if not said
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/bus_api.h"
#include "base/prng.h"
#include "bench/harness.h"
#include "bench/workload.h"
#include "bus/shared_query.h"
#include "conf/yaml.h"
#include "pipeline/health.h"

enum {
    LARGEST = 10000000,
    LARGEST_MIN = 100000,
    SYMBOLS = 1000, /**< of the largest */
    SIZES = 4,
    WIDE = 3,
    CHUNK = 4096,
    CHECKS = 30,
    QUESTIONS = 3000, /**< each turn, a third of each state */
    STATES = 3,
    LOOKUPS = 100000, /**< each turn */
    BURST = 10000,    /**< each turn */
    NEWEST = 10000,   /* so few that they are in the cache, whatever else there is */
    TURNS = 5,
    FILTERS = 2,
    FOUND_MAX = 4096,
};

struct size {
    const char *name;
    uint32_t signals; /**< before any burst */
    uint32_t emitted;
    uint32_t symbols;
    uint32_t slots;
    uint64_t memory_bytes; /**< that processes share for it */
    mr_bus *bus;
    char folder[512];
    int64_t latest_ns[STATES][TURNS * QUESTIONS / STATES];
    int64_t planned_ns[TURNS * QUESTIONS / STATES]; /**< without the text of the question */
    int64_t get_ps[TURNS];
    int64_t get_any_ps[TURNS];
    int64_t find_ps[TURNS];
    int64_t counts_ps[TURNS];
    int64_t emit_ps[TURNS];
    int64_t move_ps[TURNS];
};

static struct size sizes[SIZES] = {
    {.name = "small"}, {.name = "middle"}, {.name = "large"}, {.name = "wide"}};

static const char *const state_names[STATES] = {"generated", "blocked", "approved"};

/** Logs are closed, since who closes one last removes its memory. */
static void stop(const char *what, const char *why)
{
    (void)fprintf(stderr, "signals_bench: %s: %s\n", what, why);
    for (unsigned i = 0; i < SIZES; i++) {
        mr_bus_close(sizes[i].bus);
    }
    exit(1);
}

static void check(mr_err err, const mr_problem *problem, const char *what)
{
    if (err != MR_OK) {
        stop(what, problem == NULL || problem->text[0] == '\0' ? mr_err_name(err) : problem->text);
    }
}

static int64_t each_ps(int64_t began_ns, uint32_t count)
{
    return (mri_harness_ns() - began_ns) * 1000 / count;
}

/* ---- the logs -------------------------------------------------------------------------------- */

/** Bytes of the files in /dev/shm that we have mapped. */
static uint64_t shared_bytes(void)
{
    char line[4608];
    char last[4096] = "";
    uint64_t sum = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    if (maps == NULL) {
        stop("memory", "/proc/self/maps");
    }
    while (fgets(line, sizeof(line), maps) != NULL) {
        char *path = strstr(line, "/dev/shm/");
        struct stat found;
        if (path != NULL) {
            path[strcspn(path, "\n")] = '\0';
        }
        if (path != NULL && strcmp(path, last) != 0 && stat(path, &found) == 0) {
            sum += (uint64_t)found.st_size;
            (void)snprintf(last, sizeof(last), "%s", path);
        }
    }
    (void)fclose(maps); /* only read */
    return sum;
}

static uint32_t slots_for(uint32_t signals)
{
    uint32_t slots = 262144;
    while (slots / 2 < signals / 4 * 3) {
        slots *= 2;
    }
    return slots;
}

static void emit_chunk(struct size *size, uint32_t count)
{
    static char symbols[CHUNK][MRI_WORKLOAD_SYMBOL_BYTES];
    static char sources[CHUNK][16];
    static char names[CHUNK][16];
    static mr_emission emissions[CHUNK];
    static mr_move moves[CHUNK * MRI_WORKLOAD_MOVES_MAX];
    mr_problem problem = {""};
    size_t moved = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t ordinal = size->emitted + i + 1;
        mri_workload_symbol_text(mri_workload_symbol(ordinal, size->symbols), symbols[i]);
        (void)snprintf(sources[i], sizeof(sources[i]), "source-%u", ordinal % 12);
        bool is_rare = mri_workload_has_rare_name(ordinal);
        (void)snprintf(names[i], sizeof(names[i]), is_rare ? "rare" : "name-%u", ordinal % 30);
        emissions[i] = (mr_emission){.symbol = symbols[i],
            .source = sources[i],
            .name = names[i],
            .side = ordinal % 2 != 0 ? MR_LONG : MR_SHORT,
            .confidence = 0.7};
        moved += mri_workload_moves(ordinal, moves + moved);
    }
    check(mr_bus_emit(size->bus, emissions, count, MR_ASYNC, NULL, &problem), &problem, "emit");
    if (moved > 0) {
        check(mr_bus_move(size->bus, moves, moved, MR_ASYNC, NULL, &problem), &problem, "move");
    }
    size->emitted += count;
}

static void make(struct size *size, const char *folder)
{
    mr_problem problem = {""};
    uint64_t before = shared_bytes();
    size->slots = slots_for(size->signals);
    (void)snprintf(size->folder, sizeof(size->folder), "%s-%s", folder, size->name);
    mri_workload_make_log(size->folder, size->slots, size->symbols);
    check(mr_bus_open(size->folder, &size->bus, &problem), &problem, "the bus");
    size->memory_bytes = shared_bytes() - before;
    while (size->emitted < size->signals) {
        uint32_t left = size->signals - size->emitted;
        emit_chunk(size, left < CHUNK ? left : (uint32_t)CHUNK);
    }
    check(mr_log_sync(size->bus->log), NULL, "sync");
    if (!size->bus->has_state) {
        stop(size->name, "the log has no shared state");
    }
}

/* ---- asking ---------------------------------------------------------------------------------- */

/** Returns how many were found. */
static uint32_t ask(struct size *size, const char *question, mr_ordinal *ordinals, uint32_t room)
{
    mr_problem problem = {""};
    mr_bus_page page = {.room = room};
    page.ordinals = ordinals;
    check(mr_bus_query(size->bus, question, &page, &problem), &problem, "a question");
    return page.count;
}

static void write_question(struct mri_workload_question question, char *text, size_t bytes)
{
    char symbol[MRI_WORKLOAD_SYMBOL_BYTES];
    mri_workload_symbol_text(question.symbol, symbol);
    (void)snprintf(text, bytes, "symbol = %s and state = %s limit %u", symbol,
        mr_state_text(question.state), (unsigned)MRI_WORKLOAD_LATEST);
}

/** The same without its text, after the handle has looked for what is new. */
static uint32_t ask_planned(
    struct size *size, struct mri_workload_question question, uint32_t *ordinals)
{
    struct mri_query query = mri_query_all;
    struct mri_query_result result;
    query.symbol = question.symbol;
    query.state = (uint32_t)question.state;
    query.limit = MRI_WORKLOAD_LATEST;
    check(
        mri_shared_query_run(&size->bus->state.table, size->bus->alloc, &query, ordinals, &result),
        NULL, "a question without text");
    return result.count;
}

static void check_answers(struct size *size)
{
    for (uint32_t i = 0; i < CHECKS; i++) {
        uint32_t wanted[MRI_WORKLOAD_LATEST];
        mr_ordinal found[MRI_WORKLOAD_LATEST];
        uint32_t planned[MRI_WORKLOAD_LATEST];
        char text[128];
        struct mri_workload_question question = mri_workload_question(i, size->symbols);
        uint32_t count = mri_workload_answer(question, size->signals, size->symbols, wanted);
        write_question(question, text, sizeof(text));
        bool is_same = ask(size, text, found, MRI_WORKLOAD_LATEST) == count &&
                       ask_planned(size, question, planned) == count &&
                       memcmp(found, wanted, count * sizeof(*found)) == 0 &&
                       memcmp(planned, wanted, count * sizeof(*found)) == 0;
        if (!is_same) {
            stop(size->name, "an answer is not what looking at every signal finds");
        }
    }
}

/** Questions of one turn, each timed. Returns something of the answers. */
static uint64_t time_latest(struct size *size, unsigned turn)
{
    mr_ordinal found[MRI_WORKLOAD_LATEST];
    uint32_t planned[MRI_WORKLOAD_LATEST];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < QUESTIONS; i++) {
        char text[128];
        unsigned at = turn * (QUESTIONS / STATES) + i / STATES;
        struct mri_workload_question question =
            mri_workload_question(turn * QUESTIONS + i, size->symbols);
        write_question(question, text, sizeof(text));
        int64_t began = mri_harness_ns();
        sum += ask(size, text, found, MRI_WORKLOAD_LATEST);
        size->latest_ns[i % STATES][at] = mri_harness_ns() - began;
    }
    for (uint32_t i = 0; i < QUESTIONS / STATES; i++) { /* other symbols than just now */
        struct mri_workload_question question =
            mri_workload_question((TURNS + turn) * QUESTIONS + i * STATES + 2, size->symbols);
        int64_t began = mri_harness_ns();
        sum += ask_planned(size, question, planned);
        size->planned_ns[turn * (QUESTIONS / STATES) + i] = mri_harness_ns() - began;
    }
    return sum;
}

/** By number: of the newest ones, and of all. By id, and counting. */
static uint64_t time_lookups(struct size *size, unsigned turn)
{
    static char ids[LOOKUPS / 10][MR_BUS_ID_BYTES];
    struct mri_prng prng;
    mr_signal signal = {0};
    uint64_t counts[MR_STATE_COUNT];
    uint64_t sum = 0;
    mri_prng_init(&prng, turn + 1);
    for (unsigned any = 0; any < 2; any++) {
        uint32_t among = any == 0 && size->signals > NEWEST ? NEWEST : size->signals;
        int64_t began = mri_harness_ns();
        for (uint32_t i = 0; i < LOOKUPS; i++) {
            mr_ordinal ordinal = {size->signals - (uint32_t)mri_prng_below(&prng, among)};
            check(mr_bus_get(size->bus, ordinal, &signal), NULL, "get");
            sum += signal.moved.n;
        }
        (any == 0 ? size->get_ps : size->get_any_ps)[turn] = each_ps(began, LOOKUPS);
    }
    for (uint32_t i = 0; i < LOOKUPS / 10; i++) {
        mr_ordinal ordinal = {size->signals - (uint32_t)mri_prng_below(&prng, size->signals)};
        check(mr_bus_id(size->bus, ordinal, ids[i]), NULL, "an id");
    }
    int64_t began = mri_harness_ns();
    for (uint32_t i = 0; i < LOOKUPS / 10; i++) {
        mr_ordinal ordinal;
        check(mr_bus_find(size->bus, ids[i], &ordinal), NULL, "find");
        check(mr_bus_get(size->bus, ordinal, &signal), NULL, "get");
        sum += signal.ordinal.n;
    }
    size->find_ps[turn] = each_ps(began, LOOKUPS / 10);
    began = mri_harness_ns();
    for (uint32_t i = 0; i < LOOKUPS; i++) {
        check(mr_bus_counts(size->bus, counts, NULL), NULL, "counts");
        sum += counts[MR_GENERATED];
    }
    size->counts_ps[turn] = each_ps(began, LOOKUPS);
    return sum;
}

/* ---- what no array lists --------------------------------------------------------------------- */

static uint32_t count_rare(uint32_t signals, unsigned kind)
{
    uint32_t count = 0;
    for (uint32_t i = 1; i <= signals; i++) {
        count += kind == 0 ? mri_workload_has_rare_name(i) : mri_workload_has_rare_gate(i);
    }
    return count;
}

/** One in a hundred thousand: of a name, and of a gate in a range of times that all are in. */
static void time_filters(struct size *size)
{
    static const char *const names[FILTERS] = {"name", "gate"};
    static mr_ordinal found[FOUND_MAX];
    for (unsigned kind = 0; kind < FILTERS; kind++) {
        const char *text = kind == 0 ? "name = rare" : "age < 7d and gate = cooldown";
        int64_t took_ns[TURNS];
        char name[64];
        uint32_t wanted = count_rare(size->signals, kind);
        if (wanted >= FOUND_MAX || wanted == 0) {
            continue; /* too few signals for one of them */
        }
        for (unsigned turn = 0; turn < TURNS; turn++) {
            int64_t began = mri_harness_ns();
            uint32_t count = ask(size, text, found, FOUND_MAX);
            took_ns[turn] = mri_harness_ns() - began;
            if (count != wanted) {
                stop(text, "not as many as there are");
            }
        }
        (void)snprintf(name, sizeof(name), "signals_filter_%s_ms", names[kind]);
        mri_harness_result(name, (double)mri_harness_median(took_ns, TURNS) / 1e6);
    }
}

/* ---- changing -------------------------------------------------------------------------------- */

static void shuffle(uint32_t *ordinals, uint32_t count, uint32_t first)
{
    struct mri_prng prng;
    mri_prng_init(&prng, first);
    for (uint32_t i = 0; i < count; i++) {
        ordinals[i] = first + i;
    }
    for (uint32_t i = count; i > 1; i--) {
        uint32_t other = (uint32_t)mri_prng_below(&prng, i);
        uint32_t kept = ordinals[i - 1];
        ordinals[i - 1] = ordinals[other];
        ordinals[other] = kept;
    }
}

/** One by one, bursts behind a sync as in bus_bench.c; moved in any order. */
static void time_changes(struct size *size, unsigned turn)
{
    static uint32_t ordinals[BURST];
    static char symbols[SYMBOLS][MRI_WORKLOAD_SYMBOL_BYTES];
    mr_problem problem = {""};
    for (uint32_t i = 0; i < size->symbols; i++) {
        mri_workload_symbol_text(i, symbols[i]);
    }
    shuffle(ordinals, BURST, size->emitted + 1);
    check(mr_log_sync(size->bus->log), NULL, "sync");
    int64_t began = mri_harness_ns();
    for (uint32_t i = 0; i < BURST; i++) {
        const mr_emission emission = {
            .symbol = symbols[mri_workload_symbol(ordinals[i], size->symbols)],
            .source = "bench",
            .side = MR_LONG,
            .confidence = 0.7,
            .data = mri_workload_data()};
        check(mr_bus_emit(size->bus, &emission, 1, MR_ASYNC, NULL, &problem), &problem, "emit");
    }
    size->emit_ps[turn] = each_ps(began, BURST);
    check(mr_log_sync(size->bus->log), NULL, "sync");
    began = mri_harness_ns();
    for (uint32_t i = 0; i < BURST; i++) {
        const mr_move move = {.ordinal = {ordinals[i]},
            .from = MR_GENERATED,
            .to = MR_BLOCKED,
            .gate = "external",
            .reason = "external"};
        check(mr_bus_move(size->bus, &move, 1, MR_ASYNC, NULL, &problem), &problem, "move");
    }
    size->move_ps[turn] = each_ps(began, BURST);
    size->emitted += BURST;
}

/* ---- health ---------------------------------------------------------------------------------- */

/** Of who follows the log, as the screens do. */
static void time_health(const struct size *size)
{
    static struct mri_fold fold;
    struct mri_config config;
    check(mri_config_default(&config, mri_alloc_system()), NULL, "a configuration");
    config.limits_symbols_max = SYMBOLS;
    const struct mri_fold_options options = {.os = mri_os_linux(),
        .alloc = mri_alloc_system(),
        .folder = size->folder,
        .parse = mri_yaml_config,
        .config = &config};
    const struct mri_health_pending pending = {.inputs = size->emitted};
    struct mri_health health;
    mr_problem problem = {""};
    char name[64];
    int64_t took_ns[TURNS * 100];
    check(mri_fold_init(&fold, &options, &problem), &problem, "a fold");
    for (size_t i = 0; i < TURNS * 100; i++) {
        int64_t began = mri_harness_ns();
        mri_health_look(&fold, &pending, &health);
        took_ns[i] = mri_harness_ns() - began;
    }
    if (fold.bus.slots.count != size->emitted || health.pending.inputs != size->emitted) {
        stop("health", "not as many signals as there are");
    }
    (void)snprintf(name, sizeof(name), "signals_health_%s_ns", size->name);
    mri_harness_result(name, (double)mri_harness_median(took_ns, TURNS * 100));
    mri_fold_fini(&fold);
    mri_config_fini(&config);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void tell(const char *what, const struct size *size, double value)
{
    char name[96];
    (void)snprintf(name, sizeof(name), "signals_%s_%s", what, size->name);
    mri_harness_result(name, value);
}

static void tell_size(struct size *size)
{
    char name[96];
    for (unsigned state = 0; state < STATES; state++) {
        (void)snprintf(
            name, sizeof(name), "signals_latest_%s_us_%s", state_names[state], size->name);
        mri_harness_percentiles(name, size->latest_ns[state], TURNS * QUESTIONS / STATES, 1000);
    }
    (void)snprintf(name, sizeof(name), "signals_planned_us_%s", size->name);
    mri_harness_percentiles(name, size->planned_ns, TURNS * QUESTIONS / STATES, 1000);
    tell("count", size, size->signals);
    tell("symbols", size, size->symbols);
    tell("get_ns", size, (double)mri_harness_median(size->get_ps, TURNS) / 1000);
    tell("get_any_ns", size, (double)mri_harness_median(size->get_any_ps, TURNS) / 1000);
    tell("find_ns", size, (double)mri_harness_median(size->find_ps, TURNS) / 1000);
    tell("counts_ns", size, (double)mri_harness_median(size->counts_ps, TURNS) / 1000);
    tell("emit_ns", size, (double)mri_harness_median(size->emit_ps, TURNS) / 1000);
    tell("move_ns", size, (double)mri_harness_median(size->move_ps, TURNS) / 1000);
}

/** What a larger table takes more, by how many more signals it has room for. */
static void tell_memory(void)
{
    const struct size *small = &sizes[0];
    const struct size *large = &sizes[2];
    const struct mri_signal_limits limits[] = {
        {.slots_max = small->slots}, {.slots_max = large->slots}};
    double room = (double)mri_signal_table_room(&limits[1]) - mri_signal_table_room(&limits[0]);
    if (room > 0) {
        mri_harness_result(
            "signals_memory_bytes", (double)(large->memory_bytes - small->memory_bytes) / room);
    }
}

int main(int argc, char **argv)
{
    long largest = argc == 3 ? strtol(argv[2], NULL, 10) : LARGEST;
    uint64_t sum = 0;
    if (argc < 2 || argc > 3 || largest < LARGEST_MIN || largest > LARGEST) {
        stop("usage", "signals_bench FOLDER [LARGEST]      from 100000 to 10000000");
    }
    for (unsigned i = 0; i < SIZES; i++) {
        static const uint32_t parts[SIZES] = {100, 10, 1, 100};
        sizes[i].signals = (uint32_t)largest / parts[i];
        sizes[i].symbols = i == WIDE ? SYMBOLS : SYMBOLS / parts[i];
        make(&sizes[i], argv[1]);
        check_answers(&sizes[i]);
    }
    for (unsigned turn = 0; turn < TURNS; turn++) { /* in turns: a noisy moment hits all */
        for (unsigned i = 0; i < SIZES; i++) {
            sum += time_latest(&sizes[i], turn) + time_lookups(&sizes[i], turn);
        }
    }
    time_filters(&sizes[2]);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        for (unsigned i = 0; i < SIZES; i++) {
            time_changes(&sizes[i], turn);
        }
    }
    for (unsigned i = 0; i < SIZES; i++) {
        tell_size(&sizes[i]);
        time_health(&sizes[i]);
        mr_bus_close(sizes[i].bus);
    }
    tell_memory();
    if (sum == 0) {
        stop("asking", "nothing was there");
    }
    return 0;
}
