/* SPDX-License-Identifier: MIT */
/*
 * millrace emit: signals from the shell.
 *
 * Good lines are appended in batches, each batch whole or not at all; a bad line is told with its
 * number and reason, and the others go on. An id is printed once its signal is in the log, with the
 * durability asked for.
 *
 * Invariants
 *  1. A signal with an idempotency key is alone in its batch: when others append meanwhile, its key
 *     is looked for again.
 */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/problem.h"
#include "bus/shared_state.h"
#include "cli/cli.h"
#include "cli/config_option.h"
#include "cli/describe.h"
#include "cli/emission.h"
#include "cli/opened.h"
#include "conf/yaml.h"
#include "log/open/append.h"
#include "os/line_reader.h"
#include "os/stop.h"
#include "pipeline/outside_clock.h"

enum {
    BATCH_LINES_MAX = 64,
    BATCH_BYTES_MAX = 32 * 1024 * 1024,
    LINE_BYTES_MAX = 1024 * 1024,
    IDS_BYTES_MAX = 64 * 1024,
};

struct emit {
    struct mri_cli *cli;
    mr_log *log;
    struct mri_config config; /**< the log's newest: the next run works with it */
    struct mri_fold fold;
    struct mri_outside_clock clock;
    struct mri_batch batch;
    struct mri_key key; /**< of the signal drafted */
    bool has_key;
    struct mri_buf texts;
    struct mri_buf ids;
    mr_durability durability;
    uint64_t emitted;
    uint64_t repeated; /**< lines whose idempotency key was there already */
    uint64_t refused;
};

static struct mri_signal_input_context context_of(struct emit *emit)
{
    return (struct mri_signal_input_context){
        .instruments = &emit->fold.wiring.market.instruments,
        .event_time_unix_ns =
            mri_outside_clock_now(&emit->clock, emit->fold.bus.event_time_unix_ns),
        .valid_for_ns = emit->config.signals_valid_for * 1000000000,
    };
}

/** Take in what others have appended. */
static mr_err follow(struct emit *emit, mr_problem *problem)
{
    mr_err err = mri_fold_follow(&emit->fold, problem);
    return err == MR_OK && emit->fold.damage != MR_OK
               ? mri_problem(problem, emit->fold.damage, "%s", emit->fold.damage_problem.text)
               : err;
}

/** Append what was drafted, wherever others let it land; 0 or the signal that has its key. */
static mr_err append(struct emit *emit, uint32_t *ret_repeated, mr_problem *problem)
{
    struct mri_bus *bus = &emit->fold.bus;
    *ret_repeated = 0;
    for (;;) {
        mr_err err = mri_bus_append(bus, &emit->batch, emit->durability, NULL, NULL);
        if (err != MR_AGAIN) {
            return err;
        }
        err = follow(emit, problem);
        if (err == MR_OK && emit->has_key) {
            *ret_repeated = mri_keys_find(&bus->keys, &emit->key);
        }
        if (err != MR_OK || *ret_repeated != 0) {
            return err;
        }
        mri_bus_rebase(bus, &emit->batch);
    }
}

/** A batch begins behind what is there by then, with the event time of then. */
static mr_err begin_batch(struct emit *emit, mr_problem *problem)
{
    mr_err err = follow(emit, problem);
    if (err == MR_OK) {
        mri_bus_begin(&emit->fold.bus, &emit->batch);
    }
    return err;
}

static enum mri_exit print_repeated(struct emit *emit, uint32_t ordinal)
{
    char id[MRI_IDENT_BYTES];
    const struct mri_names names = mri_names_of(&emit->fold);
    emit->repeated++;
    mri_buf_clear(&emit->ids);
    mri_buf_printf(&emit->ids, "%s\n", mri_names_signal(&names, ordinal, id));
    return mri_cli_print(emit->cli, &emit->ids);
}

/** Append what was drafted, then print the ids. */
static enum mri_exit flush(struct emit *emit)
{
    struct mri_cli *cli = emit->cli;
    char id[MRI_IDENT_BYTES];
    mr_problem problem = {""};
    uint32_t repeated;
    if (emit->batch.count == 0) {
        return MRI_EXIT_OK;
    }
    mr_err err = append(emit, &repeated, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s: %s%s", mri_cli_folder(cli),
            problem.text[0] != '\0' ? problem.text : mr_err_text(err),
            err == MR_FULL ? " (limits.* of the configuration)" : "");
    }
    emit->has_key = false;
    if (repeated != 0) {
        mri_bus_begin(&emit->fold.bus, &emit->batch);
        return print_repeated(emit, repeated);
    }
    uint32_t first = emit->batch.items[0].ordinal;
    const struct mri_names names = mri_names_of(&emit->fold);
    mri_buf_clear(&emit->ids);
    for (uint32_t i = first; i <= emit->fold.bus.slots.count; i++) {
        mri_buf_printf(&emit->ids, "%s\n", mri_names_signal(&names, i, id));
    }
    emit->emitted += emit->fold.bus.slots.count - first + 1;
    mri_bus_begin(&emit->fold.bus, &emit->batch);
    return mri_cli_print(cli, &emit->ids);
}

/** The signal that an idempotency key names already; 0 = none. The batch counts too. */
static mr_err find_repeated(
    struct emit *emit, const struct mri_emission *emission, uint32_t *ret_ordinal)
{
    struct mri_key key;
    *ret_ordinal = 0;
    emit->has_key = false;
    if (emission->idempotency_key.bytes == NULL || emission->source.bytes == NULL) {
        return MR_OK;
    }
    mr_err err = mri_key_of(emission->source, emission->idempotency_key, &key);
    if (err == MR_OK) {
        emit->has_key = true;
        emit->key = key;
        *ret_ordinal = mri_keys_find(&emit->fold.bus.keys, &key);
    }
    return err;
}

/** Would this text be the last straw? Counts what the batch drafted as if all of it were new. */
static bool is_full(const struct emit *emit, const struct mri_intern *table, struct mri_slice text)
{
    uint32_t number;
    return mri_intern_find(table, text, &number) != MR_OK &&
           table->count + emit->batch.count >= table->count_max;
}

/** The limit that a signal exceeds, without limits. and _max; NULL: none. */
static const char *full_limit(const struct emit *emit, const struct mri_emission *emission)
{
    const struct mri_bus *bus = &emit->fold.bus;
    if (bus->slots.count + emit->batch.count >= bus->slots.limits.signals_max) {
        return "signals";
    }
    if (is_full(emit, &bus->sources, emission->source)) {
        return "sources";
    }
    return is_full(
               emit, &bus->names, emission->name.bytes == NULL ? emission->source : emission->name)
               ? "names"
               : NULL;
}

/** Draft a signal if there is room for it: no line makes the log refuse a batch with others. */
static mr_err draft(struct emit *emit, const struct mri_emission *emission, mr_problem *problem)
{
    const struct mri_signal_input_context context = context_of(emit);
    const char *full = full_limit(emit, emission);
    if (full != NULL) {
        return mri_problem(
            problem, MR_REFUSED, "limits.%s_max of the configuration is reached", full);
    }
    return mri_emission_draft(emission, &context, &emit->batch, problem);
}

/** Take one signal in: draft it, or print the id that its key has. Refused ones set
 * *ret_is_refused. */
static enum mri_exit take(struct emit *emit, const struct mri_emission *emission,
    bool *ret_is_refused, mr_problem *problem)
{
    uint32_t repeated;
    *ret_is_refused = false;
    /* First what was drafted, so that its keys, sources and names are known, where they count. */
    bool is_near = emission->idempotency_key.bytes != NULL || full_limit(emit, emission) != NULL;
    enum mri_exit exit = is_near ? flush(emit) : MRI_EXIT_OK;
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    mr_err err = emit->batch.count == 0 ? begin_batch(emit, problem) : MR_OK;
    if (err == MR_OK) {
        err = find_repeated(emit, emission, &repeated);
    }
    if (err == MR_OK && repeated != 0) {
        return print_repeated(emit, repeated);
    }
    if (err == MR_OK) {
        err = draft(emit, emission, problem);
    }
    if (err == MR_REFUSED) {
        *ret_is_refused = true;
        return MRI_EXIT_OK;
    }
    if (err != MR_OK) {
        return mri_cli_fail(emit->cli, mri_cli_exit_of(err), "%s",
            problem->text[0] != '\0' ? problem->text : mr_err_text(err));
    }
    return emit->has_key || emit->batch.count == BATCH_LINES_MAX ? flush(emit) : MRI_EXIT_OK;
}

/** One line of standard input. */
static enum mri_exit take_line(
    struct emit *emit, struct mri_json_parser *parser, const struct mri_line *line)
{
    struct mri_emission emission;
    mr_problem problem = {""};
    bool is_refused = true;
    mr_err err = MR_REFUSED;
    enum mri_exit exit = MRI_EXIT_OK;
    if (line->text.count == 0) {
        return MRI_EXIT_OK; /* an empty line is no signal */
    }
    if (line->is_too_long) {
        (void)mri_problem(&problem, err, "%llu bytes long, at most %d are taken",
            (unsigned long long)line->bytes, LINE_BYTES_MAX);
    } else {
        err = mri_emission_parse(parser, line->text, &emit->texts, &emission, &problem);
    }
    if (err == MR_OK) {
        exit = take(emit, &emission, &is_refused, &problem);
    } else if (err != MR_REFUSED) {
        return mri_cli_fail(emit->cli, mri_cli_exit_of(err), "%s", mr_err_text(err));
    }
    if (exit == MRI_EXIT_OK && is_refused) {
        emit->refused++;
        (void)fflush(stdout);
        (void)fprintf(stderr, "stdin:%llu: refused: %s%s\n", (unsigned long long)line->number,
            problem.text, line->is_torn ? " (the line has no end)" : "");
    }
    return exit;
}

static enum mri_exit take_stdin(struct emit *emit)
{
    struct mri_cli *cli = emit->cli;
    struct mri_line_reader *reader;
    struct mri_json_parser *parser = NULL;
    mr_problem problem = {""};
    const struct mri_line_source source = {.fd = STDIN_FILENO, .line_bytes_max = LINE_BYTES_MAX};
    mr_err err = mri_line_reader_open(cli->os, cli->alloc, &source, &reader, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problem.text);
    }
    err = mri_json_parser_open(cli->alloc, LINE_BYTES_MAX, &parser);
    enum mri_exit exit = MRI_EXIT_OK;
    mri_stop_install();
    while (err == MR_OK && exit == MRI_EXIT_OK && !mri_stop_is_wished()) {
        struct mri_line line;
        if (!mri_line_reader_has_line(reader)) { /* the next one may be long in coming */
            exit = flush(emit);
        }
        err = mri_line_reader_next(reader, &line, &problem);
        if (err == MR_OK) {
            exit = take_line(emit, parser, &line);
        } else if (err == MR_AGAIN) {
            err = MR_OK;
        }
    }
    mri_json_parser_close(parser);
    mri_line_reader_close(reader);
    enum mri_exit flushed = exit == MRI_EXIT_OK ? flush(emit) : exit;
    if (err != MR_OK && err != MR_END) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "stdin: %s",
            problem.text[0] != '\0' ? problem.text : mr_err_text(err));
    }
    return flushed;
}

static struct mri_slice option_slice(const struct mri_cli *cli, const char *key)
{
    char name[32];
    size_t i = 0;
    for (; key[i] != '\0'; i++) {
        name[i] = key[i] == '_' ? '-' : key[i];
    }
    name[i] = '\0';
    const char *value = mri_options_get(cli->options, name);
    return (struct mri_slice){value, value == NULL ? 0 : strlen(value)};
}

static mr_err ignore_field(void *context, struct mri_slice key, const struct mri_json_value *value)
{
    (void)context;
    (void)key;
    (void)value;
    return MR_OK;
}

/** --data is typed by hand: is it a JSON object? */
static enum mri_exit check_data(const struct mri_cli *cli, struct mri_slice data)
{
    struct mri_json_parser *parser;
    mr_problem problem = {""};
    if (data.bytes == NULL) {
        return MRI_EXIT_OK;
    }
    mr_err err = mri_json_parser_open(cli->alloc, LINE_BYTES_MAX, &parser);
    if (err == MR_OK) {
        err = mri_json_parse_object(parser, data, ignore_field, NULL, &problem);
        mri_json_parser_close(parser);
    }
    return err == MR_OK ? MRI_EXIT_OK
                        : mri_cli_fail(cli, MRI_EXIT_USAGE, "data: expected a JSON object: %s",
                              problem.text[0] != '\0' ? problem.text : mr_err_text(err));
}

static enum mri_exit take_flags(struct emit *emit)
{
    const struct mri_cli *cli = emit->cli;
    const struct mri_emission emission = {
#define FROM_OPTION(member, key, value, about) .member = option_slice(cli, key),
        MRI_EMISSION_MAP(FROM_OPTION)
#undef FROM_OPTION
    };
    mr_problem problem = {""};
    bool is_refused = false;
    enum mri_exit exit = check_data(cli, emission.data);
    if (exit == MRI_EXIT_OK) {
        exit = take(emit, &emission, &is_refused, &problem);
    }
    if (exit == MRI_EXIT_OK && is_refused) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "%s", problem.text);
    }
    return exit == MRI_EXIT_OK ? flush(emit) : exit;
}

static bool has_flags(const struct mri_cli *cli)
{
#define IS_GIVEN(member, key, value, about)                                                        \
    if (option_slice(cli, key).bytes != NULL) {                                                    \
        return true;                                                                               \
    }
    MRI_EMISSION_MAP(IS_GIVEN)
#undef IS_GIVEN
    return false;
}

static enum mri_exit open_log(struct emit *emit)
{
    struct mri_cli *cli = emit->cli;
    mr_problem problem = {""};
    const char *folder = mri_cli_folder(cli);
    const struct mri_fold_options options = {.os = cli->os,
        .alloc = cli->alloc,
        .folder = folder,
        .parse = mri_yaml_config,
        .is_market_only = true,
        .config = &emit->config}; /* no more signals than the run may take */
    const mr_log_options log_options = {.is_alone = false}; /* a run may be up */
    mr_err err =
        mri_shared_state_open_log(cli->os, cli->alloc, folder, &log_options, &emit->log, &problem);
    if (err == MR_OK) {
        mri_opened_tell(mri_log_opening(emit->log));
        enum mri_exit exit = mri_config_option_for(cli, NULL, folder, &emit->config);
        if (exit != MRI_EXIT_OK) {
            return exit;
        }
        err = mri_fold_init(&emit->fold, &options, &problem);
    }
    if (err == MR_OK && emit->fold.damage != MR_OK) {
        err = mri_problem(&problem, emit->fold.damage, "%s", emit->fold.damage_problem.text);
    }
    if (err != MR_OK) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s",
            problem.text[0] != '\0' ? problem.text : mr_err_text(err));
    }
    emit->fold.bus.log = emit->log;
    mri_outside_clock_init(
        &emit->clock, cli->os, folder, mr_log_attribute_get(emit->log, MRI_ATTRIBUTE_TIME));
    bool has_time = emit->clock.is_live || emit->fold.bus.event_time_unix_ns != 0;
    bool is_usable = emit->fold.wiring.market.instruments.count > 0 && has_time;
    return is_usable
               ? MRI_EXIT_OK
               : mri_cli_fail(cli, MRI_EXIT_USAGE,
                     "%s has no registered symbols and no market time yet; `%s run --dir %s` gives "
                     "it both",
                     folder, cli->program, folder);
}

static enum mri_exit read_durability(struct emit *emit)
{
    const char *text = mri_options_get(emit->cli->options, "durability");
    emit->durability = MR_GROUP;
    if (text == NULL || strcmp(text, "group") == 0) {
        return MRI_EXIT_OK;
    }
    if (strcmp(text, "async") == 0) {
        emit->durability = MR_ASYNC;
        return MRI_EXIT_OK;
    }
    return mri_cli_fail(emit->cli, MRI_EXIT_USAGE,
        "--durability: expected group (survives a power cut) or async (survives kill -9), found "
        "\"%s\"",
        text);
}

static enum mri_exit go(struct emit *emit)
{
    struct mri_cli *cli = emit->cli;
    mri_buf_init(&emit->texts, cli->alloc, 2 * LINE_BYTES_MAX);
    mri_buf_init(&emit->ids, cli->alloc, IDS_BYTES_MAX);
    enum mri_exit exit = read_durability(emit);
    if (exit == MRI_EXIT_OK) {
        exit = open_log(emit);
    }
    if (exit == MRI_EXIT_OK &&
        mri_batch_init(&emit->batch, cli->alloc, BATCH_LINES_MAX, BATCH_BYTES_MAX) != MR_OK) {
        exit = mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(MR_ENOMEM));
    }
    if (exit == MRI_EXIT_OK) {
        mri_bus_begin(&emit->fold.bus, &emit->batch);
        exit = has_flags(cli) ? take_flags(emit) : take_stdin(emit);
    }
    if (!has_flags(cli) && (exit == MRI_EXIT_OK || emit->emitted > 0)) {
        (void)fprintf(stderr, "%llu emitted, %llu refused, %llu known already\n",
            (unsigned long long)emit->emitted, (unsigned long long)emit->refused,
            (unsigned long long)emit->repeated);
    }
    return exit == MRI_EXIT_OK && emit->refused > 0 ? MRI_EXIT_NO : exit;
}

static enum mri_exit cmd_emit(struct mri_cli *cli)
{
    void *block;
    if (mri_alloc_array(cli->alloc, 1, sizeof(struct emit), &block) != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(MR_ENOMEM));
    }
    struct emit *emit = block;
    emit->cli = cli;
    enum mri_exit exit = go(emit);
    mri_batch_fini(&emit->batch);
    mri_buf_fini(&emit->texts);
    mri_buf_fini(&emit->ids);
    mri_fold_fini(&emit->fold);
    mri_config_fini(&emit->config);
    mr_log_close(emit->log);
    mri_alloc_free(cli->alloc, emit, sizeof(*emit));
    return exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"symbol", "SYMBOL", "what it is about; must be registered"},
    {"side", "SIDE", "long, buy, short or sell; anything else is refused"},
    {"source", "SOURCE", "who emits it; not the name of a built-in source"},
    {"name", "NAME", "kind of signal; default: the source"},
    {"confidence", "X", "0 to 1"},
    {"price", "PRICE", "the price it was made at, rounded to the instrument's decimals"},
    {"horizon", "H", "1m, 5m, 15m, 30m or 1h"},
    {"valid-for", "TIME", "how long it may wait (90s, 5m); default: the configuration's"},
    {"external-id", "ID", "the producer's own id"},
    {"idempotency-key", "KEY", "the same key of the same source again prints the same id"},
    {"account", "ACCOUNT", "which account it is meant for"},
    {"data", "JSON", "free data, kept as it is"},
    {"durability", "HOW", "group: an id survives a power cut (default); async: kill -9"},
};

const struct mri_command mri_cmd_emit = {
    .name = "emit",
    .summary = "emit a signal from flags, or many from JSON lines",
    .arguments = "",
    .about =
        "With flags: one signal. Without: JSON lines on standard input, with the same fields as "
        "keys:\n"
        "  {\"symbol\":\"BTCUSDT\",\"side\":\"long\",\"source\":\"mybot\",\"confidence\":0.7}\n"
        "Prints an id a signal. A bad line is told with its number and reason and left out, the "
        "others\n"
        "go on (exit code 1). The directory must have been run before; its event time is the "
        "signal's\n"
        "time. A `run` that is up decides on it at once, else the next one does first.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .needs_folder = true,
    .run = cmd_emit,
};
