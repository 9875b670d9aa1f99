/* SPDX-License-Identifier: MIT */
/*
 * The program `millrace`: a table of commands. Only this layer prints.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/problem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "log/open/making.h"
#include "os/stop.h"
#include "pipeline/read_only.h"

static const struct mri_command *const commands[] = {
    &mri_cmd_run,
    &mri_cmd_emit,
    &mri_cmd_move,
    &mri_cmd_claim,
    &mri_cmd_orders,
    &mri_cmd_report,
    &mri_cmd_serve,
    &mri_cmd_feed,
    &mri_cmd_tail,
    &mri_cmd_show,
    &mri_cmd_why,
    &mri_cmd_query,
    &mri_cmd_sql,
    &mri_cmd_status,
    &mri_cmd_top,
    &mri_cmd_doctor,
    &mri_cmd_weights,
    &mri_cmd_verify,
    &mri_cmd_replay,
    &mri_cmd_log,
    &mri_cmd_config,
    &mri_cmd_version,
};

static const struct mri_command *running;
static bool is_answered; /* something was printed to stdout */
static bool is_failed;   /* why the command, or a line of its input, fails was said on stdout */

/** The outcome of a command that fails, for who reads stdout. A fault of stdout is told by who
 * prints an answer: this is none. */
static void say_as_json(const struct mri_cli *cli, enum mri_exit exit, const char *text)
{
    struct mri_buf line;
    struct mri_json_writer json;
    if (!cli->is_json || is_failed || (is_answered && !running->is_json_lines)) {
        return;
    }
    is_failed = true;
    mri_buf_init(&line, cli->alloc, 64 * MR_PROBLEM_BYTES);
    mri_json_write_begin(&json, &line);
    mri_json_write_object_open(&json);
    mri_json_write_key(&json, "error");
    mri_json_write_object_open(&json);
    mri_json_put_count(&json, "exit", (uint64_t)exit);
    mri_json_put_text(&json, "text", text);
    mri_json_write_object_close(&json);
    mri_json_write_object_close(&json);
    (void)printf("%s\n", mri_buf_c_text(&line));
    mri_buf_fini(&line);
}

enum mri_exit mri_cli_fail(const struct mri_cli *cli, enum mri_exit exit, const char *format, ...)
{
    char text[2 * MR_PROBLEM_BYTES];
    struct mri_buf shown;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    mri_buf_init(&shown, cli->alloc, 8 * sizeof(text));
    mri_text_escape_rest(&shown, mri_slice_of(text)); /* it may quote what a problem says */
    say_as_json(cli, exit, mri_buf_c_text(&shown));
    (void)fflush(stdout); /* what was printed before comes before */
    (void)fprintf(stderr, "millrace%s%s: %s\n", running == NULL ? "" : " ",
        running == NULL ? "" : running->name, mri_buf_c_text(&shown));
    mri_buf_fini(&shown);
    return exit;
}

enum mri_exit mri_cli_fail_to_write(const struct mri_cli *cli, mr_err err, mr_problem *problem)
{
    err = mri_read_only_explain(cli->os, cli->alloc, mri_cli_folder(cli), err, problem);
    return mri_cli_fail(cli, mri_cli_exit_of(err), "%s",
        problem->text[0] != '\0' ? problem->text : mr_err_text(err));
}

void mri_cli_is_told(void)
{
    is_failed = true;
}

void mri_cli_next_line(void)
{
    is_failed = false;
}

enum mri_exit mri_cli_exit_of(mr_err err)
{
    switch (err) {
    case MR_OK:
        return MRI_EXIT_OK;
    case MR_EINVAL:
    case MR_REFUSED:
    case MR_NOT_FOUND:
    case MR_BUSY:
    case MR_FULL:
    case MR_ETOOLARGE:
        return MRI_EXIT_USAGE;
    default:
        return MRI_EXIT_FAULT;
    }
}

enum mri_exit mri_cli_check_stdin(const struct mri_cli *cli)
{
    struct stat found;
    bool is_folder = fstat(STDIN_FILENO, &found) == 0 && S_ISDIR(found.st_mode);
    return is_folder ? mri_cli_fail(cli, MRI_EXIT_FAULT,
                           "stdin: it is a folder; give lines, from a file or a pipe")
                     : MRI_EXIT_OK;
}

enum mri_exit mri_cli_print(const struct mri_cli *cli, const struct mri_buf *text)
{
    if (text->err != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(text->err));
    }
    is_answered |= text->count > 0;
    size_t put = fwrite(text->bytes, 1, text->count, stdout);
    if ((put == text->count && fflush(stdout) == 0) || errno == EPIPE) {
        return MRI_EXIT_OK;
    }
    return mri_cli_fail(cli, MRI_EXIT_FAULT, "standard output: %s", strerror(errno));
}

const char *mri_cli_folder(const struct mri_cli *cli)
{
    const char *given = mri_options_get(cli->options, "dir");
    const char *folder = given != NULL ? given : getenv("MILLRACE_DIR");
    return folder != NULL && folder[0] != '\0' ? folder : NULL; /* empty: a variable nobody set */
}

static void print_commands(FILE *out)
{
    (void)fputs("millrace turns trading signals into decisions, orders, outcomes and learning.\n\n"
                "usage: millrace COMMAND [OPTIONS]\n\ncommands:\n",
        out);
    for (size_t i = 0; i < MRI_COUNT_OF(commands); i++) {
        (void)fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    }
    (void)fputs("\n`millrace COMMAND --help` explains a command.\n"
                "exit codes: 0 ok, 1 no or unhealthy, 2 usage or configuration, 3 fault\n",
        out);
}

static void print_help(const struct mri_command *command)
{
    (void)printf("millrace %s: %s\n\nusage: millrace %s [OPTIONS]%s%s\n\n%s\noptions:\n",
        command->name, command->summary, command->name, command->arguments[0] == '\0' ? "" : " ",
        command->arguments, command->about);
    for (size_t i = 0; i < command->option_count; i++) {
        const struct mri_option *option = &command->options[i];
        char head[64];
        (void)snprintf(head, sizeof(head), "--%s%s%s", option->name,
            option->value == NULL ? "" : " ", option->value == NULL ? "" : option->value);
        (void)printf("  %-24s %s\n", head, option->about);
    }
    (void)printf("  %-24s %s\n", "--help", "this text");
}

static void print_verbs(const struct mri_command *family, FILE *out)
{
    (void)fprintf(out, "millrace %s: %s\n\nusage: millrace %s VERB [OPTIONS]\n\nverbs:\n",
        family->name, family->summary, family->name);
    for (size_t i = 0; i < family->verb_count; i++) {
        (void)fprintf(out, "  %-9s %s\n", family->verbs[i].name, family->verbs[i].command->summary);
    }
    (void)fprintf(out, "\n`millrace %s VERB --help` explains a verb.\n", family->name);
}

static const struct mri_command *find_command(const char *name)
{
    for (size_t i = 0; i < MRI_COUNT_OF(commands); i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static enum mri_exit refuse_command(const struct mri_cli *cli, const char *name)
{
    const char *names[MRI_COUNT_OF(commands)];
    for (size_t i = 0; i < MRI_COUNT_OF(commands); i++) {
        names[i] = commands[i]->name;
    }
    const char *near = mri_text_nearest(mri_slice_of(name), names, MRI_COUNT_OF(names));
    return near == NULL ? mri_cli_fail(cli, MRI_EXIT_USAGE,
                              "unknown command \"%s\"; `millrace help` lists them", name)
                        : mri_cli_fail(cli, MRI_EXIT_USAGE,
                              "unknown command \"%s\" (did you mean %s?)", name, near);
}

static enum mri_exit refuse_verb(const struct mri_cli *cli, const char *name)
{
    const char *names[MRI_OPTIONS_MAX];
    MRI_ASSERT(running->verb_count <= MRI_COUNT_OF(names));
    for (size_t i = 0; i < running->verb_count; i++) {
        names[i] = running->verbs[i].name;
    }
    const char *near = mri_text_nearest(mri_slice_of(name), names, running->verb_count);
    return near == NULL
               ? mri_cli_fail(cli, MRI_EXIT_USAGE,
                     "unknown verb \"%s\"; `millrace help %s` lists them", name, running->name)
               : mri_cli_fail(
                     cli, MRI_EXIT_USAGE, "unknown verb \"%s\" (did you mean %s?)", name, near);
}

/** Is --json among the words? Looked for before they are read, for what is wrong with them. */
static bool asks_for_json(int argc, char **argv)
{
    bool is_known = false;
    for (size_t i = 0; i < running->option_count; i++) {
        is_known |= strcmp(running->options[i].name, "json") == 0;
    }
    for (int i = 0; is_known && i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

bool mri_cli_has_lost_manifest(const struct mri_cli *cli, const char *folder)
{
    mr_problem problem = {""};
    bool is_lost = mri_making_check_folder(cli->os, cli->alloc, folder, &problem) == MR_ECORRUPT;
    if (is_lost) {
        (void)mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", problem.text);
    }
    return is_lost;
}

/** Run what `running` names; the options are kept in *options. */
static enum mri_exit run_command(
    struct mri_cli *cli, struct mri_options *options, int argc, char **argv)
{
    mr_problem problem;
    cli->is_json = asks_for_json(argc, argv);
    mr_err err =
        mri_options_parse(running->options, running->option_count, argc, argv, options, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "%s", problem.text);
    }
    if (options->is_help) {
        print_help(running);
        return MRI_EXIT_OK;
    }
    cli->options = options;
    for (size_t i = 0; i < running->option_count; i++) {
        if (strcmp(running->options[i].name, "json") == 0) {
            cli->is_json = options->values[i] != NULL;
        }
    }
    if (options->argument_count > running->arguments_max) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE,
            "unexpected argument \"%s\"; usage: millrace %s [OPTIONS]%s%s",
            options->arguments[running->arguments_max], running->name,
            running->arguments[0] == '\0' ? "" : " ", running->arguments);
    }
    if (options->argument_count < running->arguments_min) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "usage: millrace %s [OPTIONS]%s%s", running->name,
            running->arguments[0] == '\0' ? "" : " ", running->arguments);
    }
    if (running->needs_folder && mri_cli_folder(cli) == NULL) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE,
            "which directory? give --dir DIR or set the variable MILLRACE_DIR");
    }
    if (running->needs_folder && mri_cli_has_lost_manifest(cli, mri_cli_folder(cli))) {
        return MRI_EXIT_FAULT;
    }
    return running->run(cli);
}

/**
 * Occupy standard streams that the caller closed: else the next file that is opened, a segment of
 * the log, would get their number and receive what is printed. Using such a stream still fails.
 */
static bool guard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        bool is_closed = fcntl(fd, F_GETFD) == -1 && errno == EBADF;
        if (is_closed && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) {
            return false;
        }
    }
    return true;
}

/** Write out what stdio holds back; help texts and the like are printed without a check. */
static enum mri_exit finish(const struct mri_cli *cli, enum mri_exit exit)
{
    if (fflush(stdout) == 0 || errno == EPIPE || exit == MRI_EXIT_FAULT) {
        return exit;
    }
    return mri_cli_fail(cli, MRI_EXIT_FAULT, "standard output: %s", strerror(errno));
}

/** `running` is a family: go on with the verb that the next word names. */
static enum mri_exit dispatch_verb(
    struct mri_cli *cli, struct mri_options *options, bool is_help, int argc, char **argv)
{
    const int at = is_help ? 3 : 2; /* help log VERB, log VERB */
    const char *name = argc > at ? argv[at] : "";
    bool is_asked = is_help || strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 ||
                    strcmp(name, "-h") == 0;
    if (argc <= at || (is_asked && (!is_help || name[0] == '-'))) {
        print_verbs(running, is_asked ? stdout : stderr);
        return is_asked ? MRI_EXIT_OK : MRI_EXIT_USAGE;
    }
    for (size_t i = 0; i < running->verb_count; i++) {
        if (strcmp(name, running->verbs[i].name) == 0) {
            running = running->verbs[i].command;
            if (is_help) {
                print_help(running);
                return MRI_EXIT_OK;
            }
            return run_command(cli, options, argc - 3, argv + 3);
        }
    }
    return refuse_verb(cli, name);
}

static enum mri_exit dispatch(
    struct mri_cli *cli, struct mri_options *options, int argc, char **argv)
{
    if (argc < 2) {
        print_commands(stderr);
        return MRI_EXIT_USAGE;
    }
    bool is_help = strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
                   strcmp(argv[1], "-h") == 0;
    if (is_help && (argc == 2 || argv[2][0] == '-')) {
        print_commands(stdout);
        return MRI_EXIT_OK;
    }
    const char *name = is_help ? argv[2] : strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
    running = find_command(name);
    if (running == NULL) {
        return refuse_command(cli, name);
    }
    if (running->verb_count > 0) {
        return dispatch_verb(cli, options, is_help, argc, argv);
    }
    if (is_help) {
        print_help(running);
        return MRI_EXIT_OK;
    }
    return run_command(cli, options, argc - 2, argv + 2);
}

int main(int argc, char **argv)
{
    struct mri_options options;
    struct mri_cli cli = {.program = argc > 0 ? argv[0] : "millrace",
        .os = mri_os_linux(),
        .alloc = mri_alloc_system()};
    mri_stop_ignore_writes();
    if (!guard_streams()) {
        return MRI_EXIT_FAULT; /* and there is nothing to say it on */
    }
    return (int)finish(&cli, dispatch(&cli, &options, argc, argv));
}
