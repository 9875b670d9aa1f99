/* SPDX-License-Identifier: MIT */
/**
 * The writer's side of the log, with the machine to run on as an argument. The functions that users
 * call are in millrace/log.h.
 */
#ifndef MRI_LOG_APPEND_H
#define MRI_LOG_APPEND_H

#include "base/alloc.h"
#include "log/manifest.h"
#include "log/recover.h"
#include "log/segment.h"
#include "millrace/log.h"
#include "os/os.h"

/** What an open for writing found and did about it. */
struct mri_log_opening {
    enum mri_recover_decision decision;
    uint64_t cut_bytes;    /**< of an incomplete end, 0 = none */
    bool is_created;       /**< the log was made by this open */
    bool is_head_repaired; /**< a damaged copy of a segment's head was written again */
};

/**
 * mr_log_open() on a given machine.
 *
 * Returns  as mr_log_open().
 * Owner    mr_log_close() frees; os and alloc must outlive the log.
 * Threads  one thread per handle.
 */
MR_MUST_USE mr_err mri_log_open(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const mr_log_options *options, mr_log **ret_log,
    mr_problem *reterr_problem);

/**
 * What this open found and did.
 *
 * Returns  it.
 * Owner    the log, until mr_log_close().
 * Threads  the handle's thread.
 */
const struct mri_log_opening *mri_log_opening(const mr_log *log);

/**
 * The checksum of the newest event's head, which names this very event in its history.
 *
 * Returns  the checksum; 0 in an empty log.
 * Threads  the handle's thread.
 */
uint32_t mri_log_chain_crc(const mr_log *log);

/**
 * Append records as one batch, the log's own types among them.
 *
 * Returns  as mr_log_append().
 * Threads  the handle's thread.
 */
MR_MUST_USE mr_err mri_log_append_own(mr_log *log, const mr_log_record *records, size_t count,
    mr_durability durability, mr_log_ack *ret_ack);

#endif
