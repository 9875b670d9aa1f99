/* SPDX-License-Identifier: MIT */
/**
 * The area that is derived from an open log, for the layer that knows what is in it.
 *
 * Caveats first
 * - It may lack events that are in the log: whoever made the memory did not derive, or somebody
 *   without a deriver has appended. Who needs it then writes it anew.
 * - A writer that was stopped in the middle of a batch keeps readers from looking at it.
 */
#ifndef MRI_LOG_OPEN_DERIVED_H
#define MRI_LOG_OPEN_DERIVED_H

#include "log/open/append.h"

/** An area. */
struct mri_derived {
    const uint64_t *words; /**< NULL: the memory has none of the size and deriver asked for */
    size_t bytes;
};

/**
 * The area of a log, if it is derived here.
 *
 * Returns  the area.
 * Owner    the log, until mr_log_close().
 * Threads  any.
 */
struct mri_derived mri_derived_of(const mr_log *log);

/**
 * Does the area lack events that readers see, or is it being written anew?
 *
 * Returns  true or false.
 * Threads  any.
 * Cost     two loads; it waits for nobody.
 */
bool mri_derived_is_behind(const mr_log *log);

/**
 * Begin to read the area. What was read counts when mri_derived_is_same() says so afterwards.
 *
 * Returns  MR_OK; MR_AGAIN it lacks events that readers see; MR_BUSY a writer was changing it all
 *          the time.
 * Threads  any.
 * Cost     two loads; while a writer is at it, up to a second of looking again.
 */
MR_MUST_USE mr_err mri_derived_look(const mr_log *log, uint32_t *ret_version);

/**
 * Was the area the same all the time since mri_derived_look()?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_derived_is_same(const mr_log *log, uint32_t version);

/**
 * Keep everybody from appending, to write the area anew.
 *
 * @param ret_last  newest event there is
 *
 * Returns  MR_OK; MR_NOT_FOUND the log has no area here; MR_EINVAL the log belongs to the parent of
 *          this process; as mri_hot_tail_hold().
 * Owner    mri_derived_let_go() ends it. *ret_words is the log's.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_derived_hold(mr_log *log, uint64_t **ret_words, mr_seq *ret_last);

/**
 * End mri_derived_hold().
 *
 * @param is_filled  every event there is was taken in
 *
 * Returns  nothing.
 * Threads  the one that holds.
 */
void mri_derived_let_go(mr_log *log, bool is_filled);

#endif
