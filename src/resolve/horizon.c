/* SPDX-License-Identifier: MIT */
/*
 * Timers as one ring with a cursor a horizon.
 *
 *   oldest kept                                    pushed
 *      v taken[1h]   taken[30m] ... taken[1m]        v
 *      | . . . . . . . . . . . . . . . . . . . . . . |
 *
 * Invariants
 *  1. The entries from the slowest cursor up to `pushed` are in the ring, at number & (capacity -
 *     1).
 *  2. Entries are in order of time, so at each horizon they are in order of being due.
 */
#include "resolve/horizon.h"

#include "base/check.h"

enum { FIRST_CAPACITY = 64, CAPACITY_MAX = 1 << 28 };

/** The number of the oldest entry that some horizon still waits for. */
static uint64_t oldest(const struct mri_timers *timers)
{
    uint64_t least = timers->pushed;
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        least = timers->taken[h] < least ? timers->taken[h] : least;
    }
    return least;
}

static struct mri_timer *entry(const struct mri_timers *timers, uint64_t number)
{
    return &timers->ring[number & (timers->capacity - 1)];
}

static mr_err grow(struct mri_timers *timers, const struct mri_alloc *alloc)
{
    uint32_t capacity = timers->capacity == 0 ? FIRST_CAPACITY : 2 * timers->capacity;
    void *block;
    if (capacity > CAPACITY_MAX) {
        return MR_ENOMEM;
    }
    mr_err err = mri_alloc_array(alloc, capacity, sizeof(*timers->ring), &block);
    if (err != MR_OK) {
        return err;
    }
    struct mri_timers larger = *timers;
    larger.ring = block;
    larger.capacity = capacity;
    for (uint64_t number = oldest(timers); number < timers->pushed; number++) {
        *entry(&larger, number) = *entry(timers, number);
    }
    mri_alloc_free(alloc, timers->ring, timers->capacity * sizeof(*timers->ring));
    *timers = larger;
    return MR_OK;
}

mr_err mri_timers_push(
    struct mri_timers *timers, const struct mri_alloc *alloc, const struct mri_timer *timer)
{
    if (timers->pushed - oldest(timers) == timers->capacity) {
        mr_err err = grow(timers, alloc);
        if (err != MR_OK) {
            return err;
        }
    }
    *entry(timers, timers->pushed) = *timer;
    timers->pushed++;
    return MR_OK;
}

const struct mri_timer *mri_timers_peek(
    const struct mri_timers *timers, mr_horizon horizon, uint64_t ahead)
{
    uint64_t number = timers->taken[horizon] + ahead;
    return number < timers->pushed ? entry(timers, number) : NULL;
}

void mri_timers_take(struct mri_timers *timers, mr_horizon horizon)
{
    MRI_ASSERT(timers->taken[horizon] < timers->pushed);
    timers->taken[horizon]++;
}

uint64_t mri_timers_waiting(const struct mri_timers *timers, mr_horizon horizon)
{
    return timers->pushed - timers->taken[horizon];
}

void mri_timers_fini(struct mri_timers *timers, const struct mri_alloc *alloc)
{
    mri_alloc_free(alloc, timers->ring, timers->capacity * sizeof(*timers->ring));
    *timers = (struct mri_timers){0};
}

void mri_timers_save(const struct mri_timers *timers, struct mri_buf *buf)
{
    mri_buf_put(buf, &timers->pushed, sizeof(timers->pushed));
    mri_buf_put(buf, timers->taken, sizeof(timers->taken));
    for (uint64_t number = oldest(timers); number < timers->pushed; number++) {
        mri_buf_put(buf, entry(timers, number), sizeof(struct mri_timer));
    }
}

mr_err mri_timers_load(
    struct mri_timers *timers, const struct mri_alloc *alloc, struct mri_unpack *unpack)
{
    struct mri_timers loaded = {0};
    mri_unpack_take(unpack, &loaded.pushed, sizeof(loaded.pushed));
    mri_unpack_take(unpack, loaded.taken, sizeof(loaded.taken));
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        if (loaded.taken[h] > loaded.pushed) {
            return MR_ECORRUPT;
        }
    }
    uint64_t first = oldest(&loaded);
    uint64_t waiting = loaded.pushed - first;
    if (unpack->err != MR_OK || waiting > (unpack->count - unpack->at) / sizeof(struct mri_timer)) {
        return MR_ECORRUPT;
    }
    timers->pushed = loaded.pushed;
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        timers->taken[h] = loaded.taken[h];
    }
    while (timers->capacity < waiting) {
        timers->pushed = first; /* nothing is in the ring yet */
        struct mri_timers empty = *timers;
        for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
            empty.taken[h] = first;
        }
        mr_err err = grow(&empty, alloc);
        timers->ring = empty.ring;
        timers->capacity = empty.capacity;
        if (err != MR_OK) {
            return err;
        }
    }
    timers->pushed = loaded.pushed;
    for (uint64_t number = first; number < loaded.pushed; number++) {
        mri_unpack_take(unpack, entry(timers, number), sizeof(struct mri_timer));
    }
    return unpack->err;
}
