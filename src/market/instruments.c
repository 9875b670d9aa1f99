/* SPDX-License-Identifier: MIT */
/*
 * The registry of symbols and instruments.
 *
 * Invariants
 *  1. specs[0..count) are usable or provisional, and no two of them spell the same symbol.
 *  2. keys[0..count) are their names in order, so that one is found by halving.
 *  3. spellings[0..spelling_count) are in order likewise; what is registered goes before them.
 *  4. The number of an instrument is its place in the log's order of registration, so a rebuilt
 *     registry is the kept one.
 *
 * A registration that contradicts what came before is damage: nothing is taken from it.
 */
#include "market/instruments.h"

#include <string.h>

#include "base/problem.h"

static bool is_letter_or_digit(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_separator(char c)
{
    return c == '-' || c == '_' || c == '/';
}

static bool is_name_good(const char name[static MRI_INSTRUMENT_TEXT_BYTES])
{
    bool has_letter_or_digit = false;
    size_t i = 0;
    for (; i < MRI_INSTRUMENT_TEXT_BYTES && name[i] != '\0'; i++) {
        bool is_word = is_letter_or_digit(name[i]);
        if (!is_word && !is_separator(name[i]) && name[i] != '.') {
            return false;
        }
        has_letter_or_digit = has_letter_or_digit || is_word;
    }
    return has_letter_or_digit && i < MRI_INSTRUMENT_TEXT_BYTES;
}

static mr_err refuse_name(const char *key, const char *name, mr_problem *problem)
{
    return mri_problem(problem, MR_REFUSED,
        "%s: expected 1 to %d letters, digits, '-', '_', '.' or '/', at least one of them a letter "
        "or digit, found \"%.*s\"",
        key, MRI_SYMBOL_BYTES_MAX, MRI_SYMBOL_BYTES_MAX, name);
}

static mr_err check_names(const struct mri_instrument_spec *spec, mr_problem *problem)
{
    const struct {
        const char *key;
        const char *name;
    } names[] = {
        {"symbol", spec->symbol},
        {"venue", spec->venue},
        {"native_name", spec->native_name},
        {"quote_currency", spec->quote_currency},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(names); i++) {
        if (!is_name_good(names[i].name)) {
            return refuse_name(names[i].key, names[i].name, problem);
        }
    }
    return MR_OK;
}

static mr_err check_numbers(const struct mri_instrument_spec *spec, mr_problem *problem)
{
    if (spec->price_decimals > MRI_FIXED_DECIMALS_MAX ||
        spec->quantity_decimals > MRI_FIXED_DECIMALS_MAX) {
        return mri_problem(problem, MR_REFUSED,
            "price_decimals and quantity_decimals: expected 0 to %d, found %u and %u",
            MRI_FIXED_DECIMALS_MAX, spec->price_decimals, spec->quantity_decimals);
    }
    if (spec->tick <= 0 || spec->lot <= 0) {
        return mri_problem(problem, MR_REFUSED, "%s: expected a step above zero",
            spec->tick <= 0 ? "tick" : "lot");
    }
    if (spec->quantity_min <= 0 || spec->quantity_min % spec->lot != 0) {
        char text[2][MRI_FIXED_TEXT_BYTES];
        return mri_problem(problem, MR_REFUSED,
            "quantity_min: expected a multiple of the lot %s above zero, found %s",
            mri_fixed_format(spec->lot, spec->quantity_decimals, text[0]),
            mri_fixed_format(spec->quantity_min, spec->quantity_decimals, text[1]));
    }
    if (spec->notional_min_e8 < 0) {
        return mri_problem(problem, MR_REFUSED, "notional_min: expected zero or more");
    }
    if (spec->multiplier <= 0) {
        return mri_problem(problem, MR_REFUSED, "multiplier: expected 1 or more, found %lld",
            (long long)spec->multiplier);
    }
    return MR_OK;
}

/** Nothing but a name. */
static mr_err check_provisional(const struct mri_instrument_spec *spec, mr_problem *problem)
{
    struct mri_instrument_spec bare = {.is_provisional = 1};
    memcpy(bare.symbol, spec->symbol, sizeof(bare.symbol));
    if (spec->is_provisional != 1 || memcmp(&bare, spec, sizeof(bare)) != 0) {
        return mri_problem(problem, MR_REFUSED, "%.*s: a provisional symbol has nothing but a name",
            MRI_SYMBOL_BYTES_MAX, spec->symbol);
    }
    return is_name_good(spec->symbol) ? MR_OK : refuse_name("symbol", spec->symbol, problem);
}

mr_err mri_instrument_provisional(
    struct mri_slice name, struct mri_instrument_spec *ret_spec, mr_problem *reterr_problem)
{
    struct mri_instrument_spec spec = {.is_provisional = 1};
    size_t count = name.count < sizeof(spec.symbol) ? name.count : sizeof(spec.symbol);
    if (count > 0) {
        memcpy(spec.symbol, name.bytes, count);
    }
    bool is_whole = memchr(spec.symbol, '\0', count) == NULL && count < sizeof(spec.symbol);
    if (!is_whole || !is_name_good(spec.symbol)) {
        return refuse_name("symbol", spec.symbol, reterr_problem);
    }
    *ret_spec = spec;
    return MR_OK;
}

mr_err mri_instrument_check(const struct mri_instrument_spec *spec, mr_problem *reterr_problem)
{
    if (spec->is_provisional != 0) {
        return check_provisional(spec, reterr_problem);
    }
    mr_err err = check_names(spec, reterr_problem);
    return err == MR_OK ? check_numbers(spec, reterr_problem) : err;
}

bool mri_instrument_equal(const struct mri_instrument_spec *a, const struct mri_instrument_spec *b)
{
    bool is_named_alike = strcmp(a->symbol, b->symbol) == 0 && strcmp(a->venue, b->venue) == 0 &&
                          strcmp(a->native_name, b->native_name) == 0 &&
                          strcmp(a->quote_currency, b->quote_currency) == 0;
    return is_named_alike && a->price_decimals == b->price_decimals &&
           a->quantity_decimals == b->quantity_decimals && a->tick == b->tick && a->lot == b->lot &&
           a->quantity_min == b->quantity_min && a->notional_min_e8 == b->notional_min_e8 &&
           a->multiplier == b->multiplier && a->is_provisional == b->is_provisional;
}

struct mri_instrument_spec mri_instrument_spelled(
    const struct mri_instrument_spec *spec, const char symbol[static MRI_INSTRUMENT_TEXT_BYTES])
{
    struct mri_instrument_spec own = *spec;
    memcpy(own.symbol, symbol, sizeof(own.symbol));
    return own;
}

mr_err mri_instruments_init(
    struct mri_instruments *instruments, const struct mri_alloc *alloc, uint32_t count_max)
{
    void *specs;
    void *keys;
    mr_err err = mri_alloc_array(alloc, count_max, sizeof(struct mri_instrument_spec), &specs);
    if (err != MR_OK) {
        return err;
    }
    err = mri_alloc_array(alloc, count_max, sizeof(struct mri_symbol_key), &keys);
    if (err != MR_OK) {
        mri_alloc_free(alloc, specs, count_max * sizeof(struct mri_instrument_spec));
        return err;
    }
    *instruments = (struct mri_instruments){
        .alloc = alloc, .specs = specs, .keys = keys, .count_max = count_max};
    return MR_OK;
}

void mri_instruments_fini(struct mri_instruments *instruments)
{
    if (instruments != NULL && instruments->alloc != NULL) {
        mri_alloc_free(instruments->alloc, instruments->specs,
            instruments->count_max * sizeof(*instruments->specs));
        mri_alloc_free(instruments->alloc, instruments->keys,
            instruments->count_max * sizeof(*instruments->keys));
        mri_alloc_free(instruments->alloc, instruments->spellings,
            instruments->spelling_count * sizeof(*instruments->spellings));
        *instruments = (struct mri_instruments){0};
    }
}

mr_err mri_instrument_draft(
    struct mri_batch *batch, const struct mri_instrument_spec *spec, uint32_t number)
{
    MRI_ASSERT(mri_instrument_check(spec, NULL) == MR_OK);
    const struct mri_instrument fixed = {
        .tick = spec->tick,
        .lot = spec->lot,
        .quantity_min = spec->quantity_min,
        .notional_min_e8 = spec->notional_min_e8,
        .multiplier = spec->multiplier,
        .symbol = number,
        .instrument = number,
        .price_decimals = (uint8_t)spec->price_decimals,
        .quantity_decimals = (uint8_t)spec->quantity_decimals,
        .flags = spec->is_provisional != 0 ? MRI_IS_PROVISIONAL : 0,
    };
    struct mri_draft draft = {.type = MRI_EVENT_INSTRUMENT, .fixed = &fixed};
    draft.texts[MRI_TEXT_instrument_symbol_name] = mri_slice_of(spec->symbol);
    draft.texts[MRI_TEXT_instrument_venue] = mri_slice_of(spec->venue);
    draft.texts[MRI_TEXT_instrument_native_name] = mri_slice_of(spec->native_name);
    draft.texts[MRI_TEXT_instrument_quote_currency] = mri_slice_of(spec->quote_currency);
    return mri_batch_add(batch, &draft, 0);
}

/** Copy a text of the event; false when it cannot be a name. `name` is zeroed. */
static bool copy_name(
    const struct mri_event *event, unsigned text, char name[static MRI_INSTRUMENT_TEXT_BYTES])
{
    struct mri_slice slice = mri_event_text(event, text);
    if (slice.count >= MRI_INSTRUMENT_TEXT_BYTES ||
        memchr(slice.bytes, '\0', slice.count) != NULL) {
        return false;
    }
    if (slice.count > 0) {
        memcpy(name, slice.bytes, slice.count);
    }
    return true;
}

static mr_err spec_of(const struct mri_event *event, struct mri_instrument_spec *ret_spec)
{
    const struct mri_instrument *body = event->body;
    struct mri_instrument_spec spec = {
        .price_decimals = body->price_decimals,
        .quantity_decimals = body->quantity_decimals,
        .tick = body->tick,
        .lot = body->lot,
        .quantity_min = body->quantity_min,
        .notional_min_e8 = body->notional_min_e8,
        .multiplier = body->multiplier,
        .is_provisional = (body->flags & MRI_IS_PROVISIONAL) != 0,
    };
    bool are_names = copy_name(event, MRI_TEXT_instrument_symbol_name, spec.symbol) &&
                     copy_name(event, MRI_TEXT_instrument_venue, spec.venue) &&
                     copy_name(event, MRI_TEXT_instrument_native_name, spec.native_name) &&
                     copy_name(event, MRI_TEXT_instrument_quote_currency, spec.quote_currency);
    bool is_known_flag = (body->flags & ~MRI_IS_PROVISIONAL) == 0;
    if (!are_names || !is_known_flag || mri_instrument_check(&spec, NULL) != MR_OK) {
        return MR_ECORRUPT;
    }
    *ret_spec = spec;
    return MR_OK;
}

/** A provisional symbol gets its instrument; ids hold its name, which stays as it is. */
static bool is_promotion(
    const struct mri_instrument_spec *known, const struct mri_instrument_spec *spec)
{
    return known->is_provisional != 0 && spec->is_provisional == 0 &&
           strcmp(known->symbol, spec->symbol) == 0;
}

enum { NAME_END = -1 };

/** The next character that counts, in upper case; NAME_END behind the last. *at moves behind it. */
static int next_letter(struct mri_slice name, size_t *at)
{
    while (*at < name.count && is_separator(name.bytes[*at])) {
        (*at)++;
    }
    if (*at == name.count) {
        return NAME_END;
    }
    unsigned char c = (unsigned char)name.bytes[(*at)++];
    return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

/** The key of a name; false: no symbol can be spelled so. */
static bool key_of(struct mri_slice name, struct mri_symbol_key *ret_key)
{
    size_t at = 0;
    *ret_key = (struct mri_symbol_key){0};
    for (size_t i = 0; i < sizeof(ret_key->text); i++) {
        int letter = next_letter(name, &at);
        if (letter == NAME_END || letter == '\0') {
            return letter == NAME_END;
        }
        ret_key->text[i] = (char)letter;
    }
    return false;
}

/** Where a key is, or would be. */
static uint32_t key_place(
    const struct mri_instruments *instruments, const struct mri_symbol_key *key, bool *ret_is_found)
{
    uint32_t low = 0;
    uint32_t high = instruments->count;
    *ret_is_found = false;
    while (low < high && !*ret_is_found) {
        uint32_t middle = low + (high - low) / 2;
        int order = memcmp(instruments->keys[middle].text, key->text, sizeof(key->text));
        low = order < 0 ? middle + 1 : low;
        high = order > 0 ? middle : high;
        if (order == 0) {
            *ret_is_found = true;
            low = middle;
        }
    }
    return low;
}

static mr_err find_key(const struct mri_instruments *instruments, const struct mri_symbol_key *key,
    uint32_t *ret_symbol)
{
    bool is_found;
    uint32_t place = key_place(instruments, key, &is_found);
    *ret_symbol = is_found ? instruments->keys[place].number : *ret_symbol;
    return is_found ? MR_OK : MR_NOT_FOUND;
}

mr_err mri_instruments_find_registered(
    const struct mri_instruments *instruments, struct mri_slice name, uint32_t *ret_symbol)
{
    struct mri_symbol_key key;
    return key_of(name, &key) ? find_key(instruments, &key, ret_symbol) : MR_NOT_FOUND;
}

/** Where the spelling of a key is, or would be. */
static uint32_t spelling_place(const struct mri_spelling *spellings, uint32_t count,
    const struct mri_symbol_key *key, bool *ret_is_found)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        bool is_below = memcmp(spellings[middle].spelling, key->text, sizeof(key->text)) < 0;
        low = is_below ? middle + 1 : low;
        high = is_below ? high : middle;
    }
    *ret_is_found =
        low < count && memcmp(spellings[low].spelling, key->text, sizeof(key->text)) == 0;
    return low;
}

mr_err mri_instruments_find(
    const struct mri_instruments *instruments, struct mri_slice name, uint32_t *ret_symbol)
{
    struct mri_symbol_key key;
    bool is_spelling;
    if (!key_of(name, &key)) {
        return MR_NOT_FOUND;
    }
    if (find_key(instruments, &key, ret_symbol) == MR_OK) {
        return MR_OK;
    }
    uint32_t place =
        spelling_place(instruments->spellings, instruments->spelling_count, &key, &is_spelling);
    if (is_spelling) {
        return mri_instruments_find_registered(
            instruments, mri_slice_of(instruments->spellings[place].symbol), ret_symbol);
    }
    bool is_found =
        instruments->elsewhere != NULL &&
        instruments->elsewhere(instruments->elsewhere_context, name, ret_symbol) == MR_OK;
    return is_found ? MR_OK : MR_NOT_FOUND;
}

bool mri_instruments_is_spelling(const struct mri_spelling *spelling)
{
    return is_name_good(spelling->spelling) && is_name_good(spelling->symbol);
}

mr_err mri_instruments_spell(
    struct mri_instruments *instruments, const struct mri_spelling *spellings, uint32_t count)
{
    void *block = NULL;
    mr_err err =
        count == 0 ? MR_OK : mri_alloc_array(instruments->alloc, count, sizeof(*spellings), &block);
    if (err != MR_OK) {
        return err;
    }
    struct mri_spelling *kept = block;
    for (uint32_t i = 0; i < count; i++) {
        struct mri_symbol_key key;
        bool is_there;
        bool is_key = key_of(mri_slice_of(spellings[i].spelling), &key);
        MRI_ASSERT(is_key && mri_instruments_is_spelling(&spellings[i]));
        uint32_t place = spelling_place(kept, i, &key, &is_there);
        MRI_ASSERT(!is_there);
        memmove(&kept[place + 1], &kept[place], (i - place) * sizeof(*kept));
        kept[place] = spellings[i];
        memcpy(kept[place].spelling, key.text, sizeof(key.text));
    }
    mri_alloc_free(instruments->alloc, instruments->spellings,
        instruments->spelling_count * sizeof(*instruments->spellings));
    instruments->spellings = kept;
    instruments->spelling_count = count;
    return MR_OK;
}

void mri_instruments_clear(struct mri_instruments *instruments)
{
    instruments->count = 0;
    instruments->provisional_count = 0;
}

mr_err mri_instruments_restore(
    struct mri_instruments *instruments, const struct mri_instrument_spec *spec)
{
    struct mri_symbol_key key;
    bool is_found;
    if (mri_instrument_check(spec, NULL) != MR_OK || !key_of(mri_slice_of(spec->symbol), &key)) {
        return MR_ECORRUPT;
    }
    uint32_t place = key_place(instruments, &key, &is_found);
    if (is_found || instruments->count == instruments->count_max) {
        return is_found ? MR_ECORRUPT : MR_FULL;
    }
    key.number = instruments->count;
    memmove(&instruments->keys[place + 1], &instruments->keys[place],
        (instruments->count - place) * sizeof(key));
    instruments->keys[place] = key;
    instruments->specs[instruments->count++] = *spec;
    instruments->provisional_count += spec->is_provisional;
    return MR_OK;
}

mr_err mri_instruments_apply(struct mri_instruments *instruments, const struct mri_event *event)
{
    if (event->type != MRI_EVENT_INSTRUMENT) {
        return MR_OK;
    }
    const struct mri_instrument *body = event->body;
    struct mri_instrument_spec spec;
    mr_err err = spec_of(event, &spec);
    if (err != MR_OK) {
        return err;
    }
    uint32_t number = instruments->count;
    if (mri_instruments_find_registered(instruments, mri_slice_of(spec.symbol), &number) == MR_OK &&
        !is_promotion(&instruments->specs[number], &spec)) {
        return MR_ECORRUPT;
    }
    if (body->instrument != number || body->symbol != number) {
        return MR_ECORRUPT;
    }
    if (number < instruments->count) {
        instruments->specs[number] = spec;
        instruments->provisional_count--;
        return MR_OK;
    }
    return mri_instruments_restore(instruments, &spec);
}

const struct mri_instrument_spec *mri_instruments_get(
    const struct mri_instruments *instruments, uint32_t number)
{
    return number < instruments->count ? &instruments->specs[number] : NULL;
}

bool mri_symbol_is_same(struct mri_slice a, struct mri_slice b)
{
    size_t a_at = 0;
    size_t b_at = 0;
    int left;
    do {
        left = next_letter(a, &a_at);
        if (left != next_letter(b, &b_at)) {
            return false;
        }
    } while (left != NAME_END);
    return true;
}

double mri_instrument_price(const struct mri_instrument_spec *spec, int64_t price)
{
    return mri_fixed_to_double(price, spec->price_decimals);
}

mr_err mri_instrument_value_e8(
    const struct mri_instrument_spec *spec, int64_t price, int64_t quantity, int64_t *ret_money_e8)
{
    int64_t units;
    mr_err err = mri_fixed_mul_div(quantity, spec->multiplier, 1, &units);
    return err == MR_OK ? mri_fixed_notional_e8(price, spec->price_decimals, units,
                              spec->quantity_decimals, ret_money_e8)
                        : err;
}

int64_t mri_instrument_quantity(const struct mri_instrument_spec *spec, double notional,
    int64_t price, int64_t *ret_notional_e8)
{
    double unit = mri_instrument_price(spec, price) * (double)spec->multiplier;
    double lots = notional / unit / mri_fixed_to_double(spec->lot, spec->quantity_decimals);
    if (!(lots >= 1.0 && lots < 9e15)) {
        return 0;
    }
    int64_t quantity;
    int64_t notional_e8;
    mr_err err = mri_fixed_mul_div((int64_t)lots, spec->lot, 1, &quantity);
    if (err == MR_OK) {
        err = mri_instrument_value_e8(spec, price, quantity, &notional_e8);
    }
    if (err != MR_OK || quantity < spec->quantity_min || notional_e8 < spec->notional_min_e8) {
        return 0;
    }
    *ret_notional_e8 = notional_e8;
    return quantity;
}

int64_t mri_instrument_round_price(
    const struct mri_instrument_spec *spec, int64_t price, int direction)
{
    MRI_ASSERT(spec->tick > 0);
    if (price <= spec->tick) {
        return spec->tick;
    }
    int64_t rest = price % spec->tick;
    int64_t below = price - rest;
    bool is_up = rest != 0 && (direction > 0 || (direction == 0 && rest >= spec->tick - rest));
    if (!is_up || below > INT64_MAX - spec->tick) {
        return below; /* also where the next tick does not fit: it is no price of this world */
    }
    return below + spec->tick;
}
