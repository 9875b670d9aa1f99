/* SPDX-License-Identifier: MIT */
/*
 * The bus: appends that keep the signal table, and folding that rebuilds it.
 *
 * Invariants
 *  1. A signal's state changes by signal.moved alone, and only if the move names the state that the
 *     signal has in the log (compare and set) and the lifecycle allows it. If it
 *     is claimed, the move names the claim as its evidence: only the owner does.
 *  2. Whatever can refuse a batch does so before the log is touched; taking it into the tables
 *     afterwards cannot fail.
 *  3. Append and fold take events in by the same function, so a rebuilt table equals the kept one.
 */
#include "bus/bus.h"

#include <string.h>

#include "bus/lifecycle.h"

/** The first numbers belong to the sources of this program, used or kept for more. */
static mr_err reserve_source_numbers(struct mri_intern *sources)
{
    static const char *const names[MRI_SOURCE_EXTERNAL_FIRST] = {
#define SOURCE_NAME(name, value, text) [value] = (text),
        MRI_SOURCE_MAP(SOURCE_NAME)
#undef SOURCE_NAME
    };
    mr_err err = MR_OK;
    for (uint32_t i = 0; i < MRI_SOURCE_EXTERNAL_FIRST && err == MR_OK; i++) {
        char kept[3] = {
            '\x01', (char)('A' + i), '\0'}; /* no name from outside has a control byte */
        uint32_t number;
        err = mri_intern_add(sources, mri_slice_of(names[i] != NULL ? names[i] : kept), &number);
    }
    return err;
}

mr_err mri_bus_init(struct mri_bus *bus, const struct mri_alloc *alloc,
    const struct mri_bus_limits *limits, mr_log *log)
{
    *bus = (struct mri_bus){.alloc = alloc, .log = log};
    if (limits->names_max == 0 || limits->names_max > UINT16_MAX ||
        limits->slots.sources_max <= MRI_SOURCE_EXTERNAL_FIRST) {
        return MR_EINVAL;
    }
    mri_keys_init(&bus->keys, alloc);
    mri_claims_init(&bus->claims, alloc);
    mri_order_table_init(&bus->orders, alloc);
    mr_err err = mri_slots_init(&bus->slots, alloc, &limits->slots);
    if (err == MR_OK) {
        err = mri_intern_init(&bus->sources, alloc, limits->slots.sources_max);
    }
    if (err == MR_OK) {
        err = mri_intern_init(&bus->names, alloc, limits->names_max);
    }
    if (err == MR_OK) {
        err = reserve_source_numbers(&bus->sources);
    }
    if (err == MR_OK) {
        err = mri_observed_init(&bus->observed, alloc, limits->slots.signals_max);
    }
    void *records = NULL;
    if (err == MR_OK) {
        err = mri_alloc_array(alloc, MRI_BUS_BATCH_MAX, sizeof(*bus->records), &records);
    }
    bus->records = records;
    void *numbers = NULL;
    if (err == MR_OK) {
        err = mri_alloc_array(alloc, MRI_BUS_BATCH_MAX, sizeof(*bus->numbers), &numbers);
    }
    bus->numbers = numbers;
    if (err != MR_OK) {
        mri_bus_fini(bus);
    }
    return err;
}

void mri_bus_fini(struct mri_bus *bus)
{
    if (bus != NULL) {
        mri_slots_fini(&bus->slots);
        mri_intern_fini(&bus->sources);
        mri_intern_fini(&bus->names);
        mri_keys_fini(&bus->keys);
        mri_digest_fini(&bus->hasher);
        mri_claims_fini(&bus->claims);
        mri_order_table_fini(&bus->orders);
        mri_observed_fini(&bus->observed);
        if (bus->alloc != NULL) {
            mri_alloc_free(bus->alloc, bus->records, MRI_BUS_BATCH_MAX * sizeof(*bus->records));
            mri_alloc_free(bus->alloc, bus->numbers, MRI_BUS_BATCH_MAX * sizeof(*bus->numbers));
        }
        *bus = (struct mri_bus){0};
    }
}

static void note_time(struct mri_bus *bus, int64_t time_unix_ns)
{
    if (time_unix_ns > bus->event_time_unix_ns) {
        bus->event_time_unix_ns = time_unix_ns;
    }
}

/** The numbers of a new signal's source and name; new texts get the next ones. */
static mr_err number_texts(
    struct mri_bus *bus, const struct mri_event *event, struct mri_bus_numbers *ret_numbers)
{
    uint32_t source;
    uint32_t name;
    mr_err err = mri_intern_add(
        &bus->sources, mri_event_text(event, MRI_TEXT_signal_generated_source), &source);
    bus->full = err == MR_FULL ? "sources" : bus->full;
    if (err == MR_OK) {
        err = mri_intern_add(
            &bus->names, mri_event_text(event, MRI_TEXT_signal_generated_name), &name);
        bus->full = err == MR_FULL ? "names" : bus->full;
    }
    if (err == MR_OK) {
        *ret_numbers = (struct mri_bus_numbers){(uint16_t)source, (uint16_t)name};
    }
    return err;
}

static mr_err take_key(struct mri_bus *bus, const struct mri_event *event, struct mri_slice text)
{
    struct mri_key key;
    mr_err err = mri_key_of(
        &bus->hasher, mri_event_text(event, MRI_TEXT_signal_generated_source), text, &key);
    if (err == MR_OK) {
        err = mri_keys_reserve(&bus->keys, 1);
    }
    if (err == MR_OK) {
        mri_keys_add(&bus->keys, &key, event->ordinal);
    }
    return err;
}

static mr_err take_generated(
    struct mri_bus *bus, const struct mri_event *event, const struct mri_bus_numbers *numbers)
{
    const struct mri_signal_generated *body = event->body;
    if (event->ordinal != bus->slots.count + 1) {
        return MR_ECORRUPT;
    }
    struct mri_slot slot = {
        .event_time_unix_ns = body->event_time_unix_ns,
        .generated_seq = event->seq,
        .symbol = body->symbol,
        .source = numbers->source,
        .name = numbers->name,
        .side = body->side,
    };
    if (body->symbol >= bus->slots.limits.symbols_max) {
        bus->full = "symbols"; /* a newer configuration may have room for it */
        return MR_FULL;
    }
    mr_err err = mri_slots_create(&bus->slots, &slot);
    struct mri_slice key = mri_event_text(event, MRI_TEXT_signal_generated_idempotency_key);
    if (err == MR_OK && key.count > 0) {
        err = take_key(bus, event, key);
    }
    note_time(bus, body->event_time_unix_ns);
    return err;
}

/** Is the signal claimed, and the mover somebody else? */
static bool is_of_other(const struct mri_bus *bus, const struct mri_event *event)
{
    const struct mri_signal_moved *move = event->body;
    uint64_t claim_seq = mri_claims_seq(&bus->claims, event->ordinal);
    return claim_seq != 0 && claim_seq != mri_ref_seq(move->evidence, event->seq);
}

static mr_err take_moved(struct mri_bus *bus, const struct mri_event *event)
{
    const struct mri_signal_moved *move = event->body;
    const struct mri_slot *slot = mri_slots_get(&bus->slots, event->ordinal);
    if (slot == NULL || slot->state != move->from || mri_lifecycle_check(move) != MR_OK ||
        is_of_other(bus, event)) {
        return MR_ECORRUPT;
    }
    mr_err err = move->cause == 0 ? mri_claims_reserve(&bus->claims, 1) : MR_OK;
    if (err == MR_OK) {
        mri_slots_move(&bus->slots, event->ordinal, move, event->seq);
        mri_claims_move(&bus->claims, event->ordinal, move);
        bus->foreign_moves += move->cause == 0;
    }
    return err;
}

static mr_err take_claimed(struct mri_bus *bus, const struct mri_event *event)
{
    const struct mri_slot *slot = mri_slots_get(&bus->slots, event->ordinal);
    if (slot == NULL || mri_claims_check(&bus->claims, event, slot->state) != MR_OK) {
        return MR_ECORRUPT;
    }
    mr_err err = mri_claims_reserve(&bus->claims, 1);
    if (err == MR_OK) {
        mri_claims_take(&bus->claims, event, slot->state);
        bus->foreign_moves++;
    }
    return err;
}

/** About a signal it is kept with the signal's other events, and moves nothing. */
static mr_err take_observed(struct mri_bus *bus, const struct mri_event *event)
{
    const struct mri_signal_observed *body = event->body;
    const struct mri_slot *slot = mri_slots_get(&bus->slots, event->ordinal);
    note_time(bus, body->event_time_unix_ns);
    if (event->ordinal == 0) {
        return mri_observed_take(&bus->observed, event);
    }
    return slot != NULL && mri_ref_seq(body->about, event->seq) == slot->generated_seq
               ? MR_OK
               : MR_ECORRUPT;
}

/** Orders of executors outside: an intent makes one, a report moves it on. */
static mr_err take_order(struct mri_bus *bus, const struct mri_event *event)
{
    if (mri_order_table_fits(&bus->orders, event) != MR_OK) {
        return MR_ECORRUPT;
    }
    bool is_new = event->type == MRI_EVENT_ORDER_INTENT && mri_order_table_is_outside(event);
    mr_err err = is_new ? mri_order_table_reserve(&bus->orders, 1) : MR_OK;
    if (event->type == MRI_EVENT_ORDER_REPORT) {
        err = mri_order_table_reserve_parts(&bus->orders, 1);
    }
    if (err == MR_OK) {
        mri_order_table_take(&bus->orders, event, bus->event_time_unix_ns);
    }
    return err;
}

/** A word about a signal: it is kept with the signal's other events, and moves nothing. */
static mr_err take_annotated(struct mri_bus *bus, const struct mri_event *event)
{
    const struct mri_signal_annotated *body = event->body;
    const struct mri_slot *slot = mri_slots_get(&bus->slots, event->ordinal);
    note_time(bus, body->event_time_unix_ns);
    return slot != NULL && mri_ref_seq(body->signal, event->seq) == slot->generated_seq
               ? MR_OK
               : MR_ECORRUPT;
}

/**
 * Take an event in; only a log that contradicts itself, or memory, can make it fail. `numbers` are
 * read for a new signal only.
 */
static mr_err take(
    struct mri_bus *bus, const struct mri_event *event, const struct mri_bus_numbers *numbers)
{
    mr_err err = MR_OK;
    switch (event->type) {
    case MRI_EVENT_SIGNAL_GENERATED:
        err = take_generated(bus, event, numbers);
        break;
    case MRI_EVENT_SIGNAL_MOVED:
        err = take_moved(bus, event);
        break;
    case MRI_EVENT_SIGNAL_CLAIMED:
        err = take_claimed(bus, event);
        break;
    case MRI_EVENT_SIGNAL_OBSERVED:
        err = take_observed(bus, event);
        break;
    case MRI_EVENT_CANDLE:
        note_time(bus, ((const struct mri_candle *)event->body)->close_time_unix_ns);
        break;
    case MRI_EVENT_QUOTE:
        note_time(bus, ((const struct mri_quote *)event->body)->event_time_unix_ns);
        break;
    case MRI_EVENT_FUNDING:
        note_time(bus, ((const struct mri_funding *)event->body)->event_time_unix_ns);
        break;
    case MRI_EVENT_TICK:
        note_time(bus, ((const struct mri_tick *)event->body)->event_time_unix_ns);
        break;
    case MRI_EVENT_SIGNAL_ANNOTATED:
        err = take_annotated(bus, event);
        break;
    case MRI_EVENT_ORDER_REPORT:
        note_time(bus, ((const struct mri_order_report *)event->body)->event_time_unix_ns);
        err = take_order(bus, event);
        break;
    case MRI_EVENT_ORDER_INTENT:
    case MRI_EVENT_ORDER_DISPUTED:
    case MRI_EVENT_ALERT:
        err = take_order(bus, event);
        break;
    default:
        break;
    }
    if (err == MR_OK && event->ordinal != 0) {
        if (mri_slots_get(&bus->slots, event->ordinal) == NULL) {
            return MR_ECORRUPT;
        }
        mri_slots_touch(&bus->slots, event->ordinal, event->seq);
    }
    return err;
}

mr_err mri_bus_fold(struct mri_bus *bus, const mr_log_event *record, struct mri_event *ret_event)
{
    if (record->seq.n != bus->last_seq + 1) {
        return MR_ECORRUPT;
    }
    struct mri_event event = {.type = record->type, .seq = record->seq.n};
    mr_err err = MR_OK;
    if (record->type >= MR_LOG_TYPE_FREE) {
        struct mri_bus_numbers numbers = {0};
        err = mri_event_decode(record, &event);
        if (err == MR_OK && event.type == MRI_EVENT_SIGNAL_GENERATED) {
            err = number_texts(bus, &event, &numbers);
            err = err == MR_REFUSED ? MR_ECORRUPT : err;
        }
        if (err == MR_OK) {
            err = take(bus, &event, &numbers);
        }
    }
    if (err == MR_OK) {
        bus->last_seq = record->seq.n;
        bus->chain_crc = record->chain_crc;
        *ret_event = event;
    }
    return err;
}

void mri_bus_begin(const struct mri_bus *bus, struct mri_batch *batch)
{
    mri_batch_begin(batch, bus->last_seq + 1, bus->slots.count + 1);
}

void mri_bus_rebase(const struct mri_bus *bus, struct mri_batch *batch)
{
    mri_batch_rebase(batch, bus->last_seq + 1, bus->slots.count + 1);
}

/** The newest earlier event of the batch about the same signal; count = none. */
static uint32_t earlier_item(const struct mri_batch *batch, uint32_t index)
{
    uint32_t ordinal = batch->items[index].ordinal;
    for (uint32_t i = index; i > 0; i--) {
        if (batch->items[i - 1].ordinal == ordinal) {
            return i - 1;
        }
    }
    return batch->count;
}

/** The newest earlier move of the batch about the same signal, its birth or claim; count = none. */
static uint32_t earlier_move(const struct mri_batch *batch, uint32_t index)
{
    uint32_t ordinal = batch->items[index].ordinal;
    for (uint32_t i = index; i > 0; i--) {
        const struct mri_batch_item *item = &batch->items[i - 1];
        bool is_state = item->type == MRI_EVENT_SIGNAL_MOVED ||
                        item->type == MRI_EVENT_SIGNAL_GENERATED ||
                        item->type == MRI_EVENT_SIGNAL_CLAIMED;
        if (item->ordinal == ordinal && is_state) {
            return i - 1;
        }
    }
    return batch->count;
}

/** What stands in the way of a move or a claim: the newest move, or the claim in force. */
static struct mri_bus_conflict conflict_of(
    const struct mri_bus *bus, uint32_t ordinal, bool is_moved)
{
    const struct mri_slot *slot = mri_slots_get(&bus->slots, ordinal);
    uint64_t claim_seq = mri_claims_seq(&bus->claims, ordinal);
    return (struct mri_bus_conflict){
        .ordinal = ordinal,
        .found = (mr_state)slot->state,
        .winner_seq = is_moved || claim_seq == 0 ? slot->moved_seq : claim_seq,
        .is_claimed = claim_seq != 0,
    };
}

/** Would the move take a signal away whose order an executor may have sent? Only a report does. */
static bool may_order_live(const struct mri_bus *bus, const struct mri_event *event)
{
    const struct mri_signal_moved *move = event->body;
    const struct mri_table_order *order =
        move->from == MR_EXECUTING
            ? mri_order_table_find(&bus->orders, event->ordinal, MRI_LEG_ENTRY)
            : NULL;
    return order != NULL && mri_order_is_live((enum mri_order_state)order->state);
}

/** Is the move legal, given the log and what stands before it in the batch? */
static mr_err check_move(const struct mri_bus *bus, const struct mri_batch *batch, uint32_t index,
    struct mri_bus_conflict *conflict)
{
    struct mri_event event = mri_batch_event(batch, index);
    const struct mri_signal_moved *move = event.body;
    if (mri_lifecycle_check(move) != MR_OK) {
        return MR_REFUSED;
    }
    uint32_t earlier = earlier_move(batch, index);
    if (earlier < batch->count) {
        struct mri_event before = mri_batch_event(batch, earlier);
        if (before.type == MRI_EVENT_SIGNAL_CLAIMED) {
            return MR_REFUSED;
        }
        bool is_move = before.type == MRI_EVENT_SIGNAL_MOVED;
        unsigned state =
            is_move ? ((const struct mri_signal_moved *)before.body)->to : (unsigned)MR_GENERATED;
        if (state != move->from) {
            return MR_REFUSED;
        }
        if (is_move && !mri_lifecycle_is_over((mr_state)state) && is_of_other(bus, &event)) {
            *conflict = conflict_of(bus, event.ordinal, false);
            return MR_CONFLICT;
        }
        return MR_OK;
    }
    const struct mri_slot *slot = mri_slots_get(&bus->slots, event.ordinal);
    if (slot == NULL || (move->cause == 0 && may_order_live(bus, &event))) {
        return MR_REFUSED;
    }
    if (slot->state != move->from || is_of_other(bus, &event)) {
        *conflict = conflict_of(bus, event.ordinal, slot->state != move->from);
        return MR_CONFLICT;
    }
    return MR_OK;
}

/** Does the claim fit the log? It is the only event about its signal in the batch before. */
static mr_err check_claim(const struct mri_bus *bus, const struct mri_batch *batch, uint32_t index,
    struct mri_bus_conflict *conflict)
{
    struct mri_event event = mri_batch_event(batch, index);
    const struct mri_slot *slot = mri_slots_get(&bus->slots, event.ordinal);
    if (slot == NULL || earlier_item(batch, index) < batch->count) {
        return MR_REFUSED;
    }
    mr_err err = mri_claims_check(&bus->claims, &event, slot->state);
    if (err == MR_CONFLICT) {
        bool is_moved = slot->state != ((const struct mri_signal_claimed *)event.body)->from;
        *conflict = conflict_of(bus, event.ordinal, is_moved);
    }
    return err;
}

/** Can a new signal be taken in? Makes room, so that afterwards nothing can fail. */
static mr_err prepare_generated(
    struct mri_bus *bus, const struct mri_batch *batch, uint32_t index, uint32_t more)
{
    struct mri_event event = mri_batch_event(batch, index);
    struct mri_bus_numbers *numbers = &bus->numbers[index];
    const struct mri_signal_generated *body = event.body;
    if (body->symbol >= bus->slots.limits.symbols_max) {
        return MR_REFUSED;
    }
    mr_err err = number_texts(bus, &event, numbers);
    if (err == MR_OK) {
        err = mri_slots_reserve_entries(&bus->slots, body->symbol, numbers->source, more);
    }
    bool has_key = mri_event_text(&event, MRI_TEXT_signal_generated_idempotency_key).count > 0;
    if (err == MR_OK && has_key) {
        err = mri_keys_reserve(&bus->keys, more);
    }
    return err;
}

/** Can an emission outside the lifecycle be taken in? One a batch: its number is the next. */
static mr_err prepare_observed(struct mri_bus *bus, const struct mri_batch *batch, uint32_t index)
{
    struct mri_event event = mri_batch_event(batch, index);
    const struct mri_signal_observed *body = event.body;
    if (event.ordinal != 0) {
        const struct mri_slot *slot = mri_slots_get(&bus->slots, event.ordinal);
        return slot != NULL && mri_ref_seq(body->about, event.seq) == slot->generated_seq
                   ? MR_OK
                   : MR_REFUSED;
    }
    if (batch->count > 1 || !mri_observed_is_good(&bus->observed, &event)) {
        return MR_REFUSED;
    }
    mr_err err = body->about == 0 ? mri_observed_reserve(&bus->observed, 1) : MR_OK;
    bus->full = err == MR_FULL ? "signals" : bus->full;
    return err;
}

/** A word about a signal names the signal. */
static mr_err check_annotated(
    const struct mri_bus *bus, const struct mri_batch *batch, uint32_t index)
{
    struct mri_event event = mri_batch_event(batch, index);
    const struct mri_signal_annotated *body = event.body;
    const struct mri_slot *slot = mri_slots_get(&bus->slots, event.ordinal);
    return slot != NULL && mri_ref_seq(body->signal, event.seq) == slot->generated_seq ? MR_OK
                                                                                       : MR_REFUSED;
}

/** One intent of a leg, or one report of an order, in a batch: each is compared with the log. */
static mr_err check_order(const struct mri_bus *bus, const struct mri_batch *batch, uint32_t index)
{
    struct mri_event event = mri_batch_event(batch, index);
    for (uint32_t i = index; i > 0; i--) {
        const struct mri_batch_item *item = &batch->items[i - 1];
        if (item->ordinal != event.ordinal || item->type != event.type) {
            continue;
        }
        struct mri_event before = mri_batch_event(batch, i - 1);
        bool is_same_leg = event.type == MRI_EVENT_ORDER_REPORT ||
                           ((const struct mri_order_intent *)before.body)->leg ==
                               ((const struct mri_order_intent *)event.body)->leg;
        if (is_same_leg) {
            return MR_REFUSED;
        }
    }
    return mri_order_table_fits(&bus->orders, &event);
}

/** Can the event be read back, and is it about a signal that exists by then? */
static mr_err check_item(const struct mri_batch *batch, uint32_t index, uint32_t ordinal_max)
{
    const struct mri_batch_item *item = &batch->items[index];
    const mr_log_event record = {
        .seq = {batch->base_seq + index},
        .body = batch->bodies.bytes + item->offset,
        .body_bytes = item->bytes,
        .type = item->type,
        .version = MRI_EVENT_VERSION,
    };
    struct mri_event event;
    if (mri_event_decode(&record, &event) != MR_OK) {
        return MR_EINVAL;
    }
    return item->ordinal <= ordinal_max ? MR_OK : MR_REFUSED;
}

/** Events that may bring a signal into others' hands. */
static uint32_t count_foreign(const struct mri_batch *batch)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        bool is_input = false;
        if (batch->items[i].type == MRI_EVENT_SIGNAL_MOVED) {
            struct mri_event event = mri_batch_event(batch, i);
            is_input = ((const struct mri_signal_moved *)event.body)->cause == 0;
        }
        count += is_input || batch->items[i].type == MRI_EVENT_SIGNAL_CLAIMED;
    }
    return count;
}

/** What is neither a signal, nor moves one. */
static mr_err prepare_other(struct mri_bus *bus, const struct mri_batch *batch, uint32_t index)
{
    switch (batch->items[index].type) {
    case MRI_EVENT_SIGNAL_ANNOTATED:
        return check_annotated(bus, batch, index);
    case MRI_EVENT_ORDER_INTENT: {
        struct mri_event event = mri_batch_event(batch, index);
        if (!mri_order_table_is_outside(&event)) {
            return MR_OK;
        }
        mr_err err = mri_order_table_reserve(&bus->orders, batch->count);
        return err == MR_OK ? check_order(bus, batch, index) : err;
    }
    case MRI_EVENT_ORDER_REPORT: {
        mr_err err = mri_order_table_reserve_parts(&bus->orders, batch->count);
        return err == MR_OK ? check_order(bus, batch, index) : err;
    }
    default:
        return MR_OK;
    }
}

static mr_err prepare(
    struct mri_bus *bus, const struct mri_batch *batch, struct mri_bus_conflict *conflict)
{
    uint32_t more = batch->next_ordinal - 1 - bus->slots.count;
    uint32_t ordinal_max = bus->slots.count;
    mr_err err = mri_slots_reserve(&bus->slots, more);
    bus->full = err == MR_FULL ? "signals" : NULL;
    if (err == MR_OK) {
        err = mri_claims_reserve(&bus->claims, count_foreign(batch));
    }
    for (uint32_t i = 0; i < batch->count && err == MR_OK; i++) {
        bool is_generated = batch->items[i].type == MRI_EVENT_SIGNAL_GENERATED;
        ordinal_max += is_generated;
        err = check_item(batch, i, ordinal_max);
        if (err == MR_OK && is_generated) {
            err = prepare_generated(bus, batch, i, more);
        } else if (err == MR_OK && batch->items[i].type == MRI_EVENT_SIGNAL_MOVED) {
            err = check_move(bus, batch, i, conflict);
        } else if (err == MR_OK && batch->items[i].type == MRI_EVENT_SIGNAL_CLAIMED) {
            err = check_claim(bus, batch, i, conflict);
        } else if (err == MR_OK && batch->items[i].type == MRI_EVENT_SIGNAL_OBSERVED) {
            err = prepare_observed(bus, batch, i);
        } else if (err == MR_OK) {
            err = prepare_other(bus, batch, i);
        }
    }
    return err;
}

mr_err mri_bus_look(
    const struct mri_bus *bus, const struct mri_batch *batch, struct mri_bus_conflict *ret_conflict)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        bool is_move = batch->items[i].type == MRI_EVENT_SIGNAL_MOVED;
        if (is_move && check_move(bus, batch, i, ret_conflict) == MR_CONFLICT) {
            return MR_CONFLICT;
        }
    }
    return MR_OK; /* what is refused is told by the append */
}

static uint64_t previous_seq(
    const struct mri_bus *bus, const struct mri_batch *batch, uint32_t index)
{
    uint32_t ordinal = batch->items[index].ordinal;
    if (ordinal == 0) {
        return 0;
    }
    uint32_t earlier = earlier_item(batch, index);
    if (earlier < batch->count) {
        return batch->base_seq + earlier;
    }
    const struct mri_slot *slot = mri_slots_get(&bus->slots, ordinal);
    return slot == NULL ? 0 : slot->last_seq;
}

static void fill_records(struct mri_bus *bus, const struct mri_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct mri_batch_item *item = &batch->items[i];
        bus->records[i] = (mr_log_record){
            .body = batch->bodies.bytes + item->offset,
            .body_bytes = item->bytes,
            .subject_id = item->ordinal,
            .subject_prev = previous_seq(bus, batch, i),
            .type = item->type,
            .version = MRI_EVENT_VERSION,
        };
    }
}

mr_err mri_bus_append(struct mri_bus *bus, const struct mri_batch *batch, mr_durability durability,
    mr_log_ack *ret_ack, struct mri_bus_conflict *reterr_conflict)
{
    struct mri_bus_conflict conflict = {0};
    MRI_ASSERT(bus->log != NULL);
    if (batch->base_seq != bus->last_seq + 1) {
        return MR_AGAIN; /* the tables went on behind the batch while it was filled */
    }
    if (batch->count == 0 || batch->count > MRI_BUS_BATCH_MAX) {
        return MR_EINVAL;
    }
    uint32_t source_count = bus->sources.count;
    uint32_t name_count = bus->names.count;
    mr_log_ack ack = {0};
    mr_err err = prepare(bus, batch, &conflict);
    if (err == MR_CONFLICT && reterr_conflict != NULL) {
        *reterr_conflict = conflict;
    }
    if (err == MR_OK) {
        fill_records(bus, batch);
        err = mr_log_append_after(
            bus->log, bus->records, batch->count, (mr_seq){bus->last_seq}, durability, &ack);
        err = err == MR_CONFLICT ? MR_AGAIN : err;
    }
    if (err != MR_OK && err != MR_EUNKNOWN) {
        mri_intern_cut(&bus->sources, source_count); /* numbers are given by the log alone */
        mri_intern_cut(&bus->names, name_count);
        return err; /* MR_EUNKNOWN: the batch is in the log, only its durability is not known */
    }
    MRI_ASSERT(ack.first.n == batch->base_seq);
    for (uint32_t i = 0; i < batch->count; i++) {
        struct mri_event event = mri_batch_event(batch, i);
        mr_err taken = take(bus, &event, &bus->numbers[i]);
        MRI_ASSERT(taken == MR_OK); /* everything that can fail was prepared */
    }
    bus->last_seq = ack.last.n;
    bus->chain_crc = ack.chain_crc;
    if (ret_ack != NULL) {
        *ret_ack = ack;
    }
    return err;
}

static void save_intern(const struct mri_intern *intern, struct mri_buf *buf)
{
    mri_buf_put(buf, &intern->count, sizeof(intern->count));
    mri_buf_put(buf, intern->entries, intern->count * sizeof(*intern->entries));
}

static mr_err load_intern(struct mri_intern *intern, struct mri_unpack *unpack)
{
    uint32_t count = mri_unpack_count(unpack, intern->count_max, sizeof(struct mri_intern_entry));
    mr_err err = unpack->err;
    for (uint32_t i = 0; i < count && err == MR_OK; i++) {
        struct mri_intern_entry entry;
        uint32_t number;
        mri_unpack_take(unpack, &entry, sizeof(entry));
        if (entry.bytes > MRI_INTERN_BYTES_MAX) {
            return MR_ECORRUPT;
        }
        err = mri_intern_add(intern, (struct mri_slice){entry.text, entry.bytes}, &number);
        if (err != MR_OK || number != i) {
            return MR_ECORRUPT; /* the reserved sources are there already, in the same order */
        }
    }
    return err;
}

void mri_bus_save(const struct mri_bus *bus, const struct mri_bus_since *since, struct mri_buf *buf)
{
    mri_slots_save(&bus->slots, since->seq, buf);
    mri_keys_save(&bus->keys, since->signals, buf);
    mri_buf_put(buf, &bus->last_seq, sizeof(bus->last_seq));
    mri_buf_put(buf, &bus->chain_crc, sizeof(bus->chain_crc));
    mri_buf_put(buf, &bus->event_time_unix_ns, sizeof(bus->event_time_unix_ns));
    mri_buf_put(buf, &bus->foreign_moves, sizeof(bus->foreign_moves));
    save_intern(&bus->sources, buf);
    save_intern(&bus->names, buf);
    mri_claims_save(&bus->claims, buf);
    mri_observed_save(&bus->observed, buf);
}

/** Do the tables name only what is in the other tables? */
static bool are_numbers_good(const struct mri_bus *bus)
{
    for (uint32_t ordinal = 1; ordinal <= bus->slots.count; ordinal++) {
        const struct mri_slot *slot = mri_slots_get(&bus->slots, ordinal);
        if (slot->source >= bus->sources.count || slot->name >= bus->names.count) {
            return false;
        }
    }
    for (uint32_t i = 0; i < bus->claims.queue.count; i++) {
        int64_t due;
        if (mri_due_queue_at(&bus->claims.queue, i, &due) > bus->slots.count) {
            return false;
        }
    }
    for (uint32_t i = 0; i < bus->keys.capacity; i++) {
        if (bus->keys.entries[i].ordinal > bus->slots.count) {
            return false;
        }
    }
    return true;
}

mr_err mri_bus_load_base(
    struct mri_bus *bus, const struct mri_bus_since *since, struct mri_unpack *unpack)
{
    bool is_next = bus->slots.count == since->signals;
    mr_err err = is_next ? mri_slots_load(&bus->slots, since->seq, unpack) : MR_ECORRUPT;
    return err == MR_OK ? mri_keys_load(&bus->keys, since->signals, unpack) : err;
}

mr_err mri_bus_load(
    struct mri_bus *bus, const struct mri_bus_since *since, struct mri_unpack *unpack)
{
    mr_err err = mri_bus_load_base(bus, since, unpack);
    if (err != MR_OK) {
        return err;
    }
    mri_unpack_take(unpack, &bus->last_seq, sizeof(bus->last_seq));
    mri_unpack_take(unpack, &bus->chain_crc, sizeof(bus->chain_crc));
    mri_unpack_take(unpack, &bus->event_time_unix_ns, sizeof(bus->event_time_unix_ns));
    mri_unpack_take(unpack, &bus->foreign_moves, sizeof(bus->foreign_moves));
    err = load_intern(&bus->sources, unpack);
    if (err == MR_OK) {
        err = load_intern(&bus->names, unpack);
    }
    if (err == MR_OK) {
        err = mri_claims_load(&bus->claims, unpack);
    }
    if (err == MR_OK) {
        err = mri_observed_load(&bus->observed, unpack);
    }
    if (err == MR_OK) {
        err = mri_slots_check(&bus->slots);
    }
    return err == MR_OK && !are_numbers_good(bus) ? MR_ECORRUPT : err;
}
