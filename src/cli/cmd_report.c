/* SPDX-License-Identifier: MIT */
/*
 * millrace report: say what has become of an order at a venue outside.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/utc.h"
#include "bus/vocabulary.h"
#include "cli/bus_option.h"
#include "cli/describe.h"
#include "millrace/execution.h"

enum { ANSWER_BYTES_MAX = 64 * 1024 };

/** A number of an option, decimal. */
static enum mri_exit read_number(
    const struct mri_cli *cli, const char *name, double *ret_number, bool *ret_is_given)
{
    const char *text = mri_options_get(cli->options, name);
    char *end;
    *ret_is_given = text != NULL;
    if (text == NULL) {
        return MRI_EXIT_OK;
    }
    *ret_number = strtod(text, &end);
    bool is_number = end != text && *end == '\0' && text[strspn(text, "0123456789+-.eE")] == '\0';
    return is_number ? MRI_EXIT_OK
                     : mri_cli_fail(cli, MRI_EXIT_USAGE, "--%s: expected a number, found \"%s\"",
                           name, text);
}

/** A fill has all of these; nothing else has the first ones, its numbers. */
static const char *const fill_options[] = {"price", "quantity", "fee", "time"};
enum { FILL_NUMBERS = 3 };

/** Is everything there that the status needs, and nothing that it cannot have? */
static enum mri_exit check_presence(const struct mri_cli *cli, const char *status)
{
    bool is_filled = strcmp(status, "filled") == 0;
    char missing[64] = "";
    unsigned status_word;
    if (mri_word_parse(MRI_VOCABULARY_report_status, mri_slice_of(status), &status_word) != MR_OK) {
        return MRI_EXIT_OK; /* an unknown status is told as that */
    }
    for (size_t i = 0; i < MRI_COUNT_OF(fill_options); i++) {
        const char *name = fill_options[i];
        bool is_given = mri_options_get(cli->options, name) != NULL;
        if (!is_filled && is_given && i < FILL_NUMBERS) {
            return mri_cli_fail(cli, MRI_EXIT_USAGE,
                "--%s: only filled has one; %s has no --price, --quantity and --fee", name, status);
        }
        if (is_filled && !is_given) {
            size_t at = strlen(missing);
            (void)snprintf(missing + at, sizeof(missing) - at, "%s--%s", at == 0 ? "" : ", ", name);
        }
    }
    return missing[0] == '\0' ? MRI_EXIT_OK
                              : mri_cli_fail(cli, MRI_EXIT_USAGE,
                                    "missing: %s; filled needs --price, --quantity, --fee (0 when "
                                    "there is none) and --time",
                                    missing);
}

static enum mri_exit read_report(const struct mri_cli *cli, mr_order_report *report)
{
    const char *time = mri_options_get(cli->options, "time");
    *report = (mr_order_report){
        .id = cli->options->arguments[0],
        .status = cli->options->arguments[1],
        .symbol = mri_options_get(cli->options, "symbol"),
        .side = mri_options_get(cli->options, "side"),
        .venue_order_id = mri_options_get(cli->options, "venue-order-id"),
        .executor = mri_options_get(cli->options, "executor"),
        .message = mri_options_get(cli->options, "message"),
    };
    enum mri_exit exit = check_presence(cli, report->status);
    if (exit == MRI_EXIT_OK) {
        exit = read_number(cli, "price", &report->price, &report->has_price);
    }
    if (exit == MRI_EXIT_OK) {
        exit = read_number(cli, "quantity", &report->quantity, &report->has_quantity);
    }
    if (exit == MRI_EXIT_OK) {
        exit = read_number(cli, "fee", &report->fee, &report->has_fee);
    }
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    if (report->executor == NULL) {
        report->executor = "shell";
    }
    bool is_time =
        time == NULL || (mri_utc_parse(mri_slice_of(time), &report->time_unix_ns) == MR_OK &&
                            report->time_unix_ns != 0); /* which would be none */
    return is_time ? MRI_EXIT_OK
                   : mri_cli_fail(cli, MRI_EXIT_USAGE,
                         "--time: expected a time like 2025-05-04T15:34:00Z, found \"%s\"", time);
}

static enum mri_exit answer(const struct mri_cli *cli, const mr_order *order, bool is_repeated)
{
    struct mri_buf text;
    mri_buf_init(&text, cli->alloc, ANSWER_BYTES_MAX);
    if (cli->is_json) {
        struct mri_json_writer json;
        mri_json_write_begin(&json, &text);
        mri_json_write_object_open(&json);
        mri_json_put_text(&json, "order_id", order->id);
        mri_json_put_text(&json, "state", order->state);
        mri_json_put_count(&json, "ordinal", order->ordinal.n);
        mri_json_put_bool(&json, "repeated", is_repeated);
        mri_json_write_object_close(&json);
    } else {
        mri_buf_printf(
            &text, "%s  %s%s", order->id, order->state, is_repeated ? "  (nothing new)" : "");
    }
    mri_buf_text(&text, "\n");
    enum mri_exit exit = mri_cli_print(cli, &text);
    mri_buf_fini(&text);
    return exit;
}

static enum mri_exit cmd_report(struct mri_cli *cli)
{
    mr_bus *bus;
    mr_order order;
    mr_order_report report;
    mr_problem problem = {""};
    bool is_repeated = false;
    enum mri_exit exit = read_report(cli, &report);
    if (exit == MRI_EXIT_OK) {
        exit = mri_bus_option_open(cli, &bus);
    }
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    mr_err err =
        mr_bus_order_report(bus, &report, mri_bus_option_durability(cli), &is_repeated, &problem);
    if (err == MR_OK) {
        err = mr_bus_order(bus, report.id, &order, &problem);
    }
    bool is_no = err == MR_CONFLICT || err == MR_NOT_FOUND;
    exit = err == MR_OK ? answer(cli, &order, is_repeated)
                        : mri_cli_fail(cli, is_no ? MRI_EXIT_NO : mri_cli_exit_of(err), "%s",
                              problem.text[0] != '\0' ? problem.text : mr_err_text(err));
    mr_bus_close(bus);
    return exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"price", "PRICE", "of filled, needed: what was paid or got for one; above 0"},
    {"quantity", "QUANTITY", "of filled, needed: all that is left of the order, or a part of it"},
    {"fee", "FEE", "of filled, needed: in the quote currency; 0: none, below 0: the venue paid"},
    {"time", "TIME", "the venue's, 2025-05-04T15:34:00Z; of filled, needed"},
    {"venue-order-id", "ID", "the order's id at the venue"},
    {"symbol", "SYMBOL", "if it is given, it must be the order's"},
    {"side", "SIDE", "likewise: buy or sell"},
    {"executor", "NAME", "who says so; default: shell"},
    {"message", "TEXT", "what the venue said"},
    {"durable", NULL, "return when a power cut cannot take it back any more"},
    MRI_OPTION_JSON,
};

const struct mri_command mri_cmd_report = {
    .name = "report",
    .summary = "say what has become of an order at a venue outside",
    .arguments = "ORDER_ID STATUS",
    .about =
        "STATUS is sent, accepted, filled, rejected, cancelled or unknown; ORDER_ID as `orders`\n"
        "prints it. Executors report by themselves: this is for settling an order by hand.\n"
        "\n"
        "  filled    needs --price, --quantity, --fee and --time, of one fill: of all that is "
        "left\n"
        "            of the order, or of a part; each part is a report of its own\n"
        "  sent, accepted, rejected, cancelled, unknown\n"
        "            need nothing more, and have no --price, --quantity and --fee; what was "
        "filled\n"
        "            before an order was cancelled is reported as filled, before it\n"
        "\n"
        "  millrace report ORDER_ID filled --price 42000.5 --quantity 0.01 --fee 0.42 \\\n"
        "      --time 2025-05-04T15:34:00Z\n"
        "\n"
        "The same report twice is one. Exit code 1: it contradicts what is known of the order, "
        "which\n"
        "is kept in the log and has changed nothing.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .arguments_min = 2,
    .arguments_max = 2,
    .needs_folder = true,
    .run = cmd_report,
};
