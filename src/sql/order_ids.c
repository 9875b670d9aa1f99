/* SPDX-License-Identifier: MIT */
/*
 * Attempts of orders.
 *
 * Invariants
 *  1. Attempts are counted back from the newest one, which the bus knows: the first ones may have
 *     been removed from the log.
 */
#include "sql/order_ids.h"

#include <stdlib.h>
#include <string.h>

#include "bus/event_codec.h"

enum { ATTEMPTS_FIRST = 64, EVENTS_A_LOOK = 4096 };

struct mri_order_attempt {
    uint64_t intent_seq;
    uint32_t ordinal;
    uint16_t leg;
    uint16_t attempt;
};

bool mri_order_ids_is_open(const struct mri_order_ids *ids)
{
    bool is_open = false;
    for (uint32_t i = 0; i < ids->table->queue.count && !ids->is_read && !is_open; i++) {
        uint32_t ordinal;
        unsigned leg;
        is_open = mri_order_table_at(ids->table, i, &ordinal, &leg)->attempt > 1;
    }
    return is_open;
}

void mri_order_ids_fini(struct mri_order_ids *ids)
{
    if (ids != NULL && ids->alloc != NULL) {
        mri_alloc_free(ids->alloc, ids->attempts, ids->room * sizeof(*ids->attempts));
        *ids = (struct mri_order_ids){.alloc = NULL};
    }
}

/** The intent of an event's order, and its leg. */
static bool find_intent(const struct mri_event *event, uint64_t *ret_intent_seq, unsigned *ret_leg)
{
    const struct mri_event_kind *kind = mri_event_kind(event->type);
    const uint8_t *at = event->body;
    bool is_intent = event->type == MRI_EVENT_ORDER_INTENT;
    bool has_leg = false;
    *ret_intent_seq = is_intent ? event->seq : 0;
    for (unsigned i = 0; kind != NULL && i < kind->field_count; i++) {
        const struct mri_field *field = &kind->fields[i];
        uint64_t number = mri_field_unsigned(field->kind, at);
        if (field->kind == MRI_FIELD_ref && strcmp(field->name, "intent") == 0) {
            *ret_intent_seq = mri_ref_seq(number, event->seq);
        } else if (field->kind == MRI_FIELD_leg) {
            *ret_leg = (unsigned)number;
            has_leg = number < MRI_LEG_COUNT;
        }
        at += mri_field_bytes(field->kind);
    }
    return has_leg && *ret_intent_seq != 0 && event->ordinal != 0;
}

static int compare(const void *a, const void *b)
{
    const struct mri_order_attempt *x = a;
    const struct mri_order_attempt *y = b;
    int order = (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
    order = order != 0 ? order : (x->leg > y->leg) - (x->leg < y->leg);
    return order != 0 ? order : (x->intent_seq > y->intent_seq) - (x->intent_seq < y->intent_seq);
}

static mr_err add(struct mri_order_ids *ids, const struct mri_event *event)
{
    uint64_t intent_seq;
    unsigned leg;
    if (!mri_order_table_is_outside(event) || !find_intent(event, &intent_seq, &leg)) {
        return MR_OK;
    }
    const struct mri_table_order *order = mri_order_table_find(ids->table, event->ordinal, leg);
    if (order == NULL || order->attempt < 2) {
        return MR_OK;
    }
    if (ids->count == ids->room) {
        void *block = ids->attempts;
        uint32_t room = ids->room == 0 ? ATTEMPTS_FIRST : ids->room * 2;
        mr_err err = mri_alloc_resize(
            ids->alloc, &block, ids->room * sizeof(*ids->attempts), room * sizeof(*ids->attempts));
        if (err != MR_OK) {
            return err;
        }
        ids->attempts = block;
        ids->room = room;
    }
    ids->attempts[ids->count++] = (struct mri_order_attempt){
        .intent_seq = intent_seq, .ordinal = event->ordinal, .leg = (uint16_t)leg};
    return MR_OK;
}

static void number_all(struct mri_order_ids *ids)
{
    if (ids->count > 0) {
        qsort(ids->attempts, ids->count, sizeof(*ids->attempts), compare);
    }
    for (uint32_t i = ids->count; i-- > 0;) {
        struct mri_order_attempt *one = &ids->attempts[i];
        const struct mri_order_attempt *later = i + 1 < ids->count ? one + 1 : NULL;
        bool is_last = later == NULL || later->ordinal != one->ordinal || later->leg != one->leg;
        one->attempt = is_last ? mri_order_table_find(ids->table, one->ordinal, one->leg)->attempt
                               : (uint16_t)(later->attempt - 1);
    }
}

mr_err mri_order_ids_read(struct mri_order_ids *ids, mr_log_reader *reader, uint64_t first_seq,
    uint64_t last_seq, struct mri_guard *guard)
{
    mr_log_event record;
    struct mri_event event;
    ids->count = 0;
    mr_err err = mr_log_reader_seek(reader, (mr_seq){first_seq}, &guard->problem);
    for (uint64_t i = 0; err == MR_OK; i++) {
        if (i % EVENTS_A_LOOK == 0 && mri_guard_is_over(guard)) {
            return MR_AGAIN;
        }
        err = mr_log_reader_next(reader, &record, &guard->problem);
        if (err == MR_OK && record.seq.n > last_seq) {
            err = MR_END;
        }
        if (err == MR_OK && record.type == MRI_EVENT_ORDER_INTENT) {
            err = mri_event_decode(&record, &event);
            err = err == MR_OK ? add(ids, &event) : err;
        }
    }
    if (err != MR_END) {
        return err;
    }
    number_all(ids);
    ids->is_read = true;
    return MR_OK;
}

bool mri_order_ids_attempt(const struct mri_order_ids *ids, const struct mri_event *event,
    unsigned *ret_leg, unsigned *ret_attempt)
{
    uint64_t intent_seq;
    const struct mri_table_order *order = NULL;
    if (find_intent(event, &intent_seq, ret_leg)) {
        order = mri_order_table_find(ids->table, event->ordinal, *ret_leg);
    }
    if (order == NULL || intent_seq > order->intent_seq) {
        return false;
    }
    if (order->intent_seq == intent_seq || order->attempt == 1) {
        *ret_attempt = order->intent_seq == intent_seq ? order->attempt : 0;
        return true;
    }
    const struct mri_order_attempt key = {
        .intent_seq = intent_seq, .ordinal = event->ordinal, .leg = (uint16_t)*ret_leg};
    const struct mri_order_attempt *found =
        ids->count == 0 ? NULL
                        : bsearch(&key, ids->attempts, ids->count, sizeof(*ids->attempts), compare);
    *ret_attempt = found == NULL ? 0 : found->attempt;
    return found != NULL;
}
