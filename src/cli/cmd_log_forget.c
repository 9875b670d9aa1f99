/* SPDX-License-Identifier: MIT */
/*
 * millrace log forget: remove a consumer, so that nothing is held back or counted for it.
 *
 * Invariants
 *  1. Without --yes nothing is changed. A consumer that a process uses is never removed.
 *  2. A damaged one can be removed: that is how its name is free again.
 */
#include <string.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/log_verbs.h"
#include "log/consume/consumer.h"
#include "log/consume/consumer_slot.h"

enum { TEXT_BYTES_MAX = 16 * 1024 };

/** What is said of the consumer. */
struct told {
    const char *folder;
    const char *name;
    mr_consumer_stats stats;
    bool is_damaged; /**< there are no figures */
    bool is_done;
    mr_problem why; /**< it is damaged */
};

static void put_json(const struct told *told, struct mri_buf *text)
{
    struct mri_json_writer json;
    mri_json_write_begin(&json, text);
    mri_json_write_object_open(&json);
    mri_json_put_bool(&json, "done", told->is_done);
    mri_json_put_text(&json, "consumer", told->name);
    mri_json_put_bool(&json, "damaged", told->is_damaged);
    if (!told->is_damaged) {
        mri_json_put_count(&json, "next_seq", told->stats.next.n);
        mri_json_put_count(&json, "lag_events", told->stats.lag_events);
        mri_json_put_count(&json, "handles", told->stats.handles);
    }
    mri_json_write_object_close(&json);
    mri_buf_text(text, "\n");
}

static void put_text(const struct told *told, struct mri_buf *text)
{
    mri_buf_printf(text, "%s: %s consumer %s", told->folder,
        told->is_done ? "removed" : "would remove", told->name);
    if (told->is_damaged) {
        mri_buf_printf(text, ", which is damaged (%s)\n", told->why.text);
    } else {
        mri_buf_printf(text, ", at event %llu, %llu behind\n",
            (unsigned long long)told->stats.next.n, (unsigned long long)told->stats.lag_events);
    }
    if (!told->is_done && told->stats.handles > 0) {
        mri_buf_printf(
            text, "  %u handles use it: not before they are closed\n", told->stats.handles);
    }
    mri_buf_text(text, told->is_done
                           ? "  the log holds nothing for it any more; the name begins anew\n"
                           : "  its place is lost then; nothing was changed; --yes does it\n");
}

static mr_err note_if_found(void *argument, const char *name)
{
    const struct told *told = argument;
    return strcmp(told->name, name) == 0 ? MR_EXISTS : MR_OK;
}

/** Look at it, and remove it when that is wished. */
static mr_err work(const struct mri_cli *cli, struct told *told, mr_problem *problem)
{
    const struct mri_consumer_at at = {cli->os, cli->alloc, told->folder, told->name};
    mr_err err = mri_consumer_stat(&at, &told->stats, &told->why);
    told->is_damaged = err == MR_ECORRUPT;
    if (err != MR_OK && !told->is_damaged) {
        *problem = told->why;
        return err;
    }
    err = told->is_done ? mri_consumer_remove(&at, problem) : MR_OK;
    return err;
}

static enum mri_exit cmd_log_forget(struct mri_cli *cli)
{
    mr_problem problem = {""};
    struct mri_buf text;
    struct told told = {
        .folder = mri_cli_folder(cli),
        .name = mri_options_get(cli->options, "consumer"),
        .is_done = mri_options_get(cli->options, "yes") != NULL,
    };
    if (told.name == NULL) {
        return mri_cli_fail(
            cli, MRI_EXIT_USAGE, "which one? give --consumer NAME; log stat shows them");
    }
    if (!mri_consumer_slot_is_name(told.name)) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE,
            "--consumer: expected a name of 1 to %d of a-z, 0-9, _ and -, found \"%s\"",
            MR_CONSUMER_NAME_MAX, told.name);
    }
    const struct mri_consumer_at at = {cli->os, cli->alloc, told.folder, told.name};
    mr_err err = mri_consumer_list(&at, note_if_found, &told, &problem);
    if (err == MR_OK) {
        return mri_cli_fail(
            cli, MRI_EXIT_NO, "%s: there is no consumer \"%s\"", told.folder, told.name);
    }
    if (err == MR_EXISTS) {
        err = work(cli, &told, &problem);
    }
    if (err != MR_OK) {
        return mri_cli_fail_to_write(cli, err, &problem);
    }
    mri_buf_init(&text, cli->alloc, TEXT_BYTES_MAX);
    if (cli->is_json) {
        put_json(&told, &text);
    } else {
        put_text(&told, &text);
    }
    enum mri_exit exit = mri_cli_print(cli, &text);
    mri_buf_fini(&text);
    return exit == MRI_EXIT_OK && !told.is_done ? MRI_EXIT_NO : exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"consumer", "NAME", "which one; log stat shows them"},
    {"yes", NULL, "do it; without it, only say what would be done"},
    MRI_OPTION_JSON,
};

const struct mri_command mri_cmd_log_forget = {
    .name = "log forget",
    .summary = "remove a consumer: nothing is held back for it any more",
    .arguments = "",
    .about =
        "Of a consumer that nobody uses any more, or that is damaged. Its place in the log is "
        "lost: "
        "who\n"
        "uses the name afterwards begins anew. Its dead letters stay, they are events. While a "
        "process\n"
        "has it open nothing is removed (exit code 2).\n"
        "Exit code 0: it is removed; 1: there is none of that name, or --yes was not given.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .needs_folder = true,
    .run = cmd_log_forget,
};
