/* SPDX-License-Identifier: MIT */
/*
 * Emissions outside the lifecycle.
 *
 * Invariants
 *  1. Numbers are dense, in log order: a rebuilt table is the kept one.
 *  2. entries[] grows with emitted_seq, so an emission is found by it.
 *  3. states[] and by_source[] count what entries[] says.
 */
#include "bus/observed.h"

enum { ENTRIES_FIRST = 64 };

static mr_err add_source(struct mri_observed *observed, struct mri_slice text, uint16_t *ret_number)
{
    uint32_t number = MRI_OBSERVED_SOURCE_OTHER;
    bool is_kept = text.count > 0 && text.count <= MRI_INTERN_BYTES_MAX;
    mr_err err = is_kept ? mri_intern_add(&observed->sources, text, &number) : MR_OK;
    if (err == MR_FULL || err == MR_REFUSED) {
        number = MRI_OBSERVED_SOURCE_OTHER;
        err = MR_OK;
    }
    *ret_number = (uint16_t)number;
    return err;
}

mr_err mri_observed_init(
    struct mri_observed *observed, const struct mri_alloc *alloc, uint32_t count_max)
{
    uint32_t number;
    *observed = (struct mri_observed){.alloc = alloc, .count_max = count_max};
    mr_err err = mri_intern_init(&observed->sources, alloc, MRI_OBSERVED_SOURCES_MAX);
    if (err == MR_OK) { /* no text from outside is this one */
        err = mri_intern_add(&observed->sources, mri_slice_of("\x01"), &number);
    }
    if (err != MR_OK) {
        mri_observed_fini(observed);
    }
    return err;
}

void mri_observed_fini(struct mri_observed *observed)
{
    if (observed != NULL && observed->alloc != NULL) {
        mri_intern_fini(&observed->sources);
        mri_alloc_free(observed->alloc, observed->entries,
            (size_t)observed->capacity * sizeof(*observed->entries));
        *observed = (struct mri_observed){0};
    }
}

mr_err mri_observed_reserve(struct mri_observed *observed, uint32_t more)
{
    if (more > observed->count_max - observed->count) {
        return MR_FULL;
    }
    if (more <= observed->capacity - observed->count) {
        return MR_OK;
    }
    uint32_t capacity = observed->capacity == 0 ? ENTRIES_FIRST : 2 * observed->capacity;
    capacity = capacity < observed->count + more ? observed->count + more : capacity;
    void *block = observed->entries;
    mr_err err = mri_alloc_resize(observed->alloc, &block,
        (size_t)observed->capacity * sizeof(*observed->entries),
        (size_t)capacity * sizeof(*observed->entries));
    if (err == MR_OK) {
        observed->entries = block;
        observed->capacity = capacity;
    }
    return err;
}

/** The place of the emission whose first event is `seq`; count = there is none. */
static uint32_t place_of(const struct mri_observed *observed, uint64_t seq)
{
    uint32_t low = 0;
    uint32_t high = observed->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (observed->entries[middle].emitted_seq < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < observed->count && observed->entries[low].emitted_seq == seq ? low
                                                                              : observed->count;
}

bool mri_observed_is_good(const struct mri_observed *observed, const struct mri_event *event)
{
    const struct mri_signal_observed *body = event->body;
    if (body->about == 0) {
        return body->number == observed->count + 1 && body->previous == 0 &&
               body->from == MR_GENERATED && body->to == MR_GENERATED && event->ordinal == 0;
    }
    uint32_t place = place_of(observed, mri_ref_seq(body->about, event->seq));
    if (place == observed->count) {
        return false;
    }
    const struct mri_observed_entry *entry = &observed->entries[place];
    return body->number == place + 1 && body->from == entry->state &&
           mri_ref_seq(body->previous, event->seq) == entry->last_seq;
}

mr_err mri_observed_take(struct mri_observed *observed, const struct mri_event *event)
{
    const struct mri_signal_observed *body = event->body;
    if (!mri_observed_is_good(observed, event)) {
        return MR_ECORRUPT;
    }
    if (body->about != 0) {
        struct mri_observed_entry *entry = &observed->entries[body->number - 1];
        observed->states[entry->state]--;
        observed->states[body->to]++;
        entry->state = body->to;
        entry->last_seq = event->seq;
        return MR_OK;
    }
    uint16_t source;
    mr_err err =
        add_source(observed, mri_event_text(event, MRI_TEXT_signal_observed_source), &source);
    if (err == MR_OK) {
        err = mri_observed_reserve(observed, 1);
    }
    if (err == MR_OK) {
        observed->entries[observed->count++] = (struct mri_observed_entry){
            .emitted_seq = event->seq,
            .last_seq = event->seq,
            .event_time_unix_ns = body->event_time_unix_ns,
            .source = source,
            .state = MR_GENERATED,
        };
        observed->states[MR_GENERATED]++;
        observed->by_source[source]++;
    }
    return err;
}

const struct mri_observed_entry *mri_observed_get(
    const struct mri_observed *observed, uint32_t number)
{
    return number - 1 < observed->count ? &observed->entries[number - 1] : NULL; /* 0 wraps */
}

void mri_observed_save(const struct mri_observed *observed, struct mri_buf *buf)
{
    uint32_t sources = observed->sources.count;
    mri_buf_put(buf, &sources, sizeof(sources));
    mri_buf_put(buf, observed->sources.entries, sources * sizeof(*observed->sources.entries));
    mri_buf_put(buf, &observed->count, sizeof(observed->count));
    mri_buf_put(buf, observed->entries, (size_t)observed->count * sizeof(*observed->entries));
}

static mr_err load_sources(struct mri_observed *observed, struct mri_unpack *unpack)
{
    uint32_t count =
        mri_unpack_count(unpack, MRI_OBSERVED_SOURCES_MAX, sizeof(struct mri_intern_entry));
    for (uint32_t i = 0; i < count; i++) {
        struct mri_intern_entry entry;
        uint32_t number;
        mri_unpack_take(unpack, &entry, sizeof(entry));
        bool is_good = entry.bytes <= MRI_INTERN_BYTES_MAX &&
                       mri_intern_add(&observed->sources,
                           (struct mri_slice){entry.text, entry.bytes}, &number) == MR_OK &&
                       number == i; /* the first is there already */
        if (!is_good) {
            return MR_ECORRUPT;
        }
    }
    return unpack->err;
}

mr_err mri_observed_load(struct mri_observed *observed, struct mri_unpack *unpack)
{
    mr_err err = load_sources(observed, unpack);
    if (err != MR_OK) {
        return err;
    }
    uint32_t count =
        mri_unpack_count(unpack, observed->count_max, sizeof(struct mri_observed_entry));
    err = unpack->err == MR_OK ? mri_observed_reserve(observed, count) : unpack->err;
    if (err != MR_OK) {
        return err;
    }
    mri_unpack_take(unpack, observed->entries, (size_t)count * sizeof(*observed->entries));
    observed->count = count;
    uint64_t seq = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct mri_observed_entry *entry = &observed->entries[i];
        if (entry->state >= MR_STATE_COUNT || entry->source >= observed->sources.count ||
            entry->emitted_seq <= seq || entry->last_seq < entry->emitted_seq) {
            return MR_ECORRUPT;
        }
        seq = entry->emitted_seq;
        observed->states[entry->state]++;
        observed->by_source[entry->source]++;
    }
    return unpack->err;
}
