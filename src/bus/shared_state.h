/* SPDX-License-Identifier: MIT */
/**
 * The state of the bus in the memory that every process with the log open shares: the table of
 * signals, the numbers of sources and names, the registered symbols, the event time.
 *
 * The append itself keeps it, under the log's append lock: who emits or moves a signal looks at
 * nothing else, gives the ordinal there, and compares and sets there. Any process finishes or drops
 * what a killed one had begun. It is made anew from a bus that was folded (bus.h) when it lacks
 * something.
 *
 * Caveats first
 * - It knows the signals that are not learned, and the newest of the learned ones, as many as the
 *   log's attribute says and as old as its configuration says. The log knows all.
 * - It has room for three idempotency keys for each sixteen signals. When there were more, who
 * emits with one asks a bus that was folded.
 * - Reading it needs mri_derived_look() before and mri_derived_is_same() behind.
 */
#ifndef MRI_BUS_SHARED_STATE_H
#define MRI_BUS_SHARED_STATE_H

#include "bus/bus.h"
#include "bus/shared_keys.h"
#include "bus/shared_texts.h"
#include "bus/signal_table.h"
#include "log/open/derived.h"

/** Of a log that is made: how many signals its state has room for, in decimal; a power of two. */
#define MRI_ATTRIBUTE_TABLE_SIGNALS "table_signals"

enum {
    MRI_SHARED_SIGNALS_MIN = 4096,
    MRI_SHARED_SIGNALS_DEFAULT = 131072, /**< of logs that do not say it */
    MRI_SHARED_SIGNALS_MAX = MRI_SIGNAL_SLOTS_MAX,
    MRI_SHARED_SYMBOLS_MIN = 256, /**< one for each 256 signals, within these */
    MRI_SHARED_SYMBOLS_MAX = 4096,
    MRI_SHARED_SOURCES_MIN = 256, /**< one for each 512 */
    MRI_SHARED_SOURCES_MAX = 1024,
    MRI_SHARED_NAMES = 4096,
    MRI_SHARED_INSTRUMENT_BYTES = 248, /**< of an instrument event's body */
};

/** What the newest configuration says of signals from outside. */
struct mri_shared_settings {
    struct mri_bus_limits limits;
    int64_t valid_for_ns; /**< default */
    int64_t kept_for_ns;  /**< of the learned: older ones leave the table; 0: only for its room */
};

/** Where the parts of an area are. */
struct mri_shared_state {
    uint64_t *head;        /**< NULL: not looked for yet */
    uint64_t *instruments; /**< 32 words each: length, then the body of the event */
    struct mri_shared_texts sources;
    struct mri_shared_texts names;
    struct mri_shared_keys keys;
    struct mri_signal_table table;
};

/** Of a signal that is appended: its numbers, when the caller knows them, and its key. */
struct mri_shared_known {
    uint32_t source; /**< number + 1; 0 = not known */
    uint32_t name;
    bool has_key;
    struct mri_key key; /**< with has_key: of the key in its body */
};

/** What an append tells the deriver, and is told by it. */
struct mri_shared_append {
    struct mri_shared_state *state;       /**< NULL, or of mri_shared_state_of() of this log */
    const struct mri_shared_known *known; /**< NULL, or one for each record */
    struct mri_hot_subject *subjects;     /**< room for one for each record: whom it is about */
    struct mri_bus_conflict conflict;     /**< with MR_CONFLICT */
    const char *full; /**< with MR_FULL: what the configuration limits, "signals", "sources" or
                         "names"; NULL: the table has no room for one more that is not learned */
};

/**
 * Open a log whose every append keeps the shared state, where the memory has one.
 *
 * @param options  of a log that is made, MRI_ATTRIBUTE_TABLE_SIGNALS among the attributes says its
 *                 size
 *
 * Returns  as mr_log_open(); MR_REFUSED the log's attribute is no size.
 * Owner    mr_log_close() frees.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_shared_state_open_log(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const mr_log_options *options, mr_log **ret_log,
    mr_problem *reterr_problem);

/**
 * The state of a log that was opened with mri_shared_state_open_log(), whole or not.
 *
 * @param state  zeros, or what this has said of the same log before
 *
 * Returns  MR_OK; MR_NOT_FOUND the memory was made without one; MR_AGAIN it was never made, or is
 *          being made.
 * Owner    the log's, until mr_log_close().
 * Threads  any.
 * Cost     a load, but for the first time.
 */
MR_MUST_USE mr_err mri_shared_state_of(const mr_log *log, struct mri_shared_state *state);

/**
 * Append signals and moves: bodies of signal.generated get the event time of the log, all get
 * whom they are about.
 *
 * @param records  bodies belong to the caller, who lets them be changed
 *
 * Returns  as mr_log_append(), and: MR_AGAIN the state lacks something, mri_shared_state_fill();
 *          MR_EXISTS a signal has a key that was there by then; MR_CONFLICT a signal is in another
 *          state than its move says, append->conflict; MR_FULL, append->full; MR_NOT_FOUND a move
 *          of a signal that is claimed, or that the table does not know (any more), or a signal
 *          with a key where keys are missing: the log knows; MR_REFUSED a symbol that is not
 *          registered, or a move that contradicts one before it in the batch; MR_ETOOLARGE.
 *          Nothing was appended then.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_shared_state_append(mr_log *log, mr_log_record *records, size_t count,
    mr_durability durability, struct mri_shared_append *append, mr_log_ack *ret_ack);

/**
 * Make the state anew from a bus, while mri_derived_hold() keeps others from appending.
 *
 * @param state  of mri_shared_state_of(), whatever it has returned but MR_NOT_FOUND
 * @param bus    has folded every event there is
 *
 * Returns  MR_OK; MR_FULL the bus has more than there is room for.
 * Threads  the one that holds.
 * Cost     about 100 ns a signal that it then has.
 */
MR_MUST_USE mr_err mri_shared_state_fill(struct mri_shared_state *state, const struct mri_bus *bus,
    const struct mri_shared_settings *settings);

/**
 * What the state should know of a signal that a bus has.
 *
 * Returns  it.
 * Threads  one at a time.
 */
struct mri_signal mri_shared_state_expected(const struct mri_bus *bus, uint32_t ordinal);

/**
 * Put an instrument into a state that is being made anew, in order of numbers.
 *
 * @param body  of its event
 *
 * Returns  MR_OK; MR_FULL.
 * Threads  the one that holds.
 */
MR_MUST_USE mr_err mri_shared_state_put_instrument(
    struct mri_shared_state *state, const void *body, size_t body_bytes);

/**
 * The registered instruments.
 *
 * Returns  how many there are.
 * Threads  any; see the caveats.
 */
uint32_t mri_shared_state_instrument_count(const struct mri_shared_state *state);

/**
 * How many of them are provisional. When one gets its instrument there is one less.
 *
 * Returns  how many.
 * Threads  any; see the caveats.
 */
uint32_t mri_shared_state_provisional_count(const struct mri_shared_state *state);

/**
 * Copy the body of an instrument's event out.
 *
 * Returns  its bytes; 0: there is none of that number.
 * Threads  any; see the caveats.
 */
size_t mri_shared_state_instrument(const struct mri_shared_state *state, uint32_t number,
    uint64_t ret_body[MRI_SHARED_INSTRUMENT_BYTES / 8]);

/**
 * The newest event time.
 *
 * Returns  it; 0: none yet.
 * Threads  any; see the caveats.
 */
int64_t mri_shared_state_event_time_unix_ns(const struct mri_shared_state *state);

/**
 * How long signals may wait that do not say it.
 *
 * Returns  nanoseconds.
 * Threads  any; see the caveats.
 */
int64_t mri_shared_state_valid_for_ns(const struct mri_shared_state *state);

/**
 * Does the state say the same as a bus that has folded the same events? The bus keeps its tables in
 * another way.
 *
 * @param reterr_problem  what differs
 *
 * Returns  MR_OK; MR_ECORRUPT it does not.
 * Threads  nobody appends meanwhile.
 * Cost     about 100 ns a signal.
 */
MR_MUST_USE mr_err mri_shared_state_compare(
    const struct mri_shared_state *state, const struct mri_bus *bus, mr_problem *reterr_problem);

#endif
