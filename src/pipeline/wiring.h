/* SPDX-License-Identifier: MIT */
/**
 * The engines, composed: who is applied, who decides, in which order.
 *
 *   applied to every event   market, sources, evaluate, execute, resolve, learn, report,
 *                            stuck, shadow
 *   deciding on an input     execute (fills, exits) -> resolve -> learn -> sources -> evaluate
 *                            -> execute (new orders) -> shadow
 *
 * Everything here is a function of the events in causal order: inputs in log order, each followed
 * by what was decided on it.
 */
#ifndef MRI_PIPELINE_WIRING_H
#define MRI_PIPELINE_WIRING_H

#include "bus/bus.h"
#include "evaluate/evaluate.h"
#include "execute/execute.h"
#include "execute/shadow.h"
#include "learn/learn.h"
#include "market/market.h"
#include "pipeline/config.h"
#include "pipeline/report.h"
#include "pipeline/stuck.h"
#include "resolve/resolve.h"
#include "sources/sources.h"

/** Of everything that decides. A change that changes any decision makes it one more. */
enum { MRI_ENGINE_VERSION = 3 };

/** The most that is decided on one input; what does not fit follows at the next tick. */
enum { MRI_WIRING_BATCH_EVENTS_MAX = 4096, MRI_WIRING_BATCH_BYTES_MAX = 2 * 1024 * 1024 };

/** Limits that engines are made with; they cannot change while the engines live. */
struct mri_wiring_limits {
    uint32_t signals_max;
    uint32_t symbols_max;
    uint32_t sources_max;
    uint32_t names_max;
};

struct mri_wiring {
    const struct mri_alloc *alloc;
    struct mri_wiring_limits limits;
    mri_config_parser parse;
    bool is_simulated_market; /**< fills are SIM, else PAPER */
    bool is_market_only;      /**< there are no engines, nothing is decided */
    uint64_t config_seq;      /**< of the configuration in force; 0 = none yet */
    struct mri_buf config_text;
    int64_t report_within_ns; /**< of the configuration in force: orders outside; 0: never */
    struct mri_route *routes; /**< of the configuration in force */
    uint32_t route_count;
    struct mri_market market;
    struct mri_sources sources;
    struct mri_evaluate evaluate;
    struct mri_execute execute;
    struct mri_resolve resolve;
    struct mri_learn learn;
    struct mri_report report;
    struct mri_stuck stuck;
    struct mri_shadows shadows;
};

/** What wiring is made of. */
struct mri_wiring_options {
    const struct mri_config *config;       /**< for limits, and until the first config event */
    mri_config_parser parse;               /**< for the texts of config events */
    const struct mri_intern *source_names; /**< the bus's numbering, outlives the wiring */
    bool is_simulated_market;
    bool is_market_only; /**< for who emits and asks: instruments, prices and the configuration's
                              text, no engines */
};

/**
 * The limits that a configuration asks for.
 *
 * Returns  the limits.
 * Threads  any.
 */
struct mri_wiring_limits mri_wiring_limits_of(const struct mri_config *config);

/**
 * Does what was saved under one set of limits fit under another? Symbols and sources number arrays,
 * so they must be the same; signals and names may be more.
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_wiring_is_room(
    const struct mri_wiring_limits *limits, const struct mri_wiring_limits *saved);

/**
 * The bus's limits among them.
 *
 * Returns  the limits.
 * Threads  any.
 */
struct mri_bus_limits mri_wiring_bus_limits(const struct mri_wiring_limits *limits);

/**
 * Make all engines. The struct must not move afterwards.
 *
 * Returns  MR_OK; MR_ENOMEM; MR_EINTERNAL a gate fails its proof, *reterr_problem names it.
 * Owner    mri_wiring_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_wiring_init(struct mri_wiring *wiring, const struct mri_alloc *alloc,
    const struct mri_wiring_options *options, mr_problem *reterr_problem);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_wiring_fini(struct mri_wiring *wiring);

/**
 * Take an event into every engine, in causal order.
 *
 * Returns  MR_OK; MR_ECORRUPT the event contradicts the state; MR_EVERSION a configuration of
 *          another version; MR_FULL a limit is too low; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_wiring_apply(struct mri_wiring *wiring, const struct mri_event *event);

/** What a decision may lose against: asked before anything of it is applied. */
struct mri_wiring_rival {
    void *context;

    /** Look at a batch's first outputs: MR_OK, or MR_CONFLICT when they can not be appended. */
    mr_err (*look)(void *context, const struct mri_batch *batch);
};

/**
 * Let every engine decide on an input that was applied; outputs are drafted into the batch and
 * applied.
 *
 * @param rival  NULL: there is none
 *
 * Returns  MR_OK; MR_CONFLICT as the rival says, nothing is applied then; faults of deciding and
 *          applying.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_wiring_decide(struct mri_wiring *wiring, const struct mri_event *input,
    struct mri_batch *batch, const struct mri_wiring_rival *rival);

/**
 * Append the state of all engines to a snapshot.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time.
 */
void mri_wiring_save(const struct mri_wiring *wiring, struct mri_buf *buf);

/**
 * Take a state back into fresh engines.
 *
 * Returns  MR_OK; MR_EVERSION it was saved by another engine version or with other limits;
 *          MR_ECORRUPT; MR_ENOMEM. The engines must be made afresh after a failure.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_wiring_load(struct mri_wiring *wiring, struct mri_unpack *unpack);

/**
 * Is this event decided on, rather than decided?
 *
 * Returns  true for inputs.
 * Threads  any.
 */
bool mri_wiring_is_input(const struct mri_event *event);

#endif
