/* SPDX-License-Identifier: MIT */
/*
 * millrace log prove: a proof that an event is in the log.
 */
#include "base/check.h"
#include "base/fixed.h"
#include "cli/cli.h"
#include "cli/head_files.h"
#include "cli/log_verbs.h"
#include "cli/proof_text.h"
#include "log/format/manifest.h"
#include "log/read/retain_first.h"

/** Is there a log, and does it still hold the event? */
static enum mri_exit check_kept(const struct mri_cli *cli, uint64_t seq)
{
    struct mri_manifest manifest;
    mr_problem problem = {""};
    uint64_t first_seq;
    const char *folder = mri_cli_folder(cli);
    mr_err err = mri_manifest_read(cli->os, folder, &manifest, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problem.text);
    }
    err = mri_retain_first(cli->os, cli->alloc, folder, &first_seq);
    if (err != MR_OK) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s: %s", folder, mr_err_text(err));
    }
    return seq >= first_seq ? MRI_EXIT_OK
                            : mri_cli_fail(cli, MRI_EXIT_NO,
                                  "event %llu was removed: the log is kept from event %llu on",
                                  (unsigned long long)seq, (unsigned long long)first_seq);
}

static enum mri_exit prove(
    const struct mri_cli *cli, uint64_t seq, const struct mri_seal_heads *heads)
{
    struct mri_proof proof;
    struct mri_buf text;
    mr_problem problem = {""};
    mri_proof_init(&proof, cli->alloc);
    mri_buf_init(&text, cli->alloc, MRI_PROOF_TEXT_BYTES_MAX);
    mr_err err = mri_proof_make(cli->os, mri_cli_folder(cli), seq, heads, &proof, &problem);
    enum mri_exit exit = MRI_EXIT_OK;
    if (err == MR_OK) {
        mri_proof_text_write(&proof, &text);
        exit = mri_cli_print(cli, &text);
    } else {
        bool is_no = err == MR_NOT_FOUND || err == MR_REFUSED;
        bool is_log = proof.record.err == MR_OK && problem.text[0] != '\0';
        exit = mri_cli_fail(cli, is_no ? MRI_EXIT_NO : mri_cli_exit_of(err), "%s",
            is_log ? problem.text : mr_err_text(err));
    }
    mri_buf_fini(&text);
    mri_proof_fini(&proof);
    return exit;
}

static enum mri_exit cmd_prove(struct mri_cli *cli)
{
    int64_t seq;
    const char *word = cli->options->arguments[0];
    const char *path = mri_options_get(cli->options, "heads");
    struct mri_seal_heads heads = {0};
    if (mri_fixed_parse_count(mri_slice_of(word), &seq) != MR_OK || seq <= 0) {
        return mri_cli_fail(
            cli, MRI_EXIT_USAGE, "expected the sequence number of an event, found \"%s\"", word);
    }
    enum mri_exit exit = check_kept(cli, (uint64_t)seq);
    if (exit == MRI_EXIT_OK && path != NULL) {
        exit = mri_head_files_given(cli, path, &heads);
    }
    if (exit == MRI_EXIT_OK) {
        exit = prove(cli, (uint64_t)seq, path == NULL ? NULL : &heads);
    }
    mri_seal_heads_fini(&heads);
    return exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"heads", "FILE", "lead the proof to the first of these heads that covers the event"},
    {"json", NULL, "the proof is JSON anyway; then why there is none is, too"},
};

const struct mri_command mri_cmd_log_prove = {
    .name = "log prove",
    .summary = "print a proof that an event is in the log, to be checked without it",
    .arguments = "SEQ",
    .about =
        "`millrace verify --proof FILE --heads FILE` checks it. Without --heads it leads to the\n"
        "head of the seal that covers the event.\n"
        "Exit code 1: there is no such event any more or yet, or no seal or head covers it yet.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .arguments_min = 1,
    .arguments_max = 1,
    .needs_folder = true,
    .run = cmd_prove,
};
