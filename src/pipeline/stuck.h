/* SPDX-License-Identifier: MIT */
/**
 * Signals that stay in a state longer than they should, found by timers.
 *
 * A signal is stuck when the market's time was beyond its limit already before it moved on the last
 * time: what the step at hand brings (an outcome behind a gap in the data) has had its turn.
 *
 * Nothing is decided here. Whoever runs the pipeline logs one alert for each signal and state that
 * mri_stuck_next() names; applying the alert marks it as told, and a move begins anew.
 */
#ifndef MRI_PIPELINE_STUCK_H
#define MRI_PIPELINE_STUCK_H

#include "base/due_queue.h"
#include "bus/claims.h"
#include "bus/engine.h"
#include "market/market.h"

struct mri_stuck_options {
    int64_t after_ns[MR_STATE_COUNT]; /**< 0: never */
};

/** A signal that has not ended. */
struct mri_stuck_life {
    int64_t since_unix_ns; /**< event time at which it came into its state */
    uint64_t since_seq;    /**< of that move, or of its birth */
    uint8_t state;
    uint8_t is_told; /**< 1: the log has the alert */
    uint8_t reserved[6];
};

struct mri_stuck {
    const struct mri_market *market;
    struct mri_stuck_options options;
    struct mri_due_queue lives; /**< struct mri_stuck_life; due when they are stuck and not told */
    struct mri_due_queue told;  /**< those that were told; items of 8 bytes without meaning */
    int64_t now_unix_ns;        /**< the market's time */
    int64_t before_unix_ns;     /**< its time before that */
};

/**
 * Begin without signals.
 *
 * @param market  applied before, outlives it
 *
 * Returns  nothing.
 * Owner    mri_stuck_fini() frees.
 * Threads  one at a time.
 */
void mri_stuck_init(struct mri_stuck *stuck, const struct mri_alloc *alloc,
    const struct mri_market *market, const struct mri_stuck_options *options);

/**
 * Take other limits.
 *
 * Returns  nothing.
 * Threads  one at a time.
 * Cost     O(signals that have not ended).
 */
void mri_stuck_configure(struct mri_stuck *stuck, const struct mri_stuck_options *options);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_stuck_fini(struct mri_stuck *stuck);

/** As an engine that never decides; its state is a struct mri_stuck. */
extern const struct mri_engine mri_stuck_engine;

/**
 * The signal that is stuck longest without an alert.
 *
 * Returns  its ordinal; 0: there is none.
 * Owner    *ret_life points into the state, until the next event is applied.
 * Threads  one at a time.
 * Cost     O(1).
 */
uint32_t mri_stuck_next(const struct mri_stuck *stuck, const struct mri_stuck_life **ret_life);

/**
 * Draft the alert for the signal that mri_stuck_next() names.
 *
 * @param claims  say who has it
 *
 * Returns  MR_OK; MR_END there is none; as mri_batch_add().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_stuck_draft(
    const struct mri_stuck *stuck, const struct mri_claims *claims, struct mri_batch *batch);

/** Who looks at stuck signals. */
struct mri_stuck_visitor {
    void *context;
    void (*visit)(void *context, uint32_t ordinal, const struct mri_stuck_life *life);
};

/**
 * Visit every signal that is stuck now, told or not, in order of ordinals.
 *
 * @param most       at most so many are visited
 * @param ret_count  how many there are
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Threads  one at a time.
 * Cost     O(stuck signals), sorted.
 */
MR_MUST_USE mr_err mri_stuck_visit(const struct mri_stuck *stuck, uint32_t most,
    const struct mri_stuck_visitor *visitor, uint32_t *ret_count);

#endif
