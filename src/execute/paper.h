/* SPDX-License-Identifier: MIT */
/**
 * The paper venue: fills on candles, with fee, spread and slippage.
 */
#ifndef MRI_EXECUTE_PAPER_H
#define MRI_EXECUTE_PAPER_H

#include "execute/venue.h"

/** Costs in hundredths of a basis point (1e-6), so that they are integers. */
struct mri_paper {
    int64_t fee_e6;
    int64_t half_spread_e6;
    int64_t slippage_e6;
};

/**
 * A paper venue with these costs.
 *
 * @param mode  SIM on a simulated market, PAPER on a real one
 *
 * Returns  the venue; `paper` must outlive it.
 * Threads  any.
 */
struct mri_venue mri_paper_venue(const struct mri_paper *paper, enum mri_venue_mode mode);

#endif
