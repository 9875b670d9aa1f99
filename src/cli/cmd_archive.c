/* SPDX-License-Identifier: MIT */
/*
 * millrace log archive: pack the finished segments of a log.
 */
#include "base/check.h"
#include "base/problem.h"
#include "cli/describe.h"
#include "cli/log_verbs.h"
#include "log/format/archive.h"
#include "log/format/manifest.h"

struct counts {
    uint64_t archived;
    uint64_t before; /* archived by an earlier call */
    uint64_t left;   /* plain */
    uint64_t plain_bytes;
    uint64_t packed_bytes;
};

static mr_err archive_all(const struct mri_cli *cli, const struct mri_segment_list *list,
    uint64_t keep, struct counts *counts, mr_problem *problem)
{
    uint64_t finished = list->count > 0 ? list->count - 1 : 0;
    uint64_t wanted = finished > keep ? finished - keep : 0;
    for (uint64_t i = 0; i < wanted; i++) {
        struct mri_archive_report report;
        mr_err err = mri_archive_segment(
            cli->os, cli->alloc, mri_cli_folder(cli), list->base_seqs[i], &report, problem);
        if (err == MR_EXISTS) {
            counts->before++;
            continue;
        }
        if (err != MR_OK) {
            return err;
        }
        counts->archived++;
        counts->plain_bytes += report.plain_bytes;
        counts->packed_bytes += report.packed_bytes;
    }
    counts->left = list->count - wanted;
    return MR_OK;
}

static enum mri_exit print_counts(struct mri_cli *cli, const struct counts *counts)
{
    struct mri_buf text;
    mri_buf_init(&text, cli->alloc, 4096);
    if (cli->is_json) {
        struct mri_json_writer json;
        mri_json_write_begin(&json, &text);
        mri_json_write_object_open(&json);
        mri_json_put_count(&json, "archived", counts->archived);
        mri_json_put_count(&json, "archived_before", counts->before);
        mri_json_put_count(&json, "plain", counts->left);
        mri_json_put_count(&json, "plain_bytes", counts->plain_bytes);
        mri_json_put_count(&json, "packed_bytes", counts->packed_bytes);
        mri_json_write_object_close(&json);
        mri_buf_text(&text, "\n");
    } else {
        mri_buf_printf(&text,
            "%s: archived %llu segments, %.1f MB -> %.1f MB\n"
            "  %llu were archived before, %llu stay as they are\n",
            mri_cli_folder(cli), (unsigned long long)counts->archived,
            (double)counts->plain_bytes / 1e6, (double)counts->packed_bytes / 1e6,
            (unsigned long long)counts->before, (unsigned long long)counts->left);
    }
    enum mri_exit exit = mri_cli_print(cli, &text);
    mri_buf_fini(&text);
    return exit;
}

/** What root packs in another user's log, that one could not open. */
static mr_err check_owner(const struct mri_cli *cli, const char *folder, mr_problem *problem)
{
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    mr_err err = mri_os_path(folder, "MANIFEST", path);
    if (err == MR_OK) {
        err = cli->os->open(cli->os->context, path, MRI_OPEN_WRITE, &fd);
    }
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s/MANIFEST: %s", folder, mr_err_text(err));
    }
    cli->os->close(cli->os->context, fd);
    return MR_OK;
}

static enum mri_exit cmd_archive(struct mri_cli *cli)
{
    struct mri_segment_list list;
    struct mri_manifest manifest;
    struct counts counts = {0};
    mr_problem problem = {""};
    uint64_t keep = 0;
    const char *folder = mri_cli_folder(cli);
    mr_err err = mri_options_number(cli->options, "keep", 0, UINT64_MAX / 2, &keep, &problem);
    if (err == MR_REFUSED) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "%s", problem.text);
    }
    err = mri_manifest_read(cli->os, folder, &manifest, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problem.text);
    }
    err = mri_segment_list(cli->os, cli->alloc, folder, &list);
    if (err != MR_OK) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s: %s", folder, mr_err_text(err));
    }
    err = check_owner(cli, folder, &problem);
    if (err == MR_OK) {
        err = archive_all(cli, &list, keep, &counts, &problem);
    }
    mri_segment_list_fini(&list);
    if (err != MR_OK) {
        return mri_cli_fail_to_write(cli, err, &problem);
    }
    return print_counts(cli, &counts);
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"keep", "N", "newest finished segments to leave as they are; default: 0"},
    MRI_OPTION_JSON,
};

const struct mri_command mri_cmd_log_archive = {
    .name = "log archive",
    .summary = "pack finished segments",
    .arguments = "",
    .about =
        "Each finished segment becomes a file NAME.log.zst, which is read back before the plain\n"
        "one is removed. Everything reads and verifies as before; also while a run goes on.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .needs_folder = true,
    .run = cmd_archive,
};
