/* SPDX-License-Identifier: MIT */
/*
 * millrace weights: what was learned, with its uncertainty and its record.
 */
#include <string.h>

#include "base/check.h"
#include "base/exact_math.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/opened.h"
#include "cli/table.h"

enum { WEIGHTS_BYTES_MAX = 4 * 1024 * 1024, UNPROVEN_BELOW = 50 };

struct weights {
    struct mri_cli *cli;
    const struct mri_fold *fold;
    struct mri_buf text;
    mr_horizon horizon;
    uint32_t symbol; /**< UINT32_MAX: the global level alone */
};

/** A source's belief in one direction. */
struct belief_row {
    double mean;
    double sd;
    double ev_mean;
    double ev_sd;
    bool is_touched;
};

static const char *word(enum mri_vocabulary_id id, unsigned value)
{
    const char *text = mri_word_text(id, value);
    return text == NULL ? "?" : text;
}

static struct belief_row belief_of(const struct weights *weights, uint32_t source, double x)
{
    const struct mri_beliefs *beliefs = &weights->fold->wiring.learn.beliefs;
    const struct mri_row_term term = {.x = x, .source = (uint16_t)source};
    bool has_symbol = weights->symbol != UINT32_MAX;
    const struct mri_beliefs_place place = {
        .symbol = has_symbol ? weights->symbol : 0,
        .regime = MRI_REGIME_ABSENT,
        .horizon = weights->horizon,
    };
    struct belief_row row = {0};
    double variance = 0.0;
    double ev_variance = 0.0;
    unsigned levels = has_symbol ? 2 : 1;
    for (unsigned level = 0; level < levels; level++) {
        const struct mri_coefficient *coefficient =
            mri_beliefs_coefficient(beliefs, &place, level, &term);
        struct mri_coefficient now = mri_beliefs_relaxed(beliefs, level, coefficient);
        row.mean += now.mean;
        row.ev_mean += now.ev_mean;
        variance += now.variance;
        ev_variance += now.ev_variance;
        row.is_touched = row.is_touched || coefficient->touch_unix_ns != 0;
    }
    row.sd = mri_sqrt(variance);
    row.ev_sd = mri_sqrt(ev_variance);
    return row;
}

/** Is there anything to say about this source? */
static bool is_shown(const struct weights *weights, uint32_t source)
{
    return source < MRI_SOURCE_INTERNAL_COUNT ||
           (source >= MRI_SOURCE_EXTERNAL_FIRST && source < weights->fold->bus.sources.count);
}

static void put_rows(struct weights *weights, struct mri_table *table)
{
    const struct mri_learn *learn = &weights->fold->wiring.learn;
    for (uint32_t i = 0; i < weights->fold->bus.sources.count; i++) {
        if (!is_shown(weights, i)) {
            continue;
        }
        struct mri_slice name = mri_intern_text(&weights->fold->bus.sources, i);
        const struct mri_source_record *record = mri_learn_record(learn, i, weights->horizon);
        struct belief_row up = belief_of(weights, i, 1.0);
        struct belief_row down = belief_of(weights, i, -1.0);
        mri_table_cell(table, "%.*s", (int)name.count, name.bytes);
        mri_table_cell(table, "%+.4f +- %.4f", up.mean, up.sd);
        mri_table_cell(table, "%+.4f +- %.4f", down.mean, down.sd);
        mri_table_cell(table, "%+.4f +- %.4f", up.ev_mean, up.ev_sd);
        mri_table_cell(table, "%+.4f +- %.4f", down.ev_mean, down.ev_sd);
        mri_table_cell(table, "%llu", (unsigned long long)record->count);
        if (record->count < UNPROVEN_BELOW) {
            mri_table_cell(table, "unproven");
            mri_table_cell(table, "unproven");
        } else {
            mri_table_cell(table, "%.2f%%", 100.0 * (double)record->wins / (double)record->count);
            mri_table_cell(table, "%+.3f bps", record->return_bps_sum / (double)record->count);
        }
    }
}

static void put_mixture(struct weights *weights)
{
    const struct mri_beliefs *beliefs = &weights->fold->wiring.learn.beliefs;
    struct mri_table table;
    mri_buf_text(&weights->text, "mixture, and the calibrated static member's slope\n");
    mri_table_init(&table, weights->cli->alloc, "lrrrr");
    mri_table_cell(&table, "horizon");
    mri_table_cell(&table, "coin");
    mri_table_cell(&table, "static+Platt");
    mri_table_cell(&table, "pool");
    mri_table_cell(&table, "slope");
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        const double *log_weights = beliefs->horizons[h].log_weights;
        struct mri_belief slope = mri_beliefs_platt(beliefs, (mr_horizon)h);
        mri_table_cell(&table, "%s", word(MRI_VOCABULARY_horizon, h));
        for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
            mri_table_cell(&table, "%.4f", mri_exp(log_weights[j]));
        }
        mri_table_cell(&table, "%+.4f +- %.4f", slope.mean, mri_sqrt(slope.variance));
    }
    mri_table_print(&table, 2, &weights->text);
    mri_table_fini(&table);
}

static void put_text(struct weights *weights)
{
    struct mri_table table;
    const struct mri_names names = mri_names_of(weights->fold);
    mri_buf_printf(&weights->text,
        "coefficients at %s, %s%s, as of event %llu: log-odds of up, and return / volatility, per "
        "unit "
        "of evidence\n",
        word(MRI_VOCABULARY_horizon, weights->horizon),
        weights->symbol == UINT32_MAX ? "all symbols" : "for ",
        weights->symbol == UINT32_MAX ? "" : mri_names_symbol(&names, weights->symbol),
        (unsigned long long)weights->fold->wiring.learn.beliefs.feedback_seq);
    mri_table_init(&table, weights->cli->alloc, "lrrrrrrr");
    mri_table_cell(&table, "source");
    mri_table_cell(&table, "long");
    mri_table_cell(&table, "short");
    mri_table_cell(&table, "return, long");
    mri_table_cell(&table, "return, short");
    mri_table_cell(&table, "outcomes");
    mri_table_cell(&table, "won");
    mri_table_cell(&table, "mean");
    put_rows(weights, &table);
    mri_table_print(&table, 2, &weights->text);
    mri_table_fini(&table);
    put_mixture(weights);
}

static void json_source(struct weights *weights, uint32_t source, struct mri_json_writer *json)
{
    const struct mri_source_record *record =
        mri_learn_record(&weights->fold->wiring.learn, source, weights->horizon);
    struct belief_row up = belief_of(weights, source, 1.0);
    struct belief_row down = belief_of(weights, source, -1.0);
    mri_json_write_object_open(json);
    mri_json_write_key(json, "source");
    mri_json_write_text(json, mri_intern_text(&weights->fold->bus.sources, source));
    mri_json_put_number(json, "long", up.mean);
    mri_json_put_number(json, "long_sd", up.sd);
    mri_json_put_number(json, "short", down.mean);
    mri_json_put_number(json, "short_sd", down.sd);
    mri_json_put_number(json, "return_long", up.ev_mean);
    mri_json_put_number(json, "return_long_sd", up.ev_sd);
    mri_json_put_number(json, "return_short", down.ev_mean);
    mri_json_put_number(json, "return_short_sd", down.ev_sd);
    mri_json_put_bool(json, "taught", up.is_touched || down.is_touched);
    mri_json_put_count(json, "outcomes", record->count);
    mri_json_put_count(json, "won", record->wins);
    mri_json_put_number(json, "return_bps_sum", record->return_bps_sum);
    mri_json_write_object_close(json);
}

static void put_json(struct weights *weights)
{
    struct mri_json_writer json;
    const struct mri_beliefs *beliefs = &weights->fold->wiring.learn.beliefs;
    mri_json_write_begin(&json, &weights->text);
    mri_json_write_object_open(&json);
    mri_json_put_text(&json, "horizon", word(MRI_VOCABULARY_horizon, weights->horizon));
    mri_json_put_count(&json, "feedback_seq", beliefs->feedback_seq);
    mri_json_write_key(&json, "sources");
    mri_json_write_array_open(&json);
    for (uint32_t i = 0; i < weights->fold->bus.sources.count; i++) {
        if (is_shown(weights, i)) {
            json_source(weights, i, &json);
        }
    }
    mri_json_write_array_close(&json);
    mri_json_write_key(&json, "mixture");
    mri_json_write_object_open(&json);
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        const double *log_weights = beliefs->horizons[h].log_weights;
        mri_json_write_key(&json, word(MRI_VOCABULARY_horizon, h));
        mri_json_write_object_open(&json);
        mri_json_put_number(&json, "coin", mri_exp(log_weights[MRI_MEMBER_COIN]));
        mri_json_put_number(&json, "static_platt", mri_exp(log_weights[MRI_MEMBER_PLATT]));
        mri_json_put_number(&json, "pool", mri_exp(log_weights[MRI_MEMBER_POOL]));
        mri_json_put_number(&json, "platt_slope", mri_beliefs_platt(beliefs, (mr_horizon)h).mean);
        mri_json_write_object_close(&json);
    }
    mri_json_write_object_close(&json);
    mri_json_write_object_close(&json);
    mri_buf_text(&weights->text, "\n");
}

static enum mri_exit read_options(struct weights *weights, const struct mri_opened *opened)
{
    const struct mri_cli *cli = weights->cli;
    const char *horizon = mri_options_get(cli->options, "horizon");
    weights->horizon = MR_HORIZON_15M;
    if (horizon != NULL && mri_horizon_parse(mri_slice_of(horizon), &weights->horizon) != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE,
            "--horizon: expected 1m, 5m, 15m, 30m or 1h, found \"%s\"", horizon);
    }
    weights->symbol = UINT32_MAX;
    return mri_opened_name(cli, opened, "symbol", MRI_NAME_SYMBOL, &weights->symbol);
}

static enum mri_exit cmd_weights(struct mri_cli *cli)
{
    struct mri_opened *opened;
    enum mri_exit exit = mri_opened_open(cli, &opened);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    struct weights weights = {.cli = cli, .fold = &opened->fold};
    exit = read_options(&weights, opened);
    if (exit == MRI_EXIT_OK) {
        mri_buf_init(&weights.text, cli->alloc, WEIGHTS_BYTES_MAX);
        if (cli->is_json) {
            put_json(&weights);
        } else {
            put_text(&weights);
        }
        exit = mri_cli_print(cli, &weights.text);
        mri_buf_fini(&weights.text);
    }
    return mri_opened_close(cli, opened, exit);
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"horizon", "H", "1m, 5m, 15m, 30m or 1h; default: 15m"},
    {"symbol", "SYMBOL", "add the symbol's own deviation"},
    MRI_OPTION_JSON,
};

const struct mri_command mri_cmd_weights = {
    .name = "weights",
    .summary = "what was learned about each source, with its uncertainty",
    .arguments = "",
    .about = "Positive: the source was right in this direction; negative: it was wrong, and counts "
             "for the\n"
             "other side. With fewer than 50 outcomes a record is shown as unproven.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .needs_folder = true,
    .run = cmd_weights,
};
