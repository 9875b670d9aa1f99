/* SPDX-License-Identifier: MIT */
/**
 * Reading a log by numbers that mostly grow: a reader that knows where it stands.
 */
#ifndef MRI_LOG_CONSUME_CONSUMER_SOURCE_H
#define MRI_LOG_CONSUME_CONSUMER_SOURCE_H

#include "log/read/reader.h"

/** Zero but for the first three: not open yet. */
struct mri_consumer_source {
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    const char *folder;
    mr_log_reader *reader;
    uint64_t next; /**< what its next record has at least; 0: not known */
};

/**
 * Read one event.
 *
 * @param ret_gone_last  set with MR_NOT_FOUND only
 *
 * Returns  MR_OK; MR_NOT_FOUND this one and all up to *ret_gone_last are gone; MR_END the log does
 *          not reach it yet; faults of reading.
 * Owner    ret_event->body belongs to the source, until the next call.
 * Threads  one at a time.
 * Cost     a step, when the numbers grow; else as mr_log_reader_seek().
 */
MR_MUST_USE mr_err mri_consumer_source_read(struct mri_consumer_source *source, uint64_t seq,
    mr_log_event *ret_event, uint64_t *ret_gone_last, mr_problem *problem);

/**
 * What names the event that was read last.
 *
 * Returns  the token.
 * Threads  one at a time.
 */
mr_log_token mri_consumer_source_token(const struct mri_consumer_source *source);

/**
 * Up to where the log is known to be durable.
 *
 * Returns  the seq; 0: nothing is known.
 * Threads  one at a time.
 */
uint64_t mri_consumer_source_durable(const struct mri_consumer_source *source);

/**
 * Begin anew with the next read. A zeroed one is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_consumer_source_close(struct mri_consumer_source *source);

#endif
