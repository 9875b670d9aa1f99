/* SPDX-License-Identifier: MIT */
/**
 * A running pipeline: the one process of a log that decides, on every input, whoever appends it.
 *
 *   open: log, past, pending inputs -> session, configuration, instruments
 *   then, for each group of inputs: append them, and for each: apply, decide, append the outputs
 *   and before it, and whenever there is time: what other processes have appended
 */
#ifndef MRI_PIPELINE_NODE_H
#define MRI_PIPELINE_NODE_H

#include "market/feed.h"
#include "pipeline/claim_watch.h"
#include "pipeline/clock.h"
#include "pipeline/engine_undo.h"
#include "pipeline/fold.h"
#include "pipeline/seat.h"

/** Hears what is wrong with a spelling of the configuration, by its index. */
typedef void (*mri_spelling_teller)(void *context, uint32_t index, const mr_problem *what);

struct mri_node_options {
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    const char *folder;
    const struct mri_config
        *config; /**< the effective one; becomes a config event when it is new */
    mri_config_parser parse;
    bool is_create;              /**< make the log when there is none */
    const char *time_mode;       /**< of a log that is made: "simulated" or "live" */
    const char *build;           /**< program version, for the session event */
    const struct mri_feed *feed; /**< NULL: none; its instruments are registered */
    const char *feed_kind;       /**< "csv", "synthetic"; kept with the log's identity */
    const char *feed_path; /**< of a feed of files, NULL: none; kept for the same reason, if it is
                              at most 127 bytes of printable ASCII */
    bool (*is_stopping)(void); /**< is it wished to end soon? Asked among many inputs; NULL: no */
    const char *feed_seed;     /**< of a synthetic feed; kept, so that it need not be named again */
    mri_spelling_teller tell_spelling; /**< NULL, or is told each spelling that is refused */
    void *tell_context;
};

struct mri_node {
    struct mri_node_options options;
    mr_log *log;
    struct mri_seat seat;
    struct mri_log_opening opening;
    struct mri_fold fold; /**< the bus and the engines live in it */
    struct mri_clock clock;
    struct mri_claim_watch watch; /**< ends claims whose owners are gone */
    struct mri_batch inputs;
    struct mri_batch outputs;
    struct mri_engine_undo undo; /**< of decisions that others may overtake */
    uint32_t held_left;          /**< decisions to be able to undo: others append these days */
    bool is_foreign_pending;     /**< others' events are in the bus, and not decided on yet */
    uint64_t overtaken;          /**< decisions made anew, since others appended meanwhile */
    uint64_t refolds;       /**< of them, those for which the engines were made anew from the log */
    bool is_refolded;       /**< the engines were made anew from the log, and have decided on
                                 everything in it */
    bool is_stopped;        /**< it was wished to end before all in the log was decided on */
    bool is_behind;         /**< a batch was cut: a tick is due */
    bool is_resumed;        /**< the log existed */
    uint32_t *feed_symbols; /**< number of each of the feed's instruments */
    uint64_t snapshot_seq;  /**< newest snapshot */
    uint64_t snapshot_try_seq;  /**< newest attempt at one: none is tried again at once */
    uint64_t compare_seq;       /**< newest comparison of the shared state */
    uint64_t differences;       /**< that were found in it, and made good */
    mr_err snapshot_err;        /**< of the newest one that could not be written; MR_OK: none */
    uint64_t session_first_seq; /**< first event since the node was opened */
};

/**
 * Open a pipeline: the log, its past, and whatever was not decided yet.
 *
 * Returns  MR_OK; as mr_log_open() and mri_fold_init(); MR_REFUSED the log belongs to another feed,
 *          or an instrument differs from its registration; MR_FULL; MR_EINTERNAL a gate fails its
 *          proof; MR_AGAIN it is wished to stop. *reterr_problem says what and why; nothing was
 *          appended then but what was decided on inputs that were pending.
 * Owner    mri_node_close() frees. The struct must not move.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_node_open(
    struct mri_node *node, const struct mri_node_options *options, mr_problem *reterr_problem);

/**
 * Append the inputs drafted in node->inputs as one batch, and decide on each of them.
 *
 * Returns  MR_OK; MR_AGAIN it is wished to stop, node->is_stopped; faults of appending and
 *          deciding.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_node_take_inputs(struct mri_node *node);

/**
 * Decide on what other processes have appended since.
 *
 * Returns  MR_OK; MR_AGAIN it is wished to stop, node->is_stopped; faults of reading, appending and
 *          deciding.
 * Threads  one at a time.
 * Cost     nothing but a look when there is nothing.
 */
MR_MUST_USE mr_err mri_node_take_foreign(struct mri_node *node);

/**
 * Wait for other processes' events, and decide on them.
 *
 * Returns  MR_OK something came and is decided; MR_AGAIN the time has passed or a signal came;
 *          faults as above.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_node_wait(struct mri_node *node, int64_t timeout_ms);

/**
 * Begin a group of inputs: node->inputs is empty afterwards.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_node_begin_inputs(struct mri_node *node);

/**
 * Take a tick in, if one is due: time passed in a live log, or a batch was cut.
 *
 * Returns  MR_OK; faults of appending and deciding.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_node_tick(struct mri_node *node);

/**
 * Say that the feed has ended: open horizons become unresolved.
 *
 * Returns  MR_OK; faults of appending and deciding.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_node_end_feed(struct mri_node *node);

/**
 * Write a snapshot if so many events have passed since the last. One that cannot be written is only
 * a hint that is missing: node->snapshot_err says why, and an alert is logged.
 *
 * Returns  MR_OK; faults of appending the alert.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_node_snapshot_if_due(struct mri_node *node);

/**
 * Compare the state that processes share with what was folded here, when log.compare_events have
 * come since; what differs is logged as an alert, and the state made anew from the fold. While
 * others append in the middle of it, it is tried again after a sixteenth of these.
 *
 * Returns  MR_OK; as mri_node_take_inputs().
 * Threads  one at a time.
 * Cost     when it is due, about 100 ns a signal.
 */
MR_MUST_USE mr_err mri_node_compare_if_due(struct mri_node *node);

/**
 * Whatever is due after so many events: mri_node_snapshot_if_due(), mri_node_compare_if_due().
 *
 * Returns  as these.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_node_maintain(struct mri_node *node);

/**
 * End the session: last snapshot (as mri_node_snapshot_if_due()), session event, sync.
 *
 * Returns  MR_OK; MR_EUNKNOWN and others: the end may not be durable.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_node_end_session(struct mri_node *node);

/**
 * Free everything; a session that was not ended stays open in the log. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_node_close(struct mri_node *node);

#endif
