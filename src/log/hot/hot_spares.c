/* SPDX-License-Identifier: MIT */
/*
 * Spares: files that wait to become segments.
 *
 *   NONE --make--> READY --fill--> FILLING --> READY, filled
 *                    |                           |
 *                    '---------roll (hot_tail.c)-+--> TAKEN --named (hot_commit.c)--> NONE
 *
 * Invariants
 *  1. A file has its full length, reserved on the disk, before it is called a spare: a full disk is
 *     found there, and never when a record is written.
 *  2. What is reserved only costs a commit of its own metadata with each sync; what was written
 *     with zeros once does not. So spares are filled when there is time for it: not while the log
 *     streams, when filling would take half of the disk from it, and never while somebody waits
 *     for a spare.
 *  3. Nobody takes a spare that is being filled: every way out of READY is a compare-and-swap. Who
 *     fills holds the spare lock, so a spare that is found FILLING under it was left by the dead.
 *     While an appender needs a spare, until a segment has begun, none is filled: it would be gone
 *     again before he could take it.
 *  4. More than one are made so that bursts find some. That there is no room for all of them is
 *     nothing to an appender who has one.
 */
#include <stdio.h>

#include "log/hot/hot_shared.h"

#define MILLISECOND_NS ((int64_t)1000000)
#define STREAM_NS      (1000 * MILLISECOND_NS)  /* segments that follow faster than this */
#define BURST_OVER_NS  (10000 * MILLISECOND_NS) /* then one spare is enough again */
#define RETRY_NS       (100 * MILLISECOND_NS)   /* after a failure */
#define LIMIT_NS       (10000 * MILLISECOND_NS) /* the process may not do it: others will */

/* Who syncs so much at once pays less for the metadata than zeros would cost. */
enum { STREAM_SYNC_BYTES = 128 * 1024 };

mr_err mri_hot_spare_path(
    const struct mri_hot_tail *hot, uint32_t id, char path[static MRI_PATH_BYTES_MAX])
{
    char name[MRI_SEGMENT_NAME_BYTES];
    /* Who still works for a memory that the log has left must not touch those of the next one. */
    (void)snprintf(
        name, sizeof(name), "spare-%08x-%u", (unsigned)hot->shared->memory_generation, id);
    return mri_os_path(hot->options.folder, name, path);
}

/* ---- making ---------------------------------------------------------------------------------- */

static mr_err make_spare(struct mri_hot_tail *hot, struct mri_hot_spare *spare)
{
    const struct mri_os *os = hot->options.os;
    uint32_t id = atomic_fetch_add(&hot->shared->next_spare_id, 1) + 1;
    uint64_t salt;
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    mr_err err = mri_hot_spare_path(hot, id, path);
    if (err == MR_OK) {
        err = os->random_bytes(os->context, &salt, sizeof(salt));
    }
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_WRITE | MRI_OPEN_CREATE, &fd);
    }
    if (err != MR_OK) {
        return err;
    }
    err = os->truncate(os->context, fd, 0); /* left over from another life */
    if (err == MR_OK) {
        err = os->allocate(os->context, fd, hot->shared->segment_bytes);
    }
    os->close(os->context, fd);
    if (err != MR_OK) {
        (void)os->remove(os->context, path); /* the next attempt makes another */
        return err;
    }
    spare->id = id;
    spare->salt = salt;
    atomic_store(&spare->is_filled, 0);
    atomic_store_explicit(&spare->state, MRI_HOT_SPARE_READY, memory_order_release);
    return MR_OK;
}

static unsigned count_ready(const struct mri_hot_shared *shared)
{
    unsigned ready = 0;
    for (unsigned i = 0; i < MRI_HOT_SPARES_MAX; i++) {
        ready += atomic_load(&shared->spares[i].state) == MRI_HOT_SPARE_READY;
    }
    return ready;
}

/** The spare lock is held: nobody fills. */
static void mend_spares(struct mri_hot_shared *shared)
{
    for (unsigned i = 0; i < MRI_HOT_SPARES_MAX; i++) {
        uint32_t filling = MRI_HOT_SPARE_FILLING;
        (void)atomic_compare_exchange_strong(
            &shared->spares[i].state, &filling, MRI_HOT_SPARE_READY);
    }
}

mr_err mri_hot_make_spares(struct mri_hot_tail *hot, bool is_try)
{
    struct mri_hot_shared *shared = hot->shared;
    unsigned ready = count_ready(shared);
    unsigned wanted = hot->is_writing_at_once ? 1 : atomic_load(&shared->spares_wanted);
    if (ready >= wanted || atomic_load(&shared->is_closed) != 0) {
        return MR_OK; /* closed: the folder's spares are another memory's now */
    }
    if (!is_try) {
        atomic_store(&shared->is_spare_needed, 1);
    }
    mr_err err = mri_hot_take(hot, &shared->spare_lock, is_try);
    if (err == MR_BUSY) {
        return MR_OK; /* somebody else is at it */
    }
    if (err != MR_OK) {
        return err;
    }
    mend_spares(shared);
    ready = count_ready(shared);
    for (unsigned i = 0; i < MRI_HOT_SPARES_MAX && ready < wanted && err == MR_OK; i++) {
        if (atomic_load(&shared->spares[i].state) == MRI_HOT_SPARE_NONE) {
            err = make_spare(hot, &shared->spares[i]);
            ready += err == MR_OK;
        }
    }
    mri_robust_lock_give(&shared->spare_lock);
    return !is_try && ready > 0 ? MR_OK : err; /* see invariant 4 */
}

mr_err mri_hot_tail_make_spares(struct mri_hot_tail *hot)
{
    return mri_hot_make_spares(hot, true);
}

/* ---- filling --------------------------------------------------------------------------------- */

/** One that is ready and not filled; NULL: none, or none may be. */
static struct mri_hot_spare *find_unfilled(const struct mri_hot_tail *hot)
{
    struct mri_hot_shared *shared = hot->shared;
    if (hot->is_writing_at_once || hot->options.is_thin || atomic_load(&shared->is_closed) != 0) {
        return NULL;
    }
    for (unsigned i = 0; i < MRI_HOT_SPARES_MAX; i++) {
        struct mri_hot_spare *spare = &shared->spares[i];
        if (atomic_load(&spare->state) == MRI_HOT_SPARE_READY &&
            atomic_load(&spare->is_filled) == 0) {
            return spare;
        }
    }
    return NULL;
}

bool mri_hot_tail_has_spares_to_fill(const struct mri_hot_tail *hot)
{
    return find_unfilled(hot) != NULL;
}

/** What is not to be done while somebody waits, or when the log goes on to the next segment. */
struct filling {
    const struct mri_hot_tail *hot;
    uint64_t index;
};

static bool is_broken_off(void *context)
{
    const struct filling *filling = context;
    const struct mri_hot_shared *shared = filling->hot->shared;
    return atomic_load(&filling->hot->is_leaving) || atomic_load(&shared->is_spare_needed) != 0 ||
           mri_hot_index_at(shared, atomic_load(&shared->tail)) != filling->index;
}

static mr_err fill_file(struct mri_hot_tail *hot, const struct mri_hot_spare *spare)
{
    const struct mri_os *os = hot->options.os;
    struct filling filling = {
        .hot = hot, .index = mri_hot_index_of(hot, atomic_load(&hot->shared->tail))};
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    mr_err err = mri_hot_spare_path(hot, spare->id, path);
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_WRITE, &fd);
    }
    if (err != MR_OK) {
        return err;
    }
    err = mri_segment_fill(os, fd, hot->shared->segment_bytes, is_broken_off, &filling);
    os->close(os->context, fd);
    return err;
}

/** Fill one, if there is one. */
static mr_err fill_spare(struct mri_hot_tail *hot)
{
    struct mri_hot_shared *shared = hot->shared;
    if (find_unfilled(hot) == NULL) {
        return MR_OK;
    }
    mr_err err = mri_hot_take(hot, &shared->spare_lock, true);
    if (err != MR_OK) {
        return err == MR_BUSY ? MR_OK : err; /* somebody else is at it */
    }
    mend_spares(shared);
    struct mri_hot_spare *spare = find_unfilled(hot);
    uint32_t ready = MRI_HOT_SPARE_READY;
    if (spare != NULL && atomic_load(&shared->is_spare_needed) == 0 &&
        atomic_compare_exchange_strong(&spare->state, &ready, MRI_HOT_SPARE_FILLING)) {
        MRI_HOT_POINT(80);
        err = fill_file(hot, spare);
        atomic_store(&spare->is_filled, err == MR_OK);
        atomic_store(&spare->state, MRI_HOT_SPARE_READY);
    }
    mri_robust_lock_give(&shared->spare_lock);
    return err == MR_AGAIN ? MR_OK : err;
}

/* ---- keeping --------------------------------------------------------------------------------- */

/** Have segments followed each other lately, and faster than appenders who wait would make them? */
static void watch_rolls(
    const struct mri_hot_tail *hot, struct mri_hot_spare_demand *demand, int64_t now_ns)
{
    const struct mri_hot_shared *shared = hot->shared;
    uint64_t index = mri_hot_index_of(hot, atomic_load(&shared->tail));
    uint64_t syncs = atomic_load(&shared->syncs);
    if (demand->rolled_ns == 0) {
        *demand = (struct mri_hot_spare_demand){
            .index = index, .syncs = syncs, .rolled_ns = now_ns - STREAM_NS};
    } else if (index != demand->index) {
        demand->is_streaming = now_ns - demand->rolled_ns < STREAM_NS &&
                               (syncs - demand->syncs) * STREAM_SYNC_BYTES <
                                   (index - demand->index) * shared->segment_bytes;
        demand->index = index;
        demand->syncs = syncs;
        demand->rolled_ns = now_ns;
    } else if (now_ns - demand->rolled_ns >= STREAM_NS) {
        demand->is_streaming = false;
    }
}

mr_err mri_hot_tail_keep_spares(
    struct mri_hot_tail *hot, struct mri_hot_spare_demand *demand, int64_t now_ns)
{
    struct mri_hot_shared *shared = hot->shared;
    uint64_t offset = mri_hot_offset_at(shared, atomic_load(&shared->tail));
    mr_err err = MR_OK;
    watch_rolls(hot, demand, now_ns);
    if (now_ns < demand->retry_ns) {
        return MR_OK;
    }
    uint32_t wanted = atomic_load(&shared->spares_wanted);
    if (wanted > 1 && now_ns - demand->rolled_ns > BURST_OVER_NS) {
        atomic_store(&shared->spares_wanted, 1);
    }
    if (wanted > 1 || offset > shared->segment_bytes / 2) {
        err = mri_hot_tail_make_spares(hot);
    }
    if (err == MR_OK && !demand->is_streaming) {
        err = fill_spare(hot);
    }
    demand->retry_ns = err == MR_OK ? 0 : now_ns + (err == MR_ELIMIT ? LIMIT_NS : RETRY_NS);
    return err;
}
