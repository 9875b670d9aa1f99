/* SPDX-License-Identifier: MIT */
/**
 * Snapshots: saved states of the layers above, to open a log without reading all of it.
 *
 * A snapshot is a hint, never a truth: it names the record it was taken behind by number and
 * checksum, and whoever loads it compares both with the log. A damaged or foreign one is left
 * aside.
 */
#ifndef MRI_LOG_OPEN_SNAPSHOT_H
#define MRI_LOG_OPEN_SNAPSHOT_H

#include "base/buf.h"
#include "os/os.h"

enum { MRI_SNAPSHOTS_KEPT = 2, MRI_SNAPSHOTS_LISTED_MAX = 64 };

/** Which state a snapshot holds. */
struct mri_snapshot_place {
    uint64_t seq;       /**< of the newest record it includes */
    uint32_t chain_crc; /**< that record's checksum */
};

/** Snapshots of a folder, newest first. */
struct mri_snapshot_list {
    uint64_t seqs[MRI_SNAPSHOTS_LISTED_MAX];
    uint32_t count;
};

/**
 * Write a snapshot durably, then remove all but the newest MRI_SNAPSHOTS_KEPT.
 *
 * Returns  MR_OK; MR_ENOSPC and other faults of writing: it is there whole or not at all, those
 *          before it are as they were, and it takes no space.
 * Threads  one at a time per folder.
 * Cost     writes and syncs the payload.
 */
MR_MUST_USE mr_err mri_snapshot_write(const struct mri_os *os, const char *folder,
    const struct mri_snapshot_place *place, const struct mri_buf *payload);

/**
 * List the snapshots of a log's folder.
 *
 * Returns  MR_OK, also when there are none; a fault of reading the folder.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_snapshot_list(
    const struct mri_os *os, const char *folder, struct mri_snapshot_list *ret_list);

/**
 * Read a snapshot whole.
 *
 * @param payload  made by the caller with the most bytes it accepts; filled on success
 *
 * Returns  MR_OK; MR_ECORRUPT damaged or not what its name says; MR_EVERSION another format;
 *          MR_ENOMEM also when it is larger than the caller accepts; a fault of reading.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_snapshot_read(const struct mri_os *os, const char *folder, uint64_t seq,
    struct mri_snapshot_place *ret_place, struct mri_buf *payload);

#endif
