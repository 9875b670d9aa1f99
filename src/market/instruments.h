/* SPDX-License-Identifier: MIT */
/**
 * Symbols and instruments: what is predicted, and what is traded for it.
 *
 * A symbol has a number and a name; an instrument belongs to a symbol and a venue and says in which
 * steps and decimals it trades. In this version each symbol has one instrument, and both have the
 * same number. Names are compared without '-', '_' and '/', so BTC-USDT is BTCUSDT. Other spellings
 * of a symbol, as PF_XBTUSD, are those of the log's configuration; anything else that is not
 * registered is refused.
 *
 * A provisional symbol is one of which nothing but the name is known: a program has emitted signals
 * of it. It has no price and is not traded, until it is registered with its instrument, under the
 * same number.
 */
#ifndef MRI_MARKET_INSTRUMENTS_H
#define MRI_MARKET_INSTRUMENTS_H

#include "base/alloc.h"
#include "base/check.h"
#include "base/fixed.h"
#include "base/ident.h"
#include "bus/batch.h"

enum { MRI_INSTRUMENT_TEXT_BYTES = MRI_SYMBOL_BYTES_MAX + 1 };

/** What is known of an instrument; texts end in NUL. */
struct mri_instrument_spec {
    char symbol[MRI_INSTRUMENT_TEXT_BYTES];
    char venue[MRI_INSTRUMENT_TEXT_BYTES];
    char native_name[MRI_INSTRUMENT_TEXT_BYTES];
    char quote_currency[MRI_INSTRUMENT_TEXT_BYTES];
    uint32_t price_decimals;
    uint32_t quantity_decimals;
    uint32_t is_provisional; /**< 1: nothing but the symbol's name is known, all else is zero. No
                                  padding: snapshots hold the struct whole */
    int64_t tick;            /**< smallest step of a price */
    int64_t lot;             /**< smallest step of a quantity */
    int64_t quantity_min;    /**< smallest order */
    int64_t notional_min_e8; /**< smallest order by value */
    int64_t multiplier;      /**< units of the symbol in one contract */
};

MRI_STATIC_ASSERT(sizeof(struct mri_instrument_spec) ==
                      4 * MRI_INSTRUMENT_TEXT_BYTES + 3 * sizeof(uint32_t) + 5 * sizeof(int64_t),
    "no padding");

/** Another spelling of a symbol; texts end in NUL. */
struct mri_spelling {
    char spelling[MRI_INSTRUMENT_TEXT_BYTES];
    char symbol[MRI_INSTRUMENT_TEXT_BYTES];
};

/** Looks for a name elsewhere. MR_OK; MR_NOT_FOUND; other results count as that. */
typedef mr_err mri_instruments_elsewhere(
    void *context, struct mri_slice name, uint32_t *ret_symbol);

/** A symbol as it is compared: without separators, in upper case, then zeros. */
struct mri_symbol_key {
    char text[MRI_INSTRUMENT_TEXT_BYTES];
    uint32_t number;
};

/** The registry. */
struct mri_instruments {
    const struct mri_alloc *alloc;
    struct mri_instrument_spec *specs;
    struct mri_symbol_key *keys; /**< of all, sorted */
    uint32_t count;
    uint32_t count_max;
    uint32_t provisional_count;
    uint32_t spelling_count;
    struct mri_spelling *spellings;       /**< in the order of their keys, which is what they are */
    mri_instruments_elsewhere *elsewhere; /**< asked for what is not found here; NULL: nobody */
    void *elsewhere_context;
};

/**
 * Is the specification usable: names of 1 to 32 letters, digits, '-', '_', '.', '/' with at least
 * one letter or digit; decimals at most 12; steps and multiplier above zero; the smallest quantity
 * a multiple of the lot above zero, the smallest value not negative? A provisional one has a good
 * name and nothing else.
 *
 * Returns  MR_OK; MR_REFUSED, *reterr_problem says why.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_instrument_check(
    const struct mri_instrument_spec *spec, mr_problem *reterr_problem);

/**
 * Are two specifications the same in every member?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_instrument_equal(const struct mri_instrument_spec *a, const struct mri_instrument_spec *b);

/**
 * The same instrument with another spelling of its symbol: ids hold the one that was registered.
 *
 * Returns  the specification.
 * Threads  any.
 */
struct mri_instrument_spec mri_instrument_spelled(
    const struct mri_instrument_spec *spec, const char symbol[static MRI_INSTRUMENT_TEXT_BYTES]);

/**
 * Make an empty registry.
 *
 * @param count_max  > 0
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_instruments_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_instruments_init(
    struct mri_instruments *instruments, const struct mri_alloc *alloc, uint32_t count_max);

/**
 * Free a registry. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_instruments_fini(struct mri_instruments *instruments);

/**
 * Draft the event that registers an instrument under the next number.
 *
 * @param spec  one that mri_instrument_check() accepts
 *
 * Returns  as mri_batch_add().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_instrument_draft(
    struct mri_batch *batch, const struct mri_instrument_spec *spec, uint32_t number);

/**
 * A symbol of which only the name is known.
 *
 * Returns  MR_OK; MR_REFUSED it cannot be a name, *reterr_problem says why.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_instrument_provisional(
    struct mri_slice name, struct mri_instrument_spec *ret_spec, mr_problem *reterr_problem);

/**
 * Put the next one back, as it was kept.
 *
 * @param spec  may lie where it is put
 *
 * Returns  MR_OK; MR_ECORRUPT not a usable specification, or a symbol that is registered already;
 *          MR_FULL.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_instruments_restore(
    struct mri_instruments *instruments, const struct mri_instrument_spec *spec);

/**
 * Take an instrument event in; other events are ignored.
 *
 * Returns  MR_OK; MR_ECORRUPT not the next number, nor that of the provisional symbol of its name,
 *          not a usable specification, or a symbol that is registered already; MR_FULL.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_instruments_apply(
    struct mri_instruments *instruments, const struct mri_event *event);

/**
 * May this be a spelling of a symbol, and one? Letters, digits and separators as in names.
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_instruments_is_spelling(const struct mri_spelling *spelling);

/**
 * Replace the spellings of symbols. What is registered by a name goes before a spelling; one of a
 * symbol that is not registered stands for nothing.
 *
 * @param spellings  good ones, each once
 *
 * Returns  MR_OK; MR_ENOMEM, those of before are in force.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_instruments_spell(
    struct mri_instruments *instruments, const struct mri_spelling *spellings, uint32_t count);

/**
 * Forget all instruments; spellings stay.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_instruments_clear(struct mri_instruments *instruments);

/**
 * Find a symbol by the name that it is registered by, with or without '-', '_' and '/', in any
 * case.
 *
 * Returns  MR_OK; MR_NOT_FOUND.
 * Threads  one at a time.
 * Cost     logarithmic in the number of instruments.
 */
MR_MUST_USE mr_err mri_instruments_find_registered(
    const struct mri_instruments *instruments, struct mri_slice name, uint32_t *ret_symbol);

/**
 * Find a symbol by the name that it is registered by, or by a spelling of it; both with or without
 * '-', '_' and '/', in any case. What is not here is asked for elsewhere.
 *
 * Returns  MR_OK; MR_NOT_FOUND.
 * Threads  one at a time.
 * Cost     logarithmic in the number of instruments, of spellings behind that.
 */
MR_MUST_USE mr_err mri_instruments_find(
    const struct mri_instruments *instruments, struct mri_slice name, uint32_t *ret_symbol);

/**
 * The instrument of a number.
 *
 * Returns  its specification; NULL when there is none of that number.
 * Owner    points into the registry.
 * Threads  one at a time.
 */
const struct mri_instrument_spec *mri_instruments_get(
    const struct mri_instruments *instruments, uint32_t number);

/**
 * Do two names spell the same symbol?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_symbol_is_same(struct mri_slice a, struct mri_slice b);

/**
 * A price as a double, for statistics.
 *
 * Returns  the price.
 * Threads  any.
 */
double mri_instrument_price(const struct mri_instrument_spec *spec, int64_t price);

/**
 * The value of a quantity at a price, with the multiplier, as money.
 *
 * Returns  MR_OK; MR_ERANGE it does not fit.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_instrument_value_e8(
    const struct mri_instrument_spec *spec, int64_t price, int64_t quantity, int64_t *ret_money_e8);

/**
 * The quantity that a notional buys at a price, rounded down to the lot.
 *
 * Returns  the quantity, *ret_notional_e8 its value; 0: it is below the smallest order, or does not
 *          fit.
 * Threads  any.
 */
int64_t mri_instrument_quantity(const struct mri_instrument_spec *spec, double notional,
    int64_t price, int64_t *ret_notional_e8);

/**
 * A price rounded to the instrument's tick.
 *
 * @param direction  -1 down, +1 up, 0 nearest (half away from zero)
 *
 * Returns  the price, at least one tick.
 * Threads  any.
 */
int64_t mri_instrument_round_price(
    const struct mri_instrument_spec *spec, int64_t price, int direction);

#endif
