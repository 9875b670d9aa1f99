/* SPDX-License-Identifier: MIT */
/**
 * The past of a log, taken in: the bus in log order, the engines in causal order.
 *
 * Causal order: an output says on which input it was decided; before it, every input up to that one
 * is applied. So engines see the same sequence as when the log was written, however inputs and
 * outputs lie between one another.
 */
#ifndef MRI_PIPELINE_FOLD_H
#define MRI_PIPELINE_FOLD_H

#include "log/read/reader.h"
#include "pipeline/early_inputs.h"
#include "pipeline/wiring.h"

/** Keys of facts that a log's MANIFEST keeps. */
#define MRI_ATTRIBUTE_TIME          "time_mode" /* simulated or live */
#define MRI_ATTRIBUTE_MARKET        "market"    /* simulated or real */
#define MRI_ATTRIBUTE_FEED          "feed"      /* csv, synthetic */
#define MRI_ATTRIBUTE_FEED_IDENTITY "feed_identity"
#define MRI_ATTRIBUTE_FEED_SEED     "feed_seed" /* of a synthetic feed */
#define MRI_ATTRIBUTE_FEED_PATH     "feed_path" /* where a csv feed was; no part of its identity */

/** What is done with events in causal order. */
struct mri_fold_visitor {
    void *context;

    /** An input, a winner of a superseded batch included. */
    mr_err (*input)(void *context, const struct mri_event *event);

    /** An output; every input up to its cause was visited before. */
    mr_err (*output)(void *context, const struct mri_event *event);
};

struct mri_fold_options {
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    const char *folder;
    mri_config_parser parse;
    const struct mri_config *config; /**< for limits; NULL: those of the log's own configurations */
    bool is_from_start;              /**< leave snapshots aside */
    bool is_market_only; /**< bus and market alone, for who emits and asks: nothing is decided, and
                              events are taken in as they lie in the log */
};

/** Of a quarter of a million signals: one file is simpler than a chain, and soon written. */
enum { MRI_FOLD_WHOLE_BYTES_MAX = 16 * 1024 * 1024 };

/** A snapshot that the next one can build on. */
struct mri_fold_base {
    struct mri_bus_since since; /**< all 0: there is none */
    uint32_t chain_crc;
};

struct mri_fold {
    struct mri_fold_options options;
    struct mri_config own_config; /**< the defaults, or the log's newest configuration */
    struct mri_bus bus;
    struct mri_wiring wiring;
    mr_log_reader *lead;   /**< reads everything, in log order */
    mr_log_reader *inputs; /**< follows, for inputs in causal order */
    mr_log_event held;     /**< an input read but not yet due */
    bool has_held;
    bool is_made;
    uint64_t applied_seq;     /**< newest input applied */
    uint64_t undecided_seq;   /**< an input that was applied, but whose decision lost; 0 = none */
    uint64_t foreign_applied; /**< moves from outside, claims and their ends applied so far */
    uint64_t named_seq;       /**< instruments up to here are in the market, applied or not */
    uint64_t snapshot_seq;    /**< the snapshot that the fold started from; 0 = none */
    struct mri_fold_base newest_snapshot; /**< started from, or written since */
    uint64_t whole_bytes_max;      /**< on a whole snapshot that is shorter none is built; at first
                                        MRI_FOLD_WHOLE_BYTES_MAX */
    uint64_t first_seq;            /**< of the log; more than 1 when its beginning was removed */
    struct mri_early_inputs early; /**< inputs applied because a decision lost against them */
    mr_err damage;                 /**< MR_OK, or the log can be read only up to here */
    mr_problem damage_problem;
    bool is_torn;         /**< an incomplete batch lies behind the last complete one */
    uint32_t runner_id;   /**< the process that decides on the log now; 0 = none */
    uint64_t log_number;  /**< the first 40 bits of the log's own id, for those of orders */
    uint32_t executor_id; /**< the one that takes orders to a venue outside; 0 = none */
};

/**
 * Take in the whole past of a log. Damage stops it: what lies before is taken in, fold->damage says
 * so.
 *
 * Returns  MR_OK; MR_NOT_FOUND no log there; MR_FULL a limit of the configuration is too low for
 *          this log; MR_ECORRUPT events contradict one another; MR_EVERSION; MR_EPATH, MR_EACCESS,
 *          MR_EIO, MR_ENOMEM; *reterr_problem says where and why.
 * Owner    mri_fold_fini() frees. The struct must not move.
 * Threads  one at a time.
 * Cost     reads the log twice, about 150 ns an event; with a snapshot, only what follows it.
 */
MR_MUST_USE mr_err mri_fold_init(
    struct mri_fold *fold, const struct mri_fold_options *options, mr_problem *reterr_problem);

/**
 * Make fold, bus and engines at the beginning of a log, for a visitor of one's own.
 *
 * Returns  as mri_fold_init().
 * Owner    mri_fold_fini() frees. The struct must not move.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_fold_begin(
    struct mri_fold *fold, const struct mri_fold_options *options, mr_problem *reterr_problem);

/**
 * After MR_FULL: does the log's newest configuration allow more than the fold was made for? Then
 * mri_fold_restart() makes room for it.
 *
 * Returns  true or false.
 * Threads  one at a time.
 * Cost     reads the log once.
 */
bool mri_fold_grow(struct mri_fold *fold);

/**
 * Begin anew with empty state, and leave the readers where they are.
 *
 * Returns  MR_OK; MR_ENOMEM; as mri_wiring_init().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_fold_remake(struct mri_fold *fold, mr_problem *reterr_problem);

/**
 * Begin anew with empty state, at the first record.
 *
 * Returns  MR_OK; MR_ENOMEM; faults of reading.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_fold_restart(struct mri_fold *fold, mr_problem *reterr_problem);

/**
 * Visit what is in the log, up to its end as of now.
 *
 * Returns  MR_OK the end was reached; MR_NOT_FOUND the log's beginning was removed, and no snapshot
 *          stands for it; faults of the visitor; faults of reading, but damage, which
 *          is noted. Events that a repair gave up are damage here: what follows was decided with
 *          them.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_fold_run(
    struct mri_fold *fold, const struct mri_fold_visitor *visitor, mr_problem *reterr_problem);

/**
 * Go on to the end of the log as of now: bus and engines take in what was appended since, here or
 * by others. For who decides nothing.
 *
 * Returns  as mri_fold_init(); damage is noted in fold->damage.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_fold_follow(struct mri_fold *fold, mr_problem *reterr_problem);

/**
 * Have names of symbols that no engine has taken in yet: of a log that programs have begun and
 * nobody has run since. For who only shows things: bus and engines stay as they are.
 *
 * Returns  MR_OK; faults of reading; as mri_market_apply().
 * Threads  one at a time.
 * Cost     reads what is behind the newest input that was applied.
 */
MR_MUST_USE mr_err mri_fold_name_pending(struct mri_fold *fold, mr_problem *reterr_problem);

/**
 * Take into the bus what other processes have appended since; the engines are not asked.
 *
 * @param ret_count  events that were taken in
 *
 * Returns  MR_OK; MR_ECORRUPT damage; faults of reading; as mri_bus_fold().
 * Threads  one at a time.
 * Cost     reads on from where it came the last time, over what this process has appended, too.
 */
MR_MUST_USE mr_err mri_fold_catch_up(
    struct mri_fold *fold, uint64_t *ret_count, mr_problem *reterr_problem);

/**
 * The next input that was not visited yet: whose decision is not in the log.
 *
 * Returns  MR_OK; MR_END there is none; faults of reading.
 * Owner    ret_event->body points into the fold's reader, until the next call.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_fold_next_input(
    struct mri_fold *fold, struct mri_event *ret_event, mr_problem *reterr_problem);

/**
 * Note that an input is applied before its turn, because a decision lost against it: when its turn
 * comes, it is passed over.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Threads  one at a time.
 * Cost     O(log n) of those that wait for their turn.
 */
MR_MUST_USE mr_err mri_fold_take_early(struct mri_fold *fold, uint64_t seq);

/**
 * Read one event by its seq.
 *
 * @param reader  of the caller
 *
 * Returns  MR_OK; MR_NOT_FOUND, *reterr_problem says what became of it; faults of reading.
 * Owner    ret_event->body points into the reader, until the next call on it.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_fold_read(
    mr_log_reader *reader, uint64_t seq, struct mri_event *ret_event, mr_problem *reterr_problem);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_fold_fini(struct mri_fold *fold);

#endif
