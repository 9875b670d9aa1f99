/* SPDX-License-Identifier: MIT */
/**
 * The engine that prices every signal at its horizons: traded, blocked and expired ones alike.
 */
#ifndef MRI_RESOLVE_RESOLVE_H
#define MRI_RESOLVE_RESOLVE_H

#include "bus/engine.h"
#include "market/market.h"
#include "resolve/horizon.h"

struct mri_resolve_options {
    int64_t tolerance_ns; /**< oldest price that counts as the price at a horizon */
    uint32_t symbols_max;
};

struct mri_resolve {
    const struct mri_alloc *alloc;
    const struct mri_market *market;
    struct mri_resolve_options options;
    struct mri_timers *timers; /**< one set a symbol */
};

/**
 * Make the engine.
 *
 * @param market  applied before this engine, outlives it
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_resolve_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_resolve_init(struct mri_resolve *resolve, const struct mri_alloc *alloc,
    const struct mri_market *market, const struct mri_resolve_options *options);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_resolve_fini(struct mri_resolve *resolve);

/** The engine's functions; their state is a struct mri_resolve. */
extern const struct mri_engine mri_resolve_engine;

#endif
