/* SPDX-License-Identifier: MIT */
/*
 * What the two threads do, round by round.
 *
 * Invariants
 *  1. The flusher sleeps until an append when nothing is left to do; an append wakes it only then.
 *     Nothing that it does waits for anything but the disk's answer to its own writes and syncs.
 *  2. The keeper sleeps when nothing has come for a while; a flusher that finds a new append wakes
 *     it. While the log streams it rests after each of its steps, so that it takes a tenth of a
 *     processor at most. A low priority would not do: it takes locks that appenders wait for.
 *  3. What fails here poisons the log or is tried again: the next append or commit says so.
 */
#include "log/hot/hot_thread.h"

#include "log/hot/hot_shared.h"
#include "os/futex.h"

#define MILLISECOND_NS    ((int64_t)1000000)
#define WRITE_INTERVAL_NS (5 * MILLISECOND_NS)
#define SYNC_INTERVAL_NS  (1000 * MILLISECOND_NS)
#define IDLE_NS           (1000 * MILLISECOND_NS)
#define CALM_NS           (50 * MILLISECOND_NS)
#define KEEP_INTERVAL_NS  (20 * MILLISECOND_NS)
#define START_NS          (100 * MILLISECOND_NS)

enum { STREAM_BYTES = 1024 * 1024 /* from one round of the keeper to the next */ };

/** When something was appended last, as one thread has seen it. */
struct watch {
    uint64_t tail; /**< when it was looked at last */
    int64_t now_ns;
    int64_t changed_ns; /**< when the tail changed */
};

static struct watch watch_from(const struct mri_hot_tail *hot)
{
    const struct mri_os *os = hot->options.os;
    int64_t now = os->boottime_ns(os->context);
    return (struct watch){.now_ns = now, .changed_ns = now};
}

/** Look again. */
static bool is_calm(const struct mri_hot_tail *hot, struct watch *watch)
{
    const struct mri_os *os = hot->options.os;
    uint64_t tail = atomic_load(&hot->shared->tail);
    watch->now_ns = os->boottime_ns(os->context);
    watch->changed_ns = tail != watch->tail ? watch->now_ns : watch->changed_ns;
    watch->tail = tail;
    return watch->now_ns - watch->changed_ns >= CALM_NS;
}

/* ---- the flusher ----------------------------------------------------------------------------- */

static bool is_all_durable(const struct mri_hot_shared *shared)
{
    return atomic_load(&shared->durable) >= atomic_load(&shared->tail);
}

/** Sync when the oldest of what is not durable has waited long enough. */
static void sync_if_due(struct mri_hot_tail *hot, int64_t *durable_ns, int64_t now_ns)
{
    struct mri_hot_shared *shared = hot->shared;
    uint64_t durable = atomic_load(&shared->durable);
    bool is_asked = atomic_load(&shared->interval_position) > durable;
    int64_t interval_ns = is_asked && hot->options.sync_interval_ns > 0
                              ? hot->options.sync_interval_ns
                              : SYNC_INTERVAL_NS;
    if (durable >= atomic_load(&shared->written)) {
        *durable_ns = now_ns;
    } else if (now_ns - *durable_ns >= interval_ns) {
        (void)mri_hot_tail_commit(hot, atomic_load(&shared->written)); /* see invariant 3 */
        *durable_ns = now_ns;
    }
}

static void wake_keeper(struct mri_hot_thread *helper)
{
    if (atomic_load(&helper->is_keeper_asleep) != 0) {
        atomic_store(&helper->is_keeper_asleep, 0);
        atomic_fetch_add(&helper->keeper_word, 1);
        (void)mri_futex_wake(&helper->keeper_word, MRI_FUTEX_ALL, 1);
    }
}

/** Sleep: shortly while there is something to do, else until an append. */
static void rest(struct mri_hot_tail *hot, bool is_calm)
{
    struct mri_hot_shared *shared = hot->shared;
    uint32_t work = atomic_load(&shared->work);
    bool is_idle = is_calm && is_all_durable(shared);
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

static void flush(void *context)
{
    struct mri_hot_thread *helper = context;
    struct mri_hot_tail *hot = helper->hot;
    struct watch watch = watch_from(hot);
    int64_t durable_ns = watch.now_ns;
    while (!atomic_load(&hot->is_leaving)) {
        uint64_t before = watch.tail;
        bool is_resting = is_calm(hot, &watch);
        mri_hot_wake_rest(hot);
        (void)mri_hot_tail_write_behind(hot); /* see invariant 3 */
        sync_if_due(hot, &durable_ns, watch.now_ns);
        if (watch.tail != before) {
            wake_keeper(helper);
        }
        rest(hot, is_resting);
    }
}

/* ---- the keeper ------------------------------------------------------------------------------ */

/** Sleep for a time, or until there is an append when that matters. */
static void keeper_rest(struct mri_hot_thread *helper, bool is_woken_by_append, int64_t time_ns)
{
    uint32_t word = atomic_load(&helper->keeper_word);
    atomic_store(&helper->is_keeper_asleep, is_woken_by_append);
    if (!atomic_load(&helper->hot->is_leaving)) {
        (void)mri_futex_wait(&helper->keeper_word, word, 1, time_ns); /* woken or not, look again */
    }
}

static void keep(void *context)
{
    struct mri_hot_thread *helper = context;
    struct mri_hot_tail *hot = helper->hot;
    struct watch watch = watch_from(hot);
    struct mri_hot_spare_demand demand = {0};
    bool was_calm = false;
    keeper_rest(helper, true, START_NS); /* who has opened the log to read is done by then */
    mri_hot_tail_touch_ahead(hot);
    while (!atomic_load(&hot->is_leaving)) {
        bool is_more = false;
        uint64_t before = watch.tail;
        bool is_resting = is_calm(hot, &watch);
        bool is_streaming = watch.tail - before > STREAM_BYTES;
        (void)mri_hot_tail_keep_spares(hot, &demand, watch.now_ns); /* see invariant 3 */
        if (helper->also != NULL && !(is_resting && was_calm)) {
            is_more = helper->also(helper->context, is_resting);
        }
        was_calm = is_resting;
        if (!is_more || is_streaming) {
            bool is_done = is_resting && !mri_hot_tail_has_spares_to_fill(hot);
            keeper_rest(helper, is_done, is_done ? IDLE_NS : KEEP_INTERVAL_NS);
        }
    }
}

/* ---- coming and going ------------------------------------------------------------------------ */

mr_err mri_hot_thread_start(struct mri_hot_thread *helper)
{
    atomic_store(&helper->hot->is_leaving, false);
    mr_err err = mri_thread_start(&helper->flusher, flush, helper);
    if (err == MR_OK) {
        err = mri_thread_start(&helper->keeper, keep, helper);
        if (err != MR_OK) {
            mri_hot_thread_stop(helper);
        }
    }
    return err;
}

void mri_hot_thread_stop(struct mri_hot_thread *helper)
{
    if (helper->hot == NULL || helper->hot->shared == NULL) {
        return;
    }
    atomic_store(&helper->hot->is_leaving, true);
    atomic_fetch_add(&helper->hot->shared->work, 1);
    (void)mri_futex_wake(&helper->hot->shared->work, MRI_FUTEX_ALL, 1);
    atomic_fetch_add(&helper->keeper_word, 1);
    (void)mri_futex_wake(&helper->keeper_word, MRI_FUTEX_ALL, 1);
    mri_thread_join(&helper->flusher);
    mri_thread_join(&helper->keeper);
}
