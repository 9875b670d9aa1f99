/* SPDX-License-Identifier: MIT */
/**
 * Records that are the log's own, in words: what a consumer has acked or given up, repairs, ends
 * that a crash left.
 */
#ifndef MRI_CLI_OWN_RECORD_H
#define MRI_CLI_OWN_RECORD_H

#include "bus/event_codec.h"
#include "json/json_write.h"

/**
 * A record of the log's own as an event that describe.h prints.
 *
 * Returns  it.
 * Owner    its body is the record's.
 * Threads  any.
 */
struct mri_event mri_own_record_event(const mr_log_event *record);

/**
 * Put its name and what it says behind the line's beginning: "log.dead_letter  consumer=..".
 *
 * Returns  nothing; see text->err.
 * Threads  any.
 */
void mri_own_record_line(const struct mri_event *event, struct mri_buf *text);

/**
 * The same as fields of an object that is open.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_own_record_json(const struct mri_event *event, struct mri_json_writer *json);

#endif
