/* SPDX-License-Identifier: MIT */
/**
 * What appending does with the derived area; the layers above have hot_tail.h. All of it is for the
 * holder of the append lock.
 */
#ifndef MRI_LOG_HOT_HOT_DERIVE_H
#define MRI_LOG_HOT_HOT_DERIVE_H

#include "log/hot/hot_shared.h"

/**
 * The area.
 *
 * Returns  its first word.
 * Owner    the handle.
 * Threads  any.
 */
uint64_t *mri_hot_derive_area(const struct mri_hot_tail *hot);

/**
 * The notes of what words were.
 *
 * Returns  the first one.
 * Owner    the handle.
 * Threads  the one that holds.
 */
struct mri_hot_undo *mri_hot_derive_undo(const struct mri_hot_tail *hot);

/**
 * The area is about to be changed: readers that look at it will look again.
 *
 * Returns  nothing.
 * Threads  the one that holds.
 */
void mri_hot_derive_begin(struct mri_hot_shared *shared);

/**
 * What was changed stays, or is put back already.
 *
 * Returns  nothing.
 * Threads  the one that holds.
 */
void mri_hot_derive_end(struct mri_hot_shared *shared);

/**
 * Nothing comes of the batch, or it goes on without the area: every word is what it was.
 *
 * Returns  nothing.
 * Threads  the one that holds.
 */
void mri_hot_derive_put_back(struct mri_hot_tail *hot);

/**
 * Has the area all that is before the next batch?
 *
 * Returns  true or false.
 * Threads  the one that holds.
 */
bool mri_hot_derive_is_current(const struct mri_hot_writer *writer);

/**
 * The area has so many events more, which are about to be appended. Said before the batch counts;
 * who finds it dropped takes it back.
 *
 * Returns  nothing.
 * Threads  the one that holds.
 */
void mri_hot_derive_advance(struct mri_hot_writer *writer, uint64_t events);

#endif
