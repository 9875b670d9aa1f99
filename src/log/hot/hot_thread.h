/* SPDX-License-Identifier: MIT */
/**
 * The thread of each process that has a log open: it writes behind at most 5 ms, and syncs at most
 * a second, after an append by anybody; keeps spares ready; wakes those whom writers left to it;
 * and does what the log asks it to do beside that.
 */
#ifndef MRI_LOG_HOT_HOT_THREAD_H
#define MRI_LOG_HOT_HOT_THREAD_H

#include "log/hot/hot_tail.h"
#include "os/thread.h"

struct mri_hot_thread {
    struct mri_hot_tail *hot;
    void (*also)(
        void *context, bool is_idle); /**< NULL: nothing; is_idle: nothing came for 50 ms */
    void *context;                    /**< of `also` */
    struct mri_thread thread;
};

/**
 * Start it. The first three fields are filled in.
 *
 * Returns  MR_OK; MR_ELIMIT no thread can be had: every append writes behind itself then.
 * Owner    mri_hot_thread_stop() ends it; the helper must not move.
 * Threads  the owner of the handle.
 */
MR_MUST_USE mr_err mri_hot_thread_start(struct mri_hot_thread *helper);

/**
 * Stop it and wait for it. A zeroed one, or one that was not started, is allowed.
 *
 * Returns  nothing.
 * Threads  the owner of the handle.
 */
void mri_hot_thread_stop(struct mri_hot_thread *helper);

#endif
