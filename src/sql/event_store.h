/* SPDX-License-Identifier: MIT */
/**
 * The events of a table, kept in memory for a query that looks up many of them: going somewhere in
 * the log means walking through a segment from its front, so that after some lookups reading it
 * once is quicker.
 */
#ifndef MRI_SQL_EVENT_STORE_H
#define MRI_SQL_EVENT_STORE_H

#include "millrace/log_read.h"
#include "sql/event_columns.h"
#include "sql/guard.h"

/** A seek walks through half a segment on average, and costs about as much as so many events that
 * are read. */
enum { MRI_EVENT_STORE_SEEK = 8192 };

enum mri_event_store_state {
    MRI_EVENT_STORE_EMPTY,
    MRI_EVENT_STORE_FULL,
    MRI_EVENT_STORE_TOO_LARGE, /**< the events do not fit: they are looked for in the log */
};

struct mri_event_kept;
struct mri_event_chunk;

/** All zero is an empty one. */
struct mri_event_store {
    const struct mri_alloc *alloc; /**< NULL: nothing was kept yet */
    enum mri_event_store_state state;
    uint64_t walked;               /**< events that were gone through for lookups, about */
    struct mri_event_kept *events; /**< by seq */
    uint32_t count;
    uint32_t room;
    uint32_t *newest; /**< by ordinal: the place of its newest event, from 1 on; 0: it has none */
    uint32_t ordinal_count;
    struct mri_event_chunk *chunks; /**< of bodies, the newest first */
    size_t bytes;                   /**< that all of it takes */
};

/** What is to be kept, and from where. */
struct mri_event_store_source {
    const struct mri_alloc *alloc;
    const struct mri_event_table *table; /**< its kinds are kept */
    mr_log_reader *reader;
    struct mri_guard *guard;
    uint64_t first_seq;
    uint64_t last_seq;
    uint32_t ordinal_max;
    size_t bytes_max;
};

/**
 * Is it worth it to read the log once, after all that was walked?
 *
 * Returns  true or false; false also when it was tried.
 * Threads  any.
 */
bool mri_event_store_is_due(const struct mri_event_store *store, uint64_t event_count);

/**
 * Read the log once, and keep what the table shows. The store is full then, or too large.
 *
 * Returns  MR_OK; MR_AGAIN the guard says that it is over; faults of reading: it stays empty.
 * Owner    mri_event_store_clear() frees.
 * Threads  one at a time.
 * Cost     all events of the log.
 */
MR_MUST_USE mr_err mri_event_store_fill(
    struct mri_event_store *store, const struct mri_event_store_source *source);

/**
 * Free everything, and be empty. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_event_store_clear(struct mri_event_store *store);

/**
 * The event of a seq, out of a full store.
 *
 * Returns  true; false: the table has none.
 * Owner    the body is the store's.
 * Threads  one at a time.
 * Cost     O(log n).
 */
bool mri_event_store_get(
    const struct mri_event_store *store, uint64_t seq, mr_log_event *ret_record);

/**
 * The newest event of a signal, out of a full store.
 *
 * Returns  its place, from 1 on; 0: the table has none.
 * Threads  one at a time.
 */
uint32_t mri_event_store_newest(const struct mri_event_store *store, uint32_t ordinal);

/**
 * The event of the same signal before the one at a place.
 *
 * @param ret_seq  the seq of the one at the place
 *
 * Returns  its place; 0: there is none.
 * Threads  one at a time.
 */
uint32_t mri_event_store_before(
    const struct mri_event_store *store, uint32_t place, uint64_t *ret_seq);

#endif
