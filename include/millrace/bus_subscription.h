/* SPDX-License-Identifier: MIT */
/**
 * Subscriptions: what happens, delivered until it is acked.
 */
#ifndef MILLRACE_BUS_SUBSCRIPTION_H
#define MILLRACE_BUS_SUBSCRIPTION_H

#include "millrace/bus_signal.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A subscription: a place in the log that has a name and is kept beside it (log_consumer.h). */
typedef struct mr_subscription mr_subscription;

/** What to subscribe to, and how. All zero: every event, from the end on. */
typedef struct mr_subscribe_options {
    const char *kind;   /**< signal.generated, signal.moved, ...; NULL: every kind */
    const char *symbol; /**< of the event's signal; NULL: any. Events of no signal are left out
                             when symbol, source or name is given */
    const char *source;
    const char *name;
    const char *state; /**< moves into this state only; implies kind signal.moved */
    /* Where a name begins that is new; one of them at most, none: with what comes after. A name
       that is known goes on where it was. */
    bool is_from_beginning;  /**< every event there is */
    mr_seq start_seq;        /**< this event and what comes after it; 0: not given */
    const char *start_after; /**< what comes after a moment, as mr_bus_moment(): a number, a time,
                                an age or a token; NULL: not given */
    /* Of a name that is known they are as it was made, and may be left out; of a new one as in
       mr_consumer_options. */
    uint32_t max_in_flight; /**< 0: not given */
    uint32_t max_deliver;
    uint32_t ack_wait_ms;
    const int64_t *backoff_ms; /**< delays of what is given back without one: after the first,
                                    second, ... delivery; the last one repeats. NULL: none */
    size_t backoff_count;      /**< up to MR_CONSUMER_BACK_OFF_MAX */
} mr_subscribe_options;

/** An event that was delivered. Texts are static, or belong to the bus. */
typedef struct mr_bus_event {
    mr_seq seq;
    const char *kind;
    int64_t time_unix_ns; /**< when it was logged */
    mr_ordinal ordinal;   /**< of its signal; 0: of none */
    bool is_move;         /**< `from`, `to`, `gate` and `reason` are its */
    mr_state from;
    mr_state to;
    const char *gate;
    const char *reason;
    uint32_t deliveries; /**< this is the so-many-th */
} mr_bus_event;

/**
 * Subscribe by a name: what was acked by anybody who used it does not come again.
 *
 * @param name     a-z, 0-9, '_' and '-', up to 64
 * @param options  the filter is this handle's: what it leaves out is acked for all who use the
 *                 name, so these have one filter; max_in_flight, max_deliver, ack_wait_ms and
 *                 backoff_ms are those that the name was made with: others are MR_REFUSED
 *
 * Returns  MR_OK; MR_REFUSED a kind, state or moment that there is not; MR_NOT_FOUND the events to
 *          begin with were removed from the log, or such a moment has not come yet; as
 *          mr_consumer_open().
 * Owner    mr_subscription_close() frees, before the bus is closed.
 * Threads  one at a time for the bus and its subscriptions.
 * Cost     as mr_consumer_open(); a name that begins after a moment as mr_bus_moment().
 */
MR_MUST_USE mr_err mr_bus_subscribe(mr_bus *bus, const char *name,
    const mr_subscribe_options *options, mr_subscription **ret_subscription,
    mr_problem *reterr_problem);

/**
 * The next event that passes the filter, leased to this handle until it is acked or given back.
 * Those that do not pass are acked.
 *
 * Returns  MR_OK; MR_END nothing more now; MR_AGAIN nothing may be handed out now,
 * mr_subscription_wait(); MR_REWOUND, MR_NOT_FOUND, MR_REFUSED events were lost, removed, or became
 * dead letters, *reterr_problem says which, and the next call goes on; as mr_consumer_next().
 * Threads  one at a time for the bus and its subscriptions.
 * Cost     about 30 us, and about 50 ns for each event that does not pass.
 */
MR_MUST_USE mr_err mr_subscription_next(
    mr_subscription *subscription, mr_bus_event *ret_event, mr_problem *reterr_problem);

/**
 * The next events that pass the filter, as many as there are now and room for, but at most 1024.
 *
 * @param ret_count  how many; 0 unless MR_OK
 *
 * Returns  as mr_subscription_next(); MR_OK one at least.
 * Threads  one at a time for the bus and its subscriptions.
 * Cost     about 40 us, and about 50 ns for each event.
 */
MR_MUST_USE mr_err mr_subscription_next_many(mr_subscription *subscription,
    mr_bus_event *ret_events, size_t room, size_t *ret_count, mr_problem *reterr_problem);

/**
 * The event is done.
 *
 * Returns  as mr_consumer_ack().
 * Threads  one at a time for the bus and its subscriptions.
 */
MR_MUST_USE mr_err mr_subscription_ack(
    mr_subscription *subscription, mr_seq seq, mr_problem *reterr_problem);

/**
 * Events are done, all of them or none.
 *
 * Returns  as mr_consumer_ack_many().
 * Threads  one at a time for the bus and its subscriptions.
 */
MR_MUST_USE mr_err mr_subscription_ack_many(
    mr_subscription *subscription, const mr_seq *seqs, size_t count, mr_problem *reterr_problem);

/**
 * Give the event back: it comes again, to any handle, after so long. One that came as often as it
 * may is a dead letter at once.
 *
 * @param delay_ms  negative: what backoff_ms says
 * @param reason    NULL, or why it is given back, up to MR_CONSUMER_REASON_MAX bytes: the dead
 * letter says that of the last time
 *
 * Returns  as mr_consumer_nack().
 * Threads  one at a time for the bus and its subscriptions.
 */
MR_MUST_USE mr_err mr_subscription_nack(mr_subscription *subscription, mr_seq seq, int64_t delay_ms,
    const char *reason, mr_problem *reterr_problem);

/**
 * Wait until there may be something to deliver.
 *
 * @param timeout_ms  -1: for ever
 *
 * Returns  MR_OK look again; MR_AGAIN the time has passed, or a signal came; as mr_bus_follow().
 * Threads  one at a time for the bus and its subscriptions.
 */
MR_MUST_USE mr_err mr_subscription_wait(
    mr_subscription *subscription, int64_t timeout_ms, mr_problem *reterr_problem);

/**
 * Give back what is leased, and close. NULL is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time for the bus and its subscriptions.
 */
void mr_subscription_close(mr_subscription *subscription);

#ifdef __cplusplus
}
#endif
#endif
