/* SPDX-License-Identifier: MIT */
/**
 * Why an event that was asked for is not there: one wording for every question.
 */
#ifndef MRI_BUS_MISSING_EVENT_H
#define MRI_BUS_MISSING_EVENT_H

#include <stdint.h>

#include "millrace/log_read.h"

/**
 * Say of an event that it was removed, that a repair has given it up, that it has not come yet, or
 * that it is no event of the bus.
 *
 * @param reader  of the log; it is moved
 *
 * Returns  MR_NOT_FOUND, and *reterr_problem says which; faults of reading.
 * Threads  one at a time per reader.
 * Cost     walks the heads of a segment or two.
 */
MR_MUST_USE mr_err mri_missing_event_tell(
    mr_log_reader *reader, uint64_t seq, mr_problem *reterr_problem);

/**
 * Say that the beginning of a log, up to what was asked for, was removed.
 *
 * @param what       "event 7"
 * @param first_seq  the event that the log is kept from
 *
 * Returns  MR_NOT_FOUND.
 * Threads  any.
 */
mr_err mri_missing_event_removed(const char *what, uint64_t first_seq, mr_problem *reterr_problem);

#endif
