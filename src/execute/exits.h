/* SPDX-License-Identifier: MIT */
/**
 * What a bar does to a position at the venue here: its entry, then stop, target and time. One rule
 * for positions and for shadows.
 */
#ifndef MRI_EXECUTE_EXITS_H
#define MRI_EXECUTE_EXITS_H

#include "execute/positions.h"
#include "market/market.h"

/** What a position is met with. */
struct mri_exits_bar {
    const struct mri_venue *venue;
    const struct mri_instrument_spec *spec;
    const struct mri_candle *bar; /**< as mri_exits_read_bar() reads it */
};

/**
 * The symbol whose market an input shows.
 *
 * Returns  true; false: it shows none, *ret_symbol is left alone.
 * Threads  any.
 */
bool mri_exits_symbol(const struct mri_event *input, uint32_t *ret_symbol);

/**
 * What an input shows of the market to a position of its symbol. Where quotes came within a bar's
 * time, orders were matched with them, and a position may have been opened in the middle of it: the
 * bar counts with its close alone, but for a position that was there when it began.
 *
 * @param input  of which mri_exits_symbol() is true; the newest one of its symbol
 *
 * Returns  the bar; a quote is one of a moment, at its middle.
 * Threads  one at a time.
 */
struct mri_candle mri_exits_read_bar(const struct mri_market *market,
    const struct mri_position *position, const struct mri_event *input);

/**
 * Does the bar fill an order of a position?
 *
 * Returns  MR_OK; MR_NOT_FOUND the order lives on, or there is none; MR_ERANGE numbers do not fit.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_exits_match(const struct mri_exits_bar *met,
    const struct mri_position *position, enum mri_leg leg, struct mri_venue_fill *ret_fill);

/**
 * The exit that the bar fills: an exit by time first, at the open, then the stop, then the target.
 *
 * Returns  as mri_exits_match().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_exits_first(const struct mri_exits_bar *met,
    const struct mri_position *position, enum mri_leg *ret_leg, struct mri_venue_fill *ret_fill);

/**
 * The side of an order of a position.
 *
 * Returns  long for the one that buys.
 * Threads  any.
 */
mr_side mri_exits_side(const struct mri_position *position, enum mri_leg leg);

/**
 * Why a position is closed by a leg.
 *
 * Returns  stop, target or time.
 * Threads  any.
 */
enum mri_reason mri_exits_reason(enum mri_leg leg);

#endif
