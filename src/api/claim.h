/* SPDX-License-Identifier: MIT */
/**
 * The claims of a handle.
 */
#ifndef MRI_API_CLAIM_H
#define MRI_API_CLAIM_H

#include "api/bus_api.h"
#include "pipeline/claim_watch.h"

/** A claim of a handle, by its place. */
struct mri_own_claim {
    uint64_t seq; /**< 0: the place is free */
    uint32_t ordinal;
    uint32_t reserved;
};

/** What a handle has claimed. */
struct mri_claiming {
    struct mri_claim_watch watch;
    struct mri_own_claim own[MRI_CLAIM_EACH_MAX];
};

/**
 * The claim that this handle has on a signal, as of what was taken in.
 *
 * Returns  its seq; 0: it has none.
 * Threads  one at a time.
 */
uint64_t mri_claim_own(const struct mr_bus *bus, uint32_t ordinal);

/**
 * Take in what others have done, and log the end of claims that do not stand any more: the owner's
 * process has ended, or the lease is over.
 *
 * Returns  MR_OK; as mri_bus_api_follow() and mr_bus_emit().
 * Threads  one at a time.
 * Cost     the first time, as a handle that folds the log; then a look at what has changed since.
 */
MR_MUST_USE mr_err mri_claim_end_lost(struct mr_bus *bus, mr_problem *reterr_problem);

/**
 * Keep the routes of a configuration.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_claim_keep_routes(struct mr_bus *bus, const struct mri_config *config);

/**
 * Give back what the handle has claimed, and free what it takes to claim.
 *
 * Returns  nothing: what could not be given back ends with the handle.
 * Threads  one at a time.
 */
void mri_claim_close(struct mr_bus *bus);

#endif
