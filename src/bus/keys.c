/* SPDX-License-Identifier: MIT */
/*
 * Idempotency keys by open addressing.
 *
 * Invariants
 *  1. capacity is 0 or a power of two, and at most half full, so probing ends.
 *  2. The place of an entry depends on the order of insertion and on when the table grew; nothing
 *     but find depends on places, and a snapshot is in order of ordinals.
 */
#include "bus/keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { FIRST_CAPACITY = 1024, CAPACITY_MAX = 1 << 28 };

void mri_keys_init(struct mri_keys *keys, const struct mri_alloc *alloc)
{
    *keys = (struct mri_keys){.alloc = alloc};
}

void mri_keys_fini(struct mri_keys *keys)
{
    if (keys != NULL && keys->alloc != NULL) {
        mri_alloc_free(keys->alloc, keys->entries, keys->capacity * sizeof(*keys->entries));
        *keys = (struct mri_keys){0};
    }
}

mr_err mri_key_of(struct mri_digest *hasher, struct mri_slice source, struct mri_slice text,
    struct mri_key *ret_key)
{
    uint8_t bytes[MRI_DIGEST_BYTES];
    if (hasher->state != NULL) {
        mri_digest_restart(hasher);
    } else if (mri_digest_init(hasher) != MR_OK) {
        return MR_ENOMEM;
    }
    uint32_t source_bytes = (uint32_t)source.count; /* so that "ab"+"c" is not "a"+"bc" */
    mri_digest_add(hasher, &source_bytes, sizeof(source_bytes));
    mri_digest_add(hasher, source.bytes, source.count);
    mri_digest_add(hasher, text.bytes, text.count);
    mri_digest_bytes(hasher, bytes);
    memcpy(ret_key->words, bytes, sizeof(ret_key->words));
    return MR_OK;
}

/** The entry that holds the key, or the empty one where it would go. */
static struct mri_key_entry *entry_for(const struct mri_keys *keys, const struct mri_key *key)
{
    uint32_t mask = keys->capacity - 1;
    uint32_t at = (uint32_t)key->words[0] & mask;
    while (
        keys->entries[at].ordinal != 0 && memcmp(&keys->entries[at].key, key, sizeof(*key)) != 0) {
        at = (at + 1) & mask;
    }
    return &keys->entries[at];
}

uint32_t mri_keys_find(const struct mri_keys *keys, const struct mri_key *key)
{
    return keys->capacity == 0 ? 0 : entry_for(keys, key)->ordinal;
}

mr_err mri_keys_reserve(struct mri_keys *keys, uint32_t more)
{
    if (more > CAPACITY_MAX / 2 || keys->count + more > CAPACITY_MAX / 2) {
        return MR_ENOMEM;
    }
    uint32_t capacity = keys->capacity == 0 ? FIRST_CAPACITY : keys->capacity;
    while (capacity / 2 < keys->count + more) {
        capacity *= 2;
    }
    if (capacity == keys->capacity) {
        return MR_OK;
    }
    void *block;
    mr_err err = mri_alloc_array(keys->alloc, capacity, sizeof(*keys->entries), &block);
    if (err != MR_OK) {
        return err;
    }
    struct mri_keys grown = {
        .alloc = keys->alloc, .entries = block, .count = keys->count, .capacity = capacity};
    for (uint32_t i = 0; i < keys->capacity; i++) {
        if (keys->entries[i].ordinal != 0) {
            *entry_for(&grown, &keys->entries[i].key) = keys->entries[i];
        }
    }
    mri_alloc_free(keys->alloc, keys->entries, keys->capacity * sizeof(*keys->entries));
    *keys = grown;
    return MR_OK;
}

void mri_keys_add(struct mri_keys *keys, const struct mri_key *key, uint32_t ordinal)
{
    MRI_ASSERT(ordinal != 0 && keys->count < keys->capacity / 2);
    struct mri_key_entry *entry = entry_for(keys, key);
    if (entry->ordinal == 0) {
        *entry = (struct mri_key_entry){.key = *key, .ordinal = ordinal};
        keys->count++;
    }
}

static int compare_ordinals(const void *a, const void *b)
{
    struct mri_key_entry x;
    struct mri_key_entry y;
    memcpy(&x, a, sizeof(x)); /* a buffer's bytes may have any alignment */
    memcpy(&y, b, sizeof(y));
    return x.ordinal < y.ordinal ? -1 : x.ordinal > y.ordinal;
}

void mri_keys_save(const struct mri_keys *keys, uint32_t since_ordinal, struct mri_buf *buf)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < keys->capacity; i++) {
        count += keys->entries[i].ordinal > since_ordinal;
    }
    mri_buf_put(buf, &count, sizeof(count));
    uint8_t *first = mri_buf_grow(buf, count * sizeof(*keys->entries));
    if (first == NULL) {
        return;
    }
    uint8_t *at = first;
    for (uint32_t i = 0; i < keys->capacity; i++) {
        if (keys->entries[i].ordinal > since_ordinal) {
            memcpy(at, &keys->entries[i], sizeof(keys->entries[i]));
            at += sizeof(keys->entries[i]);
        }
    }
    qsort(first, count, sizeof(*keys->entries), compare_ordinals);
}

mr_err mri_keys_load(struct mri_keys *keys, uint32_t since_ordinal, struct mri_unpack *unpack)
{
    MRI_ASSERT(since_ordinal != 0 || keys->count == 0);
    uint32_t count = mri_unpack_count(unpack, CAPACITY_MAX / 2, sizeof(struct mri_key_entry));
    mr_err err = unpack->err;
    if (err == MR_OK && count > 0) {
        err = mri_keys_reserve(keys, count);
    }
    uint32_t before = since_ordinal;
    for (uint32_t i = 0; i < count && err == MR_OK; i++) {
        struct mri_key_entry entry;
        mri_unpack_take(unpack, &entry, sizeof(entry));
        if (entry.ordinal <= before || mri_keys_find(keys, &entry.key) != 0) {
            return MR_ECORRUPT;
        }
        mri_keys_add(keys, &entry.key, entry.ordinal);
        before = entry.ordinal;
    }
    return err;
}
