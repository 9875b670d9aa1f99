/* SPDX-License-Identifier: MIT */
/**
 * Idempotency keys: the same key of the same source names the same signal, so that a bot may repeat
 * an emit whose answer was lost.
 */
#ifndef MRI_BUS_KEYS_H
#define MRI_BUS_KEYS_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/unpack.h"
#include "millrace/err.h"
#include "os/digest.h"

/** The first 128 bits of SHA-256 over source and key: nobody can make two that collide. */
struct mri_key {
    uint64_t words[2];
};

struct mri_key_entry {
    struct mri_key key;
    uint32_t ordinal; /**< 0 = empty */
    uint32_t reserved;
};

struct mri_keys {
    const struct mri_alloc *alloc;
    struct mri_key_entry *entries; /**< open addressing; NULL before the first key */
    uint32_t count;
    uint32_t capacity; /**< a power of two */
};

/**
 * Make an empty table; allocates nothing.
 *
 * Returns  nothing.
 * Owner    mri_keys_fini() frees.
 * Threads  one at a time.
 */
void mri_keys_init(struct mri_keys *keys, const struct mri_alloc *alloc);

/**
 * Free a table. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_keys_fini(struct mri_keys *keys);

/**
 * The key of a source and a text. The hasher is started when it is zeroed, and kept: starting costs
 * twice as much as a key.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_digest_fini() frees the hasher.
 * Threads  one at a time for a hasher.
 */
MR_MUST_USE mr_err mri_key_of(struct mri_digest *hasher, struct mri_slice source,
    struct mri_slice text, struct mri_key *ret_key);

/**
 * The signal that was emitted with a key.
 *
 * Returns  its ordinal; 0 when there is none.
 * Threads  one at a time.
 */
uint32_t mri_keys_find(const struct mri_keys *keys, const struct mri_key *key);

/**
 * Make room for more keys, so that adding them cannot fail.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_keys_reserve(struct mri_keys *keys, uint32_t more);

/**
 * Add a key; the first signal of a key keeps it.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_keys_add(struct mri_keys *keys, const struct mri_key *key, uint32_t ordinal);

/**
 * Append the table to a snapshot: the keys in order of their signals, whatever their places.
 *
 * @param since_ordinal  only those of the signals behind it; 0: all
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time.
 * Cost     a look at every key; O(n log n) of those that are saved.
 */
void mri_keys_save(const struct mri_keys *keys, uint32_t since_ordinal, struct mri_buf *buf);

/**
 * Take back what mri_keys_save() has appended, into a table that has the keys before it.
 *
 * Returns  MR_OK; MR_ECORRUPT; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_keys_load(
    struct mri_keys *keys, uint32_t since_ordinal, struct mri_unpack *unpack);

#endif
