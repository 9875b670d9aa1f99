/* SPDX-License-Identifier: MIT */
/**
 * Opening the files of a log that no process has open: find its end, mend it, and say from where it
 * goes on.
 */
#ifndef MRI_LOG_OPEN_COLD_H
#define MRI_LOG_OPEN_COLD_H

#include "log/hot/hot_tail.h"
#include "log/open/append.h"

/** What was found; what is told is the caller's. */
struct mri_cold {
    bool is_thin;               /**< told: a segment that is made is not written ahead */
    struct mri_hot_start start; /**< all but its generation */
    struct mri_log_opening opening;
    bool is_after_poison;  /**< told by who opens: a write or sync has failed since the start of
                                the machine */
    bool is_closed_well;   /**< told, too: nobody has written since everything was synced without a
                                fault, so the page cache has what the disk has */
    bool is_identified;    /**< some record has a producer or a message id */
    uint64_t cut_position; /**< of an incomplete end; opening.cut_bytes says how much of it */
};

/**
 * Find the end of the log; mend an end that a crash left incomplete, make a segment where none is
 * to go on in, and check that what is written shows through a map.
 *
 * Returns  MR_OK; MR_ECORRUPT durable records are damaged, or the end is missing (known_end.h):
 *          nothing was changed; MR_EVERSION;
 *          MR_EINVAL the file system does not show through a map what is written; MR_ENOMEM and
 *          faults of files; *problem says where and why.
 * Threads  who is in alone, or keeps the gate shut with nobody in.
 * Cost     reads the newest segment, from the disk unless the log was closed well, and syncs it.
 * Source   docs/FORMAT.md "Recovery".
 */
MR_MUST_USE mr_err mri_cold_open(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const struct mri_manifest *manifest, struct mri_cold *ret_cold,
    mr_problem *problem);

/**
 * Remove the files of a memory that is gone: those that wait to become segments, and rings in the
 * folder, which a restart of the machine leaves there.
 *
 * Returns  MR_OK; MR_ENOMEM, a fault of the folder: some may be left.
 * Threads  as mri_cold_open().
 */
MR_MUST_USE mr_err mri_cold_remove_leftovers(
    const struct mri_os *os, const struct mri_alloc *alloc, const char *folder);

#endif
