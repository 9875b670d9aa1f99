/* SPDX-License-Identifier: MIT */
/*
 * What a bus does, done by one store: signals emitted and moved one by one, looked up, the latest
 * of a symbol and state, counts. Answers are compared with what looking at every signal finds
 * before they are timed. bus_python.py does the same in Python.
 *
 * usage: stores_bench                        names and settings of the stores that were built
 *        stores_bench FOLDER STORE SIGNALS
 */
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/harness.h"
#include "bench/store.h"

enum { SYMBOLS = 20, SIGNALS_MAX = 300000, CHECKS = 60, ASKED_MAX = 50000 };

#define ASKING_NS               700000000 /* of each kind of question, at the longest */

#define MRI_STORE_DECLARE(name) extern const struct mri_store mri_store_##name;
MRI_STORE_LIST(MRI_STORE_DECLARE)
#undef MRI_STORE_DECLARE

static const struct mri_store *const stores[] = {
#define MRI_STORE_ROW(name) &mri_store_##name,
    MRI_STORE_LIST(MRI_STORE_ROW)
#undef MRI_STORE_ROW
};

static int64_t samples[ASKED_MAX];

static void stop(const char *what, const char *why)
{
    (void)fprintf(stderr, "stores_bench: %s: %s\n", what, why);
    exit(1);
}

mr_state mri_store_state(const char *text)
{
    mr_state state = MR_GENERATED;
    if (mr_state_parse(text, &state) != MR_OK) {
        stop(text, "no state");
    }
    return state;
}

uint32_t mri_store_symbol(const char *text)
{
    return strncmp(text, "SYM", 3) == 0 ? (uint32_t)strtoul(text + 3, NULL, 10) : UINT32_MAX;
}

/* ---- changing -------------------------------------------------------------------------------- */

static void emit_all(const struct mri_store *store, uint32_t signals)
{
    static char symbols[SYMBOLS][MRI_WORKLOAD_SYMBOL_BYTES];
    for (uint32_t i = 0; i < SYMBOLS; i++) {
        mri_workload_symbol_text(i, symbols[i]);
    }
    int64_t began = mri_harness_ns();
    for (uint32_t i = 1; i <= signals; i++) {
        uint32_t symbol = mri_workload_symbol(i, SYMBOLS);
        const struct mri_store_signal signal = {.ordinal = i,
            .symbol = symbol,
            .side = i % 2 != 0 ? MR_LONG : MR_SHORT,
            .confidence = 0.7,
            .symbol_text = symbols[symbol],
            .source = "bench",
            .data = mri_workload_data()};
        store->emit(&signal);
    }
    mri_harness_result("emit_ns", (double)(mri_harness_ns() - began) / signals);
}

static void move_all(const struct mri_store *store, uint32_t signals)
{
    uint32_t count = 0;
    int64_t began = mri_harness_ns();
    for (uint32_t i = 1; i <= signals; i++) {
        mr_move moves[MRI_WORKLOAD_MOVES_MAX];
        size_t of_one = mri_workload_moves(i, moves);
        for (size_t k = 0; k < of_one; k++, count++) {
            store->move(&moves[k]);
        }
    }
    mri_harness_result("move_ns", (double)(mri_harness_ns() - began) / count);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void check_counts(const struct mri_store *store, uint32_t signals)
{
    uint64_t wanted[MR_STATE_COUNT] = {0};
    uint64_t found[MR_STATE_COUNT] = {0};
    for (uint32_t i = 1; i <= signals; i++) {
        wanted[mri_workload_state(i)]++;
    }
    store->counts(found);
    if (memcmp(wanted, found, sizeof(found)) != 0) {
        stop(store->name, "its counts are wrong");
    }
}

static void check_answers(const struct mri_store *store, uint32_t signals)
{
    check_counts(store, signals);
    for (uint32_t i = 0; i < CHECKS; i++) {
        uint32_t wanted[MRI_WORKLOAD_LATEST];
        uint32_t latest[MRI_WORKLOAD_LATEST];
        struct mri_workload_question question = mri_workload_question(i, SYMBOLS);
        uint32_t count = mri_workload_answer(question, signals, SYMBOLS, wanted);
        bool is_same = store->latest(question, latest) == count &&
                       memcmp(latest, wanted, count * sizeof(*wanted)) == 0;
        uint32_t ordinal = i * 997 % signals + 1;
        struct mri_store_found found = store->get(ordinal);
        if (!is_same || found.state != mri_workload_state(ordinal) ||
            found.symbol != mri_workload_symbol(ordinal, SYMBOLS)) {
            stop(store->name, "an answer is not what looking at every signal finds");
        }
    }
}

/** Each kind of question for a time, in no order of signals and symbols. */
static void ask_all(const struct mri_store *store, uint32_t signals)
{
    uint32_t latest[MRI_WORKLOAD_LATEST];
    uint64_t counts[MR_STATE_COUNT];
    uint32_t asked = 0;
    int64_t began = mri_harness_ns();
    int64_t now = began;
    for (; asked < ASKED_MAX && now - began < ASKING_NS; asked++) {
        (void)store->get(asked * 7919 % signals + 1);
        now = asked % 16 == 0 ? mri_harness_ns() : now;
    }
    mri_harness_result("get_ns", (double)(mri_harness_ns() - began) / asked);
    began = now = mri_harness_ns();
    for (asked = 0; asked < ASKED_MAX && now - began < ASKING_NS; asked++) {
        int64_t before = mri_harness_ns();
        (void)store->latest(mri_workload_question(asked, SYMBOLS), latest);
        now = mri_harness_ns();
        samples[asked] = now - before;
    }
    mri_harness_percentiles("latest_ns", samples, asked, 1);
    began = now = mri_harness_ns();
    for (asked = 0; asked < ASKED_MAX && now - began < ASKING_NS; asked++) {
        store->counts(counts);
        now = asked % 16 == 0 ? mri_harness_ns() : now;
    }
    mri_harness_result("counts_ns", (double)(mri_harness_ns() - began) / asked);
}

/* ---- the whole ------------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    char parent[PATH_MAX];
    char folder[PATH_MAX + 64];
    const struct mri_store *store = NULL;
    for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
        if (argc == 1) {
            mri_harness_text(stores[i]->name, stores[i]->settings);
        } else if (argc == 4 && strcmp(stores[i]->name, argv[2]) == 0) {
            store = stores[i];
        }
    }
    if (argc == 1) {
        return 0;
    }
    long signals = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
    if (store == NULL || signals < 1000 || signals > SIGNALS_MAX) {
        stop("usage", "stores_bench FOLDER STORE SIGNALS      from 1000 to 300000");
    }
    mri_harness_must(realpath(argv[1], parent) == NULL ? MR_EPATH : MR_OK, argv[1]);
    (void)snprintf(folder, sizeof(folder), "%s/%s", parent, store->name);
    mri_harness_must(mkdir(folder, 0711) == 0 ? MR_OK : MR_EPATH, folder);
    store->start(folder);
    emit_all(store, (uint32_t)signals);
    move_all(store, (uint32_t)signals);
    if (store->settle != NULL) {
        store->settle();
    }
    check_answers(store, (uint32_t)signals);
    ask_all(store, (uint32_t)signals);
    store->stop();
    return 0;
}
