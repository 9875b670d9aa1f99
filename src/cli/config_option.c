/* SPDX-License-Identifier: MIT */
/*
 * Where a run's configuration comes from.
 */
#include "cli/config_option.h"

#include <string.h>

#include "cli/fault_mark.h"
#include "conf/yaml.h"
#include "pipeline/log_config.h"

/** Every problem; behind the last one of a place its line, and a caret under it. */
static void tell_problems(
    const struct mri_cli *cli, struct mri_slice text, const struct mri_yaml_problems *problems)
{
    static const char bom[] = "\xef\xbb\xbf"; /* no column */
    if (text.count >= sizeof(bom) - 1 && memcmp(text.bytes, bom, sizeof(bom) - 1) == 0) {
        text.bytes += sizeof(bom) - 1;
        text.count -= sizeof(bom) - 1;
    }
    for (uint32_t i = 0; i < problems->count; i++) {
        const struct mri_yaml_problem *problem = &problems->items[i];
        const struct mri_yaml_problem *next =
            i + 1 < problems->count ? &problems->items[i + 1] : NULL;
        bool is_last =
            next == NULL || next->line != problem->line || next->column != problem->column;
        (void)fprintf(stderr, "%s\n", problem->what.text);
        if (is_last && problem->line > 0 && problem->column > 0) {
            struct mri_fault_line line =
                mri_fault_mark_character(text, problem->line, problem->column);
            if (line.text.count > 0) { /* else there is nothing to point at */
                mri_fault_mark_print(cli->alloc, line.text, line.place);
            }
        }
    }
}

static enum mri_exit read_file(const struct mri_cli *cli, const char *path, struct mri_buf *text,
    struct mri_config *ret_config)
{
    struct mri_yaml_problems problems = {0};
    mr_err err = mri_yaml_read_file(cli->os, path, text, ret_config, &problems);
    if (err != MR_OK && err != MR_REFUSED && problems.count > 0) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problems.items[0].what.text);
    }
    tell_problems(cli, (struct mri_slice){(const char *)text->bytes, text->count}, &problems);
    if (problems.left_out > 0) {
        (void)fprintf(stderr, "%s: and %u more problems\n", path, problems.left_out);
    }
    if (err == MR_OK) {
        return MRI_EXIT_OK;
    }
    if (err == MR_REFUSED) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "%s: %u problem%s; nothing was changed", path,
            problems.count + problems.left_out, problems.count + problems.left_out == 1 ? "" : "s");
    }
    return mri_cli_fail(cli, mri_cli_exit_of(err), "%s: %s", path, mr_err_text(err));
}

enum mri_exit mri_config_option_read(
    const struct mri_cli *cli, const char *path, struct mri_config *ret_config)
{
    struct mri_buf text;
    mri_buf_init(&text, cli->alloc, MRI_CONFIG_TEXT_BYTES_MAX);
    enum mri_exit exit = read_file(cli, path, &text, ret_config);
    mri_buf_fini(&text);
    return exit;
}

/** Parse the text of a log's own configuration. */
static enum mri_exit parse_own(const struct mri_cli *cli, const char *folder,
    const struct mri_buf *text, struct mri_config *ret_config)
{
    const struct mri_slice slice = {(const char *)text->bytes, text->count};
    mr_err err = mri_yaml_config(slice, cli->alloc, ret_config);
    if (err == MR_REFUSED) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT,
            "%s was run with a configuration that this version does not know; continue it with "
            "the version that wrote it, or start a new directory",
            folder);
    }
    return err == MR_OK
               ? MRI_EXIT_OK
               : mri_cli_fail(cli, mri_cli_exit_of(err), "%s: %s", folder, mr_err_text(err));
}

enum mri_exit mri_config_option_for(
    const struct mri_cli *cli, const char *path, const char *folder, struct mri_config *ret_config)
{
    struct mri_buf text;
    mr_problem problem = {""};
    if (path != NULL) {
        return mri_config_option_read(cli, path, ret_config);
    }
    const struct mri_fold_options log = {
        .os = cli->os, .alloc = cli->alloc, .folder = folder, .parse = mri_yaml_config};
    mri_buf_init(&text, cli->alloc, MRI_CONFIG_TEXT_BYTES_MAX);
    mr_err err = mri_log_config(&log, &text, &problem);
    bool is_built_in = err == MR_NOT_FOUND || err == MR_EPATH || (err == MR_OK && text.count == 0);
    enum mri_exit exit = MRI_EXIT_OK;
    if (is_built_in) { /* no log there yet, or one that never was run */
        err = mri_config_default(ret_config, cli->alloc);
    } else if (err == MR_OK) {
        exit = parse_own(cli, folder, &text, ret_config);
    }
    mri_buf_fini(&text);
    return err == MR_OK ? exit
                        : mri_cli_fail(cli, mri_cli_exit_of(err), "%s",
                              problem.text[0] != '\0' ? problem.text : mr_err_text(err));
}
