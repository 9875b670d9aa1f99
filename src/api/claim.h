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
    uint64_t seq;     /**< 0: the place is free */
    int64_t until_ns; /**< its lease, by the boot-time clock: this handle alone writes it */
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
 * May this handle move a signal as far as its own claims go? One that has ended since it was taken
 * is told once, and forgotten; one whose lease is over is ended in the log.
 *
 * Returns  MR_OK: it has none on the signal, or it is in force; MR_CONFLICT, as mr_claim_move();
 *          as mri_bus_api_follow() and mr_bus_emit().
 * Threads  one at a time.
 * Cost     nothing without claims; else a look at each place, and as mri_bus_api_follow() when one
 *          is of this signal.
 */
MR_MUST_USE mr_err mri_claim_check_own(struct mr_bus *bus, uint32_t ordinal,
    mr_move_conflict *reterr_conflict, mr_problem *reterr_problem);

/**
 * A signal was moved: a claim of this handle ends with blocked, expired or executed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_claim_moved(struct mr_bus *bus, uint32_t ordinal, mr_state to);

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
