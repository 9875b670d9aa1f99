/* SPDX-License-Identifier: MIT */
/**
 * A seeded random number generator for simulations and tests; never for secrets.
 */
#ifndef MRI_BASE_PRNG_H
#define MRI_BASE_PRNG_H

#include <stdint.h>

struct mri_prng {
    uint64_t state[4];
};

/**
 * Start the sequence of a seed.
 *
 * Returns  nothing.
 * Threads  one at a time per generator.
 */
void mri_prng_init(struct mri_prng *prng, uint64_t seed);

/**
 * The next 64 random bits.
 *
 * Returns  the bits.
 * Threads  one at a time per generator.
 * Source   xoshiro256** (Blackman and Vigna 2018), seeded by SplitMix64.
 */
uint64_t mri_prng_next(struct mri_prng *prng);

/**
 * A number below `bound`, each with the same probability.
 *
 * @param bound  > 0
 *
 * Returns  0..bound-1.
 * Threads  one at a time per generator.
 */
uint64_t mri_prng_below(struct mri_prng *prng, uint64_t bound);

/**
 * A double in [0, 1) with 53 random bits.
 *
 * Returns  the number.
 * Threads  one at a time per generator.
 */
double mri_prng_uniform(struct mri_prng *prng);

/**
 * A draw from the standard normal distribution.
 *
 * Returns  the number.
 * Threads  one at a time per generator.
 * Source   the polar method (Marsaglia 1962); exact_math, so the same on every machine.
 */
double mri_prng_normal(struct mri_prng *prng);

#endif
