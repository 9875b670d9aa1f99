/* SPDX-License-Identifier: MIT */
/**
 * Places where a test may end the process: where the order of stores into shared memory matters.
 */
#ifndef MRI_LOG_MEET_HOT_POINT_H
#define MRI_LOG_MEET_HOT_POINT_H

#if defined(MRI_HOT_FAILPOINTS)
/**
 * A place where a test may end the process; the test has it.
 *
 * Returns  nothing, if it returns.
 * Threads  any.
 */
void mri_hot_point_passed(unsigned number);
#define MRI_HOT_POINT(number) mri_hot_point_passed(number)
#else
#define MRI_HOT_POINT(number) ((void)0)
#endif

#endif
