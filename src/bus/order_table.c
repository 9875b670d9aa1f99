/* SPDX-License-Identifier: MIT */
/*
 * The table of orders of executors outside.
 *
 *   order.intent (EXTERNAL) ──> intent ── order.report ──> ... ──> filled | rejected | cancelled
 *                                 ^                                          │
 *                                 └──── the next order of an exit's leg ─────┘
 *
 * Invariants
 *  1. A leg has at most one order that lives. So there is never a second order for what an executor
 *     may have done already, whatever the engines decide.
 *  2. `due` of an order that lives and was not told is the time of its newest report or intent;
 *     of every other one it is never.
 */
#include "bus/order_table.h"

#include <string.h>

#include "base/hash.h"

MRI_STATIC_ASSERT(sizeof(struct mri_table_order) % 8 == 0, "an item of a queue");
MRI_STATIC_ASSERT(MRI_LEG_COUNT == 4, "two bits of a place");

void mri_order_table_init(struct mri_order_table *table, const struct mri_alloc *alloc)
{
    *table = (struct mri_order_table){.intents = 0};
    mri_due_queue_init(&table->queue, alloc, sizeof(struct mri_table_order));
}

void mri_order_table_fini(struct mri_order_table *table)
{
    if (table != NULL) {
        mri_due_queue_fini(&table->queue);
        *table = (struct mri_order_table){.intents = 0};
    }
}

mr_err mri_order_table_reserve(struct mri_order_table *table, uint32_t more)
{
    return mri_due_queue_reserve(&table->queue, more);
}

/** Where the order of a leg is; ordinals are below 2^28. */
static uint32_t place_of(uint32_t ordinal, unsigned leg)
{
    return ordinal * MRI_LEG_COUNT + leg;
}

static struct mri_table_order *find(
    const struct mri_order_table *table, uint32_t ordinal, unsigned leg)
{
    bool is_place = ordinal != 0 && ordinal < UINT32_MAX / MRI_LEG_COUNT && leg < MRI_LEG_COUNT;
    return is_place ? mri_due_queue_find(&table->queue, place_of(ordinal, leg)) : NULL;
}

const struct mri_table_order *mri_order_table_find(
    const struct mri_order_table *table, uint32_t ordinal, unsigned leg)
{
    return find(table, ordinal, leg);
}

const struct mri_table_order *mri_order_table_at(
    const struct mri_order_table *table, uint32_t index, uint32_t *ret_ordinal, unsigned *ret_leg)
{
    int64_t due;
    uint32_t place = mri_due_queue_at(&table->queue, index, &due);
    *ret_ordinal = place / MRI_LEG_COUNT;
    *ret_leg = place % MRI_LEG_COUNT;
    return mri_due_queue_find(&table->queue, place);
}

int64_t mri_order_table_since(const struct mri_table_order *order)
{
    return order->report_seq != 0 ? order->report_unix_ns : order->intent_unix_ns;
}

/* ---- checks ---------------------------------------------------------------------------------- */

static uint64_t hash_of_text(struct mri_slice text)
{
    return text.count == 0 ? 0 : mri_hash(text.bytes, text.count) | 1;
}

static uint64_t hash_of_fill(const struct mri_order_claim *claim)
{
    const int64_t numbers[] = {
        claim->quantity, claim->price, claim->fee_e8, claim->venue_time_unix_ns};
    return mri_hash(numbers, sizeof(numbers)) | 1;
}

/** A fill, of an order that is this one. */
static enum mri_reason check_fill(
    const struct mri_table_order *order, const struct mri_order_claim *claim, bool *ret_is_repeated)
{
    if (order->state == MRI_ORDER_REJECTED || order->state == MRI_ORDER_CANCELLED) {
        return MRI_REASON_ORDER_OVER;
    }
    if (order->state == MRI_ORDER_FILLED) {
        *ret_is_repeated = order->fill_hash == hash_of_fill(claim);
        return *ret_is_repeated ? MRI_REASON_NONE : MRI_REASON_FILL_DIFFERS;
    }
    return claim->quantity == order->quantity ? MRI_REASON_NONE : MRI_REASON_QUANTITY_DIFFERS;
}

/** Has an order in this state been there, or lost sight of again? */
static bool is_passed(enum mri_order_state state, enum mri_report_status status)
{
    switch (status) {
    case MRI_REPORT_SENT:
        return state != MRI_ORDER_INTENT;
    case MRI_REPORT_ACCEPTED:
        return state == MRI_ORDER_ACCEPTED || state == MRI_ORDER_FILLED ||
               state == MRI_ORDER_CANCELLED;
    case MRI_REPORT_UNKNOWN:
        return state == MRI_ORDER_IN_DOUBT || !mri_order_is_live(state);
    default:
        return state == mri_order_state_reported(status);
    }
}

/** An order of this leg that came before the one that the table has: it ended without a fill. */
static enum mri_reason check_earlier(enum mri_report_status status, bool *ret_is_repeated)
{
    *ret_is_repeated = status != MRI_REPORT_FILLED;
    return *ret_is_repeated ? MRI_REASON_NONE : MRI_REASON_ORDER_OVER;
}

enum mri_reason mri_order_table_check(
    const struct mri_order_table *table, const struct mri_order_claim *claim, bool *ret_is_repeated)
{
    const struct mri_table_order *order = find(table, claim->ordinal, claim->leg);
    *ret_is_repeated = false;
    if (order == NULL || claim->attempt > order->attempt) {
        return MRI_REASON_ORDER_UNKNOWN;
    }
    if (claim->instrument != UINT32_MAX && claim->instrument != order->instrument) {
        return MRI_REASON_SYMBOL_DIFFERS;
    }
    if (claim->side != 0 && claim->side != order->side) {
        return MRI_REASON_SIDE_DIFFERS;
    }
    if (claim->attempt < order->attempt) {
        return check_earlier(claim->status, ret_is_repeated);
    }
    uint64_t venue_id = hash_of_text(claim->venue_order_id);
    if (venue_id != 0 && order->venue_id_hash != 0 && venue_id != order->venue_id_hash) {
        return MRI_REASON_VENUE_ORDER_DIFFERS;
    }
    if (claim->status == MRI_REPORT_FILLED) {
        return check_fill(order, claim, ret_is_repeated);
    }
    enum mri_order_state state = (enum mri_order_state)order->state;
    if (is_passed(state, claim->status)) {
        *ret_is_repeated = true;
        return MRI_REASON_NONE;
    }
    if (!mri_order_is_live(state)) {
        return MRI_REASON_ORDER_OVER;
    }
    return mri_order_is_reportable(state, mri_order_state_reported(claim->status))
               ? MRI_REASON_NONE
               : MRI_REASON_ORDER_STEP;
}

static struct mri_order_claim claim_of(
    const struct mri_table_order *order, const struct mri_event *event)
{
    const struct mri_order_report *report = event->body;
    return (struct mri_order_claim){
        .ordinal = event->ordinal,
        .leg = report->leg,
        .attempt = order->attempt,
        .status = (enum mri_report_status)report->status,
        .instrument = report->instrument,
        .side = report->side,
        .quantity = report->quantity,
        .price = report->price,
        .fee_e8 = report->fee_e8,
        .venue_time_unix_ns = report->venue_time_unix_ns,
        .venue_order_id = mri_event_text(event, MRI_TEXT_order_report_venue_order_id),
    };
}

bool mri_order_table_is_outside(const struct mri_event *event)
{
    return event->type == MRI_EVENT_ORDER_INTENT &&
           ((const struct mri_order_intent *)event->body)->venue_mode == MRI_VENUE_EXTERNAL;
}

mr_err mri_order_table_fits(const struct mri_order_table *table, const struct mri_event *event)
{
    if (mri_order_table_is_outside(event)) {
        const struct mri_order_intent *intent = event->body;
        const struct mri_table_order *order = find(table, event->ordinal, intent->leg);
        bool is_next =
            order == NULL ||
            (intent->leg != MRI_LEG_ENTRY &&
                (order->state == MRI_ORDER_REJECTED || order->state == MRI_ORDER_CANCELLED) &&
                order->attempt < MRI_ORDER_ATTEMPT_MAX);
        return event->ordinal != 0 && is_next ? MR_OK : MR_REFUSED;
    }
    if (event->type != MRI_EVENT_ORDER_REPORT) {
        return MR_OK;
    }
    const struct mri_order_report *report = event->body;
    const struct mri_table_order *order = find(table, event->ordinal, report->leg);
    bool is_repeated = false;
    if (order == NULL || order->intent_seq != mri_ref_seq(report->intent, event->seq)) {
        return MR_REFUSED;
    }
    const struct mri_order_claim claim = claim_of(order, event);
    return mri_order_table_check(table, &claim, &is_repeated) == MRI_REASON_NONE && !is_repeated
               ? MR_OK
               : MR_REFUSED;
}

/* ---- events ---------------------------------------------------------------------------------- */

static void take_intent(
    struct mri_order_table *table, const struct mri_event *event, int64_t time_unix_ns)
{
    const struct mri_order_intent *intent = event->body;
    uint32_t place = place_of(event->ordinal, intent->leg);
    struct mri_table_order *order = mri_due_queue_find(&table->queue, place);
    unsigned attempt = order == NULL ? 0 : order->attempt + 1u;
    if (order == NULL) {
        order = mri_due_queue_add(&table->queue, place, time_unix_ns);
    } else {
        mri_due_queue_set(&table->queue, place, time_unix_ns);
    }
    *order = (struct mri_table_order){
        .intent_seq = event->seq,
        .quantity = intent->quantity,
        .reference_price = intent->reference_price,
        .intent_unix_ns = time_unix_ns,
        .instrument = intent->instrument,
        .attempt = (uint8_t)attempt,
        .side = intent->side,
        .type = intent->order_type,
        .state = MRI_ORDER_INTENT,
    };
    table->intents++;
    table->live_count++;
}

static void take_report(struct mri_order_table *table, const struct mri_event *event)
{
    const struct mri_order_report *report = event->body;
    struct mri_table_order *order = find(table, event->ordinal, report->leg);
    const struct mri_order_claim claim = claim_of(order, event);
    enum mri_order_state state = mri_order_state_reported(claim.status);
    bool is_live = mri_order_is_live(state);
    table->in_doubt_count -= order->state == MRI_ORDER_IN_DOUBT;
    table->in_doubt_count += state == MRI_ORDER_IN_DOUBT;
    table->live_count -= !is_live;
    table->told_count -= order->is_told;
    table->reports++;
    order->is_told = 0;
    order->state = (uint8_t)state;
    order->report_seq = event->seq;
    order->report_unix_ns = report->event_time_unix_ns;
    if (claim.venue_order_id.count > 0) {
        order->venue_id_hash = hash_of_text(claim.venue_order_id);
    }
    if (state == MRI_ORDER_FILLED) {
        order->fill_hash = hash_of_fill(&claim);
    }
    mri_due_queue_set(&table->queue, place_of(event->ordinal, report->leg),
        is_live ? report->event_time_unix_ns : MRI_DUE_NEVER);
}

static void take_dispute(struct mri_order_table *table, const struct mri_event *event)
{
    const struct mri_order_disputed *dispute = event->body;
    table->disputes++;
    table->dispute_hash =
        mri_order_table_dispute_hash(mri_event_text(event, MRI_TEXT_order_disputed_order_id),
            (enum mri_report_status)dispute->status,
            mri_event_text(event, MRI_TEXT_order_disputed_message));
}

/** The alert names the order by its intent. */
static void take_alert(struct mri_order_table *table, const struct mri_event *event)
{
    const struct mri_alert *alert = event->body;
    uint64_t intent_seq = mri_ref_seq(alert->about, event->seq);
    for (unsigned leg = 0; alert->reason == MRI_REASON_ORDER_STUCK && leg < MRI_LEG_COUNT; leg++) {
        struct mri_table_order *order = find(table, event->ordinal, leg);
        bool is_this = order != NULL && order->intent_seq == intent_seq && order->is_told == 0 &&
                       mri_order_is_live((enum mri_order_state)order->state);
        if (is_this) {
            order->is_told = 1;
            table->told_count++;
            mri_due_queue_set(&table->queue, place_of(event->ordinal, leg), MRI_DUE_NEVER);
        }
    }
}

void mri_order_table_take(
    struct mri_order_table *table, const struct mri_event *event, int64_t time_unix_ns)
{
    if (mri_order_table_is_outside(event)) {
        take_intent(table, event, time_unix_ns);
    } else if (event->type == MRI_EVENT_ORDER_REPORT) {
        take_report(table, event);
    } else if (event->type == MRI_EVENT_ORDER_DISPUTED) {
        take_dispute(table, event);
    } else if (event->type == MRI_EVENT_ALERT) {
        take_alert(table, event);
    }
}

const struct mri_table_order *mri_order_table_stuck(const struct mri_order_table *table,
    int64_t before_unix_ns, uint32_t *ret_ordinal, unsigned *ret_leg)
{
    int64_t since;
    uint32_t place = mri_due_queue_first(&table->queue, &since);
    if (place == 0 || since >= before_unix_ns) {
        return NULL;
    }
    *ret_ordinal = place / MRI_LEG_COUNT;
    *ret_leg = place % MRI_LEG_COUNT;
    return mri_due_queue_find(&table->queue, place);
}

uint64_t mri_order_table_dispute_hash(
    struct mri_slice order_id, enum mri_report_status status, struct mri_slice message)
{
    const uint64_t parts[] = {mri_hash(order_id.bytes, order_id.count), (uint64_t)status,
        mri_hash(message.bytes, message.count)};
    return mri_hash(parts, sizeof(parts)) | 1;
}

/* ---- snapshots ------------------------------------------------------------------------------- */

/** What stands before the orders. */
struct saved_counts {
    uint64_t intents;
    uint64_t reports;
    uint64_t disputes;
    uint64_t dispute_hash;
};

void mri_order_table_save(const struct mri_order_table *table, struct mri_buf *buf)
{
    const struct saved_counts counts = {.intents = table->intents,
        .reports = table->reports,
        .disputes = table->disputes,
        .dispute_hash = table->dispute_hash};
    mri_buf_put(buf, &counts, sizeof(counts));
    mri_due_queue_save(&table->queue, buf);
}

mr_err mri_order_table_load(struct mri_order_table *table, struct mri_unpack *unpack)
{
    struct saved_counts counts;
    mri_unpack_take(unpack, &counts, sizeof(counts));
    mr_err err = unpack->err == MR_OK ? mri_due_queue_load(&table->queue, unpack) : unpack->err;
    for (uint32_t i = 0; err == MR_OK && i < table->queue.count; i++) {
        uint32_t ordinal;
        unsigned leg;
        const struct mri_table_order *order = mri_order_table_at(table, i, &ordinal, &leg);
        bool is_live = mri_order_is_live((enum mri_order_state)order->state);
        bool is_good = ordinal != 0 && order->state != MRI_ORDER_NONE &&
                       order->state < MRI_ORDER_STATE_COUNT && order->is_told <= is_live;
        err = is_good ? MR_OK : MR_ECORRUPT;
        table->live_count += is_live;
        table->in_doubt_count += order->state == MRI_ORDER_IN_DOUBT;
        table->told_count += order->is_told;
    }
    if (err == MR_OK) {
        table->intents = counts.intents;
        table->reports = counts.reports;
        table->disputes = counts.disputes;
        table->dispute_hash = counts.dispute_hash;
    }
    return err;
}

/* ---- ids ------------------------------------------------------------------------------------- */

/*
 *   m | 8 of the log's id | 6 of the ordinal | 1 of the leg | 2 of the attempt
 *
 * in base 32 without letters that look alike.
 */
static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

enum { LOG_AT = 1, LOG_DIGITS = 8, ORDINAL_DIGITS = 6, LEG_DIGITS = 1, ATTEMPT_DIGITS = 2 };
enum {
    ORDINAL_AT = LOG_AT + LOG_DIGITS,
    LEG_AT = ORDINAL_AT + ORDINAL_DIGITS,
    ATTEMPT_AT = LEG_AT + LEG_DIGITS,
    ID_COUNT = ATTEMPT_AT + ATTEMPT_DIGITS
};
MRI_STATIC_ASSERT((int)ID_COUNT < (int)MRI_ORDER_ID_BYTES, "with a NUL");

static void put_digits(uint64_t value, unsigned count, char *at)
{
    for (unsigned i = count; i > 0; i--, value >>= 5) {
        at[i - 1] = digits[value & 31];
    }
}

static bool read_digits(const char *at, unsigned count, uint64_t *ret_value)
{
    *ret_value = 0;
    for (unsigned i = 0; i < count; i++) {
        const char *digit = at[i] == '\0' ? NULL : strchr(digits, at[i]);
        if (digit == NULL) {
            return false;
        }
        *ret_value = *ret_value << 5 | (uint64_t)(digit - digits);
    }
    return true;
}

const char *mri_order_table_id(uint64_t log_number, uint32_t ordinal, unsigned leg,
    unsigned attempt, char ret_id[MRI_ORDER_ID_BYTES])
{
    MRI_ASSERT(ordinal < (uint32_t)1 << 30 && leg < MRI_LEG_COUNT);
    ret_id[0] = 'm';
    put_digits(log_number, LOG_DIGITS, ret_id + LOG_AT);
    put_digits(ordinal, ORDINAL_DIGITS, ret_id + ORDINAL_AT);
    put_digits(leg, LEG_DIGITS, ret_id + LEG_AT);
    put_digits(attempt, ATTEMPT_DIGITS, ret_id + ATTEMPT_AT);
    ret_id[ID_COUNT] = '\0';
    return ret_id;
}

mr_err mri_order_table_parse_id(uint64_t log_number, struct mri_slice id, uint32_t *ret_ordinal,
    unsigned *ret_leg, unsigned *ret_attempt)
{
    uint64_t log;
    uint64_t ordinal;
    uint64_t leg;
    uint64_t attempt;
    bool is_good = id.count == ID_COUNT && id.bytes[0] == 'm' &&
                   read_digits(id.bytes + LOG_AT, LOG_DIGITS, &log) && log == log_number &&
                   read_digits(id.bytes + ORDINAL_AT, ORDINAL_DIGITS, &ordinal) &&
                   read_digits(id.bytes + LEG_AT, LEG_DIGITS, &leg) && leg < MRI_LEG_COUNT &&
                   read_digits(id.bytes + ATTEMPT_AT, ATTEMPT_DIGITS, &attempt);
    if (!is_good) {
        return MR_NOT_FOUND;
    }
    *ret_ordinal = (uint32_t)ordinal;
    *ret_leg = (unsigned)leg;
    *ret_attempt = (unsigned)attempt;
    return MR_OK;
}
