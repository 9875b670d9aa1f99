/* SPDX-License-Identifier: MIT */
/*
 * millrace version
 */
#include "base/check.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "log/format/record.h"
#include "log/format/segment.h"
#include "pipeline/wiring.h"

static enum mri_exit cmd_version(struct mri_cli *cli)
{
    struct mri_buf text;
    mri_buf_init(&text, cli->alloc, 4096);
    if (cli->is_json) {
        struct mri_json_writer json;
        mri_json_write_begin(&json, &text);
        mri_json_write_object_open(&json);
        mri_json_put_text(&json, "version", MILLRACE_VERSION);
        mri_json_put_count(&json, "engine", MRI_ENGINE_VERSION);
        mri_json_put_count(&json, "segment_format", MRI_SEGMENT_VERSION);
        mri_json_put_count(&json, "record_format", MRI_RECORD_VERSION);
        mri_json_put_count(&json, "event_format", MRI_EVENT_VERSION);
        mri_json_write_object_close(&json);
        mri_buf_text(&text, "\n");
    } else {
        mri_buf_printf(&text, "millrace %s (engine %d, segment format %d, event format %d)\n",
            MILLRACE_VERSION, MRI_ENGINE_VERSION, MRI_SEGMENT_VERSION, MRI_EVENT_VERSION);
    }
    enum mri_exit exit = mri_cli_print(cli, &text);
    mri_buf_fini(&text);
    return exit;
}

static const struct mri_option options[] = {MRI_OPTION_JSON};

const struct mri_command mri_cmd_version = {
    .name = "version",
    .summary = "print the versions of program, engine and formats",
    .arguments = "",
    .about = "A log decided by another engine version is read and continued, but not replayed.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .run = cmd_version,
};
