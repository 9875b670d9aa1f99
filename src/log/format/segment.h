/* SPDX-License-Identifier: MIT */
/**
 * One file of the log: a 4 KiB page that says what it is, then records.
 *
 * The name is its first sequence number, seg-0000000000000001.log. The page holds the head twice,
 * so that a damaged sector does not lose the salt that makes the records readable.
 */
#ifndef MRI_LOG_FORMAT_SEGMENT_H
#define MRI_LOG_FORMAT_SEGMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/check.h"
#include "log/format/record.h"
#include "millrace/err.h"
#include "os/os.h"

enum {
    MRI_SEGMENT_PAGE_BYTES = 4096,
    MRI_SEGMENT_BYTES_MIN = 1024 * 1024,
    MRI_SEGMENT_BYTES_DEFAULT = 64 * 1024 * 1024,
    MRI_SEGMENT_BYTES_MAX = 1024 * 1024 * 1024,
    MRI_SEGMENT_VERSION = 1,
    MRI_SEGMENT_NAME_BYTES = 32,
};

/** Bits of the three sets of features. */
enum {
    MRI_FEATURE_COMPAT_IDENTIFIED = 1 /**< before it there are records with a producer or an id */
};
enum { MRI_FEATURE_INCOMPAT_GAP = 1 /**< the segment has a GAP record */ };

/** Feature bits this version knows. A segment or log with an unknown incompat bit is refused. */
enum {
    MRI_FEATURES_COMPAT = MRI_FEATURE_COMPAT_IDENTIFIED,
    MRI_FEATURES_RO_COMPAT = 0,
    MRI_FEATURES_INCOMPAT = MRI_FEATURE_INCOMPAT_GAP,
};

/** The head of a segment as it lies in the file, twice: at 0 and at half a page. */
struct mri_segment_head {
    char magic[8]; /**< "MRSEG\r\n\x1a" */
    uint32_t version;
    uint32_t writer_epoch; /**< of the open that made it */
    uint8_t log_uuid[16];
    uint64_t base_seq;      /**< seq of the first record */
    uint64_t base_position; /**< position of byte 0 of this file in the log */
    uint64_t salt;          /**< random; part of every record's checksum */
    uint64_t segment_bytes; /**< length of the file */
    int64_t prev_unix_ns;   /**< wall clock of the last record before; 0 in the first segment */
    uint32_t prev_crc;      /**< head_crc of the last record before; 0 in the first segment */
    uint16_t prev_units;    /**< its length in units; 0 in the first segment */
    uint16_t reserved_a;
    uint32_t features_compat;
    uint32_t features_ro_compat;
    uint32_t features_incompat;
    uint8_t link[32];  /**< of the seals before this segment: log/format/seal.h */
    uint32_t head_crc; /**< CRC32C of all above */
};

MRI_STATIC_ASSERT(sizeof(struct mri_segment_head) == 128, "the head is a file format");
MRI_STATIC_ASSERT(offsetof(struct mri_segment_head, prev_crc) == 72, "file format");
MRI_STATIC_ASSERT(offsetof(struct mri_segment_head, link) == 92, "file format");
MRI_STATIC_ASSERT(offsetof(struct mri_segment_head, head_crc) == 124, "file format");

/** A list of segments in order of base_seq. */
struct mri_segment_list {
    const struct mri_alloc *alloc;
    uint64_t *base_seqs;
    size_t count;
    size_t capacity;
};

/**
 * The file name of a segment.
 *
 * Returns  name.
 * Threads  any.
 */
const char *mri_segment_name(uint64_t base_seq, char name[static MRI_SEGMENT_NAME_BYTES]);

/**
 * The file name of a segment's archive, which stands for it when the segment is not there.
 *
 * Returns  name.
 * Threads  any.
 */
const char *mri_segment_archive_name(uint64_t base_seq, char name[static MRI_SEGMENT_NAME_BYTES]);

/**
 * Is this the name of a segment, and which?
 *
 * Returns  MR_OK; MR_REFUSED some other file.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_segment_name_parse(const char *name, uint64_t *ret_base_seq);

/**
 * List the segments of a folder in order, plain and archived ones. Where both files of one are
 * there (a crash came before the plain one was removed) it is listed once.
 *
 * Returns  MR_OK; MR_ENOMEM; a fault of reading the folder.
 * Owner    mri_segment_list_fini() frees.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_segment_list(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, struct mri_segment_list *ret_list);

/**
 * Add a segment behind those of the list.
 *
 * Returns  MR_OK; MR_ENOMEM; MR_ELIMIT there are too many.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_segment_list_add(struct mri_segment_list *list, uint64_t base_seq);

/**
 * Free a list. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_segment_list_fini(struct mri_segment_list *list);

/**
 * Complete a head: magic, version, checksum.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_segment_head_seal(struct mri_segment_head *head);

/**
 * Write zeros over a file of full length and sync it: blocks that were written once cost half as
 * much to write again and sync. Their pages leave the cache: large ones would be written whole
 * later.
 *
 * @param is_stopped  NULL, or asked now and then whether to break off
 *
 * Returns  MR_OK; MR_AGAIN it was broken off; a fault of the file.
 * Threads  one at a time per file.
 * Cost     64 MiB take about 60 ms.
 */
MR_MUST_USE mr_err mri_segment_fill(const struct mri_os *os, int fd, uint64_t bytes,
    bool (*is_stopped)(void *context), void *context);

/**
 * Write both copies of the head into an open segment file.
 *
 * Returns  MR_OK; a fault of the write.
 * Threads  one at a time per file.
 */
MR_MUST_USE mr_err mri_segment_head_write(
    const struct mri_os *os, int fd, const struct mri_segment_head *head);

/** What a head must say to be that of a segment of a log. */
struct mri_segment_wanted {
    const uint8_t *log_uuid; /**< 16 bytes */
    uint64_t segment_bytes;
    uint64_t base_seq;
};

/**
 * Is a head that of a segment?
 *
 * Returns  NULL it is; else what is wrong, a static text.
 * Threads  any.
 */
const char *mri_segment_head_fault(
    const struct mri_segment_head *head, const struct mri_segment_wanted *wanted);

/**
 * What is wrong with the beginning of a file whose head cannot be taken out.
 *
 * @param file_bytes  how long it is
 *
 * Returns  a static text.
 * Threads  any.
 */
const char *mri_segment_file_fault(uint64_t file_bytes);

/**
 * Take the head out of the first page of a segment.
 *
 * @param page         the first bytes of the file
 * @param page_bytes   how many there are
 * @param ret_is_hurt  true: one copy was bad, the other is used
 *
 * Returns  MR_OK; MR_ECORRUPT neither copy is good; MR_EVERSION a newer version or an unknown
 *          incompat feature.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_segment_head_read(
    const void *page, size_t page_bytes, struct mri_segment_head *ret_head, bool *ret_is_hurt);

#endif
