/* SPDX-License-Identifier: MIT */
/*
 * A robust, process-shared mutex of the C library.
 *
 * Invariants
 *  1. The kernel tells the next one that the holder died, also across process-id namespaces; a
 *     process id in a word could not.
 *  2. A lock that was an orphan is mended before it is given back; else the C library makes it
 *     unusable for ever, and every taker is told.
 */
#define _GNU_SOURCE
#include "os/robust_lock.h"

#include <errno.h>
#include <pthread.h>

#include "base/check.h"

MRI_STATIC_ASSERT(sizeof(pthread_mutex_t) <= MRI_ROBUST_LOCK_BYTES, "it fits a cache line");

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
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
}

mr_err mri_robust_lock_take(struct mri_robust_lock *lock, unsigned spins, bool *ret_is_orphan)
{
    for (unsigned i = 0; i < spins; i++) {
        mr_err err = mri_robust_lock_try(lock, ret_is_orphan);
        if (err != MR_BUSY) {
            return err;
        }
        pause_a_little();
    }
    return answer(pthread_mutex_lock(mutex_of(lock)), ret_is_orphan);
}

mr_err mri_robust_lock_try(struct mri_robust_lock *lock, bool *ret_is_orphan)
{
    return answer(pthread_mutex_trylock(mutex_of(lock)), ret_is_orphan);
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
}
