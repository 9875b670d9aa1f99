/* SPDX-License-Identifier: MIT */
/**
 * Which events a subscription wants, and what it is told of them.
 */
#ifndef MRI_API_EVENT_FILTER_H
#define MRI_API_EVENT_FILTER_H

#include "api/bus_api.h"

struct mri_event_filter {
    struct mr_bus *bus;
    uint16_t kind;   /**< 0: every kind */
    uint32_t symbol; /**< UINT32_MAX: any */
    bool has_state;
    bool is_of_any_signal; /**< none of symbol, source and name is given */
    mr_state state;
    char source[MRI_INTERN_BYTES_MAX + 1]; /**< "": any; its number may not exist yet */
    char name[MRI_INTERN_BYTES_MAX + 1];
    uint32_t *known; /**< of signals that were judged before: ordinal, and 1 when it is wanted;
                          NULL when any is */
};

/**
 * Read what a subscription asks for.
 *
 * Returns  MR_OK; MR_REFUSED, *reterr_problem says which option; MR_ENOMEM.
 * Owner    mri_event_filter_fini() frees; the bus must outlive it.
 * Threads  one at a time for the bus.
 */
MR_MUST_USE mr_err mri_event_filter_init(struct mri_event_filter *filter, struct mr_bus *bus,
    const mr_subscribe_options *options, mr_problem *reterr_problem);

/**
 * Free. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_event_filter_fini(struct mri_event_filter *filter);

/**
 * Look whether an event passes.
 *
 * @param ret_event  set when it does, but for `deliveries`
 *
 * Returns  MR_OK; MR_EVERSION, MR_ECORRUPT it cannot be read; faults of finding its signal;
 *          *reterr_problem says which event.
 * Threads  one at a time for the bus.
 * Cost     a few nanoseconds by its kind; about 30 when it is decoded; about 100 when its signal is
 *          looked up, which is done once for each.
 */
MR_MUST_USE mr_err mri_event_filter_judge(struct mri_event_filter *filter,
    const mr_log_event *record, bool *ret_is_wanted, mr_bus_event *ret_event,
    mr_problem *reterr_problem);

#endif
