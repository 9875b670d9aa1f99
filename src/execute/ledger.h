/* SPDX-License-Identifier: MIT */
/**
 * The books: cash from fills on one side, closed positions on the other, compared at every close.
 */
#ifndef MRI_EXECUTE_LEDGER_H
#define MRI_EXECUTE_LEDGER_H

#include "bus/event_codec.h"
#include "market/instruments.h"

struct mri_ledger {
    int64_t gross_e8; /**< of closed positions */
    int64_t fee_e8;
    int64_t slippage_e8;
    int64_t net_e8;
    int64_t cash_e8; /**< of all fills: what was got less what was paid and the fees */
    uint64_t fills;
    uint64_t closes;
    uint64_t mismatches; /**< closes where the two sides differed; 0 or the books are wrong */
};

/** Cash of a position's fills so far; per symbol, since a symbol has one position at a time. */
struct mri_ledger_position {
    int64_t cash_e8;
    int64_t quantity; /**< + long; 0 when flat */
};

/**
 * Take a fill in.
 *
 * Returns  MR_OK; MR_ERANGE a sum does not fit.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_ledger_fill(struct mri_ledger *ledger, struct mri_ledger_position *position,
    const struct mri_order_filled *fill, const struct mri_instrument_spec *spec);

/**
 * Take a close in and compare: the position is flat, its cash equals its net, and
 * gross - fee - slippage = net.
 *
 * Returns  MR_OK, also on a mismatch, which is counted; MR_ERANGE a sum does not fit.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_ledger_close(struct mri_ledger *ledger, struct mri_ledger_position *position,
    const struct mri_position_closed *close);

#endif
