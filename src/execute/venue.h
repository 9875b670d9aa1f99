/* SPDX-License-Identifier: MIT */
/**
 * What a venue must provide, and what it answers: a fill with its price, its reference and its
 * costs, or nothing yet.
 *
 * The price that the market showed is the reference; what spread and slippage added to it is
 * counted apart, so that gross - fee - slippage = net holds on every position.
 */
#ifndef MRI_EXECUTE_VENUE_H
#define MRI_EXECUTE_VENUE_H

#include "bus/event_codec.h"
#include "market/instruments.h"

/** An order that lives at a venue. */
struct mri_venue_order {
    const struct mri_instrument_spec *spec;
    mr_side side; /**< long buys */
    enum mri_order_type type;
    int64_t quantity;
    int64_t trigger_price; /**< of stop and limit */
};

/** A fill of an order that is over. The venue here fills all of it at once. */
struct mri_venue_fill {
    int64_t price;
    int64_t reference_price;
    int64_t fee_e8;
    int64_t slippage_e8; /**< >= 0; of a venue outside also below */
};

/** A venue. The context is its own. */
struct mri_venue {
    const void *context;
    enum mri_venue_mode mode;

    /** Would it take this order? MR_OK; MR_REFUSED: off the lot, or below its minimum. */
    mr_err (*check)(const void *context, const struct mri_venue_order *order);

    /**
     * What happens to an order in a bar.
     * A market order was placed at the close before, so it fills at the bar's open.
     *
     * MR_OK a fill; MR_NOT_FOUND it lives on; MR_ERANGE numbers do not fit.
     */
    mr_err (*match)(const void *context, const struct mri_venue_order *order,
        const struct mri_candle *candle, struct mri_venue_fill *ret_fill);
};

#endif
