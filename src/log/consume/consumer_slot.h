/* SPDX-License-Identifier: MIT */
/**
 * The durable half of a consumer's file: two copies of 512 bytes, written in turns.
 *
 * docs/FORMAT.md "Cursors" is the same in words.
 */
#ifndef MRI_LOG_CONSUME_CONSUMER_SLOT_H
#define MRI_LOG_CONSUME_CONSUMER_SLOT_H

#include <stddef.h>

#include "log/consume/consumer_window.h"
#include "millrace/log_consumer.h"

#define MRI_CONSUMER_SLOT_MAGIC "MRCUR\r\n\x1a"

enum {
    MRI_CONSUMER_SLOT_BYTES = 512,
    MRI_CONSUMER_SLOT_VERSION = 1,
    MRI_CONSUMER_ID_BYTES = 16,
};

/** How a consumer was made; never changes. */
struct mri_consumer_rules {
    uint64_t start_seq;
    uint8_t start;  /**< enum mr_consumer_start */
    uint8_t policy; /**< enum mr_consumer_policy */
    uint8_t has_log_records;
    uint8_t back_off_count;
    uint32_t max_in_flight;
    uint32_t max_deliver;
    uint32_t ack_wait_ms;
    uint32_t back_off_ms[MR_CONSUMER_BACK_OFF_MAX];
    char name[MR_CONSUMER_NAME_MAX]; /**< zeros behind it */
};

/** One copy, as it lies in the file. */
struct mri_consumer_slot {
    char magic[8];
    uint32_t version;
    uint32_t rewind_count; /**< how often the consumer was set back */
    uint8_t log_uuid[16];
    uint8_t id[MRI_CONSUMER_ID_BYTES]; /**< random: a later consumer of the same name has another */
    uint64_t generation;               /**< of two good copies the one with the higher counts */
    struct mri_consumer_window window;
    mr_log_token token;    /**< of the newest record that anything here rests on */
    uint64_t applied_seq;  /**< ACK and DEAD_LETTER records up to here are in the window */
    uint64_t rewind_seq;   /**< the last time: the first seq that was different */
    uint64_t rewind_until; /**< and the newest one that the consumer was done with then */
    uint64_t gap_first;    /**< the last events that were gone before they were acked */
    uint64_t gap_last;     /**< 0: never any */
    uint64_t redeliveries;
    uint64_t dead_letters;
    uint64_t lost_events;
    struct mri_consumer_rules rules;
    uint8_t is_gap_told;
    uint8_t reserved[107]; /**< zero */
    uint32_t crc;          /**< CRC32C of everything before */
};

MRI_STATIC_ASSERT(sizeof(mr_log_token) == 24, "it is part of a file format");
MRI_STATIC_ASSERT(
    sizeof(struct mri_consumer_slot) == MRI_CONSUMER_SLOT_BYTES, "it is a file format");
MRI_STATIC_ASSERT(offsetof(struct mri_consumer_slot, window) == 56, "file format");
MRI_STATIC_ASSERT(offsetof(struct mri_consumer_slot, token) == 192, "file format");
MRI_STATIC_ASSERT(offsetof(struct mri_consumer_slot, rules) == 280, "file format");
MRI_STATIC_ASSERT(offsetof(struct mri_consumer_slot, is_gap_told) == 400, "file format");
MRI_STATIC_ASSERT(offsetof(struct mri_consumer_slot, crc) == 508, "file format");

/**
 * Is this the name of a consumer?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_consumer_slot_is_name(const char *name);

/**
 * What options say about a consumer that is made: defaults put in, ranges checked.
 *
 * Returns  MR_OK; MR_EINVAL, *problem says which one is out of range.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_consumer_slot_rules(const char *name, const mr_consumer_options *options,
    struct mri_consumer_rules *ret_rules, mr_problem *problem);

/**
 * Was the consumer made by these rules?
 *
 * Returns  MR_OK; MR_EINVAL, *problem says which option differs.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_consumer_slot_compare(const struct mri_consumer_rules *made,
    const struct mri_consumer_rules *asked, mr_problem *problem);

/**
 * Put the checksum right.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_consumer_slot_seal(struct mri_consumer_slot *slot);

/**
 * Is a copy whole and possible?
 *
 * Returns  MR_OK; MR_ECORRUPT; MR_EVERSION it is whole, and of another version.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_consumer_slot_check(const struct mri_consumer_slot *slot);

/**
 * Which of the two copies counts?
 *
 * Returns  MR_OK; MR_ECORRUPT none; MR_EVERSION.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_consumer_slot_choose(
    const struct mri_consumer_slot *first, const struct mri_consumer_slot *second, int *ret_index);

/**
 * An event is done; `token` names the record that says so, or the event itself.
 *
 * Returns  nothing; the seq must be within the window or below.
 * Threads  one at a time.
 */
void mri_consumer_slot_add(struct mri_consumer_slot *slot, uint64_t seq, const mr_log_token *token);

#endif
