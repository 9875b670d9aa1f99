/* SPDX-License-Identifier: MIT */
/**
 * Filling in mr_problem: the place and the reason of a failure.
 */
#ifndef MRI_BASE_PROBLEM_H
#define MRI_BASE_PROBLEM_H

#include "millrace/err.h"

/**
 * Say what went wrong (printf). Control characters and bytes that are not UTF-8 are escaped; a text
 * that is too long is cut and ends in "...".
 *
 * @param problem  NULL: nobody wants to know
 *
 * Returns  err, so that a failing line can end in `return mri_problem(...)`.
 * Threads  one at a time per problem.
 */
__attribute__((format(printf, 3, 4))) mr_err mri_problem(
    mr_problem *problem, mr_err err, const char *format, ...);

#endif
