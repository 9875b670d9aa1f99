/* SPDX-License-Identifier: MIT */
/**
 * The signal bus: the log, and what is derived from it in log order.
 *
 * A bus is open for writing or only folds records that somebody reads. Either way its tables are
 * those of the log up to `last_seq`. Other processes may append, too: what they have appended must
 * be folded before this bus can append again.
 */
#ifndef MRI_BUS_BUS_H
#define MRI_BUS_BUS_H

#include "base/intern.h"
#include "bus/batch.h"
#include "bus/claims.h"
#include "bus/keys.h"
#include "bus/observed.h"
#include "bus/order_table.h"
#include "bus/slots.h"
#include "log/open/append.h"
#include "millrace/log.h"

struct mri_bus_limits {
    struct mri_slots_limits slots;
    uint32_t names_max; /**< distinct names of signals; at most 65535 */
};

/** The numbers of a signal's source and name. */
struct mri_bus_numbers {
    uint16_t source;
    uint16_t name;
};

/** The most events in one batch. */
enum { MRI_BUS_BATCH_MAX = 16384 };

struct mri_bus {
    const struct mri_alloc *alloc;
    mr_log *log; /**< NULL: folds only */
    struct mri_slots slots;
    struct mri_intern sources; /**< own ones first, others in order of their first signal */
    struct mri_intern names;
    struct mri_keys keys;
    struct mri_digest hasher; /**< of keys */
    struct mri_claims claims;
    struct mri_observed observed;  /**< emissions outside the lifecycle */
    struct mri_order_table orders; /**< of executors outside; not part of mri_bus_save() */
    uint64_t last_seq;             /**< newest record taken in */
    uint32_t chain_crc;            /**< its head's checksum */
    int64_t event_time_unix_ns;    /**< highest event time of an input so far; 0 = none yet */
    uint64_t foreign_moves;        /**< moves from outside, claims and their ends taken in so far */
    const char *full; /**< what the newest batch refused with MR_FULL had no room for: "signals",
                           "symbols", "sources", "names"; NULL: something else */
    mr_log_record *records;          /**< of the batch that is being appended */
    struct mri_bus_numbers *numbers; /**< of its new signals, by position in the batch */
};

/** What stood in the way of a batch. */
struct mri_bus_conflict {
    uint32_t ordinal;    /**< of the signal */
    mr_state found;      /**< its state in the log */
    uint64_t winner_seq; /**< the move that made it so, or the claim that is in force */
    bool is_claimed;     /**< mri_claims_find() says by whom */
};

/**
 * Make an empty bus.
 *
 * @param log  open at its end, whose records are still to be folded; NULL to fold only
 *
 * Returns  MR_OK; MR_ENOMEM; MR_EINVAL.
 * Owner    mri_bus_fini() frees; the log stays the caller's.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_bus_init(struct mri_bus *bus, const struct mri_alloc *alloc,
    const struct mri_bus_limits *limits, mr_log *log);

/**
 * Free a bus. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_bus_fini(struct mri_bus *bus);

/**
 * Take the next record of the log into the tables.
 *
 * @param ret_event  the decoded event; its type is below 256 for the log's own records
 *
 * Returns  MR_OK; MR_ECORRUPT the record contradicts what came before; MR_EVERSION; MR_FULL a limit
 *          is too low for this log; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_bus_fold(
    struct mri_bus *bus, const mr_log_event *record, struct mri_event *ret_event);

/**
 * Empty a batch and tell it where it will land.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_bus_begin(const struct mri_bus *bus, struct mri_batch *batch);

/**
 * Have a batch land behind what was folded since it was begun: one of inputs, which depend on
 * nothing before.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_bus_rebase(const struct mri_bus *bus, struct mri_batch *batch);

/**
 * Append a batch: every move is compared with the signal's state in the log and made, or the whole
 * batch is refused.
 *
 * @param reterr_conflict  NULL, or who was first
 *
 * Returns  MR_OK; otherwise as mr_log_append(), or, and then nothing was written:
 *          MR_AGAIN another process has appended what the tables do not have yet, or they have
 *          taken it in since the batch was begun: fold it and begin the batch anew, or
 *          mri_bus_rebase() it;
 *          MR_CONFLICT a signal is in another state than its move or claim says, or it is claimed
 *          and the move does not name the claim as its evidence, or a claim that is to end is not
 *          in force;
 *          MR_REFUSED a move that the lifecycle forbids or that lacks its gate or reason, an event
 *          about a signal that does not exist, a name that is empty or too long, a second order for
 *          one that may live, a report that its order contradicts, a move from outside of a signal
 *          whose order may live;
 *          MR_FULL signals_max, names_max or sources_max would be exceeded;
 *          MR_EINVAL an event could not be read back: a number that is not finite, a code that is
 *          in no vocabulary, a reference that points forward, text that is not UTF-8.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_bus_append(struct mri_bus *bus, const struct mri_batch *batch,
    mr_durability durability, mr_log_ack *ret_ack, struct mri_bus_conflict *reterr_conflict);

/**
 * Would a batch's moves lose against what is in the bus?
 *
 * Returns  MR_OK; MR_CONFLICT as of mri_bus_append().
 * Threads  one at a time.
 * Cost     a look at each move.
 */
MR_MUST_USE mr_err mri_bus_look(const struct mri_bus *bus, const struct mri_batch *batch,
    struct mri_bus_conflict *ret_conflict);

/** What a snapshot builds on: another one's newest event, and the signals there were. All 0: it has
 * everything itself. */
struct mri_bus_since {
    uint64_t seq;
    uint32_t signals;
};

/**
 * Append the tables to a snapshot: of signals and their keys what has changed since another one, of
 * all others everything.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time.
 */
void mri_bus_save(
    const struct mri_bus *bus, const struct mri_bus_since *since, struct mri_buf *buf);

/**
 * Of a snapshot that others build on, take back what they do not have: into an empty bus with the
 * same limits, or one that has what this one builds on.
 *
 * Returns  MR_OK; MR_ECORRUPT; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_bus_load_base(
    struct mri_bus *bus, const struct mri_bus_since *since, struct mri_unpack *unpack);

/**
 * Take the tables back; what the snapshot builds on was taken by mri_bus_load_base().
 *
 * Returns  MR_OK; MR_ECORRUPT; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_bus_load(
    struct mri_bus *bus, const struct mri_bus_since *since, struct mri_unpack *unpack);

#endif
