/* SPDX-License-Identifier: MIT */
/*
 * millrace feed: quotes, bars and funding from outside, line by line.
 *
 * Lines are read into a batch, which is appended whole when it is full, or when the next line may
 * be long in coming. A line that cannot be used is told with its number and reason, and takes its
 * place in the batch as a quarantined row.
 *
 * Invariants
 *  1. The facts of a batch are in the order of their lines.
 *  2. What was refused is told in the order of the lines: when the batch is known to have no more.
 *  3. Texts of a batch stay where they are until it is appended: their buffer was grown before.
 */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "base/problem.h"
#include "base/text.h"
#include "bus/shared_state.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/fact_line.h"
#include "cli/fact_source.h"
#include "cli/opened.h"
#include "conf/yaml.h"
#include "feeds/csv_columns.h"
#include "feeds/csv_row.h"
#include "market/known_names.h"
#include "os/stop.h"
#include "pipeline/facts.h"
#include "pipeline/signal_input.h"

enum {
    BATCH_LINES_MAX = 256,
    LINE_BYTES_MAX = 64 * 1024,
    ROW_BYTES_MAX = 120,
    SOURCE_BYTES_MAX = 64,
    KEPT_BYTES_MAX = BATCH_LINES_MAX * (8 * ROW_BYTES_MAX + SOURCE_BYTES_MAX + 1),
    WHYS_BYTES_MAX = BATCH_LINES_MAX * MR_PROBLEM_BYTES,
    COLUMNS_MAX = 32,
};

/** What lines are. */
enum format { FORMAT_UNKNOWN, FORMAT_JSON, FORMAT_NAMED_COLUMNS, FORMAT_BARS, FORMAT_KLINES };

struct feed {
    struct mri_cli *cli;
    mr_log *log;
    struct mri_fold fold;
    struct mri_facts facts;
    struct mri_fact_source source;
    struct mri_json_parser *parser;
    struct mri_buf texts; /**< of the line */
    struct mri_buf kept;  /**< of the batch */
    struct mri_fact_input inputs[BATCH_LINES_MAX];
    struct {
        uint64_t number;
        struct mri_slice row; /**< its beginning, escaped */
        size_t why_offset;    /**< of a refused one, in `whys`, with a NUL behind */
    } lines[BATCH_LINES_MAX];
    struct mri_buf whys; /**< of the batch */
    size_t count;
    mr_durability durability;
    enum format format;
    size_t columns[COLUMNS_MAX]; /**< where each column of a row goes in a struct mri_fact_line */
    size_t column_count;
    const char *default_kind; /**< --kind, --symbol, --source: for lines without */
    const char *default_symbol;
    const char *default_source;
    uint64_t taken;
    uint64_t repeated; /**< lines whose fact the log had already */
    uint64_t refused;
};

static const struct mri_instruments *instruments_of(const struct feed *feed)
{
    return &feed->fold.wiring.market.instruments;
}

/* ---- the batch ------------------------------------------------------------------------------- */

/** Tell what was refused of the batch, in the order of its lines. */
static void tell_refused(struct feed *feed)
{
    for (size_t i = 0; i < feed->count; i++) {
        const struct mri_fact_input *input = &feed->inputs[i];
        if (input->type == MRI_EVENT_QUARANTINED) {
            (void)fprintf(stderr, "%s:%llu: refused (%s): %s\n", feed->source.name,
                (unsigned long long)feed->lines[i].number,
                mri_word_text(MRI_VOCABULARY_reason, input->quarantined.reason),
                (const char *)feed->whys.bytes + feed->lines[i].why_offset);
        }
    }
}

/** The place of a line in the batch is taken by what is said of it. */
static void quarantine(struct feed *feed, size_t index, enum mri_reason reason, const char *why)
{
    struct mri_fact_input input = {
        .type = MRI_EVENT_QUARANTINED, .symbol = feed->inputs[index].symbol};
    input.quarantined.reason = reason;
    input.quarantined.line = feed->lines[index].number;
    input.quarantined.row = feed->lines[index].row;
    feed->inputs[index] = input;
    feed->lines[index].why_offset = feed->whys.count;
    mri_buf_put(&feed->whys, why, strlen(why) + 1);
    MRI_ASSERT(feed->whys.err == MR_OK); /* there is room for the longest of every line */
    feed->refused++;
}

static enum mri_exit flush(struct feed *feed)
{
    struct mri_facts_answer answer = {0};
    enum mri_exit exit = MRI_EXIT_OK;
    mr_err err = feed->count == 0 ? MR_OK : MR_REFUSED;
    mr_problem problem;
    size_t refused = 0;
    for (size_t i = 0; i < feed->count; i++) {
        refused += feed->inputs[i].type == MRI_EVENT_QUARANTINED;
    }
    while (err == MR_REFUSED) {
        problem.text[0] = '\0';
        err = mri_facts_append(
            &feed->facts, feed->inputs, feed->count, feed->durability, &answer, &problem);
        if (err == MR_REFUSED && answer.reason == MRI_REASON_NONE) {
            break; /* none of the lines is to blame */
        }
        if (err == MR_REFUSED) {
            quarantine(feed, answer.index, answer.reason, problem.text);
            refused++;
        }
    }
    tell_refused(feed);
    if (err != MR_OK) {
        exit = mri_cli_fail(feed->cli, mri_cli_exit_of(err), "%s: %s", mri_cli_folder(feed->cli),
            problem.text[0] != '\0' ? problem.text : mr_err_text(err));
    } else if (feed->count > 0) {
        feed->repeated += answer.repeated;
        feed->taken += feed->count - refused - answer.repeated;
    }
    feed->count = 0;
    mri_buf_clear(&feed->kept);
    mri_buf_clear(&feed->whys);
    return exit;
}

/** Copy a text for as long as the batch lives. */
static mr_err keep(struct feed *feed, struct mri_slice text, struct mri_slice *ret_kept)
{
    size_t at = feed->kept.count;
    mri_buf_put(&feed->kept, text.bytes, text.count);
    *ret_kept = (struct mri_slice){(const char *)feed->kept.bytes + at, text.count};
    return feed->kept.err;
}

static mr_err keep_row(struct feed *feed, struct mri_slice text, struct mri_slice *ret_kept)
{
    size_t at = feed->kept.count;
    mri_text_escape(&feed->kept,
        (struct mri_slice){text.bytes, text.count < ROW_BYTES_MAX ? text.count : ROW_BYTES_MAX});
    *ret_kept = (struct mri_slice){(const char *)feed->kept.bytes + at, feed->kept.count - at};
    return feed->kept.err;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/** What came of a line. */
struct outcome {
    mr_err err; /**< MR_OK; MR_REFUSED, and why; faults */
    enum mri_reason reason;
    mr_problem problem;
};

static void put_default(struct mri_slice *field, const char *value)
{
    if (field->bytes == NULL && value != NULL) {
        *field = mri_slice_of(value);
    }
}

static void read_named(struct feed *feed, struct mri_fact_line *line, struct mri_fact_input *input,
    struct outcome *outcome)
{
    put_default(&line->kind, feed->default_kind);
    put_default(&line->symbol, feed->default_symbol);
    if (!mri_slice_is(line->kind, "candle")) {
        put_default(&line->source, feed->default_source);
    }
    outcome->err =
        mri_fact_line_read(line, instruments_of(feed), input, &outcome->reason, &outcome->problem);
}

static void read_json(
    struct feed *feed, struct mri_slice text, struct mri_fact_input *input, struct outcome *outcome)
{
    struct mri_fact_line line;
    outcome->err = mri_fact_line_parse(feed->parser, text, &feed->texts, &line, &outcome->problem);
    if (outcome->err == MR_OK) {
        read_named(feed, &line, input, outcome);
    } else {
        outcome->reason = MRI_REASON_ROW_FIELD;
    }
}

/** Cut a row into columns, at most COLUMNS_MAX; how many it has. */
static mr_err split(struct feed *feed, struct mri_slice text,
    struct mri_slice items[static COLUMNS_MAX], size_t *ret_count, mr_problem *problem)
{
    struct mri_csv_columns columns = {
        .items = items, .items_max = COLUMNS_MAX, .texts = &feed->texts};
    mri_buf_clear(&feed->texts);
    if (mri_buf_grow(&feed->texts, text.count + 1) == NULL) {
        return mri_problem(problem, MR_ENOMEM, "%s", mr_err_text(MR_ENOMEM));
    }
    feed->texts.count = 0;
    mr_err err = mri_csv_columns_cut(&columns, text, problem);
    *ret_count = columns.count;
    return err;
}

static void read_columns(
    struct feed *feed, struct mri_slice text, struct mri_fact_input *input, struct outcome *outcome)
{
    struct mri_slice columns[COLUMNS_MAX];
    struct mri_fact_line line = {0};
    size_t count = 0;
    outcome->reason = MRI_REASON_ROW_COLUMNS;
    outcome->err = split(feed, text, columns, &count, &outcome->problem);
    if (outcome->err != MR_OK) {
        return;
    }
    if (count != feed->column_count) {
        outcome->err = mri_problem(&outcome->problem, MR_REFUSED,
            "expected %zu columns as in the header, found %zu", feed->column_count, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (columns[i].count > 0) { /* an empty one is absent */
            memcpy((char *)&line + feed->columns[i], &columns[i], sizeof(columns[i]));
        }
    }
    read_named(feed, &line, input, outcome);
}

/** A row of a candle file, as the feeds of `run` read it. */
static void read_bar(
    struct feed *feed, struct mri_slice text, struct mri_fact_input *input, struct outcome *outcome)
{
    struct mri_slice columns[MRI_CSV_COLUMNS_MAX];
    struct mri_csv_row row;
    enum mri_csv_format format = feed->format == FORMAT_BARS ? MRI_CSV_BARS : MRI_CSV_KLINES;
    outcome->err = MR_REFUSED;
    outcome->reason = MRI_REASON_ROW_COLUMNS;
    if (!mri_csv_row_split(text, format, columns, &outcome->problem)) {
        return;
    }
    struct mri_slice symbol = feed->default_symbol != NULL ? mri_slice_of(feed->default_symbol)
                              : format == MRI_CSV_BARS     ? mri_csv_row_symbol(columns)
                                                           : (struct mri_slice){0};
    outcome->reason = MRI_REASON_ROW_UNKNOWN_SYMBOL;
    uint32_t number;
    if (mri_signal_input_symbol(instruments_of(feed), symbol, &number, &outcome->problem) !=
        MR_OK) {
        return;
    }
    input->symbol = number;
    outcome->reason = mri_csv_row_parse(
        columns, format, mri_instruments_get(instruments_of(feed), number)->price_decimals, &row);
    if (outcome->reason != MRI_REASON_NONE) {
        (void)mri_problem(&outcome->problem, MR_REFUSED, "not a row of a one-minute bar");
        return;
    }
    input->type = MRI_EVENT_CANDLE;
    input->time_unix_ns = row.time_unix_ns;
    input->candle.open = row.candle.open;
    input->candle.high = row.candle.high;
    input->candle.low = row.candle.low;
    input->candle.close = row.candle.close;
    input->candle.volume = row.candle.volume;
    outcome->err = MR_OK;
}

static void read_text(struct feed *feed, const struct mri_line *line, struct mri_fact_input *input,
    struct outcome *outcome)
{
    *input = (struct mri_fact_input){.symbol = UINT32_MAX};
    if (line->is_too_long) {
        outcome->reason = MRI_REASON_ROW_TEXT;
        outcome->err =
            mri_problem(&outcome->problem, MR_REFUSED, "%llu bytes long, at most %d are taken",
                (unsigned long long)line->bytes, LINE_BYTES_MAX);
        return;
    }
    switch (feed->format) {
    case FORMAT_JSON:
        read_json(feed, line->text, input, outcome);
        break;
    case FORMAT_NAMED_COLUMNS:
        read_columns(feed, line->text, input, outcome);
        break;
    default:
        read_bar(feed, line->text, input, outcome);
        break;
    }
}

/** The columns that a header names. */
static enum mri_exit read_header(struct feed *feed, const struct mri_line *header)
{
    struct mri_slice columns[COLUMNS_MAX];
    struct mri_fact_line line = {0};
    size_t count = 0;
    mr_problem problem = {""};
    mr_err err = split(feed, header->text, columns, &count, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(feed->cli, mri_cli_exit_of(err), "%s:%llu: the header: %s",
            feed->source.name, (unsigned long long)header->number, problem.text);
    }
    feed->format = FORMAT_NAMED_COLUMNS;
    feed->column_count = count;
    for (size_t i = 0; i < count && count <= COLUMNS_MAX; i++) {
        struct mri_slice *field = mri_fact_line_field(&line, columns[i], &problem);
        if (field == NULL || field->bytes != NULL) {
            return mri_cli_fail(feed->cli, MRI_EXIT_USAGE, "%s: the header: %s", feed->source.name,
                field == NULL ? problem.text : "a column stands there twice");
        }
        *field = columns[i];
        feed->columns[i] = (size_t)((char *)field - (char *)&line);
    }
    return count <= COLUMNS_MAX ? MRI_EXIT_OK
                                : mri_cli_fail(feed->cli, MRI_EXIT_USAGE,
                                      "%s: the header has %zu columns", feed->source.name, count);
}

/** Tell the format by the first line; is it a header, not a fact? */
static enum mri_exit choose_format(
    struct feed *feed, const struct mri_line *line, bool *ret_is_header)
{
    struct mri_slice text = line->text;
    bool is_header = false;
    enum mri_exit exit = MRI_EXIT_OK;
    size_t first = 0;
    while (first + 1 < text.count && (text.bytes[first] == ' ' || text.bytes[first] == '\t')) {
        first++;
    }
    bool is_json = text.bytes[first] == '{';
    enum mri_csv_format csv = is_json ? MRI_CSV_UNKNOWN : mri_csv_row_format(text, &is_header);
    if (is_json) {
        feed->format = FORMAT_JSON;
    } else if (csv == MRI_CSV_BARS || csv == MRI_CSV_KLINES) {
        feed->format = csv == MRI_CSV_BARS ? FORMAT_BARS : FORMAT_KLINES;
    } else {
        is_header = true;
        exit = read_header(feed, line);
    }
    *ret_is_header = is_header;
    return exit;
}

static enum mri_exit take_line(struct feed *feed, const struct mri_line *line)
{
    struct outcome outcome = {.err = MR_OK};
    if (mri_text_is_white(line->text) && !line->is_too_long) {
        return MRI_EXIT_OK; /* a line of nothing is no fact */
    }
    bool is_header = false;
    enum mri_exit exit =
        feed->format == FORMAT_UNKNOWN ? choose_format(feed, line, &is_header) : MRI_EXIT_OK;
    if (exit != MRI_EXIT_OK || is_header) {
        return exit;
    }
    size_t index = feed->count;
    struct mri_fact_input *input = &feed->inputs[index];
    read_text(feed, line, input, &outcome);
    if (outcome.err == MR_OK && input->source.count > SOURCE_BYTES_MAX) {
        outcome.reason = MRI_REASON_ROW_TEXT;
        outcome.err = mri_problem(
            &outcome.problem, MR_REFUSED, "source: expected up to %d bytes", SOURCE_BYTES_MAX);
    }
    mr_err err = outcome.err == MR_REFUSED ? MR_OK : outcome.err;
    if (err == MR_OK) {
        err = keep_row(feed, line->text, &feed->lines[index].row);
    }
    if (err == MR_OK && outcome.err == MR_OK && input->source.count > 0) {
        err = keep(feed, input->source, &input->source);
    }
    if (err != MR_OK) {
        return mri_cli_fail(feed->cli, mri_cli_exit_of(err), "%s", mr_err_text(err));
    }
    feed->lines[index].number = line->number;
    if (outcome.err == MR_REFUSED) {
        quarantine(feed, index, outcome.reason, outcome.problem.text);
    }
    feed->count++;
    return feed->count == BATCH_LINES_MAX ? flush(feed) : MRI_EXIT_OK;
}

static enum mri_exit take_all(struct feed *feed)
{
    struct mri_cli *cli = feed->cli;
    mr_problem problem = {""};
    mr_err err = MR_OK;
    enum mri_exit exit = MRI_EXIT_OK;
    mri_stop_install();
    while (err == MR_OK && exit == MRI_EXIT_OK && !mri_stop_is_wished()) {
        struct mri_line line;
        if (!mri_fact_source_has_line(&feed->source)) { /* the next one may be long in coming */
            exit = flush(feed);
        }
        if (exit == MRI_EXIT_OK) {
            err = mri_fact_source_next(&feed->source, &line, &problem);
        }
        if (exit == MRI_EXIT_OK && err == MR_OK) {
            exit = take_line(feed, &line);
        } else if (err == MR_AGAIN) {
            err = MR_OK;
        }
    }
    enum mri_exit flushed = exit == MRI_EXIT_OK ? flush(feed) : exit;
    tell_refused(feed); /* of a batch that is not appended: its lines come to nothing */
    if (err != MR_OK && err != MR_END) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s: %s", feed->source.name,
            problem.text[0] != '\0' ? problem.text : mr_err_text(err));
    }
    return flushed;
}

/* ---- opening --------------------------------------------------------------------------------- */

static enum mri_exit open_log(struct feed *feed)
{
    struct mri_cli *cli = feed->cli;
    mr_problem problem = {""};
    const char *folder = mri_cli_folder(cli);
    const struct mri_fold_options options = {.os = cli->os,
        .alloc = cli->alloc,
        .folder = folder,
        .parse = mri_yaml_config,
        .is_market_only = true};
    const mr_log_options log_options = {.is_alone = false}; /* a run may be up */
    mr_err err =
        mri_shared_state_open_log(cli->os, cli->alloc, folder, &log_options, &feed->log, &problem);
    if (err == MR_OK) {
        mri_opened_tell(mri_log_opening(feed->log));
        err = mri_facts_check_log(feed->log, folder, &problem);
    }
    if (err == MR_OK) {
        err = mri_fold_init(&feed->fold, &options, &problem);
    }
    if (err == MR_OK && feed->fold.damage != MR_OK) {
        err = mri_problem_pass(&problem, feed->fold.damage, feed->fold.damage_problem.text);
    }
    if (err == MR_OK) {
        feed->fold.bus.log = feed->log;
        err = mri_facts_init(&feed->facts, cli->os, cli->alloc, &feed->fold);
    }
    if (err != MR_OK) {
        return mri_cli_fail_to_write(cli, err, &problem);
    }
    return instruments_of(feed)->count > 0
               ? MRI_EXIT_OK
               : mri_cli_fail(cli, MRI_EXIT_USAGE,
                     "%s has no registered symbols yet; `%s run --feed none --dir %s` registers "
                     "those of the configuration",
                     folder, cli->program, folder);
}

/** --symbol is wrong or right whatever the input is. */
static enum mri_exit check_symbol(struct feed *feed)
{
    const struct mri_bus *bus = &feed->fold.bus;
    const struct mri_known_names known = {
        .instruments = instruments_of(feed), .sources = &bus->sources, .names = &bus->names};
    const struct mri_filter_names names = mri_known_names_filter(&known, 0);
    const struct mri_slice symbol = mri_slice_of(feed->default_symbol);
    char what[MRI_EXPECTED_NAME_BYTES];
    uint32_t number;
    if (feed->default_symbol == NULL ||
        names.find(names.context, MRI_NAME_SYMBOL, symbol, &number) == MR_OK) {
        return MRI_EXIT_OK;
    }
    return mri_cli_fail(feed->cli, MRI_EXIT_USAGE, "--symbol: expected %s, found \"%s\"",
        mri_filter_names_expected(&names, MRI_NAME_SYMBOL, symbol, what), feed->default_symbol);
}

static enum mri_exit read_options(struct feed *feed)
{
    const struct mri_options *options = feed->cli->options;
    const char *durability = mri_options_get(options, "durability");
    feed->default_kind = mri_options_get(options, "kind");
    feed->default_symbol = mri_options_get(options, "symbol");
    feed->default_source = mri_options_get(options, "source");
    feed->durability = MR_ASYNC;
    if (durability != NULL && strcmp(durability, "group") == 0) {
        feed->durability = MR_GROUP;
    } else if (durability != NULL && strcmp(durability, "async") != 0) {
        return mri_cli_fail(feed->cli, MRI_EXIT_USAGE,
            "--durability: expected async (survives kill -9) or group (survives a power cut), "
            "found \"%s\"",
            durability);
    }
    if (feed->default_kind != NULL && !mri_fact_line_is_kind(mri_slice_of(feed->default_kind))) {
        return mri_cli_fail(feed->cli, MRI_EXIT_USAGE,
            "--kind: expected " MRI_FACT_LINE_KINDS ", found \"%s\"", feed->default_kind);
    }
    mr_problem problem = {""};
    if (feed->default_source != NULL &&
        mri_signal_input_check_blank(mri_slice_of(feed->default_source), "--source", &problem) !=
            MR_OK) {
        return mri_cli_fail(feed->cli, MRI_EXIT_USAGE, "%s", problem.text);
    }
    bool is_followed = mri_options_get(options, "follow") != NULL;
    const char *path = options->argument_count > 0 ? options->arguments[0] : NULL;
    bool is_file = path != NULL && strcmp(path, "-") != 0;
    if (is_followed && !is_file) {
        return mri_cli_fail(feed->cli, MRI_EXIT_USAGE,
            "--follow needs a file; standard input is read until it ends anyway");
    }
    enum mri_exit exit = is_file ? MRI_EXIT_OK : mri_cli_check_stdin(feed->cli);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    mr_err err = mri_fact_source_open(
        &feed->source, feed->cli, is_file ? path : NULL, is_followed, &problem);
    return err == MR_OK ? MRI_EXIT_OK
                        : mri_cli_fail(feed->cli, mri_cli_exit_of(err), "%s", problem.text);
}

static enum mri_exit print_counts(const struct feed *feed)
{
    struct mri_json_writer json;
    struct mri_buf text;
    if (!feed->cli->is_json) {
        (void)fprintf(stderr, "%llu taken, %llu refused, %llu known already\n",
            (unsigned long long)feed->taken, (unsigned long long)feed->refused,
            (unsigned long long)feed->repeated);
        return MRI_EXIT_OK;
    }
    mri_buf_init(&text, feed->cli->alloc, 4096);
    mri_json_write_begin(&json, &text);
    mri_json_write_object_open(&json);
    mri_json_put_count(&json, "taken", feed->taken);
    mri_json_put_count(&json, "refused", feed->refused);
    mri_json_put_count(&json, "known", feed->repeated);
    mri_json_write_object_close(&json);
    mri_buf_text(&text, "\n");
    enum mri_exit exit = mri_cli_print(feed->cli, &text);
    mri_buf_fini(&text);
    return exit;
}

static enum mri_exit go(struct feed *feed)
{
    struct mri_cli *cli = feed->cli;
    mri_buf_init(&feed->texts, cli->alloc, 2 * LINE_BYTES_MAX);
    mri_buf_init(&feed->kept, cli->alloc, KEPT_BYTES_MAX);
    mri_buf_init(&feed->whys, cli->alloc, WHYS_BYTES_MAX);
    bool has_memory = mri_buf_grow(&feed->kept, KEPT_BYTES_MAX) != NULL &&
                      mri_buf_grow(&feed->whys, WHYS_BYTES_MAX) != NULL &&
                      mri_json_parser_open(cli->alloc, LINE_BYTES_MAX, &feed->parser) == MR_OK;
    mri_buf_clear(&feed->kept);
    mri_buf_clear(&feed->whys);
    if (!has_memory) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(MR_ENOMEM));
    }
    enum mri_exit exit = read_options(feed);
    if (exit == MRI_EXIT_OK) {
        exit = open_log(feed);
    }
    if (exit == MRI_EXIT_OK) {
        exit = check_symbol(feed);
    }
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    exit = take_all(feed);
    if (exit == MRI_EXIT_OK || feed->taken > 0) {
        enum mri_exit printed = print_counts(feed);
        exit = exit == MRI_EXIT_OK ? printed : exit;
    }
    return exit == MRI_EXIT_OK && feed->refused > 0 ? MRI_EXIT_NO : exit;
}

static enum mri_exit cmd_feed(struct mri_cli *cli)
{
    void *block;
    if (mri_alloc_array(cli->alloc, 1, sizeof(struct feed), &block) != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(MR_ENOMEM));
    }
    struct feed *feed = block;
    feed->cli = cli;
    enum mri_exit exit = go(feed);
    mri_fact_source_close(&feed->source);
    mri_json_parser_close(feed->parser);
    mri_buf_fini(&feed->texts);
    mri_buf_fini(&feed->kept);
    mri_buf_fini(&feed->whys);
    mri_facts_fini(&feed->facts);
    mri_fold_fini(&feed->fold);
    mr_log_close(feed->log);
    mri_alloc_free(cli->alloc, feed, sizeof(*feed));
    return exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"follow", NULL, "when FILE ends, wait for more lines"},
    {"kind", "KIND", "quote, candle or funding, for lines that do not say it"},
    {"symbol", "SYMBOL", "for lines that do not say it: registered, or a spelling of one"},
    {"source", "SOURCE", "who brings it in, for quotes and funding that do not say it"},
    {"durability", "HOW", "async: survives kill -9 (default); group: a power cut"},
    {"json", NULL, "the counts as one JSON object on standard output"},
};

const struct mri_command mri_cmd_feed = {
    .name = "feed",
    .summary = "bring in quotes, candles and funding, from JSON lines or CSV",
    .arguments = "[FILE]",
    .about =
        "Reads FILE, or standard input. JSON lines:\n"
        "  "
        "{\"kind\":\"quote\",\"symbol\":\"BTCUSDT\",\"time\":1704067200123,\"bid\":42000.1,\"ask\":"
        "42000.2}\n"
        "  "
        "{\"kind\":\"candle\",\"symbol\":\"BTCUSDT\",\"close_time\":\"2024-01-01T00:01Z\",\"open\":"
        "1,\"high\":2,\n"
        "   \"low\":1,\"close\":2,\"volume\":3}\n"
        "  {\"kind\":\"funding\",\"symbol\":\"BTCUSDT\",\"time\":1704067200000,\"rate\":0.0001,"
        "\"interval\":\"8h\"}\n"
        "A time is written like 2025-05-04T15:34:00.123Z, or counts seconds, milliseconds, "
        "microseconds or\n"
        "nanoseconds since 1970, told by its size.\n"
        "Or CSV (RFC 4180, a row a line) with a header of the same keys, or the candle files that "
        "`run` reads.\n"
        "The log must have no feed of its own (`run --feed none`), and the symbol must be "
        "registered. A line\n"
        "that cannot be used is told with its number and reason, kept in the log as quarantined, "
        "and the others\n"
        "go on (exit code 1). The newest fact of a symbol said again is counted as known; an older "
        "one is\n"
        "refused, whether the log has it or not. In a simulated log lines come in order of time.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .arguments_max = 1,
    .needs_folder = true,
    .run = cmd_feed,
};
