/* SPDX-License-Identifier: MIT */
/**
 * The arrays of the table of signals: for each symbol and each source an entry a signal, in order
 * of creation, in blocks. An entry is the number of the signal's slot and its state.
 *
 * For signal_table.c, which keeps the entries and the slots together; the walks over them are in
 * signal_table.h.
 */
#ifndef MRI_BUS_SIGNAL_GROUPS_H
#define MRI_BUS_SIGNAL_GROUPS_H

#include "bus/signal_table.h"

enum {
    MRI_SIGNAL_SLOT_WORDS = 8,
    MRI_SIGNAL_PLACES = 7, /**< of a slot: its place in the symbol's array, in the source's */
    MRI_SIGNAL_BLOCK_WORDS = 128,
    MRI_SIGNAL_HEAD_BLOCKS = 1, /**< of the head: first free block, blocks ever used */
    MRI_SIGNAL_STATE_BITS = 4,
    MRI_SIGNAL_STATE_MASK = (1 << MRI_SIGNAL_STATE_BITS) - 1,
};

/** A group that is being changed. */
struct mri_signal_group {
    const struct mri_signal_table *table;
    struct mri_hot_journal *journal; /**< NULL: nothing is noted */
    uint64_t *word;
    bool is_source; /**< which half of PLACES is its */
};

/**
 * How many blocks all groups can need together.
 *
 * Returns  the number.
 * Threads  any.
 */
uint32_t mri_signal_groups_block_count(const struct mri_signal_limits *limits);

/**
 * Are so many blocks free?
 *
 * Returns  true or false.
 * Threads  one at a time.
 */
bool mri_signal_groups_has_blocks(const struct mri_signal_table *table, uint32_t count);

/**
 * Add an entry to a group; there is a block for it.
 *
 * @param group  its word
 *
 * Returns  the entry's place.
 * Threads  one at a time.
 */
uint32_t mri_signal_groups_append(const struct mri_signal_table *table,
    struct mri_hot_journal *journal, uint64_t *group, uint32_t entry);

/**
 * Change the entry of a place.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_signal_groups_put(const struct mri_signal_table *table, struct mri_hot_journal *journal,
    uint32_t place, uint32_t entry);

/**
 * Forget the entry of a place. Blocks that few living entries are left in become one.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_signal_groups_forget(const struct mri_signal_group *group, uint32_t place);

/**
 * The entry of a place, which may be none.
 *
 * Returns  the entry; 0: forgotten, or there is no such place.
 * Threads  any.
 */
uint32_t mri_signal_groups_get(const struct mri_signal_table *table, uint32_t place);

/**
 * The word of a place, which may be none: then a word that is not used.
 *
 * Returns  the word.
 * Threads  any.
 */
const uint64_t *mri_signal_groups_word(const struct mri_signal_table *table, uint32_t place);

#endif
