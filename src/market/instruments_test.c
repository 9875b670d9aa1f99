/* SPDX-License-Identifier: MIT */
/*
 * The registry of instruments.
 */
#include "market/instruments.h"

#include <stdlib.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

enum { EVENTS_MAX = 8, BODY_BYTES_MAX = 4096 };

static struct mri_instrument_spec good_spec(const char *symbol)
{
    struct mri_instrument_spec spec = {
        .venue = "binance",
        .native_name = "BTC_USDT.P",
        .quote_currency = "USDT",
        .price_decimals = 2,
        .quantity_decimals = 3,
        .tick = 10,
        .lot = 2,
        .quantity_min = 4,
        .notional_min_e8 = 500000000,
        .multiplier = 1,
    };
    memcpy(spec.symbol, symbol, strlen(symbol));
    return spec;
}

static void a_good_specification_is_accepted(void **fixture)
{
    (void)fixture;
    struct mri_instrument_spec spec = good_spec("BTC-USDT/1.5_x");
    mr_problem problem;
    assert_int_equal(mri_instrument_check(&spec, &problem), MR_OK);
    memset(spec.symbol, 'A', MRI_SYMBOL_BYTES_MAX);
    spec.notional_min_e8 = 0;
    spec.price_decimals = MRI_FIXED_DECIMALS_MAX;
    assert_int_equal(mri_instrument_check(&spec, &problem), MR_OK);
}

/** What lies behind the end of a text, or between members, is no difference. */
static void specifications_are_compared_member_by_member(void **fixture)
{
    (void)fixture;
    struct mri_instrument_spec a;
    memset(&a, 0xff, sizeof(a));
    const struct mri_instrument_spec b = good_spec("BTCUSDT");
    memcpy(a.symbol, b.symbol, strlen(b.symbol) + 1);
    memcpy(a.venue, b.venue, strlen(b.venue) + 1);
    memcpy(a.native_name, b.native_name, strlen(b.native_name) + 1);
    memcpy(a.quote_currency, b.quote_currency, strlen(b.quote_currency) + 1);
    a.price_decimals = b.price_decimals;
    a.quantity_decimals = b.quantity_decimals;
    a.tick = b.tick;
    a.lot = b.lot;
    a.quantity_min = b.quantity_min;
    a.notional_min_e8 = b.notional_min_e8;
    a.multiplier = b.multiplier;
    a.is_provisional = b.is_provisional;
    assert_true(mri_instrument_equal(&a, &b));
#define ASSERT_DIFFERS(change)                                                                     \
    do {                                                                                           \
        struct mri_instrument_spec other = b;                                                      \
        change;                                                                                    \
        assert_false(mri_instrument_equal(&a, &other));                                            \
    } while (false)
    ASSERT_DIFFERS(other.symbol[6] = 'C');
    ASSERT_DIFFERS(other.venue[0] = 'B');
    ASSERT_DIFFERS(other.native_name[0] = 'X');
    ASSERT_DIFFERS(other.quote_currency[4] = 'C');
    ASSERT_DIFFERS(other.price_decimals++);
    ASSERT_DIFFERS(other.quantity_decimals++);
    ASSERT_DIFFERS(other.tick++);
    ASSERT_DIFFERS(other.lot++);
    ASSERT_DIFFERS(other.quantity_min++);
    ASSERT_DIFFERS(other.notional_min_e8++);
    ASSERT_DIFFERS(other.multiplier++);
    ASSERT_DIFFERS(other.is_provisional = 1);
#undef ASSERT_DIFFERS
}

/** Spoil one thing and expect a refusal that names it. */
#define ASSERT_REFUSED(key, spoil)                                                                 \
    do {                                                                                           \
        struct mri_instrument_spec spec = good_spec("BTCUSDT");                                    \
        mr_problem problem = {""};                                                                 \
        spoil;                                                                                     \
        assert_int_equal(mri_instrument_check(&spec, &problem), MR_REFUSED);                       \
        assert_memory_equal(problem.text, key, sizeof(key) - 1);                                   \
        assert_int_equal(mri_instrument_check(&spec, NULL), MR_REFUSED);                           \
    } while (false)

static void every_unusable_specification_is_refused_by_name(void **fixture)
{
    (void)fixture;
    ASSERT_REFUSED("symbol: ", spec.symbol[0] = '\0');
    ASSERT_REFUSED("symbol: ", spec.symbol[3] = ' ');
    ASSERT_REFUSED("symbol: ", memcpy(spec.symbol, "-/_.---", 7));
    ASSERT_REFUSED("symbol: ", spec.symbol[1] = '\xc3');
    ASSERT_REFUSED("symbol: ", memset(spec.symbol, 'A', sizeof(spec.symbol)));
    ASSERT_REFUSED("venue: ", spec.venue[0] = '\0');
    ASSERT_REFUSED("native_name: ", spec.native_name[0] = ':');
    ASSERT_REFUSED("quote_currency: ", spec.quote_currency[0] = '\n');
    ASSERT_REFUSED("price_decimals", spec.price_decimals = 13);
    ASSERT_REFUSED("price_decimals", spec.quantity_decimals = UINT32_MAX);
    ASSERT_REFUSED("tick: ", spec.tick = 0);
    ASSERT_REFUSED("tick: ", spec.tick = INT64_MIN);
    ASSERT_REFUSED("lot: ", spec.lot = -1);
    ASSERT_REFUSED("quantity_min: ", spec.quantity_min = 3);
    ASSERT_REFUSED("quantity_min: ", spec.quantity_min = 0);
    ASSERT_REFUSED("quantity_min: ", spec.quantity_min = -2);
    ASSERT_REFUSED("notional_min: ", spec.notional_min_e8 = -1);
    ASSERT_REFUSED("multiplier: ", spec.multiplier = 0);
}

static void draft(struct mri_batch *batch, const char *symbol, uint32_t number)
{
    struct mri_instrument_spec spec = good_spec(symbol);
    mri_batch_begin(batch, 1, 1);
    assert_int_equal(mri_instrument_draft(batch, &spec, number), MR_OK);
}

static mr_err apply(struct mri_instruments *instruments, const struct mri_batch *batch)
{
    struct mri_event event = mri_batch_event(batch, 0);
    return mri_instruments_apply(instruments, &event);
}

static void a_registered_instrument_is_what_was_drafted(void **fixture)
{
    (void)fixture;
    struct mri_instruments instruments;
    struct mri_batch batch;
    uint32_t symbol = 99;
    assert_int_equal(mri_instruments_init(&instruments, mri_alloc_system(), 2), MR_OK);
    assert_int_equal(mri_batch_init(&batch, mri_alloc_system(), EVENTS_MAX, BODY_BYTES_MAX), MR_OK);
    draft(&batch, "BTC-USDT", 0);
    assert_int_equal(apply(&instruments, &batch), MR_OK);
    draft(&batch, "ETHUSDT", 1);
    assert_int_equal(apply(&instruments, &batch), MR_OK);

    struct mri_instrument_spec expected = good_spec("BTC-USDT");
    const struct mri_instrument_spec *spec = mri_instruments_get(&instruments, 0);
    assert_string_equal(spec->symbol, expected.symbol);
    assert_string_equal(spec->venue, expected.venue);
    assert_string_equal(spec->native_name, expected.native_name);
    assert_string_equal(spec->quote_currency, expected.quote_currency);
    assert_int_equal(spec->price_decimals, expected.price_decimals);
    assert_int_equal(spec->quantity_decimals, expected.quantity_decimals);
    assert_int_equal(spec->tick, expected.tick);
    assert_int_equal(spec->lot, expected.lot);
    assert_int_equal(spec->quantity_min, expected.quantity_min);
    assert_int_equal(spec->notional_min_e8, expected.notional_min_e8);
    assert_int_equal(spec->multiplier, expected.multiplier);
    assert_null(mri_instruments_get(&instruments, 2));

    assert_int_equal(mri_instruments_find(&instruments, mri_slice_of("eth_usdt"), &symbol), MR_OK);
    assert_int_equal(symbol, 1);
    assert_int_equal(
        mri_instruments_find(&instruments, mri_slice_of("ETHUSD"), &symbol), MR_NOT_FOUND);
    assert_int_equal(mri_instruments_find(&instruments, mri_slice_of(""), &symbol), MR_NOT_FOUND);
    assert_int_equal(symbol, 1);
    mri_batch_fini(&batch);
    mri_instruments_fini(&instruments);
    mri_instruments_fini(&instruments);
    mri_instruments_fini(NULL);
}

static void a_registration_that_contradicts_the_log_is_damage(void **fixture)
{
    (void)fixture;
    struct mri_instruments instruments;
    struct mri_batch batch;
    assert_int_equal(mri_instruments_init(&instruments, mri_alloc_system(), 2), MR_OK);
    assert_int_equal(mri_batch_init(&batch, mri_alloc_system(), EVENTS_MAX, BODY_BYTES_MAX), MR_OK);
    draft(&batch, "BTCUSDT", 1);
    assert_int_equal(apply(&instruments, &batch), MR_ECORRUPT); /* 0 is due */
    draft(&batch, "BTCUSDT", 0);
    assert_int_equal(apply(&instruments, &batch), MR_OK);
    assert_int_equal(apply(&instruments, &batch), MR_ECORRUPT); /* 1 is due */
    draft(&batch, "btc-usdt", 1);
    assert_int_equal(apply(&instruments, &batch), MR_ECORRUPT); /* the same symbol */
    draft(&batch, "ETHUSDT", 1);
    struct mri_event event = mri_batch_event(&batch, 0);
    struct mri_instrument *body = (struct mri_instrument *)(uintptr_t)event.body;
    body->lot = 0;
    assert_int_equal(mri_instruments_apply(&instruments, &event), MR_ECORRUPT);
    body->lot = 2;
    body->symbol = 0;
    assert_int_equal(mri_instruments_apply(&instruments, &event), MR_ECORRUPT);
    body->symbol = 1;
    assert_int_equal(mri_instruments_apply(&instruments, &event), MR_OK);
    draft(&batch, "SOLUSDT", 2);
    assert_int_equal(apply(&instruments, &batch), MR_FULL);
    assert_int_equal(instruments.count, 2);
    mri_batch_fini(&batch);
    mri_instruments_fini(&instruments);
}

static void a_name_that_no_spec_can_hold_is_damage(void **fixture)
{
    (void)fixture;
    static const struct {
        const char *bytes;
        size_t count;
    } names[] = {{"", 0}, {"BTC\0USDT", 8}, {"A234567890123456789012345678901234", 33}};
    struct mri_instruments instruments;
    struct mri_batch batch;
    assert_int_equal(mri_instruments_init(&instruments, mri_alloc_system(), 1), MR_OK);
    assert_int_equal(mri_batch_init(&batch, mri_alloc_system(), EVENTS_MAX, BODY_BYTES_MAX), MR_OK);
    for (size_t i = 0; i < MRI_COUNT_OF(names); i++) {
        const struct mri_instrument fixed = {
            .tick = 1, .lot = 1, .quantity_min = 1, .multiplier = 1};
        struct mri_draft event = {.type = MRI_EVENT_INSTRUMENT, .fixed = &fixed};
        for (unsigned k = 0; k < MRI_TEXT_instrument_COUNT; k++) {
            event.texts[k] = mri_slice_of("X");
        }
        event.texts[MRI_TEXT_instrument_symbol_name] =
            (struct mri_slice){names[i].bytes, names[i].count};
        mri_batch_begin(&batch, 1, 1);
        assert_int_equal(mri_batch_add(&batch, &event, 0), MR_OK);
        assert_int_equal(apply(&instruments, &batch), MR_ECORRUPT);
    }
    assert_int_equal(instruments.count, 0);
    mri_batch_fini(&batch);
    mri_instruments_fini(&instruments);
}

static void other_events_are_ignored(void **fixture)
{
    (void)fixture;
    struct mri_instruments instruments;
    const struct mri_tick body = {.event_time_unix_ns = 1};
    const struct mri_event event = {.type = MRI_EVENT_TICK, .body = &body};
    assert_int_equal(mri_instruments_init(&instruments, mri_alloc_system(), 1), MR_OK);
    assert_int_equal(mri_instruments_apply(&instruments, &event), MR_OK);
    assert_int_equal(instruments.count, 0);
    mri_instruments_fini(&instruments);
}

static bool is_same(const char *a, const char *b)
{
    bool forth = mri_symbol_is_same(mri_slice_of(a), mri_slice_of(b));
    bool back = mri_symbol_is_same(mri_slice_of(b), mri_slice_of(a));
    assert_int_equal(forth, back);
    return forth;
}

static void a_symbol_is_compared_by_letters_digits_and_points(void **fixture)
{
    (void)fixture;
    assert_true(is_same("BTCUSDT", "btc-usdt"));
    assert_true(is_same("BTC_USDT", "BTC/USDT-"));
    assert_true(is_same("--", ""));
    assert_false(is_same("BTCUSDT", "BTCUSD"));
    assert_false(is_same("BTC.USDT", "BTCUSDT"));
    assert_false(is_same("BTC USDT", "BTCUSDT"));
    assert_false(is_same("A", ""));
    const struct mri_slice with_nul = {"BTC\0", 4};
    assert_false(mri_symbol_is_same(with_nul, mri_slice_of("BTC")));
}

static void a_price_is_rounded_to_the_tick_in_the_direction_asked(void **fixture)
{
    (void)fixture;
    struct mri_instrument_spec spec = good_spec("BTCUSDT");
    spec.tick = 10;
    assert_int_equal(mri_instrument_round_price(&spec, 104, 0), 100);
    assert_int_equal(mri_instrument_round_price(&spec, 105, 0), 110);
    assert_int_equal(mri_instrument_round_price(&spec, 101, 1), 110);
    assert_int_equal(mri_instrument_round_price(&spec, 109, -1), 100);
    assert_int_equal(mri_instrument_round_price(&spec, 110, 1), 110);
    assert_int_equal(mri_instrument_round_price(&spec, 3, -1), 10);
    assert_int_equal(mri_instrument_round_price(&spec, 0, 0), 10);
    assert_int_equal(mri_instrument_round_price(&spec, INT64_MIN, 0), 10);
    assert_int_equal(mri_instrument_round_price(&spec, INT64_MAX, 1), INT64_MAX / 10 * 10);
    spec.tick = 3;
    assert_int_equal(mri_instrument_round_price(&spec, 10, 0), 9);
    assert_int_equal(mri_instrument_round_price(&spec, 11, 0), 12);
}

static void a_rounded_price_is_a_multiple_next_to_the_price(void **fixture)
{
    (void)fixture;
    struct mri_instrument_spec spec = good_spec("BTCUSDT");
    struct mri_prng prng;
    mri_prng_init(&prng, 20250501);
    for (int i = 0; i < 100000; i++) {
        spec.tick = 1 + (int64_t)mri_prng_below(&prng, 1000);
        int64_t price = (int64_t)mri_prng_below(&prng, 1000000);
        int64_t down = mri_instrument_round_price(&spec, price, -1);
        int64_t up = mri_instrument_round_price(&spec, price, 1);
        int64_t near = mri_instrument_round_price(&spec, price, 0);
        assert_true(down % spec.tick == 0 && up % spec.tick == 0 && down >= spec.tick);
        assert_true(up - down <= spec.tick && (near == up || near == down));
        if (price >= spec.tick) {
            assert_true(down <= price && price <= up);
            assert_true(llabs(near - price) * 2 <= spec.tick);
        }
    }
}

static void a_price_is_its_integer_over_its_decimals(void **fixture)
{
    (void)fixture;
    struct mri_instrument_spec spec = good_spec("BTCUSDT");
    assert_true(mri_instrument_price(&spec, 11195950) == 111959.5);
    spec.price_decimals = 7;
    assert_true(mri_instrument_price(&spec, 739950) == 0.073995);
}

static mr_err find_another(void *context, struct mri_slice name, uint32_t *ret_symbol)
{
    *ret_symbol = *(const uint32_t *)context;
    return mri_slice_is(name, "PF_NOWHERE") ? MR_OK : MR_NOT_FOUND;
}

static void a_spelling_is_its_symbol_unless_one_is_registered_by_it(void **state)
{
    (void)state;
    static const char *const names[] = {"BTCUSDT", "ETHUSDT"};
    static const struct mri_spelling spellings[] = {{.spelling = "XBT", .symbol = "btc_usdt"},
        {.spelling = "eth-usdt", .symbol = "BTCUSDT"}, {.spelling = "a.b", .symbol = "ETHUSDT"},
        {.spelling = "LOST", .symbol = "NOPE"}};
    struct mri_instruments instruments;
    uint32_t other = 7;
    uint32_t symbol = 9;
    assert_int_equal(mri_instruments_init(&instruments, mri_alloc_system(), 4), MR_OK);
    for (size_t i = 0; i < 2; i++) {
        struct mri_instrument_spec spec;
        assert_int_equal(mri_instrument_provisional(mri_slice_of(names[i]), &spec, NULL), MR_OK);
        assert_int_equal(mri_instruments_restore(&instruments, &spec), MR_OK);
    }
    assert_int_equal(mri_instruments_spell(&instruments, spellings, 4), MR_OK);
    assert_int_equal(mri_instruments_find(&instruments, mri_slice_of("x_b-t"), &symbol), MR_OK);
    assert_int_equal(symbol, 0);
    assert_int_equal(mri_instruments_find(&instruments, mri_slice_of("A.B"), &symbol), MR_OK);
    assert_int_equal(symbol, 1);
    assert_int_equal(mri_instruments_find(&instruments, mri_slice_of("ETHUSDT"), &symbol), MR_OK);
    assert_int_equal(symbol, 1); /* registered */
    assert_int_equal(
        mri_instruments_find(&instruments, mri_slice_of("LOST"), &symbol), MR_NOT_FOUND);
    assert_int_equal(
        mri_instruments_find_registered(&instruments, mri_slice_of("XBT"), &symbol), MR_NOT_FOUND);
    instruments.elsewhere = find_another;
    instruments.elsewhere_context = &other;
    assert_int_equal(
        mri_instruments_find(&instruments, mri_slice_of("PF_NOWHERE"), &symbol), MR_OK);
    assert_int_equal(symbol, 7);
    assert_int_equal(mri_instruments_spell(&instruments, NULL, 0), MR_OK);
    assert_int_equal(
        mri_instruments_find(&instruments, mri_slice_of("XBT"), &symbol), MR_NOT_FOUND);
    mri_instruments_fini(&instruments);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_specification_is_accepted),
        cmocka_unit_test(specifications_are_compared_member_by_member),
        cmocka_unit_test(every_unusable_specification_is_refused_by_name),
        cmocka_unit_test(a_registered_instrument_is_what_was_drafted),
        cmocka_unit_test(a_registration_that_contradicts_the_log_is_damage),
        cmocka_unit_test(a_name_that_no_spec_can_hold_is_damage),
        cmocka_unit_test(other_events_are_ignored),
        cmocka_unit_test(a_symbol_is_compared_by_letters_digits_and_points),
        cmocka_unit_test(a_spelling_is_its_symbol_unless_one_is_registered_by_it),
        cmocka_unit_test(a_price_is_rounded_to_the_tick_in_the_direction_asked),
        cmocka_unit_test(a_rounded_price_is_a_multiple_next_to_the_price),
        cmocka_unit_test(a_price_is_its_integer_over_its_decimals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
