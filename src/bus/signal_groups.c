/* SPDX-License-Identifier: MIT */
/*
 * Arrays of groups, in words.
 *
 *   block   126 words of two entries each, 126 previous, next block, 127 living, used entries
 *   group   newest block, entries
 *
 * Invariants
 *  1. An entry is slot << 4 | state, slots numbered from 1; 0 is one whose signal was forgotten.
 *  2. But for the newest of its group, a block has a living entry, and two neighbours have more
 *     than MERGED_ENTRIES of them: what old signals keep is bounded by how many there are.
 *  3. Entries from `used` on may hold anything, and are stored to without a note.
 */
#include "bus/signal_groups.h"

#include "bus/pair.h"

enum {
    BLOCK_ENTRIES = 252,
    MERGED_ENTRIES = 216, /* two blocks with so few living ones become one */
    LINKS_WORD = 126,
    USE_WORD = 127,
    WORDS_AT_ONCE = 4,
    PASSED_SINGLY = 4,
};

static uint64_t *block_at(const struct mri_signal_table *table, uint32_t number)
{
    return table->blocks + (size_t)number * MRI_SIGNAL_BLOCK_WORDS;
}

/* Invariant 2, for two arrays, with the newest block of each group and its neighbour. */
uint32_t mri_signal_groups_block_count(const struct mri_signal_limits *limits)
{
    uint32_t each = 2 * limits->slots_max / MERGED_ENTRIES + 1;
    return 1 + 2 * each + 2 * (limits->symbols_max + limits->sources_max);
}

void mri_signal_groups_put(const struct mri_signal_table *table, struct mri_hot_journal *journal,
    uint32_t place, uint32_t entry)
{
    uint64_t *word = block_at(table, place / BLOCK_ENTRIES) + place % BLOCK_ENTRIES / 2;
    bool is_high = place % BLOCK_ENTRIES % 2 != 0;
    mri_pair_set(journal, word,
        is_high ? mri_pair_of(mri_pair_low(*word), entry)
                : mri_pair_of(entry, mri_pair_high(*word)));
}

bool mri_signal_groups_has_blocks(const struct mri_signal_table *table, uint32_t count)
{
    uint32_t used = mri_pair_high(table->head[MRI_SIGNAL_HEAD_BLOCKS]);
    uint32_t at = mri_pair_low(table->head[MRI_SIGNAL_HEAD_BLOCKS]);
    for (; at != 0 && count > 0; count--) {
        at = mri_pair_low(block_at(table, at)[LINKS_WORD]);
    }
    return count <= table->block_count - 1 - used;
}

/** There is one. */
static uint32_t take_block(const struct mri_signal_table *table, struct mri_hot_journal *journal)
{
    uint64_t *blocks = &table->head[MRI_SIGNAL_HEAD_BLOCKS];
    uint32_t first = mri_pair_low(*blocks);
    uint32_t used = mri_pair_high(*blocks);
    if (first == 0) {
        mri_pair_set(journal, blocks, mri_pair_of(0, used + 1));
        return used + 1;
    }
    mri_pair_set(
        journal, blocks, mri_pair_of(mri_pair_low(block_at(table, first)[LINKS_WORD]), used));
    return first;
}

uint32_t mri_signal_groups_append(const struct mri_signal_table *table,
    struct mri_hot_journal *journal, uint64_t *group, uint32_t entry)
{
    uint32_t newest = mri_pair_low(*group);
    uint32_t used = newest == 0 ? BLOCK_ENTRIES : mri_pair_high(block_at(table, newest)[USE_WORD]);
    if (used == BLOCK_ENTRIES) {
        uint32_t number = take_block(table, journal);
        uint64_t *block = block_at(table, number);
        mri_pair_set(journal, &block[LINKS_WORD], mri_pair_of(newest, 0));
        mri_pair_set(journal, &block[USE_WORD], 0);
        if (newest != 0) {
            uint64_t *before = block_at(table, newest);
            mri_pair_set(journal, &before[LINKS_WORD],
                mri_pair_of(mri_pair_low(before[LINKS_WORD]), number));
        }
        newest = number;
        used = 0;
    }
    uint64_t *block = block_at(table, newest);
    uint32_t place = newest * BLOCK_ENTRIES + used;
    uint64_t *word = &block[used / 2]; /* of one that nobody looks at yet */
    *word = used % 2 != 0 ? mri_pair_of(mri_pair_low(*word), entry) : entry;
    mri_pair_set(
        journal, &block[USE_WORD], mri_pair_of(mri_pair_low(block[USE_WORD]) + 1, used + 1));
    mri_pair_set(journal, group, mri_pair_of(newest, mri_pair_high(*group) + 1));
    return place;
}

static uint32_t older_of(const struct mri_signal_group *group, uint32_t block)
{
    return mri_pair_low(block_at(group->table, block)[LINKS_WORD]);
}

static uint32_t newer_of(const struct mri_signal_group *group, uint32_t block)
{
    return mri_pair_high(block_at(group->table, block)[LINKS_WORD]);
}

static uint32_t living_in(const struct mri_signal_group *group, uint32_t block)
{
    return mri_pair_low(block_at(group->table, block)[USE_WORD]);
}

/** Take a block that is not the newest out of its group. */
static void free_block(const struct mri_signal_group *group, uint32_t number)
{
    const struct mri_signal_table *table = group->table;
    uint32_t older = older_of(group, number);
    uint32_t newer = newer_of(group, number);
    uint64_t *blocks = &table->head[MRI_SIGNAL_HEAD_BLOCKS];
    uint64_t *word = &block_at(table, newer)[LINKS_WORD];
    mri_pair_set(group->journal, word, mri_pair_of(older, mri_pair_high(*word)));
    if (older != 0) {
        word = &block_at(table, older)[LINKS_WORD];
        mri_pair_set(group->journal, word, mri_pair_of(mri_pair_low(*word), newer));
    }
    mri_pair_set(group->journal, &block_at(table, number)[LINKS_WORD],
        mri_pair_of(mri_pair_low(*blocks), 0));
    mri_pair_set(group->journal, blocks, mri_pair_of(number, mri_pair_high(*blocks)));
}

static uint64_t *places_of(const struct mri_signal_table *table, uint32_t slot)
{
    return table->slots + (size_t)(slot - 1) * MRI_SIGNAL_SLOT_WORDS + MRI_SIGNAL_PLACES;
}

/** Put the living entries of a block into another from an index on. Returns the index behind. */
static uint32_t gather(
    const struct mri_signal_group *group, uint32_t from, uint32_t to, uint32_t index)
{
    const struct mri_signal_table *table = group->table;
    uint32_t used = mri_pair_high(block_at(table, from)[USE_WORD]);
    for (uint32_t i = 0; i < used; i++) {
        uint64_t word = block_at(table, from)[i / 2];
        uint32_t entry = i % 2 != 0 ? mri_pair_high(word) : mri_pair_low(word);
        uint32_t place = to * BLOCK_ENTRIES + index;
        if (entry == 0) {
            continue;
        }
        index++;
        if (place != from * BLOCK_ENTRIES + i) {
            uint64_t *places = places_of(table, entry >> MRI_SIGNAL_STATE_BITS);
            mri_signal_groups_put(table, group->journal, place, entry);
            mri_pair_set(group->journal, places,
                group->is_source ? mri_pair_of(mri_pair_low(*places), place)
                                 : mri_pair_of(place, mri_pair_high(*places)));
        }
    }
    return index;
}

/** Make one of a block and the next newer one, if they have few living entries. */
static void merge(const struct mri_signal_group *group, uint32_t number)
{
    uint32_t newer = number == 0 ? 0 : newer_of(group, number);
    if (newer == 0 || newer == mri_pair_low(*group->word) ||
        living_in(group, number) + living_in(group, newer) > MERGED_ENTRIES) {
        return;
    }
    uint32_t count = gather(group, number, number, 0);
    count = gather(group, newer, number, count);
    mri_pair_set(
        group->journal, &block_at(group->table, number)[USE_WORD], mri_pair_of(count, count));
    free_block(group, newer);
}

void mri_signal_groups_forget(const struct mri_signal_group *group, uint32_t place)
{
    uint32_t number = place / BLOCK_ENTRIES;
    uint64_t *use = &block_at(group->table, number)[USE_WORD];
    uint32_t living = mri_pair_low(*use) - 1;
    mri_signal_groups_put(group->table, group->journal, place, 0);
    mri_pair_set(group->journal, use, mri_pair_of(living, mri_pair_high(*use)));
    mri_pair_set(group->journal, group->word,
        mri_pair_of(mri_pair_low(*group->word), mri_pair_high(*group->word) - 1));
    if (number == mri_pair_low(*group->word)) {
        return;
    }
    uint32_t older = older_of(group, number);
    if (living == 0) {
        free_block(group, number);
    } else {
        merge(group, number);
    }
    merge(group, older);
}

/* ---- walks ------------------------------------------------------------------------------------
 */

/* One that is none is in the first block, which is not used. */
const uint64_t *mri_signal_groups_word(const struct mri_signal_table *table, uint32_t place)
{
    uint32_t block = place / BLOCK_ENTRIES;
    return block_at(table, block < table->block_count ? block : 0) + place % BLOCK_ENTRIES / 2;
}

uint32_t mri_signal_groups_get(const struct mri_signal_table *table, uint32_t place)
{
    if (place / BLOCK_ENTRIES >= table->block_count) {
        return 0;
    }
    uint64_t word = mri_pair_load(mri_signal_groups_word(table, place));
    return place % BLOCK_ENTRIES % 2 != 0 ? mri_pair_high(word) : mri_pair_low(word);
}

/** What a reader finds while others write may lead anywhere; it leads to nothing outside. */
static uint32_t inside(const struct mri_signal_table *table, uint32_t block)
{
    return block < table->block_count ? block : 0;
}

static struct mri_signal_walk walk_from(const struct mri_signal_table *table, uint32_t block)
{
    uint32_t at = inside(table, block);
    uint32_t used = at == 0 ? 0 : mri_pair_high(mri_pair_load(&block_at(table, at)[USE_WORD]));
    return (struct mri_signal_walk){at, used < BLOCK_ENTRIES ? used : (uint32_t)BLOCK_ENTRIES};
}

struct mri_signal_walk mri_signal_table_walk_symbol(
    const struct mri_signal_table *table, uint32_t symbol)
{
    return symbol < table->limits.symbols_max
               ? walk_from(table, mri_pair_low(mri_pair_load(&table->symbols[symbol])))
               : (struct mri_signal_walk){0};
}

struct mri_signal_walk mri_signal_table_walk_source(
    const struct mri_signal_table *table, uint32_t source)
{
    return source < table->limits.sources_max
               ? walk_from(table, mri_pair_low(mri_pair_load(&table->sources[source])))
               : (struct mri_signal_walk){0};
}

/** In both entries of a word: a state, and the bit above it. */
#define STATES_OF_WORD ((uint64_t)MRI_SIGNAL_STATE_MASK << 32 | MRI_SIGNAL_STATE_MASK)
#define ABOVE_STATES   ((uint64_t)1 << (32 + MRI_SIGNAL_STATE_BITS) | 1 << MRI_SIGNAL_STATE_BITS)

/** Has one of the entries of some words the state that both of `wanted` have? */
static bool has_state(const uint64_t *words, uint64_t wanted)
{
    uint64_t above = ABOVE_STATES;
    for (unsigned i = 0; i < WORDS_AT_ONCE; i++) {
        above &= ((mri_pair_load(&words[i]) ^ wanted) & STATES_OF_WORD) + STATES_OF_WORD;
    }
    return above != ABOVE_STATES;
}

/**
 * Slots of the entries that a walk comes to next in its block. Whether some words may be passed at
 * once is asked when a few entries were not wanted: of a common state one soon is.
 */
static uint32_t take_of_block(const struct mri_signal_table *table, struct mri_signal_walk *walk,
    uint32_t states, uint32_t room, uint32_t *slots)
{
    const uint64_t *block = block_at(table, walk->block);
    const uint64_t one = states != 0 ? (uint64_t)__builtin_ctz(states) : 0;
    const bool is_one = states != 0 && (states & (states - 1)) == 0;
    uint32_t at = walk->index;
    uint32_t count = 0;
    uint32_t passed = 0;
    while (at > 0 && count < room) {
        if (is_one && passed >= PASSED_SINGLY && at % 2 == 0 && at >= 2 * WORDS_AT_ONCE &&
            !has_state(&block[at / 2 - WORDS_AT_ONCE], one << 32 | one)) {
            at -= 2 * WORDS_AT_ONCE;
            continue;
        }
        at--;
        uint64_t word = mri_pair_load(&block[at / 2]);
        uint32_t entry = (uint32_t)(word >> (at % 2 * 32));
        uint32_t is_wanted = (entry != 0) & states >> (entry & MRI_SIGNAL_STATE_MASK);
        slots[count] = ((entry >> MRI_SIGNAL_STATE_BITS) - 1) & table->slot_mask;
        count += is_wanted;
        passed = is_wanted != 0 ? 0 : passed + 1;
    }
    walk->index = at;
    return count;
}

/** Have the block behind one fetched: to begin with it when the walk gets there takes longer. */
static void fetch_older(const struct mri_signal_table *table, const uint64_t *block)
{
    const uint64_t *older =
        block_at(table, inside(table, mri_pair_low(mri_pair_load(&block[LINKS_WORD]))));
    for (uint32_t i = MRI_SIGNAL_BLOCK_WORDS; i > 0; i -= MRI_SIGNAL_SLOT_WORDS) {
        __builtin_prefetch(older + i - MRI_SIGNAL_SLOT_WORDS); /* the links lie at its end */
    }
}

uint32_t mri_signal_table_walk(const struct mri_signal_table *table, struct mri_signal_walk *walk,
    uint32_t states, uint32_t room, uint32_t *ret_slots, uint64_t *ret_scanned)
{
    uint32_t count = 0;
    while (walk->block != 0) {
        uint32_t before = walk->index;
        count += take_of_block(table, walk, states, room - count, ret_slots + count);
        *ret_scanned += before - walk->index;
        if (count == room) {
            return count;
        }
        *walk = walk_from(
            table, mri_pair_low(mri_pair_load(&block_at(table, walk->block)[LINKS_WORD])));
        if (walk->block != 0) {
            fetch_older(table, block_at(table, walk->block));
        }
    }
    return count;
}
