/* SPDX-License-Identifier: MIT */
/*
 * Clock and output of the benchmarks.
 */
#define _GNU_SOURCE
#include "bench/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "millrace/err.h"

int64_t mri_harness_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void mri_harness_result(const char *name, double value)
{
    (void)printf("{\"name\": \"%s\", \"value\": %.9g}\n", name, value);
}

void mri_harness_must(int err, const char *what)
{
    if (err != MR_OK) {
        (void)fprintf(stderr, "%s: %s\n", what, mr_err_text((mr_err)err));
        exit(1);
    }
}
