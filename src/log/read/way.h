/* SPDX-License-Identifier: MIT */
/**
 * The reader's handle, shared by reader.c and seek.c. Nobody else looks inside.
 */
#ifndef MRI_LOG_READ_WAY_H
#define MRI_LOG_READ_WAY_H

#include "log/format/segment.h"
#include "log/read/place.h"
#include "log/read/reader.h"
#include "os/fork.h"
#include "os/wake_fd.h"

enum { MRI_READER_MAGIC = 0x6d724c52 };

struct mr_log_reader {
    uint32_t magic;
    uint32_t fork_count; /**< of this process when it was opened: see mri_way_is_usable() */
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    char folder[MRI_PATH_BYTES_MAX];
    struct mri_manifest manifest;
    struct mri_hot_view view;
    struct mri_place_source source;
    struct mri_segment_list list;
    int watch_fd;
    bool is_in_files;         /**< what is not in the files yet does not count */
    bool is_durable;          /**< what is not durable does not count */
    uint64_t limit_seq;       /**< with is_durable: the newest event that may be handed out */
    uint64_t seen_position;   /**< up to where the ring was looked at */
    struct mri_wake_fd *wake; /**< NULL: nobody polls */
    bool is_whole;            /**< hand out records without a seq of their own, too */
    struct mri_place at;
    mr_log_tail tail;
    mr_log_token token; /**< of the last event handed out */
};

/**
 * May a handle be used here? Not when there is none, and not when it is the parent's of this
 * process.
 *
 * Returns  true or false.
 * Threads  the reader's thread.
 */
static inline bool mri_way_is_usable(const mr_log_reader *reader)
{
    MRI_ASSERT(reader == NULL || reader->magic == MRI_READER_MAGIC);
    return reader != NULL && reader->fork_count == mri_fork_count();
}

/**
 * Say that a handle may not be used.
 *
 * Returns  MR_EINVAL.
 * Threads  any.
 */
mr_err mri_way_refuse(const mr_log_reader *reader, mr_problem *problem);

/**
 * Is there a ring, is it another one? What is held goes on in it, or in its file.
 *
 * Returns  MR_OK; MR_REWOUND what was read out of the old ring was lost; MR_ENOMEM, MR_EIO.
 * Threads  the reader's thread.
 */
MR_MUST_USE mr_err mri_way_follow(mr_log_reader *reader, mr_problem *problem);

/**
 * Read the folder again: has a newer segment appeared, were the oldest removed?
 *
 * Returns  MR_OK; MR_ECORRUPT a segment between others is gone; a fault of reading the folder.
 * Threads  the reader's thread.
 */
MR_MUST_USE mr_err mri_way_refresh(mr_log_reader *reader, mr_problem *problem);

/**
 * The first segment of the list that begins behind a seq.
 *
 * Returns  its index; the number of segments when there is none.
 * Threads  the reader's thread.
 */
size_t mri_way_index_behind(const mr_log_reader *reader, uint64_t seq);

/**
 * Go on at a place of its own.
 *
 * Returns  nothing.
 * Threads  the reader's thread.
 */
void mri_way_move_to(mr_log_reader *reader, const struct mri_place *place);

#endif
