/* SPDX-License-Identifier: MIT */
/**
 * A bus for programs on a log that a node has begun, in a machine in memory.
 */
#ifndef TESTS_LIB_API_SAMPLE_H
#define TESTS_LIB_API_SAMPLE_H

#include "api/bus_api.h"
#include "tests/lib/story.h"

enum { MRI_API_SAMPLE_SYMBOLS = 2 };

struct mri_api_sample {
    struct mri_story *story;
    char symbols[MRI_API_SAMPLE_SYMBOLS][40];
    mr_bus *bus;
    bool has_no_table; /**< the test has damaged what is compared at its end */
};

/**
 * Begin a log with two symbols, a bar of the first, and a bus on it.
 *
 * Returns  nothing; it never fails.
 * Owner    mri_api_sample_end() frees.
 * Threads  one at a time.
 */
void mri_api_sample_begin(struct mri_api_sample *sample);

/**
 * The same with another configuration.
 *
 * @param configure  NULL, or changes it
 *
 * Returns  nothing; it never fails.
 * Owner    mri_api_sample_end() frees.
 * Threads  one at a time.
 */
void mri_api_sample_begin_with(
    struct mri_api_sample *sample, void (*configure)(struct mri_config *config));

/**
 * Close the bus, and free.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_api_sample_end(struct mri_api_sample *sample);

/**
 * One more handle on the same log.
 *
 * Returns  the bus; it never fails.
 * Owner    mr_bus_close() frees.
 * Threads  one at a time.
 */
mr_bus *mri_api_sample_open(const struct mri_api_sample *sample);

/**
 * A long signal of a symbol.
 *
 * Returns  it.
 * Threads  any.
 */
mr_emission mri_api_sample_emission(
    const struct mri_api_sample *sample, uint32_t symbol, const char *source);

/**
 * Emit one.
 *
 * Returns  its ordinal; it never fails.
 * Threads  one at a time.
 */
mr_ordinal mri_api_sample_emit(mr_bus *bus, const mr_emission *emission);

/**
 * The event time of the log.
 *
 * Returns  it; 0: none yet.
 * Threads  one at a time.
 */
int64_t mri_api_sample_event_time(mr_bus *bus);

#endif
