/* SPDX-License-Identifier: MIT */
/*
 * Votes against definitions.
 */
#include "tests/lib/votes_check.h"

#include <math.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/engine_sample.h"

enum { SEEDS = 3, WARM_UP = 1500 };

/** What the markets have shown. */
struct shown {
    unsigned longs;
    unsigned shorts;
    unsigned silent;
    unsigned absent_late; /**< after the warm-up: behind a gap */
};

double mri_naive_confidence(double strength, double full)
{
    double size = fmin(fmax(fabs(strength) / full, 0.34), 1.0);
    return strength > 0.0 ? size : -size;
}

static void compare(const struct mri_vote *vote, const struct mri_naive_vote *naive)
{
    assert_int_equal(vote->is_ready, isfinite(naive->strength));
    if (!vote->is_ready) {
        assert_true(vote->x == 0.0);
        return;
    }
    double size = fabs(naive->strength);
    if (naive->threshold > 0.0 && mri_naive_is_near(size, naive->threshold)) {
        return; /* rounding decides */
    }
    double expected = size > naive->threshold ? naive->x : 0.0;
    assert_true(mri_naive_is_near(vote->x, expected));
}

static void count(struct shown *shown, const struct mri_vote *vote, size_t slot)
{
    shown->longs += vote->x > 0.0;
    shown->shorts += vote->x < 0.0;
    shown->silent += vote->is_ready && vote->x == 0.0;
    shown->absent_late += !vote->is_ready && slot > WARM_UP;
}

static void check_market(const struct mri_naive_source *source,
    const struct mri_naive_market *market, struct shown *shown)
{
    static struct mri_engine_sample sample;
    static struct mri_sources sources;
    const struct mri_sources_options options = {
        .band = 0.25, .valid_for_ns = 1, .symbols_max = MRI_ENGINE_SAMPLE_SYMBOLS_MAX};
    mri_engine_sample_init(&sample, 1);
    assert_int_equal(
        mri_sources_init(&sources, mri_alloc_system(), &sample.market, &options), MR_OK);
    mri_engine_sample_add(&sample, &mri_sources_engine, &sources);
    assert_null(mri_sources_votes(&sources, 0));
    for (size_t slot = 0; slot < market->slots; slot++) {
        if (market->candles[slot].close_time_unix_ns == 0) {
            continue;
        }
        assert_int_equal(mri_engine_sample_candle(&sample, &market->candles[slot]), MR_OK);
        const struct mri_vote *vote = &mri_sources_votes(&sources, 0)[source->number];
        struct mri_naive_vote naive = source->vote(market, slot);
        compare(vote, &naive);
        count(shown, vote, slot);
    }
    mri_sources_fini(&sources);
    mri_engine_sample_fini(&sample);
}

void mri_votes_check(const struct mri_naive_source *source)
{
    static struct mri_naive_market market;
    struct shown shown = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        mri_naive_market_make(&market, 0, MRI_NAIVE_SLOTS_MAX, 100 + seed);
        if (source->prepare != NULL) {
            source->prepare(&market);
        }
        check_market(source, &market, &shown);
    }
    assert_true(shown.longs > 20 && shown.shorts > 20 && shown.silent > 20);
    assert_true(shown.absent_late > 20);
}
