/* SPDX-License-Identifier: MIT */
/*
 * The parser's "byte N: what", taken apart.
 */
#include "json/json_problem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/problem.h"
#include "base/text.h"

const char *mri_json_problem_place(const mr_problem *problem, size_t *ret_offset)
{
    static const char prefix[] = "byte ";
    const char *text = problem->text;
    *ret_offset = SIZE_MAX;
    if (strncmp(text, prefix, sizeof(prefix) - 1) == 0) {
        char *end;
        *ret_offset = (size_t)strtoull(text + sizeof(prefix) - 1, &end, 10);
        text = *end == ':' ? end + 2 : end;
    }
    return text;
}

mr_err mri_json_problem_tell(
    mr_problem *reterr_problem, mr_err err, struct mri_slice line, const mr_problem *problem)
{
    size_t offset;
    const char *what = mri_json_problem_place(problem, &offset);
    if (offset > line.count) {
        return mri_problem_behind(reterr_problem, err, what, "not a JSON object: ");
    }
    size_t before = mri_text_characters((struct mri_slice){line.bytes, offset});
    return mri_problem_behind(
        reterr_problem, err, what, "not a JSON object: character %zu: ", before + 1);
}
