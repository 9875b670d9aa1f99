/* SPDX-License-Identifier: MIT */
/**
 * What remembers how far a log went: the file `producers` and the snapshots are written when the
 * events in them are durable, so one that names an event behind the end says that the end is gone.
 */
#ifndef MRI_LOG_OPEN_KNOWN_END_H
#define MRI_LOG_OPEN_KNOWN_END_H

#include "base/alloc.h"
#include "log/open/snapshot.h"
#include "os/os.h"

struct mri_known_end {
    uint64_t producers_seq; /**< newest event that the file includes; 0: it says nothing */
    struct mri_snapshot_list snapshots; /**< by their names */
    bool has_begun;                     /**< the log has had a segment: see mri_control_is_of() */
};

/**
 * Note what is remembered, before the log is read: a writer may go on meanwhile.
 *
 * Returns  MR_OK, also when nothing can be read of it; MR_ENOMEM.
 * Threads  any.
 * Cost     reads `producers`.
 */
MR_MUST_USE mr_err mri_known_end_read(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const uint8_t log_uuid[16], struct mri_known_end *ret_end);

/**
 * The newest event behind the end that was durable. A snapshot counts when it is whole.
 *
 * @param last_seq  last event that is there
 *
 * Returns  its seq; 0: nothing is known to be missing.
 * Threads  any.
 * Cost     nothing, unless a snapshot's name is behind the end: then it is read.
 */
uint64_t mri_known_end_lost(const struct mri_known_end *end, const struct mri_os *os,
    const struct mri_alloc *alloc, const char *folder, uint64_t last_seq);

/**
 * Is the end of the log there, as far as is remembered?
 *
 * @param last_seq  last event that was read; where the newest segment begins later, that counts
 *
 * Returns  MR_OK; MR_ECORRUPT it is missing, or all segments are, *reterr_problem says what
 *          remembers it; MR_ENOMEM and faults of the folder.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_known_end_check(const struct mri_known_end *end, const struct mri_os *os,
    const struct mri_alloc *alloc, const char *folder, uint64_t last_seq,
    mr_problem *reterr_problem);

#endif
