/* SPDX-License-Identifier: MIT */
/*
 * The summary of a log. Every number comes from the fold; nothing is recomputed here.
 */
#include "cli/summary.h"

#include <string.h>

#include "base/text.h"
#include "base/utc.h"
#include "cli/describe.h"
#include "cli/shadow_text.h"
#include "cli/table.h"
#include "pipeline/health.h"

static const char *word(enum mri_vocabulary_id id, unsigned value)
{
    const char *text = mri_word_text(id, value);
    return text == NULL ? "?" : text;
}

static unsigned long long u(uint64_t value)
{
    return (unsigned long long)value;
}

static uint64_t fills(const struct mri_report *report)
{
    uint64_t sum = 0;
    for (unsigned leg = 0; leg < MRI_LEG_COUNT; leg++) {
        sum += report->fills_by_leg[leg];
    }
    return sum;
}

static double rate(uint64_t count, double seconds)
{
    return seconds > 0.0 ? (double)count / seconds : 0.0;
}

/** Every signal, counted; false: there is no memory, which `text` says. */
static bool count_signals(
    const struct mri_fold *fold, struct mri_health_signals *counts, struct mri_buf *text)
{
    void *block;
    mr_err err = mri_alloc_array(
        fold->options.alloc, fold->bus.sources.count + 1, sizeof(*counts->by_source), &block);
    if (err != MR_OK) {
        text->err = err;
        return false;
    }
    counts->by_source = block;
    mri_health_count_signals(fold, counts);
    return true;
}

static void free_counts(const struct mri_fold *fold, struct mri_health_signals *counts)
{
    mri_alloc_free(fold->options.alloc, counts->by_source,
        (fold->bus.sources.count + 1) * sizeof(*counts->by_source));
}

/* ---- for people ------------------------------------------------------------------------------ */

static void print_market(const struct mri_fold *fold, struct mri_buf *text)
{
    const struct mri_report *report = &fold->wiring.report;
    char from[MRI_UTC_BYTES];
    char to[MRI_UTC_BYTES];
    mri_buf_printf(text, "market     %s, %llu bars",
        fold->wiring.is_simulated_market ? "SIMULATED prices" : "real prices", u(report->candles));
    if (report->quotes + report->fundings > 0) {
        mri_buf_printf(
            text, ", %llu quotes, %llu funding rates", u(report->quotes), u(report->fundings));
    }
    if (report->last_event_unix_ns != 0) {
        mri_buf_printf(text, ", %.16sZ to %.16sZ",
            mri_utc_format(report->first_event_unix_ns, from),
            mri_utc_format(report->last_event_unix_ns, to));
    }
    if (report->gaps > 0) {
        mri_buf_printf(text, "; %llu gaps of %llu bars", u(report->gaps), u(report->missing_bars));
    }
    mri_buf_text(text, "\n");
    if (report->quarantined > 0) {
        mri_buf_printf(text, "left out   %llu rows:", u(report->quarantined));
        for (unsigned i = 0; i < MRI_REPORT_REASONS; i++) {
            if (report->quarantined_by_reason[i] > 0) {
                mri_buf_printf(text, " %s %llu", word(MRI_VOCABULARY_reason, i),
                    u(report->quarantined_by_reason[i]));
            }
        }
        mri_buf_text(text, "\n");
    }
    if (report->alerts > 0) {
        mri_buf_printf(text, "alerts     %llu in the log\n", u(report->alerts));
    }
}

static void print_signals(const struct mri_fold *fold, struct mri_buf *text)
{
    const struct mri_intern *sources = &fold->bus.sources;
    struct mri_health_signals counts;
    if (!count_signals(fold, &counts, text)) {
        return;
    }
    mri_buf_printf(text, "signals    %u (%llu long, %llu short)\n", fold->bus.slots.count,
        u(counts.by_side[0]), u(counts.by_side[1]));
    mri_buf_text(text, "  by state  ");
    for (unsigned state = 0; state < MR_STATE_COUNT; state++) {
        if (fold->bus.slots.states[state].count > 0) {
            mri_buf_printf(text, "  %s %u", word(MRI_VOCABULARY_state, state),
                fold->bus.slots.states[state].count);
        }
    }
    mri_buf_text(text, "\n  by source ");
    for (uint32_t i = 0; i < sources->count; i++) {
        if (counts.by_source[i] > 0) {
            struct mri_slice name = mri_intern_text(sources, i);
            mri_buf_text(text, "  ");
            mri_text_word(text, name);
            mri_buf_printf(text, " %llu", u(counts.by_source[i]));
        }
    }
    mri_buf_text(text, "\n  blocked by");
    for (unsigned gate = 1; gate < MRI_REPORT_GATES; gate++) {
        if (counts.by_gate[gate] > 0) {
            mri_buf_printf(
                text, "  %s %llu", word(MRI_VOCABULARY_gate, gate), u(counts.by_gate[gate]));
        }
    }
    mri_buf_text(text, "\n");
    free_counts(fold, &counts);
}

static void print_trading(const struct mri_fold *fold, struct mri_buf *text)
{
    const struct mri_report *report = &fold->wiring.report;
    const struct mri_ledger *ledger = &fold->wiring.execute.ledger;
    mri_buf_printf(text,
        "trading    %s: %llu approved, %llu entries filled (%llu long, %llu short), %llu closed "
        "(stop %llu, target %llu, time %llu), %u open\n",
        word(MRI_VOCABULARY_venue_mode, mri_health_venue(&fold->wiring)), u(report->approved),
        u(report->fills_by_leg[MRI_LEG_ENTRY]), u(report->entries_by_side[0]),
        u(report->entries_by_side[1]), u(report->closed), u(report->exits_by_reason[0]),
        u(report->exits_by_reason[1]), u(report->exits_by_reason[2]),
        fold->wiring.execute.open_count);
    mri_buf_text(text, "  ledger     gross ");
    mri_describe_money(ledger->gross_e8, text);
    mri_buf_text(text, " - fees ");
    mri_describe_money(ledger->fee_e8, text);
    mri_buf_text(text, " - slippage ");
    mri_describe_money(ledger->slippage_e8, text);
    mri_buf_text(text, " = net ");
    mri_describe_money(ledger->net_e8, text);
    mri_buf_printf(text, "  (%s at each of %llu closes)\n",
        mri_health_is_ledger_ok(&fold->wiring) ? "checked" : "DOES NOT ADD UP", u(ledger->closes));
}

static void print_outcomes(const struct mri_fold *fold, struct mri_buf *text)
{
    const struct mri_report *report = &fold->wiring.report;
    const struct mri_report_outcomes all = mri_report_all_outcomes(report);
    double mean =
        all.resolved == 0 ? 0.0 : (double)all.lateness_sum_ns / 1e9 / (double)all.resolved;
    mri_buf_printf(text,
        "outcomes   %llu resolved, %llu excluded (late price), %llu unresolved; price %.1fs old on "
        "average, %.0fs at most\n",
        u(all.resolved), u(all.excluded), u(all.unresolved), mean,
        (double)all.lateness_max_ns / 1e9);
    mri_buf_printf(text,
        "learning   %llu feedback events: %llu taught, %llu zero returns, %llu excluded, %llu "
        "unresolved\n",
        u(report->feedback), u(report->feedback_by_status[MRI_FEEDBACK_LEARNED]),
        u(report->feedback_by_status[MRI_FEEDBACK_ZERO_RETURN]),
        u(report->feedback_by_status[MRI_FEEDBACK_EXCLUDED]),
        u(report->feedback_by_status[MRI_FEEDBACK_UNRESOLVED]));
}

/** Skills with their keys in JSON; the table for people has the first three. A coin's is 0. */
static const struct {
    const char *key;
    unsigned whose;
} skills[] = {
    {"skill_learned", MRI_SCORE_LEARNED},
    {"skill_static", MRI_SCORE_STATIC},
    {"skill_static_platt", MRI_SCORE_STATIC_PLATT},
    {"skill_pool", MRI_SCORE_POOL},
};

enum { TABLE_SKILLS = 3 };

static void print_skill(const struct mri_fold *fold, struct mri_buf *text)
{
    const struct mri_score *scores = fold->wiring.learn.scores;
    struct mri_table table;
    mri_buf_text(text, "  skill against a coin, in 1e-4 nats per prediction (log loss 0.693147 "
                       "less the model's):\n");
    mri_table_init(&table, fold->options.alloc, "lrrrrr");
    mri_table_cell(&table, "horizon");
    mri_table_cell(&table, "predictions");
    mri_table_cell(&table, "learned");
    mri_table_cell(&table, "static");
    mri_table_cell(&table, "static+Platt");
    mri_table_cell(&table, "hit rate");
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        const struct mri_score *score = &scores[h];
        mri_table_cell(&table, "%s", word(MRI_VOCABULARY_horizon, h));
        mri_table_cell(&table, "%llu", u(score->count));
        for (size_t i = 0; i < TABLE_SKILLS; i++) {
            if (score->count == 0) {
                mri_table_cell(&table, "n/a");
            } else {
                mri_table_cell(&table, "%+.2f",
                    mri_health_skill(&fold->wiring, (mr_horizon)h, skills[i].whose));
            }
        }
        if (score->count == 0) {
            mri_table_cell(&table, "n/a");
        } else {
            mri_table_cell(&table, "%.2f%%", 100.0 * (double)score->hits / (double)score->count);
        }
    }
    mri_table_print(&table, 2, text);
    mri_table_fini(&table);
}

static void print_log(
    const struct mri_fold *fold, const struct mri_summary_run *run, struct mri_buf *text)
{
    const struct mri_report *report = &fold->wiring.report;
    const struct mri_report_bytes *bytes = &report->bytes;
    uint64_t all = bytes->signal + bytes->view + bytes->idle_view + bytes->market + bytes->other;
    mri_buf_printf(text,
        "log        %llu events, %.1f MB: %.0f bytes a signal's life; market %.1f MB, views "
        "without "
        "signals %.1f MB\n",
        u(fold->bus.last_seq), (double)all / 1e6, mri_report_bytes_per_lifecycle(report),
        (double)bytes->market / 1e6, (double)bytes->idle_view / 1e6);
    if (run->seconds > 0.0) {
        mri_buf_printf(text, "this run   %.1fs: %.0f events/s, %.0f lifecycles/s, %.0f bars/s\n",
            run->seconds, rate(run->events, run->seconds), rate(run->learned, run->seconds),
            rate(run->candles, run->seconds));
    }
    if (run->digest != NULL) {
        mri_buf_printf(text, "digest     %s\n", run->digest);
    }
    if (!mri_health_is_conserved(fold)) {
        mri_buf_text(text, "WARNING    signals by side and by state do not add up\n");
    }
}

void mri_summary_print(
    const struct mri_fold *fold, const struct mri_summary_run *run, struct mri_buf *text)
{
    print_market(fold, text);
    print_signals(fold, text);
    print_trading(fold, text);
    mri_shadow_text_print(fold, text);
    print_outcomes(fold, text);
    print_skill(fold, text);
    print_log(fold, run, text);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void open_object(struct mri_json_writer *json, const char *key)
{
    mri_json_write_key(json, key);
    mri_json_write_object_open(json);
}

static void json_signals(
    const struct mri_fold *fold, struct mri_json_writer *json, struct mri_buf *text)
{
    const struct mri_intern *sources = &fold->bus.sources;
    struct mri_health_signals counts;
    if (!count_signals(fold, &counts, text)) {
        return;
    }
    open_object(json, "signals");
    mri_json_put_count(json, "generated", counts.by_side[0] + counts.by_side[1]);
    mri_json_put_count(json, "long", counts.by_side[0]);
    mri_json_put_count(json, "short", counts.by_side[1]);
    mri_json_put_bool(json, "conserved", mri_health_is_conserved(fold));
    open_object(json, "by_state");
    for (unsigned state = 0; state < MR_STATE_COUNT; state++) {
        mri_json_put_count(
            json, word(MRI_VOCABULARY_state, state), fold->bus.slots.states[state].count);
    }
    mri_json_write_object_close(json);
    open_object(json, "by_source");
    for (uint32_t i = 0; i < sources->count; i++) {
        if (counts.by_source[i] > 0) {
            char name[MRI_INTERN_BYTES_MAX + 1] = {0};
            struct mri_slice spelling = mri_intern_text(sources, i);
            memcpy(name, spelling.bytes, spelling.count);
            mri_json_put_count(json, name, counts.by_source[i]);
        }
    }
    mri_json_write_object_close(json);
    open_object(json, "blocked_by_gate");
    for (unsigned gate = 1; gate < MRI_REPORT_GATES; gate++) {
        if (counts.by_gate[gate] > 0) {
            mri_json_put_count(json, word(MRI_VOCABULARY_gate, gate), counts.by_gate[gate]);
        }
    }
    mri_json_write_object_close(json);
    mri_json_write_object_close(json);
    free_counts(fold, &counts);
}

static void json_outcomes(const struct mri_fold *fold, struct mri_json_writer *json)
{
    const struct mri_report_outcomes all = mri_report_all_outcomes(&fold->wiring.report);
    open_object(json, "outcomes");
    mri_json_put_count(json, "resolved", all.resolved);
    mri_json_put_count(json, "excluded", all.excluded);
    mri_json_put_count(json, "unresolved", all.unresolved);
    mri_json_put_number(json, "lateness_mean_s",
        all.resolved == 0 ? 0.0 : (double)all.lateness_sum_ns / 1e9 / (double)all.resolved);
    mri_json_put_number(json, "lateness_max_s", (double)all.lateness_max_ns / 1e9);
    mri_json_write_object_close(json);
}

static void json_trading(const struct mri_fold *fold, struct mri_json_writer *json)
{
    const struct mri_report *report = &fold->wiring.report;
    const struct mri_ledger *ledger = &fold->wiring.execute.ledger;
    open_object(json, "orders");
    mri_json_put_text(
        json, "venue_mode", word(MRI_VOCABULARY_venue_mode, mri_health_venue(&fold->wiring)));
    mri_json_put_count(json, "approved", report->approved);
    mri_json_put_count(json, "filled", fills(report));
    mri_json_put_count(json, "entries", report->fills_by_leg[MRI_LEG_ENTRY]);
    mri_json_put_count(json, "entries_long", report->entries_by_side[0]);
    mri_json_put_count(json, "entries_short", report->entries_by_side[1]);
    mri_json_put_count(json, "rejected", report->rejected);
    mri_json_write_object_close(json);
    open_object(json, "positions");
    mri_json_put_count(json, "open", fold->wiring.execute.open_count);
    mri_json_put_count(json, "closed", report->closed);
    mri_json_put_count(json, "by_stop", report->exits_by_reason[0]);
    mri_json_put_count(json, "by_target", report->exits_by_reason[1]);
    mri_json_put_count(json, "by_time", report->exits_by_reason[2]);
    mri_json_write_object_close(json);
    open_object(json, "ledger");
    mri_json_put_money(json, "gross", ledger->gross_e8);
    mri_json_put_money(json, "fee", ledger->fee_e8);
    mri_json_put_money(json, "slippage", ledger->slippage_e8);
    mri_json_put_money(json, "net", ledger->net_e8);
    mri_json_put_bool(json, "ok", mri_health_is_ledger_ok(&fold->wiring));
    mri_json_write_object_close(json);
}

static void json_learning(const struct mri_fold *fold, struct mri_json_writer *json)
{
    const struct mri_report *report = &fold->wiring.report;
    open_object(json, "feedback");
    mri_json_put_count(json, "events", report->feedback);
    mri_json_put_count(json, "learned", report->feedback_by_status[MRI_FEEDBACK_LEARNED]);
    mri_json_put_count(json, "zero_return", report->feedback_by_status[MRI_FEEDBACK_ZERO_RETURN]);
    mri_json_put_count(json, "excluded", report->feedback_by_status[MRI_FEEDBACK_EXCLUDED]);
    mri_json_put_count(json, "unresolved", report->feedback_by_status[MRI_FEEDBACK_UNRESOLVED]);
    mri_json_write_object_close(json);
    open_object(json, "learning");
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        const struct mri_score *score = &fold->wiring.learn.scores[h];
        open_object(json, word(MRI_VOCABULARY_horizon, h));
        mri_json_put_count(json, "n", score->count);
        for (size_t i = 0; i < MRI_COUNT_OF(skills); i++) {
            mri_json_write_key(json, skills[i].key);
            if (score->count == 0) {
                mri_json_write_null(json); /* nothing was scored: that is not a skill of 0 */
            } else {
                mri_json_write_number(
                    json, mri_health_skill(&fold->wiring, (mr_horizon)h, skills[i].whose));
            }
        }
        mri_json_put_count(json, "zero_returns", score->zero_returns);
        mri_json_write_object_close(json);
    }
    mri_json_write_object_close(json);
}

static void json_log(
    const struct mri_fold *fold, const struct mri_summary_run *run, struct mri_json_writer *json)
{
    const struct mri_report *report = &fold->wiring.report;
    const struct mri_report_bytes *bytes = &report->bytes;
    open_object(json, "log");
    mri_json_put_count(json, "events", fold->bus.last_seq);
    mri_json_put_count(json, "bytes",
        bytes->signal + bytes->view + bytes->idle_view + bytes->market + bytes->other);
    mri_json_put_number(json, "bytes_per_lifecycle", mri_report_bytes_per_lifecycle(report));
    mri_json_put_count(json, "market_bytes", bytes->market);
    mri_json_put_count(json, "idle_view_bytes", bytes->idle_view);
    mri_json_write_object_close(json);
    if (run->seconds > 0.0) {
        open_object(json, "rate");
        mri_json_put_number(json, "seconds", run->seconds);
        mri_json_put_number(json, "events_per_s", rate(run->events, run->seconds));
        mri_json_put_number(json, "lifecycles_per_s", rate(run->learned, run->seconds));
        mri_json_put_number(json, "candles_per_s", rate(run->candles, run->seconds));
        mri_json_write_object_close(json);
        mri_json_put_bool(json, "interrupted", run->is_interrupted);
    }
    if (run->digest != NULL) {
        mri_json_put_text(json, "digest", run->digest);
    }
}

void mri_summary_json(
    const struct mri_fold *fold, const struct mri_summary_run *run, struct mri_buf *text)
{
    struct mri_json_writer json;
    const struct mri_report *report = &fold->wiring.report;
    mri_json_write_begin(&json, text);
    mri_json_write_object_open(&json);
    mri_json_put_text(&json, "directory", fold->options.folder);
    mri_json_put_text(&json, "market", fold->wiring.is_simulated_market ? "SIMULATED" : "real");
    mri_json_put_time(&json, "from", report->first_event_unix_ns);
    mri_json_put_time(&json, "to", report->last_event_unix_ns);
    mri_json_put_count(&json, "candles", report->candles);
    mri_json_put_count(&json, "quotes", report->quotes);
    mri_json_put_count(&json, "fundings", report->fundings);
    mri_json_put_count(&json, "gaps", report->gaps);
    mri_json_put_count(&json, "quarantined", report->quarantined);
    mri_json_put_count(&json, "alerts", report->alerts + run->pending_alerts);
    json_signals(fold, &json, text);
    json_outcomes(fold, &json);
    json_trading(fold, &json);
    mri_shadow_text_json(fold, &json);
    json_learning(fold, &json);
    json_log(fold, run, &json);
    mri_json_write_object_close(&json);
    mri_buf_text(text, "\n");
}
