/* SPDX-License-Identifier: MIT */
/**
 * Archives: finished segments, packed.
 *
 * seg-<base>.log.zst stands for seg-<base>.log, and is read in its place where that is not there.
 * It is a standard zstd file: a skippable frame that says what it is, and one frame with the
 * segment up to its last record. docs/FORMAT.md "Archive" is the same in words.
 */
#ifndef MRI_LOG_FORMAT_ARCHIVE_H
#define MRI_LOG_FORMAT_ARCHIVE_H

#include "base/alloc.h"
#include "log/format/segment.h"
#include "os/os.h"

/** The head of an archive as it lies in the file. */
struct mri_archive_head {
    uint32_t frame_magic; /**< 0x184d2a50: a zstd frame to skip */
    uint32_t frame_bytes; /**< of the head behind this field */
    char magic[8];        /**< "MRARC\r\n\x1a" */
    uint32_t version;
    uint32_t packed_crc;             /**< CRC32C of everything behind the head */
    uint64_t packed_bytes;           /**< as many as lie behind the head */
    uint64_t plain_bytes;            /**< of the segment, up to its last record */
    struct mri_segment_head segment; /**< as in the segment's own page */
    uint8_t reserved[84];
    uint32_t head_crc; /**< CRC32C of all above */
};

MRI_STATIC_ASSERT(sizeof(struct mri_archive_head) == 256, "the head is a file format");
MRI_STATIC_ASSERT(offsetof(struct mri_archive_head, segment) == 40, "file format");

/** What archiving did. */
struct mri_archive_report {
    uint64_t plain_bytes;  /**< that the segment took on disk */
    uint64_t packed_bytes; /**< that its archive takes */
};

/**
 * The head of a segment's archive, without unpacking it.
 *
 * Returns  MR_OK; MR_EPATH it has none; MR_ECORRUPT; MR_EVERSION; another fault of reading.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_archive_read_head(const struct mri_os *os, const char *folder,
    uint64_t base_seq, struct mri_archive_head *ret_head, mr_problem *problem);

/**
 * Unpack a segment's archive.
 *
 * @param room        zeroed; what lies behind the last record stays so
 * @param room_bytes  segment_bytes of the log: an archive of more is damage
 *
 * Returns  as mri_archive_read_head(), and MR_ENOMEM; *problem has file and offset.
 * Threads  any.
 * Cost     checks every byte of the file; about 1 ns a byte of the segment.
 */
MR_MUST_USE mr_err mri_archive_unpack(const struct mri_os *os, const char *folder,
    uint64_t base_seq, uint8_t *room, uint64_t room_bytes, mr_problem *problem);

/**
 * Pack a finished segment, check the archive, and remove the plain file. Beside a writer, too: it
 * never touches a segment that has a successor. After a crash at any point at least one of the two
 * is whole, and calling again finishes.
 *
 * @param ret_report  NULL, or what was done
 *
 * Returns  MR_OK; MR_EXISTS only the archive is there, nothing was done; MR_REFUSED the segment is
 *          the newest one; MR_NOT_FOUND no such segment; MR_BUSY another process archives;
 *          MR_ECORRUPT the segment is damaged, it stays as it is; MR_ENOSPC, MR_EIO, MR_ENOMEM and
 *          other faults, the plain file stays.
 * Threads  one at a time per folder.
 * Cost     reads and packs the segment, writes and syncs the archive, reads it again.
 */
MR_MUST_USE mr_err mri_archive_segment(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, uint64_t base_seq, struct mri_archive_report *ret_report,
    mr_problem *problem);

#endif
