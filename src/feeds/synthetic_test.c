/* SPDX-License-Identifier: MIT */
/*
 * The simulated market: repeatable, consistent, with the volatility, correlation and planted truth
 * that its head promises.
 */
#include "feeds/synthetic.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/exact_math.h"
#include "os/digest.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"

enum { SYMBOLS = 10, BARS = 60000, SIGNALS_MAX = 2 * 1000 * 1000, FORWARD_BARS = 30, SOURCES = 4 };

static const char *const sources[SOURCES] = {
    "planted_good", "planted_inverted", "planted_drifting", "planted_useless"};

struct signal {
    uint32_t bar;
    uint32_t symbol;
    int source;
    int sign;
};

/** A whole run: closes by symbol and bar, and all signals. */
struct run {
    double *log_closes;
    struct signal *signals;
    size_t signal_count;
};

static struct mri_feed open_feed(uint64_t seed, uint32_t symbols, uint32_t bars)
{
    struct mri_synthetic_options options = {
        .seed = seed, .symbol_count = symbols, .bar_count = bars};
    struct mri_feed feed;
    assert_int_equal(mri_synthetic_open(mri_alloc_system(), &options, &feed), MR_OK);
    return feed;
}

static int number_of_source(struct mri_slice name)
{
    for (int i = 0; i < SOURCES; i++) {
        if (mri_slice_is(name, sources[i])) {
            return i;
        }
    }
    fail_msg("unknown source %.*s", (int)name.count, name.bytes);
    return -1;
}

static void start_run(struct run *run, uint64_t seed)
{
    run->log_closes = test_malloc(sizeof(double) * SYMBOLS * BARS);
    run->signals = test_malloc(sizeof(struct signal) * SIGNALS_MAX);
    run->signal_count = 0;
    struct mri_feed feed = open_feed(seed, SYMBOLS, BARS);
    struct mri_feed_item item;
    uint32_t bars[SYMBOLS] = {0};
    while (feed.next(feed.state, &item) == MR_OK) {
        uint32_t symbol = item.instrument;
        if (item.kind == MRI_FEED_CANDLE) {
            run->log_closes[symbol * BARS + bars[symbol]++] = mri_log((double)item.candle.close);
            continue;
        }
        assert_true(run->signal_count < SIGNALS_MAX);
        run->signals[run->signal_count++] = (struct signal){
            .bar = bars[symbol] - 1,
            .symbol = symbol,
            .source = number_of_source(item.signal.source),
            .sign = item.signal.side == MR_LONG ? 1 : -1,
        };
    }
    for (int i = 0; i < SYMBOLS; i++) {
        assert_int_equal(bars[i], BARS);
    }
    feed.close(feed.state);
}

static void end_run(struct run *run)
{
    test_free(run->log_closes);
    test_free(run->signals);
}

/** The mean return after a source's signals of bars [from, to), in its side, in bps. */
static double mean_forward_bps(const struct run *run, int source, uint32_t from, uint32_t to)
{
    double sum = 0.0;
    double count = 0.0;
    for (size_t i = 0; i < run->signal_count; i++) {
        const struct signal *signal = &run->signals[i];
        bool is_counted = signal->source == source && signal->bar >= from && signal->bar < to &&
                          signal->bar + FORWARD_BARS < BARS;
        if (is_counted) {
            const double *closes = run->log_closes + signal->symbol * BARS + signal->bar;
            sum += 1e4 * signal->sign * (closes[FORWARD_BARS] - closes[0]);
            count += 1.0;
        }
    }
    assert_true(count > 1000.0);
    return sum / count;
}

static void assert_between(const char *what, double value, double low, double high)
{
    if (!(value >= low && value <= high)) {
        fail_msg("%s is %.3f, not within %.3f and %.3f", what, value, low, high);
    }
}

static void planted_truth_can_be_measured(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct run run;
        start_run(&run, seed);
        assert_between("good", mean_forward_bps(&run, 0, 0, BARS), 20.0, 60.0);
        assert_between("inverted", mean_forward_bps(&run, 1, 0, BARS), -60.0, -20.0);
        assert_between("drifting at first", mean_forward_bps(&run, 2, 0, BARS / 2), 15.0, 50.0);
        assert_between("drifting later", mean_forward_bps(&run, 2, BARS / 2, BARS), -50.0, -15.0);
        assert_between("useless", mean_forward_bps(&run, 3, 0, BARS), -4.0, 4.0);
        end_run(&run);
    }
}

struct moments {
    double xx;
    double yy;
    double xy;
};

static struct moments moments_of(const double *x, const double *y)
{
    struct moments moments = {0};
    for (int i = 1; i < BARS; i++) {
        double dx = x[i] - x[i - 1];
        double dy = y[i] - y[i - 1];
        moments.xx += dx * dx;
        moments.yy += dy * dy;
        moments.xy += dx * dy;
    }
    return moments;
}

static void returns_have_the_volatility_and_correlation_promised(void **state)
{
    (void)state;
    struct run run;
    start_run(&run, 42);
    for (int i = 0; i + 1 < SYMBOLS; i++) {
        struct moments moments =
            moments_of(run.log_closes + i * BARS, run.log_closes + (i + 1) * BARS);
        double sd_bps = 1e4 * mri_sqrt(moments.xx / (BARS - 1));
        double correlation = moments.xy / mri_sqrt(moments.xx * moments.yy);
        assert_between("volatility", sd_bps, 6.0, 8.5);
        assert_between("correlation", correlation, 0.5, 0.7);
    }
    end_run(&run);
}

static void signals_have_the_rhythm_promised(void **state)
{
    (void)state;
    struct run run;
    start_run(&run, 5);
    double counts[SOURCES] = {0};
    for (size_t i = 0; i < run.signal_count; i++) {
        counts[run.signals[i].source] += 1.0;
    }
    for (int i = 0; i < SOURCES; i++) {
        /* A cycle of 100 bars has 1 / (1 - (39/40)^5) = 8.4 signals. */
        assert_between("signals per bar", counts[i] / ((double)SYMBOLS * BARS), 0.075, 0.093);
    }
    end_run(&run);
}

static void every_item_is_consistent_and_in_order(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    struct mri_feed feed = open_feed(9, 4, COUNT);
    assert_true(feed.is_simulated);
    assert_int_equal(feed.instrument_count, 4);
    assert_string_equal(feed.instruments[3].symbol, "SIM04USD");
    assert_string_equal(feed.instruments[3].venue, "simulated");
    for (uint32_t i = 0; i < feed.instrument_count; i++) {
        mr_problem problem;
        assert_int_equal(mri_instrument_check(&feed.instruments[i], &problem), MR_OK);
    }
    int64_t closes[4] = {0};
    struct mri_feed_item item;
    struct mri_feed_item before = {.time_unix_ns = INT64_C(1704067200000000000)};
    double confidences[4][SOURCES] = {{0}};
    uint32_t silent[4][SOURCES] = {{0}}; /* bars since the last signal */
    while (feed.next(feed.state, &item) == MR_OK) {
        bool is_same_time = item.time_unix_ns == before.time_unix_ns;
        assert_true(is_same_time || item.time_unix_ns == before.time_unix_ns + 60000000000);
        assert_true(!is_same_time || item.kind > before.kind ||
                    (item.kind == before.kind && item.instrument >= before.instrument));
        before = item;
        if (item.kind == MRI_FEED_CANDLE) {
            const struct mri_feed_candle *candle = &item.candle;
            assert_int_equal(candle->duration_ns, 60000000000);
            assert_true(closes[item.instrument] == 0 || closes[item.instrument] == candle->open);
            assert_true(candle->low > 0 && candle->low <= candle->open);
            assert_true(candle->low <= candle->close && candle->high >= candle->close);
            assert_true(candle->high >= candle->open && candle->volume > 0.0);
            closes[item.instrument] = candle->close;
            for (int i = 0; i < SOURCES; i++) {
                silent[item.instrument][i]++;
            }
            continue;
        }
        assert_int_equal(item.kind, MRI_FEED_SIGNAL);
        int source = number_of_source(item.signal.source);
        uint32_t *quiet = &silent[item.instrument][source];
        double *confidence = &confidences[item.instrument][source];
        assert_between("confidence", item.signal.confidence, 0.4, 0.9);
        assert_true(*quiet == 5 || *confidence != item.signal.confidence);
        *confidence = item.signal.confidence;
        *quiet = 0;
        assert_true(mri_slice_is(item.signal.name, "state"));
        assert_int_equal(item.signal.valid_for_ns, 600000000000);
    }
    assert_int_equal(before.time_unix_ns, 1704067200000000000 + COUNT * 60000000000);
    assert_true(feed.progress(feed.state) == 1.0);
    feed.close(feed.state);
}

static void add(struct mri_digest *digest, const void *value, size_t count)
{
    mri_digest_add(digest, value, count); /* little-endian, as the machines we build on are */
}

/** A digest of all items of a run. */
static void digest_of(uint64_t seed, uint32_t bars, char text[static MRI_DIGEST_TEXT_BYTES])
{
    struct mri_digest digest;
    assert_int_equal(mri_digest_init(&digest), MR_OK);
    struct mri_feed feed = open_feed(seed, 3, bars);
    struct mri_feed_item item;
    while (feed.next(feed.state, &item) == MR_OK) {
        add(&digest, &item.time_unix_ns, sizeof(item.time_unix_ns));
        add(&digest, &item.instrument, sizeof(item.instrument));
        if (item.kind == MRI_FEED_CANDLE) {
            add(&digest, &item.candle.open, sizeof(int64_t));
            add(&digest, &item.candle.high, sizeof(int64_t));
            add(&digest, &item.candle.low, sizeof(int64_t));
            add(&digest, &item.candle.close, sizeof(int64_t));
            add(&digest, &item.candle.volume, sizeof(double));
        } else {
            int32_t side = item.signal.side;
            add(&digest, item.signal.source.bytes, item.signal.source.count);
            add(&digest, &side, sizeof(side));
            add(&digest, &item.signal.confidence, sizeof(double));
        }
    }
    feed.close(feed.state);
    (void)mri_digest_text(&digest, text);
    mri_digest_fini(&digest);
}

static void the_same_seed_gives_the_same_bits_everywhere(void **state)
{
    (void)state;
    char first[MRI_DIGEST_TEXT_BYTES];
    char again[MRI_DIGEST_TEXT_BYTES];
    char other[MRI_DIGEST_TEXT_BYTES];
    digest_of(7, 1000, first);
    digest_of(7, 1000, again);
    digest_of(8, 1000, other);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
    assert_string_equal(first, "72182d59e2b9dab8cbe658a1d54e1ddd25e28e5d31ae6df231a3a3dbb778c3ac");
}

static void the_identity_names_every_option(void **state)
{
    (void)state;
    static const struct mri_synthetic_options options[] = {
        {1, 2, 3}, {2, 2, 3}, {1, 3, 3}, {1, 2, 4}, {1, 2, 3}};
    char identities[5][MRI_FEED_IDENTITY_BYTES];
    for (size_t i = 0; i < MRI_COUNT_OF(options); i++) {
        struct mri_feed feed =
            open_feed(options[i].seed, options[i].symbol_count, options[i].bar_count);
        memcpy(identities[i], feed.identity, sizeof(identities[i]));
        feed.close(feed.state);
    }
    for (int i = 1; i < 4; i++) {
        assert_string_not_equal(identities[0], identities[i]);
    }
    assert_string_equal(identities[0], identities[4]);
}

static void long_runs_stay_in_range(void **state)
{
    (void)state;
    struct mri_feed feed = open_feed(3, 1, 1000000);
    struct mri_feed_item item;
    while (feed.next(feed.state, &item) == MR_OK) {
        bool is_bar = item.kind == MRI_FEED_CANDLE;
        assert_true(!is_bar || (item.candle.low > 20000 && item.candle.high < 12500000));
    }
    feed.close(feed.state);
}

static void options_out_of_range_and_missing_memory_are_answered(void **state)
{
    (void)state;
    static const struct mri_synthetic_options bad[] = {{1, 0, 1}, {1, 1, 0},
        {1, MRI_SYNTHETIC_SYMBOLS_MAX + 1, 1}, {1, 1, MRI_SYNTHETIC_BARS_MAX + 1}};
    struct mri_feed feed;
    for (size_t i = 0; i < MRI_COUNT_OF(bad); i++) {
        assert_int_equal(mri_synthetic_open(mri_alloc_system(), &bad[i], &feed), MR_EINVAL);
    }
    const struct mri_synthetic_options good = {1, MRI_SYNTHETIC_SYMBOLS_MAX, 1};
    for (unsigned failing = 1; failing <= 4; failing++) {
        struct failing_alloc alloc;
        failing_alloc_init(&alloc, failing);
        mr_err err = mri_synthetic_open(&alloc.alloc, &good, &feed);
        assert_int_equal(err, failing <= 3 ? MR_ENOMEM : MR_OK);
        if (err == MR_OK) {
            assert_string_equal(feed.instruments[98].symbol, "SIM99USD");
            feed.close(feed.state);
        }
        assert_int_equal(alloc.live_bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planted_truth_can_be_measured),
        cmocka_unit_test(returns_have_the_volatility_and_correlation_promised),
        cmocka_unit_test(signals_have_the_rhythm_promised),
        cmocka_unit_test(every_item_is_consistent_and_in_order),
        cmocka_unit_test(the_same_seed_gives_the_same_bits_everywhere),
        cmocka_unit_test(the_identity_names_every_option),
        cmocka_unit_test(long_runs_stay_in_range),
        cmocka_unit_test(options_out_of_range_and_missing_memory_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
