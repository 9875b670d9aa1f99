/* SPDX-License-Identifier: MIT */
/**
 * The event log: look after it.
 *
 * Caveats first
 * - A repair is alone: nobody may have the log open for writing. Readers may go on beside it.
 *   mr_log_retain() works beside those who append and read.
 * - Nothing here runs by itself. Damage is never repaired, and nothing removed, unless asked for.
 * - A log whose beginning was removed opens from a snapshot only. Whoever removes must know what
 *   the layer above still needs, and say it (needed_seq).
 */
#ifndef MILLRACE_LOG_ADMIN_H
#define MILLRACE_LOG_ADMIN_H

#include "millrace/err.h"
#include "millrace/log_read.h"
#include "millrace/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Why records were given up, or cannot be read. */
typedef enum mr_log_loss {
    MR_LOG_LOSS_HEAD = 1,    /**< a record's head does not check */
    MR_LOG_LOSS_BODY = 2,    /**< a body or padding does not check */
    MR_LOG_LOSS_CHAIN = 3,   /**< a record is whole but does not continue the one before */
    MR_LOG_LOSS_SEGMENT = 4, /**< no good head of the segment is left: none of it can be read */
    MR_LOG_LOSS_FILE = 5,    /**< the segment's file is missing, or is no regular file */
    MR_LOG_LOSS_END = 6,     /**< the end of the log is missing: what is remembered of it, or a copy
                                  that continues this very log, goes further */
} mr_log_loss;

/** Events that a GAP record says are lost. */
typedef struct mr_log_gap {
    mr_seq first;
    mr_seq last;
    uint64_t bytes;
    mr_log_loss loss;
} mr_log_gap;

/**
 * Is an event a GAP, and what was lost?
 *
 * @param ret_gap  may be NULL
 *
 * Returns  true and *ret_gap; false it is another record, or NULL.
 * Threads  any.
 */
bool mr_log_event_gap(const mr_log_event *event, mr_log_gap *ret_gap);

/** Limits of one repair. */
enum { MR_LOG_DAMAGES_MAX = 32 };

/** One damaged range; it always covers whole batches. */
typedef struct mr_log_damage {
    uint64_t segment_seq; /**< the number in the name of the segment's file; of a missing end, of
                             the last one there is, or of that which comes back */
    uint64_t offset;      /**< in that file */
    uint64_t bytes;
    mr_seq first; /**< lost event */
    mr_seq last;  /**< before `first`: no event, only the end of the segment is damaged */
    mr_log_loss loss;
    bool is_repairable; /**< by the way that was asked for */
    char why_not[80];   /**< when it is not */
} mr_log_damage;

/** How to repair. All zero: only look, as if by GAP records. */
typedef struct mr_log_repair_options {
    const char *source; /**< a copy of the log, or of a segment, to take records from; NULL: write
                             GAP records in place of what is lost */
    bool is_done;       /**< false: only say what would be done */
} mr_log_repair_options;

/** What was found and done. */
typedef struct mr_log_repair_report {
    mr_log_damage damages[MR_LOG_DAMAGES_MAX];
    uint32_t count;
    uint32_t repaired; /**< damages that are none any more */
    bool has_more;     /**< there is more damage than fits: repair again */
} mr_log_repair_report;

/**
 * Find damage, and repair it if asked to. A copy of each damaged segment is kept beside it, named
 * seg-NUMBER.damaged-1 and so on.
 *
 * Returns  MR_OK also when there is damage that could not be repaired, see the report; MR_BUSY a
 *          process writes to the log; MR_NOT_FOUND no log here, or the source is none of it;
 *          MR_EVERSION; MR_ECORRUPT MANIFEST is damaged; MR_ENOSPC, MR_EIO, MR_EACCESS, MR_EPATH,
 *          MR_ENOMEM: a segment is the old one or the repaired one, never a mixture.
 * Threads  any; one at a time per log.
 * Cost     reads the whole log; writes each damaged segment twice.
 */
MR_MUST_USE mr_err mr_log_repair(const char *folder, const mr_log_repair_options *options,
    mr_log_repair_report *ret_report, mr_problem *reterr_problem);

/** What to keep. A segment is removed when every limit that is given allows it. */
typedef struct mr_log_retain_options {
    mr_seq needed;       /**< this event and all behind it stay: what opening the log still needs */
    uint64_t keep_bytes; /**< 0: no such limit; else as many bytes of segments stay, at least */
    uint64_t keep_events; /**< 0: no such limit; else as many events stay, at least */
    bool has_before;
    int64_t before_unix_ns; /**< events from this wall clock on stay */
    bool is_done;           /**< false: only say what would be done */
} mr_log_retain_options;

/** What was, or would be, removed. */
typedef struct mr_log_retain_report {
    uint64_t segments;
    uint64_t bytes;
    mr_seq first;   /**< event of the log as it then is; 0 in a log without events */
    mr_seq removed; /**< last event removed by this call; 0 = none */
    char why[120];  /**< why it stops there */
} mr_log_retain_report;

/**
 * Remove whole finished segments from the beginning of a log, oldest first, never the newest, and
 * none with an event that is not sealed yet. Producers and message ids of what goes stay known by
 * the file `producers`, which is brought up to date first. What was removed is noted in MANIFEST
 * (its last event and the checksum of that) before anything goes.
 *
 * Returns  MR_OK, also when nothing may be removed, see the report; MR_BUSY another process removes
 *          or repairs; MR_NOT_FOUND no log here; MR_EINVAL no limit is given; MR_ECORRUPT,
 * MR_EVERSION; MR_EIO, MR_ENOSPC, MR_EACCESS, MR_EPATH, MR_ENOMEM: the log opens, and may have lost
 *          some of what was to be removed.
 * Threads  any; beside processes that append and read.
 */
MR_MUST_USE mr_err mr_log_retain(const char *folder, const mr_log_retain_options *options,
    mr_log_retain_report *ret_report, mr_problem *reterr_problem);

/** The memory that processes share while they have a log open. */
typedef struct mr_log_memory {
    bool is_there;      /**< false: no process has the log open, or it is another user's */
    bool is_poisoned;   /**< a write or sync has failed: no appends until all have closed it */
    uint32_t processes; /**< that have the log open */
    uint32_t writer_epoch;
    uint64_t ring_bytes;
    mr_seq tail;       /**< newest event */
    mr_seq written;    /**< newest event that is in the files */
    mr_seq durable;    /**< newest event that survives a power cut */
    mr_seq sealed;     /**< newest event that a SEAL in the files covers */
    uint64_t syncs;    /**< these four: since the first of the processes came */
    uint64_t waits;    /**< appends that waited for the disk because the ring was full */
    uint64_t orphans;  /**< locks whose holder was killed */
    uint64_t finished; /**< batches of killed writers that others finished */
    char path[256];
} mr_log_memory;

/** Figures of a log. */
typedef struct mr_log_figures {
    uint64_t segments;
    uint64_t segment_bytes; /**< of each */
    uint64_t archived;      /**< segments that are compressed */
    uint64_t archived_bytes;
    uint64_t damaged_copies; /**< files that repairs left */
    uint64_t folder_bytes;   /**< of all files directly in the folder */
    bool has_spare;          /**< the next segment is made already */

    uint64_t records; /**< that can be read */
    uint64_t record_bytes;
    uint64_t recoveries;
    uint64_t gaps;
    uint64_t lost_events; /**< in gaps */
    mr_seq first;         /**< 0: the log is empty */
    mr_seq last;
    int64_t first_unix_ns;
    int64_t last_unix_ns;
    mr_seq removed; /**< everything up to here was removed on request; 0 = nothing */

    bool has_writer;
    uint32_t writer_process; /**< one of those that have it open; 0: it has not said */
    mr_log_memory memory;
    uint64_t snapshots;
    mr_seq newest_snapshot; /**< 0: there is none */

    bool has_producers;     /**< the file `producers` is there and whole */
    uint32_t producers;     /**< in it */
    uint32_t message_ids;   /**< in it */
    mr_seq producers_up_to; /**< newest event that it includes; later ones the next open reads */
    const char *producers_warning; /**< what is not known of producers, a static text; NULL: all is
                                        known, or there never was one */

    uint32_t features_compat; /**< of MANIFEST and all segments together */
    uint32_t features_ro_compat;
    uint32_t features_incompat;
    char uuid[33];
    char file_system[16];
    const char *warning; /**< about the file system, a static text; NULL: none */
    mr_err damage;       /**< MR_OK, or the records are counted only up to here */
    mr_problem damage_problem;
} mr_log_figures;

/**
 * Count what is in a log, beside a writer or without one.
 *
 * Returns  MR_OK, also when the log is damaged, see `damage`; MR_NOT_FOUND no log here;
 *          MR_ECORRUPT MANIFEST is damaged; MR_EVERSION, MR_EACCESS, MR_EPATH, MR_EIO, MR_ENOMEM.
 * Threads  any.
 * Cost     reads the whole log.
 */
MR_MUST_USE mr_err mr_log_count(
    const char *folder, mr_log_figures *ret_figures, mr_problem *reterr_problem);

/**
 * Make everything that was appended so far survive a power cut, also what processes that were
 * killed have left in memory.
 *
 * @param ret_last  the last event
 *
 * Returns  MR_OK; MR_BUSY a process has the log alone (the problem text names its id); MR_NOT_FOUND
 *          no log here; MR_EIO a sync failed: what the disk holds is known to the next open only;
 *          MR_ECORRUPT and other faults of reading.
 * Threads  any.
 */
MR_MUST_USE mr_err mr_log_flush(const char *folder, mr_seq *ret_last, mr_problem *reterr_problem);

#ifdef __cplusplus
}
#endif
#endif
