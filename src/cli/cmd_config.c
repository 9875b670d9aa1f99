/* SPDX-License-Identifier: MIT */
/*
 * millrace config: print or check a configuration.
 */
#include "base/check.h"
#include "base/problem.h"
#include "cli/cli.h"
#include "cli/config_option.h"
#include "cli/feed_option.h"
#include "pipeline/registration.h"

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

/** What is told of spellings: with their places in the file. */
struct telling {
    const struct mri_config *config;
    const char *path;
    uint32_t count;
};

static void tell_spelling(void *context, uint32_t index, const mr_problem *what)
{
    struct telling *telling = context;
    const struct mri_config_place *place = &telling->config->spelling_places[index];
    telling->count++;
    mr_problem told;
    (void)mri_problem_behind(
        &told, MR_REFUSED, what->text, "%s:%u:%u: ", telling->path, place->line, place->column);
    (void)fprintf(stderr, "%s\n", told.text);
}

/** A run in a new directory refuses what this refuses; it has the symbols of the file, and those of
 * the simulated market if that is its feed. */
static enum mri_exit check_spellings(
    const struct mri_cli *cli, const char *path, const struct mri_config *config)
{
    static const struct mri_feed_option simulated = {.kind = "synthetic", .seed = 1};
    struct telling telling = {.config = config, .path = path};
    struct mri_feed feed;
    mr_problem problem = {""};
    if (config->spelling_count == 0) {
        return MRI_EXIT_OK;
    }
    mr_err err = mri_feed_option_open(cli->os, cli->alloc, &simulated, config, &feed, &problem);
    if (err == MR_OK) {
        const struct mri_registration_names names = {.config = config,
            .feed = &feed,
            .place = path,
            .tell_spelling = tell_spelling,
            .tell_context = &telling};
        err = mri_registration_check_names(&names, &problem);
        feed.close(feed.state);
    }
    if (err == MR_OK) {
        return MRI_EXIT_OK;
    }
    return telling.count == 0 ? mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problem.text)
                              : mri_cli_fail(cli, MRI_EXIT_USAGE, "%s: %u problem%s", path,
                                    telling.count, telling.count == 1 ? "" : "s");
}

static enum mri_exit print_file(struct mri_cli *cli, const char *path, bool is_print)
{
    struct mri_config config;
    struct mri_buf text;
    enum mri_exit exit = mri_config_option_read(cli, path, &config);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    exit = is_print ? MRI_EXIT_OK : check_spellings(cli, path, &config);
    if (exit != MRI_EXIT_OK) {
        mri_config_fini(&config);
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
    .about =
        "A configuration file must be complete: start from the output of `config --print`.\n"
        "docs/CONFIG.md explains every setting. --check refuses what a run in a new directory\n"
        "refuses; a log that is there may know further symbols to spell.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .arguments_max = 1,
    .run = cmd_config,
};
