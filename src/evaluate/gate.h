/* SPDX-License-Identifier: MIT */
/**
 * What a gate is: a pure function from numbers to a verdict that names the number it compared.
 *
 * A gate has a total result: if it cannot compute, that is a block (gate_error). At start-up each
 * gate must block the input that it says it must block; a program whose gates do not, does not
 * start.
 */
#ifndef MRI_EVALUATE_GATE_H
#define MRI_EVALUATE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/vocabulary.h"

/** Everything that gates may look at. Absent numbers have a `has_` of false. */
struct mri_gate_input {
    double signal_age_s;
    double price_age_s;
    double since_approval_s; /**< an earlier approval of the same symbol and side */
    double coverage;         /**< share of the internal sources that are ready */
    double ev_bps;           /**< expected return in the signal's side */
    double ev_sd_bps;        /**< its standard error */
    double cost_bps;         /**< of a round trip */
    double exposure;         /**< open and pending notional */
    enum mri_mode mode;
    unsigned symbol_positions; /**< open or pending, of the symbol */
    unsigned positions;        /**< open or pending, of all */
    unsigned stronger;         /**< signals of the view that pass every other gate and go first */
    bool has_price;
    bool has_approval;
    bool has_ev;
};

/** Thresholds; from the configuration. */
struct mri_gate_limits {
    double stale_signal_s;
    double stale_price_s;
    double cooldown_s;
    double coverage_min;
    double ev_z;
    unsigned positions_max;
    double exposure_max;
};

/** What a gate says. */
struct mri_gate_result {
    enum mri_verdict verdict;
    enum mri_reason reason; /**< none for a pass; input_absent when there was no value */
    double value;
    double threshold;
};

/** A gate of the chain. */
struct mri_gate_kind {
    enum mri_gate gate;
    struct mri_gate_result (*judge)(
        const struct mri_gate_input *input, const struct mri_gate_limits *limits);
    /** Change an input that every gate passes into one that this gate must block. */
    void (*spoil)(struct mri_gate_input *input, const struct mri_gate_limits *limits);
};

extern const struct mri_gate_kind mri_gate_mode;
extern const struct mri_gate_kind mri_gate_stale;
extern const struct mri_gate_kind mri_gate_cooldown;
extern const struct mri_gate_kind mri_gate_coverage;
extern const struct mri_gate_kind mri_gate_expected_value;
extern const struct mri_gate_kind mri_gate_position_limit;
extern const struct mri_gate_kind mri_gate_view_duplicate;

/**
 * A verdict: pass when `is_pass`, else block for `reason`.
 *
 * Returns  the result.
 * Threads  any.
 */
static inline struct mri_gate_result mri_gate_judged(
    bool is_pass, enum mri_reason reason, double value, double threshold)
{
    return (struct mri_gate_result){
        .verdict = is_pass ? MRI_VERDICT_PASS : MRI_VERDICT_BLOCK,
        .reason = is_pass ? MRI_REASON_NONE : reason,
        .value = value,
        .threshold = threshold,
    };
}

/**
 * The verdict of a gate whose number does not exist.
 *
 * Returns  the result, reason input_absent.
 * Threads  any.
 */
static inline struct mri_gate_result mri_gate_absent(bool is_pass, double threshold)
{
    return (struct mri_gate_result){
        .verdict = is_pass ? MRI_VERDICT_PASS : MRI_VERDICT_BLOCK,
        .reason = MRI_REASON_INPUT_ABSENT,
        .threshold = threshold,
    };
}

#endif
