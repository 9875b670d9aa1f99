/* SPDX-License-Identifier: MIT */
/*
 * Interned texts: an array in order of number, and an index of numbers by hash.
 *
 * Invariants
 *  1. entries[0..count) are distinct; the index holds each of them once and nothing else.
 *  2. There are at least twice as many buckets as texts, so probing ends.
 */
#include "base/intern.h"

#include "base/check.h"
#include "base/hash.h"

mr_err mri_intern_init(struct mri_intern *intern, const struct mri_alloc *alloc, uint32_t count_max)
{
    MRI_ASSERT(count_max > 0 && count_max <= UINT32_MAX / 4);
    uint32_t buckets = 4;
    while (buckets < 2 * count_max) {
        buckets *= 2;
    }
    struct mri_intern made = {.alloc = alloc, .count_max = count_max, .bucket_mask = buckets - 1};
    void *block;
    mr_err err = mri_alloc_array(alloc, count_max, sizeof(*made.entries), &block);
    if (err != MR_OK) {
        return err;
    }
    made.entries = block;
    err = mri_alloc_array(alloc, buckets, sizeof(*made.buckets), &block);
    if (err != MR_OK) {
        mri_intern_fini(&made);
        return err;
    }
    made.buckets = block;
    *intern = made;
    return MR_OK;
}

void mri_intern_fini(struct mri_intern *intern)
{
    if (intern != NULL && intern->alloc != NULL) {
        size_t buckets = (size_t)intern->bucket_mask + 1;
        mri_alloc_free(
            intern->alloc, intern->entries, intern->count_max * sizeof(*intern->entries));
        mri_alloc_free(intern->alloc, intern->buckets, buckets * sizeof(*intern->buckets));
        *intern = (struct mri_intern){0};
    }
}

/** The bucket that holds the text, or the empty one where it would go. */
static uint32_t bucket_of(const struct mri_intern *intern, struct mri_slice text)
{
    uint32_t at = (uint32_t)mri_hash(text.bytes, text.count) & intern->bucket_mask;
    while (intern->buckets[at] != 0) {
        if (mri_slice_equal(mri_intern_text(intern, intern->buckets[at] - 1), text)) {
            break;
        }
        at = (at + 1) & intern->bucket_mask;
    }
    return at;
}

mr_err mri_intern_find(const struct mri_intern *intern, struct mri_slice text, uint32_t *ret_number)
{
    uint32_t found = intern->buckets[bucket_of(intern, text)];
    if (found == 0) {
        return MR_NOT_FOUND;
    }
    *ret_number = found - 1;
    return MR_OK;
}

mr_err mri_intern_add(struct mri_intern *intern, struct mri_slice text, uint32_t *ret_number)
{
    if (text.count == 0 || text.count > MRI_INTERN_BYTES_MAX) {
        return MR_REFUSED;
    }
    uint32_t at = bucket_of(intern, text);
    if (intern->buckets[at] == 0) {
        if (intern->count == intern->count_max) {
            return MR_FULL;
        }
        struct mri_intern_entry *entry = &intern->entries[intern->count];
        memcpy(entry->text, text.bytes, text.count);
        entry->bytes = (uint32_t)text.count;
        intern->buckets[at] = ++intern->count;
    }
    *ret_number = intern->buckets[at] - 1;
    return MR_OK;
}

/* The newest text is at the end of its probe chain: emptying its bucket breaks no other chain. */
void mri_intern_cut(struct mri_intern *intern, uint32_t count)
{
    MRI_ASSERT(count <= intern->count);
    while (intern->count > count) {
        uint32_t at = bucket_of(intern, mri_intern_text(intern, intern->count - 1));
        MRI_ASSERT(intern->buckets[at] == intern->count);
        intern->buckets[at] = 0;
        intern->count--;
        intern->entries[intern->count] = (struct mri_intern_entry){0};
    }
}

struct mri_slice mri_intern_text(const struct mri_intern *intern, uint32_t number)
{
    MRI_ASSERT(number < intern->count);
    const struct mri_intern_entry *entry = &intern->entries[number];
    return (struct mri_slice){entry->text, entry->bytes};
}
