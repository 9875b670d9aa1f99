/* SPDX-License-Identifier: MIT */
/**
 * The shadow book, added up: what each gate has saved and missed.
 */
#ifndef MRI_CLI_SHADOW_TEXT_H
#define MRI_CLI_SHADOW_TEXT_H

#include "cli/cli.h"
#include "pipeline/fold.h"
#include "json/json_write.h"

/**
 * Append one line: how many shadows there are, and whether some were left out. Nothing when there
 * never was one.
 *
 * Returns  nothing; see text->err.
 * Threads  one.
 */
void mri_shadow_text_line(const struct mri_fold *fold, struct mri_buf *text);

/**
 * Append the line and a table with a row a gate.
 *
 * Returns  nothing; see text->err.
 * Threads  one.
 */
void mri_shadow_text_print(const struct mri_fold *fold, struct mri_buf *text);

/**
 * Put the same as a member "shadow".
 *
 * Returns  nothing; see the writer.
 * Threads  one.
 */
void mri_shadow_text_json(const struct mri_fold *fold, struct mri_json_writer *json);

#endif
