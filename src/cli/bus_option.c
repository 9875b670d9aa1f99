/* SPDX-License-Identifier: MIT */
/*
 * What `move` and `claim` share.
 */
#include "cli/bus_option.h"

#include "base/ident.h"
#include "base/text.h"
#include "cli/describe.h"
#include "json/json_scan.h"

enum { ANSWER_BYTES_MAX = 64 * 1024 };

enum mri_exit mri_bus_option_open(const struct mri_cli *cli, mr_bus **ret_bus)
{
    mr_problem problem = {""};
    mr_err err = mr_bus_open(mri_cli_folder(cli), ret_bus, &problem);
    if (err == MR_OK) {
        return MRI_EXIT_OK;
    }
    return mri_cli_fail(cli, err == MR_EPATH ? MRI_EXIT_USAGE : mri_cli_exit_of(err), "%s",
        problem.text[0] != '\0' ? problem.text : mr_err_text(err));
}

enum mri_exit mri_bus_option_signal(
    const struct mri_cli *cli, mr_bus *bus, const char *text, mr_ordinal *ret_ordinal)
{
    mr_err err = mr_bus_find(bus, text, ret_ordinal);
    if (err != MR_OK && err != MR_NOT_FOUND) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s: %s", text, mr_err_text(err));
    }
    return err == MR_OK ? MRI_EXIT_OK
                        : mri_cli_fail(cli, MRI_EXIT_NO, "there is no signal \"%s\"%s", text,
                              mri_ident_is_name(mri_slice_of(text))
                                  ? ""
                                  : ": that is neither an id nor a number");
}

enum mri_exit mri_bus_option_state(
    const struct mri_cli *cli, const char *what, const char *text, mr_state *ret_state)
{
    if (text != NULL && mr_state_parse(text, ret_state) == MR_OK) {
        return MRI_EXIT_OK;
    }
    return text == NULL
               ? mri_cli_fail(cli, MRI_EXIT_USAGE, "%s STATE is missing", what)
               : mri_cli_fail(cli, MRI_EXIT_USAGE,
                     "%s: there is no state \"%s\"; docs/LIFECYCLE.md has the eight there are",
                     what, text);
}

enum mri_exit mri_bus_option_data(const struct mri_cli *cli, const char *what, const char *text)
{
    struct mri_json_fault fault;
    if (text != NULL && !mri_json_scan_check(mri_slice_of(text), &fault)) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "%s: no JSON, at character %zu: %s", what,
            mri_text_characters((struct mri_slice){text, fault.offset}) + 1, fault.reason);
    }
    return text == NULL || mri_text_is_braced(mri_slice_of(text))
               ? MRI_EXIT_OK
               : mri_cli_fail(cli, MRI_EXIT_USAGE, "%s: expected a JSON object", what);
}

mr_durability mri_bus_option_durability(const struct mri_cli *cli)
{
    return mri_options_get(cli->options, "durable") == NULL ? MR_ASYNC : MR_GROUP;
}

void mri_bus_option_put_signal(
    struct mri_json_writer *json, mr_bus *bus, mr_ordinal ordinal, mr_state state)
{
    char id[MR_BUS_ID_BYTES] = "";
    (void)mr_bus_id(bus, ordinal, id); /* it exists */
    mri_json_put_text(json, "id", id);
    mri_json_put_count(json, "ordinal", ordinal.n);
    mri_json_put_text(json, "state", mr_state_text(state));
}

static void put_conflict(const struct mri_cli *cli, mr_bus *bus, const mr_move_conflict *conflict)
{
    struct mri_json_writer json;
    struct mri_buf text;
    mri_buf_init(&text, cli->alloc, ANSWER_BYTES_MAX);
    mri_json_write_begin(&json, &text);
    mri_json_write_object_open(&json);
    mri_json_write_key(&json, "conflict");
    mri_json_write_object_open(&json);
    mri_bus_option_put_signal(&json, bus, conflict->ordinal, conflict->found);
    mri_json_write_key(&json, "owner");
    if (conflict->owner[0] == '\0') {
        mri_json_write_null(&json);
    } else {
        mri_json_write_text(&json, mri_slice_of(conflict->owner));
    }
    mri_json_put_count(&json, "since_seq", conflict->winner.n);
    mri_json_write_object_close(&json);
    mri_json_write_object_close(&json);
    mri_buf_text(&text, "\n");
    (void)mri_cli_print(cli, &text); /* a fault of stdout is told there */
    mri_buf_fini(&text);
    mri_cli_is_told();
}

enum mri_exit mri_bus_option_refuse(const struct mri_cli *cli, mr_bus *bus, mr_err err,
    const mr_move_conflict *conflict, const mr_problem *problem)
{
    bool has_signal = err == MR_CONFLICT && conflict != NULL && conflict->ordinal.n != 0;
    if (has_signal && cli->is_json) {
        put_conflict(cli, bus, conflict);
    }
    return mri_cli_fail(cli, err == MR_CONFLICT ? MRI_EXIT_NO : mri_cli_exit_of(err), "%s",
        problem->text[0] != '\0' ? problem->text : mr_err_text(err));
}
