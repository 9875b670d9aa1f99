/* SPDX-License-Identifier: MIT */
/**
 * The market as of a position in the stream of events: registry, newest bar, quote and price of
 * each symbol, and the few features that several engines need.
 *
 * The price in force of a symbol is the newest close or the middle of the newest quote, whichever
 * is newer; of the same time, what came later in the log. Features are made of bars alone.
 *
 * Every engine reads it, none changes it: it changes by applying market events alone.
 */
#ifndef MRI_MARKET_MARKET_H
#define MRI_MARKET_MARKET_H

#include "base/rolling.h"
#include "base/unpack.h"
#include "market/instruments.h"

/** Nanoseconds of the bars that sources and horizons count in. */
#define MRI_BAR_NS ((int64_t)60 * 1000000000)

/** The newest bar as numbers for statistics. NaN = absent. */
struct mri_bar {
    double open;
    double high;
    double low;
    double close;
    double volume;
    double log_close;
    double log_return; /**< since the bar before; NaN after a gap */
    double volatility; /**< standard deviation of log_return, 240 bars (at least 120) */
    uint32_t missing;  /**< bars that are missing before this one */
    uint8_t regime;    /**< enum mri_regime */
    uint8_t reserved[3];
};

/** A price with its own time. */
struct mri_price {
    int64_t price;
    int64_t time_unix_ns;
};

/** What is known of a symbol. Times of 0: nothing yet. */
struct mri_market_symbol {
    struct mri_candle candle; /**< the newest */
    int64_t close_time_unix_ns;
    struct mri_quote quote;          /**< the newest */
    struct mri_funding funding;      /**< the newest */
    struct mri_price price;          /**< in force: the newest */
    struct mri_price previous_price; /**< the one before */
    int64_t is_quoted_within;        /**< a price came within the newest bar's time, before it: the
                                          bar's range lies in part behind prices that were seen */
    struct mri_bar bar;
    struct mri_rolling log_closes;   /**< 11 slots, for differences over 10 bars */
    struct mri_rolling returns;      /**< 240 slots */
    struct mri_rolling returns_long; /**< 360 slots */
    struct mri_rolling differences;  /**< 360 slots of 10-bar differences */
};

struct mri_market {
    const struct mri_alloc *alloc;
    struct mri_instruments instruments;
    struct mri_market_symbol *symbols; /**< as many as instruments */
    int64_t event_time_unix_ns;        /**< newest event time; 0 = none yet */
    int64_t first_close_unix_ns;       /**< of the first bar of the run; 0 = none yet */
};

/**
 * Make an empty market.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_market_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_market_init(
    struct mri_market *market, const struct mri_alloc *alloc, uint32_t symbols_max);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_market_fini(struct mri_market *market);

/**
 * Take an event in: instruments, candles, quotes, funding, ticks and signals move the market or its
 * time, others are ignored.
 *
 * Returns  MR_OK; MR_ECORRUPT a candle of an unknown symbol or not newer than the last, a crossed
 *          quote or one that is older than the last; MR_FULL; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_market_apply(struct mri_market *market, const struct mri_event *event);

/**
 * What is known of a symbol.
 *
 * Returns  the symbol; NULL for a number that is not registered.
 * Owner    points into the market.
 * Threads  one at a time.
 */
const struct mri_market_symbol *mri_market_symbol(const struct mri_market *market, uint32_t symbol);

/**
 * The middle of a quote, in the decimals of its prices; half of the smallest unit goes down.
 *
 * Returns  the price.
 * Threads  any.
 */
int64_t mri_market_quote_middle(const struct mri_quote *quote);

/**
 * The price in force at a time that is not after the event time: the newest one at or before it.
 * Only the two newest prices are kept, so the time must not lie before the previous one.
 *
 * Returns  MR_OK; MR_NOT_FOUND the symbol has no price that old.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_market_price_at(const struct mri_market *market, uint32_t symbol,
    int64_t time_unix_ns, struct mri_price *ret_price);

/**
 * Can something of a symbol that is due at a time be priced now? All its bars up to that time must
 * have been seen: so it is when the input being decided is a bar or quote of the symbol at or after
 * the time, when time has moved past it, or when the feed has ended.
 *
 * Returns  true or false.
 * Threads  one at a time.
 */
bool mri_market_is_due(const struct mri_market *market, uint32_t symbol, int64_t due_unix_ns,
    const struct mri_event *input);

/**
 * Append the market to a snapshot.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time.
 */
void mri_market_save(const struct mri_market *market, struct mri_buf *buf);

/**
 * Take a market back into an empty one with the same limits.
 *
 * Returns  MR_OK; MR_ECORRUPT; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_market_load(struct mri_market *market, struct mri_unpack *unpack);

#endif
