/* SPDX-License-Identifier: MIT */
/**
 * Many candle files as one stream of items in order of time.
 *
 * A lane is a pass over one file, whole or for one symbol. Lanes open when the time of their first
 * bar has come, so that a folder with a file for each day needs few descriptors.
 */
#ifndef MRI_FEEDS_CSV_MERGE_H
#define MRI_FEEDS_CSV_MERGE_H

#include "feeds/csv_file.h"

/** One lane, as a survey of its file found it. */
struct mri_csv_lane {
    struct mri_csv_file_options file;
    int64_t first_time_unix_ns; /**< of its first bar; INT64_MAX: it has none */
    uint64_t bytes;             /**< size of the file */
};

/** What to merge. Borrowed as long as the merge is open. */
struct mri_csv_merge_options {
    const struct mri_csv_lane *lanes; /**< in order of file name; problems come in this order */
    uint32_t lane_count;
    const uint32_t *instruments; /**< of each spec: its number in the feed, MRI_CSV_NO_SPEC: none */
    uint32_t instrument_count;
};

/** A merge under way. Opaque. */
struct mri_csv_merge;

/**
 * Get ready to merge.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_csv_merge_close() frees.
 * Threads  one at a time.
 * Cost     opens no file; 640 KiB of memory, and 250 KiB for each file while it is read.
 */
MR_MUST_USE mr_err mri_csv_merge_open(const struct mri_os *os, const struct mri_alloc *alloc,
    const struct mri_csv_merge_options *options, struct mri_csv_merge **ret_merge);

/**
 * The next item, in the order that market/feed.h demands.
 *
 * Returns  MR_OK; MR_END; a fault of a file, MR_ENOMEM. An end or a fault stays.
 * Owner    slices of the item belong to the merge, until the next call.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_csv_merge_next(struct mri_csv_merge *merge, struct mri_feed_item *ret_item);

/**
 * How much was read.
 *
 * Returns  0 to 1.
 * Threads  one at a time.
 */
double mri_csv_merge_progress(const struct mri_csv_merge *merge);

/**
 * Close all files and free. NULL is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time; the merge is gone afterwards.
 */
void mri_csv_merge_close(struct mri_csv_merge *merge);

#endif
