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
 *  4. A block whose `changed_seqs` is at most S is byte for byte as it was at event S, when the
 * table was loaded or saved there: who changes a slot, its links included, notes the event.
 */
#include "bus/slots.h"

#include <string.h>

enum {
    CHUNK_SLOTS = 4096,
    CHUNK_BLOCKS = CHUNK_SLOTS / MRI_SLOTS_BLOCK,
    STATE_BITS = 4,
    STATE_MASK = (1 << STATE_BITS) - 1,
    ARRAY_FIRST = 64
};

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
    err = mri_alloc_array(
        alloc, made.chunk_count * (size_t)CHUNK_BLOCKS, sizeof(*made.changed_seqs), &block);
    if (err != MR_OK) {
        mri_slots_fini(&made);
        return err;
    }
    made.changed_seqs = block;
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
    mri_alloc_free(slots->alloc, slots->changed_seqs,
        slots->chunk_count * (size_t)CHUNK_BLOCKS * sizeof(*slots->changed_seqs));
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

/** A slot that an event changes. */
static struct mri_slot *change(struct mri_slots *slots, uint32_t ordinal, uint64_t seq)
{
    slots->changed_seqs[ordinal / MRI_SLOTS_BLOCK] = seq;
    return mri_slots_get(slots, ordinal);
}

static void list_append(struct mri_slots *slots, uint32_t ordinal, uint64_t seq)
{
    struct mri_slot *slot = change(slots, ordinal, seq);
    struct mri_state_list *list = &slots->states[slot->state];
    slot->state_prev = list->last;
    slot->state_next = 0;
    if (list->last != 0) {
        change(slots, list->last, seq)->state_next = ordinal;
    } else {
        list->first = ordinal;
    }
    list->last = ordinal;
    list->count++;
}

static void list_remove(struct mri_slots *slots, uint32_t ordinal, uint64_t seq)
{
    struct mri_slot *slot = change(slots, ordinal, seq);
    struct mri_state_list *list = &slots->states[slot->state];
    if (slot->state_prev != 0) {
        change(slots, slot->state_prev, seq)->state_next = slot->state_next;
    } else {
        list->first = slot->state_next;
    }
    if (slot->state_next != 0) {
        change(slots, slot->state_next, seq)->state_prev = slot->state_prev;
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
    list_append(slots, ordinal, slot->generated_seq);
    return MR_OK;
}

void mri_slots_move(
    struct mri_slots *slots, uint32_t ordinal, const struct mri_signal_moved *move, uint64_t seq)
{
    struct mri_slot *slot = mri_slots_get(slots, ordinal);
    MRI_ASSERT(slot != NULL && slot->state == move->from && move->to < MR_STATE_COUNT);
    list_remove(slots, ordinal, seq);
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
    list_append(slots, ordinal, seq);
}

void mri_slots_touch(struct mri_slots *slots, uint32_t ordinal, uint64_t seq)
{
    MRI_ASSERT(ordinal > 0 && ordinal <= slots->count);
    change(slots, ordinal, seq)->last_seq = seq;
}

/** The slots of a block that there are. */
struct block {
    uint32_t first; /**< ordinal */
    uint32_t count;
};

static struct block block_at(uint32_t index, uint32_t signal_count)
{
    uint32_t first = index == 0 ? 1 : index * MRI_SLOTS_BLOCK;
    uint32_t end = (index + 1) * MRI_SLOTS_BLOCK; /* ordinals have 28 bits */
    end = end <= signal_count ? end : signal_count + 1;
    return (struct block){.first = first, .count = end > first ? end - first : 0};
}

static uint32_t count_blocks(uint32_t signal_count)
{
    return signal_count == 0 ? 0 : signal_count / MRI_SLOTS_BLOCK + 1;
}

void mri_slots_save(const struct mri_slots *slots, uint64_t since_seq, struct mri_buf *buf)
{
    uint32_t blocks = count_blocks(slots->count);
    uint32_t saved = 0;
    for (uint32_t i = 0; i < blocks; i++) {
        saved += since_seq == 0 || slots->changed_seqs[i] > since_seq;
    }
    mri_buf_put(buf, &slots->count, sizeof(slots->count));
    mri_buf_put(buf, slots->states, sizeof(slots->states));
    mri_buf_put(buf, &saved, sizeof(saved));
    for (uint32_t i = 0; i < blocks; i++) {
        struct block block = block_at(i, slots->count);
        if (since_seq == 0 || slots->changed_seqs[i] > since_seq) {
            mri_buf_put(buf, &i, sizeof(i));
            mri_buf_put(
                buf, mri_slots_get(slots, block.first), block.count * sizeof(struct mri_slot));
        }
    }
}

static bool is_slot_good(const struct mri_slots *slots, const struct mri_slot *slot)
{
    return slot->symbol < slots->limits.symbols_max && slot->source < slots->limits.sources_max &&
           slot->state < MR_STATE_COUNT && slot->state_next <= slots->count &&
           slot->state_prev <= slots->count;
}

/** Put a loaded slot into the arrays; they must grow in the order in which they grew before. */
static mr_err load_entries(struct mri_slots *slots, uint32_t ordinal)
{
    const struct mri_slot *slot = mri_slots_get(slots, ordinal);
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

/** Change a slot that there is: what was said when the signal was emitted stays. */
static mr_err replace(struct mri_slots *slots, uint32_t ordinal, const struct mri_slot *slot)
{
    struct mri_slot *place = mri_slots_get(slots, ordinal);
    if (slot->symbol != place->symbol || slot->source != place->source ||
        slot->symbol_index != place->symbol_index || slot->source_index != place->source_index) {
        return MR_ECORRUPT;
    }
    *place = *slot;
    slots->by_symbol[slot->symbol].entries[slot->symbol_index] = entry_of(ordinal, slot->state);
    slots->by_source[slot->source].entries[slot->source_index] = entry_of(ordinal, slot->state);
    return MR_OK;
}

/** @param had  signals that there were before; those behind them come in order, one by one */
static mr_err load_block(
    struct mri_slots *slots, struct block block, uint32_t had, struct mri_unpack *unpack)
{
    mr_err err = MR_OK;
    for (uint32_t i = 0; i < block.count && err == MR_OK; i++) {
        uint32_t ordinal = block.first + i;
        struct mri_slot slot;
        mri_unpack_take(unpack, &slot, sizeof(slot));
        err = unpack->err;
        if (err == MR_OK && !is_slot_good(slots, &slot)) {
            err = MR_ECORRUPT;
        } else if (err == MR_OK && ordinal <= had) {
            err = replace(slots, ordinal, &slot);
        } else if (err == MR_OK) {
            *mri_slots_get(slots, ordinal) = slot;
            err = load_entries(slots, ordinal);
        }
    }
    return err;
}

/** Has every signal been loaded? The arrays have an entry each. */
static bool are_all_there(const struct mri_slots *slots)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < slots->limits.symbols_max; i++) {
        sum += slots->by_symbol[i].count;
    }
    return sum == slots->count;
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

mr_err mri_slots_load(struct mri_slots *slots, uint64_t since_seq, struct mri_unpack *unpack)
{
    uint32_t had = slots->count;
    uint32_t count = 0;
    uint32_t saved = 0;
    uint32_t at = 0;
    MRI_ASSERT(since_seq != 0 || had == 0);
    mri_unpack_take(unpack, &count, sizeof(count));
    mri_unpack_take(unpack, slots->states, sizeof(slots->states));
    mri_unpack_take(unpack, &saved, sizeof(saved));
    mr_err err = unpack->err;
    size_t left = unpack->count - unpack->at;
    if (err == MR_OK && (count < had || count > slots->limits.signals_max ||
                            count - had > left / sizeof(struct mri_slot))) {
        err = MR_ECORRUPT;
    }
    if (err == MR_OK) {
        err = mri_slots_reserve(slots, count - had);
    }
    if (err != MR_OK) {
        return err;
    }
    slots->count = count;
    for (uint32_t i = 0; i < saved && err == MR_OK; i++) {
        uint32_t index = 0;
        mri_unpack_take(unpack, &index, sizeof(index));
        bool is_good = unpack->err == MR_OK && index >= at && index < count_blocks(count);
        err = is_good ? load_block(slots, block_at(index, count), had, unpack) : MR_ECORRUPT;
        at = index + 1;
    }
    return err == MR_OK && !are_all_there(slots) ? MR_ECORRUPT : err;
}

mr_err mri_slots_check(const struct mri_slots *slots)
{
    return are_lists_good(slots) ? MR_OK : MR_ECORRUPT;
}
