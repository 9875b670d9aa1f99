/* SPDX-License-Identifier: MIT */
/*
 * millrace why: one signal's whole story on a page.
 */
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "base/utc.h"
#include "cli/claim_text.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/opened.h"
#include "cli/table.h"
#include "pipeline/explain.h"

enum { WHY_BYTES_MAX = 8 * 1024 * 1024, DATA_SHOWN_MAX = 2000 };

struct why {
    struct mri_cli *cli;
    const struct mri_fold *fold;
    struct mri_names names;
    struct mri_explained story;
    const struct mri_slot *slot;
    uint32_t ordinal;
    struct mri_buf text;
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

/** The n-th event of a kind in the story; NULL when there is none. */
static const struct mri_event *find(const struct why *why, uint16_t type, uint32_t *from)
{
    uint32_t at = mri_explain_find(&why->story, type, *from);
    *from = at + 1;
    return at < why->story.count ? &why->story.events[at] : NULL;
}

static const struct mri_event *first(const struct why *why, uint16_t type)
{
    uint32_t from = 0;
    return find(why, type, &from);
}

/** JSON as it is, with its own backslashes, unless something in it could move a cursor. */
static void put_data(struct why *why, struct mri_slice data)
{
    data.count = data.count < DATA_SHOWN_MAX ? data.count : DATA_SHOWN_MAX;
    mri_buf_text(&why->text, "data        ");
    if (mri_text_is_utf8(data) && !mri_text_has_control(data)) {
        mri_text_escape_rest(&why->text, data); /* what cannot be seen */
    } else {
        mri_text_escape(&why->text, data);
    }
    mri_buf_text(&why->text, "\n");
}

static void put_head(struct why *why, const struct mri_event *event)
{
    const struct mri_signal_generated *signal = event->body;
    struct mri_slice source = mri_event_text(event, MRI_TEXT_signal_generated_source);
    struct mri_slice name = mri_event_text(event, MRI_TEXT_signal_generated_name);
    struct mri_slice external = mri_event_text(event, MRI_TEXT_signal_generated_external_id);
    struct mri_slice data = mri_event_text(event, MRI_TEXT_signal_generated_data);
    char id[MRI_IDENT_BYTES];
    char time[MRI_UTC_BYTES];
    char duration[MRI_UTC_BYTES];
    char price[MRI_FIXED_TEXT_BYTES];
    mri_buf_printf(&why->text, "%s%s\n", mri_names_signal(&why->names, why->ordinal, id),
        why->fold->wiring.is_simulated_market ? "   (SIMULATED market)" : "");
    mri_buf_printf(&why->text, "what        %s %s, ", word(MRI_VOCABULARY_side, signal->side),
        mri_names_symbol(&why->names, signal->symbol));
    if ((signal->present & MRI_LACKS_CONFIDENCE) != 0) {
        mri_buf_text(&why->text, "no confidence given, from ");
    } else {
        mri_buf_printf(&why->text, "confidence %.3f, from ", signal->confidence);
    }
    mri_text_word(&why->text, source);
    mri_buf_text(&why->text, "/");
    mri_text_word(&why->text, name);
    if ((signal->present & MRI_HAS_PRICE) != 0) {
        mri_buf_printf(&why->text, ", at %s",
            mri_names_price(&why->names, signal->instrument, signal->price, price));
    }
    if ((signal->present & MRI_HAS_HORIZON) != 0) {
        mri_buf_printf(&why->text, ", for %s", word(MRI_VOCABULARY_horizon, signal->horizon));
    }
    if (external.count > 0) {
        mri_buf_text(&why->text, ", its id ");
        mri_text_word(&why->text, external);
    }
    mri_buf_printf(&why->text, "\nwhen        %s, valid for %s (event %llu)\n",
        mri_utc_format(signal->event_time_unix_ns, time),
        mri_utc_duration(signal->valid_for_ns, duration), u(event->seq));
    if (data.count > 0) {
        put_data(why, data);
    }
}

static void put_state(struct why *why)
{
    const struct mri_slot *slot = why->slot;
    mri_buf_printf(&why->text, "state       %s", word(MRI_VOCABULARY_state, slot->state));
    if (slot->state == MR_LEARNED) {
        mri_buf_printf(&why->text, ", was %s", word(MRI_VOCABULARY_state, slot->ended));
    }
    if (slot->gate != MRI_GATE_NONE) {
        mri_buf_printf(&why->text, " by %s", word(MRI_VOCABULARY_gate, slot->gate));
    }
    mri_buf_printf(&why->text, " (%s)\n", word(MRI_VOCABULARY_reason, slot->reason));
}

/** Who was to decide on it, and who had it. */
static void put_owners(struct why *why)
{
    const struct mri_event *generated = first(why, MRI_EVENT_SIGNAL_GENERATED);
    const struct mri_event *event;
    struct mri_route route;
    char text[MRI_ROUTE_TEXT_BYTES];
    uint32_t from = 0;
    unsigned count = 0;
    struct mri_slice source = generated == NULL
                                  ? (struct mri_slice){0}
                                  : mri_event_text(generated, MRI_TEXT_signal_generated_source);
    bool is_known = generated != NULL &&
                    mri_claim_text_route(why->fold, generated->seq, source, &route, NULL) == MR_OK;
    if (is_known && route.kind != MRI_ROUTE_INTERNAL) {
        mri_buf_text(&why->text, "route       ");
        mri_text_word(&why->text, mri_slice_of(mri_route_format(&route, text)));
        mri_buf_printf(&why->text, ": %s\n",
            route.kind == MRI_ROUTE_ADVISORY ? "its owner decides, the pipeline says beside him "
                                               "what it would do"
                                             : "a worker of that name claims it and decides");
    }
    for (; (event = find(why, MRI_EVENT_SIGNAL_CLAIMED, &from)) != NULL; count++) {
        mri_buf_text(&why->text, count == 0 ? "claims      " : "            ");
        mri_claim_text_put(event, &why->text);
        mri_buf_text(&why->text, "\n");
    }
    for (from = 0; (event = find(why, MRI_EVENT_ALERT, &from)) != NULL;) {
        mri_buf_text(&why->text, "alert       ");
        mri_text_escape_rest(&why->text, mri_event_text(event, MRI_TEXT_alert_message));
        mri_buf_printf(&why->text, " (event %llu)\n", u(event->seq));
    }
}

static void put_view(struct why *why)
{
    const struct mri_event *event = first(why, MRI_EVENT_VIEW);
    char price[MRI_FIXED_TEXT_BYTES];
    unsigned count;
    if (event == NULL) {
        mri_buf_text(&why->text, "view        none: it was never decided on\n");
        return;
    }
    const struct mri_view *view = event->body;
    const struct mri_row_term *terms = mri_event_rows(event, 0, &count);
    mri_buf_printf(&why->text,
        "view        %s view (event %llu): close %s, volatility %.2f bps a bar, regime %s, %u of "
        "%u "
        "sources ready\n            evidence",
        word(MRI_VOCABULARY_view_kind, view->kind), u(event->seq),
        mri_names_price(&why->names, view->symbol, view->price, price), view->volatility * 1e4,
        word(MRI_VOCABULARY_regime, view->regime), view->ready_count, view->source_count);
    for (unsigned i = 0; i < count; i++) {
        struct mri_slice source = mri_intern_text(&why->fold->bus.sources, terms[i].source);
        mri_buf_text(&why->text, "  ");
        mri_text_word(&why->text, source);
        mri_buf_printf(&why->text, " %+.3f", terms[i].x);
    }
    mri_buf_text(&why->text, count == 0 ? " none\n" : "\n");
}

static void put_prediction(struct why *why)
{
    const struct mri_event *event = first(why, MRI_EVENT_PREDICTION);
    struct mri_table table;
    unsigned count;
    if (event == NULL) {
        return;
    }
    const struct mri_prediction *prediction = event->body;
    const struct mri_row_forecast *rows = mri_event_rows(event, 0, &count);
    uint64_t feedback = mri_ref_seq(prediction->feedback, event->seq);
    mri_buf_printf(&why->text, "prediction  (event %llu) ", u(event->seq));
    if (feedback == 0) {
        mri_buf_text(&why->text, "before any feedback\n");
    } else {
        mri_buf_printf(&why->text, "with all feedback up to event %llu\n", u(feedback));
    }
    mri_table_init(&table, why->cli->alloc, "lrrrr");
    mri_table_cell(&table, "horizon");
    mri_table_cell(&table, "prob up");
    mri_table_cell(&table, "of the pool");
    mri_table_cell(&table, "expected");
    mri_table_cell(&table, "+- sd");
    for (unsigned h = 0; h < count; h++) {
        mri_table_cell(&table, "%s", word(MRI_VOCABULARY_horizon, h));
        mri_table_cell(&table, "%.4f", rows[h].prob_up);
        mri_table_cell(&table, "%.4f", rows[h].prob_pool);
        if (prediction->has_ev) {
            mri_table_cell(&table, "%+.2f bps", rows[h].ev_bps);
            mri_table_cell(&table, "%.2f", rows[h].ev_sd_bps);
        } else {
            mri_table_cell(&table, "absent");
            mri_table_cell(&table, "%s", "");
        }
    }
    mri_table_print(&table, 12, &why->text);
    mri_table_fini(&table);
}

static void put_gate(
    struct why *why, const struct mri_row_gate_number *number, const struct mri_row_gate_code *code)
{
    const char *unit = word(MRI_VOCABULARY_unit, code->unit);
    const char *verdict = word(MRI_VOCABULARY_verdict, code->verdict);
    mri_buf_printf(&why->text, "            %-15s ", word(MRI_VOCABULARY_gate, code->gate));
    if (code->unit == MRI_UNIT_MODE) {
        mri_buf_printf(&why->text, "%s vs %s", word(MRI_VOCABULARY_mode, (unsigned)number->value),
            word(MRI_VOCABULARY_mode, (unsigned)number->threshold));
    } else if (code->reason == MRI_REASON_INPUT_ABSENT) {
        mri_buf_printf(&why->text, "absent vs %.6g %s", number->threshold, unit);
    } else {
        mri_buf_printf(&why->text, "%.6g vs %.6g %s", number->value, number->threshold, unit);
    }
    mri_buf_printf(&why->text, " -> %s", verdict);
    if (code->verdict != MRI_VERDICT_PASS) {
        mri_buf_printf(&why->text, " (%s)", word(MRI_VOCABULARY_reason, code->reason));
    }
    mri_buf_text(&why->text, "\n");
}

static void put_size(struct why *why, const struct mri_event *event)
{
    unsigned factor_count;
    unsigned size_count;
    char quantity[MRI_FIXED_TEXT_BYTES];
    const struct mri_decision *decision = event->body;
    const struct mri_row_factor *factors = mri_event_rows(event, 1, &factor_count);
    const struct mri_row_order_size *size = mri_event_rows(event, 2, &size_count);
    if (factor_count == 0) {
        return;
    }
    mri_buf_text(&why->text, "size       ");
    for (unsigned i = 0; i < factor_count; i++) {
        mri_buf_printf(&why->text, "%s%s %.6g", i == 0 ? " " : " x ",
            word(MRI_VOCABULARY_factor, factors[i].factor), factors[i].value);
    }
    if (size_count > 0) {
        mri_buf_printf(&why->text, " -> %s units for ",
            mri_names_quantity(&why->names, decision->symbol, size->quantity, quantity));
        mri_describe_money(size->notional_e8, &why->text);
    }
    mri_buf_text(&why->text, "\n");
}

static void put_decision(struct why *why)
{
    const struct mri_event *event = first(why, MRI_EVENT_DECISION);
    unsigned count;
    if (event == NULL) {
        return;
    }
    const struct mri_decision *decision = event->body;
    const struct mri_row_gate_number *numbers = mri_event_rows(event, 0, &count);
    const struct mri_row_gate_code *codes = mri_event_rows(event, 3, &count);
    uint64_t feedback = mri_ref_seq(decision->feedback, event->seq);
    mri_buf_printf(&why->text, "gates       judged at %s (event %llu, feedback %llu)\n",
        word(MRI_VOCABULARY_horizon, decision->horizon), u(event->seq), u(feedback));
    for (unsigned i = 0; i < count; i++) {
        put_gate(why, &numbers[i], &codes[i]);
    }
    put_size(why, event);
    const char *aside = decision->advisory == 0 ? "" : " (advisory: nothing was moved or traded)";
    if (decision->verdict == MRI_VERDICT_PASS) {
        mri_buf_printf(&why->text, "decision    approved%s\n", aside);
    } else {
        mri_buf_printf(&why->text, "decision    blocked by %s: %s%s\n",
            word(MRI_VOCABULARY_gate, decision->gate),
            word(MRI_VOCABULARY_reason, decision->reason), aside);
    }
}

static void put_intent(struct why *why, const struct mri_event *event)
{
    const struct mri_order_intent *intent = event->body;
    char quantity[MRI_FIXED_TEXT_BYTES];
    char price[MRI_FIXED_TEXT_BYTES];
    mri_buf_printf(&why->text, "order       %s %s: %s %s %s", word(MRI_VOCABULARY_leg, intent->leg),
        word(MRI_VOCABULARY_venue_mode, intent->venue_mode),
        word(MRI_VOCABULARY_side, intent->side),
        mri_names_quantity(&why->names, intent->instrument, intent->quantity, quantity),
        word(MRI_VOCABULARY_order_type, intent->order_type));
    if (intent->order_type != MRI_ORDER_MARKET) {
        mri_buf_printf(&why->text, " at %s",
            mri_names_price(&why->names, intent->instrument, intent->trigger_price, price));
    }
    mri_buf_printf(&why->text, " (event %llu)\n", u(event->seq));
}

static void put_fill(struct why *why, const struct mri_event *event)
{
    const struct mri_order_filled *fill = event->body;
    char quantity[MRI_FIXED_TEXT_BYTES];
    char price[MRI_FIXED_TEXT_BYTES];
    char reference[MRI_FIXED_TEXT_BYTES];
    char time[MRI_UTC_BYTES];
    mri_buf_printf(&why->text, "fill        %s at %s: %s at %s, market %s, fee ",
        word(MRI_VOCABULARY_leg, fill->leg), mri_utc_format(fill->event_time_unix_ns, time),
        mri_names_quantity(&why->names, fill->instrument, fill->quantity, quantity),
        mri_names_price(&why->names, fill->instrument, fill->price, price),
        mri_names_price(&why->names, fill->instrument, fill->reference_price, reference));
    mri_describe_money(fill->fee_e8, &why->text);
    mri_buf_text(&why->text, ", slippage ");
    mri_describe_money(fill->slippage_e8, &why->text);
    mri_buf_printf(&why->text, " (event %llu)\n", u(event->seq));
}

static void put_closed(struct why *why, const struct mri_event *event)
{
    const struct mri_position_closed *closed = event->body;
    mri_buf_printf(
        &why->text, "closed      by %s: gross ", word(MRI_VOCABULARY_reason, closed->reason));
    mri_describe_money(closed->gross_e8, &why->text);
    mri_buf_text(&why->text, " - fees ");
    mri_describe_money(closed->fee_e8, &why->text);
    mri_buf_text(&why->text, " - slippage ");
    mri_describe_money(closed->slippage_e8, &why->text);
    mri_buf_text(&why->text, " = net ");
    mri_describe_money(closed->net_e8, &why->text);
    mri_buf_printf(&why->text, " (event %llu)\n", u(event->seq));
}

/** How a shadow began: of one that has ended as it was logged, else as the book has it. */
static void put_shadow_entry(struct why *why, const struct mri_shadow_closed *entry)
{
    char quantity[MRI_FIXED_TEXT_BYTES];
    char price[MRI_FIXED_TEXT_BYTES];
    char stop[MRI_FIXED_TEXT_BYTES];
    char target[MRI_FIXED_TEXT_BYTES];
    char time[MRI_UTC_BYTES];
    bool is_twin = entry->gate == MRI_GATE_NONE && entry->advisory == 0;
    mri_buf_printf(&why->text, "shadow      %s%s %s at %s, %s; stop %s, target %s (event %llu)\n",
        is_twin ? "twin, " : "", word(MRI_VOCABULARY_side, entry->side),
        mri_names_quantity(&why->names, entry->symbol, entry->quantity, quantity),
        mri_names_price(&why->names, entry->symbol, entry->entry_price, price),
        mri_utc_format(entry->entry_time_unix_ns, time),
        mri_names_price(&why->names, entry->symbol, entry->stop_price, stop),
        mri_names_price(&why->names, entry->symbol, entry->target_price, target), u(entry->entry));
}

static void put_shadow_closed(struct why *why, const struct mri_event *event)
{
    const struct mri_shadow_closed *closed = event->body;
    char price[MRI_FIXED_TEXT_BYTES];
    if (closed->exit_price == 0) {
        mri_buf_printf(&why->text, "shadow      unresolved: %s (event %llu)\n",
            word(MRI_VOCABULARY_reason, closed->reason), u(event->seq));
        return;
    }
    mri_buf_printf(&why->text, "shadow      closed by %s at %s: gross ",
        word(MRI_VOCABULARY_reason, closed->reason),
        mri_names_price(&why->names, closed->symbol, closed->exit_price, price));
    mri_describe_money(closed->gross_e8, &why->text);
    mri_buf_text(&why->text, " - fees ");
    mri_describe_money(closed->fee_e8, &why->text);
    mri_buf_text(&why->text, " - slippage ");
    mri_describe_money(closed->slippage_e8, &why->text);
    mri_buf_text(&why->text, " = net ");
    mri_describe_money(closed->net_e8, &why->text);
    if (closed->gate != MRI_GATE_NONE) {
        mri_buf_printf(&why->text, "; %s has %s it", word(MRI_VOCABULARY_gate, closed->gate),
            closed->net_e8 < 0 ? "saved" : "missed");
    }
    mri_buf_printf(&why->text, " (event %llu)\n", u(event->seq));
}

static void put_shadow(struct why *why)
{
    uint32_t from = 0;
    const struct mri_event *event = find(why, MRI_EVENT_SHADOW_CLOSED, &from);
    if (event != NULL) {
        struct mri_shadow_closed entry = *(const struct mri_shadow_closed *)event->body;
        entry.entry = mri_ref_seq(entry.entry, event->seq);
        if (entry.entry != 0) {
            put_shadow_entry(why, &entry);
        }
        put_shadow_closed(why, event);
        return;
    }
    const struct mri_shadow *open =
        mri_shadow_book_find(&why->fold->wiring.shadows.book, why->ordinal);
    if (open != NULL && open->state == MRI_SHADOW_OPEN) {
        put_shadow_entry(why, &(struct mri_shadow_closed){.entry = open->entry_seq,
                                  .entry_time_unix_ns = open->opened_unix_ns,
                                  .quantity = open->quantity,
                                  .entry_price = open->entry_price,
                                  .stop_price = open->stop_price,
                                  .target_price = open->target_price,
                                  .symbol = open->symbol,
                                  .side = open->side,
                                  .gate = open->gate,
                                  .advisory = open->advisory});
        mri_buf_text(&why->text, "shadow      is open\n");
    }
}

static void put_fact(struct why *why, const struct mri_event *event, const char *what)
{
    const struct mri_order_sent *fact = event->body;
    mri_buf_printf(&why->text, "%-11s %s order", what, word(MRI_VOCABULARY_leg, fact->leg));
    if (fact->reason != MRI_REASON_NONE) {
        mri_buf_printf(&why->text, ": %s", word(MRI_VOCABULARY_reason, fact->reason));
    }
    mri_buf_printf(&why->text, " (event %llu)\n", u(event->seq));
}

/** Who said what of an order at a venue outside. */
static void put_report(struct why *why, const struct mri_event *event)
{
    const struct mri_order_report *report = event->body;
    struct mri_slice executor = mri_event_text(event, MRI_TEXT_order_report_executor);
    struct mri_slice venue_id = mri_event_text(event, MRI_TEXT_order_report_venue_order_id);
    struct mri_slice message = mri_event_text(event, MRI_TEXT_order_report_message);
    mri_buf_printf(&why->text, "reported    %s order %s", word(MRI_VOCABULARY_leg, report->leg),
        word(MRI_VOCABULARY_report_status, report->status));
    if (report->status == MRI_REPORT_FILLED) {
        char quantity[MRI_FIXED_TEXT_BYTES];
        char price[MRI_FIXED_TEXT_BYTES];
        mri_buf_printf(&why->text, ", %s at %s",
            mri_names_quantity(&why->names, report->instrument, report->quantity, quantity),
            mri_names_price(&why->names, report->instrument, report->price, price));
    }
    if (executor.count > 0) {
        mri_buf_text(&why->text, " by ");
        mri_text_word(&why->text, executor);
    }
    if (venue_id.count > 0) {
        mri_buf_text(&why->text, ", at the venue ");
        mri_text_word(&why->text, venue_id);
    }
    if (message.count > 0) {
        mri_buf_text(&why->text, ": ");
        mri_text_quote(&why->text, message);
    }
    mri_buf_printf(&why->text, " (event %llu)\n", u(event->seq));
}

static void put_dispute(struct why *why, const struct mri_event *event)
{
    const struct mri_order_disputed *dispute = event->body;
    mri_buf_printf(&why->text, "DISPUTED    %s: ", word(MRI_VOCABULARY_reason, dispute->reason));
    mri_text_escape_rest(&why->text, mri_event_text(event, MRI_TEXT_order_disputed_message));
    mri_buf_printf(&why->text, " (event %llu)\n", u(event->seq));
}

static void put_trading(struct why *why)
{
    for (uint32_t i = 0; i < why->story.count; i++) {
        const struct mri_event *event = &why->story.events[i];
        switch (event->type) {
        case MRI_EVENT_ORDER_INTENT:
            put_intent(why, event);
            break;
        case MRI_EVENT_ORDER_FILLED:
            put_fill(why, event);
            break;
        case MRI_EVENT_POSITION_CLOSED:
            put_closed(why, event);
            break;
        case MRI_EVENT_ORDER_REJECTED:
            put_fact(why, event, "rejected");
            break;
        case MRI_EVENT_ORDER_CANCELLED:
            put_fact(why, event, "cancelled");
            break;
        case MRI_EVENT_ORDER_REPORT:
            put_report(why, event);
            break;
        case MRI_EVENT_ORDER_DISPUTED:
            put_dispute(why, event);
            break;
        default:
            break;
        }
    }
}

static void put_outcomes(struct why *why)
{
    struct mri_table table;
    uint32_t from = 0;
    const struct mri_event *event = find(why, MRI_EVENT_OUTCOME, &from);
    if (event == NULL) {
        mri_buf_text(&why->text, "outcomes    none yet\n");
        return;
    }
    mri_buf_text(&why->text, "outcomes    in the signal's side\n");
    mri_table_init(&table, why->cli->alloc, "lrlll");
    for (; event != NULL; event = find(why, MRI_EVENT_OUTCOME, &from)) {
        const struct mri_outcome *outcome = event->body;
        char price[MRI_FIXED_TEXT_BYTES];
        char time[MRI_UTC_BYTES];
        bool has_price = outcome->status != MRI_OUTCOME_UNRESOLVED;
        double bps = why->slot->side == MR_SHORT ? -outcome->return_bps : outcome->return_bps;
        mri_table_cell(&table, "%s", word(MRI_VOCABULARY_horizon, outcome->horizon));
        if (has_price) {
            mri_table_cell(&table, "%+.2f bps", bps);
            mri_table_cell(&table, "%s at %s",
                mri_names_price(&why->names, outcome->instrument, outcome->price, price),
                mri_utc_format(outcome->price_time_unix_ns, time));
        } else {
            mri_table_cell(&table, "-");
            mri_table_cell(&table, "%s", "");
        }
        mri_table_cell(&table, "%s%s%s", word(MRI_VOCABULARY_outcome_status, outcome->status),
            outcome->reason == MRI_REASON_NONE ? "" : ": ",
            outcome->reason == MRI_REASON_NONE ? "" : word(MRI_VOCABULARY_reason, outcome->reason));
        mri_table_cell(&table, "event %llu", u(event->seq));
    }
    mri_table_print(&table, 12, &why->text);
    mri_table_fini(&table);
}

static void put_feedback(struct why *why)
{
    struct mri_table table;
    uint32_t from = 0;
    const struct mri_event *event = find(why, MRI_EVENT_FEEDBACK, &from);
    const struct mri_event *view = first(why, MRI_EVENT_VIEW);
    if (event == NULL) {
        bool is_step = view != NULL && ((const struct mri_view *)view->body)->kind == MRI_VIEW_STEP;
        mri_buf_text(&why->text, is_step ? "feedback    none yet\n"
                                         : "feedback    none: weights learn from step views only; "
                                           "its outcomes count in its source's record\n");
        return;
    }
    mri_buf_text(&why->text, "feedback    what its view taught\n");
    mri_table_init(&table, why->cli->alloc, "llrrrl");
    for (; event != NULL; event = find(why, MRI_EVENT_FEEDBACK, &from)) {
        const struct mri_feedback *feedback = event->body;
        unsigned count;
        const struct mri_row_cell *cells = mri_event_rows(event, 0, &count);
        mri_table_cell(&table, "%s", word(MRI_VOCABULARY_horizon, feedback->horizon));
        mri_table_cell(&table, "%s", word(MRI_VOCABULARY_feedback_status, feedback->status));
        mri_table_cell(&table, "prob up %.4f", feedback->prob_before);
        mri_table_cell(&table, "market %+.2f bps", feedback->return_bps);
        mri_table_cell(&table, "weight %.4f", feedback->weight);
        if (count > 0) {
            struct mri_slice source = mri_intern_text(&why->fold->bus.sources, cells[0].source);
            mri_table_cell(&table, "event %llu: %.*s %s now %+.4f%s", u(event->seq),
                (int)source.count, source.bytes, word(MRI_VOCABULARY_side, cells[0].side),
                cells[0].mean_global, count > 1 ? ", and others" : "");
        } else {
            mri_table_cell(&table, "event %llu", u(event->seq));
        }
    }
    mri_table_print(&table, 12, &why->text);
    mri_table_fini(&table);
}

/** What others have learned from it. */
static void put_annotations(struct why *why)
{
    uint32_t from = 0;
    const struct mri_event *event;
    while ((event = find(why, MRI_EVENT_SIGNAL_ANNOTATED, &from)) != NULL) {
        const struct mri_signal_annotated *body = event->body;
        struct mri_slice lesson = mri_event_text(event, MRI_TEXT_signal_annotated_lesson);
        mri_buf_text(&why->text, "said by     ");
        mri_text_word(&why->text, mri_event_text(event, MRI_TEXT_signal_annotated_source));
        if (body->judgement != MRI_JUDGEMENT_NONE) {
            mri_buf_printf(&why->text, ": %s", word(MRI_VOCABULARY_judgement, body->judgement));
        }
        if ((body->present & MRI_HAS_RETURN) != 0) {
            mri_buf_printf(&why->text, ", %+.2f bps", body->return_bps);
        }
        if (lesson.count > 0) {
            mri_buf_text(&why->text, ": ");
            mri_text_quote(&why->text, lesson);
        }
        mri_buf_printf(
            &why->text, " (event %llu; kept, learned from outcomes alone)\n", u(event->seq));
    }
}

static void put_moves(struct why *why)
{
    uint32_t from = 0;
    const struct mri_event *event;
    mri_buf_text(&why->text, "moves       generated");
    while ((event = find(why, MRI_EVENT_SIGNAL_MOVED, &from)) != NULL) {
        const struct mri_signal_moved *move = event->body;
        mri_buf_printf(&why->text, " -> %s (%s: %s, event %llu)",
            word(MRI_VOCABULARY_state, move->to), word(MRI_VOCABULARY_actor, move->actor),
            word(MRI_VOCABULARY_reason, move->reason), u(event->seq));
    }
    mri_buf_text(&why->text, "\n");
    if (why->story.is_cut) {
        mri_buf_text(&why->text, "            the story is longer; `show` has more\n");
    }
}

static void put_text(struct why *why)
{
    const struct mri_event *generated = first(why, MRI_EVENT_SIGNAL_GENERATED);
    if (generated != NULL) {
        put_head(why, generated);
    }
    put_state(why);
    put_owners(why);
    put_view(why);
    put_prediction(why);
    put_decision(why);
    put_trading(why);
    put_shadow(why);
    put_outcomes(why);
    put_feedback(why);
    put_annotations(why);
    put_moves(why);
}

static void put_route(struct why *why, struct mri_json_writer *json)
{
    const struct mri_event *generated = first(why, MRI_EVENT_SIGNAL_GENERATED);
    struct mri_route route;
    char text[MRI_ROUTE_TEXT_BYTES];
    bool is_known =
        generated != NULL &&
        mri_claim_text_route(why->fold, generated->seq,
            mri_event_text(generated, MRI_TEXT_signal_generated_source), &route, NULL) == MR_OK;
    mri_json_write_key(json, "route");
    if (is_known) {
        mri_json_write_text(json, mri_slice_of(mri_route_format(&route, text)));
    } else {
        mri_json_write_null(json);
    }
}

static void put_json(struct why *why)
{
    struct mri_json_writer json;
    char id[MRI_IDENT_BYTES];
    mri_json_write_begin(&json, &why->text);
    mri_json_write_object_open(&json);
    mri_json_put_text(&json, "id", mri_names_signal(&why->names, why->ordinal, id));
    mri_json_put_text(&json, "symbol", mri_names_symbol(&why->names, why->slot->symbol));
    mri_json_put_text(&json, "side", word(MRI_VOCABULARY_side, why->slot->side));
    mri_json_put_text(&json, "state", word(MRI_VOCABULARY_state, why->slot->state));
    mri_json_put_text(&json, "gate", word(MRI_VOCABULARY_gate, why->slot->gate));
    mri_json_put_text(&json, "reason", word(MRI_VOCABULARY_reason, why->slot->reason));
    mri_json_put_bool(&json, "simulated", why->fold->wiring.is_simulated_market);
    put_route(why, &json);
    const struct mri_claim *claim = mri_claims_find(&why->fold->bus.claims, why->ordinal);
    mri_json_write_key(&json, "claimed_by");
    if (claim != NULL && claim->seq != 0) {
        mri_json_write_text(&json, mri_slice_of(claim->owner));
    } else {
        mri_json_write_null(&json);
    }
    mri_json_write_key(&json, "events");
    mri_json_write_array_open(&json);
    for (uint32_t i = 0; i < why->story.count; i++) {
        struct mri_buf event;
        mri_buf_init(&event, why->cli->alloc, WHY_BYTES_MAX);
        mri_describe_json(&why->names, &why->story.events[i], &event);
        mri_json_write_raw(&json, (struct mri_slice){(const char *)event.bytes, event.count});
        mri_buf_fini(&event);
    }
    mri_json_write_array_close(&json);
    mri_json_write_object_close(&json);
    mri_buf_text(&why->text, "\n");
}

static enum mri_exit tell(struct why *why)
{
    mr_problem problem = {""};
    mr_err err = mri_explain_signal(why->fold, why->ordinal, &why->story, &problem);
    if (err != MR_OK) {
        return mri_opened_fail(why->cli, err, &problem);
    }
    mri_buf_init(&why->text, why->cli->alloc, WHY_BYTES_MAX);
    if (why->cli->is_json) {
        put_json(why);
    } else {
        put_text(why);
    }
    enum mri_exit exit = mri_cli_print(why->cli, &why->text);
    mri_buf_fini(&why->text);
    mri_explain_fini(&why->story);
    return exit;
}

static enum mri_exit cmd_why(struct mri_cli *cli)
{
    struct mri_opened *opened;
    enum mri_exit exit = mri_opened_open(cli, &opened);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    uint32_t ordinal = mri_opened_signal(cli, opened, cli->options->arguments[0]);
    if (ordinal == 0) {
        return mri_opened_close(cli, opened, MRI_EXIT_NO);
    }
    struct why why = {
        .cli = cli,
        .fold = &opened->fold,
        .names = mri_names_of(&opened->fold),
        .slot = mri_slots_get(&opened->fold.bus.slots, ordinal),
        .ordinal = ordinal,
    };
    exit = tell(&why);
    return mri_opened_close(cli, opened, exit);
}

static const struct mri_option options[] = {MRI_OPTION_DIR, MRI_OPTION_JSON};

const struct mri_command mri_cmd_why = {
    .name = "why",
    .summary = "tell one signal's whole story",
    .arguments = "ID",
    .about =
        "What it was, on which evidence it was judged, each gate as `name value vs threshold ->\n"
        "verdict`, orders, fills, exits, the outcome at each horizon, and the feedback it caused.\n"
        "ID is a signal's id, or its number.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .arguments_min = 1,
    .arguments_max = 1,
    .needs_folder = true,
    .run = cmd_why,
};
