/* SPDX-License-Identifier: MIT */
/**
 * The engine that learns: from every step view, when its horizons mature; and closes the life of
 * signals whose outcomes are complete. It owns every learned number; all of them are in its
 * feedback events.
 */
#ifndef MRI_LEARN_LEARN_H
#define MRI_LEARN_LEARN_H

#include "bus/engine.h"
#include "learn/cells.h"
#include "learn/mixture.h"
#include "learn/score.h"
#include "market/market.h"

struct mri_learn_options {
    struct mri_beliefs_options beliefs;
    struct mri_mixture_options mixture;
    double kappa; /**< overlap weight of a view that is alone */
    double ev_noise;
    int64_t tolerance_ns;   /**< oldest price that counts as the price at a horizon */
    int64_t score_after_ns; /**< skill is counted this long after the run's first bar */
};

/** The most step views of a symbol that wait: one a bar for the longest horizon. */
enum { MRI_LEARN_VIEWS_MAX = 64 };

/** A step view that waits for its horizons. */
struct mri_learn_view {
    uint64_t seq;
    int64_t time_unix_ns;
    int64_t price;
    double volatility; /**< 0 = absent */
    double static_logit;
    double prob_up[MR_HORIZON_COUNT]; /**< as published */
    double prob_pool[MR_HORIZON_COUNT];
    double prob_platt[MR_HORIZON_COUNT];
    uint8_t open_counts[MR_HORIZON_COUNT];
    uint8_t regime;
    uint8_t term_count;
    uint8_t signal_count;
    struct mri_row_term terms[MRI_TERMS_MAX];
};

/** The step views of one symbol, in order of time. */
struct mri_learn_symbol {
    struct mri_learn_view *ring; /**< MRI_LEARN_VIEWS_MAX; NULL before the first */
    uint64_t pushed;
    uint64_t taken[MR_HORIZON_COUNT]; /**< per horizon */
};

/** What outcomes said about a source's signals at one horizon, in the signal's side. */
struct mri_source_record {
    uint64_t count;
    uint64_t wins;
    double return_bps_sum;
};

/** A signal whose life can be closed. */
struct mri_finished {
    uint64_t seq;          /**< of its signal.generated */
    uint64_t evidence_seq; /**< its last outcome, or the move that ended it */
    uint32_t ordinal;
    uint8_t state; /**< it is in now */
    uint8_t reserved[3];
};

struct mri_learn {
    const struct mri_alloc *alloc;
    const struct mri_market *market;
    struct mri_learn_options options;
    struct mri_beliefs beliefs;
    struct mri_learn_symbol *symbols;
    struct mri_score scores[MR_HORIZON_COUNT];
    struct mri_source_record *records; /**< per source and horizon */
    uint8_t *lives;      /**< per ordinal: state, side, and whether outcomes are complete */
    uint16_t *sources;   /**< per ordinal: its source */
    uint32_t life_count; /**< highest ordinal */
    uint32_t life_capacity;
    struct mri_finished *finished;
    uint32_t finished_count;
    uint32_t finished_capacity;
    uint64_t learned_count; /**< feedback events that taught something */
};

/**
 * Make the engine.
 *
 * @param market        applied before this engine, outlives it
 * @param source_names  the bus's numbering of sources, outlives it
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_learn_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_learn_init(struct mri_learn *learn, const struct mri_alloc *alloc,
    const struct mri_market *market, const struct mri_intern *source_names,
    const struct mri_learn_options *options);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_learn_fini(struct mri_learn *learn);

/** The engine's functions; their state is a struct mri_learn. */
extern const struct mri_engine mri_learn_engine;

/**
 * The record of a source at a horizon.
 *
 * Returns  the record.
 * Owner    points into the engine.
 * Threads  one at a time.
 */
const struct mri_source_record *mri_learn_record(
    const struct mri_learn *learn, uint32_t source, mr_horizon horizon);

#endif
