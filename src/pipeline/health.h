/* SPDX-License-Identifier: MIT */
/**
 * How a log is doing: judged from what was done, never from the age of a file.
 */
#ifndef MRI_PIPELINE_HEALTH_H
#define MRI_PIPELINE_HEALTH_H

#include "pipeline/fold.h"

/** X(NAME, text): health of the whole. */
#define MRI_HEALTH_MAP(X)                                                                          \
    X(MRI_HEALTH_OK, "OK")                                                                         \
    X(MRI_HEALTH_DEGRADED, "DEGRADED")                                                             \
    X(MRI_HEALTH_DOWN, "DOWN")                                                                     \
    X(MRI_HEALTH_UNKNOWN, "UNKNOWN")

enum mri_health_state {
#define MRI_HEALTH_ENUM(name, text) name,
    MRI_HEALTH_MAP(MRI_HEALTH_ENUM)
#undef MRI_HEALTH_ENUM
};

/** X(NAME, text): the stages of the pipeline. */
#define MRI_STAGE_MAP(X)                                                                           \
    X(MRI_STAGE_BARS, "bars")                                                                      \
    X(MRI_STAGE_SIGNALS, "signals")                                                                \
    X(MRI_STAGE_DECISIONS, "decisions")                                                            \
    X(MRI_STAGE_FILLS, "fills")                                                                    \
    X(MRI_STAGE_OUTCOMES, "outcomes")                                                              \
    X(MRI_STAGE_FEEDBACK, "feedback")

enum mri_stage {
#define MRI_STAGE_ENUM(name, text) name,
    MRI_STAGE_MAP(MRI_STAGE_ENUM)
#undef MRI_STAGE_ENUM
        MRI_STAGE_COUNT
};

/** What a stage has done and what waits for it. */
struct mri_stage_progress {
    const char *name;
    uint64_t done;
    int64_t last_unix_ns; /**< event time of the newest; 0 = never */
    uint64_t waiting;
};

/** Inputs that are logged and not decided. */
struct mri_health_pending {
    uint64_t inputs;
    uint64_t alerts;             /**< beside the inputs: nobody decides on them */
    uint64_t facts;              /**< those of them that are bars, quotes and funding */
    int64_t facts_since_unix_ns; /**< by the clock, when the first of these was logged; 0: none */
};

/** X(NAME, text): limits of the configuration that a log can come to. */
#define MRI_HEALTH_LIMIT_MAP(X)                                                                    \
    X(MRI_HEALTH_LIMIT_SIGNALS, "signals")                                                         \
    X(MRI_HEALTH_LIMIT_SYMBOLS, "symbols")                                                         \
    X(MRI_HEALTH_LIMIT_SOURCES, "sources")                                                         \
    X(MRI_HEALTH_LIMIT_NAMES, "names")

enum mri_health_limit_id {
#define MRI_HEALTH_LIMIT_ENUM(name, text) name,
    MRI_HEALTH_LIMIT_MAP(MRI_HEALTH_LIMIT_ENUM)
#undef MRI_HEALTH_LIMIT_ENUM
        MRI_HEALTH_LIMIT_COUNT
};

/** How much of limits.<name>_max is used. */
struct mri_health_limit {
    const char *name;
    uint64_t used;
    uint64_t max;
    bool is_near;    /**< nine tenths are used */
    bool is_reached; /**< what needs one more is refused */
};

enum { MRI_HEALTH_WHY_BYTES = 160 };

/** Not to be copied: `why` may point into it. */
struct mri_health {
    enum mri_health_state state;
    const char *why; /**< it is not OK; NULL when it is */
    char why_text[MRI_HEALTH_WHY_BYTES];
    int64_t
        ahead_ns; /**< of the wall clock is the time of a live log, if more than a minute; else 0 */
    struct mri_health_pending pending;
    struct mri_health_limit limits[MRI_HEALTH_LIMIT_COUNT];
    struct mri_stage_progress stages[MRI_STAGE_COUNT];
};

/**
 * Judge a folded log. Reads the inputs that are not decided yet, and the fold's market takes in the
 * prices among them: for who only shows things.
 *
 * Returns  MR_OK; faults of reading; as mri_market_apply().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_health_judge(
    struct mri_fold *fold, struct mri_health *ret_health, mr_problem *reterr_problem);

/**
 * mri_health_judge() for who follows a log and has counted what waits: nothing is read but the wall
 * clock, and the fold can go on.
 *
 * @param pending  counted by mri_health_count()
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_health_look(const struct mri_fold *fold, const struct mri_health_pending *pending,
    struct mri_health *ret_health);

/**
 * Count an input that nobody has taken in: an alert, or one whose decision somebody waits for.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_health_count(struct mri_health_pending *pending, const struct mri_event *event);

/**
 * Is an event a bar, a quote or a funding rate?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_health_is_fact(const struct mri_event *event);

/**
 * Does somebody wait for what is decided on an input?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_health_is_decided_on(const struct mri_event *event);

/**
 * The word for a health.
 *
 * Returns  a static text.
 * Threads  any.
 */
const char *mri_health_text(enum mri_health_state state);

/**
 * Where new orders go.
 *
 * Returns  the venue.
 * Threads  one at a time.
 */
enum mri_venue_mode mri_health_venue(const struct mri_wiring *wiring);

/**
 * Do the books add up: no mismatch at any close?
 *
 * Returns  true or false.
 * Threads  one at a time.
 */
bool mri_health_is_ledger_ok(const struct mri_wiring *wiring);

/** How many signals there are of what. */
struct mri_health_signals {
    uint64_t by_side[2];                /**< long, short */
    uint64_t by_gate[MRI_REPORT_GATES]; /**< that blocked them, learned ones too */
    uint64_t *by_source;                /**< NULL: not asked; else as many as the bus has sources */
};

/**
 * Count the signals, also those that no run has taken in; blocked by whom, also outside of one.
 *
 * @param counts  by_source is the caller's; the rest is written whatever it holds
 *
 * Returns  nothing.
 * Threads  one at a time.
 * Cost     looks at every signal.
 */
void mri_health_count_signals(const struct mri_fold *fold, struct mri_health_signals *counts);

/**
 * Are there as many signals by side as by state, and no more taken in than there are?
 *
 * Returns  true or false.
 * Threads  one at a time.
 */
bool mri_health_is_conserved(const struct mri_fold *fold);

/**
 * Skill of a predictor against a coin at a horizon, in 1e-4 nats.
 *
 * @param whose  MRI_SCORE_*
 *
 * Returns  the skill; 0 when nothing was counted.
 * Threads  one at a time.
 */
double mri_health_skill(const struct mri_wiring *wiring, mr_horizon horizon, unsigned whose);

#endif
