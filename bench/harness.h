/* SPDX-License-Identifier: MIT */
/**
 * What the benchmarks share: a clock, percentiles, waiting for a moment, memory that children see,
 * and one JSON line a measurement for bench/run.py.
 */
#ifndef MRI_BENCH_HARNESS_H
#define MRI_BENCH_HARNESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * A clock for durations.
 *
 * Returns  nanoseconds since some fixed moment, the same for all processes.
 * Threads  any.
 */
int64_t mri_harness_ns(void);

/**
 * Print one measurement.
 *
 * @param name   of the measurement, a key of the table in bench/run.py
 * @param value  in the unit that the table says
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_harness_result(const char *name, double value);

/**
 * Print a text in place of a number: settings, or why something could not be measured.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_harness_text(const char *name, const char *text);

/**
 * Print median, 99th percentile and largest as NAME_p50, NAME_p99 and NAME_max.
 *
 * @param values  sorted by the call
 * @param unit    the values are divided by it
 *
 * Returns  nothing; nothing is printed without values.
 * Threads  one.
 */
void mri_harness_percentiles(const char *name, int64_t *values, size_t count, double unit);

/**
 * The middle one.
 *
 * @param values  sorted by the call; at least one
 *
 * Returns  it.
 * Threads  one.
 */
int64_t mri_harness_median(int64_t *values, size_t count);

/**
 * Rest until shortly before a moment, then spin to it: exact, and leaves the processor to others.
 *
 * Returns  nothing, at or after the moment.
 * Threads  any.
 */
void mri_harness_until(int64_t moment_ns);

/**
 * Zeroed memory that processes forked later see too.
 *
 * Returns  it; the program ends when there is none.
 * Owner    the program, until it ends.
 * Threads  one.
 */
void *mri_harness_shared(size_t bytes);

/**
 * Wait for a child, but not for ever: one that is late is killed.
 *
 * Returns  its exit code, or -1.
 * Threads  one.
 */
int mri_harness_reap(pid_t child, int64_t deadline_ns);

/**
 * End the program with a message when a result is not MR_OK: a benchmark has nobody to recover for.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_harness_must(int err, const char *what);

#endif
