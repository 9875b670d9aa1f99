/* SPDX-License-Identifier: MIT */
/**
 * Assertions that stay on in release: they state what is proved, and never check input.
 */
#ifndef MRI_BASE_CHECK_H
#define MRI_BASE_CHECK_H

/** The condition is proved to hold; if it does not, this is our bug and the process stops. */
#define MRI_ASSERT(condition)                                                                      \
    ((condition) ? (void)0 : mri_check_fail(__FILE__, __LINE__, #condition))

/** As MRI_ASSERT, for checks that walk a structure: only in builds with MRI_DEBUG. */
#ifdef MRI_DEBUG
#define MRI_DEBUG_ASSERT(condition) MRI_ASSERT(condition)
#else
#define MRI_DEBUG_ASSERT(condition) ((void)0)
#endif

/** A fact about types or constants, checked by the compiler. */
#define MRI_STATIC_ASSERT(condition, why) _Static_assert(condition, why)

/** The number of elements of an array (not of a pointer). */
#define MRI_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/**
 * Write what failed to stderr and stop the process.
 *
 * Returns  never.
 * Threads  any.
 */
_Noreturn void mri_check_fail(const char *file, int line, const char *condition);

#endif
