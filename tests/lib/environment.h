/* SPDX-License-Identifier: MIT */
/**
 * Counts of the larger tests, which the environment may raise.
 */
#ifndef TESTS_LIB_ENVIRONMENT_H
#define TESTS_LIB_ENVIRONMENT_H

#include <stdint.h>
#include <stdlib.h>

/**
 * A number of the environment.
 *
 * Returns  it; `usual` when it is not there or none.
 * Threads  one at a time.
 */
static inline uint64_t mri_environment_number(const char *name, uint64_t usual)
{
    const char *text = getenv(name);
    char *end;
    uint64_t number = text == NULL ? 0 : strtoull(text, &end, 10);
    return number == 0 ? usual : number;
}

#endif
