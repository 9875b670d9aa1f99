/* SPDX-License-Identifier: MIT */
/**
 * The signals that the benchmarks of the bus emit, the same for every store and in Python
 * (bus_python.py has the same arithmetic): symbol and state follow from a signal's number, so that
 * every answer can be checked.
 */
#ifndef MRI_BENCH_WORKLOAD_H
#define MRI_BENCH_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "millrace/bus.h"

enum {
    MRI_WORKLOAD_LATEST = 100, /**< how many the question for the latest asks for */
    MRI_WORKLOAD_MOVES_MAX = 2,
    MRI_WORKLOAD_SYMBOL_BYTES = 16,
    MRI_WORKLOAD_DATA_BYTES = 128,
};

/** Which signals are asked for. */
struct mri_workload_question {
    uint32_t symbol;
    mr_state state;
};

/**
 * The number of a signal's symbol.
 *
 * @param ordinal  of the signal, from 1
 *
 * Returns  it, below `symbols`.
 * Threads  any.
 */
uint32_t mri_workload_symbol(uint32_t ordinal, uint32_t symbols);

/**
 * Where a signal ends: 1 % are approved, 30 % blocked, the others stay generated.
 *
 * Returns  the state.
 * Threads  any.
 */
mr_state mri_workload_state(uint32_t ordinal);

/**
 * Does it have the name "rare", as one of every hundred thousand has?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_workload_has_rare_name(uint32_t ordinal);

/**
 * Was it blocked by the gate "cooldown", as one of every hundred thousand was?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_workload_has_rare_gate(uint32_t ordinal);

/**
 * The name of a symbol.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_workload_symbol_text(uint32_t symbol, char ret_text[MRI_WORKLOAD_SYMBOL_BYTES]);

/**
 * The moves that bring a signal where it ends.
 *
 * Returns  how many.
 * Threads  any.
 */
size_t mri_workload_moves(uint32_t ordinal, mr_move ret_moves[MRI_WORKLOAD_MOVES_MAX]);

/**
 * A question: all states in turn, of symbols in no order.
 *
 * Returns  it.
 * Threads  any.
 */
struct mri_workload_question mri_workload_question(uint32_t number, uint32_t symbols);

/**
 * The answer to one, newest first, found by looking at every signal.
 *
 * @param count     signals there are
 * @param ordinals  room for MRI_WORKLOAD_LATEST
 *
 * Returns  how many.
 * Threads  any.
 */
uint32_t mri_workload_answer(
    struct mri_workload_question question, uint32_t count, uint32_t symbols, uint32_t *ordinals);

/**
 * Free data, as long as makes the body of the event 192 bytes.
 *
 * Returns  it.
 * Owner    the program.
 * Threads  one.
 */
const char *mri_workload_data(void);

/**
 * Make a live log with the symbols registered.
 *
 * @param slots  signals that the table has slots for, a power of two
 *
 * Returns  nothing; the program ends when it cannot be made.
 * Threads  one.
 */
void mri_workload_make_log(const char *folder, uint32_t slots, uint32_t symbols);

#endif
