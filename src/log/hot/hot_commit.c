/* SPDX-License-Identifier: MIT */
/*
 * From the ring to the disk: writing behind, and syncing for many at once.
 *
 *   write lock   ring --pwrite--> segment file     written = behind it
 *   sync lock    fdatasync                         durable = what was written before it
 *
 * Invariants
 *  1. Every record is checked before it is written. What does not check poisons the log: nothing
 *     after it is written, by anybody.
 *  2. `written` and `durable` move only after the call that earned it has returned success, by one
 *     store; so their locks need no mending when a holder dies.
 *  3. A failed write or sync is final: the page cache may then hold pages that look written and are
 *     not. Only the next cold open, which reads what is on the disk, may judge. What a process
 * cannot do because it has no descriptors, memory or rights left, or may not write to a file so far
 * on, others can: nothing has failed then.
 *  4. A segment gets its name when everything before it is durable, and before its first record is
 *     written.
 *  5. Waiters of a sync sleep by its generation: on the one under way when it covers them, else on
 *     the next. The leader wakes one of the next generation first, who becomes its leader. Which
 *     generation is under way and how far it goes is one word: who read the two one by one could
 *     sleep for a generation that was over already.
 *  6. What is known about seals belongs to `written`: it is changed in the copy that is not valid,
 *     which then becomes the valid one. A SEAL that is seen twice, because a holder of the lock was
 *     killed, changes nothing.
 *
 * Not here: the files (hot_files.c).
 */
#include <string.h>

#include "log/hot/hot_shared.h"
#include "os/futex.h"

enum {
    CHUNK_BYTES = 4 * 1024 * 1024,
    COMPARED_BYTES = 4096,
    BULK_BYTES = 64 * 1024, /* from here on the page cache is passed by */
    GENERATION_BITS = 32,
};

MRI_STATIC_ASSERT(
    (int)MRI_RECORD_UNIT_BYTES > (int)GENERATION_BITS, "positions leave room for the number");

#define MILLISECOND_NS ((int64_t)1000000)
#define BACKSTOP_NS    (50 * MILLISECOND_NS) /* for a leader that was killed */

mr_err mri_hot_take(struct mri_hot_tail *hot, struct mri_robust_lock *lock, bool is_try)
{
    bool is_orphan = false;
    mr_err err = is_try ? mri_robust_lock_try(lock, &is_orphan)
                        : mri_robust_lock_take(lock, MRI_HOT_LOCK_SPINS, &is_orphan);
    if (err == MR_OK && is_orphan) {
        atomic_fetch_add(&hot->shared->orphans, 1);
        mri_robust_lock_mend(lock);
    }
    return err;
}

static mr_err poison(struct mri_hot_tail *hot, mr_err err)
{
    atomic_store(&hot->shared->is_poisoned, 1);
    return err;
}

static bool is_poisoned(const struct mri_hot_tail *hot)
{
    return atomic_load(&hot->shared->is_poisoned) != 0;
}

/** Of a call after which nothing may be tried again. */
static mr_err final(mr_err err)
{
    return mri_hot_tail_is_shortage(err) ? MR_EIO : err;
}

/** Of a write. Who may not write so far was refused it, and `written` stays for others to go on. */
static mr_err final_of_write(mr_err err)
{
    return err == MR_ELIMIT ? err : final(err);
}

void mri_hot_raise(_Atomic uint64_t *mark, uint64_t value)
{
    uint64_t now = atomic_load(mark);
    while (now < value && !atomic_compare_exchange_weak(mark, &now, value)) {
    }
}

/* ---- writing behind -------------------------------------------------------------------------- */

/** Wake those who wait for what is durable. */
static void wake_durable(struct mri_hot_tail *hot)
{
    struct mri_hot_sleepers *sleepers = hot->memory.base;
    if (atomic_exchange(&sleepers->durable_bits, 0) != 0) {
        atomic_fetch_add(&sleepers->durable_word, 1);
        (void)mri_futex_wake(&sleepers->durable_word, MRI_FUTEX_ALL, MRI_HOT_BITS_ALL);
    }
}

/** The segment that ends at `written` is complete: make it durable, and give the next its file. */
static mr_err enter_next(struct mri_hot_tail *hot, uint64_t written)
{
    struct mri_hot_shared *shared = hot->shared;
    const struct mri_os *os = hot->options.os;
    uint64_t begin = mri_hot_next_segment(hot, written);
    struct mri_hot_segment *next = mri_hot_segment_of(hot, begin);
    int fd;
    mr_err err = mri_hot_own_file_of(hot, written, &fd);
    if (err == MR_OK) {
        err = final(os->sync_data(os->context, fd));
    }
    if (err != MR_OK) {
        return err;
    }
    mri_hot_raise(&shared->durable_seq, next->base_seq - 1);
    mri_hot_raise(&shared->durable, written);
    wake_durable(hot);
    MRI_HOT_POINT(40);
    err = mri_hot_name_segment(hot, begin);
    if (err != MR_OK) {
        return err;
    }
    MRI_HOT_POINT(41);
    for (unsigned i = 0; i < MRI_HOT_SPARES_MAX; i++) {
        if (shared->spares[i].id == next->spare_id) {
            atomic_store(&shared->spares[i].state, MRI_HOT_SPARE_NONE);
        }
    }
    atomic_store_explicit(&shared->written, begin, memory_order_release);
    return MR_OK;
}

/** A SEAL is about to be written: what follows it is linked to it. */
static void note_seal(struct mri_hot_tail *hot, const struct mri_record_head *record)
{
    struct mri_hot_shared *shared = hot->shared;
    struct mri_seal seal;
    struct mri_seal_state next = *mri_hot_seals(shared);
    if (mri_seal_read(record, &seal) == MR_OK && seal.first_seq < next.next_seq) {
        return; /* seen before */
    }
    mri_sealer_next(&hot->hasher, record, &next);
    uint32_t index = atomic_load(&shared->seals_index);
    shared->seals[(index + 1) & 1] = next;
    atomic_store(&shared->seals_index, index + 1);
}

/** What one write takes. */
struct chunk {
    uint64_t end;
    uint64_t seq; /**< of the newest event before the end */
};

/** Where whole records end, at most a chunk behind `from`; their checks are done on the way. */
static mr_err check_records(
    struct mri_hot_tail *hot, uint64_t from, uint64_t stop, struct chunk *ret_chunk)
{
    uint64_t salt = mri_hot_segment_of(hot, from)->salt;
    uint64_t position = from;
    uint64_t seq = atomic_load(&hot->shared->written_seq);
    while (position < stop && position - from < CHUNK_BYTES) {
        const struct mri_record_head *head = mri_hot_record(hot, position);
        bool is_good = mri_record_check_head(head, salt, position) == MR_OK &&
                       mri_record_check_body(head, (size_t)(stop - position)) == MR_OK;
        if (!is_good) {
            return MR_ECORRUPT;
        }
        if (head->type == MRI_RECORD_SEAL) {
            note_seal(hot, head);
        }
        seq = mri_record_is_numbered(head) ? head->seq : head->seq - 1;
        position += mri_record_stride(head->bytes);
    }
    *ret_chunk = (struct chunk){.end = position, .seq = seq};
    return MR_OK;
}

/** Write one chunk, or enter the next segment. MR_END: nothing is left below `position`. */
static mr_err write_step(struct mri_hot_tail *hot, uint64_t position)
{
    struct mri_hot_shared *shared = hot->shared;
    const struct mri_os *os = hot->options.os;
    uint64_t written = atomic_load(&shared->written);
    uint64_t tail = atomic_load_explicit(&shared->tail, memory_order_acquire);
    uint64_t end =
        atomic_load_explicit(&mri_hot_segment_of(hot, written)->end, memory_order_acquire);
    bool is_rolled = end != 0 && tail > end;
    uint64_t stop = is_rolled ? end : tail;
    struct chunk chunk;
    int fd;
    if (written >= position || written >= tail) {
        return MR_END;
    }
    if (written == stop) {
        return enter_next(hot, written);
    }
    mr_err err = check_records(hot, written, stop, &chunk);
    if (err == MR_OK) {
        err = mri_hot_file_of(hot, written, &fd);
    }
    if (err != MR_OK) {
        return err;
    }
    MRI_HOT_POINT(30);
    const struct mri_io_piece piece = {
        .bytes = mri_hot_record(hot, written), .count = (size_t)(chunk.end - written)};
    err = piece.count >= BULK_BYTES
              ? os->write_bulk(
                    os->context, fd, piece.bytes, piece.count, mri_hot_offset_at(shared, written))
              : os->write_at(os->context, fd, &piece, 1, mri_hot_offset_at(shared, written));
    MRI_HOT_POINT(31);
    if (err == MR_OK) { /* the number first: who moves `written` last may be killed before */
        atomic_store(&shared->written_seq, chunk.seq);
        atomic_store_explicit(&shared->written, chunk.end, memory_order_release);
    }
    return final_of_write(err);
}

mr_err mri_hot_write_to(struct mri_hot_tail *hot, uint64_t position)
{
    mr_err err = is_poisoned(hot) ? MR_EPOISONED : MR_OK;
    while (err == MR_OK) {
        err = write_step(hot, position);
    }
    if (err == MR_END) {
        return MR_OK;
    }
    return err == MR_EPOISONED || mri_hot_tail_is_shortage(err) ? err : poison(hot, err);
}

mr_err mri_hot_tail_write_behind(struct mri_hot_tail *hot)
{
    struct mri_hot_shared *shared = hot->shared;
    uint64_t tail = atomic_load(&shared->tail);
    if (atomic_load(&shared->written) >= tail) {
        return is_poisoned(hot) ? MR_EPOISONED : MR_OK;
    }
    mr_err err = mri_hot_take(hot, &shared->write_lock, false);
    if (err == MR_OK) {
        err = mri_hot_write_to(hot, tail);
        mri_robust_lock_give(&shared->write_lock);
    }
    return err;
}

/* ---- syncing --------------------------------------------------------------------------------- */

static uint32_t bit_of(uint32_t generation)
{
    return 1u << (generation % GENERATION_BITS);
}

/** Write and sync all there is, under the sync lock. */
static mr_err sync_all(struct mri_hot_tail *hot, uint32_t generation)
{
    struct mri_hot_shared *shared = hot->shared;
    const struct mri_os *os = hot->options.os;
    int fd = -1;
    mr_err err = mri_hot_take(hot, &shared->write_lock, false);
    if (err != MR_OK) {
        return err;
    }
    uint64_t tail = atomic_load_explicit(&shared->tail, memory_order_acquire);
    atomic_store(&shared->generation_target, tail | generation % GENERATION_BITS);
    atomic_store(&shared->generation, generation);
    err = mri_hot_write_to(hot, tail);
    uint64_t written = atomic_load(&shared->written);
    uint64_t written_seq = atomic_load(&shared->written_seq);
    mri_robust_lock_give(&shared->write_lock);
    if (err == MR_OK) {
        err = mri_hot_sync_file_of(hot, written, &fd);
        err = err == MR_OK || mri_hot_tail_is_shortage(err) ? err : poison(hot, err);
    }
    if (err != MR_OK) {
        return err;
    }
    MRI_HOT_POINT(50);
    /* Segments before this one were synced when it got its name. */
    if (os->sync_data(os->context, fd) != MR_OK) {
        return poison(hot, MR_EUNKNOWN);
    }
    MRI_HOT_POINT(51);
    mri_hot_raise(&shared->durable_seq, written_seq);
    mri_hot_raise(&shared->durable, written);
    atomic_fetch_add(&shared->syncs, 1);
    wake_durable(hot);
    return MR_OK;
}

/** Do the sync for everybody who waits. The sync lock is held and given back. */
static mr_err lead(struct mri_hot_tail *hot, uint64_t position)
{
    struct mri_hot_shared *shared = hot->shared;
    uint32_t generation = atomic_load(&shared->generation) + 1;
    mr_err err = MR_OK;
    if (atomic_load(&shared->durable) < position) {
        err = sync_all(hot, generation);
    }
    mri_robust_lock_give(&shared->sync_lock);
    atomic_fetch_add(&shared->synced, 1);
    (void)mri_futex_wake(&shared->synced, 1, bit_of(generation + 1)); /* the next leader */
    (void)mri_futex_wake(&shared->synced, MRI_FUTEX_ALL, bit_of(generation));
    return err;
}

mr_err mri_hot_tail_commit(struct mri_hot_tail *hot, uint64_t position)
{
    struct mri_hot_shared *shared = hot->shared;
    for (;;) {
        uint32_t synced = atomic_load(&shared->synced);
        if (atomic_load(&shared->durable) >= position) {
            return MR_OK;
        }
        if (is_poisoned(hot)) {
            return MR_EUNKNOWN;
        }
        mr_err err = mri_hot_take(hot, &shared->sync_lock, true);
        if (err == MR_OK) {
            err = lead(hot, position);
        } else if (err == MR_BUSY) {
            uint64_t target = atomic_load(&shared->generation_target);
            uint32_t generation = (uint32_t)(target % GENERATION_BITS);
            bool is_covered = position <= target - generation;
            err = mri_futex_wait(&shared->synced, synced,
                bit_of(is_covered ? generation : generation + 1), BACKSTOP_NS);
            err = err == MR_AGAIN ? MR_OK : err;
        }
        if (err != MR_OK) {
            return err == MR_EPOISONED ? MR_EUNKNOWN : err;
        }
    }
}

/** With the write lock: `written` stays, and what is in the ring before it. */
static mr_err compare_end(struct mri_hot_tail *hot)
{
    const struct mri_hot_shared *shared = hot->shared;
    const struct mri_os *os = hot->options.os;
    uint8_t found[COMPARED_BYTES];
    uint64_t written = atomic_load(&shared->written);
    uint64_t begin =
        mri_hot_index_of(hot, written) * shared->segment_bytes + MRI_SEGMENT_PAGE_BYTES;
    begin = begin > shared->first ? begin : shared->first;
    size_t count = written > begin ? (size_t)(written - begin) : 0;
    count = count < sizeof(found) ? count : sizeof(found);
    size_t read = 0;
    int fd;
    mr_err err = mri_hot_file_of(hot, written, &fd);
    if (err == MR_OK && count > 0) {
        err = os->read_at(
            os->context, fd, found, count, mri_hot_offset_at(shared, written - count), &read);
    }
    if (err == MR_EPATH ||
        (err == MR_OK &&
            (read != count || memcmp(found, mri_hot_record(hot, written - count), count) != 0))) {
        err = MR_ECORRUPT;
    }
    return err;
}

mr_err mri_hot_tail_compare(struct mri_hot_tail *hot)
{
    mr_err err = mri_hot_take(hot, &hot->shared->write_lock, false);
    if (err == MR_OK) {
        err = compare_end(hot);
        mri_robust_lock_give(&hot->shared->write_lock);
    }
    return err;
}
