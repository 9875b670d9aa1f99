/* SPDX-License-Identifier: MIT */
/**
 * The engine that trades: an intent before every order, one position a symbol, exits by stop,
 * target and time, books that are checked at every close.
 *
 * It takes part in a step of the pipeline twice: first with what the venue did in the bar (fills
 * and exits), or what an executor outside reports of it, last with new orders for what was
 * approved.
 */
#ifndef MRI_EXECUTE_EXECUTE_H
#define MRI_EXECUTE_EXECUTE_H

#include "bus/engine.h"
#include "execute/mode.h"
#include "execute/paper.h"
#include "execute/parts.h"
#include "execute/positions.h"
#include "market/market.h"

struct mri_execute_options {
    struct mri_paper costs;
    struct mri_exit_limits exits;
    enum mri_venue_mode venue_mode; /**< of the venue here: SIM or PAPER */
    bool is_outside;                /**< new orders go to an executor outside */
    uint32_t symbols_max;
};

struct mri_execute {
    const struct mri_alloc *alloc;
    const struct mri_market *market;
    struct mri_execute_options options;
    struct mri_venue venue;
    struct mri_position *positions; /**< one a symbol */
    struct mri_parts *parts;        /**< one a symbol, of its position */
    struct mri_ledger ledger;
    struct mri_mode_state mode;
    uint32_t wanted_count; /**< positions whose entry is to be placed */
    uint32_t open_count;
};

/**
 * Make the engine.
 *
 * @param market  applied before this engine, outlives it
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_execute_fini() frees. The struct must not move afterwards: its venue points into it.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_execute_init(struct mri_execute *execute, const struct mri_alloc *alloc,
    const struct mri_market *market, const struct mri_execute_options *options);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_execute_fini(struct mri_execute *execute);

/** What the venue did in a bar, or is said to have done; also applies, saves and loads. State:
 * struct mri_execute. */
extern const struct mri_engine mri_execute_fills_engine;

/** New orders and changes of mode; decides only. State: the same struct mri_execute. */
extern const struct mri_engine mri_execute_orders_engine;

#endif
