/* SPDX-License-Identifier: MIT */
/**
 * The event log: append.
 *
 * Caveats first
 * - One process writes at a time. A second mr_log_open() for writing answers MR_BUSY and names the
 *   holder's process id. Any number of processes read beside it (millrace/log_read.h).
 * - A log is a local folder. Network file systems are refused: their locks and caches do not keep
 *   what this library promises.
 * - MR_ASYNC survives the death of the process, not a power cut. Ask for MR_GROUP, or call
 *   mr_log_sync(), before an effect leaves the machine.
 * - After a failed write or sync the handle refuses every append (MR_EPOISONED): what the disk
 * holds is then unknown until the next open has looked. Retrying a failed sync would be a lie.
 * - Handles do not survive fork(): a child must not use its parent's.
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
    MR_ASYNC = 0, /**< when the operating system has it: survives kill -9, not a power cut */
    MR_GROUP = 1, /**< when fdatasync returned over it: survives a power cut */
} mr_durability;

/** Limits of this version. */
enum {
    MR_LOG_BODY_BYTES_MAX = 1024 * 1024 - 64, /**< one record's body */
    MR_LOG_TYPE_FREE = 256,                   /**< types below belong to the log itself */
    MR_LOG_ATTRIBUTES_MAX = 16,
};

/** A fact that is decided when a log is made, and kept beside it: printable ASCII. */
typedef struct mr_log_attribute {
    const char *key;   /**< at most 31 bytes, no ':' */
    const char *value; /**< at most 127 bytes */
} mr_log_attribute;

/** How to open. All zero: open an existing log. */
typedef struct mr_log_options {
    bool is_create; /**< make the folder and the log when there is none */
    uint64_t
        segment_bytes; /**< of a log that is made: a power of two from 1 MiB to 1 GiB; 0 = 64 MiB */
    const mr_log_attribute *attributes; /**< of a log that is made */
    size_t attribute_count;
} mr_log_options;

/** One record to append. Everything is borrowed for the call. */
typedef struct mr_log_record {
    const void *body;      /**< NULL only when body_bytes is 0 */
    uint32_t body_bytes;   /**< at most MR_LOG_BODY_BYTES_MAX */
    uint32_t subject_id;   /**< what the record is about; 0 = nothing */
    uint64_t subject_prev; /**< seq of the subject's previous record; 0 = first, or no subject */
    uint32_t producer_id;  /**< kept with the record; 0 = none */
    uint32_t producer_seq; /**< kept with the record; 0 = none */
    uint16_t type;         /**< >= MR_LOG_TYPE_FREE */
    uint8_t version;       /**< of the body's layout */
} mr_log_record;

/** What an append did. */
typedef struct mr_log_ack {
    mr_seq first;          /**< of the batch */
    mr_seq last;           /**< of the batch */
    uint64_t stored_bytes; /**< the batch in the file: heads, bodies, padding */
    bool is_durable;       /**< true: it survives a power cut */
} mr_log_ack;

/**
 * Open a log for writing, make it if asked, and repair an end that a crash left incomplete.
 *
 * @param folder          the log's folder; its parent must exist
 * @param reterr_problem  NULL, or where to say place and reason of a failure
 *
 * Returns  MR_OK; MR_BUSY another process writes (the problem text names its id); MR_NOT_FOUND no
 *          log here and is_create is false; MR_ECORRUPT durable records are damaged, nothing was
 *          changed; MR_EVERSION a newer format; MR_EINVAL options out of range; MR_ENOSPC;
 *          MR_EACCESS; MR_EPATH; MR_EIO; MR_ENOMEM.
 * Owner    mr_log_close() frees.
 * Threads  one thread per handle.
 * Cost     reads the newest segment (64 MiB by default: about 50 ms) and syncs it.
 * Source   docs/FORMAT.md "Recovery".
 */
MR_MUST_USE mr_err mr_log_open(const char *folder, const mr_log_options *options, mr_log **ret_log,
    mr_problem *reterr_problem);

/**
 * Append records as one batch: readers and recovery see all of them or none.
 *
 * @param records   at least one; together they must fit into a segment
 * @param ret_ack   NULL, or what was done
 *
 * Returns  MR_OK; MR_EINVAL a record is malformed or the batch is larger than a segment, nothing
 *          was written; MR_ENOSPC there is no room for the next segment, nothing was written and a
 *          later append may work; MR_EPOISONED see above; MR_EIO the write failed, nothing of it is
 *          visible, the handle is poisoned; MR_EUNKNOWN (MR_GROUP only) the batch is visible but
 *          its sync failed, the handle is poisoned.
 * Owner    nothing changes hands.
 * Threads  the handle's thread.
 * Cost     one pwritev; with MR_GROUP one fdatasync more; every 1,024 events a seal: 0.5 us for
 * each of them, and a second pwritev; every segment_bytes a new file.
 */
MR_MUST_USE mr_err mr_log_append(mr_log *log, const mr_log_record *records, size_t count,
    mr_durability durability, mr_log_ack *ret_ack);

/**
 * Seal everything appended so far that there is room for in the segment, and make it survive a
 * power cut.
 *
 * Returns  MR_OK; MR_EPOISONED; MR_EUNKNOWN the sync failed, the handle is poisoned.
 * Threads  the handle's thread.
 * Cost     one fdatasync, none when nothing is new; 0.5 us for each event that is sealed.
 * Source   docs/FORMAT.md "Seals" for what is written.
 */
MR_MUST_USE mr_err mr_log_sync(mr_log *log);

/**
 * The last sequence number, 0 in an empty log.
 *
 * Returns  the number.
 * Threads  the handle's thread.
 */
mr_seq mr_log_last(const mr_log *log);

/**
 * A fact that was decided when the log was made.
 *
 * Returns  its value; NULL when there is none of that key.
 * Owner    the log, until mr_log_close().
 * Threads  the handle's thread.
 */
const char *mr_log_attribute_get(const mr_log *log, const char *key);

/**
 * The log's own random id, as 32 hex digits.
 *
 * Returns  the text.
 * Owner    the log, until mr_log_close().
 * Threads  the handle's thread.
 */
const char *mr_log_uuid(const mr_log *log);

/**
 * Seal, sync and close. NULL is allowed. A log that is not closed is only not sealed and synced.
 *
 * Returns  nothing: who must know whether the last records are durable calls mr_log_sync() first.
 * Threads  the handle's thread; the handle is gone afterwards.
 */
void mr_log_close(mr_log *log);

#ifdef __cplusplus
}
#endif
#endif
