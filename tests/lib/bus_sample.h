/* SPDX-License-Identifier: MIT */
/**
 * Random signals and moves for tests of the bus: small numbers of symbols, sources, names and keys,
 * so that everything meets everything.
 */
#ifndef TESTS_LIB_BUS_SAMPLE_H
#define TESTS_LIB_BUS_SAMPLE_H

#include "base/prng.h"
#include "bus/bus.h"

enum {
    MRI_BUS_SAMPLE_SYMBOLS = 5,
    MRI_BUS_SAMPLE_SOURCES = 4,
    MRI_BUS_SAMPLE_NAMES = 6,
    MRI_BUS_SAMPLE_KEYS = 40,
};

/** What a signal was drafted with. */
struct mri_bus_sample_signal {
    int64_t event_time_unix_ns;
    uint32_t symbol;
    unsigned source; /**< of "source-<n>" */
    unsigned name;   /**< of "name-<n>" */
    unsigned key;    /**< of "key-<n>"; 0 = none */
    uint8_t side;
};

/** Limits under which such buses are made: room for one source more than there are. */
extern const struct mri_bus_limits mri_bus_sample_limits;

/**
 * Draft a signal.
 *
 * Returns  as mri_batch_add().
 * Threads  one at a time.
 */
mr_err mri_bus_sample_emit(
    struct mri_batch *batch, struct mri_prng *prng, struct mri_bus_sample_signal *ret_signal);

/**
 * Draft a move with everything that the lifecycle asks for.
 *
 * Returns  as mri_batch_add().
 * Threads  one at a time.
 */
mr_err mri_bus_sample_move(
    struct mri_batch *batch, struct mri_prng *prng, uint32_t ordinal, unsigned from, unsigned to);

/**
 * One of the states that a signal may go to.
 *
 * Returns  the state; MR_STATE_COUNT when there is none.
 * Threads  any.
 */
unsigned mri_bus_sample_next_state(struct mri_prng *prng, unsigned from);

#endif
