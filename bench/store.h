/* SPDX-License-Identifier: MIT */
/**
 * What somebody would keep signals in: the bus, or another program's tables. One file each in
 * bench/stores/; meson.build lists those whose libraries and programs were found.
 *
 * Each does what a bus does in the way of its own users, one operation at a time, of one process,
 * without waiting for the disk. Any failure ends the program.
 */
#ifndef MRI_BENCH_STORE_H
#define MRI_BENCH_STORE_H

#include <stdint.h>

#include "bench/workload.h"

/** A signal that is emitted, in state generated. */
struct mri_store_signal {
    uint32_t ordinal; /**< one more than that of the one before */
    uint32_t symbol;
    mr_side side;
    double confidence;
    const char *symbol_text;
    const char *source;
    const char *data;
};

/** What is asked about one. */
struct mri_store_found {
    mr_state state;
    uint32_t symbol;
};

struct mri_store {
    const char *name;
    const char *settings; /**< for people: what was chosen, and what a call does */

    /** Make it in a folder that exists, start servers, be a client. */
    void (*start)(const char *folder);
    void (*stop)(void);

    void (*emit)(const struct mri_store_signal *signal);
    /** Compare and set. */
    void (*move)(const mr_move *move);
    /** Between what changes and what asks. NULL: nothing to do. */
    void (*settle)(void);
    struct mri_store_found (*get)(uint32_t ordinal);
    /** The newest of a symbol and state, at most MRI_WORKLOAD_LATEST. Returns how many. */
    uint32_t (*latest)(struct mri_workload_question question, uint32_t *ordinals);
    void (*counts)(uint64_t ret_counts[MR_STATE_COUNT]);
};

/**
 * The state of a word.
 *
 * Returns  it; the program ends when there is none.
 * Threads  any.
 */
mr_state mri_store_state(const char *text);

/**
 * The number of a symbol's name.
 *
 * Returns  it.
 * Threads  any.
 */
uint32_t mri_store_symbol(const char *text);

#endif
