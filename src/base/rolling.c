/* SPDX-License-Identifier: MIT */
/*
 * Rolling windows.
 *
 *        next
 *          v
 *   [ 7 8 | 1 2 3 4 5 6 ]      newest is next - 1, oldest (when full) is next
 *
 * Invariants
 *  1. `present`, `sum` and `sum_square` are those of the slots in the ring; the sums carry rounding
 *     of at most one lap, since they are computed afresh when next returns to 0.
 *  2. Sums are of differences from `shift`, a value of the window: a series far from zero loses no
 *     digits, and equal values have a variance of exactly 0.
 *  3. The state is a function of the series pushed: a snapshot that stores all fields continues
 *     with the same bits.
 */
#include "base/rolling.h"

#include <stdbool.h>

#include "base/check.h"
#include "base/exact_math.h"

mr_err mri_rolling_init(struct mri_rolling *rolling, const struct mri_alloc *alloc, uint32_t slots)
{
    MRI_ASSERT(slots > 0);
    void *ring;
    mr_err err = mri_alloc_array(alloc, slots, sizeof(double), &ring);
    if (err != MR_OK) {
        return err;
    }
    *rolling = (struct mri_rolling){.ring = ring, .slots = slots};
    return MR_OK;
}

void mri_rolling_fini(struct mri_rolling *rolling, const struct mri_alloc *alloc)
{
    if (rolling != NULL) {
        mri_alloc_free(alloc, rolling->ring, rolling->slots * sizeof(double));
        *rolling = (struct mri_rolling){0};
    }
}

/** Count a value in (sign = 1) or out (sign = -1); the first of a window becomes the shift. */
static void count_value(struct mri_rolling *rolling, double value, double sign)
{
    if (rolling->present == 0) {
        rolling->shift = value;
        rolling->sum = 0.0;
        rolling->sum_square = 0.0;
    }
    double difference = value - rolling->shift;
    rolling->present += sign > 0.0 ? 1 : -1;
    rolling->sum += sign * difference;
    rolling->sum_square += sign * (difference * difference);
}

static void sum_afresh(struct mri_rolling *rolling)
{
    rolling->present = 0;
    for (uint32_t i = 0; i < rolling->pushed; i++) {
        if (mri_is_finite(rolling->ring[i])) {
            count_value(rolling, rolling->ring[i], 1.0);
        }
    }
}

void mri_rolling_push(struct mri_rolling *rolling, double value)
{
    if (rolling->pushed == rolling->slots) {
        double oldest = rolling->ring[rolling->next];
        if (mri_is_finite(oldest)) {
            count_value(rolling, oldest, -1.0);
        }
    } else {
        rolling->pushed++;
    }
    if (mri_is_finite(value)) {
        count_value(rolling, value, 1.0);
    } else {
        value = mri_nan();
    }
    rolling->ring[rolling->next] = value;
    rolling->next = rolling->next + 1 == rolling->slots ? 0 : rolling->next + 1;
    if (rolling->next == 0) {
        sum_afresh(rolling);
    }
}

double mri_rolling_at(const struct mri_rolling *rolling, uint32_t age)
{
    if (age >= rolling->pushed) {
        return mri_nan();
    }
    uint32_t newest = rolling->next == 0 ? rolling->slots - 1 : rolling->next - 1;
    return rolling->ring[newest >= age ? newest - age : newest + rolling->slots - age];
}

double mri_rolling_mean(const struct mri_rolling *rolling, uint32_t present_min)
{
    if (rolling->present < present_min || rolling->present == 0) {
        return mri_nan();
    }
    return rolling->shift + rolling->sum / rolling->present;
}

double mri_rolling_variance(const struct mri_rolling *rolling, uint32_t present_min)
{
    double n = rolling->present;
    if (rolling->present < present_min || rolling->present < 2) {
        return mri_nan();
    }
    double variance = (rolling->sum_square - rolling->sum * rolling->sum / n) / (n - 1.0);
    return variance > 0.0 ? variance : 0.0;
}

double mri_rolling_extreme(const struct mri_rolling *rolling, uint32_t from, uint32_t to, int sign)
{
    double best = mri_rolling_at(rolling, from);
    for (uint32_t age = from + 1; age <= to; age++) {
        double value = mri_rolling_at(rolling, age);
        if (!mri_is_finite(value)) {
            return mri_nan();
        }
        if (sign * value > sign * best) {
            best = value;
        }
    }
    return best;
}

/** What is saved beside the ring. */
struct rolling_head {
    uint32_t slots;
    uint32_t next;
    uint32_t pushed;
    uint32_t present;
    double shift;
    double sum;
    double sum_square;
};

void mri_rolling_save(const struct mri_rolling *rolling, struct mri_buf *buf)
{
    const struct rolling_head head = {
        .slots = rolling->slots,
        .next = rolling->next,
        .pushed = rolling->pushed,
        .present = rolling->present,
        .shift = rolling->shift,
        .sum = rolling->sum,
        .sum_square = rolling->sum_square,
    };
    mri_buf_put(buf, &head, sizeof(head));
    mri_buf_put(buf, rolling->ring, rolling->slots * sizeof(*rolling->ring));
}

void mri_rolling_load(struct mri_rolling *rolling, struct mri_unpack *unpack)
{
    struct rolling_head head;
    mri_unpack_take(unpack, &head, sizeof(head));
    bool is_sound = head.slots == rolling->slots && head.next < rolling->slots &&
                    head.pushed <= rolling->slots && head.present <= head.pushed;
    if (unpack->err == MR_OK && !is_sound) {
        unpack->err = MR_ECORRUPT;
    }
    if (unpack->err != MR_OK) {
        return;
    }
    mri_unpack_take(unpack, rolling->ring, rolling->slots * sizeof(*rolling->ring));
    rolling->next = head.next;
    rolling->pushed = head.pushed;
    rolling->present = head.present;
    rolling->shift = head.shift;
    rolling->sum = head.sum;
    rolling->sum_square = head.sum_square;
}
