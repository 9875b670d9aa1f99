/* SPDX-License-Identifier: MIT */
/**
 * The file `producers` of a log: its producers and newest message ids up to one event, so that an
 * open reads only what came later.
 *
 * It is derived, and believed only when it is whole and names that very event of this log. Without
 * the segments that were removed it is the only source of the producers that were only there.
 */
#ifndef MRI_LOG_DEDUPE_DEDUPE_FILE_H
#define MRI_LOG_DEDUPE_DEDUPE_FILE_H

#include "base/alloc.h"
#include "base/check.h"
#include "log/dedupe/dedupe.h"
#include "os/os.h"

#define MRI_DEDUPE_FILE_NAME "producers"

enum { MRI_DEDUPE_FILE_VERSION = 1 };

/** The front of the file, little-endian; producers follow, then message ids, oldest first. */
struct mri_dedupe_file_head {
    char magic[8]; /**< "MRPRD\r\n\x1a" */
    uint32_t version;
    uint32_t crc; /**< CRC32C of the whole file with this field 0 */
    uint8_t log_uuid[16];
    uint64_t seq;       /**< of the newest event that is included */
    uint32_t chain_crc; /**< head_crc of that event */
    uint32_t producer_count;
    uint32_t id_count;
    uint32_t ids_max;       /**< of the window that the ids are from */
    uint32_t is_incomplete; /**< 1: producers of events that are gone are not known */
    uint32_t reserved;
};

struct mri_dedupe_file_producer {
    uint32_t id;
    uint32_t producer_seq;
    uint64_t seq;
    uint32_t run;
    uint32_t reserved;
};

struct mri_dedupe_file_id {
    uint8_t bytes[MRI_MESSAGE_ID_BYTES];
    uint64_t seq;
};

MRI_STATIC_ASSERT(sizeof(struct mri_dedupe_file_head) == 64, "the head is a file format");
MRI_STATIC_ASSERT(sizeof(struct mri_dedupe_file_producer) == 24, "file format");
MRI_STATIC_ASSERT(sizeof(struct mri_dedupe_file_id) == 24, "file format");

/** A file that was read. */
struct mri_dedupe_file {
    const struct mri_alloc *alloc;
    size_t bytes;
    const struct mri_dedupe_file_head *head;
    const struct mri_dedupe_file_producer *producers;
    const struct mri_dedupe_file_id *ids;
};

/** Which event the tables include as the newest, and of which log. */
struct mri_dedupe_file_place {
    uint8_t log_uuid[16];
    uint64_t seq;
    uint32_t chain_crc;
};

/**
 * Replace the file durably.
 *
 * Returns  MR_OK; MR_ENOMEM, a fault of writing: the old one stays.
 * Threads  one at a time per folder; nobody notes anything meanwhile.
 * Cost     writes and syncs 24 bytes for each producer and message id.
 */
MR_MUST_USE mr_err mri_dedupe_file_write(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const struct mri_dedupe *dedupe, const struct mri_dedupe_file_place *place);

/**
 * Read it.
 *
 * Returns  MR_OK; MR_NOT_FOUND; MR_ECORRUPT damaged, or of another log; MR_EVERSION another format;
 *          MR_ENOMEM, a fault of reading.
 * Owner    mri_dedupe_file_fini() frees.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_dedupe_file_read(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const uint8_t log_uuid[16], struct mri_dedupe_file *ret_file);

/**
 * Check bytes as if they had been read.
 *
 * Returns  MR_OK; MR_ECORRUPT; MR_EVERSION.
 * Owner    *ret_file points into the bytes and is not to be freed.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_dedupe_file_check(
    const void *bytes, size_t count, const uint8_t log_uuid[16], struct mri_dedupe_file *ret_file);

/**
 * Put what it says into empty tables.
 *
 * Returns  MR_OK; MR_FULL it has more producers than the tables.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_dedupe_file_put(
    const struct mri_dedupe_file *file, struct mri_dedupe *dedupe);

/**
 * Free. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_dedupe_file_fini(struct mri_dedupe_file *file);

#endif
