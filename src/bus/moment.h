/* SPDX-License-Identifier: MIT */
/**
 * The signal table as it was: behind any event of the log, without folding the log again.
 *
 * Nearly every signal of a table has had its last event long before, or its first one after, the
 * moment asked for: of those the table of now says how they were, or that they were not. What is
 * left, the signals that were under way, is read backwards from the moment until each of them has
 * been met; the few that had waited for long are looked up, from event to event of their own.
 */
#ifndef MRI_BUS_MOMENT_H
#define MRI_BUS_MOMENT_H

#include "bus/query.h"
#include "millrace/log_read.h"

/** A signal that has had events since the moment, as it was then. */
struct mri_moment_signal {
    uint32_t ordinal;
    bool needs_last; /**< while it is looked for: its newest event, its newest move */
    bool needs_move;
    struct mri_slot slot;
};

struct mri_moment {
    const struct mri_alloc *alloc;
    mr_log_token token;    /**< the newest event that counts; all zero: none does */
    uint32_t signal_count; /**< signals that there were: ordinals 1 to this */
    int64_t event_time_unix_ns;
    uint64_t built_seq; /**< the bus's last_seq when this was made: a later event can make one more
                             signal one that has had events since */
    struct mri_moment_signal *changed; /**< by ordinal */
    uint32_t changed_count;
    uint32_t changed_capacity;
    uint64_t events_read; /**< to make this */
    uint32_t followed;    /**< signals that were looked up from event to event */
    uint32_t seek_events; /**< going to an event costs as much as reading so many, at least 1 */
};

/**
 * Make an empty one: before the first event.
 *
 * Returns  nothing.
 * Owner    mri_moment_fini() frees.
 * Threads  one at a time.
 */
void mri_moment_init(struct mri_moment *moment, const struct mri_alloc *alloc);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_moment_fini(struct mri_moment *moment);

/**
 * Go to the moment behind an event. After a failure it is before the first event.
 *
 * @param reader   of the bus's log; it is moved
 * @param seq      0: before the first event
 * @param is_live  the log's event time goes on by ticks, at least once a second
 *
 * Returns  MR_OK; MR_NOT_FOUND the event is not there: it was removed, a repair has given it up, it
 *          is behind what the bus has taken in; or that is so of an event of a signal that was
 *          under way;
 *          MR_ECORRUPT and other faults of reading; MR_ENOMEM. *reterr_problem says which.
 * Threads  one at a time per bus.
 * Cost     looks at every signal that there was (10 ns each), and reads from the event back to the
 *          newest event of each signal that was under way, usually an hour of market time; of few
 *          that had waited for longer, goes to each of their events.
 */
MR_MUST_USE mr_err mri_moment_go(struct mri_moment *moment, const struct mri_bus *bus,
    mr_log_reader *reader, uint64_t seq, bool is_live, mr_problem *reterr_problem);

/**
 * The last event before the log's event time passes a time: what was logged up to that time.
 *
 * @param first_seq  of the log
 * @param ret_seq    0: the log begins later
 *
 * Returns  MR_OK; MR_NOT_FOUND that part of the log was removed; faults of reading.
 * Threads  one at a time per bus.
 * Cost     looks at every signal, and reads what stands between two of them.
 */
MR_MUST_USE mr_err mri_moment_find(const struct mri_bus *bus, mr_log_reader *reader,
    uint64_t first_seq, int64_t time_unix_ns, uint64_t *ret_seq, mr_problem *reterr_problem);

/**
 * A signal as it was.
 *
 * Returns  its slot, whose places in lists and arrays mean nothing; NULL: there was none yet.
 * Owner    points into the moment or the bus, until either goes on.
 * Threads  one at a time per bus.
 */
const struct mri_slot *mri_moment_slot(
    const struct mri_moment *moment, const struct mri_bus *bus, uint32_t ordinal);

/**
 * mri_query_run() as of the moment: the same ordinals as it gave then.
 *
 * Returns  MR_OK.
 * Threads  one at a time per bus.
 * Cost     O(scanned): the shortest of the symbol's array, the source's array and the whole table.
 */
MR_MUST_USE mr_err mri_moment_query(const struct mri_moment *moment, const struct mri_bus *bus,
    const struct mri_query *query, uint32_t *ordinals, struct mri_query_result *ret_result);

#endif
