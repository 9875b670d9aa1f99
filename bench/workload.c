/* SPDX-License-Identifier: MIT */
/*
 * Signals for the benchmarks of the bus, and a log for them.
 */
#include "bench/workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/bus_api.h"
#include "base/hash.h"
#include "bench/harness.h"

enum { BODY_BYTES = 192, RARE = 100000, RARE_BLOCKED = 30000, SYMBOLS_MAX = 1024 };

/** What is different for different purposes. */
enum { SALT_SYMBOL = 0x1000193, SALT_STATE = 0x5bd1e995, SALT_NAME = 0x2545f491, SALT_GATE = 77 };

static uint32_t mix(uint32_t number, uint32_t salt)
{
    uint32_t mixed = (number ^ salt) * 2654435761U;
    mixed = (mixed ^ mixed >> 16) * 0x45d9f3bU;
    mixed = (mixed ^ mixed >> 15) * 0x2c1b3c6dU;
    return mixed ^ mixed >> 16;
}

uint32_t mri_workload_symbol(uint32_t ordinal, uint32_t symbols)
{
    return mix(ordinal, SALT_SYMBOL) % symbols;
}

mr_state mri_workload_state(uint32_t ordinal)
{
    uint32_t percent = mix(ordinal, SALT_STATE) % 100;
    return percent == 0 ? MR_APPROVED : percent <= 30 ? MR_BLOCKED : MR_GENERATED;
}

bool mri_workload_has_rare_name(uint32_t ordinal)
{
    return mix(ordinal, SALT_NAME) % RARE == 0;
}

bool mri_workload_has_rare_gate(uint32_t ordinal)
{
    return mix(ordinal, SALT_GATE) % RARE_BLOCKED == 0 && mri_workload_state(ordinal) == MR_BLOCKED;
}

void mri_workload_symbol_text(uint32_t symbol, char ret_text[MRI_WORKLOAD_SYMBOL_BYTES])
{
    (void)snprintf(ret_text, MRI_WORKLOAD_SYMBOL_BYTES, "SYM%u", symbol);
}

size_t mri_workload_moves(uint32_t ordinal, mr_move ret_moves[MRI_WORKLOAD_MOVES_MAX])
{
    mr_state state = mri_workload_state(ordinal);
    if (state == MR_GENERATED) {
        return 0;
    }
    if (state == MR_BLOCKED) {
        ret_moves[0] = (mr_move){.ordinal = {ordinal},
            .from = MR_GENERATED,
            .to = MR_BLOCKED,
            .gate = mri_workload_has_rare_gate(ordinal) ? "cooldown" : "external",
            .reason = "external"};
        return 1;
    }
    ret_moves[0] = (mr_move){.ordinal = {ordinal}, .from = MR_GENERATED, .to = MR_EVALUATING};
    ret_moves[1] = (mr_move){.ordinal = {ordinal}, .from = MR_EVALUATING, .to = MR_APPROVED};
    return 2;
}

struct mri_workload_question mri_workload_question(uint32_t number, uint32_t symbols)
{
    static const mr_state states[] = {MR_GENERATED, MR_BLOCKED, MR_APPROVED};
    return (struct mri_workload_question){
        .symbol = mix(number, 1) % symbols, .state = states[number % 3]};
}

uint32_t mri_workload_answer(
    struct mri_workload_question question, uint32_t count, uint32_t symbols, uint32_t *ordinals)
{
    uint32_t found = 0;
    for (uint32_t i = count; i > 0 && found < MRI_WORKLOAD_LATEST; i--) {
        if (mri_workload_symbol(i, symbols) == question.symbol &&
            mri_workload_state(i) == question.state) {
            ordinals[found++] = i;
        }
    }
    return found;
}

const char *mri_workload_data(void)
{
    static char data[MRI_WORKLOAD_DATA_BYTES];
    size_t fixed = sizeof(struct mri_signal_generated) + 5 * 2 + 4 + 2 * strlen("bench");
    (void)snprintf(data, sizeof(data), "{\"why\": \"%*s\"}", (int)(BODY_BYTES - fixed - 11), "x");
    return data;
}

/* ---- a log ----------------------------------------------------------------------------------- */

static void must(mr_err err, const mr_problem *problem, const char *what)
{
    if (err != MR_OK) {
        (void)fprintf(stderr, "%s: %s\n", what,
            problem == NULL || problem->text[0] == '\0' ? mr_err_text(err) : problem->text);
        exit(1);
    }
}

/** The configuration in force: as built in, with room for the symbols. */
static void draft_config(struct mri_batch *batch)
{
    struct mri_config config;
    struct mri_buf text;
    must(mri_config_default(&config, mri_alloc_system()), NULL, "a configuration");
    config.limits_symbols_max = SYMBOLS_MAX;
    mri_buf_init(&text, mri_alloc_system(), MRI_CONFIG_TEXT_BYTES_MAX);
    mri_config_print(&config, &text);
    must(text.err, NULL, "a configuration");
    const struct mri_config_changed body = {.text_hash = mri_hash(text.bytes, text.count)};
    const struct mri_draft draft = {.type = MRI_EVENT_CONFIG,
        .fixed = &body,
        .texts = {{(const char *)text.bytes, text.count}}};
    must(mri_batch_add(batch, &draft, 0), NULL, "a configuration");
    mri_buf_fini(&text);
    mri_config_fini(&config);
}

static void draft_symbols(struct mri_batch *batch, uint32_t symbols)
{
    for (uint32_t i = 0; i < symbols; i++) {
        struct mri_instrument_spec spec = {.venue = "venue",
            .quote_currency = "USDT",
            .price_decimals = 2,
            .quantity_decimals = 3,
            .tick = 1,
            .lot = 1,
            .quantity_min = 1,
            .multiplier = 1};
        mri_workload_symbol_text(i, spec.symbol);
        mri_workload_symbol_text(i, spec.native_name);
        must(mri_instrument_draft(batch, &spec, i), NULL, "a symbol");
    }
}

void mri_workload_make_log(const char *folder, uint32_t slots, uint32_t symbols)
{
    char text[16];
    const mr_log_attribute attributes[] = {
        {MRI_ATTRIBUTE_TIME, "live"}, {MRI_ATTRIBUTE_TABLE_SIGNALS, text}};
    const mr_log_options options = {
        .is_create = true, .attributes = attributes, .attribute_count = 2};
    const struct mri_bus_limits limits = {
        .slots = {.signals_max = 1000, .symbols_max = SYMBOLS_MAX, .sources_max = 64},
        .names_max = 64};
    struct mri_bus bus;
    struct mri_batch batch;
    mr_log *log;
    mr_problem problem = {""};
    (void)snprintf(text, sizeof(text), "%u", slots);
    must(mri_shared_state_open_log(
             mri_os_linux(), mri_alloc_system(), folder, &options, &log, &problem),
        &problem, "a log");
    must(mri_bus_init(&bus, mri_alloc_system(), &limits, log), NULL, "a bus");
    must(mri_batch_init(&batch, mri_alloc_system(), symbols + 1, 1 << 20), NULL, "a batch");
    mri_bus_begin(&bus, &batch);
    draft_config(&batch);
    draft_symbols(&batch, symbols);
    must(mri_bus_append(&bus, &batch, MR_ASYNC, NULL, NULL), NULL, "the first events");
    mri_batch_fini(&batch);
    mri_bus_fini(&bus);
    mr_log_close(log);
}
