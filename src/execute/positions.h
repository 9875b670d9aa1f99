/* SPDX-License-Identifier: MIT */
/**
 * A position and its orders: a signal that was approved, until it is flat again.
 */
#ifndef MRI_EXECUTE_POSITIONS_H
#define MRI_EXECUTE_POSITIONS_H

#include "bus/orders.h"
#include "execute/ledger.h"
#include "execute/parts.h"
#include "execute/venue.h"

/** What happens to a symbol's money. */
struct mri_position {
    uint64_t signal_seq;
    uint64_t decision_seq;
    uint32_t ordinal;   /**< of the signal; 0 = the symbol is free */
    uint8_t side;       /**< of the signal */
    uint8_t is_open;    /**< the entry is filled */
    uint8_t is_wanted;  /**< approved, its entry order is to be placed */
    uint8_t is_outside; /**< its orders go to an executor outside */
    int64_t quantity;   /**< of the order; once it is open, what was filled of it */
    int64_t entry_price;
    int64_t entry_reference_price;
    int64_t entry_fee_e8;
    int64_t entry_slippage_e8;
    int64_t stop_price;
    int64_t target_price;
    int64_t exit_time_unix_ns;
    int64_t opened_unix_ns;
    struct mri_order orders[MRI_LEG_COUNT];
    struct mri_ledger_position ledger;
};

/** Distances of exits; from the configuration. */
struct mri_exit_limits {
    double stop_sd; /**< in standard deviations of the 30-minute return */
    double target_sd;
    int64_t hold_ns;
};

/**
 * Prices of stop and target for an entry, on the tick, at least one tick away.
 *
 * @param volatility  of one bar's log return; 0 or less = unknown
 *
 * Returns  MR_OK; MR_ERANGE a price does not fit.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_position_exits(const struct mri_exit_limits *limits,
    const struct mri_instrument_spec *spec, double volatility, struct mri_position *position);

/**
 * The result of closing a position with a fill: gross at the reference prices, fees and slippage of
 * all fills, net.
 *
 * @param parts  what earlier exits have got; the fill is of the rest
 *
 * Returns  MR_OK; MR_ERANGE a number does not fit.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_position_result(const struct mri_position *position,
    const struct mri_parts *parts, const struct mri_instrument_spec *spec,
    const struct mri_venue_fill *exit, struct mri_position_closed *closed);

#endif
