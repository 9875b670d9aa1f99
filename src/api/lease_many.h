/* SPDX-License-Identifier: MIT */
/**
 * Many events of a consumer in one turn: those that are wanted are leased, the others are done.
 *
 * It is the usual case of mr_consumer_next() and nothing else: new events, in order. Whenever there
 * is anything else to say or to do, it says so and leaves that to mr_consumer_next().
 */
#ifndef MRI_API_LEASE_MANY_H
#define MRI_API_LEASE_MANY_H

#include "millrace/log_consumer.h"

/** What is looked for. */
struct mri_lease_wish {
    /** Is it wanted? The event's body is there for this call only. */
    mr_err (*judge)(void *context, const mr_log_event *event, bool *ret_is_wanted);
    void *context;
    uint32_t events_max; /**< to lease */
    uint32_t looks_max;  /**< to look at */
};

/** What was found. */
struct mri_lease_found {
    uint32_t leased;
    uint32_t looked;
    bool is_cut;     /**< with MR_AGAIN: it has looked at as many as it might */
    int64_t wait_ns; /**< with MR_AGAIN and MR_END: until something is due again; -1: not known */
};

/**
 * Lease the next events that are wanted, and be done with those before and between them that are
 * not.
 *
 * Returns  MR_OK at least one is leased; MR_END nothing more now; MR_AGAIN nothing may be handed
 *          out now, or found.is_cut; MR_BUSY this is for mr_consumer_next(): something is due
 *          again, gone, or to be told, or as much is in flight as may be; what `judge` answered,
 *          that event is leased then; faults of reading and writing.
 * Threads  the handle's thread.
 * Cost     as one mr_consumer_next(), and what reading and judging an event takes.
 */
MR_MUST_USE mr_err mri_lease_many(mr_consumer *consumer, const struct mri_lease_wish *wish,
    struct mri_lease_found *ret_found, mr_problem *reterr_problem);

#endif
