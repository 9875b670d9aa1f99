/* SPDX-License-Identifier: MIT */
/**
 * A bounded table of distinct texts: each gets the next number, in order of first appearance.
 */
#ifndef MRI_BASE_INTERN_H
#define MRI_BASE_INTERN_H

#include <stdint.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "millrace/err.h"

/** The longest text. */
enum { MRI_INTERN_BYTES_MAX = 64 };

struct mri_intern_entry {
    uint32_t bytes;
    char text[MRI_INTERN_BYTES_MAX + 4]; /**< with a NUL */
};

struct mri_intern {
    const struct mri_alloc *alloc;
    struct mri_intern_entry *entries; /**< in order of number */
    uint32_t *buckets;                /**< number + 1, 0 = empty; open addressing */
    uint32_t count;
    uint32_t count_max;
    uint32_t bucket_mask;
};

/**
 * Make an empty table for at most `count_max` texts.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_intern_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_intern_init(
    struct mri_intern *intern, const struct mri_alloc *alloc, uint32_t count_max);

/**
 * Free a table. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_intern_fini(struct mri_intern *intern);

/**
 * Find the number of a text.
 *
 * Returns  MR_OK; MR_NOT_FOUND.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_intern_find(
    const struct mri_intern *intern, struct mri_slice text, uint32_t *ret_number);

/**
 * Find or add a text.
 *
 * Returns  MR_OK; MR_FULL the table has count_max texts; MR_REFUSED empty or longer than
 *          MRI_INTERN_BYTES_MAX.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_intern_add(
    struct mri_intern *intern, struct mri_slice text, uint32_t *ret_number);

/**
 * Forget the newest texts, so that `count` are left: as if they had never been added.
 *
 * @param count  at most intern->count
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_intern_cut(struct mri_intern *intern, uint32_t count);

/**
 * The text of a number.
 *
 * @param number  below intern->count
 *
 * Returns  the text.
 * Owner    points into the table, as long as it lives.
 * Threads  one at a time.
 */
struct mri_slice mri_intern_text(const struct mri_intern *intern, uint32_t number);

#endif
