/* SPDX-License-Identifier: MIT */
/*
 * millrace log seal: seal a log to its end and print its head; sign it.
 */
#include <string.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/head_files.h"
#include "cli/log_verbs.h"
#include "cli/seal_check.h"
#include "log/open/append.h"
#include "millrace/log.h"

enum { SIGNED_BYTES_MAX = MRI_SEAL_HEADS_BYTES_MAX };

/** How far sealing is. */
struct progress {
    uint64_t last_seq;   /**< newest event when this began: what comes later is not waited for */
    uint64_t sealed_seq; /**< newest one that a seal covers */
};

/** Open and close: who is the last one to leave seals, for a while. */
static mr_err seal_some(const char *folder, struct progress *progress, mr_problem *problem)
{
    mr_log *log;
    mr_err err = mr_log_open(folder, NULL, &log, problem);
    if (err != MR_OK) {
        return err;
    }
    if (progress->last_seq == 0) {
        progress->last_seq = mr_log_last(log).n;
    }
    progress->sealed_seq = mri_log_sealed(log).n;
    err = mr_log_sync(log);
    mr_log_close(log);
    (void)snprintf(problem->text, sizeof(problem->text), "%s: %s", folder, mr_err_text(err));
    return err;
}

/** Does another process have the log open? Our own handle is closed by then. */
static bool is_anybody_in(const char *folder)
{
    mr_log_reader *reader;
    uint32_t process_id;
    if (mr_log_reader_open(folder, &reader, NULL) != MR_OK) {
        return false; /* what is wrong with it is said by who looks for the head */
    }
    mr_err err = mr_log_reader_writer(reader, &process_id);
    mr_log_reader_close(reader);
    return err == MR_OK;
}

/** Seal to the end, unless somebody writes: he does it himself. */
static enum mri_exit seal(const struct mri_cli *cli, const char *folder, bool *ret_is_busy)
{
    struct progress progress = {0};
    uint64_t before = UINT64_MAX;
    mr_problem problem = {""};
    mr_err err = seal_some(folder, &progress, &problem);
    while (
        err == MR_OK && progress.sealed_seq < progress.last_seq && progress.sealed_seq != before) {
        before = progress.sealed_seq;
        err = seal_some(folder, &progress, &problem); /* sees what the one before it has done */
    }
    /* Who has the log open with others leaves what is left to the last of them. */
    *ret_is_busy = err == MR_BUSY || (err == MR_OK && is_anybody_in(folder));
    if (*ret_is_busy) {
        return MRI_EXIT_OK;
    }
    return err == MR_OK ? MRI_EXIT_OK : mri_cli_fail_to_write(cli, err, &problem);
}

/** The newest head, with every seal before it checked. */
static enum mri_exit find_head(
    const struct mri_cli *cli, const char *folder, bool is_busy, struct mri_seal_head *ret_head)
{
    struct mri_seal_findings findings;
    enum mri_exit exit = mri_seal_check(cli, folder, NULL, 0, &findings);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    *ret_head = findings.head;
    if (ret_head->seq == 0) {
        return mri_cli_fail(cli, MRI_EXIT_NO, "%s: %s", folder,
            is_busy ? "somebody writes, and has sealed nothing yet" : "there is nothing to seal");
    }
    if (is_busy) {
        (void)fprintf(
            stderr, "millrace log seal: somebody writes; this is the newest head so far\n");
    }
    return MRI_EXIT_OK;
}

/** Add the signed line to the log's own file of them. */
static enum mri_exit keep_signed(
    const struct mri_cli *cli, const char *folder, const struct mri_seal_head_line *line)
{
    char path[MRI_PATH_BYTES_MAX];
    struct mri_buf text;
    size_t count = 0;
    mri_buf_init(&text, cli->alloc, 2 * (size_t)SIGNED_BYTES_MAX);
    mr_err err = mri_os_path(folder, MRI_HEAD_FILES_SIGNED, path);
    void *place = mri_buf_grow(&text, SIGNED_BYTES_MAX);
    if (err == MR_OK && place == NULL) {
        err = MR_ENOMEM;
    }
    if (err == MR_OK) {
        err = mri_os_read_file(cli->os, path, place, SIGNED_BYTES_MAX, &count);
        err = err == MR_EPATH ? MR_OK : err;
    }
    if (err == MR_OK) {
        text.count = count;
        mri_seal_heads_write(line, &text);
        err = text.err == MR_OK ? mri_os_replace_file(cli->os, folder, MRI_HEAD_FILES_SIGNED,
                                      text.bytes, text.count)
                                : text.err;
    }
    mri_buf_fini(&text);
    return err == MR_OK ? MRI_EXIT_OK
                        : mri_cli_fail(cli, MRI_EXIT_FAULT, "%s: %s", path, mr_err_text(err));
}

static enum mri_exit sign(
    const struct mri_cli *cli, const char *folder, struct mri_seal_head_line *line)
{
    struct mri_signature_key key = {0};
    struct mri_manifest manifest;
    mr_problem problem = {""};
    enum mri_exit exit = mri_head_files_key(cli, mri_options_get(cli->options, "key"), true, &key);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    mr_err err = mri_manifest_read(cli->os, folder, &manifest, &problem);
    if (err == MR_OK) {
        err = mri_seal_heads_sign(&key, manifest.log_uuid, line);
    }
    mri_signature_key_fini(&key);
    return err == MR_OK ? keep_signed(cli, folder, line)
                        : mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(err));
}

static void put_json(const struct mri_seal_head_line *line, bool is_busy, struct mri_buf *text)
{
    struct mri_json_writer json;
    struct mri_buf hex;
    mri_buf_init(&hex, text->alloc, 4096);
    mri_json_write_begin(&json, text);
    mri_json_write_object_open(&json);
    mri_json_put_count(&json, "head_seq", line->head.seq);
    mri_seal_heads_put_hex(line->head.link.bytes, MRI_DIGEST_BYTES, &hex);
    mri_json_put_text(&json, "head_link", mri_buf_c_text(&hex));
    mri_json_write_key(&json, "signature");
    if (line->is_signed) {
        mri_buf_clear(&hex);
        mri_seal_heads_put_hex(line->signature, MRI_SIGNATURE_BYTES, &hex);
        mri_json_write_text(&json, mri_slice_of(mri_buf_c_text(&hex)));
    } else {
        mri_json_write_null(&json);
    }
    mri_json_put_bool(&json, "sealed_to_end", !is_busy);
    mri_json_write_object_close(&json);
    mri_buf_text(text, "\n");
    text->err = text->err == MR_OK ? hex.err : text->err;
    mri_buf_fini(&hex);
}

static enum mri_exit cmd_seal(struct mri_cli *cli)
{
    const char *folder = mri_cli_folder(cli);
    struct mri_seal_head_line line = {.is_signed = false};
    struct mri_buf text;
    bool is_busy = false;
    enum mri_exit exit = seal(cli, folder, &is_busy);
    if (exit == MRI_EXIT_OK) {
        exit = find_head(cli, folder, is_busy, &line.head);
    }
    if (exit == MRI_EXIT_OK && mri_options_get(cli->options, "key") != NULL) {
        exit = sign(cli, folder, &line);
    }
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    mri_buf_init(&text, cli->alloc, 4096);
    if (cli->is_json) {
        put_json(&line, is_busy, &text);
    } else {
        mri_seal_heads_write(&line, &text);
    }
    exit = mri_cli_print(cli, &text);
    mri_buf_fini(&text);
    return exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"key", "FILE", "sign the head with this Ed25519 private key (PEM, mode 0600)"},
    MRI_OPTION_JSON,
};

const struct mri_command mri_cmd_log_seal = {
    .name = "log seal",
    .summary = "seal a log to its end and print its head: seq and link",
    .arguments = "",
    .about =
        "The head is one digest that everything up to the event follows from. Kept where nobody "
        "who\n"
        "can change the log can write, it shows every later change: verify --heads FILE.\n"
        "With --key the head is signed and kept in the log's folder: verify --public-key FILE.\n"
        "A key is made by: openssl genpkey -algorithm ed25519 -out key.pem\n"
        "and its public part by: openssl pkey -in key.pem -pubout -out key.pub\n"
        "With --json: head_seq, head_link, signature (null: none) and sealed_to_end (false: "
        "somebody\n"
        "writes, and it is the newest head so far). verify --heads reads the line without "
        "--json.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .needs_folder = true,
    .run = cmd_seal,
};
