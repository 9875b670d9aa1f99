/* SPDX-License-Identifier: MIT */
/*
 * The table of signals, in words.
 *
 *   slot    0 event time   1 generated_seq   2 last_seq   3 moved_seq
 *           4 ordinal, symbol, source        5 name, side and whether it is claimed, state, gate,
 *                                            ended, reason
 *           6 next, previous in the list     7 place in the symbol's array, in the source's
 *   block   126 words of two entries each, 126 previous, next block, 127 living, used entries
 *   group   newest block, entries
 *
 * Invariants
 *  1. A slot is numbered from 1 in links, places and entries, so that a zero is nothing. An entry
 * is slot << 4 | state; 0 is one whose signal was forgotten.
 *  2. Every signal is in the list of its state and in no other, and its two entries have its state.
 *  3. But for the newest of its group, a block has a living entry, and two neighbours have more
 * than MERGED_ENTRIES of them: what old signals keep is bounded by how many there are.
 *  4. A signal is in one of the MRI_SIGNAL_PROBES slots from the one on that its ordinal is mapped
 * to. The mapping scatters: signals that stay keep their neighbours' slots from nobody in a row.
 *  5. What is not led to (a free slot, entries from `used` on) may hold anything, and is stored to
 *     without a note.
 */
#include "bus/signal_table.h"

#include <string.h>

#include "bus/lifecycle.h"

enum {
    SLOT_WORDS = 8,
    BLOCK_WORDS = 128,
    BLOCK_ENTRIES = 252,
    MERGED_ENTRIES = 168, /* two blocks with so few living ones become one */
    LINKS_WORD = 126,
    USE_WORD = 127,
    STATE_BITS = 4,
    STATE_MASK = (1 << STATE_BITS) - 1,
    SLOTS_MIN = 64,
    PAGE = MRI_SHARED_MEMORY_PAGE_BYTES,
};

/** Words of a slot. */
enum { TIME, GENERATED, LAST, MOVED, WHO, WHAT, LINKS, PLACES };

/** Words of the head. */
enum {
    HEAD_NEWEST,
    HEAD_BLOCKS,
    HEAD_LIVING, /**< signals that are there */
    HEAD_GONE,   /**< the highest ordinal of one that the table does not know any more */
    HEAD_STATES,
    HEAD_WORDS = HEAD_STATES + 2 * MR_STATE_COUNT,
};

/** Beside the side. */
#define CLAIMED ((uint64_t)1 << 23)

MRI_STATIC_ASSERT(MR_STATE_COUNT <= STATE_MASK, "a state fits an entry");

/* ---- words ----------------------------------------------------------------------------------- */

static uint32_t low(uint64_t word)
{
    return (uint32_t)word;
}

static uint32_t high(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

static uint64_t pair(uint32_t first, uint32_t second)
{
    return first | (uint64_t)second << 32;
}

/** A reader may look at the word at any time. */
static uint64_t load(const uint64_t *word)
{
    return *(const volatile uint64_t *)word;
}

static void set(struct mri_hot_journal *journal, uint64_t *word, uint64_t value)
{
    if (journal != NULL) {
        mri_hot_tail_set(journal, word, value);
    } else {
        *word = value;
    }
}

static size_t head_words(void)
{
    return (HEAD_WORDS + SLOT_WORDS - 1) / SLOT_WORDS * SLOT_WORDS;
}

static size_t group_words(uint32_t count)
{
    return ((size_t)count + SLOT_WORDS - 1) / SLOT_WORDS * SLOT_WORDS;
}

/** Invariant 3, for two arrays, with the newest block of each group and its neighbour. */
static uint32_t block_count(const struct mri_signal_limits *limits)
{
    uint32_t each = 2 * limits->slots_max / MERGED_ENTRIES + 1;
    return 1 + 2 * each + 2 * (limits->symbols_max + limits->sources_max);
}

size_t mri_signal_table_bytes(const struct mri_signal_limits *limits)
{
    bool is_power_of_two = (limits->slots_max & (limits->slots_max - 1)) == 0;
    if (!is_power_of_two || limits->slots_max < SLOTS_MIN ||
        limits->slots_max > MRI_SIGNAL_SLOTS_MAX || limits->symbols_max == 0 ||
        limits->symbols_max > MRI_SIGNAL_GROUPS_MAX || limits->sources_max == 0 ||
        limits->sources_max > MRI_SIGNAL_GROUPS_MAX) {
        return 0;
    }
    size_t words = head_words() + group_words(limits->symbols_max) +
                   group_words(limits->sources_max) + (size_t)limits->slots_max * SLOT_WORDS +
                   (size_t)block_count(limits) * BLOCK_WORDS;
    return (words * sizeof(uint64_t) + PAGE - 1) / PAGE * PAGE;
}

struct mri_signal_table mri_signal_table_at(uint64_t *area, const struct mri_signal_limits *limits)
{
    struct mri_signal_table table = {
        .slot_mask = limits->slots_max - 1,
        .block_count = block_count(limits),
        .limits = *limits,
    };
    table.head = area;
    table.symbols = table.head + head_words();
    table.sources = table.symbols + group_words(limits->symbols_max);
    table.slots = table.sources + group_words(limits->sources_max);
    table.blocks = table.slots + (size_t)limits->slots_max * SLOT_WORDS;
    return table;
}

/** A slot by its number from 1. */
static uint64_t *slot_at(const struct mri_signal_table *table, uint32_t number)
{
    return table->slots + (size_t)(number - 1) * SLOT_WORDS;
}

static uint64_t *block_at(const struct mri_signal_table *table, uint32_t number)
{
    return table->blocks + (size_t)number * BLOCK_WORDS;
}

/** The slot that an ordinal is mapped to, or one behind it. */
static uint32_t number_near(const struct mri_signal_table *table, uint32_t ordinal, unsigned probe)
{
    uint32_t scattered = ordinal * 0x9e3779b1u; /* 2^32 / golden ratio: neighbours end far apart */
    scattered ^= scattered >> 15;
    return ((scattered + probe) & table->slot_mask) + 1;
}

static unsigned state_in(uint64_t what)
{
    return (unsigned)(what >> 24) & 0xff;
}

static uint64_t what_of(const struct mri_signal *signal)
{
    return signal->name | (uint64_t)signal->side << 16 | (signal->is_claimed ? CLAIMED : 0) |
           (uint64_t)signal->state << 24 | (uint64_t)signal->gate << 32 |
           (uint64_t)signal->ended << 40 | (uint64_t)signal->reason << 48;
}

static uint64_t who_of(const struct mri_signal *signal)
{
    return signal->ordinal | (uint64_t)signal->symbol << 32 | (uint64_t)signal->source << 48;
}

/* ---- lists of states ------------------------------------------------------------------------- */

static void set_next(struct mri_hot_journal *journal, uint64_t *slot, uint32_t next)
{
    set(journal, &slot[LINKS], pair(next, high(slot[LINKS])));
}

static void set_previous(struct mri_hot_journal *journal, uint64_t *slot, uint32_t previous)
{
    set(journal, &slot[LINKS], pair(low(slot[LINKS]), previous));
}

static uint64_t *list_of(const struct mri_signal_table *table, unsigned state)
{
    return table->head + HEAD_STATES + 2 * state;
}

/** The links that a slot has as the newest of a list, which then leads to it. */
static uint64_t list_append(const struct mri_signal_table *table, struct mri_hot_journal *journal,
    unsigned state, uint32_t number)
{
    uint64_t *list = list_of(table, state);
    uint32_t last = high(list[0]);
    if (last != 0) {
        set_next(journal, slot_at(table, last), number);
    }
    set(journal, &list[0], pair(last != 0 ? low(list[0]) : number, number));
    set(journal, &list[1], list[1] + 1);
    return pair(0, last);
}

static void list_remove(const struct mri_signal_table *table, struct mri_hot_journal *journal,
    unsigned state, const uint64_t *slot)
{
    uint64_t *list = list_of(table, state);
    uint32_t next = low(slot[LINKS]);
    uint32_t previous = high(slot[LINKS]);
    if (previous != 0) {
        set_next(journal, slot_at(table, previous), next);
    }
    if (next != 0) {
        set_previous(journal, slot_at(table, next), previous);
    }
    if (previous == 0 || next == 0) {
        set(journal, &list[0],
            pair(previous == 0 ? next : low(list[0]), next == 0 ? previous : high(list[0])));
    }
    set(journal, &list[1], list[1] - 1);
}

/* ---- arrays of groups ------------------------------------------------------------------------ */

static void set_entry(const struct mri_signal_table *table, struct mri_hot_journal *journal,
    uint32_t place, uint32_t entry)
{
    uint64_t *word = block_at(table, place / BLOCK_ENTRIES) + place % BLOCK_ENTRIES / 2;
    bool is_high = place % BLOCK_ENTRIES % 2 != 0;
    set(journal, word, is_high ? pair(low(*word), entry) : pair(entry, high(*word)));
}

static bool has_blocks(const struct mri_signal_table *table, uint32_t count)
{
    uint32_t used = high(table->head[HEAD_BLOCKS]);
    uint32_t at = low(table->head[HEAD_BLOCKS]);
    for (; at != 0 && count > 0; count--) {
        at = low(block_at(table, at)[LINKS_WORD]);
    }
    return count <= table->block_count - 1 - used;
}

/** There is one. */
static uint32_t take_block(const struct mri_signal_table *table, struct mri_hot_journal *journal)
{
    uint64_t *blocks = &table->head[HEAD_BLOCKS];
    uint32_t first = low(*blocks);
    uint32_t used = high(*blocks);
    if (first == 0) {
        set(journal, blocks, pair(0, used + 1));
        return used + 1;
    }
    set(journal, blocks, pair(low(block_at(table, first)[LINKS_WORD]), used));
    return first;
}

/** Add an entry to a group; there is a block for it. Returns its place. */
static uint32_t group_append(const struct mri_signal_table *table, struct mri_hot_journal *journal,
    uint64_t *group, uint32_t entry)
{
    uint32_t newest = low(*group);
    uint32_t used = newest == 0 ? BLOCK_ENTRIES : high(block_at(table, newest)[USE_WORD]);
    if (used == BLOCK_ENTRIES) {
        uint32_t number = take_block(table, journal);
        uint64_t *block = block_at(table, number);
        set(journal, &block[LINKS_WORD], pair(newest, 0));
        set(journal, &block[USE_WORD], 0);
        if (newest != 0) {
            uint64_t *before = block_at(table, newest);
            set(journal, &before[LINKS_WORD], pair(low(before[LINKS_WORD]), number));
        }
        newest = number;
        used = 0;
    }
    uint64_t *block = block_at(table, newest);
    uint32_t place = newest * BLOCK_ENTRIES + used;
    set_entry(table, journal, place, entry);
    set(journal, &block[USE_WORD], pair(low(block[USE_WORD]) + 1, used + 1));
    set(journal, group, pair(newest, high(*group) + 1));
    return place;
}

/** A group that is being changed. */
struct group {
    const struct mri_signal_table *table;
    struct mri_hot_journal *journal;
    uint64_t *word;
    bool is_source; /**< which half of PLACES is its */
};

static uint32_t older_of(const struct group *group, uint32_t block)
{
    return low(block_at(group->table, block)[LINKS_WORD]);
}

static uint32_t newer_of(const struct group *group, uint32_t block)
{
    return high(block_at(group->table, block)[LINKS_WORD]);
}

static uint32_t living_in(const struct group *group, uint32_t block)
{
    return low(block_at(group->table, block)[USE_WORD]);
}

/** Take a block that is not the newest out of its group. */
static void free_block(const struct group *group, uint32_t number)
{
    const struct mri_signal_table *table = group->table;
    uint32_t older = older_of(group, number);
    uint32_t newer = newer_of(group, number);
    uint64_t *blocks = &table->head[HEAD_BLOCKS];
    uint64_t *word = &block_at(table, newer)[LINKS_WORD];
    set(group->journal, word, pair(older, high(*word)));
    if (older != 0) {
        word = &block_at(table, older)[LINKS_WORD];
        set(group->journal, word, pair(low(*word), newer));
    }
    set(group->journal, &block_at(table, number)[LINKS_WORD], pair(low(*blocks), 0));
    set(group->journal, blocks, pair(number, high(*blocks)));
}

/** Put the living entries of a block into another from an index on. Returns the index behind. */
static uint32_t gather(const struct group *group, uint32_t from, uint32_t to, uint32_t index)
{
    const struct mri_signal_table *table = group->table;
    uint32_t used = high(block_at(table, from)[USE_WORD]);
    for (uint32_t i = 0; i < used; i++) {
        uint64_t word = block_at(table, from)[i / 2];
        uint32_t entry = i % 2 != 0 ? high(word) : low(word);
        uint32_t place = to * BLOCK_ENTRIES + index;
        if (entry == 0) {
            continue;
        }
        index++;
        if (place != from * BLOCK_ENTRIES + i) {
            uint64_t *places = &slot_at(table, entry >> STATE_BITS)[PLACES];
            set_entry(table, group->journal, place, entry);
            set(group->journal, places,
                group->is_source ? pair(low(*places), place) : pair(place, high(*places)));
        }
    }
    return index;
}

/** Make one of a block and the next newer one, if they have few living entries. */
static void merge(const struct group *group, uint32_t number)
{
    uint32_t newer = number == 0 ? 0 : newer_of(group, number);
    if (newer == 0 || newer == low(*group->word) ||
        living_in(group, number) + living_in(group, newer) > MERGED_ENTRIES) {
        return;
    }
    uint32_t count = gather(group, number, number, 0);
    count = gather(group, newer, number, count);
    set(group->journal, &block_at(group->table, number)[USE_WORD], pair(count, count));
    free_block(group, newer);
}

/** Forget an entry, and keep invariant 3. */
static void group_forget(const struct group *group, uint32_t place)
{
    uint32_t number = place / BLOCK_ENTRIES;
    uint64_t *use = &block_at(group->table, number)[USE_WORD];
    uint32_t living = low(*use) - 1;
    set_entry(group->table, group->journal, place, 0);
    set(group->journal, use, pair(living, high(*use)));
    set(group->journal, group->word, pair(low(*group->word), high(*group->word) - 1));
    if (number == low(*group->word)) {
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

/* ---- changing -------------------------------------------------------------------------------- */

/** Forget a signal that is in no list. */
static void forget_unlisted(
    struct mri_signal_table *table, struct mri_hot_journal *journal, uint32_t number)
{
    uint64_t *slot = slot_at(table, number);
    uint64_t who = slot[WHO];
    const struct group symbol = {table, journal, &table->symbols[(who >> 32) & 0xffff], false};
    const struct group source = {table, journal, &table->sources[who >> 48], true};
    group_forget(&symbol, low(slot[PLACES]));
    group_forget(&source, high(slot[PLACES]));
    set(journal, &table->head[HEAD_LIVING], table->head[HEAD_LIVING] - 1);
    if (low(who) > table->head[HEAD_GONE]) {
        set(journal, &table->head[HEAD_GONE], low(who));
    }
    set(journal, &slot[WHO], 0);
}

static void forget(struct mri_signal_table *table, struct mri_hot_journal *journal, uint32_t number)
{
    list_remove(table, journal, MR_LEARNED, slot_at(table, number));
    forget_unlisted(table, journal, number);
}

/** The slot for a new signal: a free one, else that of the oldest learned; 0 = there is none. */
static uint32_t find_place(const struct mri_signal_table *table, uint32_t ordinal)
{
    uint32_t learned = 0;
    for (unsigned i = 0; i < MRI_SIGNAL_PROBES; i++) {
        uint32_t number = number_near(table, ordinal, i);
        const uint64_t *slot = slot_at(table, number);
        uint32_t holder = low(slot[WHO]);
        if (holder == 0) {
            return number;
        }
        if (state_in(slot[WHAT]) == MR_LEARNED &&
            (learned == 0 || holder < low(slot_at(table, learned)[WHO]))) {
            learned = number;
        }
    }
    return learned;
}

/** Three quarters of the slots are in use at most, as long as something is learned. */
static bool is_crowded(const struct mri_signal_table *table)
{
    uint64_t slots = table->limits.slots_max;
    return table->head[HEAD_LIVING] >= slots - slots / 4;
}

/** Put a signal into a slot, which is free, and into its groups. It is in no list yet. */
static void put_signal(struct mri_signal_table *table, struct mri_hot_journal *journal,
    const struct mri_signal *signal, uint32_t number, bool is_taken)
{
    uint64_t *slot = slot_at(table, number);
    uint32_t entry = number << STATE_BITS | signal->state;
    uint32_t by_symbol = group_append(table, journal, &table->symbols[signal->symbol], entry);
    uint32_t by_source = group_append(table, journal, &table->sources[signal->source], entry);
    const uint64_t words[SLOT_WORDS] = {
        [TIME] = (uint64_t)signal->event_time_unix_ns,
        [GENERATED] = signal->generated_seq,
        [LAST] = signal->last_seq,
        [MOVED] = signal->moved_seq,
        [WHO] = who_of(signal),
        [WHAT] = what_of(signal),
        [LINKS] = 0,
        [PLACES] = pair(by_symbol, by_source),
    };
    /* WHO makes it a signal: last, and with a note in any case. */
    for (unsigned i = 0; i < SLOT_WORDS; i++) {
        if (i != WHO) {
            set(is_taken ? journal : NULL, &slot[i], words[i]);
        }
    }
    set(journal, &slot[WHO], words[WHO]);
    set(journal, &table->head[HEAD_LIVING], table->head[HEAD_LIVING] + 1);
    set(journal, &table->head[HEAD_NEWEST], signal->ordinal);
}

static bool is_within(const struct mri_signal_table *table, const struct mri_signal *signal)
{
    return signal->symbol < table->limits.symbols_max && signal->source < table->limits.sources_max;
}

mr_err mri_signal_table_create(struct mri_signal_table *table, struct mri_hot_journal *journal,
    const struct mri_signal *signal, uint32_t *ret_ordinal)
{
    uint32_t newest = low(table->head[HEAD_NEWEST]);
    if (!is_within(table, signal)) {
        return MR_REFUSED;
    }
    const struct mri_signal made = {
        .event_time_unix_ns = signal->event_time_unix_ns,
        .generated_seq = signal->generated_seq,
        .last_seq = signal->generated_seq,
        .moved_seq = signal->generated_seq,
        .ordinal = newest + 1,
        .symbol = signal->symbol,
        .source = signal->source,
        .name = signal->name,
        .side = signal->side,
        .state = MR_GENERATED,
    };
    uint32_t number = newest == UINT32_MAX ? 0 : find_place(table, made.ordinal);
    if (number == 0 || !has_blocks(table, 2)) {
        return MR_FULL;
    }
    uint32_t first_learned = low(list_of(table, MR_LEARNED)[0]);
    if (is_crowded(table) && first_learned != 0 && first_learned != number) {
        forget(table, journal, first_learned);
    }
    bool is_taken = low(slot_at(table, number)[WHO]) != 0;
    if (is_taken) {
        forget(table, journal, number);
    }
    put_signal(table, journal, &made, number, is_taken);
    set(journal, &slot_at(table, number)[LINKS], list_append(table, journal, MR_GENERATED, number));
    *ret_ordinal = made.ordinal;
    return MR_OK;
}

mr_err mri_signal_table_restore(struct mri_signal_table *table, const struct mri_signal *signal)
{
    if (!is_within(table, signal) || signal->state >= MR_STATE_COUNT ||
        signal->ordinal <= low(table->head[HEAD_NEWEST])) {
        return MR_REFUSED;
    }
    uint32_t number = find_place(table, signal->ordinal);
    if (number == 0 || !has_blocks(table, 2)) {
        return MR_FULL;
    }
    if (low(slot_at(table, number)[WHO]) != 0) {
        forget_unlisted(table, NULL, number);
    }
    put_signal(table, NULL, signal, number, false);
    return MR_OK;
}

/** The number of the slot of a signal; 0: the table does not know it. */
static uint32_t number_of(const struct mri_signal_table *table, uint32_t ordinal)
{
    for (unsigned i = 0; ordinal != 0 && i < MRI_SIGNAL_PROBES; i++) {
        uint32_t number = number_near(table, ordinal, i);
        if (low(load(&slot_at(table, number)[WHO])) == ordinal) {
            return number;
        }
    }
    return 0;
}

mr_err mri_signal_table_enlist(struct mri_signal_table *table, uint32_t ordinal)
{
    uint32_t number = number_of(table, ordinal);
    if (number == 0) {
        return MR_NOT_FOUND;
    }
    uint64_t *slot = slot_at(table, number);
    slot[LINKS] = list_append(table, NULL, state_in(slot[WHAT]), number);
    return MR_OK;
}

/** The slot of a signal; NULL: the table does not know it. */
static uint64_t *find(const struct mri_signal_table *table, uint32_t ordinal)
{
    uint32_t number = number_of(table, ordinal);
    return number == 0 ? NULL : slot_at(table, number);
}

mr_err mri_signal_table_move(struct mri_signal_table *table, struct mri_hot_journal *journal,
    uint32_t ordinal, const struct mri_signal_moved *move, uint64_t seq, mr_state *ret_found)
{
    uint32_t number = number_of(table, ordinal);
    if (number == 0) {
        return MR_NOT_FOUND;
    }
    uint64_t *slot = slot_at(table, number);
    uint64_t what = slot[WHAT];
    unsigned state = state_in(what);
    *ret_found = (mr_state)state;
    if (state != move->from) {
        return MR_CONFLICT;
    }
    uint32_t entry = number << STATE_BITS | move->to;
    if (move->to == MR_LEARNED) { /* gate and reason stay: they say how it ended */
        what = (what & ~((uint64_t)0xff << 40)) | (uint64_t)state << 40;
    } else {
        what = (what & ~((uint64_t)0xffff << 48 | (uint64_t)0xff << 32)) |
               (uint64_t)move->gate << 32 | (uint64_t)move->reason << 48;
    }
    what = (what & ~((uint64_t)0xff << 24)) | (uint64_t)move->to << 24;
    if (mri_lifecycle_is_over((mr_state)move->to)) {
        what &= ~CLAIMED;
    }
    list_remove(table, journal, state, slot);
    set(journal, &slot[LINKS], list_append(table, journal, move->to, number));
    set(journal, &slot[WHAT], what);
    set(journal, &slot[MOVED], seq);
    set(journal, &slot[LAST], seq);
    set_entry(table, journal, low(slot[PLACES]), entry);
    set_entry(table, journal, high(slot[PLACES]), entry);
    return MR_OK;
}

mr_err mri_signal_table_note(struct mri_signal_table *table, struct mri_hot_journal *journal,
    uint32_t ordinal, uint64_t seq, uint64_t *ret_prev)
{
    uint64_t *slot = find(table, ordinal);
    if (slot == NULL) {
        return MR_NOT_FOUND;
    }
    *ret_prev = slot[LAST];
    set(journal, &slot[LAST], seq);
    return MR_OK;
}

mr_err mri_signal_table_claim(struct mri_signal_table *table, struct mri_hot_journal *journal,
    uint32_t ordinal, bool is_claimed, uint64_t seq)
{
    uint64_t *slot = find(table, ordinal);
    if (slot == NULL) {
        return MR_NOT_FOUND;
    }
    set(journal, &slot[WHAT], (slot[WHAT] & ~CLAIMED) | (is_claimed ? CLAIMED : 0));
    set(journal, &slot[LAST], seq);
    return MR_OK;
}

mr_err mri_signal_table_forget(
    struct mri_signal_table *table, struct mri_hot_journal *journal, uint32_t ordinal)
{
    const uint64_t *slot = find(table, ordinal);
    if (slot == NULL) {
        return MR_NOT_FOUND;
    }
    if (state_in(slot[WHAT]) != MR_LEARNED) {
        return MR_CONFLICT;
    }
    forget(table, journal, number_of(table, ordinal));
    return MR_OK;
}

/* ---- looking --------------------------------------------------------------------------------- */

void mri_signal_table_slot(
    const struct mri_signal_table *table, uint32_t slot, struct mri_signal *ret_signal)
{
    const uint64_t *words = table->slots + (size_t)(slot & table->slot_mask) * SLOT_WORDS;
    uint64_t who = load(&words[WHO]);
    uint64_t what = load(&words[WHAT]);
    *ret_signal = (struct mri_signal){
        .event_time_unix_ns = (int64_t)load(&words[TIME]),
        .generated_seq = load(&words[GENERATED]),
        .last_seq = load(&words[LAST]),
        .moved_seq = load(&words[MOVED]),
        .ordinal = low(who),
        .symbol = (uint16_t)(who >> 32),
        .source = (uint16_t)(who >> 48),
        .name = (uint16_t)what,
        .side = (uint8_t)(what >> 16 & 0x7f),
        .is_claimed = (what & CLAIMED) != 0,
        .state = (uint8_t)(what >> 24),
        .gate = (uint8_t)(what >> 32),
        .ended = (uint8_t)(what >> 40),
        .reason = (uint16_t)(what >> 48),
    };
}

mr_err mri_signal_table_get(
    const struct mri_signal_table *table, uint32_t ordinal, struct mri_signal *ret_signal)
{
    uint32_t number = number_of(table, ordinal);
    if (number == 0) {
        return MR_NOT_FOUND;
    }
    mri_signal_table_slot(table, number - 1, ret_signal);
    return ret_signal->ordinal == ordinal ? MR_OK : MR_NOT_FOUND;
}

static uint32_t entry_at(const struct mri_signal_table *table, uint32_t place)
{
    if (place / BLOCK_ENTRIES >= table->block_count) {
        return 0;
    }
    uint64_t word = load(block_at(table, place / BLOCK_ENTRIES) + place % BLOCK_ENTRIES / 2);
    return place % BLOCK_ENTRIES % 2 != 0 ? high(word) : low(word);
}

void mri_signal_table_pass(struct mri_signal_table *table, uint32_t ordinal)
{
    uint64_t *gone = &table->head[HEAD_GONE];
    *gone = ordinal > *gone ? ordinal : *gone;
}

uint32_t mri_signal_table_gone(const struct mri_signal_table *table)
{
    return low(load(&table->head[HEAD_GONE]));
}

bool mri_signal_table_is_sound(const struct mri_signal_table *table, uint32_t ordinal)
{
    uint32_t number = number_of(table, ordinal);
    if (number == 0) {
        return false;
    }
    const uint64_t *slot = slot_at(table, number);
    uint32_t entry = number << STATE_BITS | state_in(slot[WHAT]);
    return entry_at(table, low(slot[PLACES])) == entry &&
           entry_at(table, high(slot[PLACES])) == entry &&
           low(slot[LINKS]) <= table->limits.slots_max &&
           high(slot[LINKS]) <= table->limits.slots_max;
}

uint64_t mri_signal_table_count(const struct mri_signal_table *table, mr_state state)
{
    return load(&list_of(table, (unsigned)state)[1]);
}

uint32_t mri_signal_table_newest(const struct mri_signal_table *table)
{
    return low(load(&table->head[HEAD_NEWEST]));
}

uint64_t mri_signal_table_symbol_count(const struct mri_signal_table *table, uint32_t symbol)
{
    return symbol < table->limits.symbols_max ? high(load(&table->symbols[symbol])) : 0;
}

uint64_t mri_signal_table_source_count(const struct mri_signal_table *table, uint32_t source)
{
    return source < table->limits.sources_max ? high(load(&table->sources[source])) : 0;
}

/** What a reader finds while others write may lead anywhere; it leads to nothing outside. */
static uint32_t inside(const struct mri_signal_table *table, uint32_t block)
{
    return block < table->block_count ? block : 0;
}

static struct mri_signal_walk walk_from(const struct mri_signal_table *table, uint32_t block)
{
    uint32_t at = inside(table, block);
    uint32_t used = at == 0 ? 0 : high(load(&block_at(table, at)[USE_WORD]));
    return (struct mri_signal_walk){at, used < BLOCK_ENTRIES ? used : (uint32_t)BLOCK_ENTRIES};
}

struct mri_signal_walk mri_signal_table_walk_symbol(
    const struct mri_signal_table *table, uint32_t symbol)
{
    return symbol < table->limits.symbols_max ? walk_from(table, low(load(&table->symbols[symbol])))
                                              : (struct mri_signal_walk){0};
}

struct mri_signal_walk mri_signal_table_walk_source(
    const struct mri_signal_table *table, uint32_t source)
{
    return source < table->limits.sources_max ? walk_from(table, low(load(&table->sources[source])))
                                              : (struct mri_signal_walk){0};
}

bool mri_signal_table_walk_next(const struct mri_signal_table *table, struct mri_signal_walk *walk,
    uint32_t states, uint64_t *ret_scanned, uint32_t *ret_slot)
{
    while (walk->block != 0) {
        const uint64_t *block = block_at(table, walk->block);
        uint32_t index = walk->index;
        while (index > 0) {
            index--;
            uint64_t word = load(&block[index / 2]);
            uint32_t entry = index % 2 != 0 ? high(word) : low(word);
            if (entry != 0 && (states >> (entry & STATE_MASK) & 1) != 0) {
                *ret_scanned += walk->index - index;
                walk->index = index;
                *ret_slot = ((entry >> STATE_BITS) - 1) & table->slot_mask;
                return true;
            }
        }
        *ret_scanned += walk->index;
        *walk = walk_from(table, low(load(&block[LINKS_WORD])));
    }
    return false;
}

static uint32_t slot_of(const struct mri_signal_table *table, uint32_t number)
{
    return number == 0 ? UINT32_MAX : (number - 1) & table->slot_mask;
}

uint32_t mri_signal_table_list_end(
    const struct mri_signal_table *table, mr_state state, bool is_newest)
{
    uint64_t ends = load(list_of(table, (unsigned)state));
    return slot_of(table, is_newest ? high(ends) : low(ends));
}

uint32_t mri_signal_table_list_next(
    const struct mri_signal_table *table, uint32_t slot, bool is_to_newer)
{
    const uint64_t *words = table->slots + (size_t)(slot & table->slot_mask) * SLOT_WORDS;
    uint64_t links = load(&words[LINKS]);
    return slot_of(table, is_to_newer ? low(links) : high(links));
}
