/* SPDX-License-Identifier: MIT */
/**
 * The signal table: one 64-byte slot a signal, and the indexes over it.
 *
 *   slots[ordinal]                     everything a query needs
 *   per symbol, per source             an array of (ordinal, state) in order of creation
 *   per state                          a list through the slots, in order of entering it
 *
 * Derived from the log in log order: rebuilt, it is the same byte for byte.
 */
#ifndef MRI_BUS_SLOTS_H
#define MRI_BUS_SLOTS_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/unpack.h"
#include "bus/event_codec.h"

struct mri_slot {
    int64_t event_time_unix_ns; /**< of emission */
    uint64_t generated_seq;
    uint64_t last_seq;  /**< newest event of the signal */
    uint64_t moved_seq; /**< newest move; generated_seq before the first */
    uint32_t symbol;
    uint16_t source;
    uint16_t name;
    uint32_t state_next; /**< ordinal in the list of its state; 0 = end */
    uint32_t state_prev;
    uint32_t symbol_index; /**< of its entry in the symbol's array */
    uint32_t source_index; /**< of its entry in the source's array */
    uint8_t state;
    uint8_t side;
    uint8_t gate;    /**< who blocked it, kept in learned */
    uint8_t ended;   /**< the state it was learned from: blocked, expired or executed */
    uint16_t reason; /**< of the newest move before learned */
    uint16_t reserved;
};

MRI_STATIC_ASSERT(sizeof(struct mri_slot) == 64, "one cache line");

/** Entries of a symbol's or source's array: ordinal in the high 28 bits, state in the low 4. */
struct mri_slot_array {
    uint32_t *entries;
    uint32_t count;
    uint32_t capacity;
};

/** The list of a state. */
struct mri_state_list {
    uint32_t first;
    uint32_t last;
    uint32_t count;
};

/** The highest ordinal that fits into 28 bits. */
enum { MRI_ORDINAL_MAX = (1 << 28) - 1 };

/** Slots that lie side by side and are saved together. */
enum { MRI_SLOTS_BLOCK = 16 };

struct mri_slots_limits {
    uint32_t signals_max; /**< at most MRI_ORDINAL_MAX */
    uint32_t symbols_max;
    uint32_t sources_max;
};

struct mri_slots {
    const struct mri_alloc *alloc;
    struct mri_slots_limits limits;
    struct mri_slot **chunks; /**< of 4096 slots; NULL where none is yet */
    uint32_t chunk_count;
    uint32_t count;         /**< signals so far = highest ordinal */
    uint64_t *changed_seqs; /**< of each block of MRI_SLOTS_BLOCK: the newest event that has changed
                                 one of them, 0: none since they were loaded */
    struct mri_slot_array *by_symbol;
    struct mri_slot_array *by_source;
    struct mri_state_list states[MR_STATE_COUNT];
};

/**
 * Make an empty table.
 *
 * Returns  MR_OK; MR_ENOMEM; MR_EINVAL limits out of range.
 * Owner    mri_slots_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_slots_init(
    struct mri_slots *slots, const struct mri_alloc *alloc, const struct mri_slots_limits *limits);

/**
 * Free a table. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_slots_fini(struct mri_slots *slots);

/**
 * Make room for more signals, so that creating them cannot fail.
 *
 * Returns  MR_OK; MR_FULL signals_max would be exceeded; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_slots_reserve(struct mri_slots *slots, uint32_t more);

/**
 * Make room for `more` signals of a symbol and a source in their arrays; with mri_slots_reserve(),
 * creating them cannot fail.
 *
 * Returns  MR_OK; MR_FULL more than there can be; MR_ECORRUPT symbol or source beyond the limits;
 *          MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_slots_reserve_entries(
    struct mri_slots *slots, uint32_t symbol, uint16_t source, uint32_t more);

/**
 * Add the next signal, in state generated.
 *
 * @param slot  symbol, source, name, side, event_time_unix_ns and generated_seq are taken from it
 *
 * Returns  MR_OK; MR_FULL, MR_ENOMEM; MR_ECORRUPT symbol or source beyond the limits.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_slots_create(struct mri_slots *slots, const struct mri_slot *slot);

/**
 * Move a signal; the caller has checked that the table of moves allows it.
 *
 * @param seq  of the move
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_slots_move(
    struct mri_slots *slots, uint32_t ordinal, const struct mri_signal_moved *move, uint64_t seq);

/**
 * The slot of a signal.
 *
 * Returns  the slot; NULL for an ordinal that does not exist.
 * Owner    points into the table, as long as it lives.
 * Threads  one at a time.
 */
struct mri_slot *mri_slots_get(const struct mri_slots *slots, uint32_t ordinal);

/**
 * Note an event of a signal that does not move it.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_slots_touch(struct mri_slots *slots, uint32_t ordinal, uint64_t seq);

/**
 * Append the table to a snapshot: all of it, or what has changed since another one.
 *
 * @param since_seq  newest event of the snapshot that this one builds on, which the table was
 * loaded from or saved to; 0: all
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time.
 * Cost     64 bytes a signal, of every block of which one has changed.
 */
void mri_slots_save(const struct mri_slots *slots, uint64_t since_seq, struct mri_buf *buf);

/**
 * Take back what mri_slots_save() has appended: all of it into an empty table with the same limits,
 * or what has changed into a table as it was at since_seq. When the newest was taken,
 * mri_slots_check() says whether they fit together.
 *
 * Returns  MR_OK; MR_ECORRUPT; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_slots_load(
    struct mri_slots *slots, uint64_t since_seq, struct mri_unpack *unpack);

/**
 * Is every signal in the list of its state, once?
 *
 * Returns  MR_OK; MR_ECORRUPT.
 * Threads  one at a time.
 * Cost     a look at every slot, in the order of the lists.
 */
MR_MUST_USE mr_err mri_slots_check(const struct mri_slots *slots);

#endif
