/* SPDX-License-Identifier: MIT */
/**
 * Segments' files in memory, whatever state they are in: of the log that is repaired, and of copies
 * of it.
 */
#ifndef MRI_LOG_KEEP_MAPPED_H
#define MRI_LOG_KEEP_MAPPED_H

#include "base/alloc.h"
#include "log/format/manifest.h"
#include "log/format/segment.h"
#include "os/os.h"

/** The log whose segments are mapped. */
struct mri_mapped_log {
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    const struct mri_manifest *manifest;
};

/** A segment's file, mapped. */
struct mri_mapped {
    const uint8_t *bytes; /**< NULL: none */
    uint64_t count;
    bool is_there; /**< there is a file or an archive, whatever is in it */
    struct mri_segment_head head;
    bool has_head; /**< a good one, of this log */
    void *block;   /**< what to free, of an archive that was unpacked; else NULL */
};

/**
 * Map a file, at most a segment of it; an empty one maps to nothing.
 *
 * @param flags  as of open: a copy may be behind a symbolic link, a segment may not
 *
 * Returns  MR_OK, also when the head is bad; MR_EPATH it is not there, or no regular file;
 *          MR_EVERSION; MR_ENOMEM, another fault of reading.
 * Owner    mri_mapped_free() frees.
 * Threads  one at a time per result.
 */
MR_MUST_USE mr_err mri_mapped_file(const struct mri_mapped_log *log, const char *path,
    unsigned flags, struct mri_mapped *ret_mapped);

/**
 * Map a segment of a folder, or unpack its archive where there is no such file.
 *
 * Returns  as mri_mapped_file(); MR_EPATH it has neither; MR_ECORRUPT the archive is damaged.
 * Owner    mri_mapped_free() frees.
 * Threads  one at a time per result.
 */
MR_MUST_USE mr_err mri_mapped_segment(const struct mri_mapped_log *log, const char *folder,
    uint64_t base_seq, unsigned flags, struct mri_mapped *ret_mapped, mr_problem *reterr_problem);

/**
 * The same segment as a copy of the log, or a copy of that file alone, has it. What cannot be used
 * is as if it were not there.
 *
 * @param source  a folder or a file; NULL: there is no copy
 *
 * Returns  nothing; *ret_mapped has a head, or is zeroed.
 * Owner    mri_mapped_free() frees.
 * Threads  one at a time per result.
 */
void mri_mapped_copy(const struct mri_mapped_log *log, const char *source, uint64_t base_seq,
    struct mri_mapped *ret_mapped);

/**
 * Free. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_mapped_free(const struct mri_mapped_log *log, struct mri_mapped *mapped);

#endif
