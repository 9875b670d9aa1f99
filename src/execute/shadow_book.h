/* SPDX-License-Identifier: MIT */
/**
 * The places of the shadow book: a signal from its birth until its shadow has closed.
 *
 *   born -> wanted -> open -> gone
 *             └─> unresolved -> gone
 *
 * A place is found by its signal's ordinal; those of a symbol are a list in the order of birth.
 */
#ifndef MRI_EXECUTE_SHADOW_BOOK_H
#define MRI_EXECUTE_SHADOW_BOOK_H

#include "base/due_queue.h"
#include "execute/positions.h"

enum mri_shadow_state {
    MRI_SHADOW_BORN,       /**< nobody has decided on the signal */
    MRI_SHADOW_WANTED,     /**< opens at the next price */
    MRI_SHADOW_OPEN,       /**< until stop, target or time */
    MRI_SHADOW_UNRESOLVED, /**< cannot be priced: is told, and goes */
    MRI_SHADOW_STATE_COUNT,
};

/** A signal's place. */
struct mri_shadow {
    uint64_t signal_seq;
    uint64_t decided_seq; /**< the decision, or the move that was one */
    uint64_t after_seq;   /**< opens with an input behind this one */
    uint64_t entry_seq;   /**< the bar or quote that it opened with; 0: it has not */
    int64_t quantity;     /**< as decided; 0: the base size, when it opens */
    int64_t entry_price;
    int64_t entry_reference_price;
    int64_t entry_fee_e8;
    int64_t stop_price;
    int64_t target_price;
    int64_t exit_time_unix_ns;
    int64_t opened_unix_ns;
    uint32_t ordinal;
    uint32_t symbol;
    uint32_t next; /**< ordinal of the symbol's next place; 0 = none */
    uint32_t previous;
    uint8_t state; /**< enum mri_shadow_state */
    uint8_t side;
    uint8_t gate;     /**< who blocked; none: its signal is traded, or would be */
    uint8_t advisory; /**< 1: decided beside the signal's owner */
    uint16_t reason;  /**< why it is unresolved */
    uint16_t reserved;
};
MRI_STATIC_ASSERT(sizeof(struct mri_shadow) == 120, "saved whole: no padding");

/** A symbol's places, and the prices they are met with. */
struct mri_shadow_symbol {
    uint64_t price_seq;            /**< of the newest bar or quote */
    int64_t price_time_unix_ns;    /**< the market's time then */
    int64_t previous_time_unix_ns; /**< and at the price before */
    int64_t price_passed_ns;       /**< the book's passed_ns at the newest */
    uint32_t first;                /**< ordinal; 0 = none */
    uint32_t last;
    uint32_t waiting;    /**< places that wait for a price, or are open */
    uint32_t wanted;     /**< those of them that wait for a price */
    uint16_t price_type; /**< of the newest: candle or quote */
    uint16_t reserved[3];
};

struct mri_shadow_book {
    const struct mri_alloc *alloc;
    struct mri_due_queue places; /**< struct mri_shadow by ordinal; none falls due */
    struct mri_shadow_symbol *symbols;
    uint32_t symbols_max;
    uint32_t counts[MRI_SHADOW_STATE_COUNT]; /**< places by state */
    int64_t time_unix_ns; /**< the market's, at the newest price or tick of all */
    int64_t passed_ns; /**< time that has passed with prices or ticks: of a pause of all of them a
                            minute counts at most */
    uint64_t left_out; /**< signals that found no place */
    uint64_t unpriced; /**< signals that got none: their symbol had no price */
};

/**
 * Make an empty book.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_shadow_book_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_shadow_book_init(
    struct mri_shadow_book *book, const struct mri_alloc *alloc, uint32_t symbols_max);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_shadow_book_fini(struct mri_shadow_book *book);

/**
 * Give a signal a place, behind the others of its symbol; it has none yet.
 *
 * @param born  its ordinal, symbol, side and seq are taken
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_shadow_book_add(struct mri_shadow_book *book, const struct mri_shadow *born);

/**
 * The place of a signal.
 *
 * Returns  it; NULL: it has none.
 * Owner    points into the book, until the next one is added.
 * Threads  one at a time.
 */
struct mri_shadow *mri_shadow_book_find(const struct mri_shadow_book *book, uint32_t ordinal);

/**
 * Bring a place into another state.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_shadow_book_set_state(
    struct mri_shadow_book *book, struct mri_shadow *shadow, enum mri_shadow_state state);

/**
 * Take a place out.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_shadow_book_remove(struct mri_shadow_book *book, struct mri_shadow *shadow);

/**
 * Time has come to a moment: at every price and tick.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_shadow_book_pass(struct mri_shadow_book *book, int64_t time_unix_ns);

/**
 * Append the book to a snapshot.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time.
 */
void mri_shadow_book_save(const struct mri_shadow_book *book, struct mri_buf *buf);

/**
 * Take a book back into an empty one with the same symbols.
 *
 * Returns  MR_OK; MR_ECORRUPT; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_shadow_book_load(struct mri_shadow_book *book, struct mri_unpack *unpack);

#endif
