/* SPDX-License-Identifier: MIT */
/**
 * A checker of histories: is there one moment for each operation, between its call and its answer,
 * so that all answers are right? Knows nothing of how the bus works.
 *
 * What is asked about are objects that go through versions, 0, 1, 2 and so on; of a signal 0 is
 * that there is none yet. The order of versions is given (it is that of the log), so nothing has to
 * be searched for: each operation is put at the lowest version that it may have seen. A history of
 * several objects is linearizable if it is for each of them (Herlihy and Wing, 1990).
 */
#ifndef TESTS_CRASH_SIGNAL_HISTORY_H
#define TESTS_CRASH_SIGNAL_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** An operation saw one of the versions of an object, or made some. */
struct mri_seen {
    uint32_t object;
    uint32_t low;      /**< the lowest version that would give its answer */
    uint32_t high;     /**< and the highest */
    bool is_made;      /**< it made all of them, at once */
    uint64_t called;   /**< moments, from 1, in the order of time */
    uint64_t answered; /**< 0: never, the process died */
};

enum mri_signal_history_fault {
    MRI_SIGNAL_HISTORY_GOOD = 0,
    MRI_SIGNAL_HISTORY_IMPOSSIBLE,   /**< no moments, or no such object */
    MRI_SIGNAL_HISTORY_AGAINST_TIME, /**< it made a version that was surpassed, or seen, before */
    MRI_SIGNAL_HISTORY_STALE,        /**< all it may have seen was surpassed before it was called */
};

/** Memory for the checker; what is in it does not matter. */
struct mri_signal_history_room {
    uint32_t *called;        /**< by moment, moment_max + 1 of them */
    uint32_t *answered;      /**< the same */
    uint32_t *next_called;   /**< by operation */
    uint32_t *next_answered; /**< the same */
    uint32_t *put;           /**< the same: the version that it was put at */
    uint32_t *floor;         /**< by object, object_max of them */
    uint64_t moment_max;
    uint32_t object_max;
};

/**
 * Check a history. Versions that nobody in it has made are made by somebody else, at any moment.
 * No version is made by two: the caller has looked.
 *
 * @param seen       in any order
 * @param ret_place  the operation that shows the fault
 *
 * Returns  the first fault found; MRI_SIGNAL_HISTORY_GOOD.
 * Threads  one at a time per room.
 */
enum mri_signal_history_fault mri_signal_history_check(const struct mri_seen *seen, size_t count,
    const struct mri_signal_history_room *room, size_t *ret_place);

/**
 * The name of a fault.
 *
 * Returns  a static text.
 * Threads  any.
 */
const char *mri_signal_history_text(enum mri_signal_history_fault fault);

#endif
