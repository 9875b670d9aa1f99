/* SPDX-License-Identifier: MIT */
/*
 * Queries over the signal table.
 *
 * A plan is the shortest sequence that holds every match; it is scanned from the newest end until
 * the limit is reached. "Newest" is creation order, so the list of a state, which is in order of
 * entering, is sorted first.
 *
 * Of each sequence only the part is taken whose ordinals may match. An id names one of them.
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

/** Candidates in creation order: an array of entries, or ordinals from `first` on when it is NULL.
 */
struct plan {
    const uint32_t *entries;
    uint32_t first;
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

static bool is_empty(struct mri_filter_range range)
{
    return range.low > range.high;
}

struct mri_query_span mri_query_ordinals(const struct mri_query *query, uint32_t newest)
{
    const struct mri_query_span none = {1, 0};
    struct mri_filter_range range = {1, newest};
    if (query->filter != NULL) {
        const struct mri_filter_range asked = query->filter->ordinals;
        range.low = asked.low > range.low ? asked.low : range.low;
        range.high = asked.high < range.high ? asked.high : range.high;
    }
    if (query->beyond != 0 && query->is_oldest_first) {
        range.low = range.low > query->beyond ? range.low : (int64_t)query->beyond + 1;
    } else if (query->beyond != 0) {
        range.high = range.high < query->beyond ? range.high : (int64_t)query->beyond - 1;
    }
    return is_empty(range) ? none
                           : (struct mri_query_span){(uint32_t)range.low, (uint32_t)range.high};
}

/** The first ordinal in a span whose signal was emitted at or after a seq; behind it: none. */
static uint32_t first_from_seq(
    const struct mri_slots *slots, struct mri_query_span span, int64_t seq)
{
    uint32_t low = span.low;
    uint32_t high = span.high + 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if ((int64_t)mri_slots_get(slots, middle)->generated_seq < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct mri_query_span mri_query_ordinals_of(
    const struct mri_slots *slots, const struct mri_query *query, uint32_t newest)
{
    struct mri_query_span span = mri_query_ordinals(query, newest);
    if (query->filter == NULL || span.low > span.high) {
        return span;
    }
    const struct mri_filter_range seqs = query->filter->seqs;
    if (is_empty(seqs)) {
        return (struct mri_query_span){1, 0};
    }
    const uint32_t low = seqs.low == INT64_MIN ? span.low : first_from_seq(slots, span, seqs.low);
    if (seqs.high != INT64_MAX) {
        span.high = first_from_seq(slots, span, seqs.high + 1) - 1;
    }
    return (struct mri_query_span){low, span.high};
}

static void scan(const struct mri_bus *bus, const struct mri_query *query, const struct plan *plan,
    uint32_t *ordinals, struct mri_query_result *result)
{
    uint32_t states = mri_query_states(query);
    for (uint32_t i = 0; i < plan->count; i++) {
        uint32_t at = query->is_oldest_first ? i : plan->count - 1 - i;
        uint32_t entry = plan->entries == NULL ? plan->first + at : plan->entries[at];
        uint32_t ordinal = plan->has_state ? entry >> STATE_BITS : entry;
        if (result->count == query->limit) {
            result->is_cut = true;
            return;
        }
        result->scanned++;
        bool is_other_state = plan->has_state && (states >> (entry & STATE_MASK) & 1) == 0;
        if (!is_other_state &&
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

/** How many entries of an array have an ordinal below this one? */
static uint32_t count_below(const struct mri_slot_array *array, uint32_t ordinal)
{
    uint32_t low = 0;
    uint32_t high = array->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (array->entries[middle] >> STATE_BITS < ordinal) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void consider(
    struct plan *plan, const struct mri_slot_array *array, struct mri_query_span span)
{
    if (span.low > span.high) {
        return;
    }
    uint32_t first = count_below(array, span.low);
    uint32_t count = count_below(array, span.high + 1) - first;
    if (count < plan->count) {
        *plan = (struct plan){.entries = count == 0 ? NULL : array->entries + first,
            .count = count,
            .has_state = true};
    }
}

static void consider_groups(const struct mri_slots *slots, const struct mri_query *query,
    struct mri_query_span span, struct plan *plan)
{
    const struct mri_filter *filter = query->filter;
    const uint32_t symbols[] = {query->symbol, filter == NULL ? MRI_QUERY_ANY : filter->symbol};
    const uint32_t sources[] = {query->source, filter == NULL ? MRI_QUERY_ANY : filter->source};
    for (unsigned i = 0; i < 2; i++) {
        if (symbols[i] < slots->limits.symbols_max) {
            consider(plan, &slots->by_symbol[symbols[i]], span);
        }
        if (sources[i] < slots->limits.sources_max) {
            consider(plan, &slots->by_source[sources[i]], span);
        }
    }
}

/** The part of a sorted list that lies in the span. */
static struct plan part_of(const uint32_t *sorted, uint32_t count, struct mri_query_span span)
{
    uint32_t first = 0;
    uint32_t end = count;
    while (first < end && sorted[first] < span.low) {
        first++;
    }
    while (end > first && sorted[end - 1] > span.high) {
        end--;
    }
    return (struct plan){.entries = sorted + first, .count = end - first};
}

mr_err mri_query_run(const struct mri_bus *bus, const struct mri_query *query, uint32_t *ordinals,
    struct mri_query_result *ret_result)
{
    const struct mri_slots *slots = &bus->slots;
    struct mri_query_result result = {0};
    const struct mri_query_span span = mri_query_ordinals_of(slots, query, slots->count);
    struct plan plan = {.first = span.low};
    plan.count = span.low > span.high ? 0 : span.high - span.low + 1;
    consider_groups(slots, query, span, &plan);
    uint32_t *sorted = NULL;
    uint32_t sorted_count = 0;
    uint32_t states = mri_query_states(query) & ((1U << MR_STATE_COUNT) - 1);
    bool is_one_state = states != 0 && (states & (states - 1)) == 0;
    uint32_t state = is_one_state ? (uint32_t)__builtin_ctz(states) : MR_STATE_COUNT;
    bool is_by_state = is_one_state && slots->states[state].count < plan.count / SORT_COST;
    if (states == 0 || (is_by_state && slots->states[state].count == 0)) { /* nothing can match */
        plan.count = 0;
    } else if (is_by_state) {
        sorted_count = slots->states[state].count;
        mr_err err = sort_state(bus, state, &sorted);
        if (err != MR_OK) {
            return err;
        }
        plan = part_of(sorted, sorted_count, span);
    }
    scan(bus, query, &plan, ordinals, &result);
    mri_alloc_free(bus->alloc, sorted, sorted_count * sizeof(*sorted));
    *ret_result = result;
    return MR_OK;
}
