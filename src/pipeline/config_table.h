/* SPDX-License-Identifier: MIT */
/**
 * Every setting there is: the one source of the struct, the defaults, the parser, `config --print`
 * and docs/CONFIG.md.
 *
 * C(section, key, kind, default, low, high, unit, about)
 *   kind: integer (int64), number (double), or choice_<name> (an enum of words below). low and high
 *   are inclusive; choices use 0, 0. The member of struct mri_config is section_key.
 *
 * Logs hold this text. A row may be added: logs without it are read with its default, which must
 * therefore be what the program did before. A row that is removed or renamed, or a range that is
 * narrowed, makes logs that hold it unreadable.
 */
#ifndef MRI_PIPELINE_CONFIG_TABLE_H
#define MRI_PIPELINE_CONFIG_TABLE_H

#define MRI_CONFIG_MAP(C)                                                                          \
    C(sources, emit, choice_emit, MRI_EMIT_ON_CHANGE, 0, 0, "",                                    \
        "when a source emits: on_change of side or strength band, or on every_bar while active")   \
    C(sources, band, number, 0.25, 0.05, 1, "confidence", "width of a strength band")              \
    C(signals, valid_for, integer, 300, 1, 86400, "s",                                             \
        "how long a signal without a limit of its own waits for a decision and counts as "         \
        "evidence")                                                                                \
    C(view, step_bars, integer, 5, 1, 60, "bars", "a step view opens every so many bars")          \
    C(gates, stale_signal, integer, 120, 1, 86400, "s", "oldest signal that is decided on")        \
    C(gates, stale_price, integer, 120, 1, 86400, "s", "oldest price that is decided on")          \
    C(gates, cooldown, integer, 300, 0, 86400, "s",                                                \
        "pause after an approval of the same symbol and side")                                     \
    C(gates, coverage_min, number, 0.6, 0, 1, "share",                                             \
        "share of the internal sources that must have the input they need")                        \
    C(gates, ev_z, number, 1, 0, 5, "sd",                                                          \
        "standard errors taken off the expected value before it is compared with costs")           \
    C(gates, positions_max, integer, 10, 1, 1000, "count", "open positions and pending entries")   \
    C(gates, exposure_max, number, 20000, 1, 1e12, "quote", "open notional, pending included")     \
    C(execute, venue, choice_venue, MRI_CHOICE_VENUE_PAPER, 0, 0, "",                              \
        "who fills orders: paper, from the prices that come; external, an executor outside, "      \
        "which "                                                                                   \
        "takes them and reports (EXECUTION.md)")                                                   \
    C(execute, report_within, integer, 120, 0, 604800, "s",                                        \
        "an order outside that nobody reports on for longer is stuck, and alerted; 0: never")      \
    C(execute, equity, number, 10000, 1, 1e12, "quote", "capital that sizes are shares of")        \
    C(execute, kelly_fraction, number, 0.25, 0.01, 1, "share", "part of the Kelly bet")            \
    C(execute, notional_cap, number, 0.2, 0.001, 10, "share of equity", "largest position")        \
    C(execute, stop_sd, number, 1.5, 0.1, 20, "sd of the 30m return", "distance of the stop")      \
    C(execute, target_sd, number, 2, 0.1, 20, "sd of the 30m return", "distance of the target")    \
    C(execute, hold, integer, 1800, 60, 604800, "s", "longest holding time")                       \
    C(venue, fee, number, 5, 0, 100, "bps", "taker fee of each fill")                              \
    C(venue, half_spread, number, 1, 0, 100, "bps", "half the spread, paid by market orders")      \
    C(venue, slippage, number, 1, 0, 100, "bps", "beyond the spread, paid by market orders")       \
    C(shadow, enabled, choice_switch, MRI_CHOICE_SWITCH_TRUE, 0, 0, "",                            \
        "what every signal would have earned is kept (EXECUTION.md); false: new signals have no "  \
        "shadow")                                                                                  \
    C(shadow, places_max, integer, 65536, 1, 16777216, "count",                                    \
        "signals in the shadow book, from birth until the shadow closes, 150 bytes each; more "    \
        "are "                                                                                     \
        "left out, and counted")                                                                   \
    C(resolve, tolerance, integer, 90, 1, 3600, "s",                                               \
        "oldest price that counts as the price at a horizon")                                      \
    C(learn, kappa, number, 0.2, 0.01, 1, "", "overlap weight of a view that is alone")            \
    C(learn, tau, number, 30, 0.1, 3650, "days", "time in which a coefficient forgets")            \
    C(learn, sd_global, number, 0.2, 0.001, 5, "", "prior of a source's coefficient")              \
    C(learn, sd_symbol, number, 0.05, 0.0001, 5, "", "prior of its deviation for a symbol")        \
    C(learn, sd_regime, number, 0.05, 0.0001, 5, "", "prior of its deviation for a regime")        \
    C(learn, ev_noise, number, 1, 0.01, 100, "", "variance of return / volatility")                \
    C(learn, platt_sd, number, 1, 0.001, 10, "", "prior of the static member's slope")             \
    C(learn, mixture_coin, number, 0.57, 0.001, 1, "", "prior weight of the coin")                 \
    C(learn, mixture_platt, number, 0.215, 0.001, 1, "",                                           \
        "prior weight of the calibrated static weights")                                           \
    C(learn, mixture_pool, number, 0.215, 0.001, 1, "", "prior weight of the log-odds pool")       \
    C(learn, fixed_share, number, 0.0001, 0, 0.1, "",                                              \
        "part of each weight shared once an event time")                                           \
    C(learn, eta_factor, number, 2, 0.1, 10, "", "learning rate of the mixture / overlap weight")  \
    C(learn, score_after, number, 3, 0, 365, "days", "skill is counted from this time on")         \
    C(lifecycle, stuck_after_generated, integer, 900, 0, 604800, "s",                              \
        "a signal that stays in this state longer is stuck, and alerted; 0: never")                \
    C(lifecycle, stuck_after_evaluating, integer, 600, 0, 604800, "s", "likewise")                 \
    C(lifecycle, stuck_after_approved, integer, 600, 0, 604800, "s", "likewise")                   \
    C(lifecycle, stuck_after_executing, integer, 900, 0, 604800, "s", "likewise")                  \
    C(lifecycle, stuck_after_executed, integer, 7200, 0, 604800, "s", "likewise")                  \
    C(lifecycle, stuck_after_blocked, integer, 7200, 0, 604800, "s", "likewise")                   \
    C(lifecycle, stuck_after_expired, integer, 7200, 0, 604800, "s", "likewise")                   \
    C(lifecycle, learned_kept, integer, 604800, 0, 315360000, "s",                                 \
        "a learned signal that was emitted longer ago leaves the memory that processes share "     \
        "when "                                                                                    \
        "new ones come; the log still has it; 0: only when its room is needed")                    \
    C(log, segment, integer, 64, 4, 1024, "MiB", "size of a segment; a power of two")              \
    C(log, snapshot_events, integer, 500000, 1000, 1000000000, "events",                           \
        "a snapshot is written after so many")                                                     \
    C(log, compare_events, integer, 1000000, 1000, 1000000000, "events",                           \
        "the state that processes share is compared with the log after so many, by a run and by "  \
        "who asks for health")                                                                     \
    C(limits, signals_max, integer, 16777216, 1000, 268435455, "count", "signals in one log")      \
    C(limits, table_signals, integer, 131072, 4096, 134217728, "count",                            \
        "signals that the memory which processes share has room for, 90 bytes each; a power of "   \
        "two; a log keeps what it was made with")                                                  \
    C(limits, symbols_max, integer, 64, 1, 4096, "count", "symbols in one log")                    \
    C(limits, sources_max, integer, 96, 40, 1024, "count",                                         \
        "sources in one log, 32 of them reserved")                                                 \
    C(limits, names_max, integer, 4096, 8, 65535, "count", "distinct signal names in one log")     \
    C(synthetic, symbols, integer, 8, 1, 32, "count", "symbols of the simulated market")           \
    C(synthetic, bars, integer, 20160, 100, 10000000, "bars", "length of the simulated market")

/** X(NAME, value, text): when sources emit. */
#define MRI_CHOICE_EMIT_MAP(X)                                                                     \
    X(MRI_EMIT_ON_CHANGE, 0, "on_change")                                                          \
    X(MRI_EMIT_EVERY_BAR, 1, "every_bar")

/** X(NAME, value, text): who fills orders. */
#define MRI_CHOICE_VENUE_MAP(X)                                                                    \
    X(MRI_CHOICE_VENUE_PAPER, 0, "paper")                                                          \
    X(MRI_CHOICE_VENUE_EXTERNAL, 1, "external")

/** X(NAME, value, text): on and off. */
#define MRI_CHOICE_SWITCH_MAP(X)                                                                   \
    X(MRI_CHOICE_SWITCH_FALSE, 0, "false")                                                         \
    X(MRI_CHOICE_SWITCH_TRUE, 1, "true")

/** X(choice): the choices. */
#define MRI_CHOICE_MAP(X)                                                                          \
    X(emit, MRI_CHOICE_EMIT_MAP)                                                                   \
    X(venue, MRI_CHOICE_VENUE_MAP)                                                                 \
    X(switch, MRI_CHOICE_SWITCH_MAP)

/**
 * I(key, kind, about): the fields of one entry of `instruments:`. Text has no default; decimal is
 * a number in the decimals of the instrument.
 */
#define MRI_CONFIG_INSTRUMENT_MAP(I)                                                               \
    I(symbol, text, "what is predicted: letters, digits, '-', '_', '.', '/'")                      \
    I(venue, text, "where it trades")                                                              \
    I(native_name, text, "the venue's name for it")                                                \
    I(quote_currency, text, "what prices are in")                                                  \
    I(price_decimals, decimals, "decimals that prices are kept in, 0 to 12")                       \
    I(quantity_decimals, decimals, "decimals that quantities are kept in, 0 to 12")                \
    I(tick, price, "smallest step of a price")                                                     \
    I(lot, quantity, "smallest step of a quantity")                                                \
    I(quantity_min, quantity, "smallest order")                                                    \
    I(notional_min, money, "smallest order by value")                                              \
    I(multiplier, integer, "units of the symbol in one contract")

#endif
