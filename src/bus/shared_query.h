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

#endif
