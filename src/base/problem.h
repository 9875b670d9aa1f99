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

/**
 * Say what another problem says: its text is escaped already, and is not escaped again.
 *
 * @param text  of a problem, or a fixed one
 *
 * Returns  err.
 * Threads  one at a time per problem.
 */
mr_err mri_problem_pass(mr_problem *problem, mr_err err, const char *text);

/**
 * Say what another problem says behind words of one's own (printf), which are escaped.
 *
 * @param text  of a problem, or a fixed one
 *
 * Returns  err.
 * Threads  one at a time per problem.
 */
__attribute__((format(printf, 4, 5))) mr_err mri_problem_behind(
    mr_problem *problem, mr_err err, const char *text, const char *format, ...);

#endif
