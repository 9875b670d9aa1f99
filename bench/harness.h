/* SPDX-License-Identifier: MIT */
/**
 * What the benchmarks share: a clock, and one JSON line a measurement for bench/run.py.
 */
#ifndef MRI_BENCH_HARNESS_H
#define MRI_BENCH_HARNESS_H

#include <stdint.h>

/**
 * A clock for durations.
 *
 * Returns  nanoseconds since some fixed moment.
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
 * End the program with a message when a result is not MR_OK: a benchmark has nobody to recover for.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_harness_must(int err, const char *what);

#endif
