/* SPDX-License-Identifier: MIT */
/*
 * millrace claim: a worker in the shell.
 *
 *   claim -> one line out; then a line in for each of
 *     move STATE [GATE REASON [JSON]]
 *     renew [TIME]
 *     release
 *   and one line out for each. The end of the input releases.
 */
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/utc.h"
#include "cli/bus_option.h"
#include "cli/describe.h"
#include "os/line_reader.h"
#include "os/stop.h"

enum { ANSWER_BYTES_MAX = 64 * 1024, LINE_BYTES_MAX = 128 * 1024 };

#define SECOND_NS ((int64_t)1000000000)

struct work {
    struct mri_cli *cli;
    mr_bus *bus;
    mr_claim_options options;
    mr_claim claim;
    mr_state state; /* that the signal is in */
    bool is_over;   /* there is no claim any more */
};

static enum mri_exit answer(const struct work *work, const char *what)
{
    const struct mri_cli *cli = work->cli;
    struct mri_buf text;
    mri_buf_init(&text, cli->alloc, ANSWER_BYTES_MAX);
    if (cli->is_json) {
        struct mri_json_writer json;
        mri_json_write_begin(&json, &text);
        mri_json_write_object_open(&json);
        mri_json_put_text(&json, "did", what);
        mri_bus_option_put_signal(&json, work->bus, work->claim.ordinal, work->state);
        mri_json_put_text(&json, "owner", work->options.owner);
        mri_json_put_text(&json, "next", mr_state_text(work->claim.next));
        mri_json_put_count(&json, "claim_seq", work->claim.seq.n);
        mri_json_put_bool(&json, "claimed", !work->is_over);
        mri_json_write_object_close(&json);
    } else {
        char id[MR_BUS_ID_BYTES] = "";
        (void)mr_bus_id(work->bus, work->claim.ordinal, id); /* it exists */
        mri_buf_printf(&text, "%s  %s  %s", what, id, mr_state_text(work->state));
    }
    mri_buf_text(&text, "\n");
    enum mri_exit exit = mri_cli_print(cli, &text);
    mri_buf_fini(&text);
    return exit;
}

static enum mri_exit refuse(const struct work *work, mr_err err, const mr_move_conflict *conflict,
    const mr_problem *problem)
{
    return mri_bus_option_refuse(work->cli, work->bus, err, conflict, problem);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/** The next word of a line; empty at its end. */
static struct mri_slice take_word(struct mri_slice *rest)
{
    size_t begin = 0;
    while (begin < rest->count && rest->bytes[begin] == ' ') {
        begin++;
    }
    size_t end = begin;
    while (end < rest->count && rest->bytes[end] != ' ') {
        end++;
    }
    struct mri_slice word = {rest->bytes + begin, end - begin};
    *rest = (struct mri_slice){rest->bytes + end, rest->count - end};
    return word;
}

/** A text with a NUL, in a buffer that holds all of a line's; NULL: it is absent. */
static const char *keep(struct mri_buf *texts, struct mri_slice word)
{
    size_t at = texts->count;
    mri_buf_put(texts, word.bytes, word.count);
    mri_buf_put(texts, "", 1);
    return word.count == 0 || texts->err != MR_OK ? NULL : (const char *)texts->bytes + at;
}

static enum mri_exit do_move(struct work *work, struct mri_slice rest)
{
    static char room[2 * LINE_BYTES_MAX]; /* so that the texts do not move */
    struct mri_buf texts = {
        .bytes = (uint8_t *)room, .capacity = sizeof(room), .bytes_max = sizeof(room)};
    mr_move_conflict conflict = {0};
    mr_problem problem = {""};
    mr_move move = {.from = work->state};
    const char *to = keep(&texts, take_word(&rest));
    enum mri_exit exit = mri_bus_option_state(work->cli, "move", to, &move.to);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    move.gate = keep(&texts, take_word(&rest));
    move.reason = keep(&texts, take_word(&rest));
    while (rest.count > 0 && rest.bytes[0] == ' ') {
        rest = (struct mri_slice){rest.bytes + 1, rest.count - 1};
    }
    move.data = keep(&texts, rest);
    exit = mri_bus_option_data(work->cli, "move", move.data);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    mr_err err = mr_claim_move(
        work->bus, &work->claim, &move, mri_bus_option_durability(work->cli), &conflict, &problem);
    if (err != MR_OK) {
        work->is_over = work->is_over || err == MR_CONFLICT;
        return refuse(work, err, &conflict, &problem);
    }
    mr_claimant claimant;
    work->state = move.to;
    work->is_over = mr_bus_claimant(work->bus, work->claim.ordinal, &claimant) != MR_OK;
    return answer(work, "moved");
}

static enum mri_exit do_renew(struct work *work, struct mri_slice rest)
{
    mr_problem problem = {""};
    struct mri_slice word = take_word(&rest);
    int64_t lease_ns = work->options.lease_ns;
    if (word.count > 0 && mri_utc_parse_duration(word, &lease_ns) != MR_OK) {
        return mri_cli_fail(work->cli, MRI_EXIT_USAGE,
            "renew: expected a time (90s, 5m), found %.*s",
            (int)(word.count < 60 ? word.count : 60), word.bytes);
    }
    mr_err err = mr_claim_renew(work->bus, &work->claim, lease_ns, &problem);
    if (err != MR_OK) {
        work->is_over = err == MR_CONFLICT;
        return refuse(work, err, NULL, &problem);
    }
    return answer(work, "renewed");
}

static enum mri_exit do_release(struct work *work)
{
    mr_problem problem = {""};
    mr_err err =
        mr_claim_release(work->bus, &work->claim, mri_bus_option_durability(work->cli), &problem);
    work->is_over = true;
    return err == MR_OK ? answer(work, "released") : refuse(work, err, NULL, &problem);
}

static enum mri_exit do_line(struct work *work, struct mri_slice line)
{
    struct mri_slice rest = line;
    struct mri_slice verb = take_word(&rest);
    if (verb.count == 0) {
        return MRI_EXIT_OK;
    }
    if (mri_slice_is(verb, "move")) {
        return do_move(work, rest);
    }
    if (mri_slice_is(verb, "renew")) {
        return do_renew(work, rest);
    }
    if (mri_slice_is(verb, "release") && take_word(&rest).count == 0) {
        return do_release(work);
    }
    return mri_cli_fail(work->cli, MRI_EXIT_USAGE,
        "expected move STATE [GATE REASON [JSON]], renew [TIME] or release, found \"%.*s\"",
        (int)(line.count < 60 ? line.count : 60), line.bytes);
}

/** A line, or the end of the input with what stands before it; who may still write is not waited
 * for. */
static bool is_more_there(const struct work *work, struct mri_line_reader *reader)
{
    const struct mri_os *os = work->cli->os;
    const int fd = STDIN_FILENO;
    size_t ready;
    return mri_line_reader_is_line_at_hand(reader) ||
           os->wait_any(os->context, &fd, 1, 0, &ready) == MR_OK;
}

/** Lines that are there behind the end of the claim are not done, and not passed by in silence. */
static enum mri_exit refuse_rest(const struct work *work, struct mri_line_reader *reader)
{
    enum mri_exit exit = MRI_EXIT_OK;
    struct mri_line line;
    while (is_more_there(work, reader) && mri_line_reader_next(reader, &line, NULL) == MR_OK) {
        struct mri_slice text = line.text;
        struct mri_slice rest = text;
        if (take_word(&rest).count > 0) {
            mri_cli_next_line();
            exit = mri_cli_fail(work->cli, MRI_EXIT_NO,
                "the claim has ended before line %llu, which was not done: \"%.*s\"",
                (unsigned long long)line.number, (int)(text.count < 60 ? text.count : 60),
                text.bytes);
        }
    }
    return exit;
}

/** Lines of standard input, until the claim is over or they are; the worst answer counts. */
static enum mri_exit work_off(struct work *work)
{
    const struct mri_line_source source = {.fd = STDIN_FILENO, .line_bytes_max = LINE_BYTES_MAX};
    struct mri_line_reader *reader;
    mr_problem problem = {""};
    enum mri_exit worst = MRI_EXIT_OK;
    mr_err err = mri_line_reader_open(work->cli->os, work->cli->alloc, &source, &reader, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(work->cli, mri_cli_exit_of(err), "%s", problem.text);
    }
    while (!work->is_over && !mri_stop_is_wished()) {
        struct mri_line line;
        err = mri_line_reader_next(reader, &line, &problem);
        if (err == MR_AGAIN) {
            continue;
        }
        if (err != MR_OK) {
            break;
        }
        mri_cli_next_line();
        enum mri_exit exit = line.is_too_long ? mri_cli_fail(work->cli, MRI_EXIT_USAGE,
                                                    "a line of more than %d bytes", LINE_BYTES_MAX)
                                              : do_line(work, line.text);
        worst = exit > worst ? exit : worst;
    }
    if (work->is_over) {
        enum mri_exit exit = refuse_rest(work, reader);
        worst = exit > worst ? exit : worst;
    }
    mri_line_reader_close(reader);
    mri_cli_next_line();
    if (err != MR_OK && err != MR_END && err != MR_AGAIN) {
        return mri_cli_fail(work->cli, mri_cli_exit_of(err), "standard input: %s", problem.text);
    }
    if (!work->is_over) {
        enum mri_exit exit = do_release(work);
        worst = exit > worst ? exit : worst;
    }
    return worst;
}

/* ---- claiming -------------------------------------------------------------------------------- */

/** Will what cannot be claimed now be free again? What is in another state will not. */
static bool may_come(mr_err err, const mr_move_conflict *conflict, mr_state from)
{
    bool is_held = err == MR_CONFLICT && conflict->owner[0] != '\0' && conflict->found == from;
    return err == MR_END || is_held;
}

/** Claim, and wait for as long as it says when there is nothing or somebody else has it. */
static enum mri_exit take(struct work *work, int64_t wait_ns)
{
    const struct mri_os *os = work->cli->os;
    int64_t until_ns = os->boottime_ns(os->context) + wait_ns;
    for (;;) {
        mr_move_conflict conflict = {0};
        mr_problem problem = {""};
        mr_err err = mr_bus_claim(work->bus, &work->options, mri_bus_option_durability(work->cli),
            &work->claim, &conflict, &problem);
        int64_t left_ns = until_ns - os->boottime_ns(os->context);
        bool is_waiting =
            may_come(err, &conflict, work->options.from) && left_ns > 0 && !mri_stop_is_wished();
        if (err == MR_OK) {
            work->state = work->claim.from;
            return answer(work, "claimed");
        }
        if (!is_waiting) {
            return err == MR_END ? mri_cli_fail(work->cli, MRI_EXIT_NO, "%s", problem.text)
                                 : refuse(work, err, &conflict, &problem);
        }
        err = mr_bus_claim_wait(work->bus, left_ns / 1000000 + 1, &problem);
        if (err != MR_OK && err != MR_AGAIN) {
            return refuse(work, err, NULL, &problem);
        }
    }
}

static enum mri_exit read_time(
    const struct mri_cli *cli, const char *name, int64_t default_ns, int64_t *ret_ns)
{
    const char *text = mri_options_get(cli->options, name);
    *ret_ns = default_ns;
    return text == NULL || mri_utc_parse_duration(mri_slice_of(text), ret_ns) == MR_OK
               ? MRI_EXIT_OK
               : mri_cli_fail(cli, MRI_EXIT_USAGE, "--%s: expected a time (90s, 5m), found \"%s\"",
                     name, text);
}

static enum mri_exit read_options(struct work *work, int64_t *ret_wait_ns)
{
    const struct mri_cli *cli = work->cli;
    const char *from = mri_options_get(cli->options, "from");
    mr_claim_options *options = &work->options;
    options->owner = mri_options_get(cli->options, "owner");
    options->symbol = mri_options_get(cli->options, "symbol");
    options->source = mri_options_get(cli->options, "source");
    if (options->owner == NULL) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "--owner NAME is missing");
    }
    enum mri_exit exit =
        mri_bus_option_state(cli, "--from", from == NULL ? "generated" : from, &options->from);
    if (exit == MRI_EXIT_OK) {
        exit =
            mri_bus_option_state(cli, "--to", mri_options_get(cli->options, "to"), &options->next);
    }
    if (exit == MRI_EXIT_OK) {
        exit = read_time(cli, "lease", 60 * SECOND_NS, &options->lease_ns);
    }
    return exit == MRI_EXIT_OK ? read_time(cli, "wait", 0, ret_wait_ns) : exit;
}

static enum mri_exit cmd_claim(struct mri_cli *cli)
{
    struct work work = {.cli = cli};
    int64_t wait_ns = 0;
    enum mri_exit exit = read_options(&work, &wait_ns);
    if (exit == MRI_EXIT_OK) {
        exit = mri_bus_option_open(cli, &work.bus);
    }
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    mri_stop_install();
    if (cli->options->argument_count > 0) {
        exit =
            mri_bus_option_signal(cli, work.bus, cli->options->arguments[0], &work.options.ordinal);
    }
    if (exit == MRI_EXIT_OK) {
        exit = take(&work, wait_ns);
    }
    if (exit == MRI_EXIT_OK) {
        exit = work_off(&work);
    }
    mr_bus_close(work.bus);
    return exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"owner", "NAME",
        "the worker's name; a source routed to external:NAME is claimed by NAME alone"},
    {"from", "STATE", "the state it is in; default: generated"},
    {"to", "STATE", "what is to be made of it"},
    {"lease", "TIME", "without renewal the claim ends after so long; default: 60s"},
    {"wait", "TIME",
        "when there is nothing to claim, or ID is somebody else's, wait so long; default: 0s"},
    {"symbol", "SYMBOL", "only signals of this symbol"},
    {"source", "SOURCE", "only signals of this source"},
    {"durable", NULL, "answer when a power cut cannot take it back any more"},
    {"json", NULL, "one object a line"},
};

const struct mri_command mri_cmd_claim = {
    .name = "claim",
    .summary = "have one signal for yourself: move, renew, release",
    .arguments = "[ID]",
    .about =
        "Claims the signal ID, or the one that is in its state longest. Nobody else moves it "
        "until\n"
        "it is blocked, expired or executed, released, the lease is over, or this process ends. "
        "Then\n"
        "reads from standard input, one a line, and answers each with a line:\n"
        "  move STATE [GATE REASON [JSON]]    renew [TIME]    release\n"
        "The end of the input releases. With --wait and ID it waits until the claim of somebody\n"
        "else ends, and is refused at once when the signal has moved on. With --json what is\n"
        "refused is answered, too: {\"error\": ...}, or {\"conflict\": ...} of a signal that is\n"
        "elsewhere or somebody else's. Exit code 1: there was nothing to claim, somebody else has\n"
        "it, or lines stood behind the end of the claim: they are told, and not done.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .arguments_max = 1,
    .needs_folder = true,
    .is_json_lines = true,
    .run = cmd_claim,
};
