/* SPDX-License-Identifier: MIT */
/*
 * Counting events.
 *
 * Invariants
 *  1. Counts are over the whole log, not over a run: a resumed run reports what an uninterrupted
 *     one would have.
 *  2. Every byte of every event is in exactly one class of bytes.
 *  3. Codes in events are in their vocabularies, since the codec refuses others; so each has a
 * place in the arrays below.
 */
#include "pipeline/report.h"

#include <string.h>

#include "base/fixed.h"
#include "base/intern.h"
#include "log/format/record.h"

#define HAS_PLACE(code, places)                    MRI_STATIC_ASSERT((code) < (places), "each code has a place");
#define GATE_HAS_PLACE(name, value, text, unit)    HAS_PLACE(value, MRI_REPORT_GATES)
#define REASON_HAS_PLACE(name, value, text, about) HAS_PLACE(value, MRI_REPORT_REASONS)
#define LEG_HAS_PLACE(name, value, text)           HAS_PLACE(value, MRI_REPORT_LEGS)
#define FEEDBACK_HAS_PLACE(name, value, text)      HAS_PLACE(value, MRI_REPORT_FEEDBACKS)
#define CLAIM_HAS_PLACE(name, value, text)         HAS_PLACE(value, MRI_REPORT_CLAIMS)
MRI_GATE_MAP(GATE_HAS_PLACE)
MRI_CLAIM_ACT_MAP(CLAIM_HAS_PLACE)
MRI_REASON_MAP(REASON_HAS_PLACE)
MRI_LEG_MAP(LEG_HAS_PLACE)
MRI_FEEDBACK_STATUS_MAP(FEEDBACK_HAS_PLACE)

mr_err mri_report_init(struct mri_report *report, const struct mri_alloc *alloc,
    const struct mri_intern *source_names, uint32_t sources_max)
{
    *report = (struct mri_report){
        .alloc = alloc, .source_names = source_names, .sources_max = sources_max};
    void *block;
    mr_err err = mri_alloc_array(alloc, sources_max, sizeof(*report->signals_by_source), &block);
    if (err == MR_OK) {
        report->signals_by_source = block;
    }
    return err;
}

void mri_report_fini(struct mri_report *report)
{
    if (report != NULL && report->alloc != NULL) {
        mri_alloc_free(report->alloc, report->signals_by_source,
            report->sources_max * sizeof(*report->signals_by_source));
        *report = (struct mri_report){0};
    }
}

struct mri_report_outcomes mri_report_all_outcomes(const struct mri_report *report)
{
    struct mri_report_outcomes all = {0};
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        const struct mri_report_outcomes *one = &report->outcomes[h];
        all.resolved += one->resolved;
        all.excluded += one->excluded;
        all.unresolved += one->unresolved;
        all.lateness_sum_ns += one->lateness_sum_ns;
        if (one->lateness_max_ns > all.lateness_max_ns) {
            all.lateness_max_ns = one->lateness_max_ns;
        }
    }
    return all;
}

double mri_report_bytes_per_lifecycle(const struct mri_report *report)
{
    if (report->signals == 0) {
        return 0.0;
    }
    return (double)(report->bytes.signal + report->bytes.view) / (double)report->signals;
}

static void note_time(struct mri_report *report, int64_t time_unix_ns)
{
    if (report->first_event_unix_ns == 0) {
        report->first_event_unix_ns = time_unix_ns;
    }
    if (time_unix_ns > report->last_event_unix_ns) {
        report->last_event_unix_ns = time_unix_ns;
    }
}

/** Does the view that an event refers to have signals? */
static bool has_signals(const struct mri_report *report, const struct mri_event *event)
{
    switch (event->type) {
    case MRI_EVENT_VIEW:
        return ((const struct mri_view *)event->body)->signal_count > 0;
    case MRI_EVENT_PREDICTION: {
        const struct mri_prediction *prediction = event->body;
        return mri_ref_seq(prediction->view, event->seq) == report->last_view_seq &&
               report->last_view_signals > 0;
    }
    default:
        return ((const struct mri_feedback *)event->body)->signal_count > 0;
    }
}

static void count_bytes(struct mri_report *report, const struct mri_event *event)
{
    uint64_t bytes = mri_record_stride(sizeof(struct mri_record_head) + event->body_bytes);
    struct mri_report_bytes *sums = &report->bytes;
    if (event->ordinal != 0) {
        sums->signal += bytes;
        return;
    }
    switch (event->type) {
    case MRI_EVENT_VIEW:
    case MRI_EVENT_PREDICTION:
    case MRI_EVENT_FEEDBACK:
        *(has_signals(report, event) ? &sums->view : &sums->idle_view) += bytes;
        break;
    case MRI_EVENT_CANDLE:
    case MRI_EVENT_QUOTE:
    case MRI_EVENT_FUNDING:
    case MRI_EVENT_MARKET_GAP:
    case MRI_EVENT_QUARANTINED:
    case MRI_EVENT_INSTRUMENT:
    case MRI_EVENT_TICK:
        sums->market += bytes;
        break;
    default:
        sums->other += bytes;
        break;
    }
}

static void count_generated(struct mri_report *report, const struct mri_event *event)
{
    const struct mri_signal_generated *signal = event->body;
    uint32_t source;
    struct mri_slice name = mri_event_text(event, MRI_TEXT_signal_generated_source);
    report->signals++;
    report->signals_by_side[signal->side == MR_SHORT]++;
    report->last_signal_unix_ns = signal->event_time_unix_ns;
    if (signal->event_time_unix_ns > report->last_event_unix_ns) {
        report->quarantined_since_candle = 0; /* a feed's signal may stand where no bar does */
    }
    if (signal->cause == 0) {
        report->is_feed_ended = 0;
    }
    if (mri_intern_find(report->source_names, name, &source) == MR_OK &&
        source < report->sources_max) {
        report->signals_by_source[source]++;
    }
    note_time(report, signal->event_time_unix_ns);
}

static void count_moved(struct mri_report *report, const struct mri_event *event)
{
    const struct mri_signal_moved *move = event->body;
    if (move->to == MR_BLOCKED) {
        report->blocked_by_gate[move->gate]++;
        report->blocked_by_reason[move->reason]++;
    }
    report->approved += move->to == MR_APPROVED;
}

static void count_outcome(struct mri_report *report, const struct mri_event *event)
{
    const struct mri_outcome *outcome = event->body;
    struct mri_report_outcomes *sums = &report->outcomes[outcome->horizon];
    int64_t lateness = outcome->due_unix_ns - outcome->price_time_unix_ns;
    report->last_outcome_unix_ns = report->last_event_unix_ns;
    switch (outcome->status) {
    case MRI_OUTCOME_RESOLVED:
        sums->resolved++;
        sums->lateness_sum_ns += lateness;
        if (lateness > sums->lateness_max_ns) {
            sums->lateness_max_ns = lateness;
        }
        break;
    case MRI_OUTCOME_EXCLUDED:
        sums->excluded++;
        break;
    default:
        sums->unresolved++;
        break;
    }
}

static void count_trade(struct mri_report *report, const struct mri_event *event)
{
    if (event->type == MRI_EVENT_ORDER_FILLED) {
        const struct mri_order_filled *fill = event->body;
        report->fills_by_leg[fill->leg]++;
        report->last_fill_unix_ns = fill->event_time_unix_ns;
        if (fill->leg == MRI_LEG_ENTRY) {
            report->entries_by_side[fill->side == MR_SHORT]++;
        }
    } else if (event->type == MRI_EVENT_POSITION_OPENED) {
        report->opened++;
    } else if (event->type == MRI_EVENT_POSITION_CLOSED) {
        unsigned reason = ((const struct mri_position_closed *)event->body)->reason;
        report->closed++;
        report->exits_by_reason[reason == MRI_REASON_STOP     ? 0
                                : reason == MRI_REASON_TARGET ? 1
                                                              : 2]++;
    } else {
        report->rejected += event->type == MRI_EVENT_ORDER_REJECTED;
    }
}

static void count_shadow(struct mri_report *report, const struct mri_event *event)
{
    const struct mri_shadow_closed *closed = event->body;
    bool is_passed_beside = closed->advisory != 0 && closed->gate == MRI_GATE_NONE;
    struct mri_report_shadows *sums =
        is_passed_beside ? &report->advisory_shadows : &report->shadows[closed->gate];
    if (closed->exit_price == 0) {
        sums->unresolved++;
        return;
    }
    int64_t *sum = closed->net_e8 < 0 ? &sums->saved_e8 : &sums->missed_e8;
    int64_t amount = closed->net_e8 < 0 ? -closed->net_e8 : closed->net_e8;
    sums->closed++;
    if (mri_fixed_add(*sum, amount, sum) != MR_OK) {
        *sum = INT64_MAX; /* a count, not a book: it stays at the most there is */
    }
}

static void count_view(struct mri_report *report, const struct mri_event *event)
{
    const struct mri_view *view = event->body;
    report->views++;
    report->step_views += view->kind == MRI_VIEW_STEP;
    report->last_view_seq = event->seq;
    report->last_view_signals = view->signal_count;
}

static void count_feedback(struct mri_report *report, const struct mri_event *event)
{
    const struct mri_feedback *feedback = event->body;
    report->feedback++;
    report->feedback_by_status[feedback->status]++;
    report->last_feedback_unix_ns = report->last_event_unix_ns;
}

static void count_market(struct mri_report *report, const struct mri_event *event)
{
    switch (event->type) {
    case MRI_EVENT_CANDLE:
        report->candles++;
        report->quarantined_since_candle = 0;
        report->is_feed_ended = 0;
        note_time(report, ((const struct mri_candle *)event->body)->close_time_unix_ns);
        break;
    case MRI_EVENT_QUOTE:
        report->quotes++;
        report->is_feed_ended = 0;
        note_time(report, ((const struct mri_quote *)event->body)->event_time_unix_ns);
        break;
    case MRI_EVENT_FUNDING:
        report->fundings++;
        note_time(report, ((const struct mri_funding *)event->body)->event_time_unix_ns);
        break;
    case MRI_EVENT_MARKET_GAP:
        report->gaps++;
        report->missing_bars += ((const struct mri_market_gap *)event->body)->missing_bars;
        break;
    case MRI_EVENT_QUARANTINED:
        report->quarantined++;
        report->quarantined_since_candle++;
        report->quarantined_by_reason[((const struct mri_quarantined *)event->body)->reason]++;
        break;
    case MRI_EVENT_TICK: {
        const struct mri_tick *tick = event->body;
        report->is_feed_ended = tick->reason == MRI_REASON_FEED_ENDED;
        note_time(report, tick->event_time_unix_ns);
        break;
    }
    default:
        break;
    }
}

static void count_session(struct mri_report *report, const struct mri_session *session)
{
    report->sessions += session->kind == MRI_SESSION_START;
    report->is_session_open = session->kind == MRI_SESSION_START;
}

static mr_err apply(void *state, const struct mri_event *event)
{
    struct mri_report *report = state;
    report->events++;
    switch (event->type) {
    case MRI_EVENT_SIGNAL_GENERATED:
        count_generated(report, event);
        break;
    case MRI_EVENT_SIGNAL_MOVED:
        count_moved(report, event);
        break;
    case MRI_EVENT_DECISION:
        report->decisions++;
        report->advisory += ((const struct mri_decision *)event->body)->advisory != 0;
        report->last_decision_unix_ns = report->last_event_unix_ns;
        break;
    case MRI_EVENT_OUTCOME:
        count_outcome(report, event);
        break;
    case MRI_EVENT_VIEW:
        count_view(report, event);
        break;
    case MRI_EVENT_FEEDBACK:
        count_feedback(report, event);
        break;
    case MRI_EVENT_ORDER_FILLED:
    case MRI_EVENT_ORDER_REJECTED:
    case MRI_EVENT_POSITION_OPENED:
    case MRI_EVENT_POSITION_CLOSED:
        count_trade(report, event);
        break;
    case MRI_EVENT_SHADOW_CLOSED:
        count_shadow(report, event);
        break;
    case MRI_EVENT_SIGNAL_CLAIMED:
        report->claims_by_act[((const struct mri_signal_claimed *)event->body)->act]++;
        break;
    case MRI_EVENT_SUPERSEDED:
        report->superseded++;
        break;
    case MRI_EVENT_SESSION:
        count_session(report, event->body);
        break;
    case MRI_EVENT_CONFIG:
        report->configs++;
        break;
    case MRI_EVENT_ALERT:
        report->alerts++;
        break;
    default:
        count_market(report, event);
        break;
    }
    count_bytes(report, event);
    return MR_OK;
}

static mr_err decide(const void *state, const struct mri_event *input, struct mri_batch *batch)
{
    (void)state;
    (void)input;
    (void)batch;
    return MR_OK;
}

/** The plain numbers: everything behind the pointers. */
enum { NUMBERS_AT = offsetof(struct mri_report, events) };

static void save(const void *state, struct mri_buf *buf)
{
    const struct mri_report *report = state;
    uint64_t *const *by_source = &report->signals_by_source;
    struct mri_report plain = *report;
    plain.signals_by_source = NULL; /* a pointer is no state */
    mri_buf_put(buf, (const uint8_t *)&plain + NUMBERS_AT, sizeof(plain) - NUMBERS_AT);
    mri_buf_put(buf, *by_source, report->sources_max * sizeof(**by_source));
}

static mr_err load(void *state, struct mri_unpack *unpack)
{
    struct mri_report *report = state;
    uint64_t *by_source = report->signals_by_source;
    mri_unpack_take(unpack, (uint8_t *)report + NUMBERS_AT, sizeof(*report) - NUMBERS_AT);
    report->signals_by_source = by_source;
    mri_unpack_take(unpack, by_source, report->sources_max * sizeof(*by_source));
    return unpack->err;
}

const struct mri_engine mri_report_engine = {
    .name = "report", .decide = decide, .apply = apply, .save = save, .load = load};
