/* SPDX-License-Identifier: MIT */
/**
 * What happened, counted: a fold over all events that never needs a scan.
 */
#ifndef MRI_PIPELINE_REPORT_H
#define MRI_PIPELINE_REPORT_H

#include "bus/engine.h"

/** Places in arrays that are indexed by a code: at least one for every code (report.c asserts it).
 */
enum {
    MRI_REPORT_GATES = 16,
    MRI_REPORT_REASONS = 128,
    MRI_REPORT_LEGS = 4,
    MRI_REPORT_FEEDBACKS = 4,
    MRI_REPORT_CLAIMS = 4,
};

/** Bytes of the log by what they are for. */
struct mri_report_bytes {
    uint64_t signal;    /**< records whose subject is a signal */
    uint64_t view;      /**< view, prediction and feedback of views with a signal */
    uint64_t idle_view; /**< of views without */
    uint64_t market;    /**< candles, quotes, funding, gaps, quarantined rows, instruments,
                              ticks */
    uint64_t other;
};

/** Shadows by what became of their signals. */
struct mri_report_shadows {
    uint64_t closed;
    uint64_t unresolved; /**< without a price, or without an exit */
    int64_t saved_e8;    /**< what closed ones lost: not trading saved it */
    int64_t missed_e8;   /**< what closed ones won */
};

/** Outcomes of one horizon. */
struct mri_report_outcomes {
    uint64_t resolved;
    uint64_t excluded;
    uint64_t unresolved;
    int64_t lateness_sum_ns; /**< of resolved ones: horizon less the price's own time */
    int64_t lateness_max_ns;
};

struct mri_report {
    const struct mri_alloc *alloc;
    const struct mri_intern *source_names;
    uint32_t sources_max;
    uint64_t events; /**< of the layer above the log */
    uint64_t signals;
    uint64_t signals_by_side[2]; /**< long, short */
    uint64_t *signals_by_source;
    uint64_t blocked_by_gate[MRI_REPORT_GATES];
    uint64_t blocked_by_reason[MRI_REPORT_REASONS];
    uint64_t approved;
    uint64_t fills_by_leg[MRI_REPORT_LEGS];
    uint64_t entries_by_side[2];
    uint64_t rejected;
    uint64_t exits_by_reason[3]; /**< stop, target, time */
    uint64_t opened;
    uint64_t closed;
    uint64_t views;
    uint64_t step_views;
    uint64_t feedback;
    uint64_t feedback_by_status[MRI_REPORT_FEEDBACKS];
    uint64_t superseded;
    uint64_t candles;
    uint64_t quotes;
    uint64_t fundings;
    uint64_t gaps;
    uint64_t missing_bars;
    uint64_t quarantined;
    uint64_t quarantined_by_reason[MRI_REPORT_REASONS];
    uint64_t quarantined_since_candle; /**< rows left out since a bar or signal moved time on */
    uint64_t is_feed_ended;            /**< 1: the newest tick says so, and nothing came since */
    uint64_t alerts;
    uint64_t sessions;
    uint64_t is_session_open; /**< 1: the newest session has not said that it ended */
    uint64_t decisions;
    uint64_t advisory; /**< of the decisions, those beside a signal's owner */
    uint64_t claims_by_act[MRI_REPORT_CLAIMS];
    uint64_t configs;
    int64_t first_event_unix_ns;
    int64_t last_event_unix_ns;
    int64_t last_signal_unix_ns; /**< event times of newest activity; 0 = none */
    int64_t last_decision_unix_ns;
    int64_t last_fill_unix_ns;
    int64_t last_outcome_unix_ns;
    int64_t last_feedback_unix_ns;
    uint64_t last_view_seq;
    uint64_t last_view_signals;
    struct mri_report_outcomes outcomes[MR_HORIZON_COUNT];
    struct mri_report_bytes bytes;
    struct mri_report_shadows shadows[MRI_REPORT_GATES]; /**< by gate; none: twins of what was
                                                              traded */
    struct mri_report_shadows advisory_shadows;          /**< of signals that passed beside their
                                                              owners */
};

/**
 * Make an empty report.
 *
 * @param source_names  the bus's numbering of sources, outlives the report
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_report_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_report_init(struct mri_report *report, const struct mri_alloc *alloc,
    const struct mri_intern *source_names, uint32_t sources_max);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_report_fini(struct mri_report *report);

/** The report as an engine that never decides; its state is a struct mri_report. */
extern const struct mri_engine mri_report_engine;

/**
 * Outcomes over all horizons.
 *
 * Returns  the sums.
 * Threads  any.
 */
struct mri_report_outcomes mri_report_all_outcomes(const struct mri_report *report);

/**
 * Bytes of log a signal's whole life takes, shared records of its views included.
 *
 * Returns  the mean; 0 without signals.
 * Threads  any.
 */
double mri_report_bytes_per_lifecycle(const struct mri_report *report);

#endif
