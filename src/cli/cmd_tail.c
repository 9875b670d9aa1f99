/* SPDX-License-Identifier: MIT */
/*
 * millrace tail: the newest events, and those to come.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/opened.h"
#include "cli/own_record.h"
#include "log/format/manifest.h"
#include "os/stop.h"

enum { TAIL_BYTES_MAX = 8 * 1024 * 1024, WAIT_MS = 1000 };

struct tail {
    struct mri_cli *cli;
    struct mri_opened *opened;
    mr_log_reader *reader;
    struct mri_buf text;
};

/** Print one record; names are learned from the records themselves as they come. */
static enum mri_exit print_record(struct tail *tail, const mr_log_event *record)
{
    struct mri_fold *fold = &tail->opened->fold;
    struct mri_event event = mri_own_record_event(record);
    mr_err err = MR_OK;
    if (record->seq.n == fold->bus.last_seq + 1) {
        err = mri_bus_fold(&fold->bus, record, &event);
        if (err == MR_OK && event.type == MRI_EVENT_INSTRUMENT) {
            err = mri_market_apply(&fold->wiring.market, &event);
        }
    } else if (record->type >= MR_LOG_TYPE_FREE) {
        err = mri_event_decode(record, &event);
    }
    if (err != MR_OK) {
        return mri_cli_fail(tail->cli, MRI_EXIT_FAULT, "event %llu: %s",
            (unsigned long long)record->seq.n, mr_err_text(err));
    }
    const struct mri_names names = mri_names_of(fold);
    event.wall_unix_ns = record->time_unix_ns;
    mri_buf_clear(&tail->text);
    if (tail->cli->is_json) {
        mri_describe_json(&names, &event, &tail->text);
    } else {
        mri_describe_line(&names, &event, &tail->text);
    }
    mri_buf_text(&tail->text, "\n");
    if (tail->text.err != MR_OK) {
        return mri_cli_fail(tail->cli, MRI_EXIT_FAULT, "%s", mr_err_text(tail->text.err));
    }
    bool is_put = fwrite(tail->text.bytes, 1, tail->text.count, stdout) == tail->text.count;
    return is_put ? MRI_EXIT_OK : MRI_EXIT_NO; /* stdout is gone: stop, and let print() judge */
}

/** Print what is there; MRI_EXIT_OK at the end of the log. */
static enum mri_exit print_all(struct tail *tail)
{
    for (;;) {
        mr_log_event record;
        mr_problem problem = {""};
        mr_err err = mr_log_reader_next(tail->reader, &record, &problem);
        if (err == MR_END) {
            return MRI_EXIT_OK;
        }
        if (err != MR_OK) {
            return mri_cli_fail(tail->cli, mri_cli_exit_of(err), "%s", problem.text);
        }
        enum mri_exit exit = print_record(tail, &record);
        if (exit != MRI_EXIT_OK) {
            return exit;
        }
    }
}

/** Is the folder that of the log which is read? What cannot be found out now is asked again. */
static bool is_there(const struct tail *tail, const uint8_t *log_uuid)
{
    struct mri_manifest manifest;
    const char *folder = mri_cli_folder(tail->cli);
    mr_err err = mri_manifest_read(tail->cli->os, folder, &manifest, NULL);
    bool is_gone = err == MR_NOT_FOUND || err == MR_EPATH;
    bool is_other =
        err == MR_OK && memcmp(manifest.log_uuid, log_uuid, sizeof(manifest.log_uuid)) != 0;
    return !is_gone && !is_other;
}

static enum mri_exit follow(struct tail *tail)
{
    enum mri_exit exit = MRI_EXIT_OK;
    struct mri_manifest manifest;
    mr_problem problem = {""};
    const char *folder = mri_cli_folder(tail->cli);
    mr_err read = mri_manifest_read(tail->cli->os, folder, &manifest, &problem);
    if (read != MR_OK) {
        return mri_cli_fail(tail->cli, mri_cli_exit_of(read), "%s", problem.text);
    }
    mri_stop_install();
    while (exit == MRI_EXIT_OK && !mri_stop_is_wished()) {
        if (fflush(stdout) != 0) {
            return errno == EPIPE ? MRI_EXIT_OK : MRI_EXIT_FAULT;
        }
        mr_err err = mr_log_reader_wait(tail->reader, WAIT_MS);
        if (err != MR_OK && err != MR_AGAIN) {
            return mri_cli_fail(tail->cli, MRI_EXIT_FAULT, "%s", mr_err_text(err));
        }
        exit = print_all(tail);
        if (exit == MRI_EXIT_OK && !is_there(tail, manifest.log_uuid)) {
            return mri_cli_fail(tail->cli, MRI_EXIT_FAULT,
                "%s: the log was renamed or removed while it was in use", folder);
        }
    }
    return exit;
}

/** Go back from the end over so many events, or to the first one. */
static mr_err go_back(struct tail *tail, uint64_t count, mr_problem *problem)
{
    mr_log_event record;
    mr_err err = mr_log_reader_seek_end(tail->reader, problem);
    if (err == MR_ECORRUPT) { /* then the newest events are those before the damage */
        err = mr_log_reader_seek(
            tail->reader, (mr_seq){tail->opened->fold.bus.last_seq + 1}, problem);
    }
    for (uint64_t i = 0; i < count && err == MR_OK; i++) {
        err = mr_log_reader_previous(tail->reader, &record, problem);
    }
    return err == MR_END ? MR_OK : err;
}

static enum mri_exit tail_from(struct tail *tail, uint64_t count)
{
    mr_problem problem = {""};
    mr_err err = go_back(tail, count, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(tail->cli, mri_cli_exit_of(err), "%s",
            problem.text[0] != '\0' ? problem.text : mr_err_text(err));
    }
    enum mri_exit exit = print_all(tail);
    bool is_follow = mri_options_get(tail->cli->options, "follow") != NULL;
    if (exit == MRI_EXIT_OK && is_follow) {
        exit = follow(tail);
    }
    bool is_gone = exit == MRI_EXIT_NO || fflush(stdout) != 0;
    if (is_gone) {
        return errno == EPIPE ? MRI_EXIT_OK
                              : mri_cli_fail(tail->cli, MRI_EXIT_FAULT, "standard output: %s",
                                    strerror(errno));
    }
    return exit;
}

static enum mri_exit cmd_tail(struct mri_cli *cli)
{
    struct tail tail = {.cli = cli};
    uint64_t count = 20;
    mr_problem problem = {""};
    mr_err err = mri_options_number(cli->options, "count", 0, UINT64_MAX / 2, &count, &problem);
    if (err == MR_REFUSED) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "%s", problem.text);
    }
    enum mri_exit exit = mri_opened_open(cli, &tail.opened);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    mri_buf_init(&tail.text, cli->alloc, TAIL_BYTES_MAX);
    err = mr_log_reader_open(mri_cli_folder(cli), &tail.reader, &problem);
    exit = err == MR_OK ? tail_from(&tail, count)
                        : mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problem.text);
    mr_log_reader_close(tail.reader);
    mri_buf_fini(&tail.text);
    return mri_opened_close(cli, tail.opened, exit);
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"count", "N", "newest events to print first; default: 20"},
    {"follow", NULL, "wait for more and print them as they come, until Ctrl-C"},
    MRI_OPTION_JSON,
};

const struct mri_command mri_cmd_tail = {
    .name = "tail",
    .summary = "print the newest events, and follow",
    .arguments = "",
    .about =
        "One event a line: its number, when it was logged, its kind, its signal, its fields. Texts "
        "of\n"
        "others stand in quotes, with a backslash before quotes and backslashes in them; what "
        "would not\n"
        "be seen, or change what is seen, is \\xNN, byte by byte. --json has them as they are.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .needs_folder = true,
    .is_json_lines = true,
    .run = cmd_tail,
};
