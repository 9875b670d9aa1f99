/* SPDX-License-Identifier: MIT */
/**
 * Who a signal was routed to, and who had it claimed, for people.
 */
#ifndef MRI_CLI_CLAIM_TEXT_H
#define MRI_CLI_CLAIM_TEXT_H

#include "bus/route.h"
#include "pipeline/fold.h"

/**
 * Write one claim or its end: `desk: generated -> evaluating, for 1m 00s (event 12)`.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time per buffer.
 */
void mri_claim_text_put(const struct mri_event *event, struct mri_buf *buf);

/**
 * The route of a source as it was at an event.
 *
 * @param ret_route  kind and worker
 *
 * Returns  MR_OK; MR_NOT_FOUND no configuration is known of then; faults of reading.
 * Threads  one at a time.
 * Cost     when the configuration has changed since, reads back to the one before the event.
 */
MR_MUST_USE mr_err mri_claim_text_route(const struct mri_fold *fold, uint64_t seq,
    struct mri_slice source, struct mri_route *ret_route, mr_problem *reterr_problem);

#endif
