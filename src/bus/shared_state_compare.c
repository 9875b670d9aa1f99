/* SPDX-License-Identifier: MIT */
/*
 * The shared state beside that of a bus that has folded the same events.
 *
 * Invariants
 *  1. What the bus has must be in the state, but for signals that are learned; what the state has
 *     must be in the bus; and all orders are the same.
 */
#include <string.h>

#include "base/problem.h"
#include "bus/shared_state.h"

static bool is_same_signal(const struct mri_signal *a, const struct mri_signal *b)
{
    return a->event_time_unix_ns == b->event_time_unix_ns && a->generated_seq == b->generated_seq &&
           a->last_seq == b->last_seq && a->moved_seq == b->moved_seq && a->ordinal == b->ordinal &&
           a->symbol == b->symbol && a->source == b->source && a->name == b->name &&
           a->side == b->side && a->state == b->state && a->gate == b->gate &&
           a->ended == b->ended && a->reason == b->reason && a->is_claimed == b->is_claimed;
}

static mr_err differs(mr_problem *problem, const char *what, uint32_t which)
{
    return mri_problem(problem, MR_ECORRUPT, "the shared state is not that of the log: %s %lu",
        what, (unsigned long)which);
}

/** Every signal that one must know is there, and all that is there is true. */
static mr_err compare_signals(
    const struct mri_signal_table *table, const struct mri_bus *bus, mr_problem *problem)
{
    const struct mri_slots *slots = &bus->slots;
    if (mri_signal_table_newest(table) != slots->count) {
        return differs(problem, "newest signal", mri_signal_table_newest(table));
    }
    if (!mri_signal_table_has_strays_right(table)) {
        return differs(problem, "strays among signals up to", slots->count);
    }
    for (uint32_t ordinal = 1; ordinal <= slots->count; ordinal++) {
        const struct mri_slot *slot = mri_slots_get(slots, ordinal);
        const struct mri_signal expected = mri_shared_state_expected(bus, ordinal);
        struct mri_signal found;
        mr_err err = mri_signal_table_get(table, ordinal, &found);
        bool is_gone = err == MR_NOT_FOUND && slot->state == MR_LEARNED;
        if (!is_gone && (err != MR_OK || !is_same_signal(&expected, &found) ||
                            !mri_signal_table_is_sound(table, ordinal))) {
            return differs(problem, "signal", ordinal);
        }
    }
    return MR_OK;
}

/** A list leads through the signals that the bus has in that state, in the same order. */
static mr_err compare_list(const struct mri_signal_table *table, const struct mri_slots *slots,
    unsigned state, mr_problem *problem)
{
    uint32_t slot = mri_signal_table_list_end(table, (mr_state)state, false);
    uint32_t before = UINT32_MAX;
    uint64_t count = 0;
    for (uint32_t at = slots->states[state].first; at != 0;
         at = mri_slots_get(slots, at)->state_next) {
        struct mri_signal known;
        struct mri_signal listed;
        if (mri_signal_table_get(table, at, &known) != MR_OK) {
            continue; /* learned, and gone */
        }
        if (slot == UINT32_MAX) {
            return differs(problem, "the end of the list of state", state);
        }
        mri_signal_table_slot(table, slot, &listed);
        if (listed.ordinal != at || mri_signal_table_list_next(table, slot, false) != before) {
            return differs(problem, "the order in the list of state", state);
        }
        before = slot;
        slot = mri_signal_table_list_next(table, slot, true);
        count++;
    }
    return slot == UINT32_MAX && mri_signal_table_count(table, (mr_state)state) == count &&
                   mri_signal_table_list_end(table, (mr_state)state, true) == before
               ? MR_OK
               : differs(problem, "the length of the list of state", state);
}

/** Is the next signal of a walk, among those in some states, this one? */
static bool is_next(const struct mri_signal_table *table, struct mri_signal_walk *walk,
    uint32_t states, uint32_t ordinal)
{
    uint64_t scanned = 0;
    struct mri_signal found;
    uint32_t slot;
    if (mri_signal_table_walk(table, walk, states, 1, &slot, &scanned) == 0) {
        return ordinal == 0;
    }
    mri_signal_table_slot(table, slot, &found);
    return found.ordinal == ordinal;
}

/** The array of a group has its signals, newest first, with their states, and no others. */
static bool is_same_group(const struct mri_signal_table *table, const struct mri_slots *slots,
    struct mri_signal_walk walk, const struct mri_slot_array *array)
{
    enum { STATE_BITS = 4 };
    for (uint32_t i = array->count; i > 0; i--) {
        uint32_t ordinal = array->entries[i - 1] >> STATE_BITS;
        struct mri_signal known;
        if (mri_signal_table_get(table, ordinal, &known) != MR_OK) {
            continue; /* learned, and gone */
        }
        uint32_t state = (uint32_t)1 << mri_slots_get(slots, ordinal)->state;
        struct mri_signal_walk same = walk;
        if (!is_next(table, &same, state, ordinal) || !is_next(table, &walk, UINT32_MAX, ordinal)) {
            return false;
        }
    }
    return is_next(table, &walk, UINT32_MAX, 0);
}

static mr_err compare_groups(
    const struct mri_signal_table *table, const struct mri_slots *slots, mr_problem *problem)
{
    for (uint32_t i = 0; i < slots->limits.symbols_max; i++) {
        if (!is_same_group(
                table, slots, mri_signal_table_walk_symbol(table, i), &slots->by_symbol[i])) {
            return differs(problem, "signals of symbol", i);
        }
    }
    for (uint32_t i = 0; i < slots->limits.sources_max; i++) {
        if (!is_same_group(
                table, slots, mri_signal_table_walk_source(table, i), &slots->by_source[i])) {
            return differs(problem, "signals of source", i);
        }
    }
    return MR_OK;
}

static mr_err compare_texts(const struct mri_shared_texts *texts, const struct mri_intern *intern,
    const char *what, mr_problem *problem)
{
    if (mri_shared_texts_count(texts) != intern->count) {
        return differs(problem, what, intern->count);
    }
    for (uint32_t i = 0; i < intern->count; i++) {
        char text[MRI_INTERN_BYTES_MAX];
        struct mri_slice expected = mri_intern_text(intern, i);
        size_t bytes = mri_shared_texts_copy(texts, i, text);
        if (bytes != expected.count || memcmp(text, expected.bytes, bytes) != 0) {
            return differs(problem, what, i);
        }
    }
    return MR_OK;
}

static mr_err compare_keys(
    const struct mri_shared_keys *keys, const struct mri_keys *known, mr_problem *problem)
{
    if (!mri_shared_keys_is_whole(keys)) {
        return MR_OK;
    }
    if (mri_shared_keys_count(keys) != known->count) {
        return differs(problem, "the number of keys, which is not", known->count);
    }
    for (uint32_t i = 0; i < known->capacity; i++) {
        const struct mri_key_entry *entry = &known->entries[i];
        if (entry->ordinal != 0 && mri_shared_keys_find(keys, &entry->key) != entry->ordinal) {
            return differs(problem, "the key of signal", entry->ordinal);
        }
    }
    return MR_OK;
}

mr_err mri_shared_state_compare(
    const struct mri_shared_state *state, const struct mri_bus *bus, mr_problem *reterr_problem)
{
    mr_err err = compare_texts(&state->sources, &bus->sources, "source", reterr_problem);
    if (err == MR_OK) {
        err = compare_texts(&state->names, &bus->names, "name", reterr_problem);
    }
    if (err == MR_OK) {
        err = compare_keys(&state->keys, &bus->keys, reterr_problem);
    }
    if (err == MR_OK && mri_shared_state_event_time_unix_ns(state) != bus->event_time_unix_ns) {
        err = differs(reterr_problem, "event time of seq", (uint32_t)bus->last_seq);
    }
    if (err == MR_OK) {
        err = compare_signals(&state->table, bus, reterr_problem);
    }
    for (unsigned i = 0; i < MR_STATE_COUNT && err == MR_OK; i++) {
        err = compare_list(&state->table, &bus->slots, i, reterr_problem);
    }
    return err == MR_OK ? compare_groups(&state->table, &bus->slots, reterr_problem) : err;
}
