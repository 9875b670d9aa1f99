/* SPDX-License-Identifier: MIT */
/*
 * The configuration without its parser: defaults, checks, text.
 */
#include "pipeline/config.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"

static const char *print(const struct mri_config *config, struct mri_buf *buf)
{
    mri_buf_init(buf, mri_alloc_system(), MRI_CONFIG_TEXT_BYTES_MAX);
    mri_config_print(config, buf);
    assert_int_equal(buf->err, MR_OK);
    return mri_buf_c_text(buf);
}

static void sections_are_contiguous_and_keys_unique(void **fixture)
{
    (void)fixture;
    size_t count;
    const struct mri_setting *settings = mri_config_settings(&count);
    assert_int_equal(count, MRI_CONFIG_SETTING_COUNT);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = i + 1; k < count; k++) {
            bool is_same_section = strcmp(settings[i].section, settings[k].section) == 0;
            assert_false(is_same_section && strcmp(settings[i].key, settings[k].key) == 0);
            if (is_same_section) { /* then everything between is of it, too */
                assert_string_equal(settings[k - 1].section, settings[k].section);
            }
        }
    }
}

static void every_default_is_in_its_range(void **fixture)
{
    (void)fixture;
    size_t count;
    const struct mri_setting *settings = mri_config_settings(&count);
    struct mri_config config;
    mri_config_init(&config, mri_alloc_system());
    for (size_t i = 0; i < count; i++) {
        const char *member = (const char *)&config + settings[i].offset;
        if (settings[i].kind == MRI_SETTING_CHOICE) {
            assert_in_range(*(const int64_t *)(const void *)member, 0, settings[i].choice_count);
            continue;
        }
        double value = settings[i].kind == MRI_SETTING_NUMBER
                           ? *(const double *)(const void *)member
                           : (double)*(const int64_t *)(const void *)member;
        assert_true(settings[i].low < settings[i].high);
        assert_true(value >= settings[i].low && value <= settings[i].high);
        assert_true(settings[i].about[0] != '\0');
    }
    mri_config_fini(&config);
}

static void the_built_in_configuration_is_good(void **fixture)
{
    (void)fixture;
    struct mri_config config;
    mr_problem problem;
    assert_int_equal(mri_config_default(&config, mri_alloc_system()), MR_OK);
    assert_int_equal(mri_config_check(&config, &problem), MR_OK);
    assert_int_equal(config.instrument_count, 16);
    for (uint32_t i = 0; i < config.instrument_count; i++) {
        const struct mri_instrument_spec *spec = &config.instruments[i];
        int64_t price_max = 0;
        assert_int_equal(mri_instrument_check(spec, &problem), MR_OK);
        assert_int_equal(mri_fixed_from_double(1e6, spec->price_decimals, &price_max), MR_OK);
        assert_string_equal(spec->quote_currency, "USDT");
    }
    assert_string_equal(config.instruments[0].symbol, "BTCUSDT");
    assert_int_equal(config.instruments[0].price_decimals, 2);
    assert_int_equal(config.instruments[0].quantity_decimals, 3);
    mri_config_fini(&config);
    mri_config_fini(&config);
    mri_config_fini(NULL);
}

/** Change one thing of a good configuration and expect a refusal that names it. */
#define ASSERT_REFUSED(key, change)                                                                \
    do {                                                                                           \
        struct mri_config config;                                                                  \
        mr_problem problem = {""};                                                                 \
        assert_int_equal(mri_config_default(&config, mri_alloc_system()), MR_OK);                  \
        change;                                                                                    \
        assert_int_equal(mri_config_check(&config, &problem), MR_REFUSED);                         \
        assert_memory_equal(problem.text, key, sizeof(key) - 1);                                   \
        assert_int_equal(mri_config_check(&config, NULL), MR_REFUSED);                             \
        mri_config_fini(&config);                                                                  \
    } while (false)

static void settings_that_contradict_one_another_are_refused(void **fixture)
{
    (void)fixture;
    ASSERT_REFUSED("learn.mixture_coin: ", config.learn_mixture_coin += 2e-9);
    ASSERT_REFUSED("learn.mixture_coin: ", config.learn_mixture_pool -= 2e-9);
    ASSERT_REFUSED("log.segment: ", config.log_segment = 48);
    ASSERT_REFUSED("limits.table_signals: ", config.limits_table_signals = 100000);
    ASSERT_REFUSED("limits.symbols_max: ", config.limits_symbols_max = 15);
    ASSERT_REFUSED("synthetic.symbols: ", config.synthetic_symbols = 32;
                   config.limits_symbols_max = 31);
    struct mri_config config;
    mri_config_init(&config, mri_alloc_system());
    config.learn_mixture_coin += 5e-10;
    assert_int_equal(mri_config_check(&config, NULL), MR_OK);
    mri_config_fini(&config);
}

static struct mri_instrument_spec numbered_spec(unsigned number)
{
    struct mri_instrument_spec spec = {
        .venue = "V",
        .native_name = "N",
        .quote_currency = "Q",
        .tick = INT64_MAX,
        .lot = INT64_MAX,
        .quantity_min = INT64_MAX,
        .notional_min_e8 = INT64_MAX,
        .multiplier = INT64_MAX,
        .price_decimals = MRI_FIXED_DECIMALS_MAX,
        .quantity_decimals = MRI_FIXED_DECIMALS_MAX,
    };
    memset(spec.symbol, '.', MRI_SYMBOL_BYTES_MAX);
    memset(spec.venue, '.', MRI_SYMBOL_BYTES_MAX - 1);
    memset(spec.native_name, '.', MRI_SYMBOL_BYTES_MAX - 1);
    memset(spec.quote_currency, '.', MRI_SYMBOL_BYTES_MAX - 1);
    spec.venue[MRI_SYMBOL_BYTES_MAX - 1] = 'V';
    spec.native_name[MRI_SYMBOL_BYTES_MAX - 1] = 'N';
    spec.quote_currency[MRI_SYMBOL_BYTES_MAX - 1] = 'Q';
    for (int i = MRI_SYMBOL_BYTES_MAX - 1; number > 0 || i > 28; i--) {
        spec.symbol[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return spec;
}

static void the_largest_configuration_prints_within_its_limit(void **fixture)
{
    (void)fixture;
    struct mri_config config;
    struct mri_buf buf;
    mri_config_init(&config, mri_alloc_system());
    for (unsigned i = 0; i < MRI_CONFIG_INSTRUMENTS_MAX; i++) {
        struct mri_instrument_spec spec = numbered_spec(i);
        assert_int_equal(mri_config_add_instrument(&config, &spec), MR_OK);
    }
    struct mri_instrument_spec one_more = numbered_spec(MRI_CONFIG_INSTRUMENTS_MAX);
    assert_int_equal(mri_config_add_instrument(&config, &one_more), MR_FULL);
    one_more = numbered_spec(7);
    assert_int_equal(mri_config_add_instrument(&config, &one_more), MR_EXISTS);
    (void)print(&config, &buf); /* asserts that it fits */
    assert_true(buf.count > MRI_CONFIG_TEXT_BYTES_MAX / 2);
    mri_buf_fini(&buf);
    mri_config_fini(&config);

    mri_config_init(&config, mri_alloc_system());
    (void)print(&config, &buf);
    assert_true(buf.count < 16 * 1024); /* what config.c allows for the settings */
    mri_buf_fini(&buf);
    mri_config_fini(&config);
}

static void the_text_has_every_key_with_its_value_and_meaning(void **fixture)
{
    (void)fixture;
    struct mri_config config;
    struct mri_buf buf;
    assert_int_equal(mri_config_default(&config, mri_alloc_system()), MR_OK);
    const char *text = print(&config, &buf);
    assert_non_null(
        strstr(text, "\ngates:\n"
                     "  # oldest signal that is decided on: an integer from 1 to 86400 (s)\n"
                     "  stale_signal: 120\n"));
    assert_non_null(strstr(text, ": on_change or every_bar\n  emit: on_change\n"));
    assert_non_null(strstr(text, ": a number from 1 to 1000000000000 (quote)\n"));
    assert_non_null(strstr(text, "  mixture_coin: 0.57\n"));
    assert_non_null(strstr(text, "  - symbol: DOGEUSDT\n"
                                 "    venue: binance\n"
                                 "    native_name: DOGEUSDT\n"
                                 "    quote_currency: USDT\n"
                                 "    price_decimals: 7\n"
                                 "    quantity_decimals: 0\n"
                                 "    tick: 0.0000001\n"
                                 "    lot: 1\n"
                                 "    quantity_min: 1\n"
                                 "    notional_min: 5.00000000\n"
                                 "    multiplier: 1\n"));
    mri_buf_fini(&buf);
    mri_config_fini(&config);
    mri_config_init(&config, mri_alloc_system());
    text = print(&config, &buf);
    assert_non_null(strstr(text, "\ninstruments: []\n"));
    mri_buf_fini(&buf);
}

static const struct mri_setting *setting_of(const char *key)
{
    size_t count;
    const struct mri_setting *settings = mri_config_settings(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(settings[i].key, key) == 0) {
            return &settings[i];
        }
    }
    fail();
    return NULL;
}

static const char *number_text(double number, struct mri_buf *buf)
{
    struct mri_config config;
    mri_config_init(&config, mri_alloc_system());
    config.gates_exposure_max = number;
    mri_buf_clear(buf);
    mri_config_put_value(&config, setting_of("exposure_max"), buf);
    return mri_buf_c_text(buf);
}

static void a_number_prints_as_short_as_it_can_be_read_back(void **fixture)
{
    (void)fixture;
    struct mri_buf buf;
    struct mri_prng prng;
    mri_buf_init(&buf, mri_alloc_system(), 64);
    assert_string_equal(number_text(0.1, &buf), "0.1");
    assert_string_equal(number_text(1e12, &buf), "1000000000000");
    assert_string_equal(number_text(0.1 + 0.2, &buf), "0.30000000000000004");
    assert_string_equal(number_text(0x1.fffffffffffffp+1023, &buf), "1.7976931348623157e+308");
    assert_string_equal(number_text(1e-7, &buf), "1e-07");
    mri_prng_init(&prng, 7);
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = mri_prng_next(&prng);
        double number;
        memcpy(&number, &bits, sizeof(number));
        if (number - number == 0) {
            assert_true(strtod(number_text(number, &buf), NULL) == number);
        }
    }
    mri_buf_fini(&buf);
}

static void the_locale_does_not_change_the_text(void **fixture)
{
    (void)fixture;
    struct mri_buf buf;
    if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL) {
        skip(); /* no locale with another decimal point on this machine */
    }
    mri_buf_init(&buf, mri_alloc_system(), 64);
    assert_string_equal(number_text(0.25, &buf), "0.25");
    mri_buf_fini(&buf);
    (void)setlocale(LC_ALL, "C"); /* always there */
}

static void nothing_is_lost_when_memory_is_short(void **fixture)
{
    (void)fixture;
    struct failing_alloc failing;
    mr_err err = MR_ENOMEM;
    unsigned n = 0;
    while (err == MR_ENOMEM) {
        struct mri_config config;
        failing_alloc_init(&failing, ++n);
        err = mri_config_default(&config, &failing.alloc);
        if (err == MR_OK) {
            mri_config_fini(&config);
        }
        assert_int_equal(failing.live_bytes, 0);
    }
    assert_int_equal(err, MR_OK);
    assert_true(n > 1 && failing.calls < n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_are_contiguous_and_keys_unique),
        cmocka_unit_test(every_default_is_in_its_range),
        cmocka_unit_test(the_built_in_configuration_is_good),
        cmocka_unit_test(settings_that_contradict_one_another_are_refused),
        cmocka_unit_test(the_largest_configuration_prints_within_its_limit),
        cmocka_unit_test(the_text_has_every_key_with_its_value_and_meaning),
        cmocka_unit_test(a_number_prints_as_short_as_it_can_be_read_back),
        cmocka_unit_test(the_locale_does_not_change_the_text),
        cmocka_unit_test(nothing_is_lost_when_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
