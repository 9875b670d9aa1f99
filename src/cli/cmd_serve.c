/* SPDX-License-Identifier: MIT */
/*
 * millrace serve: the bus for languages without a binding, by lines of JSON on a Unix socket.
 *
 * Here are options and what is printed; the server is src/socket/line_server.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/utc.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "millrace/bus.h"
#include "os/stop.h"
#include "socket/line_server.h"

enum { LINE_BYTES_MAX = 16 * 1024 };

struct serve {
    struct mri_cli *cli;
    struct mri_line_server_options options;
    char path[MRI_PATH_BYTES_MAX]; /* of the socket */
    mr_bus *bus;
    struct mri_line_server *server;
    struct mri_buf line;
    struct mri_json_writer json;
    bool is_unheard; /* stdout cannot be written: nothing more is told, and the exit code says so */
};

static const char *const ends[] = {
    [MRI_CONNECTION_OPEN] = "open",
    [MRI_CONNECTION_QUIT] = "quit",
    [MRI_CONNECTION_GONE] = "gone",
    [MRI_CONNECTION_IDLE] = "idle",
    [MRI_CONNECTION_FAILED] = "failed",
    [MRI_CONNECTION_STOPPED] = "stopped",
};

static const char *const events[] = {
    [MRI_LINE_SERVER_OPENED] = "opened",
    [MRI_LINE_SERVER_CLOSED] = "closed",
    [MRI_LINE_SERVER_REFUSED_USER] = "refused",
    [MRI_LINE_SERVER_REFUSED_FULL] = "refused",
};

/** Print the line and begin another one. */
static void print_line(struct serve *serve)
{
    mri_buf_text(&serve->line, "\n");
    if (!serve->is_unheard) {
        serve->is_unheard = mri_cli_print(serve->cli, &serve->line) != MRI_EXIT_OK;
    }
    mri_buf_clear(&serve->line);
}

static void open_json(struct serve *serve, const char *event)
{
    mri_json_write_begin(&serve->json, &serve->line);
    mri_json_write_object_open(&serve->json);
    mri_json_put_text(&serve->json, "event", event);
}

static void put_counts(struct serve *serve, const struct mri_service_counts *counts)
{
    const char *before = "";
#define PUT_COUNT(name)                                                                            \
    mri_buf_printf(&serve->line, "%s%llu %s", before, (unsigned long long)counts->name, #name);    \
    before = ", ";
    MRI_SERVICE_COUNT_MAP(PUT_COUNT)
#undef PUT_COUNT
}

static void tell(void *context, const struct mri_line_server_news *news)
{
    struct serve *serve = context;
    bool is_closed = news->event == MRI_LINE_SERVER_CLOSED;
    const char *why = is_closed                                     ? ends[news->end]
                      : news->event == MRI_LINE_SERVER_REFUSED_USER ? "another user"
                      : news->event == MRI_LINE_SERVER_REFUSED_FULL ? "too many connections"
                                                                    : NULL;
    if (serve->cli->is_json) {
        open_json(serve, events[news->event]);
        mri_json_put_count(&serve->json, "connection", news->number);
        mri_json_put_count(&serve->json, "process", news->peer.process);
        mri_json_put_count(&serve->json, "user", news->peer.user);
        if (why != NULL) {
            mri_json_put_text(&serve->json, "why", why);
        }
        if (is_closed) {
            mri_service_write_counts(news->counts, &serve->json);
            mri_json_put_bool(&serve->json, "torn_line", news->is_torn);
        }
        mri_json_write_object_close(&serve->json);
    } else {
        mri_buf_printf(&serve->line, "%-10s ", events[news->event]);
        if (news->number != 0) {
            mri_buf_printf(&serve->line, "connection %llu, ", (unsigned long long)news->number);
        }
        mri_buf_printf(&serve->line, "process %u, user %u", news->peer.process, news->peer.user);
        mri_buf_printf(&serve->line, "%s%s", why == NULL ? "" : ": ", why == NULL ? "" : why);
        if (is_closed) {
            mri_buf_text(&serve->line, "; ");
            put_counts(serve, news->counts);
            mri_buf_text(&serve->line, news->is_torn ? "; its last line had no end" : "");
        }
    }
    print_line(serve);
}

static void print_begin(struct serve *serve)
{
    const struct mri_os *os = serve->cli->os;
    if (serve->cli->is_json) {
        open_json(serve, "serving");
        mri_json_put_text(&serve->json, "socket", serve->path);
        mri_json_put_count(&serve->json, "process", os->process_id(os->context));
        mri_json_write_object_close(&serve->json);
    } else {
        mri_buf_printf(&serve->line, "serving    ");
        mri_buf_text(&serve->line, serve->path);
        mri_buf_printf(&serve->line, " (process %u)", os->process_id(os->context));
    }
    print_line(serve);
}

static void print_end(struct serve *serve)
{
    struct mri_line_server_stats stats;
    mri_line_server_stat(serve->server, &stats);
    if (serve->cli->is_json) {
        open_json(serve, "ended");
        mri_json_put_count(&serve->json, "accepted", stats.accepted);
        mri_json_put_count(&serve->json, "refused_users", stats.refused_users);
        mri_json_put_count(&serve->json, "refused_full", stats.refused_full);
        mri_json_put_count(&serve->json, "refusals", stats.refusals);
        mri_service_write_counts(&stats.counts, &serve->json);
        mri_json_write_object_close(&serve->json);
    } else {
        mri_buf_printf(&serve->line,
            "ended      %llu connections, %llu of other users refused, %llu too many; ",
            (unsigned long long)stats.accepted, (unsigned long long)stats.refused_users,
            (unsigned long long)stats.refused_full);
        put_counts(serve, &stats.counts);
    }
    print_line(serve);
}

static enum mri_exit read_path(struct serve *serve)
{
    struct mri_cli *cli = serve->cli;
    const char *given = mri_options_get(cli->options, "socket");
    const char *folder = mri_cli_folder(cli);
    int count = given != NULL ? snprintf(serve->path, sizeof(serve->path), "%s", given)
                              : snprintf(serve->path, sizeof(serve->path), "%s/socket", folder);
    serve->options.path = serve->path;
    return count >= 0 && count < (int)sizeof(serve->path)
               ? MRI_EXIT_OK
               : mri_cli_fail(cli, MRI_EXIT_USAGE, "--socket: the path is too long");
}

static enum mri_exit read_options(struct serve *serve)
{
    struct mri_cli *cli = serve->cli;
    mr_problem problem = {""};
    uint64_t connections = MRI_LINE_SERVER_CONNECTIONS;
    const char *idle = mri_options_get(cli->options, "idle-timeout");
    mr_err err = mri_options_number(
        cli->options, "connections", 1, MRI_LINE_SERVER_CONNECTIONS_MAX, &connections, &problem);
    if (err == MR_REFUSED) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "%s", problem.text);
    }
    serve->options.connections_max = (uint32_t)connections;
    if (idle != NULL &&
        (mri_utc_parse_duration(mri_slice_of(idle), &serve->options.idle_ns) != MR_OK ||
            serve->options.idle_ns <= 0)) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE,
            "--idle-timeout: expected a time above zero (90s, 5m), found \"%.60s\"", idle);
    }
    if (mri_options_get(cli->options, "verbose") != NULL) {
        serve->options.tell = tell;
        serve->options.tell_context = serve;
    }
    return read_path(serve);
}

static enum mri_exit open_server(struct serve *serve)
{
    struct mri_cli *cli = serve->cli;
    mr_problem problem = {""};
    mr_err err = mr_bus_open(mri_cli_folder(cli), &serve->bus, &problem);
    if (err == MR_OK) { /* the threads of the log get no signals */
        mri_line_server_block_signals();
        mri_stop_install();
        err = mri_line_server_open(
            cli->os, cli->alloc, serve->bus, &serve->options, &serve->server, &problem);
    }
    enum mri_exit exit = err == MR_EXISTS ? MRI_EXIT_USAGE : mri_cli_exit_of(err);
    return err == MR_OK ? MRI_EXIT_OK
                        : mri_cli_fail(cli, exit, "%s",
                              problem.text[0] != '\0' ? problem.text : mr_err_text(err));
}

static enum mri_exit go(struct serve *serve)
{
    mr_problem problem = {""};
    enum mri_exit exit = read_options(serve);
    if (exit == MRI_EXIT_OK) {
        exit = open_server(serve);
    }
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    print_begin(serve);
    mr_err err = mri_line_server_run(serve->server, &problem);
    print_end(serve);
    if (err != MR_OK) {
        return mri_cli_fail(serve->cli, mri_cli_exit_of(err), "%s",
            problem.text[0] != '\0' ? problem.text : mr_err_text(err));
    }
    return serve->is_unheard ? MRI_EXIT_FAULT : MRI_EXIT_OK;
}

static enum mri_exit cmd_serve(struct mri_cli *cli)
{
    struct serve serve = {.cli = cli};
    mri_buf_init(&serve.line, cli->alloc, LINE_BYTES_MAX);
    enum mri_exit exit = go(&serve);
    mri_line_server_close(serve.server);
    mr_bus_close(serve.bus);
    mri_buf_fini(&serve.line);
    return exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"socket", "PATH", "where to listen, up to 107 bytes; default: DIR/socket"},
    {"connections", "N", "at most so many at a time, 1 to 4096; default: 256"},
    {"idle-timeout", "TIME", "end connections on which nothing comes or goes (90s, 5m)"},
    {"verbose", NULL, "say who comes, who goes, and what it did"},
    MRI_OPTION_JSON,
};

const struct mri_command mri_cmd_serve = {
    .name = "serve",
    .summary = "serve the bus to other languages, on a Unix socket",
    .arguments = "",
    .about =
        "One JSON object a line in each direction; docs/PROTOCOL.md has every verb, field, error "
        "and limit:\n"
        "  "
        "{\"id\":1,\"verb\":\"emit\",\"symbol\":\"BTCUSDT\",\"side\":\"long\",\"source\":\"mybot\","
        "\"confidence\":0.7}\n"
        "  "
        "{\"id\":1,\"ok\":true,\"signals\":[{\"id\":\"BTCUSDT_...\",...}],\"durability\":\"group\"}"
        "\n"
        "Only processes of the same user, and of root, are served. The directory must have been "
        "run before;\n"
        "a `run` may be up beside it. SIGTERM and Ctrl-C end it: what is owed is sent, the socket "
        "removed.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .needs_folder = true,
    .is_json_lines = true,
    .run = cmd_serve,
};
