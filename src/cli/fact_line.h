/* SPDX-License-Identifier: MIT */
/**
 * One line of `millrace feed` as a JSON object.
 */
#ifndef MRI_CLI_FACT_LINE_H
#define MRI_CLI_FACT_LINE_H

#include "base/buf.h"
#include "socket/fact_line_fields.h"
#include "json/json_read.h"

/**
 * Take the fields out of a JSON object.
 *
 * @param texts  gets the values; is cleared first
 *
 * Returns  MR_OK; MR_REFUSED, *reterr_problem says why; MR_ENOMEM.
 * Owner    the fields point into `texts`.
 * Threads  one at a time per parser.
 */
MR_MUST_USE mr_err mri_fact_line_parse(struct mri_json_parser *parser, struct mri_slice json,
    struct mri_buf *texts, struct mri_fact_line *ret_line, mr_problem *reterr_problem);

#endif
