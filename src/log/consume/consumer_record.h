/* SPDX-License-Identifier: MIT */
/**
 * What a consumer writes into the log: ACK, "these events are done", and DEAD_LETTER, "this one was
 * given up".
 *
 *   | fixed part, 48 bytes | count seqs, 8 bytes each | name, without NUL | why, without NUL |
 *
 * Why it was given back last is in a DEAD_LETTER of version 2 only; without it the version is 1.
 */
#ifndef MRI_LOG_CONSUME_CONSUMER_RECORD_H
#define MRI_LOG_CONSUME_CONSUMER_RECORD_H

#include "base/text.h"
#include "log/consume/consumer_slot.h"
#include "log/format/record.h"

enum { MRI_CONSUMER_RECORD_VERSION_WHY = 2 };

/** Why an event is a dead letter. */
enum mri_consumer_reason {
    MRI_CONSUMER_REASON_NONE = 0, /**< in an ACK */
    MRI_CONSUMER_REASON_MAX_DELIVER = 1,
};

/** The fixed part of the body. */
struct mri_consumer_ack {
    uint8_t consumer_id[MRI_CONSUMER_ID_BYTES];
    uint32_t count; /**< of seqs; 1 in a DEAD_LETTER */
    uint32_t name_bytes;
    uint32_t deliveries; /**< DEAD_LETTER: how often it was delivered; else 0 */
    uint16_t reason;     /**< enum mri_consumer_reason */
    uint16_t why_bytes;  /**< version 2: length of why it was given back, 1 to 200; else zero */
    uint64_t lowest_seq; /**< of the seqs */
    uint64_t zero;
};

MRI_STATIC_ASSERT(sizeof(struct mri_consumer_ack) == 48, "file format");

enum {
    MRI_CONSUMER_RECORD_BYTES_MAX = 48 + 8 * MRI_CONSUMER_WINDOW_SEQS + MR_CONSUMER_NAME_MAX +
                                    MR_CONSUMER_REASON_MAX, /**< of a body */
};

/** A body under way. */
struct mri_consumer_body {
    uint8_t bytes[MRI_CONSUMER_RECORD_BYTES_MAX];
    uint32_t count;
    uint8_t version;
};

/** What such a record says. */
struct mri_consumer_said {
    struct mri_consumer_ack head;
    const uint8_t *seqs; /**< head.count of them, perhaps not aligned */
    struct mri_slice name;
    struct mri_slice why; /**< it was given back the last time; empty: not said */
};

/**
 * Build the body of an ACK or DEAD_LETTER.
 *
 * @param slot        of the consumer
 * @param seqs        1 to 1024
 * @param deliveries  0: an ACK
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_consumer_record_put(const struct mri_consumer_slot *slot, const mr_seq *seqs, size_t count,
    uint32_t deliveries, struct mri_consumer_body *ret_body);

/**
 * Put behind the body of a DEAD_LETTER why its event was given back.
 *
 * @param why  up to MR_CONSUMER_REASON_MAX bytes; empty: nothing is put
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_consumer_record_put_why(struct mri_consumer_body *body, struct mri_slice why);

/**
 * Take a record of the log apart, whichever consumer's it is.
 *
 * Returns  true; false it is no ACK or DEAD_LETTER, or malformed.
 * Owner    *ret_said points into the event's body.
 * Threads  any.
 */
bool mri_consumer_record_read(const mr_log_event *event, struct mri_consumer_said *ret_said);

/**
 * Take a record of one consumer apart.
 *
 * Returns  true; false it is no record of this consumer, or malformed.
 * Owner    *ret_said points into the event's body.
 * Threads  any.
 */
bool mri_consumer_record_get(const mr_log_event *event,
    const uint8_t consumer_id[MRI_CONSUMER_ID_BYTES], struct mri_consumer_said *ret_said);

/**
 * One of the seqs that a record names.
 *
 * Returns  it.
 * Threads  any.
 */
uint64_t mri_consumer_record_seq(const struct mri_consumer_said *said, uint32_t index);

#endif
