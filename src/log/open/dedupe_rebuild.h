/* SPDX-License-Identifier: MIT */
/**
 * Producers and message ids out of the log: from the file `producers` and the events behind it, or
 * from all events.
 */
#ifndef MRI_LOG_OPEN_DEDUPE_REBUILD_H
#define MRI_LOG_OPEN_DEDUPE_REBUILD_H

#include "log/dedupe/dedupe_file.h"
#include "log/format/manifest.h"
#include "log/hot/hot_tail.h"

/** Which log, and which of its events. */
struct mri_dedupe_source {
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    const char *folder;
    const struct mri_manifest *manifest;
    uint64_t limit_seq; /**< events from here on are left out; 0 = none are */
    bool is_durable;    /**< others append: only what is durable counts. Else: what is in the files
                             does */
};

/** Tables that were made. */
struct mri_dedupe_built {
    const struct mri_alloc *alloc;
    void *memory; /**< of mri_dedupe_bytes(); NULL: there is nothing to keep */
    size_t bytes;
    struct mri_dedupe dedupe;
    struct mri_dedupe_file_place place; /**< the newest event included */
    uint64_t kept_seq;                  /**< up to where the file went; 0 = it was of no use */
};

/**
 * Make the tables as the log says.
 *
 * Damage is no failure here, as all is derived: a file that is damaged or of another history is
 * left aside and every event is read; events that cannot be read, or were removed and are in no
 * file, make the tables incomplete (dedupe.head->is_incomplete).
 *
 * Returns  MR_OK; MR_EINVAL there are more producers than the limits allow, *problem says so;
 *          MR_EIO, MR_ENOMEM and other faults of reading.
 * Owner    mri_dedupe_rebuild_fini() frees.
 * Threads  any.
 * Cost     reads what the file does not know, or the whole log.
 */
MR_MUST_USE mr_err mri_dedupe_rebuild(const struct mri_dedupe_source *source,
    struct mri_dedupe_limits limits, struct mri_dedupe_built *ret_built, mr_problem *problem);

/**
 * Free. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_dedupe_rebuild_fini(struct mri_dedupe_built *built);

/**
 * Bring the file `producers` up to date, however many producers there are.
 *
 * @param ids  of the window
 *
 * Returns  as mri_dedupe_rebuild(), and faults of writing: the old file stays.
 * Threads  one at a time per folder.
 * Cost     as mri_dedupe_rebuild(); writes the file.
 */
MR_MUST_USE mr_err mri_dedupe_rebuild_file(
    const struct mri_dedupe_source *source, uint32_t ids, mr_problem *problem);

/**
 * mri_dedupe_rebuild_file() when the log has left a segment since, and this is a good moment. What
 * fails is tried again with the next segment: the file only saves reading.
 *
 * @param is_idle  nothing comes at the moment
 *
 * Returns  nothing.
 * Threads  one at a time; not for who appends.
 */
void mri_dedupe_rebuild_help(
    struct mri_hot_tail *hot, const struct mri_dedupe_source *source, bool is_idle);

#endif
