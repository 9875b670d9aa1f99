/* SPDX-License-Identifier: MIT */
/**
 * The event log: read, beside a writer or without one.
 *
 * Caveats first
 * - A reader shows complete batches only. MR_END means "nothing more yet": reading again later may
 *   find more.
 * - Events point into a map of the file. They stay valid until the next call on the same reader.
 * - Damage is never skipped: the reader answers MR_ECORRUPT and stays where it is.
 * - What an MR_ASYNC writer appended is visible at once and may still be lost in a power cut. Its
 *   sequence number is then used again: keep a token (mr_log_reader_token()), not a number, to come
 *   back to a place; or read with `is_durable`.
 * - After a failed write (MR_EPOISONED in all writers) a reader may have seen events that the log
 *   then turns out not to have: it answers MR_REWOUND for ever and must be opened anew.
 * - A child of fork() must not use its parent's readers: they answer MR_EINVAL there, and what they
 *   were armed for stays the parent's. mr_log_reader_close() frees the child's share of one. It
 *   opens its own.
 * - A reader that is NULL is answered with MR_EINVAL; by a function that answers no mr_err, with
 * what it says. A problem may always be NULL.
 * - A map turns a bad sector, or somebody's truncation, into SIGBUS. Who wants an answer instead
 *   opens with `is_copying`.
 * - Segments that were archived are read like the others, but are unpacked into memory first: one
 *   costs its whole length (64 MiB by default), two while a reader goes from one to the next.
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
    const void *body; /**< aligned to 64 bytes, behind a message id to 16; valid until the next call
                           on the reader */
    uint32_t body_bytes;
    uint32_t stored_bytes; /**< head, message id, body and padding */
    uint32_t subject_id;
    uint64_t subject_prev;
    uint32_t producer_id;
    uint32_t producer_seq;
    uint32_t writer_epoch;
    uint32_t chain_crc; /**< the head's checksum: names this very record in its history */
    uint16_t type;
    uint8_t version;
    bool is_batch_end;         /**< the last record of its batch */
    const uint8_t *message_id; /**< its 16 bytes, valid as the body; NULL = none */
} mr_log_event;

/** How to read. All zero: as mr_log_reader_open(). */
typedef struct mr_log_read_options {
    bool is_copying; /**< read files instead of mapping them: MR_EIO in place of SIGBUS. Costs the
                          length of a segment of memory, as far as it is read, and a copy */
    bool is_durable; /**< only events that a power cut cannot take back; MR_END at the first that it
                          can */
    bool is_in_files; /**< leave aside what is in the processes' memory and not in the files yet, at
                           most some milliseconds' worth */
} mr_log_read_options;

/**
 * A place in one history of a log: behind the event that it names.
 *
 * A sequence number alone does not name an event: a power cut may take what was not durable, and
 * the number is given to another event. Nor does the epoch with it: when nothing of an epoch
 * survived, its number is given again, too. So a token also holds the checksum of the event's head.
 * That covers the body's checksum, the time, and by a chain all events before; two events of one
 * epoch and number have the same by chance once in 2^32 such cuts.
 */
typedef struct mr_log_token {
    uint64_t seq;        /**< 0: the beginning of the log */
    uint64_t synced_seq; /**< known to be durable: up to here no power cut changes the history */
    uint32_t writer_epoch;
    uint32_t chain_crc;
} mr_log_token;

/** Bytes that hold the longest text of a token with its NUL. */
enum { MR_LOG_TOKEN_BYTES = 64 };

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
 * mr_log_reader_open() with options.
 *
 * @param options  NULL: all zero
 *
 * Returns  as mr_log_reader_open().
 * Owner    mr_log_reader_close() frees.
 * Threads  one thread per reader.
 */
MR_MUST_USE mr_err mr_log_reader_open_with(const char *folder, const mr_log_read_options *options,
    mr_log_reader **ret_reader, mr_problem *reterr_problem);

/**
 * The next event.
 *
 * Returns  MR_OK; MR_END no further complete batch yet; MR_ECORRUPT damage here (the problem text
 *          has file and offset); MR_EINVAL an argument is NULL; MR_ELIMIT the process can open no
 *          more files; MR_EIO, MR_ENOMEM.
 * Owner    ret_event->body belongs to the reader, until the next call.
 * Threads  the reader's thread.
 * Cost     checks head and body checksum, sequence and chain: about 30 ns for small events.
 */
MR_MUST_USE mr_err mr_log_reader_next(
    mr_log_reader *reader, mr_log_event *ret_event, mr_problem *reterr_problem);

/**
 * The event before the reader's place, which moves before it: a reader stands between two events,
 * and turning round returns the same event again.
 *
 * Returns  MR_OK; MR_END no event is before; MR_ECORRUPT damage (the problem text has file and
 *          offset); MR_EINVAL an argument is NULL; MR_ELIMIT as mr_log_reader_next(); MR_EIO,
 *          MR_ENOMEM.
 * Owner    ret_event->body belongs to the reader, until the next call.
 * Threads  the reader's thread.
 * Cost     a step; at a segment's beginning the segment before is checked whole, once.
 */
MR_MUST_USE mr_err mr_log_reader_previous(
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
 * Go behind the last complete batch: mr_log_reader_previous() returns the newest event,
 * mr_log_reader_next() what comes later.
 *
 * Returns  MR_OK; MR_ECORRUPT the newest segment is damaged; MR_EIO, MR_ENOMEM.
 * Threads  the reader's thread.
 * Cost     checks the newest segment, no other.
 */
MR_MUST_USE mr_err mr_log_reader_seek_end(mr_log_reader *reader, mr_problem *reterr_problem);

/**
 * Go to the first event that was logged at or after a time; behind the last one if there is none.
 *
 * @param time_unix_ns  compared with mr_log_event.time_unix_ns, which grows from event to event
 *
 * Returns  MR_OK; MR_ECORRUPT, MR_EIO, MR_ENOMEM.
 * Threads  the reader's thread.
 * Cost     reads the heads of some segments (the logarithm of their number), checks one segment.
 */
MR_MUST_USE mr_err mr_log_reader_seek_time(
    mr_log_reader *reader, int64_t time_unix_ns, mr_problem *reterr_problem);

/**
 * The place behind the event that was handed out last, in either direction.
 *
 * Returns  the token; all zero when none was handed out yet, or the reader is NULL.
 * Threads  the reader's thread.
 */
mr_log_token mr_log_reader_token(const mr_log_reader *reader);

/**
 * Go back to a token's place: the next event is the one after it.
 *
 * @param ret_differs_from  may be NULL; set with MR_REWOUND only: the first seq that is not what it
 *                          was. Read from there to have the history as it is now. Of several cuts
 *                          near the token it may be the earliest, but never more than is not
 *                          durable is called different. One past the last event when the log ends
 *                          before what the token knows to be durable
 *
 * Returns  MR_OK that very event is in the log; MR_REWOUND it was lost, or another one has its
 *          number, the reader stands where it stood; MR_NOT_FOUND the log begins behind it (the
 *          oldest segments were removed); MR_EINVAL there is no token; MR_ECORRUPT, MR_EIO,
 *          MR_ENOMEM.
 * Threads  the reader's thread.
 * Cost     as mr_log_reader_seek().
 */
MR_MUST_USE mr_err mr_log_reader_seek_token(mr_log_reader *reader, const mr_log_token *token,
    mr_seq *ret_differs_from, mr_problem *reterr_problem);

/**
 * A token as text, "epoch.seq.checksum.synced": printable, without blanks.
 *
 * Returns  text, empty when the token is NULL; "" when text is NULL.
 * Threads  any.
 */
const char *mr_log_token_text(const mr_log_token *token, char text[MR_LOG_TOKEN_BYTES]);

/**
 * Take a token out of its text, which must be exactly as mr_log_token_text() writes it.
 *
 * Returns  MR_OK; MR_REFUSED it is no token.
 * Threads  any.
 */
MR_MUST_USE mr_err mr_log_token_parse(const char *text, mr_log_token *ret_token);

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
 * mr_log_reader_wait(), but events of other subjects need not end the sleep. They may: subjects
 * share the bits that sleepers are told apart by.
 *
 * @param subject_ids  that matter; 0 is events without a subject
 *
 * Returns  as mr_log_reader_wait(); MR_EINVAL there are none, or they are NULL.
 * Threads  the reader's thread.
 */
MR_MUST_USE mr_err mr_log_reader_wait_for(
    mr_log_reader *reader, const uint32_t *subject_ids, size_t count, int64_t timeout_ms);

/**
 * A descriptor to wait for in a loop of one's own (epoll, poll, asyncio), beside others. The order:
 * read until MR_END, mr_log_reader_poll_arm(), and when that answers MR_OK wait until it is
 * readable.
 *
 * Returns  MR_OK; MR_ELIMIT, MR_ENOMEM.
 * Owner    the reader: it is not to be read from or closed.
 * Threads  the reader's thread; any may wait for it.
 * Cost     io_uring where the kernel and its container allow it, else a thread.
 */
MR_MUST_USE mr_err mr_log_reader_poll_fd(
    mr_log_reader *reader, int *ret_fd, mr_problem *reterr_problem);

/**
 * Have the descriptor become readable when there may be more to read. Until the next call it stays
 * readable.
 *
 * Returns  MR_OK; MR_AGAIN there may be more already: read on; MR_EINVAL no descriptor was asked
 *          for; MR_ELIMIT, MR_EIO.
 * Threads  the reader's thread.
 */
MR_MUST_USE mr_err mr_log_reader_poll_arm(mr_log_reader *reader, mr_problem *reterr_problem);

/**
 * What lies behind the last complete batch that mr_log_reader_next() saw.
 *
 * Returns  the state of the tail; meaningful after MR_END. Of a reader that is NULL,
 *          MR_LOG_TAIL_CLEAN.
 * Threads  the reader's thread.
 */
mr_log_tail mr_log_reader_tail(const mr_log_reader *reader);

/**
 * A fact that was decided when the log was made.
 *
 * Returns  its value; NULL when there is none of that key, or an argument is NULL.
 * Owner    the reader, until mr_log_reader_close().
 * Threads  the reader's thread.
 */
const char *mr_log_reader_attribute(const mr_log_reader *reader, const char *key);

/**
 * The process that has the log open for writing.
 *
 * @param ret_process_id  may be NULL
 *
 * Returns  MR_OK and its id (0 when it did not say); MR_NOT_FOUND nobody writes; MR_EIO,
 *          MR_EACCESS.
 * Threads  the reader's thread.
 */
MR_MUST_USE mr_err mr_log_reader_writer(const mr_log_reader *reader, uint32_t *ret_process_id);

/**
 * Close a reader. NULL is allowed. In a child of fork() the parent's goes on undisturbed.
 *
 * Returns  nothing.
 * Threads  the reader's thread; the handle is gone afterwards.
 */
void mr_log_reader_close(mr_log_reader *reader);

#ifdef __cplusplus
}
#endif
#endif
