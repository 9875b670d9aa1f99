/* SPDX-License-Identifier: MIT */
/**
 * A lock in memory that several processes share. When its holder dies, the next one gets it and is
 * told, so that it can mend what the lock protects.
 *
 * Caveats first
 * - Never in a file that outlives a reboot: a lock word "from before" hangs for ever.
 * - Never unmap the memory while holding the lock: the next one would wait for ever.
 * - A holder that is stopped (SIGSTOP) still holds it. Nothing here steals a lock.
 * - The kernel knows who holds a lock by the number of his thread, and two process-id namespaces
 *   have the same numbers. Were a thread killed in the few instructions in which the C library
 * takes or gives a lock, while one of the same number in another namespace holds it, the kernel
 * would call that one dead. Nobody waits or makes a system call within those instructions.
 */
#ifndef MRI_OS_ROBUST_LOCK_H
#define MRI_OS_ROBUST_LOCK_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "millrace/err.h"

enum { MRI_ROBUST_LOCK_BYTES = 64, MRI_ROBUST_LOCK_STATE_BYTES = 48 };

/** One cache line of its own. */
struct mri_robust_lock {
    alignas(MRI_ROBUST_LOCK_BYTES) unsigned char state[MRI_ROBUST_LOCK_STATE_BYTES];
    _Atomic uint32_t is_wanted; /**< somebody sleeps, or did */
    _Atomic uint32_t turn;      /**< what they sleep on; changes when one is woken */
    _Atomic uint32_t is_lost;   /**< given back unmended: of no use for ever */
};

/**
 * Make a lock that nobody holds.
 *
 * Returns  MR_OK; MR_ENOMEM, MR_ELIMIT.
 * Threads  before anybody else uses the memory.
 */
MR_MUST_USE mr_err mri_robust_lock_init(struct mri_robust_lock *lock);

/**
 * Take the lock, waiting for it.
 *
 * @param spins          looks before sleeping; they keep short waits short
 * @param ret_is_orphan  true: its holder died; mend what it protects, then mri_robust_lock_mend()
 *
 * Returns  MR_OK; MR_EINTERNAL an orphaned lock was given back without being mended, it is lost.
 * Threads  any, not one that holds it.
 * Cost     25 ns when it is free; who sleeps is woken by who gives it back, or looks again by
 *          himself after 1 to 16 ms: that is how long a dead holder is not noticed.
 */
MR_MUST_USE mr_err mri_robust_lock_take(
    struct mri_robust_lock *lock, unsigned spins, bool *ret_is_orphan);

/**
 * Take the lock if nobody holds it.
 *
 * Returns  as mri_robust_lock_take(); MR_BUSY somebody holds it.
 * Threads  any, not one that holds it.
 */
MR_MUST_USE mr_err mri_robust_lock_try(struct mri_robust_lock *lock, bool *ret_is_orphan);

/**
 * Say that what an orphaned lock protects is mended.
 *
 * Returns  nothing.
 * Threads  the holder.
 */
void mri_robust_lock_mend(struct mri_robust_lock *lock);

/**
 * Give the lock back.
 *
 * Returns  nothing.
 * Threads  the holder.
 */
void mri_robust_lock_give(struct mri_robust_lock *lock);

/**
 * Order everything before mri_robust_lock_give() before everything behind this call, also stores
 * before loads. On x86-64 the exchange that gives a lock back has done it already.
 *
 * Returns  nothing.
 * Threads  the one that has just given a lock back.
 */
static inline void mri_robust_lock_fence_behind(void)
{
#if defined(__x86_64__)
    atomic_signal_fence(memory_order_seq_cst);
#else
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

#endif
