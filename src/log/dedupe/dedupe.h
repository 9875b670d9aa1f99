/* SPDX-License-Identifier: MIT */
/**
 * What tells a repeated record from a new one: the newest record of each producer, for ever, and
 * the newest message ids, by count.
 *
 * Plain memory without pointers, so that many processes share it:
 *
 *   | head | producers: open addressing | newest id of each bucket | ids: a ring, each with a link
 *   to the one before it in its bucket |
 *
 * Caveats first
 * - All of it is derived: the records say it again.
 * - Who changes it may be killed at any instruction. Noting the same records again then ends where
 *   he would have ended; until that was done nobody looks (hot_tail.c).
 */
#ifndef MRI_LOG_DEDUPE_DEDUPE_H
#define MRI_LOG_DEDUPE_DEDUPE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "millrace/err.h"

enum {
    MRI_MESSAGE_ID_BYTES = 16,
    MRI_DEDUPE_PRODUCERS_MAX = 1024 * 1024, /**< the most that may be asked for */
    MRI_DEDUPE_IDS_MIN = 1024,              /**< of a window: not fewer than a batch may have */
    MRI_DEDUPE_IDS_MAX = 16 * 1024 * 1024,
};

/** How much is kept. */
struct mri_dedupe_limits {
    uint32_t producers; /**< 0: nothing is kept at all */
    uint32_t ids;       /**< of the window; 0: ids are not looked at */
};

/** What is known of a producer. */
struct mri_dedupe_newest {
    uint64_t seq;          /**< of its newest record; 0 = it has none */
    uint32_t producer_seq; /**< of that record */
    uint32_t run; /**< so many records before it are its own, too, in the log and in its count */
};

/** One producer. The state that counts is states[turn & 1]; the other one is being made. */
struct mri_dedupe_producer {
    _Atomic uint32_t id; /**< 0 = free; last of all when it is new */
    _Atomic uint32_t turn;
    struct mri_dedupe_newest states[2];
};

/** One message id. */
struct mri_dedupe_id {
    uint8_t bytes[MRI_MESSAGE_ID_BYTES];
    uint64_t seq;
    uint64_t before; /**< number of the id before it in its bucket; 0 = none */
};

struct mri_dedupe_head {
    _Atomic uint64_t id_count; /**< ids noted so far: the newest one's number */
    _Atomic uint32_t producer_count;
    uint32_t is_incomplete; /**< some that were removed or damaged are not known: set at the open */
    uint32_t reserved[12];
};

/** A process's way into the memory. */
struct mri_dedupe {
    struct mri_dedupe_head *head; /**< NULL: nothing is kept */
    struct mri_dedupe_producer *producers;
    _Atomic uint64_t *buckets; /**< number of the newest id of each */
    struct mri_dedupe_id *ids; /**< number n at n % limits.ids */
    struct mri_dedupe_limits limits;
    uint32_t producer_mask;
    uint32_t bucket_mask;
};

/** A record as far as it matters here. */
struct mri_dedupe_record {
    uint64_t seq;
    uint32_t producer_id; /**< 0 = none */
    uint32_t producer_seq;
    const uint8_t *message_id; /**< NULL = none */
};

/**
 * How much memory these limits need.
 *
 * Returns  bytes; 0: none, nothing is kept. Never more for smaller limits.
 * Threads  any.
 */
size_t mri_dedupe_bytes(struct mri_dedupe_limits limits);

/**
 * The way into a memory of mri_dedupe_bytes(limits), all zero when it is new.
 *
 * Returns  it.
 * Owner    the memory's.
 * Threads  any.
 */
struct mri_dedupe mri_dedupe_at(void *memory, struct mri_dedupe_limits limits);

/**
 * The newest record of a producer.
 *
 * Returns  true and *ret_newest; false it has none.
 * Threads  one at a time.
 * Cost     O(1), no system call.
 */
bool mri_dedupe_find_producer(
    const struct mri_dedupe *dedupe, uint32_t producer_id, struct mri_dedupe_newest *ret_newest);

/**
 * The record of a message id, if the id is one of the newest.
 *
 * Returns  its seq; 0 it is not.
 * Threads  one at a time.
 * Cost     O(1), no system call.
 */
uint64_t mri_dedupe_find_id(
    const struct mri_dedupe *dedupe, const uint8_t message_id[MRI_MESSAGE_ID_BYTES]);

/**
 * Note a record that is in the log. What was noted before, in the order of the log, is left as it
 * is, so whoever is killed here is finished by noting the same records again.
 *
 * Returns  MR_OK; MR_FULL one producer too many, nothing of the record was noted.
 * Threads  one at a time.
 * Cost     O(1), no system call.
 */
MR_MUST_USE mr_err mri_dedupe_note(
    struct mri_dedupe *dedupe, const struct mri_dedupe_record *record);

/**
 * Put in a producer's state as it was kept, unless a newer one is there.
 *
 * Returns  as mri_dedupe_note().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_dedupe_put_producer(
    struct mri_dedupe *dedupe, uint32_t producer_id, const struct mri_dedupe_newest *newest);

/**
 * Copy tables into a memory for the same limits that is all zero.
 *
 * Returns  nothing.
 * Threads  one at a time.
 * Cost     writes only what is used.
 */
void mri_dedupe_copy(const struct mri_dedupe *from, void *memory);

/**
 * Count the producers again, after somebody was killed while he noted.
 *
 * Returns  nothing.
 * Threads  one at a time.
 * Cost     looks at every place for a producer.
 */
void mri_dedupe_mend(struct mri_dedupe *dedupe);

/**
 * Was there ever a record with a producer or a message id?
 *
 * Returns  true or false.
 * Threads  any.
 */
static inline bool mri_dedupe_is_used(const struct mri_dedupe *dedupe)
{
    return dedupe->head != NULL && (atomic_load(&dedupe->head->producer_count) != 0 ||
                                       atomic_load(&dedupe->head->id_count) != 0);
}

/**
 * How many places for producers there are, free ones among them.
 *
 * Returns  the number.
 * Threads  any.
 */
static inline uint32_t mri_dedupe_places(const struct mri_dedupe *dedupe)
{
    return dedupe->limits.producers == 0 ? 0 : dedupe->producer_mask + 1;
}

#endif
