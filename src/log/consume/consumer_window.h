/* SPDX-License-Identifier: MIT */
/**
 * What a consumer is done with: everything below the cursor, and a window of bits above it.
 *
 *   seq   ... next-1 | next   next+1 ... next+1023 |
 *         all acked  | 0      bit 1  ... bit 1023  | nothing
 */
#ifndef MRI_LOG_CONSUME_CONSUMER_WINDOW_H
#define MRI_LOG_CONSUME_CONSUMER_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

enum { MRI_CONSUMER_WINDOW_SEQS = 1024, MRI_CONSUMER_WINDOW_WORDS = 16 };

/** As it lies in the file. */
struct mri_consumer_window {
    uint64_t next;                            /**< the lowest seq that is not acked */
    uint64_t bits[MRI_CONSUMER_WINDOW_WORDS]; /**< bit i: next + i is acked; bit 0 is 0 */
};

MRI_STATIC_ASSERT(sizeof(struct mri_consumer_window) == 136, "it is part of a file format");

/**
 * Is this seq acked?
 *
 * Returns  true or false.
 * Threads  any.
 */
static inline bool mri_consumer_window_has(const struct mri_consumer_window *window, uint64_t seq)
{
    uint64_t at = seq - window->next;
    return seq < window->next ||
           (at < MRI_CONSUMER_WINDOW_SEQS && (window->bits[at / 64] >> (at % 64) & 1) != 0);
}

/**
 * Ack a seq; the cursor moves over everything that is acked then.
 *
 * Returns  true; false it is above the window, nothing changed.
 * Threads  one at a time.
 */
bool mri_consumer_window_add(struct mri_consumer_window *window, uint64_t seq);

/**
 * Move the cursor forward: everything below `next` counts as acked. Backward is no move.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_consumer_window_skip(struct mri_consumer_window *window, uint64_t next);

/**
 * Forget every ack from a seq on.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_consumer_window_cut(struct mri_consumer_window *window, uint64_t seq);

/**
 * How many acks are above the cursor.
 *
 * Returns  the number.
 * Threads  any.
 */
unsigned mri_consumer_window_count(const struct mri_consumer_window *window);

#endif
