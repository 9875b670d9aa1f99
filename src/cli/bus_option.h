/* SPDX-License-Identifier: MIT */
/**
 * The bus for programs, from the command line: what the commands share that move and claim signals.
 */
#ifndef MRI_CLI_BUS_OPTION_H
#define MRI_CLI_BUS_OPTION_H

#include "cli/cli.h"
#include "millrace/bus.h"
#include "json/json_write.h"

/**
 * Open the bus of the command's directory.
 *
 * Returns  MRI_EXIT_OK; MRI_EXIT_USAGE, MRI_EXIT_FAULT, what went wrong was printed.
 * Owner    mr_bus_close() frees.
 * Threads  one.
 */
enum mri_exit mri_bus_option_open(const struct mri_cli *cli, mr_bus **ret_bus);

/**
 * The signal of an id, or of an ordinal as text.
 *
 * Returns  MRI_EXIT_OK; MRI_EXIT_NO there is none, which was printed.
 * Threads  one.
 */
enum mri_exit mri_bus_option_signal(
    const struct mri_cli *cli, mr_bus *bus, const char *text, mr_ordinal *ret_ordinal);

/**
 * The state of a word.
 *
 * @param what  the option or argument, for the message
 *
 * Returns  MRI_EXIT_OK; MRI_EXIT_USAGE there is no such state, which was printed.
 * Threads  one.
 */
enum mri_exit mri_bus_option_state(
    const struct mri_cli *cli, const char *what, const char *text, mr_state *ret_state);

/**
 * Free data must be a JSON object.
 *
 * @param text  NULL: none was given
 *
 * Returns  MRI_EXIT_OK; MRI_EXIT_USAGE it is not, which was printed with the place.
 * Threads  one.
 */
enum mri_exit mri_bus_option_data(const struct mri_cli *cli, const char *what, const char *text);

/**
 * The durability that --durable asks for: MR_GROUP, else MR_ASYNC.
 *
 * Returns  it.
 * Threads  one.
 */
mr_durability mri_bus_option_durability(const struct mri_cli *cli);

/**
 * Say that a move or a claim was not made, and in which state the signal was found.
 *
 * @param err  MR_CONFLICT: with the answer {"conflict":{...}} when --json was given; else
 * {"error":...}
 *
 * Returns  MRI_EXIT_NO for MR_CONFLICT, else as mri_cli_exit_of().
 * Threads  one.
 */
enum mri_exit mri_bus_option_refuse(const struct mri_cli *cli, mr_bus *bus, mr_err err,
    const mr_move_conflict *conflict, const mr_problem *problem);

/**
 * Write "id", "ordinal" and "state" of a signal into an open object.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_bus_option_put_signal(
    struct mri_json_writer *json, mr_bus *bus, mr_ordinal ordinal, mr_state state);

#endif
