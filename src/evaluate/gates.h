/* SPDX-License-Identifier: MIT */
/**
 * The chain of gates: all of them judge every signal, also after the first block, so that every
 * number is known.
 */
#ifndef MRI_EVALUATE_GATES_H
#define MRI_EVALUATE_GATES_H

#include "evaluate/gate.h"
#include "millrace/err.h"

/** What the chain says about a signal. */
struct mri_gates_result {
    struct mri_gate_result results[MRI_CHAIN_GATE_COUNT]; /**< in the order of the chain */
    enum mri_verdict verdict;
    enum mri_gate gate;     /**< the first that blocked */
    enum mri_reason reason; /**< its reason; gates_passed when none did */
};

/**
 * Run the chain.
 *
 * Returns  every verdict and the first block.
 * Threads  any.
 */
struct mri_gates_result mri_gates_run(
    const struct mri_gate_input *input, const struct mri_gate_limits *limits);

/**
 * Does everything but view_duplicate pass?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_gates_pass_alone(const struct mri_gate_input *input, const struct mri_gate_limits *limits);

/**
 * The gate at a place of the chain.
 *
 * Returns  the gate.
 * Threads  any.
 */
enum mri_gate mri_gates_at(unsigned index);

/**
 * Prove that each gate passes a good input and blocks the one it must block.
 *
 * Returns  MR_OK; MR_EINTERNAL a gate does not, *reterr_problem names it.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_gates_prove(
    const struct mri_gate_limits *limits, mr_problem *reterr_problem);

#endif
