/* SPDX-License-Identifier: MIT */
/**
 * What the programs that torture the log with real processes share: a seed and counts from the
 * environment, processes that are started, killed and waited for, and a way to fail from any of
 * them that says how to repeat it.
 *
 *   SEED=n COUNT=n... program     prints "counts: name=n ..." and, when it fails, "repeat: ..."
 *   TEST=pattern program          only some of its tests
 */
#ifndef TESTS_TORTURE_TORTURE_H
#define TESTS_TORTURE_TORTURE_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/prng.h"
#include "millrace/err.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/temp_folder.h"

enum { MRI_TORTURE_PATH_BYTES = MRI_TEMP_FOLDER_BYTES + 64 };

/** How a program ends that cannot run here. */
enum { MRI_TORTURE_SKIPPED = 77 };

/**
 * Begin: take SEED from the environment, or a new one, and print it.
 *
 * Returns  nothing.
 * Threads  once, before processes are started.
 */
void mri_torture_begin(const char *program);

/**
 * End: print the counts.
 *
 * Returns  what main() returns.
 * Threads  once.
 */
int mri_torture_end(int failed);

/**
 * A count of the environment; it is also part of how to repeat a run.
 *
 * Returns  the count, or `otherwise`.
 * Threads  the first process.
 */
unsigned mri_torture_count(const char *name, unsigned otherwise);

/**
 * Add to a count that is printed at the end.
 *
 * Returns  nothing.
 * Threads  the first process.
 */
void mri_torture_tell(const char *name, uint64_t more);

/**
 * Random numbers that the seed decides.
 *
 * Returns  a number below `bound`.
 * Threads  the first process; a child seeds its own.
 */
uint64_t mri_torture_below(uint64_t bound);

/**
 * Say what is wrong. In a child: end it, so that the first process fails; in the first process: say
 * how to repeat the run and end the program.
 *
 * Returns  never.
 * Threads  any.
 */
void mri_torture_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/** Fail unless it is so. */
#define MRI_TORTURE_CHECK(is_so, ...) ((is_so) ? (void)0 : mri_torture_fail(__VA_ARGS__))

/**
 * Fail unless it is MR_OK.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_torture_ok(mr_err err, const char *what, const mr_problem *problem);

/** What a child does; it ends with its return. */
typedef void mri_torture_work(void *argument);

/**
 * Start a child. It dies with the first process.
 *
 * Returns  its process id.
 * Threads  the first process, which has no threads and no log open.
 */
pid_t mri_torture_start(mri_torture_work *work, void *argument);

/**
 * Wait for a child's end, three minutes at most: longer is a hang, and fails.
 *
 * Returns  its wait status.
 * Threads  its parent.
 */
int mri_torture_wait(pid_t child);

/**
 * Wait for a child that has to end by itself, well.
 *
 * Returns  nothing.
 * Threads  its parent.
 */
void mri_torture_expect_end(pid_t child);

/**
 * Kill a child with kill -9 and wait for it; it must not have ended before.
 *
 * Returns  nothing.
 * Threads  its parent.
 */
void mri_torture_kill(pid_t child);

/**
 * Do something in a child, and wait for it.
 *
 * Returns  nothing.
 * Threads  the first process.
 */
void mri_torture_in_child(mri_torture_work *work, void *argument);

/**
 * Wait until something is so, three minutes at most: longer is a hang, and fails.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_torture_until(bool (*is_so)(void *argument), void *argument, const char *what);

/**
 * Run another program and wait for it.
 *
 * @param words  the program's name and its arguments, NULL last
 *
 * Returns  its exit code; -1 it did not run.
 * Threads  any without threads.
 */
int mri_torture_run(const char *const *words);

/**
 * Sleep. A signal may make it shorter.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_torture_sleep_us(uint64_t us);

/**
 * Memory that all processes share and that no death of one takes away, zeroed.
 *
 * Returns  the memory; it never fails (it fails the test).
 * Owner    the process, until its end.
 * Threads  the first process.
 */
void *mri_torture_share(size_t bytes);

/**
 * The same for one process alone.
 *
 * Returns  the memory; mri_torture_forget() frees.
 * Threads  any.
 */
void *mri_torture_keep(size_t bytes);
void mri_torture_forget(void *memory, size_t bytes);

/**
 * Count SIGBUS instead of dying of it: the process ends with a word that says so.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_torture_watch_sigbus(void);

/**
 * Skip the running test, and say why.
 *
 * Returns  never.
 * Threads  the first process.
 */
void mri_torture_skip(const char *why) __attribute__((noreturn));

#endif
