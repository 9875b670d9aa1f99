/* SPDX-License-Identifier: MIT */
/*
 * millrace log repair: find damage; take records back from a copy, or give them up.
 */
#include "base/check.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/log_verbs.h"
#include "cli/repair_outlook.h"
#include "log/keep/repair.h"
#include "pipeline/read_only.h"

enum { TEXT_BYTES_MAX = 256 * 1024 };

static const char *text_of(mr_log_loss loss)
{
    static const char *const texts[] = {
        [MR_LOG_LOSS_HEAD] = "a record's head does not check",
        [MR_LOG_LOSS_BODY] = "a record's body does not check",
        [MR_LOG_LOSS_CHAIN] = "a record does not continue the one before",
        [MR_LOG_LOSS_SEGMENT] = "the segment's head is lost",
        [MR_LOG_LOSS_FILE] = "the segment's file is missing, or is no regular file",
        [MR_LOG_LOSS_END] = "the end of the log is missing",
    };
    return (size_t)loss < MRI_COUNT_OF(texts) && texts[loss] != NULL ? texts[loss] : "unknown";
}

/** What was wanted, and what the log is good for behind what is given up. */
struct outlook {
    const mr_log_repair_options *wanted;
    uint64_t lost_seq;     /**< the last event that is given up; 0: none is */
    uint64_t snapshot_seq; /**< a snapshot behind it; 0: there is none */
};

static void put_json(
    const mr_log_repair_report *report, const struct outlook *outlook, struct mri_buf *text)
{
    const mr_log_repair_options *wanted = outlook->wanted;
    struct mri_json_writer json;
    mri_json_write_begin(&json, text);
    mri_json_write_object_open(&json);
    mri_json_put_bool(&json, "done", wanted->is_done);
    mri_json_put_text(&json, "way", wanted->source == NULL ? "gap" : "restore");
    mri_json_put_count(&json, "repaired", report->repaired);
    mri_json_put_bool(&json, "more", report->has_more);
    mri_json_write_key(&json, "snapshot_behind"); /* of what is given up */
    if (outlook->snapshot_seq > 0) {
        mri_json_write_unsigned(&json, outlook->snapshot_seq);
    } else {
        mri_json_write_null(&json);
    }
    mri_json_put_bool(&json, "loses_state", outlook->lost_seq > 0 && outlook->snapshot_seq == 0);
    mri_json_write_key(&json, "damages");
    mri_json_write_array_open(&json);
    for (uint32_t i = 0; i < report->count; i++) {
        const mr_log_damage *damage = &report->damages[i];
        mri_json_write_object_open(&json);
        mri_json_put_count(&json, "segment_seq", damage->segment_seq);
        mri_json_put_count(&json, "offset", damage->offset);
        mri_json_put_count(&json, "bytes", damage->bytes);
        mri_json_put_count(&json, "first_seq", damage->first.n);
        mri_json_put_count(&json, "last_seq", damage->last.n);
        mri_json_put_text(&json, "reason", text_of(damage->loss));
        mri_json_put_bool(&json, "repairable", damage->is_repairable);
        mri_json_put_text(&json, "why_not", damage->why_not);
        mri_json_write_object_close(&json);
    }
    mri_json_write_array_close(&json);
    mri_json_write_object_close(&json);
    mri_buf_text(text, "\n");
}

static void put_damage(
    const mr_log_damage *damage, const mr_log_repair_options *wanted, struct mri_buf *text)
{
    mri_buf_printf(text,
        "  seg-%016llx.log, offset %llu, %llu bytes: ", (unsigned long long)damage->segment_seq,
        (unsigned long long)damage->offset, (unsigned long long)damage->bytes);
    if (damage->last.n < damage->first.n) {
        mri_buf_text(text, "no event, the end of the segment");
    } else {
        mri_buf_printf(text, "events %llu to %llu", (unsigned long long)damage->first.n,
            (unsigned long long)damage->last.n);
    }
    mri_buf_printf(text, "; %s\n    ", text_of(damage->loss));
    if (!damage->is_repairable) {
        mri_buf_printf(text, "stays as it is: %s\n", damage->why_not);
    } else if (wanted->source == NULL) {
        mri_buf_printf(text, "%s by a GAP record: these events are lost for good\n",
            wanted->is_done ? "replaced" : "would be replaced");
    } else {
        mri_buf_printf(
            text, "%s from the copy\n", wanted->is_done ? "taken back" : "would be taken back");
    }
}

static void put_outlook(const struct outlook *outlook, struct mri_buf *text)
{
    if (outlook->lost_seq > 0 && outlook->snapshot_seq > 0) {
        mri_buf_printf(text, "the log goes on from a snapshot behind them, as of event %llu\n",
            (unsigned long long)outlook->snapshot_seq);
    } else if (outlook->lost_seq > 0) {
        mri_buf_printf(text, "WARNING: " MRI_REPAIR_OUTLOOK_LOST "; %s\n",
            outlook->wanted->is_done ? "put the whole log back from a copy of before, or begin one"
                                     : "--restore COPY keeps its use");
    }
}

static void put_text(const char *folder, const mr_log_repair_report *report,
    const struct outlook *outlook, struct mri_buf *text)
{
    const mr_log_repair_options *wanted = outlook->wanted;
    mri_text_escape(text, mri_slice_of(folder));
    if (report->count == 0) {
        mri_buf_text(text, ": nothing is damaged\n");
        return;
    }
    mri_buf_printf(text, ": %u damaged ranges%s\n", report->count,
        report->has_more ? ", and more; repair again" : "");
    for (uint32_t i = 0; i < report->count; i++) {
        put_damage(&report->damages[i], wanted, text);
    }
    put_outlook(outlook, text);
    if (wanted->is_done) {
        mri_buf_printf(text, "%u repaired; each damaged segment stays beside it as .damaged-N\n",
            report->repaired);
    } else {
        mri_buf_text(text, "nothing was changed; --yes does it\n");
    }
}

/** The last event that a GAP stands, or would stand, for; 0: none does. */
static uint64_t given_up(const mr_log_repair_report *report, const mr_log_repair_options *wanted)
{
    uint64_t last = 0;
    for (uint32_t i = 0; wanted->source == NULL && i < report->count; i++) {
        const mr_log_damage *damage = &report->damages[i];
        bool is_one = damage->is_repairable && damage->last.n >= damage->first.n;
        last = is_one && damage->last.n > last ? damage->last.n : last;
    }
    return last;
}

/** What --gap costs beside the events: without a snapshot behind them, the log's use. */
static enum mri_exit look_behind(const struct mri_cli *cli, const char *folder,
    const mr_log_repair_report *report, struct outlook *outlook)
{
    outlook->lost_seq = given_up(report, outlook->wanted);
    mr_err err = outlook->lost_seq == 0 ? MR_OK
                                        : mri_repair_outlook_snapshot(cli, folder,
                                              outlook->lost_seq, &outlook->snapshot_seq);
    return err == MR_OK
               ? MRI_EXIT_OK
               : mri_cli_fail(cli, mri_cli_exit_of(err), "%s/snap: %s", folder, mr_err_text(err));
}

static enum mri_exit cmd_log_repair(struct mri_cli *cli)
{
    mr_problem problem = {""};
    mr_log_repair_report report;
    struct mri_buf text;
    const char *folder = mri_cli_folder(cli);
    bool is_gap = mri_options_get(cli->options, "gap") != NULL;
    const mr_log_repair_options wanted = {
        .source = mri_options_get(cli->options, "restore"),
        .is_done = mri_options_get(cli->options, "yes") != NULL,
    };
    if (is_gap == (wanted.source != NULL)) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "give --restore COPY or --gap");
    }
    mr_err err = mri_repair(cli->os, cli->alloc, folder, &wanted, &report, &problem);
    if (err != MR_OK) {
        const char *before = mri_repair_outlook_before(err, problem.text);
        err = mri_read_only_explain(cli->os, cli->alloc, folder, err, &problem);
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s%s%s", problem.text,
            before == NULL ? "" : "; ", before == NULL ? "" : before);
    }
    struct outlook outlook = {.wanted = &wanted};
    enum mri_exit exit = look_behind(cli, folder, &report, &outlook);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    mri_buf_init(&text, cli->alloc, TEXT_BYTES_MAX);
    if (cli->is_json) {
        put_json(&report, &outlook, &text);
    } else {
        put_text(folder, &report, &outlook, &text);
    }
    exit = mri_cli_print(cli, &text);
    mri_buf_fini(&text);
    bool is_whole = report.repaired == report.count && !report.has_more;
    return exit == MRI_EXIT_OK && !is_whole ? MRI_EXIT_NO : exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"restore", "COPY", "take records back from a copy of the log, or of a segment"},
    {"gap", NULL, "give damaged events up: a GAP record takes their place"},
    {"yes", NULL, "do it; without it, only say what would be done"},
    MRI_OPTION_JSON,
};

const struct mri_command mri_cmd_log_repair = {
    .name = "log repair",
    .summary = "take damaged events back from a copy, or give them up",
    .arguments = "",
    .about =
        "Damage is never repaired by itself. --restore takes exactly what was lost: the copy must\n"
        "have the same records before and behind it, by checksum; behind the end of the log it "
        "takes\n"
        "what the copy continues it with. --gap makes the loss a part of\n"
        "history, so that the rest can be read again; whole batches are given up, and `run` goes "
        "on\n"
        "only from a snapshot behind them: without --yes it is said whether there is one. Nobody "
        "may be writing.\n"
        "Exit code 0: nothing is damaged any more; 1: something is.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .needs_folder = true,
    .run = cmd_log_repair,
};
