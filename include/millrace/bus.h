/* SPDX-License-Identifier: MIT */
/**
 * The signal bus: emit, move, find and follow signals, from any number of processes.
 *
 * Caveats first
 * - Emitting, moving, asking and subscriptions go through a state in memory that all processes of
 *   the log share. What is not there a handle folds from the log for itself: claims, facts, signals
 *   learned long ago, questions that ask for the oldest first, idempotency keys when there were
 *   more than three for each sixteen signals that it has room for. That reads the log from its
 *   newest snapshot on, once, and from then on each signal takes about 80 bytes in that process.
 * - A handle sees what others have done when it is asked something.
 * - Symbols must be registered: `millrace run` registers those of its feed and its configuration,
 *   mr_bus_register() others as provisional: they have a name, no price, and are not traded.
 * - The time of a signal is the log's event time. In a simulated log that is the feed's, so one
 *   that was never run takes none; in a live log (mr_bus_create()) it is the run's, and while none
 *   is up the wall clock's, but never before the newest event.
 * - One thread uses a handle at a time. A child of fork() opens its own.
 */
#ifndef MILLRACE_BUS_H
#define MILLRACE_BUS_H

#include "millrace/err.h"
#include "millrace/log.h"
#include "millrace/log_read.h"
#include "millrace/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An open bus. */
typedef struct mr_bus mr_bus;

/** The longest id of a signal, with its NUL. */
#define MR_BUS_ID_BYTES 96

/** The longest name of a worker, with its NUL. */
#define MR_BUS_OWNER_BYTES 65

/** The most signals or moves in one call. */
#define MR_BUS_BATCH_MAX 8192

/**
 * A signal to emit. Texts are UTF-8 without control characters and end with a NUL; NULL is absent.
 */
typedef struct mr_emission {
    const char *symbol; /**< registered */
    const char *source; /**< who emits, up to 64 bytes; not the name of a built-in source */
    const char *name;   /**< kind of signal, up to 64 bytes; NULL: as the source */
    mr_side side;
    double confidence; /**< 0 to 1 */
    bool has_price;
    bool has_horizon;
    bool lacks_confidence; /**< the producer has none; `confidence` is 0 */
    double price;          /**< of the producer, rounded to the instrument's decimals; not of a
                                provisional symbol */
    mr_horizon horizon;
    int64_t valid_for_ns;    /**< how long it may wait, 1 s to 24 h; 0: the configuration's */
    const char *external_id; /**< the producer's own id, up to 256 bytes */
    const char *key;         /**< idempotency: the same key of the same source is the same signal */
    const char *account;     /**< up to 256 bytes */
    const char *data;        /**< free JSON, kept as it is, up to 64 KiB */
} mr_emission;

/** A signal as the bus knows it. Texts belong to the bus, until it is closed. */
typedef struct mr_signal {
    mr_ordinal ordinal;
    mr_seq generated; /**< its signal.generated */
    mr_seq moved;     /**< its newest move; `generated` before the first */
    mr_seq last;      /**< its newest event */
    int64_t event_time_unix_ns;
    const char *symbol;
    const char *source;
    const char *name;
    mr_side side;
    mr_state state;
    mr_state ended;     /**< of a learned one: blocked, expired or executed; else generated */
    const char *gate;   /**< who blocked it; "none" */
    const char *reason; /**< of its newest move before learned; "none" */
} mr_signal;

/** The most facts in one call. */
#define MR_BUS_FACTS_MAX 4096

/** A quote: the best bid and ask of a venue. */
typedef struct mr_quote {
    const char *symbol;   /**< registered */
    const char *source;   /**< who brings it in, up to 64 bytes; NULL is absent */
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
    const char *source;        /**< who brings it in, up to 64 bytes; NULL is absent */
    int64_t time_unix_ns;      /**< the venue's; 0: absent, which only a live log takes */
    double rate;               /**< share of the notional that longs pay shorts, -1 to 1 */
    int64_t interval_ns;       /**< between payments, up to 7 days; 0: absent */
    int64_t next_time_unix_ns; /**< of the next payment; 0: absent */
} mr_funding;

/** A move: compare and set. */
typedef struct mr_move {
    mr_ordinal ordinal;
    mr_state from;      /**< MR_CONFLICT unless the signal is there */
    mr_state to;        /**< docs/LIFECYCLE.md has the moves there are */
    const char *gate;   /**< of docs/FORMAT.md "gate"; needed when `to` is blocked, else NULL is
                             "external" where there must be one */
    const char *reason; /**< of docs/FORMAT.md "reason"; needed when `to` is blocked, else NULL is
                             "external" */
    const char *data;   /**< free JSON, up to 64 KiB */
    const char *actor;  /**< "external" (NULL) or "operator" */
} mr_move;

/** Who was first. */
typedef struct mr_move_conflict {
    mr_ordinal ordinal;
    mr_state found;
    mr_seq winner;                  /**< the move that made it so, or the claim that is in force */
    char owner[MR_BUS_OWNER_BYTES]; /**< who has it claimed; "": nobody */
} mr_move_conflict;

/** What was emitted. */
typedef struct mr_emitted {
    mr_ordinal ordinal;
    bool is_repeated; /**< its key was there already: it is the signal of then */
    int64_t event_time_unix_ns;
    const char *symbol; /**< as it is registered; the bus's, until it is closed */
} mr_emitted;

/** What is observed: an emission that is no signal, or a word about one or about a signal. */
typedef struct mr_observation {
    uint32_t about;     /**< the emission it is about; 0: none */
    mr_ordinal ordinal; /**< the signal it is about; 0: none */
    const char *symbol; /**< of an emission, as it is; up to 256 bytes; NULL is absent */
    const char *source; /**< up to 256 bytes; NULL is absent */
    bool is_moved;      /**< its emitter has it in `to` now */
    mr_state to;
    const char *data; /**< free JSON, up to 960 KiB */
} mr_observation;

/** An emission outside the lifecycle. */
typedef struct mr_observed {
    uint32_t number; /**< from 1, in order of emission */
    mr_seq emitted;  /**< its first signal.observed */
    mr_seq last;     /**< its newest */
    int64_t event_time_unix_ns;
    mr_state state;     /**< where its emitter has it */
    const char *source; /**< "" when it has none, or one of more than 64 bytes */
} mr_observed;

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

/** How many emissions a source has. */
typedef struct mr_source_count {
    const char *source; /**< "" for emissions outside the lifecycle without a usable one */
    uint64_t signals;
    uint64_t observed; /**< outside the lifecycle */
} mr_source_count;

/** A page of an answer. */
typedef struct mr_bus_page {
    /* Asked. */
    mr_ordinal
        beyond; /**< only signals behind this one in the order asked for; 0: from its begin */
    mr_ordinal *ordinals; /**< room for `room` of them, newest first unless the question says
                               otherwise */
    uint32_t room;
    /* Answered. */
    uint32_t count;   /**< of ordinals that were filled in */
    uint32_t scanned; /**< signals looked at */
    bool is_cut;      /**< there was no room for more: go on behind the last one */
} mr_bus_page;

/**
 * Open the bus of a log that was run before.
 *
 * Returns  MR_OK, also to who may only read: emitting, moving and bringing in facts are MR_EACCESS
 *          then, and what is not in the files yet is not seen; MR_EPATH, MR_NOT_FOUND there is no
 *          log; MR_REFUSED no symbol is registered there yet; MR_ECORRUPT damage; as mr_log_open()
 *          and mr_log_reader_open().
 * Owner    mr_bus_close() frees.
 * Threads  any.
 * Cost     a few microseconds when a process has the log open; else reads what is behind the newest
 *          snapshot, about 150 ns an event.
 */
MR_MUST_USE mr_err mr_bus_open(const char *folder, mr_bus **ret_bus, mr_problem *reterr_problem);

/**
 * mr_bus_open(), and when there is no log make a live one: its time is the wall clock's, its market
 * real, and no feed belongs to it.
 *
 * Returns  as mr_bus_open(); MR_REFUSED the folder holds something else than a log; as
 *          mr_log_open().
 * Owner    mr_bus_close() frees.
 * Threads  any; several processes may make the same log at the same time, and one does.
 */
MR_MUST_USE mr_err mr_bus_create(const char *folder, mr_bus **ret_bus, mr_problem *reterr_problem);

/**
 * mr_bus_create(), and when a log is made its shared memory has room for so many signals, about 90
 * bytes each. What is there already keeps the size that it was made with.
 *
 * @param table_signals  a power of two from 4096 to 134217728; 0: 131072
 *
 * Returns  as mr_bus_create(); MR_REFUSED table_signals is no such number.
 * Owner    mr_bus_close() frees.
 * Threads  any.
 */
MR_MUST_USE mr_err mr_bus_create_sized(
    const char *folder, uint32_t table_signals, mr_bus **ret_bus, mr_problem *reterr_problem);

/**
 * Register a symbol as provisional, unless the log knows it, however it is spelled there.
 *
 * Returns  MR_OK; MR_REFUSED it cannot be the name of a symbol (1 to 32 letters, digits, '-', '_',
 *          '.', '/'); MR_FULL limits.symbols_max is reached; as mr_log_append().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_register(mr_bus *bus, const char *symbol, mr_problem *reterr_problem);

/**
 * Close. NULL is allowed.
 *
 * Returns  nothing.
 * Threads  no other uses the handle.
 */
void mr_bus_close(mr_bus *bus);

/**
 * Emit signals as one batch: all of them or none. A signal whose key is in the log already is not
 * emitted again; its ordinal is that of the first.
 *
 * @param ret_emitted  NULL, or room for `count`
 *
 * Returns  MR_OK; MR_REFUSED a field is not as it must be, *reterr_problem says which of which
 *          signal; MR_FULL limits.* of the configuration are reached; MR_EINVAL arguments;
 *          MR_EUNKNOWN they are in the log, and their durability is not known; as mr_log_append().
 * Threads  one at a time per handle.
 * Cost     MR_GROUP waits for one fdatasync.
 */
MR_MUST_USE mr_err mr_bus_emit(mr_bus *bus, const mr_emission *emissions, size_t count,
    mr_durability durability, mr_emitted *ret_emitted, mr_problem *reterr_problem);

/**
 * The id of what was emitted, as mr_bus_id() says it, without looking anything up.
 *
 * Returns  ret_id.
 * Threads  any.
 */
const char *mr_emitted_id(const mr_emitted *emitted, char ret_id[MR_BUS_ID_BYTES]);

/**
 * Move signals as one batch: all of them or none.
 *
 * @param reterr_conflict  NULL, or who was first
 *
 * Returns  MR_OK; MR_CONFLICT a signal is in another state than its move says, or claimed by
 *          another handle; MR_NOT_FOUND there is no such signal; MR_REFUSED a move that the
 *          lifecycle forbids or that lacks its gate or reason, *reterr_problem says which; else as
 *          mr_bus_emit().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_move(mr_bus *bus, const mr_move *moves, size_t count,
    mr_durability durability, mr_move_conflict *reterr_conflict, mr_problem *reterr_problem);

/**
 * Bring in quotes as one batch: all that are new, or none. The middle of the newest quote or the
 * newest close, whichever is newer, is the price in force: outcomes are priced with it, and orders
 * on paper filled.
 *
 * In a simulated log the venue's time is the event time, and facts come in order of time over all
 * symbols; in a live log a quote is in force from when it came.
 *
 * @param ret_repeated  NULL, or how many the log had already
 *
 * Returns  MR_OK; MR_REFUSED a field is not as it must be, it is older than the newest of its
 * symbol or lies in the future, or the log has a feed of its own: *reterr_problem says what and of
 *          which quote; MR_EINVAL arguments; as mr_log_append().
 * Threads  one at a time per handle.
 * Cost     the first time, as a handle that folds the log (caveats); MR_GROUP waits for one
 *          fdatasync.
 */
MR_MUST_USE mr_err mr_bus_quote(mr_bus *bus, const mr_quote *quotes, size_t count,
    mr_durability durability, size_t *ret_repeated, mr_problem *reterr_problem);

/**
 * Bring in bars, as mr_bus_quote(): they do what bars of a feed do. Bars that are missing before
 * one are told in a market.gap.
 *
 * @param ret_repeated  NULL, or how many the log had already
 *
 * Returns  as mr_bus_quote(); MR_REFUSED also for another bar of the same symbol and time.
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_candle(mr_bus *bus, const mr_candle *candles, size_t count,
    mr_durability durability, size_t *ret_repeated, mr_problem *reterr_problem);

/**
 * Bring in funding rates, as mr_bus_quote().
 *
 * @param ret_repeated  NULL, or how many the log had already
 *
 * Returns  as mr_bus_quote().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_funding(mr_bus *bus, const mr_funding *fundings, size_t count,
    mr_durability durability, size_t *ret_repeated, mr_problem *reterr_problem);

/**
 * Keep what is no signal: it is logged, counted, found by its number and id, and nothing is decided
 * on it. Or keep a word about it, or about a signal, which moves no signal.
 *
 * @param ret_number  NULL, or the number of the emission that it is or is about; 0 for a signal
 *
 * Returns  MR_OK; MR_NOT_FOUND there is no such emission or signal; MR_REFUSED a text is not as it
 *          must be, *reterr_problem says which; MR_FULL limits.signals_max is reached; MR_EINVAL
 *          about both, or a state that there is not; as mr_bus_emit().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_observe(mr_bus *bus, const mr_observation *observation,
    mr_durability durability, uint32_t *ret_number, mr_problem *reterr_problem);

/**
 * An emission outside the lifecycle.
 *
 * Returns  MR_OK; MR_NOT_FOUND; as mr_bus_follow().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_observed(
    mr_bus *bus, uint32_t number, mr_observed *ret_observed, mr_problem *reterr_problem);

/**
 * How many emissions outside the lifecycle are in each state, as their emitters have them.
 *
 * Returns  MR_OK; as mr_bus_follow().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_observed_counts(
    mr_bus *bus, uint64_t ret_counts[MR_STATE_COUNT], mr_problem *reterr_problem);

/**
 * The id of an emission outside the lifecycle, of the form of a signal's:
 * SYMBOL_UNIXMS_HEX with 80000000 + number; UNKNOWN for a symbol that is absent or no name.
 *
 * Returns  MR_OK; MR_NOT_FOUND; as mr_bus_read().
 * Threads  one at a time per handle.
 * Cost     reads the event.
 */
MR_MUST_USE mr_err mr_bus_observed_id(
    mr_bus *bus, uint32_t number, char ret_id[MR_BUS_ID_BYTES], mr_problem *reterr_problem);

/**
 * The emission outside the lifecycle of an id, compared whole.
 *
 * Returns  MR_OK; MR_NOT_FOUND; as mr_bus_read().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_observed_find(
    mr_bus *bus, const char *id, uint32_t *ret_number, mr_problem *reterr_problem);

/**
 * Read an event of the log. From the last event of a signal or an emission, `previous` leads to its
 * first.
 *
 * Returns  MR_OK; MR_NOT_FOUND it is none yet, was removed, or is the log's own; MR_ECORRUPT and
 *          other faults of reading.
 * Owner    texts of *ret_record belong to the bus, until the next call that reads or closes.
 * Threads  one at a time per handle.
 * Cost     a few microseconds.
 */
MR_MUST_USE mr_err mr_bus_read(
    mr_bus *bus, mr_seq seq, mr_bus_record *ret_record, mr_problem *reterr_problem);

/**
 * The sources there are, one by one. The same one may come twice: once with signals, once with
 * emissions outside the lifecycle.
 *
 * @param index  from 0, which takes in what others have done
 *
 * Returns  MR_OK; MR_END there are no more; as mr_bus_follow().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_source_count(
    mr_bus *bus, uint32_t index, mr_source_count *ret_count, mr_problem *reterr_problem);

/**
 * How many symbols are registered, as of what was taken in so far.
 *
 * @param ret_provisional  NULL, or how many of them are provisional
 *
 * Returns  how many.
 * Threads  one at a time per handle.
 */
uint32_t mr_bus_symbol_count(const mr_bus *bus, uint32_t *ret_provisional);

/**
 * Take in what other processes have done.
 *
 * Returns  MR_OK; MR_ECORRUPT and other faults of reading, *reterr_problem says where.
 * Threads  one at a time per handle.
 * Cost     nothing but a look when there is nothing.
 */
MR_MUST_USE mr_err mr_bus_follow(mr_bus *bus, mr_problem *reterr_problem);

/**
 * Wait until somebody has appended, and take it in.
 *
 * @param timeout_ms  -1: for ever
 *
 * Returns  MR_OK something came; MR_AGAIN the time has passed, or a signal came; as
 *          mr_bus_follow().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_wait(mr_bus *bus, int64_t timeout_ms, mr_problem *reterr_problem);

/**
 * A signal as it is now.
 *
 * Returns  MR_OK; MR_NOT_FOUND; as mr_bus_follow().
 * Threads  one at a time per handle.
 * Cost     one cache line.
 */
MR_MUST_USE mr_err mr_bus_get(mr_bus *bus, mr_ordinal ordinal, mr_signal *ret_signal);

/**
 * The id of a signal as text.
 *
 * Returns  MR_OK; MR_NOT_FOUND.
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_id(mr_bus *bus, mr_ordinal ordinal, char ret_id[MR_BUS_ID_BYTES]);

/**
 * The signal of an id, compared whole, or of an ordinal as text.
 *
 * Returns  MR_OK; MR_NOT_FOUND.
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_find(mr_bus *bus, const char *id, mr_ordinal *ret_ordinal);

/**
 * Find signals: `state=blocked and gate=expected_value and age<2h order by time desc limit 100`.
 *
 *   question    [condition] [order by time [asc|desc]] [limit NUMBER]
 *   condition   and, or, not, ( ), comparisons
 *   comparison  FIELD = VALUE, != < <= > >=, FIELD [not] in (VALUE, ...)
 *   fields      state ended side gate reason symbol source name id: = != in
 *               ordinal seq last_seq; time (2025-05-04T15:34Z); age (90s, 2h, 7d)
 *
 * @param question   as above; "" matches all; an age counts from the log's event time
 * @param page       asked for and answered; of one moment, as mr_bus_query_at(), unless it takes
 *                   longer than others leave it: then each signal of a moment during the call
 * Returns  MR_OK; MR_REFUSED, MR_ELIMIT the question, *reterr_problem says what and at which
 *          character; MR_ENOMEM.
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

/**
 * How many signals are in each state, all as of one moment.
 *
 * Returns  MR_OK; as mr_bus_follow().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_counts(
    mr_bus *bus, uint64_t ret_counts[MR_STATE_COUNT], mr_problem *reterr_problem);

/**
 * The log's event time: the newest that a candle, tick or signal has brought.
 *
 * Returns  it; 0: none yet.
 * Threads  one at a time per handle.
 */
int64_t mr_bus_event_time_unix_ns(const mr_bus *bus);

/** What to claim. */
typedef struct mr_claim_options {
    mr_state from;     /**< the state it is in: generated; evaluating, approved or executing only if
                            it was moved there from outside */
    mr_state next;     /**< what is to be made of it: a move that docs/LIFECYCLE.md has */
    const char *owner; /**< the worker's name, up to 64 bytes of UTF-8 without control characters */
    int64_t lease_ns;  /**< without renewal the claim ends after so long: 1 ms to 24 h */
    mr_ordinal ordinal; /**< this signal; 0: the one that is in `from` longest */
    const char *symbol; /**< then only of this symbol; NULL: any */
    const char *source; /**< and of this source; NULL: any */
} mr_claim_options;

/** A claim of this handle. */
typedef struct mr_claim {
    mr_ordinal ordinal;
    mr_seq seq; /**< its signal.claimed */
    mr_state from;
    mr_state next;
    uint32_t place; /**< where its lease is kept */
} mr_claim;

/** Who has a signal claimed. */
typedef struct mr_claimant {
    mr_seq seq; /**< the signal.claimed */
    mr_state next;
    char owner[MR_BUS_OWNER_BYTES];
} mr_claimant;

/**
 * Claim a signal: until it is moved to blocked, expired or executed, the claim is released, its
 * lease is over, the handle is closed or its process ends, nobody else moves it. Its state stays.
 * Of any number of workers that claim one wins each signal. A source with the route external:NAME
 * is claimed by workers of that name alone.
 *
 * Returns  MR_OK; MR_END there is none to claim now, mr_bus_claim_wait(); of one that is named:
 *          MR_NOT_FOUND there is no such signal, MR_CONFLICT claimed, *reterr_conflict says by whom
 *          (is it in `from`: mr_bus_claim_wait()), or in another state; MR_REFUSED an option is not
 *          as it must be, or the signal is the pipeline's or another worker's; MR_FULL the handle
 *          has 1024 claims, or 1024 handles have some; otherwise as mr_bus_emit().
 * Threads  one at a time per handle.
 * Cost     an append, a write of 32 bytes, and a look at each signal in `from` that is passed.
 */
MR_MUST_USE mr_err mr_bus_claim(mr_bus *bus, const mr_claim_options *options,
    mr_durability durability, mr_claim *ret_claim, mr_move_conflict *reterr_conflict,
    mr_problem *reterr_problem);

/**
 * Wait until there may be something to claim: somebody has appended, a lease is over, or a process
 * that has claims has ended.
 *
 * @param timeout_ms  -1: for ever
 *
 * Returns  MR_OK claim again; MR_AGAIN the time has passed, or a signal came; as mr_bus_follow().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_claim_wait(mr_bus *bus, int64_t timeout_ms, mr_problem *reterr_problem);

/**
 * Have the lease last from now on for so long.
 *
 * Returns  MR_OK; MR_CONFLICT the claim has ended; MR_REFUSED lease_ns as for mr_bus_claim();
 *          MR_BUSY somebody is judging the lease; faults.
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_claim_renew(
    mr_bus *bus, const mr_claim *claim, int64_t lease_ns, mr_problem *reterr_problem);

/**
 * Move a signal that this handle has claimed; to blocked, expired or executed also ends the claim.
 *
 * @param move  its ordinal is not looked at
 *
 * Returns  as mr_bus_move(); MR_CONFLICT also when the claim has ended.
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_claim_move(mr_bus *bus, const mr_claim *claim, const mr_move *move,
    mr_durability durability, mr_move_conflict *reterr_conflict, mr_problem *reterr_problem);

/**
 * Give a claim back: others may claim the signal, or the pipeline decides on it.
 *
 * Returns  MR_OK; MR_CONFLICT the claim has ended; as mr_bus_emit().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_claim_release(
    mr_bus *bus, const mr_claim *claim, mr_durability durability, mr_problem *reterr_problem);

/**
 * Who has a signal claimed now.
 *
 * Returns  MR_OK; MR_NOT_FOUND nobody; as mr_bus_follow().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_claimant(mr_bus *bus, mr_ordinal ordinal, mr_claimant *ret_claimant);

/** A subscription: a place in the log that has a name and is kept beside it (log_consumer.h). */
typedef struct mr_subscription mr_subscription;

/** What to subscribe to, and how. All zero: every event, from the end on. */
typedef struct mr_subscribe_options {
    const char *kind;   /**< signal.generated, signal.moved, ...; NULL: every kind */
    const char *symbol; /**< of the event's signal; NULL: any. Events of no signal are left out
                             when symbol, source or name is given */
    const char *source;
    const char *name;
    const char *state;      /**< moves into this state only; implies kind signal.moved */
    bool is_from_beginning; /**< when it is made: every event there is, else what comes after */
    uint32_t max_in_flight; /**< as mr_consumer_options */
    uint32_t max_deliver;
    uint32_t ack_wait_ms;
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
 * @param options  max_in_flight, max_deliver, ack_wait_ms and is_from_beginning count when it is
 * made; the filter is this handle's
 *
 * Returns  MR_OK; MR_REFUSED a kind or state that there is not, or another value than it was made
 *          with; as mr_consumer_open().
 * Owner    mr_subscription_close() frees, before the bus is closed.
 * Threads  one at a time for the bus and its subscriptions.
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
 * Give the event back: it comes again, to any handle, after so long.
 *
 * Returns  as mr_consumer_nack().
 * Threads  one at a time for the bus and its subscriptions.
 */
MR_MUST_USE mr_err mr_subscription_nack(
    mr_subscription *subscription, mr_seq seq, int64_t delay_ms, mr_problem *reterr_problem);

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

/**
 * The word for a state, and the state of a word.
 *
 * Returns  a static text; NULL: there is no such state.
 * Threads  any.
 */
const char *mr_state_text(mr_state state);

/**
 * The state of a word.
 *
 * Returns  MR_OK; MR_REFUSED there is none.
 * Threads  any.
 */
MR_MUST_USE mr_err mr_state_parse(const char *text, mr_state *ret_state);

/**
 * The side of a word: long, buy, short, sell and what bots say for them.
 *
 * Returns  MR_OK; MR_REFUSED it is none of them.
 * Threads  any.
 */
MR_MUST_USE mr_err mr_side_parse(const char *text, mr_side *ret_side);

#ifdef __cplusplus
}
#endif
#endif
