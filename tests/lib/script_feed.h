/* SPDX-License-Identifier: MIT */
/**
 * A feed that a test writes down item by item (market/feed.h). Items may be added while it is read:
 * its end is only the end so far.
 *
 * Times are minutes after MRI_SCRIPT_EPOCH_NS; prices have 2 decimals, quantities 3.
 */
#ifndef TESTS_LIB_SCRIPT_FEED_H
#define TESTS_LIB_SCRIPT_FEED_H

#include "market/feed.h"

#define MRI_SCRIPT_EPOCH_NS  INT64_C(1700000040000000000)
#define MRI_SCRIPT_MINUTE_NS INT64_C(60000000000)

enum { MRI_SCRIPT_SYMBOLS_MAX = 4 };

struct mri_script_feed {
    struct mri_instrument_spec instruments[MRI_SCRIPT_SYMBOLS_MAX];
    struct mri_feed_item *items;
    uint32_t count;
    uint32_t capacity;
    uint32_t at; /**< the next one to hand out */
    struct mri_feed feed;
};

/** A bar, for those who write many. */
struct mri_script_bar {
    int64_t open;
    int64_t high;
    int64_t low;
    int64_t close;
};

/**
 * Make a feed without items, for the symbols AAAUSD, BBBUSD, ... It says that it is simulated.
 *
 * Returns  nothing; it never fails (it ends the process).
 * Owner    mri_script_feed_fini() frees. The struct must not move.
 * Threads  one at a time.
 */
void mri_script_feed_init(struct mri_script_feed *script, uint32_t symbol_count);

/**
 * Free. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_script_feed_fini(struct mri_script_feed *script);

/**
 * Read from the start again, as a resumed run does.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_script_feed_rewind(struct mri_script_feed *script);

/**
 * The time of a minute.
 *
 * Returns  nanoseconds.
 * Threads  any.
 */
int64_t mri_script_time(int64_t minute);

/**
 * Add the one-minute bar that closes at a minute, with a volume of 10.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_script_add_bar(struct mri_script_feed *script, uint32_t symbol, int64_t minute,
    const struct mri_script_bar *bar);

/**
 * Add a bar that goes from the symbol's last close (its first: from `close`) straight to `close`.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_script_add_close(
    struct mri_script_feed *script, uint32_t symbol, int64_t minute, int64_t close);

/**
 * Add a signal from outside, named "said", valid for `valid_minutes`.
 *
 * @param source      outlives the feed
 * @param confidence  > 0: long; < 0: short
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_script_add_signal(struct mri_script_feed *script, uint32_t symbol, int64_t minute,
    const char *source, double confidence, int64_t valid_minutes);

/**
 * Add a row that was left out, before the bars of a minute.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_script_add_problem(
    struct mri_script_feed *script, uint32_t symbol, int64_t minute, enum mri_reason reason);

#endif
