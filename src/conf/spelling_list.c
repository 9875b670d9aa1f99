/* SPDX-License-Identifier: MIT */
/*
 * Reading the list of spellings.
 *
 * Invariants
 *  1. What a name is, mri_instruments_is_spelling() alone decides.
 *  2. Only an entry without a problem is added.
 */
#include "conf/spelling_list.h"

#include <stdio.h>
#include <string.h>

enum { SPELLING, SYMBOL, KEYS, LABEL_BYTES = 32 };

static const char *const key_names[KEYS] = {"spelling", "symbol"};
static const struct mri_slice no_key = {NULL, 0};

struct entry {
    char label[LABEL_BYTES];
    struct mri_place place;
    struct mri_place keys[KEYS]; /* line 0: missing */
    struct mri_spelling spelling;
};

static void read_value(struct mri_reading *reading, struct entry *entry, int key)
{
    struct mri_slice text = reading->text;
    struct mri_found found = mri_reading_found(reading);
    struct mri_spelling probe = {.spelling = "X", .symbol = "X"};
    char *name = key == SPELLING ? entry->spelling.spelling : entry->spelling.symbol;
    if (!mri_reading_expect(reading, MRI_NODE_SCALAR, "a name")) {
        return;
    }
    bool fits = text.count > 0 && text.count < sizeof(probe.spelling) &&
                memchr(text.bytes, '\0', text.count) == NULL;
    if (fits) {
        memcpy(probe.spelling, text.bytes, text.count);
    }
    if (!fits || !mri_instruments_is_spelling(&probe)) {
        mri_reading_problem(reading, reading->place,
            "expected 1 to %d letters, digits, '-', '_', '.' or '/', at least one of them a letter "
            "or digit, found %s",
            MRI_SYMBOL_BYTES_MAX, found.text);
        return;
    }
    memcpy(name, probe.spelling, sizeof(probe.spelling));
}

static void collect(struct mri_reading *reading, struct entry *entry)
{
    while (mri_reading_next_key(reading, entry->label)) {
        int key = mri_slice_is(reading->text, key_names[SPELLING]) ? SPELLING
                  : mri_slice_is(reading->text, key_names[SYMBOL]) ? SYMBOL
                                                                   : KEYS;
        if (key == KEYS) {
            mri_reading_unknown(reading, "key", key_names, KEYS);
        }
        bool is_wanted = key < KEYS && !mri_reading_is_again(reading, entry->keys[key]);
        if (is_wanted) {
            entry->keys[key] = reading->place;
        }
        (void)mri_reading_next(reading); /* its value; an end shows in the next turn */
        if (is_wanted) {
            read_value(reading, entry, key);
        } else {
            mri_reading_skip(reading);
        }
    }
}

static void add(struct mri_reading *reading, struct mri_config *config, const struct entry *entry)
{
    static const struct mri_reading_list list = {"spellings", "spelling", MRI_CONFIG_SPELLINGS_MAX};
    mri_reading_label(reading, entry->label, no_key);
    mr_err err = mri_config_add_spelling(config, &entry->spelling,
        (struct mri_config_place){entry->place.line, entry->place.column});
    mri_reading_added(reading, entry->place, err, &list, entry->spelling.spelling);
}

static void read_entry(struct mri_reading *reading, struct mri_config *config, uint32_t index)
{
    struct entry entry = {.place = reading->place};
    uint64_t problems_before = reading->problem_count;
    (void)snprintf(entry.label, sizeof(entry.label), MRI_SPELLING_LIST_KEY "[%u]", (unsigned)index);
    mri_reading_label(reading, entry.label, no_key);
    if (!mri_reading_expect(reading, MRI_NODE_MAP, "a map of keys")) {
        return;
    }
    collect(reading, &entry);
    if (reading->is_stopped) {
        return; /* keys may be missing only because the text could not be read on */
    }
    for (int key = 0; key < KEYS; key++) {
        if (entry.keys[key].line == 0) {
            mri_reading_label(reading, entry.label, mri_slice_of(key_names[key]));
            mri_reading_problem(reading, entry.place, "missing key");
        }
    }
    if (reading->problem_count == problems_before) {
        add(reading, config, &entry);
    }
}

void mri_spelling_list_read(struct mri_reading *reading, struct mri_config *config)
{
    mri_reading_list(reading, config, "a list of spellings", read_entry);
}

void mri_spelling_list_check(
    struct mri_reading *reading, const struct mri_config *config, struct mri_place place)
{
    for (uint32_t i = 0; i < config->spelling_count; i++) {
        char label[LABEL_BYTES];
        const struct mri_spelling *spelling = &config->spellings[i];
        struct mri_slice own = mri_slice_of(spelling->symbol);
        struct mri_slice other = mri_slice_of(mri_config_symbol(config, spelling->spelling));
        (void)snprintf(label, sizeof(label), MRI_SPELLING_LIST_KEY "[%u]", (unsigned)i);
        mri_reading_label(reading, label, no_key);
        if (!mri_symbol_is_same(own, other)) {
            mri_reading_problem(reading, place,
                "\"%s\" is the symbol %s, and cannot be a spelling of %s", spelling->spelling,
                other.bytes, spelling->symbol);
        }
    }
}
