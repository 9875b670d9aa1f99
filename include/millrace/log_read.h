/* SPDX-License-Identifier: MIT */
/**
 * The event log: read, beside a writer or without one.
 *
 * Caveats first
 * - A reader shows complete batches only. MR_END means "nothing more yet": reading again later may
 *   find more.
 * - Events point into a map of the file. They stay valid until the next call on the same reader.
 * - Damage is never skipped: the reader answers MR_ECORRUPT and stays where it is.
 * - What an MR_ASYNC writer appended is visible at once and may still be lost in a power cut.
 */
#ifndef MILLRACE_LOG_READ_H
#define MILLRACE_LOG_READ_H

#include "millrace/err.h"
#include "millrace/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A reader's place in a log. */
typedef struct mr_log_reader mr_log_reader;

/** One record as it lies in the log. */
typedef struct mr_log_event {
    mr_seq seq;
    int64_t time_unix_ns; /**< wall clock of the append */
    const void *body;     /**< aligned to 64 bytes; valid until the next call on the reader */
    uint32_t body_bytes;
    uint32_t stored_bytes; /**< head, body and padding */
    uint32_t subject_id;
    uint64_t subject_prev;
    uint32_t producer_id;
    uint32_t producer_seq;
    uint32_t writer_epoch;
    uint32_t chain_crc; /**< the head's checksum: names this very record in its history */
    uint16_t type;
    uint8_t version;
    bool is_batch_end; /**< the last record of its batch */
} mr_log_event;

/** What lies behind the last complete batch. */
typedef enum mr_log_tail {
    MR_LOG_TAIL_CLEAN = 0, /**< nothing */
    MR_LOG_TAIL_TORN = 1,  /**< an incomplete batch: being written, or cut off by the next open */
} mr_log_tail;

/**
 * Open a log for reading, at its first event.
 *
 * Returns  MR_OK; MR_NOT_FOUND no log here; MR_ECORRUPT, MR_EVERSION, MR_EACCESS, MR_EPATH, MR_EIO,
 *          MR_ENOMEM; *reterr_problem (may be NULL) says where and why.
 * Owner    mr_log_reader_close() frees.
 * Threads  one thread per reader.
 */
MR_MUST_USE mr_err mr_log_reader_open(
    const char *folder, mr_log_reader **ret_reader, mr_problem *reterr_problem);

/**
 * The next event.
 *
 * Returns  MR_OK; MR_END no further complete batch yet; MR_ECORRUPT damage here (the problem text
 *          has file and offset); MR_EIO, MR_ENOMEM.
 * Owner    ret_event->body belongs to the reader, until the next call.
 * Threads  the reader's thread.
 * Cost     checks head and body checksum, sequence and chain: about 30 ns for small events.
 */
MR_MUST_USE mr_err mr_log_reader_next(
    mr_log_reader *reader, mr_log_event *ret_event, mr_problem *reterr_problem);

/**
 * Go to an event, so that the next call of mr_log_reader_next() returns it.
 *
 * @param seq  from 1; one past the last event is allowed and gives MR_END next
 *
 * Returns  MR_OK; MR_NOT_FOUND it is before the first or more than one past the last event;
 *          MR_ECORRUPT, MR_EIO, MR_ENOMEM.
 * Threads  the reader's thread.
 * Cost     walks the heads of one segment.
 */
MR_MUST_USE mr_err mr_log_reader_seek(
    mr_log_reader *reader, mr_seq seq, mr_problem *reterr_problem);

/**
 * Sleep until the log may have grown, or a time has passed.
 *
 * @param timeout_ms  negative: no limit
 *
 * Returns  MR_OK something changed; MR_AGAIN the time has passed or a signal came; MR_EIO,
 *          MR_ELIMIT.
 * Threads  the reader's thread.
 */
MR_MUST_USE mr_err mr_log_reader_wait(mr_log_reader *reader, int64_t timeout_ms);

/**
 * What lies behind the last complete batch that mr_log_reader_next() saw.
 *
 * Returns  the state of the tail; meaningful after MR_END.
 * Threads  the reader's thread.
 */
mr_log_tail mr_log_reader_tail(const mr_log_reader *reader);

/**
 * A fact that was decided when the log was made.
 *
 * Returns  its value; NULL when there is none of that key.
 * Owner    the reader, until mr_log_reader_close().
 * Threads  the reader's thread.
 */
const char *mr_log_reader_attribute(const mr_log_reader *reader, const char *key);

/**
 * The process that has the log open for writing.
 *
 * Returns  MR_OK and its id (0 when it did not say); MR_NOT_FOUND nobody writes; MR_EIO,
 *          MR_EACCESS.
 * Threads  the reader's thread.
 */
MR_MUST_USE mr_err mr_log_reader_writer(const mr_log_reader *reader, uint32_t *ret_process_id);

/**
 * Close a reader. NULL is allowed.
 *
 * Returns  nothing.
 * Threads  the reader's thread; the handle is gone afterwards.
 */
void mr_log_reader_close(mr_log_reader *reader);

#ifdef __cplusplus
}
#endif
#endif
