/* SPDX-License-Identifier: MIT */
/**
 * The engine of evaluation on a market of swinging prices, with evidence and lessons that a test
 * chooses. Failures of the sample itself fail an assertion of cmocka.
 */
#ifndef TESTS_LIB_EVALUATE_SAMPLE_H
#define TESTS_LIB_EVALUATE_SAMPLE_H

#include "evaluate/evaluate.h"
#include "tests/lib/engine_sample.h"

/** After so many bars volatility is known, and the regime is not yet. */
enum { MRI_EVALUATE_SAMPLE_WARM = 130 };

struct mri_evaluate_sample {
    struct mri_engine_sample log;
    struct mri_evaluate evaluate;
    struct mri_evidence evidence; /**< of every symbol */
    int64_t minute;               /**< of the newest bar */
};

/** A decision, unpacked. */
struct mri_evaluate_sample_decision {
    uint64_t seq;
    const struct mri_decision *fixed; /**< NULL: the signal is not decided */
    const struct mri_row_gate_number *numbers;
    const struct mri_row_gate_code *codes;
    const struct mri_row_factor *factors;
    const struct mri_row_order_size *size;
    unsigned gates;
    unsigned factor_count;
    unsigned size_count;
};

/** A step view every 5 bars, two positions, cost 10 bps, equity 10000. */
extern const struct mri_evaluate_options mri_evaluate_sample_options;

/**
 * Begin with three symbols, five sources that are ready and say nothing, and no bar.
 *
 * Returns  nothing.
 * Owner    mri_evaluate_sample_fini() frees; the struct must not move.
 * Threads  one at a time.
 */
void mri_evaluate_sample_init(struct mri_evaluate_sample *sample);

/**
 * Free.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_evaluate_sample_fini(struct mri_evaluate_sample *sample);

/**
 * Make one more engine that stands on a log and reads the sample's evidence.
 *
 * Returns  nothing.
 * Owner    the caller frees the engine.
 * Threads  one at a time.
 */
void mri_evaluate_sample_engine(const struct mri_evaluate_sample *sample,
    const struct mri_engine_sample *log, struct mri_evaluate *engine);

/**
 * The next bar of symbol 0: prices swing by a tenth of a percent.
 *
 * Returns  the bar; the minute moves on.
 * Threads  one at a time.
 */
struct mri_candle mri_evaluate_sample_next(struct mri_evaluate_sample *sample);

/**
 * Take so many bars of symbol 0 in.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_evaluate_sample_bars(struct mri_evaluate_sample *sample, unsigned count);

/**
 * Teach that a source's long votes are worth `ev` volatilities at a horizon, nearly surely.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_evaluate_sample_teach(
    struct mri_evaluate_sample *sample, uint16_t source, mr_horizon horizon, double ev);

/**
 * A signal of symbol 0 from "desk", emitted now, valid for five minutes.
 *
 * Returns  the signal.
 * Threads  one at a time.
 */
struct mri_engine_sample_signal mri_evaluate_sample_signal(
    const struct mri_evaluate_sample *sample, double confidence, mr_side side);

/**
 * Log a signal that no engine decides on before the next input.
 *
 * Returns  its ordinal.
 * Threads  one at a time.
 */
uint32_t mri_evaluate_sample_put(
    struct mri_evaluate_sample *sample, const struct mri_engine_sample_signal *signal);

/**
 * Emit a signal as mri_evaluate_sample_signal() makes it.
 *
 * Returns  its ordinal.
 * Threads  one at a time.
 */
uint32_t mri_evaluate_sample_emit(
    struct mri_evaluate_sample *sample, double confidence, mr_side side);

/**
 * Log an event that has only a fixed part.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_evaluate_sample_fact(struct mri_evaluate_sample *sample, enum mri_event_type type,
    const void *fixed, uint32_t ordinal);

/**
 * The one decision about a signal.
 *
 * Returns  the decision; `fixed` is NULL when there is none.
 * Threads  one at a time.
 */
struct mri_evaluate_sample_decision mri_evaluate_sample_heard(
    const struct mri_evaluate_sample *sample, uint32_t ordinal);

/**
 * The newest event of a type.
 *
 * Returns  the event; an assertion fails when there is none.
 * Threads  one at a time.
 */
const struct mri_event *mri_evaluate_sample_newest(
    const struct mri_evaluate_sample *sample, enum mri_event_type type);

#endif
