/* SPDX-License-Identifier: MIT */
/**
 * A view: a symbol's evidence at one event time, and the step views that are open.
 */
#ifndef MRI_EVALUATE_VIEW_H
#define MRI_EVALUATE_VIEW_H

#include "bus/beliefs.h"
#include "market/market.h"

/** What the internal sources say about a symbol now. */
struct mri_evidence {
    unsigned count; /**< sources there are */
    unsigned ready; /**< of these, how many have the input they need */
    struct mri_row_term terms[MRI_SOURCE_EXTERNAL_FIRST]; /**< those with a vote */
    unsigned term_count;
};

/** Where evidence comes from: given to the engine by whoever composes the program. */
struct mri_evidence_port {
    const void *context;
    void (*read)(const void *context, uint32_t symbol, struct mri_evidence *ret_evidence);
};

/** The newest signal of an external source about a symbol. */
struct mri_external_vote {
    int64_t valid_until_unix_ns; /**< 0 = none */
    double x;
    uint32_t ordinal;
    uint32_t reserved;
};

/** The most step views of a symbol that can be open: one a bar for the longest horizon. */
enum { MRI_STEP_VIEWS_MAX = 64 };

/** Event times of a symbol's newest step views. */
struct mri_step_views {
    int64_t times_unix_ns[MRI_STEP_VIEWS_MAX]; /**< a ring */
    uint32_t count;                            /**< ever opened */
    uint32_t reserved;
};

/** A view under construction. */
struct mri_view_draft {
    struct mri_view fixed;
    struct mri_row_term terms[MRI_TERMS_MAX];
};

/**
 * How many step views are open at a horizon when one more opens at `now`, that one included.
 *
 * Returns  the number, at least 1, at most 255.
 * Threads  any.
 */
uint8_t mri_view_open_count(
    const struct mri_step_views *views, mr_horizon horizon, int64_t now_unix_ns);

/**
 * Note a step view.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_view_note_step(struct mri_step_views *views, int64_t time_unix_ns);

/**
 * When was the newest step view opened?
 *
 * Returns  its time; 0 when there was none.
 * Threads  any.
 */
int64_t mri_view_newest_step(const struct mri_step_views *views);

/**
 * Collect the terms of a view: votes of internal sources, then external signals that are still
 * valid, in order of source number.
 *
 * @param externals  `external_count` votes, the first of source MRI_SOURCE_EXTERNAL_FIRST
 *
 * Returns  nothing; at most MRI_TERMS_MAX terms, in order.
 * Threads  any.
 */
void mri_view_collect(struct mri_view_draft *view, const struct mri_evidence *evidence,
    const struct mri_external_vote *externals, unsigned external_count, int64_t now_unix_ns);

#endif
