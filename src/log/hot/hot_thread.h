/* SPDX-License-Identifier: MIT */
/**
 * The two threads of each process that has a log open. The flusher writes behind at most 5 ms, and
 * syncs at most a second, after an append by anybody, and wakes those whom writers left to it. The
 * keeper does what may take long and nobody waits for: it keeps spares ready, and does what the log
 * asks it to do beside that.
 */
#ifndef MRI_LOG_HOT_HOT_THREAD_H
#define MRI_LOG_HOT_HOT_THREAD_H

#include "log/hot/hot_tail.h"
#include "os/thread.h"

struct mri_hot_thread {
    struct mri_hot_tail *hot;
    /**
     * NULL: nothing. Called by the keeper, again and again while there are appends, and once with
     * is_idle when nothing has come for 50 ms.
     *
     * Returns  there is more to do at once. A call takes some milliseconds at most.
     */
    bool (*also)(void *context, bool is_idle);
    void *context; /**< of `also` */
    struct mri_thread flusher;
    struct mri_thread keeper;
    _Atomic uint32_t keeper_word; /**< changes when a keeper that sleeps has work */
    _Atomic uint32_t is_keeper_asleep;
};

/**
 * Start them. The first three fields are filled in, the others zero.
 *
 * Returns  MR_OK; MR_ELIMIT threads cannot be had: every append writes behind itself then.
 * Owner    mri_hot_thread_stop() ends them; the struct must not move.
 * Threads  the owner of the handle.
 */
MR_MUST_USE mr_err mri_hot_thread_start(struct mri_hot_thread *helper);

/**
 * Stop them and wait for them. A zeroed one, or one that was not started, is allowed.
 *
 * Returns  nothing.
 * Threads  the owner of the handle.
 */
void mri_hot_thread_stop(struct mri_hot_thread *helper);

#endif
