/* SPDX-License-Identifier: MIT */
/**
 * Replies of the line protocol: one JSON object a line, whole or not there.
 */
#ifndef MRI_SOCKET_REPLY_H
#define MRI_SOCKET_REPLY_H

#include "millrace/bus.h"
#include "socket/request.h"
#include "json/json_write.h"

/** A reply under way. */
struct mri_reply {
    struct mri_json_writer json;
    size_t begin; /**< where it begins in the buffer */
};

/**
 * {"id":ID,"ok":true; more fields may follow.
 *
 * @param id  JSON
 *
 * Returns  nothing; the buffer's err says more.
 * Owner    the buffer is borrowed until mri_reply_end().
 * Threads  one at a time.
 */
void mri_reply_begin(struct mri_reply *reply, struct mri_buf *out, struct mri_slice id);

/**
 * {"id":ID,"ok":false and what is wrong; more fields may follow.
 *
 * @param line  the number of the request's line; 0: it is not told
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_reply_begin_fault(struct mri_reply *reply, struct mri_buf *out, struct mri_slice id,
    const struct mri_request_fault *fault, uint64_t line);

/**
 * Close it and end the line.
 *
 * Returns  MR_OK; MR_FULL, MR_ENOMEM there was no room for it: the buffer is as before.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_reply_end(struct mri_reply *reply);

/**
 * Leave out a reply that is under way: something else is to be said.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_reply_take_back(struct mri_reply *reply);

/**
 * A field with a text; one without a text is null.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_reply_text(struct mri_reply *reply, const char *key, const char *text);

/**
 * A field with a count.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_reply_count(struct mri_reply *reply, const char *key, uint64_t count);

/**
 * A field with true or false.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_reply_bool(struct mri_reply *reply, const char *key, bool value);

/**
 * A signal as an object, as a value.
 *
 * @param id  NULL: it is not known
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_reply_signal(struct mri_reply *reply, const mr_signal *signal, const char *id);

/**
 * An event as an object, as a value.
 *
 * @param id  of its signal; NULL: it has none
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_reply_event(struct mri_reply *reply, const mr_bus_event *event, const char *id);

#endif
