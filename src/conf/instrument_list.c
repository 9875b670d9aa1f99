/* SPDX-License-Identifier: MIT */
/*
 * Reading the list of instruments.
 *
 * Keys may come in any order, and a price is read in decimals that may stand behind it: the values
 * of an entry are kept as text until its end.
 *
 * Invariants
 *  1. What a usable instrument is, mri_instrument_check() alone decides; each member is put to it
 *     alone, within an otherwise good specification, so that one fault does not hide another.
 *  2. Only an entry without a problem is added.
 */
#include "conf/instrument_list.h"

#include <stdio.h>

#include "conf/scalar.h"

enum { VALUE_BYTES = 64, ENTRY_LABEL_BYTES = 32 };

/** A value as it stands in the text. */
struct value {
    char text[VALUE_BYTES];
    struct mri_place key_place; /* line 0: the key is missing */
    struct mri_place place;
    bool is_bad; /* said already */
    bool is_quoted;
    bool is_cut; /* longer than any good value */
};

struct entry {
    char label[ENTRY_LABEL_BYTES];
    struct mri_place place;
    struct value values[MRI_INSTRUMENT_KEY_COUNT];
    struct mri_instrument_spec spec;
};

/* ---- collecting ------------------------------------------------------------------------------ */

static void keep_value(struct mri_reading *reading, struct value *value)
{
    value->is_bad = !mri_reading_expect(reading, MRI_NODE_SCALAR, "a value");
    if (value->is_bad) {
        return;
    }
    size_t count = reading->text.count;
    if (count == 0 && !reading->is_quoted) {
        value->is_bad = true;
        mri_reading_problem(reading, reading->place, "expected a value, found nothing");
        return;
    }
    value->place = reading->place;
    value->is_quoted = reading->is_quoted;
    value->is_cut = count >= VALUE_BYTES || memchr(reading->text.bytes, '\0', count) != NULL;
    memcpy(value->text, reading->text.bytes, count < VALUE_BYTES ? count : VALUE_BYTES - 1);
}

/** The index of a key, or MRI_INSTRUMENT_KEY_COUNT when it is none; that is said. */
static size_t find_key(struct mri_reading *reading)
{
    const struct mri_instrument_key *keys = mri_config_instrument_keys();
    const char *names[MRI_INSTRUMENT_KEY_COUNT];
    for (size_t i = 0; i < MRI_INSTRUMENT_KEY_COUNT; i++) {
        names[i] = keys[i].key;
        if (mri_slice_is(reading->text, keys[i].key)) {
            return i;
        }
    }
    mri_reading_unknown(reading, "key", names, MRI_INSTRUMENT_KEY_COUNT);
    return MRI_INSTRUMENT_KEY_COUNT;
}

static void collect(struct mri_reading *reading, struct entry *entry)
{
    while (mri_reading_next_key(reading, entry->label)) {
        size_t index = find_key(reading);
        struct value *value =
            index < MRI_INSTRUMENT_KEY_COUNT ? &entry->values[index] : &(struct value){0};
        bool is_wanted =
            index < MRI_INSTRUMENT_KEY_COUNT && !mri_reading_is_again(reading, value->key_place);
        value->key_place = is_wanted ? reading->place : value->key_place;
        (void)mri_reading_next(reading); /* its value; an end shows in the next turn */
        if (is_wanted) {
            keep_value(reading, value);
        } else {
            mri_reading_skip(reading);
        }
    }
}

/* ---- reading members ------------------------------------------------------------------------- */

static mr_err parse_decimals(struct mri_slice text, uint32_t *ret_decimals)
{
    int64_t value;
    mr_err err = mri_scalar_integer(text, &value);
    if (err == MR_OK && (value < 0 || value > MRI_FIXED_DECIMALS_MAX)) {
        err = MR_ERANGE;
    }
    if (err == MR_OK) {
        *ret_decimals = (uint32_t)value;
    }
    return err;
}

static mr_err parse_scaled(struct mri_slice text, unsigned decimals, int64_t *ret_value)
{
    return mri_scalar_is_decimal(text) ? mri_fixed_parse(text, decimals, ret_value) : MR_REFUSED;
}

/** The decimals that a kind of number is read in. */
static unsigned decimals_of(
    enum mri_instrument_key_kind kind, const struct mri_instrument_spec *spec)
{
    return kind == MRI_INSTRUMENT_KEY_price      ? spec->price_decimals
           : kind == MRI_INSTRUMENT_KEY_quantity ? spec->quantity_decimals
           : kind == MRI_INSTRUMENT_KEY_money    ? MRI_MONEY_DECIMALS
                                                 : 0;
}

static mr_err store_name(const struct value *value, char name[static MRI_INSTRUMENT_TEXT_BYTES])
{
    size_t count = strlen(value->text);
    memset(name, 0, MRI_INSTRUMENT_TEXT_BYTES);
    if (!value->is_cut && count < MRI_INSTRUMENT_TEXT_BYTES) {
        memcpy(name, value->text, count);
    }
    return MR_OK; /* a name that did not fit is empty now, and the check refuses that */
}

/** Read a value into its member of `spec`, whose decimals have been read before. */
static mr_err store(const struct mri_instrument_key *key, const struct value *value,
    struct mri_instrument_spec *spec)
{
    struct mri_slice text = mri_slice_of(value->text);
    char *member = (char *)spec + key->offset;
    uint32_t decimals;
    int64_t number;
    mr_err err;
    if (key->kind == MRI_INSTRUMENT_KEY_text) {
        return store_name(value, member);
    }
    if (value->is_cut || value->is_quoted) {
        return MR_REFUSED; /* too long, or quotes make it a text */
    }
    if (key->kind == MRI_INSTRUMENT_KEY_decimals) {
        err = parse_decimals(text, &decimals);
        if (err == MR_OK) {
            memcpy(member, &decimals, sizeof(decimals));
        }
        return err;
    }
    err = key->kind == MRI_INSTRUMENT_KEY_integer
              ? mri_scalar_integer(text, &number)
              : parse_scaled(text, decimals_of(key->kind, spec), &number);
    if (err == MR_OK) {
        memcpy(member, &number, sizeof(number));
    }
    return err;
}

/** Say what a value should have been, when it is not even of its kind. */
static void refuse_value(struct mri_reading *reading, const struct mri_instrument_key *key,
    const struct value *value, const struct mri_instrument_spec *spec)
{
    struct mri_found found = mri_found_text(mri_slice_of(value->text), value->is_quoted);
    if (key->kind == MRI_INSTRUMENT_KEY_decimals) {
        mri_reading_problem(reading, value->place, "expected an integer from 0 to %d, found %s",
            MRI_FIXED_DECIMALS_MAX, found.text);
    } else if (key->kind == MRI_INSTRUMENT_KEY_integer) {
        mri_reading_problem(reading, value->place, "expected an integer, found %s", found.text);
    } else {
        mri_reading_problem(reading, value->place,
            "expected a number with at most %u decimals and no exponent, found %s",
            decimals_of(key->kind, spec), found.text);
    }
}

/** A good specification, with the decimals of another. */
static struct mri_instrument_spec probe_of(const struct mri_instrument_spec *spec)
{
    return (struct mri_instrument_spec){
        .symbol = "X",
        .venue = "X",
        .native_name = "X",
        .quote_currency = "X",
        .price_decimals = spec->price_decimals,
        .quantity_decimals = spec->quantity_decimals,
        .tick = 1,
        .lot = 1,
        .quantity_min = 1,
        .multiplier = 1,
    };
}

/** What a check said behind "KEY: ", without its "found ...". */
static struct mri_slice expected_of(const mr_problem *checked)
{
    const char *colon = strstr(checked->text, ": ");
    const char *begin = colon == NULL ? checked->text : colon + 2;
    const char *end = strstr(begin, ", found ");
    return (struct mri_slice){begin, end == NULL ? strlen(begin) : (size_t)(end - begin)};
}

/** Are the decimals known that this kind of number is read in? */
static bool is_readable(enum mri_instrument_key_kind kind, bool is_price_known, bool is_lot_known)
{
    return (kind != MRI_INSTRUMENT_KEY_price || is_price_known) &&
           (kind != MRI_INSTRUMENT_KEY_quantity || is_lot_known);
}

/** Read one value into the entry's specification and check it alone; false: it was refused. */
static bool read_value(struct mri_reading *reading, const struct mri_instrument_key *key,
    struct entry *entry, const struct value *value)
{
    mr_problem checked;
    if (store(key, value, &entry->spec) != MR_OK) {
        refuse_value(reading, key, value, &entry->spec);
        return false;
    }
    struct mri_instrument_spec probe = probe_of(&entry->spec);
    mr_err err = store(key, value, &probe); /* as it went into the entry's own */
    MRI_ASSERT(err == MR_OK);
    if (key->offset == offsetof(struct mri_instrument_spec, lot)) {
        probe.quantity_min = probe.lot; /* the two are checked together */
    }
    if (mri_instrument_check(&probe, &checked) == MR_OK) {
        return true;
    }
    struct mri_slice expected = expected_of(&checked);
    struct mri_found found = mri_found_text(mri_slice_of(value->text), false);
    mri_reading_problem(
        reading, value->place, "%.*s, found %s", (int)expected.count, expected.bytes, found.text);
    return false;
}

/** Read all values, in the order of the table: decimals come before what is read in them. */
static bool read_values(struct mri_reading *reading, struct entry *entry)
{
    const struct mri_instrument_key *keys = mri_config_instrument_keys();
    bool is_good = true;
    bool is_price_known = true;
    bool is_quantity_known = true;
    for (size_t i = 0; i < MRI_INSTRUMENT_KEY_COUNT; i++) {
        const struct value *value = &entry->values[i];
        bool is_read = false;
        mri_reading_label(reading, entry->label, mri_slice_of(keys[i].key));
        if (value->key_place.line == 0) {
            mri_reading_problem(reading, entry->place, "missing key (%s)", keys[i].about);
        } else if (!value->is_bad && is_readable(keys[i].kind, is_price_known, is_quantity_known)) {
            is_read = read_value(reading, &keys[i], entry, value);
        }
        if (keys[i].offset == offsetof(struct mri_instrument_spec, price_decimals)) {
            is_price_known = is_read;
        }
        if (keys[i].offset == offsetof(struct mri_instrument_spec, quantity_decimals)) {
            is_quantity_known = is_read;
        }
        is_good = is_good && is_read;
    }
    return is_good;
}

/* ---- entries --------------------------------------------------------------------------------- */

static void add(struct mri_reading *reading, struct mri_config *config, const struct entry *entry)
{
    static const struct mri_slice no_key = {NULL, 0};
    static const struct mri_reading_list list = {
        "instruments", "symbol", MRI_CONFIG_INSTRUMENTS_MAX};
    mr_problem checked;
    mri_reading_label(reading, entry->label, no_key);
    if (mri_instrument_check(&entry->spec, &checked) != MR_OK) {
        mri_reading_problem(reading, entry->place, "%s", checked.text);
        return;
    }
    mr_err err = mri_config_add_instrument(config, &entry->spec);
    mri_reading_added(reading, entry->place, err, &list, entry->spec.symbol);
}

static void read_entry(struct mri_reading *reading, struct mri_config *config, uint32_t index)
{
    static const struct mri_slice no_key = {NULL, 0};
    struct entry entry = {.place = reading->place};
    uint64_t problems_before = reading->problem_count;
    (void)snprintf(
        entry.label, sizeof(entry.label), MRI_INSTRUMENT_LIST_KEY "[%u]", (unsigned)index);
    mri_reading_label(reading, entry.label, no_key);
    if (!mri_reading_expect(reading, MRI_NODE_MAP, "a map of keys")) {
        return;
    }
    collect(reading, &entry);
    if (reading->is_stopped) {
        return; /* keys may be missing only because the text could not be read on */
    }
    bool is_good = read_values(reading, &entry);
    if (is_good && reading->problem_count == problems_before) {
        add(reading, config, &entry);
    }
}

void mri_instrument_list_read(struct mri_reading *reading, struct mri_config *config)
{
    mri_reading_list(reading, config, "a list of instruments", read_entry);
}
