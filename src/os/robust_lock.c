/* SPDX-License-Identifier: MIT */
/*
 * A robust, process-shared mutex of the C library, tried and never waited for; who finds it held
 * sleeps on a word of ours.
 *
 *   take   try; is_wanted = 1; try; sleep while `turn` is what it was
 *   give   give the mutex back; if is_wanted: is_wanted = 0, turn + 1, wake one
 *
 * Invariants
 *  1. The kernel tells the next one that the holder died, also across process-id namespaces; a
 *     process id in a word could not.
 *  2. A lock that was an orphan is mended before it is given back; else the C library makes it
 *     unusable for ever, and every taker is told.
 *  3. Nobody sleeps or makes a system call inside of the C library's lock and unlock. A thread that
 *     is killed there is taken for the holder when its number is the same, which it may be in
 *     another process-id namespace (docs/decisions/0007). Only what looks free is tried.
 *  4. Who has slept wants the lock until he gives it back: others may still sleep, and each give
 *     wakes one. Who was to do so and is killed costs them the time until they look by themselves.
 */
#define _GNU_SOURCE
#include "os/robust_lock.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>

#include "base/check.h"
#include "os/futex.h"

MRI_STATIC_ASSERT(sizeof(pthread_mutex_t) <= MRI_ROBUST_LOCK_STATE_BYTES, "it has room");
MRI_STATIC_ASSERT(sizeof(struct mri_robust_lock) == MRI_ROBUST_LOCK_BYTES, "a line of its own");

#define MILLISECOND_NS ((int64_t)1000000)
#define LOOK_NS_MIN    (1 * MILLISECOND_NS)
#define LOOK_NS_MAX    (16 * MILLISECOND_NS)

static pthread_mutex_t *mutex_of(struct mri_robust_lock *lock)
{
    return (pthread_mutex_t *)(void *)lock->state;
}

mr_err mri_robust_lock_init(struct mri_robust_lock *lock)
{
    pthread_mutexattr_t attributes;
    if (pthread_mutexattr_init(&attributes) != 0) {
        return MR_ENOMEM;
    }
    int failed = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (failed == 0) {
        failed = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    }
    if (failed == 0) {
        failed = pthread_mutex_init(mutex_of(lock), &attributes);
    }
    (void)pthread_mutexattr_destroy(&attributes); /* frees nothing here, cannot fail */
    atomic_store(&lock->is_wanted, 0);
    atomic_store(&lock->turn, 0);
    atomic_store(&lock->is_lost, 0);
    return failed == 0 ? MR_OK : MR_ELIMIT;
}

static mr_err answer(int result, bool *ret_is_orphan)
{
    *ret_is_orphan = result == EOWNERDEAD;
    if (result == 0 || result == EOWNERDEAD) {
        return MR_OK;
    }
    return result == EBUSY ? MR_BUSY : MR_EINTERNAL;
}

static void pause_a_little(void)
{
    for (int i = 0; i < 8; i++) {
        mri_futex_pause();
    }
}

/** Sleep until it is our turn. */
static mr_err take_sleeping(struct mri_robust_lock *lock, bool *ret_is_orphan)
{
    int64_t look_ns = LOOK_NS_MIN;
    for (;;) {
        uint32_t turn = atomic_load(&lock->turn);
        atomic_store(&lock->is_wanted, 1);
        mr_err err = mri_robust_lock_try(lock, ret_is_orphan);
        if (err != MR_BUSY) {
            return err;
        }
        if (mri_futex_wait(&lock->turn, turn, UINT32_MAX, look_ns) != MR_OK) {
            look_ns = look_ns < LOOK_NS_MAX ? 2 * look_ns : LOOK_NS_MAX;
        }
    }
}

mr_err mri_robust_lock_take(struct mri_robust_lock *lock, unsigned spins, bool *ret_is_orphan)
{
    mr_err err = mri_robust_lock_try(lock, ret_is_orphan);
    for (unsigned i = 0; i < spins && err == MR_BUSY; i++) {
        pause_a_little();
        err = mri_robust_lock_try(lock, ret_is_orphan);
    }
    return err == MR_BUSY ? take_sleeping(lock, ret_is_orphan) : err;
}

mr_err mri_robust_lock_try(struct mri_robust_lock *lock, bool *ret_is_orphan)
{
    /* The word that the C library shares with the kernel: who holds it, and whether he died. */
    int word = __atomic_load_n(&mutex_of(lock)->__data.__lock, __ATOMIC_RELAXED);
    if ((word & FUTEX_TID_MASK) != 0) {
        *ret_is_orphan = false;
        return atomic_load_explicit(&lock->is_lost, memory_order_relaxed) == 0 ? MR_BUSY
                                                                               : MR_EINTERNAL;
    }
    mr_err err = answer(pthread_mutex_trylock(mutex_of(lock)), ret_is_orphan);
    if (err == MR_EINTERNAL) { /* the C library has said so, and leaves the word taken */
        atomic_store(&lock->is_lost, 1);
    }
    return err;
}

void mri_robust_lock_mend(struct mri_robust_lock *lock)
{
    int result = pthread_mutex_consistent(mutex_of(lock));
    MRI_ASSERT(result == 0); /* the caller holds it and was told that it is an orphan */
}

void mri_robust_lock_give(struct mri_robust_lock *lock)
{
    int result = pthread_mutex_unlock(mutex_of(lock));
    MRI_ASSERT(result == 0); /* the caller holds it */
    mri_robust_lock_fence_behind();
    if (atomic_load_explicit(&lock->is_wanted, memory_order_relaxed) != 0) {
        atomic_store(&lock->is_wanted, 0);
        atomic_fetch_add(&lock->turn, 1);
        (void)mri_futex_wake(&lock->turn, 1, UINT32_MAX);
    }
}
