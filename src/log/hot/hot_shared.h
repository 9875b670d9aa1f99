/* SPDX-License-Identifier: MIT */
/**
 * The layout of the shared memory of a hot tail, and what its parts (hot_tail.c appends,
 * hot_commit.c writes behind, hot_files.c and hot_spares.c have the files, hot_view.c reads) ask of
 * each other. Nobody else looks inside.
 *
 *   page 0     struct mri_hot_sleepers    who only reads may write here, and nowhere else
 *   page 1...  struct mri_hot_shared
 *   then       what tells repeated records from new ones (dedupe.h), whole pages
 *   then       the undo journal of the derived area, whole pages
 *   then       the derived area
 *   then       the ring
 */
#ifndef MRI_LOG_HOT_HOT_SHARED_H
#define MRI_LOG_HOT_HOT_SHARED_H

#include <stdalign.h>
#include <stdatomic.h>

#include "log/hot/hot_tail.h"
#include "log/meet/hot_point.h"
#include "os/robust_lock.h"

enum {
    MRI_HOT_LAYOUT_VERSION = 6,
    MRI_HOT_LINE_BYTES = 64,
    MRI_HOT_SEGMENTS_KEPT = 256, /* descriptors; at most so many segments lie in the ring */
    MRI_HOT_SPARES_MAX = 8,
    MRI_HOT_LOCK_SPINS = 200,
};

/** A segment that is in the ring, or was lately. */
struct mri_hot_segment {
    uint64_t index;       /**< position of its first byte / length */
    _Atomic uint64_t end; /**< position behind its ROLL; 0 = it is the newest */
    uint64_t base_seq;
    uint64_t salt;
    int64_t prev_unix_ns;
    uint32_t prev_crc;
    uint32_t prev_units;
    uint32_t spare_id; /**< of the file that becomes it */
    uint32_t writer_epoch;
    uint32_t is_identified; /**< before it there are records with a producer or a message id */
    uint32_t reserved;
};

/** Who sleeps until there is more: each word changes before its sleepers are woken. */
struct mri_hot_sleepers {
    alignas(MRI_HOT_LINE_BYTES) _Atomic uint32_t tail_word;
    _Atomic uint32_t tail_bits; /**< of subjects that somebody sleeps for */
    alignas(MRI_HOT_LINE_BYTES) _Atomic uint32_t durable_word;
    _Atomic uint32_t durable_bits; /**< not 0: somebody sleeps */
};

enum mri_hot_spare_state {
    MRI_HOT_SPARE_NONE = 0,
    MRI_HOT_SPARE_READY = 1,
    MRI_HOT_SPARE_TAKEN = 2,
    MRI_HOT_SPARE_FILLING = 3
};

struct mri_hot_spare {
    _Atomic uint32_t state;
    uint32_t id;
    uint64_t salt;
    _Atomic uint32_t is_filled; /**< its blocks were written once */
    uint32_t reserved;
};

/** What only the holder of the append lock reads and writes. */
struct mri_hot_writer {
    uint64_t next_seq;
    int64_t last_unix_ns;
    uint64_t pending;      /**< the tail as it will be: above it, the batch is complete */
    uint64_t written_seen; /**< not above `written` */
    uint32_t prev_crc;
    uint32_t prev_units;
    uint32_t epoch;
    uint32_t undo_count; /**< words of the derived area that the batch under way has changed */
    uint32_t event_crc;  /**< head_crc of the newest event */
    uint32_t reserved;
    uint64_t undo_pending; /**< `pending` before that batch: while it is, they are to be put back */
    _Atomic uint64_t derived_seq; /**< newest event that the derived area has, set before `tail` */
};

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): one cache line for each that is busy */
struct mri_hot_shared {
    char magic[8];
    uint32_t layout_version;
    uint32_t reserved;
    uint64_t ring_bytes;
    uint64_t derived_bytes;
    uint64_t undo_max; /**< words that a batch may change */
    struct mri_dedupe_limits dedupe_limits;
    uint64_t segment_bytes;
    uint64_t memory_generation;      /**< random: names this memory */
    uint64_t first;                  /**< position from which on the ring has held the bytes */
    struct mri_segment_head pattern; /**< of new segments: uuid, features, lengths */
    _Atomic uint32_t is_closed;      /**< the log goes on elsewhere; nothing is appended here */

    struct mri_robust_lock append_lock;
    alignas(MRI_HOT_LINE_BYTES) struct mri_hot_writer writer;
    alignas(MRI_HOT_LINE_BYTES) _Atomic uint64_t tail;
    _Atomic uint64_t tail_seq; /**< of the newest event before the tail */
    alignas(MRI_HOT_LINE_BYTES) _Atomic uint32_t derived_version; /**< odd: it is being changed */
    alignas(MRI_HOT_LINE_BYTES) _Atomic uint64_t written;
    _Atomic uint64_t written_seq;
    struct mri_seal_state seals[2]; /**< as of `written`; under the write lock */
    _Atomic uint32_t seals_index;   /**< which of the two is valid */
    _Atomic uint64_t seal_end;      /**< position behind the newest SEAL of this memory; 0 = none */
    alignas(MRI_HOT_LINE_BYTES) _Atomic uint64_t durable;
    _Atomic uint64_t durable_seq;
    _Atomic uint32_t is_poisoned;

    alignas(MRI_HOT_LINE_BYTES) _Atomic uint32_t work; /**< changes when helpers have work */
    _Atomic uint32_t idle_helpers;
    _Atomic uint32_t wake_rest;         /**< bits whose sleepers a helper has to wake */
    _Atomic uint64_t interval_position; /**< up to here a sync was asked for, by the timer */

    struct mri_robust_lock write_lock;                   /**< pwrite and `written` */
    struct mri_robust_lock sync_lock;                    /**< fdatasync and `durable` */
    struct mri_robust_lock spare_lock;                   /**< making spares */
    struct mri_robust_lock seal_lock;                    /**< appending SEALs */
    struct mri_robust_lock producers_lock;               /**< replacing the file `producers` */
    alignas(MRI_HOT_LINE_BYTES) _Atomic uint32_t synced; /**< changes with every sync */
    _Atomic uint32_t generation;                         /**< of the sync under way or done last */
    _Atomic uint64_t generation_target; /**< up to where it syncs; its number modulo 32 is in the
                                             lowest bits, which positions leave free */

    alignas(MRI_HOT_LINE_BYTES) _Atomic uint64_t orphans;
    _Atomic uint64_t finished;
    _Atomic uint64_t backpressured;
    _Atomic uint64_t syncs;
    _Atomic uint32_t next_spare_id;
    _Atomic uint32_t spares_wanted; /**< grows with every roll, so that bursts find some */
    _Atomic uint32_t
        is_spare_needed; /**< an appender found none: none is filled before he has one */
    _Atomic uint64_t producers_index; /**< segment that was the newest when `producers` was made */
    _Atomic uint64_t producers_seq;   /**< up to where that goes, if it is known */
    _Atomic uint64_t repeated;        /**< batches that were in the log already */

    struct mri_hot_spare spares[MRI_HOT_SPARES_MAX];
    alignas(MRI_HOT_LINE_BYTES) struct mri_hot_segment segments[MRI_HOT_SEGMENTS_KEPT];
};

/**
 * The parts of a memory.
 *
 * Returns  what begins behind the first page.
 * Threads  any.
 */
static inline struct mri_hot_shared *mri_hot_shared_of(const struct mri_shared_memory *memory)
{
    return (
        struct mri_hot_shared *)(void *)((uint8_t *)memory->base + MRI_SHARED_MEMORY_PAGE_BYTES);
}

/**
 * Is this memory made by this version, with lengths that fit together? Nothing in it is trusted
 * before.
 *
 * Returns  MR_OK; MR_NOT_FOUND its maker has not finished it; MR_EVERSION; MR_ECORRUPT.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_hot_check_memory(const struct mri_shared_memory *memory);

/**
 * The number of the segment of a record, or of the one that ends at a position: records never begin
 * where a segment does.
 *
 * Returns  the number.
 * Threads  any.
 */
static inline uint64_t mri_hot_index_at(const struct mri_hot_shared *shared, uint64_t position)
{
    return (position - 1) >> __builtin_ctzll(shared->segment_bytes); /* a power of two */
}

/**
 * Where a position is in its segment, counted from its first byte.
 *
 * Returns  the offset.
 * Threads  any.
 */
static inline uint64_t mri_hot_offset_at(const struct mri_hot_shared *shared, uint64_t position)
{
    return position & (shared->segment_bytes - 1);
}

/**
 * The record at a position of the ring.
 *
 * Returns  its head.
 * Threads  any.
 */
static inline struct mri_record_head *mri_hot_record(
    const struct mri_hot_tail *hot, uint64_t position)
{
    uint64_t bytes = hot->memory.ring_bytes;
    bool is_power_of_two = (bytes & (bytes - 1)) == 0; /* mostly; a division costs as a checksum */
    uint64_t offset = is_power_of_two ? position & (bytes - 1) : position % bytes;
    return (struct mri_record_head *)(void *)(hot->memory.ring + offset);
}

/**
 * mri_hot_index_at() of a handle.
 *
 * Returns  the number.
 * Threads  any.
 */
static inline uint64_t mri_hot_index_of(const struct mri_hot_tail *hot, uint64_t position)
{
    return mri_hot_index_at(hot->shared, position);
}

/**
 * The descriptor of the segment of a record, or of the one that ends at a position.
 *
 * Returns  the descriptor.
 * Threads  any.
 */
static inline struct mri_hot_segment *mri_hot_segment_of(
    const struct mri_hot_tail *hot, uint64_t position)
{
    return &hot->shared->segments[mri_hot_index_of(hot, position) % MRI_HOT_SEGMENTS_KEPT];
}

/**
 * Where the records of the segment behind the one of a position begin.
 *
 * Returns  the position.
 * Threads  any.
 */
static inline uint64_t mri_hot_next_segment(const struct mri_hot_tail *hot, uint64_t position)
{
    return (mri_hot_index_of(hot, position) + 1) * hot->shared->segment_bytes +
           MRI_SEGMENT_PAGE_BYTES;
}

/**
 * Write behind until `written` has come to a position. The write lock must be held.
 *
 * Returns  as mri_hot_tail_write_behind().
 * Threads  the holder of the write lock.
 */
MR_MUST_USE mr_err mri_hot_write_to(struct mri_hot_tail *hot, uint64_t position);

/**
 * Take one of the locks of writing behind; an orphan needs no mending, because what it protects
 * changes by single stores behind the work.
 *
 * Returns  MR_OK; MR_BUSY with is_try; MR_EINTERNAL.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_hot_take(
    struct mri_hot_tail *hot, struct mri_robust_lock *lock, bool is_try);

/**
 * mri_hot_tail_make_spares(); unless is_try, waiting for another process that is at it, and content
 * with one.
 *
 * Returns  as mri_hot_tail_make_spares(); MR_OK unless is_try, too, when one is ready and others
 *          could not be made.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_hot_make_spares(struct mri_hot_tail *hot, bool is_try);

/**
 * Where the file of a spare is.
 *
 * Returns  MR_OK; MR_ELIMIT and other faults of mri_os_path().
 * Threads  any.
 */
MR_MUST_USE mr_err mri_hot_spare_path(
    const struct mri_hot_tail *hot, uint32_t id, char path[static MRI_PATH_BYTES_MAX]);

/**
 * Close the descriptors of segments that this process has open.
 *
 * Returns  nothing.
 * Threads  the owner.
 */
void mri_hot_close_files(struct mri_hot_tail *hot);

/**
 * The descriptor to write the segment of a position with. The write lock must be held.
 *
 * Returns  MR_OK; a fault of opening it.
 * Owner    the handle.
 * Threads  the holder of the write lock.
 */
MR_MUST_USE mr_err mri_hot_file_of(struct mri_hot_tail *hot, uint64_t position, int *ret_fd);

/**
 * The same, fit to sync with: mri_hot_sync_file_of().
 *
 * Returns  as mri_hot_sync_file_of().
 * Owner    the handle.
 * Threads  the holder of the write lock.
 */
MR_MUST_USE mr_err mri_hot_own_file_of(struct mri_hot_tail *hot, uint64_t position, int *ret_fd);

/**
 * The descriptor to sync the segment of a position with. The sync lock must be held.
 *
 * The kernel reports a failed writeback only to descriptors that were open before, so what others
 * have written before this one was opened is written once more through it.
 *
 * Returns  MR_OK; MR_ECORRUPT what the file holds is not what was written; a fault of files.
 * Owner    the handle.
 * Threads  the holder of the sync lock.
 */
MR_MUST_USE mr_err mri_hot_sync_file_of(struct mri_hot_tail *hot, uint64_t position, int *ret_fd);

/**
 * Give the segment at a position its file, unless somebody has done so and was killed before he
 * could say it. The write lock must be held.
 *
 * Returns  MR_OK; a fault of files.
 * Threads  the holder of the write lock.
 */
MR_MUST_USE mr_err mri_hot_name_segment(struct mri_hot_tail *hot, uint64_t position);

/**
 * The head that the file of a segment has.
 *
 * Returns  the head.
 * Threads  any; the descriptor must not be in use anew.
 */
struct mri_segment_head mri_hot_head_of(
    const struct mri_hot_shared *shared, const struct mri_hot_segment *segment);

/**
 * What is known about the seals before `written`.
 *
 * Returns  it.
 * Owner    the memory; the next step of writing behind may change it.
 * Threads  the holder of the write lock.
 */
static inline const struct mri_seal_state *mri_hot_seals(const struct mri_hot_shared *shared)
{
    return &shared->seals[atomic_load(&shared->seals_index) & 1];
}

/**
 * Note the producers and message ids of a batch that is complete.
 *
 * Returns  nothing; there was room, as the batch was judged before.
 * Threads  the holder of the append lock.
 */
void mri_hot_note_batch(
    struct mri_hot_tail *hot, const mr_log_record *records, size_t count, uint64_t first_seq);

/**
 * The same of one record of a batch that a killed writer left complete.
 *
 * Returns  MR_OK; MR_FULL the memory was spoiled.
 * Threads  the holder of the append lock.
 */
MR_MUST_USE mr_err mri_hot_note_record(
    struct mri_hot_tail *hot, const struct mri_record_head *head);

/**
 * Where the tables of producers and message ids lie.
 *
 * Returns  the address, behind the struct in whole pages.
 * Threads  any.
 */
static inline void *mri_hot_dedupe_place(const struct mri_shared_memory *memory)
{
    const size_t page = MRI_SHARED_MEMORY_PAGE_BYTES;
    size_t offset = (sizeof(struct mri_hot_shared) + page - 1) / page * page;
    return (uint8_t *)memory->base + page + offset;
}

/**
 * Move a mark forward, never back.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_hot_raise(_Atomic uint64_t *mark, uint64_t value);

/**
 * Wake those who sleep for one of these subjects, outside of every lock. Of many, some; the rest is
 * left to a helper.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_hot_wake(struct mri_hot_tail *hot, uint32_t bits);

/**
 * Wake those whom a writer has left to a helper.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_hot_wake_rest(struct mri_hot_tail *hot);

#endif
