/* SPDX-License-Identifier: MIT */
/**
 * Snapshots: saved states of the layers above, to open a log without reading all of it.
 *
 * A snapshot is a hint, never a truth: it names the record it was taken behind by number and
 * checksum, and whoever loads it compares both with the log. A damaged or foreign one is left
 * aside.
 *
 * A snapshot is whole, or holds what has changed since another one, which it names in the same way:
 *
 *   whole A | + B | + C | whole D | + E | + F       the chain of F is D, E, F
 *
 * The newest two chains are kept: each of them opens the log when the other is damaged.
 */
#ifndef MRI_LOG_OPEN_SNAPSHOT_H
#define MRI_LOG_OPEN_SNAPSHOT_H

#include "base/buf.h"
#include "os/os.h"

enum {
    MRI_SNAPSHOT_CHAINS_KEPT = 2,
    MRI_SNAPSHOT_CHAIN_MAX = 25, /**< snapshots in a chain */
    MRI_SNAPSHOTS_LISTED_MAX = 64
};

/** Which state a snapshot holds. */
struct mri_snapshot_place {
    uint64_t seq;       /**< of the newest record it includes */
    uint32_t chain_crc; /**< that record's checksum */
    uint32_t base_crc;  /**< as chain_crc, of the snapshot it builds on */
    uint64_t base_seq;  /**< as seq, of the snapshot it builds on; 0: none, it is whole */
};

/** A snapshot and all it builds on. */
struct mri_snapshot_chain {
    uint64_t seqs[MRI_SNAPSHOT_CHAIN_MAX]; /**< the whole one first */
    uint32_t count;
    uint64_t whole_bytes; /**< of the payload of the whole one */
    uint64_t added_bytes; /**< of those of the others, together */
};

/** Snapshots of a folder, newest first. */
struct mri_snapshot_list {
    uint64_t seqs[MRI_SNAPSHOTS_LISTED_MAX];
    uint32_t count;
};

/**
 * Write a snapshot durably, then remove those that are not in the newest MRI_SNAPSHOT_CHAINS_KEPT
 * chains.
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
 * What a snapshot builds on, by the heads of the files.
 *
 * Returns  MR_OK; MR_NOT_FOUND one that it builds on is not there any more, or another one has its
 *          name; MR_EPATH it is not there itself; MR_ECORRUPT, MR_EVERSION of a head; MR_FULL more
 *          than MRI_SNAPSHOT_CHAIN_MAX; a fault of reading.
 * Threads  any.
 * Cost     opens each of them.
 */
MR_MUST_USE mr_err mri_snapshot_chain_of(const struct mri_os *os, const char *folder, uint64_t seq,
    struct mri_snapshot_chain *ret_chain);

/**
 * How many whole snapshots are there?
 *
 * Returns  their number, of those whose heads can be read.
 * Threads  any.
 * Cost     opens each of the list.
 */
uint32_t mri_snapshot_count_whole(
    const struct mri_os *os, const char *folder, const struct mri_snapshot_list *list);

/**
 * Is a snapshot there with all it builds on, undamaged?
 *
 * @param payload  made by the caller with the most bytes it accepts; filled with anything
 *
 * Returns  MR_OK; as mri_snapshot_chain_of() and mri_snapshot_read().
 * Threads  any.
 * Cost     reads all of them.
 */
MR_MUST_USE mr_err mri_snapshot_check(
    const struct mri_os *os, const char *folder, uint64_t seq, struct mri_buf *payload);

/**
 * Read one snapshot, without what it builds on.
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
