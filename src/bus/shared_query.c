/* SPDX-License-Identifier: MIT */
/*
 * Queries over the shared table.
 *
 * The shortest of these is gone through: the array of a symbol, of a source, the list of a state
 * (sorted first, it is in order of entering), or the slots in order of their ordinals.
 *
 * Ordinals that cannot match are left out where ordinals are gone through. A few of them, as those
 * of an id, are looked up one by one.
 *
 * In parts, the ordinals are gone through, some at a time: each part is of one moment, and a part
 * that somebody has changed meanwhile is gone through again, and smaller.
 *
 * Invariants
 *  1. Whatever a reader finds while others write, it goes through a bounded number of entries and
 *     never outside of the table.
 *  2. A signal is found by its ordinal wherever it lies, so one that strays between two parts is
 *     neither missed nor met twice.
 */
#include "bus/shared_query.h"

#include <stdlib.h>

#include "bus/signal_groups.h"

/** As in query.c: what sorting costs beside going through an array. */
enum { SORT_COST = 16 };

/** Ordinals of a part, and how often one is gone through before the log is asked. */
enum { PART_ORDINALS = 32768, PART_ORDINALS_MIN = 64, PART_TRIES = 1000 };

/** Signals of a group that are fetched together: one after the other each would be waited for. */
enum { AHEAD = 16 };

/** A query on its way. */
struct asking {
    const struct mri_signal_table *table;
    const struct mri_query *query;
    uint32_t *ordinals;
    struct mri_query_span span; /**< of the ordinals that may match */
    struct mri_query_result result;
    bool is_known;    /**< what the filter knows of every match is all that is asked for */
    bool is_of_group; /**< every signal of the group that is in one of the states matches */
};

static struct mri_slot slot_of(const struct mri_signal *signal)
{
    return (struct mri_slot){
        .event_time_unix_ns = signal->event_time_unix_ns,
        .generated_seq = signal->generated_seq,
        .last_seq = signal->last_seq,
        .moved_seq = signal->moved_seq,
        .symbol = signal->symbol,
        .source = signal->source,
        .name = signal->name,
        .state = signal->state,
        .side = signal->side,
        .gate = signal->gate,
        .ended = signal->ended,
        .reason = signal->reason,
    };
}

static bool has(uint32_t wanted, uint32_t number)
{
    return wanted == MRI_QUERY_ANY || wanted == number;
}

/** Does it have what the filter knows of every match? Most that do not match are left here. */
static bool has_known(const struct mri_filter *filter, const struct mri_signal *signal)
{
    return (filter->states >> (signal->state & 31) & 1) != 0 &&
           has(filter->symbol, signal->symbol) && has(filter->source, signal->source) &&
           has(filter->name, signal->name) && has(filter->gate, signal->gate);
}

static bool is_beyond(const struct mri_query *query, uint32_t ordinal)
{
    return query->beyond != 0 && ordinal >= query->beyond;
}

static bool is_match(const struct asking *asking, const struct mri_signal *signal)
{
    const struct mri_query *query = asking->query;
    if (signal->ordinal == 0 || is_beyond(query, signal->ordinal) ||
        (query->filter != NULL && !has_known(query->filter, signal))) {
        return false;
    }
    if (asking->is_known) {
        return true;
    }
    const struct mri_slot slot = slot_of(signal);
    return mri_query_match(query, &slot, signal->ordinal);
}

/** Take a signal in if it matches. Returns whether the answer is full. */
static bool consider(struct asking *asking, const struct mri_signal *signal)
{
    const struct mri_query *query = asking->query;
    struct mri_query_result *result = &asking->result;
    if (result->count == query->limit) {
        result->is_cut = true;
        return true;
    }
    result->scanned++;
    if (is_match(asking, signal)) {
        asking->ordinals[result->count++] = signal->ordinal;
    }
    return false;
}

static bool consider_slot(struct asking *asking, uint32_t slot)
{
    struct mri_signal signal;
    mri_signal_table_slot(asking->table, slot, &signal);
    return consider(asking, &signal);
}

/** consider_slot() of one that matches, by its group and its state there. */
static bool take_ordinal(struct asking *asking, uint32_t slot)
{
    const struct mri_query *query = asking->query;
    struct mri_query_result *result = &asking->result;
    uint32_t ordinal = mri_signal_table_ordinal(asking->table, slot);
    if (result->count == query->limit) {
        result->is_cut = true;
        return true;
    }
    if (ordinal != 0 && !is_beyond(query, ordinal)) {
        asking->ordinals[result->count++] = ordinal;
    }
    return false;
}

static void fetch(const struct mri_signal_table *table, uint32_t slot)
{
    __builtin_prefetch(table->slots + (size_t)slot * MRI_SIGNAL_SLOT_WORDS);
}

/** A group, newest first. */
static void go_through_group(struct asking *asking, struct mri_signal_walk walk)
{
    const struct mri_signal_table *table = asking->table;
    uint32_t states = mri_query_states(asking->query);
    uint64_t scanned = 0;
    uint32_t slots[AHEAD];
    bool is_more = true;
    bool is_full = false;
    while (is_more && !is_full && scanned <= 2 * (uint64_t)table->limits.slots_max) {
        uint32_t left = asking->query->limit - asking->result.count;
        uint32_t room = left < AHEAD ? left + 1 : (uint32_t)AHEAD; /* one says that there is more */
        uint32_t count = mri_signal_table_walk(table, &walk, states, room, slots, &scanned);
        is_more = count == room;
        for (uint32_t i = 0; i < count; i++) {
            fetch(table, slots[i]);
        }
        for (uint32_t i = 0; i < count && !is_full; i++) {
            is_full = asking->is_of_group ? take_ordinal(asking, slots[i])
                                          : consider_slot(asking, slots[i]);
        }
    }
    asking->result.scanned = scanned > UINT32_MAX ? UINT32_MAX : (uint32_t)scanned;
}

static int compare_newest_first(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x > y ? -1 : x < y;
}

static void go_through_ordinals(struct asking *asking, uint32_t *ordinals, uint32_t count)
{
    qsort(ordinals, count, sizeof(*ordinals), compare_newest_first);
    for (uint32_t i = 0; i < count; i++) {
        struct mri_signal signal;
        if (mri_signal_table_get(asking->table, ordinals[i], &signal) == MR_OK &&
            consider(asking, &signal)) {
            return;
        }
    }
}

/** The list of a state, sorted. */
static mr_err go_through_list(
    struct asking *asking, const struct mri_alloc *alloc, mr_state state, uint32_t count_max)
{
    void *block;
    mr_err err = mri_alloc_array(alloc, count_max, sizeof(uint32_t), &block);
    if (err != MR_OK) {
        return err;
    }
    uint32_t *ordinals = block;
    uint32_t count = 0;
    uint32_t at = mri_signal_table_list_end(asking->table, state, true);
    while (at != UINT32_MAX && count < count_max) {
        struct mri_signal signal;
        mri_signal_table_slot(asking->table, at, &signal);
        ordinals[count++] = signal.ordinal;
        at = mri_signal_table_list_next(asking->table, at, false);
    }
    go_through_ordinals(asking, ordinals, count);
    mri_alloc_free(alloc, ordinals, count_max * sizeof(*ordinals));
    return MR_OK;
}

/** Signals that are older than the table goes, up to an ordinal: those that are not learned. */
static mr_err go_through_old(struct asking *asking, const struct mri_alloc *alloc, uint32_t end)
{
    const struct mri_signal_table *table = asking->table;
    uint32_t slots = table->limits.slots_max;
    void *block;
    mr_err err = mri_alloc_array(alloc, slots, sizeof(uint32_t), &block);
    if (err != MR_OK) {
        return err;
    }
    uint32_t *ordinals = block;
    uint32_t count = 0;
    for (uint32_t i = 0; i < slots; i++) {
        struct mri_signal signal;
        mri_signal_table_slot(table, i, &signal);
        if (signal.ordinal != 0 && signal.ordinal <= end) {
            ordinals[count++] = signal.ordinal;
        }
    }
    go_through_ordinals(asking, ordinals, count);
    mri_alloc_free(alloc, ordinals, slots * sizeof(*ordinals));
    return MR_OK;
}

/**
 * The first ordinal of a span whose signal was emitted at or after a seq, which grows with the
 * ordinals. Where one is met that has left the table it is not looked for further: one that is too
 * low leaves nothing out.
 */
static uint32_t first_from_seq(
    const struct mri_signal_table *table, struct mri_query_span span, int64_t seq)
{
    uint32_t low = span.low;
    uint32_t high = span.high + 1;
    struct mri_signal signal;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (mri_signal_table_get(table, middle, &signal) != MR_OK) {
            break;
        }
        bool is_before = (int64_t)signal.generated_seq < seq;
        low = is_before ? middle + 1 : low;
        high = is_before ? high : middle;
    }
    return low;
}

/** The last one that was emitted at or before a seq; rather one that is too high. */
static uint32_t last_up_to_seq(
    const struct mri_signal_table *table, struct mri_query_span span, int64_t seq)
{
    uint32_t low = span.low;
    uint32_t high = span.high + 1;
    struct mri_signal signal;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (mri_signal_table_get(table, middle, &signal) != MR_OK) {
            low = middle + 1; /* those that are left are newer */
            continue;
        }
        bool is_before = (int64_t)signal.generated_seq <= seq;
        low = is_before ? middle + 1 : low;
        high = is_before ? high : middle;
    }
    return high - 1;
}

static struct mri_query_span span_of(const struct asking *asking)
{
    const struct mri_filter *filter = asking->query->filter;
    struct mri_query_span span =
        mri_query_ordinals(asking->query, mri_signal_table_newest(asking->table));
    if (filter == NULL || span.low > span.high) {
        return span;
    }
    if (filter->seqs.low != INT64_MIN) {
        span.low = first_from_seq(asking->table, span, filter->seqs.low);
    }
    if (filter->seqs.high != INT64_MAX && span.low <= span.high) {
        span.high = last_up_to_seq(asking->table, span, filter->seqs.high);
    }
    return span;
}

static uint32_t count_of(struct mri_query_span span)
{
    return span.low > span.high ? 0 : span.high - span.low + 1;
}

/** Are they so few that each is rather looked up than looked for? */
static bool is_few(const struct asking *asking)
{
    return count_of(asking->span) <= asking->table->limits.slots_max;
}

/** The oldest ordinal that the table goes to is the one behind it. */
static uint32_t end_of(const struct mri_signal_table *table, uint32_t newest)
{
    return newest > table->limits.slots_max ? newest - table->limits.slots_max : 0;
}

/** Ordinals from `first` down to the one before `end`. Returns whether the answer is full. */
static bool go_down(struct asking *asking, uint32_t first, uint32_t end)
{
    for (uint32_t ordinal = first; ordinal > end; ordinal--) {
        struct mri_signal signal;
        if (mri_signal_table_get(asking->table, ordinal, &signal) == MR_OK &&
            consider(asking, &signal)) {
            return true;
        }
    }
    return false;
}

static mr_err go_through_all(struct asking *asking, const struct mri_alloc *alloc)
{
    const struct mri_query_span span = asking->span;
    uint32_t end = end_of(asking->table, mri_signal_table_newest(asking->table));
    if (is_few(asking)) {
        (void)go_down(asking, span.high, span.low - 1); /* full or not, that was all */
        return MR_OK;
    }
    bool is_full = go_down(asking, span.high, end > span.low - 1 ? end : span.low - 1);
    return is_full || end < span.low ? MR_OK : go_through_old(asking, alloc, end);
}

/** The one state that a match can be in; MR_STATE_COUNT: there are several, or none. */
static uint32_t only_state(uint32_t states)
{
    return states != 0 && (states & (states - 1)) == 0 ? (uint32_t)__builtin_ctz(states)
                                                       : (uint32_t)MR_STATE_COUNT;
}

/** Do question and filter not name two groups? */
static bool is_same_group(const struct mri_query *query, bool is_by_symbol)
{
    uint32_t asked = is_by_symbol ? query->symbol : query->source;
    uint32_t known = is_by_symbol ? query->filter->symbol : query->filter->source;
    return asked == MRI_QUERY_ANY || known == MRI_QUERY_ANY || asked == known;
}

/** Does the group of a symbol or a source, and the state, say whether one matches? */
static bool is_of_group(const struct mri_query *query, bool is_by_symbol)
{
    const struct mri_filter *filter = query->filter;
    bool has_only_group = (is_by_symbol ? query->source : query->symbol) == MRI_QUERY_ANY &&
                          query->name == MRI_QUERY_ANY && query->since_unix_ns == INT64_MIN &&
                          query->until_unix_ns == INT64_MAX;
    return has_only_group &&
           (filter == NULL ||
               (filter->is_all && filter->name == MRI_QUERY_ANY && filter->gate == MRI_QUERY_ANY &&
                   (is_by_symbol ? filter->source : filter->symbol) == MRI_QUERY_ANY &&
                   is_same_group(query, is_by_symbol)));
}

static mr_err go_through(struct asking *asking, const struct mri_alloc *alloc)
{
    const struct mri_signal_table *table = asking->table;
    const struct mri_query *query = asking->query;
    const struct mri_filter *filter = query->filter;
    uint32_t symbol =
        query->symbol == MRI_QUERY_ANY && filter != NULL ? filter->symbol : query->symbol;
    uint32_t source =
        query->source == MRI_QUERY_ANY && filter != NULL ? filter->source : query->source;
    uint32_t states = mri_query_states(query) & ((1U << MR_STATE_COUNT) - 1);
    uint32_t state = only_state(states);
    asking->span = span_of(asking);
    uint64_t best = count_of(asking->span);
    uint64_t by_symbol = mri_signal_table_symbol_count(table, symbol);
    uint64_t by_source = mri_signal_table_source_count(table, source);
    if (states == 0 || best == 0) {
        return MR_OK;
    }
    best = symbol != MRI_QUERY_ANY && by_symbol < best ? by_symbol : best;
    best = source != MRI_QUERY_ANY && by_source < best ? by_source : best;
    if (state != MR_STATE_COUNT) {
        uint64_t listed = mri_signal_table_count(table, (mr_state)state);
        if (listed * SORT_COST < best && listed <= table->limits.slots_max) {
            return listed == 0 ? MR_OK
                               : go_through_list(asking, alloc, (mr_state)state, (uint32_t)listed);
        }
    }
    if (symbol != MRI_QUERY_ANY && best == by_symbol) {
        asking->is_of_group = is_of_group(query, true);
        go_through_group(asking, mri_signal_table_walk_symbol(table, symbol));
        return MR_OK;
    }
    if (source != MRI_QUERY_ANY && best == by_source) {
        asking->is_of_group = is_of_group(query, false);
        go_through_group(asking, mri_signal_table_walk_source(table, source));
        return MR_OK;
    }
    return go_through_all(asking, alloc);
}

/** Can no match be missing? What has left the table is learned, and older than a known one. */
static bool is_whole(const struct asking *asking)
{
    const struct mri_query_result *result = &asking->result;
    uint32_t gone = mri_signal_table_gone(asking->table);
    uint32_t count = count_of(asking->span);
    bool is_newer = count == 0 || asking->span.low > gone; /* than all that have left */
    if (gone == 0 || is_newer || result->count == count ||
        (mri_query_states(asking->query) & 1U << MR_LEARNED) == 0) {
        return true;
    }
    return result->count > 0 && result->count == asking->query->limit &&
           asking->ordinals[result->count - 1] > gone;
}

/** Is nothing asked for but what the filter knows? */
static bool is_known(const struct mri_query *query)
{
    return query->filter != NULL && query->filter->is_all && query->state == MRI_QUERY_ANY &&
           query->symbol == MRI_QUERY_ANY && query->source == MRI_QUERY_ANY &&
           query->name == MRI_QUERY_ANY && query->since_unix_ns == INT64_MIN &&
           query->until_unix_ns == INT64_MAX;
}

mr_err mri_shared_query_run(const struct mri_signal_table *table, const struct mri_alloc *alloc,
    const struct mri_query *query, uint32_t *ordinals, struct mri_query_result *ret_result)
{
    struct asking asking = {.table = table, .query = query, .is_known = is_known(query)};
    asking.ordinals = ordinals;
    if (query->is_oldest_first) {
        return MR_AGAIN;
    }
    mr_err err = go_through(&asking, alloc);
    *ret_result = asking.result;
    return err == MR_OK && !is_whole(&asking) ? MR_AGAIN : err;
}

/* ---- in parts -------------------------------------------------------------------------------- */

/** The newest ordinal of a moment. MR_AGAIN: it cannot be told. */
static mr_err look_newest(
    const struct asking *asking, const struct mri_shared_moments *moments, uint32_t *ret_newest)
{
    for (unsigned i = 0; i < PART_TRIES; i++) {
        uint32_t version;
        if (moments->look(moments->context, &version) != MR_OK) {
            return MR_AGAIN;
        }
        *ret_newest = mri_signal_table_newest(asking->table);
        if (moments->is_same(moments->context, version)) {
            return MR_OK;
        }
    }
    return MR_AGAIN;
}

/** The ordinals that the table goes to. */
static mr_err go_down_in_parts(struct asking *asking, const struct mri_shared_moments *moments,
    uint32_t newest, bool *ret_is_full)
{
    uint32_t first = asking->span.high;
    uint32_t end = is_few(asking) ? 0 : end_of(asking->table, newest);
    end = end > asking->span.low - 1 ? end : asking->span.low - 1;
    uint32_t part = PART_ORDINALS;
    unsigned tries = 0;
    *ret_is_full = false;
    while (first > end && !*ret_is_full) {
        const struct mri_query_result before = asking->result;
        uint32_t count = first - end < part ? first - end : part;
        uint32_t version;
        if (tries++ == PART_TRIES || moments->look(moments->context, &version) != MR_OK) {
            return MR_AGAIN;
        }
        *ret_is_full = go_down(asking, first, first - count);
        if (moments->is_same(moments->context, version)) {
            first -= count;
            tries = 0;
        } else {
            asking->result = before;
            *ret_is_full = false;
            part = part / 2 > PART_ORDINALS_MIN ? part / 2 : (uint32_t)PART_ORDINALS_MIN;
        }
    }
    return MR_OK;
}

/** What is older, as a whole. */
static mr_err go_through_old_at_once(struct asking *asking, const struct mri_alloc *alloc,
    const struct mri_shared_moments *moments, uint32_t end)
{
    const struct mri_query_result before = asking->result;
    for (unsigned i = 0; i < PART_TRIES; i++) {
        uint32_t version;
        if (moments->look(moments->context, &version) != MR_OK) {
            return MR_AGAIN;
        }
        mr_err err = go_through_old(asking, alloc, end);
        if (err != MR_OK || moments->is_same(moments->context, version)) {
            return err;
        }
        asking->result = before;
    }
    return MR_AGAIN;
}

mr_err mri_shared_query_run_in_parts(const struct mri_signal_table *table,
    const struct mri_alloc *alloc, const struct mri_query *query,
    const struct mri_shared_moments *moments, uint32_t *ordinals,
    struct mri_query_result *ret_result)
{
    struct asking asking = {.table = table, .query = query, .is_known = is_known(query)};
    asking.ordinals = ordinals;
    uint32_t newest = 0;
    bool is_full = false;
    if (query->is_oldest_first) {
        return MR_AGAIN;
    }
    mr_err err = look_newest(&asking, moments, &newest);
    if (err == MR_OK) {
        asking.span = mri_query_ordinals(query, newest);
        err = go_down_in_parts(&asking, moments, newest, &is_full);
    }
    uint32_t end = end_of(table, newest);
    if (err == MR_OK && !is_full && !is_few(&asking) && end >= asking.span.low) {
        err = go_through_old_at_once(&asking, alloc, moments, end);
    }
    *ret_result = asking.result;
    return err == MR_OK && !is_whole(&asking) ? MR_AGAIN : err;
}
