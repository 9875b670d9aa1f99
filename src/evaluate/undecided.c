/* SPDX-License-Identifier: MIT */
/*
 * Signals that wait: an array in which places are left empty, with an index.
 *
 * Invariants
 *  1. The index has exactly the ordinals of the places whose ordinal is not 0, each with its place.
 *  2. Less than half of the places are empty, or there are few: going through all costs what those
 *     cost that wait.
 */
#include "evaluate/undecided.h"

#include <string.h>

enum { CAPACITY_FIRST = 64 };

mr_err mri_undecided_init(
    struct mri_undecided_set *set, const struct mri_alloc *alloc, uint32_t symbols_max)
{
    void *block;
    *set = (struct mri_undecided_set){.alloc = alloc};
    mri_due_queue_init(&set->index, alloc, sizeof(uint64_t));
    mr_err err = mri_alloc_array(alloc, symbols_max, sizeof(*set->of_symbol), &block);
    if (err == MR_OK) {
        set->of_symbol = block;
        set->symbols_max = symbols_max;
    }
    return err;
}

void mri_undecided_fini(struct mri_undecided_set *set)
{
    if (set->alloc != NULL) {
        mri_due_queue_fini(&set->index);
        mri_alloc_free(set->alloc, set->of_symbol, set->symbols_max * sizeof(*set->of_symbol));
        mri_alloc_free(set->alloc, set->places, set->capacity * sizeof(*set->places));
        *set = (struct mri_undecided_set){0};
    }
}

static mr_err grow(struct mri_undecided_set *set)
{
    uint32_t capacity = set->capacity == 0 ? CAPACITY_FIRST : 2 * set->capacity;
    void *block = set->places;
    mr_err err = mri_alloc_resize(
        set->alloc, &block, set->capacity * sizeof(*set->places), capacity * sizeof(*set->places));
    if (err == MR_OK) {
        set->places = block;
        set->capacity = capacity;
    }
    return err;
}

mr_err mri_undecided_add(struct mri_undecided_set *set, const struct mri_undecided *signal)
{
    if (signal->symbol >= set->symbols_max || signal->ordinal == 0 ||
        mri_due_queue_find(&set->index, signal->ordinal) != NULL) {
        return MR_ECORRUPT;
    }
    mr_err err = set->used == set->capacity ? grow(set) : MR_OK;
    if (err == MR_OK) {
        err = mri_due_queue_reserve(&set->index, 1);
    }
    if (err == MR_OK) {
        uint64_t *place =
            mri_due_queue_add(&set->index, signal->ordinal, signal->valid_until_unix_ns);
        *place = set->used;
        set->places[set->used++] = *signal;
        set->count++;
        set->of_symbol[signal->symbol]++;
    }
    return err;
}

const struct mri_undecided *mri_undecided_find(
    const struct mri_undecided_set *set, uint32_t ordinal)
{
    const uint64_t *place = mri_due_queue_find(&set->index, ordinal);
    return place == NULL ? NULL : &set->places[*place];
}

/** Close the gaps; the order stays. */
static void compact(struct mri_undecided_set *set)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < set->used; i++) {
        if (set->places[i].ordinal != 0) {
            uint64_t *place = mri_due_queue_find(&set->index, set->places[i].ordinal);
            *place = kept;
            set->places[kept++] = set->places[i];
        }
    }
    set->used = kept;
}

void mri_undecided_remove(struct mri_undecided_set *set, uint32_t ordinal)
{
    const uint64_t *place = mri_due_queue_find(&set->index, ordinal);
    if (place == NULL) {
        return;
    }
    struct mri_undecided *signal = &set->places[*place];
    set->of_symbol[signal->symbol]--;
    set->count--;
    signal->ordinal = 0;
    mri_due_queue_remove(&set->index, ordinal);
    if (set->used >= CAPACITY_FIRST && set->count < set->used / 2) {
        compact(set);
    }
}

const struct mri_undecided *mri_undecided_next(const struct mri_undecided_set *set, uint32_t *place)
{
    while (*place < set->used) {
        const struct mri_undecided *signal = &set->places[(*place)++];
        if (signal->ordinal != 0) {
            return signal;
        }
    }
    return NULL;
}

int64_t mri_undecided_first_expiry_unix_ns(const struct mri_undecided_set *set)
{
    int64_t due;
    (void)mri_due_queue_first(&set->index, &due);
    return due;
}
