/* SPDX-License-Identifier: MIT */
/*
 * millrace sql: questions in SQL, from the command line, a file, standard input or a prompt.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "cli/opened.h"
#include "cli/prompt.h"
#include "cli/sql_answer.h"
#include "os/stop.h"

enum { QUERY_BYTES_MAX = 1024 * 1024, TIMEOUT_MAX_S = 86400, MEMORY_MAX_MIB = 65536 };

/** A prompt under way. */
struct shell {
    const struct mri_cli *cli;
    struct mri_sql *sql;
    struct mri_prompt *prompt;
    struct mri_buf query; /**< lines of a statement that has no semicolon yet */
    enum mri_sql_answer_mode mode;
    uint64_t last_seq; /**< of the log, as it is shown */
};

static bool is_stopped(void *context)
{
    (void)context;
    return mri_stop_is_wished();
}

/* ---- the prompt ------------------------------------------------------------------------------ */

static const char shell_help[] =
    "a statement ends with ; and may have several lines; Ctrl-C ends a query, Ctrl-D the prompt\n"
    "  .tables         the tables\n"
    "  .schema TABLE   its columns\n"
    "  .mode MODE      table, csv or json\n"
    "  .help           this\n"
    "  .quit           end\n";

static void print_tables(const struct mri_sql *sql)
{
    const char *name;
    for (unsigned i = 0; (name = mri_sql_table_name(sql, i)) != NULL; i++) {
        (void)printf(
            "%-24s%s", name, i % 4 == 3 || mri_sql_table_name(sql, i + 1) == NULL ? "\n" : "");
    }
}

static void print_schema(struct shell *shell, const char *table)
{
    char query[256];
    bool is_known = false;
    const char *name;
    for (unsigned i = 0; (name = mri_sql_table_name(shell->sql, i)) != NULL; i++) {
        is_known |= strcmp(name, table) == 0;
    }
    if (!is_known) {
        (void)fprintf(stderr, ".schema: which table? .tables lists them\n");
        return;
    }
    (void)snprintf(
        query, sizeof(query), "SELECT name AS column, type FROM pragma_table_info('%s')", table);
    (void)mri_sql_answer_print(shell->cli, shell->sql, mri_slice_of(query), shell->mode);
}

static void set_mode(struct shell *shell, const char *mode)
{
    static const char *const modes[] = {"table", "csv", "json"};
    for (unsigned i = 0; i < MRI_COUNT_OF(modes); i++) {
        if (strcmp(modes[i], mode) == 0) {
            shell->mode = (enum mri_sql_answer_mode)i;
            return;
        }
    }
    (void)fprintf(stderr, ".mode: table, csv or json\n");
}

/** A line that begins with a dot. Returns false at the end. */
static bool run_dot(struct shell *shell, struct mri_slice line)
{
    char word[64];
    char argument[64] = "";
    char text[160];
    (void)snprintf(text, sizeof(text), "%.*s", (int)line.count, line.bytes);
    if (sscanf(text, "%63s %63s", word, argument) < 1) {
        return true;
    }
    if (strcmp(word, ".quit") == 0 || strcmp(word, ".exit") == 0) {
        return false;
    }
    if (strcmp(word, ".tables") == 0) {
        print_tables(shell->sql);
    } else if (strcmp(word, ".schema") == 0) {
        print_schema(shell, argument);
    } else if (strcmp(word, ".mode") == 0) {
        set_mode(shell, argument);
    } else if (strcmp(word, ".help") == 0) {
        (void)fputs(shell_help, stdout);
    } else {
        (void)fprintf(stderr, "unknown command; .help lists them\n");
    }
    return true;
}

/** Take a line in; run the statement when it is whole. Returns false at the end. */
static bool take_line(struct shell *shell, struct mri_slice line)
{
    if (shell->query.count == 0 && line.count > 0 && line.bytes[0] == '.') {
        mri_prompt_remember(shell->prompt, line.bytes);
        return run_dot(shell, line);
    }
    if (shell->query.count == 0 && line.count == 0) {
        return true;
    }
    mri_buf_put(&shell->query, line.bytes, line.count);
    mri_buf_text(&shell->query, "\n");
    if (shell->query.err != MR_OK) {
        (void)mri_cli_fail(shell->cli, MRI_EXIT_USAGE, "%s", mr_err_text(shell->query.err));
        mri_buf_clear(&shell->query);
        return true;
    }
    if (!mri_sql_is_complete(mri_buf_c_text(&shell->query))) {
        return true;
    }
    struct mri_slice query = {(const char *)shell->query.bytes, shell->query.count};
    mri_prompt_remember(shell->prompt, mri_buf_c_text(&shell->query));
    (void)mri_sql_answer_print(shell->cli, shell->sql, query, shell->mode);
    mri_buf_clear(&shell->query);
    return true;
}

static void run_shell(struct shell *shell)
{
    bool is_over = false;
    mri_stop_install();
    (void)printf("the log as of event %llu; .help helps\n", (unsigned long long)shell->last_seq);
    while (!is_over) {
        struct mri_slice line;
        const char *mark = shell->query.count == 0 ? "millrace> " : "     ...> ";
        switch (mri_prompt_read(shell->prompt, mark, &line)) {
        case MRI_PROMPT_LINE:
            is_over = !take_line(shell, line);
            break;
        case MRI_PROMPT_INTERRUPTED:
            (void)printf("\n");
            mri_buf_clear(&shell->query);
            break;
        case MRI_PROMPT_END:
            (void)printf("\n");
            is_over = true;
            break;
        }
        if (mri_stop_is_wished()) {
            mri_stop_forget(); /* a query or a line was stopped */
        }
    }
}

static enum mri_exit open_shell(struct shell shell)
{
    const struct mri_cli *cli = shell.cli;
    mr_err err = mri_prompt_open(cli->alloc, "sql_history", &shell.prompt);
    if (err != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(err));
    }
    mri_buf_init(&shell.query, cli->alloc, QUERY_BYTES_MAX);
    run_shell(&shell);
    mri_buf_fini(&shell.query);
    mri_prompt_close(shell.prompt);
    return MRI_EXIT_OK;
}

/* ---- one query ------------------------------------------------------------------------------- */

static enum mri_exit read_file(const struct mri_cli *cli, const char *path, struct mri_buf *query)
{
    size_t count;
    void *place = mri_buf_grow(query, QUERY_BYTES_MAX);
    if (place == NULL) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(query->err));
    }
    mr_err err = mri_os_read_named_file(cli->os, path, place, QUERY_BYTES_MAX, &count);
    if (err != MR_OK) {
        return mri_cli_fail(cli, err == MR_ERANGE ? MRI_EXIT_USAGE : MRI_EXIT_FAULT,
            "--file %s: %s", path, err == MR_ERANGE ? "longer than a megabyte" : mr_err_text(err));
    }
    query->count = count;
    return MRI_EXIT_OK;
}

static enum mri_exit read_stdin(const struct mri_cli *cli, struct mri_buf *query)
{
    char piece[4096];
    size_t count;
    enum mri_exit exit = mri_cli_check_stdin(cli);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    while ((count = fread(piece, 1, sizeof(piece), stdin)) > 0) {
        mri_buf_put(query, piece, count);
        if (query->err != MR_OK) {
            return mri_cli_fail(cli, query->err == MR_FULL ? MRI_EXIT_USAGE : MRI_EXIT_FAULT,
                "standard input: %s",
                query->err == MR_FULL ? "longer than a megabyte" : mr_err_text(query->err));
        }
    }
    if (ferror(stdin) != 0) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "standard input: %s", strerror(errno));
    }
    return MRI_EXIT_OK;
}

static enum mri_exit read_query(const struct mri_cli *cli, struct mri_buf *query)
{
    const char *path = mri_options_get(cli->options, "file");
    if (path != NULL) {
        return read_file(cli, path, query);
    }
    if (cli->options->argument_count > 0) {
        mri_buf_text(query, cli->options->arguments[0]);
        return query->err == MR_OK ? MRI_EXIT_OK
                                   : mri_cli_fail(cli, MRI_EXIT_USAGE, "the query is too long");
    }
    return read_stdin(cli, query);
}

/** Check the options, and take them. */
static enum mri_exit read_options(const struct mri_cli *cli, struct mri_sql_options *sql)
{
    uint64_t number;
    mr_problem problem = {""};
    const struct mri_options *options = cli->options;
    bool is_file = mri_options_get(options, "file") != NULL;
    if (is_file && options->argument_count > 0) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "give a query or --file, not both");
    }
    if (cli->is_json && mri_options_get(options, "csv") != NULL) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "give --csv or --json, not both");
    }
    number = MRI_SQL_TIMEOUT_S;
    mr_err err = mri_options_number(options, "timeout", 1, TIMEOUT_MAX_S, &number, &problem);
    sql->timeout_ns = (int64_t)number * 1000000000;
    number = MRI_SQL_MEMORY_MIB;
    if (err != MR_REFUSED) {
        err = mri_options_number(options, "memory", 8, MEMORY_MAX_MIB, &number, &problem);
    }
    sql->memory_bytes_max = (size_t)number << 20;
    return err == MR_REFUSED ? mri_cli_fail(cli, MRI_EXIT_USAGE, "%s", problem.text) : MRI_EXIT_OK;
}

static enum mri_exit ask(const struct mri_cli *cli, struct mri_fold *fold,
    const struct mri_buf *query, bool is_prompt, const struct mri_sql_options *limits)
{
    struct mri_sql_options options = mri_sql_options_of(fold);
    struct mri_sql *sql;
    enum mri_sql_answer_mode mode = cli->is_json ? MRI_SQL_ANSWER_JSON
                                    : mri_options_get(cli->options, "csv") != NULL
                                        ? MRI_SQL_ANSWER_CSV
                                        : MRI_SQL_ANSWER_TABLE;
    options.timeout_ns = limits->timeout_ns;
    options.memory_bytes_max = limits->memory_bytes_max;
    options.judge = mri_health_judge;
    options.health_text = mri_health_text;
    options.is_stopped = is_prompt ? is_stopped : NULL;
    mr_err err = mri_sql_open(&options, &sql);
    if (err != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(err));
    }
    const struct mri_slice text = {(const char *)query->bytes, query->count};
    const struct shell shell = {
        .cli = cli, .sql = sql, .mode = mode, .last_seq = fold->bus.last_seq};
    enum mri_exit exit = is_prompt ? open_shell(shell) : mri_sql_answer_print(cli, sql, text, mode);
    mri_sql_close(sql);
    return exit;
}

static enum mri_exit cmd_sql(struct mri_cli *cli)
{
    struct mri_opened *opened;
    struct mri_buf query;
    struct mri_sql_options limits = {0};
    bool is_prompt = cli->options->argument_count == 0 &&
                     mri_options_get(cli->options, "file") == NULL && isatty(STDIN_FILENO) == 1;
    enum mri_exit exit = read_options(cli, &limits);
    mri_buf_init(&query, cli->alloc, QUERY_BYTES_MAX);
    if (exit == MRI_EXIT_OK && !is_prompt) {
        exit = read_query(cli, &query);
    }
    if (exit == MRI_EXIT_OK) {
        exit = mri_opened_open(cli, &opened);
        if (exit == MRI_EXIT_OK) {
            exit =
                mri_opened_close(cli, opened, ask(cli, &opened->fold, &query, is_prompt, &limits));
        }
    }
    mri_buf_fini(&query);
    return exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"file", "FILE", "read the query from a file"},
    {"csv", NULL, "answer as CSV (RFC 4180), with a head"},
    {"json", NULL, "answer as a JSON array, an object a line"},
    {"timeout", "SECONDS", "how long a query may take; default: 30"},
    {"memory", "MIB", "how much memory it may use; default: 512"},
};

const struct mri_command mri_cmd_sql = {
    .name = "sql",
    .summary = "ask in SQL: signals, events, orders, outcomes and all else that is logged",
    .arguments = "[QUERY]",
    .about =
        "As of the last complete batch in the log. QUERY is one SELECT statement of SQLite; "
        "without it\n"
        "the query is read from standard input, or at a terminal from a prompt (.help).\n"
        "\n"
        "  millrace sql \"SELECT gate, count(*) FROM signals GROUP BY gate\"\n"
        "\n"
        "A QUERY may begin with a comment, -- and a blank; one with another dash or word right "
        "behind the\n"
        "first two stands behind the word --, which ends the options.\n"
        "\n"
        "Tables: signals, events, moves, decisions, gates, orders, positions, outcomes, feedback, "
        "prices,\n"
        "health, and one for every other kind of event and its rows (docs/SQL.md; at the prompt\n"
        ".tables and .schema TABLE, anywhere PRAGMA table_info(TABLE)). Only reading is allowed. "
        "Exit\n"
        "code 2: the query is wrong, or its time or memory is over; 3: the log.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .arguments_max = 1,
    .needs_folder = true,
    .run = cmd_sql,
};
