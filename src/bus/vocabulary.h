/* SPDX-License-Identifier: MIT */
/**
 * The closed vocabularies of events: every code there is, with its text.
 *
 * Codes are stored in events and never reused or renumbered. What is not in a table is refused at
 * the boundary. docs/FORMAT.md and docs/LIFECYCLE.md print these tables.
 */
#ifndef MRI_BUS_VOCABULARY_H
#define MRI_BUS_VOCABULARY_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "millrace/err.h"
#include "millrace/types.h"

/*
 * Of what comes from outside, by millrace/bus.h: the actors external and operator, the gate
 * external, the reasons external and operator. A log may hold moves of another process, and engines
 * must take them in (superseded).
 */

/** X(NAME, value, text): who moves a signal or changes a mode. */
#define MRI_ACTOR_MAP(X)                                                                           \
    X(MRI_ACTOR_NONE, 0, "none")                                                                   \
    X(MRI_ACTOR_EVALUATE, 1, "evaluate")                                                           \
    X(MRI_ACTOR_EXECUTE, 2, "execute")                                                             \
    X(MRI_ACTOR_LEARN, 3, "learn")                                                                 \
    X(MRI_ACTOR_TIMER, 4, "timer")                                                                 \
    X(MRI_ACTOR_EXTERNAL, 5, "external")                                                           \
    X(MRI_ACTOR_OPERATOR, 6, "operator")                                                           \
    X(MRI_ACTOR_CLOCK, 7, "clock")                                                                 \
    X(MRI_ACTOR_LEDGER, 8, "ledger")

/**
 * X(NAME, value, text, unit): the gates, in the order of the chain, and who else blocks. The unit
 * is that of value and threshold; MRI_REASON_UNIT_MAP has the exceptions.
 */
#define MRI_GATE_MAP(X)                                                                            \
    X(MRI_GATE_NONE, 0, "none", NONE)                                                              \
    X(MRI_GATE_MODE, 1, "mode", MODE)                                                              \
    X(MRI_GATE_STALE, 2, "stale", SECONDS)                                                         \
    X(MRI_GATE_COOLDOWN, 3, "cooldown", SECONDS)                                                   \
    X(MRI_GATE_COVERAGE, 4, "coverage", SHARE)                                                     \
    X(MRI_GATE_EXPECTED_VALUE, 5, "expected_value", BPS)                                           \
    X(MRI_GATE_POSITION_LIMIT, 6, "position_limit", COUNT)                                         \
    X(MRI_GATE_VIEW_DUPLICATE, 7, "view_duplicate", COUNT)                                         \
    X(MRI_GATE_SIZE, 8, "size", MONEY)                                                             \
    X(MRI_GATE_VENUE, 9, "venue", NONE)                                                            \
    X(MRI_GATE_EXTERNAL, 10, "external", NONE)                                                     \
    X(MRI_GATE_EXPIRY, 11, "expiry", SECONDS)                                                      \
    X(MRI_GATE_INSTRUMENT, 14, "instrument", NONE)

/** X(gate, reason, unit): reasons whose value and threshold are not in the unit of their gate. */
#define MRI_REASON_UNIT_MAP(X) X(MRI_GATE_POSITION_LIMIT, MRI_REASON_EXPOSURE_FULL, MONEY)

/** X(NAME, value, text): units of gate values. */
#define MRI_UNIT_MAP(X)                                                                            \
    X(MRI_UNIT_NONE, 0, "")                                                                        \
    X(MRI_UNIT_SECONDS, 1, "s")                                                                    \
    X(MRI_UNIT_SHARE, 2, "share")                                                                  \
    X(MRI_UNIT_BPS, 3, "bps")                                                                      \
    X(MRI_UNIT_COUNT, 4, "count")                                                                  \
    X(MRI_UNIT_MONEY, 5, "quote")                                                                  \
    X(MRI_UNIT_MODE, 6, "mode")

/** X(NAME, value, text): what a gate says. */
#define MRI_VERDICT_MAP(X)                                                                         \
    X(MRI_VERDICT_PASS, 0, "pass")                                                                 \
    X(MRI_VERDICT_BLOCK, 1, "BLOCK")                                                               \
    X(MRI_VERDICT_ERROR, 2, "ERROR")

/** X(NAME, value, text): the trading mode. */
#define MRI_MODE_MAP(X)                                                                            \
    X(MRI_MODE_RUN, 0, "RUN")                                                                      \
    X(MRI_MODE_CLOSE_ONLY, 1, "CLOSE_ONLY")                                                        \
    X(MRI_MODE_HALT, 2, "HALT")

/** X(NAME, value, text): where an order goes. */
#define MRI_VENUE_MODE_MAP(X)                                                                      \
    X(MRI_VENUE_SIM, 0, "SIM")                                                                     \
    X(MRI_VENUE_PAPER, 1, "PAPER")                                                                 \
    X(MRI_VENUE_EXTERNAL, 2, "EXTERNAL")

/** X(NAME, value, text): a market's character, from the variance ratio of its returns. */
#define MRI_REGIME_MAP(X)                                                                          \
    X(MRI_REGIME_REVERTING, 0, "reverting")                                                        \
    X(MRI_REGIME_RANDOM, 1, "random")                                                              \
    X(MRI_REGIME_TRENDING, 2, "trending")                                                          \
    X(MRI_REGIME_ABSENT, 255, "absent")

/** X(NAME, value, text): why a view was opened. */
#define MRI_VIEW_KIND_MAP(X)                                                                       \
    X(MRI_VIEW_STEP, 0, "step")                                                                    \
    X(MRI_VIEW_SIGNAL, 1, "signal")

/** X(NAME, value, text): where a term of a view comes from. */
#define MRI_ORIGIN_MAP(X)                                                                          \
    X(MRI_ORIGIN_INTERNAL, 0, "internal")                                                          \
    X(MRI_ORIGIN_EXTERNAL, 1, "external")

/** X(NAME, value, text): the order of a signal. */
#define MRI_LEG_MAP(X)                                                                             \
    X(MRI_LEG_ENTRY, 0, "entry")                                                                   \
    X(MRI_LEG_STOP, 1, "stop")                                                                     \
    X(MRI_LEG_TARGET, 2, "target")                                                                 \
    X(MRI_LEG_TIME, 3, "time")

/** X(NAME, value, text): how an order executes. */
#define MRI_ORDER_TYPE_MAP(X)                                                                      \
    X(MRI_ORDER_MARKET, 0, "market")                                                               \
    X(MRI_ORDER_STOP, 1, "stop")                                                                   \
    X(MRI_ORDER_LIMIT, 2, "limit")

/** X(NAME, value, text): what an executor says of an order. */
#define MRI_REPORT_STATUS_MAP(X)                                                                   \
    X(MRI_REPORT_SENT, 0, "sent")                                                                  \
    X(MRI_REPORT_ACCEPTED, 1, "accepted")                                                          \
    X(MRI_REPORT_FILLED, 2, "filled")                                                              \
    X(MRI_REPORT_REJECTED, 3, "rejected")                                                          \
    X(MRI_REPORT_CANCELLED, 4, "cancelled")                                                        \
    X(MRI_REPORT_UNKNOWN, 5, "unknown")

/** X(NAME, value, text): what became of a horizon. */
#define MRI_OUTCOME_STATUS_MAP(X)                                                                  \
    X(MRI_OUTCOME_RESOLVED, 0, "resolved")                                                         \
    X(MRI_OUTCOME_EXCLUDED, 1, "excluded")                                                         \
    X(MRI_OUTCOME_UNRESOLVED, 2, "unresolved")

/** X(NAME, value, text): what learning did with an outcome. */
#define MRI_FEEDBACK_STATUS_MAP(X)                                                                 \
    X(MRI_FEEDBACK_LEARNED, 0, "learned")                                                          \
    X(MRI_FEEDBACK_ZERO_RETURN, 1, "zero_return")                                                  \
    X(MRI_FEEDBACK_EXCLUDED, 2, "excluded")                                                        \
    X(MRI_FEEDBACK_UNRESOLVED, 3, "unresolved")

/** X(NAME, value, text): the two ends of a run. */
#define MRI_SESSION_KIND_MAP(X)                                                                    \
    X(MRI_SESSION_START, 0, "start")                                                               \
    X(MRI_SESSION_END, 1, "end")

/** X(NAME, value, text): the factors of an order's size; their product is its notional. */
#define MRI_FACTOR_MAP(X)                                                                          \
    X(MRI_FACTOR_EQUITY, 0, "equity")                                                              \
    X(MRI_FACTOR_EDGE, 1, "edge_over_variance")                                                    \
    X(MRI_FACTOR_KELLY, 2, "kelly_fraction")                                                       \
    X(MRI_FACTOR_SHRINKAGE, 3, "shrinkage")                                                        \
    X(MRI_FACTOR_CAP, 4, "cap")

/**
 * X(NAME, value, text): the sources of this program. Their numbers are fixed; sources from outside
 * are numbered from MRI_SOURCE_EXTERNAL_FIRST on, in order of their first signal in the log.
 */
#define MRI_SOURCE_MAP(X)                                                                          \
    X(MRI_SOURCE_MOMENTUM, 0, "momentum")                                                          \
    X(MRI_SOURCE_MEAN_REVERSION, 1, "mean_reversion")                                              \
    X(MRI_SOURCE_BREAKOUT, 2, "breakout")                                                          \
    X(MRI_SOURCE_VOLUME_IMBALANCE, 3, "volume_imbalance")                                          \
    X(MRI_SOURCE_RSI, 4, "rsi")

/** X(NAME, value, text): what somebody outside makes of how a signal came out. */
#define MRI_JUDGEMENT_MAP(X)                                                                       \
    X(MRI_JUDGEMENT_NONE, 0, "none")                                                               \
    X(MRI_JUDGEMENT_WIN, 1, "win")                                                                 \
    X(MRI_JUDGEMENT_LOSS, 2, "loss")                                                               \
    X(MRI_JUDGEMENT_NEUTRAL, 3, "neutral")

/** X(NAME, value, text): what becomes of a claim. */
#define MRI_CLAIM_ACT_MAP(X)                                                                       \
    X(MRI_CLAIM_TAKEN, 0, "taken")                                                                 \
    X(MRI_CLAIM_RELEASED, 1, "released")                                                           \
    X(MRI_CLAIM_LEASE_OVER, 2, "lease_over")                                                       \
    X(MRI_CLAIM_OWNER_LOST, 3, "owner_lost")

/** X(NAME, value, text): how urgent an alert is. */
#define MRI_SEVERITY_MAP(X)                                                                        \
    X(MRI_SEVERITY_NOTICE, 0, "notice")                                                            \
    X(MRI_SEVERITY_WARNING, 1, "warning")                                                          \
    X(MRI_SEVERITY_CRITICAL, 2, "critical")

/**
 * X(NAME, value, text, about): why something happened; one table for all events. Numbers are in
 * groups with gaps; one that was given up (36) is not given again.
 */
#define MRI_REASON_MAP(X)                                                                          \
    X(MRI_REASON_NONE, 0, "none", "nothing to say")                                                \
    X(MRI_REASON_EVALUATION_STARTED, 1, "evaluation_started", "the signal is being judged")        \
    X(MRI_REASON_GATES_PASSED, 2, "gates_passed", "every gate let it pass")                        \
    X(MRI_REASON_INTENT_LOGGED, 3, "intent_logged", "its order intent is in the log")              \
    X(MRI_REASON_FILLED, 4, "filled", "its order is done and something was filled")                \
    X(MRI_REASON_OUTCOMES_COMPLETE, 5, "outcomes_complete", "every horizon is known and learned")  \
    X(MRI_REASON_VALID_FOR_ELAPSED, 6, "valid_for_elapsed", "its time limit passed undecided")     \
    X(MRI_REASON_STALE_SIGNAL, 20, "stale_signal", "older than the gate allows")                   \
    X(MRI_REASON_STALE_PRICE, 21, "stale_price", "the newest price is too old to decide on")       \
    X(MRI_REASON_COOLDOWN, 22, "cooldown", "too soon after an approval on the same side")          \
    X(MRI_REASON_COVERAGE_LOW, 23, "coverage_low", "too few sources have the input they need")     \
    X(MRI_REASON_EV_BELOW_COST, 24, "ev_below_cost", "expected value less its error below costs")  \
    X(MRI_REASON_EV_OPPOSES_SIDE, 25, "ev_opposes_side", "the value lies on the other side")       \
    X(MRI_REASON_INPUT_ABSENT, 26, "input_absent", "a number that the gate needs does not exist")  \
    X(MRI_REASON_VIEW_DUPLICATE, 27, "view_duplicate", "a stronger signal of the view is traded")  \
    X(MRI_REASON_SYMBOL_HAS_POSITION, 28, "symbol_has_position", "one position a symbol at most")  \
    X(MRI_REASON_POSITIONS_FULL, 29, "positions_full", "the highest number of positions is open")  \
    X(MRI_REASON_EXPOSURE_FULL, 30, "exposure_full",                                               \
        "open and pending notional leaves no room under its limit")                                \
    X(MRI_REASON_MODE_CLOSE_ONLY, 31, "mode_close_only", "only exits are allowed")                 \
    X(MRI_REASON_MODE_HALT, 32, "mode_halt", "nothing is traded until an operator resumes")        \
    X(MRI_REASON_SIZE_BELOW_MINIMUM, 33, "size_below_minimum",                                     \
        "the venue takes no order so small")                                                       \
    X(MRI_REASON_GATE_ERROR, 34, "gate_error", "the gate could not compute: it blocks")            \
    X(MRI_REASON_VENUE_REJECTED, 35, "venue_rejected", "the venue refused the order")              \
    X(MRI_REASON_EXTERNAL, 37, "external", "another process decided")                              \
    X(MRI_REASON_ORDER_CANCELLED, 38, "order_cancelled", "its order ended without a fill")         \
    X(MRI_REASON_PROVISIONAL_SYMBOL, 44, "provisional_symbol",                                     \
        "only the symbol's name is known: no instrument, no price, nothing to trade")              \
    X(MRI_REASON_UNSTATED, 45, "unstated", "whoever moved it gave no reason")                      \
    X(MRI_REASON_INFERRED, 46, "inferred", "a step nobody told of, between two that were told")    \
    X(MRI_REASON_LEGACY_EXPIRED, 47, "legacy_expired",                                             \
        "its emitter let it expire while an order may have lived")                                 \
    X(MRI_REASON_NO_PRICE_SOURCE, 50, "no_price_source", "the symbol had no price at its start")   \
    X(MRI_REASON_LATE_PRICE, 51, "late_price", "the price at the horizon is older than tolerated") \
    X(MRI_REASON_FEED_ENDED, 52, "feed_ended", "the feed ended before the horizon")                \
    X(MRI_REASON_NUMBER_RANGE, 53, "number_range", "a number does not fit")                        \
    X(MRI_REASON_STOP, 60, "stop", "the stop price was reached")                                   \
    X(MRI_REASON_TARGET, 61, "target", "the target price was reached")                             \
    X(MRI_REASON_TIME, 62, "time", "the holding time was over")                                    \
    X(MRI_REASON_OTHER_LEG_FILLED, 63, "other_leg_filled",                                         \
        "the position was closed by another leg")                                                  \
    X(MRI_REASON_CLOCK_STEP, 70, "clock_step", "the wall clock jumped")                            \
    X(MRI_REASON_CLOCKS_AGREE, 71, "clocks_agree", "wall clock and event time agree again")        \
    X(MRI_REASON_LEDGER_MISMATCH, 72, "ledger_mismatch", "the books do not add up")                \
    X(MRI_REASON_OPERATOR, 73, "operator", "an operator said so")                                  \
    X(MRI_REASON_TIME_PASSED, 74, "time_passed", "the clock moved on without an event")            \
    X(MRI_REASON_STUCK, 75, "stuck", "it stays in its state longer than it should")                \
    X(MRI_REASON_ORDER_STUCK, 76, "order_stuck", "nobody reports on an order that may live")       \
    X(MRI_REASON_ROW_TORN, 90, "row_torn", "the last line has no end (newline) and may be cut")    \
    X(MRI_REASON_ROW_COLUMNS, 91, "row_columns", "wrong number of columns, or wrong quotes")       \
    X(MRI_REASON_ROW_NUMBER, 92, "row_number", "not a number, or it does not fit the instrument")  \
    X(MRI_REASON_ROW_NOT_POSITIVE, 93, "row_not_positive", "a price that is zero or negative")     \
    X(MRI_REASON_ROW_INCONSISTENT, 94, "row_inconsistent", "high and low do not enclose the bar")  \
    X(MRI_REASON_ROW_BACKWARDS, 95, "row_backwards", "its time lies before its predecessor's")     \
    X(MRI_REASON_ROW_DUPLICATE, 96, "row_duplicate", "a second bar of the same time")              \
    X(MRI_REASON_ROW_UNKNOWN_SYMBOL, 97, "row_unknown_symbol", "a symbol that is not registered")  \
    X(MRI_REASON_ROW_TIME, 98, "row_time", "a time outside 2000 to 2100 or off the minute grid")   \
    X(MRI_REASON_ROW_TEXT, 99, "row_text", "a line that is too long or not text")                  \
    X(MRI_REASON_FILE_EMPTY, 100, "file_empty", "a file without a single bar")                     \
    X(MRI_REASON_FILE_DAMAGED, 101, "file_damaged", "a compressed file that ends early or is bad") \
    X(MRI_REASON_ROW_FIELD, 102, "row_field", "a field that is missing, unknown or malformed")     \
    X(MRI_REASON_ROW_CROSSED, 103, "row_crossed", "a quote whose bid is above its ask")            \
    X(MRI_REASON_ROW_OFF_TICK, 104, "row_off_tick", "a price off the instrument's tick")           \
    X(MRI_REASON_ROW_FUTURE, 105, "row_future", "its time lies after the clock's")                 \
    X(MRI_REASON_ROW_LATE, 106, "row_late", "a quote that is too old to say what is in force")     \
    X(MRI_REASON_ORDER_UNKNOWN, 110, "order_unknown", "the log has no order of that id")           \
    X(MRI_REASON_ORDER_OVER, 111, "order_over", "the order has ended already, and in another way") \
    X(MRI_REASON_ORDER_STEP, 112, "order_step", "an order cannot come there from where it is")     \
    X(MRI_REASON_FILL_DIFFERS, 113, "fill_differs", "the fill was reported with other numbers")    \
    X(MRI_REASON_QUANTITY_DIFFERS, 114, "quantity_differs", "more than is left of the order")      \
    X(MRI_REASON_SYMBOL_DIFFERS, 115, "symbol_differs", "the order is of another symbol")          \
    X(MRI_REASON_SIDE_DIFFERS, 116, "side_differs", "the order is of the other side")              \
    X(MRI_REASON_VENUE_ORDER_DIFFERS, 117, "venue_order_differs",                                  \
        "the order has another id at the venue")

#define MRI_VOCABULARY_ENUM3(name, value, text)        name = (value),
#define MRI_VOCABULARY_ENUM4(name, value, text, about) name = (value),
enum mri_actor { MRI_ACTOR_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_gate { MRI_GATE_MAP(MRI_VOCABULARY_ENUM4) };
enum mri_unit { MRI_UNIT_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_verdict { MRI_VERDICT_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_mode { MRI_MODE_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_venue_mode { MRI_VENUE_MODE_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_regime { MRI_REGIME_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_view_kind { MRI_VIEW_KIND_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_origin { MRI_ORIGIN_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_leg { MRI_LEG_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_order_type { MRI_ORDER_TYPE_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_report_status { MRI_REPORT_STATUS_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_outcome_status { MRI_OUTCOME_STATUS_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_feedback_status { MRI_FEEDBACK_STATUS_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_session_kind { MRI_SESSION_KIND_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_judgement { MRI_JUDGEMENT_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_claim_act { MRI_CLAIM_ACT_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_severity { MRI_SEVERITY_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_factor { MRI_FACTOR_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_source { MRI_SOURCE_MAP(MRI_VOCABULARY_ENUM3) };
enum mri_reason { MRI_REASON_MAP(MRI_VOCABULARY_ENUM4) };
#undef MRI_VOCABULARY_ENUM3
#undef MRI_VOCABULARY_ENUM4

/** How many legs an order plan has, gates the chain has (mode to view_duplicate), regimes. */
enum { MRI_LEG_COUNT = 4, MRI_CHAIN_GATE_COUNT = 7, MRI_REGIME_COUNT = 3 };

/** Sources of this program, and the first number of a source from outside. */
enum { MRI_SOURCE_INTERNAL_COUNT = 5, MRI_SOURCE_EXTERNAL_FIRST = 32 };

/** One word of a vocabulary. */
struct mri_word {
    uint16_t value;
    const char *text;
    const char *about; /**< NULL when the text says it */
};

/** A vocabulary: a name and its words. */
struct mri_vocabulary {
    const char *name;
    const struct mri_word *words;
    size_t count;
    const char *const *texts; /**< by code; NULL where there is no such code */
    size_t text_count;
};

/** X(id): the vocabularies that fields of events use, by field kind. */
#define MRI_VOCABULARY_MAP(X)                                                                      \
    X(side)                                                                                        \
    X(state)                                                                                       \
    X(horizon)                                                                                     \
    X(actor)                                                                                       \
    X(gate)                                                                                        \
    X(unit)                                                                                        \
    X(verdict)                                                                                     \
    X(mode)                                                                                        \
    X(venue_mode)                                                                                  \
    X(regime)                                                                                      \
    X(view_kind)                                                                                   \
    X(origin)                                                                                      \
    X(leg)                                                                                         \
    X(order_type)                                                                                  \
    X(report_status)                                                                               \
    X(outcome_status)                                                                              \
    X(feedback_status)                                                                             \
    X(session_kind)                                                                                \
    X(judgement)                                                                                   \
    X(claim_act)                                                                                   \
    X(severity)                                                                                    \
    X(factor)                                                                                      \
    X(reason)

/** Index of each vocabulary for mri_vocabulary(). */
enum mri_vocabulary_id {
#define MRI_VOCABULARY_INDEX(id) MRI_VOCABULARY_##id,
    MRI_VOCABULARY_MAP(MRI_VOCABULARY_INDEX)
#undef MRI_VOCABULARY_INDEX
        MRI_VOCABULARY_COUNT
};

/**
 * A vocabulary by its index.
 *
 * Returns  a static table.
 * Threads  any.
 */
const struct mri_vocabulary *mri_vocabulary(enum mri_vocabulary_id id);

/**
 * The text of a code.
 *
 * Returns  a static text; NULL when the vocabulary has no such code.
 * Threads  any.
 */
const char *mri_word_text(enum mri_vocabulary_id id, unsigned value);

/**
 * The code of a text, compared without regard to ASCII case.
 *
 * Returns  MR_OK; MR_REFUSED no such word.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_word_parse(
    enum mri_vocabulary_id id, struct mri_slice text, unsigned *ret_value);

/**
 * A side as bots write it: LONG, BUY, STRONG_LONG, STRONG_BUY and SHORT, SELL, STRONG_SHORT,
 * STRONG_SELL, in any case.
 *
 * Returns  MR_OK; MR_REFUSED anything else, HOLD and NEUTRAL included.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_side_parse(struct mri_slice text, mr_side *ret_side);

/**
 * Is this the name of a source of this program?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_source_is_internal(struct mri_slice name);

/**
 * Could who is called so be taken for the engine or for whom it lets act: by the name of a built-in
 * source, engine, millrace, run, or that of an actor but external, in any case of letters? Signals
 * from outside may not use it.
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_source_is_reserved(struct mri_slice name);

/**
 * The name of a source of this program.
 *
 * Returns  a static text.
 * Threads  any.
 */
const char *mri_source_name(enum mri_source source);

/**
 * The unit of a gate's value and threshold.
 *
 * @param reason  of the gate's verdict: it says which of its numbers a gate compared
 *
 * Returns  the unit.
 * Threads  any.
 */
enum mri_unit mri_gate_unit(enum mri_gate gate, enum mri_reason reason);

/**
 * Read a horizon, as it is written everywhere: "1m", not "1M", as of all times.
 *
 * Returns  MR_OK; MR_REFUSED.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_horizon_parse(struct mri_slice text, mr_horizon *ret_horizon);

/**
 * The length of a horizon.
 *
 * Returns  nanoseconds.
 * Threads  any.
 */
int64_t mri_horizon_ns(mr_horizon horizon);

#endif
