/* SPDX-License-Identifier: MIT */
/**
 * Whether a child of a process with threads may use malloc(). That of clang 14's address sanitizer
 * keeps locks that a thread of the parent held at fork(), and waits for ever.
 */
#ifndef TESTS_LIB_FORK_SAMPLE_H
#define TESTS_LIB_FORK_SAMPLE_H

#include <stdio.h>

enum { MRI_FORK_SAMPLE_SKIP = 77 /* what a program of tests returns that was not run */ };

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MRI_FORK_SAMPLE_IS_UNSAFE 1
#endif
#endif

#if defined(MRI_FORK_SAMPLE_IS_UNSAFE)
#define MRI_FORK_SAMPLE_SKIP_IF_UNSAFE()                                                           \
    do {                                                                                           \
        (void)puts("SKIP: the address sanitizer's malloc() is not usable behind fork()");          \
        return MRI_FORK_SAMPLE_SKIP;                                                               \
    } while (0)
#else
#define MRI_FORK_SAMPLE_SKIP_IF_UNSAFE() (void)0
#endif

#endif
