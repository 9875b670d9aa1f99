/* SPDX-License-Identifier: MIT */
/**
 * Reading a log with its seals: every root and every link is computed again.
 */
#ifndef MRI_LOG_SEAL_WALK_H
#define MRI_LOG_SEAL_WALK_H

#include "base/alloc.h"
#include "base/buf.h"
#include "log/reader.h"
#include "log/seal.h"

/** The hash of an event that no SEAL has covered so far. */
struct mri_seal_leaf {
    uint64_t seq;
    uint64_t end_position; /**< of the record behind it */
    struct mri_seal_hash hash;
    bool is_gap;
};

/** A walk over all records of a log. */
struct mri_seal_walk {
    mr_log_reader *reader;
    mr_log_event event;                   /**< the record read last, of any type */
    const struct mri_record_head *record; /**< the same as it lies in the file */
    uint64_t first_seq;                   /**< of the log as it is now */
    uint64_t last_seq;                    /**< newest event so far */
    uint64_t seal_count;
    uint64_t unproven_count; /**< events of seals that a gap has made worthless */
    uint64_t unproven_last_seq;
    struct mri_seal_head head; /**< behind the newest SEAL; seq 0: none so far */
    bool is_seal;              /**< the record is a SEAL that was right, or behind a gap */
    bool is_proven;            /**< it was right */
    const struct mri_seal_leaf *covered; /**< its events, until the next call */
    size_t covered_count;

    struct mri_digest hasher;
    struct mri_seal_hash link;
    uint64_t segment_position; /**< of the segment that was entered last */
    bool is_begun;
    bool is_after_gap;
    struct mri_buf leaves;
    size_t taken_count; /**< leaves from the front that the last SEAL has covered */
};

/**
 * Begin at the first record.
 *
 * Returns  MR_OK; as mri_reader_open().
 * Owner    mri_seal_walk_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_seal_walk_init(struct mri_seal_walk *walk, const struct mri_os *os,
    const struct mri_alloc *alloc, const char *folder, mr_problem *reterr_problem);

/**
 * Take one more record.
 *
 * Returns  MR_OK; MR_END; MR_REFUSED a seal or a link is not what follows from the events: somebody
 *          has changed them; faults of reading; *reterr_problem says where and what.
 * Threads  one at a time.
 * Cost     about 0.5 us an event.
 */
MR_MUST_USE mr_err mri_seal_walk_next(struct mri_seal_walk *walk, mr_problem *reterr_problem);

/**
 * Free. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_seal_walk_fini(struct mri_seal_walk *walk);

#endif
