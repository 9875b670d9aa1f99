/* SPDX-License-Identifier: MIT */
/**
 * The engine that generates signals: every generator votes on every bar; a signal is emitted when a
 * vote changes side or strength band, or, if so configured, on every bar with a vote.
 */
#ifndef MRI_SOURCES_SOURCES_H
#define MRI_SOURCES_SOURCES_H

#include "bus/engine.h"
#include "sources/source.h"

struct mri_sources_options {
    bool is_every_bar;    /**< emit while a vote lasts, not only when it changes */
    double band;          /**< width of a strength band */
    int64_t valid_for_ns; /**< of the signals */
    uint32_t symbols_max;
};

/** A symbol's generators, their newest votes, and what was emitted last. */
struct mri_sources_symbol {
    struct mri_source_state states[MRI_SOURCE_INTERNAL_COUNT];
    struct mri_vote votes[MRI_SOURCE_INTERNAL_COUNT];
    int32_t
        emitted[MRI_SOURCE_INTERNAL_COUNT]; /**< side times (band + 1); 0 = nothing since no vote */
    bool is_ready;
};

struct mri_sources {
    const struct mri_alloc *alloc;
    const struct mri_market *market;
    struct mri_sources_options options;
    struct mri_sources_symbol *symbols;
    uint64_t feedback_seq; /**< newest feedback seen */
};

/**
 * Make the engine.
 *
 * @param market  applied before this engine, outlives it
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_sources_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_sources_init(struct mri_sources *sources, const struct mri_alloc *alloc,
    const struct mri_market *market, const struct mri_sources_options *options);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_sources_fini(struct mri_sources *sources);

/** The engine's functions; their state is a struct mri_sources. */
extern const struct mri_engine mri_sources_engine;

/**
 * The newest votes of a symbol's generators, in order of their numbers.
 *
 * Returns  MRI_SOURCE_INTERNAL_COUNT votes; NULL for a symbol without bars.
 * Owner    points into the engine, until the next candle.
 * Threads  one at a time.
 */
const struct mri_vote *mri_sources_votes(const struct mri_sources *sources, uint32_t symbol);

/**
 * The name of the signals that a generator emits.
 *
 * Returns  a static text.
 * Threads  any.
 */
const char *mri_sources_signal_name(enum mri_source source);

#endif
