/* SPDX-License-Identifier: MIT */
/**
 * Facts from outside: quotes, bars, funding rates.
 */
#ifndef MILLRACE_BUS_FACTS_H
#define MILLRACE_BUS_FACTS_H

#include "millrace/bus_signal.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The most facts in one call. */
#define MR_BUS_FACTS_MAX 4096

/** A quote: the best bid and ask of a venue. */
typedef struct mr_quote {
    const char *symbol;   /**< registered */
    const char *source;   /**< who brings it in, up to 64 bytes, not only spaces; NULL is absent */
    int64_t time_unix_ns; /**< the venue's; 0: absent, which only a live log takes */
    double bid;           /**< above zero, a multiple of the tick, not above the ask */
    double ask;
    bool has_bid_quantity;
    bool has_ask_quantity;
    double bid_quantity; /**< zero or more, rounded to the instrument's decimals */
    double ask_quantity;
} mr_quote;

/** A finished bar of one minute. */
typedef struct mr_candle {
    const char *symbol;         /**< registered */
    int64_t close_time_unix_ns; /**< where it ends: a full minute */
    double open;                /**< prices above zero, multiples of the tick */
    double high;
    double low;
    double close;
    double volume; /**< zero or more */
} mr_candle;

/** What holding a perpetual contract costs. It is kept and can be asked for; positions on paper are
 * not charged. */
typedef struct mr_funding {
    const char *symbol;        /**< registered */
    const char *source;        /**< as of a quote */
    int64_t time_unix_ns;      /**< the venue's; 0: absent, which only a live log takes */
    double rate;               /**< share of the notional that longs pay shorts, -1 to 1 */
    int64_t interval_ns;       /**< between payments, up to 7 days; 0: absent */
    int64_t next_time_unix_ns; /**< of the next payment; 0: absent */
} mr_funding;

/**
 * Bring in quotes as one batch: all that are new, or none. The middle of the newest quote or the
 * newest close, whichever is newer, is the price in force: outcomes are priced with it, and orders
 * on paper filled.
 *
 * In a simulated log the venue's time is the event time, and facts come in order of time over all
 * symbols; in a live log a quote is in force from when it came.
 *
 * @param ret_repeated  NULL, or how many were the newest of their symbol already
 *
 * Returns  MR_OK; MR_REFUSED a field is not as it must be, it is older than the newest of its
 * symbol or lies in the future, or the log has a feed of its own: *reterr_problem says what and of
 *          which quote; MR_EINVAL arguments; as mr_log_append().
 * Threads  one at a time per handle.
 * Cost     the first time, as a handle that folds the log (bus.h); MR_GROUP waits for one
 *          fdatasync.
 */
MR_MUST_USE mr_err mr_bus_quote(mr_bus *bus, const mr_quote *quotes, size_t count,
    mr_durability durability, size_t *ret_repeated, mr_problem *reterr_problem);

/**
 * Bring in bars, as mr_bus_quote(): they do what bars of a feed do. Bars that are missing before
 * one are told in a market.gap.
 *
 * @param ret_repeated  NULL, or how many were the newest of their symbol already
 *
 * Returns  as mr_bus_quote(); MR_REFUSED also for another bar of the same symbol and time.
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_candle(mr_bus *bus, const mr_candle *candles, size_t count,
    mr_durability durability, size_t *ret_repeated, mr_problem *reterr_problem);

/**
 * Bring in funding rates, as mr_bus_quote().
 *
 * @param ret_repeated  NULL, or how many were the newest of their symbol already
 *
 * Returns  as mr_bus_quote(); MR_REFUSED also for other funding of the same symbol and time.
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_funding(mr_bus *bus, const mr_funding *fundings, size_t count,
    mr_durability durability, size_t *ret_repeated, mr_problem *reterr_problem);

#ifdef __cplusplus
}
#endif
#endif
