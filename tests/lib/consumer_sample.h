/* SPDX-License-Identifier: MIT */
/**
 * A log in memory with consumers: what most tests of consumers begin with.
 */
#ifndef TESTS_LIB_CONSUMER_SAMPLE_H
#define TESTS_LIB_CONSUMER_SAMPLE_H

#include "log/consume/consumer.h"
#include "log/open/append.h"
#include "tests/lib/os_memory.h"

/** Longest body of the samples; and the clock at the beginning, which stands still. */
enum { MRI_CONSUMER_SAMPLE_BODY_MAX = 200 };
#define MRI_CONSUMER_SAMPLE_CLOCK_NS ((int64_t)1700000000000000000)

struct mri_consumer_sample {
    unsigned event_count; /**< what the log begins with: to be set by the test */
    struct mri_os_memory *memory;
    const struct mri_os *os;
    mr_log *log; /**< NULL: not open */
    int64_t now_ns;
    mr_problem problem; /**< of the last call below that failed */
};

/**
 * Make a machine with a log of `event_count` samples, open for writing.
 *
 * Returns  nothing; it ends the test when it fails.
 * Threads  one at a time.
 */
void mri_consumer_sample_begin(struct mri_consumer_sample *sample);

/**
 * Close and free everything.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_consumer_sample_end(struct mri_consumer_sample *sample);

/**
 * The same around a test of cmocka: `fixture` leads to the sample.
 *
 * Returns  0.
 * Threads  one at a time.
 */
int mri_consumer_sample_set_up(void **fixture);
int mri_consumer_sample_tear_down(void **fixture);

/** A test that begins with a sample of its own. */
#define MRI_CONSUMER_SAMPLE_TEST(name, sample)                                                     \
    cmocka_unit_test_prestate_setup_teardown(                                                      \
        name, mri_consumer_sample_set_up, mri_consumer_sample_tear_down, sample)

/**
 * Append one sample at a time, so that each is a batch.
 *
 * Returns  nothing; it ends the test when it fails.
 * Threads  one at a time.
 */
void mri_consumer_sample_append(
    struct mri_consumer_sample *sample, unsigned count, mr_durability durability);

/**
 * Open the log for writing again.
 *
 * Returns  nothing; it ends the test when it fails.
 * Threads  one at a time.
 */
void mri_consumer_sample_open_log(struct mri_consumer_sample *sample);

/**
 * Close the log.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_consumer_sample_close_log(struct mri_consumer_sample *sample);

/**
 * Open the consumer "c"; NULL options: as it was made.
 *
 * Returns  as mr_consumer_open(); the handle is NULL after a failure.
 * Owner    mr_consumer_close() frees.
 * Threads  one at a time.
 */
mr_err mri_consumer_sample_try(struct mri_consumer_sample *sample,
    const mr_consumer_options *options, mr_consumer **ret_consumer);

/**
 * Open the consumer "c", which must work.
 *
 * Returns  the handle.
 * Owner    mr_consumer_close() frees.
 * Threads  one at a time.
 */
mr_consumer *mri_consumer_sample_open(
    struct mri_consumer_sample *sample, const mr_consumer_options *options);

/**
 * Lease the next event, which must be a sample or one of the log's own.
 *
 * Returns  its seq; 0 when there is none now.
 * Threads  one at a time.
 */
uint64_t mri_consumer_sample_next(struct mri_consumer_sample *sample, mr_consumer *consumer);

/**
 * Lease the next event, or hear why not.
 *
 * Returns  as mr_consumer_next().
 * Threads  one at a time.
 */
mr_err mri_consumer_sample_look(
    struct mri_consumer_sample *sample, mr_consumer *consumer, mr_delivery *ret_delivery);

/**
 * Ack an event.
 *
 * Returns  as mr_consumer_ack().
 * Threads  one at a time.
 */
mr_err mri_consumer_sample_ack(
    struct mri_consumer_sample *sample, mr_consumer *consumer, uint64_t seq);

/**
 * Figures of the consumer "c".
 *
 * Returns  them; it ends the test when there are none.
 * Threads  one at a time.
 */
mr_consumer_stats mri_consumer_sample_stat(struct mri_consumer_sample *sample);

/**
 * Let time pass.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_consumer_sample_pass(struct mri_consumer_sample *sample, int64_t duration_ms);

#endif
