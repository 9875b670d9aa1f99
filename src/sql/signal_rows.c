/* SPDX-License-Identifier: MIT */
/*
 * Signals as rows of codes, out of the bus's slots.
 *
 * Invariants
 *  1. codes[c][ordinal] and mri_signal_rows_get() say the same.
 *  2. Ordinals and generated_seq grow together.
 *  3. is_by_time is only true when all times were looked at.
 */
#include "sql/signal_rows.h"

#include <stdlib.h>
#include <string.h>

#include "bus/query.h"

/* ---- words ----------------------------------------------------------------------------------- */

static int compare_texts(const void *a, const void *b)
{
    const struct mri_slice *x = *(const struct mri_slice *const *)a;
    const struct mri_slice *y = *(const struct mri_slice *const *)b;
    if (x->bytes == NULL || y->bytes == NULL) {
        return (x->bytes != NULL) - (y->bytes != NULL);
    }
    int order = memcmp(x->bytes, y->bytes, x->count < y->count ? x->count : y->count);
    return order != 0 ? order : (x->count > y->count) - (x->count < y->count);
}

/** Ranks: texts that are the same (NULL) have the same. */
static mr_err rank(struct mri_signal_words *words, const struct mri_alloc *alloc)
{
    void *block;
    const size_t place_bytes = sizeof(void *);
    mr_err err = mri_alloc_array(alloc, words->count, place_bytes, &block);
    if (err != MR_OK) {
        return err;
    }
    const struct mri_slice **sorted = block;
    for (uint32_t i = 0; i < words->count; i++) {
        sorted[i] = &words->texts[i];
    }
    qsort(sorted, words->count, place_bytes, compare_texts);
    uint32_t place = 0;
    for (uint32_t i = 0; i < words->count; i++) {
        place += i > 0 && compare_texts(&sorted[i - 1], &sorted[i]) != 0;
        words->ranks[sorted[i] - words->texts] = place;
    }
    mri_alloc_free(alloc, sorted, words->count * place_bytes);
    return MR_OK;
}

static mr_err make_words(
    struct mri_signal_words *words, const struct mri_alloc *alloc, uint32_t text_count)
{
    void *block;
    uint32_t count = text_count + 1;
    mr_err err = mri_alloc_array(alloc, count, sizeof(struct mri_slice), &block);
    if (err == MR_OK) {
        words->count = count;
        words->texts = block;
        err = mri_alloc_array(alloc, count, sizeof(uint32_t), &block);
    }
    if (err == MR_OK) {
        words->ranks = block;
    }
    return err;
}

static uint32_t vocabulary_of(enum mri_signal_code code)
{
    switch (code) {
    case MRI_SIGNAL_CODE_side:
        return MRI_VOCABULARY_side;
    case MRI_SIGNAL_CODE_state:
    case MRI_SIGNAL_CODE_ended:
        return MRI_VOCABULARY_state;
    case MRI_SIGNAL_CODE_gate:
        return MRI_VOCABULARY_gate;
    default:
        return MRI_VOCABULARY_reason;
    }
}

static mr_err make_vocabulary(struct mri_signal_rows *rows, enum mri_signal_code code)
{
    const struct mri_vocabulary *vocabulary =
        mri_vocabulary((enum mri_vocabulary_id)vocabulary_of(code));
    struct mri_signal_words *words = &rows->words[code];
    mr_err err = make_words(words, rows->alloc, (uint32_t)vocabulary->text_count);
    for (uint32_t i = 0; i < vocabulary->text_count && err == MR_OK; i++) {
        words->texts[i + 1] = mri_slice_of(vocabulary->texts[i]);
    }
    return err;
}

static mr_err make_interned(struct mri_signal_rows *rows, enum mri_signal_code code)
{
    const struct mri_intern *intern =
        code == MRI_SIGNAL_CODE_source ? &rows->bus->sources : &rows->bus->names;
    struct mri_signal_words *words = &rows->words[code];
    mr_err err = make_words(words, rows->alloc, intern->count);
    for (uint32_t i = 0; i < intern->count && err == MR_OK; i++) {
        words->texts[i + 1] = mri_intern_text(intern, i);
    }
    return err;
}

static mr_err make_symbols(struct mri_signal_rows *rows)
{
    struct mri_signal_words *words = &rows->words[MRI_SIGNAL_CODE_symbol];
    mr_err err = make_words(words, rows->alloc, rows->instruments->count);
    for (uint32_t i = 0; i < rows->instruments->count && err == MR_OK; i++) {
        words->texts[i + 1] = mri_slice_of(mri_instruments_get(rows->instruments, i)->symbol);
    }
    return err;
}

mr_err mri_signal_rows_init(struct mri_signal_rows *rows, const struct mri_alloc *alloc,
    const struct mri_bus *bus, const struct mri_instruments *instruments)
{
    struct mri_signal_rows made = {
        .alloc = alloc, .bus = bus, .instruments = instruments, .count = bus->slots.count};
    mr_err err = MR_OK;
    for (unsigned code = 0; code < MRI_SIGNAL_CODE_COUNT && err == MR_OK; code++) {
        bool is_interned = code == MRI_SIGNAL_CODE_source || code == MRI_SIGNAL_CODE_name;
        err = code == MRI_SIGNAL_CODE_symbol ? make_symbols(&made)
              : is_interned                  ? make_interned(&made, (enum mri_signal_code)code)
                                             : make_vocabulary(&made, (enum mri_signal_code)code);
        if (err == MR_OK) {
            err = rank(&made.words[code], alloc);
        }
    }
    if (err != MR_OK) {
        mri_signal_rows_fini(&made);
        return err;
    }
    *rows = made;
    return MR_OK;
}

void mri_signal_rows_fini(struct mri_signal_rows *rows)
{
    if (rows == NULL || rows->alloc == NULL) {
        return;
    }
    for (unsigned code = 0; code < MRI_SIGNAL_CODE_COUNT; code++) {
        struct mri_signal_words *words = &rows->words[code];
        mri_alloc_free(rows->alloc, words->texts, words->count * sizeof(*words->texts));
        mri_alloc_free(rows->alloc, words->ranks, words->count * sizeof(*words->ranks));
        mri_alloc_free(
            rows->alloc, rows->codes[code], ((size_t)rows->count + 1) * sizeof(uint16_t));
    }
    mri_alloc_free(rows->alloc, rows->times, ((size_t)rows->count + 1) * sizeof(int64_t));
    *rows = (struct mri_signal_rows){0};
}

/* ---- slots ----------------------------------------------------------------------------------- */

/** A number as a code; one that has no text is NULL. */
static uint16_t coded(const struct mri_signal_words *words, uint32_t number)
{
    return number + 1 < words->count && words->texts[number + 1].bytes != NULL
               ? (uint16_t)(number + 1)
               : 0;
}

static inline uint16_t code_of(
    const struct mri_signal_rows *rows, const struct mri_slot *slot, enum mri_signal_code code)
{
    const struct mri_signal_words *words = &rows->words[code];
    switch (code) {
    case MRI_SIGNAL_CODE_symbol:
        return coded(words, slot->symbol);
    case MRI_SIGNAL_CODE_side:
        return coded(words, slot->side);
    case MRI_SIGNAL_CODE_source:
        return coded(words, slot->source);
    case MRI_SIGNAL_CODE_name:
        return coded(words, slot->name);
    case MRI_SIGNAL_CODE_state:
        return coded(words, slot->state);
    case MRI_SIGNAL_CODE_ended:
        return slot->state == MR_LEARNED ? coded(words, slot->ended) : 0;
    case MRI_SIGNAL_CODE_gate:
        return slot->gate == MRI_GATE_NONE ? 0 : coded(words, slot->gate);
    default:
        return slot->reason == MRI_REASON_NONE ? 0 : coded(words, slot->reason);
    }
}

bool mri_signal_rows_get(
    const struct mri_signal_rows *rows, uint32_t ordinal, struct mri_signal_row *ret_row)
{
    const struct mri_slot *slot = mri_slots_get(&rows->bus->slots, ordinal);
    if (slot == NULL) {
        return false;
    }
    ret_row->event_time_unix_ns = slot->event_time_unix_ns;
    ret_row->generated_seq = slot->generated_seq;
    ret_row->last_seq = slot->last_seq;
    ret_row->moved_seq = slot->moved_seq;
    for (unsigned code = 0; code < MRI_SIGNAL_CODE_COUNT; code++) {
        ret_row->codes[code] = code_of(rows, slot, (enum mri_signal_code)code);
    }
    return true;
}

mr_err mri_signal_rows_codes(
    struct mri_signal_rows *rows, enum mri_signal_code code, const uint16_t **ret_codes)
{
    if (rows->codes[code] == NULL) {
        void *block;
        mr_err err =
            mri_alloc_array(rows->alloc, (size_t)rows->count + 1, sizeof(uint16_t), &block);
        if (err != MR_OK) {
            return err;
        }
        uint16_t *codes = block;
        for (uint32_t ordinal = 1; ordinal <= rows->count; ordinal++) {
            codes[ordinal] = code_of(rows, mri_slots_get(&rows->bus->slots, ordinal), code);
        }
        rows->codes[code] = codes;
    }
    *ret_codes = rows->codes[code];
    return MR_OK;
}

mr_err mri_signal_rows_times(struct mri_signal_rows *rows, const int64_t **ret_times)
{
    if (rows->times == NULL) {
        void *block;
        mr_err err = mri_alloc_array(rows->alloc, (size_t)rows->count + 1, sizeof(int64_t), &block);
        if (err != MR_OK) {
            return err;
        }
        int64_t *times = block;
        for (uint32_t ordinal = 1; ordinal <= rows->count; ordinal++) {
            times[ordinal] = mri_slots_get(&rows->bus->slots, ordinal)->event_time_unix_ns;
        }
        rows->times = times;
    }
    *ret_times = rows->times;
    return MR_OK;
}

bool mri_signal_rows_is_by_time(struct mri_signal_rows *rows)
{
    const int64_t *times;
    if (!rows->is_by_time_known && mri_signal_rows_times(rows, &times) == MR_OK) {
        rows->is_by_time = true;
        rows->is_by_time_known = true;
        for (uint32_t ordinal = 2; ordinal <= rows->count; ordinal++) {
            rows->is_by_time &= times[ordinal - 1] <= times[ordinal];
        }
    }
    return rows->is_by_time;
}

uint32_t mri_signal_rows_most(
    const struct mri_signal_rows *rows, const struct mri_signal_find *find)
{
    const struct mri_slots *slots = &rows->bus->slots;
    uint32_t most = rows->count;
    uint32_t symbol = find->symbol - 1;
    uint32_t source = find->source - 1;
    if (find->state != MRI_SIGNAL_ANY && slots->states[find->state - 1].count < most) {
        most = slots->states[find->state - 1].count;
    }
    if (find->symbol != MRI_SIGNAL_ANY && slots->by_symbol[symbol].count < most) {
        most = slots->by_symbol[symbol].count;
    }
    if (find->source != MRI_SIGNAL_ANY && slots->by_source[source].count < most) {
        most = slots->by_source[source].count;
    }
    return most;
}

static uint32_t number_of(uint32_t code)
{
    return code == MRI_SIGNAL_ANY ? MRI_QUERY_ANY : code - 1;
}

mr_err mri_signal_rows_find(const struct mri_signal_rows *rows, const struct mri_signal_find *find,
    uint32_t *ordinals, uint32_t *ret_count, bool *ret_is_cut)
{
    struct mri_query query = mri_query_all;
    struct mri_query_result result = {0};
    query.state = number_of(find->state);
    query.symbol = number_of(find->symbol);
    query.source = number_of(find->source);
    query.limit = find->limit;
    query.is_oldest_first = find->is_ascending;
    mr_err err = mri_query_run(rows->bus, &query, ordinals, &result);
    *ret_count = result.count;
    *ret_is_cut = result.is_cut;
    return err;
}

uint32_t mri_signal_rows_from_seq(const struct mri_signal_rows *rows, uint64_t seq)
{
    uint32_t low = 1;
    uint32_t high = rows->count + 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (mri_slots_get(&rows->bus->slots, middle)->generated_seq < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint32_t mri_signal_rows_from_time(const struct mri_signal_rows *rows, int64_t unix_ns)
{
    MRI_ASSERT(rows->is_by_time);
    uint32_t low = 1;
    uint32_t high = rows->count + 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        bool is_before = rows->times[middle] < unix_ns;
        low = is_before ? middle + 1 : low;
        high = is_before ? high : middle;
    }
    return low;
}

const char *mri_signal_rows_id(
    const struct mri_signal_rows *rows, uint32_t ordinal, char text[static MRI_IDENT_BYTES])
{
    const struct mri_slot *slot = mri_slots_get(&rows->bus->slots, ordinal);
    if (slot == NULL) {
        return NULL;
    }
    const struct mri_instrument_spec *spec = mri_instruments_get(rows->instruments, slot->symbol);
    const struct mri_ident ident = {
        .symbol = mri_slice_of(spec == NULL ? "?" : spec->symbol),
        .time_unix_ms = slot->event_time_unix_ns / 1000000,
        .ordinal = {ordinal},
    };
    return mri_ident_format(&ident, text);
}
