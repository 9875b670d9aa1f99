/* SPDX-License-Identifier: MIT */
/**
 * Words of a memory that processes share, most of which are two numbers.
 */
#ifndef MRI_BUS_PAIR_H
#define MRI_BUS_PAIR_H

#include "log/hot/hot_tail.h"

/**
 * The first number.
 *
 * Returns  it.
 * Threads  any.
 */
static inline uint32_t mri_pair_low(uint64_t word)
{
    return (uint32_t)word;
}

/**
 * The second number.
 *
 * Returns  it.
 * Threads  any.
 */
static inline uint32_t mri_pair_high(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

/**
 * Two numbers as a word.
 *
 * Returns  it.
 * Threads  any.
 */
static inline uint64_t mri_pair_of(uint32_t first, uint32_t second)
{
    return first | (uint64_t)second << 32;
}

/**
 * A word that others may be changing.
 *
 * Returns  what it is now.
 * Threads  any.
 */
static inline uint64_t mri_pair_load(const uint64_t *word)
{
    return *(const volatile uint64_t *)word;
}

/**
 * Change a word.
 *
 * @param journal  NULL: nothing leads to it, or nobody looks; what it was is not noted
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
static inline void mri_pair_set(struct mri_hot_journal *journal, uint64_t *word, uint64_t value)
{
    if (journal != NULL) {
        mri_hot_tail_set(journal, word, value);
    } else {
        *word = value;
    }
}

#endif
