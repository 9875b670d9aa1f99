/* SPDX-License-Identifier: MIT */
/*
 * millrace verify: read everything, check everything.
 */
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/head_files.h"
#include "cli/log_digest.h"
#include "cli/log_verbs.h"
#include "cli/proof_text.h"
#include "cli/seal_check.h"
#include "cli/whole_segments.h"

/** What is checked, and what came out. */
struct verification {
    uint64_t level;
    struct mri_seal_heads signed_heads; /**< level 2 */
    struct mri_seal_heads outer_heads;  /**< level 3 */
    bool has_signed;
    bool has_outer;
    struct mri_seal_findings findings;
};

/** Was one of the heads compared with the log? Not those of events that were removed. */
static bool is_met(const struct mri_seal_heads *heads)
{
    return heads->at > heads->skipped_count;
}

/** The newest head that was compared; all are, but for the first ones. 0 = none was. */
static uint64_t last_of(const struct mri_seal_heads *heads)
{
    return is_met(heads) ? heads->lines[heads->count - 1].head.seq : 0;
}

static void put_levels(const struct verification *all, struct mri_json_writer *json)
{
    mri_json_put_count(json, "level", all->level);
    if (all->level >= 1) {
        mri_json_put_count(json, "sealed_up_to_seq", all->findings.head.seq);
        mri_json_put_count(json, "unproven_events", all->findings.unproven_count);
        mri_json_put_count(json, "unproven_seals", all->findings.unproven_seal_count);
    }
    if (all->has_signed) {
        mri_json_put_count(json, "signed_up_to_seq", last_of(&all->signed_heads));
    }
    if (all->has_outer) {
        mri_json_put_count(json, "kept_outside_up_to_seq", last_of(&all->outer_heads));
    }
}

static void print_levels(const struct verification *all, struct mri_buf *text)
{
    if (all->level >= 1) {
        mri_buf_printf(text,
            "  level 1 up to event %llu: seals; who changed it had to make all seals anew\n",
            (unsigned long long)all->findings.head.seq);
    }
    if (all->findings.unproven_count > 0) {
        mri_buf_printf(text,
            "          but for %llu events that were sealed together with others that are gone by\n"
            "          now, or whose seal was lost: of them nothing is proven\n",
            (unsigned long long)all->findings.unproven_count);
    }
    if (all->has_signed && !is_met(&all->signed_heads)) {
        mri_buf_text(text, "  level 2 not checked: the log does not hold the events of the signed "
                           "heads any more\n");
    } else if (all->has_signed) {
        mri_buf_printf(text,
            "  level 2 up to event %llu: signed heads; only the key's owner could change it, or "
            "set\n"
            "          it back to an older signed state\n",
            (unsigned long long)last_of(&all->signed_heads));
    }
    if (all->has_outer && !is_met(&all->outer_heads)) {
        mri_buf_text(text, "  level 3 not checked: the log does not hold the events of the heads "
                           "given any more\n");
    } else if (all->has_outer) {
        mri_buf_printf(text,
            "  level 3 up to event %llu: it is the log that the heads given were taken from\n",
            (unsigned long long)last_of(&all->outer_heads));
    }
}

/** What is not among the events that are counted, or not known of them. */
static void print_left_out(const struct mri_log_digest_counts *counts, struct mri_buf *text)
{
    if (counts->own_records > 0) {
        mri_buf_printf(text,
            "  own     %llu record%s of the log itself (recoveries, gaps, acks, dead letters):\n"
            "          checked, and numbered as events are, but not counted among them here\n",
            (unsigned long long)counts->own_records, counts->own_records == 1 ? "" : "s");
    }
    if (counts->gaps > 0) {
        mri_buf_printf(text, "  lost    %llu events in %llu gaps, which a repair gave up\n",
            (unsigned long long)counts->lost_events, (unsigned long long)counts->gaps);
    }
    if (counts->unknown_events > 0) {
        mri_buf_printf(text,
            "  unknown %llu events are of kinds of another program: their bodies\n"
            "          are as they were written, and what they mean is not checked\n",
            (unsigned long long)counts->unknown_events);
    }
}

static void print_result(const struct mri_cli *cli, const char *folder,
    const struct mri_log_digest_counts *counts, const char *digest, const struct verification *all,
    struct mri_buf *text)
{
    if (cli->is_json) {
        struct mri_json_writer json;
        mri_json_write_begin(&json, text);
        mri_json_write_object_open(&json);
        mri_json_put_bool(&json, "ok", true);
        mri_json_put_text(&json, "proves", "accidents: checksums, sequence and chain");
        mri_json_put_count(&json, "up_to_seq", counts->last_seq);
        mri_json_put_count(&json, "events", counts->events);
        mri_json_put_count(&json, "own_records", counts->own_records);
        mri_json_put_count(&json, "batches", counts->batches);
        mri_json_put_count(&json, "bytes", counts->bytes);
        mri_json_put_count(&json, "recoveries", counts->recoveries);
        mri_json_put_count(&json, "gaps", counts->gaps);
        mri_json_put_count(&json, "lost_events", counts->lost_events);
        mri_json_put_count(&json, "unknown_events", counts->unknown_events);
        mri_json_put_count(&json, "from_seq", counts->first_seq);
        mri_json_put_bool(&json, "torn_end", counts->is_torn);
        mri_json_write_key(&json, "digest");
        if (digest[0] != '\0') {
            mri_json_write_text(&json, mri_slice_of(digest));
        } else {
            mri_json_write_null(&json);
        }
        put_levels(all, &json);
        mri_json_write_object_close(&json);
        mri_buf_text(text, "\n");
        return;
    }
    mri_text_escape(text, mri_slice_of(folder));
    mri_buf_text(text, ": sound ");
    if (counts->first_seq > 1) {
        mri_buf_printf(text, "from event %llu, where it begins by now, ",
            (unsigned long long)counts->first_seq);
    }
    mri_buf_printf(text,
        "up to event %llu\n"
        "  %llu events in %llu batches, %.1f MB; %llu recoveries after a crash%s\n"
        "  proves  every checksum, sequence number, chain link and event body: no accident has\n"
        "          changed it; %s\n",
        (unsigned long long)counts->last_seq, (unsigned long long)counts->events,
        (unsigned long long)counts->batches, (double)counts->bytes / 1e6,
        (unsigned long long)counts->recoveries,
        counts->is_torn ? "; an incomplete batch behind them is being written or will be cut off"
                        : "",
        all->level == 0 ? "an edit by somebody who computes checksums anew is not found"
                        : "whether somebody has, the levels below say");
    print_left_out(counts, text);
    mri_buf_printf(text, "  digest  %s\n",
        digest[0] != '\0' ? digest : "none: it says what was decided in all of a log");
    print_levels(all, text);
}

/** Levels 1 to 3 in one walk. */
static enum mri_exit check_seals(
    const struct mri_cli *cli, const char *folder, struct verification *all)
{
    struct mri_seal_heads *const lists[] = {&all->signed_heads, &all->outer_heads};
    return mri_seal_check(cli, folder, lists, MRI_COUNT_OF(lists), &all->findings);
}

/** Was anything checked at the level that was asked for? */
static bool is_level_checked(const struct verification *all, uint64_t event_count)
{
    const struct mri_seal_heads *heads = all->level == 2 ? &all->signed_heads : &all->outer_heads;
    bool is_proven = event_count == 0 || all->findings.proven_count > 0;
    return all->level == 0 || (is_proven && (all->level == 1 || is_met(heads)));
}

/** The signed heads of the log's folder, with their signatures checked. */
static enum mri_exit take_signed(
    const struct mri_cli *cli, const char *folder, const char *key_path, struct verification *all)
{
    char path[MRI_PATH_BYTES_MAX];
    struct mri_signature_key key = {0};
    struct mri_manifest manifest;
    mr_problem problem = {""};
    enum mri_exit exit = mri_head_files_key(cli, key_path, false, &key);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    mr_err err = mri_manifest_read(cli->os, folder, &manifest, &problem);
    if (err == MR_OK) {
        err = mri_os_path(folder, MRI_HEAD_FILES_SIGNED, path);
    }
    exit = err == MR_OK ? mri_head_files_read(cli, path, &all->signed_heads)
                        : mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problem.text);
    if (exit == MRI_EXIT_OK) {
        err = mri_seal_heads_check_signed(&all->signed_heads, manifest.log_uuid, &key, &problem);
        exit = err == MR_OK ? MRI_EXIT_OK
                            : mri_cli_fail(cli, MRI_EXIT_NO, "%s: %s", path, problem.text);
    }
    mri_signature_key_fini(&key);
    all->has_signed = exit == MRI_EXIT_OK;
    return exit;
}

/** Which level is asked for, and what it needs. */
static enum mri_exit take_level(
    const struct mri_cli *cli, const char *folder, struct verification *all)
{
    mr_problem problem = {""};
    const char *key_path = mri_options_get(cli->options, "public-key");
    const char *heads_path = mri_options_get(cli->options, "heads");
    all->level = heads_path != NULL ? 3 : key_path != NULL ? 2 : 1;
    mr_err err = mri_options_number(cli->options, "level", 0, 3, &all->level, &problem);
    if (err != MR_OK && err != MR_NOT_FOUND) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "%s", problem.text);
    }
    if (all->level == 2 && key_path == NULL) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "level 2 needs --public-key FILE");
    }
    if (all->level == 3 && heads_path == NULL) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "level 3 needs --heads FILE");
    }
    enum mri_exit exit = MRI_EXIT_OK;
    if (all->level >= 2 && key_path != NULL) {
        exit = take_signed(cli, folder, key_path, all);
    }
    if (exit == MRI_EXIT_OK && all->level == 3) {
        exit = mri_head_files_given(cli, heads_path, &all->outer_heads);
        all->has_outer = exit == MRI_EXIT_OK;
    }
    return exit;
}

static enum mri_exit verify_log(
    const struct mri_cli *cli, const char *folder, struct verification *all)
{
    char digest[MRI_DIGEST_TEXT_BYTES];
    struct mri_log_digest_counts counts;
    struct mri_buf text;
    mr_problem problem = {""};
    enum mri_exit exit = take_level(cli, folder, all);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    mr_err err = mri_log_digest(cli, folder, digest, &counts, &problem);
    err = err == MR_OK ? mri_whole_segments_check(cli, folder, &problem) : err;
    if (err != MR_OK) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problem.text);
    }
    exit = all->level >= 1 ? check_seals(cli, folder, all) : MRI_EXIT_OK;
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    bool is_asked_for = mri_options_get(cli->options, "level") != NULL;
    bool is_no = is_asked_for && !is_level_checked(all, counts.events);
    if (!is_no || !cli->is_json) { /* as JSON, an answer that begins with ok would be a yes */
        mri_buf_init(&text, cli->alloc, 8192);
        print_result(cli, folder, &counts, digest, all, &text);
        exit = mri_cli_print(cli, &text);
        mri_buf_fini(&text);
    }
    if (exit == MRI_EXIT_OK && is_no) {
        exit = mri_cli_fail(cli, MRI_EXIT_NO, "%s: nothing in it could be checked at level %llu",
            folder, (unsigned long long)all->level);
    }
    return exit;
}

static bool has_head(const struct mri_seal_heads *heads, const struct mri_seal_head *head)
{
    for (size_t i = 0; i < heads->count; i++) {
        if (heads->lines[i].head.seq == head->seq &&
            mri_seal_is_equal(&heads->lines[i].head.link, &head->link)) {
            return true;
        }
    }
    return false;
}

static void print_proof(
    const struct mri_cli *cli, const struct mri_proof *proof, bool is_given, struct mri_buf *text)
{
    const struct mri_seal_head_line line = {.head = proof->head};
    if (!cli->is_json) {
        mri_buf_printf(text, "event %llu is in the log with this head%s:\n",
            (unsigned long long)proof->seq,
            is_given ? ", which was given" : "; compare it with one that you trust");
        mri_seal_heads_write(&line, text);
        return;
    }
    char link[2 * MRI_DIGEST_BYTES + 1];
    struct mri_json_writer json;
    mri_seal_heads_put_hex(proof->head.link.bytes, MRI_DIGEST_BYTES, text);
    (void)snprintf(link, sizeof(link), "%s", mri_buf_c_text(text));
    mri_buf_clear(text);
    mri_json_write_begin(&json, text);
    mri_json_write_object_open(&json);
    mri_json_put_bool(&json, "ok", true);
    mri_json_put_count(&json, "seq", proof->seq);
    mri_json_put_count(&json, "head_seq", proof->head.seq);
    mri_json_put_text(&json, "head_link", link);
    mri_json_put_bool(&json, "head_given", is_given);
    mri_json_write_object_close(&json);
    mri_buf_text(text, "\n");
}

static enum mri_exit judge_proof(
    const struct mri_cli *cli, const char *path, struct mri_slice bytes, struct mri_buf *text)
{
    struct mri_proof proof;
    struct mri_seal_heads heads = {0};
    mr_problem problem = {""};
    const char *heads_path = mri_options_get(cli->options, "heads");
    mri_proof_init(&proof, cli->alloc);
    enum mri_exit exit = MRI_EXIT_OK;
    mr_err err = mri_proof_text_read(bytes, &proof, &problem);
    if (err == MR_OK) {
        err = mri_proof_check(&proof, &problem);
    }
    if (err != MR_OK) {
        exit = mri_cli_fail(
            cli, err == MR_REFUSED ? MRI_EXIT_NO : MRI_EXIT_FAULT, "%s: %s", path, problem.text);
    } else if (heads_path != NULL) {
        exit = mri_head_files_given(cli, heads_path, &heads);
        if (exit == MRI_EXIT_OK && !has_head(&heads, &proof.head)) {
            exit = mri_cli_fail(cli, MRI_EXIT_NO, "%s: the head of event %llu is not in %s", path,
                (unsigned long long)proof.head.seq, heads_path);
        }
    }
    if (exit == MRI_EXIT_OK) {
        print_proof(cli, &proof, heads_path != NULL, text);
        exit = mri_cli_print(cli, text);
    }
    mri_seal_heads_fini(&heads);
    mri_proof_fini(&proof);
    return exit;
}

static enum mri_exit verify_proof(const struct mri_cli *cli, const char *path)
{
    void *bytes;
    size_t count;
    struct mri_buf text;
    mr_err err = mri_alloc_array(cli->alloc, MRI_PROOF_TEXT_BYTES_MAX, 1, &bytes);
    if (err != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(err));
    }
    err = mri_os_read_named_file(cli->os, path, bytes, MRI_PROOF_TEXT_BYTES_MAX, &count);
    mri_buf_init(&text, cli->alloc, 4096);
    enum mri_exit exit = err == MR_OK
                             ? judge_proof(cli, path, (struct mri_slice){bytes, count}, &text)
                             : mri_cli_fail(cli, MRI_EXIT_FAULT, "%s: %s", path, mr_err_text(err));
    mri_buf_fini(&text);
    mri_alloc_free(cli->alloc, bytes, MRI_PROOF_TEXT_BYTES_MAX);
    return exit;
}

static enum mri_exit cmd_verify(struct mri_cli *cli)
{
    struct verification all = {.level = 1};
    const char *folder = mri_cli_folder(cli);
    const char *proof = mri_options_get(cli->options, "proof");
    if (proof != NULL) {
        return verify_proof(cli, proof);
    }
    if (folder == NULL) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE,
            "which directory? give --dir DIR or set the variable MILLRACE_DIR");
    }
    if (mri_cli_has_lost_manifest(cli, folder)) {
        return MRI_EXIT_FAULT;
    }
    enum mri_exit exit = verify_log(cli, folder, &all);
    mri_seal_heads_fini(&all.signed_heads);
    mri_seal_heads_fini(&all.outer_heads);
    return exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    MRI_OPTION_JSON,
    {"level", "N", "0 checksums, 1 seals, 2 signed heads, 3 heads kept outside; default: 1"},
    {"public-key", "FILE", "level 2: heads must be signed with this Ed25519 key (PEM)"},
    {"heads", "FILE", "level 3: the log, or the proof, must have these heads (log seal)"},
    {"proof", "FILE", "check a proof (log prove) instead of a log"},
};

const struct mri_command mri_cmd_verify = {
    .name = "verify",
    .summary = "check every byte of a log, and print its digest",
    .arguments = "",
    .about =
        "Exit code 0: sound; 1: changed by somebody, a proof that does not hold, or --level was\n"
        "given and nothing could be checked at it; 3: damaged, with file, offset and event.\n"
        "Events that were sealed together with lost or removed ones are counted as unproven and\n"
        "change no exit code: a gap that a repair left, and a beginning that was removed, are no\n"
        "trace of somebody.\n"
        "Events are counted without the records of the log itself (recoveries, gaps, acks, dead\n"
        "letters), which have numbers, too: sql and log stat count both.\n"
        "The digest is equal for logs that hold the same decisions on the same inputs, however\n"
        "often a run was interrupted.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .run = cmd_verify,
};
