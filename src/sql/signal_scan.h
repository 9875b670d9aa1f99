/* SPDX-License-Identifier: MIT */
/**
 * Looking through all signals: those that pass a filter, in order of creation, or grouped by the
 * texts of one or two columns.
 */
#ifndef MRI_SQL_SIGNAL_SCAN_H
#define MRI_SQL_SIGNAL_SCAN_H

#include "sql/guard.h"
#include "sql/signal_rows.h"

enum { MRI_SIGNAL_BATCH = 2048, MRI_SIGNAL_GROUP_COLUMNS = 2, MRI_SIGNAL_GROUPS_MAX = 1 << 20 };

/** Both ends included. */
struct mri_signal_range {
    int64_t low;
    int64_t high;
    bool is_asked; /**< a signal that has no such number does not pass */
};

/** What a signal must be. */
struct mri_signal_filter {
    uint32_t low; /**< ordinals, both ends included */
    uint32_t high;
    struct mri_signal_range time_unix_ns;
    struct mri_signal_range moved_seq;
    struct mri_signal_range last_seq;
    uint8_t *pass[MRI_SIGNAL_CODE_COUNT]; /**< by code, 1: passes; NULL: any */
    uint32_t limit;                       /**< so many are wanted, as far as is known; 0 = all */
    uint32_t offset;                      /**< so many of the first are left out; without groups */
};

/** In which order groups come. */
struct mri_signal_grouping {
    enum mri_signal_code codes[MRI_SIGNAL_GROUP_COLUMNS];
    bool is_descending[MRI_SIGNAL_GROUP_COLUMNS];
    unsigned count; /**< 0: no groups */
    bool is_once;   /**< one signal of each group */
};

struct mri_signal_scan {
    struct mri_signal_rows *rows;
    struct mri_guard *guard;
    struct mri_signal_filter filter;
    bool is_descending;
    uint32_t next; /**< ordinal to be looked at */
    bool is_over;  /**< nothing is left to be looked at */
    uint32_t blocks;
    uint32_t batch[MRI_SIGNAL_BATCH];
    uint32_t batch_count;
    uint32_t batch_at;

    struct mri_signal_grouping grouping;
    uint32_t radix;   /**< groups of the second column */
    uint32_t *counts; /**< by group */
    uint32_t *codes_of_ranks[MRI_SIGNAL_GROUP_COLUMNS];
    uint32_t group_count;
    uint32_t group;
    uint32_t left;     /**< signals of the group that are still to come */
    uint64_t position; /**< of the signal among all */
    uint32_t *sorted;  /**< ordinals by group; NULL: nobody has asked for one yet */
    uint64_t total;
};

/**
 * Let everything pass.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_signal_scan_init(
    struct mri_signal_scan *scan, struct mri_signal_rows *rows, struct mri_guard *guard);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_signal_scan_fini(struct mri_signal_scan *scan);

/**
 * The table of what passes of a code, to be narrowed: all ones at first.
 *
 * Returns  the table, rows->words[code].count long; NULL: no memory.
 * Owner    the scan.
 * Threads  one at a time.
 */
uint8_t *mri_signal_scan_pass(struct mri_signal_scan *scan, enum mri_signal_code code);

/**
 * Begin, and stand on the first signal. Filter, order and grouping are set before.
 *
 * Returns  MR_OK; MR_ENOMEM; MR_AGAIN the guard says that it is over.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_signal_scan_begin(struct mri_signal_scan *scan);

/**
 * Go on to the next signal.
 *
 * Returns  as mri_signal_scan_begin().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_signal_scan_next(struct mri_signal_scan *scan);

/**
 * Is it behind the last signal?
 *
 * Returns  true or false.
 * Threads  one at a time.
 */
bool mri_signal_scan_is_end(const struct mri_signal_scan *scan);

/**
 * The signal it stands on.
 *
 * Returns  MR_OK; MR_ENOMEM, MR_AGAIN: with groups, ordinals are only sorted when one is asked
 *          for.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_signal_scan_ordinal(struct mri_signal_scan *scan, uint32_t *ret_ordinal);

/**
 * The code of a grouped column where it stands.
 *
 * Returns  true; false for a column that is not grouped.
 * Threads  one at a time.
 */
bool mri_signal_scan_group_code(
    const struct mri_signal_scan *scan, enum mri_signal_code code, uint32_t *ret_code);

#endif
