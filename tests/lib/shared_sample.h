/* SPDX-License-Identifier: MIT */
/**
 * Processes that share the state of a bus, on this machine and its file system: a log to emit to,
 * beginning and ending them, and the shared state beside a rebuild.
 */
#ifndef TESTS_LIB_SHARED_SAMPLE_H
#define TESTS_LIB_SHARED_SAMPLE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "api/bus_api.h"

enum { MRI_SHARED_SAMPLE_SYMBOL_BYTES = 40 };

/**
 * Make a log with a symbol and a bar, and nothing that decides.
 *
 * Returns  nothing; it never fails.
 * Threads  one at a time.
 */
void mri_shared_sample_make_log(
    const char *folder, char ret_symbol[MRI_SHARED_SAMPLE_SYMBOL_BYTES]);

/**
 * A handle on it; also for a child, which ends when there is none.
 *
 * Returns  the bus.
 * Owner    mr_bus_close() frees.
 * Threads  one at a time.
 */
mr_bus *mri_shared_sample_open(const char *folder);

/**
 * End a child with what went wrong, unless nothing has.
 *
 * Returns  nothing.
 * Threads  a child's.
 */
void mri_shared_sample_expect(mr_err err, const mr_problem *problem, const char *what);

/**
 * Memory that outlives those who are killed: zeros, as far as it was never written.
 *
 * Returns  the block; it never fails.
 * Owner    munmap() frees.
 * Threads  any.
 */
void *mri_shared_sample_memory(size_t bytes);

/**
 * Begin a child, which is killed with its parent.
 *
 * Returns  its process id.
 * Threads  one at a time.
 */
pid_t mri_shared_sample_begin(
    void (*job)(unsigned which, uint64_t seed), unsigned which, uint64_t seed);

/**
 * Begin a child that only holds a handle on the log, so that the memory stays while others come,
 * are killed and go. The one who begins children has none: a child of fork() in a process with
 * threads may wait for ever for a lock that one of them held, as the address sanitizer's malloc()
 * does.
 *
 * Returns  its process id: the handle is open.
 * Threads  one at a time.
 */
pid_t mri_shared_sample_begin_keeper(const char *folder);

/**
 * End the keeper.
 *
 * Returns  nothing; it ends the test if the keeper had ended by itself.
 * Threads  one at a time.
 */
void mri_shared_sample_end_keeper(pid_t keeper);

/**
 * Wait until children have ended, all of them well: the first that has not ends the others, and the
 * test.
 *
 * @param children  0: that one has ended already
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_shared_sample_end(pid_t *children, size_t count);

/**
 * Fold the log from its first event, and compare the shared state, as the appends left it, with
 * that. Nobody appends meanwhile.
 *
 * @param ret_fold  what was folded
 *
 * Returns  nothing; it ends the test when they differ.
 * Owner    mri_fold_fini() frees.
 * Threads  one at a time.
 */
void mri_shared_sample_check(mr_bus *bus, const char *folder, struct mri_fold *ret_fold);

#endif
