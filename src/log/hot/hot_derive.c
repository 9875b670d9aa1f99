/* SPDX-License-Identifier: MIT */
/*
 * The derived area: words that change with a batch, and are put back when nothing comes of it.
 *
 * Invariants
 *  1. A word is noted before it is changed, and the note counts before the change: whoever dies in
 *     between leaves a note of what is there anyway.
 *  2. `derived_seq` is ahead of the log only while a batch is under way.
 */
#include "log/hot/hot_derive.h"

uint64_t *mri_hot_derive_area(const struct mri_hot_tail *hot)
{
    return (uint64_t *)(void *)(hot->memory.ring - hot->options.derived_bytes);
}

struct mri_hot_undo *mri_hot_derive_undo(const struct mri_hot_tail *hot)
{
    size_t bytes = hot->shared->undo_max * sizeof(struct mri_hot_undo);
    const size_t page = MRI_SHARED_MEMORY_PAGE_BYTES;
    return (struct mri_hot_undo *)(void *)((uint8_t *)mri_hot_derive_area(hot) -
                                           (bytes + page - 1) / page * page);
}

void mri_hot_derive_begin(struct mri_hot_shared *shared)
{
    uint32_t version = atomic_load_explicit(&shared->derived_version, memory_order_relaxed);
    shared->writer.undo_pending = shared->writer.pending;
    atomic_store_explicit(&shared->derived_version, version | 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

void mri_hot_derive_end(struct mri_hot_shared *shared)
{
    uint32_t version = atomic_load_explicit(&shared->derived_version, memory_order_relaxed);
    shared->writer.undo_count = 0;
    atomic_store_explicit(&shared->derived_version, version + (version & 1), memory_order_release);
}

void mri_hot_tail_set(struct mri_hot_journal *journal, uint64_t *word, uint64_t value)
{
    uint32_t count = *journal->count;
    if (count >= journal->capacity) {
        journal->is_full = true;
        return;
    }
    journal->undo[count] =
        (struct mri_hot_undo){(uint64_t)(word - journal->derived) * sizeof(uint64_t), *word};
    atomic_thread_fence(memory_order_release);
    *(volatile uint32_t *)journal->count = count + 1;
    atomic_thread_fence(memory_order_release);
    MRI_HOT_POINT(21);
    *(volatile uint64_t *)word = value;
    MRI_HOT_POINT(22);
}

/** The newest first: a word may have been changed twice. */
static void restore_words(struct mri_hot_tail *hot)
{
    struct mri_hot_shared *shared = hot->shared;
    const struct mri_hot_undo *undo = mri_hot_derive_undo(hot);
    uint64_t *derived = mri_hot_derive_area(hot);
    uint32_t count = shared->writer.undo_count;
    for (uint32_t i = count < shared->undo_max ? count : (uint32_t)shared->undo_max; i > 0; i--) {
        if (undo[i - 1].offset < hot->options.derived_bytes) {
            derived[undo[i - 1].offset / sizeof(uint64_t)] = undo[i - 1].value;
            MRI_HOT_POINT(20);
        }
    }
}

void mri_hot_derive_put_back(struct mri_hot_tail *hot)
{
    restore_words(hot);
    mri_hot_derive_end(hot->shared);
}

bool mri_hot_derive_is_current(const struct mri_hot_writer *writer)
{
    return atomic_load_explicit(&writer->derived_seq, memory_order_relaxed) + 1 == writer->next_seq;
}

void mri_hot_derive_advance(struct mri_hot_writer *writer, uint64_t events)
{
    atomic_store_explicit(
        &writer->derived_seq, writer->next_seq - 1 + events, memory_order_relaxed);
}

uint64_t *mri_hot_tail_begin_fill(struct mri_hot_tail *hot)
{
    struct mri_hot_shared *shared = hot->shared;
    if (hot->options.derived_bytes == 0) {
        return NULL;
    }
    atomic_store(&shared->writer.derived_seq, 0); /* behind, unless the log is empty */
    mri_hot_derive_begin(shared);
    return mri_hot_derive_area(hot);
}

void mri_hot_tail_end_fill(struct mri_hot_tail *hot, bool is_filled)
{
    struct mri_hot_shared *shared = hot->shared;
    if (is_filled) {
        atomic_thread_fence(memory_order_release);
        atomic_store(&shared->writer.derived_seq, shared->writer.next_seq - 1);
    }
    mri_hot_derive_end(shared);
}

bool mri_hot_tail_is_behind(const struct mri_hot_tail *hot)
{
    const struct mri_hot_shared *shared = hot->shared;
    uint64_t seen = atomic_load_explicit(&shared->tail_seq, memory_order_acquire);
    return atomic_load_explicit(&shared->writer.derived_seq, memory_order_acquire) < seen;
}

const uint64_t *mri_hot_tail_derived(const struct mri_hot_tail *hot)
{
    return hot->options.derived_bytes == 0 ? NULL : mri_hot_derive_area(hot);
}
