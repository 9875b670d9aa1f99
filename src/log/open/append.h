/* SPDX-License-Identifier: MIT */
/**
 * The writer's side of the log, with the machine to run on as an argument. The functions that users
 * call are in millrace/log.h.
 */
#ifndef MRI_LOG_OPEN_APPEND_H
#define MRI_LOG_OPEN_APPEND_H

#include "base/alloc.h"
#include "log/format/manifest.h"
#include "log/format/recover.h"
#include "log/format/segment.h"
#include "millrace/log.h"
#include "os/os.h"

/** What an open for writing found and did about it. */
struct mri_log_opening {
    enum mri_recover_decision decision;
    uint64_t cut_bytes;        /**< of an incomplete end, 0 = none */
    const char *warning;       /**< about the file system, a static text; NULL: none */
    const char *file_system;   /**< its name, a static text */
    bool is_created;           /**< the log was made by this open */
    bool is_head_repaired;     /**< a damaged copy of a segment's head was written again */
    bool is_after_poison;      /**< a write or sync had failed: what was not durable may be gone */
    bool is_dedupe_rescanned;  /**< the file `producers` was of no use: the whole log was read */
    bool is_dedupe_incomplete; /**< producers or message ids of events that were removed, or are
                                    damaged, are not known: what they made is not found repeated */
};

struct mri_hot_deriver;

/**
 * How the layers above open a log. When another process has it open, the area is as that one has
 * made it, derived.h.
 */
struct mri_log_opener {
    const mr_log_options *options;
    size_t derived_bytes;                  /**< of what is derived; a multiple of the page */
    const struct mri_hot_deriver *deriver; /**< hot_tail.h; NULL: nothing is derived */
};

/**
 * mr_log_open() on a given machine, with an area that is derived from the log.
 *
 * Returns  as mr_log_open().
 * Owner    mr_log_close() frees; os, alloc and the deriver must outlive the log.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_log_open_with(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const struct mri_log_opener *opener, mr_log **ret_log,
    mr_problem *reterr_problem);

/**
 * mr_log_open() on a given machine.
 *
 * Returns  as mr_log_open().
 * Owner    mr_log_close() frees; os and alloc must outlive the log.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_log_open(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const mr_log_options *options, mr_log **ret_log,
    mr_problem *reterr_problem);

/**
 * mr_log_append() for records of the log's own types, too; what is derived is not asked.
 *
 * Returns  as mr_log_append().
 * Threads  any.
 */
MR_MUST_USE mr_err mri_log_append_own(mr_log *log, const mr_log_record *records, size_t count,
    mr_durability durability, mr_log_ack *ret_ack);

/**
 * mr_log_append() with something to tell the deriver.
 *
 * Returns  as mr_log_append(); what the deriver answered.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_log_append_derived(mr_log *log, const mr_log_record *records, size_t count,
    mr_durability durability, void *argument, mr_log_ack *ret_ack);

/**
 * What this open found and did.
 *
 * Returns  it.
 * Owner    the log, until mr_log_close().
 * Threads  the handle's thread.
 */
const struct mri_log_opening *mri_log_opening(const mr_log *log);

/**
 * Does the ring have room for a batch without waiting for the disk, as far as can be seen: more
 * than half of it is free, and another thread writes behind? Others may fill it meanwhile.
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_log_has_room(const mr_log *log);

/**
 * The checksum of the newest event's head, which names this very event in its history. Meant for
 * who has the log alone; mr_log_ack has that of each batch.
 *
 * Returns  the checksum; 0 in an empty log.
 * Threads  any.
 */
uint32_t mri_log_chain_crc(const mr_log *log);

/**
 * The newest event that a SEAL in the files covers.
 *
 * Returns  the number; 0 when there is no SEAL.
 * Threads  any.
 */
mr_seq mri_log_sealed(const mr_log *log);

#endif
