/* SPDX-License-Identifier: MIT */
/**
 * Several processes of one machine, in one thread and from one seed: each task runs until it makes
 * a call of the machine, takes a lock, sleeps, or passes a place in hot_*.c where the order of
 * stores matters; then the seed says who goes on. A process may be killed at any such place.
 *
 * Futexes, robust locks and threads are replaced when this is linked, so the code under test is the
 * real one, with its helper threads.
 */
#ifndef TESTS_SIM_SIM_MACHINE_H
#define TESTS_SIM_SIM_MACHINE_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/prng.h"
#include "os/os.h"
#include "tests/lib/os_memory.h"

enum { SIM_PROCESSES_MAX = 512 };

struct sim_process;

/** What goes wrong, in parts of 65536 for each call. */
struct sim_faults {
    uint32_t sync_fails;  /**< fdatasync answers MR_EIO */
    uint32_t disk_full;   /**< allocate answers MR_ENOSPC */
    uint32_t clock_steps; /**< the wall clock jumps, by up to 10 s in either direction */
    uint32_t write_lost;  /**< a write is not done, or done elsewhere, and nobody is told */
};

/** What has gone wrong since the counts were cleared. */
struct sim_counts {
    uint64_t syncs_failed;
    uint64_t writes_lost;
    uint64_t steps;
};

/**
 * Begin with an empty machine, and end it: everything that the processes had is given back, and
 * by sim_free() the machine, which is used again until then.
 *
 * @param file_bytes_max  the same each time
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void sim_begin(uint64_t seed, size_t file_bytes_max);
void sim_end(void);
void sim_free(void);

/** The generator of the seed, the machine, what goes wrong and what has. */
struct mri_prng *sim_prng(void);
struct mri_os_memory *sim_memory(void);
struct sim_faults *sim_faults(void);
struct sim_counts *sim_counts(void);

/**
 * Start a process; `run` is its first task.
 *
 * Returns  the process; it stays until sim_end().
 * Threads  one at a time.
 */
struct sim_process *sim_start(void (*run)(void *argument), void *argument);

/**
 * The machine and the memory of a process.
 *
 * Returns  tables.
 * Threads  one at a time.
 */
const struct mri_os *sim_os(struct sim_process *process);
const struct mri_alloc *sim_alloc(struct sim_process *process);

/**
 * Is any task of a process left?
 *
 * Returns  true or false.
 * Threads  one at a time.
 */
bool sim_is_running(const struct sim_process *process);

/**
 * Kill a process where it stands: its files and locks are let go, its memory is gone.
 *
 * Returns  nothing.
 * Threads  not one of its tasks.
 */
void sim_kill(struct sim_process *process);

/**
 * The task is, or is no longer, where the list of open logs may be held.
 *
 * Returns  nothing.
 * Threads  a task.
 */
void sim_at_gate(bool is_at_gate);

/**
 * Let one task go on for one step, chosen by the seed.
 *
 * Returns  false: no task is left.
 * Threads  not a task.
 */
bool sim_step(void);

/**
 * The time since the machine began.
 *
 * Returns  nanoseconds.
 * Threads  any.
 */
int64_t sim_now_ns(void);

/**
 * Let others go on for a time.
 *
 * Returns  nothing.
 * Threads  a task.
 */
void sim_sleep_ns(int64_t duration_ns);

#endif
