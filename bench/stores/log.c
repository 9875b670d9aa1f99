/* SPDX-License-Identifier: MIT */
/*
 * The bus by its public functions.
 */
#include <stdio.h>
#include <string.h>

#include "bench/harness.h"
#include "bench/store.h"

enum { SLOTS = 524288, SYMBOLS = 20 };

static mr_bus *bus;

static void log_start(const char *folder)
{
    char path[4352];
    (void)snprintf(path, sizeof(path), "%s/log", folder);
    mri_workload_make_log(path, SLOTS, SYMBOLS);
    mri_harness_must(mr_bus_open(path, &bus, NULL), "the bus");
}

static void log_stop(void)
{
    mr_bus_close(bus);
}

static void log_emit(const struct mri_store_signal *signal)
{
    const mr_emission emission = {.symbol = signal->symbol_text,
        .source = signal->source,
        .side = signal->side,
        .confidence = signal->confidence,
        .data = signal->data};
    mri_harness_must(mr_bus_emit(bus, &emission, 1, MR_ASYNC, NULL, NULL), "emit");
}

static void log_move(const mr_move *move)
{
    mri_harness_must(mr_bus_move(bus, move, 1, MR_ASYNC, NULL, NULL), "move");
}

static struct mri_store_found log_get(uint32_t ordinal)
{
    mr_signal signal;
    mri_harness_must(mr_bus_get(bus, (mr_ordinal){ordinal}, &signal), "get");
    return (struct mri_store_found){signal.state, mri_store_symbol(signal.symbol)};
}

static uint32_t log_latest(struct mri_workload_question question, uint32_t *ordinals)
{
    char symbol[MRI_WORKLOAD_SYMBOL_BYTES];
    char text[128];
    mr_ordinal found[MRI_WORKLOAD_LATEST];
    mr_bus_page page = {.ordinals = found, .room = MRI_WORKLOAD_LATEST};
    mri_workload_symbol_text(question.symbol, symbol);
    (void)snprintf(
        text, sizeof(text), "symbol = %s and state = %s", symbol, mr_state_text(question.state));
    mri_harness_must(mr_bus_query(bus, text, &page, NULL), "the latest");
    for (uint32_t i = 0; i < page.count; i++) {
        ordinals[i] = found[i].n;
    }
    return page.count;
}

static void log_counts(uint64_t ret_counts[MR_STATE_COUNT])
{
    mri_harness_must(mr_bus_counts(bus, ret_counts, NULL), "counts");
}

const struct mri_store mri_store_log = {
    .name = "log",
    .settings = "mr_bus_emit() and mr_bus_move() with MR_ASYNC, one by one; mr_bus_query() with "
                "the text of the question",
    .start = log_start,
    .stop = log_stop,
    .emit = log_emit,
    .move = log_move,
    .get = log_get,
    .latest = log_latest,
    .counts = log_counts,
};
