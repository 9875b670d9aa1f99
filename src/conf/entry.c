/* SPDX-License-Identifier: MIT */
/*
 * Reading an entry of a few names.
 *
 * Invariants
 *  1. An entry is good only when nothing was said of it.
 */
#include "conf/entry.h"

#include <stdio.h>

enum { LABEL_BYTES = 32 };

static const struct mri_slice no_key = {NULL, 0};

/** Which key it stands on; MRI_ENTRY_KEYS_MAX: none of them, which is said. */
static int find_key(struct mri_reading *reading, const struct mri_entry_kind *kind)
{
    int key = 0;
    while (key < MRI_ENTRY_KEYS_MAX && !mri_slice_is(reading->text, kind->keys[key])) {
        key++;
    }
    if (key == MRI_ENTRY_KEYS_MAX) {
        mri_reading_unknown(reading, "key", kind->keys, MRI_ENTRY_KEYS_MAX);
    }
    return key;
}

/** Read all values; says where each key stands, line 0: nowhere. */
static void collect(struct mri_reading *reading, const struct mri_entry_kind *kind,
    const char *label, void *item, struct mri_place places[static MRI_ENTRY_KEYS_MAX])
{
    while (mri_reading_next_key(reading, label)) {
        int key = find_key(reading, kind);
        bool is_wanted = key < MRI_ENTRY_KEYS_MAX && !mri_reading_is_again(reading, places[key]);
        if (is_wanted) {
            places[key] = reading->place;
        }
        (void)mri_reading_next(reading); /* its value; an end shows in the next turn */
        if (!is_wanted) {
            mri_reading_skip(reading);
        } else if (mri_reading_expect(reading, MRI_NODE_SCALAR, "a name")) {
            kind->read_value(reading, item, key);
        }
    }
}

bool mri_entry_read(
    struct mri_reading *reading, const struct mri_entry_kind *kind, uint32_t index, void *item)
{
    char label[LABEL_BYTES];
    struct mri_place places[MRI_ENTRY_KEYS_MAX] = {{0, 0}};
    struct mri_place place = reading->place;
    uint64_t problems_before = reading->problem_count;
    (void)snprintf(label, sizeof(label), "%s[%u]", kind->list, (unsigned)index);
    mri_reading_label(reading, label, no_key);
    if (!mri_reading_expect(reading, MRI_NODE_MAP, "a map of keys")) {
        return false;
    }
    collect(reading, kind, label, item, places);
    if (reading->is_stopped) {
        return false; /* keys may be missing only because the text could not be read on */
    }
    for (int key = 0; key < MRI_ENTRY_KEYS_MAX; key++) {
        if (places[key].line == 0) {
            mri_reading_label(reading, label, mri_slice_of(kind->keys[key]));
            mri_reading_problem(reading, place, "missing key");
        }
    }
    mri_reading_label(reading, label, no_key);
    return reading->problem_count == problems_before;
}
