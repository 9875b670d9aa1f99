/* SPDX-License-Identifier: MIT */
/**
 * The reader's side of the log, with the machine to run on as an argument. The functions that users
 * call are in millrace/log_read.h.
 */
#ifndef MRI_LOG_READ_READER_H
#define MRI_LOG_READ_READER_H

#include "base/alloc.h"
#include "log/format/manifest.h"
#include "log/format/record.h"
#include "log/format/segment.h"
#include "millrace/log_read.h"
#include "os/os.h"

/**
 * mr_log_reader_open() on a given machine.
 *
 * Returns  as mr_log_reader_open().
 * Owner    mr_log_reader_close() frees; os and alloc must outlive the reader.
 * Threads  one thread per reader.
 */
MR_MUST_USE mr_err mri_reader_open(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, mr_log_reader **ret_reader, mr_problem *reterr_problem);

/**
 * mr_log_reader_open_with() on a given machine.
 *
 * Returns  as mr_log_reader_open_with().
 * Owner    mr_log_reader_close() frees; os and alloc must outlive the reader.
 * Threads  one thread per reader.
 */
MR_MUST_USE mr_err mri_reader_open_with(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const mr_log_read_options *options, mr_log_reader **ret_reader,
    mr_problem *reterr_problem);

/**
 * Are all segments there between the oldest and the newest?
 *
 * Returns  MR_OK; MR_ECORRUPT one is missing; faults of opening the two.
 * Threads  the reader's thread.
 * Cost     reads two heads.
 */
MR_MUST_USE mr_err mri_reader_check_count(const mr_log_reader *reader, mr_problem *reterr_problem);

/**
 * Is a reader of this log? What a folder has may have been replaced.
 *
 * Returns  true or false.
 * Threads  the reader's thread.
 */
bool mri_reader_is_of(const mr_log_reader *reader, const uint8_t *log_uuid);

/**
 * From now on hand out ROLL and SEAL records, too. They carry the seq of the next event.
 *
 * Returns  nothing.
 * Threads  the reader's thread.
 */
void mri_reader_show_all(mr_log_reader *reader);

/**
 * The head of the segment that the record handed out last lies in.
 *
 * Returns  it; NULL in a log without a segment.
 * Owner    points into the reader, until its next call.
 * Threads  the reader's thread.
 */
const struct mri_segment_head *mri_reader_segment(const mr_log_reader *reader);

/**
 * The record of an event that a reader has handed out.
 *
 * Returns  its head; what stands in the log follows it.
 * Owner    as the event's body.
 * Threads  the reader's thread.
 */
static inline const struct mri_record_head *mri_reader_record(const mr_log_event *event)
{
    const void *behind = event->message_id != NULL ? event->message_id : event->body;
    return (const struct mri_record_head *)behind - 1;
}

/**
 * Where the reader stands, for messages: the file name and the offset of the next record.
 *
 * Returns  the offset.
 * Owner    *ret_name points into the reader.
 * Threads  the reader's thread.
 */
uint64_t mri_reader_place(const mr_log_reader *reader, const char **ret_name);

#endif
