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
 *  2. A fill of the whole is known by its order; each part, the last one too, has an entry in
 *     `parts`, and an order the newest of its leg's. So a part that comes again is known, also when
 *     the leg has another order by then.
 *  3. Earlier orders of a leg have ended, and are as they were when the next one was made.
 *  4. `due` of an order that lives and was not told is the time of its newest report or intent;
 *     of every other one it is never.
 */
#include "bus/order_table.h"

#include <string.h>

#include "base/hash.h"

MRI_STATIC_ASSERT(sizeof(struct mri_table_order) % 8 == 0, "an item of a queue");
MRI_STATIC_ASSERT(MRI_LEG_COUNT == 4, "two bits of a place");
MRI_STATIC_ASSERT(sizeof(struct mri_table_order) == 80, "it is saved as it is");
MRI_STATIC_ASSERT(sizeof(struct mri_order_part) == 32, "it is saved as it is");

/** Parts, and earlier orders, at first and at most. */
enum { ARRAY_MIN = 16, PARTS_MAX = 1 << 28, EARLIER_MAX = (1 << 24) - 1 };

void mri_order_table_init(struct mri_order_table *table, const struct mri_alloc *alloc)
{
    *table = (struct mri_order_table){.intents = 0};
    mri_due_queue_init(&table->queue, alloc, sizeof(struct mri_table_order));
}

void mri_order_table_fini(struct mri_order_table *table)
{
    if (table != NULL) {
        if (table->queue.alloc != NULL) {
            mri_alloc_free(
                table->queue.alloc, table->parts, table->part_capacity * sizeof(*table->parts));
            mri_alloc_free(table->queue.alloc, table->earlier,
                table->earlier_capacity * sizeof(*table->earlier));
        }
        mri_due_queue_fini(&table->queue);
        *table = (struct mri_order_table){.intents = 0};
    }
}

/** Let an array grow, to so many items at least. */
static mr_err grow(const struct mri_alloc *alloc, void **array, uint32_t *capacity, uint32_t needed,
    size_t item_bytes)
{
    uint32_t grown = *capacity == 0 ? ARRAY_MIN : *capacity;
    while (grown < needed) {
        grown *= 2;
    }
    if (grown == *capacity) {
        return MR_OK;
    }
    mr_err err = mri_alloc_resize(alloc, array, *capacity * item_bytes, grown * item_bytes);
    *capacity = err == MR_OK ? grown : *capacity;
    return err;
}

static mr_err reserve_earlier(struct mri_order_table *table, uint32_t more)
{
    void *block = table->earlier;
    if (more > EARLIER_MAX - table->earlier_count) {
        return MR_ENOMEM;
    }
    mr_err err = grow(table->queue.alloc, &block, &table->earlier_capacity,
        table->earlier_count + more, sizeof(*table->earlier));
    table->earlier = block;
    return err;
}

mr_err mri_order_table_reserve(struct mri_order_table *table, uint32_t more)
{
    mr_err err = mri_due_queue_reserve(&table->queue, more);
    return err == MR_OK ? reserve_earlier(table, more) : err;
}

mr_err mri_order_table_reserve_parts(struct mri_order_table *table, uint32_t more)
{
    void *block = table->parts;
    if (more > PARTS_MAX - table->part_count) {
        return MR_ENOMEM;
    }
    mr_err err = grow(table->queue.alloc, &block, &table->part_capacity, table->part_count + more,
        sizeof(*table->parts));
    table->parts = block;
    return err;
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

const struct mri_table_order *mri_order_table_attempt(
    const struct mri_order_table *table, uint32_t ordinal, unsigned leg, unsigned attempt)
{
    const struct mri_table_order *order = find(table, ordinal, leg);
    while (order != NULL && order->attempt > attempt) {
        order = order->earlier == 0 ? NULL : &table->earlier[order->earlier - 1];
    }
    return order != NULL && order->attempt == attempt ? order : NULL;
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

/** The newest part of the order at hand; NULL: it has none. */
static const struct mri_order_part *newest_part(
    const struct mri_order_table *table, const struct mri_table_order *order)
{
    const struct mri_order_part *part =
        order->newest_part == 0 ? NULL : &table->parts[order->newest_part - 1];
    return part != NULL && part->attempt == order->attempt ? part : NULL;
}

int64_t mri_order_table_filled(
    const struct mri_order_table *table, const struct mri_table_order *order, int64_t *ret_fee_e8)
{
    const struct mri_order_part *part = newest_part(table, order);
    *ret_fee_e8 = part == NULL ? 0 : part->fee_e8;
    if (part != NULL) {
        return part->filled;
    }
    return order->state == MRI_ORDER_FILLED ? order->quantity : 0;
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

/** Has this very fill been taken in, of the order? */
static bool is_known_fill(const struct mri_order_table *table, const struct mri_table_order *order,
    const struct mri_order_claim *claim)
{
    uint64_t hash = hash_of_fill(claim);
    if (order->fill_hash == hash) {
        return true;
    }
    for (uint32_t at = order->newest_part; at != 0; at = table->parts[at - 1].before) {
        const struct mri_order_part *part = &table->parts[at - 1];
        if (part->attempt == claim->attempt && part->hash == hash) {
            return true;
        }
    }
    return false;
}

/** A fill that is new, of an order that is this one: all of what is left, or a part of it. */
static enum mri_reason check_fill(const struct mri_order_table *table,
    const struct mri_table_order *order, const struct mri_order_claim *claim)
{
    int64_t fee_e8;
    if (order->state == MRI_ORDER_REJECTED || order->state == MRI_ORDER_CANCELLED) {
        return MRI_REASON_ORDER_OVER;
    }
    if (order->state == MRI_ORDER_FILLED) {
        return MRI_REASON_FILL_DIFFERS;
    }
    int64_t left = order->quantity - mri_order_table_filled(table, order, &fee_e8);
    return claim->quantity <= left ? MRI_REASON_NONE : MRI_REASON_QUANTITY_DIFFERS;
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

/** An order that is over for a status that it has not ended with; one that was filled in part may
 * be rejected, too: its rest is. */
static enum mri_reason check_step(const struct mri_order_table *table,
    const struct mri_table_order *order, enum mri_report_status status)
{
    enum mri_order_state state = (enum mri_order_state)order->state;
    if (!mri_order_is_live(state)) {
        return MRI_REASON_ORDER_OVER;
    }
    bool is_rest = status == MRI_REPORT_REJECTED && newest_part(table, order) != NULL;
    return is_rest || mri_order_is_reportable(state, mri_order_state_reported(status))
               ? MRI_REASON_NONE
               : MRI_REASON_ORDER_STEP;
}

enum mri_reason mri_order_table_check(
    const struct mri_order_table *table, const struct mri_order_claim *claim, bool *ret_is_repeated)
{
    const struct mri_table_order *order =
        mri_order_table_attempt(table, claim->ordinal, claim->leg, claim->attempt);
    *ret_is_repeated = false;
    if (order == NULL) {
        return MRI_REASON_ORDER_UNKNOWN;
    }
    if (claim->instrument != UINT32_MAX && claim->instrument != order->instrument) {
        return MRI_REASON_SYMBOL_DIFFERS;
    }
    if (claim->side != 0 && claim->side != order->side) {
        return MRI_REASON_SIDE_DIFFERS;
    }
    uint64_t venue_id = hash_of_text(claim->venue_order_id);
    if (venue_id != 0 && order->venue_id_hash != 0 && venue_id != order->venue_id_hash) {
        return MRI_REASON_VENUE_ORDER_DIFFERS;
    }
    if (claim->status == MRI_REPORT_FILLED) {
        *ret_is_repeated = is_known_fill(table, order, claim);
        return *ret_is_repeated ? MRI_REASON_NONE : check_fill(table, order, claim);
    }
    if (is_passed((enum mri_order_state)order->state, claim->status)) {
        *ret_is_repeated = true;
        return MRI_REASON_NONE;
    }
    return check_step(table, order, claim->status);
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
    uint32_t newest = order == NULL ? 0 : order->newest_part;
    uint32_t earlier = 0;
    if (order == NULL) {
        order = mri_due_queue_add(&table->queue, place, time_unix_ns);
    } else {
        MRI_ASSERT(table->earlier_count < table->earlier_capacity);
        table->earlier[table->earlier_count++] = *order;
        earlier = table->earlier_count;
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
        .earlier = earlier & EARLIER_MAX,
        .newest_part = newest,
    };
    table->intents++;
    table->live_count++;
}

/** Take a fill in: of the whole, or a part. The state that follows. */
static enum mri_order_state take_fill(struct mri_order_table *table, struct mri_table_order *order,
    const struct mri_order_claim *claim)
{
    int64_t fee_e8;
    int64_t filled = mri_order_table_filled(table, order, &fee_e8) + claim->quantity;
    if (claim->quantity == order->quantity) {
        order->fill_hash = hash_of_fill(claim);
        return MRI_ORDER_FILLED;
    }
    MRI_ASSERT(table->part_count < table->part_capacity && filled <= order->quantity);
    table->parts[table->part_count++] = (struct mri_order_part){
        .filled = filled,
        .fee_e8 = fee_e8 + claim->fee_e8,
        .hash = hash_of_fill(claim),
        .before = order->newest_part,
        .attempt = order->attempt,
    };
    order->newest_part = table->part_count;
    return filled == order->quantity ? MRI_ORDER_FILLED : MRI_ORDER_ACCEPTED;
}

static void take_report(struct mri_order_table *table, const struct mri_event *event)
{
    const struct mri_order_report *report = event->body;
    struct mri_table_order *order = find(table, event->ordinal, report->leg);
    const struct mri_order_claim claim = claim_of(order, event);
    enum mri_order_state state = claim.status == MRI_REPORT_FILLED
                                     ? take_fill(table, order, &claim)
                                     : mri_order_state_reported(claim.status);
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
    mri_due_queue_set(&table->queue, place_of(event->ordinal, report->leg),
        is_live ? report->event_time_unix_ns : MRI_DUE_NEVER);
}

/** Where the newest dispute's hash stands; there is one. */
static uint64_t *newest_dispute(struct mri_order_table *table)
{
    return &table->dispute_hashes[table->disputes % MRI_ORDER_DISPUTES_KNOWN];
}

static void take_dispute(struct mri_order_table *table, const struct mri_event *event)
{
    const struct mri_order_disputed *dispute = event->body;
    table->disputes++;
    *newest_dispute(table) =
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

bool mri_order_table_knows_dispute(const struct mri_order_table *table, uint64_t hash)
{
    for (size_t i = 0; i < MRI_ORDER_DISPUTES_KNOWN; i++) {
        if (table->dispute_hashes[i] == hash) {
            return true;
        }
    }
    return false;
}

/* ---- snapshots ------------------------------------------------------------------------------- */

/** In saved_counts.intents: parts stand behind the orders, behind them what disputes say, and
 * earlier orders. Without any, or with one dispute, a table is saved as by versions that had none.
 * One of a version that forgot earlier orders is refused where there were some: the log has them.
 */
#define HAS_PARTS    ((uint64_t)1 << 63)
#define HAS_DISPUTES ((uint64_t)1 << 62)
#define HAS_EARLIER  ((uint64_t)1 << 61)

/** What stands before the orders. */
struct saved_counts {
    uint64_t intents;
    uint64_t reports;
    uint64_t disputes;
    uint64_t dispute_hash;
};

void mri_order_table_save(const struct mri_order_table *table, struct mri_buf *buf)
{
    const struct saved_counts counts = {
        .intents = table->intents | (table->part_count > 0 ? HAS_PARTS : 0) |
                   (table->disputes > 1 ? HAS_DISPUTES : 0) |
                   (table->earlier_count > 0 ? HAS_EARLIER : 0),
        .reports = table->reports,
        .disputes = table->disputes,
        .dispute_hash = table->dispute_hashes[table->disputes % MRI_ORDER_DISPUTES_KNOWN],
    };
    mri_buf_put(buf, &counts, sizeof(counts));
    mri_due_queue_save(&table->queue, buf);
    if (table->part_count > 0) {
        mri_buf_put(buf, &table->part_count, sizeof(table->part_count));
        mri_buf_put(buf, table->parts, table->part_count * sizeof(*table->parts));
    }
    if (table->disputes > 1) {
        mri_buf_put(buf, table->dispute_hashes, sizeof(table->dispute_hashes));
    }
    if (table->earlier_count > 0) {
        mri_buf_put(buf, &table->earlier_count, sizeof(table->earlier_count));
        mri_buf_put(buf, table->earlier, table->earlier_count * sizeof(*table->earlier));
    }
}

/** Parts point to earlier ones alone, so that following them ends. */
static mr_err load_parts(struct mri_order_table *table, struct mri_unpack *unpack)
{
    uint32_t count = mri_unpack_count(unpack, PARTS_MAX, sizeof(*table->parts));
    mr_err err = unpack->err == MR_OK ? mri_order_table_reserve_parts(table, count) : unpack->err;
    if (err != MR_OK) {
        return err;
    }
    mri_unpack_take(unpack, table->parts, count * sizeof(*table->parts));
    for (uint32_t i = 0; unpack->err == MR_OK && i < count; i++) {
        if (table->parts[i].before > i) {
            return MR_ECORRUPT;
        }
    }
    table->part_count = count;
    return unpack->err;
}

/** Does an order point to the one before it, which is among the first so many? */
static bool is_behind(
    const struct mri_order_table *table, const struct mri_table_order *order, uint32_t count)
{
    if (order->attempt == 0 || order->earlier == 0 || order->earlier > count) {
        return order->attempt == 0 && order->earlier == 0;
    }
    return table->earlier[order->earlier - 1].attempt + 1 == order->attempt;
}

/** Each has ended, and points to earlier ones alone. */
static mr_err load_earlier(struct mri_order_table *table, struct mri_unpack *unpack)
{
    uint32_t count = mri_unpack_count(unpack, EARLIER_MAX, sizeof(*table->earlier));
    mr_err err = unpack->err == MR_OK ? reserve_earlier(table, count) : unpack->err;
    if (err != MR_OK) {
        return err;
    }
    mri_unpack_take(unpack, table->earlier, count * sizeof(*table->earlier));
    for (uint32_t i = 0; unpack->err == MR_OK && i < count; i++) {
        const struct mri_table_order *order = &table->earlier[i];
        bool is_over = order->state == MRI_ORDER_REJECTED || order->state == MRI_ORDER_CANCELLED;
        if (!is_over || !is_behind(table, order, i) || order->newest_part > table->part_count) {
            return MR_ECORRUPT;
        }
    }
    table->earlier_count = count;
    return unpack->err;
}

mr_err mri_order_table_load(struct mri_order_table *table, struct mri_unpack *unpack)
{
    struct saved_counts counts;
    mri_unpack_take(unpack, &counts, sizeof(counts));
    mr_err err = unpack->err == MR_OK ? mri_due_queue_load(&table->queue, unpack) : unpack->err;
    if (err == MR_OK && (counts.intents & HAS_PARTS) != 0) {
        err = load_parts(table, unpack);
    }
    if (err == MR_OK && (counts.intents & HAS_DISPUTES) != 0) {
        mri_unpack_take(unpack, table->dispute_hashes, sizeof(table->dispute_hashes));
        err = unpack->err;
    }
    if (err == MR_OK && (counts.intents & HAS_EARLIER) != 0) {
        err = load_earlier(table, unpack);
    }
    for (uint32_t i = 0; err == MR_OK && i < table->queue.count; i++) {
        uint32_t ordinal;
        unsigned leg;
        const struct mri_table_order *order = mri_order_table_at(table, i, &ordinal, &leg);
        bool is_live = mri_order_is_live((enum mri_order_state)order->state);
        bool is_good = ordinal != 0 && order->state != MRI_ORDER_NONE &&
                       order->state < MRI_ORDER_STATE_COUNT && order->is_told <= is_live &&
                       order->newest_part <= table->part_count &&
                       is_behind(table, order, table->earlier_count);
        err = is_good ? MR_OK : MR_ECORRUPT;
        table->live_count += is_live;
        table->in_doubt_count += order->state == MRI_ORDER_IN_DOUBT;
        table->told_count += order->is_told;
    }
    if (err == MR_OK) {
        table->intents = counts.intents & ~(HAS_PARTS | HAS_DISPUTES | HAS_EARLIER);
        table->reports = counts.reports;
        table->disputes = counts.disputes;
        *newest_dispute(table) = counts.dispute_hash;
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
