/* SPDX-License-Identifier: MIT */
/**
 * Claims: of any number of workers one has a signal for itself.
 */
#ifndef MILLRACE_BUS_CLAIM_H
#define MILLRACE_BUS_CLAIM_H

#include "millrace/bus_signal.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What to claim. */
typedef struct mr_claim_options {
    mr_state from;     /**< the state it is in: generated; evaluating, approved or executing only if
                            it was moved there from outside */
    mr_state next;     /**< what is to be made of it: a move that docs/LIFECYCLE.md has */
    const char *owner; /**< the worker's name, up to 64 bytes of UTF-8 without control characters */
    int64_t lease_ns;  /**< without renewal the claim ends after so long: 1 ms to 24 h */
    mr_ordinal ordinal; /**< this signal; 0: the one that is in `from` longest */
    const char *symbol; /**< only of this symbol; NULL: any, and where `ordinal` is given */
    const char *source; /**< and of this source; likewise */
} mr_claim_options;

/** A claim of this handle. */
typedef struct mr_claim {
    mr_ordinal ordinal;
    mr_seq seq; /**< its signal.claimed */
    mr_state from;
    mr_state next;
    uint32_t place; /**< where its lease is kept */
} mr_claim;

/** Who has a signal claimed. */
typedef struct mr_claimant {
    mr_seq seq; /**< the signal.claimed */
    mr_state next;
    char owner[MR_BUS_OWNER_BYTES];
} mr_claimant;

/**
 * Claim a signal: until it is moved to blocked, expired or executed, the claim is released, its
 * lease is over, the handle is closed or its process ends, nobody else moves it. Its state stays.
 * Of any number of workers that claim one wins each signal. A source with the route external:NAME
 * is claimed by workers of that name alone.
 *
 * Returns  MR_OK; MR_END there is none to claim now, mr_bus_claim_wait(); of one that is named:
 *          MR_NOT_FOUND there is no such signal, MR_CONFLICT claimed, *reterr_conflict says by whom
 *          (is it in `from`: mr_bus_claim_wait()), or in another state; MR_REFUSED an option is not
 *          as it must be, or the signal is the pipeline's or another worker's; MR_FULL the handle
 *          has 1024 claims, or 1024 handles have some; otherwise as mr_bus_emit().
 * Threads  one at a time per handle.
 * Cost     an append, a write of 32 bytes, and a look at each signal in `from` that is passed.
 */
MR_MUST_USE mr_err mr_bus_claim(mr_bus *bus, const mr_claim_options *options,
    mr_durability durability, mr_claim *ret_claim, mr_move_conflict *reterr_conflict,
    mr_problem *reterr_problem);

/**
 * Wait until there may be something to claim: somebody has appended, a lease is over, or a process
 * that has claims has ended.
 *
 * @param timeout_ms  -1: for ever
 *
 * Returns  MR_OK claim again; MR_AGAIN the time has passed, or a signal came; as mr_bus_follow().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_claim_wait(mr_bus *bus, int64_t timeout_ms, mr_problem *reterr_problem);

/**
 * Have the lease last from now on for so long. Once it is over, the claim has ended for all calls
 * here, whether or not that is in the log yet: whoever notices logs it. *reterr_problem has the
 * state of the signal then.
 *
 * Returns  MR_OK; MR_CONFLICT the claim has ended; MR_REFUSED lease_ns as for mr_bus_claim();
 *          MR_BUSY somebody is judging the lease; faults.
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_claim_renew(
    mr_bus *bus, const mr_claim *claim, int64_t lease_ns, mr_problem *reterr_problem);

/**
 * Move a signal that this handle has claimed; to blocked, expired or executed also ends the claim.
 *
 * @param move  its ordinal is not looked at
 *
 * Returns  as mr_bus_move(); MR_CONFLICT also when the claim has ended.
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_claim_move(mr_bus *bus, const mr_claim *claim, const mr_move *move,
    mr_durability durability, mr_move_conflict *reterr_conflict, mr_problem *reterr_problem);

/**
 * Give a claim back: others may claim the signal, or the pipeline decides on it.
 *
 * Returns  MR_OK; MR_CONFLICT the claim has ended; as mr_bus_emit().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_claim_release(
    mr_bus *bus, const mr_claim *claim, mr_durability durability, mr_problem *reterr_problem);

/**
 * Who has a signal claimed now.
 *
 * Returns  MR_OK; MR_NOT_FOUND nobody; as mr_bus_follow().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_claimant(mr_bus *bus, mr_ordinal ordinal, mr_claimant *ret_claimant);

#ifdef __cplusplus
}
#endif
#endif
