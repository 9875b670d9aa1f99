/* SPDX-License-Identifier: MIT */
/*
 * millrace top: a log as it is now, drawn anew as it changes.
 *
 * Invariants
 *  1. The log is not polled: a wait ends when it has grown, at a key or signal, or at the next
 *     second of the clock.
 *  2. Nothing is printed while the terminal is taken over; it is given back before a fault is told.
 */
#include <stdio.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "cli/top_frame.h"
#include "cli/top_json.h"
#include "os/stop.h"

enum { TEXT_BYTES_MAX = 64 * 1024 * 1024, RATE_DEFAULT = 10, RATE_MAX = 30, PLAIN_COLUMNS = 100 };

#define SECOND_MS ((int64_t)1000)

struct top {
    struct mri_cli *cli;
    struct mri_top_figures *figures;
    struct mri_top_view view;
    struct mri_buf text;
    int log_fd;
    bool is_armed; /**< log_fd becomes readable when there is more */
    int64_t gap_ms;
    int64_t shown_ms;   /**< when the newest picture was shown */
    mr_problem problem; /**< why it ends */
};

static int64_t now_ms(const struct top *top)
{
    return top->cli->os->boottime_ns(top->cli->os->context) / 1000000;
}

static mr_err show(struct top *top)
{
    struct mri_terminal_size size = mri_terminal_size();
    top->view.columns = size.columns;
    top->view.rows = size.rows;
    mri_buf_clear(&top->text);
    mri_top_frame_draw(top->figures, &top->view, &top->text);
    if (top->text.count > 0 && top->text.bytes[top->text.count - 1] == '\n') {
        top->text.count--; /* a newline behind the last row would scroll */
    }
    top->shown_ms = now_ms(top);
    return mri_terminal_show(&top->text);
}

/** Take in what is new, and have the descriptor wake us for what comes then. */
static mr_err refresh(struct top *top)
{
    mr_err err = mri_top_figures_refresh(top->figures, &top->problem);
    if (err == MR_OK) {
        err = mr_log_reader_poll_arm(top->figures->reader, &top->problem);
        top->is_armed = err == MR_OK;
        err = err == MR_AGAIN ? MR_OK : err; /* there is more: the next picture shows it */
    }
    return err == MR_OK ? show(top) : err;
}

/** Which key was it? false: the one to quit. */
static bool take_key(struct top *top, char key)
{
    top->view.is_paused ^= key == 'p';
    top->view.is_by_name ^= key == 's';
    return key != 'q' && key != 'Q';
}

/** How long until there is something to do, if neither the log nor the user says so. */
static int64_t wait_ms(const struct top *top, bool is_early)
{
    const struct mri_os *os = top->cli->os;
    if (is_early) {
        return top->gap_ms - (now_ms(top) - top->shown_ms);
    }
    if (top->view.is_paused) {
        return -1;
    }
    return top->is_armed ? SECOND_MS - os->realtime_unix_ns(os->context) / 1000000 % SECOND_MS : 0;
}

/** Wait, and do what is to be done; false: it is over. */
static bool step(struct top *top, mr_err *err)
{
    char key = '\0';
    bool is_early = now_ms(top) - top->shown_ms < top->gap_ms;
    bool is_listening = !is_early && !top->view.is_paused && top->is_armed;
    switch (mri_terminal_wait(is_listening ? top->log_fd : -1, wait_ms(top, is_early), &key)) {
    case MRI_TERMINAL_QUIT:
        return false;
    case MRI_TERMINAL_KEY:
        *err = take_key(top, key) ? show(top) : MR_END;
        return *err == MR_OK;
    case MRI_TERMINAL_SIZE:
        *err = show(top);
        return *err == MR_OK;
    case MRI_TERMINAL_TIME:
    case MRI_TERMINAL_OTHER:
        *err = is_early || top->view.is_paused ? MR_OK : refresh(top);
        return *err == MR_OK;
    }
    return false;
}

static enum mri_exit watch(struct top *top)
{
    mr_err err = mr_log_reader_poll_fd(top->figures->reader, &top->log_fd, &top->problem);
    if (err == MR_OK) {
        err = mri_terminal_enter();
    }
    if (err == MR_OK) {
        err = refresh(top);
        while (err == MR_OK && step(top, &err)) {
        }
    }
    mri_terminal_leave();
    return err == MR_OK || err == MR_END
               ? MRI_EXIT_OK
               : mri_cli_fail(top->cli, mri_cli_exit_of(err), "%s",
                     top->problem.text[0] != '\0' ? top->problem.text : mr_err_text(err));
}

static enum mri_exit print_once(struct top *top)
{
    mri_buf_clear(&top->text);
    if (top->cli->is_json) {
        mri_top_json_put(top->figures, &top->text);
    } else {
        top->view.columns = PLAIN_COLUMNS;
        mri_top_frame_draw(top->figures, &top->view, &top->text);
    }
    return mri_cli_print(top->cli, &top->text);
}

/** --json --follow: an object when the log has grown, not more often than is asked for. */
static enum mri_exit print_stream(struct top *top)
{
    const struct mri_os *os = top->cli->os;
    enum mri_exit exit = print_once(top);
    mri_stop_install();
    while (exit == MRI_EXIT_OK && !mri_stop_is_wished() && ferror(stdout) == 0) {
        os->sleep_ns(os->context, top->gap_ms * 1000000);
        mr_err err =
            mri_stop_is_wished() ? MR_AGAIN : mr_log_reader_wait(top->figures->reader, SECOND_MS);
        if (err == MR_OK) {
            err = mri_top_figures_refresh(top->figures, &top->problem);
            exit = err == MR_OK ? print_once(top) : exit;
        }
        if (err != MR_OK && err != MR_AGAIN) {
            return mri_cli_fail(top->cli, mri_cli_exit_of(err), "%s",
                top->problem.text[0] != '\0' ? top->problem.text : mr_err_text(err));
        }
    }
    return exit;
}

static enum mri_exit read_options(struct top *top, bool *ret_is_picture)
{
    const struct mri_options *options = top->cli->options;
    bool is_once = mri_options_get(options, "once") != NULL;
    bool is_follow = mri_options_get(options, "follow") != NULL;
    uint64_t rate = top->cli->is_json ? 1 : RATE_DEFAULT;
    const char *obstacle = mri_terminal_obstacle();
    if (mri_options_number(options, "rate", 1, RATE_MAX, &rate, &top->problem) == MR_REFUSED) {
        return mri_cli_fail(top->cli, MRI_EXIT_USAGE, "%s", top->problem.text);
    }
    if (is_follow && (is_once || !top->cli->is_json)) {
        return mri_cli_fail(top->cli, MRI_EXIT_USAGE,
            "--follow goes with --json, and not with --once: on a terminal it follows anyway");
    }
    *ret_is_picture = !is_once && !top->cli->is_json;
    if (*ret_is_picture && obstacle != NULL) {
        return mri_cli_fail(top->cli, MRI_EXIT_USAGE,
            "%s; --once prints one picture as text, --json one as JSON", obstacle);
    }
    top->gap_ms = SECOND_MS / (int64_t)rate;
    return MRI_EXIT_OK;
}

static enum mri_exit cmd_top(struct mri_cli *cli)
{
    void *block;
    struct top top = {.cli = cli, .log_fd = -1};
    bool is_picture = false;
    enum mri_exit exit = read_options(&top, &is_picture);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    mr_err err = mri_alloc_array(cli->alloc, 1, sizeof(struct mri_top_figures), &block);
    if (err != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(err));
    }
    top.figures = block;
    mri_buf_init(&top.text, cli->alloc, TEXT_BYTES_MAX);
    exit = mri_top_figures_open(cli, top.figures, &top.problem);
    if (exit == MRI_EXIT_OK) {
        top.view.has_colours = is_picture && mri_terminal_has_colours();
        exit = is_picture                                        ? watch(&top)
               : mri_options_get(cli->options, "follow") != NULL ? print_stream(&top)
                                                                 : print_once(&top);
        exit = mri_top_figures_close(top.figures, exit);
    }
    mri_buf_fini(&top.text);
    mri_alloc_free(cli->alloc, block, sizeof(struct mri_top_figures));
    return exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"once", NULL, "print one picture as text, and end"},
    {"json", NULL, "print the figures as one JSON object, and end"},
    {"follow", NULL, "with --json: an object a line whenever the log has grown, until Ctrl-C"},
    {"rate", "N", "draw at most so many times a second, 1 to 30; default: 10, with --json 1"},
};

const struct mri_command mri_cmd_top = {
    .name = "top",
    .summary = "watch a log: states, rates, lag, gates, what waits, newest events",
    .arguments = "",
    .about =
        "Draws anew when the log has grown, and each second for the clock. Keys: q quit, p pause,\n"
        "s sort gates and consumers by name or largest first; Ctrl-C quits, too. All of a picture\n"
        "is as of one event. Rates are of the last ten seconds, and \"-\" before it was watched\n"
        "for a second. No colours when NO_COLOR is set. Where there is no terminal: --once, "
        "--json.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .needs_folder = true,
    .is_json_lines = true,
    .run = cmd_top,
};
