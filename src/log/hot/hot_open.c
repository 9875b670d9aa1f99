/* SPDX-License-Identifier: MIT */
/*
 * Making the memory of a hot tail, mapping it, leaving it.
 *
 * Invariants
 *  1. The magic comes last: memory whose maker was killed is nobody's, and has none.
 *  2. Lengths that the memory says are compared with those of the file before anything is found by
 *     them.
 *
 * Not here: appending (hot_tail.c).
 */
#include <string.h>

#include "log/hot/hot_shared.h"
#include "os/futex.h"

enum { TOUCH_BYTES = 1024 * 1024 /* then it looks whether it is to leave */ };

static const char magic[8] = "MRHOT\r\n\x1a";

MRI_STATIC_ASSERT(
    sizeof(struct mri_hot_sleepers) <= MRI_SHARED_MEMORY_PAGE_BYTES, "a page of its own");

static size_t whole_pages(size_t bytes)
{
    const size_t page = MRI_SHARED_MEMORY_PAGE_BYTES;
    return (bytes + page - 1) / page * page;
}

/** Of the head: everything before the ring. */
static size_t head_bytes(struct mri_dedupe_limits dedupe, uint64_t undo_max, size_t derived_bytes)
{
    return MRI_SHARED_MEMORY_PAGE_BYTES + whole_pages(sizeof(struct mri_hot_shared)) +
           whole_pages(mri_dedupe_bytes(dedupe)) +
           whole_pages(undo_max * sizeof(struct mri_hot_undo)) + derived_bytes;
}

static uint32_t undo_max_of(const struct mri_hot_options *options)
{
    return options->deriver == NULL ? 0 : options->deriver->stores_max;
}

static size_t head_bytes_of(const struct mri_hot_options *options)
{
    return options->head_bytes != 0
               ? options->head_bytes
               : head_bytes(options->dedupe, undo_max_of(options), options->derived_bytes);
}

size_t mri_hot_tail_head_bytes(const struct mri_hot_options *options)
{
    return head_bytes_of(options);
}

mr_err mri_hot_check_memory(const struct mri_shared_memory *memory)
{
    if (memory->head_bytes < MRI_SHARED_MEMORY_PAGE_BYTES + sizeof(struct mri_hot_shared)) {
        return MR_ECORRUPT;
    }
    static const char unfinished[sizeof(magic)] = {0};
    const struct mri_hot_shared *shared = mri_hot_shared_of(memory);
    if (memcmp(shared->magic, unfinished, sizeof(unfinished)) == 0) {
        return MR_NOT_FOUND;
    }
    if (memcmp(shared->magic, magic, sizeof(magic)) != 0 ||
        shared->layout_version != MRI_HOT_LAYOUT_VERSION) {
        return MR_EVERSION;
    }
    bool is_good =
        shared->dedupe_limits.producers <= MRI_DEDUPE_PRODUCERS_MAX &&
        shared->dedupe_limits.ids <= MRI_DEDUPE_IDS_MAX &&
        shared->ring_bytes == memory->ring_bytes && shared->derived_bytes < memory->head_bytes &&
        shared->undo_max <= memory->head_bytes / sizeof(struct mri_hot_undo) &&
        head_bytes(shared->dedupe_limits, shared->undo_max, (size_t)shared->derived_bytes) ==
            memory->head_bytes &&
        shared->segment_bytes >= MRI_SEGMENT_BYTES_MIN &&
        shared->segment_bytes <= MRI_SEGMENT_BYTES_MAX &&
        (shared->segment_bytes & (shared->segment_bytes - 1)) == 0;
    return is_good ? MR_OK : MR_ECORRUPT;
}

static mr_err check_options(const struct mri_hot_options *options)
{
    bool is_good = options->os != NULL && options->folder != NULL && options->memory_path != NULL &&
                   options->ring_bytes >= MRI_HOT_RING_BYTES_MIN &&
                   options->ring_bytes % MRI_SHARED_MEMORY_PAGE_BYTES == 0 &&
                   options->derived_bytes % MRI_SHARED_MEMORY_PAGE_BYTES == 0 &&
                   options->dedupe.producers <= MRI_DEDUPE_PRODUCERS_MAX &&
                   options->dedupe.ids <= MRI_DEDUPE_IDS_MAX;
    return is_good ? MR_OK : MR_EINVAL;
}

static void forget_files(struct mri_hot_tail *hot)
{
    for (unsigned i = 0; i < MRI_HOT_FILES_KEPT; i++) {
        hot->files[i].fd = -1;
    }
    hot->sync_file.fd = -1;
}

static mr_err init_locks(struct mri_hot_shared *shared)
{
    struct mri_robust_lock *const locks[] = {&shared->append_lock, &shared->write_lock,
        &shared->sync_lock, &shared->spare_lock, &shared->seal_lock, &shared->producers_lock};
    mr_err err = MR_OK;
    for (size_t i = 0; i < MRI_COUNT_OF(locks) && err == MR_OK; i++) {
        err = mri_robust_lock_init(locks[i]);
    }
    return err;
}

static void init_state(struct mri_hot_tail *hot, const struct mri_hot_start *start)
{
    struct mri_hot_shared *shared = hot->shared;
    uint64_t position = start->segment.base_position + start->offset;
    shared->layout_version = MRI_HOT_LAYOUT_VERSION;
    shared->ring_bytes = hot->options.ring_bytes;
    shared->derived_bytes = hot->options.derived_bytes;
    shared->undo_max = undo_max_of(&hot->options);
    shared->dedupe_limits = hot->options.dedupe;
    shared->segment_bytes = start->segment.segment_bytes;
    shared->memory_generation = start->generation;
    shared->first = position;
    shared->pattern = start->segment;
    shared->writer = (struct mri_hot_writer){.next_seq = start->next_seq,
        .last_unix_ns = start->last_unix_ns,
        .pending = position,
        .written_seen = position,
        .prev_crc = start->prev_crc,
        .prev_units = start->prev_units,
        .epoch = start->writer_epoch,
        .event_crc = start->event_crc};
    shared->seals[0] = start->seals;
    *mri_hot_segment_of(hot, position) = (struct mri_hot_segment){
        .index = mri_hot_index_of(hot, position),
        .base_seq = start->segment.base_seq,
        .salt = start->segment.salt,
        .prev_unix_ns = start->segment.prev_unix_ns,
        .prev_crc = start->segment.prev_crc,
        .prev_units = start->segment.prev_units,
        .writer_epoch = start->segment.writer_epoch,
    };
    atomic_store(&shared->tail, position);
    atomic_store(&shared->written, position);
    atomic_store(&shared->durable, position);
    atomic_store(&shared->tail_seq, start->next_seq - 1);
    atomic_store(&shared->spares_wanted, 1);
    atomic_store(&shared->written_seq, start->next_seq - 1);
    atomic_store(&shared->durable_seq, start->next_seq - 1);
    atomic_store(&shared->producers_index, mri_hot_index_of(hot, position));
    atomic_store(&shared->producers_seq, start->dedupe_seq);
    if (start->dedupe != NULL) {
        mri_dedupe_copy(start->dedupe, mri_hot_dedupe_place(&hot->memory));
    }
    hot->dedupe = mri_dedupe_at(mri_hot_dedupe_place(&hot->memory), hot->options.dedupe);
}

/** Everything of a new handle but its memory. */
static mr_err begin(struct mri_hot_tail *hot, const struct mri_hot_options *options)
{
    *hot = (struct mri_hot_tail){.options = *options};
    forget_files(hot);
    mr_err err = check_options(options);
    return err == MR_OK ? mri_digest_init(&hot->hasher) : err;
}

mr_err mri_hot_tail_create(struct mri_hot_tail *hot, const struct mri_hot_options *options,
    const struct mri_hot_start *start)
{
    struct mri_hot_tail made;
    const struct mri_os *os = options->os;
    mr_err err = begin(&made, options);
    uint64_t segment_bytes = start->segment.segment_bytes;
    bool is_power_of_two = segment_bytes != 0 && (segment_bytes & (segment_bytes - 1)) == 0;
    if (err == MR_OK && (!is_power_of_two || start->next_seq == 0 ||
                            start->segment.base_position % start->segment.segment_bytes != 0)) {
        err = MR_EINVAL;
    }
    if (err == MR_OK) {
        err = os->memory_create(os->context, options->memory_path, head_bytes_of(options),
            options->ring_bytes, &made.memory);
    }
    if (err != MR_OK) {
        mri_digest_fini(&made.hasher);
        return err;
    }
    made.shared = mri_hot_shared_of(&made.memory);
    made.derived_version = &made.shared->derived_version;
    err = init_locks(made.shared);
    if (err != MR_OK) {
        mri_hot_tail_close(&made);
        (void)os->memory_remove(os->context, options->memory_path); /* ours, and of no use */
        return err;
    }
    init_state(&made, start);
    made.touched_from = atomic_load(&made.shared->tail);
    made.touched = made.touched_from;
    made.head_touched = MRI_SHARED_MEMORY_READY_BYTES;
    atomic_thread_fence(memory_order_release);
    memcpy(made.shared->magic, magic, sizeof(magic)); /* last: now it may be attached */
    *hot = made;
    return MR_OK;
}

void mri_hot_tail_use_deriver(
    struct mri_hot_tail *hot, size_t derived_bytes, const struct mri_hot_deriver *deriver)
{
    bool is_its = deriver != NULL && hot->shared->derived_bytes == derived_bytes &&
                  hot->shared->undo_max == deriver->stores_max;
    hot->options.deriver = is_its ? deriver : NULL;
}

mr_err mri_hot_tail_attach(struct mri_hot_tail *hot, const struct mri_hot_options *options)
{
    struct mri_hot_tail made;
    const struct mri_os *os = options->os;
    mr_err err = begin(&made, options);
    if (err == MR_OK) {
        err = os->memory_attach(os->context, options->memory_path, head_bytes_of(options),
            options->ring_bytes, &made.memory);
    }
    if (err == MR_OK) {
        err = mri_hot_check_memory(&made.memory);
    }
    if (err != MR_OK) {
        os->memory_close(os->context, &made.memory);
        mri_digest_fini(&made.hasher);
        return err;
    }
    made.shared = mri_hot_shared_of(&made.memory);
    made.derived_version = &made.shared->derived_version;
    made.dedupe = mri_dedupe_at(mri_hot_dedupe_place(&made.memory), made.shared->dedupe_limits);
    made.options.derived_bytes = (size_t)made.shared->derived_bytes;
    mri_hot_tail_use_deriver(&made, options->derived_bytes, options->deriver);
    made.touched_from = atomic_load(&made.shared->tail);
    made.touched = made.touched_from;
    made.head_touched = MRI_SHARED_MEMORY_READY_BYTES;
    *hot = made;
    return MR_OK;
}

void mri_hot_tail_touch_ahead(struct mri_hot_tail *hot)
{
    uint64_t ring_bytes = hot->memory.ring_bytes;
    uint64_t end = hot->touched_from + ring_bytes;
    while (hot->touched < end && !atomic_load(&hot->is_leaving)) {
        uint64_t tail = atomic_load(&hot->shared->tail);
        hot->touched = tail > hot->touched ? tail : hot->touched; /* appenders have done it */
        if (hot->touched < end) {
            uint64_t step = end - hot->touched < TOUCH_BYTES ? end - hot->touched : TOUCH_BYTES;
            mri_shared_memory_touch(&hot->memory, hot->touched % ring_bytes, step);
            hot->touched += step;
        }
    }
    while (hot->head_touched < hot->memory.head_bytes && !atomic_load(&hot->is_leaving)) {
        mri_shared_memory_touch_head(&hot->memory, hot->head_touched, TOUCH_BYTES);
        hot->head_touched += TOUCH_BYTES;
    }
}

void mri_hot_tail_close(struct mri_hot_tail *hot)
{
    if (hot == NULL || hot->shared == NULL) {
        return;
    }
    mri_hot_close_files(hot);
    mri_digest_fini(&hot->hasher);
    hot->shared = NULL;
    hot->options.os->memory_close(hot->options.os->context, &hot->memory);
}

void mri_hot_tail_retire(struct mri_hot_tail *hot)
{
    struct mri_hot_sleepers *sleepers = hot->memory.base;
    atomic_store(&hot->shared->is_closed, 1);
    atomic_fetch_add(&sleepers->tail_word, 1);
    atomic_fetch_add(&sleepers->durable_word, 1);
    (void)mri_futex_wake(&sleepers->tail_word, MRI_FUTEX_ALL, MRI_HOT_BITS_ALL);
    (void)mri_futex_wake(&sleepers->durable_word, MRI_FUTEX_ALL, MRI_HOT_BITS_ALL);
}

struct mri_hot_view mri_hot_tail_view(const struct mri_hot_tail *hot)
{
    return (struct mri_hot_view){
        .memory = hot->memory, .shared = hot->shared, .sleepers = hot->memory.base};
}
