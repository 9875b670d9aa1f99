/* SPDX-License-Identifier: MIT */
/**
 * What mri_json_parse_object() says of a line, for programs and for people.
 */
#ifndef MRI_JSON_JSON_PROBLEM_H
#define MRI_JSON_JSON_PROBLEM_H

#include "base/slice.h"
#include "millrace/err.h"

/**
 * The place that a refusal of mri_json_parse_object() names, and what it says of it.
 *
 * @param ret_offset  bytes from the line's begin; SIZE_MAX: it names none
 *
 * Returns  what stands behind the place in the problem's text.
 * Threads  any.
 */
const char *mri_json_problem_place(const mr_problem *problem, size_t *ret_offset);

/**
 * Say that a line is no JSON object, with the place as a person counts: in characters, from 1.
 *
 * @param problem  what mri_json_parse_object() said of the line
 *
 * Returns  err.
 * Threads  one at a time per problem.
 */
mr_err mri_json_problem_tell(
    mr_problem *reterr_problem, mr_err err, struct mri_slice line, const mr_problem *problem);

#endif
