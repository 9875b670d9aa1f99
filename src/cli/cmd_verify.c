/* SPDX-License-Identifier: MIT */
/*
 * millrace verify: read everything, check everything.
 */
#include "base/check.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/log_digest.h"

static void print_result(const struct mri_cli *cli, const char *folder,
    const struct mri_log_digest_counts *counts, const char *digest, struct mri_buf *text)
{
    if (cli->is_json) {
        struct mri_json_writer json;
        mri_json_write_begin(&json, text);
        mri_json_write_object_open(&json);
        mri_json_put_bool(&json, "ok", true);
        mri_json_put_text(&json, "proves", "accidents: checksums, sequence and chain");
        mri_json_put_count(&json, "up_to_seq", counts->last_seq);
        mri_json_put_count(&json, "events", counts->events);
        mri_json_put_count(&json, "batches", counts->batches);
        mri_json_put_count(&json, "bytes", counts->bytes);
        mri_json_put_count(&json, "recoveries", counts->recoveries);
        mri_json_put_count(&json, "gaps", counts->gaps);
        mri_json_put_count(&json, "lost_events", counts->lost_events);
        mri_json_put_count(&json, "from_seq", counts->first_seq);
        mri_json_put_bool(&json, "torn_end", counts->is_torn);
        mri_json_write_key(&json, "digest");
        if (digest[0] != '\0') {
            mri_json_write_text(&json, mri_slice_of(digest));
        } else {
            mri_json_write_null(&json);
        }
        mri_json_write_object_close(&json);
        mri_buf_text(text, "\n");
        return;
    }
    mri_buf_printf(text, "%s: sound ", folder);
    if (counts->first_seq > 1) {
        mri_buf_printf(text, "from event %llu, where it begins by now, ",
            (unsigned long long)counts->first_seq);
    }
    mri_buf_printf(text,
        "up to event %llu\n"
        "  %llu events in %llu batches, %.1f MB; %llu recoveries after a crash%s\n"
        "  proves  every checksum, sequence number, chain link and event body: no accident has\n"
        "          changed it; an edit by somebody who computes checksums anew is not found\n",
        (unsigned long long)counts->last_seq, (unsigned long long)counts->events,
        (unsigned long long)counts->batches, (double)counts->bytes / 1e6,
        (unsigned long long)counts->recoveries,
        counts->is_torn ? "; an incomplete batch behind them is being written or will be cut off"
                        : "");
    if (counts->gaps > 0) {
        mri_buf_printf(text, "  lost    %llu events in %llu gaps, which a repair gave up\n",
            (unsigned long long)counts->lost_events, (unsigned long long)counts->gaps);
    }
    mri_buf_printf(text, "  digest  %s\n",
        digest[0] != '\0' ? digest : "none: it says what was decided in all of a log");
}

static enum mri_exit cmd_verify(struct mri_cli *cli)
{
    char digest[MRI_DIGEST_TEXT_BYTES];
    struct mri_log_digest_counts counts;
    struct mri_buf text;
    mr_problem problem = {""};
    const char *folder = mri_cli_folder(cli);
    mr_err err = mri_log_digest(cli, folder, digest, &counts, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problem.text);
    }
    mri_buf_init(&text, cli->alloc, 4096);
    print_result(cli, folder, &counts, digest, &text);
    enum mri_exit exit = mri_cli_print(cli, &text);
    mri_buf_fini(&text);
    return exit;
}

static const struct mri_option options[] = {MRI_OPTION_DIR, MRI_OPTION_JSON};

const struct mri_command mri_cmd_verify = {
    .name = "verify",
    .summary = "check every byte of a log, and print its digest",
    .arguments = "",
    .about =
        "Exit code 0: sound; 3: damaged, with file, offset and event.\n"
        "The digest is equal for logs that hold the same decisions on the same inputs, however\n"
        "often a run was interrupted.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .needs_folder = true,
    .run = cmd_verify,
};
