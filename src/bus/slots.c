/* SPDX-License-Identifier: MIT */
/*
 * The signal table.
 *
 * Invariants
 *  1. slots 1..count exist, in chunks that never move; the entry of a slot in its symbol's and its
 *     source's array has the slot's ordinal and state.
 *  2. Every slot is in the list of its state, and in no other; `count` of the lists adds up to
 *     `count`.
 *  3. The content depends on the events alone, in log order.
 */
#include "bus/slots.h"

#include <string.h>

enum { CHUNK_SLOTS = 4096, STATE_BITS = 4, STATE_MASK = (1 << STATE_BITS) - 1, ARRAY_FIRST = 64 };

mr_err mri_slots_init(
    struct mri_slots *slots, const struct mri_alloc *alloc, const struct mri_slots_limits *limits)
{
    if (limits->signals_max == 0 || limits->signals_max > MRI_ORDINAL_MAX ||
        limits->symbols_max == 0 || limits->sources_max == 0 || limits->sources_max > UINT16_MAX) {
        return MR_EINVAL;
    }
    struct mri_slots made = {.alloc = alloc, .limits = *limits};
    made.chunk_count = limits->signals_max / CHUNK_SLOTS + 1;
    void *block;
    mr_err err = mri_alloc_array(alloc, made.chunk_count, sizeof(struct mri_slot *), &block);
    if (err != MR_OK) {
        return err;
    }
    made.chunks = block;
    err = mri_alloc_array(alloc, limits->symbols_max, sizeof(*made.by_symbol), &block);
    if (err == MR_OK) {
        made.by_symbol = block;
        err = mri_alloc_array(alloc, limits->sources_max, sizeof(*made.by_source), &block);
    }
    if (err != MR_OK) {
        mri_slots_fini(&made);
        return err;
    }
    made.by_source = block;
    *slots = made;
    return MR_OK;
}

static void free_arrays(
    const struct mri_alloc *alloc, struct mri_slot_array *arrays, uint32_t count)
{
    for (uint32_t i = 0; arrays != NULL && i < count; i++) {
        mri_alloc_free(alloc, arrays[i].entries, arrays[i].capacity * sizeof(*arrays[i].entries));
    }
    mri_alloc_free(alloc, arrays, count * sizeof(*arrays));
}

void mri_slots_fini(struct mri_slots *slots)
{
    if (slots == NULL || slots->alloc == NULL) {
        return;
    }
    for (uint32_t i = 0; i < slots->chunk_count; i++) {
        mri_alloc_free(slots->alloc, slots->chunks[i], CHUNK_SLOTS * sizeof(struct mri_slot));
    }
    mri_alloc_free(slots->alloc, slots->chunks, slots->chunk_count * sizeof(struct mri_slot *));
    free_arrays(slots->alloc, slots->by_symbol, slots->limits.symbols_max);
    free_arrays(slots->alloc, slots->by_source, slots->limits.sources_max);
    *slots = (struct mri_slots){0};
}

struct mri_slot *mri_slots_get(const struct mri_slots *slots, uint32_t ordinal)
{
    if (ordinal == 0 || ordinal > slots->count) {
        return NULL;
    }
    return &slots->chunks[ordinal / CHUNK_SLOTS][ordinal % CHUNK_SLOTS];
}

mr_err mri_slots_reserve(struct mri_slots *slots, uint32_t more)
{
    if (more > slots->limits.signals_max - slots->count) {
        return MR_FULL;
    }
    uint32_t last = (slots->count + more) / CHUNK_SLOTS;
    for (uint32_t i = slots->count / CHUNK_SLOTS; i <= last; i++) {
        if (slots->chunks[i] != NULL) {
            continue;
        }
        void *block;
        mr_err err = mri_alloc_array(slots->alloc, CHUNK_SLOTS, sizeof(struct mri_slot), &block);
        if (err != MR_OK) {
            return err;
        }
        slots->chunks[i] = block;
    }
    return MR_OK;
}

static uint32_t entry_of(uint32_t ordinal, unsigned state)
{
    return ordinal << STATE_BITS | state;
}

static mr_err array_reserve(
    const struct mri_alloc *alloc, struct mri_slot_array *array, uint32_t more)
{
    uint32_t capacity = array->capacity == 0 ? ARRAY_FIRST : array->capacity;
    while (capacity - array->count < more) {
        capacity *= 2; /* there are fewer than 2^28 signals */
    }
    if (capacity == array->capacity) {
        return MR_OK;
    }
    void *block = array->entries;
    mr_err err = mri_alloc_resize(alloc, &block, array->capacity * sizeof(*array->entries),
        capacity * sizeof(*array->entries));
    if (err == MR_OK) {
        array->entries = block;
        array->capacity = capacity;
    }
    return err;
}

mr_err mri_slots_reserve_entries(
    struct mri_slots *slots, uint32_t symbol, uint16_t source, uint32_t more)
{
    if (symbol >= slots->limits.symbols_max || source >= slots->limits.sources_max) {
        return MR_ECORRUPT;
    }
    if (more > MRI_ORDINAL_MAX) {
        return MR_FULL;
    }
    mr_err err = array_reserve(slots->alloc, &slots->by_symbol[symbol], more);
    return err == MR_OK ? array_reserve(slots->alloc, &slots->by_source[source], more) : err;
}

static void list_append(struct mri_slots *slots, uint32_t ordinal)
{
    struct mri_slot *slot = mri_slots_get(slots, ordinal);
    struct mri_state_list *list = &slots->states[slot->state];
    slot->state_prev = list->last;
    slot->state_next = 0;
    if (list->last != 0) {
        mri_slots_get(slots, list->last)->state_next = ordinal;
    } else {
        list->first = ordinal;
    }
    list->last = ordinal;
    list->count++;
}

static void list_remove(struct mri_slots *slots, uint32_t ordinal)
{
    struct mri_slot *slot = mri_slots_get(slots, ordinal);
    struct mri_state_list *list = &slots->states[slot->state];
    if (slot->state_prev != 0) {
        mri_slots_get(slots, slot->state_prev)->state_next = slot->state_next;
    } else {
        list->first = slot->state_next;
    }
    if (slot->state_next != 0) {
        mri_slots_get(slots, slot->state_next)->state_prev = slot->state_prev;
    } else {
        list->last = slot->state_prev;
    }
    MRI_ASSERT(list->count > 0);
    list->count--;
}

mr_err mri_slots_create(struct mri_slots *slots, const struct mri_slot *slot)
{
    mr_err err = mri_slots_reserve_entries(slots, slot->symbol, slot->source, 1);
    if (err == MR_OK) {
        err = mri_slots_reserve(slots, 1);
    }
    if (err != MR_OK) {
        return err;
    }
    struct mri_slot_array *by_symbol = &slots->by_symbol[slot->symbol];
    struct mri_slot_array *by_source = &slots->by_source[slot->source];
    uint32_t ordinal = ++slots->count;
    *mri_slots_get(slots, ordinal) = (struct mri_slot){
        .event_time_unix_ns = slot->event_time_unix_ns,
        .generated_seq = slot->generated_seq,
        .last_seq = slot->generated_seq,
        .moved_seq = slot->generated_seq,
        .symbol = slot->symbol,
        .source = slot->source,
        .name = slot->name,
        .symbol_index = by_symbol->count,
        .source_index = by_source->count,
        .state = MR_GENERATED,
        .side = slot->side,
    };
    by_symbol->entries[by_symbol->count++] = entry_of(ordinal, MR_GENERATED);
    by_source->entries[by_source->count++] = entry_of(ordinal, MR_GENERATED);
    list_append(slots, ordinal);
    return MR_OK;
}

void mri_slots_move(
    struct mri_slots *slots, uint32_t ordinal, const struct mri_signal_moved *move, uint64_t seq)
{
    struct mri_slot *slot = mri_slots_get(slots, ordinal);
    MRI_ASSERT(slot != NULL && slot->state == move->from && move->to < MR_STATE_COUNT);
    list_remove(slots, ordinal);
    if (move->to == MR_LEARNED) {
        slot->ended = slot->state; /* gate and reason stay: they say how it ended */
    } else {
        slot->gate = move->gate;
        slot->reason = move->reason;
    }
    slot->state = move->to;
    slot->moved_seq = seq;
    slots->by_symbol[slot->symbol].entries[slot->symbol_index] = entry_of(ordinal, move->to);
    slots->by_source[slot->source].entries[slot->source_index] = entry_of(ordinal, move->to);
    list_append(slots, ordinal);
}

void mri_slots_save(const struct mri_slots *slots, struct mri_buf *buf)
{
    mri_buf_put(buf, &slots->count, sizeof(slots->count));
    mri_buf_put(buf, slots->states, sizeof(slots->states));
    for (uint32_t ordinal = 1; ordinal <= slots->count; ordinal++) {
        mri_buf_put(buf, mri_slots_get(slots, ordinal), sizeof(struct mri_slot));
    }
}

/** Put a loaded slot into the arrays; they must grow in the order in which they grew before. */
static mr_err load_entries(struct mri_slots *slots, uint32_t ordinal)
{
    const struct mri_slot *slot = mri_slots_get(slots, ordinal);
    if (slot->symbol >= slots->limits.symbols_max || slot->source >= slots->limits.sources_max ||
        slot->state >= MR_STATE_COUNT || slot->state_next > slots->count ||
        slot->state_prev > slots->count) {
        return MR_ECORRUPT;
    }
    struct mri_slot_array *by_symbol = &slots->by_symbol[slot->symbol];
    struct mri_slot_array *by_source = &slots->by_source[slot->source];
    if (slot->symbol_index != by_symbol->count || slot->source_index != by_source->count) {
        return MR_ECORRUPT;
    }
    mr_err err = mri_slots_reserve_entries(slots, slot->symbol, slot->source, 1);
    if (err == MR_OK) {
        by_symbol->entries[by_symbol->count++] = entry_of(ordinal, slot->state);
        by_source->entries[by_source->count++] = entry_of(ordinal, slot->state);
    }
    return err;
}

/** Walk the list of every state: each slot must be in the list of its state, once. */
static bool are_lists_good(const struct mri_slots *slots)
{
    uint64_t sum = 0;
    for (unsigned state = 0; state < MR_STATE_COUNT; state++) {
        const struct mri_state_list *list = &slots->states[state];
        uint32_t before = 0;
        uint32_t count = 0;
        uint32_t at = list->first;
        while (at != 0 && count < list->count) {
            const struct mri_slot *slot = mri_slots_get(slots, at);
            if (slot == NULL || slot->state != state || slot->state_prev != before) {
                return false;
            }
            before = at;
            at = slot->state_next;
            count++;
        }
        if (at != 0 || count != list->count || list->last != before) {
            return false;
        }
        sum += count;
    }
    return sum == slots->count;
}

mr_err mri_slots_load(struct mri_slots *slots, struct mri_unpack *unpack)
{
    MRI_ASSERT(slots->count == 0);
    uint32_t count = mri_unpack_count(unpack, slots->limits.signals_max, sizeof(struct mri_slot));
    mri_unpack_take(unpack, slots->states, sizeof(slots->states));
    mr_err err = unpack->err;
    if (err == MR_OK) {
        err = mri_slots_reserve(slots, count);
    }
    if (err != MR_OK) {
        return err;
    }
    slots->count = count;
    for (uint32_t ordinal = 1; ordinal <= count && err == MR_OK; ordinal++) {
        mri_unpack_take(unpack, mri_slots_get(slots, ordinal), sizeof(struct mri_slot));
        err = unpack->err == MR_OK ? load_entries(slots, ordinal) : unpack->err;
    }
    return err == MR_OK && !are_lists_good(slots) ? MR_ECORRUPT : err;
}
