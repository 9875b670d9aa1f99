/* SPDX-License-Identifier: MIT */
/*
 * millrace replay --check: decide again and compare.
 */
#include "base/check.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "conf/yaml.h"
#include "pipeline/replay.h"

static void print_event(
    const struct mri_wiring *wiring, const struct mri_event *event, struct mri_buf *buf)
{
    /* Numbers instead of names: the two sides must not depend on tables that may differ. */
    const struct mri_bus bus = {0};
    const struct mri_names names = {.bus = &bus, .market = &wiring->market};
    struct mri_event copy = *event;
    copy.ordinal = 0;
    copy.wall_unix_ns = 0;
    mri_buf_printf(buf, "signal %u: ", event->ordinal);
    mri_describe_line(&names, &copy, buf);
}

static void print_json(const struct mri_replay_result *result, struct mri_buf *text)
{
    struct mri_json_writer json;
    mri_json_write_begin(&json, text);
    mri_json_write_object_open(&json);
    mri_json_put_bool(&json, "identical", result->is_identical);
    mri_json_put_count(&json, "inputs", result->inputs);
    mri_json_put_count(&json, "outputs", result->outputs);
    mri_json_put_count(&json, "not_checked", result->not_checked);
    mri_json_put_count(&json, "undecided", result->undecided);
    if (!result->is_identical) {
        mri_json_put_count(&json, "difference_seq", result->difference_seq);
        mri_json_put_count(&json, "difference_cause", result->difference_cause);
        mri_json_write_key(&json, "logged");
        mri_json_write_text(
            &json, (struct mri_slice){(const char *)result->logged.bytes, result->logged.count});
        mri_json_write_key(&json, "replayed");
        mri_json_write_text(&json,
            (struct mri_slice){(const char *)result->replayed.bytes, result->replayed.count});
    }
    mri_json_write_object_close(&json);
    mri_buf_text(text, "\n");
}

static void print_text(const struct mri_replay_result *result, struct mri_buf *text)
{
    mri_buf_printf(text, "%s: %llu inputs decided again, %llu outputs compared",
        result->is_identical ? "identical" : "DIFFERENT", (unsigned long long)result->inputs,
        (unsigned long long)result->outputs);
    if (result->not_checked > 0) {
        mri_buf_printf(text, ", %llu of another engine version not checked",
            (unsigned long long)result->not_checked);
    }
    if (result->undecided > 0) {
        mri_buf_printf(text, ", %llu inputs at the end not decided yet",
            (unsigned long long)result->undecided);
    }
    mri_buf_text(text, "\n");
    if (result->is_identical) {
        return;
    }
    mri_buf_printf(text, "first difference at event %llu, decided on event %llu\n  logged    ",
        (unsigned long long)result->difference_seq, (unsigned long long)result->difference_cause);
    mri_buf_put(text, result->logged.bytes, result->logged.count);
    mri_buf_text(text, result->logged.count == 0 ? "nothing\n  replayed  " : "\n  replayed  ");
    mri_buf_put(text, result->replayed.bytes, result->replayed.count);
    mri_buf_text(text, result->replayed.count == 0 ? "nothing\n" : "\n");
}

static enum mri_exit cmd_replay(struct mri_cli *cli)
{
    struct mri_replay_result result;
    struct mri_buf text;
    mr_problem problem = {""};
    const struct mri_fold_options options = {
        .os = cli->os,
        .alloc = cli->alloc,
        .folder = mri_cli_folder(cli),
        .parse = mri_yaml_config,
    };
    if (mri_options_get(cli->options, "check") == NULL) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "give --check");
    }
    mr_err err = mri_replay_check(&options, print_event, &result, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s",
            problem.text[0] != '\0' ? problem.text : mr_err_text(err));
    }
    mri_buf_init(&text, cli->alloc, 1024 * 1024);
    if (cli->is_json) {
        print_json(&result, &text);
    } else {
        print_text(&result, &text);
    }
    enum mri_exit exit = mri_cli_print(cli, &text);
    exit = exit == MRI_EXIT_OK && !result.is_identical ? MRI_EXIT_NO : exit;
    mri_buf_fini(&text);
    mri_replay_fini(&result);
    return exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"check", NULL, "compare every decision, order, outcome and feedback, byte for byte"},
    MRI_OPTION_JSON,
};

const struct mri_command mri_cmd_replay = {
    .name = "replay",
    .summary = "decide again from the logged inputs and compare",
    .arguments = "",
    .about = "Exit code 0: identical; 1: the first difference is printed with both sides.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .needs_folder = true,
    .run = cmd_replay,
};
