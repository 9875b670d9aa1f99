/* SPDX-License-Identifier: MIT */
/**
 * What ends a query early: its time is over, somebody interrupts it, or the log cannot be read. Who
 * loops over rows looks at it now and then.
 */
#ifndef MRI_SQL_GUARD_H
#define MRI_SQL_GUARD_H

#include <stdbool.h>

#include "millrace/err.h"
#include "os/os.h"

struct mri_guard {
    const struct mri_os *os;
    bool (*is_stopped)(void *context); /**< NULL: nobody interrupts */
    void *context;
    int64_t deadline_ns; /**< of boottime_ns(); INT64_MAX = none */
    bool is_late;
    bool is_interrupted;
    mr_err err; /**< of reading; MR_OK = none */
    mr_problem problem;
};

/**
 * Forget what ended the query before, and begin to count the time.
 *
 * @param timeout_ns  0: no limit
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_guard_begin(struct mri_guard *guard, int64_t timeout_ns);

/**
 * Is the query to end?
 *
 * Returns  true or false; why stands in the guard.
 * Threads  one at a time.
 * Cost     reads a clock.
 */
bool mri_guard_is_over(struct mri_guard *guard);

#endif
