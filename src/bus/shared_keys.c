/* SPDX-License-Identifier: MIT */
/*
 * Keys by open addressing, in words.
 *
 * Invariants
 *  1. At most three quarters of the places are used, so probing ends.
 *  2. An entry counts by its ordinal, which is stored last and noted; the key of an empty place may
 *     be anything.
 */
#include "bus/shared_keys.h"

#include "bus/pair.h"

enum { HEAD_COUNT, HEAD_LACKS, HEAD_WORDS = 8, ENTRY_WORDS = 3, ORDINAL = 2 };

size_t mri_shared_keys_words(uint32_t places)
{
    return HEAD_WORDS + (size_t)places * ENTRY_WORDS;
}

struct mri_shared_keys mri_shared_keys_at(uint64_t *words, uint32_t places)
{
    return (struct mri_shared_keys){
        .head = words, .entries = words + HEAD_WORDS, .mask = places - 1};
}

bool mri_shared_keys_is_whole(const struct mri_shared_keys *keys)
{
    return mri_pair_load(&keys->head[HEAD_LACKS]) == 0;
}

uint64_t mri_shared_keys_count(const struct mri_shared_keys *keys)
{
    return mri_pair_load(&keys->head[HEAD_COUNT]);
}

/** The entry that has the key, or the empty one where it would go; NULL: all are full of others. */
static uint64_t *entry_for(const struct mri_shared_keys *keys, const struct mri_key *key)
{
    for (uint32_t i = 0; i <= keys->mask; i++) {
        uint32_t at = ((uint32_t)key->words[0] + i) & keys->mask;
        uint64_t *entry = keys->entries + (size_t)at * ENTRY_WORDS;
        bool is_its =
            mri_pair_load(&entry[0]) == key->words[0] && mri_pair_load(&entry[1]) == key->words[1];
        if (is_its || mri_pair_load(&entry[ORDINAL]) == 0) {
            return entry;
        }
    }
    return NULL; /* only of what is read while others write */
}

uint32_t mri_shared_keys_find(const struct mri_shared_keys *keys, const struct mri_key *key)
{
    const uint64_t *entry = entry_for(keys, key);
    return entry == NULL ? 0 : (uint32_t)mri_pair_load(&entry[ORDINAL]);
}

void mri_shared_keys_lack(struct mri_shared_keys *keys, struct mri_hot_journal *journal)
{
    mri_pair_set(journal, &keys->head[HEAD_LACKS], 1);
}

void mri_shared_keys_add(struct mri_shared_keys *keys, struct mri_hot_journal *journal,
    const struct mri_key *key, uint32_t ordinal)
{
    uint64_t room = (uint64_t)keys->mask + 1 - ((uint64_t)keys->mask + 1) / 4;
    uint64_t *entry = keys->head[HEAD_COUNT] < room ? entry_for(keys, key) : NULL;
    if (entry == NULL) {
        mri_shared_keys_lack(keys, journal);
        return;
    }
    mri_pair_set(NULL, &entry[0], key->words[0]);
    mri_pair_set(NULL, &entry[1], key->words[1]);
    mri_pair_set(journal, &entry[ORDINAL], ordinal);
    mri_pair_set(journal, &keys->head[HEAD_COUNT], keys->head[HEAD_COUNT] + 1);
}
