/* SPDX-License-Identifier: MIT */
/**
 * A log in a temporary folder with a hot tail, and a derived area that can be computed again from
 * the log: for each writer the number of its newest record, and how many records there are.
 */
#ifndef TESTS_LIB_HOT_SAMPLE_H
#define TESTS_LIB_HOT_SAMPLE_H

#include "log/hot/hot_tail.h"
#include "millrace/log_read.h"
#include "tests/lib/temp_folder.h"

enum {
    MRI_HOT_SAMPLE_WRITERS_MAX = 8,
    MRI_HOT_SAMPLE_BODY_MAX = 400,
    MRI_HOT_SAMPLE_PRODUCERS_MAX = 32768,
};

/** Words of the derived area. */
enum { MRI_HOT_SAMPLE_COUNT = MRI_HOT_SAMPLE_WRITERS_MAX, MRI_HOT_SAMPLE_WORDS };

struct mri_hot_sample {
    char folder[MRI_TEMP_FOLDER_BYTES];
    char log_folder[MRI_TEMP_FOLDER_BYTES + 8];
    char memory_path[MRI_TEMP_FOLDER_BYTES + 8];
    struct mri_hot_options options;
    struct mri_hot_start start;
    struct mri_hot_tail hot;
};

/** The front of a body; what follows depends on these two. */
struct mri_hot_sample_body {
    uint32_t writer;
    uint32_t number; /**< of the writer's records, from 1 */
};

/**
 * Make an empty log and its memory, and attach.
 *
 * Returns  nothing; it never fails (it ends the process).
 * Owner    mri_hot_sample_end() removes all of it.
 * Threads  one at a time.
 */
void mri_hot_sample_begin(struct mri_hot_sample *sample, uint64_t segment_bytes, size_t ring_bytes);

/**
 * Close and remove.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_hot_sample_end(struct mri_hot_sample *sample);

/**
 * Append a batch of a writer's next records.
 *
 * @param first  number of the first one
 *
 * Returns  as mri_hot_tail_append().
 * Threads  one at a time per handle.
 */
mr_err mri_hot_sample_append(struct mri_hot_tail *hot, const struct mri_hot_sample_body *first,
    size_t count, mr_durability durability, mr_log_ack *ret_ack);

/** What reading the log has found. */
struct mri_hot_sample_found {
    uint64_t records;
    uint32_t newest[MRI_HOT_SAMPLE_WRITERS_MAX]; /**< of each writer; 0 = none */
};

/**
 * Read the segments from the start: every record must be a sample, each writer's numbers dense.
 *
 * Returns  MR_END; MR_EINTERNAL a record is wrong; a fault of reading.
 * Threads  one at a time.
 */
mr_err mri_hot_sample_read(
    const struct mri_hot_sample *sample, struct mri_hot_sample_found *ret_found);

#endif
