/* SPDX-License-Identifier: MIT */
/*
 * Texts in words: entries in order of their numbers, and a hash table of the numbers.
 *
 * Invariants
 *  1. Bytes of an entry behind its text are zero.
 *  2. An entry beyond `count` may hold anything, and no bucket leads to it.
 */
#include "bus/shared_texts.h"

#include <string.h>

#include "base/crc32c.h"

enum { ENTRY_WORDS = 1 + MRI_INTERN_BYTES_MAX / 8, COUNT_WORDS = 8, ALIGN_WORDS = 8 };

static uint64_t load(const uint64_t *word)
{
    return *(const volatile uint64_t *)word;
}

static void set(struct mri_hot_journal *journal, uint64_t *word, uint64_t value)
{
    if (journal != NULL) {
        mri_hot_tail_set(journal, word, value);
    } else {
        *word = value;
    }
}

static size_t whole_lines(size_t words)
{
    return (words + ALIGN_WORDS - 1) / ALIGN_WORDS * ALIGN_WORDS;
}

static uint32_t bucket_count(uint32_t count_max)
{
    return 2 * count_max;
}

size_t mri_shared_texts_words(uint32_t count_max)
{
    return COUNT_WORDS + whole_lines((size_t)count_max * ENTRY_WORDS) + bucket_count(count_max);
}

struct mri_shared_texts mri_shared_texts_at(uint64_t *words, uint32_t count_max)
{
    return (struct mri_shared_texts){
        .count = words,
        .entries = words + COUNT_WORDS,
        .buckets = words + COUNT_WORDS + whole_lines((size_t)count_max * ENTRY_WORDS),
        .count_max = count_max,
        .bucket_mask = bucket_count(count_max) - 1,
    };
}

static uint64_t *entry_at(const struct mri_shared_texts *texts, uint32_t number)
{
    return texts->entries + (size_t)number * ENTRY_WORDS;
}

static void put_entry(uint64_t *entry, struct mri_slice text)
{
    uint64_t words[ENTRY_WORDS] = {text.count};
    memcpy(&words[1], text.bytes, text.count);
    memcpy(entry, words, sizeof(words));
}

static bool is_entry(const uint64_t *entry, struct mri_slice text)
{
    return entry[0] == text.count && memcmp(&entry[1], text.bytes, text.count) == 0;
}

mr_err mri_shared_texts_add(struct mri_shared_texts *texts, struct mri_hot_journal *journal,
    struct mri_slice text, uint32_t *ret_number)
{
    if (text.count == 0 || text.count > MRI_INTERN_BYTES_MAX) {
        return MR_REFUSED;
    }
    uint32_t at = mri_crc32c(0, text.bytes, text.count) & texts->bucket_mask;
    uint32_t count = (uint32_t)*texts->count;
    for (uint32_t i = 0; i <= texts->bucket_mask && texts->buckets[at] != 0; i++) {
        uint32_t number = (uint32_t)texts->buckets[at] - 1;
        if (number < count && is_entry(entry_at(texts, number), text)) {
            *ret_number = number;
            return MR_OK;
        }
        at = (at + 1) & texts->bucket_mask;
    }
    if (count >= texts->count_max || texts->buckets[at] != 0) {
        return MR_FULL;
    }
    put_entry(entry_at(texts, count), text); /* nothing leads there yet */
    set(journal, &texts->buckets[at], (uint64_t)count + 1);
    set(journal, texts->count, (uint64_t)count + 1);
    *ret_number = count;
    return MR_OK;
}

uint32_t mri_shared_texts_count(const struct mri_shared_texts *texts)
{
    uint64_t count = load(texts->count);
    return count <= texts->count_max ? (uint32_t)count : texts->count_max;
}

size_t mri_shared_texts_copy(
    const struct mri_shared_texts *texts, uint32_t number, char ret_text[MRI_INTERN_BYTES_MAX])
{
    uint64_t words[ENTRY_WORDS];
    if (number >= texts->count_max) {
        return 0;
    }
    for (unsigned i = 0; i < ENTRY_WORDS; i++) {
        words[i] = load(entry_at(texts, number) + i);
    }
    memcpy(ret_text, &words[1], MRI_INTERN_BYTES_MAX);
    return words[0] <= MRI_INTERN_BYTES_MAX ? (size_t)words[0] : 0;
}
