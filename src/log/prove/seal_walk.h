/* SPDX-License-Identifier: MIT */
/**
 * Reading a log with its seals: every root and every link is computed again.
 */
#ifndef MRI_LOG_PROVE_SEAL_WALK_H
#define MRI_LOG_PROVE_SEAL_WALK_H

#include "base/alloc.h"
#include "log/format/seal.h"
#include "log/read/reader.h"

/** A walk over all records of a log. What it takes in does not depend on how far seals trail. */
struct mri_seal_walk {
    mr_log_reader *reader;
    mr_log_reader *trail;                 /**< behind the events that the newest SEAL covers */
    mr_log_event event;                   /**< the record read last, of any type */
    const struct mri_record_head *record; /**< the same as it lies in the file */
    uint64_t first_seq;                   /**< of the log as it is now */
    uint64_t last_seq;                    /**< newest event so far */
    uint64_t seal_count;
    uint64_t proven_count;        /**< events that a SEAL proves */
    uint64_t unproven_count;      /**< events that are there, and whose SEAL proves nothing */
    uint64_t unproven_seal_count; /**< SEALs whose events are not all there any more */
    struct mri_seal_head head;    /**< behind the newest SEAL; seq 0: none so far */
    bool is_seal;                 /**< the record is a SEAL, and nothing is wrong with it */
    bool is_proven;               /**< the events that it covers are those that it was made over */
    bool is_dense;                /**< none of them was lost: each has its place in the tree */
    struct mri_seal seal;

    struct mri_digest hasher;
    struct mri_seal_hash link;
    uint64_t next_seq;         /**< what the next SEAL must cover first */
    uint64_t next_position;    /**< behind the event before */
    uint64_t segment_position; /**< of the segment that was entered last */
    bool is_begun;
    bool is_link_open;  /**< a gap may have taken SEALs */
    bool is_start_open; /**< it has: the next one may cover what is further on */
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
 * Cost     about 0.5 us an event: each is read twice and hashed once.
 */
MR_MUST_USE mr_err mri_seal_walk_next(struct mri_seal_walk *walk, mr_problem *reterr_problem);

/**
 * Once more over the events that the SEAL read last covers.
 *
 * @param visit  is given the leaf of each, in order
 *
 * Returns  MR_OK; faults of reading.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_seal_walk_leaves(struct mri_seal_walk *walk,
    void (*visit)(void *context, const struct mri_seal_hash *leaf), void *context,
    mr_problem *reterr_problem);

/**
 * Free. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_seal_walk_fini(struct mri_seal_walk *walk);

#endif
