/* SPDX-License-Identifier: MIT */
/*
 * millrace orders: what an executor outside has to do, and how far it is.
 */
#include "base/check.h"
#include "base/utc.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/opened.h"
#include "cli/table.h"
#include "pipeline/order_desk.h"
#include "pipeline/stuck_order.h"

enum { ORDERS_BYTES_MAX = 64 * 1024 * 1024 };

struct orders {
    struct mri_cli *cli;
    const struct mri_fold *fold;
    struct mri_names names;
    struct mri_buf text;
    struct mri_order_view *views; /* oldest intents first */
    uint32_t count;
};

static const char *word(enum mri_vocabulary_id id, unsigned value)
{
    const char *text = mri_word_text(id, value);
    return text == NULL ? "?" : text;
}

static bool is_stuck(const struct orders *orders, const struct mri_order_view *view)
{
    return mri_stuck_order_is(
        &orders->fold->bus, view->order, orders->fold->wiring.report_within_ns);
}

/** Put the orders that are asked for in the order of their intents. */
static mr_err collect(struct orders *orders, bool is_all)
{
    const struct mri_order_table *table = &orders->fold->bus.orders;
    void *block;
    if (table->queue.count == 0) {
        return MR_OK;
    }
    mr_err err =
        mri_alloc_array(orders->cli->alloc, table->queue.count, sizeof(*orders->views), &block);
    if (err != MR_OK) {
        return err;
    }
    orders->views = block;
    for (uint32_t i = 0; i < table->queue.count; i++) {
        struct mri_order_view view = mri_order_desk_at(orders->fold, i);
        if (!is_all && !mri_order_is_live((enum mri_order_state)view.order->state)) {
            continue;
        }
        uint32_t at = orders->count++;
        for (; at > 0 && orders->views[at - 1].order->intent_seq > view.order->intent_seq; at--) {
            orders->views[at] = orders->views[at - 1];
        }
        orders->views[at] = view;
    }
    return MR_OK;
}

static void put_row(
    struct orders *orders, const struct mri_order_view *view, struct mri_table *table)
{
    const struct mri_table_order *order = view->order;
    char quantity[MRI_FIXED_TEXT_BYTES];
    char id[MRI_IDENT_BYTES];
    char duration[MRI_UTC_BYTES];
    char filled[MRI_FIXED_TEXT_BYTES];
    int64_t fee_e8;
    int64_t filled_quantity = mri_order_table_filled(&orders->fold->bus.orders, order, &fee_e8);
    int64_t for_ns = orders->fold->bus.event_time_unix_ns - mri_order_table_since(order);
    mri_table_cell(table, "%s", view->id);
    mri_table_cell(table, "%s", mri_order_state_text((enum mri_order_state)order->state));
    mri_table_cell(table, "%s", word(MRI_VOCABULARY_leg, view->leg));
    mri_table_cell(table, "%s", order->side == MR_LONG ? "buy" : "sell");
    bool is_part = filled_quantity > 0 && filled_quantity < order->quantity;
    mri_table_cell(table, "%s%s%s",
        is_part ? mri_names_quantity(&orders->names, order->instrument, filled_quantity, filled)
                : "",
        is_part ? " of " : "",
        mri_names_quantity(&orders->names, order->instrument, order->quantity, quantity));
    mri_table_cell(table, "%s", mri_names_symbol(&orders->names, order->instrument));
    mri_table_cell(table, "%s ago", mri_utc_duration(for_ns, duration));
    mri_table_cell(table, "%s", is_stuck(orders, view) ? "STUCK" : "");
    mri_table_cell(table, "of %s", mri_names_signal(&orders->names, view->ordinal, id));
}

static void put_text(struct orders *orders)
{
    const struct mri_fold *fold = orders->fold;
    struct mri_table table;
    if (fold->executor_id != 0) {
        mri_buf_printf(
            &orders->text, "executor   process %u takes the orders\n", fold->executor_id);
    } else {
        mri_buf_printf(&orders->text, "executor   none%s\n",
            fold->wiring.execute.options.is_outside
                ? ": nobody takes the orders"
                : "; execute.venue is paper, so none is needed for new ones");
    }
    mri_buf_printf(&orders->text,
        "orders     %u may live, %u of them in doubt; %llu intents, %llu reports, %llu disputed\n",
        fold->bus.orders.live_count, fold->bus.orders.in_doubt_count,
        (unsigned long long)fold->bus.orders.intents, (unsigned long long)fold->bus.orders.reports,
        (unsigned long long)fold->bus.orders.disputes);
    mri_table_init(&table, orders->cli->alloc, "llllrllll");
    for (uint32_t i = 0; i < orders->count; i++) {
        put_row(orders, &orders->views[i], &table);
    }
    mri_table_print(&table, 11, &orders->text);
    mri_table_fini(&table);
}

static void put_order_json(
    struct orders *orders, const struct mri_order_view *view, struct mri_json_writer *json)
{
    const struct mri_table_order *order = view->order;
    char text[MRI_FIXED_TEXT_BYTES];
    char id[MRI_IDENT_BYTES];
    char time[MRI_UTC_BYTES];
    int64_t fee_e8;
    int64_t filled_quantity = mri_order_table_filled(&orders->fold->bus.orders, order, &fee_e8);
    mri_json_write_object_open(json);
    mri_json_put_text(json, "order_id", view->id);
    mri_json_put_text(json, "state", mri_order_state_text((enum mri_order_state)order->state));
    mri_json_put_text(json, "signal_id", mri_names_signal(&orders->names, view->ordinal, id));
    mri_json_put_count(json, "ordinal", view->ordinal);
    mri_json_put_text(json, "leg", word(MRI_VOCABULARY_leg, view->leg));
    mri_json_put_text(json, "side", order->side == MR_LONG ? "buy" : "sell");
    mri_json_put_text(json, "symbol", mri_names_symbol(&orders->names, order->instrument));
    mri_json_put_text(json, "quantity",
        mri_names_quantity(&orders->names, order->instrument, order->quantity, text));
    mri_json_put_text(json, "filled_quantity",
        mri_names_quantity(&orders->names, order->instrument, filled_quantity, text));
    mri_json_put_text(json, "reference_price",
        mri_names_price(&orders->names, order->instrument, order->reference_price, text));
    mri_json_put_count(json, "attempt", order->attempt + 1u);
    mri_json_put_count(json, "intent_seq", order->intent_seq);
    mri_json_put_count(json, "report_seq", order->report_seq);
    mri_json_put_text(json, "since", mri_utc_format(mri_order_table_since(order), time));
    mri_json_put_bool(json, "stuck", is_stuck(orders, view));
    mri_json_put_bool(json, "alerted", order->is_told != 0);
    mri_json_write_object_close(json);
}

static void put_json(struct orders *orders)
{
    const struct mri_order_table *table = &orders->fold->bus.orders;
    struct mri_json_writer json;
    mri_json_write_begin(&json, &orders->text);
    mri_json_write_object_open(&json);
    mri_json_put_count(&json, "executor_process", orders->fold->executor_id);
    mri_json_put_text(
        &json, "venue", orders->fold->wiring.execute.options.is_outside ? "external" : "paper");
    mri_json_put_count(&json, "open", table->live_count);
    mri_json_put_count(&json, "in_doubt", table->in_doubt_count);
    mri_json_put_count(&json, "intents", table->intents);
    mri_json_put_count(&json, "reports", table->reports);
    mri_json_put_count(&json, "disputes", table->disputes);
    mri_json_write_key(&json, "orders");
    mri_json_write_array_open(&json);
    for (uint32_t i = 0; i < orders->count; i++) {
        put_order_json(orders, &orders->views[i], &json);
    }
    mri_json_write_array_close(&json);
    mri_json_write_object_close(&json);
    mri_buf_text(&orders->text, "\n");
}

static enum mri_exit cmd_orders(struct mri_cli *cli)
{
    struct mri_opened *opened;
    enum mri_exit exit = mri_opened_open(cli, &opened);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    struct orders orders = {
        .cli = cli, .fold = &opened->fold, .names = mri_names_of(&opened->fold)};
    mr_err err = collect(&orders, mri_options_get(cli->options, "all") != NULL);
    mri_buf_init(&orders.text, cli->alloc, ORDERS_BYTES_MAX);
    if (err != MR_OK) {
        exit = mri_cli_fail(cli, mri_cli_exit_of(err), "%s", mr_err_text(err));
    } else if (cli->is_json) {
        put_json(&orders);
    } else {
        put_text(&orders);
    }
    exit = err == MR_OK ? mri_cli_print(cli, &orders.text) : exit;
    bool is_any_stuck =
        mri_stuck_order_is_any(&opened->fold.bus, opened->fold.wiring.report_within_ns);
    mri_buf_fini(&orders.text);
    mri_alloc_free(
        cli->alloc, orders.views, opened->fold.bus.orders.queue.count * sizeof(*orders.views));
    exit = exit == MRI_EXIT_OK && is_any_stuck ? MRI_EXIT_NO : exit;
    return mri_opened_close(cli, opened, exit);
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"all", NULL, "also those that have ended"},
    MRI_OPTION_JSON,
};

const struct mri_command mri_cmd_orders = {
    .name = "orders",
    .summary = "list the orders that an executor outside has to look after",
    .arguments = "",
    .about =
        "With execute.venue: external the run places intents, and a process of yours takes them "
        "to\n"
        "a venue and reports (docs/EXECUTION.md). Each line is an order that may live there: its\n"
        "client order id, how far it was reported, when that was, and the signal it belongs to.\n"
        "Exit code 1: nobody reports on one of them. `report` settles an order by hand.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .needs_folder = true,
    .run = cmd_orders,
};
