/* SPDX-License-Identifier: MIT */
/*
 * The effective configuration: defaults, checks across settings, and its text.
 *
 * Invariants
 *  1. Settings come from MRI_CONFIG_MAP alone; nothing here names one, but the checks.
 *  2. Numbers are written so that reading them gives the same bits, and do not depend on the
 *     locale.
 *  3. The text of any configuration that passes the check fits MRI_CONFIG_TEXT_BYTES_MAX.
 *
 * Not here: reading the text (src/conf/).
 */
#include "pipeline/config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/problem.h"

/* ---- the table ------------------------------------------------------------------------------- */

#define CHOICE_WORD(name, value, text) {value, text, NULL},
#define CHOICE_WORDS(choice, words_map)                                                            \
    static const struct mri_word words_choice_##choice[] = {words_map(CHOICE_WORD)};
MRI_CHOICE_MAP(CHOICE_WORDS)

/* By the word that the table uses for a kind: what it is, and how many choices it has. */
enum {
#define CHOICE_KIND(choice, words_map)                                                             \
    KIND_choice_##choice = MRI_SETTING_CHOICE,                                                     \
    COUNT_choice_##choice = MRI_COUNT_OF(words_choice_##choice),
    KIND_integer = MRI_SETTING_INTEGER,
    COUNT_integer = 0,
    KIND_number = MRI_SETTING_NUMBER,
    COUNT_number = 0,
    MRI_CHOICE_MAP(CHOICE_KIND)
#undef CHOICE_KIND
};
#define words_integer NULL
#define words_number  NULL

#define SETTING(section, key, kind, default_value, low, high, unit, about)                         \
    {#section, #key, (enum mri_setting_kind)KIND_##kind, low, high, unit, about, words_##kind,     \
        COUNT_##kind, offsetof(struct mri_config, section##_##key)},
static const struct mri_setting settings[] = {MRI_CONFIG_MAP(SETTING)};
MRI_STATIC_ASSERT(MRI_COUNT_OF(settings) == MRI_CONFIG_SETTING_COUNT, "one list, counted twice");

#define MEMBER_text(key)     key
#define MEMBER_decimals(key) key
#define MEMBER_price(key)    key
#define MEMBER_quantity(key) key
#define MEMBER_integer(key)  key
#define MEMBER_money(key)    key##_e8
#define INSTRUMENT_KEY(key, kind, about)                                                           \
    {#key, MRI_INSTRUMENT_KEY_##kind, about,                                                       \
        offsetof(struct mri_instrument_spec, MEMBER_##kind(key))},
static const struct mri_instrument_key instrument_keys[] = {
    MRI_CONFIG_INSTRUMENT_MAP(INSTRUMENT_KEY)};

/* The longest entry: 4 names, 2 decimals, 5 numbers, each behind four spaces, key, ": ". */
enum {
/* NOLINTNEXTLINE(bugprone-macro-parentheses): it is a term of a sum */
#define KEY_BYTES(key, kind, about) +(sizeof("    " #key ": \n") - 1)
    ENTRY_BYTES_MAX = 0 MRI_CONFIG_INSTRUMENT_MAP(KEY_BYTES) + 4 * (MRI_SYMBOL_BYTES_MAX + 2) +
                      2 * 2 + 5 * MRI_FIXED_TEXT_BYTES,
#undef KEY_BYTES
    SETTINGS_BYTES_MAX = 16 * 1024,
    /* Two lines with their quotes, each byte of a name perhaps behind a backslash. */
    ROUTE_BYTES_MAX = 64 + 2 * (MRI_INTERN_BYTES_MAX + MRI_ROUTE_TEXT_BYTES),
};
MRI_STATIC_ASSERT(SETTINGS_BYTES_MAX + MRI_CONFIG_INSTRUMENTS_MAX * ENTRY_BYTES_MAX +
                          MRI_CONFIG_ROUTES_MAX * ROUTE_BYTES_MAX <=
                      MRI_CONFIG_TEXT_BYTES_MAX,
    "the text of every configuration fits");

const struct mri_setting *mri_config_settings(size_t *ret_count)
{
    *ret_count = MRI_COUNT_OF(settings);
    return settings;
}

const struct mri_instrument_key *mri_config_instrument_keys(void)
{
    return instrument_keys;
}

/* ---- defaults -------------------------------------------------------------------------------- */

#define LISTED(coin, price_places, lot_places, step)                                               \
    {                                                                                              \
        .symbol = #coin "USDT", .venue = "binance", .native_name = #coin "USDT",                   \
        .quote_currency = "USDT", .price_decimals = (price_places),                                \
        .quantity_decimals = (lot_places), .tick = 1, .lot = (step), .quantity_min = (step),       \
        .notional_min_e8 = 500000000, .multiplier = 1                                              \
    }

/* Decimals that hold the exchange's 1-minute candles of 2021 to 2025 exactly; all that lot_places
 * decimals hold is a whole number of lots. */
static const struct mri_instrument_spec catalogue[] = {
    LISTED(BTC, 2, 3, 1),
    LISTED(ETH, 2, 3, 1),
    LISTED(SOL, 3, 2, 1),
    LISTED(BNB, 2, 2, 1),
    LISTED(XRP, 5, 1, 1),
    LISTED(ADA, 5, 0, 1),
    LISTED(LTC, 2, 3, 1),
    LISTED(DOGE, 7, 0, 1),
    LISTED(SUI, 4, 1, 1),
    LISTED(AVAX, 3, 1, 1),
    LISTED(LINK, 4, 2, 1),
    LISTED(MATIC, 5, 0, 1),
    LISTED(TRX, 5, 0, 1),
    LISTED(EOS, 4, 1, 1),
    LISTED(BCH, 2, 3, 1),
    LISTED(DOT, 4, 1, 1),
};

void mri_config_init(struct mri_config *config, const struct mri_alloc *alloc)
{
    *config = (struct mri_config){
#define DEFAULT(section, key, kind, default_value, low, high, unit, about)                         \
    .section##_##key = (default_value),
        MRI_CONFIG_MAP(DEFAULT)
#undef DEFAULT
            .alloc = alloc,
    };
}

mr_err mri_config_default(struct mri_config *config, const struct mri_alloc *alloc)
{
    mri_config_init(config, alloc);
    mr_err err = MR_OK;
    for (size_t i = 0; i < MRI_COUNT_OF(catalogue) && err == MR_OK; i++) {
        err = mri_config_add_instrument(config, &catalogue[i]);
    }
    if (err != MR_OK) {
        mri_config_fini(config);
    }
    return err;
}

void mri_config_fini(struct mri_config *config)
{
    if (config != NULL && config->alloc != NULL) {
        mri_alloc_free(config->alloc, config->instruments,
            config->instrument_capacity * sizeof(*config->instruments));
        mri_alloc_free(
            config->alloc, config->routes, config->route_count * sizeof(*config->routes));
        mri_alloc_free(
            config->alloc, config->spellings, config->spelling_count * sizeof(*config->spellings));
        mri_alloc_free(config->alloc, config->spelling_places,
            MRI_CONFIG_SPELLINGS_MAX * sizeof(*config->spelling_places));
        *config = (struct mri_config){0};
    }
}

static mr_err make_room(struct mri_config *config)
{
    if (config->instrument_count < config->instrument_capacity) {
        return MR_OK;
    }
    uint32_t capacity = config->instrument_capacity == 0 ? 16 : 2 * config->instrument_capacity;
    void *block = config->instruments;
    mr_err err = mri_alloc_resize(config->alloc, &block,
        config->instrument_capacity * sizeof(*config->instruments),
        capacity * sizeof(*config->instruments));
    if (err == MR_OK) {
        config->instruments = block;
        config->instrument_capacity = capacity;
    }
    return err;
}

mr_err mri_config_add_instrument(struct mri_config *config, const struct mri_instrument_spec *spec)
{
    MRI_ASSERT(mri_instrument_check(spec, NULL) == MR_OK);
    for (uint32_t i = 0; i < config->instrument_count; i++) {
        if (mri_symbol_is_same(
                mri_slice_of(config->instruments[i].symbol), mri_slice_of(spec->symbol))) {
            return MR_EXISTS;
        }
    }
    if (config->instrument_count == MRI_CONFIG_INSTRUMENTS_MAX) {
        return MR_FULL;
    }
    mr_err err = make_room(config);
    if (err == MR_OK) {
        config->instruments[config->instrument_count++] = *spec;
    }
    return err;
}

mr_err mri_config_add_route(struct mri_config *config, const struct mri_route *route)
{
    const struct mri_routes routes = mri_config_routes(config);
    MRI_ASSERT(mri_route_is_name(mri_slice_of(route->source)));
    if (mri_routes_find(&routes, mri_slice_of(route->source)) != NULL) {
        return MR_EXISTS;
    }
    if (config->route_count == MRI_CONFIG_ROUTES_MAX) {
        return MR_FULL;
    }
    void *block = config->routes;
    mr_err err =
        mri_alloc_resize(config->alloc, &block, config->route_count * sizeof(*config->routes),
            (config->route_count + 1) * sizeof(*config->routes));
    if (err == MR_OK) {
        config->routes = block;
        config->routes[config->route_count++] = *route;
    }
    return err;
}

const char *mri_config_symbol(const struct mri_config *config, const char *name)
{
    struct mri_slice text = mri_slice_of(name);
    for (uint32_t i = 0; i < config->instrument_count; i++) {
        if (mri_symbol_is_same(mri_slice_of(config->instruments[i].symbol), text)) {
            return config->instruments[i].symbol;
        }
    }
    for (uint32_t i = 0; i < config->spelling_count; i++) {
        if (mri_symbol_is_same(mri_slice_of(config->spellings[i].spelling), text)) {
            return config->spellings[i].symbol;
        }
    }
    return NULL;
}

mr_err mri_config_add_spelling(
    struct mri_config *config, const struct mri_spelling *spelling, struct mri_config_place place)
{
    MRI_ASSERT(mri_instruments_is_spelling(spelling));
    for (uint32_t i = 0; i < config->spelling_count; i++) {
        if (mri_symbol_is_same(
                mri_slice_of(config->spellings[i].spelling), mri_slice_of(spelling->spelling))) {
            return MR_EXISTS;
        }
    }
    if (config->spelling_count == MRI_CONFIG_SPELLINGS_MAX) {
        return MR_FULL;
    }
    if (config->spelling_places == NULL) {
        void *places;
        mr_err made = mri_alloc_array(
            config->alloc, MRI_CONFIG_SPELLINGS_MAX, sizeof(*config->spelling_places), &places);
        if (made != MR_OK) {
            return made;
        }
        config->spelling_places = places;
    }
    void *block = config->spellings;
    mr_err err =
        mri_alloc_resize(config->alloc, &block, config->spelling_count * sizeof(*config->spellings),
            (config->spelling_count + 1) * sizeof(*config->spellings));
    if (err == MR_OK) {
        config->spellings = block;
        config->spelling_places[config->spelling_count] = place;
        config->spellings[config->spelling_count++] = *spelling;
    }
    return err;
}

struct mri_routes mri_config_routes(const struct mri_config *config)
{
    return (struct mri_routes){config->routes, config->route_count};
}

/* ---- checks ---------------------------------------------------------------------------------- */

static bool is_power_of_two(int64_t n)
{
    return n > 0 && (n & (n - 1)) == 0;
}

mr_err mri_config_check(const struct mri_config *config, mr_problem *reterr_problem)
{
    double sum =
        config->learn_mixture_coin + config->learn_mixture_platt + config->learn_mixture_pool;
    if (!(sum > 1 - 1e-9 && sum < 1 + 1e-9)) {
        return mri_problem(reterr_problem, MR_REFUSED,
            "learn.mixture_coin: expected 1 as the sum with mixture_platt and mixture_pool, "
            "found %.15g",
            sum);
    }
    if (!is_power_of_two(config->log_segment)) {
        return mri_problem(reterr_problem, MR_REFUSED,
            "log.segment: expected a power of two (MiB), found %lld",
            (long long)config->log_segment);
    }
    if (!is_power_of_two(config->limits_table_signals)) {
        return mri_problem(reterr_problem, MR_REFUSED,
            "limits.table_signals: expected a power of two, found %lld",
            (long long)config->limits_table_signals);
    }
    if (config->instrument_count > config->limits_symbols_max) {
        return mri_problem(reterr_problem, MR_REFUSED,
            "limits.symbols_max: expected at least the %u instruments listed, found %lld",
            config->instrument_count, (long long)config->limits_symbols_max);
    }
    if (config->synthetic_symbols > config->limits_symbols_max) {
        return mri_problem(reterr_problem, MR_REFUSED,
            "synthetic.symbols: expected at most limits.symbols_max, %lld, found %lld",
            (long long)config->limits_symbols_max, (long long)config->synthetic_symbols);
    }
    return MR_OK;
}

/* ---- text ------------------------------------------------------------------------------------ */

enum { NUMBER_TEXT_BYTES = 40 };

/** Whatever the locale writes between the digits becomes one point. */
static void put_with_point(struct mri_buf *buf, const char *text)
{
    bool is_point_put = false;
    for (const char *at = text; *at != '\0'; at++) {
        bool is_plain = (*at >= '0' && *at <= '9') || *at == '-' || *at == '+' || *at == 'e';
        if (is_plain) {
            mri_buf_put(buf, at, 1);
        } else if (!is_point_put) {
            mri_buf_text(buf, ".");
            is_point_put = true;
        }
    }
}

/** The shortest text that reads back as the same double. */
static void put_number(struct mri_buf *buf, double number)
{
    char text[NUMBER_TEXT_BYTES];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    put_with_point(buf, text);
}

void mri_config_put_value(
    const struct mri_config *config, const struct mri_setting *setting, struct mri_buf *buf)
{
    const void *member = (const char *)config + setting->offset;
    if (setting->kind == MRI_SETTING_NUMBER) {
        put_number(buf, *(const double *)member);
        return;
    }
    int64_t value = *(const int64_t *)member;
    if (setting->kind == MRI_SETTING_INTEGER) {
        mri_buf_printf(buf, "%lld", (long long)value);
        return;
    }
    const char *text = NULL;
    for (size_t i = 0; i < setting->choice_count; i++) {
        text = setting->choices[i].value == value ? setting->choices[i].text : text;
    }
    MRI_ASSERT(text != NULL); /* a choice has one of its values */
    mri_buf_text(buf, text);
}

void mri_config_put_range(const struct mri_setting *setting, struct mri_buf *buf)
{
    for (size_t i = 0; i < setting->choice_count; i++) {
        bool is_last = i + 1 == setting->choice_count;
        mri_buf_printf(buf, "%s%s",
            i == 0    ? ""
            : is_last ? " or "
                      : ", ",
            setting->choices[i].text);
    }
    if (setting->kind == MRI_SETTING_CHOICE) {
        return;
    }
    mri_buf_text(buf, setting->kind == MRI_SETTING_INTEGER ? "an integer from " : "a number from ");
    put_number(buf, setting->low);
    mri_buf_text(buf, " to ");
    put_number(buf, setting->high);
    if (setting->unit[0] != '\0') {
        mri_buf_printf(buf, " (%s)", setting->unit);
    }
}

static void print_setting(
    const struct mri_config *config, const struct mri_setting *setting, struct mri_buf *buf)
{
    mri_buf_printf(buf, "  # %s: ", setting->about);
    mri_config_put_range(setting, buf);
    mri_buf_printf(buf, "\n  %s: ", setting->key);
    mri_config_put_value(config, setting, buf);
    mri_buf_text(buf, "\n");
}

/** Names that begin with '-' or '.' could be taken for YAML's own signs: they get quotes. */
static void put_name(struct mri_buf *buf, const char *name)
{
    bool is_plain = (name[0] >= '0' && name[0] <= '9') || (name[0] >= 'A' && name[0] <= 'Z') ||
                    (name[0] >= 'a' && name[0] <= 'z');
    mri_buf_printf(buf, is_plain ? "%s" : "\"%s\"", name);
}

static void print_member(const struct mri_instrument_spec *spec,
    const struct mri_instrument_key *key, struct mri_buf *buf)
{
    const void *member = (const char *)spec + key->offset;
    char text[MRI_FIXED_TEXT_BYTES];
    unsigned decimals = 0;
    switch (key->kind) {
    case MRI_INSTRUMENT_KEY_text:
        put_name(buf, member);
        return;
    case MRI_INSTRUMENT_KEY_decimals:
        mri_buf_printf(buf, "%u", *(const uint32_t *)member);
        return;
    case MRI_INSTRUMENT_KEY_price:
        decimals = spec->price_decimals;
        break;
    case MRI_INSTRUMENT_KEY_quantity:
        decimals = spec->quantity_decimals;
        break;
    case MRI_INSTRUMENT_KEY_money:
        decimals = MRI_MONEY_DECIMALS;
        break;
    case MRI_INSTRUMENT_KEY_integer:
        break;
    }
    mri_buf_text(buf, mri_fixed_format(*(const int64_t *)member, decimals, text));
}

static void print_instruments(const struct mri_config *config, struct mri_buf *buf)
{
    mri_buf_text(buf, "\n# One entry a symbol, with\n");
    for (size_t i = 0; i < MRI_COUNT_OF(instrument_keys); i++) {
        mri_buf_printf(buf, "#   %s: %s\n", instrument_keys[i].key, instrument_keys[i].about);
    }
    mri_buf_text(buf, config->instrument_count == 0 ? "instruments: []\n" : "instruments:\n");
    for (uint32_t i = 0; i < config->instrument_count; i++) {
        for (size_t k = 0; k < MRI_COUNT_OF(instrument_keys); k++) {
            mri_buf_printf(buf, "%s%s: ", k == 0 ? "  - " : "    ", instrument_keys[k].key);
            print_member(&config->instruments[i], &instrument_keys[k], buf);
            mri_buf_text(buf, "\n");
        }
    }
}

/** In double quotes, as YAML reads them. */
static void put_quoted(struct mri_buf *buf, const char *text)
{
    mri_buf_text(buf, "\"");
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            mri_buf_text(buf, "\\");
        }
        mri_buf_put(buf, at, 1);
    }
    mri_buf_text(buf, "\"");
}

static void print_routes(const struct mri_config *config, struct mri_buf *buf)
{
    mri_buf_text(buf,
        "\n# Sources on whose signals the pipeline does not decide alone, with\n"
        "#   source: who emits\n"
        "#   route: internal, external:NAME (a worker of that name claims and decides) or\n"
        "#     advisory (the owner decides, the pipeline says beside him what it would do)\n");
    mri_buf_text(buf, config->route_count == 0 ? "routes: []\n" : "routes:\n");
    for (uint32_t i = 0; i < config->route_count; i++) {
        char text[MRI_ROUTE_TEXT_BYTES];
        mri_buf_text(buf, "  - source: ");
        put_quoted(buf, config->routes[i].source);
        mri_buf_text(buf, "\n    route: ");
        put_quoted(buf, mri_route_format(&config->routes[i], text));
        mri_buf_text(buf, "\n");
    }
}

/** Without any nothing is printed: a text of before is the same text. */
static void print_spellings(const struct mri_config *config, struct mri_buf *buf)
{
    if (config->spelling_count > 0) {
        mri_buf_text(buf, "\n# Other names of symbols.\nspellings:\n");
    }
    for (uint32_t i = 0; i < config->spelling_count; i++) {
        mri_buf_text(buf, "  - spelling: ");
        put_quoted(buf, config->spellings[i].spelling);
        mri_buf_text(buf, "\n    symbol: ");
        put_quoted(buf, config->spellings[i].symbol);
        mri_buf_text(buf, "\n");
    }
}

void mri_config_print(const struct mri_config *config, struct mri_buf *buf)
{
    mri_buf_text(buf, "# Configuration of millrace. Every key must be there.\n");
    const char *section = "";
    for (size_t i = 0; i < MRI_COUNT_OF(settings); i++) {
        if (strcmp(settings[i].section, section) != 0) {
            section = settings[i].section;
            mri_buf_printf(buf, "\n%s:\n", section);
        }
        print_setting(config, &settings[i], buf);
    }
    print_routes(config, buf);
    print_instruments(config, buf);
    print_spellings(config, buf);
}
