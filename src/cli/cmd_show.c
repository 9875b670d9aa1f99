/* SPDX-License-Identifier: MIT */
/*
 * millrace show: one event by its number, or every event of a signal.
 */
#include "base/check.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/opened.h"
#include "cli/own_record.h"
#include "pipeline/explain.h"

enum { SHOW_BYTES_MAX = 8 * 1024 * 1024 };

static void put_event(const struct mri_cli *cli, const struct mri_opened *opened,
    const struct mri_event *event, struct mri_buf *text)
{
    const struct mri_names names = mri_names_of(&opened->fold);
    if (cli->is_json) {
        mri_describe_json(&names, event, text);
    } else {
        mri_describe_line(&names, event, text);
    }
    mri_buf_text(text, "\n");
}

/** A record of the log's own: what a consumer has given up, a repair. */
static mr_err read_own(mr_log_reader *reader, uint64_t seq, struct mri_event *ret_event)
{
    mr_log_event record;
    mr_err err = mr_log_reader_seek(reader, (mr_seq){seq}, NULL);
    if (err == MR_OK) {
        err = mr_log_reader_next(reader, &record, NULL);
    }
    if (err != MR_OK || record.seq.n != seq) {
        return err == MR_OK || err == MR_END ? MR_NOT_FOUND : err;
    }
    *ret_event = mri_own_record_event(&record);
    return MR_OK;
}

static enum mri_exit show_event(
    struct mri_cli *cli, const struct mri_opened *opened, uint64_t seq, struct mri_buf *text)
{
    mr_log_reader *reader;
    mr_problem problem = {""};
    struct mri_event event;
    mr_err err = mr_log_reader_open(mri_cli_folder(cli), &reader, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problem.text);
    }
    err = mri_fold_read(reader, seq, &event, &problem);
    if (err == MR_NOT_FOUND) {
        err = read_own(reader, seq, &event);
    }
    if (err == MR_OK) {
        put_event(cli, opened, &event, text);
    }
    mr_log_reader_close(reader);
    return err == MR_OK ? MRI_EXIT_OK : mri_opened_fail(cli, err, &problem);
}

static enum mri_exit show_signal(
    struct mri_cli *cli, const struct mri_opened *opened, const char *id, struct mri_buf *text)
{
    struct mri_explained story;
    mr_problem problem = {""};
    uint32_t ordinal = mri_opened_signal(cli, opened, id);
    if (ordinal == 0) {
        return MRI_EXIT_NO;
    }
    mr_err err = mri_explain_signal(&opened->fold, ordinal, &story, &problem);
    if (err != MR_OK) {
        return mri_opened_fail(cli, err, &problem);
    }
    for (uint32_t i = 0; i < story.count; i++) {
        put_event(cli, opened, &story.events[i], text);
    }
    mri_explain_fini(&story);
    return MRI_EXIT_OK;
}

static enum mri_exit cmd_show(struct mri_cli *cli)
{
    struct mri_opened *opened;
    struct mri_buf text;
    int64_t seq;
    const char *what = cli->options->arguments[0];
    bool is_event = mri_fixed_parse_count(mri_slice_of(what), &seq) == MR_OK;
    enum mri_exit exit = mri_opened_open(cli, &opened);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    mri_buf_init(&text, cli->alloc, SHOW_BYTES_MAX);
    exit = is_event ? show_event(cli, opened, (uint64_t)seq, &text)
                    : show_signal(cli, opened, what, &text);
    if (exit == MRI_EXIT_OK) {
        exit = mri_cli_print(cli, &text);
    }
    mri_buf_fini(&text);
    return mri_opened_close(cli, opened, exit);
}

static const struct mri_option options[] = {MRI_OPTION_DIR, MRI_OPTION_JSON};

const struct mri_command mri_cmd_show = {
    .name = "show",
    .summary = "print an event by its number, or all events of a signal",
    .arguments = "SEQ|ID",
    .about =
        "A number is an event; anything else is a signal's id, as `emit` and `query` print it.\n"
        "`why` tells the same story in words.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .arguments_min = 1,
    .arguments_max = 1,
    .needs_folder = true,
    .is_json_lines = true,
    .run = cmd_show,
};
