/* SPDX-License-Identifier: MIT */
/*
 * Appending to the ring, and going on where a killed writer stopped.
 *
 *   under the append lock:
 *     1 validate, make room     nothing is changed yet
 *     2 derive: change words of the derived area, each noted as it was before
 *     3 build the records behind the tail: nobody looks there
 *     4 pending = new tail      from here on the batch is complete, whoever is killed
 *     5 note producers and message ids, move the chain
 *     6 tail = new tail         readers see it
 *
 * Invariants
 *  1. A writer killed before step 4 has done nothing: the next one puts the words back and builds
 *     over its bytes. One killed from step 4 on is finished by the next one, from the records
 * alone.
 *  2. Records never cross the end of a segment; ROLL closes it and there is always room for it. A
 *     segment's `end` is set before the tail leaves it, so who has read the tail first sees it.
 *  3. The tail never runs more than three quarters of the ring ahead of `written`, and a batch is
 *     at most a quarter: what readers copy is at least a quarter away from being overwritten.
 *  4. On the way to `pending` stores are only ordered, not flushed: x86-64 keeps the order, the
 *     fences tell the compiler (and other processors) to.
 *
 * Not here: making the memory (hot_open.c), the disk (hot_commit.c).
 */
#include "log/hot/hot_tail.h"

#include <string.h>

#include "base/crc32c.h"
#include "log/dedupe/dedupe_batch.h"
#include "log/hot/hot_derive.h"
#include "log/hot/hot_shared.h"
#include "os/futex.h"

/* Who sleeps is woken by the writer himself up to so many; the rest by a helper. */
enum { WAKE_MAX = 4 };

enum {
    ROLL_BYTES = sizeof(struct mri_record_head),
    WRITE_STEP_BYTES = 4 * 1024 * 1024, /* what a writer writes behind before it looks again */
    LAG_SATURATED = 65535,
    SPARE_ATTEMPTS = 8,
};

MRI_STATIC_ASSERT(sizeof(struct mri_record_head) == MRI_RECORD_UNIT_BYTES, "ROLL is one unit");

/* ---- after the death of a writer ------------------------------------------------------------- */

/** Walk the records of a complete batch that was not published, and take the chain from the last.
 */
static mr_err finish_batch(struct mri_hot_tail *hot, uint64_t tail)
{
    struct mri_hot_writer *writer = &hot->shared->writer;
    uint64_t position = tail;
    const struct mri_record_head *head = NULL;
    while (position < writer->pending) {
        head = mri_hot_record(hot, position);
        if (mri_record_check_head(head, mri_hot_segment_of(hot, position)->salt, position) !=
                MR_OK ||
            mri_hot_note_record(hot, head) != MR_OK) {
            return MR_ECORRUPT;
        }
        position = head->type == MRI_RECORD_ROLL ? mri_hot_next_segment(hot, position)
                                                 : position + mri_record_stride(head->bytes);
    }
    if (position != writer->pending || head == NULL) {
        return MR_ECORRUPT;
    }
    writer->next_seq = head->seq + mri_record_is_numbered(head);
    writer->last_unix_ns = head->time_unix_ns;
    writer->prev_crc = head->head_crc;
    writer->prev_units = (uint32_t)(mri_record_stride(head->bytes) / MRI_RECORD_UNIT_BYTES);
    writer->event_crc = mri_record_is_numbered(head) ? head->head_crc : writer->event_crc;
    if (head->type == MRI_RECORD_SEAL) {
        atomic_store(&hot->shared->seal_end, writer->pending);
    }
    atomic_store(&hot->shared->tail_seq, writer->next_seq - 1);
    return MR_OK;
}

/** Give back a spare that was taken for a segment that did not come to be. */
static void free_unused_spares(struct mri_hot_tail *hot)
{
    struct mri_hot_shared *shared = hot->shared;
    uint64_t newest = mri_hot_index_of(hot, atomic_load(&shared->tail));
    uint64_t oldest = mri_hot_index_of(hot, atomic_load(&shared->written));
    for (unsigned i = 0; i < MRI_HOT_SPARES_MAX; i++) {
        bool is_used = false;
        for (uint64_t index = oldest; index <= newest; index++) {
            is_used = is_used || shared->segments[index % MRI_HOT_SEGMENTS_KEPT].spare_id ==
                                     shared->spares[i].id;
        }
        if (!is_used && atomic_load(&shared->spares[i].state) == MRI_HOT_SPARE_TAKEN) {
            atomic_store(&shared->spares[i].state, MRI_HOT_SPARE_READY);
        }
    }
}

/** The holder of the append lock was killed: finish what it had completed, drop the rest. */
static mr_err recover(struct mri_hot_tail *hot)
{
    struct mri_hot_shared *shared = hot->shared;
    struct mri_hot_writer *writer = &shared->writer;
    uint64_t tail = atomic_load(&shared->tail);
    writer->epoch++;
    atomic_fetch_add(&shared->orphans, 1);
    if (writer->undo_count > 0 && writer->pending == writer->undo_pending) {
        mri_hot_derive_put_back(hot);
    }
    if (writer->pending > tail) {
        mr_err err = finish_batch(hot, tail);
        if (err != MR_OK) {
            atomic_store(&shared->is_poisoned, 1);
            return err;
        }
        mri_dedupe_mend(&hot->dedupe);
        atomic_store_explicit(&shared->tail, writer->pending, memory_order_release);
        atomic_fetch_add(&shared->finished, 1);
    } else {
        writer->pending = tail;
        if (atomic_load(&writer->derived_seq) >= writer->next_seq) {
            atomic_store(&writer->derived_seq, writer->next_seq - 1); /* nothing came of it */
        }
        atomic_store(&mri_hot_segment_of(hot, tail)->end, 0); /* it may have begun to roll */
        free_unused_spares(hot);
    }
    atomic_store(&shared->tail_seq, writer->next_seq - 1); /* the last store of a batch */
    mri_hot_derive_end(shared);
    return MR_OK;
}

static mr_err enter(struct mri_hot_tail *hot)
{
    bool is_orphan;
    mr_err err = mri_robust_lock_take(&hot->shared->append_lock, MRI_HOT_LOCK_SPINS, &is_orphan);
    if (err == MR_OK && is_orphan) {
        err = recover(hot);
        mri_robust_lock_mend(&hot->shared->append_lock);
        if (err != MR_OK) {
            mri_robust_lock_give(&hot->shared->append_lock);
        }
    }
    return err;
}

mr_err mri_hot_tail_hold(struct mri_hot_tail *hot)
{
    return enter(hot);
}

void mri_hot_tail_let_go(struct mri_hot_tail *hot)
{
    mri_robust_lock_give(&hot->shared->append_lock);
}

/* ---- appending ------------------------------------------------------------------------------- */

/** The chain as it grows while a batch is built. */
struct chain {
    uint64_t seq;
    uint64_t position;
    uint64_t salt;
    uint64_t durable_seq;
    int64_t last_unix_ns;
    uint32_t prev_crc;
    uint32_t prev_units;
    uint32_t epoch;
};

/** A record without its padding. */
static size_t record_bytes(const mr_log_record *record)
{
    size_t id_bytes = record->message_id == NULL ? 0 : MRI_RECORD_MSGID_BYTES;
    return sizeof(struct mri_record_head) + id_bytes + record->body_bytes;
}

/** Two fields of a head in one word: the format is little-endian. */
static uint64_t pair(uint32_t first, uint32_t second)
{
    return first | (uint64_t)second << 32;
}

/*
 * The head is put together in words: a processor that loads a word from bytes that were stored
 * piece by piece waits for each of them, which would cost as much as the checksum itself.
 */
static void put_record(struct mri_hot_tail *hot, const mr_log_record *record,
    const struct mri_hot_subject *subject, uint8_t flags, struct chain *chain)
{
    size_t bytes = record_bytes(record);
    size_t stride = mri_record_stride(bytes);
    uint8_t *place = (uint8_t *)mri_hot_record(hot, chain->position);
    uint8_t *body = place + bytes - record->body_bytes;
    uint32_t crc = 0;
    if (record->message_id != NULL) {
        memcpy(place + sizeof(struct mri_record_head), record->message_id, MRI_RECORD_MSGID_BYTES);
        crc = mri_crc32c(0, record->message_id, MRI_RECORD_MSGID_BYTES);
        flags |= MRI_RECORD_HAS_MSGID;
    }
    if (record->body_bytes > 0) {
        memcpy(body, record->body, record->body_bytes);
    }
    memset(place + bytes, 0, stride - bytes);
    uint64_t lag = chain->seq - chain->durable_seq;
    lag = lag < LAG_SATURATED ? lag : LAG_SATURATED;
    chain->last_unix_ns++; /* one clock for the batch; order stays strict */
    const uint64_t head[MRI_RECORD_HEAD_WORDS] = {
        [1] = chain->seq,
        [2] = (uint64_t)chain->last_unix_ns,
        [3] = subject->prev,
        [4] = pair(subject->id, mri_crc32c(crc, record->body, record->body_bytes)),
        [5] = pair(chain->prev_crc, (uint32_t)(chain->prev_units | lag << 16)),
        [6] = pair(record->producer_id, record->producer_seq),
        [7] = pair(
            chain->epoch, record->type | (uint32_t)flags << 16 | (uint32_t)record->version << 24),
    };
    uint32_t head_crc = mri_record_words_crc(head, (uint32_t)bytes, chain->salt, chain->position);
    const uint64_t first = pair((uint32_t)bytes, head_crc);
    memcpy(place, &first, sizeof(first));
    for (unsigned i = 1; i < MRI_RECORD_HEAD_WORDS; i++) {
        memcpy(place + i * sizeof(*head), &head[i], sizeof(*head));
    }
    chain->seq += mri_record_is_numbered((const struct mri_record_head *)(void *)place);
    chain->position += stride;
    chain->prev_crc = head_crc;
    chain->prev_units = (uint32_t)(stride / MRI_RECORD_UNIT_BYTES);
}

static struct chain chain_now(const struct mri_hot_tail *hot, int64_t now_unix_ns)
{
    const struct mri_hot_shared *shared = hot->shared;
    const struct mri_hot_writer *writer = &shared->writer;
    return (struct chain){
        .seq = writer->next_seq,
        .position = writer->pending,
        .salt = mri_hot_segment_of(hot, writer->pending)->salt,
        .durable_seq = atomic_load_explicit(&shared->durable_seq, memory_order_relaxed),
        .last_unix_ns = now_unix_ns > writer->last_unix_ns ? now_unix_ns : writer->last_unix_ns,
        .prev_crc = writer->prev_crc,
        .prev_units = writer->prev_units,
        .epoch = writer->epoch,
    };
}

/** A batch, as it goes through the lock. */
struct appending {
    const mr_log_record *records;
    size_t count;
    const struct mri_hot_append *how;
    struct mri_dedupe_batch *who; /**< has made it */
    mr_log_ack *ack;
    const struct mri_hot_subject *subjects; /**< NULL: as the records say */
    uint64_t end;                           /**< position behind it */
    uint32_t bits;                          /**< of its subjects */
    bool is_derived;                        /**< the deriver has a say in it */
};

/** From here on the batch counts, whatever happens to this process. NULL: it is ROLL. */
static void publish(struct mri_hot_tail *hot, const struct chain *chain, uint64_t new_tail,
    const struct appending *batch)
{
    struct mri_hot_shared *shared = hot->shared;
    struct mri_hot_writer *writer = &shared->writer;
    atomic_thread_fence(memory_order_release);
    *(volatile uint64_t *)&writer->pending = new_tail;
    atomic_thread_fence(memory_order_release);
    MRI_HOT_POINT(3);
    if (batch != NULL && batch->who->identified > 0) {
        mri_hot_note_batch(hot, batch->records, batch->count, writer->next_seq);
    }
    MRI_HOT_POINT(4);
    if (writer->next_seq != chain->seq) {
        writer->event_crc = chain->prev_crc;
    } else if (batch != NULL && batch->records[0].type == MRI_RECORD_SEAL) {
        atomic_store(&shared->seal_end, new_tail); /* a batch of its own, without a seq */
    }
    writer->next_seq = chain->seq;
    writer->last_unix_ns = chain->last_unix_ns;
    writer->prev_crc = chain->prev_crc;
    writer->prev_units = chain->prev_units;
    MRI_HOT_POINT(5);
    atomic_store_explicit(&shared->tail, new_tail, memory_order_release);
    /* Behind the tail: no number is told of an event that cannot be read yet. */
    atomic_store_explicit(&shared->tail_seq, chain->seq - 1, memory_order_release);
    MRI_HOT_POINT(6);
}

/** One that is ready, and better one that is filled; NULL: there is none. */
static struct mri_hot_spare *find_spare(struct mri_hot_shared *shared)
{
    struct mri_hot_spare *found = NULL;
    for (unsigned i = 0; i < MRI_HOT_SPARES_MAX; i++) {
        struct mri_hot_spare *spare = &shared->spares[i];
        if (atomic_load_explicit(&spare->state, memory_order_acquire) == MRI_HOT_SPARE_READY &&
            (found == NULL || atomic_load(&spare->is_filled) != 0)) {
            found = spare;
        }
    }
    return found;
}

static struct mri_hot_spare *take_spare(struct mri_hot_shared *shared)
{
    struct mri_hot_spare *spare;
    uint32_t ready;
    do {
        spare = find_spare(shared);
        ready = MRI_HOT_SPARE_READY;
    } while (spare != NULL && !atomic_compare_exchange_strong(
                                  &spare->state, &ready, MRI_HOT_SPARE_TAKEN)); /* else: filled */
    return spare;
}

/** Close the segment with ROLL and go on in the next one, whose file is a spare until then. */
static mr_err roll(struct mri_hot_tail *hot, int64_t now_unix_ns)
{
    static const mr_log_record record = {.type = MRI_RECORD_ROLL, .version = MRI_RECORD_VERSION};
    static const struct mri_hot_subject nobody = {0};
    struct mri_hot_shared *shared = hot->shared;
    struct mri_hot_writer *writer = &shared->writer;
    MRI_HOT_POINT(10);
    const struct mri_hot_spare *spare = take_spare(shared);
    MRI_HOT_POINT(11);
    if (spare == NULL) {
        return MR_ENOSPC;
    }
    uint64_t tail = writer->pending;
    struct chain chain = chain_now(hot, now_unix_ns);
    put_record(hot, &record, &nobody, MRI_RECORD_TXN_END, &chain);
    uint64_t new_tail = mri_hot_next_segment(hot, tail);
    struct mri_hot_segment *next = mri_hot_segment_of(hot, new_tail);
    next->index = mri_hot_index_of(hot, new_tail);
    atomic_store(&next->end, 0);
    next->base_seq = chain.seq;
    next->salt = spare->salt;
    next->prev_unix_ns = chain.last_unix_ns;
    next->prev_crc = chain.prev_crc;
    next->prev_units = chain.prev_units;
    next->spare_id = spare->id;
    next->writer_epoch = chain.epoch;
    next->is_identified = mri_dedupe_is_used(&hot->dedupe);
    MRI_HOT_POINT(12);
    atomic_store_explicit(
        &mri_hot_segment_of(hot, tail)->end, chain.position, memory_order_release);
    MRI_HOT_POINT(13);
    publish(hot, &chain, new_tail, NULL);
    atomic_store(&shared->is_spare_needed, 0);
    uint32_t wanted = atomic_load(&shared->spares_wanted);
    atomic_store(&shared->spares_wanted,
        wanted < MRI_HOT_SPARES_WANTED ? wanted + 1 : (uint32_t)MRI_HOT_SPARES_WANTED);
    return MR_OK;
}

/** Bytes of the batch in the ring. MR_EINVAL a record is malformed; MR_ETOOLARGE. */
static mr_err batch_bytes(const struct mri_hot_tail *hot, const mr_log_record *records,
    size_t count, bool is_own, uint64_t *ret_bytes)
{
    uint64_t segment_room =
        hot->shared->segment_bytes - MRI_SEGMENT_PAGE_BYTES - (uint64_t)ROLL_BYTES;
    uint64_t limit = hot->options.ring_bytes / 4;
    uint64_t sum = 0;
    limit = limit < segment_room ? limit : segment_room;
    if (count == 0 || count > MRI_HOT_BATCH_RECORDS) {
        return count == 0 ? MR_EINVAL : MR_ETOOLARGE;
    }
    for (size_t i = 0; i < count; i++) {
        bool has_body = records[i].body != NULL || records[i].body_bytes == 0;
        bool has_producer = records[i].producer_id != 0 || records[i].producer_seq == 0;
        if (!has_body || !has_producer || (!is_own && records[i].type < MRI_RECORD_TYPE_FREE)) {
            return MR_EINVAL;
        }
        size_t bytes = record_bytes(&records[i]);
        sum += mri_record_stride(bytes);
        if (records[i].body_bytes > MR_LOG_BODY_BYTES_MAX || bytes > MRI_RECORD_BYTES_MAX ||
            sum > limit) {
            return MR_ETOOLARGE;
        }
    }
    *ret_bytes = sum;
    return MR_OK;
}

/** What an append says that must write behind first; it is not appended unless that succeeds. */
static mr_err answer_of_writing(mr_err err)
{
    bool is_told = err == MR_OK || err == MR_EINTERNAL || mri_hot_tail_is_shortage(err);
    return is_told ? err : MR_EPOISONED;
}

/** The ring is full: write behind until there is room up to a position. The disk sets the pace. */
static mr_err make_room(struct mri_hot_tail *hot, uint64_t new_tail)
{
    struct mri_hot_shared *shared = hot->shared;
    uint64_t room = hot->options.ring_bytes - hot->options.ring_bytes / 4;
    mr_err err = MR_OK;
    shared->writer.written_seen = atomic_load_explicit(&shared->written, memory_order_acquire);
    if (new_tail - shared->writer.written_seen <= room) {
        return MR_OK;
    }
    atomic_fetch_add(&shared->backpressured, 1);
    while (err == MR_OK && new_tail - shared->writer.written_seen > room) {
        err = mri_hot_take(hot, &shared->write_lock, false);
        if (err == MR_OK) {
            uint64_t tail = atomic_load(&shared->tail);
            uint64_t step = atomic_load(&shared->written) + WRITE_STEP_BYTES;
            err = mri_hot_write_to(hot, step < tail ? step : tail);
            mri_robust_lock_give(&shared->write_lock);
        }
        shared->writer.written_seen = atomic_load_explicit(&shared->written, memory_order_acquire);
    }
    return answer_of_writing(err);
}

/**
 * Must the segment be left? On a full disk, users' records leave room for the log's own: what was
 * acknowledged and sealed can still be said.
 */
static bool is_over(const struct mri_hot_tail *hot, uint64_t bytes, bool is_own)
{
    uint64_t segment_bytes = hot->shared->segment_bytes;
    uint64_t offset = mri_hot_offset_at(hot->shared, hot->shared->writer.pending);
    uint64_t end = offset + bytes + ROLL_BYTES;
    bool is_near = end + MRI_HOT_RESERVE_BYTES > segment_bytes;
    return end > segment_bytes || (is_near && !is_own && offset != MRI_SEGMENT_PAGE_BYTES &&
                                      find_spare(hot->shared) == NULL);
}

/** A SEAL never begins a segment, whose name is that of its first event, nor ends one for it. */
static bool is_place_for_seal(const struct mri_hot_tail *hot, uint64_t bytes)
{
    const struct mri_hot_writer *writer = &hot->shared->writer;
    return writer->next_seq > mri_hot_segment_of(hot, writer->pending)->base_seq &&
           !is_over(hot, bytes, true);
}

/** Roll and make room until the batch fits at the tail. */
static mr_err prepare_place(
    struct mri_hot_tail *hot, uint64_t bytes, int64_t now_unix_ns, bool is_own)
{
    struct mri_hot_writer *writer = &hot->shared->writer;
    uint64_t room = hot->options.ring_bytes - hot->options.ring_bytes / 4;
    mr_err err = MR_OK;
    if (is_over(hot, bytes, is_own)) {
        uint64_t new_tail = mri_hot_next_segment(hot, writer->pending);
        err = make_room(hot, new_tail + bytes);
        if (err == MR_OK) {
            err = roll(hot, now_unix_ns);
        }
    }
    if (err == MR_OK && writer->pending + bytes - writer->written_seen > room) {
        err = make_room(hot, writer->pending + bytes);
    }
    return err;
}

/** Is the batch in the log already? Then its ack says where. */
static mr_err find_repeat(struct mri_hot_tail *hot, struct appending *batch)
{
    struct mri_dedupe_verdict verdict;
    mr_err err =
        mri_dedupe_batch_judge(&hot->dedupe, batch->records, batch->count, batch->who, &verdict);
    if (err == MR_OK && verdict.is_repeated) {
        atomic_fetch_add_explicit(&hot->shared->repeated, 1, memory_order_relaxed);
        *batch->ack = (mr_log_ack){.first = {verdict.first_seq},
            .last = {verdict.last_seq},
            .durability = batch->how->durability,
            .is_repeated = true};
    }
    return err;
}

/** Validate against the log. What is in it already is not appended: its ack says where it is. */
static mr_err validate(struct mri_hot_tail *hot, struct appending *batch)
{
    struct mri_hot_shared *shared = hot->shared;
    const struct mri_hot_append *how = batch->how;
    if (atomic_load_explicit(&shared->is_poisoned, memory_order_relaxed) != 0) {
        return MR_EPOISONED;
    }
    if (atomic_load_explicit(&shared->is_closed, memory_order_relaxed) != 0) {
        return MR_EPOISONED; /* retired: the log goes on elsewhere, and this handle must be closed
                              */
    }
    mr_err err = batch->who->identified == 0 ? MR_OK : find_repeat(hot, batch);
    if (err == MR_OK && !batch->ack->is_repeated && how->has_expected_last &&
        how->expected_last != shared->writer.next_seq - 1) {
        err = MR_CONFLICT;
    }
    return err;
}

/** Take the batch into the derived area, or refuse it. */
static mr_err derive(struct mri_hot_tail *hot, struct appending *batch)
{
    struct mri_hot_shared *shared = hot->shared;
    const struct mri_hot_deriver *deriver = hot->options.deriver;
    struct mri_hot_journal journal = {.derived = mri_hot_derive_area(hot),
        .undo = mri_hot_derive_undo(hot),
        .count = &shared->writer.undo_count,
        .capacity = (uint32_t)shared->undo_max,
        .is_behind = !mri_hot_derive_is_current(&shared->writer)};
    batch->subjects = NULL;
    mri_hot_derive_begin(shared);
    mr_err err = deriver->derive(deriver->context, batch->how->argument, &journal, batch->records,
        batch->count, shared->writer.next_seq);
    err = err == MR_OK && journal.is_full && !journal.is_left ? MR_ETOOLARGE : err;
    if (err != MR_OK || journal.is_left) {
        mri_hot_derive_put_back(hot);
        batch->is_derived = false;
        return err;
    }
    batch->subjects = journal.subjects;
    if (!journal.is_behind) {
        mri_hot_derive_advance(&shared->writer, batch->count);
    }
    for (size_t i = 0; batch->subjects != NULL && i < batch->count; i++) {
        batch->bits |= mri_hot_view_bit_of(batch->subjects[i].id);
    }
    return MR_OK;
}

/** Build the batch at the tail, where there is room, and publish it. */
static void append_batch(
    struct mri_hot_tail *hot, const struct appending *batch, int64_t now_unix_ns)
{
    struct chain chain = chain_now(hot, now_unix_ns);
    for (size_t i = 0; i < batch->count; i++) {
        const mr_log_record *record = &batch->records[i];
        const struct mri_hot_subject own = {record->subject_prev, record->subject_id, 0};
        put_record(hot, record, batch->subjects == NULL ? &own : &batch->subjects[i],
            i + 1 == batch->count ? MRI_RECORD_TXN_END : MRI_RECORD_TXN_CONT, &chain);
        MRI_HOT_POINT(1);
    }
    MRI_HOT_POINT(2);
    publish(hot, &chain, chain.position, batch);
    if (batch->is_derived) {
        mri_hot_derive_end(hot->shared);
    }
}

static void wake_helper(struct mri_hot_shared *shared, int32_t count)
{
    atomic_store(&shared->idle_helpers, 0);
    atomic_fetch_add(&shared->work, 1);
    (void)mri_futex_wake(&shared->work, count, 1);
}

void mri_hot_wake(struct mri_hot_tail *hot, uint32_t bits)
{
    struct mri_hot_shared *shared = hot->shared;
    struct mri_hot_sleepers *sleepers = hot->memory.base;
    mri_robust_lock_fence_behind(); /* the tail first, then who sleeps */
    MRI_HOT_POINT(70);
    /* Who sleeps again sets its bits again: the dead cost one call, not one for ever. */
    uint32_t wanted = atomic_load_explicit(&sleepers->tail_bits, memory_order_relaxed) & bits;
    if (wanted != 0) {
        atomic_fetch_and(&sleepers->tail_bits, ~wanted);
        atomic_fetch_add(&sleepers->tail_word, 1);
        if (mri_futex_wake(&sleepers->tail_word, WAKE_MAX, wanted) == WAKE_MAX) {
            atomic_fetch_or(&shared->wake_rest, wanted);
            if (hot->is_writing_at_once) {
                mri_hot_wake_rest(hot);
            } else {
                wake_helper(shared, 1);
            }
        }
    }
    if (atomic_load_explicit(&shared->idle_helpers, memory_order_relaxed) != 0) {
        wake_helper(shared, MRI_FUTEX_ALL);
    }
}

void mri_hot_wake_rest(struct mri_hot_tail *hot)
{
    struct mri_hot_sleepers *sleepers = hot->memory.base;
    uint32_t bits = atomic_exchange(&hot->shared->wake_rest, 0);
    if (bits != 0) {
        (void)mri_futex_wake(&sleepers->tail_word, MRI_FUTEX_ALL, bits);
    }
}

/** How many events a batch of the log's own records has, but for GAPs, behind which all is made
 * anew. */
static uint64_t numbered_in(const struct appending *batch)
{
    uint64_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        uint16_t type = batch->records[i].type;
        count += type != MRI_RECORD_SEAL && type != MRI_RECORD_ROLL && type != MRI_RECORD_GAP;
    }
    return count;
}

/** Put a batch that was found valid at the tail, unless the deriver refuses it. */
static mr_err place_batch(struct mri_hot_tail *hot, struct appending *batch, int64_t now_unix_ns)
{
    struct mri_hot_writer *writer = &hot->shared->writer;
    if (batch->records[0].type == MRI_RECORD_SEAL &&
        !is_place_for_seal(hot, batch->ack->stored_bytes)) {
        return MR_FULL;
    }
    mr_err err = prepare_place(hot, batch->ack->stored_bytes, now_unix_ns, batch->how->is_own);
    if (err == MR_OK && batch->is_derived) {
        err = derive(hot, batch);
    } else if (err == MR_OK && batch->how->is_own && mri_hot_derive_is_current(writer)) {
        mri_hot_derive_advance(
            writer, numbered_in(batch)); /* there is nothing to derive from them */
    }
    if (err == MR_OK) {
        batch->ack->first.n = writer->next_seq;
        append_batch(hot, batch, now_unix_ns);
        batch->ack->last.n = writer->next_seq - 1;
        batch->ack->writer_epoch = writer->epoch;
        batch->ack->chain_crc = writer->prev_crc;
    }
    return err;
}

static mr_err append_locked(struct mri_hot_tail *hot, struct appending *batch)
{
    int64_t now = hot->options.os->realtime_unix_ns(hot->options.os->context) - 1;
    mr_err err = enter(hot);
    if (err != MR_OK) {
        return err;
    }
    err = validate(hot, batch);
    if (err == MR_OK && !batch->ack->is_repeated) {
        err = place_batch(hot, batch, now);
    }
    batch->end = hot->shared->writer.pending;
    mri_robust_lock_give(&hot->shared->append_lock);
    return err;
}

/** The batch is in the ring: do what its durability asks for. */
static mr_err make_durable(struct mri_hot_tail *hot, struct appending *batch)
{
    struct mri_hot_shared *shared = hot->shared;
    mr_durability durability = batch->how->durability;
    mr_err err = MR_OK;
    if (durability == MR_INTERVAL) {
        atomic_store_explicit(&shared->interval_position, batch->end, memory_order_relaxed);
    }
    if (durability == MR_GROUP) {
        err = mri_hot_tail_commit(hot, batch->end);
        batch->ack->is_durable = err == MR_OK;
    } else if (hot->is_writing_at_once) {
        err = mri_hot_tail_write_behind(hot);
    }
    return err == MR_OK ? MR_OK : MR_EUNKNOWN; /* it is in the log, whatever the disk says */
}

/** Make a spare and append. Others may take it first: then their segment has room, mostly. */
static mr_err append_with_spare(struct mri_hot_tail *hot, struct appending *batch)
{
    mr_err err = MR_ENOSPC;
    atomic_store(&hot->shared->is_spare_needed, 1);
    for (int i = 0; i < SPARE_ATTEMPTS && err == MR_ENOSPC; i++) {
        mr_err written = answer_of_writing(mri_hot_tail_write_behind(hot));
        /* Who cannot write may still find a spare of others, with room in the ring. */
        err = mri_hot_tail_is_shortage(written) ? MR_OK : written;
        err = err == MR_OK ? mri_hot_make_spares(hot, false) : err;
        if (err != MR_OK) {
            break; /* the disk is full, or worse */
        }
        err = append_locked(hot, batch);
        if (err == MR_ENOSPC && written != MR_OK) {
            err = written; /* the spares that were made wait for who can write */
        }
    }
    atomic_store(&hot->shared->is_spare_needed, 0);
    return err;
}

mr_err mri_hot_tail_append(struct mri_hot_tail *hot, const mr_log_record *records, size_t count,
    const struct mri_hot_append *how, mr_log_ack *ret_ack)
{
    static const struct mri_hot_append plain = {.durability = MR_ASYNC};
    struct mri_dedupe_batch who;
    mr_log_ack unasked;
    struct appending batch = {.records = records,
        .count = count,
        .how = how == NULL ? &plain : how,
        .who = &who,
        .ack = ret_ack == NULL ? &unasked : ret_ack};
    *batch.ack = (mr_log_ack){.durability = batch.how->durability};
    mr_err err = batch_bytes(hot, records, count, batch.how->is_own, &batch.ack->stored_bytes);
    if (err != MR_OK) {
        return err;
    }
    bool is_identified = false;
    for (size_t i = 0; i < count; i++) {
        batch.bits |= mri_hot_view_bit_of(records[i].subject_id);
        is_identified |= records[i].producer_id != 0 || records[i].message_id != NULL;
        batch.is_derived |= records[i].type >= MRI_RECORD_TYPE_FREE;
    }
    batch.is_derived = batch.is_derived && hot->options.deriver != NULL;
    who.identified = 0;
    if (is_identified && hot->dedupe.head != NULL &&
        mri_dedupe_batch_survey(records, count, &who) != MR_OK) {
        return MR_EINVAL;
    }
    err = append_locked(hot, &batch);
    if (err == MR_ENOSPC) { /* no spare was ready; whether there is room for one shows now */
        err = append_with_spare(hot, &batch);
    }
    if (err != MR_OK) {
        return err;
    }
    if (!batch.ack->is_repeated) {
        mri_hot_wake(hot, batch.bits);
    }
    return make_durable(hot, &batch);
}

/* ---- looking --------------------------------------------------------------------------------- */

bool mri_hot_tail_has_room(const struct mri_hot_tail *hot)
{
    const struct mri_hot_shared *shared = hot->shared;
    uint64_t written = atomic_load_explicit(&shared->written, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&shared->tail, memory_order_relaxed);
    return !hot->is_writing_at_once && tail - written < hot->options.ring_bytes / 2 &&
           atomic_load_explicit(&shared->is_poisoned, memory_order_relaxed) == 0;
}

struct mri_hot_view_counters mri_hot_tail_counters(const struct mri_hot_tail *hot)
{
    const struct mri_hot_view view = mri_hot_tail_view(hot);
    return mri_hot_view_counters(&view);
}
