/* SPDX-License-Identifier: MIT */
/*
 * Batches under construction.
 *
 * Invariants
 *  1. Bodies start on multiples of 8 within `bodies`, so they can be read in place.
 *  2. A relative reference points backwards within the batch.
 */
#include "bus/batch.h"

mr_err mri_batch_init(struct mri_batch *batch, const struct mri_alloc *alloc, uint32_t count_max,
    size_t body_bytes_max)
{
    void *items;
    mr_err err = mri_alloc_array(alloc, count_max, sizeof(struct mri_batch_item), &items);
    if (err != MR_OK) {
        return err;
    }
    *batch = (struct mri_batch){.alloc = alloc, .items = items, .count_max = count_max};
    mri_buf_init(&batch->bodies, alloc, body_bytes_max);
    return MR_OK;
}

void mri_batch_fini(struct mri_batch *batch)
{
    if (batch != NULL && batch->alloc != NULL) {
        mri_buf_fini(&batch->bodies);
        mri_alloc_free(batch->alloc, batch->items, batch->count_max * sizeof(*batch->items));
        *batch = (struct mri_batch){0};
    }
}

void mri_batch_begin(struct mri_batch *batch, uint64_t next_seq, uint32_t next_ordinal)
{
    mri_buf_clear(&batch->bodies);
    batch->count = 0;
    batch->base_seq = next_seq;
    batch->next_ordinal = next_ordinal;
    batch->is_cut = false;
}

void mri_batch_rebase(struct mri_batch *batch, uint64_t next_seq, uint32_t next_ordinal)
{
    uint32_t first = batch->next_ordinal; /* of the signals drafted here */
    for (uint32_t i = 0; i < batch->count; i++) {
        first -= batch->items[i].type == MRI_EVENT_SIGNAL_GENERATED;
    }
    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t *ordinal = &batch->items[i].ordinal;
        *ordinal = *ordinal < first ? *ordinal : *ordinal - first + next_ordinal;
    }
    batch->base_seq = next_seq;
    batch->next_ordinal += next_ordinal - first;
}

bool mri_batch_is_filled(const struct mri_batch *batch, double share)
{
    return (double)batch->count >= share * (double)batch->count_max ||
           (double)batch->bodies.count >= share * (double)batch->bodies.bytes_max;
}

mr_err mri_batch_place(
    struct mri_batch *batch, uint16_t type, size_t bytes, uint32_t ordinal, void **ret_body)
{
    bool is_generated = type == MRI_EVENT_SIGNAL_GENERATED;
    MRI_ASSERT(!is_generated || ordinal == batch->next_ordinal);
    if (bytes > MR_LOG_BODY_BYTES_MAX) {
        return MR_EINVAL;
    }
    if (batch->count == batch->count_max) {
        return MR_FULL;
    }
    size_t offset = batch->bodies.count;
    size_t padding = -bytes & 7;
    uint8_t *body = mri_buf_room(&batch->bodies, bytes + padding);
    if (body == NULL) {
        MRI_ASSERT(batch->bodies.err != MR_OK);
        return batch->bodies.err;
    }
    for (size_t i = 0; i < padding; i++) {
        body[bytes + i] = 0;
    }
    batch->items[batch->count++] = (struct mri_batch_item){
        .offset = offset, .bytes = (uint32_t)bytes, .ordinal = ordinal, .type = type};
    batch->next_ordinal += is_generated;
    *ret_body = body;
    return MR_OK;
}

mr_err mri_batch_add(struct mri_batch *batch, const struct mri_draft *draft, uint32_t ordinal)
{
    void *body;
    mr_err err = mri_batch_place(batch, draft->type, mri_event_body_bytes(draft), ordinal, &body);
    if (err == MR_OK) {
        mri_event_encode(draft, body);
    }
    return err;
}

struct mri_event mri_batch_event(const struct mri_batch *batch, uint32_t index)
{
    MRI_ASSERT(index < batch->count);
    const struct mri_batch_item *item = &batch->items[index];
    return (struct mri_event){
        .seq = batch->base_seq + index,
        .ordinal = item->ordinal,
        .body = batch->bodies.bytes + item->offset,
        .body_bytes = item->bytes,
        .type = item->type,
        .version = MRI_EVENT_VERSION,
        .is_batch_end = index + 1 == batch->count,
    };
}

uint64_t mri_batch_next_seq(const struct mri_batch *batch)
{
    return batch->base_seq + batch->count;
}

uint64_t mri_batch_ref(const struct mri_batch *batch, uint64_t seq)
{
    if (seq < batch->base_seq) {
        return seq;
    }
    uint64_t next = mri_batch_next_seq(batch);
    MRI_ASSERT(seq < next);
    return MRI_REF_RELATIVE | (next - seq);
}
