/* SPDX-License-Identifier: MIT */
/*
 * The fields of a JSON object, as they are written.
 */
#include "cli/fact_line.h"

#include "base/check.h"
#include "base/problem.h"
#include "json/json_problem.h"

/** Where the fields of an object go. */
struct taking {
    struct mri_fact_line *line;
    struct mri_buf *texts;
    mr_problem *problem;
};

static mr_err take_field(void *context, struct mri_slice key, const struct mri_json_value *value)
{
    struct taking *taking = context;
    struct mri_slice *field = mri_fact_line_field(taking->line, key, taking->problem);
    bool is_number = value->type == MRI_JSON_INTEGER || value->type == MRI_JSON_NUMBER;
    if (field == NULL) {
        return MR_REFUSED;
    }
    if (value->type == MRI_JSON_NULL) {
        return MR_OK; /* null is absent */
    }
    if (value->type != MRI_JSON_TEXT && !is_number) {
        return mri_problem(taking->problem, MR_REFUSED, "%.*s: expected a text or a number",
            (int)key.count, key.bytes);
    }
    struct mri_slice text = is_number ? value->raw : value->text;
    size_t at = taking->texts->count;
    mri_buf_put(taking->texts, text.bytes, text.count);
    if (taking->texts->err != MR_OK) {
        return MR_ENOMEM;
    }
    /* `texts` never moves: it was grown to its maximum before. */
    *field = (struct mri_slice){(const char *)taking->texts->bytes + at, text.count};
    return MR_OK;
}

mr_err mri_fact_line_parse(struct mri_json_parser *parser, struct mri_slice json,
    struct mri_buf *texts, struct mri_fact_line *ret_line, mr_problem *reterr_problem)
{
    struct mri_fact_line line = {0};
    mr_problem of_field = {""};
    mr_problem of_line = {""};
    struct taking taking = {.line = &line, .texts = texts, .problem = &of_field};
    mri_buf_clear(texts);
    if (mri_buf_grow(texts, json.count + 1) == NULL) {
        return MR_ENOMEM;
    }
    texts->count = 0;
    mr_err err = mri_json_parse_object(parser, json, take_field, &taking, &of_line);
    if (err == MR_OK) {
        *ret_line = line;
    } else if (of_field.text[0] != '\0') {
        *reterr_problem = of_field;
    } else if (err == MR_REFUSED) {
        (void)mri_json_problem_tell(reterr_problem, err, json, &of_line);
    }
    return err;
}
