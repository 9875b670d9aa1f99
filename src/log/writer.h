/* SPDX-License-Identifier: MIT */
/**
 * The writer's handle, shared by opening.c, append.c and commit.c. Nobody else looks inside.
 */
#ifndef MRI_LOG_WRITER_H
#define MRI_LOG_WRITER_H

#include "base/buf.h"
#include "log/append.h"
#include "log/sealing.h"

enum { MRI_LOG_MAGIC = 0x6d724c47 };

struct mr_log {
    uint32_t magic;
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    char folder[MRI_PATH_BYTES_MAX];
    struct mri_manifest manifest;
    char uuid_text[33];
    int lock_fd;
    struct mri_log_opening opening;

    /* The segment that is written now. */
    struct mri_segment_head segment;
    int segment_fd;
    uint64_t offset;           /**< where the next record goes */
    uint64_t writeback_offset; /**< up to here the kernel was asked to start writing */

    struct mri_sealing sealing;

    /* The chain: what the next record continues. */
    uint64_t next_seq;
    uint32_t prev_crc;
    uint16_t prev_units;
    uint32_t event_crc; /**< head_crc of the newest event */
    int64_t last_unix_ns;
    uint32_t writer_epoch;

    uint64_t durable_seq; /**< everything up to here was synced */
    bool has_unsynced;    /**< something was written since the last sync; ROLL has no seq */
    bool is_poisoned;
    struct mri_buf batch; /**< the batch under construction, as it goes to the file */
};

/**
 * Sync the current segment; poisons the handle when that fails.
 *
 * Returns  MR_OK; MR_EPOISONED; MR_EUNKNOWN.
 * Threads  the handle's thread.
 */
MR_MUST_USE mr_err mri_commit_sync(mr_log *log);

/**
 * Never append through this handle again.
 *
 * Returns  err.
 * Threads  the handle's thread.
 */
mr_err mri_commit_poison(mr_log *log, mr_err err);

/**
 * Make the file of the next segment, which continues the chain at log->next_seq, and switch to it.
 *
 * Returns  MR_OK; MR_ENOSPC and other faults, the handle stays with the old segment.
 * Threads  the handle's thread.
 */
MR_MUST_USE mr_err mri_append_new_segment(mr_log *log, uint64_t base_position);

/**
 * Write records of any type as one batch behind the last one; there must be room.
 *
 * Returns  MR_OK; MR_EINVAL; MR_ENOMEM; MR_EIO the handle is poisoned.
 * Owner    log->batch holds the records as they were written, until the next call.
 * Threads  the handle's thread.
 */
MR_MUST_USE mr_err mri_append_write(mr_log *log, const mr_log_record *records, size_t count);

/**
 * Append records of any type, the log's own included.
 *
 * Returns  as mr_log_append().
 * Threads  the handle's thread.
 */
MR_MUST_USE mr_err mri_append_batch(mr_log *log, const mr_log_record *records, size_t count,
    mr_durability durability, mr_log_ack *ret_ack);

#endif
