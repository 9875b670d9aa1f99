/* SPDX-License-Identifier: MIT */
/**
 * Every kind of event, with every field: the one source of the structs, the checks, the digest, the
 * printing and docs/FORMAT.md.
 *
 * A body is a fixed little-endian struct, then rows (arrays of fixed structs, counted in the fixed
 * part), then texts (a 16-bit length and UTF-8 each, json a 32-bit length). An empty text is an
 * absent one. Fields are ordered by size, so that there is no padding.
 *
 * F(kind, member, unit, about)   kind names a C type and how the field is checked and printed:
 *   ref        an event: 0 absent; with the high bit, so many records back; else its seq
 *   time       int64 ns since 1970 UTC           duration   int64 ns
 *   price      int64 in the instrument's price decimals
 *   quantity   int64 in the instrument's quantity decimals
 *   money      int64 with 8 decimals of the quote currency
 *   number     double, never NaN or infinite     count      uint32      small   uint8
 *   wide       uint64                            integer    int64
 *   symbol, instrument  uint32 numbers of the registry
 *   source     uint16: fixed for sources of this program, else from 32 on in order of first use
 *   any vocabulary of vocabulary.h (uint8), reason (uint16; reason8 uint8), flags16,
 *   pad8, pad16, pad32 (zero)
 */
#ifndef MRI_BUS_EVENT_TABLE_H
#define MRI_BUS_EVENT_TABLE_H

#include <stdint.h>

#include "bus/vocabulary.h"

/** K(ID, id, number, name, writers): the kinds. Numbers are never reused; gaps are kept for more.
 */
#define MRI_EVENT_MAP(K)                                                                           \
    K(SIGNAL_GENERATED, signal_generated, 256, "signal.generated", "sources, emit")                \
    K(SIGNAL_MOVED, signal_moved, 257, "signal.moved", "evaluate, execute, learn, timers")         \
    K(SIGNAL_CLAIMED, signal_claimed, 258, "signal.claimed", "workers, pipeline")                  \
    K(SIGNAL_OBSERVED, signal_observed, 259, "signal.observed", "drop-in, outside the lifecycle")  \
    K(SIGNAL_ANNOTATED, signal_annotated, 260, "signal.annotated", "outside")                      \
    K(VIEW, view, 288, "view", "evaluate")                                                         \
    K(PREDICTION, prediction, 289, "prediction", "evaluate")                                       \
    K(DECISION, decision, 290, "decision", "evaluate")                                             \
    K(SUPERSEDED, superseded, 291, "superseded", "pipeline")                                       \
    K(ORDER_INTENT, order_intent, 320, "order.intent", "execute")                                  \
    K(ORDER_SENT, order_sent, 321, "order.sent", "execute")                                        \
    K(ORDER_ACCEPTED, order_accepted, 322, "order.accepted", "execute")                            \
    K(ORDER_FILLED, order_filled, 323, "order.filled", "execute")                                  \
    K(ORDER_REJECTED, order_rejected, 324, "order.rejected", "execute")                            \
    K(ORDER_CANCELLED, order_cancelled, 325, "order.cancelled", "execute")                         \
    K(ORDER_IN_DOUBT, order_in_doubt, 326, "order.in_doubt", "execute")                            \
    K(ORDER_REPORT, order_report, 327, "order.report", "executors")                                \
    K(ORDER_DISPUTED, order_disputed, 328, "order.disputed", "executors, execute")                 \
    K(POSITION_OPENED, position_opened, 336, "position.opened", "execute")                         \
    K(POSITION_CLOSED, position_closed, 337, "position.closed", "execute")                         \
    K(SHADOW_CLOSED, shadow_closed, 340, "shadow.closed", "execute")                               \
    K(MODE_CHANGED, mode_changed, 344, "mode", "execute")                                          \
    K(OUTCOME, outcome, 352, "outcome", "resolve")                                                 \
    K(FEEDBACK, feedback, 384, "feedback", "learn")                                                \
    K(INSTRUMENT, instrument, 416, "instrument", "pipeline")                                       \
    K(CANDLE, candle, 417, "candle", "feed, outside")                                              \
    K(QUOTE, quote, 418, "quote", "outside")                                                       \
    K(FUNDING, funding, 420, "funding", "outside")                                                 \
    K(QUARANTINED, quarantined, 421, "quarantined", "feed, outside")                               \
    K(MARKET_GAP, market_gap, 422, "market.gap", "feed, outside")                                  \
    K(SESSION, session, 448, "session", "pipeline")                                                \
    K(CONFIG, config_changed, 449, "config", "pipeline")                                           \
    K(TICK, tick, 450, "tick", "clock, pipeline")                                                  \
    K(ALERT, alert, 451, "alert", "pipeline")

/* ---- signal ---------------------------------------------------------------------------------- */

/** Bits of signal_generated.present. */
enum { MRI_HAS_PRICE = 1, MRI_HAS_HORIZON = 2, MRI_LACKS_CONFIDENCE = 4 };

#define MRI_FIELDS_signal_generated(F)                                                             \
    F(ref, cause, "", "the candle that made it; absent for a signal from outside")                 \
    F(time, event_time_unix_ns, "", "when it was emitted")                                         \
    F(time, price_time_unix_ns, "", "time of the producer's price")                                \
    F(price, price, "", "the producer's price, if present bit 1 is set")                           \
    F(ref, feedback, "", "newest feedback that the producer had seen, informational")              \
    F(number, confidence, "", "0 to 1; 0 if present bit 4 is set")                                 \
    F(duration, valid_for_ns, "", "how long it may wait for a decision and count as evidence")     \
    F(symbol, symbol, "", "")                                                                      \
    F(instrument, instrument, "", "the instrument of the price")                                   \
    F(side, side, "", "")                                                                          \
    F(horizon, horizon, "", "the producer's horizon, if present bit 2 is set")                     \
    F(regime, regime, "", "the market's regime at emission")                                       \
    F(pad8, reserved_a, "", "")                                                                    \
    F(flags16, present, "", "1: price and its time; 2: horizon; 4: no confidence was given")       \
    F(pad16, reserved_b, "", "")
#define MRI_ROWS_signal_generated(R)
#define MRI_TEXTS_signal_generated(T)                                                              \
    T(text, signal_generated, source, "who emitted it")                                            \
    T(text, signal_generated, name, "the producer's name for this kind of signal")                 \
    T(text, signal_generated, external_id, "the producer's own id")                                \
    T(text, signal_generated, idempotency_key, "the same key of the same source: the same signal") \
    T(text, signal_generated, account, "")                                                         \
    T(json, signal_generated, data, "free data of the producer, never parsed here")

#define MRI_FIELDS_signal_moved(F)                                                                 \
    F(ref, cause, "", "what was decided on; absent for a move from outside")                       \
    F(ref, signal, "", "its signal.generated")                                                     \
    F(ref, evidence, "", "the event that shows why: decision, order or last outcome")              \
    F(state, from, "", "")                                                                         \
    F(state, to, "", "")                                                                           \
    F(actor, actor, "", "")                                                                        \
    F(gate, gate, "", "who blocked, when `to` is blocked or expired")                              \
    F(reason, reason, "", "")                                                                      \
    F(pad16, reserved, "", "")
#define MRI_ROWS_signal_moved(R)
#define MRI_TEXTS_signal_moved(T) T(json, signal_moved, data, "free data of a move from outside")

/**
 * A claim is taken, or ends. While it stands, the signal is moved by its owner alone, whose moves
 * name the claim as their evidence; its state is what the moves say.
 */
#define MRI_FIELDS_signal_claimed(F)                                                               \
    F(ref, signal, "", "its signal.generated")                                                     \
    F(ref, claim, "", "the signal.claimed that ends here; absent when one is taken")               \
    F(duration, lease_ns, "", "how long it is for without renewal; 0 when it ends")                \
    F(count, place, "", "where its lease is kept in the file `claims`; 0 when it ends")            \
    F(claim_act, act, "", "")                                                                      \
    F(state, from, "", "the state that the signal is in")                                          \
    F(state, next, "", "what the owner means to make of it")                                       \
    F(pad8, reserved, "", "")
#define MRI_ROWS_signal_claimed(R)
#define MRI_TEXTS_signal_claimed(T) T(text, signal_claimed, owner, "the worker's name")

#define MRI_FIELDS_signal_observed(F)                                                              \
    F(ref, about, "",                                                                              \
        "an emission's first signal.observed, or a signal.generated; absent: it is "               \
        "itself an emission")                                                                      \
    F(ref, previous, "", "the newest signal.observed about the same emission; absent: none")       \
    F(time, event_time_unix_ns, "", "when it was emitted or said")                                 \
    F(count, number, "", "of the emission, from 1; 0 when it is about a signal")                   \
    F(state, from, "", "where its emitter had it before")                                          \
    F(state, to, "", "where its emitter has it now; a signal of the lifecycle stays where it is")  \
    F(pad16, reserved, "", "")
#define MRI_ROWS_signal_observed(R)
#define MRI_TEXTS_signal_observed(T)                                                               \
    T(text, signal_observed, symbol_name, "as its emitter wrote it")                               \
    T(text, signal_observed, source, "who emitted it")                                             \
    T(json, signal_observed, data, "what was emitted or said, never parsed here")

/** Bits of signal_annotated.present. */
enum { MRI_HAS_RETURN = 1 };

/** What somebody outside has learned from a signal. It is kept, with its evidence; only outcomes
 * change what is learned here. */
#define MRI_FIELDS_signal_annotated(F)                                                             \
    F(ref, signal, "", "its signal.generated")                                                     \
    F(time, event_time_unix_ns, "", "when it was said")                                            \
    F(number, return_bps, "bps", "what it brought in the signal's side, if present bit 1 is set")  \
    F(judgement, judgement, "", "")                                                                \
    F(pad8, reserved_a, "", "")                                                                    \
    F(flags16, present, "", "1: return_bps")                                                       \
    F(pad32, reserved_b, "", "")
#define MRI_ROWS_signal_annotated(R)
#define MRI_TEXTS_signal_annotated(T)                                                              \
    T(text, signal_annotated, source, "who says so")                                               \
    T(text, signal_annotated, lesson, "for people")                                                \
    T(json, signal_annotated, evidence, "free data, never parsed here")

/* ---- evaluate -------------------------------------------------------------------------------- */

#define MRI_FIELDS_view(F)                                                                         \
    F(ref, cause, "", "")                                                                          \
    F(time, event_time_unix_ns, "", "")                                                            \
    F(price, price, "", "the symbol's close in force")                                             \
    F(number, volatility, "", "standard deviation of the 1-minute log return; 0 = absent")         \
    F(symbol, symbol, "", "")                                                                      \
    F(view_kind, kind, "", "")                                                                     \
    F(regime, regime, "", "")                                                                      \
    F(small, term_count, "", "")                                                                   \
    F(small, signal_count, "", "signals decided on this view")                                     \
    F(small, open_1m, "", "open step views of the symbol at 1m, this one included")                \
    F(small, open_5m, "", "")                                                                      \
    F(small, open_15m, "", "")                                                                     \
    F(small, open_30m, "", "")                                                                     \
    F(small, open_1h, "", "")                                                                      \
    F(small, ready_count, "", "internal sources that had the input they need")                     \
    F(small, source_count, "", "internal sources there are")                                       \
    F(pad8, reserved, "", "")
#define MRI_ROWS_view(R) R(term, view, terms, term_count)
#define MRI_TEXTS_view(T)

/** One source's evidence in a view. */
#define MRI_ROW_term(F)                                                                            \
    F(number, x, "", "confidence, + for long and - for short")                                     \
    F(count, ordinal, "", "the external signal it is; 0 for an internal source")                   \
    F(source, source, "", "")                                                                      \
    F(origin, origin, "", "")                                                                      \
    F(pad8, reserved, "", "")

#define MRI_FIELDS_prediction(F)                                                                   \
    F(ref, cause, "", "")                                                                          \
    F(ref, view, "", "")                                                                           \
    F(ref, feedback, "", "the newest feedback in force")                                           \
    F(small, forecast_count, "", "one a horizon")                                                  \
    F(small, has_ev, "", "1: the expected values are present (volatility was known)")              \
    F(pad16, reserved_a, "", "")                                                                   \
    F(pad32, reserved_b, "", "")
#define MRI_ROWS_prediction(R) R(forecast, prediction, forecasts, forecast_count)
#define MRI_TEXTS_prediction(T)

/** What is expected at one horizon. */
#define MRI_ROW_forecast(F)                                                                        \
    F(number, prob_up, "", "of the protected mixture")                                             \
    F(number, prob_pool, "", "of the log-odds pool alone")                                         \
    F(number, ev_bps, "bps", "expected return, + is up")                                           \
    F(number, ev_sd_bps, "bps", "standard error of ev_bps")

#define MRI_FIELDS_decision(F)                                                                     \
    F(ref, cause, "", "")                                                                          \
    F(ref, signal, "", "")                                                                         \
    F(ref, view, "", "")                                                                           \
    F(ref, feedback, "", "the newest feedback that this decision used")                            \
    F(verdict, verdict, "", "")                                                                    \
    F(gate, gate, "", "the first gate that blocked")                                               \
    F(horizon, horizon, "", "the horizon whose expected value was judged")                         \
    F(side, side, "", "")                                                                          \
    F(reason, reason, "", "")                                                                      \
    F(small, gate_count, "", "")                                                                   \
    F(small, factor_count, "", "0 unless every gate of the chain passed")                          \
    F(small, size_count, "", "1: the size of the order follows")                                   \
    F(small, advisory, "", "1: said beside the signal's owner: nothing was moved, a shadow alone") \
    F(pad16, reserved_b, "", "")                                                                   \
    F(symbol, symbol, "", "")
#define MRI_ROWS_decision(R)                                                                       \
    R(gate_number, decision, numbers, gate_count)                                                  \
    R(factor, decision, factors, factor_count)                                                     \
    R(order_size, decision, sizes, size_count)                                                     \
    R(gate_code, decision, codes, gate_count)
#define MRI_TEXTS_decision(T)

/** What a gate compared. */
#define MRI_ROW_gate_number(F)                                                                     \
    F(number, value, "", "in the unit of the gate; 0 when absent")                                 \
    F(number, threshold, "", "")

/** What a gate said. */
#define MRI_ROW_gate_code(F)                                                                       \
    F(gate, gate, "", "")                                                                          \
    F(verdict, verdict, "", "")                                                                    \
    F(unit, unit, "", "")                                                                          \
    F(reason8, reason, "", "input_absent: the value is absent, whatever the verdict")

/** One factor of the order size: the product of all is the notional. */
#define MRI_ROW_factor(F)                                                                          \
    F(number, value, "", "")                                                                       \
    F(factor, factor, "", "")                                                                      \
    F(pad8, reserved_a, "", "")                                                                    \
    F(pad16, reserved_b, "", "")                                                                   \
    F(pad32, reserved_c, "", "")

/** The size of an approved order. */
#define MRI_ROW_order_size(F)                                                                      \
    F(quantity, quantity, "", "rounded down to the lot")                                           \
    F(money, notional_e8, "", "at the price in force")

#define MRI_FIELDS_superseded(F)                                                                   \
    F(ref, cause, "", "the input whose outputs lost")                                              \
    F(ref, winner, "", "the move or claim of another process that was first")
#define MRI_ROWS_superseded(R)
#define MRI_TEXTS_superseded(T)

/* ---- execute --------------------------------------------------------------------------------- */

#define MRI_FIELDS_order_intent(F)                                                                 \
    F(ref, cause, "", "")                                                                          \
    F(ref, signal, "", "")                                                                         \
    F(ref, decision, "", "the decision that led here")                                             \
    F(quantity, quantity, "", "")                                                                  \
    F(price, reference_price, "", "the close it was decided at")                                   \
    F(price, trigger_price, "", "of a stop or limit order; 0 for market")                          \
    F(instrument, instrument, "", "")                                                              \
    F(side, side, "", "of the order: long buys")                                                   \
    F(leg, leg, "", "")                                                                            \
    F(order_type, order_type, "", "")                                                              \
    F(venue_mode, venue_mode, "", "")
#define MRI_ROWS_order_intent(R)
#define MRI_TEXTS_order_intent(T)

/** The fields of every fact about an order that carries no numbers. */
#define MRI_FIELDS_order_fact(F)                                                                   \
    F(ref, cause, "", "")                                                                          \
    F(ref, signal, "", "")                                                                         \
    F(ref, intent, "", "")                                                                         \
    F(instrument, instrument, "", "")                                                              \
    F(leg, leg, "", "")                                                                            \
    F(venue_mode, venue_mode, "", "")                                                              \
    F(reason, reason, "", "")
#define MRI_FIELDS_order_sent(F) MRI_FIELDS_order_fact(F)
#define MRI_ROWS_order_sent(R)
#define MRI_TEXTS_order_sent(T)
#define MRI_FIELDS_order_accepted(F) MRI_FIELDS_order_fact(F)
#define MRI_ROWS_order_accepted(R)
#define MRI_TEXTS_order_accepted(T)
#define MRI_FIELDS_order_rejected(F) MRI_FIELDS_order_fact(F)
#define MRI_ROWS_order_rejected(R)
#define MRI_TEXTS_order_rejected(T)
#define MRI_FIELDS_order_cancelled(F) MRI_FIELDS_order_fact(F)
#define MRI_ROWS_order_cancelled(R)
#define MRI_TEXTS_order_cancelled(T)

#define MRI_FIELDS_order_in_doubt(F) MRI_FIELDS_order_fact(F)
#define MRI_ROWS_order_in_doubt(R)
#define MRI_TEXTS_order_in_doubt(T)

/** What an executor says of an order: an input; what follows from it are the events above. */
#define MRI_FIELDS_order_report(F)                                                                 \
    F(ref, intent, "", "the order.intent that it is about")                                        \
    F(ref, signal, "", "")                                                                         \
    F(time, event_time_unix_ns, "", "the log's, when it came")                                     \
    F(time, venue_time_unix_ns, "", "the venue's own; 0: absent")                                  \
    F(quantity, quantity, "", "of filled: all of the order, or a part of it; else absent")         \
    F(price, price, "", "of filled: what was paid or got for that; else absent")                   \
    F(money, fee_e8, "", "of filled: below 0 when the venue paid; else absent")                    \
    F(instrument, instrument, "", "")                                                              \
    F(side, side, "", "of the order: long buys")                                                   \
    F(leg, leg, "", "")                                                                            \
    F(report_status, status, "", "")                                                               \
    F(pad8, reserved, "", "")
#define MRI_ROWS_order_report(R)
#define MRI_TEXTS_order_report(T)                                                                  \
    T(text, order_report, venue_order_id, "the order's id at the venue")                           \
    T(text, order_report, executor, "who says so")                                                 \
    T(text, order_report, message, "what the venue said, for people")

/** A report that contradicts what is known of the order: it has changed nothing. */
#define MRI_FIELDS_order_disputed(F)                                                               \
    F(ref, cause, "", "the order.report; absent: it was refused before it became one")             \
    F(ref, intent, "", "of the order; absent: there is none")                                      \
    F(time, event_time_unix_ns, "", "the log's, when it came")                                     \
    F(reason, reason, "", "")                                                                      \
    F(report_status, status, "", "what was reported")                                              \
    F(pad8, reserved_a, "", "")                                                                    \
    F(pad32, reserved_b, "", "")
#define MRI_ROWS_order_disputed(R)
#define MRI_TEXTS_order_disputed(T)                                                                \
    T(text, order_disputed, order_id, "the client order id that was given")                        \
    T(text, order_disputed, executor, "who said so")                                               \
    T(text, order_disputed, message, "what was said and why it was refused, for people")

#define MRI_FIELDS_order_filled(F)                                                                 \
    F(ref, cause, "", "")                                                                          \
    F(ref, signal, "", "")                                                                         \
    F(ref, intent, "", "")                                                                         \
    F(time, event_time_unix_ns, "", "the open of the bar of the fill, or when its report came")    \
    F(quantity, quantity, "", "of the order that is over: less than its own when its rest ended")  \
    F(price, price, "", "what was paid or got; of parts their mean, weighted by quantity")         \
    F(price, reference_price, "",                                                                  \
        "the market without spread and slippage; of a report: when the intent was made")           \
    F(money, fee_e8, "", "")                                                                       \
    F(money, slippage_e8, "", "cost of price against reference_price; below 0 only of a report")   \
    F(instrument, instrument, "", "")                                                              \
    F(side, side, "", "of the order: long buys")                                                   \
    F(leg, leg, "", "")                                                                            \
    F(venue_mode, venue_mode, "", "")                                                              \
    F(pad8, reserved, "", "")
#define MRI_ROWS_order_filled(R)
#define MRI_TEXTS_order_filled(T)

#define MRI_FIELDS_position_opened(F)                                                              \
    F(ref, cause, "", "")                                                                          \
    F(ref, signal, "", "")                                                                         \
    F(ref, fill, "", "the entry's order.filled")                                                   \
    F(time, event_time_unix_ns, "", "")                                                            \
    F(time, exit_time_unix_ns, "", "when it is closed at the latest")                              \
    F(quantity, quantity, "", "")                                                                  \
    F(price, price, "", "entry price")                                                             \
    F(price, stop_price, "", "")                                                                   \
    F(price, target_price, "", "")                                                                 \
    F(money, notional_e8, "", "price times quantity")                                              \
    F(symbol, symbol, "", "")                                                                      \
    F(instrument, instrument, "", "")                                                              \
    F(side, side, "", "")                                                                          \
    F(venue_mode, venue_mode, "", "")                                                              \
    F(pad16, reserved_a, "", "")                                                                   \
    F(pad32, reserved_b, "", "")
#define MRI_ROWS_position_opened(R)
#define MRI_TEXTS_position_opened(T)

#define MRI_FIELDS_position_closed(F)                                                              \
    F(ref, cause, "", "")                                                                          \
    F(ref, signal, "", "")                                                                         \
    F(ref, fill, "", "the exit's order.filled")                                                    \
    F(time, event_time_unix_ns, "", "")                                                            \
    F(quantity, quantity, "", "")                                                                  \
    F(price, entry_price, "", "")                                                                  \
    F(price, exit_price, "", "")                                                                   \
    F(money, gross_e8, "", "at the reference prices")                                              \
    F(money, fee_e8, "", "of entry and exit")                                                      \
    F(money, slippage_e8, "", "of entry and exit")                                                 \
    F(money, net_e8, "", "gross - fee - slippage")                                                 \
    F(symbol, symbol, "", "")                                                                      \
    F(instrument, instrument, "", "")                                                              \
    F(side, side, "", "")                                                                          \
    F(venue_mode, venue_mode, "", "")                                                              \
    F(reason, reason, "", "stop, target or time")                                                  \
    F(pad32, reserved, "", "")
#define MRI_ROWS_position_closed(R)
#define MRI_TEXTS_position_closed(T)

/**
 * What a signal would have earned, or that it cannot be said: nothing is traded, and no order
 * stands behind it. That it was opened is not logged by itself: it follows from the decision and
 * the next price, and is told here with all it was.
 */
#define MRI_FIELDS_shadow_closed(F)                                                                \
    F(ref, cause, "", "")                                                                          \
    F(ref, signal, "", "")                                                                         \
    F(ref, decided, "", "the decision, or the move that was one")                                  \
    F(ref, entry, "", "the bar or quote that it was opened at; absent: it never was")              \
    F(time, entry_time_unix_ns, "", "the open of that bar, or the quote's time")                   \
    F(time, event_time_unix_ns, "", "the end")                                                     \
    F(quantity, quantity, "", "of the order that was approved; else the base size")                \
    F(price, entry_price, "", "")                                                                  \
    F(price, stop_price, "", "")                                                                   \
    F(price, target_price, "", "")                                                                 \
    F(price, exit_price, "", "absent when there was no exit")                                      \
    F(money, gross_e8, "", "at the reference prices; absent when there was no exit")               \
    F(money, fee_e8, "", "of entry and exit; absent likewise")                                     \
    F(money, slippage_e8, "", "of both, with half the spread; absent likewise")                    \
    F(money, net_e8, "", "gross - fee - slippage; absent likewise")                                \
    F(symbol, symbol, "", "")                                                                      \
    F(side, side, "", "")                                                                          \
    F(gate, gate, "", "who blocked; absent of a twin")                                             \
    F(reason8, reason, "", "stop, target or time; else why it was not priced")                     \
    F(small, advisory, "", "1: decided beside the signal's owner")
#define MRI_ROWS_shadow_closed(R)
#define MRI_TEXTS_shadow_closed(T)

#define MRI_FIELDS_mode_changed(F)                                                                 \
    F(ref, cause, "", "")                                                                          \
    F(mode, from, "", "")                                                                          \
    F(mode, to, "", "")                                                                            \
    F(actor, actor, "", "")                                                                        \
    F(pad8, reserved_a, "", "")                                                                    \
    F(reason, reason, "", "")                                                                      \
    F(pad16, reserved_b, "", "")
#define MRI_ROWS_mode_changed(R)
#define MRI_TEXTS_mode_changed(T)

/* ---- resolve --------------------------------------------------------------------------------- */

#define MRI_FIELDS_outcome(F)                                                                      \
    F(ref, cause, "", "")                                                                          \
    F(ref, signal, "", "")                                                                         \
    F(time, due_unix_ns, "", "emission plus horizon")                                              \
    F(time, price_time_unix_ns, "", "of the price; 0 when unresolved")                             \
    F(price, price, "", "in force at the horizon; 0 when unresolved")                              \
    F(price, entry_price, "", "in force at emission; 0 when there was none")                       \
    F(number, return_bps, "bps", "of the market, + is up; 0 when unresolved")                      \
    F(instrument, instrument, "", "")                                                              \
    F(horizon, horizon, "", "")                                                                    \
    F(outcome_status, status, "", "")                                                              \
    F(reason, reason, "", "why it is excluded or unresolved")
#define MRI_ROWS_outcome(R)
#define MRI_TEXTS_outcome(T)

/* ---- learn ----------------------------------------------------------------------------------- */

#define MRI_FIELDS_feedback(F)                                                                     \
    F(ref, cause, "", "")                                                                          \
    F(ref, view, "", "the step view that matured")                                                 \
    F(number, return_bps, "bps", "of the market over the horizon, + is up; 0 when unresolved")     \
    F(number, weight, "", "overlap weight: kappa / open step views")                               \
    F(number, prob_before, "", "prob_up as it was published")                                      \
    F(number, platt_slope, "", "of the calibrated static member, after")                           \
    F(number, platt_variance, "", "after")                                                         \
    F(number, log_weight_coin, "", "of the mixture, after")                                        \
    F(number, log_weight_platt, "", "after")                                                       \
    F(number, log_weight_pool, "", "after")                                                        \
    F(horizon, horizon, "", "")                                                                    \
    F(feedback_status, status, "", "only `learned` changes anything")                              \
    F(small, cell_count, "", "")                                                                   \
    F(small, signal_count, "", "signals that were decided on the view")                            \
    F(symbol, symbol, "", "")
#define MRI_ROWS_feedback(R) R(cell, feedback, cells, cell_count)
#define MRI_TEXTS_feedback(T)

/** The coefficients of one source and direction after the update, as of the feedback's time. */
#define MRI_ROW_cell(F)                                                                            \
    F(number, mean_global, "", "log-odds per unit of x")                                           \
    F(number, variance_global, "", "")                                                             \
    F(number, mean_symbol, "", "")                                                                 \
    F(number, variance_symbol, "", "")                                                             \
    F(number, mean_regime, "", "")                                                                 \
    F(number, variance_regime, "", "")                                                             \
    F(number, ev_mean_global, "", "return / volatility per unit of x")                             \
    F(number, ev_variance_global, "", "")                                                          \
    F(number, ev_mean_symbol, "", "")                                                              \
    F(number, ev_variance_symbol, "", "")                                                          \
    F(number, ev_mean_regime, "", "")                                                              \
    F(number, ev_variance_regime, "", "")                                                          \
    F(source, source, "", "")                                                                      \
    F(side, side, "", "")                                                                          \
    F(regime, regime, "", "")                                                                      \
    F(pad32, reserved, "", "")

/* ---- market ---------------------------------------------------------------------------------- */

/** Bits of instrument.flags. */
enum { MRI_IS_PROVISIONAL = 1 };

#define MRI_FIELDS_instrument(F)                                                                   \
    F(price, tick, "", "smallest step of a price")                                                 \
    F(quantity, lot, "", "smallest step of a quantity")                                            \
    F(quantity, quantity_min, "", "smallest order")                                                \
    F(money, notional_min_e8, "", "smallest order by value")                                       \
    F(integer, multiplier, "", "units of the symbol in one contract")                              \
    F(symbol, symbol, "", "number of the symbol, in order of registration from 0")                 \
    F(instrument, instrument, "", "number of the instrument, from 0")                              \
    F(small, price_decimals, "", "")                                                               \
    F(small, quantity_decimals, "", "")                                                            \
    F(flags16, flags, "",                                                                          \
        "1: provisional, all of the above but the numbers is 0 and so is all "                     \
        "but the symbol's name")                                                                   \
    F(pad32, reserved, "", "")
#define MRI_ROWS_instrument(R)
#define MRI_TEXTS_instrument(T)                                                                    \
    T(text, instrument, symbol_name, "")                                                           \
    T(text, instrument, venue, "")                                                                 \
    T(text, instrument, native_name, "the venue's name for it")                                    \
    T(text, instrument, quote_currency, "")

#define MRI_FIELDS_candle(F)                                                                       \
    F(time, close_time_unix_ns, "", "its event time")                                              \
    F(duration, duration_ns, "", "")                                                               \
    F(price, open, "", "")                                                                         \
    F(price, high, "", "")                                                                         \
    F(price, low, "", "")                                                                          \
    F(price, close, "", "")                                                                        \
    F(number, volume, "", "")                                                                      \
    F(symbol, symbol, "", "")                                                                      \
    F(instrument, instrument, "", "")
#define MRI_ROWS_candle(R)
#define MRI_TEXTS_candle(T)

/** Bits of quote.present. */
enum { MRI_HAS_BID_QUANTITY = 1, MRI_HAS_ASK_QUANTITY = 2, MRI_HAS_VENUE_TIME = 4 };

#define MRI_FIELDS_quote(F)                                                                        \
    F(time, event_time_unix_ns, "", "simulated: the venue's time; live: the log's, when it came")  \
    F(time, venue_time_unix_ns, "", "the venue's own, if present bit 4 is set")                    \
    F(price, bid, "", "")                                                                          \
    F(price, ask, "", "not below the bid")                                                         \
    F(quantity, bid_quantity, "", "if present bit 1 is set")                                       \
    F(quantity, ask_quantity, "", "if present bit 2 is set")                                       \
    F(symbol, symbol, "", "")                                                                      \
    F(instrument, instrument, "", "")                                                              \
    F(flags16, present, "", "1: bid_quantity; 2: ask_quantity; 4: venue_time")                     \
    F(pad16, reserved_a, "", "")                                                                   \
    F(pad32, reserved_b, "", "")
#define MRI_ROWS_quote(R)
#define MRI_TEXTS_quote(T) T(text, quote, source, "who brought it in")

/** Bits of funding.present. */
enum { MRI_HAS_FUNDING_INTERVAL = 1, MRI_HAS_FUNDING_NEXT = 2, MRI_HAS_FUNDING_VENUE_TIME = 4 };

#define MRI_FIELDS_funding(F)                                                                      \
    F(time, event_time_unix_ns, "", "simulated: the venue's time; live: the log's, when it came")  \
    F(time, venue_time_unix_ns, "", "the venue's own, if present bit 4 is set")                    \
    F(time, next_time_unix_ns, "", "of the next payment, if present bit 2 is set")                 \
    F(duration, interval_ns, "", "between payments, if present bit 1 is set")                      \
    F(number, rate, "", "share of the notional that longs pay shorts each interval; may be < 0")   \
    F(symbol, symbol, "", "")                                                                      \
    F(instrument, instrument, "", "")                                                              \
    F(flags16, present, "", "1: interval; 2: next_time; 4: venue_time")                            \
    F(pad16, reserved_a, "", "")                                                                   \
    F(pad32, reserved_b, "", "")
#define MRI_ROWS_funding(R)
#define MRI_TEXTS_funding(T) T(text, funding, source, "who brought it in")

#define MRI_FIELDS_quarantined(F)                                                                  \
    F(time, event_time_unix_ns, "", "of the next good row of the feed")                            \
    F(wide, line, "", "in its file, from 1")                                                       \
    F(symbol, symbol, "", "of the file; 4294967295 when it is not registered")                     \
    F(reason, reason, "", "")                                                                      \
    F(pad16, reserved, "", "")
#define MRI_ROWS_quarantined(R)
#define MRI_TEXTS_quarantined(T) T(text, quarantined, row, "the beginning of the row, escaped")

#define MRI_FIELDS_market_gap(F)                                                                   \
    F(time, from_unix_ns, "", "close of the last bar before")                                      \
    F(time, to_unix_ns, "", "close of the first bar after")                                        \
    F(count, missing_bars, "", "")                                                                 \
    F(symbol, symbol, "", "")
#define MRI_ROWS_market_gap(R)
#define MRI_TEXTS_market_gap(T)

/* ---- system ---------------------------------------------------------------------------------- */

#define MRI_FIELDS_session(F)                                                                      \
    F(session_kind, kind, "", "")                                                                  \
    F(pad8, reserved_a, "", "")                                                                    \
    F(pad16, reserved_b, "", "")                                                                   \
    F(count, engine_version, "", "of the decisions that follow")
#define MRI_ROWS_session(R)
#define MRI_TEXTS_session(T) T(text, session, build, "program version")

#define MRI_FIELDS_config_changed(F)                                                               \
    F(wide, text_hash, "", "of the text, to tell configurations apart")
#define MRI_ROWS_config_changed(R)
#define MRI_TEXTS_config_changed(T)                                                                \
    T(json, config_changed, text, "the whole effective configuration, YAML")

#define MRI_FIELDS_tick(F)                                                                         \
    F(time, event_time_unix_ns, "", "")                                                            \
    F(duration, wall_step_ns, "", "jump of the wall clock since the last tick, 0 = none")          \
    F(reason, reason, "", "time_passed, clock_step, clocks_agree or feed_ended")                   \
    F(pad16, reserved_a, "", "")                                                                   \
    F(pad32, reserved_b, "", "")
#define MRI_ROWS_tick(R)
#define MRI_TEXTS_tick(T)

#define MRI_FIELDS_alert(F)                                                                        \
    F(ref, about, "", "the event it is about")                                                     \
    F(severity, severity, "", "")                                                                  \
    F(pad8, reserved_a, "", "")                                                                    \
    F(reason, reason, "", "")                                                                      \
    F(pad32, reserved_b, "", "")
#define MRI_ROWS_alert(R)
#define MRI_TEXTS_alert(T) T(text, alert, message, "for people")

/** R(id): the row structs. */
#define MRI_ROW_MAP(R)                                                                             \
    R(term)                                                                                        \
    R(forecast)                                                                                    \
    R(gate_number)                                                                                 \
    R(gate_code)                                                                                   \
    R(factor)                                                                                      \
    R(order_size)                                                                                  \
    R(cell)

#endif
