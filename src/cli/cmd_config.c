/* SPDX-License-Identifier: MIT */
/*
 * millrace config: print or check a configuration.
 */
#include "base/check.h"
#include "cli/cli.h"
#include "cli/config_option.h"

static enum mri_exit print_default(struct mri_cli *cli)
{
    struct mri_config config;
    struct mri_buf text;
    mr_err err = mri_config_default(&config, cli->alloc);
    if (err != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(err));
    }
    mri_buf_init(&text, cli->alloc, MRI_CONFIG_TEXT_BYTES_MAX);
    mri_config_print(&config, &text);
    enum mri_exit exit = mri_cli_print(cli, &text);
    mri_buf_fini(&text);
    mri_config_fini(&config);
    return exit;
}

static enum mri_exit print_file(struct mri_cli *cli, const char *path, bool is_print)
{
    struct mri_config config;
    struct mri_buf text;
    enum mri_exit exit = mri_config_option_read(cli, path, &config);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    mri_buf_init(&text, cli->alloc, MRI_CONFIG_TEXT_BYTES_MAX);
    if (is_print) {
        mri_config_print(&config, &text);
    } else {
        mri_buf_printf(
            &text, "%s: complete and valid, %u instruments\n", path, config.instrument_count);
    }
    exit = mri_cli_print(cli, &text);
    mri_buf_fini(&text);
    mri_config_fini(&config);
    return exit;
}

static enum mri_exit cmd_config(struct mri_cli *cli)
{
    bool is_print = mri_options_get(cli->options, "print") != NULL;
    bool is_check = mri_options_get(cli->options, "check") != NULL;
    const char *path = cli->options->argument_count > 0 ? cli->options->arguments[0] : NULL;
    if (is_print == is_check) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "give --print or --check");
    }
    if (path != NULL) {
        return print_file(cli, path, is_print);
    }
    if (is_print) {
        return print_default(cli);
    }
    struct mri_config config;
    mr_problem problem;
    mr_err err = mri_config_default(&config, cli->alloc);
    if (err == MR_OK) {
        err = mri_config_check(&config, &problem);
        mri_config_fini(&config);
    }
    return err == MR_OK ? (puts("built-in configuration: complete and valid") < 0 ? MRI_EXIT_FAULT
                                                                                  : MRI_EXIT_OK)
                        : mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", problem.text);
}

static const struct mri_option options[] = {
    {"print", NULL, "print FILE, or the built-in configuration, complete and commented"},
    {"check", NULL, "check FILE, or the built-in configuration; every problem is named"},
};

const struct mri_command mri_cmd_config = {
    .name = "config",
    .summary = "print or check a configuration",
    .arguments = "[FILE]",
    .about = "A configuration file must be complete: start from the output of `config --print`.\n"
             "docs/CONFIG.md explains every setting.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .arguments_max = 1,
    .run = cmd_config,
};
