/* SPDX-License-Identifier: MIT */
/**
 * A generator against its definition: markets are drawn, run through the engine of sources, and
 * every vote is compared with one that the test computes from plain arrays.
 */
#ifndef TESTS_LIB_VOTES_CHECK_H
#define TESTS_LIB_VOTES_CHECK_H

#include "sources/sources.h"
#include "tests/lib/naive_series.h"

/** What a generator must say at a slot. */
struct mri_naive_vote {
    double strength; /**< signed, compared with the threshold; NaN: not ready */
    double threshold;
    double x; /**< when |strength| is above the threshold, else 0 is expected */
};

/** The definition of a generator. */
struct mri_naive_source {
    enum mri_source number;
    /** Compute series that the votes need; NULL: none. */
    void (*prepare)(const struct mri_naive_market *market);
    struct mri_naive_vote (*vote)(const struct mri_naive_market *market, size_t slot);
};

/**
 * The sign of a strength with a confidence of |strength| / full, at least 0.34, at most 1.
 *
 * Returns  x.
 * Threads  any.
 */
double mri_naive_confidence(double strength, double full);

/**
 * Compare on markets of several seeds, gaps included; assertions of cmocka fail. The markets must
 * have shown votes on both sides, ready ones without a vote, and ones that were not ready after a
 * gap.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_votes_check(const struct mri_naive_source *source);

#endif
