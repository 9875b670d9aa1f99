/* SPDX-License-Identifier: MIT */
/*
 * The table of signals, in words.
 *
 *   slot    0 event time   1 generated_seq   2 last_seq   3 moved_seq
 *           4 ordinal, symbol, source        5 name, side, strays, whether it is claimed, state,
 *                                            gate, ended, reason
 *           6 next, previous in the list     7 place in the symbol's array, in the source's
 *   what a group has: signal_groups.c
 *
 * Invariants
 *  1. A slot is numbered from 1 in links and entries, so that a zero is nothing.
 *  2. Every signal is in the list of its state and in no other, and its two entries have its state.
 *  3. A signal is in the slot that its ordinal's low bits name, its home, so that one after the
 *     other they lie side by side. When one that is not learned is there, it strays to one of
 *     MRI_SIGNAL_PROBES - 1 slots all over the table; its home counts who has strayed.
 *  4. What is not led to (a free slot, but for the strays of its home) may hold anything, and is
 *     stored to without a note.
 */
#include "bus/signal_table.h"

#include <string.h>

#include "bus/lifecycle.h"
#include "bus/pair.h"
#include "bus/signal_groups.h"

enum {
    SLOTS_MIN = 64,
    FREE_SHARE = 16, /* of the slots are free, that one after the other finds its home so */
    PAGE = MRI_SHARED_MEMORY_PAGE_BYTES,
};

/** Words of a slot. */
enum { TIME, GENERATED, LAST, MOVED, WHO, WHAT, LINKS, PLACES };

MRI_STATIC_ASSERT((int)PLACES == (int)MRI_SIGNAL_PLACES, "one layout");
MRI_STATIC_ASSERT((int)PLACES + 1 == (int)MRI_SIGNAL_SLOT_WORDS, "a cache line");

/** Words of the head. */
enum {
    HEAD_NEWEST,
    HEAD_BLOCKS, /**< the groups' */
    HEAD_LIVING, /**< signals that are there */
    HEAD_GONE,   /**< the highest ordinal of one that the table does not know any more */
    HEAD_STATES,
    HEAD_WORDS = HEAD_STATES + 2 * MR_STATE_COUNT,
};

/** Beside the side: a bit, and how many of this home have strayed. */
#define CLAIMED     ((uint64_t)1 << 23)
#define STRAYS_UNIT ((uint64_t)1 << 18)
#define STRAYS      ((uint64_t)31 << 18)
#define SIDE_MASK   3

MRI_STATIC_ASSERT((int)HEAD_BLOCKS == (int)MRI_SIGNAL_HEAD_BLOCKS, "one layout");
MRI_STATIC_ASSERT(MR_STATE_COUNT <= MRI_SIGNAL_STATE_MASK, "a state fits an entry");

/* ---- words ----------------------------------------------------------------------------------- */

static size_t head_words(void)
{
    return (HEAD_WORDS + MRI_SIGNAL_SLOT_WORDS - 1) / MRI_SIGNAL_SLOT_WORDS * MRI_SIGNAL_SLOT_WORDS;
}

static size_t group_words(uint32_t count)
{
    return ((size_t)count + MRI_SIGNAL_SLOT_WORDS - 1) / MRI_SIGNAL_SLOT_WORDS *
           MRI_SIGNAL_SLOT_WORDS;
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
                   group_words(limits->sources_max) +
                   (size_t)limits->slots_max * MRI_SIGNAL_SLOT_WORDS +
                   (size_t)mri_signal_groups_block_count(limits) * MRI_SIGNAL_BLOCK_WORDS;
    return (words * sizeof(uint64_t) + PAGE - 1) / PAGE * PAGE;
}

struct mri_signal_table mri_signal_table_at(uint64_t *area, const struct mri_signal_limits *limits)
{
    struct mri_signal_table table = {
        .slot_mask = limits->slots_max - 1,
        .block_count = mri_signal_groups_block_count(limits),
        .limits = *limits,
    };
    table.head = area;
    table.symbols = table.head + head_words();
    table.sources = table.symbols + group_words(limits->symbols_max);
    table.slots = table.sources + group_words(limits->sources_max);
    table.blocks = table.slots + (size_t)limits->slots_max * MRI_SIGNAL_SLOT_WORDS;
    return table;
}

/** A slot by its number from 1. */
static uint64_t *slot_at(const struct mri_signal_table *table, uint32_t number)
{
    return table->slots + (size_t)(number - 1) * MRI_SIGNAL_SLOT_WORDS;
}

static uint32_t home_of(const struct mri_signal_table *table, uint32_t ordinal)
{
    return (ordinal & table->slot_mask) + 1;
}

/** Where a signal may have strayed to; neighbours stray far apart. */
static uint32_t stray_of(const struct mri_signal_table *table, uint32_t ordinal, uint32_t probe)
{
    uint32_t scattered = (ordinal ^ probe * 0x85ebca6bu) * 0x9e3779b1u; /* 2^32 / golden ratio */
    scattered ^= scattered >> 15;
    scattered *= 0x2c1b3c6du;
    return ((scattered ^ scattered >> 12) & table->slot_mask) + 1;
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
    mri_pair_set(journal, &slot[LINKS], mri_pair_of(next, mri_pair_high(slot[LINKS])));
}

static void set_previous(struct mri_hot_journal *journal, uint64_t *slot, uint32_t previous)
{
    mri_pair_set(journal, &slot[LINKS], mri_pair_of(mri_pair_low(slot[LINKS]), previous));
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
    uint32_t last = mri_pair_high(list[0]);
    if (last != 0) {
        set_next(journal, slot_at(table, last), number);
    }
    mri_pair_set(
        journal, &list[0], mri_pair_of(last != 0 ? mri_pair_low(list[0]) : number, number));
    mri_pair_set(journal, &list[1], list[1] + 1);
    return mri_pair_of(0, last);
}

static void list_remove(const struct mri_signal_table *table, struct mri_hot_journal *journal,
    unsigned state, const uint64_t *slot)
{
    uint64_t *list = list_of(table, state);
    uint32_t next = mri_pair_low(slot[LINKS]);
    uint32_t previous = mri_pair_high(slot[LINKS]);
    if (previous != 0) {
        set_next(journal, slot_at(table, previous), next);
    }
    if (next != 0) {
        set_previous(journal, slot_at(table, next), previous);
    }
    if (previous == 0 || next == 0) {
        mri_pair_set(journal, &list[0],
            mri_pair_of(previous == 0 ? next : mri_pair_low(list[0]),
                next == 0 ? previous : mri_pair_high(list[0])));
    }
    mri_pair_set(journal, &list[1], list[1] - 1);
}

/* ---- changing -------------------------------------------------------------------------------- */

/** The home of a signal counts one stray more, or less. */
static void count_stray(const struct mri_signal_table *table, struct mri_hot_journal *journal,
    uint32_t ordinal, bool is_more)
{
    uint64_t *what = &slot_at(table, home_of(table, ordinal))[WHAT];
    mri_pair_set(journal, what, is_more ? *what + STRAYS_UNIT : *what - STRAYS_UNIT);
}

/** Forget a signal that is in no list. */
static void forget_unlisted(
    struct mri_signal_table *table, struct mri_hot_journal *journal, uint32_t number)
{
    uint64_t *slot = slot_at(table, number);
    uint64_t who = slot[WHO];
    const struct mri_signal_group symbol = {
        table, journal, &table->symbols[(who >> 32) & 0xffff], false};
    const struct mri_signal_group source = {table, journal, &table->sources[who >> 48], true};
    mri_signal_groups_forget(&symbol, mri_pair_low(slot[MRI_SIGNAL_PLACES]));
    mri_signal_groups_forget(&source, mri_pair_high(slot[MRI_SIGNAL_PLACES]));
    mri_pair_set(journal, &table->head[HEAD_LIVING], table->head[HEAD_LIVING] - 1);
    if (mri_pair_low(who) > table->head[HEAD_GONE]) {
        mri_pair_set(journal, &table->head[HEAD_GONE], mri_pair_low(who));
    }
    if (number != home_of(table, mri_pair_low(who))) {
        count_stray(table, journal, mri_pair_low(who), false);
    }
    mri_pair_set(journal, &slot[WHO], 0);
}

static void forget(struct mri_signal_table *table, struct mri_hot_journal *journal, uint32_t number)
{
    list_remove(table, journal, MR_LEARNED, slot_at(table, number));
    forget_unlisted(table, journal, number);
}

static bool is_kept(const uint64_t *slot)
{
    return mri_pair_low(slot[WHO]) != 0 && state_in(slot[WHAT]) != MR_LEARNED;
}

/**
 * The slot for a new signal: its home, unless one is there that is not learned; else a free one,
 * else that of the oldest learned; 0 = there is none.
 */
static uint32_t find_place(const struct mri_signal_table *table, uint32_t ordinal)
{
    uint32_t learned = 0;
    uint32_t home = home_of(table, ordinal);
    const uint64_t *slot = slot_at(table, home);
    if (!is_kept(slot)) {
        return home;
    }
    bool has_room = (slot[WHAT] & STRAYS) != STRAYS;
    for (unsigned i = 1; i < MRI_SIGNAL_PROBES && has_room; i++) {
        uint32_t number = stray_of(table, ordinal, i);
        slot = slot_at(table, number);
        if (mri_pair_low(slot[WHO]) == 0) {
            return number;
        }
        if (!is_kept(slot) && (learned == 0 || mri_pair_low(slot[WHO]) <
                                                   mri_pair_low(slot_at(table, learned)[WHO]))) {
            learned = number;
        }
    }
    return learned;
}

uint32_t mri_signal_table_room(const struct mri_signal_limits *limits)
{
    return limits->slots_max - limits->slots_max / FREE_SHARE;
}

/** So many slots are in use at most, as long as something is learned. */
static bool is_crowded(const struct mri_signal_table *table)
{
    return table->head[HEAD_LIVING] >= mri_signal_table_room(&table->limits);
}

/** Put a signal into a slot, which is free, and into its groups. It is in no list yet. */
static void put_signal(struct mri_signal_table *table, struct mri_hot_journal *journal,
    const struct mri_signal *signal, uint32_t number, bool is_taken)
{
    uint64_t *slot = slot_at(table, number);
    uint32_t entry = number << MRI_SIGNAL_STATE_BITS | signal->state;
    uint32_t by_symbol =
        mri_signal_groups_append(table, journal, &table->symbols[signal->symbol], entry);
    uint32_t by_source =
        mri_signal_groups_append(table, journal, &table->sources[signal->source], entry);
    const uint64_t words[MRI_SIGNAL_SLOT_WORDS] = {
        [TIME] = (uint64_t)signal->event_time_unix_ns,
        [GENERATED] = signal->generated_seq,
        [LAST] = signal->last_seq,
        [MOVED] = signal->moved_seq,
        [WHO] = who_of(signal),
        [WHAT] = what_of(signal) | (slot[WHAT] & STRAYS),
        [LINKS] = 0,
        [MRI_SIGNAL_PLACES] = mri_pair_of(by_symbol, by_source),
    };
    /* WHO makes it a signal: last, and with a note in any case. */
    for (unsigned i = 0; i < MRI_SIGNAL_SLOT_WORDS; i++) {
        if (i != WHO) {
            mri_pair_set(is_taken ? journal : NULL, &slot[i], words[i]);
        }
    }
    mri_pair_set(journal, &slot[WHO], words[WHO]);
    if (number != home_of(table, signal->ordinal)) {
        count_stray(table, journal, signal->ordinal, true);
    }
    mri_pair_set(journal, &table->head[HEAD_LIVING], table->head[HEAD_LIVING] + 1);
    mri_pair_set(journal, &table->head[HEAD_NEWEST], signal->ordinal);
}

static bool is_within(const struct mri_signal_table *table, const struct mri_signal *signal)
{
    return signal->symbol < table->limits.symbols_max && signal->source < table->limits.sources_max;
}

mr_err mri_signal_table_create(struct mri_signal_table *table, struct mri_hot_journal *journal,
    const struct mri_signal *signal, uint32_t *ret_ordinal)
{
    uint32_t newest = mri_pair_low(table->head[HEAD_NEWEST]);
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
    if (number == 0 || !mri_signal_groups_has_blocks(table, 2)) {
        return MR_FULL;
    }
    uint32_t first_learned = mri_pair_low(list_of(table, MR_LEARNED)[0]);
    if (is_crowded(table) && first_learned != 0 && first_learned != number) {
        forget(table, journal, first_learned);
    }
    bool is_taken = mri_pair_low(slot_at(table, number)[WHO]) != 0;
    if (is_taken) {
        forget(table, journal, number);
    }
    put_signal(table, journal, &made, number, is_taken);
    mri_pair_set(is_taken ? journal : NULL, &slot_at(table, number)[LINKS],
        list_append(table, journal, MR_GENERATED, number));
    *ret_ordinal = made.ordinal;
    return MR_OK;
}

mr_err mri_signal_table_restore(struct mri_signal_table *table, const struct mri_signal *signal)
{
    if (!is_within(table, signal) || signal->state >= MR_STATE_COUNT ||
        signal->ordinal <= mri_pair_low(table->head[HEAD_NEWEST])) {
        return MR_REFUSED;
    }
    uint32_t number = find_place(table, signal->ordinal);
    if (number == 0 || !mri_signal_groups_has_blocks(table, 2)) {
        return MR_FULL;
    }
    if (mri_pair_low(slot_at(table, number)[WHO]) != 0) {
        forget_unlisted(table, NULL, number);
    }
    put_signal(table, NULL, signal, number, false);
    return MR_OK;
}

/** The number of the slot of a signal; 0: the table does not know it. */
static uint32_t number_of(const struct mri_signal_table *table, uint32_t ordinal)
{
    uint32_t home = home_of(table, ordinal);
    const uint64_t *slot = slot_at(table, home);
    if (ordinal == 0 || mri_pair_low(mri_pair_load(&slot[WHO])) == ordinal) {
        return ordinal == 0 ? 0 : home;
    }
    bool has_strayed = (mri_pair_load(&slot[WHAT]) & STRAYS) != 0;
    for (unsigned i = 1; has_strayed && i < MRI_SIGNAL_PROBES; i++) {
        uint32_t number = stray_of(table, ordinal, i);
        if (mri_pair_low(mri_pair_load(&slot_at(table, number)[WHO])) == ordinal) {
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
    uint32_t entry = number << MRI_SIGNAL_STATE_BITS | move->to;
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
    mri_pair_set(journal, &slot[LINKS], list_append(table, journal, move->to, number));
    mri_pair_set(journal, &slot[WHAT], what);
    mri_pair_set(journal, &slot[MOVED], seq);
    mri_pair_set(journal, &slot[LAST], seq);
    mri_signal_groups_put(table, journal, mri_pair_low(slot[MRI_SIGNAL_PLACES]), entry);
    mri_signal_groups_put(table, journal, mri_pair_high(slot[MRI_SIGNAL_PLACES]), entry);
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
    mri_pair_set(journal, &slot[LAST], seq);
    return MR_OK;
}

mr_err mri_signal_table_claim(struct mri_signal_table *table, struct mri_hot_journal *journal,
    uint32_t ordinal, bool is_claimed, uint64_t seq)
{
    uint64_t *slot = find(table, ordinal);
    if (slot == NULL) {
        return MR_NOT_FOUND;
    }
    mri_pair_set(journal, &slot[WHAT], (slot[WHAT] & ~CLAIMED) | (is_claimed ? CLAIMED : 0));
    mri_pair_set(journal, &slot[LAST], seq);
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

uint32_t mri_signal_table_retire(struct mri_signal_table *table, struct mri_hot_journal *journal,
    int64_t before_unix_ns, uint32_t count_max)
{
    uint32_t count = 0;
    for (; count < count_max; count++) {
        uint32_t first = mri_pair_low(list_of(table, MR_LEARNED)[0]);
        if (first == 0 || (int64_t)slot_at(table, first)[TIME] >= before_unix_ns) {
            break;
        }
        forget(table, journal, first);
    }
    return count;
}

/* ---- looking --------------------------------------------------------------------------------- */

static const uint64_t *words_of(const struct mri_signal_table *table, uint32_t slot)
{
    return table->slots + (size_t)(slot & table->slot_mask) * MRI_SIGNAL_SLOT_WORDS;
}

uint32_t mri_signal_table_ordinal(const struct mri_signal_table *table, uint32_t slot)
{
    return mri_pair_low(mri_pair_load(&words_of(table, slot)[WHO]));
}

void mri_signal_table_slot(
    const struct mri_signal_table *table, uint32_t slot, struct mri_signal *ret_signal)
{
    const uint64_t *words = words_of(table, slot);
    uint64_t who = mri_pair_load(&words[WHO]);
    uint64_t what = mri_pair_load(&words[WHAT]);
    *ret_signal = (struct mri_signal){
        .event_time_unix_ns = (int64_t)mri_pair_load(&words[TIME]),
        .generated_seq = mri_pair_load(&words[GENERATED]),
        .last_seq = mri_pair_load(&words[LAST]),
        .moved_seq = mri_pair_load(&words[MOVED]),
        .ordinal = mri_pair_low(who),
        .symbol = (uint16_t)(who >> 32),
        .source = (uint16_t)(who >> 48),
        .name = (uint16_t)what,
        .side = (uint8_t)(what >> 16 & SIDE_MASK),
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

void mri_signal_table_pass(struct mri_signal_table *table, uint32_t ordinal)
{
    uint64_t *gone = &table->head[HEAD_GONE];
    *gone = ordinal > *gone ? ordinal : *gone;
}

uint32_t mri_signal_table_gone(const struct mri_signal_table *table)
{
    return mri_pair_low(mri_pair_load(&table->head[HEAD_GONE]));
}

void mri_signal_table_prefetch(const struct mri_signal_table *table, uint32_t ordinal)
{
    __builtin_prefetch(slot_at(table, home_of(table, ordinal)));
}

/** What a move will touch beside the slot. What was read may lead anywhere: it is not followed. */
static void fetch_neighbours(const struct mri_signal_table *table, const uint64_t *slot)
{
    uint64_t links = mri_pair_load(&slot[LINKS]);
    uint64_t places = mri_pair_load(&slot[MRI_SIGNAL_PLACES]);
    if (mri_pair_low(links) - 1 < table->limits.slots_max) {
        __builtin_prefetch(&slot_at(table, mri_pair_low(links))[LINKS], 1);
    }
    if (mri_pair_high(links) - 1 < table->limits.slots_max) {
        __builtin_prefetch(&slot_at(table, mri_pair_high(links))[LINKS], 1);
    }
    __builtin_prefetch(mri_signal_groups_word(table, mri_pair_low(places)), 1);
    __builtin_prefetch(mri_signal_groups_word(table, mri_pair_high(places)), 1);
}

bool mri_signal_table_peek(
    const struct mri_signal_table *table, uint32_t ordinal, uint64_t *ret_generated_seq)
{
    uint32_t number = number_of(table, ordinal);
    if (number == 0) {
        return false;
    }
    const uint64_t *slot = slot_at(table, number);
    uint64_t seq = mri_pair_load(&slot[GENERATED]);
    if (seq == 0 || mri_pair_low(mri_pair_load(&slot[WHO])) != ordinal) {
        return false; /* whoever takes the slot says so first, who makes the table anew clears it */
    }
    fetch_neighbours(table, slot);
    *ret_generated_seq = seq;
    return true;
}

bool mri_signal_table_is_sound(const struct mri_signal_table *table, uint32_t ordinal)
{
    uint32_t number = number_of(table, ordinal);
    if (number == 0) {
        return false;
    }
    const uint64_t *slot = slot_at(table, number);
    uint32_t entry = number << MRI_SIGNAL_STATE_BITS | state_in(slot[WHAT]);
    return mri_signal_groups_get(table, mri_pair_low(slot[MRI_SIGNAL_PLACES])) == entry &&
           mri_signal_groups_get(table, mri_pair_high(slot[MRI_SIGNAL_PLACES])) == entry &&
           mri_pair_low(slot[LINKS]) <= table->limits.slots_max &&
           mri_pair_high(slot[LINKS]) <= table->limits.slots_max;
}

bool mri_signal_table_has_strays_right(const struct mri_signal_table *table)
{
    uint64_t counted = 0;
    uint64_t found = 0;
    for (uint32_t number = 1; number <= table->limits.slots_max; number++) {
        const uint64_t *slot = slot_at(table, number);
        uint32_t ordinal = mri_pair_low(slot[WHO]);
        uint32_t home = home_of(table, ordinal);
        counted += (slot[WHAT] & STRAYS) / STRAYS_UNIT;
        if (ordinal != 0 && home != number) {
            found++;
            if ((slot_at(table, home)[WHAT] & STRAYS) == 0) {
                return false;
            }
        }
    }
    return counted == found;
}

uint64_t mri_signal_table_count(const struct mri_signal_table *table, mr_state state)
{
    return mri_pair_load(&list_of(table, (unsigned)state)[1]);
}

uint32_t mri_signal_table_newest(const struct mri_signal_table *table)
{
    return mri_pair_low(mri_pair_load(&table->head[HEAD_NEWEST]));
}

uint64_t mri_signal_table_symbol_count(const struct mri_signal_table *table, uint32_t symbol)
{
    return symbol < table->limits.symbols_max
               ? mri_pair_high(mri_pair_load(&table->symbols[symbol]))
               : 0;
}

uint64_t mri_signal_table_source_count(const struct mri_signal_table *table, uint32_t source)
{
    return source < table->limits.sources_max
               ? mri_pair_high(mri_pair_load(&table->sources[source]))
               : 0;
}

static uint32_t slot_of(const struct mri_signal_table *table, uint32_t number)
{
    return number == 0 ? UINT32_MAX : (number - 1) & table->slot_mask;
}

uint32_t mri_signal_table_list_end(
    const struct mri_signal_table *table, mr_state state, bool is_newest)
{
    uint64_t ends = mri_pair_load(list_of(table, (unsigned)state));
    return slot_of(table, is_newest ? mri_pair_high(ends) : mri_pair_low(ends));
}

uint32_t mri_signal_table_list_next(
    const struct mri_signal_table *table, uint32_t slot, bool is_to_newer)
{
    const uint64_t *words =
        table->slots + (size_t)(slot & table->slot_mask) * MRI_SIGNAL_SLOT_WORDS;
    uint64_t links = mri_pair_load(&words[LINKS]);
    return slot_of(table, is_to_newer ? mri_pair_low(links) : mri_pair_high(links));
}
