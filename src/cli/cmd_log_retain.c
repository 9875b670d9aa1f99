/* SPDX-License-Identifier: MIT */
/*
 * millrace log retain: remove old segments, as far as the log still opens without them.
 */
#include "base/check.h"
#include "base/problem.h"
#include "base/utc.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/log_verbs.h"
#include "conf/yaml.h"
#include "log/keep/retain.h"
#include "pipeline/fold.h"
#include "pipeline/fold_snapshot.h"

enum { TEXT_BYTES_MAX = 64 * 1024 };

/** Take the limits from the command line. */
static mr_err read_limits(
    const struct mri_cli *cli, mr_log_retain_options *limits, mr_problem *problem)
{
    mr_err err =
        mri_options_number(cli->options, "keep-bytes", 1, INT64_MAX, &limits->keep_bytes, problem);
    if (err != MR_REFUSED) {
        err = mri_options_number(
            cli->options, "keep-events", 1, INT64_MAX, &limits->keep_events, problem);
    }
    if (err == MR_REFUSED) {
        return err;
    }
    const char *before = mri_options_get(cli->options, "before");
    limits->has_before = before != NULL;
    if (before != NULL && mri_utc_parse(mri_slice_of(before), &limits->before_unix_ns) != MR_OK) {
        return mri_problem(problem, MR_REFUSED,
            "--before: expected a time as 2025-05-04T15:34, found \"%s\"", before);
    }
    if (!limits->has_before && limits->keep_bytes == 0 && limits->keep_events == 0) {
        return mri_problem(
            problem, MR_REFUSED, "what to keep? give --keep-bytes, --keep-events or --before");
    }
    return MR_OK;
}

static void put_report(const struct mri_cli *cli, const char *folder, bool is_done,
    const mr_log_retain_report *report, struct mri_buf *text)
{
    if (cli->is_json) {
        struct mri_json_writer json;
        mri_json_write_begin(&json, text);
        mri_json_write_object_open(&json);
        mri_json_put_bool(&json, "done", is_done);
        mri_json_put_count(&json, "segments", report->segments);
        mri_json_put_count(&json, "bytes", report->bytes);
        mri_json_put_count(&json, "removed_seq", report->removed.n);
        mri_json_put_count(&json, "first_seq", report->first.n);
        mri_json_put_text(&json, "why_not_more", report->why);
        mri_json_write_object_close(&json);
        mri_buf_text(text, "\n");
        return;
    }
    const char *verb = is_done ? "removed" : "would remove";
    if (report->segments == 0) {
        mri_buf_printf(text, "%s: %s nothing\n", folder, verb);
    } else {
        mri_buf_printf(text, "%s: %s %llu segments, %.1f MB, up to event %llu\n", folder, verb,
            (unsigned long long)report->segments, (double)report->bytes / 1e6,
            (unsigned long long)report->removed.n);
    }
    mri_buf_printf(text, "  the log %s with event %llu\n  not more because %s\n",
        is_done && report->segments > 0 ? "begins now" : "begins",
        (unsigned long long)report->first.n, report->why);
}

static enum mri_exit cmd_log_retain(struct mri_cli *cli)
{
    mr_problem problem = {""};
    mr_log_retain_report report;
    struct mri_buf text;
    const char *folder = mri_cli_folder(cli);
    mr_log_retain_options limits = {.is_done = mri_options_get(cli->options, "dry-run") == NULL};
    mr_err err = read_limits(cli, &limits, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "%s", problem.text);
    }
    const struct mri_fold_options fold = {
        .os = cli->os, .alloc = cli->alloc, .folder = folder, .parse = mri_yaml_config};
    err = mri_fold_snapshot_needed(&fold, &limits.needed.n, &problem);
    if (err == MR_OK) {
        err = mri_retain(cli->os, cli->alloc, folder, &limits, &report, &problem);
    }
    if (err != MR_OK) {
        return mri_cli_fail_to_write(cli, err, &problem);
    }
    mri_buf_init(&text, cli->alloc, TEXT_BYTES_MAX);
    put_report(cli, folder, limits.is_done, &report, &text);
    enum mri_exit exit = mri_cli_print(cli, &text);
    mri_buf_fini(&text);
    return exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"keep-bytes", "N", "remove only while segments of N bytes stay"},
    {"keep-events", "N", "remove only while N events stay"},
    {"before", "TIME", "remove only what was logged before"},
    {"dry-run", NULL, "only say what would be removed"},
    MRI_OPTION_JSON,
};

const struct mri_command mri_cmd_log_retain = {
    .name = "log retain",
    .summary = "remove the oldest segments",
    .arguments = "",
    .about =
        "Whole segments go, oldest first, as far as every limit given allows it, and never what "
        "the\n"
        "log needs to open: its newest snapshots, and what is behind them. Events keep their\n"
        "numbers. --keep-bytes counts an archived segment at its unpacked size, not at what its "
        "file\n"
        "takes. What asks about removed events is told so; `replay --check` and the digest need\n"
        "all of a log and are not to be had afterwards. Others may write meanwhile.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .needs_folder = true,
    .run = cmd_log_retain,
};
