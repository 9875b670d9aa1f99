/* SPDX-License-Identifier: MIT */
/*
 * Double bookkeeping in integers.
 *
 * Invariants
 *  1. Cash is computed from prices and quantities of fills alone; gross, slippage and net from what
 *     position.closed says. They meet only in the comparison.
 *  2. A mismatch is never repaired here: it is counted, and the engine stops trading.
 */
#include "execute/ledger.h"

static mr_err add(int64_t *sum, int64_t value)
{
    return mri_fixed_add(*sum, value, sum);
}

mr_err mri_ledger_fill(struct mri_ledger *ledger, struct mri_ledger_position *position,
    const struct mri_order_filled *fill, const struct mri_instrument_spec *spec)
{
    int64_t value;
    int64_t cash;
    mr_err err = mri_instrument_value_e8(spec, fill->price, fill->quantity, &value);
    if (err != MR_OK) {
        return err;
    }
    bool is_buy = fill->side == MR_LONG;
    err = mri_fixed_add(is_buy ? -value : value, -fill->fee_e8, &cash);
    if (err == MR_OK) {
        err = add(&ledger->cash_e8, cash);
    }
    if (err == MR_OK) {
        err = add(&position->cash_e8, cash);
    }
    if (err == MR_OK) {
        err = add(&position->quantity, is_buy ? fill->quantity : -fill->quantity);
    }
    ledger->fills++;
    return err;
}

mr_err mri_ledger_close(struct mri_ledger *ledger, struct mri_ledger_position *position,
    const struct mri_position_closed *close)
{
    int64_t sum = close->gross_e8;
    bool is_sum = add(&sum, -close->fee_e8) == MR_OK && add(&sum, -close->slippage_e8) == MR_OK &&
                  sum == close->net_e8;
    bool is_cash = position->cash_e8 == close->net_e8;
    if (!is_sum || !is_cash || position->quantity != 0) {
        ledger->mismatches++;
    }
    ledger->closes++;
    *position = (struct mri_ledger_position){0};
    mr_err err = add(&ledger->gross_e8, close->gross_e8);
    if (err == MR_OK) {
        err = add(&ledger->fee_e8, close->fee_e8);
    }
    if (err == MR_OK) {
        err = add(&ledger->slippage_e8, close->slippage_e8);
    }
    return err == MR_OK ? add(&ledger->net_e8, close->net_e8) : err;
}
