/* SPDX-License-Identifier: MIT */
/**
 * A machine in memory whose calls can be made to fail, with a log that is open for writing: what
 * most tests of the log begin with.
 */
#ifndef TESTS_LIB_MACHINE_SAMPLE_H
#define TESTS_LIB_MACHINE_SAMPLE_H

#include "log/format/segment.h"
#include "millrace/log.h"
#include "millrace/log_read.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

struct mri_machine_sample {
    size_t file_bytes_max; /**< to be set by the test; 0: of a segment */
    bool is_unsealed; /**< to be set by the test: the log seals when mri_log_sample_seal() says */
    struct mri_os_memory *memory;
    struct mri_os_faults faults; /**< in front of the memory */
    const struct mri_os *os;     /**< that of `faults` */
    mr_log *log;                 /**< "/log"; NULL: not open */
    mr_log_reader *reader;       /**< NULL, or what the test has opened */
    char path[MRI_PATH_BYTES_MAX];
};

/**
 * Make the machine, without a log.
 *
 * Returns  nothing; it ends the test when it fails.
 * Owner    mri_machine_sample_end() frees.
 * Threads  one at a time.
 */
void mri_machine_sample_make(struct mri_machine_sample *sample);

/**
 * Open the log, and make it if it is missing: the segments are the smallest there are.
 *
 * Returns  nothing; it ends the test when it fails.
 * Threads  one at a time.
 */
void mri_machine_sample_open(struct mri_machine_sample *sample);

/**
 * Close the log if it is open.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_machine_sample_close(struct mri_machine_sample *sample);

/**
 * Close and free everything, the reader behind the log. Nobody may have anything open then.
 *
 * Returns  nothing; it ends the test when something is.
 * Threads  one at a time.
 */
void mri_machine_sample_end(struct mri_machine_sample *sample);

/**
 * End, and begin anew with an empty log.
 *
 * Returns  nothing; it ends the test when it fails.
 * Threads  one at a time.
 */
void mri_machine_sample_renew(struct mri_machine_sample *sample);

/**
 * Make the machine and open the log, before a test of cmocka, and end both behind it: `fixture`
 * leads to the sample.
 *
 * Returns  0.
 * Threads  one at a time.
 */
int mri_machine_sample_set_up(void **fixture);
int mri_machine_sample_tear_down(void **fixture);

/** A test that begins with a sample of its own. */
#define MRI_MACHINE_SAMPLE_TEST(name, sample)                                                      \
    cmocka_unit_test_prestate_setup_teardown(                                                      \
        name, mri_machine_sample_set_up, mri_machine_sample_tear_down, sample)

/**
 * The segments that the log has.
 *
 * Returns  how many; the first seq of the newest; the path of one, from 0, which must be there.
 * Owner    the sample has the path, until the next call.
 * Threads  one at a time.
 */
size_t mri_machine_sample_segment_count(const struct mri_machine_sample *sample);
uint64_t mri_machine_sample_newest_base(const struct mri_machine_sample *sample);
const char *mri_machine_sample_segment_path(struct mri_machine_sample *sample, size_t index);

/**
 * Append samples until there are so many segments, and some more; all of it is durable.
 *
 * Returns  the last seq.
 * Threads  one at a time.
 */
uint64_t mri_machine_sample_fill(
    struct mri_machine_sample *sample, size_t segments, size_t body_bytes_max);

#endif
