/* SPDX-License-Identifier: MIT */
/**
 * The hot tail: the newest bytes of a log in memory that many processes share.
 *
 *   log bytes   |-- segments on disk, read by map --|======== ring in shared memory ========|
 *   watermarks                     durable <= written <= tail                             tail
 *
 * An append is a copy into the ring and makes no system call; any process writes behind, any
 * process syncs. A process may be killed at any instruction: the next one that takes its lock
 * finishes or drops what it had begun.
 *
 * Caveats first
 * - Every process that maps the memory may write all of it. Records are checked before they go to
 *   the disk: a stray store poisons the log and is never written.
 * - Appended is not written and written is not durable: MR_ASYNC survives the death of every
 *   process, not that of the machine.
 * - A handle belongs to one process. A child of fork() makes its own.
 */
#ifndef MRI_LOG_HOT_HOT_TAIL_H
#define MRI_LOG_HOT_HOT_TAIL_H

#include "log/dedupe/dedupe.h"
#include "log/format/seal.h"
#include "log/format/segment.h"
#include "log/hot/hot_view.h"
#include "millrace/log.h"
#include "os/shared_memory.h"

enum {
    MRI_HOT_RING_BYTES_MIN = 1024 * 1024,
    MRI_HOT_FILES_KEPT = 4,    /**< descriptors of segments that a process keeps open */
    MRI_HOT_SPARES_WANTED = 4, /**< files that wait to become segments, when they are in demand */
    MRI_HOT_BATCH_RECORDS = 65536, /**< the most in one batch */
    MRI_HOT_RESERVE_BYTES = 16384, /**< of a segment, for the log's own records on a full disk */
};

/** What a word of the derived area was before a batch changed it. */
struct mri_hot_undo {
    uint64_t offset; /**< in the derived area, a multiple of 8 */
    uint64_t value;
};

/** Whom a record is about, when the deriver says it. */
struct mri_hot_subject {
    uint64_t prev; /**< subject_prev */
    uint32_t id;   /**< subject_id */
    uint32_t reserved;
};

/**
 * The words that a batch changes, as they were: whoever finds the batch incomplete puts them back,
 * without knowing what they mean.
 */
struct mri_hot_journal {
    uint64_t *derived; /**< the area, to be read as it is and changed by mri_hot_tail_set() */
    struct mri_hot_undo *undo;
    uint32_t *count; /**< of `undo` that are in use */
    uint32_t capacity;
    const struct mri_hot_subject *subjects; /**< by the deriver, one for each record, which stay
                                                 until the append returns; NULL: the records say
                                                 whom they are about */
    bool is_full;   /**< it had no room for a store: the batch is refused, MR_ETOOLARGE */
    bool is_behind; /**< the area lacks events that are before this batch */
    bool is_left;   /**< by the deriver: what it has changed is put back, the batch is appended, and
                         the area lacks it from then on */
};

/**
 * Change a word of the derived area.
 *
 * Returns  nothing; journal->is_full says that it was not changed.
 * Threads  a deriver, while it is asked.
 */
void mri_hot_tail_set(struct mri_hot_journal *journal, uint64_t *word, uint64_t value);

/**
 * What is derived from the log and kept with it under the same lock. The log knows up to where the
 * area goes: it falls behind when somebody without a deriver appends, or when a deriver leaves a
 * batch out; mri_hot_tail_begin_fill() is for catching up.
 */
struct mri_hot_deriver {
    const void *context; /**< the deriver's own, never changed */
    uint32_t stores_max; /**< the most words that a batch may change */
    /**
     * Validate a batch against the derived area and take it in. Called under the lock, when there
     * is room for the batch: no system call, no allocation, no wait. It sees what it has changed.
     *
     * @param argument      of the append, mri_hot_append
     *
     * Returns  MR_OK; anything else refuses the batch, is the append's answer, and what was changed
     *          is put back.
     */
    mr_err (*derive)(const void *context, void *argument, struct mri_hot_journal *journal,
        const mr_log_record *records, size_t count, uint64_t first_seq);
};

struct mri_hot_options {
    const struct mri_os *os; /**< files of the log's folder */
    const char *folder;      /**< of the log */
    const char *memory_path; /**< of the shared memory */
    size_t ring_bytes;       /**< a multiple of the page, at least MRI_HOT_RING_BYTES_MIN */
    size_t derived_bytes;    /**< a multiple of the page; 0 = none */
    const struct mri_hot_deriver *deriver; /**< NULL: nothing is derived */
    bool is_thin;                          /**< spares are reserved, never written ahead */
    int64_t sync_interval_ns;              /**< of MR_INTERVAL; 0 = a second */
    struct mri_dedupe_limits dedupe; /**< of who makes the memory; zero: repeats are not found */
    size_t head_bytes; /**< of who attaches: before the ring; 0 = as these options make it */
};

/** Where a log stands when its memory is made: what recovery has found on the disk. */
struct mri_hot_start {
    struct mri_segment_head segment; /**< the newest */
    uint64_t offset;                 /**< in it, of the next record */
    uint64_t next_seq;
    int64_t last_unix_ns;
    uint32_t prev_crc;
    uint16_t prev_units;
    uint32_t writer_epoch;
    uint32_t event_crc; /**< head_crc of the newest event */
    struct mri_seal_state seals;
    uint64_t generation;             /**< of the memory: random */
    const struct mri_dedupe *dedupe; /**< of the options' limits, as the log says; NULL: empty */
    uint64_t dedupe_seq; /**< up to where the file `producers` goes; 0 = there is none of use */
};

/** One process's handle. */
struct mri_hot_tail {
    struct mri_hot_options options;
    struct mri_shared_memory memory;
    struct mri_hot_shared *shared;     /**< behind the first page of the memory; hot_shared.h */
    _Atomic uint32_t *derived_version; /**< in the memory */
    struct mri_dedupe dedupe;          /**< in the memory, under the append lock */
    struct mri_digest hasher;          /**< under the write lock */
    struct {
        uint64_t index;
        uint64_t opened_at; /**< `written` then */
        int fd;
    } files[MRI_HOT_FILES_KEPT]; /**< written to, under the write lock */
    struct {
        uint64_t index;
        int fd;
    } sync_file;             /**< synced, under the sync lock */
    size_t head_touched;     /**< bytes of the memory's head whose pages are at hand */
    uint64_t touched_from;   /**< position where the keeper began to have pages at hand */
    uint64_t touched;        /**< up to here it has come; a ring further it is done */
    _Atomic bool is_leaving; /**< long work is broken off */
    bool is_writing_at_once; /**< there is no thread to write behind: every append does it */
};

/** How a batch is appended. All zero: unconditionally. */
struct mri_hot_append {
    bool has_expected_last;
    bool is_own;            /**< records of the log's own types */
    uint64_t expected_last; /**< MR_CONFLICT unless this is the log's last seq, or the batch is in
                                 the log already: where, the caller compares */
    mr_durability durability;
    void *argument; /**< for the deriver */
};

/**
 * Is it this process that lacks something, descriptors, memory, rights or the length that its files
 * may have, and not the log that has failed? Others can do then what it could not.
 *
 * Returns  true or false.
 * Threads  any.
 */
static inline bool mri_hot_tail_is_shortage(mr_err err)
{
    return err == MR_ELIMIT || err == MR_ENOMEM || err == MR_EACCESS;
}

/**
 * Make the memory of a log that no process has open.
 *
 * Returns  MR_OK; MR_EXISTS the path is taken; MR_EINVAL options; MR_ENOSPC and other faults.
 * Owner    mri_hot_tail_close() ends the handle; the memory stays for others.
 * Threads  any; under the lock for opening the log.
 */
MR_MUST_USE mr_err mri_hot_tail_create(struct mri_hot_tail *hot,
    const struct mri_hot_options *options, const struct mri_hot_start *start);

/**
 * How long the memory's head will be: all but its ring.
 *
 * Returns  bytes, whole pages.
 * Threads  any.
 */
size_t mri_hot_tail_head_bytes(const struct mri_hot_options *options);

/**
 * Map the memory that another process has made; the derived area is as that one has made it.
 *
 * Returns  MR_OK; MR_EVERSION made by another version; MR_EINVAL made with other options; faults of
 *          mri_shared_memory_attach().
 * Owner    mri_hot_tail_close() ends the handle.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_hot_tail_attach(
    struct mri_hot_tail *hot, const struct mri_hot_options *options);

/**
 * Derive from now on, if the memory was made with such an area; else appends leave it behind.
 *
 * Returns  nothing; see hot->options.deriver.
 * Threads  nobody appends through the handle meanwhile.
 */
void mri_hot_tail_use_deriver(
    struct mri_hot_tail *hot, size_t derived_bytes, const struct mri_hot_deriver *deriver);

/**
 * Leave. Nothing is written or synced: who wants that calls mri_hot_tail_commit() before. NULL and
 * zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  the owner; no other thread uses the handle.
 */
void mri_hot_tail_close(struct mri_hot_tail *hot);

/**
 * Append a batch: readers and recovery see all of it or nothing.
 *
 * @param how      NULL: unconditionally, MR_ASYNC
 * @param ret_ack  NULL, or what was done; of no meaning when nothing was appended. Of a repeat,
 *                 first or last is 0 when it must be looked up
 *
 * Returns  MR_OK, also for a repeat; MR_CONFLICT another batch came first; MR_EINVAL a record is
 *          malformed; MR_ETOOLARGE the batch is larger than a quarter of the ring or than a
 * segment, or has more stores than the journal has room for; MR_REFUSED some of the batch is in the
 * log already; MR_FULL a producer too many, or a SEAL that has no place in this segment; MR_ENOSPC
 * there is no room for the file of the next segment; what the deriver answered; in all these cases
 * nothing was appended. The same of MR_ELIMIT, MR_ENOMEM, MR_EACCESS: the ring is full, or the next
 * segment has no file yet, and this process cannot write to one or make it. MR_EPOISONED;
 *          MR_EUNKNOWN it is appended, and it is not known whether it is written (without a thread
 *          that does) or durable (MR_GROUP).
 * Threads  any.
 * Cost     a copy of the bytes and their checksums; no system call, unless the ring is full or
 *          somebody sleeps. MR_GROUP waits for fdatasync.
 */
MR_MUST_USE mr_err mri_hot_tail_append(struct mri_hot_tail *hot, const mr_log_record *records,
    size_t count, const struct mri_hot_append *how, mr_log_ack *ret_ack);

/**
 * Write to the segments all that was appended before the call.
 *
 * Returns  MR_OK; MR_EPOISONED; MR_ELIMIT, MR_ENOMEM, MR_EACCESS see mri_hot_tail_is_shortage();
 *          MR_ECORRUPT a record in the ring is not what was appended, the log is poisoned; MR_EIO,
 *          MR_ENOSPC and other faults of files, poisoned too.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_hot_tail_write_behind(struct mri_hot_tail *hot);

/**
 * Wait until the log is durable up to a position, doing the sync for all who wait if nobody else
 * does it.
 *
 * Returns  MR_OK; MR_EUNKNOWN a sync failed, or had failed: what it covered may or may not survive;
 *          faults of writing behind, the log is poisoned.
 * Threads  any.
 * Cost     one fdatasync for all waiters of a generation.
 */
MR_MUST_USE mr_err mri_hot_tail_commit(struct mri_hot_tail *hot, uint64_t position);

/**
 * Reserve files that can become segments, until enough are ready. Not for the thread that appends.
 *
 * Returns  MR_OK; MR_ENOSPC and other faults: fewer are ready.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_hot_tail_make_spares(struct mri_hot_tail *hot);

/**
 * Have the file at hand that is written to now, so that it is written to wherever its folder goes.
 *
 * Returns  nothing; what cannot be opened now is opened when it is needed.
 * Threads  one at a time, before others use the tail.
 */
void mri_hot_tail_hold_file(struct mri_hot_tail *hot);

/**
 * Have all pages of the memory at hand: of the ring, those ahead of the tail first, then of the
 * head. Leaving breaks it off.
 *
 * Returns  nothing.
 * Threads  one at a time.
 * Cost     30 ms for 64 MiB the first time, then nothing.
 */
void mri_hot_tail_touch_ahead(struct mri_hot_tail *hot);

/** What a keeper of spares has seen; all zero at first. */
struct mri_hot_spare_demand {
    uint64_t index;    /**< of the newest segment */
    uint64_t syncs;    /**< when that began */
    int64_t rolled_ns; /**< when that was */
    int64_t retry_ns;  /**< not before: something has failed */
    bool is_streaming; /**< segments follow fast, and nobody waits for syncs */
};

/**
 * Have as many spares as the log needs, and write zeros to one of them when there is time for it.
 *
 * Returns  MR_OK; MR_ENOSPC and other faults: fewer are ready.
 * Threads  any, not the one that appends.
 * Cost     may write a whole segment of zeros.
 */
MR_MUST_USE mr_err mri_hot_tail_keep_spares(
    struct mri_hot_tail *hot, struct mri_hot_spare_demand *demand, int64_t now_ns);

/**
 * Is there a spare to which zeros are still to be written?
 *
 * Returns  true if so.
 * Threads  any.
 */
bool mri_hot_tail_has_spares_to_fill(const struct mri_hot_tail *hot);

/**
 * Keep everybody from appending, after finishing what a killed writer has begun.
 *
 * Returns  MR_OK; MR_ECORRUPT the log is poisoned; MR_EINTERNAL.
 * Owner    mri_hot_tail_let_go() ends it.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_hot_tail_hold(struct mri_hot_tail *hot);

/**
 * End mri_hot_tail_hold().
 *
 * Returns  nothing.
 * Threads  the one that holds.
 */
void mri_hot_tail_let_go(struct mri_hot_tail *hot);

/**
 * Begin to write the derived area anew: whoever dies in between leaves one that is behind.
 *
 * Returns  the area; NULL without one.
 * Owner    the handle.
 * Threads  the one that holds, mri_hot_tail_hold().
 */
uint64_t *mri_hot_tail_begin_fill(struct mri_hot_tail *hot);

/**
 * End mri_hot_tail_begin_fill().
 *
 * @param is_filled  the area has taken in every event there is; else it stays behind
 *
 * Returns  nothing.
 * Threads  the one that holds.
 */
void mri_hot_tail_end_fill(struct mri_hot_tail *hot, bool is_filled);

/**
 * Does the derived area lack events that readers see?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_hot_tail_is_behind(const struct mri_hot_tail *hot);

/**
 * Do the files end where the memory says, with the same bytes? If not, they are not those that it
 * was made for: an older copy came in their place.
 *
 * Returns  MR_OK; MR_ECORRUPT they do not; MR_EIO and other faults.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_hot_tail_compare(struct mri_hot_tail *hot);

/**
 * Say that the log goes on elsewhere, and wake all who sleep.
 *
 * Returns  nothing.
 * Threads  the last owner.
 */
void mri_hot_tail_retire(struct mri_hot_tail *hot);

/**
 * The handle as a reader sees it.
 *
 * Returns  a view, not to be detached.
 * Owner    the handle.
 * Threads  any.
 */
struct mri_hot_view mri_hot_tail_view(const struct mri_hot_tail *hot);

/**
 * Is more than half of the ring free, and does another thread write behind? Then an append does not
 * wait for the disk, unless others fill it meanwhile.
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_hot_tail_has_room(const struct mri_hot_tail *hot);

/**
 * The watermarks and counters.
 *
 * Returns  them; each is true by itself, not all at one moment.
 * Threads  any.
 */
struct mri_hot_view_counters mri_hot_tail_counters(const struct mri_hot_tail *hot);

/**
 * The derived area. Read it as words; a writer may be changing it.
 *
 * Returns  its first word; NULL without one.
 * Owner    the handle.
 * Threads  any.
 */
const uint64_t *mri_hot_tail_derived(const struct mri_hot_tail *hot);

/**
 * How often the derived area was changed: odd while it is. Who reads it, then reads words, then
 * finds the same even number has read words that belong together.
 *
 * Returns  the number.
 * Threads  any.
 */
static inline uint32_t mri_hot_tail_version(const struct mri_hot_tail *hot)
{
    return atomic_load_explicit(hot->derived_version, memory_order_acquire);
}

#endif
