/* SPDX-License-Identifier: MIT */
/**
 * The hot tail as a reader sees it: mapped to be read, but for the words that he sleeps on.
 */
#ifndef MRI_LOG_HOT_HOT_VIEW_H
#define MRI_LOG_HOT_HOT_VIEW_H

#include <stdatomic.h>
#include <stdbool.h>

#include "log/format/segment.h"
#include "log/meet/control.h"
#include "os/shared_memory.h"

struct mri_hot_shared;
struct mri_hot_sleepers;

/** Every subject. */
#define MRI_HOT_BITS_ALL UINT32_MAX

struct mri_hot_view {
    struct mri_shared_memory memory;
    const struct mri_hot_shared *shared; /**< NULL: not attached */
    struct mri_hot_sleepers *sleepers;
};

/** Numbers for people; all since the memory was made. */
struct mri_hot_view_counters {
    uint64_t tail;
    uint64_t written;
    uint64_t durable;
    uint64_t tail_seq;
    uint64_t written_seq;
    uint64_t durable_seq;
    uint32_t event_crc;     /**< of the newest event; only without other writers it belongs to it */
    uint64_t orphans;       /**< locks whose holder had died */
    uint64_t finished;      /**< batches of dead writers that were complete */
    uint64_t backpressured; /**< appends that had to write behind themselves */
    uint64_t syncs;
    uint64_t repeated;   /**< batches that were in the log already */
    uint64_t sealed_seq; /**< events up to here have a SEAL that is written */
    uint32_t epoch;
    bool is_poisoned;
};

/** A segment that is in the ring, or was lately. */
struct mri_hot_view_segment {
    struct mri_segment_head head;
    bool is_written; /**< all of it is in its file */
};

/**
 * Attach to the memory that `ctl` names.
 *
 * Returns  MR_OK; MR_NOT_FOUND it is closed; MR_EVERSION another version made it; faults of
 *          mri_shared_memory_view().
 * Owner    mri_hot_view_detach() ends it.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_hot_view_attach(const struct mri_os *os, const char *path,
    const struct mri_control *control, struct mri_hot_view *ret_view);

/**
 * Detach. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  the owner.
 */
void mri_hot_view_detach(const struct mri_os *os, struct mri_hot_view *view);

/**
 * Copy appended bytes out of the ring, up to the end of what was appended or of the segment. The
 * position must be that of a record; the copy may end inside one.
 *
 * Returns  MR_OK; MR_END nothing was appended there yet; MR_NOT_FOUND they have left the ring, or
 *          are about to: read the segment; MR_AGAIN the segment ends here.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_hot_view_copy(const struct mri_hot_view *view, uint64_t position,
    void *bytes, size_t count_max, size_t *ret_count);

/**
 * Where what was appended ends.
 *
 * Returns  the position.
 * Threads  any.
 */
uint64_t mri_hot_view_tail(const struct mri_hot_view *view);

/**
 * Where what is in the files ends.
 *
 * Returns  the position.
 * Threads  any.
 */
uint64_t mri_hot_view_written(const struct mri_hot_view *view);

/**
 * The newest event that is durable; everything before it is, too.
 *
 * Returns  its seq.
 * Threads  any.
 */
uint64_t mri_hot_view_durable_seq(const struct mri_hot_view *view);

/**
 * The watermarks and counters.
 *
 * Returns  them; each is true by itself, not all at one moment.
 * Threads  any.
 */
struct mri_hot_view_counters mri_hot_view_counters(const struct mri_hot_view *view);

/**
 * Does the log go on elsewhere, in its files and perhaps in another memory?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_hot_view_is_closed(const struct mri_hot_view *view);

/**
 * The segment with a number (its position divided by the length of segments), if the ring has it.
 *
 * Returns  MR_OK; MR_NOT_FOUND it is too old, or not begun.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_hot_view_segment(
    const struct mri_hot_view *view, uint64_t index, struct mri_hot_view_segment *ret_segment);

/**
 * The numbers of the oldest segment that is not written as a whole, and of the newest.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_hot_view_range(
    const struct mri_hot_view *view, uint64_t *ret_oldest, uint64_t *ret_newest);

/**
 * The bit of a subject: who sleeps for it is woken for its events, and now and then for others.
 *
 * Returns  one bit.
 * Threads  any.
 */
static inline uint32_t mri_hot_view_bit_of(uint32_t subject_id)
{
    return UINT32_C(1) << ((subject_id * UINT32_C(2654435761)) >> 27);
}

/** A word to sleep on, as it was before it was known that there is nothing more. */
struct mri_hot_view_sleep {
    _Atomic uint32_t *word;
    uint32_t seen;
};

/**
 * Prepare to sleep elsewhere than here, until something is appended behind a position, or more than
 * a seq is durable: whoever brings it wakes those who sleep on the word.
 *
 * @param value  the position, or with is_durable the seq
 *
 * Returns  MR_OK; MR_AGAIN it is there already, or the ring is closed.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_hot_view_prepare(const struct mri_hot_view *view, bool is_durable,
    uint64_t value, struct mri_hot_view_sleep *ret_sleep);

/**
 * Sleep until something is appended behind a position, or for a time.
 *
 * @param bits  of the subjects that matter
 *
 * Returns  MR_OK look again; MR_AGAIN the time has passed or a signal came.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_hot_view_wait(
    const struct mri_hot_view *view, uint64_t position, uint32_t bits, int64_t timeout_ns);

/**
 * Sleep until more than a seq is durable, or for a time.
 *
 * Returns  as mri_hot_view_wait().
 * Threads  any.
 */
MR_MUST_USE mr_err mri_hot_view_wait_durable(
    const struct mri_hot_view *view, uint64_t seq, int64_t timeout_ns);

#endif
