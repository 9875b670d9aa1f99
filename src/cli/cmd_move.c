/* SPDX-License-Identifier: MIT */
/*
 * millrace move: compare and set, from the shell.
 */
#include "base/check.h"
#include "cli/bus_option.h"
#include "cli/describe.h"

enum { ANSWER_BYTES_MAX = 64 * 1024 };

static enum mri_exit answer(const struct mri_cli *cli, mr_bus *bus, const mr_move *move)
{
    struct mri_buf text;
    mr_signal signal;
    mri_buf_init(&text, cli->alloc, ANSWER_BYTES_MAX);
    mr_err err = mr_bus_get(bus, move->ordinal, &signal);
    MRI_ASSERT(err == MR_OK);
    if (cli->is_json) {
        struct mri_json_writer json;
        mri_json_write_begin(&json, &text);
        mri_json_write_object_open(&json);
        mri_bus_option_put_signal(&json, bus, move->ordinal, move->to);
        mri_json_put_text(&json, "from", mr_state_text(move->from));
        mri_json_put_count(&json, "moved_seq", signal.moved.n);
        mri_json_write_object_close(&json);
    } else {
        char id[MR_BUS_ID_BYTES] = "";
        (void)mr_bus_id(bus, move->ordinal, id); /* it exists */
        mri_buf_printf(&text, "%s  %s -> %s  (event %llu)", id, mr_state_text(move->from),
            mr_state_text(move->to), (unsigned long long)signal.moved.n);
    }
    mri_buf_text(&text, "\n");
    enum mri_exit exit = mri_cli_print(cli, &text);
    mri_buf_fini(&text);
    return exit;
}

static enum mri_exit move_signal(const struct mri_cli *cli, mr_bus *bus, mr_move *move)
{
    const char *from = mri_options_get(cli->options, "from");
    mr_move_conflict conflict = {0};
    mr_problem problem = {""};
    mr_signal signal;
    enum mri_exit exit =
        mri_bus_option_signal(cli, bus, cli->options->arguments[0], &move->ordinal);
    if (exit == MRI_EXIT_OK && from != NULL) {
        exit = mri_bus_option_state(cli, "--from", from, &move->from);
    }
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    mr_err err = mr_bus_get(bus, move->ordinal, &signal);
    if (err == MR_OK) {
        move->from = from == NULL ? signal.state : move->from;
        err = mr_bus_move(bus, move, 1, mri_bus_option_durability(cli), &conflict, &problem);
    }
    return err == MR_OK ? answer(cli, bus, move)
                        : mri_bus_option_refuse(cli, bus, err, &conflict, &problem);
}

static enum mri_exit cmd_move(struct mri_cli *cli)
{
    mr_bus *bus;
    mr_move move = {
        .gate = mri_options_get(cli->options, "gate"),
        .reason = mri_options_get(cli->options, "reason"),
        .data = mri_options_get(cli->options, "data"),
        .actor = mri_options_get(cli->options, "actor"),
    };
    enum mri_exit exit =
        mri_bus_option_state(cli, "--to", mri_options_get(cli->options, "to"), &move.to);
    if (exit == MRI_EXIT_OK) {
        exit = mri_bus_option_data(cli, "--data", move.data);
    }
    if (exit == MRI_EXIT_OK) {
        exit = mri_bus_option_open(cli, &bus);
    }
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    exit = move_signal(cli, bus, &move);
    mr_bus_close(bus);
    return exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"to", "STATE", "the state it moves to"},
    {"from", "STATE", "only if it is in this state; default: the one it is in"},
    {"gate", "GATE",
        "who blocks it; needed for blocked, and of blocked and expired alone (docs/LIFECYCLE.md)"},
    {"reason", "REASON", "why; needed for blocked, else external"},
    {"actor", "ACTOR", "external (default) or operator"},
    {"data", "JSON", "free data, an object, kept as it is"},
    {"durable", NULL, "return when a power cut cannot take it back any more"},
    MRI_OPTION_JSON,
};

const struct mri_command mri_cmd_move = {
    .name = "move",
    .summary = "move a signal to another state, if it is where you think",
    .arguments = "ID",
    .about =
        "The lifecycle's table says which moves there are (docs/LIFECYCLE.md). Of any number of\n"
        "writers that move the same signal from the same state, one wins; the others, and who\n"
        "moves a signal that somebody else has claimed, are told the state that was found: exit\n"
        "code 1. ID is a signal's id, or its number.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .arguments_min = 1,
    .arguments_max = 1,
    .needs_folder = true,
    .run = cmd_move,
};
