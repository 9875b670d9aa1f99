/* SPDX-License-Identifier: MIT */
/**
 * One record of the log: a 64-byte head, a body, zeros up to the next multiple of 64.
 *
 * docs/FORMAT.md "Record" is the same in words.
 */
#ifndef MRI_LOG_FORMAT_RECORD_H
#define MRI_LOG_FORMAT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "millrace/err.h"

enum {
    MRI_RECORD_UNIT_BYTES = 64,         /**< records start and end on multiples of this */
    MRI_RECORD_BYTES_MAX = 1024 * 1024, /**< head and body */
    MRI_RECORD_VERSION = 1,
};

/** Bits of mri_record_head.flags. */
enum {
    MRI_RECORD_TXN_CONT = 1,  /**< more records of the same batch follow */
    MRI_RECORD_TXN_END = 2,   /**< the last record of a batch: now all of it is visible */
    MRI_RECORD_HAS_MSGID = 4, /**< MRI_RECORD_MSGID_BYTES of message id stand before the body */
};

enum { MRI_RECORD_MSGID_BYTES = 16 };

/** Types below 256 belong to the log, the others to the layer above. */
enum {
    MRI_RECORD_RECOVERY = 1, /**< an open cut off an incomplete end; body: struct mri_recovery */
    MRI_RECORD_ROLL = 2,     /**< the last record of a segment; no body, seq of the next */
    MRI_RECORD_SEAL = 3,     /**< a digest of what stands before; body: struct mri_seal */
    MRI_RECORD_GAP = 4, /**< lost records were given up; no body, the head is a struct mri_gap */
    MRI_RECORD_ACK = 5, /**< events that a consumer is done with; body: struct mri_consumer_ack */
    MRI_RECORD_DEAD_LETTER = 6, /**< an event that a consumer gave up; struct mri_consumer_ack */
    MRI_RECORD_TYPE_FREE = 256,
};

/** The head as it lies in the file, little-endian. */
struct mri_record_head {
    uint32_t bytes;        /**< head and body, without padding; 0 = never written */
    uint32_t head_crc;     /**< CRC32C of salt, position, bytes and the head from `seq` on */
    uint64_t seq;          /**< dense over the whole log, from 1; ROLL and SEAL take none */
    int64_t time_unix_ns;  /**< wall clock of the append, never below its predecessor's + 1 */
    uint64_t subject_prev; /**< seq of the subject's previous record; 0 = first or no subject */
    uint32_t subject_id;   /**< 0 = no subject */
    uint32_t body_crc;     /**< CRC32C of what follows the head */
    uint32_t prev_crc;     /**< head_crc of the previous record: a chain */
    uint16_t prev_units;   /**< length of the previous record in units, for reading backwards */
    uint16_t durable_lag;  /**< seq minus the durable seq at append; 65535 claims nothing */
    uint32_t producer_id;  /**< 0 = none */
    uint32_t producer_seq; /**< 0 = none, or the producer did not count */
    uint32_t writer_epoch; /**< grows with every open for writing */
    uint16_t type;
    uint8_t flags;
    uint8_t version;
};

enum { MRI_RECORD_HEAD_WORDS = sizeof(struct mri_record_head) / sizeof(uint64_t) };

MRI_STATIC_ASSERT(sizeof(struct mri_record_head) == 64, "the head is a file format");
MRI_STATIC_ASSERT(offsetof(struct mri_record_head, seq) == 8, "head_crc covers from here");
MRI_STATIC_ASSERT(offsetof(struct mri_record_head, subject_id) == 32, "file format");
MRI_STATIC_ASSERT(offsetof(struct mri_record_head, durable_lag) == 46, "file format");
MRI_STATIC_ASSERT(offsetof(struct mri_record_head, type) == 60, "file format");
MRI_STATIC_ASSERT(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format is little-endian");

/** Body of MRI_RECORD_RECOVERY. */
struct mri_recovery {
    uint64_t cut_position; /**< where the incomplete end began */
    uint64_t cut_bytes;    /**< from there to the last byte that was not zero */
};

/** Why records were given up. */
enum mri_gap_reason {
    MRI_GAP_HEAD = 1,  /**< a head does not check */
    MRI_GAP_BODY = 2,  /**< a body or padding does not check */
    MRI_GAP_CHAIN = 3, /**< the record is whole but does not continue the one before */
};

/**
 * What a GAP record says, in fields of its head that mean something else in other records, so that
 * it fits wherever the smallest record was lost. Its seq is the first lost one.
 */
struct mri_gap {
    uint64_t first_seq;
    uint64_t last_seq;   /**< first_seq - 1: nothing but ROLL was lost */
    uint64_t bytes;      /**< from GAP, which is included, to the next good record */
    uint32_t next_crc;   /**< what that record has as prev_crc */
    uint16_t next_units; /**< what it has as prev_units */
    uint8_t reason;      /**< enum mri_gap_reason */
    bool is_roll_lost;   /**< the next good record is the first of the next segment */
};

/** What the next record continues: a place in the chain. */
struct mri_record_link {
    uint64_t seq;
    uint32_t crc;
    uint16_t units;
};

/**
 * Bytes that a record takes in the file, padding included.
 *
 * Returns  a multiple of MRI_RECORD_UNIT_BYTES.
 * Threads  any.
 */
static inline size_t mri_record_stride(size_t record_bytes)
{
    return (record_bytes + MRI_RECORD_UNIT_BYTES - 1) & ~(size_t)(MRI_RECORD_UNIT_BYTES - 1);
}

/**
 * The checksum that makes a head trustworthy at its place.
 *
 * @param salt      of the segment
 * @param position  of the record in the log
 *
 * Returns  the value for head_crc.
 * Threads  any.
 */
uint32_t mri_record_head_crc(const struct mri_record_head *head, uint64_t salt, uint64_t position);

/**
 * The same of a head that is still in words; the first of them does not count.
 *
 * @param bytes  what the head's field will be
 *
 * Returns  the value for head_crc.
 * Threads  any.
 */
uint32_t mri_record_words_crc(const uint64_t words[static MRI_RECORD_HEAD_WORDS], uint32_t bytes,
    uint64_t salt, uint64_t position);

/**
 * Is this the head of a record that was written here, in this log, and is it well formed? Says
 * nothing about its neighbours or its body.
 *
 * Returns  MR_OK; MR_END never written (length 0); MR_ECORRUPT.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_record_check_head(
    const struct mri_record_head *head, uint64_t salt, uint64_t position);

/**
 * Does the body match its checksum, and is the padding zero? The head must have passed. For a GAP:
 * is what it says possible, and is what was lost zero?
 *
 * @param room_bytes  bytes that may be read from `head` on
 *
 * Returns  MR_OK; MR_ECORRUPT also when the record is longer than the room.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_record_check_body(const struct mri_record_head *head, size_t room_bytes);

/**
 * What a GAP record says.
 *
 * Returns  it; meaningless for another type.
 * Threads  any.
 */
struct mri_gap mri_record_gap(const struct mri_record_head *head);

/**
 * Write into the head of a GAP record what it says; the other fields stay.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_record_put_gap(struct mri_record_head *head, const struct mri_gap *gap);

/**
 * Has the record a sequence number of its own? ROLL and SEAL have none, nor a GAP that stands for
 * one: they carry the next one, so that numbers do not depend on where segments and seals end.
 *
 * Returns  true or false.
 * Threads  any.
 */
static inline bool mri_record_is_numbered(const struct mri_record_head *head)
{
    return head->type != MRI_RECORD_ROLL && head->type != MRI_RECORD_SEAL &&
           (head->type != MRI_RECORD_GAP || head->subject_prev >= head->seq);
}

/**
 * The message id of a record whose head is good.
 *
 * Returns  its MRI_RECORD_MSGID_BYTES; NULL = it has none.
 * Owner    the record.
 * Threads  any.
 */
static inline const uint8_t *mri_record_message_id(const struct mri_record_head *head)
{
    return (head->flags & MRI_RECORD_HAS_MSGID) != 0 ? (const uint8_t *)(head + 1) : NULL;
}

/**
 * Does a good record say who made it?
 *
 * Returns  true or false.
 * Threads  any.
 */
static inline bool mri_record_is_identified(const struct mri_record_head *head)
{
    return head->type != MRI_RECORD_GAP &&
           (head->producer_id != 0 || (head->flags & MRI_RECORD_HAS_MSGID) != 0);
}

/**
 * Go on behind a good record: the link that the next one continues.
 *
 * @param ret_is_last  true: no record follows in this segment
 *
 * Returns  bytes from this record to the next one.
 * Threads  any.
 */
uint64_t mri_record_step(
    const struct mri_record_head *head, struct mri_record_link *ret_link, bool *ret_is_last);

#endif
