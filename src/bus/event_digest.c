/* SPDX-License-Identifier: MIT */
/*
 * The digest of a log.
 *
 * Invariants
 *  1. Records are seen from seq 1 on without a gap.
 *  2. The digest covers no wall time, no path, no id of this log, and nothing about batches or
 *     segments.
 */
#include "bus/event_digest.h"

#include <string.h>

enum { FIRST_CAPACITY = 64, SCRATCH_BYTES_MAX = 2 * MR_LOG_BODY_BYTES_MAX };

void mri_ranks_init(struct mri_ranks *ranks, const struct mri_alloc *alloc)
{
    *ranks = (struct mri_ranks){.alloc = alloc};
}

void mri_ranks_fini(struct mri_ranks *ranks)
{
    if (ranks != NULL && ranks->alloc != NULL) {
        mri_alloc_free(ranks->alloc, ranks->uncovered, ranks->capacity * sizeof(*ranks->uncovered));
        *ranks = (struct mri_ranks){0};
    }
}

mr_err mri_ranks_add(struct mri_ranks *ranks, uint64_t seq, uint16_t type)
{
    MRI_ASSERT(seq == ranks->last_seq + 1);
    const struct mri_event_kind *kind = mri_event_kind(type);
    ranks->last_seq = seq;
    if (kind != NULL && kind->is_covered) {
        return MR_OK;
    }
    if (ranks->count == ranks->capacity) {
        size_t capacity = ranks->capacity == 0 ? FIRST_CAPACITY : 2 * ranks->capacity;
        void *block = ranks->uncovered;
        mr_err err = mri_alloc_resize(ranks->alloc, &block,
            ranks->capacity * sizeof(*ranks->uncovered), capacity * sizeof(*ranks->uncovered));
        if (err != MR_OK) {
            return err;
        }
        ranks->uncovered = block;
        ranks->capacity = capacity;
    }
    ranks->uncovered[ranks->count++] = seq;
    return MR_OK;
}

uint64_t mri_ranks_of(const struct mri_ranks *ranks, uint64_t seq)
{
    size_t low = 0;
    size_t high = ranks->count; /* uncovered[low..high) may be <= seq */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranks->uncovered[middle] <= seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return seq - low;
}

/** Replace the references among these fields. */
static void replace(const struct mri_ranks *ranks, const struct mri_field *fields, unsigned count,
    uint64_t seq, uint8_t *at)
{
    for (unsigned i = 0; i < count; i++) {
        if (fields[i].kind == MRI_FIELD_ref) {
            uint64_t target = mri_ref_seq(mri_field_unsigned(MRI_FIELD_ref, at), seq);
            uint64_t rank = mri_ranks_of(ranks, target);
            memcpy(at, &rank, sizeof(rank));
        }
        at += mri_field_bytes(fields[i].kind);
    }
}

void mri_ranks_body(
    const struct mri_ranks *ranks, const struct mri_event *event, struct mri_buf *buf)
{
    const struct mri_event_kind *kind = mri_event_kind(event->type);
    uint8_t *place = mri_buf_grow(buf, event->body_bytes);
    if (place == NULL) {
        return;
    }
    memcpy(place, event->body, event->body_bytes);
    replace(ranks, kind->fields, kind->field_count, event->seq, place);
}

mr_err mri_event_digest_init(struct mri_event_digest *digest, const struct mri_alloc *alloc)
{
    *digest = (struct mri_event_digest){0};
    mri_ranks_init(&digest->ranks, alloc);
    mri_buf_init(&digest->scratch, alloc, SCRATCH_BYTES_MAX);
    return mri_digest_init(&digest->digest);
}

void mri_event_digest_fini(struct mri_event_digest *digest)
{
    if (digest != NULL) {
        mri_ranks_fini(&digest->ranks);
        mri_buf_fini(&digest->scratch);
        mri_digest_fini(&digest->digest);
    }
}

mr_err mri_event_digest_add(struct mri_event_digest *digest, const mr_log_event *record)
{
    mr_err err = mri_ranks_add(&digest->ranks, record->seq.n, record->type);
    const struct mri_event_kind *kind = mri_event_kind(record->type);
    bool is_left_out = record->type < MR_LOG_TYPE_FREE || (kind != NULL && !kind->is_covered);
    if (err != MR_OK || is_left_out) {
        return err;
    }
    struct mri_event event;
    err = mri_event_decode(record, &event);
    if (err != MR_OK) {
        return err;
    }
    mri_buf_clear(&digest->scratch);
    mri_buf_put(&digest->scratch, &event.type, sizeof(event.type));
    mri_buf_put(&digest->scratch, &event.body_bytes, sizeof(event.body_bytes));
    mri_ranks_body(&digest->ranks, &event, &digest->scratch);
    if (digest->scratch.err != MR_OK) {
        return MR_ENOMEM;
    }
    mri_digest_add(&digest->digest, digest->scratch.bytes, digest->scratch.count);
    return MR_OK;
}
