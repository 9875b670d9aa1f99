/* SPDX-License-Identifier: MIT */
/**
 * The handle of a bus, and signals: emit, move, find. millrace/bus.h has the caveats, and all of
 * it.
 */
#ifndef MILLRACE_BUS_SIGNAL_H
#define MILLRACE_BUS_SIGNAL_H

#include "millrace/err.h"
#include "millrace/log.h"
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
    const char *source; /**< who emits, up to 64 bytes, not only spaces; not the name of a built-in
                             source, engine, millrace, run or an actor's but external */
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
    const char *data;        /**< a JSON object, kept as it is, up to 64 KiB. That it has its braces
                                  is checked, what they hold is the caller's word */
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

/** A move: compare and set. */
typedef struct mr_move {
    mr_ordinal ordinal;
    mr_state from;      /**< MR_CONFLICT unless the signal is there */
    mr_state to;        /**< docs/LIFECYCLE.md has the moves there are */
    const char *gate;   /**< of docs/FORMAT.md "gate"; needed when `to` is blocked; of expired NULL
                             is "external"; any other move has none */
    const char *reason; /**< of docs/FORMAT.md "reason"; needed when `to` is blocked, else NULL is
                             "external" */
    const char *data;   /**< a JSON object, as of mr_emission */
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
 * Is the log still where it was opened? A folder may be renamed or removed while it is in use, and
 * another log be made at its path. What is open and mapped stays the log's: signals are emitted,
 * moved and asked about as before, until a file must be opened by its path. What opens or writes
 * one (claims, subscriptions, orders, the past, health), and what waits, is MR_EPATH then.
 *
 * Returns  MR_OK, also when it cannot be found out; MR_EPATH it was renamed or removed: close the
 *          handle, and open the log where it is now.
 * Threads  any.
 * Cost     about a microsecond.
 */
MR_MUST_USE mr_err mr_bus_check_place(const mr_bus *bus, mr_problem *reterr_problem);

/**
 * Close. NULL is allowed.
 *
 * Returns  nothing.
 * Threads  no other uses the handle.
 */
void mr_bus_close(mr_bus *bus);

/**
 * Emit signals as one batch: all of them or none. A signal whose key is in the log already is not
 * emitted again; its ordinal is that of the first, whose symbol, side and name must be the same.
 *
 * @param ret_emitted  NULL, or room for `count`
 *
 * Returns  MR_OK; MR_REFUSED a field is not as it must be, *reterr_problem says which of which
 *          signal, or the log has no time to give: a simulated one has none yet, the clock of a
 *          live one is not of 2000 to 2099; MR_FULL limits.* of the configuration are reached;
 *          MR_EINVAL arguments; MR_EUNKNOWN they are in the log, and their durability is not
 *          known; as mr_log_append().
 * Threads  one at a time per handle.
 * Cost     MR_GROUP waits for one fdatasync.
 */
MR_MUST_USE mr_err mr_bus_emit(mr_bus *bus, const mr_emission *emissions, size_t count,
    mr_durability durability, mr_emitted *ret_emitted, mr_problem *reterr_problem);

/**
 * Would mr_bus_emit() of one signal with MR_ASYNC or MR_INTERVAL and without a key be done at once,
 * as far as can be seen: without reading the log, and without waiting for the disk? For who holds
 * something meanwhile that others need, as the lock of an interpreter.
 *
 * Returns  true or false.
 * Threads  one at a time per handle.
 * Cost     some loads.
 */
bool mr_bus_emits_at_once(mr_bus *bus);

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
 *          another handle, or a claim of this handle on it has ended (told once); MR_NOT_FOUND
 *          there is no such signal; MR_REFUSED a move that the lifecycle forbids or that lacks its
 *          gate or reason, *reterr_problem says which; else as mr_bus_emit().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_move(mr_bus *bus, const mr_move *moves, size_t count,
    mr_durability durability, mr_move_conflict *reterr_conflict, mr_problem *reterr_problem);

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
 * The symbol of a name: as it is registered, or a spelling of it, with or without '-', '_' and '/',
 * in any case.
 *
 * @param ret_symbol  the name that it is registered by, as signals have it
 *
 * Returns  MR_OK; MR_NOT_FOUND none; MR_EINVAL arguments; as mr_bus_follow().
 * Owner    the bus, until the next call.
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_symbol(
    mr_bus *bus, const char *name, const char **ret_symbol, mr_problem *reterr_problem);

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
 * Returns  MR_OK; MR_NOT_FOUND; a fault of reading the log.
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_find(mr_bus *bus, const char *id, mr_ordinal *ret_ordinal);

/**
 * How many signals are in each state, all as of one moment.
 *
 * Returns  MR_OK; as mr_bus_follow().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_counts(
    mr_bus *bus, uint64_t ret_counts[MR_STATE_COUNT], mr_problem *reterr_problem);

/**
 * The log's event time: the newest that a candle, tick or signal has brought. 0: none yet.
 *
 * Returns  MR_OK; as mr_bus_follow().
 * Threads  one at a time per handle.
 * Cost     some loads; while another process makes the shared table anew, as mr_bus_follow().
 */
MR_MUST_USE mr_err mr_bus_event_time(
    mr_bus *bus, int64_t *ret_time_unix_ns, mr_problem *reterr_problem);

/**
 * Is the log's time that of the clock, and not of a feed? Then a signal's time is the clock's;
 * while a run is up, that of its last tick, at most about a second before.
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mr_bus_is_live(const mr_bus *bus);

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
