/* SPDX-License-Identifier: MIT */
/*
 * The end of a query.
 *
 * Invariants
 *  1. Once it is over it stays so until the next begin.
 */
#include "sql/guard.h"

void mri_guard_begin(struct mri_guard *guard, int64_t timeout_ns)
{
    guard->is_late = false;
    guard->is_interrupted = false;
    guard->err = MR_OK;
    guard->problem.text[0] = '\0';
    guard->deadline_ns =
        timeout_ns == 0 ? INT64_MAX : guard->os->boottime_ns(guard->os->context) + timeout_ns;
}

bool mri_guard_is_over(struct mri_guard *guard)
{
    if (!guard->is_late && guard->deadline_ns != INT64_MAX) {
        guard->is_late = guard->os->boottime_ns(guard->os->context) >= guard->deadline_ns;
    }
    if (!guard->is_interrupted && guard->is_stopped != NULL) {
        guard->is_interrupted = guard->is_stopped(guard->context);
    }
    return guard->is_late || guard->is_interrupted || guard->err != MR_OK;
}
