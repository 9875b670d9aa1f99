/* SPDX-License-Identifier: MIT */
/**
 * Horizon timers: things that happened at a time and are due again a horizon later.
 *
 * Times are pushed in order, so each horizon is a cursor over one ring: no scan, no heap. An entry
 * is gone when its last horizon has been taken.
 */
#ifndef MRI_RESOLVE_HORIZON_H
#define MRI_RESOLVE_HORIZON_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/unpack.h"
#include "millrace/types.h"

/** A signal that waits for its horizons. */
struct mri_timer {
    uint64_t seq;         /**< of its signal.generated */
    int64_t time_unix_ns; /**< of emission */
    int64_t entry_price;
    int64_t entry_time_unix_ns; /**< of the entry price; 0 = there was none */
    uint32_t ordinal;
    uint32_t reserved;
};

/** The timers of one symbol. */
struct mri_timers {
    struct mri_timer *ring;
    uint32_t capacity; /**< a power of two, or 0 */
    uint32_t reserved;
    uint64_t pushed;                  /**< entries pushed ever */
    uint64_t taken[MR_HORIZON_COUNT]; /**< entries taken ever, per horizon */
};

/**
 * Add an entry; its time must not lie before the newest one's.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_timers_push(
    struct mri_timers *timers, const struct mri_alloc *alloc, const struct mri_timer *timer);

/**
 * The entry `ahead` places behind the next one of a horizon.
 *
 * Returns  the entry; NULL when there are not that many.
 * Owner    points into the ring, until the next push.
 * Threads  one at a time.
 */
const struct mri_timer *mri_timers_peek(
    const struct mri_timers *timers, mr_horizon horizon, uint64_t ahead);

/**
 * Take the next entry of a horizon.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_timers_take(struct mri_timers *timers, mr_horizon horizon);

/**
 * How many entries wait at a horizon.
 *
 * Returns  the number.
 * Threads  one at a time.
 */
uint64_t mri_timers_waiting(const struct mri_timers *timers, mr_horizon horizon);

/**
 * Free. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_timers_fini(struct mri_timers *timers, const struct mri_alloc *alloc);

/**
 * Append the timers to a snapshot.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time.
 */
void mri_timers_save(const struct mri_timers *timers, struct mri_buf *buf);

/**
 * Take timers back into empty ones.
 *
 * Returns  MR_OK; MR_ECORRUPT; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_timers_load(
    struct mri_timers *timers, const struct mri_alloc *alloc, struct mri_unpack *unpack);

#endif
