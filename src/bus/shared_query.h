/* SPDX-License-Identifier: MIT */
/**
 * Questions about signals, answered from the table that processes share (signal_table.h).
 */
#ifndef MRI_BUS_SHARED_QUERY_H
#define MRI_BUS_SHARED_QUERY_H

#include "bus/query.h"
#include "bus/signal_table.h"

/**
 * Find signals as mri_query_run() does, newest first.
 *
 * @param ordinals  room for query->limit numbers
 *
 * Returns  MR_OK; MR_AGAIN the answer may need signals that have left the table, the query asks for
 *          the oldest first, or others were changing the table too much: ask who has folded the
 *          log; MR_ENOMEM.
 * Threads  any; what was found counts when nobody has changed the table meanwhile.
 * Cost     as mri_query_run().
 */
MR_MUST_USE mr_err mri_shared_query_run(const struct mri_signal_table *table,
    const struct mri_alloc *alloc, const struct mri_query *query, uint32_t *ordinals,
    struct mri_query_result *ret_result);

/** The moments of a table that others change: mri_derived_look() and mri_derived_is_same(). */
struct mri_shared_moments {
    const void *context;
    mr_err (*look)(const void *context, uint32_t *ret_version);
    bool (*is_same)(const void *context, uint32_t version);
};

/**
 * mri_shared_query_run() for a question that takes longer than the table stays the same: parts of
 * the answer are of different moments between the call and its return, each signal of one. What
 * matched all the time is in the answer, and nothing that matched never.
 *
 * Returns  as mri_shared_query_run().
 * Threads  any; nothing needs to be the same all the time.
 * Cost     all ordinals of the table, whatever is asked for, until the limit is reached: 7 ns each;
 *          and again those of parts that others change, 64 at least.
 */
MR_MUST_USE mr_err mri_shared_query_run_in_parts(const struct mri_signal_table *table,
    const struct mri_alloc *alloc, const struct mri_query *query,
    const struct mri_shared_moments *moments, uint32_t *ordinals,
    struct mri_query_result *ret_result);

#endif
