/* SPDX-License-Identifier: MIT */
/*
 * Events in memory: heads in an array by seq, bodies in chunks, and for each signal the newest of
 * its events, each of which knows the place of the one before.
 *
 * Invariants
 *  1. A full store has every event of the table's kinds in the source's range, in order of seq.
 *  2. `bytes` is never more than the source allows.
 */
#include "sql/event_store.h"

#include <string.h>

#include "sql/kind_set.h"

enum { EVENTS_FIRST = 1024, CHUNK_BYTES = 1 << 18, BODY_ALIGN = 16, EVENTS_A_LOOK = 4096 };

/** Of a small log a few lookups are not worth it. */
enum { WALK_FIRST = 16 * MRI_EVENT_STORE_SEEK };

struct mri_event_kept {
    uint64_t seq;
    int64_t time_unix_ns;
    uint64_t subject_prev;
    const void *body;
    uint32_t body_bytes;
    uint32_t stored_bytes;
    uint32_t subject_id;
    uint32_t before; /**< place of the signal's event before, from 1 on; 0 = none */
    uint16_t type;
    uint8_t version;
};

struct mri_event_chunk {
    struct mri_event_chunk *next;
    size_t bytes; /**< of all of it */
    size_t used;
    _Alignas(BODY_ALIGN) uint8_t room[];
};

bool mri_event_store_is_due(const struct mri_event_store *store, uint64_t event_count)
{
    return store->state == MRI_EVENT_STORE_EMPTY && store->walked >= WALK_FIRST + event_count;
}

void mri_event_store_clear(struct mri_event_store *store)
{
    struct mri_event_chunk *chunk = store->chunks;
    while (chunk != NULL) {
        struct mri_event_chunk *next = chunk->next;
        mri_alloc_free(store->alloc, chunk, chunk->bytes);
        chunk = next;
    }
    if (store->alloc != NULL) {
        mri_alloc_free(store->alloc, store->events, store->room * sizeof(*store->events));
        mri_alloc_free(
            store->alloc, store->newest, ((size_t)store->ordinal_count + 1) * sizeof(uint32_t));
    }
    *store = (struct mri_event_store){.alloc = NULL};
}

/* ---- keeping --------------------------------------------------------------------------------- */

/** Is there room for so many bytes more? */
static bool fits(
    const struct mri_event_store *store, const struct mri_event_store_source *source, size_t bytes)
{
    return bytes <= source->bytes_max && store->bytes <= source->bytes_max - bytes;
}

static mr_err grow(struct mri_event_store *store, const struct mri_event_store_source *source)
{
    uint32_t room = store->room == 0 ? EVENTS_FIRST : store->room + store->room / 2;
    size_t before = store->room * sizeof(struct mri_event_kept);
    size_t after = room * sizeof(struct mri_event_kept);
    void *block = store->events;
    if (room < store->room || !fits(store, source, after - before)) {
        return MR_ELIMIT;
    }
    mr_err err = mri_alloc_resize(store->alloc, &block, before, after);
    if (err == MR_OK) {
        store->events = block;
        store->room = room;
        store->bytes += after - before;
    }
    return err;
}

/** Room for a body, behind the others. */
static mr_err place_body(struct mri_event_store *store, const struct mri_event_store_source *source,
    size_t bytes, uint8_t **ret_at)
{
    size_t stride = (bytes + BODY_ALIGN - 1) / BODY_ALIGN * BODY_ALIGN;
    struct mri_event_chunk *chunk = store->chunks;
    if (chunk == NULL || chunk->bytes - sizeof(*chunk) - chunk->used < stride) {
        void *block;
        size_t all = sizeof(*chunk) + (stride > CHUNK_BYTES ? stride : CHUNK_BYTES);
        mr_err err =
            fits(store, source, all) ? mri_alloc_array(store->alloc, 1, all, &block) : MR_ELIMIT;
        if (err != MR_OK) {
            return err;
        }
        chunk = block;
        *chunk = (struct mri_event_chunk){.next = store->chunks, .bytes = all};
        store->chunks = chunk;
        store->bytes += all;
    }
    *ret_at = chunk->room + chunk->used;
    chunk->used += stride;
    return MR_OK;
}

static mr_err keep(struct mri_event_store *store, const struct mri_event_store_source *source,
    const mr_log_event *record)
{
    uint8_t *body;
    mr_err err = store->count == store->room ? grow(store, source) : MR_OK;
    if (err == MR_OK) {
        err = place_body(store, source, record->body_bytes, &body);
    }
    if (err != MR_OK) {
        return err;
    }
    if (record->body_bytes > 0) {
        memcpy(body, record->body, record->body_bytes);
    }
    struct mri_event_kept *kept = &store->events[store->count++];
    *kept = (struct mri_event_kept){
        .seq = record->seq.n,
        .time_unix_ns = record->time_unix_ns,
        .subject_prev = record->subject_prev,
        .body = body,
        .body_bytes = record->body_bytes,
        .stored_bytes = record->stored_bytes,
        .subject_id = record->subject_id,
        .type = record->type,
        .version = record->version,
    };
    if (record->subject_id <= store->ordinal_count) {
        kept->before = store->newest[record->subject_id];
        store->newest[record->subject_id] = store->count;
    }
    return MR_OK;
}

static mr_err keep_all(struct mri_event_store *store, const struct mri_event_store_source *source)
{
    mr_problem *problem = &source->guard->problem;
    struct mri_kind_set wanted;
    mr_log_event record;
    mri_kind_set_of_table(&wanted, source->table);
    mr_err err = mr_log_reader_seek(source->reader, (mr_seq){source->first_seq}, problem);
    for (uint64_t i = 0; err == MR_OK; i++) {
        if (i % EVENTS_A_LOOK == 0 && mri_guard_is_over(source->guard)) {
            return MR_AGAIN;
        }
        err = mr_log_reader_next(source->reader, &record, problem);
        if (err == MR_OK && record.seq.n > source->last_seq) {
            return MR_OK;
        }
        if (err == MR_OK && mri_kind_set_has(&wanted, record.type)) {
            err = keep(store, source, &record);
        }
    }
    return err == MR_END ? MR_OK : err;
}

mr_err mri_event_store_fill(
    struct mri_event_store *store, const struct mri_event_store_source *source)
{
    void *block;
    size_t bytes = ((size_t)source->ordinal_max + 1) * sizeof(uint32_t);
    mri_event_store_clear(store);
    mr_err err =
        fits(store, source, bytes) ? mri_alloc_array(source->alloc, 1, bytes, &block) : MR_ELIMIT;
    if (err == MR_OK) {
        store->alloc = source->alloc;
        store->newest = block;
        store->ordinal_count = source->ordinal_max;
        store->bytes = bytes;
        err = keep_all(store, source);
    }
    if (err == MR_OK) {
        store->state = MRI_EVENT_STORE_FULL;
        return MR_OK;
    }
    mri_event_store_clear(store);
    if (err == MR_ELIMIT || err == MR_ENOMEM) { /* nothing is lost: it goes on without */
        store->state = MRI_EVENT_STORE_TOO_LARGE;
        return MR_OK;
    }
    return err;
}

/* ---- looking up ------------------------------------------------------------------------------ */

bool mri_event_store_get(
    const struct mri_event_store *store, uint64_t seq, mr_log_event *ret_record)
{
    uint32_t low = 0;
    uint32_t high = store->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        bool is_before = store->events[middle].seq < seq;
        low = is_before ? middle + 1 : low;
        high = is_before ? high : middle;
    }
    if (low == store->count || store->events[low].seq != seq) {
        return false;
    }
    const struct mri_event_kept *kept = &store->events[low];
    *ret_record = (mr_log_event){
        .seq = {kept->seq},
        .time_unix_ns = kept->time_unix_ns,
        .body = kept->body,
        .body_bytes = kept->body_bytes,
        .stored_bytes = kept->stored_bytes,
        .subject_id = kept->subject_id,
        .subject_prev = kept->subject_prev,
        .type = kept->type,
        .version = kept->version,
    };
    return true;
}

uint32_t mri_event_store_newest(const struct mri_event_store *store, uint32_t ordinal)
{
    return ordinal <= store->ordinal_count ? store->newest[ordinal] : 0;
}

uint32_t mri_event_store_before(
    const struct mri_event_store *store, uint32_t place, uint64_t *ret_seq)
{
    const struct mri_event_kept *kept = &store->events[place - 1];
    *ret_seq = kept->seq;
    return kept->before;
}
