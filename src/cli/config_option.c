/* SPDX-License-Identifier: MIT */
/*
 * Where a run's configuration comes from.
 */
#include "cli/config_option.h"

#include "bus/event_codec.h"
#include "conf/yaml.h"
#include "millrace/log_read.h"

enum mri_exit mri_config_option_read(
    const struct mri_cli *cli, const char *path, struct mri_config *ret_config)
{
    struct mri_yaml_problems problems = {0};
    mr_err err = mri_yaml_read_file(cli->os, path, cli->alloc, ret_config, &problems);
    if (err != MR_OK && err != MR_REFUSED && problems.count > 0) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problems.items[0].what.text);
    }
    for (uint32_t i = 0; i < problems.count; i++) {
        (void)fprintf(stderr, "%s\n", problems.items[i].what.text);
    }
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

/** Keep the text of the newest configuration event. */
static mr_err newest_text(mr_log_reader *reader, struct mri_buf *text, mr_problem *problem)
{
    for (;;) {
        mr_log_event record;
        struct mri_event event;
        mr_err err = mr_log_reader_next(reader, &record, problem);
        if (err != MR_OK) {
            return err == MR_END || err == MR_ECORRUPT ? MR_OK : err;
        }
        if (record.type != MRI_EVENT_CONFIG) {
            continue;
        }
        err = mri_event_decode(&record, &event);
        if (err != MR_OK) {
            return err;
        }
        struct mri_slice found = mri_event_text(&event, MRI_TEXT_config_changed_text);
        mri_buf_clear(text);
        mri_buf_put(text, found.bytes, found.count);
    }
}

static enum mri_exit of_log(const struct mri_cli *cli, const char *folder, mr_log_reader *reader,
    struct mri_config *ret_config)
{
    struct mri_buf text;
    mr_problem problem = {""};
    mri_buf_init(&text, cli->alloc, MRI_CONFIG_TEXT_BYTES_MAX);
    mr_err err = newest_text(reader, &text, &problem);
    if (err == MR_OK && text.count == 0) {
        err = mri_config_default(ret_config, cli->alloc);
    } else if (err == MR_OK) {
        struct mri_slice slice = {(const char *)text.bytes, text.count};
        err = mri_yaml_config(slice, cli->alloc, ret_config);
        if (err == MR_REFUSED) {
            mri_buf_fini(&text);
            return mri_cli_fail(cli, MRI_EXIT_FAULT,
                "%s was run with a configuration that this version does not know; continue it with "
                "the version that wrote it, or start a new directory",
                folder);
        }
    }
    mri_buf_fini(&text);
    return err == MR_OK ? MRI_EXIT_OK
                        : mri_cli_fail(cli, mri_cli_exit_of(err), "%s: %s", folder,
                              problem.text[0] != '\0' ? problem.text : mr_err_text(err));
}

enum mri_exit mri_config_option_for(
    const struct mri_cli *cli, const char *path, const char *folder, struct mri_config *ret_config)
{
    mr_log_reader *reader;
    mr_problem problem;
    if (path != NULL) {
        return mri_config_option_read(cli, path, ret_config);
    }
    mr_err err = mr_log_reader_open(folder, &reader, &problem);
    if (err == MR_OK) {
        enum mri_exit exit = of_log(cli, folder, reader, ret_config);
        mr_log_reader_close(reader);
        return exit;
    }
    if (err != MR_NOT_FOUND && err != MR_EPATH) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problem.text);
    }
    err = mri_config_default(ret_config, cli->alloc); /* no log there yet */
    return err == MR_OK ? MRI_EXIT_OK : mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(err));
}
