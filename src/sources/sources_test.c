/* SPDX-License-Identifier: MIT */
/*
 * The engine of sources: when it emits, what it emits, and that it goes on from a snapshot.
 */
#include "sources/sources.h"

#include <math.h>
#include <string.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/engine_sample.h"
#include "tests/lib/failing_alloc.h"
#include "tests/lib/naive_series.h"

enum { SYMBOLS = 2, SLOTS = 5000, SAVED_MAX = 1 << 22 };

#define BAND 0.25

static struct mri_engine_sample sample;
static struct mri_sources sources;
static struct mri_naive_market markets[SYMBOLS];

static struct mri_sources_options options_of(bool is_every_bar)
{
    return (struct mri_sources_options){.is_every_bar = is_every_bar,
        .band = BAND,
        .valid_for_ns = 300 * (int64_t)1000000000,
        .symbols_max = MRI_ENGINE_SAMPLE_SYMBOLS_MAX};
}

static void start(bool is_every_bar)
{
    struct mri_sources_options options = options_of(is_every_bar);
    mri_engine_sample_init(&sample, SYMBOLS);
    assert_int_equal(
        mri_sources_init(&sources, mri_alloc_system(), &sample.market, &options), MR_OK);
    mri_engine_sample_add(&sample, &mri_sources_engine, &sources);
}

static void finish(void)
{
    mri_sources_fini(&sources);
    mri_engine_sample_fini(&sample);
}

static int draw_markets(void **fixture)
{
    (void)fixture;
    for (uint32_t i = 0; i < SYMBOLS; i++) {
        mri_naive_market_make(&markets[i], i, SLOTS, 40 + i);
    }
    return 0;
}

/** Is this the signal that a vote of this strength makes? */
static void check_signal(
    const struct mri_event *event, unsigned k, double x, const struct mri_candle *candle)
{
    const struct mri_signal_generated *signal = event->body;
    assert_int_equal(event->type, MRI_EVENT_SIGNAL_GENERATED);
    assert_int_equal(sample.events[mri_event_cause(event) - 1].type, MRI_EVENT_CANDLE);
    assert_memory_equal(sample.events[mri_event_cause(event) - 1].body, candle, sizeof(*candle));
    assert_int_equal(signal->event_time_unix_ns, candle->close_time_unix_ns);
    assert_int_equal(signal->price_time_unix_ns, candle->close_time_unix_ns);
    assert_int_equal(signal->price, candle->close);
    assert_int_equal(signal->present, MRI_HAS_PRICE);
    assert_true(signal->confidence == fabs(x));
    assert_int_equal(signal->side, x > 0.0 ? MR_LONG : MR_SHORT);
    assert_int_equal(signal->symbol, candle->symbol);
    assert_int_equal(signal->instrument, candle->instrument);
    assert_int_equal(signal->valid_for_ns, options_of(false).valid_for_ns);
    assert_int_equal(signal->regime, mri_market_symbol(&sample.market, candle->symbol)->bar.regime);
    struct mri_slice source = mri_event_text(event, MRI_TEXT_signal_generated_source);
    struct mri_slice name = mri_event_text(event, MRI_TEXT_signal_generated_name);
    assert_true(mri_slice_is(source, mri_source_name((enum mri_source)k)));
    assert_true(mri_slice_is(name, mri_sources_signal_name((enum mri_source)k)));
}

/** What was emitted last, per symbol and source: its side and the number of its band. */
struct emitted {
    int side;
    int band;
};

/** Take a bar in and compare what is emitted with the rule; returns how many signals. */
static unsigned check_bar(const struct mri_candle *candle, bool is_every_bar,
    struct emitted memory[MRI_SOURCE_INTERNAL_COUNT])
{
    uint32_t at = sample.count + 1; /* behind the candle */
    unsigned count = 0;
    assert_int_equal(mri_engine_sample_candle(&sample, candle), MR_OK);
    const struct mri_vote *votes = mri_sources_votes(&sources, candle->symbol);
    for (unsigned k = 0; k < MRI_SOURCE_INTERNAL_COUNT; k++) {
        double x = votes[k].x;
        struct emitted now = {x > 0.0 ? 1 : -1, (int)floor(fabs(x) / BAND)};
        bool is_change = now.side != memory[k].side || now.band != memory[k].band;
        if (x == 0.0) {
            memory[k] = (struct emitted){0, 0};
        } else if (is_every_bar || is_change) {
            assert_true(at < sample.count);
            check_signal(&sample.events[at++], k, x, candle);
            memory[k] = now;
            count++;
        }
    }
    assert_int_equal(at, sample.count); /* and nothing else */
    return count;
}

static unsigned run(bool is_every_bar, size_t from, size_t to)
{
    struct emitted memory[SYMBOLS][MRI_SOURCE_INTERNAL_COUNT] = {0};
    unsigned count = 0;
    for (size_t slot = from; slot < to; slot++) {
        for (uint32_t i = 0; i < SYMBOLS; i++) {
            if (markets[i].candles[slot].close_time_unix_ns != 0) {
                count += check_bar(&markets[i].candles[slot], is_every_bar, memory[i]);
            }
        }
    }
    return count;
}

static void on_change_a_signal_is_emitted_exactly_when_side_or_band_changes(void **fixture)
{
    (void)fixture;
    start(false);
    assert_true(run(false, 0, SLOTS) > 300);
    finish();
}

static void on_every_bar_each_vote_is_a_signal(void **fixture)
{
    (void)fixture;
    start(false);
    unsigned changes = run(false, 0, SLOTS);
    finish();
    start(true);
    assert_true(run(true, 0, SLOTS) > changes + 200);
    finish();
}

static void a_symbol_does_not_see_another_ones_bars(void **fixture)
{
    (void)fixture;
    static struct mri_vote alone[SLOTS][MRI_SOURCE_INTERNAL_COUNT];
    start(false);
    for (size_t slot = 0; slot < SLOTS; slot++) {
        struct mri_candle candle = markets[1].candles[slot];
        if (candle.close_time_unix_ns != 0) {
            assert_int_equal(mri_engine_sample_candle(&sample, &candle), MR_OK);
            memcpy(alone[slot], mri_sources_votes(&sources, 1), sizeof(alone[slot]));
        }
    }
    assert_null(mri_sources_votes(&sources, 0));
    assert_null(mri_sources_votes(&sources, MRI_ENGINE_SAMPLE_SYMBOLS_MAX));
    finish();
    start(false);
    for (size_t slot = 0; slot < SLOTS; slot++) {
        for (uint32_t i = 0; i < SYMBOLS; i++) {
            struct mri_candle candle = markets[i].candles[slot];
            if (candle.close_time_unix_ns == 0) {
                continue;
            }
            assert_int_equal(mri_engine_sample_candle(&sample, &candle), MR_OK);
            for (unsigned k = 0; i == 1 && k < MRI_SOURCE_INTERNAL_COUNT; k++) {
                const struct mri_vote *vote = &mri_sources_votes(&sources, 1)[k];
                assert_true(vote->x == alone[slot][k].x);
                assert_int_equal(vote->is_ready, alone[slot][k].is_ready);
            }
        }
    }
    finish();
}

static void a_signal_names_the_newest_feedback(void **fixture)
{
    (void)fixture;
    start(true);
    (void)run(true, 0, 1000);
    const struct mri_feedback feedback = {.status = MRI_FEEDBACK_UNRESOLVED};
    assert_int_equal(mri_engine_sample_put(&sample,
                         &(struct mri_draft){.type = MRI_EVENT_FEEDBACK, .fixed = &feedback}, 0),
        MR_OK);
    uint64_t feedback_seq = sample.count;
    (void)run(true, 1000, 1100);
    unsigned count = 0;
    for (uint32_t i = 0; i < sample.count; i++) {
        const struct mri_signal_generated *signal = sample.events[i].body;
        if (sample.events[i].type == MRI_EVENT_SIGNAL_GENERATED) {
            uint64_t seq = sample.events[i].seq;
            assert_int_equal(
                mri_ref_seq(signal->feedback, seq), seq > feedback_seq ? feedback_seq : 0);
            count += seq > feedback_seq;
        }
    }
    assert_true(count > 10);
    finish();
}

static void a_signal_from_outside_does_not_count_as_emitted(void **fixture)
{
    (void)fixture;
    start(false);
    struct mri_engine_sample_signal signal = {.source = "momentum",
        .time_unix_ns = MRI_ENGINE_SAMPLE_T0_UNIX_NS,
        .confidence = 0.9,
        .side = MR_LONG};
    assert_int_equal(mri_engine_sample_emit(&sample, &signal), MR_OK);
    for (unsigned k = 0; k < MRI_SOURCE_INTERNAL_COUNT; k++) {
        assert_int_equal(sources.symbols[0].emitted[k], 0);
    }
    finish();
}

static void a_logged_signal_of_a_symbol_that_does_not_exist_is_damage(void **fixture)
{
    (void)fixture;
    start(false);
    const struct mri_signal_generated fixed = {
        .cause = 1, .symbol = MRI_ENGINE_SAMPLE_SYMBOLS_MAX, .side = MR_LONG};
    const struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_GENERATED,
        .fixed = &fixed,
        .texts = {[MRI_TEXT_signal_generated_source] = mri_slice_of("momentum"),
            [MRI_TEXT_signal_generated_name] = mri_slice_of("mom15")}};
    (void)mri_engine_sample_tick(
        &sample, MRI_ENGINE_SAMPLE_T0_UNIX_NS, MRI_REASON_TIME_PASSED); /* the cause */
    assert_int_equal(mri_engine_sample_put(&sample, &draft, 0), MR_ECORRUPT);
    finish();
}

static void sources_taken_back_go_on_with_the_same_signals(void **fixture)
{
    (void)fixture;
    static struct mri_engine_sample other;
    static struct mri_sources loaded;
    struct mri_sources_options options = options_of(false);
    for (size_t split = 1; split < SLOTS; split += 700) {
        start(false);
        (void)run(false, 0, split);
        uint32_t before = sample.count;
        assert_int_equal(mri_engine_sample_continue(&other, &sample), MR_OK);
        assert_int_equal(
            mri_sources_init(&loaded, mri_alloc_system(), &other.market, &options), MR_OK);
        assert_int_equal(mri_engine_sample_move(&mri_sources_engine, &sources, &loaded), MR_OK);
        mri_engine_sample_add(&other, &mri_sources_engine, &loaded);
        for (size_t slot = split; slot < SLOTS; slot++) {
            for (uint32_t i = 0; i < SYMBOLS; i++) {
                const struct mri_candle *candle = &markets[i].candles[slot];
                if (candle->close_time_unix_ns != 0) {
                    assert_int_equal(mri_engine_sample_candle(&sample, candle), MR_OK);
                    assert_int_equal(mri_engine_sample_candle(&other, candle), MR_OK);
                }
            }
        }
        assert_true(sample.count > before);
        assert_true(mri_engine_sample_is_same(&sample, before, &other, before));
        mri_sources_fini(&loaded);
        mri_engine_sample_fini(&other);
        finish();
    }
}

static void a_damaged_snapshot_is_refused(void **fixture)
{
    (void)fixture;
    struct mri_buf saved;
    struct mri_sources_options options = options_of(false);
    start(false);
    (void)run(false, 0, 900);
    mri_buf_init(&saved, mri_alloc_system(), SAVED_MAX);
    mri_sources_engine.save(&sources, &saved);
    for (size_t count = 0; count < saved.count; count += 1 + count / 30) {
        struct mri_sources loaded;
        struct mri_unpack unpack;
        assert_int_equal(
            mri_sources_init(&loaded, mri_alloc_system(), &sample.market, &options), MR_OK);
        mri_unpack_init(&unpack, saved.bytes, count);
        assert_int_equal(mri_sources_engine.load(&loaded, &unpack), MR_ECORRUPT);
        mri_sources_fini(&loaded);
    }
    mri_buf_fini(&saved);
    finish();
}

static void without_memory_the_engine_says_so_and_leaks_nothing(void **fixture)
{
    (void)fixture;
    mr_err err = MR_ENOMEM;
    unsigned failing;
    struct mri_sources_options options = options_of(false);
    struct mri_candle candle = mri_engine_sample_bar(0, 1, 100);
    for (failing = 1; err == MR_ENOMEM; failing++) {
        struct failing_alloc heap;
        failing_alloc_init(&heap, failing);
        mri_engine_sample_init(&sample, SYMBOLS);
        err = mri_sources_init(&sources, &heap.alloc, &sample.market, &options);
        if (err == MR_OK) {
            mri_engine_sample_add(&sample, &mri_sources_engine, &sources);
            err = mri_engine_sample_candle(&sample, &candle);
            mri_sources_fini(&sources);
        }
        assert_int_equal(heap.live_bytes, 0);
        mri_engine_sample_fini(&sample);
    }
    assert_int_equal(err, MR_OK);
    assert_true(failing > 7); /* the symbols, six windows */
    mri_sources_fini(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_change_a_signal_is_emitted_exactly_when_side_or_band_changes),
        cmocka_unit_test(on_every_bar_each_vote_is_a_signal),
        cmocka_unit_test(a_symbol_does_not_see_another_ones_bars),
        cmocka_unit_test(a_signal_names_the_newest_feedback),
        cmocka_unit_test(a_signal_from_outside_does_not_count_as_emitted),
        cmocka_unit_test(a_logged_signal_of_a_symbol_that_does_not_exist_is_damage),
        cmocka_unit_test(sources_taken_back_go_on_with_the_same_signals),
        cmocka_unit_test(a_damaged_snapshot_is_refused),
        cmocka_unit_test(without_memory_the_engine_says_so_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, draw_markets, NULL);
}
