/* SPDX-License-Identifier: MIT */
/*
 * Threads of the C library.
 */
#define _GNU_SOURCE
#include "os/thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "base/alloc.h"
#include "base/check.h"

/** What a new thread is told; it frees it. */
struct start {
    void (*run)(void *context);
    void *context;
};

MRI_STATIC_ASSERT(sizeof(pthread_t) <= sizeof(uint64_t), "the id and a mark fit");

enum { IS_STARTED = 1 };

static void *enter(void *argument)
{
    struct start *start = argument;
    const struct start told = *start;
    mri_alloc_free(mri_alloc_system(), start, sizeof(*start));
    told.run(told.context);
    return NULL;
}

mr_err mri_thread_start(struct mri_thread *thread, void (*run)(void *context), void *context)
{
    void *block;
    if (mri_alloc_array(mri_alloc_system(), 1, sizeof(struct start), &block) != MR_OK) {
        return MR_ELIMIT;
    }
    struct start *start = block;
    *start = (struct start){.run = run, .context = context};
    sigset_t all;
    sigset_t before;
    pthread_t id = 0;
    bool is_started = sigfillset(&all) == 0 && pthread_sigmask(SIG_SETMASK, &all, &before) == 0;
    if (is_started) {
        is_started = pthread_create(&id, NULL, enter, start) == 0;
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* cannot fail with this mask */
    }
    if (!is_started) {
        mri_alloc_free(mri_alloc_system(), start, sizeof(*start));
        return MR_ELIMIT;
    }
    thread->state[0] = (uint64_t)id;
    thread->state[1] = IS_STARTED;
    return MR_OK;
}

void mri_thread_join(struct mri_thread *thread)
{
    if (thread->state[1] == IS_STARTED) {
        int result = pthread_join((pthread_t)thread->state[0], NULL);
        MRI_ASSERT(result == 0); /* it is ours and was not joined before */
        *thread = (struct mri_thread){0};
    }
}
