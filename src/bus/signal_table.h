/* SPDX-License-Identifier: MIT */
/**
 * The table of signals as words of a memory that many processes share: a slot for each signal, and
 * the indexes over the slots.
 *
 *   slots      everything that a question about a signal asks first, a cache line each
 *   groups     per symbol and per source, an array of (slot, state) in order of creation, in blocks
 *   lists      per state, through the slots, in order of entering it
 *
 * It is derived from the log: changed under the log's append lock by the batch that makes a signal
 * or moves it, and the same in every process at the same seq. Made anew from the log it is the same
 * byte for byte, but for slots and entries that nothing leads to.
 *
 * Caveats first
 * - When all slots but a sixteenth are in use, the one that was learned first leaves for each new
 *   signal: the table then no longer knows it, the log does.
 * - A signal that is not learned keeps its slot for ever. When all slots that a new one might have
 *   are kept, it cannot be made: up to three quarters of the slots that does not happen.
 * - Who reads while others write compares mri_hot_tail_version() before and after.
 */
#ifndef MRI_BUS_SIGNAL_TABLE_H
#define MRI_BUS_SIGNAL_TABLE_H

#include "bus/event_codec.h"
#include "log/hot/hot_tail.h"

enum {
    MRI_SIGNAL_SLOTS_MAX = 1 << 27,
    MRI_SIGNAL_GROUPS_MAX = 65535, /**< of symbols, of sources */
    MRI_SIGNAL_PROBES = 64,
    MRI_SIGNAL_STORES_CREATE = 4096, /**< words that making a signal may change at most */
};

struct mri_signal_limits {
    uint32_t slots_max; /**< a power of two, at least 64 */
    uint32_t symbols_max;
    uint32_t sources_max;
};

/** What the table knows of a signal. */
struct mri_signal {
    int64_t event_time_unix_ns; /**< of emission */
    uint64_t generated_seq;
    uint64_t last_seq;  /**< newest event of the signal */
    uint64_t moved_seq; /**< newest move; generated_seq before the first */
    uint32_t ordinal;
    uint16_t symbol;
    uint16_t source;
    uint16_t name;
    uint8_t side;
    uint8_t state;
    uint8_t gate;       /**< who blocked it, kept in learned */
    uint8_t ended;      /**< the state it was learned from: blocked, expired or executed */
    uint16_t reason;    /**< of the newest move before learned */
    uint8_t is_claimed; /**< 1: by whom the log alone knows */
    uint8_t reserved[7];
};

/** Where the parts of an area are. */
struct mri_signal_table {
    uint64_t *head;
    uint64_t *symbols; /**< a word each */
    uint64_t *sources;
    uint64_t *slots;  /**< 8 words each */
    uint64_t *blocks; /**< 128 words each; the first one is not used */
    uint32_t slot_mask;
    uint32_t block_count;
    struct mri_signal_limits limits;
};

/**
 * How large an area must be.
 *
 * Returns  the bytes, whole pages; 0 when the limits are out of range.
 * Threads  any.
 */
size_t mri_signal_table_bytes(const struct mri_signal_limits *limits);

/**
 * How many signals a table holds before learned ones leave it.
 *
 * Returns  the number.
 * Threads  any.
 */
uint32_t mri_signal_table_room(const struct mri_signal_limits *limits);

/**
 * The parts of an area; one of zeros is an empty table.
 *
 * @param area  mri_signal_table_bytes(limits)
 *
 * Returns  the parts.
 * Owner    the area stays the caller's.
 * Threads  any.
 */
struct mri_signal_table mri_signal_table_at(uint64_t *area, const struct mri_signal_limits *limits);

/**
 * Make the next signal, in state generated.
 *
 * @param journal  NULL: the area is private, what is changed is not noted
 * @param signal   event_time_unix_ns, generated_seq, symbol, source, name and side are taken from
 * it
 *
 * Returns  MR_OK; MR_REFUSED symbol or source is beyond the limits; MR_FULL no slot is free near
 *          that of its ordinal, or no ordinal is left. Nothing was changed then.
 * Threads  one at a time.
 * Cost     about 20 stores; up to MRI_SIGNAL_STORES_CREATE once in a hundred times when it takes
 * the slot of another.
 */
MR_MUST_USE mr_err mri_signal_table_create(struct mri_signal_table *table,
    struct mri_hot_journal *journal, const struct mri_signal *signal, uint32_t *ret_ordinal);

/**
 * Put a signal back as it was, when a table is made anew: all in order of ordinals, then each
 * state's with mri_signal_table_enlist(). One that is learned may have gone again by then.
 *
 * Returns  MR_OK; MR_REFUSED beyond the limits, or out of order; MR_FULL as
 *          mri_signal_table_create().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_signal_table_restore(
    struct mri_signal_table *table, const struct mri_signal *signal);

/**
 * Leave a signal out of a table that is made anew, as if it had been forgotten.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_signal_table_pass(struct mri_signal_table *table, uint32_t ordinal);

/**
 * The highest ordinal of a signal that the table does not know any more: it knows all behind it.
 *
 * Returns  the ordinal; 0: it knows all there are.
 * Threads  any; see the caveats.
 */
uint32_t mri_signal_table_gone(const struct mri_signal_table *table);

/**
 * Put a restored signal at the newer end of the list of its state.
 *
 * Returns  MR_OK; MR_NOT_FOUND the table does not know it.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_signal_table_enlist(struct mri_signal_table *table, uint32_t ordinal);

/**
 * Move a signal, if it is where the move says.
 *
 * @param ret_found  its state before
 *
 * Returns  MR_OK; MR_NOT_FOUND the table does not know it; MR_CONFLICT it is in another state. The
 *          lifecycle is the caller's.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_signal_table_move(struct mri_signal_table *table,
    struct mri_hot_journal *journal, uint32_t ordinal, const struct mri_signal_moved *move,
    uint64_t seq, mr_state *ret_found);

/**
 * Note an event of a signal.
 *
 * @param ret_prev  the one before
 *
 * Returns  MR_OK; MR_NOT_FOUND the table does not know the signal.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_signal_table_note(struct mri_signal_table *table,
    struct mri_hot_journal *journal, uint32_t ordinal, uint64_t seq, uint64_t *ret_prev);

/**
 * Note that a signal is claimed, or is not any more.
 *
 * @param seq  of the event that says so
 *
 * Returns  MR_OK; MR_NOT_FOUND the table does not know the signal.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_signal_table_claim(struct mri_signal_table *table,
    struct mri_hot_journal *journal, uint32_t ordinal, bool is_claimed, uint64_t seq);

/**
 * Forget a signal that is learned.
 *
 * Returns  MR_OK; MR_NOT_FOUND the table does not know it; MR_CONFLICT it is not learned.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_signal_table_forget(
    struct mri_signal_table *table, struct mri_hot_journal *journal, uint32_t ordinal);

/**
 * Forget those that were learned first, as long as they were emitted before a time.
 *
 * Returns  how many, at most count_max.
 * Threads  one at a time.
 */
uint32_t mri_signal_table_retire(struct mri_signal_table *table, struct mri_hot_journal *journal,
    int64_t before_unix_ns, uint32_t count_max);

/**
 * What the table knows of a signal.
 *
 * Returns  MR_OK; MR_NOT_FOUND it does not know it, or no longer.
 * Threads  any; see the caveats.
 * Cost     one cache line.
 */
MR_MUST_USE mr_err mri_signal_table_get(
    const struct mri_signal_table *table, uint32_t ordinal, struct mri_signal *ret_signal);

/**
 * The event that generated a signal. Unlike anything else it may be asked while others write: what
 * is found belongs to the signal, though the batch that makes it may yet come to nothing.
 *
 * Returns  true; false: the table does not know it.
 * Threads  any.
 * Cost     one cache line; it has those of the signal's neighbours fetched, for a move that
 * follows.
 */
bool mri_signal_table_peek(
    const struct mri_signal_table *table, uint32_t ordinal, uint64_t *ret_generated_seq);

/**
 * Have the slot of a signal fetched, before mri_signal_table_peek().
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_signal_table_prefetch(const struct mri_signal_table *table, uint32_t ordinal);

/**
 * Do the places that a signal has in the arrays of its symbol and source hold it, with its state,
 * and do its links lead to slots?
 *
 * Returns  true or false; false when the table does not know it.
 * Threads  nobody changes the table meanwhile.
 */
bool mri_signal_table_is_sound(const struct mri_signal_table *table, uint32_t ordinal);

/**
 * Do the homes count those that have strayed from them?
 *
 * Returns  true or false.
 * Threads  nobody changes the table meanwhile.
 * Cost     looks at every slot.
 */
bool mri_signal_table_has_strays_right(const struct mri_signal_table *table);

/**
 * How many signals are in a state.
 *
 * Returns  the number.
 * Threads  any.
 */
uint64_t mri_signal_table_count(const struct mri_signal_table *table, mr_state state);

/**
 * The highest ordinal so far.
 *
 * Returns  the ordinal; 0: there is none.
 * Threads  any.
 */
uint32_t mri_signal_table_newest(const struct mri_signal_table *table);

/**
 * How many signals of a symbol the table knows.
 *
 * Returns  the number; 0 for a symbol beyond the limits.
 * Threads  any.
 */
uint64_t mri_signal_table_symbol_count(const struct mri_signal_table *table, uint32_t symbol);

/**
 * How many signals of a source the table knows.
 *
 * Returns  the number; 0 for a source beyond the limits.
 * Threads  any.
 */
uint64_t mri_signal_table_source_count(const struct mri_signal_table *table, uint32_t source);

/** A walk over a group, from its newest signal back. */
struct mri_signal_walk {
    uint32_t block; /**< 0 = at its end */
    uint32_t index; /**< entries of the block that are still to come */
};

/**
 * Begin a walk over the signals of a symbol.
 *
 * Returns  the walk; at its end for a symbol beyond the limits.
 * Threads  any; see the caveats.
 */
struct mri_signal_walk mri_signal_table_walk_symbol(
    const struct mri_signal_table *table, uint32_t symbol);

/**
 * Begin a walk over the signals of a source.
 *
 * Returns  the walk; at its end for a source beyond the limits.
 * Threads  any; see the caveats.
 */
struct mri_signal_walk mri_signal_table_walk_source(
    const struct mri_signal_table *table, uint32_t source);

/**
 * Go on to the next older signals of some states.
 *
 * @param states       a bit for each state that is wanted
 * @param room         of ret_slots, at least 1
 * @param ret_slots    for mri_signal_table_slot()
 * @param ret_scanned  entries looked at are added to it
 *
 * Returns  how many; fewer than there is room for at the end.
 * Threads  any; see the caveats.
 * Cost     4 bytes read for each entry that is passed.
 */
uint32_t mri_signal_table_walk(const struct mri_signal_table *table, struct mri_signal_walk *walk,
    uint32_t states, uint32_t room, uint32_t *ret_slots, uint64_t *ret_scanned);

/**
 * The oldest or newest signal of a state, in order of entering it.
 *
 * Returns  for mri_signal_table_slot(); UINT32_MAX when there is none.
 * Threads  any; see the caveats.
 */
uint32_t mri_signal_table_list_end(
    const struct mri_signal_table *table, mr_state state, bool is_newest);

/**
 * Its neighbour in the list of its state.
 *
 * Returns  as mri_signal_table_list_end().
 * Threads  any; see the caveats.
 */
uint32_t mri_signal_table_list_next(
    const struct mri_signal_table *table, uint32_t slot, bool is_to_newer);

/**
 * The ordinal of the signal of a slot, which is all that who knows the rest from elsewhere needs.
 *
 * Returns  the ordinal; 0 for a slot that holds none.
 * Threads  any; see the caveats.
 */
uint32_t mri_signal_table_ordinal(const struct mri_signal_table *table, uint32_t slot);

/**
 * The signal of a slot.
 *
 * Returns  nothing; ordinal is 0 in a slot that holds none.
 * Threads  any; see the caveats.
 */
void mri_signal_table_slot(
    const struct mri_signal_table *table, uint32_t slot, struct mri_signal *ret_signal);

#endif
