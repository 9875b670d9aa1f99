/* SPDX-License-Identifier: MIT */
/**
 * Orders at a venue outside: a process takes them from the log, sends them, and reports.
 *
 *   order.intent ── durable ──> executor ──> venue
 *   order.report <── sent, accepted, filled, rejected, cancelled, unknown ──┘
 *
 * With `execute.venue: external` the run places intents and fills nothing itself: positions, books
 * and exits follow from the reports. docs/EXECUTION.md has the whole of it.
 *
 * Caveats first
 * - An order is handed out at least once. Its id is the same each time and no other order has it:
 *   give it to the venue as the client order id. Report "sent" before it is sent. An order that is
 *   handed out as anything else than "intent" may be at the venue: ask there, do not send it.
 * - Each fill of an order is reported once, with its own numbers. The order lives until all of it
 *   is filled or the rest has ended; what it got is a position from then on, and not before. Two
 *   fills of an order that agree in price, quantity, fee and time are one: let their times differ.
 * - At most one order of a position lives, so none is ever to be cancelled. Stop and target are
 *   watched by the run, not left at the venue: nothing closes a position while no run is up.
 * - One thread uses a handle at a time, its executor included.
 */
#ifndef MILLRACE_EXECUTION_H
#define MILLRACE_EXECUTION_H

#include "millrace/bus.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The longest id of an order here, and at a venue, with their NULs. */
#define MR_ORDER_ID_BYTES       24
#define MR_ORDER_VENUE_ID_BYTES 65

/** An order for an executor. Texts are static, or belong to the bus until it is closed. */
typedef struct mr_order {
    char id[MR_ORDER_ID_BYTES]; /**< the client order id: letters and digits */
    mr_seq intent;              /**< its order.intent */
    mr_seq report;              /**< the newest order.report; 0: none */
    mr_ordinal ordinal;         /**< of its signal */
    const char *state; /**< intent, sent, accepted, in_doubt; filled, rejected, cancelled */
    const char *symbol;
    const char *venue;
    const char *native_name; /**< the venue's name of the instrument */
    const char *leg;         /**< entry; stop, target or time: why the position is to be closed */
    const char *type;        /**< market */
    mr_side side;            /**< of the order: long buys */
    double quantity;
    double filled_quantity;        /**< so far, as it was reported */
    double reference_price;        /**< of the market when the intent was made */
    int64_t intent_time_unix_ns;   /**< the log's event time then */
    int64_t reported_time_unix_ns; /**< of the newest report; 0: none */
    uint32_t attempt; /**< from 1; an exit that ended before it was filled is tried again */
    bool is_stuck;    /**< nobody has reported on it for longer than execute.report_within, and the
                           log has the alert */
    char venue_order_id[MR_ORDER_VENUE_ID_BYTES]; /**< "": not reported */
} mr_order;

/** What an executor says. Texts are UTF-8 without control characters; NULL is absent. */
typedef struct mr_order_report {
    const char *id;             /**< the client order id */
    const char *status;         /**< sent, accepted, filled, rejected, cancelled, unknown */
    const char *symbol;         /**< if it is given, it must be the order's */
    const char *side;           /**< likewise */
    const char *venue_order_id; /**< up to 64 bytes; once given it stays */
    const char *executor;       /**< who says so, up to 64 bytes */
    const char *message;        /**< what the venue said, up to 1024 bytes */
    int64_t time_unix_ns;       /**< the venue's, up to a minute after the clock (the later of this
                                     machine's and the log's event time); 0: absent, but of filled */
    bool has_price;             /**< of filled, and of nothing else: price, quantity and fee */
    bool has_quantity;
    bool has_fee;
    double price;    /**< of this fill, rounded to the instrument's decimals; not to zero */
    double quantity; /**< of this fill: all that is left of the order, or a part. Not rounded: more
                          decimals than the instrument has are refused (but a thousandth of the last
                          one, which is what sums of doubles are off) */
    double fee;      /**< of this fill, in the quote currency, rounded to 8 decimals; below 0: the
                          venue paid */
} mr_order_report;

/**
 * Report on an order. The same again is one; what was passed already (sent of an accepted order) is
 * nothing new.
 *
 * @param ret_is_repeated  NULL, or: there was nothing to log
 *
 * Returns  MR_OK; MR_CONFLICT it contradicts what is known of the order, and MR_NOT_FOUND there is
 *          no such order: nothing has changed, an order.disputed says so in the log,
 *          *reterr_problem why; MR_REFUSED a field is not as it must be, nothing was written;
 *          MR_EINVAL arguments; as mr_log_append().
 * Threads  one at a time per handle.
 * Cost     the first time, as a handle that folds the log (bus.h); MR_GROUP waits for one
 * fdatasync.
 */
MR_MUST_USE mr_err mr_bus_order_report(mr_bus *bus, const mr_order_report *report,
    mr_durability durability, bool *ret_is_repeated, mr_problem *reterr_problem);

/**
 * An order by its client order id.
 *
 * Returns  MR_OK; MR_NOT_FOUND; as mr_bus_follow().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_order(
    mr_bus *bus, const char *id, mr_order *ret_order, mr_problem *reterr_problem);

/**
 * The orders that may live, oldest first: what an executor reconciles with its venue when it
 * starts.
 *
 * @param orders     room for `room` of them
 * @param ret_count  how many there are
 *
 * Returns  MR_OK; as mr_bus_follow().
 * Threads  one at a time per handle.
 * Cost     looks at every order there ever was, 20 ns each.
 */
MR_MUST_USE mr_err mr_bus_open_orders(
    mr_bus *bus, mr_order *orders, uint32_t room, uint32_t *ret_count, mr_problem *reterr_problem);

/** The one who takes the orders of a log. */
typedef struct mr_executor mr_executor;

/**
 * Take the orders of a log: one process does, for as long as it has this handle. First come those
 * that may live, then each new one.
 *
 * @param name  of the subscription that is its place in the log, as mr_bus_subscribe()
 *
 * Returns  MR_OK; MR_BUSY another process takes them, *reterr_problem says which; as
 *          mr_bus_subscribe().
 * Owner    mr_executor_close() frees, before the bus is closed.
 * Threads  one at a time for the bus and its executor.
 */
MR_MUST_USE mr_err mr_executor_open(
    mr_bus *bus, const char *name, mr_executor **ret_executor, mr_problem *reterr_problem);

/**
 * The next order. Its intent survives a power cut when it is handed out: an order that a venue has
 * is never forgotten here.
 *
 * Returns  MR_OK; MR_END, MR_AGAIN nothing now, mr_executor_wait(); as mr_subscription_next(), and
 *          as mr_log_sync().
 * Threads  one at a time for the bus and its executor.
 * Cost     one fdatasync, unless somebody else's has covered it.
 */
MR_MUST_USE mr_err mr_executor_next(
    mr_executor *executor, mr_order *ret_order, mr_problem *reterr_problem);

/**
 * The order is looked after: its subscription goes on. It is handed out again after a start, as
 * long as it may live.
 *
 * Returns  MR_OK, also for one that was open before; as mr_subscription_ack().
 * Threads  one at a time for the bus and its executor.
 */
MR_MUST_USE mr_err mr_executor_ack(
    mr_executor *executor, const mr_order *order, mr_problem *reterr_problem);

/**
 * Wait until there may be an order.
 *
 * @param timeout_ms  -1: for ever
 *
 * Returns  MR_OK look again; MR_AGAIN the time has passed, or a signal came; as mr_bus_follow().
 * Threads  one at a time for the bus and its executor.
 */
MR_MUST_USE mr_err mr_executor_wait(
    mr_executor *executor, int64_t timeout_ms, mr_problem *reterr_problem);

/**
 * Let another process take the orders. NULL is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time for the bus and its executor.
 */
void mr_executor_close(mr_executor *executor);

/** What somebody outside has learned from how a signal came out. */
typedef struct mr_feedback {
    mr_ordinal ordinal;
    const char *judgement; /**< win, loss, neutral; NULL: none */
    const char *source;    /**< who says so, up to 64 bytes; not a name of the engine's: a built-in
                                source, engine, millrace, run, or an actor but external and
                                operator (docs/FORMAT.md) */
    const char *lesson;    /**< for people, up to 1024 bytes; NULL is absent */
    const char *evidence;  /**< a JSON object, as data of mr_emission; NULL is absent */
    bool has_return;
    double return_bps; /**< what it brought in the signal's side: up to MR_FEEDBACK_BPS_MAX either
                            way */
} mr_feedback;

/** A return is at most a thousandfold of what was at stake, won or lost. */
#define MR_FEEDBACK_BPS_MAX 1e7

/**
 * Keep what somebody outside has learned from a signal, with its evidence: `millrace why` shows it,
 * SQL finds it (annotations). What the run has learned is changed by outcomes alone, so that it can
 * be explained and replayed.
 *
 * Returns  MR_OK; MR_NOT_FOUND there is no such signal; MR_REFUSED a field is not as it must be,
 *          *reterr_problem says which, or there is neither judgement, return, lesson nor evidence;
 *          MR_EINVAL arguments; as mr_log_append().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_feedback(
    mr_bus *bus, const mr_feedback *feedback, mr_durability durability, mr_problem *reterr_problem);

/** A stage of the pipeline. */
typedef struct mr_stage {
    const char *name;
    uint64_t done;
    uint64_t waiting;
    int64_t last_time_unix_ns; /**< event time of the newest; 0: never */
} mr_stage;

#define MR_STAGES 6

/** How a log is doing: the numbers of `millrace status`. Texts are static, but `why`. */
typedef struct mr_health {
    const char *state; /**< OK, DEGRADED, DOWN, UNKNOWN */
    const char *why;   /**< it is not OK, until the next call; NULL when it is */
    const char *mode;  /**< RUN, CLOSE_ONLY, HALT */
    const char *venue; /**< where new orders go: SIM, PAPER, EXTERNAL */
    mr_seq last;
    mr_seq durable;
    int64_t event_time_unix_ns;
    uint64_t states[MR_STATE_COUNT]; /**< signals in each */
    uint64_t signals;
    uint64_t pending_inputs; /**< logged, not decided */
    uint64_t alerts;
    uint32_t run_process;      /**< that decides; 0: none */
    uint32_t executor_process; /**< that takes the orders; 0: none */
    uint32_t stuck_signals;
    uint32_t open_positions;
    uint32_t open_orders; /**< outside, that may live */
    uint32_t stuck_orders;
    uint32_t orders_in_doubt;
    uint64_t order_reports;
    uint64_t order_disputes;
    mr_stage stages[MR_STAGES];
} mr_health;

/**
 * How the log is doing. The first time, and when the configuration's log.compare_events have passed
 * since, the state that processes share is compared with the log: one that differs is made anew,
 * and an alert in the log says what differed. A run does the same by itself.
 *
 * Returns  MR_OK, also for a log that is not well; MR_NOT_FOUND no run was there yet to judge; as
 *          mr_bus_follow(); as mr_log_append(), of an alert.
 * Threads  one at a time per handle.
 * Cost     the first time as `millrace status`, which folds the log with all that decides; then
 *          what came since.
 */
MR_MUST_USE mr_err mr_bus_health(mr_bus *bus, mr_health *ret_health, mr_problem *reterr_problem);

#ifdef __cplusplus
}
#endif
#endif
