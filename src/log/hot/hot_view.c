/* SPDX-License-Identifier: MIT */
/*
 * Reading the ring beside its writers.
 *
 * Invariants
 *  1. The tail never runs more than three quarters of the ring ahead of `written`, and a writer
 *     builds at most a quarter of the ring behind the tail. So bytes at most three quarters behind
 *     the tail are whole while they are copied; that they still were is checked afterwards.
 *  2. Only the words to sleep on are written. Without them (another user's memory) there is no
 * view.
 */
#include "log/hot/hot_view.h"

#include <string.h>

#include "log/hot/hot_shared.h"
#include "os/futex.h"

mr_err mri_hot_view_attach(const struct mri_os *os, const char *path,
    const struct mri_control *control, struct mri_hot_view *ret_view)
{
    struct mri_hot_view view = {0};
    mr_err err = os->memory_view(
        os->context, path, (size_t)control->head_bytes, (size_t)control->ring_bytes, &view.memory);
    if (err != MR_OK) {
        return err;
    }
    err = mri_hot_check_memory(&view.memory);
    if (err == MR_OK) {
        view.shared = mri_hot_shared_of(&view.memory);
        view.sleepers = view.memory.base;
        err =
            view.shared->memory_generation == control->generation && !mri_hot_view_is_closed(&view)
                ? MR_OK
                : MR_NOT_FOUND;
    }
    if (err != MR_OK) {
        mri_hot_view_detach(os, &view);
        return err;
    }
    *ret_view = view;
    return MR_OK;
}

void mri_hot_view_detach(const struct mri_os *os, struct mri_hot_view *view)
{
    os->memory_close(os->context, &view->memory);
    *view = (struct mri_hot_view){0};
}

mr_err mri_hot_view_copy(const struct mri_hot_view *view, uint64_t position, void *bytes,
    size_t count_max, size_t *ret_count)
{
    const struct mri_hot_shared *shared = view->shared;
    uint64_t ring_bytes = view->memory.ring_bytes;
    uint64_t room = ring_bytes - ring_bytes / 4;
    uint64_t tail = atomic_load_explicit(&shared->tail, memory_order_acquire);
    if (position >= tail) {
        return MR_END;
    }
    if (position < shared->first || tail - position > room) {
        return MR_NOT_FOUND;
    }
    uint64_t index = mri_hot_index_at(shared, position);
    const struct mri_hot_segment *segment = &shared->segments[index % MRI_HOT_SEGMENTS_KEPT];
    uint64_t end = atomic_load_explicit(&segment->end, memory_order_acquire);
    uint64_t stop = end != 0 && tail > end ? end : tail;
    if (position >= stop) {
        return MR_AGAIN;
    }
    size_t count = stop - position < count_max ? (size_t)(stop - position) : count_max;
    memcpy(bytes, view->memory.ring + position % ring_bytes, count);
    atomic_thread_fence(memory_order_acquire);
    /* A writer builds at most a quarter of the ring behind the tail that is seen now. */
    tail = atomic_load_explicit(&shared->tail, memory_order_relaxed);
    if (tail - position > room) {
        return MR_NOT_FOUND;
    }
    *ret_count = count;
    return MR_OK;
}

uint64_t mri_hot_view_tail(const struct mri_hot_view *view)
{
    return atomic_load_explicit(&view->shared->tail, memory_order_acquire);
}

uint64_t mri_hot_view_written(const struct mri_hot_view *view)
{
    return atomic_load_explicit(&view->shared->written, memory_order_acquire);
}

uint64_t mri_hot_view_durable_seq(const struct mri_hot_view *view)
{
    return atomic_load_explicit(&view->shared->durable_seq, memory_order_acquire);
}

struct mri_hot_view_counters mri_hot_view_counters(const struct mri_hot_view *view)
{
    const struct mri_hot_shared *shared = view->shared;
    return (struct mri_hot_view_counters){
        .tail = atomic_load(&shared->tail),
        .written = atomic_load(&shared->written),
        .durable = atomic_load(&shared->durable),
        .tail_seq = atomic_load(&shared->tail_seq),
        .written_seq = atomic_load(&shared->written_seq),
        .durable_seq = atomic_load(&shared->durable_seq),
        .orphans = atomic_load(&shared->orphans),
        .finished = atomic_load(&shared->finished),
        .backpressured = atomic_load(&shared->backpressured),
        .syncs = atomic_load(&shared->syncs),
        .repeated = atomic_load(&shared->repeated),
        .sealed_seq = mri_hot_seals(shared)->next_seq - 1,
        .epoch = shared->writer.epoch,
        .event_crc = shared->writer.event_crc,
        .is_poisoned = atomic_load(&shared->is_poisoned) != 0,
    };
}

bool mri_hot_view_is_closed(const struct mri_hot_view *view)
{
    return atomic_load_explicit(&view->shared->is_closed, memory_order_acquire) != 0;
}

mr_err mri_hot_view_segment(
    const struct mri_hot_view *view, uint64_t index, struct mri_hot_view_segment *ret_segment)
{
    const struct mri_hot_shared *shared = view->shared;
    const struct mri_hot_segment *segment = &shared->segments[index % MRI_HOT_SEGMENTS_KEPT];
    uint64_t newest = mri_hot_index_at(shared, mri_hot_view_tail(view));
    uint64_t oldest = mri_hot_index_at(shared, shared->first);
    if (index > newest || index < oldest || newest - index >= MRI_HOT_SEGMENTS_KEPT / 2) {
        return MR_NOT_FOUND;
    }
    uint64_t end = atomic_load_explicit(&segment->end, memory_order_acquire);
    uint64_t written = atomic_load_explicit(&shared->written, memory_order_acquire);
    *ret_segment = (struct mri_hot_view_segment){
        .head = mri_hot_head_of(shared, segment),
        .is_written = index < newest && end != 0 && written >= end,
    };
    return MR_OK;
}

void mri_hot_view_range(const struct mri_hot_view *view, uint64_t *ret_oldest, uint64_t *ret_newest)
{
    const struct mri_hot_shared *shared = view->shared;
    uint64_t written = atomic_load_explicit(&shared->written, memory_order_acquire);
    *ret_oldest = mri_hot_index_at(shared, written);
    *ret_newest = mri_hot_index_at(shared, mri_hot_view_tail(view));
}

/** A word to sleep on until a mark has passed a value. */
struct sleep {
    _Atomic uint32_t *word;
    _Atomic uint32_t *wanted;
    uint32_t bits;
    const _Atomic uint64_t *mark;
    uint64_t value;
};

/** Note that somebody sleeps; MR_AGAIN: it is over already. */
static mr_err prepare(
    const struct mri_hot_view *view, const struct sleep *sleep, uint32_t *ret_seen)
{
    *ret_seen = atomic_load(sleep->word);
    atomic_fetch_or(sleep->wanted, sleep->bits);
    atomic_thread_fence(memory_order_seq_cst);
    MRI_HOT_POINT(61);
    bool is_over = atomic_load(sleep->mark) > sleep->value || mri_hot_view_is_closed(view);
    return is_over ? MR_AGAIN : MR_OK;
}

/** Sleep, noted among those who want these bits, unless it is over already. */
static mr_err sleep_on(
    const struct mri_hot_view *view, const struct sleep *sleep, int64_t timeout_ns)
{
    uint32_t seen;
    MRI_HOT_POINT(60);
    if (prepare(view, sleep, &seen) != MR_OK) {
        return MR_OK;
    }
    mr_err err = mri_futex_wait(sleep->word, seen, sleep->bits, timeout_ns);
    return err == MR_OK || atomic_load(sleep->mark) > sleep->value ? MR_OK : err;
}

static struct sleep sleep_for_tail(
    const struct mri_hot_view *view, uint64_t position, uint32_t bits)
{
    return (struct sleep){&view->sleepers->tail_word, &view->sleepers->tail_bits, bits,
        &view->shared->tail, position};
}

static struct sleep sleep_for_durable(const struct mri_hot_view *view, uint64_t seq)
{
    return (struct sleep){&view->sleepers->durable_word, &view->sleepers->durable_bits,
        MRI_HOT_BITS_ALL, &view->shared->durable_seq, seq};
}

mr_err mri_hot_view_prepare(const struct mri_hot_view *view, bool is_durable, uint64_t value,
    struct mri_hot_view_sleep *ret_sleep)
{
    const struct sleep sleep =
        is_durable ? sleep_for_durable(view, value) : sleep_for_tail(view, value, MRI_HOT_BITS_ALL);
    ret_sleep->word = sleep.word;
    return prepare(view, &sleep, &ret_sleep->seen);
}

mr_err mri_hot_view_wait(
    const struct mri_hot_view *view, uint64_t position, uint32_t bits, int64_t timeout_ns)
{
    const struct sleep sleep = sleep_for_tail(view, position, bits);
    return sleep_on(view, &sleep, timeout_ns);
}

mr_err mri_hot_view_wait_durable(const struct mri_hot_view *view, uint64_t seq, int64_t timeout_ns)
{
    const struct sleep sleep = sleep_for_durable(view, seq);
    return sleep_on(view, &sleep, timeout_ns);
}
