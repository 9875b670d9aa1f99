/* SPDX-License-Identifier: MIT */
/*
 * millrace query: signals that match a condition, or flags.
 */
#include "base/check.h"
#include "base/text.h"
#include "base/utc.h"
#include "bus/query.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/opened.h"
#include "cli/table.h"

enum {
    PIECE_ROWS = 1000,
    PIECE_BYTES_MAX = 16 * 1024 * 1024,
    LIMIT_MAX = 1000000,
    LIMIT_DEFAULT = 20
};

static const char *word(enum mri_vocabulary_id id, unsigned value)
{
    const char *text = mri_word_text(id, value);
    return text == NULL ? "?" : text;
}

/** A time given with an option: absolute, or an age (2h) before the newest event. */
static enum mri_exit read_time(
    const struct mri_cli *cli, const struct mri_opened *opened, const char *name, int64_t *time)
{
    const char *text = mri_options_get(cli->options, name);
    int64_t age;
    if (text == NULL) {
        return MRI_EXIT_OK;
    }
    if (mri_utc_parse_duration(mri_slice_of(text), &age) == MR_OK) {
        *time = opened->fold.bus.event_time_unix_ns - age;
        return MRI_EXIT_OK;
    }
    if (mri_utc_parse(mri_slice_of(text), time) == MR_OK) {
        return MRI_EXIT_OK;
    }
    return mri_cli_fail(cli, MRI_EXIT_USAGE,
        "--%s: expected a time (2025-05-04T15:34Z) or an age before the newest event (90s, 2h, "
        "7d), "
        "found \"%s\"",
        name, text);
}

/** A text that must be in a table of names; nothing matches when it is not. */
static void find_text(
    const struct mri_intern *table, const char *text, uint32_t *number, bool *is_impossible)
{
    if (text != NULL && mri_intern_find(table, mri_slice_of(text), number) != MR_OK) {
        *is_impossible = true;
    }
}

/* ---- the condition --------------------------------------------------------------------------- */

static mr_err find_symbol(const void *context, struct mri_slice name, uint32_t *ret_number)
{
    const struct mri_opened *opened = context;
    return mri_instruments_find(&opened->fold.wiring.market.instruments, name, ret_number);
}

static mr_err find_source(const void *context, struct mri_slice name, uint32_t *ret_number)
{
    const struct mri_opened *opened = context;
    return mri_intern_find(&opened->fold.bus.sources, name, ret_number);
}

static mr_err find_name(const void *context, struct mri_slice name, uint32_t *ret_number)
{
    const struct mri_opened *opened = context;
    return mri_intern_find(&opened->fold.bus.names, name, ret_number);
}

/** The question, and a mark under what is wrong with it, if a terminal shows it as it is. */
static void point_at(
    const struct mri_cli *cli, struct mri_slice text, const struct mri_filter_fault *fault)
{
    struct mri_buf line;
    mri_buf_init(&line, cli->alloc, PIECE_BYTES_MAX);
    mri_text_escape(&line, text);
    if (line.err == MR_OK && line.count == text.count && fault->character > 0) {
        (void)fprintf(
            stderr, "  %.*s\n  %*s^\n", (int)text.count, text.bytes, (int)fault->character - 1, "");
    }
    mri_buf_fini(&line);
}

static enum mri_exit read_condition(const struct mri_cli *cli, const struct mri_opened *opened,
    struct mri_filter *filter, struct mri_query *query)
{
    const char *text = cli->options->arguments[0];
    const struct mri_filter_names names = {.context = opened,
        .symbol = find_symbol,
        .source = find_source,
        .name = find_name,
        .now_unix_ns = opened->fold.bus.event_time_unix_ns};
    mr_problem problem = {""};
    struct mri_filter_fault fault = {0};
    if (cli->options->argument_count == 0) {
        return MRI_EXIT_OK;
    }
    if (mri_filter_parse(mri_slice_of(text), &names, filter, &fault, &problem) != MR_OK) {
        enum mri_exit exit = mri_cli_fail(cli, MRI_EXIT_USAGE, "%s", problem.text);
        point_at(cli, mri_slice_of(text), &fault);
        return exit;
    }
    query->filter = filter;
    query->is_oldest_first = filter->is_oldest_first;
    query->limit = filter->limit != 0 ? filter->limit : query->limit;
    return MRI_EXIT_OK;
}

/** --after ID: the answer goes on behind this signal. */
static enum mri_exit read_after(
    const struct mri_cli *cli, const struct mri_opened *opened, struct mri_query *query)
{
    const char *text = mri_options_get(cli->options, "after");
    if (text == NULL) {
        return MRI_EXIT_OK;
    }
    query->beyond = mri_opened_signal(cli, opened, text);
    return query->beyond == 0 ? MRI_EXIT_NO : MRI_EXIT_OK;
}

/* ---- flags ----------------------------------------------------------------------------------- */

static enum mri_exit read_query(const struct mri_cli *cli, const struct mri_opened *opened,
    struct mri_query *query, bool *is_impossible)
{
    const struct mri_options *options = cli->options;
    const char *state = mri_options_get(options, "state");
    const char *symbol = mri_options_get(options, "symbol");
    uint64_t limit = query->limit;
    mr_problem problem = {""};
    if (state != NULL) {
        unsigned value;
        if (mri_word_parse(MRI_VOCABULARY_state, mri_slice_of(state), &value) != MR_OK) {
            return mri_cli_fail(cli, MRI_EXIT_USAGE,
                "--state: expected generated, evaluating, approved, executing, executed, blocked, "
                "expired or learned, found \"%s\"",
                state);
        }
        query->state = value;
    }
    if (symbol != NULL && mri_instruments_find(&opened->fold.wiring.market.instruments,
                              mri_slice_of(symbol), &query->symbol) != MR_OK) {
        return mri_cli_fail(
            cli, MRI_EXIT_USAGE, "--symbol: \"%s\" is not registered in this directory", symbol);
    }
    find_text(&opened->fold.bus.sources, mri_options_get(options, "source"), &query->source,
        is_impossible);
    find_text(
        &opened->fold.bus.names, mri_options_get(options, "name"), &query->name, is_impossible);
    if (mri_options_number(options, "limit", 1, LIMIT_MAX, &limit, &problem) == MR_REFUSED) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "%s", problem.text);
    }
    query->limit = (uint32_t)limit;
    enum mri_exit exit = read_time(cli, opened, "since", &query->since_unix_ns);
    return exit == MRI_EXIT_OK ? read_time(cli, opened, "until", &query->until_unix_ns) : exit;
}

static void put_row(const struct mri_opened *opened, uint32_t ordinal, struct mri_table *table)
{
    const struct mri_names names = mri_names_of(&opened->fold);
    const struct mri_slot *slot = mri_slots_get(&opened->fold.bus.slots, ordinal);
    struct mri_slice source = mri_intern_text(&opened->fold.bus.sources, slot->source);
    struct mri_slice name = mri_intern_text(&opened->fold.bus.names, slot->name);
    char id[MRI_IDENT_BYTES];
    char time[MRI_UTC_BYTES];
    mri_table_cell(table, "%s", mri_names_signal(&names, ordinal, id));
    mri_table_cell(table, "%.19sZ", mri_utc_format(slot->event_time_unix_ns, time));
    mri_table_cell(table, "%s", word(MRI_VOCABULARY_side, slot->side));
    mri_table_cell(table, "%.*s", (int)source.count, source.bytes);
    mri_table_cell(table, "%.*s", (int)name.count, name.bytes);
    if (slot->state == MR_LEARNED) {
        mri_table_cell(table, "learned, was %s", word(MRI_VOCABULARY_state, slot->ended));
    } else {
        mri_table_cell(table, "%s", word(MRI_VOCABULARY_state, slot->state));
    }
    mri_table_cell(
        table, "%s", slot->gate == MRI_GATE_NONE ? "" : word(MRI_VOCABULARY_gate, slot->gate));
    mri_table_cell(table, "%s", word(MRI_VOCABULARY_reason, slot->reason));
}

static void put_json(const struct mri_opened *opened, uint32_t ordinal, struct mri_buf *text)
{
    const struct mri_names names = mri_names_of(&opened->fold);
    const struct mri_slot *slot = mri_slots_get(&opened->fold.bus.slots, ordinal);
    struct mri_json_writer json;
    char id[MRI_IDENT_BYTES];
    mri_json_write_begin(&json, text);
    mri_json_write_object_open(&json);
    mri_json_put_text(&json, "id", mri_names_signal(&names, ordinal, id));
    mri_json_put_count(&json, "ordinal", ordinal);
    mri_json_put_time(&json, "time", slot->event_time_unix_ns);
    mri_json_put_text(&json, "symbol", mri_names_symbol(&names, slot->symbol));
    mri_json_put_text(&json, "side", word(MRI_VOCABULARY_side, slot->side));
    mri_json_write_key(&json, "source");
    mri_json_write_text(&json, mri_intern_text(&opened->fold.bus.sources, slot->source));
    mri_json_write_key(&json, "name");
    mri_json_write_text(&json, mri_intern_text(&opened->fold.bus.names, slot->name));
    mri_json_put_text(&json, "state", word(MRI_VOCABULARY_state, slot->state));
    if (slot->state == MR_LEARNED) {
        mri_json_put_text(&json, "ended", word(MRI_VOCABULARY_state, slot->ended));
    }
    if (slot->gate != MRI_GATE_NONE) {
        mri_json_put_text(&json, "gate", word(MRI_VOCABULARY_gate, slot->gate));
    }
    mri_json_put_text(&json, "reason", word(MRI_VOCABULARY_reason, slot->reason));
    mri_json_put_count(&json, "seq", slot->generated_seq);
    mri_json_put_count(&json, "last_seq", slot->last_seq);
    mri_json_write_object_close(&json);
    mri_buf_text(text, "\n");
}

/** Is the piece full, or the last? */
static bool is_piece_end(uint32_t index, uint32_t count)
{
    return (index + 1) % PIECE_ROWS == 0 || index + 1 == count;
}

/** How wide the columns are, over all rows. */
static mr_err measure(const struct mri_opened *opened, const uint32_t *ordinals, uint32_t count,
    struct mri_table *table)
{
    mr_err err = MR_OK;
    for (uint32_t i = 0; i < count && err == MR_OK; i++) {
        put_row(opened, ordinals[i], table);
        if (is_piece_end(i, count)) {
            err = mri_table_measure(table);
        }
    }
    return err;
}

/** Print the rows piece by piece, so that memory does not grow with --limit. */
static enum mri_exit print_rows(const struct mri_cli *cli, const struct mri_opened *opened,
    const uint32_t *ordinals, uint32_t count)
{
    struct mri_buf text;
    struct mri_table table;
    enum mri_exit exit = MRI_EXIT_OK;
    mri_buf_init(&text, cli->alloc, PIECE_BYTES_MAX);
    mri_table_init(&table, cli->alloc, "llllllll");
    text.err = cli->is_json ? MR_OK : measure(opened, ordinals, count, &table);
    for (uint32_t i = 0; i < count && exit == MRI_EXIT_OK && ferror(stdout) == 0; i++) {
        if (cli->is_json) {
            put_json(opened, ordinals[i], &text);
        } else {
            put_row(opened, ordinals[i], &table);
        }
        if (is_piece_end(i, count)) {
            mri_table_print(&table, 0, &text);
            exit = mri_cli_print(cli, &text);
            mri_buf_clear(&text);
            mri_table_clear(&table);
        }
    }
    mri_table_fini(&table);
    mri_buf_fini(&text);
    return exit;
}

static enum mri_exit print_result(const struct mri_cli *cli, const struct mri_opened *opened,
    const struct mri_query *query, const uint32_t *ordinals, const struct mri_query_result *result)
{
    enum mri_exit exit = print_rows(cli, opened, ordinals, result->count);
    if (!cli->is_json) {
        (void)fprintf(stderr, "%u signals, %s first%s; %u of %u looked at\n", result->count,
            query->is_oldest_first ? "oldest" : "newest",
            result->is_cut ? " (more may match: --limit, --after)" : "", result->scanned,
            opened->fold.bus.slots.count);
    }
    return exit;
}

static enum mri_exit run_query(
    const struct mri_cli *cli, const struct mri_opened *opened, struct mri_filter *filter)
{
    struct mri_query query = mri_query_all;
    struct mri_query_result result = {0};
    query.limit = LIMIT_DEFAULT;
    bool is_impossible = false;
    void *ordinals;
    enum mri_exit exit = read_condition(cli, opened, filter, &query);
    if (exit == MRI_EXIT_OK) {
        exit = read_query(cli, opened, &query, &is_impossible);
    }
    if (exit == MRI_EXIT_OK) {
        exit = read_after(cli, opened, &query);
    }
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    mr_err err = mri_alloc_array(cli->alloc, query.limit, sizeof(uint32_t), &ordinals);
    if (err != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(err));
    }
    if (!is_impossible) {
        err = mri_query_run(&opened->fold.bus, &query, ordinals, &result);
    }
    exit = err == MR_OK ? print_result(cli, opened, &query, ordinals, &result)
                        : mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(err));
    mri_alloc_free(cli->alloc, ordinals, query.limit * sizeof(uint32_t));
    return exit == MRI_EXIT_OK && result.count == 0 ? MRI_EXIT_NO : exit;
}

static enum mri_exit cmd_query(struct mri_cli *cli)
{
    struct mri_opened *opened;
    static struct mri_filter filter; /* too large for a stack */
    enum mri_exit exit = mri_opened_open(cli, &opened);
    return exit == MRI_EXIT_OK ? mri_opened_close(cli, opened, run_query(cli, opened, &filter))
                               : exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"state", "STATE",
        "generated, evaluating, approved, executing, executed, blocked, expired, learned"},
    {"symbol", "SYMBOL", "what it is about"},
    {"source", "SOURCE", "who emitted it"},
    {"name", "NAME", "the source's name for this kind of signal"},
    {"since", "TIME", "emitted at or after: a time, or an age before the newest event (2h)"},
    {"until", "TIME", "emitted before"},
    {"limit", "N", "so many at most; default: 20"},
    {"after", "ID", "go on behind this signal, the last one of an answer before"},
    {"json", NULL, "one JSON object a line"},
};

const struct mri_command mri_cmd_query = {
    .name = "query",
    .summary = "find signals by a condition, or by state, symbol, source, name and time",
    .arguments = "[CONDITION]",
    .about = "As of the last complete batch in the log. Exit code 1: none matches.\n"
             "\n"
             "CONDITION is one argument, as \"state=blocked and gate=expected_value and age<2h "
             "order by time\n"
             "limit 100\": comparisons (= != < <= > >=, in, not in) with and, or, not and ( ); the "
             "fields are\n"
             "state, ended, side, gate, reason, symbol, source, name, time, age, ordinal, seq, "
             "last_seq, id.\n"
             "Options narrow it further.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .arguments_max = 1,
    .needs_folder = true,
    .is_json_lines = true,
    .run = cmd_query,
};
