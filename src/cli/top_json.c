/* SPDX-License-Identifier: MIT */
/*
 * The figures of `millrace top` as JSON.
 *
 * Invariants
 *  1. What is not known is null, and never 0.
 */
#include "cli/top_json.h"

#include "cli/describe.h"

enum { LINE_BYTES_MAX = 4 * 1024 * 1024, EVENTS = 10 };

static const char *word(enum mri_vocabulary_id id, unsigned value)
{
    const char *text = mri_word_text(id, value);
    return text == NULL ? "?" : text;
}

static void json_rate(struct mri_json_writer *json, const struct mri_top_rates *rates, double rate)
{
    mri_json_write_key(json, "per_second");
    if (rates->is_known) {
        mri_json_write_number(json, rate);
    } else {
        mri_json_write_null(json); /* it was not watched: that is not a rate of 0 */
    }
}

static void open_array(struct mri_json_writer *json, const char *key)
{
    mri_json_write_key(json, key);
    mri_json_write_array_open(json);
}

static void json_log(const struct mri_top_figures *figures, struct mri_json_writer *json)
{
    const mr_log_memory *memory = &figures->memory;
    mri_json_write_key(json, "log");
    mri_json_write_object_open(json);
    mri_json_put_count(json, "last_seq", figures->opened->fold.bus.last_seq);
    mri_json_put_count(json, "processes", memory->processes);
    mri_json_write_key(json, "durable_seq");
    if (memory->is_there) {
        mri_json_write_unsigned(json, memory->durable.n);
    } else {
        mri_json_write_null(json); /* nobody has it open: what is in the files is all there is */
    }
    mri_json_put_bool(json, "poisoned", memory->is_poisoned);
    json_rate(json, &figures->rates, figures->rates.events);
    mri_json_write_object_close(json);
}

static void json_counts(const struct mri_top_figures *figures, struct mri_json_writer *json)
{
    const struct mri_top_rates *rates = &figures->rates;
    open_array(json, "states");
    for (unsigned state = 0; state < MR_STATE_COUNT; state++) {
        mri_json_write_object_open(json);
        mri_json_put_text(json, "state", word(MRI_VOCABULARY_state, state));
        mri_json_put_count(json, "count", figures->opened->fold.bus.slots.states[state].count);
        json_rate(json, rates, rates->entered[state]);
        mri_json_write_object_close(json);
    }
    mri_json_write_array_close(json);
    open_array(json, "events");
    for (unsigned family = 0; family < MRI_TOP_FAMILIES; family++) {
        mri_json_write_object_open(json);
        mri_json_put_text(json, "family", mri_top_figures_family(family));
        json_rate(json, rates, rates->family[family]);
        mri_json_write_object_close(json);
    }
    mri_json_write_array_close(json);
    open_array(json, "blocked_by_gate");
    for (unsigned gate = 1; gate < MRI_REPORT_GATES; gate++) {
        if (figures->counts.blocked[gate] > 0) {
            mri_json_write_object_open(json);
            mri_json_put_text(json, "gate", word(MRI_VOCABULARY_gate, gate));
            mri_json_put_count(json, "count", figures->counts.blocked[gate]);
            json_rate(json, rates, rates->blocked[gate]);
            mri_json_write_object_close(json);
        }
    }
    mri_json_write_array_close(json);
}

static void json_consumers(const struct mri_top_figures *figures, struct mri_json_writer *json)
{
    open_array(json, "consumers");
    for (uint32_t i = 0; i < figures->consumer_count; i++) {
        const mr_consumer_stats *stats = &figures->consumers[i];
        mri_json_write_object_open(json);
        mri_json_put_text(json, "name", stats->name);
        mri_json_put_count(json, "lag_events", stats->lag_events);
        mri_json_put_number(json, "lag_s", (double)stats->lag_ns / 1e9);
        mri_json_put_count(json, "in_flight", stats->in_flight);
        mri_json_put_count(json, "dead_letters", stats->dead_letters);
        mri_json_write_object_close(json);
    }
    mri_json_write_array_close(json);
    mri_json_put_count(json, "consumers_all", figures->consumers_all);
    if (figures->consumer_problem.text[0] != '\0') {
        mri_json_put_text(json, "consumers_problem", figures->consumer_problem.text);
    }
}

static void json_waiting(const struct mri_top_figures *figures, struct mri_json_writer *json)
{
    const struct mri_fold *fold = &figures->opened->fold;
    const struct mri_names names = mri_names_of(fold);
    mri_json_put_count(json, "waiting_all", figures->waiting_all);
    open_array(json, "waiting");
    for (uint32_t i = 0; i < figures->waiting_count; i++) {
        const struct mri_slot *slot = mri_slots_get(&fold->bus.slots, figures->waiting[i]);
        int64_t age_ns = fold->bus.event_time_unix_ns - slot->event_time_unix_ns;
        char id[MRI_IDENT_BYTES];
        mri_json_write_object_open(json);
        mri_json_put_text(json, "id", mri_names_signal(&names, figures->waiting[i], id));
        mri_json_put_text(json, "state", word(MRI_VOCABULARY_state, slot->state));
        mri_json_put_number(json, "age_s", (double)age_ns / 1e9);
        mri_json_write_object_close(json);
    }
    mri_json_write_array_close(json);
}

static void json_newest(const struct mri_top_figures *figures, struct mri_json_writer *json)
{
    const struct mri_names names = mri_names_of(&figures->opened->fold);
    struct mri_buf text;
    mri_buf_init(&text, figures->cli->alloc, LINE_BYTES_MAX);
    open_array(json, "newest");
    for (unsigned i = 0; i < EVENTS; i++) {
        const struct mri_top_event *kept = mri_top_figures_event(figures, i);
        if (kept != NULL) {
            const struct mri_event event = mri_top_figures_decode(kept);
            mri_buf_clear(&text);
            mri_describe_json(&names, &event, &text);
            mri_json_write_raw(json, (struct mri_slice){(const char *)text.bytes, text.count});
        }
    }
    mri_json_write_array_close(json);
    json->buf->err = text.err != MR_OK ? text.err : json->buf->err;
    mri_buf_fini(&text);
}

void mri_top_json_put(const struct mri_top_figures *figures, struct mri_buf *text)
{
    struct mri_json_writer json;
    const struct mri_fold *fold = &figures->opened->fold;
    mri_json_write_begin(&json, text);
    mri_json_write_object_open(&json);
    mri_json_put_time(&json, "wall_time", figures->wall_unix_ns);
    mri_json_put_text(&json, "directory", mri_cli_folder(figures->cli));
    mri_json_put_text(&json, "health", mri_health_text(figures->health.state));
    mri_json_write_key(&json, "why");
    if (figures->health.why == NULL) {
        mri_json_write_null(&json);
    } else {
        mri_json_write_text(&json, mri_slice_of(figures->health.why));
    }
    mri_json_put_count(&json, "runner_process", fold->runner_id);
    mri_json_put_count(&json, "pending_inputs", figures->health.pending.inputs);
    mri_json_put_text(&json, "mode", word(MRI_VOCABULARY_mode, fold->wiring.execute.mode.mode));
    mri_json_put_count(&json, "open_positions", fold->wiring.execute.open_count);
    mri_json_put_time(&json, "market_time", fold->bus.event_time_unix_ns);
    mri_json_put_count(&json, "signals", fold->bus.slots.count);
    mri_json_put_count(&json, "alerts", fold->wiring.report.alerts);
    json_log(figures, &json);
    json_counts(figures, &json);
    json_consumers(figures, &json);
    json_waiting(figures, &json);
    json_newest(figures, &json);
    mri_json_write_object_close(&json);
    mri_buf_text(text, "\n");
}
