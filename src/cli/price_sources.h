/* SPDX-License-Identifier: MIT */
/**
 * Which symbols have a price, and since when not: for `status`.
 */
#ifndef MRI_CLI_PRICE_SOURCES_H
#define MRI_CLI_PRICE_SOURCES_H

#include "pipeline/fold.h"
#include "json/json_write.h"

/**
 * Write how many symbols have a fresh price, and those that have none, or none newer than
 * gates.stale_price allows, with the last one.
 *
 * @param with_fresh  list those that have a fresh one, too
 *
 * Returns  nothing; see text->err.
 * Threads  one at a time.
 */
void mri_price_sources_print(const struct mri_fold *fold, struct mri_buf *text, bool with_fresh);

/**
 * Write a key and a time, or null for 0.
 *
 * Returns  nothing; see the writer.
 * Threads  one at a time.
 */
void mri_price_sources_time(struct mri_json_writer *json, const char *key, int64_t unix_ns);

/**
 * Write the same for every symbol, as the value of the key "price_sources".
 *
 * Returns  nothing; see the writer.
 * Threads  one at a time.
 */
void mri_price_sources_json(const struct mri_fold *fold, struct mri_json_writer *json);

#endif
