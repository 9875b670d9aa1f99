/* SPDX-License-Identifier: MIT */
/**
 * Idempotency keys, as words of a memory that many processes share: the shared form of bus/keys.h.
 *
 * Caveats first
 * - It has room for so many; when there are more, it says for ever that some are missing, and who
 *   asks for a key asks a bus that was folded.
 * - Who reads while others write compares mri_hot_tail_version() before and after.
 */
#ifndef MRI_BUS_SHARED_KEYS_H
#define MRI_BUS_SHARED_KEYS_H

#include "bus/keys.h"
#include "log/hot/hot_tail.h"

/** Where the parts of a table of keys are. */
struct mri_shared_keys {
    uint64_t *head;    /**< how many there are; 1 when some are missing */
    uint64_t *entries; /**< 3 words each: the key, the ordinal of its signal; 0 = empty */
    uint32_t mask;
};

/**
 * How many words a table of keys takes.
 *
 * @param places  a power of two, at least 8; three quarters of them can be used
 *
 * Returns  the number of words, a multiple of 8.
 * Threads  any.
 */
size_t mri_shared_keys_words(uint32_t places);

/**
 * The parts of a table; words of zeros are an empty one that lacks nothing.
 *
 * Returns  the parts.
 * Owner    the words stay the caller's.
 * Threads  any.
 */
struct mri_shared_keys mri_shared_keys_at(uint64_t *words, uint32_t places);

/**
 * Are all keys of the log in it?
 *
 * Returns  true or false.
 * Threads  any; see the caveats.
 */
bool mri_shared_keys_is_whole(const struct mri_shared_keys *keys);

/**
 * How many keys are in it.
 *
 * Returns  the number.
 * Threads  any; see the caveats.
 */
uint64_t mri_shared_keys_count(const struct mri_shared_keys *keys);

/**
 * The signal that was emitted with a key.
 *
 * Returns  its ordinal; 0 when the table has none.
 * Threads  any; see the caveats.
 */
uint32_t mri_shared_keys_find(const struct mri_shared_keys *keys, const struct mri_key *key);

/**
 * Add a key that is not in it; where there is no room, say that some are missing.
 *
 * @param journal  NULL: nobody looks, what is changed is not noted
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_shared_keys_add(struct mri_shared_keys *keys, struct mri_hot_journal *journal,
    const struct mri_key *key, uint32_t ordinal);

/**
 * Say that some are missing.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_shared_keys_lack(struct mri_shared_keys *keys, struct mri_hot_journal *journal);

#endif
