/* SPDX-License-Identifier: MIT */
/**
 * Taking back a decision that was applied and lost: the engines as they were saved once, and the
 * events that were applied since. Engines change by the events that they apply and by nothing else,
 * so applying these to what was saved makes the very same engines.
 *
 * Saving costs what the engines hold, noting what a decision writes. A new save is made when the
 * notes have grown to half of the last one: a decision costs the same however much the engines
 * hold.
 */
#ifndef MRI_PIPELINE_ENGINE_UNDO_H
#define MRI_PIPELINE_ENGINE_UNDO_H

#include "pipeline/wiring.h"

struct mri_engine_undo {
    struct mri_buf saved;   /**< engines */
    struct mri_buf applied; /**< events since, in order */
    bool is_taken;
    uint64_t saves;    /**< so often were the engines saved */
    uint64_t restores; /**< so often were they made again */
};

/**
 * Make one that holds nothing.
 *
 * Returns  nothing.
 * Owner    mri_engine_undo_fini() frees.
 * Threads  one at a time.
 */
void mri_engine_undo_init(struct mri_engine_undo *undo, const struct mri_alloc *alloc);

/**
 * Free. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_engine_undo_fini(struct mri_engine_undo *undo);

/**
 * From here on the engines can be made again as they are now: they are saved, or are known by what
 * was saved and applied before.
 *
 * Returns  MR_OK; MR_ENOMEM, MR_FULL; nothing is held then.
 * Threads  one at a time.
 * Cost     now and then, what the engines hold.
 */
MR_MUST_USE mr_err mri_engine_undo_hold(
    struct mri_engine_undo *undo, const struct mri_wiring *wiring);

/**
 * The engines have applied an event for good: it is noted, if anything is held.
 *
 * Returns  MR_OK; MR_ENOMEM, MR_FULL; nothing is held then.
 * Threads  one at a time.
 * Cost     a copy of the event.
 */
MR_MUST_USE mr_err mri_engine_undo_note(
    struct mri_engine_undo *undo, const struct mri_event *event);

/**
 * Hold nothing any more.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_engine_undo_drop(struct mri_engine_undo *undo);

/**
 * Make the engines again as they were held, with what was noted; they are held still.
 *
 * @param options  that the engines were made with
 *
 * Returns  MR_OK; MR_ENOMEM, MR_ECORRUPT: the engines are not usable then.
 * Threads  one at a time.
 * Cost     what the engines hold, and the events that were noted.
 */
MR_MUST_USE mr_err mri_engine_undo_restore(struct mri_engine_undo *undo, struct mri_wiring *wiring,
    const struct mri_wiring_options *options);

#endif
