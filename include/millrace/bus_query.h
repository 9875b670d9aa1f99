/* SPDX-License-Identifier: MIT */
/**
 * Questions: about now, about a moment of the past, and one event after the other.
 */
#ifndef MILLRACE_BUS_QUERY_H
#define MILLRACE_BUS_QUERY_H

#include "millrace/bus_signal.h"
#include "millrace/log_read.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An event of the log as mr_bus_read() finds it. Texts stay until the next call. */
typedef struct mr_bus_record {
    mr_seq seq;
    const char *kind;
    int64_t time_unix_ns; /**< when it was logged */
    mr_ordinal ordinal;   /**< of its signal; 0: of none */
    mr_seq previous;      /**< the event before of the same signal or emission; 0: none */
    bool is_move;         /**< `from` and `to` are its; of signal.moved: `actor` to `reason`, too */
    mr_state from;
    mr_state to;
    const char *actor;
    const char *gate;
    const char *reason;
    int64_t event_time_unix_ns; /**< of signal.generated and signal.observed; 0: of neither */
    const char *symbol;         /**< of the same; NULL: absent */
    const char *source;
    mr_side side;      /**< of signal.generated */
    double confidence; /**< of signal.generated */
    bool lacks_confidence;
    const char *data; /**< JSON; NULL: none */
} mr_bus_record;

/** A page of an answer. */
typedef struct mr_bus_page {
    /* Asked. */
    mr_ordinal
        beyond; /**< only signals behind this one in the order asked for; 0: from its begin. It need
                     not match: of any question, what comes behind it in that question's order */
    mr_ordinal *ordinals; /**< room for `room` of them, newest first unless the question says
                               otherwise */
    uint32_t room;
    /* Answered. */
    uint32_t count;   /**< of ordinals that were filled in */
    uint32_t scanned; /**< signals looked at */
    bool is_cut;      /**< there was no room for more: go on behind the last one */
} mr_bus_page;

/**
 * Read an event of the log. From the last event of a signal or an emission, `previous` leads to its
 * first.
 *
 * Returns  MR_OK; MR_NOT_FOUND it is none yet, was removed, or is the log's own; MR_ECORRUPT and
 *          other faults of reading.
 * Owner    texts of *ret_record belong to the bus, until the next call that reads or closes.
 * Threads  one at a time per handle.
 * Cost     a few microseconds when one of the last four places read from lies shortly before it, as
 *          when the histories of signals are read in the order of the log; else its segment is
 *          checked from the front (64 MiB: about 10 ms).
 */
MR_MUST_USE mr_err mr_bus_read(
    mr_bus *bus, mr_seq seq, mr_bus_record *ret_record, mr_problem *reterr_problem);

/**
 * Find signals: `state=blocked and gate=expected_value and age<2h order by time desc limit 100`.
 *
 *   question    [condition] [order by time [asc|desc]] [limit NUMBER]
 *   condition   and, or, not, ( ), comparisons
 *   comparison  FIELD = VALUE, != < <= > >=, FIELD [not] in (VALUE, ...)
 *   fields      state ended side gate reason symbol source name id: = != in
 *               ordinal seq last_seq; time (2025-05-04T15:34Z); age (90s, 2h, 7d)
 *
 * The order is that of creation, and newest first unless it says asc: also without a direction. A
 * symbol, source or name that the log does not know (a source has emitted nothing yet) is refused
 * with those that there are: it is most often a typing error.
 *
 * @param question   as above; "" matches all; an age counts from the log's event time
 * @param page       asked for and answered; of one moment, as mr_bus_query_at(), unless it takes
 *                   longer than others leave it: then each signal of a moment during the call
 * Returns  MR_OK; MR_REFUSED, MR_ELIMIT the question, *reterr_problem says what and at which
 *          character; MR_NOT_FOUND there is no signal page->beyond; MR_ENOMEM.
 * Threads  one at a time per handle.
 * Cost     O(signals looked at): the shortest of what the question allows is scanned.
 */
MR_MUST_USE mr_err mr_bus_query(
    mr_bus *bus, const char *question, mr_bus_page *page, mr_problem *reterr_problem);

/**
 * A moment of the log, to ask about: what was known when one of its events had been taken in. Its
 * token names it for good; as text (mr_log_token_text()) it can be given to others, and be given
 * here again.
 *
 * @param text  NULL: now; "12345", behind that event; "2025-05-04T15:34Z", behind all that was
 *              logged up to that event time; "2h", so long before the newest; a token's text
 *
 * Returns  MR_OK; MR_REFUSED it is none of these, in the future (behind the newest event, or behind
 *          both event time and clock), or the log does not hold that very event any more;
 *          MR_NOT_FOUND it was removed, or given up by a repair; faults of reading; MR_ENOMEM.
 * Threads  one at a time per handle.
 * Cost     now: nothing. Else looks at every signal (10 ns each), and reads what came in the hour
 *          of market time before the moment.
 */
MR_MUST_USE mr_err mr_bus_moment(
    mr_bus *bus, const char *text, mr_log_token *ret_moment, mr_problem *reterr_problem);

/**
 * mr_bus_query() as of a moment: the same signals as it found then, in the same order. So the pages
 * of an answer do not shift while signals come and move, when all of them name one moment.
 *
 * An age counts from the log's event time of then. Names that came later are known, and match
 * nothing.
 *
 * Returns  as mr_bus_query() and mr_bus_moment().
 * Threads  one at a time per handle.
 * Cost     the first question about a moment, and the first after the handle was asked about now
 *          and there was something new, as mr_bus_moment(); then O(signals looked at).
 */
MR_MUST_USE mr_err mr_bus_query_at(mr_bus *bus, const mr_log_token *moment, const char *question,
    mr_bus_page *page, mr_problem *reterr_problem);

/**
 * A signal as it was at a moment.
 *
 * Returns  MR_OK; MR_NOT_FOUND there was none yet; as mr_bus_moment().
 * Threads  one at a time per handle.
 * Cost     as mr_bus_query_at().
 */
MR_MUST_USE mr_err mr_bus_get_at(mr_bus *bus, const mr_log_token *moment, mr_ordinal ordinal,
    mr_signal *ret_signal, mr_problem *reterr_problem);

#ifdef __cplusplus
}
#endif
#endif
