/* SPDX-License-Identifier: MIT */
/**
 * Finding what is damaged in a segment, and where good records go on behind it.
 */
#ifndef MRI_LOG_KEEP_DAMAGE_H
#define MRI_LOG_KEEP_DAMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "log/format/record.h"
#include "log/format/segment.h"
#include "millrace/err.h"

/** A segment to walk, and where the walk stands: always behind a whole batch. */
struct mri_damage_walk {
    const struct mri_segment_head *head;
    const uint8_t *bytes; /**< the file, from its first byte */
    uint64_t bytes_count;
    const struct mri_segment_head *next; /**< of the segment that follows; NULL: it is the newest */

    uint64_t offset;
    struct mri_record_link link;
    int64_t last_unix_ns; /**< of the record before */
    uint32_t last_epoch;
    bool is_over; /**< the segment's last record was passed */
};

/** A damaged range: what a GAP record in its place would say, and what that continues. */
struct mri_damage {
    uint64_t offset; /**< in the segment */
    struct mri_gap gap;
    struct mri_record_link before;
    int64_t before_unix_ns;
    uint32_t before_epoch;
};

/**
 * Stand at the first record of a segment.
 *
 * @param walk  head, bytes, bytes_count and next are filled in
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_damage_begin(struct mri_damage_walk *walk);

/**
 * Walk to the next damage, and stand behind it.
 *
 * Returns  MR_OK a damage was found; MR_END there is none up to the end of what can be read, in the
 *          newest segment be it with an incomplete batch behind it that an open may cut off.
 * Threads  one at a time.
 * Cost     reads the rest of the segment.
 */
MR_MUST_USE mr_err mri_damage_next(struct mri_damage_walk *walk, struct mri_damage *ret_damage);

/**
 * Walk whole batches as long as they are good and end at or before an offset.
 *
 * Returns  nothing; the walk stands where it came to.
 * Threads  one at a time.
 */
void mri_damage_pass(struct mri_damage_walk *walk, uint64_t offset_max);

/**
 * Make the head of the GAP record that takes the place of a damage.
 *
 * Returns  the head, complete.
 * Threads  any.
 */
struct mri_record_head mri_damage_record(
    const struct mri_damage *damage, const struct mri_segment_head *head);

#endif
