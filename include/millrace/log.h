/* SPDX-License-Identifier: MIT */
/**
 * The event log: append.
 *
 * Caveats first
 * - Any number of processes open a log, append and read; none has to be up for the others. Records
 *   go into memory that all of them share; each process has two threads that write behind and tidy
 *   up. Who needs the log for himself alone says so (`is_alone`).
 * - A log is a local folder. Network file systems are refused: their locks and caches do not keep
 *   what this library promises.
 * - MR_ASYNC survives the death of every process, not a power cut, which takes at most the last
 *   second. Ask for MR_GROUP, or call mr_log_sync(), before an effect leaves the machine.
 * - After a failed write or sync the log refuses every append, in every process (MR_EPOISONED):
 * what the disk holds is then unknown until all have closed it and the next open has looked.
 * Retrying a failed sync would be a lie.
 * - A process may have less of the machine than others: descriptors, memory, or the length that its
 *   files may have (RLIMIT_FSIZE). What it cannot write, others do; or else, when it has left, the
 *   next open does.
 * - A write beyond RLIMIT_FSIZE raises SIGXFSZ, which ends a process: who has that limit below the
 *   length of a segment should ignore the signal. The library's threads never get it; a call of the
 *   host's that writes (MR_GROUP, mr_log_sync(), mr_log_close(), an append into a full ring) may.
 * - Who removes the file `lock` while a process has the log open takes its place away: the next one
 *   to open the log goes on without it, and its appends are MR_EPOISONED, too.
 * - A child of fork() must not use its parent's handles: they answer MR_EINVAL there. It opens its
 *   own.
 * - Two containers that share a folder share no memory, unless they share /dev/shm or the ring is
 * in the folder: the second one is refused.
 * - Appenders and readers trust each other: who may write the shared memory can spoil it, which is
 *   found before it goes to the disk.
 *
 * A record may say who made it, so that a producer can append again what it does not know the fate
 * of, and every record is in the log once:
 * - `producer_id` and `producer_seq`: the producer counts its records, up from 1. What is not above
 *   the newest record of the producer is a repeat, for ever. Numbers may be left out, and what was
 *   left out is given up: going back is a repeat. One writer at a time uses an id; it takes a new
 *   id before the count ends, or when it has lost count.
 * - `message_id`: 16 bytes. An id that one of the newest mr_log_options.message_ids ids equals is a
 *   repeat; older ones are forgotten, by count and never by time.
 * A record is a repeat when one of the two says so. A batch is a repeat when all of its records
 * that say something are: it is not appended again, and the answer is success with the seqs of the
 * originals. A batch of repeats and new records is refused whole: append batches again as they
 * were, or one record at a time. Records that say nothing go with their batch.
 *
 * Events are sealed (docs/FORMAT.md "Seals"), so that a changed past shows; the seals are records
 * of the log's own that take no sequence number and that readers do not see.
 *
 * Durability is a prefix: a sync that covers a record covers every record before it.
 * The file format is docs/FORMAT.md.
 */
#ifndef MILLRACE_LOG_H
#define MILLRACE_LOG_H

#include "millrace/err.h"
#include "millrace/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An open log. */
typedef struct mr_log mr_log;

/** When an append returns. */
typedef enum mr_durability {
    MR_ASYNC = 0,    /**< when it is in memory that all processes share: survives kill -9 of any of
                          them; a power cut takes at most the last second */
    MR_GROUP = 1,    /**< when fdatasync returned over it: survives a power cut */
    MR_INTERVAL = 2, /**< as MR_ASYNC, and synced within mr_log_options.sync_interval_ms */
} mr_durability;

/** Limits of this version. */
enum {
    MR_LOG_BODY_BYTES_MAX = 1024 * 1024 - 64, /**< one record's body */
    MR_LOG_TYPE_FREE = 256,                   /**< types below belong to the log itself */
    MR_LOG_ATTRIBUTES_MAX = 16,
    MR_LOG_MESSAGE_ID_BYTES = 16,
    MR_LOG_BATCH_PRODUCERS_MAX = 16, /**< different producers in one batch */
    MR_LOG_BATCH_MESSAGE_IDS_MAX = 1024,
};

/** In mr_log_options.message_ids: ids are stored and not looked at. */
#define MR_LOG_NO_MESSAGE_IDS UINT32_MAX

/** A fact that is decided when a log is made, and kept beside it: printable ASCII. */
typedef struct mr_log_attribute {
    const char *key;   /**< at most 31 bytes, no ':', each once; not one of MANIFEST's own
                             (millrace-log, uuid, segment_bytes, features, removed, crc32c) */
    const char *value; /**< at most 127 bytes */
} mr_log_attribute;

/** How to open. All zero: open an existing log. */
typedef struct mr_log_options {
    bool is_create; /**< make the folder and the log when there is none */
    uint64_t
        segment_bytes; /**< of a log that is made: a power of two from 1 MiB to 1 GiB; 0 = 64 MiB */
    const mr_log_attribute *attributes; /**< of a log that is made */
    size_t attribute_count;
    bool is_alone; /**< no other process or handle may append: MR_BUSY while one has it open */
    bool is_ring_in_folder; /**< the shared memory is a file of the log's folder, not of /dev/shm:
                                 for containers that share nothing else. Counts for who opens
                                 first */
    bool is_thin; /**< space for segments is reserved but never written ahead, also when there is
                     time: 64 MiB less to write for each, and a durable append into fresh space
                     costs a quarter more */
    uint64_t ring_bytes; /**< of the shared memory: whole pages, from 1 MiB to 64 segments; 0 =
                              4 segments, at most 64 MiB. Counts for who opens first */
    uint32_t sync_interval_ms; /**< of MR_INTERVAL; 0 = 1000 */
    uint32_t producers_max;    /**< producers that can be told apart, up to 1,048,576, 80 bytes of
                                    shared memory each; 0 = 4096. Counts for who opens first */
    uint32_t message_ids; /**< newest message ids that are known, from 1024 to 16,777,216, 40 to
                               48 bytes each; 0 = 65,536; or MR_LOG_NO_MESSAGE_IDS. Counts for
                               who opens first */
} mr_log_options;

/** One record to append. Everything is borrowed for the call. */
typedef struct mr_log_record {
    const void *body;      /**< NULL only when body_bytes is 0 */
    uint32_t body_bytes;   /**< at most MR_LOG_BODY_BYTES_MAX */
    uint32_t subject_id;   /**< what the record is about; 0 = nothing */
    uint64_t subject_prev; /**< seq of the subject's previous record; 0 = first, or no subject */
    uint32_t producer_id;  /**< who made it; 0 = it is not said */
    uint32_t producer_seq; /**< of the producer's records, from 1; with producer_id only */
    uint16_t type;         /**< >= MR_LOG_TYPE_FREE */
    uint8_t version;       /**< of the body's layout */
    const uint8_t *message_id; /**< MR_LOG_MESSAGE_ID_BYTES, they take that much of what a body may
                                    have; NULL = none */
} mr_log_record;

/** What an append did. */
typedef struct mr_log_ack {
    mr_seq first;          /**< of the batch */
    mr_seq last;           /**< of the batch */
    uint64_t stored_bytes; /**< the batch in the file: heads, bodies, padding */
    uint32_t writer_epoch; /**< with chain_crc: names the last record in its history, as the token
                                of a reader does */
    uint32_t chain_crc;
    mr_durability durability; /**< what the ack means */
    bool is_durable;          /**< true: it survives a power cut */
    bool is_repeated; /**< the batch was in the log already and nothing was appended. first and last
                           are those of the original of its first and its last record; 0: that was
                           removed (mr_log_retain()), given up, or never in the log because a later
                           number of its producer came first. stored_bytes, writer_epoch and
                           chain_crc are 0 */
} mr_log_ack;

/**
 * Open a log to append, make it if asked. Who comes first repairs an end that a crash left
 * incomplete; who comes later only attaches.
 *
 * @param folder          the log's folder; its parent must exist
 * @param reterr_problem  NULL, or where to say place and reason of a failure
 *
 * Returns  MR_OK; MR_BUSY somebody has it alone, or is in and is_alone was asked for (the problem
 *          text names the process), or another container has it open; MR_NOT_FOUND no log here and
 *          is_create is false; MR_ECORRUPT durable records are damaged, or the end is missing that
 *          the file `producers` or a snapshot remembers: nothing was changed;
 *          MR_EVERSION a newer format, or another version has it open; MR_EPOISONED see above;
 *          MR_EINVAL options out of range, or not those of this version's other users; MR_ENOSPC;
 *          MR_EACCESS; MR_EPATH; MR_EIO; MR_ENOMEM; MR_ELIMIT 256 processes have it open, or this
 *          one may not make or write files so long (RLIMIT_FSIZE), or open so many.
 * Owner    mr_log_close() frees.
 * Threads  any; a handle may be used by several threads.
 * Cost     the first: reads the newest segment (64 MiB by default: about 50 ms) and syncs it; later
 *          ones: maps the shared memory, about 10 ms. Starts two threads for each process.
 * Source   docs/FORMAT.md "Recovery".
 */
MR_MUST_USE mr_err mr_log_open(const char *folder, const mr_log_options *options, mr_log **ret_log,
    mr_problem *reterr_problem);

/**
 * Append records as one batch: readers and recovery see all of them or none.
 *
 * @param records   at least one; together at most 65,536 records and a quarter of the ring, and
 *                  not more than fits into a segment
 * @param ret_ack   NULL, or what was done
 *
 * Returns  MR_OK, also for a repeat (ret_ack->is_repeated). With any of these nothing was
 *          appended: MR_REFUSED some of the batch is in the log already and some is not;
 *          MR_FULL the batch has a new producer and mr_log_options.producers_max are known;
 *          MR_ETOOLARGE it is more than one batch may hold; MR_EINVAL a record is malformed, or
 *          has producer_id without a producer_seq that grows or producer_seq alone, or the batch
 *          too many producers or message ids, or one id twice;
 *          MR_ENOSPC there is no room for the next segment, a later append may work;
 *          MR_EIO and others, its file could not be made; MR_ELIMIT, MR_ENOMEM, MR_EACCESS the
 *          ring is full, or the next segment has no file yet, and this process has no descriptor,
 *          memory or right left for it, or may not make files so long: a later append may work
 *          when others have done it; MR_EPOISONED see above. With MR_EUNKNOWN the batch is
 *          visible, and is or is not durable: its sync (MR_GROUP), or without a thread its
 *          write, has failed, or this process could not open the segment for it, or not write
 *          so far: then mr_log_sync() says so.
 * Owner    nothing changes hands.
 * Threads  any.
 * Cost     a copy and its checksums, 0.1 us for a small record, no system call unless somebody
 *          sleeps for it; waits for the disk when the ring is full. MR_GROUP waits for
 *          fdatasync, one for all who wait. A repeat that is older than the newest unbroken
 *          run of its producer, in its numbers and in the log, is looked up if ret_ack is
 *          given. That reads the log backwards, and its faults (MR_EIO, MR_ENOMEM,
 *          MR_ECORRUPT) mean that only the seqs are not known: the batch is in the log,
 *          nothing was appended.
 */
MR_MUST_USE mr_err mr_log_append(mr_log *log, const mr_log_record *records, size_t count,
    mr_durability durability, mr_log_ack *ret_ack);

/**
 * mr_log_append(), but only if nothing was appended behind an event.
 *
 * @param expected_last  the newest event that the caller knows; 0: the log is empty
 *
 * Returns  as mr_log_append(); MR_CONFLICT somebody was first, nothing was appended. A repeat is
 *          success when its originals stand directly behind expected_last, one by one, whatever
 *          has come since; anywhere else it is MR_CONFLICT.
 * Owner    nothing changes hands.
 * Threads  any.
 * Cost     as mr_log_append(); a repeat is read out of the log.
 */
MR_MUST_USE mr_err mr_log_append_after(mr_log *log, const mr_log_record *records, size_t count,
    mr_seq expected_last, mr_durability durability, mr_log_ack *ret_ack);

/**
 * Make everything appended so far, by anybody, survive a power cut.
 *
 * Returns  MR_OK; MR_EPOISONED; MR_EUNKNOWN the sync failed, the log is poisoned; MR_ELIMIT,
 *          MR_ENOMEM, MR_EACCESS this process has no descriptor, memory or right left to open a
 *          segment, or may not write so far: nothing has failed, others can still sync;
 *          MR_EINVAL a handle of the parent process.
 * Threads  any.
 * Cost     one fdatasync for all who wait, none when nothing is new.
 */
MR_MUST_USE mr_err mr_log_sync(mr_log *log);

/**
 * The newest event; 0 in an empty log, of a handle that is NULL, and of a handle of the parent
 * process.
 *
 * Returns  the number.
 * Threads  any.
 */
mr_seq mr_log_last(const mr_log *log);

/**
 * The newest event that is durable, as all before it are; 0 when there is none, and as
 * mr_log_last().
 *
 * Returns  the number.
 * Threads  any.
 */
mr_seq mr_log_durable(const mr_log *log);

/**
 * A fact that was decided when the log was made.
 *
 * Returns  its value; NULL when there is none of that key, or an argument is NULL.
 * Owner    the log, until mr_log_close().
 * Threads  any.
 */
const char *mr_log_attribute_get(const mr_log *log, const char *key);

/**
 * The log's own random id, as 32 hex digits.
 *
 * Returns  the text; NULL when the log is NULL.
 * Owner    the log, until mr_log_close().
 * Threads  any.
 */
const char *mr_log_uuid(const mr_log *log);

/**
 * Sync and close. NULL is allowed. The last process to close also seals, and removes the shared
 * memory. Of a log that is not closed nothing is lost: the next open finds it as it was left.
 *
 * Returns  nothing: who must know whether the last records are durable calls mr_log_sync() first.
 * Threads  any, the last that uses the handle.
 */
void mr_log_close(mr_log *log);

#ifdef __cplusplus
}
#endif
#endif
