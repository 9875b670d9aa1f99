/* SPDX-License-Identifier: MIT */
/**
 * Records whose whole content follows from their sequence number, so that whoever reads one can
 * tell whether it is right without knowing who wrote it.
 */
#ifndef TESTS_LIB_LOG_SAMPLE_H
#define TESTS_LIB_LOG_SAMPLE_H

#include "millrace/log.h"
#include "millrace/log_read.h"

/** The longest body, and the most records of a batch. */
enum { MRI_LOG_SAMPLE_BODY_MAX = 128 * 1024, MRI_LOG_SAMPLE_BATCH_MAX = 64 };

/**
 * Append a batch of samples behind the log's last event.
 *
 * @param body_bytes_max  bodies are 0 to so many bytes long
 * @param ret_ack         NULL, or what was done
 *
 * Returns  as mr_log_append().
 * Threads  one at a time.
 */
mr_err mri_log_sample_append(mr_log *log, size_t count, size_t body_bytes_max,
    mr_durability durability, mr_log_ack *ret_ack);

/**
 * Is this event exactly the sample of its sequence number?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_log_sample_is(const mr_log_event *event, size_t body_bytes_max);

/**
 * Read on to the end: every event must be a sample or one of the log's own, in order without a gap.
 *
 * @param ret_last  seq of the last event read; as it was when there is none
 *
 * Returns  how reading ended, MR_END or a fault; MR_EINTERNAL an event was wrong.
 * Threads  one at a time.
 */
mr_err mri_log_sample_read(mr_log_reader *reader, size_t body_bytes_max, uint64_t *ret_last);

struct mri_os_memory;

/**
 * Where what was appended ends.
 *
 * Returns  the offset in the newest segment.
 * Threads  one at a time.
 */
uint64_t mri_log_sample_end(const mr_log *log);

/**
 * Seal what there is, or keep the log from sealing until told otherwise.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_log_sample_seal(mr_log *log);
void mri_log_sample_keep_unsealed(mr_log *log, bool is_kept);

struct mri_seal_state;

/**
 * Where the log's sealing stands, to look at and to spoil.
 *
 * Returns  the state.
 * Owner    the log, until the next append.
 * Threads  one at a time.
 */
struct mri_seal_state *mri_log_sample_seals(mr_log *log);

struct mri_os;
struct mri_seal_walk;

/**
 * Walk over all of a log's seals.
 *
 * Returns  how it ended, as mri_seal_walk_next(): MR_END when all of them hold.
 * Owner    mri_seal_walk_fini() frees the walk, however it ended.
 * Threads  one at a time.
 */
mr_err mri_log_sample_walk_seals(const struct mri_os *os, const char *folder,
    struct mri_seal_walk *ret_walk, mr_problem *reterr_problem);

/**
 * Where the newest segment begins.
 *
 * Returns  the position.
 * Threads  one at a time.
 */
uint64_t mri_log_sample_segment(const mr_log *log);

/**
 * The process of a machine in memory is killed while it has the log open: frees the handle and
 * touches nothing that outlives it.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_log_sample_end_process(struct mri_os_memory *memory, mr_log *log);

#endif
