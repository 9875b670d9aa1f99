/* SPDX-License-Identifier: MIT */
/**
 * The bytes of a place, shared by place_hold.c, which gets them, and place.c, which checks them and
 * walks through them. Nobody else looks inside.
 */
#ifndef MRI_LOG_READ_PLACE_HOLD_H
#define MRI_LOG_READ_PLACE_HOLD_H

#include "log/read/place.h"

/**
 * Have the bytes before an offset, as far as the file, or what was appended, goes.
 *
 * Returns  MR_OK, place->loaded_end says how far; MR_EPATH a hot place was left behind, and its
 *          segment archived; MR_EIO.
 * Threads  one at a time per place.
 * Cost     nothing for a map.
 */
MR_MUST_USE mr_err mri_place_hold_load(struct mri_place *place, uint64_t end);

/**
 * The record at an offset.
 *
 * Returns  its head.
 * Threads  one at a time per place.
 */
static inline const struct mri_record_head *mri_place_hold_record(
    const struct mri_place *place, uint64_t offset)
{
    return (const struct mri_record_head *)(const void *)(place->bytes + offset);
}

#endif
