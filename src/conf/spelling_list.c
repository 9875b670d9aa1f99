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

#include "conf/entry.h"

enum { SPELLING, SYMBOL, LABEL_BYTES = 32 };

static const struct mri_slice no_key = {NULL, 0};

static void read_value(struct mri_reading *reading, void *item, int key)
{
    struct mri_spelling *spelling = item;
    struct mri_slice text = reading->text;
    struct mri_found found = mri_reading_found(reading);
    struct mri_spelling probe = {.spelling = "X", .symbol = "X"};
    char *name = key == SPELLING ? spelling->spelling : spelling->symbol;
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

static void read_entry(struct mri_reading *reading, struct mri_config *config, uint32_t index)
{
    static const struct mri_entry_kind kind = {
        MRI_SPELLING_LIST_KEY, {[SPELLING] = "spelling", [SYMBOL] = "symbol"}, read_value};
    static const struct mri_reading_list list = {"spellings", "spelling", MRI_CONFIG_SPELLINGS_MAX};
    struct mri_spelling spelling = {0};
    struct mri_place place = reading->place;
    if (mri_entry_read(reading, &kind, index, &spelling)) {
        mr_err err = mri_config_add_spelling(
            config, &spelling, (struct mri_config_place){place.line, place.column});
        mri_reading_added(reading, place, err, &list, spelling.spelling);
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
