/* SPDX-License-Identifier: MIT */
/*
 * Sums of fills.
 *
 * Invariants
 *  1. Nothing is rounded before the mean is asked for, so it does not depend on the order of parts.
 */
#include "execute/parts.h"

#include "base/check.h"
#include "base/fixed.h"

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 wide_bits;

static wide value_of(const struct mri_fill_sum *sum)
{
    return (wide)((wide_bits)sum->value_high << 64 | sum->value_low);
}

static mr_err add(struct mri_fill_sum *sum, int64_t quantity, wide value, int64_t fee_e8)
{
    struct mri_fill_sum next = *sum;
    wide total;
    if (__builtin_add_overflow(value_of(sum), value, &total)) {
        return MR_ERANGE;
    }
    mr_err err = mri_fixed_add(sum->quantity, quantity, &next.quantity);
    if (err == MR_OK) {
        err = mri_fixed_add(sum->fee_e8, fee_e8, &next.fee_e8);
    }
    if (err == MR_OK) {
        next.value_low = (uint64_t)total;
        next.value_high = (uint64_t)((wide_bits)total >> 64);
        *sum = next;
    }
    return err;
}

mr_err mri_parts_add(struct mri_fill_sum *sum, int64_t quantity, int64_t price, int64_t fee_e8)
{
    return add(sum, quantity, (wide)price * quantity, fee_e8);
}

mr_err mri_parts_join(struct mri_fill_sum *sum, const struct mri_fill_sum *more)
{
    return add(sum, more->quantity, value_of(more), more->fee_e8);
}

mr_err mri_parts_price(const struct mri_fill_sum *sum, int64_t *ret_price)
{
    MRI_ASSERT(sum->quantity > 0);
    wide value = value_of(sum);
    wide rest = value % sum->quantity;
    wide price = value / sum->quantity;
    if ((rest < 0 ? -rest : rest) * 2 >= sum->quantity) {
        price += value < 0 ? -1 : 1;
    }
    if (price > INT64_MAX || price < INT64_MIN) {
        return MR_ERANGE;
    }
    *ret_price = (int64_t)price;
    return MR_OK;
}
