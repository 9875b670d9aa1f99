/* SPDX-License-Identifier: MIT */
/**
 * The event log: durable consumers, places in a log that have a name and are kept beside it.
 *
 * Caveats first
 * - An event is handed out at least once, not exactly once: it comes again when it was not acked in
 *   time, when its owner died, when it was given back, and after a power cut that took the ack.
 *   Who must not act twice uses mr_consumer_ack_with() (the outputs go into the same log), or gives
 *   (id of the log, seq) to the other system as an idempotency key.
 * - Any number of processes and handles share one consumer: each event is leased to one of them.
 *   Events are handed out in order, but several at a time: who needs them done in order sets
 *   `max_in_flight` to 1.
 * - An ack is written at once and survives kill -9. It survives a power cut after
 *   mr_consumer_sync(), mr_consumer_close(), or with `is_durable_ack`. What a power cut takes of
 *   acks is delivered again; nothing is ever lost by it.
 * - Leases and delivery counts survive the death of processes, not a restart of the machine: then
 *   all leases are void and counts begin again.
 * - A power cut may take events that were not durable, and give their numbers to others. A consumer
 *   that was past them is set back, and every handle hears MR_REWOUND, once.
 * - All processes of one consumer must run under one kernel, with one CLOCK_BOOTTIME. A process
 *   that is stopped in the middle of a call stops the others.
 * - Handles do not survive fork(): a child is refused (MR_EINVAL) with its parent's, and closes it.
 *
 * A consumer is the file `cur/NAME` in the log's folder; docs/FORMAT.md "Cursors" has its layout.
 */
#ifndef MILLRACE_LOG_CONSUMER_H
#define MILLRACE_LOG_CONSUMER_H

#include "millrace/err.h"
#include "millrace/log.h"
#include "millrace/log_read.h"
#include "millrace/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A handle of a consumer. */
typedef struct mr_consumer mr_consumer;

/** Limits of this version. */
enum {
    MR_CONSUMER_NAME_MAX = 64,        /**< characters of a name: a-z, 0-9, '_' and '-' */
    MR_CONSUMER_IN_FLIGHT_MAX = 1024, /**< and the length of the window above the cursor */
    MR_CONSUMER_BACK_OFF_MAX = 8,
    MR_CONSUMER_HANDLES_MAX = 256, /**< of one consumer at a time */
    MR_CONSUMER_REASON_MAX = 200,  /**< bytes of why an event was given back */
    MR_CONSUMER_OUTPUTS_MAX = 256, /**< records of one mr_consumer_ack_with() */
    MR_CONSUMER_ACK_WAIT_MS = 30000,
};

/** Where a consumer begins that is made. */
typedef enum mr_consumer_start {
    MR_CONSUMER_BEGINNING = 0, /**< the oldest event there is */
    MR_CONSUMER_END = 1,       /**< what comes after it was made */
    MR_CONSUMER_SEQ = 2,       /**< start_seq */
} mr_consumer_start;

/** What happens to events that the log is to drop and the consumer has not acked. */
typedef enum mr_consumer_policy {
    MR_CONSUMER_HOLD = 0, /**< they stay: mr_log_retain() stops before them */
    MR_CONSUMER_DROP = 1, /**< they may go: the consumer hears which are gone */
} mr_consumer_policy;

/** How to make and open. All zero: every event from the beginning, held; nothing is limited. */
typedef struct mr_consumer_options {
    /* Fixed when the consumer is made; another value at a later open is refused. */
    mr_consumer_start start;
    mr_seq start_seq; /**< only with MR_CONSUMER_SEQ: from 1 to one past the last event */
    mr_consumer_policy policy;
    uint32_t max_in_flight; /**< leased or waiting for their back-off; 0: the most there can be */
    uint32_t max_deliver;   /**< deliveries before an event is a dead letter; 0: no limit */
    uint32_t ack_wait_ms;   /**< how long a lease lasts; 0: MR_CONSUMER_ACK_WAIT_MS */
    uint32_t
        back_off_ms[MR_CONSUMER_BACK_OFF_MAX]; /**< delays after the first, second, ... delivery
                                                    that was given back; the last one repeats */
    uint32_t back_off_count;                   /**< 0: without delay */
    bool has_log_records; /**< hand out the log's own records (type < MR_LOG_TYPE_FREE), too */

    /* Of this handle. */
    bool is_durable_ack; /**< every ack survives a power cut when it returns: one fdatasync each */
    mr_log *log; /**< NULL, or this log open for writing: where dead letters go. Borrowed until the
                      handle is closed, and used in calls on it only */
} mr_consumer_options;

/** What mr_consumer_next() says beside the event. */
typedef struct mr_delivery {
    uint32_t count;  /**< MR_OK: the so-many-th delivery of this event, from 1, since the machine
                          started; MR_REFUSED: how often it was delivered */
    int64_t wait_ns; /**< MR_AGAIN, MR_END: until something is due again; -1: not known, look when
                          the log has grown or something was acked */
    mr_seq first;    /**< MR_REWOUND, MR_NOT_FOUND, MR_REFUSED: the first event concerned */
    mr_seq last;     /**< and the last */
} mr_delivery;

/** What mr_consumer_ack_with() puts into the log as one batch. Everything is borrowed. */
typedef struct mr_consumer_batch {
    const mr_seq *seqs; /**< events that are done */
    size_t seq_count;   /**< 1 to MR_CONSUMER_IN_FLIGHT_MAX */
    const mr_log_record *records;
    size_t record_count; /**< 0 to MR_CONSUMER_OUTPUTS_MAX */
    mr_durability durability;
} mr_consumer_batch;

/** Figures of a consumer. */
typedef struct mr_consumer_stats {
    char name[MR_CONSUMER_NAME_MAX + 1];
    mr_consumer_policy policy;
    mr_seq next;         /**< the cursor: everything below is acked */
    uint64_t lag_events; /**< not acked, from the cursor to the end of the log */
    int64_t lag_ns;     /**< since the event at the cursor was logged, by the wall clock; 0: none */
    uint32_t in_flight; /**< leased, or waiting for their back-off */
    uint32_t handles;   /**< attached now */
    uint64_t redeliveries;
    uint64_t dead_letters;
    uint64_t lost_events; /**< that the log dropped before they were acked */
    uint32_t rewinds;     /**< how often the consumer was set back after a power cut */
} mr_consumer_stats;

/**
 * Open a consumer of a log; make it when there is none of that name.
 *
 * @param folder   the log's folder
 * @param options  NULL: it must exist, and is opened as it was made
 *
 * Returns  MR_OK; MR_NOT_FOUND no log here, or options is NULL and there is no such consumer;
 *          MR_EINVAL a name or an option is out of range, or differs from how the consumer was made
 *          (the problem text says which); MR_FULL as many handles are attached as there can be;
 *          MR_ECORRUPT both copies of the cursor are damaged, or it belongs to another log: nothing
 *          was changed, mr_consumer_remove() allows to begin anew; MR_EVERSION; MR_ENOSPC,
 *          MR_EACCESS, MR_EPATH, MR_EIO, MR_ENOMEM.
 * Owner    mr_consumer_close() frees; options->log must outlive the handle.
 * Threads  one thread per handle.
 * Cost     a handle takes 250 KiB; making one syncs a file and a folder. After a restart of the
 *          machine the log is read from the cursor's checkpoint on.
 */
MR_MUST_USE mr_err mr_consumer_open(const char *folder, const char *name,
    const mr_consumer_options *options, mr_consumer **ret_consumer, mr_problem *reterr_problem);

/**
 * Lease the next event: first those that are due again, lowest seq first, then the next new one.
 *
 * @param ret_delivery  set with every condition, see there
 *
 * Returns  MR_OK *ret_event is leased to this handle; MR_END nothing more now; MR_AGAIN nothing may
 *          be handed out now: max_in_flight is reached, or events wait for their back-off, or the
 *          window of 1024 events above the cursor is used up; MR_REWOUND the events from first to
 *          last, which the consumer had come past, are not in the log any more or are others: the
 *          consumer was set back to before them, what was done because of them is to be undone by
 *          the caller, the next call goes on; MR_NOT_FOUND the events from first to last are gone
 *          (dropped, or given up by a repair) and will not be handed out, the next call goes on;
 *          MR_REFUSED event `first` was delivered max_deliver times and this handle has no log to
 *          write its dead letter to: nothing is skipped, a handle with a log must go on;
 *          MR_ECORRUPT and other faults of reading, and of appending the dead letter.
 * Owner    ret_event->body belongs to the handle, until the next call on it.
 * Threads  the handle's thread.
 * Cost     reads the 44 KiB of the cursor's file from the page cache, writes 32 bytes: about 15 us.
 *          When the window is used up by acks in the log that may not be durable, the log is
 * synced: through `log`, or else from outside, which reads all of it and holds the writer's lock
 *          meanwhile. While another process writes, that cannot be: MR_AGAIN until it appends.
 */
MR_MUST_USE mr_err mr_consumer_next(mr_consumer *consumer, mr_log_event *ret_event,
    mr_delivery *ret_delivery, mr_problem *reterr_problem);

/**
 * An event is done.
 *
 * Returns  MR_OK; MR_CONFLICT it is not leased to this handle (any more): it was acked before, or
 *          its lease ended and another handle has it or had it, nothing was changed; MR_EUNKNOWN
 *          (is_durable_ack only) the ack is written but its sync failed; MR_EIO, MR_ENOSPC.
 * Threads  the handle's thread.
 * Cost     as mr_consumer_next(), with is_durable_ack one fdatasync more.
 */
MR_MUST_USE mr_err mr_consumer_ack(mr_consumer *consumer, mr_seq seq, mr_problem *reterr_problem);

/**
 * Events are done, all of them or none.
 *
 * Returns  as mr_consumer_ack(); MR_CONFLICT at least one is not leased to this handle (the problem
 *          text names the first); MR_EINVAL more than MR_CONSUMER_IN_FLIGHT_MAX.
 * Threads  the handle's thread.
 */
MR_MUST_USE mr_err mr_consumer_ack_many(
    mr_consumer *consumer, const mr_seq *seqs, size_t count, mr_problem *reterr_problem);

/**
 * Events are done, and this is what came of them: acks and outputs are one batch of the log, so
 * that both are there or neither.
 *
 * With MR_ASYNC a power cut may take the whole batch: then the events come again. What it does not
 * take is never done twice, wherever a process dies.
 *
 * @param log      NULL: that of the options. It must be the log that the consumer reads
 * @param ret_ack  NULL, or what was appended; its first record is the ACK, the outputs follow. With
 *                 is_repeated the outputs were in the log before: first and last are theirs, and
 *                 the ACK was appended alone
 *
 * Returns  as mr_consumer_ack_many() and mr_log_append(); MR_CONFLICT nothing was appended;
 *          MR_EINVAL also when there is no log, or it is another one. After a fault of appending
 *          the next call on any handle looks into the log whether the batch is there.
 * Threads  the handle's thread, which must be the log's.
 * Cost     as mr_consumer_ack() and mr_log_append(), and reads what others have appended since.
 */
MR_MUST_USE mr_err mr_consumer_ack_with(mr_consumer *consumer, mr_log *log,
    const mr_consumer_batch *batch, mr_log_ack *ret_ack, mr_problem *reterr_problem);

/**
 * Give an event back: it is delivered again, to any handle, not before a delay has passed. One that
 * was delivered `max_deliver` times is a dead letter at once, if this handle has a log; else when a
 * handle that has one comes to it, which does not know why.
 *
 * @param delay_ms  negative: what the back-off list says
 * @param reason    NULL, or why it is given back, for people: up to MR_CONSUMER_REASON_MAX bytes of
 *                  UTF-8 without control characters; the dead letter says that of the last time
 *
 * Returns  MR_OK; MR_CONFLICT it is not leased to this handle; MR_EINVAL the delay; MR_REFUSED
 *          the reason; MR_EIO; of a dead letter as mr_log_append(): the event stays leased.
 * Threads  the handle's thread; with a log in the options it must be the log's.
 * Cost     of a dead letter as mr_log_append() with MR_GROUP.
 */
MR_MUST_USE mr_err mr_consumer_nack(mr_consumer *consumer, mr_seq seq, int64_t delay_ms,
    const char *reason, mr_problem *reterr_problem);

/**
 * The event takes longer: its lease begins anew.
 *
 * Returns  MR_OK; MR_CONFLICT it is not leased to this handle (any more); MR_EIO.
 * Threads  the handle's thread.
 */
MR_MUST_USE mr_err mr_consumer_extend(
    mr_consumer *consumer, mr_seq seq, mr_problem *reterr_problem);

/**
 * Make every ack so far survive a power cut, those of other handles, too.
 *
 * Returns  MR_OK; MR_EUNKNOWN the sync failed: calling again writes everything anew and syncs that;
 *          MR_EIO; with a log in the options as mr_log_sync().
 * Threads  the handle's thread.
 * Cost     one fdatasync, two with a log.
 */
MR_MUST_USE mr_err mr_consumer_sync(mr_consumer *consumer, mr_problem *reterr_problem);

/**
 * Give back what is leased, sync, and close. NULL is allowed. What is given back is delivered again
 * without delay; the delivery counts.
 *
 * Returns  nothing: who must know whether acks are durable calls mr_consumer_sync() first.
 * Threads  the handle's thread; the handle is gone afterwards.
 */
void mr_consumer_close(mr_consumer *consumer);

/**
 * Figures of one consumer, beside its handles or without any.
 *
 * Returns  MR_OK; MR_NOT_FOUND no log, or no such consumer; MR_EINVAL not a name; MR_ECORRUPT,
 *          MR_EVERSION, MR_EACCESS, MR_EIO, MR_ENOMEM.
 * Threads  any.
 * Cost     reads one or two segments of the log.
 */
MR_MUST_USE mr_err mr_consumer_stat(
    const char *folder, const char *name, mr_consumer_stats *ret_stats, mr_problem *reterr_problem);

/**
 * Call a function for the name of every consumer of a log, in alphabetical order.
 *
 * @param each  another answer than MR_OK ends the walk
 *
 * Returns  MR_OK; what `each` answered; MR_NOT_FOUND no log here; MR_FULL there are more than 256,
 *          nothing was called; MR_EACCESS, MR_EIO, MR_ENOMEM.
 * Threads  any.
 */
MR_MUST_USE mr_err mr_consumer_list(const char *folder,
    mr_err (*each)(void *argument, const char *name), void *argument, mr_problem *reterr_problem);

/**
 * Remove a consumer, also a damaged one. The log holds nothing back for it any more.
 *
 * Returns  MR_OK; MR_NOT_FOUND no log, or no such consumer; MR_BUSY a handle is attached; MR_EINVAL
 *          not a name; MR_EACCESS, MR_EIO.
 * Threads  any.
 */
MR_MUST_USE mr_err mr_consumer_remove(
    const char *folder, const char *name, mr_problem *reterr_problem);

#ifdef __cplusplus
}
#endif
#endif
