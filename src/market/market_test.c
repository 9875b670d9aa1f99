/* SPDX-License-Identifier: MIT */
/*
 * The market read model: features against their definitions, prices at a time, what is due, what is
 * refused, and that a market taken back from a snapshot goes on with the same bits.
 */
#include "market/market.h"

#include <math.h>
#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/engine_sample.h"
#include "tests/lib/failing_alloc.h"
#include "tests/lib/naive_series.h"

#define T0     MRI_ENGINE_SAMPLE_T0_UNIX_NS
#define MINUTE MRI_ENGINE_SAMPLE_MINUTE_NS

enum { SLOTS = MRI_NAIVE_SLOTS_MAX, MISSING_MAX = 1500, SAVED_MAX = 1 << 20 };

static struct mri_engine_sample sample;
static struct mri_naive_market naive;

static const struct mri_bar *bar_of(uint32_t symbol)
{
    return &mri_market_symbol(&sample.market, symbol)->bar;
}

static uint8_t regime_of(double ratio)
{
    if (!isfinite(ratio)) {
        return MRI_REGIME_ABSENT;
    }
    return ratio > 1.1 ? MRI_REGIME_TRENDING
                       : (ratio < 0.9 ? MRI_REGIME_REVERTING : MRI_REGIME_RANDOM);
}

static void compare_bar(size_t slot, uint32_t missing)
{
    const struct mri_bar *bar = bar_of(0);
    assert_true(bar->close == naive.close[slot]);
    assert_true(bar->high == naive.high[slot] && bar->low == naive.low[slot]);
    assert_true(bar->volume == naive.volume[slot]);
    assert_int_equal(bar->missing, missing);
    assert_true(mri_naive_is_near(bar->log_close, naive.log_close[slot]));
    assert_int_equal(isnan(bar->log_return), isnan(naive.log_return[slot]));
    assert_true(isnan(bar->log_return) ||
                fabs(bar->log_return - naive.log_return[slot]) < 1e-14); /* a difference */
    assert_true(mri_naive_is_near(bar->volatility, naive.volatility[slot]));
    double ratio = naive.ratio[slot];
    bool is_close_call = mri_naive_is_near(ratio, 0.9) || mri_naive_is_near(ratio, 1.1);
    assert_true(is_close_call || bar->regime == regime_of(ratio));
}

static void features_are_those_of_their_definitions_also_after_gaps(void **fixture)
{
    (void)fixture;
    unsigned regimes[4] = {0};
    for (uint64_t seed = 1; seed <= 4; seed++) {
        uint32_t missing = 0;
        bool is_first = true;
        mri_naive_market_make(&naive, 0, SLOTS, seed);
        mri_engine_sample_init(&sample, 1);
        for (size_t slot = 0; slot < SLOTS; slot++) {
            if (naive.candles[slot].close_time_unix_ns == 0) {
                missing += is_first ? 0 : 1;
                continue;
            }
            assert_int_equal(mri_engine_sample_candle(&sample, &naive.candles[slot]), MR_OK);
            compare_bar(slot, missing < MISSING_MAX ? missing : MISSING_MAX);
            uint8_t regime = bar_of(0)->regime;
            regimes[regime == MRI_REGIME_ABSENT ? 3 : regime]++;
            missing = 0;
            is_first = false;
        }
        mri_engine_sample_fini(&sample);
    }
    for (int i = 0; i < 4; i++) {
        assert_true(regimes[i] > 100); /* the walk shows every regime */
    }
}

static void volatility_needs_120_returns_and_a_regime_180(void **fixture)
{
    (void)fixture;
    mri_engine_sample_init(&sample, 1);
    for (int64_t minute = 0; minute < 400; minute++) {
        struct mri_candle candle =
            mri_engine_sample_bar(0, minute, minute % 3 == 0 ? 10000 : 10007);
        assert_int_equal(mri_engine_sample_candle(&sample, &candle), MR_OK);
        /* Bar 0 has no return, and none before bar 10 a difference over 10 bars. */
        assert_int_equal(isnan(bar_of(0)->volatility), minute < 120);
        assert_int_equal(bar_of(0)->regime == MRI_REGIME_ABSENT, minute < 189);
    }
    mri_engine_sample_fini(&sample);
}

static void a_market_that_stands_still_has_no_volatility_and_no_regime(void **fixture)
{
    (void)fixture;
    mri_engine_sample_init(&sample, 1);
    for (int64_t minute = 0; minute < 500; minute++) {
        struct mri_candle candle = mri_engine_sample_bar(0, minute, 12345);
        assert_int_equal(mri_engine_sample_candle(&sample, &candle), MR_OK);
        assert_true(isnan(bar_of(0)->volatility));
        assert_int_equal(bar_of(0)->regime, MRI_REGIME_ABSENT);
    }
    mri_engine_sample_fini(&sample);
}

static void the_price_in_force_is_the_newest_close_at_or_before_a_time(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    struct mri_candle closes[200];
    struct mri_price price;
    mri_prng_init(&prng, 7);
    mri_engine_sample_init(&sample, 2);
    assert_int_equal(mri_market_price_at(&sample.market, 0, T0, &price), MR_NOT_FOUND);
    assert_int_equal(mri_market_price_at(&sample.market, 2, T0, &price), MR_NOT_FOUND);
    int64_t minute = 0;
    for (int i = 0; i < 200; i++) {
        minute += 1 + (int64_t)mri_prng_below(&prng, 4);
        closes[i] = mri_engine_sample_bar(0, minute, 100 + (int64_t)mri_prng_below(&prng, 100));
        assert_int_equal(mri_engine_sample_candle(&sample, &closes[i]), MR_OK);
        for (int k = 0; k < 40; k++) { /* up to ten minutes back, in quarters of a minute */
            int64_t time = closes[i].close_time_unix_ns + MINUTE - k * MINUTE / 4;
            int newest = i;
            while (newest >= 0 && closes[newest].close_time_unix_ns > time) {
                newest--;
            }
            mr_err err = mri_market_price_at(&sample.market, 0, time, &price);
            if (newest < 0 || newest < i - 1) { /* two closes are kept */
                assert_int_equal(err, MR_NOT_FOUND);
                continue;
            }
            assert_int_equal(err, MR_OK);
            assert_int_equal(price.price, closes[newest].close);
            assert_int_equal(price.time_unix_ns, closes[newest].close_time_unix_ns);
        }
    }
    assert_int_equal(mri_market_price_at(&sample.market, 1, T0, &price), MR_NOT_FOUND);
    mri_engine_sample_fini(&sample);
}

static void take_close(int64_t minute, int64_t price)
{
    const struct mri_candle candle = mri_engine_sample_bar(0, minute, price);
    assert_int_equal(mri_engine_sample_candle(&sample, &candle), MR_OK);
}

static void take_quote(int64_t seconds, int64_t bid, int64_t ask)
{
    assert_int_equal(
        mri_engine_sample_quote(&sample, 0, T0 + seconds * (MINUTE / 60), bid, ask), MR_OK);
}

static int64_t price_at(int64_t seconds)
{
    struct mri_price price = {0};
    mr_err err = mri_market_price_at(&sample.market, 0, T0 + seconds * (MINUTE / 60), &price);
    return err == MR_OK ? price.price : -1;
}

static void the_price_in_force_is_the_newer_of_close_and_quote(void **fixture)
{
    (void)fixture;
    mri_engine_sample_init(&sample, 2);
    take_quote(10, 100, 105); /* a price without any bar */
    assert_int_equal(price_at(9), -1);
    assert_int_equal(price_at(10), 102); /* half of the smallest unit goes down */
    take_close(1, 200);
    assert_int_equal(price_at(59), 102);
    assert_int_equal(price_at(60), 200);
    take_quote(60, 300, 300); /* of the same time: what came later */
    assert_int_equal(price_at(60), 300);
    take_quote(125, 400, 402);
    take_close(2, 250); /* a bar comes after a quote that is newer */
    assert_int_equal(price_at(125), 401);
    assert_int_equal(price_at(124), 250);
    assert_true(bar_of(0)->close == 2.5);
    assert_int_equal(
        mri_market_symbol(&sample.market, 0)->price.time_unix_ns, T0 + 125 * (MINUTE / 60));
    mri_engine_sample_fini(&sample);
}

static void a_bar_knows_whether_quotes_came_within_it(void **fixture)
{
    (void)fixture;
    mri_engine_sample_init(&sample, 2);
    const struct mri_market_symbol *symbol = mri_market_symbol(&sample.market, 0);
    take_close(1, 100);
    take_close(2, 100);
    assert_int_equal(symbol->is_quoted_within, 0);
    take_quote(120, 100, 100);
    take_close(3, 100);
    assert_int_equal(symbol->is_quoted_within, 0);
    take_quote(181, 100, 100);
    take_close(4, 100);
    assert_int_equal(symbol->is_quoted_within, 1);
    take_close(5, 100);
    assert_int_equal(symbol->is_quoted_within, 0);
    mri_engine_sample_fini(&sample);
}

static void a_quote_that_cannot_be_is_damage(void **fixture)
{
    (void)fixture;
    mri_engine_sample_init(&sample, 2);
    assert_int_equal(mri_engine_sample_quote(&sample, 2, T0, 100, 101), MR_ECORRUPT);
    assert_int_equal(mri_engine_sample_quote(&sample, 0, T0, 0, 101), MR_ECORRUPT);
    assert_int_equal(mri_engine_sample_quote(&sample, 0, T0, 102, 101), MR_ECORRUPT);
    assert_int_equal(mri_engine_sample_quote(&sample, 0, T0, 101, 101), MR_OK);
    assert_int_equal(mri_engine_sample_quote(&sample, 0, T0 - 1, 101, 101), MR_ECORRUPT);
    mri_engine_sample_fini(&sample);
}

/** Is symbol 0 due at a time, when the market's time is T0 and the input is of a symbol? */
static bool is_due_on_candle(uint32_t symbol, int64_t due)
{
    const struct mri_candle candle = mri_engine_sample_bar(symbol, 0, 100);
    const struct mri_event input = {.type = MRI_EVENT_CANDLE, .body = &candle};
    return mri_market_is_due(&sample.market, 0, due, &input);
}

static bool is_due_on_tick(int64_t due, enum mri_reason reason)
{
    const struct mri_tick tick = {.event_time_unix_ns = T0, .reason = (uint16_t)reason};
    const struct mri_event input = {.type = MRI_EVENT_TICK, .body = &tick};
    return mri_market_is_due(&sample.market, 0, due, &input);
}

static void a_horizon_is_due_at_the_own_bar_or_when_time_has_passed_it(void **fixture)
{
    (void)fixture;
    mri_engine_sample_init(&sample, 2);
    assert_int_equal(mri_engine_sample_tick(&sample, T0, MRI_REASON_TIME_PASSED), MR_OK);
    assert_true(is_due_on_candle(0, T0 - 1));
    assert_true(is_due_on_candle(0, T0));
    assert_false(is_due_on_candle(0, T0 + 1));
    assert_true(is_due_on_candle(1, T0 - 1));
    assert_false(is_due_on_candle(1, T0)); /* the own bar of this minute may still come */
    assert_true(is_due_on_tick(T0 - 1, MRI_REASON_TIME_PASSED));
    assert_false(is_due_on_tick(T0, MRI_REASON_TIME_PASSED));
    assert_true(is_due_on_tick(T0, MRI_REASON_FEED_ENDED)); /* no bar will come */
    assert_false(is_due_on_tick(T0 + 1, MRI_REASON_FEED_ENDED));
    mri_engine_sample_fini(&sample);
}

static void a_bar_that_is_not_newer_is_damage(void **fixture)
{
    (void)fixture;
    mri_engine_sample_init(&sample, 2);
    struct mri_candle candle = mri_engine_sample_bar(0, 5, 100);
    assert_int_equal(mri_engine_sample_candle(&sample, &candle), MR_OK);
    assert_int_equal(mri_engine_sample_candle(&sample, &candle), MR_ECORRUPT);
    candle = mri_engine_sample_bar(0, 4, 100);
    assert_int_equal(mri_engine_sample_candle(&sample, &candle), MR_ECORRUPT);
    candle = mri_engine_sample_bar(1, 4, 100); /* another symbol may */
    assert_int_equal(mri_engine_sample_candle(&sample, &candle), MR_OK);
    candle = mri_engine_sample_bar(2, 6, 100);
    assert_int_equal(mri_engine_sample_candle(&sample, &candle), MR_ECORRUPT);
    mri_engine_sample_fini(&sample);
}

static void a_bar_without_length_or_with_a_price_of_zero_is_damage(void **fixture)
{
    (void)fixture;
    mri_engine_sample_init(&sample, 1);
    for (int i = 0; i < 6; i++) {
        struct mri_candle candle = mri_engine_sample_bar(0, 1, 100);
        int64_t *fields[] = {&candle.duration_ns, &candle.open, &candle.high, &candle.low,
            &candle.close, &candle.close_time_unix_ns};
        *fields[i] = 0;
        assert_int_equal(mri_engine_sample_candle(&sample, &candle), MR_ECORRUPT);
        *fields[i] = -5;
        assert_int_equal(mri_engine_sample_candle(&sample, &candle), MR_ECORRUPT);
    }
    struct mri_candle candle = mri_engine_sample_bar(0, 1, 100);
    assert_int_equal(mri_engine_sample_candle(&sample, &candle), MR_OK);
    mri_engine_sample_fini(&sample);
}

static void event_time_never_goes_back(void **fixture)
{
    (void)fixture;
    mri_engine_sample_init(&sample, 2);
    struct mri_engine_sample_signal signal = {
        .source = "bot", .time_unix_ns = T0 + 90, .side = MR_LONG};
    struct mri_candle candle = mri_engine_sample_bar(0, 1, 100);
    assert_int_equal(sample.market.event_time_unix_ns, 0);
    assert_int_equal(mri_engine_sample_tick(&sample, T0, MRI_REASON_TIME_PASSED), MR_OK);
    assert_int_equal(sample.market.event_time_unix_ns, T0);
    assert_int_equal(mri_engine_sample_emit(&sample, &signal), MR_OK);
    assert_int_equal(sample.market.event_time_unix_ns, T0 + 90);
    assert_int_equal(mri_engine_sample_tick(&sample, T0 + 80, MRI_REASON_TIME_PASSED), MR_OK);
    assert_int_equal(sample.market.event_time_unix_ns, T0 + 90);
    assert_int_equal(sample.market.first_close_unix_ns, 0);
    assert_int_equal(mri_engine_sample_candle(&sample, &candle), MR_OK);
    assert_int_equal(sample.market.event_time_unix_ns, T0 + MINUTE);
    assert_int_equal(sample.market.first_close_unix_ns, T0 + MINUTE);
    candle = mri_engine_sample_bar(1, 2, 100);
    assert_int_equal(mri_engine_sample_candle(&sample, &candle), MR_OK);
    assert_int_equal(sample.market.first_close_unix_ns, T0 + MINUTE);
    mri_engine_sample_fini(&sample);
}

static void save(const struct mri_market *market, struct mri_buf *saved)
{
    mri_buf_init(saved, mri_alloc_system(), SAVED_MAX);
    mri_market_save(market, saved);
    assert_int_equal(saved->err, MR_OK);
}

static void a_market_taken_back_goes_on_with_the_same_bits(void **fixture)
{
    (void)fixture;
    static struct mri_engine_sample other;
    struct mri_buf saved;
    struct mri_buf again;
    mri_naive_market_make(&naive, 0, SLOTS, 9);
    for (size_t split = 1; split < SLOTS; split += 997) {
        mri_engine_sample_init(&sample, 1);
        bool is_split = false;
        for (size_t slot = 0; slot < SLOTS; slot++) {
            if (slot == split) {
                assert_int_equal(mri_engine_sample_continue(&other, &sample), MR_OK);
                is_split = true;
            }
            if (naive.candles[slot].close_time_unix_ns != 0) {
                assert_int_equal(mri_engine_sample_candle(&sample, &naive.candles[slot]), MR_OK);
                assert_int_equal(
                    is_split ? mri_engine_sample_candle(&other, &naive.candles[slot]) : MR_OK,
                    MR_OK);
            }
        }
        save(&sample.market, &saved);
        save(&other.market, &again);
        assert_int_equal(saved.count, again.count);
        assert_memory_equal(saved.bytes, again.bytes, saved.count);
        mri_buf_fini(&saved);
        mri_buf_fini(&again);
        mri_engine_sample_fini(&sample);
        mri_engine_sample_fini(&other);
    }
}

static mr_err load(const uint8_t *bytes, size_t count, uint32_t symbols_max)
{
    struct mri_market market;
    struct mri_unpack unpack;
    assert_int_equal(mri_market_init(&market, mri_alloc_system(), symbols_max), MR_OK);
    mri_unpack_init(&unpack, bytes, count);
    mr_err err = mri_market_load(&market, &unpack);
    mri_market_fini(&market);
    return err;
}

static void a_damaged_snapshot_is_refused(void **fixture)
{
    (void)fixture;
    struct mri_buf saved;
    mri_engine_sample_init(&sample, 3);
    for (int64_t minute = 0; minute < 20; minute++) {
        struct mri_candle candle = mri_engine_sample_bar(1, minute, 100 + minute);
        assert_int_equal(mri_engine_sample_candle(&sample, &candle), MR_OK);
    }
    save(&sample.market, &saved);
    assert_int_equal(load(saved.bytes, saved.count, 3), MR_OK);
    assert_int_equal(load(saved.bytes, saved.count, 2), MR_ECORRUPT); /* too many symbols */
    for (size_t count = 0; count < saved.count; count += 1 + count / 40) {
        assert_int_equal(load(saved.bytes, count, 3), MR_ECORRUPT);
    }
    const size_t symbol_at = 8 + 8 + 4 + offsetof(struct mri_instrument_spec, symbol);
    memset(saved.bytes + symbol_at, '?', 3);
    assert_int_equal(load(saved.bytes, saved.count, 3), MR_ECORRUPT);
    mri_buf_fini(&saved);
    mri_engine_sample_fini(&sample);
}

static mr_err make_with(const struct mri_alloc *alloc)
{
    struct mri_market market;
    struct mri_batch batch;
    struct mri_instrument_spec spec = mri_engine_sample_spec(0);
    assert_int_equal(mri_batch_init(&batch, mri_alloc_system(), 1, 4096), MR_OK);
    mri_batch_begin(&batch, 1, 1);
    assert_int_equal(mri_instrument_draft(&batch, &spec, 0), MR_OK);
    struct mri_event event = mri_batch_event(&batch, 0);
    mr_err err = mri_market_init(&market, alloc, 3);
    if (err == MR_OK) {
        err = mri_market_apply(&market, &event);
        mri_market_fini(&market);
    }
    mri_batch_fini(&batch);
    return err;
}

static void without_memory_a_market_says_so_and_leaks_nothing(void **fixture)
{
    (void)fixture;
    mr_err err = MR_ENOMEM;
    unsigned failing;
    for (failing = 1; err == MR_ENOMEM; failing++) {
        struct failing_alloc heap;
        failing_alloc_init(&heap, failing);
        err = make_with(&heap.alloc);
        assert_true(err == MR_ENOMEM || err == MR_OK);
        assert_int_equal(heap.live_bytes, 0);
    }
    assert_true(failing > 6);
    mri_market_fini(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_are_those_of_their_definitions_also_after_gaps),
        cmocka_unit_test(the_price_in_force_is_the_newer_of_close_and_quote),
        cmocka_unit_test(a_bar_knows_whether_quotes_came_within_it),
        cmocka_unit_test(a_quote_that_cannot_be_is_damage),
        cmocka_unit_test(volatility_needs_120_returns_and_a_regime_180),
        cmocka_unit_test(a_market_that_stands_still_has_no_volatility_and_no_regime),
        cmocka_unit_test(the_price_in_force_is_the_newest_close_at_or_before_a_time),
        cmocka_unit_test(a_horizon_is_due_at_the_own_bar_or_when_time_has_passed_it),
        cmocka_unit_test(a_bar_that_is_not_newer_is_damage),
        cmocka_unit_test(a_bar_without_length_or_with_a_price_of_zero_is_damage),
        cmocka_unit_test(event_time_never_goes_back),
        cmocka_unit_test(a_market_taken_back_goes_on_with_the_same_bits),
        cmocka_unit_test(a_damaged_snapshot_is_refused),
        cmocka_unit_test(without_memory_a_market_says_so_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
