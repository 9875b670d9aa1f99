/* SPDX-License-Identifier: MIT */
/*
 * millrace status: the five questions of whoever runs this.
 *
 *   1 is it running and trading?   2 if not, which gate?   3 is the P&L right?
 *   4 is every stage alive, how late is it?   5 was anything learned, and is it in use?
 */
#include <string.h>

#include "base/check.h"
#include "base/utc.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/disk_room.h"
#include "cli/opened.h"
#include "cli/price_sources.h"
#include "cli/shadow_text.h"
#include "cli/summary.h"
#include "cli/table.h"
#include "log/format/manifest.h"
#include "pipeline/health.h"
#include "pipeline/stuck_order.h"

enum { STATUS_BYTES_MAX = 1024 * 1024 };

struct status {
    struct mri_cli *cli;
    struct mri_fold *fold;
    struct mri_buf text;
    struct mri_health health;
    struct mri_disk_room disk;
};

static const char *word(enum mri_vocabulary_id id, unsigned value)
{
    const char *text = mri_word_text(id, value);
    return text == NULL ? "?" : text;
}

static unsigned long long u(uint64_t value)
{
    return (unsigned long long)value;
}

/** What was fed and is not taken in: prices that no decision knows. */
static void put_facts(struct status *status)
{
    const struct mri_health_pending *pending = &status->health.pending;
    char time[MRI_UTC_BYTES];
    if (pending->facts > 0) {
        mri_buf_printf(&status->text,
            "           %llu of them are bars, quotes and funding, since %s%s\n", u(pending->facts),
            mri_utc_format(pending->facts_since_unix_ns, time),
            status->fold->runner_id != 0 ? "" : "; nobody runs, so no decision knows them yet");
    }
}

static void put_running(struct status *status)
{
    const struct mri_fold *fold = status->fold;
    const struct mri_report *report = &fold->wiring.report;
    char time[MRI_UTC_BYTES];
    mri_buf_printf(&status->text, "%s%s%s\n", mri_health_text(status->health.state),
        status->health.why == NULL ? "" : ": ",
        status->health.why == NULL ? "" : status->health.why);
    if (fold->runner_id != 0) {
        mri_buf_printf(&status->text, "running    yes, process %u", fold->runner_id);
    } else {
        mri_buf_printf(&status->text, "running    no");
    }
    mri_buf_printf(&status->text,
        "; %llu sessions, %u signals, newest event %llu, market time %s%s\n", u(report->sessions),
        fold->bus.slots.count, u(fold->bus.last_seq),
        fold->bus.event_time_unix_ns == 0 ? "not begun"
                                          : mri_utc_format(fold->bus.event_time_unix_ns, time),
        fold->wiring.is_simulated_market ? " (SIMULATED)" : "");
    if (status->health.pending.inputs > 0) {
        mri_buf_printf(&status->text, "           %llu inputs wait for their decision: %s\n",
            u(status->health.pending.inputs),
            fold->runner_id != 0 ? "they are being worked on" : "the next `run` takes them first");
    }
    put_facts(status);
    if (fold->is_torn) {
        mri_buf_printf(&status->text, "           an incomplete batch lies at the end: it is being "
                                      "written, or the next `run` "
                                      "cuts it off\n");
    }
}

/** Those that are near; that one is reached is the first line. */
static void put_limits(struct status *status)
{
    for (unsigned i = 0; i < MRI_HEALTH_LIMIT_COUNT; i++) {
        const struct mri_health_limit *limit = &status->health.limits[i];
        if (limit->is_near) {
            mri_buf_printf(&status->text, "limits     %llu %s of limits.%s_max, %llu%s\n",
                u(limit->used), limit->name, limit->name, u(limit->max),
                limit->is_reached ? ": it is reached" : "");
        }
    }
}

static void put_limits_json(struct status *status, struct mri_json_writer *json)
{
    mri_json_write_key(json, "limits");
    mri_json_write_object_open(json);
    for (unsigned i = 0; i < MRI_HEALTH_LIMIT_COUNT; i++) {
        const struct mri_health_limit *limit = &status->health.limits[i];
        mri_json_write_key(json, limit->name);
        mri_json_write_object_open(json);
        mri_json_put_count(json, "used", limit->used);
        mri_json_put_count(json, "max", limit->max);
        mri_json_put_bool(json, "reached", limit->is_reached);
        mri_json_write_object_close(json);
    }
    mri_json_write_object_close(json);
}

static void put_alerts(struct status *status)
{
    uint64_t count = status->fold->wiring.report.alerts + status->health.pending.alerts;
    if (count > 0) {
        mri_buf_printf(&status->text, "alerts     %llu in the log\n", u(count));
    }
}

/** Whether it is enough is judged as `doctor` does. */
static void put_disk(struct status *status)
{
    const char *todo = mri_disk_room_todo(&status->disk);
    char text[MRI_DISK_ROOM_TEXT_BYTES];
    mri_buf_printf(&status->text, "disk       %s\n", mri_disk_room_text(&status->disk, text));
    if (todo != NULL) {
        mri_buf_printf(&status->text, "           WARNING: %s\n", todo);
    }
}

static void put_disk_json(struct status *status, struct mri_json_writer *json)
{
    char text[MRI_DISK_ROOM_TEXT_BYTES];
    mri_json_write_key(json, "disk_free_bytes");
    if (status->disk.state == MRI_DISK_UNKNOWN) {
        mri_json_write_null(json);
    } else {
        mri_json_write_unsigned(json, status->disk.free_bytes);
    }
    mri_json_write_key(json, "disk_warning");
    if (mri_disk_room_todo(&status->disk) == NULL) {
        mri_json_write_null(json);
    } else {
        mri_json_write_text(json, mri_slice_of(mri_disk_room_text(&status->disk, text)));
    }
}

enum { STUCK_SHOWN = 10, STUCK_LISTED = 1000 };

/** Who writes stuck signals down. */
struct stuck_list {
    struct status *status;
    struct mri_names names;
    struct mri_table *table;      /* NULL: */
    struct mri_json_writer *json; /* as JSON */
};

static void see_stuck(void *context, uint32_t ordinal, const struct mri_stuck_life *life)
{
    struct stuck_list *list = context;
    const struct mri_fold *fold = list->status->fold;
    const struct mri_claim *claim = mri_claims_find(&fold->bus.claims, ordinal);
    const char *owner = claim != NULL && claim->seq != 0 ? claim->owner : NULL;
    int64_t for_ns = fold->wiring.stuck.now_unix_ns - life->since_unix_ns;
    char id[MRI_IDENT_BYTES];
    char text[MRI_UTC_BYTES];
    char time[MRI_UTC_BYTES];
    const char *name = mri_names_signal(&list->names, ordinal, id);
    if (list->table != NULL) {
        mri_table_cell(list->table, "%s", name);
        mri_table_cell(list->table, "%s", word(MRI_VOCABULARY_state, life->state));
        mri_table_cell(list->table, "for %s", mri_utc_duration(for_ns, text));
        mri_table_cell(list->table, "since %.19sZ", mri_utc_format(life->since_unix_ns, time));
        mri_table_cell(
            list->table, "%s%s", owner == NULL ? "" : "claimed by ", owner == NULL ? "" : owner);
        return;
    }
    mri_json_write_object_open(list->json);
    mri_json_put_text(list->json, "id", name);
    mri_json_put_count(list->json, "ordinal", ordinal);
    mri_json_put_text(list->json, "state", word(MRI_VOCABULARY_state, life->state));
    mri_json_put_count(list->json, "for_s", (uint64_t)(for_ns / 1000000000));
    mri_json_put_text(list->json, "since", mri_utc_format(life->since_unix_ns, time));
    mri_json_put_count(list->json, "since_seq", life->since_seq);
    mri_json_put_bool(list->json, "alerted", life->is_told != 0);
    mri_json_write_key(list->json, "claimed_by");
    if (owner == NULL) {
        mri_json_write_null(list->json);
    } else {
        mri_json_write_text(list->json, mri_slice_of(owner));
    }
    mri_json_write_object_close(list->json);
}

static uint32_t visit_stuck(struct status *status, struct stuck_list *list, uint32_t most)
{
    const struct mri_stuck_visitor visitor = {.context = list, .visit = see_stuck};
    uint32_t count = 0;
    list->status = status;
    list->names = mri_names_of(status->fold);
    if (mri_stuck_visit(&status->fold->wiring.stuck, most, &visitor, &count) != MR_OK) {
        status->text.err = MR_ENOMEM;
    }
    return count;
}

static void put_stuck(struct status *status)
{
    struct mri_table table;
    struct stuck_list list = {.table = &table};
    uint32_t claimed = status->fold->bus.claims.open_count;
    if (claimed > 0) {
        mri_buf_printf(&status->text, "claims     %u signals are claimed by workers\n", claimed);
    }
    mri_table_init(&table, status->cli->alloc, "lllll");
    uint32_t count = visit_stuck(status, &list, STUCK_SHOWN);
    if (count > 0) {
        mri_buf_printf(&status->text,
            "stuck      %u signals stay in a state longer than lifecycle.stuck_after_* allows%s\n",
            count, count > STUCK_SHOWN ? "; the first are" : "");
        mri_table_print(&table, 11, &status->text);
    }
    mri_table_fini(&table);
}

static void put_stuck_json(struct status *status, struct mri_json_writer *json)
{
    struct stuck_list list = {.json = json};
    mri_json_write_key(json, "stuck");
    mri_json_write_array_open(json);
    uint32_t count = visit_stuck(status, &list, STUCK_LISTED);
    mri_json_write_array_close(json);
    mri_json_put_count(json, "stuck_count", count);
    mri_json_put_count(json, "claimed", status->fold->bus.claims.open_count);
}

enum { PROVISIONAL_SHOWN_MAX = 8 };

/** Symbols of which only the name is known: what is emitted of them is blocked. */
static void put_provisional(struct status *status)
{
    const struct mri_instruments *instruments = &status->fold->wiring.market.instruments;
    unsigned shown = 0;
    if (instruments->provisional_count == 0) {
        return;
    }
    mri_buf_printf(&status->text,
        "symbols    %u, %u of them provisional (no instrument, no price):", instruments->count,
        instruments->provisional_count);
    for (uint32_t i = 0; i < instruments->count && shown < PROVISIONAL_SHOWN_MAX; i++) {
        if (instruments->specs[i].is_provisional != 0) {
            mri_buf_printf(&status->text, " %s", instruments->specs[i].symbol);
            shown++;
        }
    }
    mri_buf_text(&status->text, shown < instruments->provisional_count ? " ...\n" : "\n");
}

/** What was emitted and is no signal. */
static void put_observed(struct status *status)
{
    uint32_t count = status->fold->bus.observed.count;
    if (count > 0) {
        mri_buf_printf(&status->text,
            "observed   %u emissions without symbol or side, outside the lifecycle\n", count);
    }
}

static void put_trading(struct status *status)
{
    const struct mri_fold *fold = status->fold;
    const struct mri_report *report = &fold->wiring.report;
    struct mri_health_signals counts = {.by_source = NULL};
    uint64_t blocked = 0;
    unsigned most = 0;
    mri_health_count_signals(fold, &counts);
    for (unsigned gate = 1; gate < MRI_REPORT_GATES; gate++) {
        blocked += counts.by_gate[gate];
        if (counts.by_gate[gate] > counts.by_gate[most]) {
            most = gate;
        }
    }
    mri_buf_printf(&status->text,
        "trading    mode %s at the %s venue; %llu approved, %llu entries filled, %u positions "
        "open\n",
        word(MRI_VOCABULARY_mode, fold->wiring.execute.mode.mode),
        word(MRI_VOCABULARY_venue_mode, mri_health_venue(&fold->wiring)), u(report->approved),
        u(report->fills_by_leg[MRI_LEG_ENTRY]), fold->wiring.execute.open_count);
    if (blocked > 0) {
        mri_buf_printf(&status->text, "           %llu blocked, %llu of them by %s\n", u(blocked),
            u(counts.by_gate[most]), word(MRI_VOCABULARY_gate, most));
    }
}

/** Who takes the orders, and how far they are. */
static void put_orders(struct status *status)
{
    const struct mri_fold *fold = status->fold;
    const struct mri_order_table *orders = &fold->bus.orders;
    bool is_outside = fold->wiring.execute.options.is_outside;
    if (!is_outside && orders->intents == 0) {
        return;
    }
    if (fold->executor_id != 0) {
        mri_buf_printf(&status->text, "executor   process %u takes the orders", fold->executor_id);
    } else {
        mri_buf_printf(&status->text, "executor   %s",
            is_outside ? "NONE IS ATTACHED: nobody takes the orders"
                       : "none; new orders are on paper");
    }
    mri_buf_printf(&status->text,
        "; %u orders may live, %u of them in doubt; %llu reports, %llu disputed\n",
        orders->live_count, orders->in_doubt_count, u(orders->reports), u(orders->disputes));
    if (mri_stuck_order_is_any(&fold->bus, fold->wiring.report_within_ns)) {
        mri_buf_text(&status->text, "           STUCK: nobody reports on some of them, `millrace "
                                    "orders` shows which\n");
    }
}

static void put_orders_json(struct status *status, struct mri_json_writer *json)
{
    const struct mri_fold *fold = status->fold;
    const struct mri_order_table *orders = &fold->bus.orders;
    mri_json_put_text(
        json, "venue", fold->wiring.execute.options.is_outside ? "external" : "paper");
    mri_json_put_count(json, "executor_process", fold->executor_id);
    mri_json_put_count(json, "open_orders", orders->live_count);
    mri_json_put_count(json, "orders_in_doubt", orders->in_doubt_count);
    mri_json_put_count(json, "order_reports", orders->reports);
    mri_json_put_count(json, "order_disputes", orders->disputes);
    mri_json_put_bool(
        json, "orders_stuck", mri_stuck_order_is_any(&fold->bus, fold->wiring.report_within_ns));
}

static void put_ledger(struct status *status)
{
    const struct mri_ledger *ledger = &status->fold->wiring.execute.ledger;
    mri_buf_text(&status->text, "ledger     net ");
    mri_describe_money(ledger->net_e8, &status->text);
    mri_buf_printf(&status->text, " over %llu closed positions; %s\n", u(ledger->closes),
        mri_health_is_ledger_ok(&status->fold->wiring)
            ? "cash, fills and positions agree at each of them"
            : "IT DOES NOT ADD UP");
}

static void put_stages(struct status *status)
{
    int64_t now = status->fold->wiring.report.last_event_unix_ns;
    struct mri_table table;
    mri_table_init(&table, status->cli->alloc, "lrllr");
    mri_table_cell(&table, "stage");
    mri_table_cell(&table, "done");
    mri_table_cell(&table, "last");
    mri_table_cell(&table, "ago");
    mri_table_cell(&table, "waiting");
    for (unsigned i = 0; i < MRI_STAGE_COUNT; i++) {
        const struct mri_stage_progress *stage = &status->health.stages[i];
        char time[MRI_UTC_BYTES];
        char age[MRI_UTC_BYTES];
        mri_table_cell(&table, "%s", stage->name);
        mri_table_cell(&table, "%llu", u(stage->done));
        if (stage->last_unix_ns == 0) {
            mri_table_cell(&table, "never");
            mri_table_cell(&table, "-");
        } else {
            mri_table_cell(&table, "%.19sZ", mri_utc_format(stage->last_unix_ns, time));
            mri_table_cell(&table, "%s", mri_utc_duration(now - stage->last_unix_ns, age));
        }
        mri_table_cell(&table, "%llu", u(stage->waiting));
    }
    mri_buf_text(&status->text, "stages     in market time, behind the newest event\n");
    mri_table_print(&table, 11, &status->text);
    mri_table_fini(&table);
}

static void put_learning(struct status *status)
{
    const struct mri_fold *fold = status->fold;
    const struct mri_learn *learn = &fold->wiring.learn;
    double mean = 0.0;
    uint64_t least = UINT64_MAX;
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        const struct mri_score *score = &learn->scores[h];
        mean +=
            mri_health_skill(&fold->wiring, (mr_horizon)h, MRI_SCORE_LEARNED) / MR_HORIZON_COUNT;
        least = score->count < least ? score->count : least;
    }
    mri_buf_printf(&status->text,
        "learning   %llu lessons learned; decisions use feedback up to event %llu\n",
        u(learn->learned_count), u(fold->wiring.evaluate.beliefs.feedback_seq));
    if (least < 50) {
        mri_buf_printf(&status->text,
            "           unproven: only %llu scored predictions at some horizon (scores start %.1f "
            "days "
            "after the first bar)\n",
            u(least), (double)learn->options.score_after_ns / 86400e9);
    } else {
        mri_buf_printf(&status->text,
            "           mean skill against a coin %+.2f (1e-4 nats) over five horizons\n", mean);
    }
}

static void put_json(struct status *status)
{
    struct mri_json_writer json;
    const struct mri_fold *fold = status->fold;
    struct mri_buf summary;
    const struct mri_summary_run run = {.pending_alerts = status->health.pending.alerts};
    mri_buf_init(&summary, status->cli->alloc, STATUS_BYTES_MAX);
    mri_summary_json(fold, &run, &summary);
    while (summary.count > 0 && summary.bytes[summary.count - 1] == '\n') {
        summary.count--;
    }
    mri_json_write_begin(&json, &status->text);
    mri_json_write_object_open(&json);
    mri_json_put_text(&json, "health", mri_health_text(status->health.state));
    mri_json_write_key(&json, "why");
    if (status->health.why == NULL) {
        mri_json_write_null(&json);
    } else {
        mri_json_write_text(&json, mri_slice_of(status->health.why));
    }
    mri_json_put_count(&json, "writer_process", fold->runner_id);
    mri_json_put_text(&json, "mode", word(MRI_VOCABULARY_mode, fold->wiring.execute.mode.mode));
    mri_json_put_time(&json, "market_time", fold->bus.event_time_unix_ns);
    mri_json_put_count(&json, "pending_inputs", status->health.pending.inputs);
    mri_json_put_count(&json, "pending_facts", status->health.pending.facts);
    mri_price_sources_time(
        &json, "pending_facts_since", status->health.pending.facts_since_unix_ns);
    mri_json_put_count(&json, "undecided", fold->wiring.evaluate.undecided.count);
    mri_json_put_count(&json, "open_horizons", status->health.stages[MRI_STAGE_OUTCOMES].waiting);
    mri_json_put_bool(&json, "torn_end", fold->is_torn);
    put_disk_json(status, &json);
    put_limits_json(status, &json);
    mri_json_put_count(&json, "symbols", fold->wiring.market.instruments.count);
    mri_json_put_count(
        &json, "provisional_symbols", fold->wiring.market.instruments.provisional_count);
    mri_json_put_count(&json, "observed", fold->bus.observed.count);
    mri_json_put_count(&json, "feedback_seq", fold->wiring.evaluate.beliefs.feedback_seq);
    mri_price_sources_json(fold, &json);
    put_stuck_json(status, &json);
    put_orders_json(status, &json);
    mri_json_write_key(&json, "summary");
    mri_json_write_raw(&json, (struct mri_slice){(const char *)summary.bytes, summary.count});
    mri_json_write_object_close(&json);
    mri_buf_text(&status->text, "\n");
    mri_buf_fini(&summary);
}

static enum mri_exit print_status(struct status *status)
{
    mr_problem problem = {""};
    mr_err err = mri_health_judge(status->fold, &status->health, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(status->cli, mri_cli_exit_of(err), "%s", problem.text);
    }
    struct mri_manifest manifest;
    const char *folder = mri_cli_folder(status->cli);
    err = mri_manifest_read(status->cli->os, folder, &manifest, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(status->cli, mri_cli_exit_of(err), "%s", problem.text);
    }
    status->disk = mri_disk_room_look(status->cli, folder, manifest.segment_bytes);
    mri_buf_init(&status->text, status->cli->alloc, STATUS_BYTES_MAX);
    if (status->cli->is_json) {
        put_json(status);
    } else {
        put_running(status);
        put_disk(status);
        put_limits(status);
        put_alerts(status);
        mri_price_sources_print(status->fold, &status->text, status->health.pending.facts > 0);
        put_stuck(status);
        put_provisional(status);
        put_observed(status);
        put_trading(status);
        mri_shadow_text_line(status->fold, &status->text);
        put_orders(status);
        put_ledger(status);
        put_stages(status);
        put_learning(status);
    }
    enum mri_exit exit = mri_cli_print(status->cli, &status->text);
    mri_buf_fini(&status->text);
    bool is_well = status->health.state == MRI_HEALTH_OK;
    return exit == MRI_EXIT_OK && !is_well ? MRI_EXIT_NO : exit;
}

static enum mri_exit cmd_status(struct mri_cli *cli)
{
    struct mri_opened *opened;
    enum mri_exit exit = mri_opened_open(cli, &opened);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    struct status status = {.cli = cli, .fold = &opened->fold};
    exit = print_status(&status);
    return mri_opened_close(cli, opened, exit);
}

static const struct mri_option options[] = {MRI_OPTION_DIR, MRI_OPTION_JSON};

const struct mri_command mri_cmd_status = {
    .name = "status",
    .summary = "is it running, trading, right, alive, learning?",
    .arguments = "",
    .about =
        "Health is judged by what was done, never by the age of a file. Exit code 1: DEGRADED,\n"
        "DOWN or UNKNOWN, with the reason in the first line; 3: the log is damaged. Prices that\n"
        "were fed and that no `run` has taken in yet are counted; a disk with little room is "
        "warned\n"
        "of.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .needs_folder = true,
    .run = cmd_status,
};
