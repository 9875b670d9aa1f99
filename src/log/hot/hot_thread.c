/* SPDX-License-Identifier: MIT */
/*
 * What the thread does, round by round.
 *
 * Invariants
 *  1. It sleeps until an append when nothing is left to do; an append wakes it only then.
 *  2. What fails here poisons the log or is tried again: the next append or commit says so.
 */
#include "log/hot/hot_thread.h"

#include "log/hot/hot_shared.h"
#include "os/futex.h"

#define MILLISECOND_NS    ((int64_t)1000000)
#define WRITE_INTERVAL_NS (5 * MILLISECOND_NS)
#define SYNC_INTERVAL_NS  (1000 * MILLISECOND_NS)
#define IDLE_NS           (1000 * MILLISECOND_NS)
#define CALM_NS           (50 * MILLISECOND_NS)
#define BURST_OVER_NS     (10000 * MILLISECOND_NS) /* then one spare is enough again */

/** What one round leaves to the next. */
struct rounds {
    uint64_t tail;      /**< when it was looked at last */
    int64_t changed_ns; /**< when that changed */
    int64_t durable_ns; /**< when everything was durable */
    bool is_calm;       /**< `also` was told of this calm */
};

static bool is_all_durable(const struct mri_hot_shared *shared)
{
    return atomic_load(&shared->durable) >= atomic_load(&shared->tail);
}

/** Sync when the oldest of what is not durable has waited long enough. */
static void sync_if_due(struct mri_hot_tail *hot, struct rounds *rounds, int64_t now_ns)
{
    struct mri_hot_shared *shared = hot->shared;
    uint64_t durable = atomic_load(&shared->durable);
    bool is_asked = atomic_load(&shared->interval_position) > durable;
    int64_t interval_ns = is_asked && hot->options.sync_interval_ns > 0
                              ? hot->options.sync_interval_ns
                              : SYNC_INTERVAL_NS;
    if (durable >= atomic_load(&shared->written)) {
        rounds->durable_ns = now_ns;
    } else if (now_ns - rounds->durable_ns >= interval_ns) {
        (void)mri_hot_tail_commit(hot, atomic_load(&shared->written)); /* see invariant 2 */
        rounds->durable_ns = now_ns;
    }
}

/** Spares are made when the newest segment is half full, or when segments follow fast. */
static void make_spares_if_due(
    struct mri_hot_tail *hot, const struct rounds *rounds, int64_t now_ns)
{
    struct mri_hot_shared *shared = hot->shared;
    uint64_t offset = rounds->tail % shared->segment_bytes;
    uint32_t wanted = atomic_load(&shared->spares_wanted);
    if (wanted > 1 && now_ns - rounds->changed_ns > BURST_OVER_NS) {
        atomic_store(&shared->spares_wanted, 1);
    }
    if (wanted > 1 || offset > shared->segment_bytes / 2) {
        (void)mri_hot_tail_make_spares(hot); /* see invariant 2 */
    }
}

static void tell_also(const struct mri_hot_thread *helper, struct rounds *rounds, int64_t now_ns)
{
    bool is_calm = now_ns - rounds->changed_ns >= CALM_NS;
    if (helper->also != NULL && !(is_calm && rounds->is_calm)) {
        helper->also(helper->context, is_calm);
    }
    rounds->is_calm = is_calm;
}

/** Sleep: shortly while there is something to do, else until an append. */
static void rest(struct mri_hot_tail *hot, const struct rounds *rounds)
{
    struct mri_hot_shared *shared = hot->shared;
    uint32_t work = atomic_load(&shared->work);
    bool is_idle = rounds->is_calm && is_all_durable(shared);
    if (is_idle) {
        atomic_fetch_add(&shared->idle_helpers, 1);
        atomic_thread_fence(memory_order_seq_cst);
        is_idle = is_all_durable(shared);
    }
    if (!atomic_load(&hot->is_leaving) && atomic_load(&shared->wake_rest) == 0) {
        /* Woken or not, the loop looks again. */
        (void)mri_futex_wait(&shared->work, work, 1, is_idle ? IDLE_NS : WRITE_INTERVAL_NS);
    }
}

static void help(void *context)
{
    const struct mri_hot_thread *helper = context;
    struct mri_hot_tail *hot = helper->hot;
    const struct mri_os *os = hot->options.os;
    int64_t now = os->boottime_ns(os->context);
    struct rounds rounds = {.changed_ns = now, .durable_ns = now};
    while (!atomic_load(&hot->is_leaving)) {
        uint64_t tail = atomic_load(&hot->shared->tail);
        now = os->boottime_ns(os->context);
        rounds.changed_ns = tail != rounds.tail ? now : rounds.changed_ns;
        rounds.tail = tail;
        mri_hot_wake_rest(hot);
        (void)mri_hot_tail_write_behind(hot); /* see invariant 2 */
        sync_if_due(hot, &rounds, now);
        make_spares_if_due(hot, &rounds, now);
        tell_also(helper, &rounds, now);
        rest(hot, &rounds);
    }
}

mr_err mri_hot_thread_start(struct mri_hot_thread *helper)
{
    atomic_store(&helper->hot->is_leaving, false);
    return mri_thread_start(&helper->thread, help, helper);
}

void mri_hot_thread_stop(struct mri_hot_thread *helper)
{
    if (helper->hot == NULL || helper->hot->shared == NULL) {
        return;
    }
    atomic_store(&helper->hot->is_leaving, true);
    atomic_fetch_add(&helper->hot->shared->work, 1);
    (void)mri_futex_wake(&helper->hot->shared->work, MRI_FUTEX_ALL, 1);
    mri_thread_join(&helper->thread);
}
