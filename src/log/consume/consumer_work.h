/* SPDX-License-Identifier: MIT */
/**
 * A consumer's handle, and one turn of it, shared by consumer.c and consumer_open.c. Nobody else
 * looks inside.
 */
#ifndef MRI_LOG_CONSUME_CONSUMER_WORK_H
#define MRI_LOG_CONSUME_CONSUMER_WORK_H

#include "log/consume/consumer.h"
#include "log/consume/consumer_file.h"
#include "log/consume/consumer_record.h"
#include "log/consume/consumer_source.h"

enum {
    MRI_CONSUMER_MAGIC = 0x6d724355,
    MRI_CONSUMER_SETTLED_MAX = 512, /**< then the log is synced, so that the window moves on */
};

struct mr_consumer {
    uint32_t magic;
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    char folder[MRI_PATH_BYTES_MAX];
    bool is_durable_ack;
    mr_log *log; /**< NULL: none was given */
    struct mri_consumer_file file;

    struct mri_consumer_source front; /**< new events */
    struct mri_consumer_source back;  /**< those that are handed out again */
    struct mri_consumer_source scout; /**< ACK and DEAD_LETTER records */
    uint64_t durable_seq;             /**< up to here the log is known to be durable */

    uint32_t rewinds_told; /**< as slot.rewind_count */
    uint64_t telling_gap;  /**< the last answer was the gap up to here; 0: it was none */
    mr_log_token tokens[MRI_CONSUMER_WINDOW_SEQS]; /**< of events leased, at seq % 1024 */

    struct mri_consumer_body body; /**< of a record under construction */
    mr_log_record records[MR_CONSUMER_OUTPUTS_MAX + 1];
};

/**
 * Begin a turn: the file is this handle's alone and was read, and what records of the log acked is
 * taken in.
 *
 * Returns  MR_OK: mri_consumer_work_end() ends the turn; else there is none.
 * Threads  the handle's thread.
 */
MR_MUST_USE mr_err mri_consumer_work_begin(mr_consumer *consumer, mr_problem *problem);

/**
 * End a turn.
 *
 * Returns  err, so that a function can end with it.
 * Threads  the handle's thread.
 */
mr_err mri_consumer_work_end(mr_consumer *consumer, mr_err err);

/**
 * Write the slot, and note how far the log was taken in.
 *
 * Returns  MR_OK; a fault of writing, *problem says so.
 * Threads  the handle's thread, in a turn.
 */
MR_MUST_USE mr_err mri_consumer_work_store(mr_consumer *consumer, mr_problem *problem);

/**
 * Take in what records of the log have acked since.
 *
 * Returns  MR_OK; a fault of reading the log, or of writing the file.
 * Threads  the handle's thread, in a turn.
 */
MR_MUST_USE mr_err mri_consumer_work_scan(mr_consumer *consumer, mr_problem *problem);

/**
 * Is this event leased to this handle?
 *
 * Returns  MR_OK and its lease; MR_CONFLICT no, *problem says why.
 * Owner    points into the handle, until the turn ends.
 * Threads  the handle's thread, in a turn.
 */
MR_MUST_USE mr_err mri_consumer_work_leased(mr_consumer *consumer, uint64_t seq,
    struct mri_consumer_lease **ret_lease, mr_problem *problem);

/**
 * Is this the log that the consumer reads?
 *
 * Returns  true or false.
 * Threads  the handle's thread.
 */
bool mri_consumer_work_is_log(const mr_consumer *consumer, const mr_log *log);

/**
 * Append a record of the consumer's own, and outputs behind it, and take it in.
 *
 * @param type         MRI_RECORD_ACK or MRI_RECORD_DEAD_LETTER; consumer->body is its body
 * @param batch        the outputs and the durability; its seqs are not looked at
 *
 * Returns  as mr_log_append().
 * Threads  the handle's thread, in a turn.
 */
MR_MUST_USE mr_err mri_consumer_work_append(mr_consumer *consumer, mr_log *log, uint16_t type,
    const mr_consumer_batch *batch, mr_log_ack *ret_ack, mr_problem *problem);

/**
 * Was the log cut, or written anew, below what the consumer is done with? Then set it back,
 * durably.
 *
 * Returns  MR_OK; a fault of reading the log or of writing the file.
 * Threads  the handle's thread, in a turn.
 */
MR_MUST_USE mr_err mri_consumer_work_check_history(mr_consumer *consumer, mr_problem *problem);

#endif
