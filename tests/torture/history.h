/* SPDX-License-Identifier: MIT */
/**
 * A checker of histories: what processes asked a log to do, what they were told, and what the log
 * holds in the end. Knows nothing of how the log works.
 *
 * The log is an object with one value, its last seq. Each operation takes effect at one moment
 * between its call and its answer:
 *   append          last += count
 *   append after e  if last is e: last += count; else a conflict
 *   look            answers last
 */
#ifndef TESTS_TORTURE_HISTORY_H
#define TESTS_TORTURE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mri_history_kind { MRI_HISTORY_APPEND = 1, MRI_HISTORY_APPEND_AFTER, MRI_HISTORY_LOOK };

enum mri_history_answer {
    MRI_HISTORY_NONE = 0, /**< the process died: it happened or it did not */
    MRI_HISTORY_DONE,
    MRI_HISTORY_CONFLICT,
};

/** One operation. */
struct mri_history_op {
    uint64_t called;   /**< moments: each number is given once, in the order of time */
    uint64_t answered; /**< 0: never */
    uint64_t expected; /**< of append after */
    uint64_t first;    /**< DONE: the seqs it was given; a look: last is what it saw */
    uint64_t last;
    uint32_t process;
    uint32_t number; /**< of the process's events, of the first one */
    uint32_t count;  /**< events */
    enum mri_history_kind kind;
    enum mri_history_answer answer;
};

/** An event of the log as it is in the end; the one at index i has seq i + 1. */
struct mri_history_event {
    uint32_t process; /**< from 1; 0: it belongs to the log itself */
    uint32_t number;
};

enum mri_history_fault {
    MRI_HISTORY_GOOD = 0,
    MRI_HISTORY_LOST,           /**< done, but its events are not in the log where it was told */
    MRI_HISTORY_INVENTED,       /**< an event of no operation, or of one that had a conflict */
    MRI_HISTORY_DOUBLED,        /**< an event is there twice */
    MRI_HISTORY_TORN,           /**< a part of a batch is there, or something is inside of it */
    MRI_HISTORY_REORDERED,      /**< a process's events are not in its order */
    MRI_HISTORY_AGAINST_TIME,   /**< a later operation came before one that had been answered */
    MRI_HISTORY_NOT_EXPECTED,   /**< it was done although another was last */
    MRI_HISTORY_TWO_WINNERS,    /**< two were done that expected the same */
    MRI_HISTORY_FALSE_CONFLICT, /**< what it expected was last all the time */
    MRI_HISTORY_FALSE_LOOK, /**< it saw less than had been answered, or more than had been called */
    MRI_HISTORY_TOO_LARGE,
};

/** Memory for the checker: so many operations and events at most. */
struct mri_history_room {
    uint64_t *op_at;       /**< for each seq the operation that it belongs to, + 1 */
    uint64_t *answered_at; /**< for each seq: when the operation that wrote it was answered */
    uint64_t *called_at;   /**< and called */
    uint32_t *newest;      /**< for each process its newest number */
    size_t event_max;
    size_t process_max;
};

/**
 * Check a history.
 *
 * @param ops          in any order; no process has two at a time
 * @param events       the log in the end, from its first event
 * @param ret_place    which operation or event (its index) shows the fault
 *
 * Returns  the first fault found; MRI_HISTORY_GOOD.
 * Threads  one at a time per room.
 */
enum mri_history_fault mri_history_check(const struct mri_history_op *ops, size_t op_count,
    const struct mri_history_event *events, size_t event_count, const struct mri_history_room *room,
    size_t *ret_place);

/**
 * The name of a fault.
 *
 * Returns  a static text.
 * Threads  any.
 */
const char *mri_history_text(enum mri_history_fault fault);

#endif
