/* SPDX-License-Identifier: MIT */
/*
 * Configurations as YAML: what is printed is read back, and everything wrong is said with its
 * place.
 */
#include "conf/yaml.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"
#include "tests/lib/temp_folder.h"
#include "tests/lib/yaml_sample.h"

/* ---- round trip ------------------------------------------------------------------------------ */

static void assert_equal_configs(const struct mri_config *a, const struct mri_config *b)
{
    size_t count;
    const struct mri_setting *settings = mri_config_settings(&count);
    for (size_t i = 0; i < count; i++) { /* every member has 8 bytes and no padding */
        assert_memory_equal(
            (const char *)a + settings[i].offset, (const char *)b + settings[i].offset, 8);
    }
    assert_int_equal(a->instrument_count, b->instrument_count);
    for (uint32_t i = 0; i < a->instrument_count; i++) {
        const struct mri_instrument_spec *x = &a->instruments[i];
        const struct mri_instrument_spec *y = &b->instruments[i];
        assert_string_equal(x->symbol, y->symbol);
        assert_string_equal(x->venue, y->venue);
        assert_string_equal(x->native_name, y->native_name);
        assert_string_equal(x->quote_currency, y->quote_currency);
        assert_int_equal(x->price_decimals, y->price_decimals);
        assert_int_equal(x->quantity_decimals, y->quantity_decimals);
        assert_true(x->tick == y->tick && x->lot == y->lot);
        assert_true(x->quantity_min == y->quantity_min && x->multiplier == y->multiplier);
        assert_true(x->notional_min_e8 == y->notional_min_e8);
    }
    assert_int_equal(a->route_count, b->route_count);
    for (uint32_t i = 0; i < a->route_count; i++) {
        assert_string_equal(a->routes[i].source, b->routes[i].source);
        assert_string_equal(a->routes[i].worker, b->routes[i].worker);
        assert_int_equal(a->routes[i].kind, b->routes[i].kind);
    }
}

static void assert_round_trip(const struct mri_config *config)
{
    struct mri_buf buf;
    struct mri_config again;
    mri_buf_init(&buf, mri_alloc_system(), MRI_CONFIG_TEXT_BYTES_MAX);
    mri_config_print(config, &buf);
    assert_int_equal(buf.err, MR_OK);
    mri_yaml_sample_assert_good(
        mri_buf_c_text(&buf), mri_yaml_sample_parse((const char *)buf.bytes, buf.count, &again));
    assert_equal_configs(config, &again);
    mri_config_fini(&again);
    mri_buf_fini(&buf);
}

static void the_built_in_configuration_is_read_back(void **fixture)
{
    (void)fixture;
    struct mri_config config;
    assert_int_equal(mri_config_default(&config, mri_alloc_system()), MR_OK);
    assert_round_trip(&config);
    mri_config_fini(&config);
    mri_config_init(&config, mri_alloc_system());
    assert_round_trip(&config);
}

/** A random value of a setting, often one of the ends. */
static void randomize(
    struct mri_config *config, const struct mri_setting *setting, struct mri_prng *prng)
{
    char *member = (char *)config + setting->offset;
    uint64_t corner = mri_prng_below(prng, 8);
    if (setting->kind == MRI_SETTING_NUMBER) {
        double span = setting->high - setting->low;
        double number = corner == 0   ? setting->low
                        : corner == 1 ? setting->high
                                      : setting->low + span * mri_prng_uniform(prng);
        number = number > setting->high ? setting->high : number;
        memcpy(member, &number, sizeof(number));
        return;
    }
    int64_t low = (int64_t)setting->low;
    int64_t high = (int64_t)setting->high;
    int64_t integer = corner == 0 ? low
                      : corner == 1
                          ? high
                          : low + (int64_t)mri_prng_below(prng, (uint64_t)(high - low) + 1);
    if (setting->kind == MRI_SETTING_CHOICE) {
        integer = setting->choices[mri_prng_below(prng, setting->choice_count)].value;
    }
    memcpy(member, &integer, sizeof(integer));
}

static void random_name(struct mri_prng *prng, char name[static MRI_INSTRUMENT_TEXT_BYTES])
{
    static const char letters[] = "-_./0123456789abcXYZ";
    size_t count = 1 + mri_prng_below(prng, MRI_SYMBOL_BYTES_MAX);
    memset(name, 0, MRI_INSTRUMENT_TEXT_BYTES);
    for (size_t i = 0; i < count; i++) {
        name[i] = letters[mri_prng_below(prng, sizeof(letters) - 1)];
    }
    name[mri_prng_below(prng, count)] = 'n'; /* at least one letter */
}

static void random_instrument(struct mri_prng *prng, struct mri_instrument_spec *spec)
{
    random_name(prng, spec->symbol);
    random_name(prng, spec->venue);
    random_name(prng, spec->native_name);
    random_name(prng, spec->quote_currency);
    spec->price_decimals = (uint32_t)mri_prng_below(prng, MRI_FIXED_DECIMALS_MAX + 1);
    spec->quantity_decimals = (uint32_t)mri_prng_below(prng, MRI_FIXED_DECIMALS_MAX + 1);
    spec->tick = 1 + (int64_t)(mri_prng_next(prng) >> (1 + mri_prng_below(prng, 62))) / 2;
    spec->lot = 1 + (int64_t)mri_prng_below(prng, 1000000000);
    spec->quantity_min = spec->lot * (1 + (int64_t)mri_prng_below(prng, 1000000000));
    spec->notional_min_e8 = (int64_t)(mri_prng_next(prng) >> (1 + mri_prng_below(prng, 62)));
    spec->multiplier = 1 + (int64_t)mri_prng_below(prng, 1000000);
}

static const struct mri_setting *find_setting(const char *section, const char *key)
{
    size_t count;
    const struct mri_setting *settings = mri_config_settings(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(settings[i].section, section) == 0 && strcmp(settings[i].key, key) == 0) {
            return &settings[i];
        }
    }
    return NULL; /* the test falls over it */
}

static int64_t power_of_two(const char *section, const char *key, struct mri_prng *prng)
{
    const struct mri_setting *setting = find_setting(section, key);
    int64_t power = 0;
    while (!((double)power >= setting->low && (double)power <= setting->high)) {
        power = (int64_t)1 << mri_prng_below(prng, 32);
    }
    return power;
}

static void any_valid_configuration_is_read_back(void **fixture)
{
    (void)fixture;
    size_t count;
    const struct mri_setting *settings = mri_config_settings(&count);
    struct mri_prng prng;
    mri_prng_init(&prng, 4711);
    for (int round = 0; round < 300; round++) {
        struct mri_config config;
        mri_config_init(&config, mri_alloc_system());
        for (size_t i = 0; i < count; i++) {
            randomize(&config, &settings[i], &prng);
        }
        config.learn_mixture_coin = 0.001 + 0.4 * mri_prng_uniform(&prng);
        config.learn_mixture_platt = 0.001 + 0.4 * mri_prng_uniform(&prng);
        config.learn_mixture_pool = 1 - config.learn_mixture_coin - config.learn_mixture_platt;
        config.log_segment = power_of_two("log", "segment", &prng);
        config.limits_table_signals = power_of_two("limits", "table_signals", &prng);
        config.limits_symbols_max = 32 + (int64_t)mri_prng_below(&prng, 1000);
        for (uint64_t n = mri_prng_below(&prng, 8); n > 0; n--) {
            struct mri_instrument_spec spec = {.symbol = ""};
            random_instrument(&prng, &spec);
            mr_err err = mri_config_add_instrument(&config, &spec);
            assert_true(err == MR_OK || err == MR_EXISTS);
        }
        for (uint64_t n = mri_prng_below(&prng, 4); n > 0; n--) {
            static const char *const names[] = {
                "a", "\"quoted\"", "back\\slash", "- dash: #", "\xc3\xb6", "~", "null", "[x]"};
            struct mri_route route = {.kind = (uint8_t)mri_prng_below(&prng, 3)};
            const char *source = names[mri_prng_below(&prng, MRI_COUNT_OF(names))];
            const char *worker = names[mri_prng_below(&prng, MRI_COUNT_OF(names))];
            memcpy(route.source, source, strlen(source));
            if (route.kind == MRI_ROUTE_EXTERNAL) {
                memcpy(route.worker, worker, strlen(worker));
            }
            mr_err err = mri_config_add_route(&config, &route);
            assert_true(err == MR_OK || err == MR_EXISTS);
        }
        assert_round_trip(&config);
        mri_config_fini(&config);
    }
}

/* ---- one fault in a good text ---------------------------------------------------------------- */

/**
 * Replace the first `find` in the built-in text: there is one problem, `lines` below it, at
 * `column`. Column 0: the place is not checked here. "%u" is the line of `find`.
 */
struct fault {
    const char *find;
    const char *replace;
    uint32_t lines;
    uint32_t column;
    const char *problem;
};

static const struct fault faults[] = {
    /* numbers */
    {"cooldown: 300", "cooldown: 12x", 0, 13,
        "gates.cooldown: expected an integer from 0 to 86400 (s), found \"12x\""},
    {"cooldown: 300", "cooldown: 1 2", 0, 13,
        "gates.cooldown: expected an integer from 0 to 86400 (s), found \"1 2\""},
    {"cooldown: 300", "cooldown: 12.5", 0, 13,
        "gates.cooldown: expected an integer from 0 to 86400 (s), found \"12.5\""},
    {"cooldown: 300", "cooldown: 3e2", 0, 13,
        "gates.cooldown: expected an integer from 0 to 86400 (s), found \"3e2\""},
    {"cooldown: 300", "cooldown: 0x12c", 0, 13,
        "gates.cooldown: expected an integer from 0 to 86400 (s), found \"0x12c\""},
    {"cooldown: 300", "cooldown: 0300", 0, 13,
        "gates.cooldown: expected an integer from 0 to 86400 (s), found \"0300\""},
    {"cooldown: 300", "cooldown: +300", 0, 13,
        "gates.cooldown: expected an integer from 0 to 86400 (s), found \"+300\""},
    {"cooldown: 300", "cooldown: -1", 0, 13,
        "gates.cooldown: expected an integer from 0 to 86400 (s), found \"-1\""},
    {"cooldown: 300", "cooldown: 86401", 0, 13,
        "gates.cooldown: expected an integer from 0 to 86400 (s), found \"86401\""},
    {"cooldown: 300", "cooldown: 99999999999999999999999", 0, 13,
        "gates.cooldown: expected an integer from 0 to 86400 (s), "
        "found \"99999999999999999999999\""},
    {"cooldown: 300", "cooldown: \"300\"", 0, 13,
        "gates.cooldown: expected an integer from 0 to 86400 (s), found the quoted text \"300\""},
    {"cooldown: 300", "cooldown:", 0, 12,
        "gates.cooldown: expected an integer from 0 to 86400 (s), found nothing"},
    {"cooldown: 300", "cooldown: ''", 0, 13,
        "gates.cooldown: expected an integer from 0 to 86400 (s), found the quoted text \"\""},
    {"cooldown: 300", "cooldown: {s: 300}", 0, 13,
        "gates.cooldown: expected an integer from 0 to 86400 (s), found a map"},
    {"cooldown: 300", "cooldown: [300, 1]", 0, 13,
        "gates.cooldown: expected an integer from 0 to 86400 (s), found a list"},
    {"band: 0.25", "band: .nan", 0, 9,
        "sources.band: expected a number from 0.05 to 1 (confidence), found \".nan\""},
    {"band: 0.25", "band: nan", 0, 9,
        "sources.band: expected a number from 0.05 to 1 (confidence), found \"nan\""},
    {"band: 0.25", "band: .inf", 0, 9,
        "sources.band: expected a number from 0.05 to 1 (confidence), found \".inf\""},
    {"band: 0.25", "band: 1e400", 0, 9,
        "sources.band: expected a number from 0.05 to 1 (confidence), found \"1e400\""},
    {"band: 0.25", "band: 0,25", 0, 9,
        "sources.band: expected a number from 0.05 to 1 (confidence), found \"0,25\""},
    {"band: 0.25", "band: 1.0000000000000002", 0, 9,
        "sources.band: expected a number from 0.05 to 1 (confidence), "
        "found \"1.0000000000000002\""},
    {"fixed_share: 0.0001", "fixed_share: -0.1", 0, 16,
        "learn.fixed_share: expected a number from 0 to 0.1, found \"-0.1\""},
    {"fixed_share: 0.0001", "fixed_share: 1e-999", 0, 16,
        "learn.fixed_share: expected a number from 0 to 0.1, found \"1e-999\""},
    {"band: 0.25", "band: 0123456789012345678901234567890123456789xyz", 0, 9,
        "sources.band: expected a number from 0.05 to 1 (confidence), "
        "found \"0123456789012345678901234567890123456789...\""},
    {"band: 0.25", "band: 012345678901234567890123456789012345678\xc3\xa9xyz", 0, 9,
        "sources.band: expected a number from 0.05 to 1 (confidence), "
        "found \"012345678901234567890123456789012345678...\""},
    {"band: 0.25", "band: \"a\\u0007\"", 0, 9,
        "sources.band: expected a number from 0.05 to 1 (confidence), "
        "found the quoted text \"a\\x07\""},
    /* choices */
    {"emit: on_change", "emit: on_chnge", 0, 9,
        "sources.emit: expected on_change or every_bar, found \"on_chnge\"; "
        "did you mean on_change?"},
    {"emit: on_change", "emit: yes", 0, 9,
        "sources.emit: expected on_change or every_bar, found \"yes\""},
    {"emit: on_change", "emit: ON_CHANGE", 0, 9,
        "sources.emit: expected on_change or every_bar, found \"ON_CHANGE\""},
    {"emit: on_change", "emit:", 0, 8,
        "sources.emit: expected on_change or every_bar, found nothing"},
    /* keys */
    {"cooldown: 300", "cooldown: 300\n  cooldown: 200", 1, 3,
        "gates.cooldown: expected once, found a second time (first in line %u)"},
    {"cooldown: 300", "cooldown: 300\n  cooldwn: 200", 1, 3,
        "gates.cooldwn: unknown key; did you mean cooldown?"},
    {"cooldown: 300", "cooldown: 300\n  fee: 5", 1, 3,
        "gates.fee: unknown key; did you mean fee of section venue?"},
    {"cooldown: 300", "cooldown: 300\n  half_sprad: 5", 1, 3,
        "gates.half_sprad: unknown key; did you mean half_spread of section venue?"},
    {"cooldown: 300", "cooldown: 300\n  x: {a: [1, {b: 2}]}", 1, 3,
        "gates.x: unknown key; expected one of stale_signal, stale_price, cooldown, coverage_min, "
        "ev_z, positions_max, exposure_max"},
    {"cooldown: 300", "cooldown: 300\n  [a, b]: 200", 1, 3, "gates: expected a key, found a list"},
    {"cooldown: 300", "cooldown: 300\n  ? {a: 1}\n  : {b: 1}", 1, 5,
        "gates: expected a key, found a map"},
    {"view:\n", "x: 1\nview:\n", 0, 1,
        "x: unknown section; expected one of sources, signals, view, gates, execute, venue, "
        "shadow, resolve, learn, lifecycle, log, limits, synthetic, routes, instruments, "
        "spellings"},
    {"routes: []", "routes:\n  - {source: a, route: external}", 1, 24,
        "routes[0].route: expected internal, external:NAME (up to 64 bytes) or advisory, found "
        "\"external\""},
    {"routes: []", "routes:\n  - {source: a, route: advisory}\n  - {source: a, route: internal}", 2,
        5, "routes[1]: expected each source once, found \"a\" a second time"},
    {"routes: []", "routes:\n  - {source: \"a\\tb\", route: advisory}", 1, 14,
        "routes[0].source: expected the name of a source, 1 to 64 bytes without control "
        "characters, found the quoted text \"a\\x09b\""},
    {"routes: []", "routes:\n  - {source: a}", 1, 5, "routes[0].route: missing key"},
    {"routes: []", "routes:\n  - {source: a, rout: advisory, route: internal}", 1, 17,
        "routes[0].rout: unknown key; did you mean route?"},
    {"routes: []", "routes:\n  - {source: [a], route: advisory}", 1, 14,
        "routes[0].source: expected a name, found a list"},
    {"routes: []", "routes: advisory", 0, 9,
        "routes: expected a list of routes, found \"advisory\""},
    {"routes: []", "routes: [advisory]", 0, 10,
        "routes[0]: expected a map of keys, found \"advisory\""},
    {"stuck_after_approved: 600", "stuck_after_approved: -1", 0, 25,
        "lifecycle.stuck_after_approved: expected an integer from 0 to 604800 (s), found \"-1\""},
    {"stuck_after_approved: 600", "stuck_after_approved: 600\n  stuck_after_aproved: 9", 1, 3,
        "lifecycle.stuck_after_aproved: unknown key; did you mean stuck_after_approved?"},
    {"view:\n", "gate: {stale_signal: 1}\nview:\n", 0, 1,
        "gate: unknown section; did you mean gates?"},
    {"view:\n", "cooldown: 300\nview:\n", 0, 1,
        "cooldown: unknown section; cooldown is a key of section gates"},
    {"view:\n", "view: {step_bars: 5}\nview:\n", 1, 1,
        "view: expected once, found a second time (first in line %u)"},
    {"view:\n", "? [gates]\n: 1\nview:\n", 0, 3, "expected a key, found a list"},
    /* missing */
    {"  cooldown: 300\n", "", 0, 0, "gates.cooldown: missing key; add \"cooldown: 300\""},
    {"  emit: on_change\n", "", 0, 0, "sources.emit: missing key; add \"emit: on_change\""},
    /* extras of YAML */
    {"cooldown: 300", "cooldown: &a 300", 0, 13,
        "gates.cooldown: anchors are not used here, found \"&a\""},
    {"cooldown: 300", "cooldown: *a", 0, 13,
        "gates.cooldown: aliases are not used here, found \"*a\""},
    {"cooldown: 300", "cooldown: !!int 300", 0, 13,
        "gates.cooldown: tags are not used here, found \"tag:yaml.org,2002:int\""},
    {"view:\n", "view: &v\n", 0, 7, "view: anchors are not used here, found \"&v\""},
    {"gates:\n", "gates: !map\n", 0, 8, "gates: tags are not used here, found \"!map\""},
    /* syntax */
    {"  cooldown: 300\n", "\tcooldown: 300\n", 0, 1,
        "found character that cannot start any token, while scanning for the next token that "
        "begins in line %u"},
    {"  cooldown: 300\n", "  cooldown: 300: 5\n", 0, 16,
        "mapping values are not allowed in this context"},
    {"cooldown: 300", "cooldown: \"300", 0, 0,
        "found unexpected end of stream, while scanning a quoted scalar that begins in line %u"},
    {"cooldown: 300", "cooldown: 3\x01", 0, 14,
        "expected UTF-8 text without control characters, found 0x01: control characters are not "
        "allowed"},
    {"cooldown: 300", "cooldown: 3\xff", 0, 14,
        "expected UTF-8 text without control characters, found 0xff: invalid leading UTF-8 octet"},
    {"cooldown: 300", "cooldown: \xc3\xa9\xff", 0, 14,
        "expected UTF-8 text without control characters, found 0xff: invalid leading UTF-8 octet"},
    {"# Configuration", "%YAML 9.9\n---\n#", 0, 1, "found incompatible YAML document"},
    {"# Configuration", "%TAG ! !x\n---\n#", 0, 1, "tags are not used here, found %TAG"},
    /* rules across keys */
    {"segment: 64", "segment: 48", 0, 3, "log.segment: expected a power of two (MiB), found 48"},
    {"mixture_coin: 0.57", "mixture_coin: 0.58", 0, 3,
        "learn.mixture_coin: expected 1 as the sum with mixture_platt and mixture_pool, "
        "found 1.01"},
    {"symbols_max: 64", "symbols_max: 15", 0, 3,
        "limits.symbols_max: expected at least the 16 instruments listed, found 15"},
    /* instruments */
    {"    venue: binance\n", "    venu: binance\n    venue: b\n", 0, 5,
        "instruments[0].venu: unknown key; did you mean venue?"},
    {"    venue: binance\n", "    colour: 1\n    venue: b\n", 0, 5,
        "instruments[0].colour: unknown key; expected one of symbol, venue, native_name, "
        "quote_currency, price_decimals, quantity_decimals, tick, lot, quantity_min, "
        "notional_min, multiplier"},
    {"    venue: binance\n", "    venue: a\n    venue: b\n", 1, 5,
        "instruments[0].venue: expected once, found a second time (first in line %u)"},
    {"    venue: binance\n", "    venue:\n", 0, 11,
        "instruments[0].venue: expected a value, found nothing"},
    {"    venue: binance\n", "    venue: {a: 1}\n", 0, 12,
        "instruments[0].venue: expected a value, found a map"},
    {"    venue: binance\n", "    venue: bin ance\n", 0, 12,
        "instruments[0].venue: expected 1 to 32 letters, digits, '-', '_', '.' or '/', at least "
        "one of them a letter or digit, found \"bin ance\""},
    {"    venue: binance\n", "    venue: a12345678901234567890123456789012\n", 0, 12,
        "instruments[0].venue: expected 1 to 32 letters, digits, '-', '_', '.' or '/', at least "
        "one of them a letter or digit, found \"a12345678901234567890123456789012\""},
    {"    venue: binance\n", "    venue: \"a\\0b\"\n", 0, 12,
        "instruments[0].venue: expected 1 to 32 letters, digits, '-', '_', '.' or '/', at least "
        "one of them a letter or digit, found \"a\""},
    {"price_decimals: 2", "price_decimals: 13", 0, 21,
        "instruments[0].price_decimals: expected an integer from 0 to 12, found \"13\""},
    {"price_decimals: 2", "price_decimals: 2.0", 0, 21,
        "instruments[0].price_decimals: expected an integer from 0 to 12, found \"2.0\""},
    {"tick: 0.01", "tick: 0.001", 0, 11,
        "instruments[0].tick: expected a number with at most 2 decimals and no exponent, "
        "found \"0.001\""},
    {"tick: 0.01", "tick: 1e-2", 0, 11,
        "instruments[0].tick: expected a number with at most 2 decimals and no exponent, "
        "found \"1e-2\""},
    {"tick: 0.01", "tick: +1", 0, 11,
        "instruments[0].tick: expected a number with at most 2 decimals and no exponent, "
        "found \"+1\""},
    {"tick: 0.01", "tick: '0.01'", 0, 11,
        "instruments[0].tick: expected a number with at most 2 decimals and no exponent, "
        "found the quoted text \"0.01\""},
    {"tick: 0.01", "tick: 0", 0, 11,
        "instruments[0].tick: expected a step above zero, found \"0\""},
    {"lot: 0.001", "lot: -0.001", 0, 10,
        "instruments[0].lot: expected a step above zero, found \"-0.001\""},
    {"lot: 0.001", "lot: 0.002", 0, 0,
        "instruments[0]: quantity_min: expected a multiple of the lot 0.002 above zero, "
        "found 0.001"},
    {"notional_min: 5.00000000", "notional_min: 5.000000001", 0, 19,
        "instruments[0].notional_min: expected a number with at most 8 decimals and no exponent, "
        "found \"5.000000001\""},
    {"notional_min: 5.00000000", "notional_min: -5", 0, 19,
        "instruments[0].notional_min: expected zero or more, found \"-5\""},
    {"multiplier: 1", "multiplier: 1.5", 0, 17,
        "instruments[0].multiplier: expected an integer, found \"1.5\""},
    {"multiplier: 1", "multiplier: 0", 0, 17,
        "instruments[0].multiplier: expected 1 or more, found \"0\""},
    {"    tick: 0.01\n", "", 0, 0, "instruments[0].tick: missing key (smallest step of a price)"},
    {"  - symbol: ETHUSDT", "  - symbol: btc-usdt", 0, 5,
        "instruments[1]: expected each symbol once, found \"btc-usdt\" a second time"},
    {"  - symbol: BTCUSDT", "  - x\n  - symbol: BTCUSDT", 0, 5,
        "instruments[0]: expected a map of keys, found \"x\""},
    {"  - symbol: BTCUSDT", "  -\n  - symbol: BTCUSDT", 0, 4,
        "instruments[0]: expected a map of keys, found nothing"},
};

static uint32_t line_of(const char *text, const char *at)
{
    uint32_t line = 1;
    for (; text < at; text++) {
        line += *text == '\n';
    }
    return line;
}

static void assert_fault(const char *good, const struct fault *fault)
{
    const char *at = strstr(good, fault->find);
    assert_non_null(at);
    size_t room = strlen(good) + strlen(fault->replace) + 1;
    char *text = malloc(room);
    struct mri_config config;
    int count = snprintf(
        text, room, "%.*s%s%s", (int)(at - good), good, fault->replace, at + strlen(fault->find));
    mr_err err = mri_yaml_sample_parse(text, (size_t)count, &config);
    if (err != MR_REFUSED || mri_yaml_sample_problems.count != 1 ||
        mri_yaml_sample_problems.left_out != 0) {
        mri_yaml_sample_fail(fault->replace);
    }
    char expected[2 * MR_PROBLEM_BYTES];
    char what[MR_PROBLEM_BYTES];
    uint32_t line = line_of(good, at);
    const char *blank = strstr(fault->problem, "%u"); /* stands for the line of the change */
    int before = blank == NULL ? (int)strlen(fault->problem) : (int)(blank - fault->problem);
    (void)snprintf(what, sizeof(what), "%.*s", before, fault->problem);
    if (blank != NULL) {
        (void)snprintf(
            what + before, sizeof(what) - (size_t)before, "%u%s", (unsigned)line, blank + 2);
    }
    uint32_t found_line =
        fault->column == 0 ? mri_yaml_sample_problems.items[0].line : line + fault->lines;
    uint32_t found_column =
        fault->column == 0 ? mri_yaml_sample_problems.items[0].column : fault->column;
    (void)snprintf(expected, sizeof(expected), "t.yaml:%u:%u: %s", found_line, found_column, what);
    assert_string_equal(mri_yaml_sample_problems.items[0].what.text, expected);
    assert_int_equal(mri_yaml_sample_problems.items[0].line, found_line);
    assert_int_equal(mri_yaml_sample_problems.items[0].column, found_column);
    free(text);
}

static void a_single_fault_gives_exactly_its_problem(void **fixture)
{
    (void)fixture;
    struct mri_buf buf;
    const char *good = mri_yaml_sample_default(&buf);
    for (size_t i = 0; i < MRI_COUNT_OF(faults); i++) {
        assert_fault(good, &faults[i]);
    }
    mri_buf_fini(&buf);
}

/* ---- whole texts ----------------------------------------------------------------------------- */

static void every_missing_section_is_named_with_its_keys(void **fixture)
{
    (void)fixture;
    struct mri_config config;
    static const char text[] = "view: {step_bars: 5}\ngates:\n";
    assert_int_equal(mri_yaml_sample_parse(text, sizeof(text) - 1, &config), MR_REFUSED);
    assert_int_equal(
        mri_yaml_sample_problems.count, 1 + 11 + 2); /* gates is empty; eleven others; both lists */
    assert_string_equal(mri_yaml_sample_problems.items[0].what.text,
        "t.yaml:2:7: gates: expected a map of keys, found nothing");
    assert_string_equal(mri_yaml_sample_problems.items[1].what.text,
        "t.yaml:3:1: sources: missing section; add \"sources: {emit: on_change, band: 0.25}\"");
    assert_string_equal(mri_yaml_sample_problems.items[12].what.text,
        "t.yaml:3:1: routes: missing section; add \"routes: []\", or a list of them");
    assert_string_equal(mri_yaml_sample_problems.items[13].what.text,
        "t.yaml:3:1: instruments: missing section; add \"instruments: []\", or a list of them");
    for (uint32_t i = 1; i < 12; i++) { /* the line to add is whole: it ends with its bracket */
        const char *what = mri_yaml_sample_problems.items[i].what.text;
        assert_string_equal(what + strlen(what) - 2, "}\"");
    }
}

static void all_problems_of_a_text_come_in_one_run_in_order_of_place(void **fixture)
{
    (void)fixture;
    struct mri_buf buf;
    struct mri_config config;
    const char *good = mri_yaml_sample_default(&buf);
    struct mri_buf bad;
    mri_buf_init(&bad, mri_alloc_system(), 65536);
    const char *at = strstr(good, "gates:\n");
    mri_buf_put(&bad, good, (size_t)(at - good));
    uint32_t first_line = line_of(good, at);
    mri_buf_text(&bad, "gates:\n  colldown: 1x\n  ev_z: 9\n  ev_z: [1]\n");
    mri_buf_text(&bad, strstr(good, "\nexecute:\n"));
    assert_int_equal(
        mri_yaml_sample_parse((const char *)bad.bytes, bad.count, &config), MR_REFUSED);
    static const char *const expected[] = {
        ":1: gates.stale_signal: missing key; add \"stale_signal: 120\"",
        ":1: gates.stale_price: missing key; add \"stale_price: 120\"",
        ":1: gates.cooldown: missing key; add \"cooldown: 300\"",
        ":1: gates.coverage_min: missing key; add \"coverage_min: 0.6\"",
        ":1: gates.positions_max: missing key; add \"positions_max: 10\"",
        ":1: gates.exposure_max: missing key; add \"exposure_max: 20000\"",
        ":3: gates.colldown: unknown key; did you mean cooldown?",
        ":9: gates.ev_z: expected a number from 0 to 5 (sd), found \"9\"",
        ":3: gates.ev_z: expected once, found a second time (first in line ",
    };
    assert_int_equal(mri_yaml_sample_problems.count, MRI_COUNT_OF(expected));
    for (size_t i = 0; i < MRI_COUNT_OF(expected); i++) {
        assert_non_null(strstr(mri_yaml_sample_problems.items[i].what.text, expected[i]));
        uint32_t below = i < 6 ? 0 : i == 6 ? 1 : i == 7 ? 2 : 3; /* the line of "gates:" */
        assert_int_equal(mri_yaml_sample_problems.items[i].line, first_line + below);
    }
    mri_buf_fini(&bad);
    mri_buf_fini(&buf);
}

static void more_instruments_than_there_may_be_are_refused_once(void **fixture)
{
    (void)fixture;
    struct mri_buf buf;
    struct mri_config config;
    const char *good = mri_yaml_sample_default(&buf);
    struct mri_buf many;
    mri_buf_init(&many, mri_alloc_system(), MRI_CONFIG_TEXT_BYTES_MAX);
    mri_buf_put(&many, good, (size_t)(strstr(good, "instruments:\n") - good));
    mri_buf_text(&many, "instruments:\n");
    for (int i = 0; i < MRI_CONFIG_INSTRUMENTS_MAX + 10; i++) {
        mri_buf_printf(&many,
            "- {symbol: S%d, venue: v, native_name: n, quote_currency: q, price_decimals: 0, "
            "quantity_decimals: 0, tick: 1, lot: 1, quantity_min: 1, notional_min: 1, "
            "multiplier: 1}\n",
            i);
    }
    assert_int_equal(
        mri_yaml_sample_parse((const char *)many.bytes, many.count, &config), MR_REFUSED);
    assert_int_equal(mri_yaml_sample_problems.count, 1);
    assert_non_null(strstr(mri_yaml_sample_problems.items[0].what.text,
        ": instruments[1024]: expected at most 1024 instruments"));
    mri_buf_fini(&many);
    mri_buf_fini(&buf);
}

/* ---- hostile texts --------------------------------------------------------------------------- */

static void a_damaged_text_is_refused_or_means_what_it_prints(void **fixture)
{
    (void)fixture;
    static const char bytes[] = "{}[]:,-?&*!|>'\"%@`#\n \t0129.eaxz\xff\xc3";
    struct mri_buf buf;
    struct mri_prng prng;
    (void)mri_yaml_sample_default(&buf);
    char *text = malloc(buf.count);
    mri_prng_init(&prng, 17);
    for (int round = 0; round < 3000; round++) {
        struct mri_config config;
        memcpy(text, buf.bytes, buf.count);
        for (uint64_t n = 1 + mri_prng_below(&prng, 4); n > 0; n--) {
            text[mri_prng_below(&prng, buf.count)] =
                bytes[mri_prng_below(&prng, sizeof(bytes) - 1)];
        }
        mr_err err =
            mri_yaml_sample_parse(text, buf.count - mri_prng_below(&prng, 2) * 100, &config);
        if (err == MR_OK) {
            assert_int_equal(mri_yaml_sample_problems.count, 0);
            assert_round_trip(&config);
            mri_config_fini(&config);
        } else {
            assert_int_equal(err, MR_REFUSED);
            assert_true(mri_yaml_sample_problems.count > 0);
        }
    }
    free(text);
    mri_buf_fini(&buf);
}

static void nothing_is_lost_when_memory_is_short(void **fixture)
{
    (void)fixture;
    struct mri_buf buf;
    struct failing_alloc failing = {.calls = 1};
    (void)mri_yaml_sample_default(&buf);
    struct mri_slice text = {(const char *)buf.bytes, buf.count};
    for (unsigned n = 1; failing.calls >= failing.failing; n++) {
        struct mri_config config;
        failing_alloc_init(&failing, n);
        mr_err err = mri_yaml_config(text, &failing.alloc, &config);
        assert_int_equal(err, failing.calls < n ? MR_OK : MR_ENOMEM);
        if (err == MR_OK) {
            mri_config_fini(&config);
        }
        assert_int_equal(failing.live_bytes, 0);
    }
    mri_buf_fini(&buf);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void write_file(const char *path, const void *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static void a_file_is_read_or_its_fault_is_the_only_problem(void **fixture)
{
    (void)fixture;
    char folder[MRI_TEMP_FOLDER_BYTES];
    char path[MRI_TEMP_FOLDER_BYTES + 8];
    struct mri_buf buf;
    struct mri_config config;
    struct mri_buf text;
    const struct mri_os *os = mri_os_linux();
    mri_buf_init(&text, mri_alloc_system(), MRI_CONFIG_TEXT_BYTES_MAX);
    (void)mri_yaml_sample_default(&buf);
    (void)snprintf(path, sizeof(path), "%s/m.yaml", mri_temp_folder_make(folder));

    assert_int_equal(
        mri_yaml_read_file(os, path, &text, &config, &mri_yaml_sample_problems), MR_EPATH);
    assert_int_equal(mri_yaml_sample_problems.count, 1);
    assert_int_equal(mri_yaml_sample_problems.items[0].line, 0);
    assert_memory_equal(mri_yaml_sample_problems.items[0].what.text, path, strlen(path));
    assert_int_equal(
        mri_yaml_read_file(os, folder, &text, &config, &mri_yaml_sample_problems), MR_EPATH);
    assert_int_equal(mri_yaml_read_file(os, path, &text, &config, NULL), MR_EPATH);
    write_file(path, buf.bytes, buf.count);
    assert_int_equal(
        mri_yaml_read_file(os, path, &text, &config, &mri_yaml_sample_problems), MR_OK);
    assert_int_equal(mri_yaml_sample_problems.count, 0);
    assert_int_equal(config.instrument_count, 16);
    mri_config_fini(&config);
    write_file(path, "a: 1", 4);
    assert_int_equal(
        mri_yaml_read_file(os, path, &text, &config, &mri_yaml_sample_problems), MR_REFUSED);
    assert_memory_equal(mri_yaml_sample_problems.items[0].what.text, path, strlen(path));
    assert_memory_equal(
        mri_yaml_sample_problems.items[0].what.text + strlen(path), ":1:1: a: unknown", 16);
    assert_string_equal(mri_buf_c_text(&text), "a: 1");
    assert_non_null(mri_buf_grow(&buf, MRI_CONFIG_TEXT_BYTES_MAX));
    write_file(path, buf.bytes, buf.count);
    assert_int_equal(
        mri_yaml_read_file(os, path, &text, &config, &mri_yaml_sample_problems), MR_REFUSED);
    assert_int_equal(mri_yaml_sample_problems.count, 1);
    mri_temp_folder_remove(folder);
    mri_buf_fini(&text);
    mri_buf_fini(&buf);
}

static void the_parser_fits_the_port(void **fixture)
{
    (void)fixture;
    struct mri_buf buf;
    struct mri_config config;
    const mri_config_parser parser = mri_yaml_config;
    (void)mri_yaml_sample_default(&buf);
    struct mri_slice text = {(const char *)buf.bytes, buf.count};
    assert_int_equal(parser(text, mri_alloc_system(), &config), MR_OK);
    mri_config_fini(&config);
    assert_int_equal(parser(mri_slice_of("x"), mri_alloc_system(), &config), MR_REFUSED);
    mri_buf_fini(&buf);
}

/** The line "  KEY: VALUE" of a section that begins at `section`. */
static const char *line_of_key(const char *section, const char *key)
{
    char start[64];
    (void)snprintf(start, sizeof(start), "\n  %s: ", key);
    const char *at = strstr(section, start);
    assert_non_null(at);
    return at + 1;
}

/** As a version wrote it that did not have one setting yet. */
static void put_without(struct mri_buf *buf, const char *text, const struct mri_setting *setting)
{
    char head[64];
    (void)snprintf(head, sizeof(head), "\n%s:\n", setting->section);
    const char *section = strstr(text, head);
    const char *line = line_of_key(section, setting->key);
    const char *rest = strchr(line, '\n') + 1;
    size_t settings = 0; /* of the section: one without any was not there */
    for (const char *at = section + 1; at < strstr(section, "\n\n"); at = strchr(at, '\n') + 1) {
        settings += strncmp(at, "  # ", 4) == 0; /* each has a comment */
    }
    mri_buf_clear(buf);
    mri_buf_put(buf, text, (size_t)((settings == 1 ? section : line) - text));
    mri_buf_text(buf, rest);
}

static void a_setting_that_a_logged_text_lacks_has_its_default(void **fixture)
{
    (void)fixture;
    struct mri_buf buf;
    struct mri_buf older;
    struct mri_config wanted;
    struct mri_config config;
    size_t count;
    const struct mri_setting *settings = mri_config_settings(&count);
    const char *text = mri_yaml_sample_default(&buf);
    assert_int_equal(mri_config_default(&wanted, mri_alloc_system()), MR_OK);
    mri_buf_init(&older, mri_alloc_system(), MRI_CONFIG_TEXT_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        put_without(&older, text, &settings[i]);
        struct mri_slice slice = {(const char *)older.bytes, older.count};
        assert_int_equal(mri_yaml_config(slice, mri_alloc_system(), &config), MR_OK);
        assert_equal_configs(&wanted, &config);
        mri_config_fini(&config);
        assert_int_equal(
            mri_yaml_sample_parse(slice.bytes, slice.count, &config), MR_REFUSED); /* of a user */
    }
    mri_buf_fini(&older);
    mri_config_fini(&wanted);
    mri_buf_fini(&buf);
}

static void a_section_that_a_logged_text_lacks_has_its_defaults(void **fixture)
{
    (void)fixture;
    struct mri_config config;
    struct mri_slice text = mri_slice_of("gates: {cooldown: 7}\ninstruments: []\n");
    assert_int_equal(mri_yaml_config(text, mri_alloc_system(), &config), MR_OK);
    assert_int_equal(config.gates_cooldown, 7);
    assert_int_equal(config.gates_positions_max, 10);
    assert_int_equal(config.execute_hold, 1800);
    mri_config_fini(&config);
}

static void a_logged_text_of_a_later_version_is_refused(void **fixture)
{
    (void)fixture;
    static const char *const texts[] = {
        "gates: {cooldown: 7, later: 1}\ninstruments: []\n",
        "later: {cooldown: 7}\ninstruments: []\n", "gates: {cooldown: -7}\ninstruments: []\n",
        "gates: {cooldown: 7}\n", /* instruments have no default */
    };
    for (size_t i = 0; i < MRI_COUNT_OF(texts); i++) {
        struct mri_config config;
        struct mri_slice text = mri_slice_of(texts[i]);
        assert_int_equal(mri_yaml_config(text, mri_alloc_system(), &config), MR_REFUSED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_built_in_configuration_is_read_back),
        cmocka_unit_test(any_valid_configuration_is_read_back),
        cmocka_unit_test(a_single_fault_gives_exactly_its_problem),
        cmocka_unit_test(every_missing_section_is_named_with_its_keys),
        cmocka_unit_test(all_problems_of_a_text_come_in_one_run_in_order_of_place),
        cmocka_unit_test(more_instruments_than_there_may_be_are_refused_once),
        cmocka_unit_test(a_damaged_text_is_refused_or_means_what_it_prints),
        cmocka_unit_test(nothing_is_lost_when_memory_is_short),
        cmocka_unit_test(a_file_is_read_or_its_fault_is_the_only_problem),
        cmocka_unit_test(the_parser_fits_the_port),
        cmocka_unit_test(a_setting_that_a_logged_text_lacks_has_its_default),
        cmocka_unit_test(a_section_that_a_logged_text_lacks_has_its_defaults),
        cmocka_unit_test(a_logged_text_of_a_later_version_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
