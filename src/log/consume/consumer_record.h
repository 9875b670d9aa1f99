/* SPDX-License-Identifier: MIT */
/**
 * What a consumer writes into the log: ACK, "these events are done", and DEAD_LETTER, "this one was
 * given up".
 *
 *   | fixed part, 48 bytes | count seqs, 8 bytes each | name, without NUL |
 */
#ifndef MRI_LOG_CONSUME_CONSUMER_RECORD_H
#define MRI_LOG_CONSUME_CONSUMER_RECORD_H

#include "log/consume/consumer_slot.h"
#include "log/format/record.h"

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
    uint16_t reserved;   /**< zero */
    uint64_t lowest_seq; /**< of the seqs */
    uint64_t zero;
};

MRI_STATIC_ASSERT(sizeof(struct mri_consumer_ack) == 48, "file format");

enum {
    MRI_CONSUMER_RECORD_BYTES_MAX =
        48 + 8 * MRI_CONSUMER_WINDOW_SEQS + MR_CONSUMER_NAME_MAX, /**< of a body */
};

/** A body under way. */
struct mri_consumer_body {
    uint8_t bytes[MRI_CONSUMER_RECORD_BYTES_MAX];
    uint32_t count;
};

/** What such a record says. */
struct mri_consumer_said {
    struct mri_consumer_ack head;
    const uint8_t *seqs; /**< head.count of them, perhaps not aligned */
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
 * Take a record of the log apart.
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
