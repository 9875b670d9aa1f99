/* SPDX-License-Identifier: MIT */
/**
 * The engine of the shadow book: what every signal would have earned, whoever decided on it and
 * whatever was decided.
 *
 * A signal's shadow opens at the first price behind its decision and closes by stop, target or
 * time, with the arithmetic of the venue here (paper.c, exits.c, positions.c). An approved signal
 * has a twin of its trade. It moves no signal, takes no part in the books, and nobody decides on
 * it. Its one event is its end: the opening follows from events that are in the log, and is made
 * anew when they are applied.
 */
#ifndef MRI_EXECUTE_SHADOW_H
#define MRI_EXECUTE_SHADOW_H

#include "bus/engine.h"
#include "execute/paper.h"
#include "execute/shadow_book.h"
#include "market/market.h"

/** The engine version that has these shadows first: what earlier ones saw born has none. */
enum { MRI_SHADOW_SINCE_ENGINE = 3 };

struct mri_shadow_options {
    struct mri_paper costs;
    struct mri_exit_limits exits;
    enum mri_venue_mode venue_mode;
    bool is_enabled;     /**< else new signals find no place; shadows that are open close */
    uint32_t places_max; /**< signals that are born and whose shadows have not closed */
    double notional;     /**< of a shadow whose signal was not sized */
    uint32_t symbols_max;
};

struct mri_shadows {
    const struct mri_market *market;
    struct mri_shadow_options options;
    struct mri_venue venue;
    struct mri_shadow_book book;
    uint32_t engine_version; /**< of the session at hand; 0: there was none yet */
};

/**
 * Make the engine.
 *
 * @param market  applied before this engine, outlives it
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_shadows_fini() frees. The struct must not move afterwards: its venue points into it.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_shadows_init(struct mri_shadows *shadows, const struct mri_alloc *alloc,
    const struct mri_market *market, const struct mri_shadow_options *options);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_shadows_fini(struct mri_shadows *shadows);

/** The engine's functions; their state is a struct mri_shadows. Decides last. */
extern const struct mri_engine mri_shadow_engine;

#endif
