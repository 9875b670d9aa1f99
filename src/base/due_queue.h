/* SPDX-License-Identifier: MIT */
/**
 * Things with an ordinal that fall due: a heap by time, and each thing found by its ordinal.
 *
 * The thing that is due first is the one with the earliest time, then with the lowest ordinal; so
 * what comes out depends on what was put in, not on the order in which it was.
 */
#ifndef MRI_BASE_DUE_QUEUE_H
#define MRI_BASE_DUE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/unpack.h"

/** Due never. */
#define MRI_DUE_NEVER INT64_MAX

struct mri_due_place;

struct mri_due_queue {
    const struct mri_alloc *alloc;
    uint32_t item_bytes;          /**< of what is kept with an ordinal */
    uint32_t count;               /**< of things in it */
    uint32_t capacity;            /**< a power of two, or 0 */
    struct mri_due_place *places; /**< each thing's; a thing stays where it is */
    uint8_t *items;               /**< by place */
    uint32_t *heap;               /**< places; the first is due first */
    uint32_t *table;              /**< by hash of the ordinal: place + 1; 0 = nothing */
    uint32_t free_first;          /**< place + 1 of one that is free; 0 = none */
    uint32_t place_count;         /**< places that were ever used */
};

/**
 * Make an empty queue.
 *
 * @param item_bytes  kept with each ordinal; a multiple of 8
 *
 * Returns  nothing.
 * Owner    mri_due_queue_fini() frees.
 * Threads  one at a time.
 */
void mri_due_queue_init(
    struct mri_due_queue *queue, const struct mri_alloc *alloc, uint32_t item_bytes);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_due_queue_fini(struct mri_due_queue *queue);

/**
 * Make room for more things, so that adding them cannot fail.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_due_queue_reserve(struct mri_due_queue *queue, uint32_t more);

/**
 * Add a thing that is not in it; there must be room.
 *
 * @param ordinal  not 0
 *
 * Returns  its item, zeroed.
 * Owner    points into the queue, until it grows.
 * Threads  one at a time.
 * Cost     O(log n).
 */
void *mri_due_queue_add(struct mri_due_queue *queue, uint32_t ordinal, int64_t due);

/**
 * The item of a thing.
 *
 * Returns  it; NULL: the thing is not in the queue.
 * Owner    points into the queue, until it grows.
 * Threads  one at a time.
 * Cost     O(1).
 */
void *mri_due_queue_find(const struct mri_due_queue *queue, uint32_t ordinal);

/**
 * Give a thing that is in it another time.
 *
 * Returns  nothing.
 * Threads  one at a time.
 * Cost     O(log n).
 */
void mri_due_queue_set(struct mri_due_queue *queue, uint32_t ordinal, int64_t due);

/**
 * Give every thing the time that a function says.
 *
 * @param due_of  asked with the context, the ordinal, the item and its time so far
 *
 * Returns  nothing.
 * Threads  one at a time.
 * Cost     O(n).
 */
void mri_due_queue_retime(struct mri_due_queue *queue, const void *context,
    int64_t (*due_of)(const void *context, uint32_t ordinal, const void *item, int64_t due));

/**
 * Take a thing out, if it is in.
 *
 * Returns  nothing.
 * Threads  one at a time.
 * Cost     O(log n).
 */
void mri_due_queue_remove(struct mri_due_queue *queue, uint32_t ordinal);

/**
 * The thing that is due first.
 *
 * @param ret_due  when; MRI_DUE_NEVER when there is none
 *
 * Returns  its ordinal; 0: the queue is empty.
 * Threads  one at a time.
 * Cost     O(1).
 */
uint32_t mri_due_queue_first(const struct mri_due_queue *queue, int64_t *ret_due);

/**
 * The things one after the other, in no certain order: for whoever looks at all of them.
 *
 * @param index  below queue->count
 *
 * Returns  the ordinal; *ret_due is its time.
 * Threads  one at a time.
 */
uint32_t mri_due_queue_at(const struct mri_due_queue *queue, uint32_t index, int64_t *ret_due);

/**
 * Append the queue to a snapshot, in order of ordinals.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time.
 */
void mri_due_queue_save(const struct mri_due_queue *queue, struct mri_buf *buf);

/**
 * Take a queue back into an empty one with the same items.
 *
 * Returns  MR_OK; MR_ECORRUPT; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_due_queue_load(struct mri_due_queue *queue, struct mri_unpack *unpack);

#endif
