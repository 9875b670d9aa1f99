/* SPDX-License-Identifier: MIT */
/**
 * The engine that decides about signals: opens views, predicts with the feedback in force, runs the
 * gates, sizes what passes.
 */
#ifndef MRI_EVALUATE_EVALUATE_H
#define MRI_EVALUATE_EVALUATE_H

#include "base/due_queue.h"
#include "bus/engine.h"
#include "bus/route.h"
#include "evaluate/gates.h"
#include "evaluate/size.h"
#include "evaluate/undecided.h"
#include "evaluate/view.h"

struct mri_evaluate_options {
    struct mri_gate_limits gates;
    struct mri_size_limits size;
    struct mri_beliefs_options beliefs;
    struct mri_routes routes; /**< of sources on which others decide */
    double cost_bps;          /**< of a round trip */
    int64_t step_bars;        /**< a step view opens every so many bars */
};

/** A signal that waits for somebody else's decision; due when it expires. */
struct mri_held {
    struct mri_undecided signal;
    uint64_t claim_seq; /**< the claim in force: it does not expire; 0 = nobody has claimed it */
    uint8_t state;      /**< generated, evaluating or approved */
    uint8_t reserved[7];
};

/** What is known of a symbol's trading. */
struct mri_book_entry {
    uint32_t ordinal; /**< of the signal that holds the position or its pending entry; 0 = none */
    uint32_t reserved;
    double notional;
    int64_t approved_unix_ns[2]; /**< newest approval long, short; 0 = none */
};

struct mri_evaluate {
    const struct mri_alloc *alloc;
    const struct mri_market *market;
    struct mri_evidence_port evidence;
    struct mri_evaluate_options options;
    struct mri_beliefs beliefs;
    struct mri_external_vote *externals; /**< symbols_max x external sources */
    struct mri_step_views *steps;        /**< one a symbol */
    struct mri_book_entry *book;         /**< one a symbol */
    struct mri_undecided_set undecided;
    struct mri_due_queue held; /**< struct mri_held, by ordinal */
    uint8_t mode;              /**< enum mri_mode */
};

/**
 * Make the engine and prove its gates.
 *
 * @param market        applied before this engine, outlives it
 * @param source_names  the bus's numbering of sources, outlives it
 *
 * Returns  MR_OK; MR_ENOMEM; MR_EINTERNAL a gate does not block what it must, *reterr_problem names
 *          it.
 * Owner    mri_evaluate_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_evaluate_init(struct mri_evaluate *evaluate, const struct mri_alloc *alloc,
    const struct mri_market *market, const struct mri_intern *source_names,
    const struct mri_evaluate_options *options, mr_problem *reterr_problem);

/**
 * Say where the evidence of internal sources comes from; before the first event.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_evaluate_connect(struct mri_evaluate *evaluate, struct mri_evidence_port evidence);

/**
 * Take new constants of gates, sizes, costs and the model; limits must stay.
 *
 * Returns  MR_OK; MR_EINTERNAL a gate fails its proof, nothing changed.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_evaluate_configure(struct mri_evaluate *evaluate,
    const struct mri_evaluate_options *options, mr_problem *reterr_problem);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_evaluate_fini(struct mri_evaluate *evaluate);

/** The engine's functions; their state is a struct mri_evaluate. */
extern const struct mri_engine mri_evaluate_engine;

#endif
