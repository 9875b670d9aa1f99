/* SPDX-License-Identifier: MIT */
/**
 * Distinct texts with numbers, as words of a memory that many processes share: the shared form of
 * base/intern.h.
 *
 * Caveats first
 * - Texts are only added, under the log's append lock, so a number once published stays.
 * - Who reads while others write compares mri_hot_tail_version() before and after.
 */
#ifndef MRI_BUS_SHARED_TEXTS_H
#define MRI_BUS_SHARED_TEXTS_H

#include "base/intern.h"
#include "log/hot/hot_tail.h"

enum { MRI_SHARED_TEXTS_MAX = 65536 };

/** Where the parts of a table of texts are. */
struct mri_shared_texts {
    uint64_t *count;
    uint64_t *entries; /**< 9 words each: length, then the text */
    uint64_t *buckets; /**< number + 1; 0 = empty */
    uint32_t count_max;
    uint32_t bucket_mask;
};

/**
 * How many words a table of texts takes.
 *
 * @param count_max  a power of two, 8 to MRI_SHARED_TEXTS_MAX
 *
 * Returns  the number of words, a multiple of 8.
 * Threads  any.
 */
size_t mri_shared_texts_words(uint32_t count_max);

/**
 * The parts of a table; words of zeros are an empty one.
 *
 * Returns  the parts.
 * Owner    the words stay the caller's.
 * Threads  any.
 */
struct mri_shared_texts mri_shared_texts_at(uint64_t *words, uint32_t count_max);

/**
 * Find or add a text.
 *
 * @param journal  NULL: nobody looks, what is changed is not noted
 *
 * Returns  MR_OK; MR_FULL the table has count_max texts; MR_REFUSED empty or longer than
 *          MRI_INTERN_BYTES_MAX.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_shared_texts_add(struct mri_shared_texts *texts,
    struct mri_hot_journal *journal, struct mri_slice text, uint32_t *ret_number);

/**
 * How many texts there are.
 *
 * Returns  the number.
 * Threads  any; see the caveats.
 */
uint32_t mri_shared_texts_count(const struct mri_shared_texts *texts);

/**
 * Copy a text out.
 *
 * @param ret_text  room for MRI_INTERN_BYTES_MAX
 *
 * Returns  its bytes; 0: there is no such number, or it is being changed.
 * Threads  any; see the caveats.
 */
size_t mri_shared_texts_copy(
    const struct mri_shared_texts *texts, uint32_t number, char ret_text[MRI_INTERN_BYTES_MAX]);

#endif
