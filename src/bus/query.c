/* SPDX-License-Identifier: MIT */
/*
 * Queries over the signal table.
 *
 * A plan is the shortest sequence that holds every match; it is scanned from the newest end until
 * the limit is reached. "Newest" is creation order, so the list of a state, which is in order of
 * entering, is sorted first.
 *
 * Invariants
 *  1. The ordinals found do not depend on the plan; `scanned` does, and `is_cut` when exactly limit
 *     signals match.
 */
#include "bus/query.h"

#include <stdlib.h>

const struct mri_query mri_query_all = {
    .state = MRI_QUERY_ANY,
    .symbol = MRI_QUERY_ANY,
    .source = MRI_QUERY_ANY,
    .name = MRI_QUERY_ANY,
    .since_unix_ns = INT64_MIN,
    .until_unix_ns = INT64_MAX,
    .limit = 100,
};

/** How the slots pack an entry: (ordinal, state). */
enum { STATE_MASK = 15, STATE_BITS = 4 };

/**
 * The list of a state must be walked through memory and sorted, while an array is there in order: a
 * list is taken only when it is so many times shorter. An estimate: the log2 of a list of tens of
 * thousands, which is what sorting costs an entry.
 */
enum { SORT_COST = 16 };

/** Candidates in creation order: an array of entries, or ordinals 1..count when it is NULL. */
struct plan {
    const uint32_t *entries;
    uint32_t count;
    bool has_state; /**< the low bits of an entry are the signal's state */
};

bool mri_query_match(const struct mri_query *query, const struct mri_slot *slot, uint32_t ordinal)
{
    return (query->state == MRI_QUERY_ANY || slot->state == query->state) &&
           (query->symbol == MRI_QUERY_ANY || slot->symbol == query->symbol) &&
           (query->source == MRI_QUERY_ANY || slot->source == query->source) &&
           (query->name == MRI_QUERY_ANY || slot->name == query->name) &&
           slot->event_time_unix_ns >= query->since_unix_ns &&
           slot->event_time_unix_ns < query->until_unix_ns &&
           (query->filter == NULL || mri_filter_match(query->filter, slot, ordinal));
}

uint32_t mri_query_states(const struct mri_query *query)
{
    uint32_t states = query->filter == NULL ? UINT32_MAX : query->filter->states;
    return query->state == MRI_QUERY_ANY   ? states
           : query->state < MR_STATE_COUNT ? states & 1U << query->state
                                           : 0;
}

/** Is the signal past where the answer is to go on? */
static bool is_beyond(uint32_t ordinal, const struct mri_query *query)
{
    return query->beyond == 0 ||
           (query->is_oldest_first ? ordinal > query->beyond : ordinal < query->beyond);
}

static void scan(const struct mri_bus *bus, const struct mri_query *query, const struct plan *plan,
    uint32_t *ordinals, struct mri_query_result *result)
{
    uint32_t states = mri_query_states(query);
    for (uint32_t i = 0; i < plan->count; i++) {
        uint32_t at = query->is_oldest_first ? i : plan->count - 1 - i;
        uint32_t entry = plan->entries == NULL ? at + 1 : plan->entries[at];
        uint32_t ordinal = plan->has_state ? entry >> STATE_BITS : entry;
        if (result->count == query->limit) {
            result->is_cut = true;
            return;
        }
        result->scanned++;
        bool is_other_state = plan->has_state && (states >> (entry & STATE_MASK) & 1) == 0;
        if (!is_other_state && is_beyond(ordinal, query) &&
            mri_query_match(query, mri_slots_get(&bus->slots, ordinal), ordinal)) {
            ordinals[result->count++] = ordinal;
        }
    }
}

static int compare_ordinals(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/** The list of a state as a sorted array. */
static mr_err sort_state(const struct mri_bus *bus, uint32_t state, uint32_t **ret_ordinals)
{
    const struct mri_state_list *list = &bus->slots.states[state];
    void *block;
    mr_err err = mri_alloc_array(bus->alloc, list->count, sizeof(uint32_t), &block);
    if (err != MR_OK) {
        return err;
    }
    uint32_t *ordinals = block;
    uint32_t count = 0;
    for (uint32_t at = list->first; at != 0; at = mri_slots_get(&bus->slots, at)->state_next) {
        ordinals[count++] = at;
    }
    MRI_ASSERT(count == list->count);
    qsort(ordinals, count, sizeof(*ordinals), compare_ordinals);
    *ret_ordinals = ordinals;
    return MR_OK;
}

static void consider(struct plan *plan, const struct mri_slot_array *array)
{
    if (array->count < plan->count) {
        *plan = (struct plan){.entries = array->entries, .count = array->count, .has_state = true};
    }
}

static void consider_groups(
    const struct mri_slots *slots, uint32_t symbol, uint32_t source, struct plan *plan)
{
    if (symbol < slots->limits.symbols_max) {
        consider(plan, &slots->by_symbol[symbol]);
    }
    if (source < slots->limits.sources_max) {
        consider(plan, &slots->by_source[source]);
    }
}

mr_err mri_query_run(const struct mri_bus *bus, const struct mri_query *query, uint32_t *ordinals,
    struct mri_query_result *ret_result)
{
    const struct mri_slots *slots = &bus->slots;
    struct mri_query_result result = {0};
    struct plan plan = {.count = slots->count};
    const struct mri_filter *filter = query->filter;
    consider_groups(slots, query->symbol, query->source, &plan);
    if (filter != NULL) {
        consider_groups(slots, filter->symbol, filter->source, &plan);
    }
    uint32_t *sorted = NULL;
    uint32_t sorted_count = 0;
    uint32_t states = mri_query_states(query) & ((1U << MR_STATE_COUNT) - 1);
    bool is_one_state = states != 0 && (states & (states - 1)) == 0;
    uint32_t state = is_one_state ? (uint32_t)__builtin_ctz(states) : MR_STATE_COUNT;
    bool is_by_state = is_one_state && slots->states[state].count < plan.count / SORT_COST;
    if (is_by_state || states == 0) { /* or nothing can match */
        sorted_count = is_by_state ? slots->states[state].count : 0;
        plan = (struct plan){.count = sorted_count};
    }
    if (sorted_count > 0) {
        mr_err err = sort_state(bus, state, &sorted);
        if (err != MR_OK) {
            return err;
        }
        plan.entries = sorted;
    }
    scan(bus, query, &plan, ordinals, &result);
    mri_alloc_free(bus->alloc, sorted, sorted_count * sizeof(*sorted));
    *ret_result = result;
    return MR_OK;
}
