/* SPDX-License-Identifier: MIT */
/**
 * A simulated market with planted truth, from a seed: for demonstrations, and for tests that must
 * know who is right (market/feed.h).
 *
 * Symbols SIM01USD, SIM02USD, ... have one-minute bars from 2024-01-01 on. Their prices follow
 * hidden drifts, and four sources of signals know something about these:
 *
 *   planted_good      sees its drift and says so
 *   planted_inverted  sees its drift and says the opposite
 *   planted_drifting  is right in the first half of the run and wrong in the second
 *   planted_useless   sees nothing
 *
 * The same options give the same bits on every machine.
 */
#ifndef MRI_FEEDS_SYNTHETIC_H
#define MRI_FEEDS_SYNTHETIC_H

#include "base/alloc.h"
#include "market/feed.h"

enum { MRI_SYNTHETIC_SYMBOLS_MAX = 99, MRI_SYNTHETIC_BARS_MAX = 30 * 1000 * 1000 };

/** Which market. */
struct mri_synthetic_options {
    uint64_t seed;
    uint32_t symbol_count; /**< 1 to MRI_SYNTHETIC_SYMBOLS_MAX */
    uint32_t bar_count;    /**< of each symbol; 1 to MRI_SYNTHETIC_BARS_MAX */
};

/**
 * Open a simulated market. Its feed is marked as simulated, and its venue is called so.
 *
 * Returns  MR_OK; MR_EINVAL a count is out of range; MR_ENOMEM.
 * Owner    ret_feed->close() frees.
 * Threads  one at a time per feed.
 * Cost     about half a microsecond for each bar, when it is read.
 */
MR_MUST_USE mr_err mri_synthetic_open(const struct mri_alloc *alloc,
    const struct mri_synthetic_options *options, struct mri_feed *ret_feed);

#endif
