/* SPDX-License-Identifier: MIT */
/*
 * millrace emit: signals from the shell.
 *
 * Good lines are emitted in batches, by the bus as any program does it; a bad line is told with its
 * number and reason, and the others go on. An id is printed once its signal is in the log, with the
 * durability asked for.
 *
 * Invariants
 *  1. What is kept of a batch (texts and places) does not move until the batch is emitted.
 *  2. A batch is emitted before anything is waited for, so no line waits for another one.
 *  3. Refusals are told in the order of the lines, whoever refuses.
 *  4. What the bus refuses in a batch refuses all of it, and is looked for by halving: the signals
 *     beside it are emitted, in the order of their lines.
 */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "base/problem.h"
#include "base/text.h"
#include "bus/shared_state.h"
#include "cli/bus_option.h"
#include "cli/cli.h"
#include "cli/emission.h"
#include "cli/opened.h"
#include "log/open/append.h"
#include "os/line_reader.h"
#include "os/stop.h"
#include "pipeline/fold.h"

enum {
    BATCH_LINES_MAX = 4096,
    BATCH_KEYS_MAX = 64, /* keys of a batch are compared with one another */
    LINE_BYTES_MAX = 1024 * 1024,
    TEXTS_BYTES_MAX = 4 * LINE_BYTES_MAX,
    REASONS_BYTES_MAX = BATCH_LINES_MAX * (int)sizeof(mr_problem),
    IDS_BYTES_MAX = BATCH_LINES_MAX * MR_BUS_ID_BYTES,
};

static const char limits[] = "limits.";

/** Where a signal comes from. */
struct place {
    uint64_t line;
    bool is_torn;
};

/** A refusal that waits for those of the lines before it. */
struct put_off {
    struct place place;
    size_t reason; /**< where it begins in `reasons` */
};

struct emit {
    struct mri_cli *cli;
    mr_log *log; /**< open as long as the bus: what opening it did is told */
    mr_bus *bus;
    mr_emission emissions[BATCH_LINES_MAX]; /**< of the batch, `count` of them */
    mr_emitted emitted_signals[BATCH_LINES_MAX];
    struct place places[BATCH_LINES_MAX];
    size_t count;
    bool has_keys; /**< those of the batch, all or none */
    bool is_stdin; /**< what is refused is a line among others */
    struct mri_buf texts;
    struct mri_buf ids;
    struct put_off put_offs[BATCH_LINES_MAX]; /**< unreadable lines, told when the batch is */
    size_t put_off_count;
    size_t put_off_told;
    struct mri_buf reasons; /**< of them */
    mr_durability durability;
    uint64_t emitted;
    uint64_t repeated; /**< lines whose idempotency key was there already */
    uint64_t refused;
};

static void tell(struct emit *emit, const struct place *place, const char *reason)
{
    emit->refused++;
    (void)fflush(stdout);
    (void)fprintf(stderr, "stdin:%llu: refused: %s%s\n", (unsigned long long)place->line, reason,
        place->is_torn ? " (the line has no end)" : "");
}

/** Tell the unreadable lines before a line. */
static void tell_put_offs(struct emit *emit, uint64_t line)
{
    while (emit->put_off_told < emit->put_off_count &&
           emit->put_offs[emit->put_off_told].place.line < line) {
        const struct put_off *next = &emit->put_offs[emit->put_off_told++];
        tell(emit, &next->place, (const char *)emit->reasons.bytes + next->reason);
    }
}

static void tell_all_put_offs(struct emit *emit)
{
    tell_put_offs(emit, UINT64_MAX);
    emit->put_off_told = emit->put_off_count = 0;
    mri_buf_clear(&emit->reasons);
}

/** A line that was refused is told, in its turn, and the others go on. */
static void refuse(struct emit *emit, const struct place *place, const char *reason)
{
    tell_put_offs(emit, place->line);
    tell(emit, place, reason);
}

static enum mri_exit fail(const struct emit *emit, mr_err err, const mr_problem *problem)
{
    bool is_named =
        err == MR_ENOSPC && problem->text[0] != '\0'; /* of a full disk the bus says it */
    return mri_cli_fail(emit->cli, mri_cli_exit_of(err), "%s%s%s%s",
        is_named ? "" : mri_cli_folder(emit->cli), is_named ? "" : ": ",
        problem->text[0] != '\0' ? problem->text : mr_err_text(err),
        err == MR_FULL ? " (limits.* of the configuration)" : "");
}

/** Is it the fault of a signal, so that the others may go on without it? */
static bool is_of_signal(mr_err err, const mr_problem *problem)
{
    return err == MR_REFUSED ||
           (err == MR_FULL && strncmp(problem->text, limits, sizeof(limits) - 1) == 0);
}

static void note_ids(struct emit *emit, size_t first, size_t count)
{
    char id[MR_BUS_ID_BYTES];
    for (size_t i = first; i < first + count; i++) {
        const mr_emitted *emitted = &emit->emitted_signals[i];
        emit->repeated += emitted->is_repeated;
        emit->emitted += !emitted->is_repeated;
        (void)mr_emitted_id(emitted, id);
        mri_buf_text(&emit->ids, id);
        mri_buf_text(&emit->ids, "\n");
    }
}

/**
 * Emit what was drafted: all at once, or, when something in it is refused, in smaller and smaller
 * parts until it stands alone. Parts are made durable together.
 */
static enum mri_exit emit_parts(struct emit *emit)
{
    size_t first = 0;
    size_t count = emit->count;
    bool is_split = false;
    mr_problem problem;
    while (first < emit->count) {
        count = count < emit->count - first ? count : emit->count - first;
        problem.text[0] = '\0';
        mr_err err = mr_bus_emit(emit->bus, emit->emissions + first, count,
            is_split ? MR_ASYNC : emit->durability, emit->emitted_signals + first, &problem);
        bool is_large = is_of_signal(err, &problem) || err == MR_ETOOLARGE;
        if (err == MR_OK) {
            note_ids(emit, first, count);
            first += count;
            count *= 2;
        } else if (is_large && count > 1) {
            is_split = true;
            count /= 2;
        } else if (is_of_signal(err, &problem) && emit->is_stdin) {
            refuse(emit, &emit->places[first], problem.text);
            first++;
        } else {
            return is_of_signal(err, &problem)
                       ? mri_cli_fail(emit->cli, MRI_EXIT_USAGE, "%s", problem.text)
                       : fail(emit, err, &problem);
        }
    }
    mr_err err = is_split && emit->durability == MR_GROUP ? mr_log_sync(emit->log) : MR_OK;
    problem.text[0] = '\0';
    return err == MR_OK ? MRI_EXIT_OK : fail(emit, err, &problem);
}

/** Emit the batch, then print the ids. */
static enum mri_exit emit_batch(struct emit *emit)
{
    if (emit->count == 0) {
        tell_all_put_offs(emit);
        return MRI_EXIT_OK;
    }
    mri_buf_clear(&emit->ids);
    enum mri_exit exit = emit_parts(emit);
    emit->count = 0;
    tell_all_put_offs(emit);
    enum mri_exit printed =
        emit->ids.count > 0 ? mri_cli_print(emit->cli, &emit->ids) : MRI_EXIT_OK;
    return exit == MRI_EXIT_OK ? printed : exit;
}

/** Emit the batch, and forget the texts that it was made of. */
static enum mri_exit flush(struct emit *emit)
{
    enum mri_exit exit = emit_batch(emit);
    mri_buf_clear(&emit->texts);
    return exit;
}

/** An unreadable line: it is told behind what is refused of the lines before it. */
static enum mri_exit put_off(struct emit *emit, const struct place *place, const char *reason)
{
    enum mri_exit exit = emit->put_off_count == BATCH_LINES_MAX ? emit_batch(emit) : MRI_EXIT_OK;
    size_t at = emit->reasons.count;
    mri_buf_put(&emit->reasons, reason, strlen(reason) + 1);
    if (exit != MRI_EXIT_OK || emit->reasons.err != MR_OK) {
        return exit != MRI_EXIT_OK
                   ? exit
                   : mri_cli_fail(emit->cli, MRI_EXIT_FAULT, "%s", mr_err_text(MR_ENOMEM));
    }
    emit->put_offs[emit->put_off_count++] = (struct put_off){*place, at};
    return MRI_EXIT_OK;
}

/** Take one signal into the batch; those with keys are among themselves. */
static enum mri_exit take(struct emit *emit, const mr_emission *emission, const struct place *place)
{
    bool has_key = emission->key != NULL;
    enum mri_exit exit =
        emit->count > 0 && has_key != emit->has_keys ? emit_batch(emit) : MRI_EXIT_OK;
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    emit->emissions[emit->count] = *emission;
    emit->places[emit->count] = *place;
    emit->count++;
    emit->has_keys = has_key;
    return emit->count == (has_key ? BATCH_KEYS_MAX : BATCH_LINES_MAX) ? flush(emit) : MRI_EXIT_OK;
}

/** Have room for the texts of a line. */
static enum mri_exit make_room(struct emit *emit, const struct mri_line *line)
{
    size_t needed = line->text.count + MRI_EMISSION_NULS;
    return emit->texts.count + needed > TEXTS_BYTES_MAX ? flush(emit) : MRI_EXIT_OK;
}

/** One line of standard input. */
static enum mri_exit take_line(
    struct emit *emit, struct mri_json_parser *parser, const struct mri_line *line)
{
    struct mri_emission texts;
    mr_emission emission;
    mr_problem problem;
    mr_err err = MR_REFUSED;
    const struct place place = {.line = line->number, .is_torn = line->is_torn};
    if (mri_text_is_white(line->text) && !line->is_too_long) {
        return MRI_EXIT_OK; /* a line of nothing is no signal */
    }
    problem.text[0] = '\0';
    enum mri_exit exit = make_room(emit, line);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    if (line->is_too_long) {
        (void)mri_problem(&problem, err, "%llu bytes long, at most %d are taken",
            (unsigned long long)line->bytes, LINE_BYTES_MAX);
    } else {
        err = mri_emission_parse(parser, line->text, &emit->texts, &texts, &problem);
    }
    if (err == MR_OK) {
        err = mri_emission_read(&texts, &emission, &problem);
    }
    if (err == MR_REFUSED) {
        return put_off(emit, &place, problem.text);
    }
    if (err != MR_OK) {
        return mri_cli_fail(emit->cli, mri_cli_exit_of(err), "%s", mr_err_text(err));
    }
    return take(emit, &emission, &place);
}

static enum mri_exit take_stdin(struct emit *emit)
{
    struct mri_cli *cli = emit->cli;
    struct mri_line_reader *reader;
    struct mri_json_parser *parser = NULL;
    mr_problem problem = {""};
    const struct mri_line_source source = {.fd = STDIN_FILENO, .line_bytes_max = LINE_BYTES_MAX};
    enum mri_exit exit = mri_cli_check_stdin(cli);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    mr_err err = mri_line_reader_open(cli->os, cli->alloc, &source, &reader, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problem.text);
    }
    err = mri_json_parser_open(cli->alloc, LINE_BYTES_MAX, &parser);
    emit->is_stdin = true;
    mri_stop_install();
    while (err == MR_OK && exit == MRI_EXIT_OK && !mri_stop_is_wished()) {
        struct mri_line line;
        if (!mri_line_reader_is_line_at_hand(reader)) { /* the next one may be long in coming */
            exit = flush(emit);
        }
        err = mri_line_reader_next(reader, &line, &problem);
        if (err == MR_OK && exit == MRI_EXIT_OK) {
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

static enum mri_exit take_flags(struct emit *emit)
{
    const struct mri_cli *cli = emit->cli;
    const struct mri_emission texts = {
#define FROM_OPTION(member, key, value, about) .member = option_slice(cli, key),
        MRI_EMISSION_MAP(FROM_OPTION)
#undef FROM_OPTION
    };
    static const struct place nowhere = {0};
    mr_emission emission;
    mr_problem problem = {""};
    enum mri_exit exit = mri_bus_option_data(cli, "--data", texts.data.bytes);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    if (mri_emission_read(&texts, &emission, &problem) != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "%s", problem.text);
    }
    exit = take(emit, &emission, &nowhere);
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
    const mr_log_options log_options = {.is_alone = false}; /* a run may be up */
    mr_err err =
        mri_shared_state_open_log(cli->os, cli->alloc, folder, &log_options, &emit->log, &problem);
    if (err == MR_OK) {
        mri_opened_tell(mri_log_opening(emit->log));
        err = mr_bus_open(folder, &emit->bus, &problem);
    }
    if (err != MR_OK && err != MR_REFUSED) {
        return mri_cli_fail_to_write(cli, err, &problem);
    }
    const char *time_mode = mr_log_attribute_get(emit->log, MRI_ATTRIBUTE_TIME);
    bool is_live = time_mode != NULL && strcmp(time_mode, "live") == 0;
    bool has_symbols = err == MR_OK && mr_bus_symbol_count(emit->bus, NULL) > 0;
    int64_t time_unix_ns = 0;
    if (has_symbols && !is_live) {
        err = mr_bus_event_time(emit->bus, &time_unix_ns, &problem);
        if (err != MR_OK) {
            return mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problem.text);
        }
    }
    if (has_symbols && (is_live || time_unix_ns != 0)) {
        return MRI_EXIT_OK;
    }
    return has_symbols
               ? mri_cli_fail(cli, MRI_EXIT_USAGE,
                     "%s has no market time yet: it begins with the first price; the run's feed or "
                     "`%s feed --dir %s` brings it in",
                     folder, cli->program, folder)
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
    mri_buf_init(&emit->texts, cli->alloc, TEXTS_BYTES_MAX);
    mri_buf_init(&emit->ids, cli->alloc, IDS_BYTES_MAX);
    mri_buf_init(&emit->reasons, cli->alloc, REASONS_BYTES_MAX);
    enum mri_exit exit = read_durability(emit);
    if (exit == MRI_EXIT_OK) {
        exit = open_log(emit);
    }
    if (exit == MRI_EXIT_OK && mri_buf_grow(&emit->texts, TEXTS_BYTES_MAX) == NULL) {
        exit = mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(MR_ENOMEM));
    }
    mri_buf_clear(&emit->texts);
    if (exit == MRI_EXIT_OK) {
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
    mri_buf_fini(&emit->texts);
    mri_buf_fini(&emit->ids);
    mri_buf_fini(&emit->reasons);
    mr_bus_close(emit->bus);
    mr_log_close(emit->log);
    mri_alloc_free(cli->alloc, emit, sizeof(*emit));
    return exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"symbol", "SYMBOL", "what it is about: registered, or a spelling of one"},
    {"side", "SIDE", "long, buy, short or sell; anything else is refused"},
    {"source", "SOURCE",
        "who emits it; not a built-in source, the engine (engine, millrace, run) or an actor"},
    {"name", "NAME", "kind of signal; default: the source"},
    {"confidence", "X", "0 to 1"},
    {"price", "PRICE", "the price it was made at, rounded to the instrument's decimals"},
    {"horizon", "H", "1m, 5m, 15m, 30m or 1h"},
    {"valid-for", "TIME", "how long it may wait (90s, 5m); default: the configuration's"},
    {"external-id", "ID", "the producer's own id"},
    {"idempotency-key", "KEY",
        "the same key of the same source again prints the same id; another signal with it is "
        "refused"},
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
        "confidence and price are numbers there, data an object, all others texts.\n"
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
